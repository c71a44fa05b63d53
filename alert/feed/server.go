package feed

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/finding"
)

// Server serves the API and the pages. Set the exported fields before Handler and Run.
type Server struct {
	Store    *Store                                                         // tokens, triage and the audit log
	Alerts   *alert.Store                                                   // the alerts
	Mask     func(r Role) *alert.Mask                                       // the pseudonyms of a role
	Health   func() any                                                     // state of the daemon, for the sources page and GET /v1/health
	Reports  func(ctx context.Context) (*report.Input, error)               // input of the reviews of leavers
	Digest   func(ctx context.Context, week string) (*report.Digest, error) // of a week such as 2026-W20; "" for the newest data
	Channels func() []ChannelName                                           // the channels of the configuration; nil for none
	// Events returns the events that an alert, which has its items, rests on, from the event log; nil if there is none.
	Events func(ctx context.Context, a *alert.Alert) ([]alert.Item, error)
	// Coverage returns what arrives, what was scored, and what detectors see; nil where that is not known.
	Coverage func(ctx context.Context) (*Coverage, error)
	// Watchlists returns those of the configuration, with members by account; nil for none.
	Watchlists func(ctx context.Context) ([]Watchlist, error)
	// Exempt reports whether a user has opted out of watchlists; nil if nobody can.
	Exempt func(ctx context.Context, user, department string) (bool, error)
	// Anchored keeps an anchor of the audit log elsewhere; it is called every hour. It may be nil.
	Anchored func(ctx context.Context, a Anchor) error
	// Person-days needed before counts are scored by what is usual in the organisation.
	Enough    float64
	Detectors finding.Detectors // traits of all detectors
	Now       func() time.Time  // the clock
	Log       *slog.Logger      // the program's log
	Version   string            // of the program, for OCSF
	Secure    bool              // served over TLS: cookies are sent over TLS alone
	// TrustedProxies are the networks of proxies whose X-Forwarded-For says where requests come from.
	TrustedProxies []netip.Prefix
	// TwoPeople reports whether closing or suppressing an alert of a severity requires two people; nil for never.
	TwoPeople func(alert.Severity) bool
	SignOn    *SignOn // nil where tokens are the only way to sign in

	mu       sync.Mutex
	limits   map[string]*rate.Limiter
	names    map[Role]*people.Directory // users as each role sees them
	namesAt  time.Time
	streams  map[string]int // open ones, by the identity of who reads
	newest   int64
	arrivals chan struct{} // closed when there are new changes

	indexing sync.Mutex // of the queue

	reading   sync.Mutex
	reports   *report.Input
	reportsAt time.Time
}

const (
	maxStreams = 1000                   // open streams
	perHolder  = 10                     // of them, of one holder of tokens
	pollEvery  = 500 * time.Millisecond // time between two looks for new changes
	page       = 100                    // alerts of an answer that names no limit
	beatEvery  = 25 * time.Second       // time between two signs of life of a stream
	checkEvery = 2 * time.Second        // longest time in which a stream notices that its token has ended

	writeTimeout = 10 * time.Second // for one event of a stream
)

// reader is the user of a request, with the pseudonyms that they see.
type reader struct {
	*Token
	mask *alert.Mask
}

// handler answers a request of a reader. Its error is answered by guard.
type handler func(w http.ResponseWriter, r *http.Request, who *reader) error

// refusal is an error for the user, with an HTTP status.
type refusal struct {
	status int
	text   string
}

// Error returns the text for the user.
func (e *refusal) Error() string { return e.text }

// refuse returns a refusal.
func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

//go:embed openapi.json
var openAPI []byte

// Handler returns the handler of all requests. Run must run beside it.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.routes(mux)
	return s.harden(http.NewCrossOriginProtection().Handler(mux))
}

// router takes routes, as http.ServeMux does.
type router interface {
	Handle(pattern string, h http.Handler)
	HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request))
	Handler(r *http.Request) (h http.Handler, pattern string)
}

// routes adds all routes.
func (s *Server) routes(mux router) {
	content := []Role{SOC}
	api := func(pattern string, roles []Role, h handler) { mux.Handle(pattern, s.guard(roles, false, h)) }
	api("GET /v1/alerts", content, s.list)
	api("GET /v1/alerts/{id}", content, s.one)
	api("POST /v1/alerts/{id}/triage", content, s.triage)
	api("GET /v1/alerts/{id}/suppression", content, s.suggestion)
	api("GET /v1/suppressions", content, s.suppressions)
	api("POST /v1/suppressions", content, s.suppressAlert)
	api("POST /v1/suppressions/{id}/end", content, s.endSuppression)
	api("GET /v1/stream", content, s.stream)
	api("GET /v1/precision", content, s.precision)
	api("POST /v1/reveal", []Role{SOC, HR}, s.reveal)
	api("GET /v1/access", []Role{Auditor, Privacy}, s.accesses)
	api("GET /v1/health", []Role{SOC, Admin}, s.health)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(openAPI)
	})
	s.pages(mux)
}

// harden sets the security headers of every response, and bounds the size of requests.
func (s *Server) harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action "+
				"'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

// cookie is the name of the cookie with the token of a session.
func (s *Server) cookie() string {
	if s.Secure {
		return "__Host-outflow"
	}
	return "outflow"
}

// failed is what a reader is told of an error that is not theirs.
const failed = "the daemon's log says what failed"

// token returns the valid token of a request, from its header or its cookie, or ErrToken.
func (s *Server) token(r *http.Request) (*Token, error) {
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		if c, err := r.Cookie(s.cookie()); err == nil {
			text = c.Value
		}
	}
	return s.Store.Check(r.Context(), text, s.Now())
}

// guard calls h for users with one of some roles, and answers errors. Pages send everyone else
// to the sign-in page.
func (s *Server) guard(roles []Role, html bool, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = identified(w, r)
		t, err := s.token(r)
		switch {
		case errors.Is(err, ErrToken) && html:
			s.askToSignIn(w, r)
			return
		case errors.Is(err, ErrToken) && !s.limit("client "+source(s.client(r))).Allow(), err == nil && !s.limit(t.Identity()).Allow():
			w.Header().Set("Retry-After", "1")
			err = refuse(http.StatusTooManyRequests, "more than %d requests a second", perSecond)
		case errors.Is(err, ErrToken):
			err = refuse(http.StatusUnauthorized, "a token is required that is valid")
		case err == nil && !slices.Contains(roles, t.Role):
			err = refuse(http.StatusForbidden, "your role (%s) does not have access to this page: it is for %s", t.Role, rolesText(roles))
		case err == nil:
			who := &reader{t, s.Mask(t.Role)}
			who.translate(r)
			if err = stated(r); err == nil || html { // forms of pages send fields that are empty
				err = s.handle(h, w, r, who)
			}
		}

		if err == nil {
			s.logOutcome(r, t, http.StatusOK)
			return
		}
		if r.Context().Err() != nil {
			if t != nil {
				s.logOutcome(r, t, statusBrokenOff)
			}
			return
		}
		status, text := http.StatusInternalServerError, failed
		if e := (*refusal)(nil); errors.As(err, &e) {
			status, text = e.status, e.text
		} else {
			s.Log.Error("feed", "path", r.URL.Path, "err", err)
		}
		if t != nil && status != http.StatusTooManyRequests {
			s.logOutcome(r, t, status)
		}
		if html {
			s.errorPage(w, status, text, t)
			return
		}

		write(w, status, map[string]string{"error": text})
	})
}

// handle calls a handler. The audit log also says what became of a request whose handler panics.
func (s *Server) handle(h handler, w http.ResponseWriter, r *http.Request, who *reader) error {
	ended := false
	defer func() {
		if !ended {
			s.logOutcome(r, who.Token, http.StatusInternalServerError)
		}
	}()
	err := h(w, r, who)
	ended = true
	return err
}

// rolesText names roles in a sentence.
func rolesText(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

// write answers v as JSON.
func write(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

// item is a change as the API returns it.
type item struct {
	Seq    int64       `json:"seq"`
	At     time.Time   `json:"at"`
	Alert  alert.Alert `json:"alert"`
	Triage *Triage     `json:"triage,omitempty"`
}

// items masks changes for a reader, and adds their triage.
func (s *Server) items(ctx context.Context, list []alert.Change, who *reader) ([]item, error) {
	out := make([]item, 0, len(list))
	if len(list) == 0 {
		return out, nil
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].Alert.ID
	}
	standing, err := s.Store.LatestDecisions(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for i := range list {
		x := item{Seq: list[i].Seq, At: list[i].At, Alert: who.mask.Alert(&list[i].Alert)}
		x.Alert.CountUnlisted()
		if t, known := standing[list[i].Alert.ID]; known {
			x.Triage = &who.decisions([]Triage{t})[0]
		}
		out = append(out, x)
	}
	return out, nil
}

// Status returns the status of an item; open if nothing was decided.
func (x *item) Status() Status {
	if x.Triage == nil {
		return Undecided
	}
	return x.Triage.Status
}

// queryNumber reads a number from 0 to most of a request; 0 if it is not given.
func queryNumber(q url.Values, name string, most int64) (int64, error) {
	v := q.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, refuse(http.StatusBadRequest, "%s: %q is not a number from 0 to %d", name, v, most)
	}
	return n, nil
}

// stated refuses parameters that are numbers or one of some words, and are given without a value.
func stated(r *http.Request) error {
	q := r.URL.Query()
	for _, name := range []string{"after", "before", "limit", "page", "severity", "status", "kind", "sort", "latest", "all"} {
		if q.Has(name) && q.Get(name) == "" {
			return refuse(http.StatusBadRequest, "%s has no value: leave it out", name)
		}
	}
	return nil
}

// filter reads the filter of a request. Invalid parameters are refused.
func (s *Server) filter(r *http.Request, who *reader) (f alert.Filter, err error) {
	q := r.URL.Query()
	number := func(name string, most int64) (n int64) {
		if err == nil {
			n, err = queryNumber(q, name, most)
		}
		return n
	}
	yes := func(name string) bool {
		v := q.Get(name)
		if err == nil && !slices.Contains([]string{"", "true", "false"}, v) {
			err = refuse(http.StatusBadRequest, "%s: %q is neither true nor false", name, v)
		}
		return v == "true"
	}

	f = alert.Filter{
		After:    number("after", math.MaxInt64),
		Before:   number("before", math.MaxInt64),
		Limit:    int(number("limit", 1000)),
		Detector: q.Get("detector"),
		All:      yes("all"),
		Latest:   yes("latest"),
	}
	if f.Limit == 0 {
		if f.Limit = page; q.Has("limit") && err == nil {
			err = refuse(http.StatusBadRequest, "limit: at least 1")
		}
	}

	if v := q.Get("severity"); v != "" && err == nil {
		var perr error
		if f.Severity, perr = alert.ParseSeverity(v); perr != nil {
			err = refuse(http.StatusBadRequest, "severity: %v", perr)
		}
	}

	if v := q.Get("user"); v != "" && err == nil {
		f.User, err = s.revealedName(r.Context(), who, v)
	}
	return f, err
}

// directory returns all users about whom anything is stored, as a reader sees them.
func (s *Server) directory(ctx context.Context, who *reader) (*people.Directory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || s.Now().Sub(s.namesAt) > time.Minute {
		s.names, s.namesAt = map[Role]*people.Directory{}, s.Now()
	}
	if s.names[who.Role] == nil {
		users, err := s.Alerts.KnownUsers(ctx)
		if err != nil {
			return nil, err
		}
		all := people.New()
		for _, u := range users {
			all.Add(u)
		}
		s.names[who.Role] = all.Pseudonymized(who.mask.Name)
	}
	return s.names[who.Role], nil
}

// list answers changes from a cursor on. Their order never changes, and revisions are changes
// of their own. The format is JSON, NDJSON or OCSF, by the header Accept.
func (s *Server) list(w http.ResponseWriter, r *http.Request, who *reader) error {
	f, err := s.filter(r, who)
	if err != nil {
		return err
	}
	want := Status(r.URL.Query().Get("status"))
	if want != "" && !slices.Contains(Statuses, want) {
		return refuse(http.StatusBadRequest, "status: %q: %v", want, Statuses)
	}
	out, next, err := s.changes(r.Context(), f, want, who)
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		fmt.Sprintf("read %d alerts: %s", len(out), asked(r.URL.RawQuery, who.mask))); err != nil {
		return err
	}

	w.Header().Set("X-Next-Cursor", strconv.FormatInt(next, 10))
	switch accept := r.Header.Get("Accept"); {
	case strings.Contains(accept, "ndjson"):
		return writeNDJSON(w, out)
	case strings.Contains(accept, "ocsf"):
		return s.writeOCSF(w, out)
	}
	return write(w, http.StatusOK, map[string]any{"alerts": out, "next": next})
}

// changes reads the next changes with a status, or with any if it is "", up to the limit of the
// filter. Next is the cursor after the last change that was examined.
func (s *Server) changes(ctx context.Context, f alert.Filter, want Status, who *reader) (out []item, next int64, err error) {
	out, next = []item{}, f.After
	for more := true; more; {
		changes, err := s.Alerts.Changes(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		list, err := s.items(ctx, changes, who)
		if err != nil {
			return nil, 0, err
		}
		more = want != "" && len(list) == f.Limit
		for i := range list {
			next = list[i].Seq
			if want != "" && list[i].Status() != want {
				continue
			}
			if out = append(out, list[i]); len(out) == f.Limit {
				return out, next, nil
			}
		}
		if f.Before > 0 {
			f.Before = next
		} else {
			f.After = next
		}
	}
	return out, next, nil
}

// writeNDJSON writes one item a line.
func writeNDJSON(w http.ResponseWriter, list []item) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeOCSF writes one alert a line, as a Detection Finding.
func (s *Server) writeOCSF(w http.ResponseWriter, list []item) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	for i := range list {
		m := alert.Message{Alert: list[i].Alert}
		if list[i].Triage != nil {
			t := list[i].Triage.Told()
			m.Alert.Triage = &t
		}
		b, err := alert.OCSF(&m, s.Version)
		if err != nil {
			return err
		}
		w.Write(append(b, '\n'))
	}
	return nil
}

// latest returns the current version of an alert, and all versions.
func (s *Server) latest(ctx context.Context, id string) (*alert.Change, []alert.Change, error) {
	var list []alert.Change
	if id != "" { // which would be all alerts
		var err error
		if list, err = s.Alerts.Changes(ctx, alert.Filter{Alert: id, All: true, Limit: 1000}); err != nil {
			return nil, nil, err
		}
	}
	if len(list) == 0 {
		return nil, nil, refuse(http.StatusNotFound, "there is no such alert")
	}
	return &list[len(list)-1], list, nil
}

// one answers an alert with the decisions about it.
func (s *Server) one(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, history, err := s.latest(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		who.about("read", c.Alert.ID, c.Alert.User)); err != nil {
		return err
	}
	decisions, err := s.Store.Decisions(r.Context(), c.Alert.ID)
	if err != nil {
		return err
	}
	if err := s.Alerts.LoadItems(r.Context(), &c.Alert); err != nil {
		return err
	}
	items, err := s.items(r.Context(), []alert.Change{*c}, who)
	if err != nil {
		return err
	}
	duplicates, err := s.Store.DuplicatesOf(r.Context(), c.Alert.ID)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]any{
		"seq":        items[0].Seq,
		"at":         items[0].At,
		"alert":      items[0].Alert,
		"decisions":  who.decisions(decisions),
		"duplicates": who.ids(duplicates),
		"revisions":  len(history),
	})
}

// triage stores the decision of a request.
func (s *Server) triage(w http.ResponseWriter, r *http.Request, who *reader) error {
	var t Triage
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		return refuse(http.StatusBadRequest, "the body is not JSON with status, assignee, note and duplicate_of")
	}
	if err := s.checkDuplicate(r.Context(), &t, who, r.PathValue("id")); err != nil {
		return err
	}
	waits, err := s.decide(r.Context(), r.PathValue("id"), t, who)
	if err != nil {
		return err
	}
	if waits {
		return write(w, http.StatusAccepted, map[string]string{
			"status":    string(Acknowledged),
			"waits_for": "a second person who decides the same",
		})
	}
	return write(w, http.StatusOK, map[string]string{"status": string(t.Status)})
}

// decide stores a decision about an alert, and writes it to the audit log first. It reports whether the decision waits for
// a second person; until then somebody works on the alert.
func (s *Server) decide(ctx context.Context, id string, t Triage, who *reader) (waits bool, err error) {
	c, _, err := s.latest(ctx, id)
	if err != nil {
		return false, err
	}
	if err := t.check(); err != nil {
		return false, refuse(http.StatusBadRequest, "%s", strings.TrimPrefix(err.Error(), "feed: "))
	}
	t.Alert, t.At, t.Who = c.Alert.ID, s.Now(), who.Name
	if t.Since, err = s.Alerts.DataUntil(ctx, t.At); err != nil {
		return false, err
	}
	standing, err := s.Store.LatestDecisions(ctx, t.Alert)
	if err != nil {
		return false, err
	}
	before := standing[t.Alert]
	before.Status = cmp.Or(before.Status, Undecided)
	changes, with := t.Status != before.Status, ""
	if changes && t.Status.closes() {
		if waits, with, err = s.settle(ctx, &c.Alert, &t, &before, who); err != nil {
			return false, err
		}
	}
	what := who.about("decided "+string(t.Status)+" about", t.Alert, "") + with
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role, what); err != nil {
		return false, err
	}
	if err := s.Store.Decide(ctx, t, &c.Alert); err != nil {
		return false, err
	}
	if changes && !waits {
		err = s.Store.dropProposal(ctx, t.Alert, closing)
	}
	return waits, err
}

// precision answers how alerts turned out, by detector.
func (s *Server) precision(w http.ResponseWriter, r *http.Request, _ *reader) error {
	all, err := s.Store.Precision(r.Context())
	if err != nil {
		return err
	}
	type row struct {
		Detector  string  `json:"detector"`
		True      int     `json:"true"`
		False     int     `json:"false"`
		Precision float64 `json:"precision"`
	}
	list := []row{}
	for d, c := range all {
		list = append(list, row{d, c.True, c.False, float64(c.True) / float64(c.True+c.False)})
	}
	slices.SortFunc(list, func(a, b row) int { return cmp.Compare(a.Detector, b.Detector) })
	return write(w, http.StatusOK, map[string]any{"detectors": list})
}

// accesses answers the lines of the audit log.
func (s *Server) accesses(w http.ResponseWriter, r *http.Request, who *reader) error {
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "read the audit log"); err != nil {
		return err
	}
	after, err := queryNumber(r.URL.Query(), "after", math.MaxInt64)
	if err != nil {
		return err
	}
	list, err := s.Store.Accesses(r.Context(), after, 1000)
	if err != nil {
		return err
	}
	if list == nil {
		list = []Access{}
	}
	return write(w, http.StatusOK, map[string]any{"access": list})
}

// health answers the state of the daemon.
func (s *Server) health(w http.ResponseWriter, _ *http.Request, _ *reader) error {
	return write(w, http.StatusOK, s.Health())
}

// anchorEvery is how often the head of the audit log is written to the program's log, which is
// kept elsewhere.
const anchorEvery = time.Hour

// Run wakes streams when there are new changes, and writes the head of the audit log to the
// program's log, until the context ends.
func (s *Server) Run(ctx context.Context) error {
	var anchored Anchor
	var anchoredAt time.Time
	s.mu.Lock()
	s.arrivals = make(chan struct{})
	s.mu.Unlock()
	clock := time.NewTicker(pollEvery)
	defer clock.Stop()
	for {
		list, err := s.Alerts.Changes(ctx, alert.Filter{Before: math.MaxInt64, Limit: 1, All: true})
		if err == nil && len(list) > 0 {
			s.mu.Lock()
			if list[0].Seq > s.newest {
				s.newest = list[0].Seq
				close(s.arrivals)
				s.arrivals = make(chan struct{})
			}
			s.mu.Unlock()
		}

		if err := s.updateIndex(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("feed", "err", err)
		}
		if now := s.Now(); now.Sub(anchoredAt) >= anchorEvery {
			if err := s.pruneIndex(ctx); err != nil && ctx.Err() == nil {
				s.Log.Error("feed", "err", err)
			}
			if a, err := s.Store.Head(ctx); err != nil {
				s.Log.Error("feed", "err", err)
			} else if anchoredAt = now; a != anchored {
				anchored = a
				s.Log.Info("audit log anchor", "line", a.Line, "head", a.Head)
			}
			s.keepAnchor(ctx, anchored)
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
		}
	}
}

// keepAnchor has an anchor kept elsewhere.
func (s *Server) keepAnchor(ctx context.Context, a Anchor) {
	if s.Anchored == nil || a.Line == 0 {
		return
	}
	if err := s.Anchored(ctx, a); err != nil && ctx.Err() == nil {
		s.Log.Error("audit log anchor not kept", "err", err)
	}
}

// stream sends changes as they come (Server-Sent Events), from Last-Event-ID on, or from the
// parameter after, or from now.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, who *reader) error {
	f, err := s.filter(r, who)
	if err != nil {
		return err
	}
	f.Latest, f.Before, f.Limit = false, 0, 1000
	newest, err := s.openStream(who.Identity())
	if err != nil {
		return err
	}
	defer s.closeStream(who.Identity())
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if f.After, err = strconv.ParseInt(id, 10, 64); err != nil {
			return refuse(http.StatusBadRequest, "Last-Event-ID is not a place in the feed")
		}
	} else if r.URL.Query().Get("after") == "" {
		f.After = newest
	}

	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "began to read alerts as they come"); err != nil {
		return err
	}
	out := http.NewResponseController(w)
	out.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, ": alerts as they come\n\n")
	if err := out.Flush(); err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		return nil
	}
	for beat := time.Now(); ; {
		s.mu.Lock()
		come := s.arrivals
		s.mu.Unlock()
		if valid, err := s.Store.holds(r.Context(), who.Token, s.Now()); err != nil {
			return err
		} else if !valid {
			return s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "ended with the token")
		}
		changes, err := s.Alerts.Changes(r.Context(), f)
		if err != nil {
			return err
		}
		items, err := s.items(r.Context(), changes, who)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			if err := sendEvents(w, out, items); err != nil {
				return err
			}
			f.After = items[len(items)-1].Seq
			continue
		}

		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-come:
		case <-time.After(checkEvery):
		}
		if time.Since(beat) < beatEvery {
			continue
		}
		beat = time.Now()
		out.SetWriteDeadline(time.Now().Add(writeTimeout))
		fmt.Fprint(w, ": still here\n\n")
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// openStream counts a stream of somebody, and returns the place of the newest change. Too many are refused.
func (s *Server) openStream(identity string) (newest int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, n := range s.streams {
		all += n
	}
	switch {
	case all >= maxStreams:
		return 0, refuse(http.StatusServiceUnavailable, "%d streams are open: too many", maxStreams)
	case s.streams[identity] >= perHolder:
		return 0, refuse(http.StatusTooManyRequests, "%d streams are open with this token: close one first", perHolder)
	case s.streams == nil:
		s.streams = map[string]int{}
	}
	s.streams[identity]++
	return s.newest, nil
}

// closeStream ends a stream that openStream counted.
func (s *Server) closeStream(identity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[identity]--; s.streams[identity] == 0 {
		delete(s.streams, identity)
	}
}

// wake has streams look whether there are new changes, and whether their tokens still hold.
func (s *Server) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arrivals != nil {
		close(s.arrivals)
	}
	s.arrivals = make(chan struct{})
}

// sendEvents writes items to a stream. A client that is too slow is cut off; it comes again
// with the id of the last event that it got.
func sendEvents(w http.ResponseWriter, out *http.ResponseController, items []item) error {
	for i := range items {
		b, err := json.Marshal(&items[i])
		if err != nil {
			return err
		}
		out.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, "id: %d\nevent: alert\ndata: %s\n\n", items[i].Seq, b); err != nil {
			return err
		}
	}
	return out.Flush()
}
