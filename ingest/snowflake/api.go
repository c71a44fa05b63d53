package snowflake

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind snowflake: the account usage views, read through the SQL API.
var Kind = ingest.Kind{Name: "snowflake", New: func() ingest.Opener { return &Config{} }}

// Config configures a source of kind snowflake. It needs a service user with a key pair or a
// programmatic access token, whose role may read the account usage views.
type Config struct {
	Account    string     `yaml:"account"`     // ORGANISATION-ACCOUNT, or a locator with its region
	BaseURL    string     `yaml:"base_url"`    // optional; replaces https://account.snowflakecomputing.com
	User       string     `yaml:"user"`        // required without token
	PrivateKey secret.Ref `yaml:"private_key"` // required without token
	Passphrase secret.Ref `yaml:"passphrase"`  // of private_key; optional
	Token      secret.Ref `yaml:"token"`       // replaces private_key
	Role       string     `yaml:"role"`        // optional; the user's default role if empty
	Warehouse  string     `yaml:"warehouse"`   // required
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if c.Token != "" {
		return ingest.RequireSettings("account", cmp.Or(c.Account, c.BaseURL), "warehouse", c.Warehouse)
	}
	return ingest.RequireSettings("account", c.Account, "user", c.User, "private_key (or token)", string(c.PrivateKey),
		"warehouse", c.Warehouse)
}

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	host := strings.ToLower(strings.ReplaceAll(c.Account, "_", "-"))
	api := &webapi.Client{
		Base:   cmp.Or(c.BaseURL, "https://"+host+".snowflakecomputing.com"),
		HTTP:   env.HTTP,
		Now:    env.Now,
		Log:    env.Log,
		Header: http.Header{},
		Pace:   rate.NewLimiter(5, 20),
	}
	if c.Token != "" {
		token, err := secret.Resolve(ctx, c.Token)
		if err != nil {
			return nil, err
		}
		api.Auth = webapi.Static{Scheme: "Bearer", Token: token}
		api.Header.Set("X-Snowflake-Authorization-Token-Type", "PROGRAMMATIC_ACCESS_TOKEN")
	} else {
		text, err := secret.Resolve(ctx, c.PrivateKey)
		if err != nil {
			return nil, err
		}
		pass, err := secret.Resolve(ctx, c.Passphrase)
		if err != nil {
			return nil, err
		}

		key, err := webapi.ParseKey(text, pass)
		if err != nil {
			return nil, err
		}
		if api.Auth, err = newKeyPair(key, c.Account, c.User, env.Now); err != nil {
			return nil, err
		}

		api.Header.Set("X-Snowflake-Authorization-Token-Type", "KEYPAIR_JWT")
	}

	view := func(name, at string, columns []string, sweeps ingest.SweepPlan) ingest.Stream {
		return ingest.Stream{
			Name:   name,
			Every:  15 * time.Minute,
			Source: &rows{api: api, name: name, columns: columns, at: at, conf: *c, since: env.Since, sweeps: sweeps},
		}
	}

	return []ingest.Stream{
		view("LOGIN_HISTORY", "EVENT_TIMESTAMP", []string{
			"EVENT_ID", "EVENT_TYPE", "USER_NAME", "CLIENT_IP", "REPORTED_CLIENT_TYPE", "REPORTED_CLIENT_VERSION",
			"SECOND_AUTHENTICATION_FACTOR", "IS_SUCCESS", "ERROR_CODE", "ERROR_MESSAGE",
		},
			ingest.SweepPlan{Overlap: 3 * time.Hour, Daily: 24 * time.Hour, MaxSpan: 24 * time.Hour, Retention: keeps}),
		view("QUERY_HISTORY", "END_TIME", []string{
			"QUERY_ID", "QUERY_TYPE", "QUERY_TEXT", "SESSION_ID", "USER_NAME", "ROLE_NAME", "DATABASE_NAME",
			"SCHEMA_NAME", "EXECUTION_STATUS", "ERROR_CODE", "ERROR_MESSAGE", "ROWS_PRODUCED", "ROWS_UNLOADED",
			"BYTES_WRITTEN_TO_RESULT", "OUTBOUND_DATA_TRANSFER_BYTES",
		},
			ingest.SweepPlan{
				Overlap:   time.Hour,
				Hourly:    4 * time.Hour,
				Daily:     24 * time.Hour,
				MaxSpan:   6 * time.Hour,
				Retention: keeps,
			}),
	}, nil
}

const keeps = 365 * 24 * time.Hour

// keyPair signs the tokens of a key pair, which are valid for an hour.
type keyPair struct {
	key         *rsa.PrivateKey
	issuer, sub string
	now         func() time.Time

	mu    sync.Mutex
	token string
	until time.Time
}

func newKeyPair(key *rsa.PrivateKey, account, user string, now func() time.Time) (*keyPair, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	account, _, _ = strings.Cut(strings.ToUpper(account), ".") // without the region of a locator
	sub := account + "." + strings.ToUpper(user)
	return &keyPair{
		key:    key,
		issuer: sub + ".SHA256:" + base64.StdEncoding.EncodeToString(sum[:]),
		sub:    sub,
		now:    now,
	}, nil
}

// Authorization implements webapi.Authorizer.
func (k *keyPair) Authorization(_ context.Context, fresh bool) (string, []string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if fresh || now.After(k.until) {
		t, err := webapi.Assertion(k.key, "", map[string]any{
			"iss": k.issuer,
			"sub": k.sub,
			"iat": now.Unix(),
			"exp": now.Add(59 * time.Minute).Unix(),
		})
		if err != nil {
			return "", nil, err
		}
		k.token, k.until = t, now.Add(45*time.Minute)
	}
	return "Bearer " + k.token, []string{k.token}, nil
}

// rows reads a view that is queried by the time of its rows. Some rows appear hours later.
type rows struct {
	api     *webapi.Client
	name    string
	columns []string
	at      string // name of the column with the time
	conf    Config
	since   time.Time
	sweeps  ingest.SweepPlan
}

// statement returns the statement for the rows of a time range, in Unix milliseconds, with the
// e-mail addresses of their users. Times are in UTC, whatever the time zone of the session.
func (r *rows) statement(from, to int64) string {
	var b strings.Builder
	b.WriteString("SELECT ")
	for _, c := range r.columns {
		if c == "QUERY_TEXT" {
			fmt.Fprintf(&b, "LEFT(v.%s, %d), ", c, textLimit)
		} else {
			fmt.Fprintf(&b, "v.%s, ", c)
		}
	}
	fmt.Fprintf(&b, `u.EMAIL, TO_CHAR(CONVERT_TIMEZONE('UTC', v.%s), 'YYYY-MM-DD"T"HH24:MI:SS.FF3"Z"')`, r.at)
	fmt.Fprintf(&b,
		" FROM SNOWFLAKE.ACCOUNT_USAGE.%s v LEFT JOIN SNOWFLAKE.ACCOUNT_USAGE.USERS u ON u.NAME = v.USER_NAME AND u.DELETED_ON IS NULL",
		r.name)
	fmt.Fprintf(&b, " WHERE v.%s >= TO_TIMESTAMP_LTZ(%d, 3) AND v.%s < TO_TIMESTAMP_LTZ(%d, 3) ORDER BY v.%s", r.at, from, r.at, to, r.at)
	return b.String()
}

// records returns the rows of an answer as JSON objects, as in exports of these views.
func (r *rows) records(data [][]*string) ([]byte, error) {
	names := append(slices.Clone(r.columns), "USER_EMAIL", r.at)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, cells := range data {
		if len(cells) != len(names) {
			return nil, &webapi.Error{
				Op:  "statements",
				Err: fmt.Errorf("a row of %d cells rather than %d", len(cells), len(names)),
			}
		}
		rec := map[string]*string{}
		for i, c := range cells {
			if c != nil {
				rec[names[i]] = c
			}
		}
		if err := enc.Encode(rec); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// cursor is the statement whose result is being read. Snowflake keeps results for a day.
type cursor struct {
	ingest.SweepState
	Handle string `json:"handle,omitempty"`
	Part   int    `json:"part,omitempty"`  // next part of the result
	Parts  int    `json:"parts,omitempty"` // number of parts; 0 while unknown
}

// answer is a result, a part of one, or the state of a running statement.
type answer struct {
	Handle string `json:"statementHandle"`
	Meta   struct {
		Parts []json.RawMessage `json:"partitionInfo"`
	} `json:"resultSetMetaData"`
	Data [][]*string `json:"data"` // nil while the statement runs
}

// Fetch implements ingest.Source.
func (r *rows) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[cursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := r.api.Clock()
	page, ok := r.sweeps.Page(&c.SweepState, r.since, now)
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	a, err := r.query(ctx, &c)
	if c.Handle != "" && webapi.Is(err, webapi.Refused) { // the result has expired: start the sweep again
		c.Handle, c.Part, c.Parts = "", 0, 0
		page.Next, page.More = ingest.WriteCursor(c), true
		return page, nil
	}

	if err != nil {
		return page, err
	}
	page.More = true
	if a.Data == nil {
		if c.Handle = cmp.Or(c.Handle, a.Handle); c.Handle == "" {
			return page, &webapi.Error{
				Op:  "statements",
				Err: errors.New("an answer with neither a result nor a handle"),
			}
		}
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	body, err := r.records(a.Data)
	if err != nil {
		return page, err
	}
	if len(body) > 0 {
		page.Bodies = []ingest.Body{ingest.MemoryBody(r.name, body)}
	}

	if c.Parts == 0 {
		c.Handle, c.Parts = cmp.Or(c.Handle, a.Handle), max(len(a.Meta.Parts), 1)
	}
	if c.Part++; c.Part >= c.Parts {
		c.Handle, c.Part, c.Parts = "", 0, 0
		page.More = r.sweeps.Finish(&c.SweepState, now)
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// query starts the statement of a sweep, or fetches the next part of its result.
func (r *rows) query(ctx context.Context, c *cursor) (*answer, error) {
	var res *webapi.Response
	var err error
	if c.Handle != "" {
		res, err = r.api.Get(ctx, "/api/v2/statements/"+url.PathEscape(c.Handle)+"?partition="+strconv.Itoa(c.Part))
	} else {
		ask := map[string]any{
			"statement":  r.statement(c.From, c.To),
			"timeout":    600,
			"warehouse":  r.conf.Warehouse,
			"parameters": map[string]string{"query_tag": "outflow"},
		}
		if r.conf.Role != "" {
			ask["role"] = r.conf.Role
		}
		var body []byte
		if body, err = json.Marshal(ask); err == nil {
			res, err = r.api.Post(ctx, "/api/v2/statements", body)
		}
	}
	if err != nil {
		return nil, err
	}
	a := new(answer)
	if err := json.Unmarshal(res.Body, a); err != nil {
		return nil, &webapi.Error{Op: "statements", Err: err}
	}
	return a, nil
}
