package google

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind google_workspace: the Reports API of the Admin SDK.
var Kind = ingest.Kind{Name: "google_workspace", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind google_workspace. It needs a service account with
// domain-wide delegation for the scope admin.reports.audit.readonly, and an administrator on
// whose behalf it reads.
type Config struct {
	BaseURL        string     `yaml:"base_url"`        // optional; replaces https://admin.googleapis.com
	TokenURL       string     `yaml:"token_url"`       // optional; replaces the one in the key file
	ServiceAccount secret.Ref `yaml:"service_account"` // key file (JSON); required
	Subject        string     `yaml:"subject"`         // e-mail address of the administrator; required
	Applications   []string   `yaml:"applications"`    // optional; replaces the default list
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	return ingest.RequireSettings("service_account", string(c.ServiceAccount), "subject", c.Subject)
}

// collected are the applications that are read by default: those through which data can leave,
// and those that show who acts.
var collected = []string{
	"drive", "login", "admin", "token", "user_accounts", "saml", "groups_enterprise", "rules", "gmail",
	"chrome", "chat", "vault", "takeout", "calendar", "data_studio", "keep",
}

// delays is how long the events of some applications may take to appear. Those of others take
// minutes. See docs/sources/google_workspace.md.
var delays = map[string]time.Duration{
	"login":    3 * time.Hour,
	"calendar": 3 * time.Hour,
	"gmail":    3 * time.Hour,
	"token":    3 * time.Hour,
	"saml":     3 * time.Hour,
}

const (
	scope = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
	keeps = 180 * 24 * time.Hour
)

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	text, err := secret.Resolve(ctx, c.ServiceAccount)
	if err != nil {
		return nil, err
	}
	var account struct {
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
		KeyID string `json:"private_key_id"`
		Token string `json:"token_uri"`
	}
	if json.Unmarshal([]byte(text.Reveal()), &account) != nil || account.Email == "" {
		return nil, errors.New("service_account: not the key of a service account")
	}

	key, err := webapi.ParseKey(secret.New(account.Key), secret.Secret{})
	if err != nil {
		return nil, err
	}
	endpoint := cmp.Or(c.TokenURL, account.Token, "https://oauth2.googleapis.com/token")
	api := &webapi.Client{
		Base: cmp.Or(c.BaseURL, "https://admin.googleapis.com"), HTTP: env.HTTP, Now: env.Now, Log: env.Log,
		Auth: &webapi.OAuth{
			HTTP: env.HTTP,
			URL:  endpoint,
			Now:  env.Now,
			Form: grant(key, account.KeyID, account.Email, c.Subject, endpoint),
		},
		Pace:      rate.NewLimiter(20, 40), // of 2,400 a minute
		Throttled: throttled,
	}

	names := c.Applications
	if len(names) == 0 {
		names = collected
	}
	var streams []ingest.Stream
	for _, name := range names {
		sweeps := ingest.SweepPlan{
			Overlap:   15 * time.Minute,
			Hourly:    2 * max(delays[name], time.Hour),
			Daily:     72 * time.Hour,
			MaxSpan:   24 * time.Hour,
			Retention: keeps,
		}
		streams = append(streams, ingest.Stream{
			Name:   name,
			Every:  5 * time.Minute,
			Source: &activityLog{api, name, sweeps, env.Since},
		})
	}

	return streams, nil
}

func grant(key *rsa.PrivateKey, keyID, account, subject, endpoint string) func(time.Time) (url.Values, error) {
	return func(now time.Time) (url.Values, error) {
		t, err := webapi.Assertion(key, keyID, map[string]any{
			"iss":   account,
			"sub":   subject,
			"scope": scope,
			"aud":   endpoint,
			"iat":   now.Unix(),
			"exp":   now.Add(time.Hour).Unix(),
		})
		return url.Values{"grant_type": {webapi.JWTBearer}, "assertion": {t}}, err
	}
}

// throttled reports whether a 403 is about the quota.
func throttled(body []byte) bool {
	for _, reason := range []string{"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"} {
		if bytes.Contains(body, []byte(reason)) {
			return true
		}
	}
	return false
}

// activityLog reads the activities of one application. They come newest first, so a sweep counts
// only when it has been read to its end.
type activityLog struct {
	api    *webapi.Client
	name   string
	sweeps ingest.SweepPlan
	since  time.Time
}

type cursor struct {
	ingest.SweepState
	Page string `json:"page,omitempty"`
}

// Fetch implements ingest.Source.
func (l *activityLog) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := l.api.Clock()
	page, ok := l.sweeps.Page(&c.SweepState, l.since, now)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	query := url.Values{"startTime": {stamp(c.From)}, "endTime": {stamp(c.To)}, "maxResults": {"1000"}}
	if c.Page != "" {
		query.Set("pageToken", c.Page)
	}
	path := "/admin/reports/v1/activity/users/all/applications/" + url.PathEscape(l.name)
	res, err := l.api.Get(ctx, path+"?"+query.Encode())
	if c.Page != "" && webapi.Is(err, webapi.Refused) { // the page token has expired: start the sweep again
		c.Page = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Items []json.RawMessage `json:"items"`
		Next  string            `json:"nextPageToken"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET " + path, Err: err}
	}

	if len(answer.Items) > 0 { // an empty list is omitted
		page.Bodies = []ingest.Body{ingest.MemoryBody(l.name, res.Body)}
	}
	if c.Page = answer.Next; c.Page != "" {
		page.More = true
	} else {
		page.More = l.sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
