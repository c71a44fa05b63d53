// Package teams sends alerts to a channel of Microsoft Teams, as adaptive cards through a
// workflow that receives webhooks.
package teams

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel teams.
var Kind = alert.Kind{Name: "teams", New: func() alert.Settings { return &Config{} }, People: true}

// Config are the settings of the channel: the URL of a workflow "Post to a channel when a
// webhook request is received", which is a secret.
type Config struct {
	URL string `yaml:"url"` // reference
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("url", c.URL) }

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

// Notify implements alert.Notifier. Teams has no key: a message may come twice after an
// interruption, and then it says so.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	text := func(t string, more map[string]any) map[string]any {
		b := map[string]any{"type": "TextBlock", "text": escape(t), "wrap": true}
		for k, v := range more {
			b[k] = v
		}
		return b
	}

	color := map[alert.Severity]string{alert.Critical: "attention", alert.High: "attention", alert.Medium: "warning"}[m.Alert.Severity]
	if color == "" {
		color = "default"
	}
	var facts []any
	for _, f := range m.Facts() {
		facts = append(facts, map[string]string{"title": f.Name, "value": escape(f.Value)})
	}

	body := []any{
		text(m.Headline(), map[string]any{"weight": "bolder", "size": "medium", "color": color}),
		text(m.Alert.Sentence(), nil),
		map[string]any{"type": "FactSet", "facts": facts},
	}
	if rest := m.Rest(); rest != "" {
		body = append(body, text(rest, map[string]any{"isSubtle": true}))
	}

	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
		"type":    "AdaptiveCard",
		"version": "1.4",
		"body":    body,
		"msteams": map[string]string{"width": "Full"},
	}
	if m.Link != "" {
		card["actions"] = []any{map[string]string{"type": "Action.OpenUrl", "title": "Open", "url": m.Link}}
	}

	b, err := json.Marshal(map[string]any{
		"type":        "message",
		"attachments": []any{map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}},
	})
	if err != nil {
		return "", alert.Permanent(err)
	}

	_, err = n.api.Send(ctx, http.MethodPost, n.path, "application/json", b, nil)
	return "", alert.Redact(err, n.path)
}

// escape keeps text from being read as Markdown, of which adaptive cards know links, emphasis
// and lists.
var escape = strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "(", "\\(", ")", "\\)", "#",
	"\\#", "`", "\\`", "<", "&lt;", ">", "&gt;").Replace
