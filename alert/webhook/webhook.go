// Package webhook sends alerts to an address of the user's own, as a signed POST of JSON.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel webhook.
var Kind = alert.Kind{Name: "webhook", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel.
type Config struct {
	URL    string     `yaml:"url"`    // http or https; required
	Secret secret.Ref `yaml:"secret"` // signs every request; required
	Format string     `yaml:"format"` // json (as scan prints it) or ocsf
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if err := alert.RequireSettings("url", c.URL, "secret", string(c.Secret)); err != nil {
		return err
	}
	if c.Format != "" && c.Format != "json" && c.Format != "ocsf" {
		return fmt.Errorf("format: %q: json, ocsf", c.Format)
	}
	_, _, err := alert.SplitURL(c.URL)
	return err
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	key, err := secret.Resolve(ctx, c.Secret)
	if err != nil {
		return nil, err
	}
	base, path, err := alert.SplitURL(c.URL)
	if err != nil {
		return nil, err
	}
	return &notifier{
		api:  &webapi.Client{Base: base, HTTP: env.HTTP(), Now: env.Now},
		path: path,
		key:  key,
		ocsf: c.Format == "ocsf",
		env:  env,
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api  *webapi.Client
	path string
	key  secret.Secret
	ocsf bool
	env  alert.Env
}

// Notify implements alert.Notifier. X-Outflow-Signature is t=UNIX,v1=HEX: the HMAC-SHA-256 of
// the time, a dot and the body. Receivers should reject requests that are older than five
// minutes. Idempotency-Key is the same for every attempt.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	var body []byte
	var err error
	if n.ocsf {
		body, err = alert.OCSF(m, n.env.Version)
	} else {
		body, err = json.Marshal(struct {
			*alert.Alert
			Test   bool   `json:"test,omitempty"`
			Repeat bool   `json:"possible_repeat,omitempty"`
			Link   string `json:"link,omitempty"`
		}{&m.Alert, m.Test, m.Repeat, m.Link})
	}
	if err != nil {
		return "", alert.Permanent(err)
	}
	at := strconv.FormatInt(n.env.Now().Unix(), 10)
	header := http.Header{"Idempotency-Key": {m.Key()}, "X-Outflow-Signature": {"t=" + at + ",v1=" + Sign(n.key, at, body)}}
	_, err = n.api.Send(ctx, http.MethodPost, n.path, "application/json", body, header)
	return "", err
}

// Sign returns the signature of a body that is sent at a time (Unix seconds, as text), in
// hexadecimal.
func Sign(key secret.Secret, at string, body []byte) string {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	h.Write([]byte(at + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
