package feed

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/plain"
)

// get calls the handler itself, without a network and without the rate limit.
func (x *team) get(h http.Handler, role Role, target string) *httptest.ResponseRecorder {
	clear(x.server.limits)
	req := httptest.NewRequest("GET", "/", nil)
	path, query, _ := strings.Cut(target, "?")
	req.URL = &url.URL{Path: path, RawQuery: query}
	req.Header.Set("Authorization", "Bearer "+x.tokens[role])
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

// FuzzQuery asserts that every request to the API and the pages is answered, or refused as the
// client's fault, in the right format.
func FuzzQuery(f *testing.F) {
	x := newTeam(f, 20)
	h := x.server.Handler()
	paths := []string{
		"/v1/alerts",
		"/v1/alerts/" + strings.Repeat("0", 31) + "1",
		"/v1/suppressions",
		"/v1/precision",
		"/",
		"/suppressions",
		"/leavers",
		"/digest",
		"/coverage",
		"/watchlists",
		"/entities/domain/rival.example?page=2",
		"/v1/entities/item/0123456789abcdef",
	}
	for i, q := range []string{
		"", "after=5&limit=2", "before=9223372036854775807", "after=-1", "severity=high&detector=x&all=true",
		"user=P-1", "status=open&latest=true&limit=1000", "limit=1001", "after=%zz", "week=2026-W10",
		"after=1&after=2;x", "severity=%00",
	} {
		f.Add(byte(i), q)
	}
	f.Fuzz(func(t *testing.T, which byte, query string) {
		path := paths[int(which)%len(paths)]
		for _, role := range []Role{SOC, HR} {
			rec := x.get(h, role, path+"?"+query)
			if rec.Code >= 500 {
				t.Errorf("%s?%s as %s: %d %s", path, query, role, rec.Code, rec.Body)
			}
			kind := rec.Header().Get("Content-Type")
			if strings.HasPrefix(path, "/v1/") && (kind != "application/json" || !json.Valid(rec.Body.Bytes())) {
				t.Errorf("%s?%s: %s, %s", path, query, kind, rec.Body)
			}
		}
	})
}

// pseudonymSpan is how pages mark a pseudonym within a text.
var pseudonymSpan = regexp.MustCompile(`<span class="keep">P-[A-Z2-9]{10}</span>`)

// markup are texts that would become markup, script or another header where they are not escaped.
var markup = []string{
	"<script>x</script>", "</script><script>x</script>", `"><img src=x onerror=x>`, `'><svg/onload=x>`, "</style><script>x</script>",
	"</title><script>x</script>", "</textarea><script>x</script>", "';x;//", `";x;//`, "`${x}`", "javascript:x", "data:text/html,<script>x</script>",
	"<iframe src=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil.example>", "<base href=//evil.example/>",
	"<a href=javascript:x>x</a>", `<math><mi//xlink:href="data:x,<script>x</script>">`, "]]><script>x</script>", "<!--<script>x</script>",
	"%3Cscript%3Ex%3C/script%3E", "&lt;script&gt;x&lt;/script&gt;", "\u202etxt.exe", "a\r\nSet-Cookie: x=1\r\n", "data: x\n\nevent: alert\ndata: {}",
	"{{printf \"%s\" .}}", "\x1b[31mred", "<style>*{display:none}</style>", `" autofocus onfocus="x`,
}

// FuzzPages asserts that an attacker's text adds no markup to a page.
func FuzzPages(f *testing.F) {
	x := newTeam(f, 0)
	h := x.server.Handler()
	for _, s := range []string{
		"", "plain", alerttest.Hostile, `" onmouseover="x`, "</script>", "javascript:alert(1)", "\xff", "\u2028",
		"\x00", "{{.}}", "&lt;",
	} {
		f.Add(s, s)
	}
	for _, s := range markup {
		f.Add(s, s)
	}
	x.set(start)
	id, revision := strings.Repeat("a", 32), 0
	pages := func(t testing.TB, user, text string) map[string]string {
		a := alert.Sample(start)
		a.ID, a.Case, a.Severity = id, id, alert.High
		a.User, a.Reason, a.Department = "kim"+user, "read "+text, "dep "+text
		a.Evidence[0].Reason, a.Context, a.EventIDs, a.Unit = "read "+text, []string{"c " + text}, []string{"e " + text}, "files"
		a.Exposures = []alert.Exposure{{What: "the file " + text, Opened: start}}
		revision++
		a.Revision = revision
		if err := x.alerts.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, []alert.Alert{a}, alert.NotifyPolicy{
			Now:            start,
			NeedsAttention: func(*alert.Alert) bool { return true },
		}); err != nil {
			t.Fatal(err)
		}
		if err := x.store.clearIndex(t.Context()); err != nil { // it keeps the departments of earlier texts
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, path := range []string{"/", "/alerts/" + id} {
			rec := x.get(h, SOC, path)
			if rec.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
			}
			out[path] = pseudonymSpan.ReplaceAllString(rec.Body.String(), "") // a text may have the user's name
		}
		return out
	}
	usual := pages(f, "", "")
	f.Fuzz(func(t *testing.T, user, text string) {
		x.set(x.now().Add(time.Second))
		for path, page := range pages(t, user, text) {
			for _, mark := range []string{"<", ">", `"`} {
				if a, b := strings.Count(page, mark), strings.Count(usual[path], mark); a != b {
					t.Errorf("%s: %d times %s, want %d\n%s", path, a, mark, b, page)
				}
			}
			if strings.ContainsFunc(page, func(c rune) bool { return !strings.ContainsRune("\n\r\t", c) && plain.Disturbs(c) }) {
				t.Errorf("%s: it disturbs: %q", path, page)
			}
		}
	})
}
