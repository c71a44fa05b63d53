// Package servicenow sends alerts to ServiceNow: an incident for each alert, with later
// revisions and decisions as work notes.
package servicenow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel servicenow.
var Kind = alert.Kind{Name: "servicenow", New: func() alert.Settings { return &Config{} }, Brief: true}

// Config are the settings of the channel. The user must have the role itil.
type Config struct {
	URL      string     `yaml:"url"`      // such as https://acme.service-now.com; required
	User     string     `yaml:"user"`     // name of the user; required
	Password secret.Ref `yaml:"password"` // of the user; required
	Table    string     `yaml:"table"`    // incident if empty; sn_si_incident for Security Incident Response
	// States are the values of the field state by what was decided (in_progress, suppressed, resolved, new); without one the
	// record's state is left alone.
	States map[string]string `yaml:"states"`
	// CloseCode is the value of the field close_code of a record that is resolved, where the table requires one.
	CloseCode string `yaml:"close_code"`
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if err := alert.RequireSettings("url", c.URL, "user", c.User, "password", string(c.Password)); err != nil {
		return err
	}
	return alert.CheckTriage("states", c.States)
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	password, err := secret.Resolve(ctx, c.Password)
	if err != nil {
		return nil, err
	}
	table := c.Table
	if table == "" {
		table = "incident"
	}
	return &notifier{
		api: &webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Basic{User: c.User, Password: password},
		},
		path: "/api/now/table/" + url.PathEscape(table),
		conf: *c,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api  *webapi.Client
	path string
	conf Config
}

// urgency is ServiceNow's, from 1; severities without one have 3.
var urgency = map[alert.Severity]int{alert.Critical: 1, alert.High: 1, alert.Medium: 2}

// Limits of ServiceNow, in characters.
const (
	maxShort = 160  // of short_description
	maxText  = 4000 // of description
)

// code is what ServiceNow takes for the beginning and the end of HTML in a journal field.
var code = regexp.MustCompile(`(?i)\[\s*(/?\s*code)\s*\]`)

// Notify implements alert.Notifier. The reference is the record's sys_id. correlation_id is the
// alert's ID, by which Notify finds the record if an earlier attempt was interrupted.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	ref := m.Ref
	if ref == "" && m.Repeat {
		var err error
		if ref, err = n.find(ctx, m.Alert.ID); err != nil && !alert.CannotLookUp(err) {
			return "", alert.Repeatable(err)
		}
		if ref != "" && !m.Earlier {
			return ref, nil // this message made it
		}
	}
	if ref != "" {
		id, err := n.write(ctx, http.MethodPatch, n.path+"/"+url.PathEscape(ref), n.revision(m))
		if s := webapi.Status(err); s != http.StatusNotFound && s != http.StatusGone {
			return id, err
		} // somebody has deleted it
	}
	return n.write(ctx, http.MethodPost, n.path, map[string]string{
		"short_description": plain.Clip(m.Headline(), maxShort),
		"description":       text(m),
		"correlation_id":    m.Alert.ID,
		"urgency":           urgencyOf(m.Alert.Severity),
	})
}

// text returns a message without HTML.
func text(m *alert.Message) string {
	return code.ReplaceAllString(plain.Clip(m.Text(), maxText), "($1)")
}

// urgencyOf returns the urgency of a severity.
func urgencyOf(s alert.Severity) string { return strconv.Itoa(cmp.Or(urgency[s], 3)) }

// revision returns the fields that a revision or a decision changes.
func (n *notifier) revision(m *alert.Message) map[string]string {
	fields := map[string]string{"work_notes": text(m)}
	if m.Before != nil && m.Before.Severity != m.Alert.Severity {
		fields["urgency"] = urgencyOf(m.Alert.Severity)
	}
	if t := m.Alert.Triage; t != nil && m.Decision && n.conf.States[string(t.Status)] != "" {
		fields["state"] = n.conf.States[string(t.Status)]
		if t.Status == alert.TriageResolved && n.conf.CloseCode != "" {
			fields["close_code"], fields["close_notes"] = n.conf.CloseCode, plain.Clip(strings.Join(m.Changes(), " "), maxText)
		}
	}
	return fields
}

// find returns the sys_id of the record of an alert; "" if there is none.
func (n *notifier) find(ctx context.Context, id string) (string, error) {
	res, err := n.api.Get(ctx, n.path+"?"+url.Values{
		"sysparm_query":  {"correlation_id=" + id},
		"sysparm_fields": {"sys_id"},
		"sysparm_limit":  {"1"},
	}.Encode())
	if err != nil {
		return "", err
	}
	var found struct {
		Result []struct {
			ID string `json:"sys_id"`
		} `json:"result"`
	}
	if err := json.Unmarshal(res.Body, &found); err != nil || len(found.Result) == 0 {
		return "", err
	}
	return found.Result[0].ID, nil
}

// write creates or changes a record, and returns its sys_id.
func (n *notifier) write(ctx context.Context, method, path string, fields map[string]string) (string, error) {
	b, err := json.Marshal(fields)
	if err != nil {
		return "", alert.Permanent(err)
	}
	res, err := n.api.JSON(ctx, method, path, "application/json", b)
	if err != nil {
		return "", err
	}
	var made struct {
		Result struct {
			ID string `json:"sys_id"`
		} `json:"result"`
	}
	if err := json.Unmarshal(res.Body, &made); err != nil {
		return "", err
	}
	if made.Result.ID == "" {
		return "", errors.New("servicenow: the response names no record")
	}
	return made.Result.ID, nil
}
