package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert/feed"
)

// TestServedNames has a daemon read the example, and looks through what it serves to every role, pages with what they link to and
// every format of the API: nothing has the name of anybody in HR's file, nor the id of an alert within Outflow.
func TestServedNames(t *testing.T) {
	long(t)
	dir, config := folder(t, acme, "feed: {listen: \"127.0.0.1:0\"}\npublic_url: https://outflow.example\n")
	once(t, config)
	var secret []string
	people, err := os.ReadFile(filepath.Join(acme, "hr", "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(strings.ToLower(string(people))), "\n")[1:] {
		fields := strings.Split(line, ",")
		first, last, _ := strings.Cut(fields[1], " ")
		local, _, _ := strings.Cut(fields[0], "@")
		secret = append(secret, fields[0], fields[1], last+", "+first, local, strings.ReplaceAll(local, ".", "_"))
	}
	for _, line := range strings.Split(strings.TrimSpace(soFar(dir)), "\n") {
		var a struct{ ID string }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		secret = append(secret, a.ID)
	}
	base := feedOf(t, config)
	looked := 0
	for _, role := range feed.Roles {
		code, token, errs := outflow("token", "create", "--config", config, "--name", "reader "+string(role), "--role", string(role))
		if code != exitFine {
			t.Fatal(errs)
		}
		paths := crawl(t, base, strings.TrimSpace(token))
		for _, more := range []string{
			"/v1/alerts?limit=1000", "/v1/health", "/v1/coverage", "/v1/watchlists", "/v1/access", "/v1/suppressions", "/v1/precision", "/channels", "/health",
			"/access", "/tokens", "/alerts/nothing", "/digest", "/entities",
		} {
			paths[more] = true
		}
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			for _, accept := range []string{"", "application/x-ndjson", "application/ocsf+json"} {
				if accept != "" && !strings.HasPrefix(path, "/v1/alerts?") {
					continue
				}
				text := strings.ToLower(answerOf(t, base+path, strings.TrimSpace(token), accept))
				looked++
				for _, s := range secret {
					if i := strings.Index(text, s); i >= 0 {
						t.Errorf("%s, %s %s: %q in %q", role, path, accept, s, text[max(i-80, 0):min(i+60, len(text))])
					}
				}
			}
		}
	}
	if looked < 100 {
		t.Errorf("only %d answers", looked)
	}
}

// answerOf returns an answer with its headers.
func answerOf(t *testing.T, url, token, accept string) string {
	t.Helper()
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept", accept)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusTooManyRequests {
			time.Sleep(time.Second)
			continue
		}
		var b strings.Builder
		if err := res.Header.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String() + string(body)
	}
}
