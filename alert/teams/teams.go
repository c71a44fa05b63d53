// Package teams sends alerts to a channel of Microsoft Teams, as adaptive cards through a
// workflow that receives webhooks.
package teams

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel teams.
var Kind = alert.Kind{Name: "teams", New: func() alert.Settings { return &Config{} }, People: true, Brief: true}

// Config are the settings of the channel: the URL of a workflow "Post to a channel when a
// webhook request is received", which is a secret.
type Config struct {
	URL secret.Ref `yaml:"url"` // of a workflow "when a webhook request is received"; required
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("url", string(c.URL)) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	address, err := secret.Resolve(ctx, c.URL)
	if err != nil {
		return nil, err
	}
	base, path, err := alert.SplitURL(address.Reveal())
	if err != nil {
		return nil, err
	}
	return &notifier{
		&webapi.Client{
			Base:      base,
			HTTP:      env.HTTP(),
			Now:       env.Now,
			Throttled: func(b []byte) bool { return strings.Contains(string(b), "429") },
		},
		path,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api  *webapi.Client
	path string
}

// Limits of a card: Teams takes messages of 28 KB, of which some are ours.
const (
	maxMessage = 27 << 10 // bytes
	maxText    = 3000     // characters of a block of text
)

// Notify implements alert.Notifier. Teams has no key: a message may come twice after an
// interruption, and then it says so.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	var b []byte
	for most := maxText; most > 0 && (b == nil || len(b) > maxMessage); most /= 2 {
		var err error
		if b, err = json.Marshal(map[string]any{
			"type":        "message",
			"attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card(m, most)}},
		}); err != nil {
			return "", alert.Permanent(err)
		}
	}
	_, err := n.api.Send(ctx, http.MethodPost, n.path, "application/json", b, nil)
	return "", alert.Redact(err, n.path)
}

// colors are those of headlines.
var colors = map[alert.Severity]string{alert.Critical: "attention", alert.High: "attention", alert.Medium: "warning"}

// card returns a message as an adaptive card, whose texts have at most so many characters.
func card(m *alert.Message, most int) map[string]any {
	text := func(t string, more map[string]any) map[string]any {
		b := map[string]any{"type": "TextBlock", "text": escape(plain.Clip(t, most)), "wrap": true}
		maps.Copy(b, more)
		return b
	}
	bold := map[string]any{"weight": "bolder", "size": "medium", "color": cmp.Or(colors[m.Alert.Severity], "default")}
	body := []any{text(m.Headline(), bold)}
	lines := func(title string, list []string) {
		if len(list) > 0 && title != "" {
			body = append(body, text(title, map[string]any{"weight": "bolder"}))
		}
		for _, t := range list { // a block each: within a block lines become one paragraph
			body = append(body, text("• "+t, map[string]any{"spacing": "small"}))
		}
	}
	lines("Changed", m.Changes())
	if m.Decision {
		lines("", slices.DeleteFunc([]string{m.Repeated()}, func(s string) bool { return s == "" }))
	} else {
		lines("", m.Chips())
		body = append(body, text(m.Body(), nil))
		lines("Items", m.Items())
		var facts []any
		for _, f := range m.Facts() {
			facts = append(facts, map[string]string{"title": f.Name, "value": escape(plain.Clip(f.Value, most))})
		}
		body = append(body, map[string]any{"type": "FactSet", "facts": facts})
	}
	if rest := m.Rest(); rest != "" {
		body = append(body, text(rest, map[string]any{"isSubtle": true}))
	}
	c := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
		"type":    "AdaptiveCard",
		"version": "1.4",
		"body":    body,
		"msteams": map[string]string{"width": "Full"},
	}
	if m.Link != "" {
		c["actions"] = []any{map[string]string{"type": "Action.OpenUrl", "title": "Open alert", "url": m.Link}}
	}
	return c
}

// escape keeps text from being read as Markdown, of which adaptive cards know links, emphasis
// and lists.
var escape = strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "(", "\\(", ")", "\\)", "#",
	"\\#", "`", "\\`", "<", "&lt;", ">", "&gt;").Replace
