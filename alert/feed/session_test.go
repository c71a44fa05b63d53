package feed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/outflow/outflow/alert"
)

// browser is a client with cookies, which follows redirects.
func browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// answered sends a request and returns its status and body.
func answered(t testing.TB, c *http.Client, method, address string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// streaming opens a stream, and returns a channel that is closed when the server ends it, after its first line came.
func (x *team) streaming(c *http.Client, token string) <-chan struct{} {
	x.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", x.http.URL+"/v1/stream", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.Do(req)
	if err != nil || res.StatusCode != 200 {
		x.t.Fatal(err, res)
	}
	in := bufio.NewReader(res.Body)
	if _, err := in.ReadString('\n'); err != nil {
		x.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer res.Body.Close()
		io.Copy(io.Discard, in)
	}()
	return ended
}

// TestSignOut signs in with a token and out again: the session and its stream end on the server, the token and its other
// sessions stay.
func TestSignOut(t *testing.T) {
	x := newTeam(t, 3)
	in, other := browser(t), browser(t)
	for _, c := range []*http.Client{in, other} {
		if status, body := answered(t, c, "POST", x.http.URL+"/login", url.Values{"token": {x.tokens[SOC]}}); status != 200 {
			t.Fatal(status, body)
		}
	}
	at, _ := url.Parse(x.http.URL)
	stolen := in.Jar.Cookies(at)
	if len(stolen) != 1 || stolen[0].Value == x.tokens[SOC] {
		t.Fatal("the cookie is the token itself")
	}
	ended := x.streaming(in, "")
	if status, body := answered(t, in, "POST", x.http.URL+"/logout", url.Values{}); status != 200 || !strings.Contains(body, "Sign in") {
		t.Error(status, body)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the stream outlives the session")
	}
	if status, _, _ := x.ask("", "GET", "/v1/alerts", "", "Cookie", stolen[0].String()); status != 401 {
		t.Error("the session outlives signing out:", status)
	}
	if status, _ := answered(t, other, "GET", x.http.URL+"/v1/alerts", nil); status != 200 {
		t.Error("another session ended:", status)
	}
	if status, _, _ := x.ask(SOC, "GET", "/v1/alerts", ""); status != 200 {
		t.Error("the token ended:", status)
	}
	for _, line := range []string{"signed in with a token from 127.0.0.1", "signed out"} {
		if list, err := x.store.Mentions(t.Context(), line); err != nil || len(list) == 0 {
			t.Error(line, list, err)
		}
	}
	if n, err := x.store.Revoke(t.Context(), "kim the soc"); err != nil || n != 2 {
		t.Error(n, err)
	}
	if status, _ := answered(t, other, "GET", x.http.URL+"/v1/alerts", nil); status != 401 {
		t.Error("a session outlives its token:", status)
	}
}

// TestStreamEnds ends the token of a stream: it ends too, and sends nothing more.
func TestStreamEnds(t *testing.T) {
	for name, end := range map[string]func(x *team){
		"revoked": func(x *team) {
			if n, err := x.store.Revoke(t.Context(), "kim the soc"); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		},
		"expired": func(x *team) { x.set(start.Add(2 * time.Hour)) },
	} {
		x := newTeam(t, 3)
		ended := x.streaming(http.DefaultClient, x.tokens[SOC])
		select {
		case <-ended:
			t.Fatal("it ended at once")
		case <-time.After(checkEvery + time.Second):
		}
		end(x)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the stream goes on", name)
		}
	}
}

// TestStreams opens as many streams with one token as it may have: sessions of it count, other tokens do not.
func TestStreams(t *testing.T) {
	x := newTeam(t, 1)
	in := browser(t)
	answered(t, in, "POST", x.http.URL+"/login", url.Values{"token": {x.tokens[SOC]}})
	x.streaming(in, "")
	for range perHolder - 1 {
		x.streaming(http.DefaultClient, x.tokens[SOC])
	}
	if status, body, _ := x.ask(SOC, "GET", "/v1/stream", ""); status != 429 {
		t.Error(status, body)
	}
	another, err := x.store.NewToken(t.Context(), "lee", SOC, start, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	x.streaming(http.DefaultClient, another)
}

// TestSignOutAtProvider signs out of a session of the identity provider: its address for that is next, with the ID token.
func TestSignOutAtProvider(t *testing.T) {
	x := newTeam(t, 1)
	p, web := x.withProvider()
	p.claims = jwt.MapClaims{"groups": []string{"soc"}}
	in := browser(t)
	if status, body := answered(t, in, "GET", web+"/login/oidc", nil); status != 200 {
		t.Fatal(status, body)
	}
	at, _ := url.Parse(web)
	cookies := in.Jar.Cookies(at)
	status, body := answered(t, in, "POST", web+"/logout", url.Values{})
	if status != 200 || !strings.Contains(body, "url="+p.URL+"/end?client_id=outflow&amp;id_token_hint=ey") {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range cookies {
		if status, _, _ := x.ask("", "GET", "/v1/alerts", "", "Cookie", c.String()); status != 401 {
			t.Error(status)
		}
	}
	var left int
	if err := x.store.db.QueryRow("SELECT count(*) FROM token WHERE logout <> ''").Scan(&left); err != nil || left > 0 {
		t.Error("the ID token is kept", left, err)
	}
}

// TestClients checks whose address a request has: that which a trusted proxy was called from, and nothing that a client
// makes up.
func TestClients(t *testing.T) {
	s := &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"203.0.113.7:1", "", "203.0.113.7"},
		{"203.0.113.7:1", "198.51.100.1", "203.0.113.7"}, // no proxy
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "192.0.2.66, 198.51.100.1", "198.51.100.1"}, // the first is made up
		{"10.0.0.1:1", "192.0.2.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:1", "10.0.0.9, 10.0.0.2", "10.0.0.9"},
		{"10.0.0.1:1", "198.51.100.1:4711", "198.51.100.1"},
		{"10.0.0.1:1", "nonsense", "10.0.0.1"},
		{"10.0.0.1:1", "192.0.2.66, nonsense", "10.0.0.1"},
		{"[fd00::1]:1", "[2001:db8::7]:80", "2001:db8::7"},
		{"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		for part := range strings.SplitSeq(c.forwarded, ", ") { // as several headers
			r.Header.Add("X-Forwarded-For", part)
		}
		if got := s.client(r).String(); got != c.want {
			t.Errorf("%s, forwarded for %s: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if a, b := source(netip.MustParseAddr("2001:db8::1")), source(netip.MustParseAddr("2001:db8::2")); a != b {
		t.Error("a client has a network of IPv6 addresses", a, b)
	}
	for i := range 3 * maxLimits {
		s.limit(fmt.Sprint("client ", i))
	}
	if len(s.limits) > maxLimits {
		t.Errorf("%d limiters are kept", len(s.limits))
	}
}

// TestAttempts signs in with wrong tokens from an address behind a proxy: it is stopped, others are not, and a client
// that pretends to be behind a proxy gains nothing.
func TestAttempts(t *testing.T) {
	x := newTeam(t, 1)
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-For"}
	try := func(token, from string) int {
		status, _, _ := x.ask("", "POST", "/login", url.Values{"token": {token}}.Encode(), append(form, from)...)
		return status
	}
	x.server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for range attemptsAtOnce {
		if got := try("outflow_x", "198.51.100.1"); got != 401 {
			t.Fatal(got)
		}
	}
	if got := try("outflow_x", "192.0.2.1, 198.51.100.1"); got != 429 {
		t.Error("attempts are not limited:", got)
	}
	if got := try(x.tokens[SOC], "198.51.100.2"); got != 303 {
		t.Error("another client is stopped:", got)
	}
	x.server.TrustedProxies = nil
	for i := range attemptsAtOnce + 1 {
		if got := try("outflow_x", fmt.Sprint("198.51.100.", i+10)); i == attemptsAtOnce && got != 429 {
			t.Error("an address that is made up counts:", got)
		}
	}
	for i := range atOnce + 50 {
		if status, _, _ := x.ask("", "GET", "/v1/alerts", "", "Authorization", "Bearer outflow_guess"); status == 429 {
			return
		} else if i == atOnce+49 {
			t.Error("guesses at the API are not limited:", status)
		}
	}
}

// TestTwoPeopleForNames checks who may agree to showing a name: neither another token of the same name, nor a session of
// the same token, nor, where there is an identity provider, anybody whom it does not vouch for, or the same subject again
// under another address.
func TestTwoPeopleForNames(t *testing.T) {
	x := newTeam(t, 8)
	mint := func(name string, r Role) string {
		text, err := x.store.NewToken(t.Context(), name, r, start, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	pseudonym := x.server.Mask(SOC).Name("person.1@northwind.example")
	reveal := func(approval string) int {
		status, _, _ := x.ask(SOC, "POST", "/v1/reveal", fmt.Sprintf(`{"pseudonym":%q,"reason":"x","approval":%q}`, pseudonym, approval))
		return status
	}
	for name, want := range map[string]int{"kim the soc": 403, "Kim The SOC": 403, "lee": 200} {
		if got := reveal(mint(name, Privacy)); got != want {
			t.Errorf("%s agrees: %d, want %d", name, got, want)
		}
	}
	x.tokens["second"] = mint("KIM the soc", Privacy)
	x.ask(SOC, "POST", "/people/"+pseudonym, "reason=x", "Content-Type", "application/x-www-form-urlencoded")
	if status, body, _ := x.ask("second", "POST", "/requests/1", "decision=approve", "Content-Type", "application/x-www-form-urlencoded"); status != 403 {
		t.Error(status, body)
	}

	p, web := x.withProvider()
	signIn := func(subject, email string, r Role) *http.Client {
		p.claims = jwt.MapClaims{"sub": subject, "email": email, "groups": []string{string(r)}}
		c := browser(t)
		if status, body := answered(t, c, "GET", web+"/login/oidc", nil); status != 200 {
			t.Fatal(status, body)
		}
		return c
	}
	if got := reveal(mint("lee", Privacy)); got != 403 {
		t.Error("a token agrees beside a provider:", got)
	}
	asks := signIn("00u1", "kim@northwind.example", SOC)
	if status, body := answered(t, asks, "POST", web+"/people/"+pseudonym, url.Values{"reason": {"a case"}}); status != 200 {
		t.Fatal(status, body)
	}
	agree := func(c *http.Client) int {
		status, _ := answered(t, c, "POST", web+"/requests/2", url.Values{"decision": {"approve"}})
		return status
	}
	if got := agree(signIn("00u1", "kim.renamed@northwind.example", Privacy)); got != 403 {
		t.Error("the same subject agrees to its own request:", got)
	}
	if got, _, _ := x.ask(Privacy, "POST", "/requests/2", "decision=approve", "Content-Type", "application/x-www-form-urlencoded"); got != 403 {
		t.Error("a token agrees:", got)
	}
	if got := agree(signIn("00u2", "dpo@northwind.example", Privacy)); got != 200 {
		t.Error("the privacy officer cannot agree:", got)
	}
	if _, body := answered(t, asks, "GET", web+"/people/"+pseudonym, nil); !strings.Contains(body, "person.1@northwind.example") {
		t.Error("the name is not shown to who asked for it")
	}
	// An address that changed hands: another subject under the same one sees nothing.
	if _, body := answered(t, signIn("00u3", "kim@northwind.example", SOC), "GET", web+"/people/"+pseudonym, nil); strings.Contains(body, "person.1@") {
		t.Error("the name is shown to somebody else")
	}
}

// TestTwoPeopleForAlerts closes and suppresses alerts, from high on, in every way: it holds once a second person does the
// same.
func TestTwoPeopleForAlerts(t *testing.T) {
	x := newTeam(t, 8)
	x.server.TwoPeople = func(s alert.Severity) bool { return s >= alert.High }
	for _, name := range []string{"lee", "kim the SOC"} {
		text, err := x.store.NewToken(t.Context(), name, SOC, start, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		x.tokens[Role(name)] = text
	}
	id := func(n int) string { return fmt.Sprintf("%032x", n) } // of severity 1 + (n-1)%4: 2 is medium, 3 and 7 high, 4 critical
	status := func(n int) Status {
		all, err := x.store.LatestDecisions(t.Context(), id(n))
		if err != nil {
			t.Fatal(err)
		}
		return all[id(n)].Status
	}
	api := func(who Role, n int, as string) int {
		code, _, _ := x.ask(who, "POST", "/v1/alerts/"+id(n)+"/triage", fmt.Sprintf(`{"status":%q,"note":"why"}`, as))
		return code
	}
	page := func(who Role, path string, form url.Values) int {
		code, _, _ := x.ask(who, "POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		return code
	}
	if code := api(SOC, 2, "false"); code != 200 || status(2) != False {
		t.Error("medium:", code, status(2))
	}
	for _, again := range []Role{SOC, "kim the SOC"} {
		if code := api(SOC, 3, "false"); code != 202 || status(3) != Acknowledged {
			t.Error("one person:", again, code, status(3))
		}
	}
	if _, body, _ := x.ask("lee", "GET", "/alerts/"+id(3), ""); !strings.Contains(body, "kim the soc proposed to close it as false positive.") {
		t.Error(body)
	}
	if code := api("lee", 3, "benign-true"); code != 202 || status(3) != Acknowledged {
		t.Error("two people, two verdicts:", code, status(3))
	}
	if code := page(SOC, "/alerts/"+id(3), url.Values{"status": {"benign-true"}, "note": {"why"}}); code != 303 || status(3) != BenignTrue {
		t.Error("two people, one verdict:", code, status(3))
	}
	if list, err := x.store.Mentions(t.Context(), "decided benign-true about alert "+id(3)+", as lee proposed"); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	// In bulk, and undone: what was proposed is no more.
	bulk := url.Values{"id": {id(4), id(7)}, "status": {"true"}}
	page(SOC, "/alerts", bulk)
	if status(4) != Acknowledged || status(7) != Acknowledged {
		t.Error("in bulk:", status(4), status(7))
	}
	var batch string
	if err := x.store.db.QueryRow("SELECT batch FROM triage ORDER BY seq DESC LIMIT 1").Scan(&batch); err != nil {
		t.Fatal(err)
	}
	if code := page(SOC, "/undo", url.Values{"batch": {batch}}); code != 303 || status(4) != Undecided {
		t.Error("undo:", code, status(4))
	}
	page("lee", "/alerts", bulk)
	if status(4) != Acknowledged {
		t.Error("a proposal outlives its undo:", status(4))
	}
	page(SOC, "/alerts", bulk)
	if status(4) != True || status(7) != True {
		t.Error("two people in bulk:", status(4), status(7))
	}
	// Undoing a reopening closes again: that takes two, too.
	page(SOC, "/alerts", url.Values{"id": {id(4)}, "status": {"open"}})
	x.store.db.QueryRow("SELECT batch FROM triage ORDER BY seq DESC LIMIT 1").Scan(&batch)
	if code := page(SOC, "/undo", url.Values{"batch": {batch}}); code != 303 || status(4).closes() {
		t.Error("undo closes alone:", code, status(4))
	}
	// Suppressions.
	suppress := func(who Role, n, days int) int {
		code, _, _ := x.ask(who, "POST", "/v1/suppressions", fmt.Sprintf(`{"alert":%q,"days":%d,"reason":"noise"}`, id(n), days))
		return code
	}
	for i, c := range []struct {
		who  Role
		days int
		want int
	}{{SOC, 7, 202}, {SOC, 7, 202}, {"lee", 90, 202}, {"kim the SOC", 7, 202}, {"lee", 7, 200}} {
		if code := suppress(c.who, 3, c.days); code != c.want {
			t.Errorf("suppression %d: %d, want %d", i, code, c.want)
		}
	}
	if list, err := x.alerts.Suppressions(t.Context()); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

// TestTwoPeopleBeside closes alerts beside the feed: from high on it takes two accounts of the machine, or one and somebody in
// the feed, whatever names they give, and none where an identity provider vouches for people.
func TestTwoPeopleBeside(t *testing.T) {
	x := newTeam(t, 8)
	x.server.TwoPeople = func(s alert.Severity) bool { return s >= alert.High }
	id := func(n int) string { return fmt.Sprintf("%032x", n) } // 2 is medium, 3 and 7 high, 4 critical
	decide := func(n int, who, account string, as Status) (waits bool, err error) {
		t.Helper()
		a, err := x.alerts.Find(t.Context(), id(n))
		if err != nil {
			t.Fatal(err)
		}
		tr := Triage{Alert: id(n), At: start, Who: who, Status: as, Note: "why"}
		return x.store.DecideBeside(t.Context(), tr, a, account, id(n))
	}
	check := func(step string, n int, waits, wait bool, err error, want Status) {
		t.Helper()
		all, lerr := x.store.LatestDecisions(t.Context(), id(n))
		if lerr != nil || err != nil || waits != wait || all[id(n)].Status != want {
			t.Errorf("%s: waits %v, %q, %v %v", step, waits, all[id(n)].Status, err, lerr)
		}
	}
	waits, err := decide(7, "kim", "ops1", True)
	check("nothing is required", 7, waits, false, err, True)
	if err := x.store.RequireTwo(t.Context(), "high", false); err != nil {
		t.Fatal(err)
	}
	waits, err = decide(2, "kim", "ops1", True)
	check("medium", 2, waits, false, err, True)
	for _, who := range []string{"kim", "lee", "kim"} { // one account under two names
		waits, err = decide(3, who, "ops1", False)
		check("one account: "+who, 3, waits, true, err, Acknowledged)
	}
	waits, err = decide(3, "kim", "ops2", False)
	check("another account under the same name", 3, waits, true, err, Acknowledged)
	waits, err = decide(3, "lee", "ops1", True)
	check("another verdict", 3, waits, true, err, Acknowledged)
	waits, err = decide(3, "kim", "ops2", True)
	check("two accounts", 3, waits, false, err, True)
	if list, err := x.store.Mentions(t.Context(), "decided true about alert "+id(3)+", as lee proposed"); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
	waits, err = decide(4, "root", "ops1", True)
	check("proposed beside the feed", 4, waits, true, err, Acknowledged)
	if code, _, _ := x.ask(SOC, "POST", "/v1/alerts/"+id(4)+"/triage", `{"status":"true"}`); code != 200 {
		t.Error("closed in the feed:", code)
	}
	waits, err = decide(4, "root", "ops1", Undecided)
	check("reopened", 4, waits, false, err, Undecided)
	if err := x.store.RequireTwo(t.Context(), "high", true); err != nil {
		t.Fatal(err)
	}
	if _, err := decide(4, "root", "ops1", True); err == nil || !strings.Contains(err.Error(), "through the identity provider") {
		t.Error("an account beside an identity provider:", err)
	}
	if (person{"root", accountIdentity + "ops1"}).proven() {
		t.Error("an account is taken for an identity of the provider")
	}
	if err := x.store.RequireTwo(t.Context(), "", false); err != nil {
		t.Fatal(err)
	}
	waits, err = decide(4, "root", "ops1", True)
	check("no longer required", 4, waits, false, err, True)
}
