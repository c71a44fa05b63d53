package feed

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/standards"
)

var start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// team is a feed with some alerts, and a token of every role.
type team struct {
	t      testing.TB
	store  *Store
	alerts *alert.Store
	server *Server
	http   *httptest.Server
	tokens map[Role]string
	at     atomic.Int64 // what time it is, Unix nanoseconds
}

// detectors are some detectors with their traits.
var detectors = finding.Detectors{
	"bulk_download":    0,
	"external_sharing": finding.SharesOutside,
	"common_activity":  finding.AboutData | finding.AboutMany,
	"logging_disabled": finding.NeverSuppressed,
	"names_left_out":   finding.AboutData,
	"source_silent":    finding.AboutData | finding.NeverSuppressed,
	"source_gap":       finding.AboutData | finding.NeverSuppressed,
}

func newTeam(t testing.TB, n int) *team {
	t.Helper()
	return newTeamIn(t, t.TempDir(), n)
}

// newTeamIn is newTeam whose files are in a directory, which may have them.
func newTeamIn(t testing.TB, dir string, n int) *team {
	t.Helper()
	store, err := Open(t.Context(), filepath.Join(dir, "feed.db"), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := alert.OpenStore(t.Context(), filepath.Join(dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	x := &team{t: t, store: store, alerts: alerts, tokens: map[Role]string{}}
	x.set(start)
	for _, r := range Roles {
		if x.tokens[r], err = store.NewToken(t.Context(), "kim the "+string(r), r, start, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	x.server = &Server{
		Detectors: detectors,
		Store:     store,
		Alerts:    alerts,
		Mask:      func(r Role) *alert.Mask { return alert.NewMask([]byte("master"), string(r), nil) },
		Now:       x.now,
		Log:       slog.New(slog.NewTextHandler(io.Discard, nil)),
		Version:   "test",
		Health: func() any {
			return &struct {
				Sources, Streams, Unwell []string
				Started, Heartbeat       time.Time
				Events                   int64
				Alerts                   *struct{ Known, Notified, Waiting int }
				Arrived                  *struct {
					Day                string
					Percent            float64
					Vendors, Undecoded []struct{}
				}
				Dead int
			}{}
		},
		Reports: func(ctx context.Context) (*report.Input, error) {
			all, err := alerts.All(ctx)
			return &report.Input{Alerts: all, Now: start, Reported: start, Leavers: []report.Leaver{
				{User: "person.1@northwind.example", Notice: start.AddDate(0, 0, -7), LastDay: start.AddDate(0, 0, 7)},
				{User: "person.quiet@northwind.example", Notice: start.AddDate(0, 0, -9)},
			}}, err
		},
	}
	x.server.Coverage = func(context.Context) (*Coverage, error) { return coverageSample(), nil }
	x.server.Watchlists = func(context.Context) ([]Watchlist, error) { return watchlistsSample(), nil }
	x.server.Digest = func(ctx context.Context, week string) (*report.Digest, error) {
		in, err := x.server.Reports(ctx)
		if err != nil {
			return nil, err
		}
		_, monday := report.WeekOf(start)
		if week != "" {
			var err error
			if monday, err = report.ParseWeek(week); err != nil {
				return nil, err
			}
		}
		return report.MakeDigest(in, monday, report.Triage{}), nil
	}
	handler := x.server.Handler()
	if _, test := t.(*testing.T); test {
		handler = conform(t, handler)
	}
	x.http = httptest.NewServer(handler)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); x.server.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; x.http.Close(); store.Close(); alerts.Close() })
	x.take(x.sample(0, n)...)
	return x
}

func (x *team) now() time.Time { return time.Unix(0, x.at.Load()).UTC() }

func (x *team) set(now time.Time) { x.at.Store(now.UnixNano()) }

func (x *team) sample(from, n int) (list []alert.Alert) {
	for i := from; i < from+n; i++ {
		a := alert.Sample(start)
		a.ID = fmt.Sprintf("%032x", i+1)
		a.Severity = alert.Severity(1 + i%4)
		a.User = fmt.Sprintf("person.%d@northwind.example", i%7)
		a.Reason = "downloaded files of " + a.User
		list = append(list, a)
	}
	return list
}

func (x *team) take(list ...alert.Alert) {
	x.t.Helper()
	policy := alert.NotifyPolicy{
		Detectors:      detectors,
		Now:            x.now(),
		NeedsAttention: func(a *alert.Alert) bool { return a.Severity >= alert.Medium },
	}
	if err := x.alerts.Apply(x.t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, list, policy); err != nil {
		x.t.Fatal(err)
	}
}

// ask sends a request with the token of a role ("" for none) and returns the response.
func (x *team) ask(role Role, method, path, body string, header ...string) (int, string, http.Header) {
	x.t.Helper()
	req, err := http.NewRequest(method, x.http.URL+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer "+x.tokens[role])
	}
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

type listed struct {
	Alerts []struct {
		Seq    int64
		Alert  alert.Alert
		Triage *Triage
	}
	Next int64
}

func (x *team) list(role Role, query string) (l listed) {
	x.t.Helper()
	status, body, _ := x.ask(role, "GET", "/v1/alerts?"+query, "")
	if status != 200 {
		x.t.Fatalf("%s: %d %s", query, status, body)
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		x.t.Fatal(err)
	}
	return l
}

// TestNoNames checks that no response or page has a name, for any role.
func TestNoNames(t *testing.T) {
	x := newTeam(t, 20)
	for _, role := range Roles {
		for _, path := range []string{
			"/v1/alerts?all=true",
			"/v1/alerts/" + fmt.Sprintf("%032x", 2),
			"/",
			"/alerts/" + fmt.Sprintf("%032x", 2),
			"/v1/access",
			"/v1/precision",
			"/people/" + x.server.Mask(role).Name("person.1@northwind.example"),
			"/access",
			"/tokens",
			"/channels",
			"/watchlists",
			"/v1/watchlists",
			"/coverage",
			"/v1/people/" + x.server.Mask(role).Name("person.1@northwind.example"),
			"/leavers",
			"/leavers/" + x.server.Mask(role).Name("person.1@northwind.example"),
		} {
			if _, body, _ := x.ask(role, "GET", path, ""); strings.Contains(body, "person.1") {
				t.Errorf("%s as %s has a name: %s", path, role, body)
			}
		}
	}
	pseudonym := x.list(SOC, "limit=1").Alerts[0].Alert.User
	_, leavers, _ := x.ask(HR, "GET", "/leavers", "")
	if !strings.HasPrefix(pseudonym, "P-") || strings.Contains(leavers, pseudonym) {
		t.Errorf("%s: %s", pseudonym, leavers)
	}
}

// TestCursor reads the feed in pages while alerts change: nothing is missed or comes twice, and
// revisions come at later places.
func TestCursor(t *testing.T) {
	x := newTeam(t, 40)
	seen, next := map[string][]int{}, int64(0)
	for i := 0; ; i++ {
		l := x.list(SOC, fmt.Sprintf("limit=7&after=%d", next))
		if len(l.Alerts) == 0 {
			break
		}
		for _, c := range l.Alerts {
			if c.Seq <= next {
				t.Errorf("place %d after %d", c.Seq, next)
			}
			next = c.Seq
			seen[c.Alert.ID] = append(seen[c.Alert.ID], c.Alert.Revision)
		}
		if l.Next != next {
			t.Errorf("next is %d, and the last place %d", l.Next, next)
		}
		if i == 2 {
			more := x.sample(1, 1)
			more[0].Revision = 2
			x.take(append(more, x.sample(40, 3)...)...)
			x.take(more...) // again: nothing new
		}
	}
	second := seen[fmt.Sprintf("%032x", 2)]
	if len(seen) != 32 || len(second) != 2 || second[1] != 2 { // those below medium are not shown
		t.Errorf("%d alerts, %v", len(seen), second)
	}
	for _, c := range []struct {
		query string
		want  int
	}{
		{"severity=critical&limit=100", 10},
		{"all=true&limit=100", 44},
		{"latest=true&limit=100", 32},
		{"detector=nothing", 0},
		{"before=9999&limit=5", 5},
		{"status=open&limit=100&latest=true", 32},
		{"status=false", 0},
	} {
		if got := len(x.list(SOC, c.query).Alerts); got != c.want {
			t.Errorf("%s: %d, want %d", c.query, got, c.want)
		}
	}
	user := x.server.Mask(SOC).Name("person.2@northwind.example")
	for _, c := range x.list(SOC, "limit=100&user="+user).Alerts {
		if c.Alert.User != user {
			t.Errorf("%s among those of %s", c.Alert.User, user)
		}
	}
	for _, unknown := range []string{"P-NOBODY", "P-ABCDEFGHJK", "person.2@northwind.example", "Person Two", "person.2"} {
		for _, path := range []string{"/v1/alerts?user=" + url.QueryEscape(unknown), "/people/" + url.PathEscape(unknown)} {
			if status, body, _ := x.ask(SOC, "GET", path, ""); status != 404 || strings.Contains(body, user) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	for _, path := range []string{"/v1/alerts?user=" + strings.ToLower(user), "/people/" + strings.ToLower(user)} {
		if status, body, _ := x.ask(SOC, "GET", path, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, bad := range []string{"limit=x", "limit=1001", "after=-1", "severity=bad", "status=bad"} {
		if status, _, _ := x.ask(SOC, "GET", "/v1/alerts?"+bad, ""); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if _, body, h := x.ask(SOC, "GET", "/v1/alerts?limit=2", "", "Accept", "application/x-ndjson"); strings.Count(body, "\n") != 2 ||
		h.Get("X-Next-Cursor") == "" {
		t.Errorf("%s %v", body, h)
	}
	if _, body, _ := x.ask(SOC, "GET", "/v1/alerts?limit=2", "", "Accept",
		"application/ocsf+json"); strings.Count(body, `"class_uid":2004`) != 2 {
		t.Error(body)
	}
}

// TestStream checks that a stream continues where it ended, with the changes of the meantime.
func TestStream(t *testing.T) {
	x := newTeam(t, 4)
	read := func(last string, n int) (ids []string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", x.http.URL+"/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+x.tokens[SOC])
		req.Header.Set("Last-Event-ID", last)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for len(ids) < n && lines.Scan() {
			if strings.HasPrefix(lines.Text(), ": alerts") && last == "4" {
				x.take(x.sample(4, 4)...)
			}
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				ids = append(ids, id)
			}
			if strings.Contains(lines.Text(), "person.") {
				t.Error(lines.Text())
			}
		}
		return ids
	}
	if got := fmt.Sprint(read("0", 3)); got != "[2 3 4]" { // the first is not shown
		t.Error(got)
	}
	if got := fmt.Sprint(read("4", 3)); got != "[6 7 8]" {
		t.Error(got)
	}
	if status, _, _ := x.ask(SOC, "GET", "/v1/stream", "", "Last-Event-ID", "x"); status != 400 {
		t.Error(status)
	}
}

// TestTriage checks that decisions keep their authors, need a reason, and count for the
// precision of detectors.
func TestTriage(t *testing.T) {
	x := newTeam(t, 8)
	id := func(n int) string { return fmt.Sprintf("%032x", n) }
	for _, c := range []struct {
		id, body string
		status   int
	}{
		{id(2), `{"status":"acknowledged","assignee":"kim"}`, 200},
		{id(2), `{"status":"false"}`, 400},
		{id(2), `{"status":"false","note":"a backup"}`, 200},
		{id(3), `{"status":"true"}`, 200},
		{id(4), `{"status":"wrong"}`, 400},
		{id(99), `{"status":"true"}`, 404},
		{id(2), `{`, 400},
		{id(4), `{"status":"true","note":"` + strings.Repeat("x", 5000) + `"}`, 400},
	} {
		if status, body, _ := x.ask(SOC, "POST", "/v1/alerts/"+c.id+"/triage", c.body); status != c.status {
			t.Errorf("%s: %d %s", c.body, status, body)
		}
	}
	_, body, _ := x.ask(SOC, "GET", "/v1/alerts/"+id(2), "")
	var one struct{ Decisions []Triage }
	if err := json.Unmarshal([]byte(body), &one); err != nil || len(one.Decisions) != 2 || one.Decisions[1].Who != "kim the soc" ||
		one.Decisions[1].Note != "a backup" {
		t.Errorf("%s %v", body, err)
	}
	if l := x.list(SOC, "status=false"); len(l.Alerts) != 1 || l.Alerts[0].Triage.Status != False {
		t.Errorf("%+v", l)
	}
	_, findings, _ := x.ask(SOC, "GET", "/v1/alerts?status=false", "", "Accept", "application/ocsf+json")
	for _, f := range standards.OCSF([]byte(findings)).Faults {
		t.Error(f)
	}
	if !strings.Contains(findings, `"status":"Resolved","verdict_id":1,"verdict":"False Positive"`) || !strings.Contains(findings, `"is_alert":false`) {
		t.Errorf("the finding does not say what was decided: %s", findings)
	}
	if _, body, _ = x.ask(SOC, "GET", "/v1/precision",
		""); !strings.Contains(body, `{"detector":"bulk_download","true":1,"false":1,"precision":0.5}`) {
		t.Error(body)
	}
}

// TestReveal checks that revealing a name needs a reason and another user with the role
// privacy, and is in the audit log.
func TestReveal(t *testing.T) {
	x := newTeam(t, 8)
	name := x.server.Mask(SOC).Name("person.3@northwind.example")
	ask := func(body string) (int, string) {
		status, text, _ := x.ask(SOC, "POST", "/v1/reveal", body)
		return status, text
	}
	for body, want := range map[string]int{
		fmt.Sprintf(`{"pseudonym":%q,"approval":%q}`, name, x.tokens[Privacy]):                     400,
		fmt.Sprintf(`{"pseudonym":%q,"reason":"case 7","approval":%q}`, name, x.tokens[SOC]):       403,
		fmt.Sprintf(`{"pseudonym":%q,"reason":"case 7","approval":%q}`, name, x.tokens[Admin]):     403,
		fmt.Sprintf(`{"pseudonym":%q,"reason":"case 7"}`, name):                                    403,
		fmt.Sprintf(`{"pseudonym":"P-NOBODY","reason":"case 7","approval":%q}`, x.tokens[Privacy]): 404,
	} {
		if status, text := ask(body); status != want || strings.Contains(text, "person.") {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	status, text := ask(fmt.Sprintf(`{"pseudonym":%q,"reason":"case 7","approval":%q}`, name, x.tokens[Privacy]))
	if status != 200 || !strings.Contains(text, "person.3@northwind.example") {
		t.Errorf("%d %s", status, text)
	}
	_, text, _ = x.ask(Auditor, "GET", "/v1/access", "")
	if !strings.Contains(text, "revealed "+name+", agreed by kim the privacy: case 7") {
		t.Error(text)
	}
}

// TestAccessLog checks that every change of the audit log is found; lines removed from the end
// are found with an anchor.
func TestAccessLog(t *testing.T) {
	for name, do := range map[string]string{
		"":          "SELECT 1",
		"changed":   "UPDATE access SET what = 'nothing' WHERE seq = 3",
		"somebody":  "UPDATE access SET who = 'nobody' WHERE seq = 5",
		"time":      "UPDATE access SET at = at + 1 WHERE seq = 1",
		"taken out": "DELETE FROM access WHERE seq = 4",
		"closed up": "DELETE FROM access WHERE seq = 4; UPDATE access SET seq = seq - 1 WHERE seq > 4",
		"exchanged": "UPDATE access SET seq = 100 WHERE seq = 2; UPDATE access SET seq = 2 " +
			"WHERE seq = 3; UPDATE access SET seq = 3 WHERE seq = 100",
		"added":     "INSERT INTO access (seq, at, who, role, what, mac) VALUES (9, 1, 'x', 'soc', 'y', x'00')",
		"first cut": "DELETE FROM access WHERE seq = 1",
	} {
		x := newTeam(t, 0)
		for i := range 8 {
			if err := x.store.LogAccess(t.Context(), start, "kim", SOC, fmt.Sprint("looked ", i)); err != nil {
				t.Fatal(err)
			}
		}
		_, head, err := x.store.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.store.db.Exec(do); err != nil {
			t.Fatal(name, err)
		}
		if n, now, err := x.store.Verify(t.Context()); (err == nil) != (name == "") || name == "" && (n != 8 || now != head) {
			t.Errorf("%q: %d lines, %v", name, n, err)
		}
		if name == "" {
			good := Anchor{8, head}
			if a, err := x.store.Head(t.Context()); err != nil || a != good {
				t.Errorf("%+v, %v", a, err)
			}
			if _, _, err := x.store.Verify(t.Context(), good); err != nil {
				t.Error(err)
			}
			if _, _, err := x.store.Verify(t.Context(), Anchor{7, head}); err == nil {
				t.Error("an anchor of another line holds")
			}
			defer func() {
				if _, _, err := x.store.Verify(t.Context(), good); err == nil || !strings.Contains(err.Error(), "removed from its end") {
					t.Errorf("cut off, against an anchor: %v", err)
				}
			}()
			if _, err := x.store.db.Exec("DELETE FROM access WHERE seq = 8"); err != nil {
				t.Fatal(err)
			}
			if n, now, err := x.store.Verify(t.Context()); err != nil || n != 7 || now == head {
				t.Errorf("cut off its end: %d %v, the same head: %v", n, err, now == head)
			}
		}
	}
}

// TestPages signs in, shows hostile text as text, decides and signs out. Requests from other
// sites are refused.
func TestPages(t *testing.T) {
	x := newTeam(t, 4)
	bad := alerttest.Alert()
	x.take(bad)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	get := func(path string) string {
		t.Helper()
		res, err := client.Get(x.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Error(csp)
		}
		return string(b)
	}
	post := func(path string, form url.Values) (int, string) {
		t.Helper()
		res, err := client.PostForm(x.http.URL+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if body := get("/"); !strings.Contains(body, "Sign in") {
		t.Error(body)
	}
	if status, _ := post("/login", url.Values{"token": {"wrong"}}); status != 401 {
		t.Error(status)
	}
	if status, body := post("/login", url.Values{"token": {x.tokens[SOC]}}); status != 200 || !strings.Contains(body, "<h1>Alerts") {
		t.Errorf("%d %s", status, body)
	}
	for _, path := range []string{"/", "/alerts/" + bad.ID, "/people/" + x.server.Mask(SOC).Name(bad.User), "/coverage", "/watchlists"} {
		body := get(path)
		for _, hostile := range []string{"<script>alert", "dana.ruiz"} {
			if strings.Contains(body, hostile) {
				t.Errorf("%s has %q", path, hostile)
			}
		}
		if path == "/alerts/"+bad.ID &&
			(!strings.Contains(body, "&lt;script&gt;") ||
				!strings.Contains(body, "<svg role=\"img\"") ||
				!strings.Contains(body, "this day")) {
			t.Error(body)
		}
	}
	if status, body := post("/alerts/"+bad.ID, url.Values{
		"status":   {"false"},
		"note":     {"<b>a drill</b>"},
		"assignee": {"kim"},
	}); status != 200 || !strings.Contains(body, "&lt;b&gt;a drill&lt;/b&gt;") {
		t.Errorf("%d %s", status, body)
	}
	if body := get("/"); strings.Contains(body, bad.ID) {
		t.Error("what is closed is in the queue")
	}
	if body := get("/?status=false"); !strings.Contains(body, bad.ID) {
		t.Error("what is closed is not found")
	}
	req, err := http.NewRequest("POST", x.http.URL+"/alerts/"+bad.ID, strings.NewReader("status=true"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, err := client.Do(req); err != nil || res.StatusCode != 403 {
		t.Errorf("from elsewhere: %v %v", res, err)
	}
	if _, body := post("/logout", nil); !strings.Contains(body, "Sign in") || !strings.Contains(get("/"), "Sign in") {
		t.Error("it stays signed in")
	}
}

// TestLeavers shows the list of leavers and a review to HR, both in the audit log, and no
// review of other people.
func TestLeavers(t *testing.T) {
	x := newTeam(t, 20)
	name := x.server.Mask(HR).Name
	leaving, staying := name("person.1@northwind.example"), name("person.2@northwind.example")
	quiet := name("person.quiet@northwind.example")
	status, body, _ := x.ask(HR, "GET", "/leavers", "")
	if first, last := strings.Index(body, leaving), strings.Index(body, quiet); status != 200 || first < 0 || last < first ||
		!strings.Contains(body, "2026-03-09") || !strings.Contains(body, "Nothing unusual") || strings.Contains(body, staying) {
		t.Errorf("%d %s", status, body)
	}
	status, body, header := x.ask(HR, "GET", "/leavers/"+leaving, "")
	if status != 200 || !strings.Contains(body, "Offboarding review: "+leaving) || !strings.Contains(body, "Downloaded files of <span class=\"keep\">"+leaving) ||
		!strings.Contains(body, `<nav class="nav"`) || !strings.Contains(body, `href="/static/review.css"`) || !strings.Contains(body, "Not reviewed") {
		t.Errorf("%d %s", status, body)
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "style-src 'self'") || strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
	if status, css, _ := x.ask(HR, "GET", "/static/review.css", ""); status != 200 || !strings.Contains(css, ".review{") {
		t.Errorf("%d %.100s", status, css)
	}
	for path, size := range map[string]string{"": "595.28", "?paper=letter": "612.00"} {
		if status, file, header := x.ask(HR, "GET", "/leavers/"+leaving+"/review.pdf"+path, ""); status != 200 || !strings.HasPrefix(file, "%PDF-") ||
			!strings.Contains(file, size) || header.Get("Content-Type") != "application/pdf" {
			t.Errorf("%s: %d %.100s", path, status, file)
		}
	}
	if status, _, _ := x.ask(HR, "GET", "/leavers/"+leaving+"/review.pdf?paper=a0", ""); status != 400 {
		t.Error(status)
	}
	if status, body, _ := x.ask(HR, "POST", "/leavers/"+leaving+"/reviewed", "print=another", "Content-Type", "application/x-www-form-urlencoded"); status != 409 {
		t.Errorf("another review than the reader saw: %d %s", status, body)
	}
	_, print, _ := strings.Cut(body, `name="print" value="`)
	print, _, _ = strings.Cut(print, `"`)
	if status, body, _ := x.ask(HR, "POST", "/leavers/"+leaving+"/reviewed", "print="+print, "Content-Type", "application/x-www-form-urlencoded"); status != 303 {
		t.Errorf("%d %s", status, body)
	}
	for _, path := range []string{"/leavers", "/leavers/" + leaving} {
		if _, body, _ := x.ask(HR, "GET", path, ""); !strings.Contains(body, "Reviewed by kim the hr on ") || strings.Contains(body, "Changed since") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if status, body, _ := x.ask(HR, "GET", "/leavers/"+staying, ""); status != 404 {
		t.Errorf("%d %s", status, body)
	}
	if _, body, _ := x.ask(SOC, "GET", "/", ""); strings.Contains(body, "/leavers") {
		t.Error("the SOC is led to a page that it may not see")
	}
	if _, body, _ := x.ask(Auditor, "GET", "/v1/access", ""); !strings.Contains(body, "read the review of "+leaving) ||
		!strings.Contains(body, "checked the review of "+leaving) || !strings.Contains(body, "downloaded the review of "+leaving) || !strings.Contains(body, "looked at the list of leavers") {
		t.Error(body)
	}
}

// TestOpenAPI compares the document with the responses: all paths and all properties are in it.
func TestOpenAPI(t *testing.T) {
	x := newTeam(t, 4)
	_, body, _ := x.ask("", "GET", "/v1/openapi.json", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct{ Required []string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	routes := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			routes++
			if path == "/v1/stream" {
				continue
			}
			role, send := SOC, ""
			switch path {
			case "/v1/access":
				role = Auditor
			case "/v1/alerts/{id}/triage":
				send = `{"status":"acknowledged"}`
			case "/v1/suppressions":
				if method == "post" {
					send = fmt.Sprintf(`{"alert":"%032x","days":7,"reason":"x"}`, 2)
				}
			case "/v1/suppressions/{id}/end":
				x.ask(SOC, "POST", "/v1/suppressions", fmt.Sprintf(`{"alert":"%032x","reason":"x"}`, 3))
				path = "/v1/suppressions/1/end"
			case "/v1/people/{user}":
				path = "/v1/people/" + x.server.Mask(SOC).Name("person.1@northwind.example")
			case "/v1/entities/{kind}/{name}":
				x.busy("person.1@northwind.example")
				path = "/v1/entities/domain/rival.example"
			case "/v1/reveal":
				send = fmt.Sprintf(`{"pseudonym":%q,"reason":"x","approval":%q}`, x.server.Mask(SOC).Name("person.1@northwind.example"),
					x.tokens[Privacy])
			}
			status, answer, _ := x.ask(role, strings.ToUpper(method), strings.Replace(path, "{id}", fmt.Sprintf("%032x", 2), 1), send)
			var got map[string]any
			if err := json.Unmarshal([]byte(answer), &got); status != 200 || err != nil {
				t.Errorf("%s %s: %d %s", method, path, status, answer)
				continue
			}
			for _, name := range op.Responses["200"].Content["application/json"].Schema.Required {
				if _, there := got[name]; !there {
					t.Errorf("%s %s has no %s: %s", method, path, name, answer)
				}
			}
		}
	}
	if routes != 17 {
		t.Errorf("the document has %d routes", routes)
	}
}

// TestLimit checks that too many requests are answered with 429.
func TestLimit(t *testing.T) {
	x := newTeam(t, 0)
	refused := 0
	for range atOnce + 50 {
		if status, _, _ := x.ask(Admin, "GET", "/v1/health", ""); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing is refused")
	}
}

// BenchmarkPage reads pages of 100 in the middle of a long feed.
func BenchmarkPage(b *testing.B) {
	x := newTeam(b, 0)
	most := 20_000 // OUTFLOW_ALERTS: more
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_ALERTS")); err == nil {
		most = n
	}
	for from := 0; from < most; from += 5000 {
		x.take(x.sample(from, 5000)...)
	}
	x.server.limits = nil
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		changes, err := x.alerts.Changes(b.Context(), alert.Filter{After: int64(i * 99_991 % most), Limit: 100})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := x.server.items(b.Context(), changes, &reader{&Token{Role: SOC}, x.server.Mask(SOC)}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkStreams has as many streams as are allowed: how long until all have a change, and
// how much memory one takes, client and server together.
func BenchmarkStreams(b *testing.B) {
	x := newTeam(b, 1)
	var tokens []string
	for i := range maxStreams / perHolder {
		token, err := x.store.NewToken(b.Context(), fmt.Sprint("desk ", i), SOC, start, time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	came := make(chan error, maxStreams)
	open := make(chan error, maxStreams)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range maxStreams {
		req, err := http.NewRequestWithContext(b.Context(), "GET", x.http.URL+"/v1/stream", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+tokens[i%len(tokens)])
		go func() {
			res, err := client.Do(req)
			if err != nil || res.StatusCode != 200 {
				open <- fmt.Errorf("%v %v", res, err)
				return
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), ": alerts") {
					open <- nil
				} else if strings.HasPrefix(lines.Text(), "id: ") {
					came <- nil
				}
			}
		}()
	}
	for range maxStreams {
		if err := <-open; err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := 1
	for b.Loop() {
		list := x.sample(n, 1)
		list[0].Severity = alert.High
		x.take(list...)
		n++
		for range maxStreams {
			<-came
		}
	}
	b.ReportMetric(float64(after.Sys-before.Sys)/maxStreams/1000, "kB/client")
}

// days stores ninety days of a user, with a peak on the day of the sample.
func (x *team) days(user string) {
	x.t.Helper()
	var list []finding.Activity
	end := start.Add(8 * time.Hour)
	for i := range 90 {
		n := float64(3 + i%4)
		if i == 0 {
			n = 143
		}
		list = append(list, finding.Activity{
			User: user,
			End:  end.AddDate(0, 0, -i).UnixMilli(),
			Counts: []finding.Amount{{
				Detector: alert.Sample(start).Evidence[0].Detector,
				Metric:   "downloads",
				Unit:     "files",
				N:        n,
				Usual:    4,
				Peers:    5,
			}},
		})
	}
	if err := x.alerts.PutDays(x.t.Context(), list); err != nil {
		x.t.Fatal(err)
	}
}

// TestDays draws the days of a user for the alert and the person, and describes them in words.
func TestDays(t *testing.T) {
	x := newTeam(t, 2)
	user := "person.1@northwind.example"
	x.days(user)
	id, pseudonym := fmt.Sprintf("%032x", 2), x.server.Mask(SOC).Name(user)
	for page, drawn := range map[string]string{
		"/alerts/" + id:        "2026-03-02: 143 files",
		"/people/" + pseudonym: "2026-03-02: 143 files, with an alert</title>",
	} {
		_, body, _ := x.ask(SOC, "GET", page, "")
		if !strings.Contains(body, drawn) || !strings.Contains(body, "143 files on ") || !strings.Contains(body, "the highest of the ") {
			t.Errorf("%s: %s", page, body)
		}
	}
}

// TestDigestPage shows the digest of a week without names, with links to alerts and to the weeks beside it.
func TestDigestPage(t *testing.T) {
	x := newTeam(t, 8)
	_, before, _ := x.ask(SOC, "GET", "/digest?week=2026-W09", "")
	for _, want := range []string{
		"<h1>Week 2026-W09</h1>", `href="/digest?week=2026-W10" rel="next"`, `aria-current="page"`, `name="viewport"`,
	} {
		if !strings.Contains(before, want) {
			t.Errorf("no %s in %s", want, before)
		}
	}
	if strings.Contains(before, `rel="prev"`) {
		t.Error("there is no data of the week before")
	}
	status, body, header := x.ask(SOC, "GET", "/digest", "")
	if status != 200 || !strings.Contains(body, "To do") || !strings.Contains(body, `href="/people/P-`) ||
		!strings.Contains(body, `href="/alerts/`) || strings.Contains(body, "@northwind") || strings.Contains(body, `rel="next"`) {
		t.Errorf("%d %s", status, body)
	}
	if csp := header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Error(csp)
	}
	if status, _, _ := x.ask(SOC, "GET", "/digest?week=soon", ""); status != 400 {
		t.Error(status)
	}
}

// TestSuppress suggests the narrowest suppression with its backtest once an alert is closed as
// false. Alerts that it covers are then stored and not sent; more severe ones, and others, are
// sent.
func TestSuppress(t *testing.T) {
	x := newTeam(t, 0)
	sample := func(n int, change func(*alert.Alert)) alert.Alert {
		a := alert.Sample(start.Add(time.Duration(n) * time.Hour))
		a.ID, a.User, a.Severity, a.Detectors = fmt.Sprintf("%032x", n), "ann@northwind.example", alert.High, []string{"bulk_download"}
		if change != nil {
			change(&a)
		}
		return a
	}
	x.take(sample(1, nil), sample(2, nil), sample(3, func(a *alert.Alert) { a.User = "bob@northwind.example" }))
	queue := func() (ids []string) {
		t.Helper()
		_, body, _ := x.ask(SOC, "GET", "/v1/alerts?latest=true", "")
		var got listed
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Alerts {
			ids = append(ids, strings.TrimLeft(c.Alert.ID, "0"))
		}
		return ids
	}
	decide := func(n int, status Status) {
		t.Helper()
		if status, body, _ := x.ask(SOC, "POST", fmt.Sprintf("/v1/alerts/%032x/triage", n),
			fmt.Sprintf(`{"status":%q,"note":"a migration"}`, status)); status != 200 {
			t.Fatal(status, body)
		}
	}
	page := fmt.Sprintf("/alerts/%032x", 1)
	if _, body, _ := x.ask(SOC, "GET", page, ""); strings.Contains(body, "Suppress similar alerts?") {
		t.Error("suggested before it is closed")
	}
	decide(1, False)
	decide(2, True)
	x.set(start.Add(4 * time.Hour))
	x.tokens[SOC], _ = x.store.NewToken(t.Context(), "kim", SOC, x.now(), 1000*time.Hour)
	const kept = "it would have hidden 2 alerts (1 true positive, 0 undecided)."
	if _, body, _ := x.ask(SOC, "GET", page, ""); !strings.Contains(body, "Suppress similar alerts?") || !strings.Contains(body, kept) {
		t.Error(body)
	}
	if _, body, _ := x.ask(SOC, "GET", page, ""); !strings.Contains(body, "Precision: 1 of 2 true.") {
		t.Error(body)
	}
	if status, _, _ := x.ask(SOC, "POST", "/v1/suppressions", fmt.Sprintf(`{"alert":"%032x","days":7,"reason":" "}`, 1)); status != 400 {
		t.Error("without a reason:", status)
	}
	if status, _, _ := x.ask(SOC, "POST", "/v1/suppressions", fmt.Sprintf(`{"alert":"%032x","days":700,"reason":"x"}`, 1)); status != 400 {
		t.Error("for years:", status)
	}
	if status, body, _ := x.ask(SOC, "POST", page+"/suppression", "days=7&reason=a+migration", "Content-Type",
		"application/x-www-form-urlencoded"); status != 303 {
		t.Fatal(status, body)
	}
	x.take(
		sample(5, nil),
		sample(6, func(a *alert.Alert) { a.Severity = alert.Critical }),
		sample(7, func(a *alert.Alert) { a.Detectors = []string{"bulk_download", "external_sharing"} }),
		sample(8, func(a *alert.Alert) { a.User = "bob@northwind.example" }),
	)
	if ids := queue(); !slices.Equal(ids, []string{"1", "2", "3", "6", "7", "8"}) {
		t.Errorf("told: %v", ids)
	}
	_, body, _ := x.ask(SOC, "GET", "/v1/suppressions", "")
	if !strings.Contains(body, `"kept":1`) || strings.Contains(body, "ann@") {
		t.Error(body)
	}
	listed := func(states ...string) {
		t.Helper()
		status, body, _ := x.ask(SOC, "GET", "/suppressions", "")
		rows := strings.Split(body, "<tr>")[1:]
		if status != 200 || len(rows) != len(states)+1 { // with that of the heading
			t.Fatal(status, body)
		}
		for i, want := range states {
			if !strings.Contains(rows[i+1], want) || strings.Contains(rows[i+1], "<button>End") != (want == "<button>End") {
				t.Errorf("%d: not %s: %s", i, want, rows[i+1])
			}
		}
	}
	listed("<button>End")
	x.set(start.Add(8 * 24 * time.Hour)) // it has expired
	x.take(sample(9, nil))
	if ids := queue(); !slices.Contains(ids, "9") {
		t.Errorf("told: %v", ids)
	}
	listed("expired")
	x.ask(SOC, "POST", "/v1/suppressions", fmt.Sprintf(`{"alert":"%032x","days":30,"reason":"again"}`, 1))
	listed("<button>End", "expired")
	if status, body, _ := x.ask(SOC, "POST", "/suppressions/2", ""); status != 303 {
		t.Fatal(status, body)
	}
	listed("ended by", "expired")
	x.take(sample(10, nil))
	if ids := queue(); !slices.Contains(ids, "a") {
		t.Errorf("ended, told: %v", ids)
	}
	x.take(sample(11, func(a *alert.Alert) { a.Detectors = []string{"logging_disabled"} }))
	if status, body, _ := x.ask(SOC, "GET", fmt.Sprintf("/v1/alerts/%032x/suppression", 11), ""); status != 409 {
		t.Error(status, body)
	}
}

// TestUnseen checks that an alert lists what could not be seen at its time, whichever detector
// reports it, and nothing of another time.
func TestUnseen(t *testing.T) {
	x := newTeam(t, 0)
	about := func(n int, detector, reason string, at time.Time) alert.Alert {
		a := alert.Sample(at)
		a.ID, a.User, a.Health, a.Severity, a.Exposures = fmt.Sprintf("%032x", n), "", true, alert.Medium, nil
		a.Detector, a.Detectors, a.Reason, a.Time, a.Window = detector, []string{detector}, reason, at, alert.Window{Start: at, End: at}
		return a
	}
	a := alert.Sample(start)
	a.ID, a.Time = fmt.Sprintf("%032x", 1), start
	x.take(a, about(2, "names_left_out", "names were left out", start), about(3, "source_gap", "Box was not read", start.Add(-time.Hour)),
		about(4, "source_gap", "Slack was not read", start.AddDate(0, 0, -9)),
		about(5, "common_activity", "5 people within 12 days", start))
	got, err := x.server.missingSources(t.Context(), &a)
	if err != nil || !slices.Equal(got, []string{"names were left out", "Box was not read"}) {
		t.Error(got, err)
	}
}

// TestRequests requests a name, and another user with the role privacy approves: only the first
// user sees it, and for a while.
func TestRequests(t *testing.T) {
	x := newTeam(t, 2)
	user := "person.1@northwind.example"
	pseudonym := x.server.Mask(SOC).Name(user)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if status, _, _ := x.ask(SOC, "POST", "/people/"+pseudonym, "reason=+", form...); status != 400 {
		t.Error("without a reason:", status)
	}
	if status, body, _ := x.ask(SOC, "POST", "/people/"+pseudonym, "reason=case+7", form...); status != 303 {
		t.Fatal(status, body)
	}
	shows := func(role Role, name string) bool {
		_, body, _ := x.ask(role, "GET", "/people/"+name, "")
		return strings.Contains(body, user)
	}
	if shows(SOC, pseudonym) {
		t.Error("shown before anybody agreed")
	}
	_, body, _ := x.ask(Privacy, "GET", "/requests", "")
	if !strings.Contains(body, "case 7") || !strings.Contains(body, pseudonym) || strings.Contains(body, user) {
		t.Error(body)
	}
	x.tokens["second"], _ = x.store.NewToken(t.Context(), "kim the soc", Privacy, start, time.Hour) // the same person with another role
	if status, _, _ := x.ask("second", "POST", "/requests/1", "decision=approve", form...); status != 403 {
		t.Error("agreed with oneself:", status)
	}
	if status, body, _ := x.ask(Privacy, "POST", "/requests/1", "decision=approve", form...); status != 303 {
		t.Fatal(status, body)
	}
	if !shows(SOC, pseudonym) || shows(HR, x.server.Mask(HR).Name(user)) {
		t.Error("shown to the wrong people")
	}
	if status, _, _ := x.ask(Privacy, "POST", "/requests/1", "decision=deny", form...); status != 404 {
		t.Error("decided twice:", status)
	}
	lines, err := x.store.Accesses(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"asked for the name of " + pseudonym + ": case 7", "agreed to request 1 for a name"} {
		if !slices.ContainsFunc(lines, func(a Access) bool { return a.What == want }) {
			t.Errorf("no line %q", want)
		}
	}
	x.set(start.Add(9 * time.Hour))
	x.tokens[SOC], _ = x.store.NewToken(t.Context(), "kim the soc", SOC, x.now(), time.Hour)
	if shows(SOC, pseudonym) {
		t.Error("shown for ever")
	}
}
