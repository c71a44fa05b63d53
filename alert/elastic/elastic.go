// Package elastic sends alerts to Elasticsearch or OpenSearch, as documents with the fields of
// the Elastic Common Schema (ECS).
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

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
		env.Version,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api     *webapi.Client
	index   string
	version string // of the program
}

// Notify implements alert.Notifier. The document's id is the alert's, so that a revision
// replaces it.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	a := &m.Alert
	head, err := json.Marshal(map[string]any{"index": map[string]string{"_index": n.index, "_id": a.ID}})
	if err != nil {
		return "", alert.Permanent(err)
	}
	body, err := json.Marshal(Document(m, n.version))
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
