package salesforce

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind salesforce: EventLogFile, SetupAuditTrail and, optionally, LoginHistory.
var Kind = ingest.Kind{
	Name: "salesforce",
	New:  func() ingest.Opener { return &Config{Version: "62.0", Interval: "Hourly"} },
}

// Config configures a source of kind salesforce. It needs an external client application with a
// user to run as, and signs in with client credentials or with the key of a certificate.
type Config struct {
	Domain       string     `yaml:"domain"`        // such as acme.my.salesforce.com
	BaseURL      string     `yaml:"base_url"`      // optional; replaces https://domain
	ClientID     string     `yaml:"client_id"`     // required
	ClientSecret secret.Ref `yaml:"client_secret"` // required without private_key
	PrivateKey   secret.Ref `yaml:"private_key"`   // replaces client_secret
	User         string     `yaml:"user"`          // user to run as; required with private_key
	Audience     string     `yaml:"audience"`      // with private_key: https://test.salesforce.com for a sandbox
	Version      string     `yaml:"api_version"`   // default 62.0
	// Interval of the log files. Hourly, the default, also reads the daily files, for events
	// that are in no hourly one. Daily is for organisations without hourly files.
	Interval string `yaml:"interval"`
	// LoginHistory is whether sign-ins are read from the login history. It is for organisations whose log files
	// have no sign-ins; in others, every sign-in would count twice.
	LoginHistory bool `yaml:"login_history"`
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if c.Interval != "Hourly" && c.Interval != "Daily" {
		return errors.New("interval: Hourly or Daily")
	}
	if c.PrivateKey != "" {
		return ingest.RequireSettings("domain", cmp.Or(c.Domain, c.BaseURL), "client_id", c.ClientID, "user", c.User)
	}
	return ingest.RequireSettings("domain", cmp.Or(c.Domain, c.BaseURL), "client_id", c.ClientID,
		"client_secret (or private_key)", string(c.ClientSecret))
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	base := cmp.Or(c.BaseURL, "https://"+c.Domain)
	auth := &webapi.OAuth{HTTP: env.HTTP, URL: base + "/services/oauth2/token", ClientID: c.ClientID, Now: env.Now}
	if c.PrivateKey != "" {
		text, err := secret.Resolve(ctx, c.PrivateKey)
		if err != nil {
			return nil, err
		}
		key, err := webapi.ParseKey(text, secret.Secret{})
		if err != nil {
			return nil, err
		}

		auth.Form = func(now time.Time) (url.Values, error) {
			t, err := webapi.Assertion(key, "", map[string]any{
				"iss": c.ClientID,
				"sub": c.User,
				"aud": cmp.Or(c.Audience, "https://login.salesforce.com"),
				"exp": now.Add(3 * time.Minute).Unix(),
			})
			return url.Values{"grant_type": {webapi.JWTBearer}, "assertion": {t}}, err
		}
	} else {
		var err error
		if auth.ClientSecret, err = secret.Resolve(ctx, c.ClientSecret); err != nil {
			return nil, err
		}
	}

	api := &webapi.Client{
		Base:      base,
		HTTP:      env.HTTP,
		Now:       env.Now,
		Log:       env.Log,
		Auth:      auth,
		Throttled: func(body []byte) bool { return bytes.Contains(body, []byte("REQUEST_LIMIT_EXCEEDED")) },
	}

	query := "/services/data/v" + c.Version + "/query?q="
	streams := []ingest.Stream{
		{
			Name:     "EventLogFile",
			Every:    15 * time.Minute,
			Parallel: 2,
			Source:   &logFiles{api, query, c.Interval, env.Since},
		},
		{
			Name:  "SetupAuditTrail",
			Every: 5 * time.Minute,
			Source: &rows{
				api, query,
				"Id, Action, Section, Display, CreatedDate, CreatedById, CreatedBy.Username, CreatedBy.Email, DelegateUser",
				"SetupAuditTrail", "CreatedDate", env.Since,
			},
		},
	}
	if c.Interval == "Hourly" {
		streams = append(streams, ingest.Stream{
			Name:     "EventLogFile.Daily",
			Every:    6 * time.Hour,
			Parallel: 2,
			Source:   &logFiles{api, query, "Daily", env.Since},
		})
	}

	if c.LoginHistory {
		streams = append(streams, ingest.Stream{
			Name:  "LoginHistory",
			Every: 5 * time.Minute,
			Source: &rows{
				api, query,
				"Id, UserId, LoginTime, LoginType, LoginUrl, SourceIp, Status, Platform, Browser, Application, " +
					"ClientVersion, ApiType, CountryIso",
				"LoginHistory", "LoginTime", env.Since,
			},
		})
	}

	return streams, nil
}

// answer is a page of the result of a query.
type answer struct {
	Records []json.RawMessage `json:"records"`
	Done    bool              `json:"done"`
	Next    string            `json:"nextRecordsUrl"`
}

// query makes a SOQL query, or fetches the next page of its result.
func runQuery(ctx context.Context, api *webapi.Client, target, soql string) (a answer, body []byte, err error) {
	if soql != "" {
		target += url.QueryEscape(soql)
	}
	res, err := api.Get(ctx, target)
	if err != nil {
		return a, nil, err
	}
	if err := json.Unmarshal(res.Body, &a); err != nil {
		return a, nil, &webapi.Error{Op: "GET query", Err: err}
	}
	return a, res.Body, nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z") }

// moment parses a time as Salesforce writes it, with +0000.
func moment(text string) (int64, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), true
		}
	}
	return 0, false
}

// logFiles lists the files of event monitoring by the time of their creation, and fetches them
// one by one. Late events are in another file of the same hour. Rows that are repeated in it
// count once.
type logFiles struct {
	api      *webapi.Client
	query    string
	interval string
	since    time.Time
}

const (
	overlap = 24 * time.Hour
	keeps   = 30 * 24 * time.Hour
)

type fileCursor struct {
	Created int64  `json:"created,omitempty"` // creation of the newest file listed, Unix milliseconds
	Page    string `json:"page,omitempty"`
	Listed  int64  `json:"listed,omitempty"` // last time that the list was read to its end, Unix milliseconds
}

// Fetch implements ingest.Source.
func (l *logFiles) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[fileCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	page := ingest.Page{}
	now := l.api.Clock()
	from := l.since
	if c.Created > 0 {
		from = time.UnixMilli(c.Created).Add(-overlap)
	}

	if listed := time.UnixMilli(c.Listed); c.Listed > 0 && c.Page == "" && now.Sub(listed) > keeps {
		page.Gaps = append(page.Gaps, ingest.Gap{
			From:   listed,
			To:     now.Add(-keeps),
			Reason: "Salesforce keeps log files for 30 days",
		})
	}
	target, soql := c.Page, ""
	if target == "" {
		target = l.query
		soql = "SELECT Id, EventType, CreatedDate, LogDate, LogFile, LogFileLength, Interval, Sequence " +
			"FROM EventLogFile WHERE Interval = '" + l.interval + "' AND CreatedDate >= " + stamp(
			from.UnixMilli()) + " ORDER BY CreatedDate ASC, Id ASC"
	}

	a, _, err := runQuery(ctx, l.api, target, soql)
	if c.Page != "" && webapi.Is(err, webapi.Refused) {
		c.Page = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return page, err
	}
	newest := c.Created
	for _, rec := range a.Records {
		var f struct {
			ID, CreatedDate, LogFile string
		}
		if err := json.Unmarshal(rec, &f); err != nil || f.ID == "" || f.LogFile == "" {
			return page, &webapi.Error{Op: "GET query", Err: errors.New("a log file without Id or LogFile")}
		}
		at, ok := moment(f.CreatedDate)
		if !ok {
			at = now.UnixMilli()
		}

		newest = max(newest, at)
		page.Bodies = append(page.Bodies, ingest.Body{
			ID:   f.ID,
			Name: "EventLogFile " + f.ID,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return l.file(ctx, f.LogFile, at) },
		})
	}

	c.Created = newest
	if c.Page = a.Next; a.Done || c.Page == "" {
		c.Page, c.Listed = "", now.UnixMilli()
	}
	page.Next, page.More = ingest.WriteCursor(c), c.Page != ""
	return page, nil
}

// file opens a log file. An error has a status of its own, so it is never taken for rows.
func (l *logFiles) file(ctx context.Context, path string, created int64) (io.ReadCloser, error) {
	in, err := l.api.Open(ctx, path)
	if webapi.Status(err) == 404 {
		at := time.UnixMilli(created)
		return nil, &ingest.Gap{From: at, To: at, Reason: path + " is gone: it was deleted or is too old"}
	}
	return in, err
}

// rows reads an object that is queried by the time of its rows.
type rows struct {
	api    *webapi.Client
	query  string
	fields string
	object string
	at     string // name of the field with the time
	since  time.Time
}

var sweeps = ingest.SweepPlan{
	Lag:       time.Minute,
	Overlap:   10 * time.Minute,
	Daily:     24 * time.Hour,
	MaxSpan:   24 * time.Hour,
	Retention: 180 * 24 * time.Hour,
}

type rowCursor struct {
	ingest.SweepState
	Page string `json:"page,omitempty"`
}

// Fetch implements ingest.Source.
func (r *rows) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[rowCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := r.api.Clock()
	page, ok := sweeps.Page(&c.SweepState, r.since, now)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	target, soql := c.Page, ""
	if target == "" {
		target = r.query
		soql = strings.Join([]string{
			"SELECT",
			r.fields,
			"FROM",
			r.object,
			"WHERE",
			r.at,
			">=",
			stamp(c.From),
			"AND",
			r.at,
			"<",
			stamp(c.To + 999),
			"ORDER BY",
			r.at,
			"ASC",
		}, " ")
	}

	a, body, err := runQuery(ctx, r.api, target, soql)
	if c.Page != "" && webapi.Is(err, webapi.Refused) {
		c.Page = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return page, err
	}
	if len(a.Records) > 0 {
		page.Bodies = []ingest.Body{ingest.MemoryBody(r.object, body)}
	}
	if c.Page = a.Next; c.Page != "" && !a.Done {
		page.More = true
	} else {
		c.Page, page.More = "", sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
