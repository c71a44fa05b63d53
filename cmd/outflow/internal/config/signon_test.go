package config

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
