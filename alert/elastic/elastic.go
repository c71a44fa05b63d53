// Package elastic sends alerts to Elasticsearch or OpenSearch, as documents with the fields of
// the Elastic Common Schema (ECS).
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel elastic.
var Kind = alert.Kind{Name: "elastic", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel. The API key must be allowed to create and index
// documents.
type Config struct {
	URL    string `yaml:"url"`     // of the cluster
	Index  string `yaml:"index"`   // outflow-alerts if empty
	APIKey string `yaml:"api_key"` // reference; encoded, as Elasticsearch returns it
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("url", c.URL, "api_key", c.APIKey) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	key, err := secret.Resolve(ctx, c.APIKey)
	if err != nil {
		return nil, err
	}
	index := c.Index
	if index == "" {
		index = "outflow-alerts"
	}
	return &notifier{
		&webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Static{Scheme: "ApiKey", Token: key},
		},
		index,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api   *webapi.Client
	index string
}

// related are the values of the alert's items that Elastic searches other data for
// (www.elastic.co/guide/en/ecs/8.17/ecs-related.html).
func related(a *alert.Alert) map[string][]string {
	out := map[string][]string{"user": {a.User}}
	add := func(field, value string) {
		if value != "" && !slices.Contains(out[field], value) {
			out[field] = append(out[field], value)
		}
	}
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items {
			x := &a.Evidence[i].Items[k]
			add("ip", x.Client.IP)
			add("hosts", x.Client.Device)
			for _, r := range x.Recipients {
				add("user", r)
			}
		}
	}
	return out
}

// Notify implements alert.Notifier. The document's id is the alert's, so that a revision
// replaces it.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	a := &m.Alert
	doc := map[string]any{
		"@timestamp": a.Time,
		"message":    a.Sentence(),
		"ecs":        map[string]string{"version": "8.17"},
		"tags":       []string{"outflow"},
		"event": map[string]any{
			"kind":       "alert",
			"category":   []string{"threat"},
			"type":       []string{"indicator"},
			"id":         a.ID,
			"module":     "outflow",
			"dataset":    "outflow.alert",
			"severity":   int(a.Severity),
			"risk_score": a.Score,
			"start":      a.Window.Start,
			"end":        a.Window.End,
			"reason":     a.Reason,
			"provider":   "outflow",
		},
		"rule":    map[string]any{"id": a.Detector, "name": a.DetectorTitle()},
		"user":    map[string]any{"name": a.User},
		"related": related(a),
		"threat":  map[string]any{"framework": "MITRE ATT&CK", "technique": map[string]any{"id": a.Techniques}},
		"outflow": a,
	}

	head, err := json.Marshal(map[string]any{"index": map[string]string{"_index": n.index, "_id": a.ID}})
	if err != nil {
		return "", alert.Permanent(err)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return "", alert.Permanent(err)
	}

	res, err := n.api.Send(ctx, http.MethodPost, "/_bulk", "application/x-ndjson", []byte(string(head)+"\n"+string(body)+"\n"), nil)
	if err != nil {
		return "", err
	}
	var answer struct {
		Errors bool `json:"errors"`
		Items  []struct {
			Index struct {
				Status int             `json:"status"`
				Error  json.RawMessage `json:"error"`
			} `json:"index"`
		} `json:"items"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return "", errors.New("elastic: the response is not JSON")
	}

	if answer.Errors && len(answer.Items) > 0 { // the request was accepted, the document was not
		i := answer.Items[0].Index
		err := errors.New("elastic: " + string(i.Error[:min(len(i.Error), 300)]))
		if i.Status >= 400 && i.Status < 500 && i.Status != http.StatusTooManyRequests {
			return "", alert.Permanent(err)
		}
		return "", err
	}

	return a.ID, nil
}
