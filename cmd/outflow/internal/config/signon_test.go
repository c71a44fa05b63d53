package config

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// TestSignOnGuarded checks that the identity provider is not looked for within the organisation unless that is allowed,
// and that what it is sent is sent to nobody else.
func TestSignOnGuarded(t *testing.T) {
	reached := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer inside.Close()
	provider := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	defer provider.Close()
	for allow, wanted := range map[string]int{"": 0, "127.0.0.0/8": http.StatusTemporaryRedirect} {
		c := &Config{Feed: Feed{OIDC: OIDC{Issuer: provider.URL, Networks: strings.Fields(allow)}}}
		o, err := c.SignOn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		res, err := o.HTTP.Post(provider.URL+"/token", "application/x-www-form-urlencoded", strings.NewReader("client_secret=x"))
		got := 0
		if err == nil {
			got = res.StatusCode
			res.Body.Close()
		}
		if got != wanted || reached > 0 {
			t.Errorf("allowed %q: status %d, %v; another host was reached %d times", allow, got, err, reached)
		}
	}
}

// TestSignOnKeys has a provider say that its keys are within the organisation: nobody asks there for them.
func TestSignOnKeys(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("there is only one address of this machine: ", err)
	}
	reached := 0
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	inside.Listener.Close()
	inside.Listener = ln
	inside.Start()
	defer inside.Close()
	for keys, want := range map[string]bool{inside.URL: false, "": true} {
		asked := false
		var issuer string
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				asked = true
				return
			}
			fmt.Fprintf(w, `{"issuer": %q, "authorization_endpoint": "%[1]s/a", "token_endpoint": "%[1]s/t", "jwks_uri": %[2]q}`, issuer, cmp.Or(keys, issuer)+"/keys")
		}))
		issuer = provider.URL
		c := &Config{Feed: Feed{OIDC: OIDC{Issuer: issuer, Networks: []string{"127.0.0.1/32"}}}}
		o, err := c.SignOn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx := oidc.ClientContext(t.Context(), o.HTTP)
		p, err := oidc.NewProvider(ctx, issuer)
		if err != nil {
			t.Fatal(err)
		}
		token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"1"}`)) + "." +
			base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":%q,"aud":"x","exp":4000000000}`, issuer)) + ".eA"
		if _, err := p.VerifierContext(ctx, &oidc.Config{ClientID: "x"}).Verify(ctx, token); err == nil {
			t.Error("a token without a signature is valid")
		}
		if asked != want || reached > 0 {
			t.Errorf("keys at %q: asked for at the provider: %t, within the organisation: %d times", keys, asked, reached)
		}
		provider.Close()
	}
}
