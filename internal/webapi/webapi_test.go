package webapi

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/youmark/pkcs8"

	"github.com/outflow/outflow/internal/secret"
)

// vendor responds with what a test wants.
func vendor(t *testing.T, do http.HandlerFunc) *Client {
	s := httptest.NewServer(do)
	t.Cleanup(s.Close)
	return &Client{Base: s.URL + "/v1", HTTP: s.Client(), Now: time.Now}
}

// TestMeaning checks the meaning of responses, and how long vendors ask to wait.
func TestMeaning(t *testing.T) {
	soon := time.Now().Add(30 * time.Second)
	for _, c := range []struct {
		status int
		header [2]string
		body   string
		kind   Kind
		least  time.Duration
	}{
		{500, [2]string{}, "x", Temporary, 0},
		{502, [2]string{}, "<html>", Temporary, 0},
		{503, [2]string{"Retry-After", "7"}, "x", Temporary, 7 * time.Second},
		{408, [2]string{}, "x", Temporary, 0},
		{429, [2]string{"Retry-After", "7"}, "x", Throttled, 7 * time.Second},
		{429, [2]string{"Retry-After", soon.UTC().Format(http.TimeFormat)}, "x", Throttled, 28 * time.Second},
		{429, [2]string{"Retry-After", "soon"}, "x", Throttled, 0},
		{429, [2]string{"X-Rate-Limit-Reset", "1"}, "x", Throttled, time.Second}, // in the past
		{401, [2]string{}, "x", Unauthorized, 0},
		{403, [2]string{}, "x", Denied, 0},
		{403, [2]string{"X-RateLimit-Remaining", "0"}, "x", Throttled, 0},
		{403, [2]string{}, "too fast", Throttled, 0},
		{400, [2]string{}, "too fast", Throttled, 0},
		{400, [2]string{}, "x", Refused, 0},
		{404, [2]string{}, "x", Refused, 0},
		{302, [2]string{"Location", "http://elsewhere.example/"}, "x", Refused, 0},
	} {
		api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
			if c.header[0] != "" {
				w.Header().Set(c.header[0], c.header[1])
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		api.Throttled = func(b []byte) bool { return string(b) == "too fast" }
		_, err := api.Get(t.Context(), "/x?secret=1")
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Wait < c.least || e.Status != c.status {
			t.Errorf("%d %v %q: %+v", c.status, c.header, c.body, e)
		}
		if strings.Contains(err.Error(), "secret=1") {
			t.Errorf("an error holds the query: %v", err)
		}
		for tries := 1; tries < 40; tries++ {
			if d := Backoff(err, tries); d <= 0 || d > 11*time.Minute || c.least > 0 && d < c.least {
				t.Errorf("%d: after %d tries it waits %s", c.status, tries, d)
			}
		}
	}
}

// TestElsewhere follows neither links nor redirects to another host.
func TestElsewhere(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/steal", http.StatusFound)
	})
	api.Auth = Static{"Bearer", secret.New("hunter2")}
	for _, target := range []string{
		other.URL + "/x",
		"//" + strings.TrimPrefix(other.URL, "http://") + "/x",
		"ftp://x/y",
		"/x",
		"http://[::1",
	} {
		if _, err := api.Get(t.Context(), target); err == nil {
			t.Errorf("%s: no error", target)
		}
	}
	if asked {
		t.Error("another host was asked")
	}
}

// TestBudget waits while less of the vendor's rate limit is left than should be spared.
func TestBudget(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		w.Header().Set("X-Rate-Limit-Limit", "100")
		w.Header().Set("X-Rate-Limit-Remaining", r.URL.Query().Get("left"))
		w.Header().Set("X-Rate-Limit-Reset", "1800000060")
		io.WriteString(w, "[]")
	})
	api.Spare, api.Now = .5, func() time.Time { return now }
	for left, waits := range map[string]bool{"51": false, "49": true} {
		api.until = time.Time{}
		if _, err := api.Get(t.Context(), "/x?left="+left); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := api.Get(ctx, "/x?left=99")
		if got := api.until.After(now); got != waits || err == nil {
			t.Errorf("%s left: waits %v, %v", left, got, err)
		}
	}
}

// TestClock uses the vendor's clock where ours is wrong.
func TestClock(t *testing.T) {
	api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		io.WriteString(w, "[]")
	})
	if _, err := api.Get(t.Context(), "/x"); err != nil {
		t.Fatal(err)
	}
	if d := time.Until(api.Clock()); d < 9*time.Minute || d > 11*time.Minute {
		t.Errorf("the clock is ahead by %s", d)
	}
}

// TestOAuth gets a token with an assertion, keeps it, and gets another when it is refused.
// Errors contain neither the assertion nor the secret.
func TestOAuth(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tokens, broken := 0, false
	var assertion string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		tokens++
		assertion = r.FormValue("assertion")
		claims := jwt.MapClaims{}
		if _, err := jwt.ParseWithClaims(assertion, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }); err != nil ||
			claims["iss"] != "me" || r.FormValue("grant_type") != JWTBearer || r.FormValue("client_secret") != "hunter2" {
			t.Errorf("%v %v %v", err, claims, r.Form)
		}
		if broken {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"invalid_grant","error_description":"`+assertion+` with hunter2"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"t`+string(rune('0'+tokens))+`","expires_in":3600}`)
	})
	mux.HandleFunc("GET /v1/x", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer t1" && r.URL.Query().Get("old") == "no" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "[]")
	})
	now := time.Now()
	api := vendor(t, mux.ServeHTTP)
	auth := &OAuth{
		HTTP:         api.HTTP,
		URL:          strings.TrimSuffix(api.Base, "/v1") + "/token",
		ClientID:     "me",
		ClientSecret: secret.New("hunter2"),
		Now:          func() time.Time { return now },
		Form: func(now time.Time) (url.Values, error) {
			a, err := Assertion(key, "k1", map[string]any{"iss": "me", "exp": now.Add(time.Minute).Unix()})
			return url.Values{"grant_type": {JWTBearer}, "assertion": {a}}, err
		},
	}
	api.Auth = auth
	for i, c := range []struct {
		target string
		after  time.Duration
		tokens int
	}{{"/x", 0, 1}, {"/x", time.Minute, 1}, {"/x?old=no", 0, 2}, {"/x", 50 * time.Minute, 3}} {
		now = now.Add(c.after)
		if _, err := api.Get(t.Context(), c.target); err != nil || tokens != c.tokens {
			t.Errorf("%d: %d tokens, %v", i, tokens, err)
		}
	}
	broken = true
	_, err = auth.Token(t.Context(), true)
	if !Is(err, Unauthorized) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), assertion) ||
		!strings.Contains(err.Error(), "invalid_grant") {
		t.Error(err)
	}
}

// TestParseKey reads keys in every form. Errors contain no secret.
func TestParseKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte, err error) secret.Secret {
		if err != nil {
			t.Fatal(err)
		}
		return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	eight := block("PRIVATE KEY", plain, err)
	sealed, err := pkcs8.MarshalPrivateKey(key, []byte("open sesame"), nil)
	locked := block("ENCRYPTED PRIVATE KEY", sealed, err)
	for _, c := range []struct {
		text secret.Secret
		pass string
		ok   bool
	}{
		{block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil), "", true},
		{eight, "", true},
		{locked, "open sesame", true},
		{locked, "wrong", false},
		{secret.New("nothing"), "", false},
	} {
		got, err := ParseKey(c.text, secret.New(c.pass))
		if (err == nil) != c.ok || c.ok && !got.Equal(key) {
			t.Errorf("%v", err)
		}
	}
}

// TestNextLink finds the link among others, on one line or several.
func TestNextLink(t *testing.T) {
	h := http.Header{"Link": {`<https://a/self>; rel="self"`, `<https://a/first>; rel="first", <https://a/next?x=1,2>; rel="next"`}}
	if got := NextLink(h); got != "https://a/next?x=1,2" {
		t.Errorf("%q", got)
	}
	if got := NextLink(http.Header{}); got != "" {
		t.Errorf("%q", got)
	}
}

// TestStall cancels a response that stops in the middle.
func TestStall(t *testing.T) {
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "[")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer s.Close()
	api := &Client{Base: s.URL, HTTP: &http.Client{Transport: &steady{http.DefaultTransport, 50 * time.Millisecond}}, Now: time.Now}
	if _, err := api.Get(t.Context(), "/x"); !Is(err, Temporary) {
		t.Error(err)
	}
	<-gone
}

// TestEcho has a vendor repeat what it was sent, in a header and in a form: no error shows a secret.
func TestEcho(t *testing.T) {
	const text = "hu/nter 2+x"
	forms := []string{text, url.QueryEscape(text), base64.StdEncoding.EncodeToString([]byte("an id:" + text))[9:20]}
	for _, basic := range []bool{false, true} {
		for _, inHeader := range []bool{false, true} {
			api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprintf(w, `{"error":"invalid_client","got":"%s %s"}`, r.Header.Get("Authorization"), b)
			})
			if inHeader {
				api.Auth = Basic{User: "an id", Password: secret.New(text)}
			} else {
				api.Auth = &OAuth{
					HTTP: api.HTTP, URL: api.Base + "/token", ClientID: "an id", ClientSecret: secret.New(text), Basic: basic, Now: time.Now,
				}
			}
			_, err := api.Post(t.Context(), "/x", nil)
			if !Is(err, Unauthorized) || !strings.Contains(err.Error(), "****") {
				t.Fatal(err)
			}
			sent := base64.StdEncoding.EncodeToString([]byte("an+id:" + url.QueryEscape(text)))
			for _, form := range append(forms, sent[12:24]) {
				if strings.Contains(err.Error(), form) {
					t.Errorf("Basic %v, header %v: %v", basic, inHeader, err)
				}
			}
		}
	}
}

// TestCut leaves nothing of a secret that was cut in two where reading a response ends.
func TestCut(t *testing.T) {
	for _, short := range []int{1, 4, 8} {
		api := vendor(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, strings.Repeat(" ", maxRefusal-short)+"hunter2hunter2")
		})
		api.Auth = Static{"Bearer", secret.New("hunter2hunter2")}
		var e *Error
		if _, err := api.Get(t.Context(), "/x"); !errors.As(err, &e) || e.Text != "" {
			t.Error(err)
		}
	}
}

// TestTokenRedirect sends the form with the secret nowhere else.
func TestTokenRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("%d: %s was requested elsewhere", status, r.URL)
		}))
		t.Cleanup(elsewhere.Close)
		api := vendor(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/token", status)
		})
		auth := &OAuth{HTTP: api.HTTP, URL: api.Base + "/token", ClientID: "me", ClientSecret: secret.New("hunter2"), Now: time.Now}
		if _, err := auth.Token(t.Context(), true); !Is(err, Refused) || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// TestSameOrigin follows redirects within a host, and no others.
func TestSameOrigin(t *testing.T) {
	reached := ""
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r.URL.Path }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/near":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/far":
			http.Redirect(w, r, elsewhere.URL+"/far", http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	t.Cleanup(here.Close)
	client := &http.Client{CheckRedirect: SameOrigin}
	for path, fine := range map[string]bool{"/near": true, "/far": false, "/round": false} {
		res, err := client.Get(here.URL + path)
		if (err == nil) != fine {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			res.Body.Close()
		}
	}
	if reached != "" {
		t.Errorf("%s was requested elsewhere", reached)
	}
}

// TestUnclear tells what may have taken effect from what has not: an answer that says no, and what failed before the
// request was sent.
func TestUnclear(t *testing.T) {
	answers := map[string]func(w http.ResponseWriter, conn func() net.Conn){
		"/429":  func(w http.ResponseWriter, _ func() net.Conn) { w.WriteHeader(429) },
		"/302":  func(w http.ResponseWriter, _ func() net.Conn) { w.Header().Set("Location", "/x"); w.WriteHeader(302) },
		"/410":  func(w http.ResponseWriter, _ func() net.Conn) { w.WriteHeader(410) },
		"/500":  func(w http.ResponseWriter, _ func() net.Conn) { w.WriteHeader(500) },
		"/503":  func(w http.ResponseWriter, _ func() net.Conn) { w.WriteHeader(503) },
		"/html": func(w http.ResponseWriter, _ func() net.Conn) { io.WriteString(w, "<html>") },
		"/cut":  func(_ http.ResponseWriter, conn func() net.Conn) { conn().Close() },
		"/half": func(_ http.ResponseWriter, conn func() net.Conn) {
			c := conn()
			io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{")
			c.Close()
		},
		"/late": func(_ http.ResponseWriter, _ func() net.Conn) { time.Sleep(300 * time.Millisecond) },
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[r.URL.Path](w, func() net.Conn {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
			}
			return c
		})
	}))
	defer s.Close()
	impatient := s.Client().Transport.(*http.Transport).Clone()
	impatient.ResponseHeaderTimeout = 100 * time.Millisecond
	trusting := &http.Client{Transport: impatient}
	for _, c := range []struct {
		base, path string
		http       *http.Client
		want       bool
	}{
		{s.URL, "/429", trusting, false},
		{s.URL, "/302", trusting, false},
		{s.URL, "/410", trusting, false},
		{s.URL, "/500", trusting, true},
		{s.URL, "/503", trusting, true},
		{s.URL, "/html", trusting, true},
		{s.URL, "/cut", trusting, true},
		{s.URL, "/half", trusting, true},
		{s.URL, "/late", trusting, true},
		{s.URL, "/429", http.DefaultClient, false}, // nobody vouches for the certificate
		{"https://127.0.0.1:1", "/429", trusting, false},
		{"https://nowhere.invalid", "/429", trusting, false},
	} {
		api := &Client{Base: c.base, HTTP: c.http, Now: time.Now}
		_, err := api.Post(t.Context(), c.path, []byte("{}"))
		var e *Error
		if !errors.As(err, &e) || e.Unclear != c.want {
			t.Errorf("%s%s: unclear is %v: %v", c.base, c.path, e != nil && e.Unclear, err)
		}
	}
}
