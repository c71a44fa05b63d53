package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/outflow/outflow/alert"
)

// TestChannelRun tells what the example holds through a webhook, under pseudonyms and
// once each; what was refused is listed, and sent after all.
func TestChannelRun(t *testing.T) {
	withoutRaces(t)
	var mu sync.Mutex
	var got []alert.Alert
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		var a alert.Alert
		if err := json.Unmarshal(b, &a); err != nil {
			t.Error(err)
		}
		if refuse && len(got) == 2 {
			refuse = false
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		got = append(got, a)
	}))
	defer server.Close()
	t.Setenv("HOOK", "hunter2")
	exports, err := filepath.Abs("../../examples/acme")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "outflow.yaml")
	text := fmt.Sprintf("data_dir: ./data\npublic_url: https://outflow.example\nsources:\n  - {name: exports, kind: files, paths: [%q]}\nchannels:\n  - {name: hook, kind: webhook, url: %q, secret: \"env:HOOK\", min_severity: high}\n  - {name: out, kind: file, path: told.ndjson}\n", exports, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := outflow("channel", "test", "hook", "--config", config); code != exitFine || len(got) != 1 {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	once(t, config)
	code, out, errs := outflow("alerts", "unsent", "--config", config)
	if code != exitFine || strings.Count(out, "\n") != 1 || !strings.Contains(out, "400 bad request") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, out, errs = outflow("alerts", "retry", "--config", config); code != exitFine {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	once(t, config)
	want := 0
	for line := range strings.Lines(told(t, filepath.Dir(config))) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.Severity >= alert.High {
			want++
		}
		for i := range got {
			if g := &got[i]; g.ID == a.ID && !a.Service && !a.Health && (g.User == a.User || !strings.HasPrefix(g.User, "P-") || strings.Contains(g.Reason, a.User)) {
				t.Errorf("%s is told by name: %s %s", a.User, g.User, g.Reason)
			}
		}
	}
	if len(got)-1 != want || want < 3 {
		t.Errorf("%d alerts came, %d are high", len(got)-1, want)
	}
}
