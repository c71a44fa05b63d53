// Package elastic sends alerts to Elasticsearch or OpenSearch, as documents with the fields of
// the Elastic Common Schema (ECS).
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel elastic.
var Kind = alert.Kind{Name: "elastic", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel. The API key must be allowed to create and index
// documents.
type Config struct {
	URL    string     `yaml:"url"`     // of the cluster; required
	Index  string     `yaml:"index"`   // outflow-alerts if empty
	APIKey secret.Ref `yaml:"api_key"` // key of the API, encoded as Elasticsearch returns it; required
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	return alert.RequireSettings("url", c.URL, "api_key", string(c.APIKey))
}

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

// Notify implements alert.Notifier. Each revision, and each decision about it, is a document of its own, whose id is made
// of it. It is created, which data streams allow, and is there already if an earlier attempt has created it.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	head, err := json.Marshal(map[string]any{"create": map[string]string{"_index": n.index, "_id": m.Key()}})
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
		Items []struct {
			Create outcome `json:"create"`
		} `json:"items"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil || len(answer.Items) != 1 {
		return "", errors.New("elastic: the response is not that of a bulk request")
	}
	return m.Alert.ID, answer.Items[0].Create.err()
}

// outcome is what became of a document: the request was accepted, the document may not have been.
type outcome struct {
	Status int `json:"status"`
	Error  struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
}

// err returns why a document was not created; nil if it is there. Only what is wrong with the document itself is permanent.
func (o *outcome) err() error {
	if o.Status/100 == 2 || o.Status == http.StatusConflict {
		return nil
	}
	err := fmt.Errorf("elastic: status %d: %s: %s", o.Status, o.Error.Type, plain.Clip(plain.Printable(o.Error.Reason), 300))
	switch o.Error.Type {
	case "mapper_parsing_exception", "document_parsing_exception", "strict_dynamic_mapping_exception":
		return alert.Permanent(err)
	}
	if o.Status >= 400 && o.Status < 500 {
		return alert.Repeatable(err)
	}
	return err
}
