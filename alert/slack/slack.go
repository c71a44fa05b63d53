// Package slack sends alerts to a channel of Slack, as messages that are updated when the alert
// changes, with a thread that says how.
package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel slack.
var Kind = alert.Kind{Name: "slack", New: func() alert.Settings { return &Config{} }, People: true, Brief: true}

// Config are the settings of the channel. The app of the bot token needs the scope chat:write
// and must be a member of the channel.
type Config struct {
	BaseURL string     `yaml:"base_url"` // https://slack-gov.com for GovSlack
	Token   secret.Ref `yaml:"token"`    // bot token (xoxb-…) with the scope chat:write; required
	Channel string     `yaml:"channel"`  // id of the channel, such as C0123456789; required
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	return alert.RequireSettings("token", string(c.Token), "channel", c.Channel)
}

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

// place is where a message about an alert is. As a reference it is written in this order, separated by
// blanks; thread is left out if the message begins one.
type place struct {
	channel, ts string // of the message
	thread      string // ts of the message that begins the thread it is in; "" if it is not in one
}

// parsePlace reads a reference; false for "".
func parsePlace(ref string) (p place, ok bool) {
	parts := strings.Fields(ref)
	if len(parts) < 2 {
		return p, false
	}
	p = place{channel: parts[0], ts: parts[1]}
	if len(parts) > 2 {
		p.thread = parts[2]
	}
	return p, true
}

// root returns the ts of the message that begins the thread.
func (p place) root() string { return cmp.Or(p.thread, p.ts) }

// String returns the reference.
func (p place) String() string { return strings.TrimSpace(p.channel + " " + p.ts + " " + p.thread) }

// Notify implements alert.Notifier. The first message about an alert is updated in place, and each
// revision and decision is also a reply in its thread, because an update notifies nobody. One that raises the severity to
// high or above is shown in the channel as well. Alerts of one case are replies to the case's first message. The
// reference is the place of the alert's first message.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	own, known := parsePlace(m.Ref)
	if !known {
		return n.first(ctx, m)
	}
	_, err := n.call(ctx, "chat.update", map[string]any{
		"channel": own.channel,
		"ts":      own.ts,
		"text":    escape(m.Headline()),
		"blocks":  blocks(m),
	})
	if gone(err) { // somebody has deleted it
		return n.first(ctx, m)
	}
	if err != nil && !tooOld(err) {
		return "", alert.Repeatable(err)
	}
	reply := map[string]any{
		"channel":         own.channel,
		"thread_ts":       own.root(),
		"text":            escape(strings.Join(m.Changes(), " ")),
		"blocks":          changes(m, own.thread != ""),
		"unfurl_links":    false,
		"reply_broadcast": m.Before != nil && m.Alert.Severity > m.Before.Severity && m.Alert.Severity >= alert.High,
	}
	if _, err := n.call(ctx, "chat.postMessage", reply); err != nil && !gone(err) {
		return "", err
	}
	return own.String(), nil
}

// first posts the first message about an alert: in the thread of its case, if there is one. A new alert of
// high severity or above is shown in the channel as well.
func (n *notifier) first(ctx context.Context, m *alert.Message) (string, error) {
	body := map[string]any{
		"channel":      n.channel,
		"text":         escape(m.Headline()),
		"blocks":       blocks(m),
		"unfurl_links": false,
	}
	if of, ok := parsePlace(m.Case); ok {
		body["channel"], body["thread_ts"], body["reply_broadcast"] = of.channel, of.root(), m.Alert.Severity >= alert.High
		made, err := n.call(ctx, "chat.postMessage", body)
		if err == nil {
			made.thread = of.root()
			return made.String(), nil
		}
		if !gone(err) {
			return "", err
		}
		delete(body, "thread_ts")
		delete(body, "reply_broadcast")
		body["channel"] = n.channel
	}
	made, err := n.call(ctx, "chat.postMessage", body)
	if err != nil {
		return "", err
	}
	return made.String(), nil
}

// apiError is an error that Slack names.
type apiError struct{ method, code string }

// tooOld reports whether a message may not be changed any more: the workspace limits for how long.
func tooOld(err error) bool {
	e, ok := errors.AsType[*apiError](err)
	return ok && e.code == "edit_window_closed"
}

// Error returns the method and Slack's name of the error.
func (e *apiError) Error() string { return "slack: " + e.method + ": " + e.code }

// gone reports whether the message that a request is about does not exist any more, or is not ours.
func gone(err error) bool {
	var e *apiError
	if !errors.As(err, &e) {
		return false
	}
	switch e.code {
	case "message_not_found", "cant_update_message", "thread_not_found", "cannot_reply_to_message":
		return true
	}
	return false
}

// call calls a method of the Web API and returns the place of the message. Slack answers 200 with
// ok: false for an error.
func (n *notifier) call(ctx context.Context, method string, body map[string]any) (place, error) {
	b, err := encode(body)
	if err != nil {
		return place{}, alert.Permanent(err)
	}
	res, err := n.api.JSON(ctx, http.MethodPost, "/api/"+method, "application/json; charset=utf-8", b)
	if err != nil {
		return place{}, err
	}
	var answer struct {
		OK      bool   `json:"ok"`
		Error   string `json:"error"`
		Channel string `json:"channel"`
		TS      string `json:"ts"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return place{}, err
	}
	switch refused := (&apiError{method, answer.Error}); {
	case answer.OK && answer.TS != "":
		return place{channel: answer.Channel, ts: answer.TS}, nil
	case answer.OK, answer.Error == "internal_error", answer.Error == "fatal_error": // some of it may have been done
		return place{}, refused
	case slices.Contains([]string{"invalid_blocks", "invalid_arguments", "msg_too_long", "no_text"}, answer.Error):
		return place{}, alert.Permanent(refused)
	default:
		return place{}, alert.Repeatable(refused)
	}
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

// Limits of Slack (docs.slack.dev, "Blocks"): 150 characters of a header, 3,000 of a text, 2,000 of a
// field, 10 fields of a section, 10 elements of a context.
const (
	maxHeader = 150
	maxBlock  = 2900
	maxField  = 1900
	maxFields = 10
)

// text returns text without formatting.
func text(t string, most int) map[string]any {
	return map[string]any{"type": "plain_text", "text": plain.Clip(t, most), "emoji": false}
}

// section returns a block of text without formatting.
func section(t string) map[string]any {
	return map[string]any{"type": "section", "text": text(t, maxBlock)}
}

// bullets returns a block of lines under a title; nothing without lines.
func bullets(title string, lines []string) []any {
	if len(lines) == 0 {
		return nil
	}
	return []any{section(strings.TrimSpace(title + "\n• " + strings.Join(lines, "\n• ")))}
}

// blocks returns the blocks of a message.
func blocks(m *alert.Message) []any {
	list := []any{map[string]any{"type": "header", "text": text(m.Headline(), maxHeader)}}
	if m.Several() {
		return append(list, section(strings.TrimSpace(m.Rest()+" "+m.Repeated())))
	}
	list = append(list, bullets("", m.Chips())...)
	list = append(list, section(m.Body()))
	list = append(list, bullets("Items", m.Items())...)
	var fields []any
	for _, f := range m.Facts() {
		if len(fields) < maxFields {
			fields = append(fields, text(f.Name+"\n"+f.Value, maxField))
		}
	}
	list = append(list, map[string]any{"type": "section", "fields": fields})
	if m.Link != "" {
		list = append(list, map[string]any{
			"type":     "actions",
			"elements": []any{map[string]any{"type": "button", "text": text("Open alert", 75), "url": m.Link}},
		})
	}
	if rest := m.Rest(); rest != "" {
		list = append(list, map[string]any{"type": "context", "elements": []any{text(rest, maxBlock)}})
	}
	return list
}

// changes returns the blocks of a reply about a revision. In the thread of a case it names the alert.
func changes(m *alert.Message, named bool) []any {
	var list []any
	if named {
		list = append(list, section(m.Headline()))
	}
	list = append(list, bullets("", m.Changes())...)
	if again := m.Repeated(); again != "" {
		list = append(list, section(again))
	}
	return list
}
