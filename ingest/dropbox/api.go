package dropbox

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind dropbox: the team log.
var Kind = ingest.Kind{Name: "dropbox", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind dropbox. It needs a team application with the scope
// events.read, and a refresh token that a team administrator authorised.
type Config struct {
	BaseURL      string     `yaml:"base_url"`      // optional; replaces https://api.dropboxapi.com
	AppKey       string     `yaml:"app_key"`       // required
	AppSecret    secret.Ref `yaml:"app_secret"`    // required
	RefreshToken secret.Ref `yaml:"refresh_token"` // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	return ingest.RequireSettings("app_key", c.AppKey, "app_secret", string(c.AppSecret), "refresh_token", string(c.RefreshToken))
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	appSecret, err := secret.Resolve(ctx, c.AppSecret)
	if err != nil {
		return nil, err
	}
	refresh, err := secret.Resolve(ctx, c.RefreshToken)
	if err != nil {
		return nil, err
	}
	base := cmp.Or(c.BaseURL, "https://api.dropboxapi.com")
	api := &webapi.Client{Base: base, HTTP: env.HTTP, Now: env.Now, Log: env.Log}
	api.Auth = &webapi.OAuth{
		HTTP:         env.HTTP,
		URL:          base + "/oauth2/token",
		ClientID:     c.AppKey,
		ClientSecret: appSecret,
		Now:          env.Now,
		Form: func(time.Time) (url.Values, error) {
			return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}}, nil
		},
	}
	return []ingest.Stream{{Name: "team_log", Every: 45 * time.Second, Source: &teamLog{api, env.Since}}}, nil
}

// teamLog follows the cursor of the team log, which changes with every answer.
type teamLog struct {
	api   *webapi.Client
	since time.Time
}

type cursor struct {
	Cursor string `json:"cursor,omitempty"`
	At     int64  `json:"at"` // last use, Unix milliseconds
}

// again is how far events are read again before the last use of a cursor that was lost.
const again = time.Hour

// Fetch implements ingest.Source.
func (l *teamLog) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	target, body := "/2/team_log/get_events/continue", any(map[string]any{"cursor": c.Cursor})
	if c.Cursor == "" {
		from := l.since
		if c.At > 0 {
			from = time.UnixMilli(c.At).Add(-again)
		}
		target, body = "/2/team_log/get_events", map[string]any{
			"limit": 1000,
			"time":  map[string]string{"start_time": from.UTC().Format("2006-01-02T15:04:05Z")},
		}
	}

	b, err := json.Marshal(body)
	if err != nil {
		return ingest.Page{}, err
	}
	now := l.api.Clock()
	res, err := l.api.Post(ctx, target, b)
	if c.Cursor != "" && webapi.Status(err) == 409 { // reset or bad_cursor
		return ingest.Page{Next: ingest.WriteCursor(cursor{At: c.At}), More: true}, nil
	}

	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Events []json.RawMessage `json:"events"`
		Cursor string            `json:"cursor"`
		More   bool              `json:"has_more"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "POST " + target, Err: err}
	}

	page := ingest.Page{
		Next: ingest.WriteCursor(cursor{cmp.Or(answer.Cursor, c.Cursor), now.UnixMilli()}),
		More: answer.More,
	}
	if len(answer.Events) > 0 { // an answer may be empty although there is more
		page.Bodies = []ingest.Body{ingest.MemoryBody("team_log", res.Body)}
	}
	return page, nil
}
