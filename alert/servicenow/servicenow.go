// Package servicenow sends alerts to ServiceNow: an incident for each alert, with later
// revisions as work notes.
package servicenow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel servicenow.
var Kind = alert.Kind{Name: "servicenow", New: func() alert.Settings { return &Config{} }, Brief: true}

// Config are the settings of the channel. The user must have the role itil.
type Config struct {
	URL      string `yaml:"url"`      // such as https://acme.service-now.com
	User     string `yaml:"user"`     // name of the user
	Password string `yaml:"password"` // reference
	Table    string `yaml:"table"`    // incident if empty; sn_si_incident for Security Incident Response
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	return alert.RequireSettings("url", c.URL, "user", c.User, "password", c.Password)
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
		&webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Basic{User: c.User, Password: password},
		},
		"/api/now/table/" + url.PathEscape(table),
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api  *webapi.Client
	path string
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
		res, err := n.api.Get(ctx, n.path+"?"+url.Values{
			"sysparm_query":  {"correlation_id=" + m.Alert.ID},
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
		if err := json.Unmarshal(res.Body, &found); err != nil {
			return "", err
		}

		if len(found.Result) > 0 {
			ref = found.Result[0].ID
		}
	}

	text := code.ReplaceAllString(plain.Clip(m.Text(), maxText), "($1)")
	method, path, body := http.MethodPost, n.path, map[string]string{}
	if ref != "" {
		method, path = http.MethodPatch, n.path+"/"+url.PathEscape(ref)
		body["work_notes"] = text
	} else {
		level := max(urgency[m.Alert.Severity], 0)
		if level == 0 {
			level = 3
		}
		body["short_description"], body["description"], body["correlation_id"], body["urgency"] =
			plain.Clip(m.Headline(), maxShort), text, m.Alert.ID, strconv.Itoa(level)
	}

	b, err := json.Marshal(body)
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

	err = json.Unmarshal(res.Body, &made)
	return made.Result.ID, err
}
