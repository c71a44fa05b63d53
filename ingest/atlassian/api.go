package atlassian

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

// Kind is the kind atlassian: the audit log of an Atlassian organisation.
var Kind = ingest.Kind{Name: "atlassian", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind atlassian. It needs an API key of the organisation with
// the scope read:events:admin.
type Config struct {
	BaseURL        string     `yaml:"base_url"`        // optional; replaces https://api.atlassian.com
	OrganizationID string     `yaml:"organization_id"` // required
	APIKey         secret.Ref `yaml:"api_key"`         // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	return ingest.RequireSettings("organization_id", c.OrganizationID, "api_key", string(c.APIKey))
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	key, err := secret.Resolve(ctx, c.APIKey)
	if err != nil {
		return nil, err
	}
	api := &webapi.Client{
		Base: cmp.Or(c.BaseURL, "https://api.atlassian.com"),
		HTTP: env.HTTP,
		Auth: webapi.Static{Scheme: "Bearer", Token: key},
		Now:  env.Now,
		Log:  env.Log,
		Pace: rate.NewLimiter(rate.Every(1200*time.Millisecond), 10), // of 50 a minute
	}
	return []ingest.Stream{{
		Name:   "events",
		Every:  5 * time.Minute,
		Source: &stream{api, "/admin/v1/orgs/" + url.PathEscape(c.OrganizationID) + "/events-stream", env.Since},
	}}, nil
}

// stream reads the log in the order in which Atlassian processed the events.
type stream struct {
	api   *webapi.Client
	path  string
	since time.Time
}

// cursor is Atlassian's position after the last page and, for when that has expired, when the
// newest event read so far was processed.
type cursor struct {
	Next      string `json:"next,omitempty"`
	Processed int64  `json:"processed,omitempty"` // Unix milliseconds
}

const (
	overlap = 24 * time.Hour
	keeps   = 180 * 24 * time.Hour
)

// Fetch implements ingest.Source.
func (t *stream) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := t.api.Clock()
	page := ingest.Page{}
	query := url.Values{"limit": {"500"}}
	if c.Next != "" { // it includes order and range
		query.Set("cursor", c.Next)
	} else {
		from := t.since
		if c.Processed > 0 {
			from = time.UnixMilli(c.Processed).Add(-overlap)
		}
		if edge := now.Add(-keeps); from.Before(edge) {
			if c.Processed > 0 {
				page.Gaps = append(page.Gaps, ingest.Gap{
					From:   from,
					To:     edge,
					Reason: "Atlassian keeps its log for 180 days",
				})
			}
			from = edge
		}
		query.Set("from", strconv.FormatInt(from.UnixMilli(), 10))
		query.Set("sortOrder", "asc")
	}

	res, err := t.api.Get(ctx, t.path+"?"+query.Encode())
	if c.Next != "" && webapi.Is(err, webapi.Refused) { // expired: start again a day before the newest event
		c.Next = ""
		page.Next, page.More = ingest.WriteCursor(c), true
		return page, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Data []struct {
			Attributes struct {
				Processed time.Time `json:"processedAt"`
			} `json:"attributes"`
		} `json:"data"`
		Meta struct {
			Next string `json:"next"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET events-stream", Err: err}
	}

	for _, e := range answer.Data {
		if !e.Attributes.Processed.IsZero() {
			c.Processed = max(c.Processed, e.Attributes.Processed.UnixMilli())
		}
	}

	if len(answer.Data) > 0 {
		page.Bodies = []ingest.Body{ingest.MemoryBody("events", res.Body)}
		page.More = answer.Meta.Next != ""
	}

	c.Next = answer.Meta.Next
	if c.Processed == 0 && c.Next == "" { // no event yet
		c.Processed = now.UnixMilli()
	}
	page.Next = ingest.WriteCursor(c)
	return page, nil
}
