package zoom

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind zoom: the reports API.
var Kind = ingest.Kind{Name: "zoom", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind zoom. It needs a server-to-server OAuth application with
// the scope report:read:admin.
type Config struct {
	BaseURL      string     `yaml:"base_url"`      // optional; https://api.zoomgov.com for Zoom for Government
	TokenURL     string     `yaml:"token_url"`     // optional; https://zoomgov.com/oauth/token for the same
	AccountID    string     `yaml:"account_id"`    // required
	ClientID     string     `yaml:"client_id"`     // required
	ClientSecret secret.Ref `yaml:"client_secret"` // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	return ingest.RequireSettings("account_id", c.AccountID, "client_id", c.ClientID, "client_secret", string(c.ClientSecret))
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	password, err := secret.Resolve(ctx, c.ClientSecret)
	if err != nil {
		return nil, err
	}
	auth := &webapi.OAuth{
		HTTP:         env.HTTP,
		URL:          cmp.Or(c.TokenURL, "https://zoom.us/oauth/token"),
		ClientID:     c.ClientID,
		ClientSecret: password,
		Basic:        true,
		Now:          env.Now,
	}
	auth.Form = func(time.Time) (url.Values, error) {
		return url.Values{"grant_type": {"account_credentials"}, "account_id": {c.AccountID}}, nil
	}
	api := &webapi.Client{
		Base: cmp.Or(c.BaseURL, "https://api.zoom.us"),
		HTTP: env.HTTP,
		Auth: auth,
		Now:  env.Now,
		Log:  env.Log,
		Pace: rate.NewLimiter(2, 10),
	}
	stream := func(name string) ingest.Stream {
		return ingest.Stream{
			Name:   name,
			Every:  30 * time.Minute, // heavy requests have a daily quota
			Source: &report{api, name, env.Since},
		}
	}
	return []ingest.Stream{stream("operationlogs"), stream("activities")}, nil
}

// report reads one of the reports, which are queried by day. Today and yesterday are queried
// every time; repeated rows count once.
type report struct {
	api   *webapi.Client
	name  string
	since time.Time
}

type cursor struct {
	Done  string `json:"done,omitempty"` // last day of the last range that was read to its end
	From  string `json:"from,omitempty"` // first day of the current range
	To    string `json:"to,omitempty"`
	Token string `json:"token,omitempty"`
}

const (
	month = 30  // days that a request may span
	keeps = 180 // days for which Zoom keeps its reports
)

// Fetch implements ingest.Source.
func (r *report) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	page := ingest.Page{}
	today := r.api.Clock().UTC().Truncate(24 * time.Hour)
	if c.From == "" {
		from := r.since.UTC().Truncate(24 * time.Hour)
		if done, err := time.Parse(time.DateOnly, c.Done); err == nil {
			from = done
			if !done.Before(today.AddDate(0, 0, -1)) {
				from = today.AddDate(0, 0, -1)
			}
		}

		if edge := today.AddDate(0, 0, -keeps); from.Before(edge) {
			if c.Done != "" {
				page.Gaps = append(page.Gaps, ingest.Gap{
					From:   from,
					To:     edge,
					Reason: "Zoom keeps its reports for six months",
				})
			}
			from = edge
		}

		to := from.AddDate(0, 0, month-1)
		if to.After(today) {
			to = today
		}
		c.From, c.To = from.Format(time.DateOnly), to.Format(time.DateOnly)
	}

	query := url.Values{"from": {c.From}, "to": {c.To}, "page_size": {"300"}}
	if c.Token != "" {
		query.Set("next_page_token", c.Token)
	}
	res, err := r.api.Get(ctx, "/v2/report/"+r.name+"?"+query.Encode())
	if c.Token != "" && webapi.Is(err, webapi.Refused) { // page tokens expire after 15 minutes: start the range again
		c.Token = ""
		page.Next, page.More = ingest.WriteCursor(c), true
		return page, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Token      string            `json:"next_page_token"`
		Operations []json.RawMessage `json:"operation_logs"`
		Activities []json.RawMessage `json:"activity_logs"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET /v2/report/" + r.name, Err: err}
	}

	if len(answer.Operations)+len(answer.Activities) > 0 {
		page.Bodies = []ingest.Body{ingest.MemoryBody(r.name, res.Body)}
	}
	if c.Token = answer.Token; c.Token != "" {
		page.More = true
	} else {
		page.More = c.To < today.Format(time.DateOnly)
		c = cursor{Done: c.To}
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
