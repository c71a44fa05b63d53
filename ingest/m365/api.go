package m365

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind m365: the Office 365 Management Activity API.
var Kind = ingest.Kind{Name: "m365", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind m365. It needs an application of the tenant with the
// application permission ActivityFeed.Read and an administrator's consent.
type Config struct {
	BaseURL      string     `yaml:"base_url"`      // for other clouds, such as https://manage-gcc.office.com
	LoginURL     string     `yaml:"login_url"`     // for other clouds; replaces https://login.microsoftonline.com
	Tenant       string     `yaml:"tenant"`        // GUID; required
	ClientID     string     `yaml:"client_id"`     // required
	ClientSecret secret.Ref `yaml:"client_secret"` // required
	ContentTypes []string   `yaml:"content_types"` // optional; replaces the default list
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	return ingest.RequireSettings("tenant", c.Tenant, "client_id", c.ClientID, "client_secret", string(c.ClientSecret))
}

// contentTypes are the content types that are read by default.
var contentTypes = []string{"Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General"}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	s, err := secret.Resolve(ctx, c.ClientSecret)
	if err != nil {
		return nil, err
	}
	root := cmp.Or(c.BaseURL, "https://manage.office.com")
	auth := &webapi.OAuth{
		HTTP:         env.HTTP,
		URL:          cmp.Or(c.LoginURL, "https://login.microsoftonline.com") + "/" + url.PathEscape(c.Tenant) + "/oauth2/v2.0/token",
		ClientID:     c.ClientID,
		ClientSecret: s,
		Scopes:       []string{root + "/.default"},
		Now:          env.Now,
	}

	// of 2,000 a minute
	api := &webapi.Client{
		Base:      root,
		HTTP:      env.HTTP,
		Now:       env.Now,
		Log:       env.Log,
		Auth:      auth,
		Pace:      rate.NewLimiter(15, 30),
		Throttled: func(body []byte) bool { return bytes.Contains(body, []byte("AF429")) },
	}

	types := c.ContentTypes
	if len(types) == 0 {
		types = contentTypes
	}
	var streams []ingest.Stream
	for _, t := range types {
		streams = append(streams, ingest.Stream{
			Name:     t,
			Every:    4 * time.Minute,
			Parallel: 4,
			Source:   &feed{api, "/api/v1.0/" + url.PathEscape(c.Tenant) + "/activity/feed", c.Tenant, t, env.Since},
		})
	}

	return streams, nil
}

// feed reads one content type. Blobs of records are listed by the time at which they became
// available, and fetched one by one.
type feed struct {
	api         *webapi.Client
	path        string
	tenant      string
	contentType string
	since       time.Time
}

// Blobs are listed for seven days, and a list spans at most 24 hours. The earliest start keeps
// a few minutes from the edge for the duration of the calls. Blobs are registered late, with an
// earlier time, so lists overlap.
var sweeps = ingest.SweepPlan{
	Overlap:   15 * time.Minute,
	Hourly:    2 * time.Hour,
	Daily:     24 * time.Hour,
	MaxSpan:   24 * time.Hour,
	Retention: 167*time.Hour + 55*time.Minute,
}

type cursor struct {
	ingest.SweepState
	Page       string `json:"page,omitempty"` // next page of the current list
	Subscribed bool   `json:"subscribed,omitempty"`
}

// Fetch implements ingest.Source.
func (f *feed) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	if !c.Subscribed {
		if err := f.subscribe(ctx); err != nil {
			return ingest.Page{}, err
		}
		c.Subscribed = true
	}
	return f.list(ctx, &c)
}

// subscribe subscribes to the content type. Events before the subscription are lost.
func (f *feed) subscribe(ctx context.Context) error {
	_, err := f.api.Post(ctx, f.path+"/subscriptions/start?"+url.Values{
		"contentType":         {f.contentType},
		"PublisherIdentifier": {f.tenant},
	}.Encode(), nil)
	if webapi.Says(err, "AF20024") { // already subscribed
		return nil
	}
	return err
}

// list reads a page of the list of blobs. Their content is opened later.
func (f *feed) list(ctx context.Context, c *cursor) (ingest.Page, error) {
	now := f.api.Clock()
	page, ok := sweeps.Page(&c.SweepState, f.since, now)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	target := c.Page
	if target == "" {
		stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05") }
		target = f.path + "/subscriptions/content?" + url.Values{
			"contentType":         {f.contentType},
			"startTime":           {stamp(c.From)},
			"endTime":             {stamp(c.To)},
			"PublisherIdentifier": {f.tenant},
		}.Encode()
	}

	res, err := f.api.Get(ctx, target)
	switch {
	case webapi.Says(err, "AF20022"), webapi.Says(err, "AF20023"): // the subscription was ended
		c.Subscribed = false
		page.Gaps = append(page.Gaps, ingest.Gap{
			From:   time.UnixMilli(c.From),
			To:     now,
			Reason: "the subscription of " + f.contentType + " was ended: what happened meanwhile is not collected",
		})
		page.Next, page.More = ingest.WriteCursor(c), true
		return page, nil
	case c.Page != "" && webapi.Is(err, webapi.Refused): // AF20031: the page has expired
		c.Page = ""
		page.Next, page.More = ingest.WriteCursor(c), true
		return page, nil
	case err != nil:
		return page, err
	}

	var blobs []struct {
		ID      string `json:"contentId"`
		URI     string `json:"contentUri"`
		Created string `json:"contentCreated"`
		Expires string `json:"contentExpiration"`
	}
	if err := json.Unmarshal(res.Body, &blobs); err != nil {
		return page, &webapi.Error{Op: "GET " + f.path + "/subscriptions/content", Err: err}
	}

	for _, b := range blobs {
		if expires, err := time.Parse(time.RFC3339, b.Expires); err == nil && expires.Before(now) {
			continue
		}
		page.Bodies = append(page.Bodies, ingest.Body{
			ID:   b.ID,
			Name: f.contentType + " " + b.ID,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return f.blob(ctx, b.URI, b.Created) },
		})
	}

	if c.Page = res.Header.Get("NextPageUri"); c.Page != "" {
		page.More = true
	} else {
		page.More = sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// blob opens a blob. One that no longer exists is a gap.
func (f *feed) blob(ctx context.Context, target, created string) (io.ReadCloser, error) {
	if u, err := url.Parse(target); err == nil {
		q := u.Query()
		q.Set("PublisherIdentifier", f.tenant)
		u.RawQuery = q.Encode()
		target = u.String()
	}
	in, err := f.api.Open(ctx, target)
	if webapi.Is(err, webapi.Refused) && (webapi.Status(err) == 404 || webapi.Says(err, "AF2005")) {
		at, _ := time.Parse(time.RFC3339, created)
		return nil, &ingest.Gap{From: at, To: at, Reason: "a blob of " + f.contentType + " is gone: " + err.Error()}
	}
	return in, err
}
