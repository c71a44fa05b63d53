// Package splunk sends alerts to Splunk's HTTP event collector (HEC).
package splunk

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel splunk_hec.
var Kind = alert.Kind{Name: "splunk_hec", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel.
type Config struct {
	URL   string `yaml:"url"`   // such as https://splunk.acme.example:8088
	Token string `yaml:"token"` // reference
	Index string `yaml:"index"` // empty for the token's default
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("url", c.URL, "token", c.Token) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	return &notifier{
		&webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Static{Scheme: "Splunk", Token: token},
		},
		c.Index,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api   *webapi.Client
	index string
}

// Notify implements alert.Notifier. Splunk keeps repeats: the fields alert_id and revision
// identify them.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	event := map[string]any{
		"time":       float64(m.Alert.Time.UnixMilli()) / 1000,
		"source":     "outflow",
		"sourcetype": "outflow:alert",
		"event":      &m.Alert,
		"fields":     map[string]any{"alert_id": m.Alert.ID, "revision": m.Alert.Revision, "test": m.Test},
	}
	if n.index != "" {
		event["index"] = n.index
	}
	b, err := json.Marshal(event)
	if err != nil {
		return "", alert.Permanent(err)
	}
	_, err = n.api.Send(ctx, http.MethodPost, "/services/collector/event", "application/json", b, nil)
	return "", err
}
