package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// TestLines has errors name the line of what they are about.
func TestLines(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"budget: 2\ndomain: [x]\n", `line 2: unknown field "domain"`},
		{"budget: 2\nretention: {alerts: 1}\nlog:\n  kind: x\n", `line 4: log.kind: "x"`},
		{"budget: many\n", "line 1: budget: a number is required"},
		{"\nbudget: 101\n", "line 2: budget 101: "},
		{"budget: 1\nbudget: 2\n", `line 2: mapping key "budget" already defined`},
		{"sources:\n  - {name: a, kind: files, paths: [.]}\n  - name: okta\n    kind: okta\n    domian: x\n", `line 5: source okta: unknown field "domian"`},
		{"sources:\n  - {name: a, kind: files, paths: [.]}\n  - name: okta\n    kind: okta\n    domain: [x]\n", "line 5: source okta: domain: a text is required"},
		{"sources:\n  - {name: a, kind: files, paths: [.]}\n  - name: okta\n    kind: okta\n    domain: x\n", "line 3: source okta: token (or client_id) is required"},
		{"sources:\n  - {name: a, kind: files, paths: [.]}\n  - kind: okta\n", "line 3: source 2: a name of its own is required"},
		{"channels:\n- name: c\n  kind: file\n  path: x\n  min_severity: loud\n", "line 5: channel c: min_severity: "},
		{"channels:\n- name: c\n  kind: slack\n  token: xoxb-hunter2\n  chanel: C1\n", `line 5: channel c: unknown field "chanel"`},
		{"feed:\n  listen: 127.0.0.1:0\n  oidc:\n    client_id: a\n    issuer: http://x.example\n", "line 5: feed.oidc.issuer: "},
		{"exceptions:\n  - name: x\n    owner: o\n    reason: r\n    until: soon\n", "line 5: exception 1 (x): until: "},
		{"a: [\n", "line 1: "},
	} {
		_, err := config.Load(write(t, c.text))
		if err == nil || !strings.Contains(err.Error(), "outflow.yaml: "+c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// said is what a check finds, a line each.
func said(c *config.Checked) string {
	var b strings.Builder
	for _, p := range c.Problems {
		fmt.Fprintf(&b, "%d %s %s\n", p.Line, p.Severity, p.Text)
	}
	return b.String()
}

// TestCheck lists all that is wrong: with the file, and with what it names.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"open": 0o644, "private": 0o600, "exports": 0o700 | os.ModeDir, "data": 0o755 | os.ModeDir} {
		path := filepath.Join(dir, name)
		var err error
		if mode.IsDir() {
			err = os.Mkdir(path, mode.Perm())
		} else {
			err = os.WriteFile(path, []byte("hunter2"), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "alerts.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OUTFLOW_CHECK", "x")
	text := `data_dir: data
listen: 127.0.0.1:9464
log: {kind: kafka, brokers: [b:1], tls: true, ca: none.pem, sasl: {mechanism: plain, user: u, password: "env:OUTFLOW_NONE"}}
sources:
  - {name: a, kind: files, paths: [exports, nowhere]}
  - name: okta
    kind: okta
    domain: x.okta.com
    token: "file:` + filepath.Join(dir, "open") + `"
  - {name: slack, kind: slack, token: "file:` + filepath.Join(dir, "private") + `"}
  - {name: siem, kind: push, listen: "0.0.0.0:1", cert: /none/cert.pem, key: /none/key.pem, token: "env:OUTFLOW_CHECK"}
channels:
  - {name: out, kind: file, path: none/alerts.ndjson}
  - {name: soc, kind: slack, token: hunter3, channel: C1}
feed: {listen: "0.0.0.0:2", cert: none.pem, key: none.key}
heartbeat: {url: "env:OUTFLOW_NONE"}
`
	path := filepath.Join(dir, "outflow.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	found := config.Check(t.Context(), path, true, config.Roles...)
	got := strings.ReplaceAll(said(found), dir, "DIR")
	for _, want := range []string{
		"1 error data_dir: DIR/data is open to others (mode 0755): run chmod go= on it, or set data_dir_shared\n",
		"2 warning listen: it is deprecated: write metrics: {listen: …}\n",
		"3 error log.sasl.password: the environment variable OUTFLOW_NONE is not set\n",
		"3 error log: ca: open DIR/none.pem: no such file or directory\n",
		"5 error source a: paths: DIR/nowhere: no such file or directory\n",
		"9 error source okta: token: DIR/open is open to others",
		"11 error source siem: cert: /none/cert.pem: no such file or directory\n",
		"11 error source siem: key: /none/key.pem: no such file or directory\n",
		"13 error channel out: path: DIR/none: no such file or directory\n",
		"14 error channel soc: token: use a reference",
		"15 error feed.cert: DIR/none.pem: no such file or directory\n",
		"16 error heartbeat.url: the environment variable OUTFLOW_NONE is not set\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 12 || found.Errors() != 11 || !found.Valid || strings.Contains(got, "hunter") {
		t.Errorf("%d problems, %d errors:\n%s", n, found.Errors(), got)
	}
	without := said(config.Check(t.Context(), path, false, config.Roles...))
	if strings.Contains(without, "OUTFLOW_NONE") || !strings.Contains(without, "no such file") {
		t.Errorf("without secrets:\n%s", without)
	}

	several := write(t, "budget: -1\nsources: [{name: a, kind: ftp}, {name: b, kind: okta}]\nchannels: [{name: c, kind: pigeon}]\n")
	if c := config.Check(t.Context(), several, true); c.Valid || c.Errors() != 4 {
		t.Errorf("several:\n%s", said(c))
	}
	if c := config.Check(t.Context(), write(t, "a: [\n"), true); c.Valid || c.Config != nil || c.Errors() != 1 {
		t.Errorf("no YAML:\n%s", said(c))
	}
}

// TestPlan says what a configuration does.
func TestPlan(t *testing.T) {
	path := write(t, `budget: 2
sources:
  - {name: exports, kind: files, paths: [/exports]}
  - {name: okta, kind: okta, domain: x.okta.com, token: "env:X", since: 2026-03-01}
  - {name: siem, kind: push, listen: "127.0.0.1:1", token: "env:X"}
channels:
  - {name: soc, kind: slack, token: "env:X", channel: C1, min_severity: high, per_day: 30, leavers: true, health: false}
feed: {listen: "127.0.0.1:2"}
retention: {alerts: 730}
exceptions: [{name: x, app: a, owner: o, reason: r}]
`)
	c := config.Check(t.Context(), path, false, config.Roles...)
	if !c.Valid {
		t.Fatal(said(c))
	}
	var b strings.Builder
	if err := c.Config.Plan(time.Now(), config.Roles).Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"exports (files): reads /exports", "okta (okta): at first reads what there is from 2026-03-01 on", "siem (push): takes what comes",
		"soc (slack): alerts that need attention, from high on, about leavers, not about the data, at most 30 in 24 hours, with pseudonyms",
		"sqlite in ", "4 partitions, events are kept for 30 days", "http://127.0.0.1:2, sign-in by token",
		"ingest, detect, alert, serve, in one process", "2 false alerts per 1,000 user-days", "1 exception\n", "alerts 730 days, daily activity for ever",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// TestCheckBeforeTheFirstStart finds nothing wrong with a file in the data directory, which the daemon makes.
func TestCheckBeforeTheFirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outflow.yaml")
	text := "data_dir: ./data\nsources: [{name: in, kind: files, paths: [.]}]\nchannels:\n  - {name: out, kind: file, path: data/alerts.ndjson}\n  - {name: more, kind: file, path: data/more/alerts.ndjson}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := said(config.Check(t.Context(), path, true, config.Roles...)); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "5 error channel more: path: ") {
		t.Errorf("problems:\n%s", got)
	}
}
