package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
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
	long(t)
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
	text := fmt.Sprintf("data_dir: ./data\npublic_url: https://outflow.example\nsources:\n  - {name: exports, kind: files, paths: [%q]}\nchannels:\n  - {name: hook, kind: webhook, url: %q, secret: \"env:HOOK\", min_severity: high, allow_networks: [127.0.0.1]}\n  - {name: out, kind: file, path: notifications.ndjson}\n", exports, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := outflow("channel", "test", "hook", "--config", config); code != exitFine || len(got) != 1 {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	once(t, config)
	code, out, errs := outflow("notifications", "pending", "--config", config)
	if code != exitFine || strings.Count(out, "\n") != 1 || !strings.Contains(out, "400 bad request") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, out, errs = outflow("alerts", "retry", "--config", config); code != exitFine {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	once(t, config)
	want := 0
	for line := range strings.Lines(notified(t, filepath.Dir(config))) {
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

// TestNoNames runs the example, where no domain is configured, and looks for the
// people of HR's file in all that goes out under pseudonyms: messages, the log of the
// run, what is said about unsent ones, the digest, and the review with its file's name.
func TestNoNames(t *testing.T) {
	long(t)
	var mu sync.Mutex
	out := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		out["messages"] += string(b)
	}))
	defer server.Close()
	t.Setenv("HOOK", "hunter2")
	dir, config := folder(t, "../../examples/acme", fmt.Sprintf("\n  - {name: hook, kind: webhook, url: %q, secret: \"env:HOOK\", allow_networks: [127.0.0.1]}\n  - {name: masked, kind: file, path: masked.ndjson, people: pseudonyms}", server.URL))
	data := filepath.Join(dir, "data")
	reviews := filepath.Join(dir, "reviews")
	for _, args := range [][]string{
		{"run", "--once", "--config", config}, {"status", "--config", config}, {"notifications", "pending", "--config", config},
		{"report", "digest", "--data", data, "--week", "2026-W16", "--people", "pseudonyms"},
		{"report", "digest", "--data", data, "--week", "2026-W16", "--people", "pseudonyms", "--format", "json"},
		{"report", "review", "--data", data, "--week", "2026-W20", "--people", "pseudonyms", "--out", reviews},
	} {
		code, said, errs := outflow(args...)
		if code != exitFine {
			t.Fatalf("%v: %d %s", args, code, errs)
		}
		out[strings.Join(args[:2], " ")] += said + errs
	}
	for _, pattern := range []string{filepath.Join(dir, "masked.ndjson"), filepath.Join(reviews, "*")} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = filepath.Base(f) + string(b)
		}
	}
	f, err := os.Open("../../examples/acme/hr/people.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	people, err := csv.NewReader(f).ReadAll()
	if err != nil || len(people) < 10 {
		t.Fatal(len(people), err)
	}
	if len(out["messages"]) < 10_000 {
		t.Errorf("few messages: %d bytes", len(out["messages"]))
	}
	for where, text := range out {
		text = strings.ToLower(text)
		for _, p := range people[1:] {
			for _, name := range p[:2] { // address, display name
				if i := strings.Index(text, strings.ToLower(name)); i >= 0 {
					t.Errorf("%s has %s: …%s…", where, name, text[max(i-100, 0):min(i+100, len(text))])
				}
			}
		}
	}
}

// TestOwnAuthority reaches a receiver under an authority of the organisation's own, whose
// certificate lies beside the configuration.
func TestOwnAuthority(t *testing.T) {
	came := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	t.Setenv("HOOK", "hunter2")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, more string
		code       int
		err        string
	}{
		{"hook", "", exitFailed, "certificate signed by unknown authority"},
		{"hook", ", ca: ca.pem", exitFine, ""},
		{"hook", ", ca: none.pem", exitFailed, "none.pem: no such file"},
		{"hook", ", ca: outflow.yaml", exitFailed, "contains no certificate"},
		{"hook", ", client_cert: a", exitUsage, "client_cert and client_key must both be set"},
		{"clear", "}\n  - {name: clear, kind: syslog, server: \"127.0.0.1:1\", ca: ca.pem", exitFailed, "require tls: true"},
		{
			"topic", "}\n  - {name: topic, kind: sns, topic_arn: \"arn:aws:sns:eu-west-1:1:t\", ca: ca.pem", exitUsage,
			"a channel of kind sns takes none",
		},
	} {
		config := filepath.Join(dir, "outflow.yaml")
		text := fmt.Sprintf("data_dir: ./data\nsources:\n  - {name: exports, kind: files, paths: [.]}\nchannels:\n  - {name: hook, kind: webhook, url: %q, secret: \"env:HOOK\", allow_networks: [127.0.0.1]%s}\n", server.URL, c.more)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := outflow("channel", "test", c.name, "--config", config); code != c.code || !strings.Contains(errs, c.err) {
			t.Errorf("%s%s: %d %s %s", c.name, c.more, code, out, errs)
		}
	}
	if came != 1 {
		t.Errorf("%d came", came)
	}
}
