package feed

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAuditTampering changes the audit log in many ways: verifying it against an anchor that was kept finds each.
func TestAuditTampering(t *testing.T) {
	own, foreign := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	log := func(path string, key []byte, lines ...string) {
		t.Helper()
		s, err := Open(t.Context(), path, key)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, l := range lines {
			if err := s.LogAccess(t.Context(), start, "kim", SOC, l); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := []string{"one", "two", "three", "four", "five"}
	for name, change := range map[string]string{
		"nothing":             "",
		"edited":              "UPDATE access SET what = 'nothing' WHERE seq = 3",
		"another reader":      "UPDATE access SET who = 'lena' WHERE seq = 3",
		"another role":        "UPDATE access SET role = 'hr' WHERE seq = 3",
		"another request":     "UPDATE access SET request = 'x' WHERE seq = 3",
		"clock rewritten":     "UPDATE access SET at = at + 1 WHERE seq = 5",
		"first deleted":       "DELETE FROM access WHERE seq = 1",
		"first, renumbered":   "DELETE FROM access WHERE seq = 1; UPDATE access SET seq = seq - 1",
		"middle deleted":      "DELETE FROM access WHERE seq = 3",
		"middle, renumbered":  "DELETE FROM access WHERE seq = 3; UPDATE access SET seq = seq - 1 WHERE seq > 3",
		"last deleted":        "DELETE FROM access WHERE seq = 5",
		"truncated":           "DELETE FROM access WHERE seq > 2",
		"emptied":             "DELETE FROM access",
		"swapped":             "UPDATE access SET seq = 9 WHERE seq = 2; UPDATE access SET seq = 2 WHERE seq = 3; UPDATE access SET seq = 3 WHERE seq = 9",
		"duplicated":          "INSERT INTO access SELECT 6, at, who, role, what, mac, request FROM access WHERE seq = 5",
		"a line put in":       "INSERT INTO access VALUES (6, 0, 'kim', 'soc', 'x', x'00', '')",
		"a code removed":      "UPDATE access SET mac = x'' WHERE seq = 5",
		"foreign file":        "foreign",
		"own chain, new key":  "new key",
		"own chain, same key": "same key",
		"missing file":        "missing",
	} {
		path := filepath.Join(t.TempDir(), "feed.db")
		log(path, own, lines...)
		s, err := Open(t.Context(), path, own)
		if err != nil {
			t.Fatal(err)
		}
		anchor, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key := own
		switch change {
		case "foreign", "new key", "same key", "missing":
			s.Close()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			switch change {
			case "foreign":
				log(path, foreign, lines...)
			case "new key": // with which the file is verified, too
				key = foreign
				log(path, foreign, lines...)
			case "same key":
				log(path, own, "one", "two", "three", "four", "nothing")
			}
		default:
			if _, err := s.db.ExecContext(t.Context(), change); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			s.Close()
		}
		s, err = OpenReadOnly(t.Context(), path, key)
		if err == nil {
			_, _, err = s.Verify(t.Context(), anchor)
			s.Close()
		}
		if (err == nil) != (name == "nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOutcome finds in the audit log what became of requests, under the id that the response has, and that it was read.
func TestOutcome(t *testing.T) {
	x := newTeam(t, 3)
	id := "00000000000000000000000000000001"
	for _, c := range []struct {
		role         Role
		method, path string
		body         string
		status       int
		want         []string // lines of the request
	}{
		{SOC, "GET", "/v1/alerts/" + id, "", 200, []string{"read alert " + id}},
		{SOC, "GET", "/v1/alerts/nothing", "", 404, []string{"GET /v1/alerts/nothing: refused (404)"}},
		{SOC, "POST", "/v1/alerts/" + id + "/triage", `{"status":"acknowledged"}`, 200, []string{"decided acknowledged", "done"}},
		{SOC, "POST", "/v1/suppressions/7/end", "", 404, []string{"ended suppression 7", "refused (404)"}},
		{HR, "GET", "/v1/alerts", "", 403, []string{"GET /v1/alerts: refused (403)"}},
		{Auditor, "GET", "/v1/access", "", 200, []string{"read the audit log"}},
		{Auditor, "GET", "/access", "", 200, []string{"looked at the audit log"}},
		{Auditor, "GET", "/access?check=1", "", 200, []string{"verified the audit log"}},
	} {
		status, body, header := x.ask(c.role, c.method, c.path, c.body)
		request := header.Get("X-Request-Id")
		if status != c.status || len(request) < 10 {
			t.Errorf("%s %s: %d, request %q, %s", c.method, c.path, status, request, body)
		}
		list, err := x.store.lines(t.Context(), "request = ? ORDER BY seq", request)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != len(c.want) {
			t.Errorf("%s %s: %+v", c.method, c.path, list)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(list[i].What, want) || list[i].Role != c.role {
				t.Errorf("%s %s: %q, not %q", c.method, c.path, list[i].What, want)
			}
		}
	}
	if status, _, header := x.ask("", "GET", "/v1/alerts", ""); status != http.StatusUnauthorized || header.Get("X-Request-Id") == "" {
		t.Error(status, header)
	}
	if _, _, err := x.store.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOutcomeOfBroken has handlers panic and clients leave, before, while and after something is done: the audit log says
// what became of each request that it has a line of.
func TestOutcomeOfBroken(t *testing.T) {
	x := newTeam(t, 3)
	handler := x.server.Handler()
	lines := func(request string) (list []string) {
		t.Helper()
		all, err := x.store.lines(t.Context(), "request = ? ORDER BY seq", request)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			list = append(list, l.What)
		}
		return list
	}
	call := func(ctx context.Context, role Role, method, path, body string) (list []string, panicked bool) {
		t.Helper()
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+x.tokens[role])
		w := httptest.NewRecorder()
		func() {
			defer func() { panicked = recover() != nil }()
			handler.ServeHTTP(w, r)
		}()
		return lines(w.Header().Get("X-Request-Id")), panicked
	}

	coverage := x.server.Coverage
	x.server.Coverage = func(context.Context) (*Coverage, error) { panic("a fault") }
	if got, panicked := call(t.Context(), SOC, "GET", "/v1/coverage", ""); !panicked || !slices.Equal(got, []string{"GET /v1/coverage: failed (500)"}) {
		t.Error(panicked, got)
	}
	x.server.Coverage = coverage
	watchlists := x.server.Watchlists
	x.server.Watchlists = func(context.Context) ([]Watchlist, error) { panic("a fault") }
	if got, panicked := call(t.Context(), SOC, "GET", "/v1/watchlists", ""); !panicked || got[len(got)-1] != "failed (500)" {
		t.Error(panicked, got)
	}
	x.server.Watchlists = watchlists

	ended := map[string]int{}
	for k := range 8 { // the client leaves when the time is asked for once more
		ctx, leave := context.WithCancel(t.Context())
		n := 0
		x.server.Now = func() time.Time {
			if n++; n == k {
				leave()
			}
			return x.now()
		}
		got, _ := call(ctx, SOC, "POST", fmt.Sprintf("/v1/alerts/%032d/triage", 1+k%3), `{"status":"acknowledged"}`)
		leave()
		if len(got) == 0 {
			continue // the client had left before it was known who asks
		}
		last := got[len(got)-1]
		_, last, _ = strings.Cut(": "+last, ": ")
		if i := strings.LastIndex(last, ": "); i >= 0 {
			last = last[i+2:]
		}
		if ended[last]++; last != "done" && last != "broken off" {
			t.Errorf("%d: %q", k, got)
		}
	}
	if x.server.Now = x.now; ended["done"] == 0 || ended["broken off"] < 2 {
		t.Error(ended)
	}

	signIn := func(want ...string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/login", strings.NewReader(url.Values{"token": {x.tokens[HR]}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := lines(w.Header().Get("X-Request-Id")); !slices.Equal(got, want) {
			t.Errorf("%d: %q", w.Code, got)
		}
	}
	signIn("signed in with a token from 192.0.2.1", "done")
	if _, err := x.store.db.ExecContext(t.Context(), "CREATE TRIGGER full BEFORE INSERT ON token BEGIN SELECT RAISE(ABORT, 'full'); END"); err != nil {
		t.Fatal(err)
	}
	signIn("signed in with a token from 192.0.2.1", "failed (500)")

	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	if got, _ := call(ctx, SOC, "GET", "/v1/stream", ""); !slices.Equal(got, []string{"began to read alerts as they come", "broken off"}) {
		t.Error(got)
	}
	if _, _, err := x.store.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
