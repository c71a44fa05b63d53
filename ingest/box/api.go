package box

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind box: the enterprise events API.
var Kind = ingest.Kind{Name: "box", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind box. It needs an application with the scope "Manage
// enterprise properties" that signs in with client credentials, or with the key file of the
// developer console.
type Config struct {
	BaseURL      string     `yaml:"base_url"`      // optional; replaces https://api.box.com
	EnterpriseID string     `yaml:"enterprise_id"` // required without app
	ClientID     string     `yaml:"client_id"`     // required without app
	ClientSecret secret.Ref `yaml:"client_secret"` // required without app
	App          secret.Ref `yaml:"app"`           // key file; replaces the three
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if c.App != "" {
		return nil
	}
	return ingest.RequireSettings("enterprise_id (or app)", c.EnterpriseID, "client_id", c.ClientID,
		"client_secret", string(c.ClientSecret))
}

// application is the key file of the developer console.
type application struct {
	Settings struct {
		ClientID     string `json:"clientID"`
		ClientSecret string `json:"clientSecret"`
		Auth         struct {
			KeyID      string `json:"publicKeyID"`
			Key        string `json:"privateKey"`
			Passphrase string `json:"passphrase"`
		} `json:"appAuth"`
	} `json:"boxAppSettings"`
	EnterpriseID string `json:"enterpriseID"`
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	base := cmp.Or(c.BaseURL, "https://api.box.com")
	endpoint := base + "/oauth2/token"
	auth := &webapi.OAuth{HTTP: env.HTTP, URL: endpoint, Now: env.Now}
	if c.App != "" {
		text, err := secret.Resolve(ctx, c.App)
		if err != nil {
			return nil, err
		}
		var app application
		if json.Unmarshal([]byte(text.Reveal()), &app) != nil || app.Settings.ClientID == "" {
			return nil, errors.New("app: not the file of Box's developer console")
		}

		key, err := webapi.ParseKey(secret.New(app.Settings.Auth.Key), secret.New(app.Settings.Auth.Passphrase))
		if err != nil {
			return nil, err
		}
		auth.ClientID, auth.ClientSecret = app.Settings.ClientID, secret.New(app.Settings.ClientSecret)
		auth.Form = func(now time.Time) (url.Values, error) {
			t, err := webapi.Assertion(key, app.Settings.Auth.KeyID, map[string]any{
				"iss":          app.Settings.ClientID,
				"sub":          app.EnterpriseID,
				"box_sub_type": "enterprise",
				"aud":          "https://api.box.com/oauth2/token",
				"jti":          rand.Text(),
				"exp":          now.Add(45 * time.Second).Unix(),
			})
			return url.Values{"grant_type": {webapi.JWTBearer}, "assertion": {t}}, err
		}
	} else {
		s, err := secret.Resolve(ctx, c.ClientSecret)
		if err != nil {
			return nil, err
		}
		auth.ClientID, auth.ClientSecret = c.ClientID, s
		auth.Form = func(time.Time) (url.Values, error) {
			return url.Values{"box_subject_type": {"enterprise"}, "box_subject_id": {c.EnterpriseID}}, nil
		}
	}

	// of 1,000 a minute
	api := &webapi.Client{
		Base: base,
		HTTP: env.HTTP,
		Auth: auth,
		Pace: rate.NewLimiter(8, 20),
		Now:  env.Now,
		Log:  env.Log,
	}
	return []ingest.Stream{
		{Name: "admin_logs_streaming", Every: 45 * time.Second, Source: &live{api}},
		{Name: "admin_logs", Every: time.Hour, Source: &history{api, env.Since}},
	}, nil
}

// answer is a page of events. Positions may exceed the integers of a float, so they are text.
type answer struct {
	Entries []json.RawMessage `json:"entries"`
	Next    json.RawMessage   `json:"next_stream_position"`
}

func (a *answer) position() string { return string(bytes.Trim(a.Next, `"`)) }

// last returns the time of the last entry in Unix milliseconds.
func (a *answer) last() int64 {
	var e struct {
		At time.Time `json:"created_at"`
	}
	if n := len(a.Entries); n == 0 || json.Unmarshal(a.Entries[n-1], &e) != nil {
		return 0
	}
	return e.At.UnixMilli()
}

// fetchEvents fetches a page and returns it as a body, unless it is empty.
func fetchEvents(ctx context.Context, api *webapi.Client, query url.Values) (a answer, bodies []ingest.Body, err error) {
	res, err := api.Get(ctx, "/2.0/events?"+query.Encode())
	if err != nil {
		return a, nil, err
	}
	if err := json.Unmarshal(res.Body, &a); err != nil {
		return a, nil, &webapi.Error{Op: "GET /2.0/events", Err: err}
	}
	if len(a.Entries) > 0 {
		bodies = []ingest.Body{ingest.MemoryBody(query.Get("stream_type"), res.Body)}
	}
	return a, bodies, nil
}

// live reads the live stream. It has events within seconds, in any order, some of them twice,
// and for two weeks. Events that it misses are in the history.
type live struct{ api *webapi.Client }

// position is a place in the live stream.
type position struct {
	Position string `json:"position,omitempty"`
}

// Fetch implements ingest.Source.
func (l *live) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[position](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	query := url.Values{"stream_type": {"admin_logs_streaming"}, "limit": {"500"}}
	if c.Position != "" {
		query.Set("stream_position", c.Position)
	}
	a, bodies, err := fetchEvents(ctx, l.api, query)
	if c.Position != "" && webapi.Is(err, webapi.Refused) { // start again from the oldest event
		return ingest.Page{Next: ingest.WriteCursor(position{}), More: true}, nil
	}
	if err != nil {
		return ingest.Page{}, err
	}
	next := cmp.Or(a.position(), c.Position)
	return ingest.Page{
		Bodies: bodies,
		Next:   ingest.WriteCursor(position{next}),
		More:   len(bodies) > 0 || next != c.Position,
	}, nil
}

// history reads the events that are a day old: complete and in order.
type history struct {
	api   *webapi.Client
	since time.Time
}

var sweeps = ingest.SweepPlan{
	Lag:       24 * time.Hour,
	Overlap:   time.Hour,
	MaxSpan:   24 * time.Hour,
	Retention: 365 * 24 * time.Hour,
}

type progress struct {
	ingest.SweepState
	Position string `json:"position,omitempty"`
}

// Fetch implements ingest.Source.
func (h *history) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[progress](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := h.api.Clock()
	page, ok := sweeps.Page(&c.SweepState, h.since, now)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	query := url.Values{"stream_type": {"admin_logs"}, "limit": {"500"}}
	if c.Position != "" { // Box ignores times beside a position
		query.Set("stream_position", c.Position)
	} else {
		query.Set("created_after", stamp(c.From))
		query.Set("created_before", stamp(c.To))
	}

	a, bodies, err := fetchEvents(ctx, h.api, query)
	if c.Position != "" && webapi.Is(err, webapi.Refused) { // start the sweep again
		c.Position = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	page.Bodies = bodies
	if next := a.position(); len(bodies) > 0 && next != "" && next != "0" && next != c.Position && a.last() <= c.To {
		c.Position, page.More = next, true
	} else {
		c.Position, page.More = "", sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
