// Package jira sends alerts to Jira: an issue for each alert, with later revisions as comments.
package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel jira.
var Kind = alert.Kind{Name: "jira", New: func() alert.Settings { return &Config{} }, Brief: true}

// Config are the settings of the channel: a user's address and API token (Cloud), or a personal
// access token without a user (Data Center).
type Config struct {
	URL       string `yaml:"url"`        // of the site
	User      string `yaml:"user"`       // empty for Data Center
	Token     string `yaml:"token"`      // reference
	Project   string `yaml:"project"`    // key of the project
	IssueType string `yaml:"issue_type"` // Task if empty
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	return alert.RequireSettings("url", c.URL, "token", c.Token, "project", c.Project)
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	api := &webapi.Client{
		Base: c.URL,
		HTTP: env.HTTP(),
		Now:  env.Now,
		Auth: webapi.Static{Scheme: "Bearer", Token: token},
	}
	if c.User != "" {
		api.Auth = webapi.Basic{User: c.User, Password: token}
	}
	kind := c.IssueType
	if kind == "" {
		kind = "Task"
	}
	return &notifier{api, c.Project, kind}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api           *webapi.Client
	project, kind string
}

// Limits of Jira, in characters: 255 of a summary, 32,767 of a text.
const (
	maxSummary = 250
	maxText    = 30_000
)

// macro ends the block in which wiki markup has no meaning.
var macro = regexp.MustCompile(`(?i)\{\s*noformat[^}]*\}`)

// Notify implements alert.Notifier. The reference is the issue's key. If an earlier attempt was
// interrupted, Notify looks for the issue by its label.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	label := "outflow-" + m.Alert.ID
	ref := m.Ref
	if ref == "" && m.Repeat {
		var err error
		if ref, err = n.find(ctx, label); err != nil {
			return "", err
		}
	}

	text := "{noformat}\n" + macro.ReplaceAllString(plain.Clip(m.Text(), maxText), "(noformat)") + "{noformat}"
	if ref != "" {
		_, err := n.post(ctx, "/rest/api/2/issue/"+url.PathEscape(ref)+"/comment", map[string]any{"body": text})
		return ref, err
	}

	res, err := n.post(ctx, "/rest/api/2/issue", map[string]any{"fields": map[string]any{
		"project":     map[string]string{"key": n.project},
		"issuetype":   map[string]string{"name": n.kind},
		"summary":     plain.Clip(m.Headline(), maxSummary),
		"description": text,
		"labels":      []string{"outflow", label, "outflow-case-" + m.Alert.Case},
	}})
	if err != nil {
		return "", err
	}

	var made struct {
		Key string `json:"key"`
	}
	err = json.Unmarshal(res, &made)
	return made.Key, err
}

// find returns the key of the issue with a label; "" if there is none.
func (n *notifier) find(ctx context.Context, label string) (string, error) {
	res, err := n.post(ctx, "/rest/api/2/search", map[string]any{
		"jql":        "labels = \"" + label + "\"",
		"maxResults": 1,
		"fields":     []string{"key"},
	})
	if err != nil {
		return "", err
	}
	var found struct {
		Issues []struct {
			Key string `json:"key"`
		} `json:"issues"`
	}
	if err := json.Unmarshal(res, &found); err != nil || len(found.Issues) == 0 {
		return "", err
	}
	return found.Issues[0].Key, nil
}

// post sends a request with a JSON body and returns the body of the response.
func (n *notifier) post(ctx context.Context, path string, body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, alert.Permanent(err)
	}
	res, err := n.api.JSON(ctx, http.MethodPost, path, "application/json", b)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
