package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/waittest"
)

var (
	feedAddress = regexp.MustCompile(`msg="serving feed" address=(\S+)`)
	link        = regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
)

// TestPages follows every link of the daemon's pages, in every role, once there are alerts, people,
// leavers and sources: no page fails. Templates are not type-checked, so that only this finds a field
// that is gone.
func TestPages(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	month(t, exports, 1)
	month(t, exports, 2)
	dir, config := folder(t, exports, "feed: {listen: \"127.0.0.1:0\"}\n")
	_, logged := running(t, config)
	waittest.Until(t, "there are alerts", func() bool { return strings.Count(soFar(dir), "\n") > 0 })
	waittest.Until(t, "the status lists what arrived", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "data", "status.json"))
		return strings.Contains(string(b), `"accounts"`)
	})
	waittest.Until(t, "the feed listens", func() bool { return feedAddress.MatchString(logged()) })
	base := "http://" + feedAddress.FindStringSubmatch(logged())[1]
	for _, role := range feed.Roles {
		code, token, errs := outflow("token", "create", "--config", config, "--name", string(role), "--role", string(role))
		if code != exitFine {
			t.Fatalf("%s: exit %d: %s", role, code, errs)
		}
		seen := crawl(t, base, strings.TrimSpace(token))
		t.Logf("%s: %d pages", role, len(seen))
		if role == feed.SOC && (len(seen) < 12 || !seen["/coverage"]) {
			t.Errorf("%s: only %d pages were found", role, len(seen))
		}
	}
	if strings.Contains(logged(), "level=ERROR") {
		t.Errorf("logged:\n%s", logged())
	}
}

// crawl gets the pages that can be reached by links, at most 80, and returns their paths.
func crawl(t *testing.T, base, token string) map[string]bool {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	seen, next := map[string]bool{}, []string{"/", "/coverage", "/watchlists", "/leavers", "/requests", "/suppressions"}
	for len(next) > 0 && len(seen) < 80 {
		path := strings.ReplaceAll(next[0], "&amp;", "&")
		if next = next[1:]; seen[path] || strings.Contains(path, "/stream") {
			continue
		}
		seen[path] = true
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case res.StatusCode == http.StatusTooManyRequests:
			seen[path], next = false, append(next, path)
			time.Sleep(time.Second)
		case res.StatusCode >= 500:
			t.Errorf("%s: status %d", path, res.StatusCode)
		case res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"):
			for _, m := range link.FindAllSubmatch(body, -1) {
				next = append(next, string(m[1]))
			}
		}
	}
	return seen
}
