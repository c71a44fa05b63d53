package okta

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"net/url"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind okta: the System Log API.
var Kind = ingest.Kind{Name: "okta", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind okta. It needs an API token, or the key of a service
// application with the scope okta.logs.read.
type Config struct {
	Domain     string     `yaml:"domain"`      // such as acme.okta.com, not acme-admin.okta.com
	BaseURL    string     `yaml:"base_url"`    // optional; replaces https://domain
	Token      secret.Ref `yaml:"token"`       // API token
	ClientID   string     `yaml:"client_id"`   // of the service application; required without token
	PrivateKey secret.Ref `yaml:"private_key"` // required without token
	KeyID      string     `yaml:"key_id"`      // id of the key (kid); optional
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if err := ingest.RequireSettings("domain", cmp.Or(c.Domain, c.BaseURL)); err != nil {
		return err
	}
	if c.Token != "" {
		return nil
	}
	return ingest.RequireSettings("token (or client_id)", c.ClientID, "private_key", string(c.PrivateKey))
}

// keeps is how long Okta keeps its log.
const keeps = 90 * 24 * time.Hour

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	base := cmp.Or(c.BaseURL, "https://"+c.Domain)
	api := &webapi.Client{Base: base, HTTP: env.HTTP, Now: env.Now, Log: env.Log, Spare: .5}
	if c.Token != "" {
		token, err := secret.Resolve(ctx, c.Token)
		if err != nil {
			return nil, err
		}
		api.Auth = webapi.Static{Scheme: "SSWS", Token: token}
	} else {
		text, err := secret.Resolve(ctx, c.PrivateKey)
		if err != nil {
			return nil, err
		}
		key, err := webapi.ParseKey(text, secret.Secret{})
		if err != nil {
			return nil, err
		}

		endpoint := base + "/oauth2/v1/token"
		api.Auth = &webapi.OAuth{
			HTTP:   env.HTTP,
			URL:    endpoint,
			Scopes: []string{"okta.logs.read"},
			Now:    env.Now,
			Form: func(now time.Time) (url.Values, error) {
				t, err := webapi.Assertion(key, c.KeyID, map[string]any{
					"iss": c.ClientID,
					"sub": c.ClientID,
					"aud": endpoint,
					"iat": now.Unix(),
					"exp": now.Add(5 * time.Minute).Unix(),
					"jti": rand.Text(),
				})
				return url.Values{
					"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
					"client_assertion":      {t},
				}, err
			},
		}
	}

	return []ingest.Stream{{Name: "logs", Every: 20 * time.Second, Source: &logs{api, env.Since}}}, nil
}

// logs reads the System Log in polling mode: events in the order in which Okta stored them, so
// that none is skipped, however late it is.
type logs struct {
	api   *webapi.Client
	since time.Time
}

// cursor is Okta's link to the next page.
type cursor struct {
	Next string `json:"next,omitempty"`
	At   int64  `json:"at"` // last use, Unix milliseconds
}

// Fetch implements ingest.Source.
func (l *logs) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := l.api.Clock()
	target := c.Next
	var gaps []ingest.Gap
	if target == "" {
		from := l.since
		if c.At > 0 {
			from = time.UnixMilli(c.At).Add(-time.Hour)
		}
		if edge := now.Add(-keeps); from.Before(edge) {
			if c.At > 0 {
				gaps = append(gaps, ingest.Gap{From: from, To: edge, Reason: "Okta keeps its log for 90 days"})
			}
			from = edge
		}
		target = "/api/v1/logs?" + url.Values{
			"since":     {from.UTC().Format(time.RFC3339)},
			"sortOrder": {"ASCENDING"},
			"limit":     {"1000"},
		}.Encode()
	}

	res, err := l.api.Get(ctx, target)
	if webapi.Is(err, webapi.Refused) && c.Next != "" { // the link has expired: read the events since its last use again
		return ingest.Page{Next: ingest.WriteCursor(cursor{At: c.At}), More: true}, nil
	}
	if err != nil {
		return ingest.Page{}, err
	}

	page := ingest.Page{Gaps: gaps}
	if !bytes.Equal(bytes.TrimSpace(res.Body), []byte("[]")) {
		page.Bodies = append(page.Bodies, ingest.MemoryBody("logs", res.Body))
		page.More = true
	}

	page.Next = ingest.WriteCursor(cursor{cmp.Or(webapi.NextLink(res.Header), target), now.UnixMilli()})
	return page, nil
}
