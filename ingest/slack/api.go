package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind slack: the Audit Logs API.
var Kind = ingest.Kind{Name: "slack", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind slack. It needs the token (xoxp-…) of an application that
// an owner installed on the organisation, with the user scope auditlogs:read.
type Config struct {
	BaseURL string     `yaml:"base_url"` // optional; https://api.slack-gov.com for GovSlack
	Token   secret.Ref `yaml:"token"`    // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error { return ingest.RequireSettings("token", string(c.Token)) }

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	api := &webapi.Client{
		Base: cmp.Or(c.BaseURL, "https://api.slack.com"),
		HTTP: env.HTTP,
		Now:  env.Now,
		Log:  env.Log,
		Auth: webapi.Static{Scheme: "Bearer", Token: token},
		Pace: rate.NewLimiter(rate.Every(2*time.Second), 5), // of 50 a minute that all applications of the organisation share
	}
	return []ingest.Stream{{Name: "logs", Every: time.Minute, Source: &logs{api, env.Since}}}, nil
}

// logs reads the audit log. It comes newest first, so a sweep counts only when it has been read
// to its end.
type logs struct {
	api   *webapi.Client
	since time.Time
}

var sweeps = ingest.SweepPlan{
	Lag:     time.Minute,
	Overlap: 5 * time.Minute,
	Daily:   24 * time.Hour,
	MaxSpan: 24 * time.Hour,
}

type cursor struct {
	ingest.SweepState
	Cursor string `json:"cursor,omitempty"`
}

// Fetch implements ingest.Source.
func (l *logs) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := l.api.Clock()
	if _, ok := sweeps.Begin(&c.SweepState, l.since, now); !ok {
		return ingest.Page{Next: ingest.WriteCursor(c)}, nil
	}

	second := func(ms int64) string { return strconv.FormatInt(ms/1000, 10) } // both ends are inclusive
	query := url.Values{"oldest": {second(c.From)}, "latest": {second(c.To + 999)}, "limit": {"1000"}}
	if c.Cursor != "" {
		query.Set("cursor", c.Cursor)
	}
	res, err := l.api.Get(ctx, "/audit/v1/logs?"+query.Encode())
	if c.Cursor != "" && webapi.Is(err, webapi.Refused) { // the cursor has expired: start the sweep again
		c.Cursor = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Entries []json.RawMessage `json:"entries"`
		Meta    struct {
			Next string `json:"next_cursor"`
		} `json:"response_metadata"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET /audit/v1/logs", Err: err}
	}

	page := ingest.Page{}
	if len(answer.Entries) > 0 {
		page.Bodies = []ingest.Body{ingest.MemoryBody("logs", res.Body)}
	}
	if c.Cursor = answer.Meta.Next; c.Cursor != "" {
		page.More = true
	} else {
		page.More = sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
