package github

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind github: the audit log API of GitHub Enterprise.
var Kind = ingest.Kind{Name: "github", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind github. It reads organisations, or an enterprise with all
// of its organisations, and needs a token with the scope read:audit_log.
type Config struct {
	BaseURL       string     `yaml:"base_url"`      // https://HOST/api/v3 for GitHub Enterprise Server
	Organizations []string   `yaml:"organizations"` // names; required without enterprise
	Enterprise    string     `yaml:"enterprise"`    // name; required without organizations
	Token         secret.Ref `yaml:"token"`         // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if len(c.Organizations) == 0 && c.Enterprise == "" {
		return errors.New("organizations or enterprise are required")
	}
	return ingest.RequireSettings("token", string(c.Token))
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	api := &webapi.Client{
		Base:      cmp.Or(c.BaseURL, "https://api.github.com"),
		HTTP:      env.HTTP,
		Now:       env.Now,
		Log:       env.Log,
		Auth:      webapi.Static{Scheme: "Bearer", Token: token},
		Spare:     .1,
		Header:    http.Header{"Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}},
		Pace:      rate.NewLimiter(rate.Every(2200*time.Millisecond), 50), // of 1,750 an hour
		Throttled: func(body []byte) bool { return bytes.Contains(bytes.ToLower(body), []byte("rate limit")) },
	}
	var streams []ingest.Stream
	add := func(name, path string) {
		streams = append(streams, ingest.Stream{
			Name:   name,
			Every:  time.Minute,
			Source: &auditLog{api, path, env.Since},
		})
	}
	for _, org := range c.Organizations {
		add(org, "/orgs/"+url.PathEscape(org)+"/audit-log")
	}
	if c.Enterprise != "" {
		add(c.Enterprise, "/enterprises/"+url.PathEscape(c.Enterprise)+"/audit-log")
	}
	return streams, nil
}

// auditLog reads the log of an organisation or enterprise, including Git events, oldest first.
type auditLog struct {
	api   *webapi.Client
	path  string
	since time.Time
}

const (
	keeps    = 180 * 24 * time.Hour
	keepsGit = 7 * 24 * time.Hour
)

var sweeps = ingest.SweepPlan{
	Overlap:   10 * time.Minute,
	Daily:     24 * time.Hour,
	MaxSpan:   24 * time.Hour,
	Retention: keeps,
}

type cursor struct {
	ingest.SweepState
	Next string `json:"next_link,omitempty"`
}

// Fetch implements ingest.Source.
func (l *auditLog) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := l.api.Clock()
	var git []ingest.Gap
	if end := time.UnixMilli(c.End); c.End > 0 && c.To == 0 && now.Sub(end) > keepsGit && now.Sub(end) <= keeps && c.SweepState.Next == 0 {
		git = append(git, ingest.Gap{
			From:   end,
			To:     now.Add(-keepsGit),
			Reason: "GitHub keeps what Git does (clones, fetches, pushes) for seven days",
		})
	}

	page, ok := sweeps.Page(&c.SweepState, l.since, now)
	page.Gaps = append(page.Gaps, git...)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	target := c.Next
	if target == "" {
		stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05+00:00") }
		target = l.path + "?" + url.Values{
			"phrase":   {"created:" + stamp(c.From) + ".." + stamp(c.To+999)},
			"include":  {"all"},
			"order":    {"asc"},
			"per_page": {"100"},
		}.Encode()
	}

	res, err := l.api.Get(ctx, target)
	if c.Next != "" && webapi.Is(err, webapi.Refused) { // the link has expired
		c.Next = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if webapi.Status(err) == http.StatusNotFound {
		return ingest.Page{}, errors.Join(err, errors.New(
			"GitHub answers so where the token lacks read:audit_log, is not authorised for single sign-on, or the "+
				"organisation is not of an enterprise"))
	}

	if err != nil {
		return ingest.Page{}, err
	}
	if !bytes.Equal(bytes.TrimSpace(res.Body), []byte("[]")) {
		page.Bodies = []ingest.Body{ingest.MemoryBody(strings.TrimPrefix(l.path, "/"), res.Body)}
	}
	if c.Next = webapi.NextLink(res.Header); c.Next != "" {
		page.More = true
	} else {
		page.More = sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
