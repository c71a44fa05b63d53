package feed

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
