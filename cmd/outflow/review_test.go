package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/internal/finding"
)

// TestReports writes reviews and digests over what a daemon keeps and over what scans
// keep: the same, signed, and what was changed is named.
func TestReports(t *testing.T) {
	long(t)
	t.Parallel()
	dir, path := folder(t, "../../examples/acme", "")
	once(t, path)
	scans := t.TempDir()
	if code, _, errs := outflow("scan", "--data", scans, "../../examples/acme"); code == exitUsage {
		t.Fatal(errs)
	}
	verdict := func(data string) (v string) {
		code, out, errs := outflow("report", "review", "chen.kapoor@acme.example", "--data", data, "--format", "json")
		var r struct{ Verdict, Headline, Notice string }
		if err := json.Unmarshal([]byte(out), &r); code != exitFine || err != nil || !strings.HasPrefix(r.Notice, "2026-04-17") {
			t.Fatalf("%d %s %s %v", code, out, errs, err)
		}
		return r.Verdict + " " + r.Headline
	}
	data := filepath.Join(dir, "data")
	if a, b := verdict(data), verdict(scans); a != b || !strings.HasPrefix(a, "look") && !strings.HasPrefix(a, "act_today") {
		t.Errorf("a daemon's: %s; a scan's: %s", a, b)
	}
	unknown := filepath.Join(t.TempDir(), "unknown.html")
	for who, says := range map[string]string{
		"chen.kapor@acme.example": "known are chen.kapoor@acme.example",
		"nobody@elsewhere.test":   "nor by a name like it",
		"P-ABCDEFGHJK":            "is a pseudonym",
		"":                        "nobody is known",
	} {
		for _, where := range []string{data, scans} {
			if code, said, errs := outflow("report", "review", who, "--data", where, "--out", unknown); code != exitFailed || said != "" || !strings.Contains(errs, says) {
				t.Errorf("%q: %d %s %s", who, code, said, errs)
			}
			if code, said, errs := outflow("report", "owners", who, "--data", where, "--out", filepath.Dir(unknown)); code != exitFailed || said != "" || !strings.Contains(errs, says) {
				t.Errorf("%q: %d %s %s", who, code, said, errs)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(unknown), "*")); err != nil || len(left) > 0 {
		t.Errorf("something was written: %v %v", left, err)
	}
	for _, who := range []string{"Chen Kapoor", "kapoor, chen", "CHEN.KAPOOR@acme.example", "chen.kapoor", "github:chen-kapoor-corv"} {
		for _, where := range []string{data, scans} {
			if code, text, errs := outflow("report", "review", who, "--data", where, "--format", "md"); code != exitFine || !strings.Contains(text, "- Account: chen.kapoor@acme.example") || strings.Contains(who, "@") == strings.Contains(errs, "chen.kapoor@acme.example") {
				t.Errorf("%s: %d %.100s %s", who, code, text, errs)
			}
		}
	}
	conf, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	mask, err := keys.OpenMask(data, conf, "hr", keys.Organisation{})
	if err != nil {
		t.Fatal(err)
	}
	pseudonym := mask.Name("chen.kapoor@acme.example")
	if code, text, errs := outflow("report", "review", strings.ToLower(pseudonym), "--data", data, "--people", "pseudonyms", "--format", "md"); code != exitFine || !strings.Contains(text, "- Account: "+pseudonym) {
		t.Errorf("%d %.100s %s", code, text, errs)
	}
	if code, digest, _ := outflow("report", "digest", "--data", data, "--week", "2025-W14", "--format", "text"); code != exitFine || !strings.Contains(digest, "No data for this week") || strings.Contains(digest, "all sources deliver") {
		t.Errorf("%d %s", code, digest)
	}
	out := filepath.Join(t.TempDir(), "reviews")
	if code, said, errs := outflow("report", "review", "--week", "2026-W20", "--data", data, "--out", out, "--people", "pseudonyms"); code != exitFine || !strings.HasSuffix(said, ": 1\n") {
		t.Fatalf("%d %s %s", code, said, errs)
	}
	found, err := filepath.Glob(filepath.Join(out, "P-*.html"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	page := found[0]
	if code, said, errs := outflow("report", "verify", page, "--data", data); code != exitFine {
		t.Errorf("%d %s %s", code, said, errs)
	}
	b, err := os.ReadFile(page)
	if err != nil || strings.Contains(strings.ToLower(string(b)), "kapoor") || strings.Contains(string(b), "<script") || loads.Match(b) {
		t.Errorf("%v: a name, a script or what loads from elsewhere is in the page", err)
	}
	if err := os.WriteFile(page, []byte(strings.Replace(string(b), "What left", "What stayed", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := outflow("report", "verify", page, "--data", data); code != exitFailed || !strings.Contains(errs, `the part "left" was changed`) {
		t.Errorf("%d %s", code, errs)
	}
	code, digest, errs := outflow("report", "digest", "--data", data, "--week", "2026-W14", "--format", "text")
	if code != exitFine || !strings.Contains(digest, "\nTO DO\n") || !strings.Contains(digest, "TWELVE WEEKS") ||
		strings.Contains(digest, "@acme.example,") || !regexp.MustCompile(`Make|Switch Block Public Access back on`).MatchString(digest) {
		t.Errorf("%d %s %s", code, digest, errs)
	}
	for _, args := range [][]string{
		{"review"}, {"review", "x", "--week", "2026-W20"}, {"review", "x", "--format", "doc"},
		{"digest", "--week", "2026-W60"}, {"digest", "--send"},
	} {
		if code, _, _ := outflow(append([]string{"report", "--data", data}, args...)...); code == exitFine {
			t.Errorf("%v: no error", args)
		}
	}
}

// TestFeedCommands makes tokens, ends them, and checks the log of access.
func TestFeedCommands(t *testing.T) {
	_, config := folder(t, "../../examples/acme", "feed: {listen: \"127.0.0.1:0\"}\n")
	code, token, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc")
	if code != exitFine || !strings.HasPrefix(token, "outflow_") || len(token) < 50 {
		t.Fatalf("%d %s %s", code, token, errs)
	}
	if code, _, _ = outflow("token", "create", "--config", config, "--name", "kim", "--role", "king"); code != exitUsage {
		t.Error(code)
	}
	if code, out, _ := outflow("token", "revoke", "kim", "--config", config); code != exitFine || !strings.Contains(out, "1 token is revoked") {
		t.Error(code, out)
	}
	if code, out, _ := outflow("token", "list", "--config", config); code != exitFine || !strings.Contains(out, "kim  soc  revoked") || strings.Contains(out, "outflow_") {
		t.Error(code, out)
	}
	if code, out, _ := outflow("audit", "verify", "--config", config); code != exitFine || !strings.Contains(out, "3 lines, whole") {
		t.Error(code, out)
	}
	if code, _, errs := outflow("audit", "verify", "--config", config, "--anchor", "5:"+strings.Repeat("0", 64)); code == exitFine || !strings.Contains(errs, "removed from its end") {
		t.Error(code, errs)
	}
	if code, _, _ := outflow("audit", "verify", "--config", config, "--anchor", "3:0"); code != exitUsage {
		t.Error(code)
	}
}

// TestOwners writes a file for everybody who has something open, and mails it to them alone.
func TestOwners(t *testing.T) {
	long(t)
	t.Parallel()
	address, got := alerttest.SMTP(t, "")
	dir, config := folder(t, "../../examples/acme", fmt.Sprintf("  - {name: lead, kind: email, server: %q, tls: none, from: outflow@acme.example, to: [lead@acme.example], min_severity: critical, detectors: [vendor_alert]}\n", address))
	once(t, config)
	data, out := filepath.Join(dir, "data"), filepath.Join(t.TempDir(), "owners")
	if code, text, errs := outflow("report", "owners", "--data", data, "--out", out); code != exitFine || !strings.HasPrefix(text, "people with something open: ") {
		t.Fatal(code, text, errs)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.html"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	who := strings.TrimSuffix(filepath.Base(files[0]), ".html")
	if code, text, errs := outflow("report", "owners", who, "--data", data, "--format", "text"); code != exitFine || !strings.Contains(text, "still open") {
		t.Error(code, text, errs)
	}
	mails := make(chan string, 100)
	go func() {
		for m := range got {
			mails <- m
		}
	}()
	const leaver = "chen.kapoor@acme.example" // with a critical alert that nobody has closed
	code, text, errs := outflow("report", "owners", "--data", data, "--config", config)
	given, left, found := strings.Cut(text, "Left out, ")
	if code != exitFine || !found || !strings.HasPrefix(given, "Nothing is sent.") || !strings.Contains(given, who) || strings.Contains(given, leaver) ||
		!strings.Contains(left, leaver+"  1 item; leaving, last day 2026-05-12; critical alert ") {
		t.Fatal(code, text, errs)
	}
	if code, text, errs := outflow("report", "owners", leaver, "--data", data, "--config", config, "--send"); code != exitFailed || text != "" || !strings.Contains(errs, "leaving") {
		t.Error(code, text, errs)
	}
	select {
	case m := <-mails:
		t.Fatalf("a mail was sent: %.600s", m)
	default:
	}
	if code, text, errs := outflow("report", "owners", "--data", data, "--config", config, "--send"); code != exitFine || !strings.HasPrefix(text, "mails: ") || !strings.Contains(text, "  "+leaver) {
		t.Fatal(code, text, errs)
	}
	for range len(files) {
		if m := <-mails; strings.Contains(m, "To: <"+leaver+">") || strings.Contains(m, "lead@") {
			t.Errorf("%.600s", m)
		}
	}
	if code, text, errs := outflow("report", "owners", leaver, "--data", data, "--config", config, "--send", "--include-open-cases"); code != exitFine || text != "mails: 1\n" {
		t.Fatal(code, text, errs)
	}
	if m := <-mails; !strings.Contains(m, "To: <"+leaver+">") {
		t.Errorf("%.600s", m)
	}
}

// TestTasks says for every detector what to do about its alerts, and for every one that finds something
// exposed how that is undone.
func TestTasks(t *testing.T) {
	at := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)
	_, monday := reports.WeekOf(at)
	exposes := map[string]bool{
		"public_link": true, "bucket_public": true, "public_access_guard": true, "security_group_open": true, "snapshot_shared": true,
		"admin_grant": true, "self_grant": true, "logging_disabled": true, "mail_forwarding": true,
	}
	for _, d := range detectors.All {
		if d.Has(finding.AboutData) {
			continue
		}
		a := alert.Sample(at)
		a.Severity, a.User, a.Detector, a.Detectors = alert.High, "dana.ruiz@acme.example", d.Name, []string{d.Name}
		in := &reports.Input{Alerts: []alert.Alert{a}, Now: at, Reported: at, Detectors: detectors.Traits()}
		task := reports.MakeDigest(in, monday, reports.Triage{}).Tasks[0]
		if d.Mechanism != detect.Watchlists && strings.HasPrefix(task.Do, "Look at what dana.ruiz@acme.example did") ||
			!strings.Contains(task.Do, a.User) || task.Owner == "" {
			t.Errorf("%s: %q, %q", d.Name, task.Do, task.Owner)
		}
		if !exposes[d.Name] {
			continue
		}
		a.Exposures = []alert.Exposure{{What: `opened "x" on port 22 (SSH)`, Opened: at, Detector: d.Name}}
		a.Evidence[0].Detector = d.Name
		a.Evidence[0].Items = []alert.Item{{
			Time: at, Source: "aws_cloudtrail", Activity: "other", Detail: "role: admin; rule: tcp/22-22 0.0.0.0/0", Recipients: []string{"kim@acme.example"},
			Object: alert.Object{Name: "x"},
		}}
		in.Alerts = []alert.Alert{a}
		task = reports.MakeDigest(in, monday, reports.Triage{}).Tasks[0]
		if strings.HasPrefix(task.Do, "Undo:") || !task.Open || !strings.Contains(task.Owner, "AWS administrator") && d.Name != "mail_forwarding" {
			t.Errorf("%s: %q, %q", d.Name, task.Do, task.Owner)
		}
	}
}

// TestMailDigest mails the digest of the week before once, also if one recipient is refused.
func TestMailDigest(t *testing.T) {
	long(t)
	t.Parallel()
	got := make(chan string, 10)
	address := alerttest.MailServer(t, func(to string) string {
		if to == "gone@acme.example" {
			return "550 5.1.1 no such mailbox"
		}
		return ""
	}, func(m alerttest.Mail) { got <- m.Body })
	dir, config := folder(t, "../../examples/acme", fmt.Sprintf("  - {name: lead, kind: email, server: %q, tls: none, from: outflow@acme.example, to: [gone@acme.example, lead@acme.example], min_severity: critical, detectors: [vendor_alert]}\ndigest: {schedule: \"0 7 * * 1\", time_zone: Europe/Berlin}\n", address))
	once(t, config)
	conf, err := loadDaemonConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	alerts, err := alert.OpenStore(t.Context(), filepath.Join(data, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer alerts.Close()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	now := time.Date(2026, 4, 6, 12, 0, 0, 0, time.UTC) // a Monday
	for i, want := range []bool{true, false, false, true} {
		if err := daemon.MailDigest(t.Context(), data, conf, alerts, log, now.AddDate(0, 0, []int{0, 0, 3, 7}[i])); err != nil {
			t.Fatal(err)
		}
		select {
		case mail := <-got:
			week := []string{"2026-W14", "", "", "2026-W15"}[i]
			if !want || !strings.Contains(mail, "digest-"+week) || strings.Contains(mail, "@acme.example shared") ||
				!strings.Contains(mail, "Content-Id: <trend>") && !strings.Contains(mail, "Content-ID: <trend>") {
				t.Errorf("%d: %s", i, mail)
			}
		default:
			if want {
				t.Errorf("%d: no mail", i)
			}
		}
	}
}

// loads is what has a page load something from elsewhere. Links to the consoles of vendors do not.
var loads = regexp.MustCompile(`(?i)<(link|iframe|object|embed|base)\b|\bsrc(set)?\s*=\s*["']?(https?:)?//|url\(\s*["']?(https?:)?//|@import`)
