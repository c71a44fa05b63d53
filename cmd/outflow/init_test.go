package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInit tests the credentials of what it writes against a vendor: one that takes them, and one that does not.
func TestInit(t *testing.T) {
	t.Setenv("OUTFLOW_INIT_TOKEN", "hunter2-hunter2")
	messages := 0
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/logs" && r.Header.Get("Authorization") == "SSWS hunter2-hunter2":
			w.Write([]byte("[]"))
		case r.URL.Path == "/hook":
			messages++
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer vendor.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "outflow.yaml")
	local := `base_url: "` + vendor.URL + `", allow_networks: [127.0.0.1]`
	good := []string{
		"init", "--config", path, "--feed", "",
		"--source", `okta, domain: x.okta.com, token: "env:OUTFLOW_INIT_TOKEN", ` + local,
		"--channel", `webhook, url: "` + vendor.URL + `/hook", secret: "env:OUTFLOW_INIT_TOKEN", allow_networks: [127.0.0.1]`,
	}
	code, out, errs := outflow(good...)
	if code != exitFine || messages != 1 || !strings.Contains(out, "logs: it answers") || !strings.Contains(out, "A test message is sent") {
		t.Errorf("exit %d, %d messages: %s%s", code, messages, out, errs)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), `token: "env:OUTFLOW_INIT_TOKEN"`) {
		t.Errorf("%v: %s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if code, out, errs := outflow("config", "check", "--config", path); code != exitFine {
		t.Errorf("check: exit %d: %s%s", code, out, errs)
	}
	if code, _, errs := outflow(good...); code != exitUsage || !strings.Contains(errs, "exists: use --force") {
		t.Errorf("again: exit %d: %s", code, errs)
	}

	t.Setenv("OUTFLOW_INIT_TOKEN", "wrong-wrong")
	code, out, errs = outflow(append(good, "--force")...)
	for _, want := range []string{"That is: the secret is wrong", "docs/sources/okta.md says how to set it up", "outflow run --config"} {
		if code != exitFailed || !strings.Contains(out, want) || strings.Contains(out+errs, "wrong-wrong") {
			t.Errorf("refused: exit %d, no %q: %s%s", code, want, out, errs)
		}
	}
	before := messages
	if code, out, errs := outflow(append(good, "--force", "--no-test")...); code != exitFine || messages != before {
		t.Errorf("without a test: exit %d, %s%s", code, out, errs)
	}
}
