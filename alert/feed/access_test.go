package feed

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestLanding signs in with every role: each lands on a page that it may see, with the navigation of its role, and
// every page of that can be opened. Where a role may not go, it keeps its navigation and the way out.
func TestLanding(t *testing.T) {
	x := newTeam(t, 4)
	for _, role := range Roles {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		res, err := client.PostForm(x.http.URL+"/login", url.Values{"token": {x.tokens[role]}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || res.Request.URL.Path != role.home() {
			t.Errorf("%s lands on %s: %d", role, res.Request.URL, res.StatusCode)
		}
		for _, l := range navigation[role] {
			status, body, _ := x.ask(role, "GET", l.Path, "")
			if status != 200 {
				t.Errorf("%s: %s: %d %s", role, l.Path, status, body)
			}
		}
		status, body, _ := x.ask(role, "GET", "/nowhere", "")
		if status != 404 || !strings.Contains(body, `action="/logout"`) || !strings.Contains(body, `href="`+role.home()+`"`) {
			t.Errorf("%s: %d %s", role, status, body)
		}
		if role == SOC {
			continue
		}
		status, _, header := x.ask(role, "GET", "/", "")
		if status != 303 || header.Get("Location") != role.home() {
			t.Errorf("%s: / leads to %s: %d", role, header.Get("Location"), status)
		}
		status, body, _ = x.ask(role, "GET", "/suppressions", "")
		if status != 403 || !strings.Contains(body, `action="/logout"`) || !strings.Contains(body, `<nav`) ||
			!strings.Contains(body, "Your role ("+string(role)+") does not have access to this page: it is for ") {
			t.Errorf("%s: %d %s", role, status, body)
		}
	}
}

// TestReturn opens a link of a message signed out: after sign-in the page of the link is shown. Nothing leads to
// another site.
func TestReturn(t *testing.T) {
	x := newTeam(t, 4)
	to := "/alerts/" + fmt.Sprintf("%032x", 2) + "?queue=severity%3Dhigh"
	status, _, header := x.ask("", "GET", to, "")
	login := header.Get("Location")
	if status != 303 || login != "/login?next="+url.QueryEscape(to) {
		t.Fatal(status, login)
	}
	if _, body, _ := x.ask("", "GET", login, ""); !strings.Contains(body, `name="next" value="`+to+`"`) {
		t.Error(body)
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	signIn := func(next string) string {
		t.Helper()
		status, body, header := x.ask("", "POST", "/login", url.Values{"token": {x.tokens[SOC]}, "next": {next}}.Encode(), form...)
		if status != 303 {
			t.Fatal(status, body)
		}
		return header.Get("Location")
	}
	if got := signIn(to); got != to {
		t.Error(got)
	}
	for _, bad := range []string{
		"", "//evil.example/", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "alerts", "/login",
		"/logout", "///evil.example", "/%0a//evil.example\\", "http:/x", "/" + strings.Repeat("x", 3000), "//evil.example@/x",
	} {
		if got := signIn(bad); got != "/" {
			t.Errorf("%q: leads to %s", bad, got)
		}
	}
	// A mistyped token keeps the page.
	if _, body, _ := x.ask("", "POST", "/login", url.Values{"token": {"x"}, "next": {to}}.Encode(), form...); !strings.Contains(body,
		`value="`+to+`"`) {
		t.Error(body)
	}
	// A browser that comes from another site sends no strict cookie: it is led to the page by one of ours first.
	status, body, _ := x.ask("", "GET", to, "", "Sec-Fetch-Site", "cross-site")
	if status != 200 || !strings.Contains(body, `http-equiv="refresh" content="0;url=`+to+`"`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestHumanResources checks that HR sees leavers alone: it can request their names and nobody else's, and decides
// nothing.
func TestHumanResources(t *testing.T) {
	x := newTeam(t, 8)
	name := x.server.Mask(HR).Name
	leaving, staying := name("person.1@northwind.example"), name("person.2@northwind.example")
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if status, _, _ := x.ask(HR, "POST", "/leavers/"+staying+"/name", "reason=curious", form...); status != 404 {
		t.Error(status)
	}
	reveal := func(who string) int {
		status, _, _ := x.ask(HR, "POST", "/v1/reveal", fmt.Sprintf(`{"pseudonym":%q,"reason":"x","approval":%q}`, who, x.tokens[Privacy]))
		return status
	}
	if reveal(staying) != 404 || reveal(leaving) != 200 {
		t.Error("HR is shown the wrong names")
	}
	if status, _, _ := x.ask(HR, "POST", "/leavers/"+leaving+"/name", "reason=review", form...); status != 303 {
		t.Error(status)
	}
	if _, body, _ := x.ask(HR, "GET", "/leavers", ""); !strings.Contains(body, "Waiting for approval.") {
		t.Error(body)
	}
	if status, _, _ := x.ask(Privacy, "POST", "/requests/1", "decision=approve", form...); status != 303 {
		t.Error(status)
	}
	if _, body, _ := x.ask(HR, "GET", "/leavers", ""); !strings.Contains(body, "person.1@northwind.example") {
		t.Error(body)
	}
	id := fmt.Sprintf("%032x", 2)
	x.ask(HR, "POST", "/alerts/"+id, "status=false&note=x", form...)
	x.ask(HR, "POST", "/v1/alerts/"+id+"/triage", `{"status":"false","note":"x"}`)
	if list, err := x.store.Decisions(t.Context(), id); err != nil || len(list) > 0 {
		t.Error(list, err)
	}
}

// TestAuditPage pages through the audit log, searches it and verifies its chain.
func TestAuditPage(t *testing.T) {
	x := newTeam(t, 0)
	for i := range accessLines + 20 {
		if err := x.store.LogAccess(t.Context(), start, "kim", SOC, fmt.Sprintf("looked at alert %d<b>", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, body, _ := x.ask(Auditor, "GET", "/access?check=1", "")
	if strings.Count(body, "<tr><td") != accessLines || !strings.Contains(body, "The chain of 121 lines is intact.") ||
		!strings.Contains(body, "before=22") || strings.Contains(body, "<b>") {
		t.Error(body)
	}
	if _, body, _ = x.ask(Auditor, "GET", "/access?before=21", ""); strings.Count(body, "<tr><td") != 20 ||
		strings.Contains(body, "Earlier lines") || !strings.Contains(body, "Latest lines") {
		t.Error(body)
	}
	if _, body, _ = x.ask(Privacy, "GET", "/access?q=ALERT+77", ""); strings.Count(body, "<tr><td") != 1 {
		t.Error(body)
	}
	if _, err := x.store.db.Exec("UPDATE access SET what = 'nothing' WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	if _, body, _ = x.ask(Auditor, "GET", "/access?check=1", ""); !strings.Contains(body, "Line 3 of the audit log was changed") {
		t.Error(body)
	}
	if status, _, _ := x.ask(Auditor, "GET", "/access?before=x", ""); status != 400 {
		t.Error(status)
	}
}

// TestTokensPage lists the tokens that hold, and revokes those of a name.
func TestTokensPage(t *testing.T) {
	x := newTeam(t, 0)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if _, body, _ := x.ask(Admin, "GET", "/tokens", ""); strings.Count(body, "<tr><td") != len(Roles) {
		t.Error(body)
	}
	x.set(start.Add(10 * time.Minute))
	if _, body, _ := x.ask(Admin, "GET", "/tokens", ""); strings.Count(body, ">under a minute ago<") != 1 || strings.Count(body, ">not yet<") != len(Roles)-1 {
		t.Errorf("when tokens were used: %s", body)
	}
	if status, _, _ := x.ask(Admin, "POST", "/tokens", "name=kim+the+hr", form...); status != 303 {
		t.Error(status)
	}
	if status, _, _ := x.ask(HR, "GET", "/leavers", ""); status != 303 {
		t.Error("the token still holds:", status)
	}
	if status, _, _ := x.ask(Admin, "POST", "/tokens", "name=nobody", form...); status != 404 {
		t.Error(status)
	}
	_, body, _ := x.ask(Admin, "GET", "/tokens", "")
	if strings.Count(body, "<tr><td") != len(Roles)-1 || !strings.Contains(body, "1 more expired or were revoked") {
		t.Error(body)
	}
	if lines, err := x.store.Mentions(t.Context(), "revoked the tokens of kim the hr"); err != nil || len(lines) != 1 {
		t.Error(lines, err)
	}
}

// TestHealthPage counts the people that are known, leave, and are on watchlists.
func TestHealthPage(t *testing.T) {
	x := newTeam(t, 3)
	x.busy("person.1@northwind.example")
	x.contains(Admin, "/health", "Accounts with stored data 3", "Leavers 1", "On watchlists 2 entries, 1 without a known account.")
}
