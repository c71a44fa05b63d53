package feed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// provider is an identity provider that signs whatever a test wants.
type provider struct {
	*httptest.Server
	key, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	kid        string
	claims     jwt.MapClaims              // of the next token, beside what is right
	sign       func(jwt.MapClaims) string // nil for what is right
	challenge  string                     // of the last authorization
	nonce      string                     // the same
	seen       url.Values                 // what the token endpoint was sent
	now        func() time.Time
}

func newProvider(t testing.TB, now func() time.Time) *provider {
	t.Helper()
	p := &provider{kid: "k1", now: now}
	var err error
	if p.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer":                                p.URL,
			"authorization_endpoint":                p.URL + "/authorize",
			"token_endpoint":                        p.URL + "/token",
			"jwks_uri":                              p.URL + "/keys",
			"end_session_endpoint":                  p.URL + "/end",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		rsaKey := func(kid string, k *rsa.PrivateKey) map[string]string {
			return map[string]string{
				"kty": "RSA",
				"use": "sig",
				"alg": "RS256",
				"kid": kid,
				"n":   b64(k.N.Bytes()),
				"e":   b64(big.NewInt(int64(k.E)).Bytes()),
			}
		}
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{
			rsaKey(p.kid, p.key),
			map[string]string{
				"kty": "EC",
				"use": "sig",
				"alg": "ES256",
				"kid": "e1",
				"crv": "P-256",
				"x":   b64(p.ec.X.FillBytes(make([]byte, 32))),
				"y":   b64(p.ec.Y.FillBytes(make([]byte, 32))),
			},
		}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		p.challenge, p.nonce = q.Get("code_challenge"), q.Get("nonce")
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"c1"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		p.seen = r.PostForm
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if b64(sum[:]) != p.challenge {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_grant"}`)
			return
		}
		claims := jwt.MapClaims{
			"iss":    p.URL,
			"aud":    "outflow",
			"sub":    "00u1",
			"exp":    p.now().Add(time.Hour).Unix(),
			"iat":    p.now().Unix(),
			"nonce":  p.nonce,
			"email":  "Kim.Ops@northwind.example",
			"groups": []string{"everyone", "secops"},
		}
		for k, v := range p.claims {
			if v == nil {
				delete(claims, k)
			} else {
				claims[k] = v
			}
		}
		sign := p.sign
		if sign == nil {
			sign = func(c jwt.MapClaims) string { return p.signed(jwt.SigningMethodRS256, p.kid, p.key, c) }
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "hunter2-access", "token_type": "Bearer", "id_token": sign(claims)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) signed(m jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t := jwt.NewWithClaims(m, c)
	t.Header["kid"] = kid
	s, err := t.SignedString(key)
	if err != nil {
		panic(err)
	}
	return s
}

// TestSignOn signs users in through an identity provider, and refuses tokens of another
// audience, of another provider, or that are otherwise invalid.
func TestSignOn(t *testing.T) {
	x := newTeam(t, 2)
	p := newProvider(t, x.now)
	x.server.SignOn = &SignOn{
		Issuer:       p.URL,
		ClientID:     "outflow",
		ClientSecret: "hunter2-secret",
		Roles:        map[Role][]string{SOC: {"secops"}, Privacy: {"dpo"}},
		Life:         time.Hour,
		HTTP:         http.DefaultClient,
	}
	web := httptest.NewServer(x.server.Handler())
	defer web.Close()
	x.server.SignOn.Redirect = web.URL + "/login/oidc/callback"
	fresh := func() *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Client{Jar: jar}
	}
	get := func(c *http.Client, path string) (int, string) {
		t.Helper()
		res, err := c.Get(web.URL + path)
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
	c := fresh()
	if _, body := get(c, "/login"); !strings.Contains(body, `href="/login/oidc"`) {
		t.Error(body)
	}
	if status, body := get(c, "/login/oidc"); status != 200 || !strings.Contains(body, "url=/\"") {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := get(fresh(), "/login/oidc?next="+url.QueryEscape("/alerts/7?queue=x")); status != 200 ||
		!strings.Contains(body, "url=/alerts/7?queue=x\"") {
		t.Errorf("the page of the link is lost: %d %s", status, body)
	}
	if status, body := get(fresh(), "/login/oidc?next=//evil.example/"); status != 200 || !strings.Contains(body, "url=/\"") {
		t.Errorf("%d %s", status, body)
	}
	p.seen = nil
	get(c, "/login/oidc")
	if p.seen.Get("code_verifier") == "" || p.seen.Get("code") != "c1" {
		t.Errorf("the token endpoint was sent %v", p.seen)
	}
	if status, body := get(c, "/"); status != 200 || !strings.Contains(body, "<h1>Alerts</h1>") ||
		!strings.Contains(body, "kim.ops@northwind.example (soc)") {
		t.Errorf("%d %s", status, body)
	}
	x.set(start.Add(2 * time.Hour))
	if _, body := get(c, "/"); !strings.Contains(body, "Sign in") {
		t.Error("the session does not end")
	}
	x.set(start)
	der, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, set := range map[string]func(){
		"another audience":    func() { p.claims = jwt.MapClaims{"aud": "somebody else"} },
		"another issuer":      func() { p.claims = jwt.MapClaims{"iss": "https://elsewhere.example"} },
		"no audience":         func() { p.claims = jwt.MapClaims{"aud": nil} },
		"expired":             func() { p.claims = jwt.MapClaims{"exp": start.Add(-time.Minute).Unix()} },
		"no end":              func() { p.claims = jwt.MapClaims{"exp": nil} },
		"not before tomorrow": func() { p.claims = jwt.MapClaims{"nbf": start.Add(24 * time.Hour).Unix()} },
		"another nonce":       func() { p.claims = jwt.MapClaims{"nonce": "x"} },
		"no nonce":            func() { p.claims = jwt.MapClaims{"nonce": nil} },
		"another key": func() {
			p.sign = func(c jwt.MapClaims) string { return p.signed(jwt.SigningMethodRS256, p.kid, p.other, c) }
		},
		"a key of another name": func() {
			p.sign = func(c jwt.MapClaims) string { return p.signed(jwt.SigningMethodRS256, "k9", p.other, c) }
		},
		"no signature": func() {
			p.sign = func(c jwt.MapClaims) string {
				return p.signed(jwt.SigningMethodNone, p.kid, jwt.UnsafeAllowNoneSignatureType, c)
			}
		},
		"the public key as secret": func() {
			p.sign = func(c jwt.MapClaims) string { return p.signed(jwt.SigningMethodHS256, p.kid, public, c) }
		},
		"the client's secret": func() {
			p.sign = func(c jwt.MapClaims) string {
				return p.signed(jwt.SigningMethodHS256, p.kid, []byte("hunter2-secret"), c)
			}
		},
		"claims that were changed": func() {
			p.sign = func(c jwt.MapClaims) string { return tampered(p.signed(jwt.SigningMethodRS256, p.kid, p.key, c)) }
		},
		"no token":                   func() { p.sign = func(c jwt.MapClaims) string { return "" } },
		"not a token":                func() { p.sign = func(c jwt.MapClaims) string { return "a.b" } },
		"none of the groups":         func() { p.claims = jwt.MapClaims{"groups": []string{"everyone"}} },
		"no groups":                  func() { p.claims = jwt.MapClaims{"groups": nil} },
		"groups of another shape":    func() { p.claims = jwt.MapClaims{"groups": map[string]any{"secops": true}} },
		"a group that only contains": func() { p.claims = jwt.MapClaims{"groups": []string{"secops-readers"}} },
	} {
		p.claims, p.sign = nil, nil
		set()
		c := fresh()
		if status, _ := get(c, "/login/oidc"); status != 401 && status != 403 {
			t.Errorf("%s: %d", name, status)
		}
		if _, body := get(c, "/"); !strings.Contains(body, "Sign in") {
			t.Errorf("%s: signed in", name)
		}
	}
	for name, set := range map[string]func(){
		"an elliptic key": func() {
			p.sign = func(c jwt.MapClaims) string { return p.signed(jwt.SigningMethodES256, "e1", p.ec, c) }
		},
		"a key that rotates": func() { p.key, p.kid = p.other, "k2" },
		"one group as text":  func() { p.claims = jwt.MapClaims{"groups": "dpo"} },
		"two audiences":      func() { p.claims = jwt.MapClaims{"aud": []string{"outflow", "x"}} },
	} {
		p.claims, p.sign = nil, nil
		set()
		if status, body := get(fresh(), "/login/oidc"); status != 200 || !strings.Contains(body, "Signed in") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	p.claims, p.sign = nil, nil
	p.claims = jwt.MapClaims{"email_verified": false, "preferred_username": "kim"} // anybody can claim an address
	c = fresh()
	get(c, "/login/oidc")
	if _, body := get(c, "/"); strings.Contains(body, "kim.ops@") || !strings.Contains(body, "kim (soc)") {
		t.Error(body)
	}
	p.claims = nil
	// a browser that was sent by somebody else
	for _, path := range []string{"?code=c1&state=x", "?code=c1", "?error=access_denied&state=x", ""} {
		c := fresh()
		if status, _ := get(c, "/login/oidc/callback"+path); status != 401 {
			t.Errorf("%q: %d", path, status)
		}
		if _, body := get(c, "/"); !strings.Contains(body, "Sign in") {
			t.Errorf("%q: signed in", path)
		}
	}
	c = fresh() // a cookie holds once
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Get(web.URL + "/login/oidc")
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" ||
		q.Get("response_type") != "code" || strings.Contains(to.String(), "hunter2") {
		t.Error(to)
	}
	back := "/login/oidc/callback?" + url.Values{"code": {"c1"}, "state": {to.Query().Get("state")}}.Encode()
	get(c, strings.Replace(back, "state=", "state=y", 1))
	if status, _ := get(c, back); status != 401 {
		t.Error("a cookie that was used holds")
	}
	if n, err := x.store.Revoke(t.Context(), "kim.ops@northwind.example"); err != nil || n == 0 {
		t.Error("sessions cannot be ended", n, err)
	}
	lines, err := x.store.Accesses(t.Context(), 0, 1000)
	if err != nil || !strings.Contains(fmt.Sprint(lines), "kim.ops@northwind.example soc signed in") {
		t.Error(lines, err)
	}
}

// tampered adds a group to what a token claims.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), "everyone", "secops", 1)))
	return strings.Join(parts, ".")
}
