// Package pagerduty sends alerts to PagerDuty (Events API v2), as incidents that are acknowledged and resolved with the
// alert.
package pagerduty

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel pagerduty.
var Kind = alert.Kind{Name: "pagerduty", New: func() alert.Settings { return &Config{} }, Brief: true}

// Config are the settings of the channel.
type Config struct {
	BaseURL string     `yaml:"base_url"` // https://events.eu.pagerduty.com in Europe
	Key     secret.Ref `yaml:"key"`      // integration key of a service; required
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("key", string(c.Key)) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	key, err := secret.Resolve(ctx, c.Key)
	if err != nil {
		return nil, err
	}
	base := c.BaseURL
	if base == "" {
		base = "https://events.pagerduty.com"
	}
	return &notifier{&webapi.Client{Base: base, HTTP: env.HTTP(), Now: env.Now}, key}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api *webapi.Client
	key secret.Secret
}

// severities are PagerDuty's.
var severities = map[alert.Severity]string{
	alert.Critical:      "critical",
	alert.High:          "error",
	alert.Medium:        "warning",
	alert.Low:           "info",
	alert.Informational: "info",
}

// maxSummary is the most characters of a summary that PagerDuty keeps.
const maxSummary = 1024

// action returns what an event does to the incident. An alert that was withdrawn, closed or suppressed resolves it, and
// what is new about it later wakes nobody, unless its severity rises.
func action(m *alert.Message) string {
	a := &m.Alert
	raised := m.Before != nil && a.Severity > m.Before.Severity
	switch {
	case a.Done() && (a.Withdrawn || m.Decision || !raised):
		return "resolve"
	case m.Decision && a.Triage.Status == alert.TriageInProgress:
		return "acknowledge"
	}
	return "trigger"
}

// Notify implements alert.Notifier. dedup_key is the alert's ID: PagerDuty keeps one incident,
// however often it is sent.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	a := &m.Alert
	event := map[string]any{
		"routing_key":  n.key.Reveal(),
		"dedup_key":    a.ID,
		"event_action": action(m),
		"client":       "Outflow",
	}
	if event["event_action"] == "trigger" {
		details := map[string]any{"sentence": a.Sentence()}
		for name, list := range map[string][]string{"facts": m.Chips(), "items": m.Items(), "changed": m.Changes()} {
			if len(list) > 0 {
				details[name] = list
			}
		}
		for _, f := range m.Facts() {
			details[f.Name] = f.Value
		}
		source := a.User
		if source == "" {
			source = "outflow"
		}

		event["payload"] = map[string]any{
			"summary":        plain.Clip(m.Headline(), maxSummary),
			"source":         source,
			"severity":       severities[a.Severity],
			"timestamp":      a.Time,
			"class":          a.Detector,
			"custom_details": details,
		}
		if m.Link != "" {
			event["links"] = []any{map[string]string{"href": m.Link, "text": "Open"}}
			event["client_url"] = m.Link
		}
	}

	b, err := json.Marshal(event)
	if err != nil {
		return "", alert.Permanent(err)
	}
	_, err = n.api.Send(ctx, http.MethodPost, "/v2/enqueue", "application/json", b, nil)
	return "", alert.Redact(err, n.key.Reveal())
}
