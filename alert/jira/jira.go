// Package jira sends alerts to Jira: an issue for each alert, with later revisions and decisions as comments.
package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel jira.
var Kind = alert.Kind{Name: "jira", New: func() alert.Settings { return &Config{} }, Brief: true}

// The deployments of Jira, whose interfaces differ.
const (
	cloud      = "cloud"       // version 3 of the API: documents in the Atlassian Document Format
	dataCenter = "data_center" // version 2 of the API: texts in wiki markup
)

// Config are the settings of the channel: a user's address and API token (Cloud), or a personal
// access token without a user (Data Center).
type Config struct {
	URL       string     `yaml:"url"`        // of the site; required
	User      string     `yaml:"user"`       // empty for Data Center
	Token     secret.Ref `yaml:"token"`      // API token of the user, or an access token of Data Center; required
	Project   string     `yaml:"project"`    // key of the project; required
	IssueType string     `yaml:"issue_type"` // Task if empty
	// Deployment is cloud or data_center. If it is empty the site is asked.
	Deployment string `yaml:"deployment"`
	// Priorities are the names of the issue's priority by severity; without one it is left alone.
	Priorities map[string]string `yaml:"priorities"`
	// Transitions are the names of the workflow's transitions by what was decided (in_progress, suppressed, resolved, new);
	// without one the issue's status is left alone.
	Transitions map[string]string `yaml:"transitions"`
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if err := alert.RequireSettings("url", c.URL, "token", string(c.Token), "project", c.Project); err != nil {
		return err
	}
	if !slices.Contains([]string{"", cloud, dataCenter}, c.Deployment) {
		return fmt.Errorf("deployment: %q: %s, %s", c.Deployment, cloud, dataCenter)
	}
	return errors.Join(alert.CheckSeverities("priorities", c.Priorities), alert.CheckTriage("transitions", c.Transitions))
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	n := &notifier{
		api: &webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Static{Scheme: "Bearer", Token: token},
		},
		conf:       *c,
		deployment: c.Deployment,
	}
	if c.User != "" {
		n.api.Auth = webapi.Basic{User: c.User, Password: token}
	}
	if n.conf.IssueType == "" {
		n.conf.IssueType = "Task"
	}
	if u, err := url.Parse(c.URL); err == nil && n.deployment == "" && strings.HasSuffix(u.Hostname(), ".atlassian.net") {
		n.deployment = cloud
	}
	return n, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api        *webapi.Client
	conf       Config
	deployment string // "" until the site was asked
}

// Limits of Jira, in characters: 255 of a summary, 32,767 of a text.
const (
	maxSummary = 250
	maxText    = 30_000
)

// Notify implements alert.Notifier. The reference is the issue's key. If an earlier attempt was
// interrupted, Notify looks for the issue by its label.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	if err := n.detect(ctx); err != nil {
		return "", alert.Repeatable(err)
	}
	ref := m.Ref
	if ref == "" && m.Repeat {
		var err error
		if ref, err = n.find(ctx, label(m)); err != nil && !alert.CannotLookUp(err) {
			return "", alert.Repeatable(err)
		}
		if ref != "" && !m.Earlier {
			return ref, nil // this message made it
		}
	}
	if ref == "" {
		return n.create(ctx, m)
	}
	err := n.revise(ctx, ref, m)
	if s := webapi.Status(err); s == http.StatusNotFound || s == http.StatusGone { // somebody has deleted it
		return n.create(ctx, m)
	}
	return ref, err
}

// label is the label by which the issue of an alert is found.
func label(m *alert.Message) string { return "outflow-" + m.Alert.ID }

// detect asks the site what it is, once.
func (n *notifier) detect(ctx context.Context) error {
	if n.deployment != "" {
		return nil
	}
	res, err := n.api.Get(ctx, "/rest/api/2/serverInfo")
	if err != nil {
		return err
	}
	var site struct {
		Deployment string `json:"deploymentType"`
	}
	if err := json.Unmarshal(res.Body, &site); err != nil {
		return err
	}
	n.deployment = dataCenter
	if strings.EqualFold(site.Deployment, cloud) {
		n.deployment = cloud
	}
	return nil
}

// path returns the path of a resource of issues.
func (n *notifier) path(parts ...string) string {
	p := "/rest/api/2/issue"
	if n.deployment == cloud {
		p = "/rest/api/3/issue"
	}
	for _, part := range parts {
		p += "/" + url.PathEscape(part)
	}
	return p
}

// text returns a text as the deployment wants it.
func (n *notifier) text(m *alert.Message, notes []string) any {
	t := plain.Clip(m.Text(), maxText)
	if len(notes) > 0 {
		t += "\n" + strings.Join(notes, "\n") + "\n"
	}
	if n.deployment == cloud {
		return document(t, m.Link)
	}
	return noFormat(t)
}

// create makes an issue, and returns its key.
func (n *notifier) create(ctx context.Context, m *alert.Message) (string, error) {
	fields := map[string]any{
		"project":     map[string]string{"key": n.conf.Project},
		"issuetype":   map[string]string{"name": n.conf.IssueType},
		"summary":     plain.Clip(m.Headline(), maxSummary),
		"description": n.text(m, nil),
		"labels":      []string{"outflow", label(m), "outflow-case-" + m.Alert.Case},
	}
	if p := n.conf.Priorities[m.Alert.Severity.String()]; p != "" {
		fields["priority"] = map[string]string{"name": p}
	}
	res, err := n.send(ctx, http.MethodPost, n.path(), map[string]any{"fields": fields})
	if err != nil {
		return "", err
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(res, &made); err != nil {
		return "", err
	}
	if made.Key == "" {
		return "", errors.New("jira: the response names no issue")
	}
	return made.Key, nil
}

// revise sets priority and status where that is configured, and says in a comment what is new. The comment comes last:
// what comes before it may be repeated.
func (n *notifier) revise(ctx context.Context, key string, m *alert.Message) error {
	var notes []string
	try := func(what string, err error) error {
		switch {
		case err == nil:
		case webapi.Is(err, webapi.Refused) && webapi.Status(err) == http.StatusBadRequest, webapi.Is(err, webapi.Denied):
			notes = append(notes, "Jira refused to change the "+what+".")
		case webapi.Status(err) == http.StatusNotFound:
			return err
		default:
			return alert.Repeatable(err)
		}
		return nil
	}
	p := n.conf.Priorities[m.Alert.Severity.String()]
	if p != "" && m.Before != nil && m.Before.Severity != m.Alert.Severity {
		fields := map[string]any{"fields": map[string]any{"priority": map[string]string{"name": p}}}
		if err := try("priority", n.command(ctx, http.MethodPut, n.path(key), fields)); err != nil {
			return err
		}
	}
	if t := m.Alert.Triage; t != nil && m.Decision && n.conf.Transitions[string(t.Status)] != "" {
		if err := try("status", n.move(ctx, key, n.conf.Transitions[string(t.Status)])); err != nil {
			return err
		}
	}
	_, err := n.send(ctx, http.MethodPost, n.path(key, "comment"), map[string]any{"body": n.text(m, notes)})
	return err
}

// move takes a transition of the workflow. One that the issue does not have now has been taken, or does not lead there.
func (n *notifier) move(ctx context.Context, key, name string) error {
	res, err := n.api.Get(ctx, n.path(key, "transitions"))
	if err != nil {
		return err
	}
	var have struct {
		Transitions []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"transitions"`
	}
	if err := json.Unmarshal(res.Body, &have); err != nil {
		return err
	}
	for _, t := range have.Transitions {
		if strings.EqualFold(t.Name, name) {
			return n.command(ctx, http.MethodPost, n.path(key, "transitions"), map[string]any{"transition": map[string]string{"id": t.ID}})
		}
	}
	return nil
}

// find returns the key of the issue with a label; "" if there is none.
func (n *notifier) find(ctx context.Context, label string) (string, error) {
	path := "/rest/api/2/search"
	if n.deployment == cloud {
		path = "/rest/api/3/search/jql"
	}
	res, err := n.send(ctx, http.MethodPost, path, map[string]any{
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

// send sends a request with a JSON body and returns the body of the response, which is JSON.
func (n *notifier) send(ctx context.Context, method, path string, body any) ([]byte, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, alert.Permanent(err)
	}
	res, err := n.api.JSON(ctx, method, path, "application/json", b)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// command sends a request with a JSON body whose response is empty.
func (n *notifier) command(ctx context.Context, method, path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return alert.Permanent(err)
	}
	_, err = n.api.Send(ctx, method, path, "application/json", b, nil)
	return err
}
