// Package splunk is a channel: an event of Splunk by its HTTP event collector.
package splunk

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the channel.
var Kind = alert.Kind{Name: "splunk_hec", New: func() alert.Settings { return &Config{} }}

// Config is a channel of kind splunk_hec.
type Config struct {
	URL   string `yaml:"url"` // https://splunk.acme.example:8088
	Token string `yaml:"token"`
	Index string `yaml:"index"`
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

type notifier struct {
	api   *webapi.Client
	index string
}

// Notify implements alert.Notifier. Splunk keeps what it gets: alert_id tells repeats.
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
