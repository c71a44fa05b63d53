// Package slack sends alerts to a channel of Slack, as messages that are updated when the alert
// changes.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel slack.
var Kind = alert.Kind{Name: "slack", New: func() alert.Settings { return &Config{} }, People: true}

// Config are the settings of the channel. The app of the bot token needs the scope chat:write
// and must be a member of the channel.
type Config struct {
	BaseURL string `yaml:"base_url"` // https://slack-gov.com for GovSlack
	Token   string `yaml:"token"`    // reference; a bot token (xoxb-…)
	Channel string `yaml:"channel"`  // its id, such as C0123456789
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("token", c.Token, "channel", c.Channel) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	base := c.BaseURL
	if base == "" {
		base = "https://slack.com"
	}
	return &notifier{
		&webapi.Client{
			Base: base,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Static{Scheme: "Bearer", Token: token},
		},
		c.Channel,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api     *webapi.Client
	channel string
}

// Notify implements alert.Notifier. The reference is the message's channel and timestamp.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	body := map[string]any{
		"channel":      n.channel,
		"text":         escape(m.Headline()),
		"blocks":       blocks(m),
		"unfurl_links": false,
	}
	method := "chat.postMessage"
	if channel, ts, ok := strings.Cut(m.Ref, " "); ok {
		method, body["channel"], body["ts"] = "chat.update", channel, ts
	}
	ref, err := n.call(ctx, method, body)
	if err != nil && method == "chat.update" &&
		(strings.Contains(err.Error(), "message_not_found") || strings.Contains(err.Error(), "cant_update_message")) {
		delete(body, "ts")
		body["channel"] = n.channel
		ref, err = n.call(ctx, "chat.postMessage", body)
	}
	return ref, err
}

// call calls a method of the Web API and returns the reference of the message. Slack answers
// 200 with ok: false for an error.
func (n *notifier) call(ctx context.Context, method string, body map[string]any) (string, error) {
	b, err := encode(body)
	if err != nil {
		return "", alert.Permanent(err)
	}
	res, err := n.api.JSON(ctx, http.MethodPost, "/api/"+method, "application/json; charset=utf-8", b)
	if err != nil {
		return "", err
	}
	var answer struct {
		OK      bool   `json:"ok"`
		Error   string `json:"error"`
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return "", err
	}
	if answer.OK {
		return answer.Channel + " " + answer.TS, nil
	}
	err = errors.New("slack: " + method + ": " + answer.Error)
	switch answer.Error {
	case "invalid_blocks", "invalid_arguments", "msg_too_long", "no_text":
		return "", alert.Permanent(err)
	}
	return "", err
}

// encode returns JSON in which <, > and & are not escaped: Slack shows them as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// escape removes the meaning that text has to Slack: no mentions, no links (docs.slack.dev,
// "Formatting message text").
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace

// maxBlock is the most characters of a section; Slack allows 3,000.
const maxBlock = 2900 // characters of a section: 3,000 at most

// clip cuts off what is longer than some characters.
func clip(t string, most int) string {
	r := []rune(t)
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return t
}

// plain returns text without formatting.
func plain(t string, most int) map[string]any {
	return map[string]any{"type": "plain_text", "text": clip(t, most), "emoji": false}
}

// blocks returns the blocks of a message.
func blocks(m *alert.Message) []any {
	list := []any{
		map[string]any{"type": "header", "text": plain(m.Headline(), 150)},
		map[string]any{"type": "section", "text": plain(m.Alert.Sentence(), maxBlock)},
	}
	var fields []any
	for _, f := range m.Facts() {
		if len(fields) < 10 {
			fields = append(fields, plain(f.Name+"\n"+f.Value, 1900))
		}
	}
	list = append(list, map[string]any{"type": "section", "fields": fields})
	if m.Link != "" {
		list = append(list, map[string]any{
			"type":     "actions",
			"elements": []any{map[string]any{"type": "button", "text": plain("Open", 75), "url": m.Link}},
		})
	}
	if rest := m.Rest(); rest != "" {
		list = append(list, map[string]any{"type": "context", "elements": []any{plain(rest, maxBlock)}})
	}
	return list
}
