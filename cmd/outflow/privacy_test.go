package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
)

const leaver = "chen.kapoor@acme.example"

// traces lists the files of a data directory that have a text in them as it is.
func traces(t *testing.T, dir, text string) (list []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(b), []byte(text)) {
			list = append(list, filepath.Base(path))
		}
	}
	return list
}

// TestErase exports what is kept about somebody, and erases it, from what a daemon and what
// scans keep: nothing is found afterwards, everybody else is as before, and both go on.
func TestErase(t *testing.T) {
	long(t)
	t.Parallel()
	dir, config := folder(t, acme, "feed: {listen: \"127.0.0.1:0\"}\n")
	once(t, config)
	state := t.TempDir()
	scannedLines(t, "--data", state, acme)
	for name, where := range map[string]string{"daemon": filepath.Join(dir, "data"), "scans": state} {
		t.Run(name, func(t *testing.T) {
			export := func(who string) (x struct {
				Accounts []string
				Usual    map[string]any
				Alerts   []alert.Alert
				Days     []any
				Events   []map[string]any
			}) {
				t.Helper()
				code, out, errs := outflow("privacy", "export", who, "--data", where)
				if code != exitFine {
					t.Fatal(code, errs)
				}
				if err := json.Unmarshal([]byte(out), &x); err != nil {
					t.Fatal(err)
				}
				return x
			}
			x := export(leaver)
			if len(x.Accounts) < 3 || x.Usual == nil || len(x.Alerts) == 0 || len(x.Days) < 10 || len(x.Events) < 10 {
				t.Fatalf("%d accounts, usual %v, %d alerts, %d days, %d events", len(x.Accounts), x.Usual, len(x.Alerts), len(x.Days), len(x.Events))
			}
			const other = "mei.yilmaz@acme.example"
			before := export(other)
			if code, _, errs := outflow("privacy", "erase", leaver, "--data", where); code != exitUsage || !strings.Contains(errs, "--yes") {
				t.Error(code, errs)
			}
			for who, says := range map[string]string{
				"chen.kapor@acme.example": "known are " + leaver,
				"Chen Kapoor":             "is the display name of " + leaver,
				"nobody@elsewhere.test":   "nobody is known as",
				"P-ABCDEFGHJK":            "is a pseudonym",
			} {
				for _, args := range [][]string{{"erase", "--yes"}, {"export"}} {
					if args[0] == "export" && who == "Chen Kapoor" { // nothing is lost by a guess that is said
						continue
					}
					code, out, errs := outflow(append([]string{"privacy"}, append(args, who, "--data", where)...)...)
					if code != exitFailed || out != "" || !strings.Contains(errs, says) {
						t.Errorf("%v %s: %d %s %s", args, who, code, out, errs)
					}
				}
			}
			if x := export("Chen Kapoor"); len(x.Alerts) == 0 {
				t.Error("a display name exports nothing")
			}
			code, out, errs := outflow("privacy", "erase", leaver, "--data", where, "--yes")
			if code != exitFine || !strings.Contains(out, "deleted the baseline") || !strings.Contains(out, "watched folders") {
				t.Fatal(code, out, errs)
			}
			t.Log(out)
			for _, args := range [][]string{{"export"}, {"erase", "--yes"}} { // nothing is left that would name them
				if code, out, errs := outflow(append([]string{"privacy"}, append(args, leaver, "--data", where)...)...); code != exitFailed || out != "" || !strings.Contains(errs, "nobody is known as") {
					t.Errorf("%v: %d %s %s", args, code, out, errs)
				}
			}
			for _, file := range traces(t, where, leaver) {
				if file != "alerts.db" && file != "cursors.db" && file != "log.db" { // others' may name them
					t.Errorf("a trace in %s", file)
				}
			}
			after := export(other)
			if len(after.Alerts) != len(before.Alerts) || len(after.Days) != len(before.Days) || len(after.Events) != len(before.Events) {
				t.Error("somebody else's are gone, too")
			}
			s, err := keys.OpenFeed(t.Context(), where)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			lines, err := s.Mentions(t.Context(), "erased everything about P-")
			if err != nil || len(lines) != 1 || strings.Contains(lines[0].What, leaver) {
				t.Errorf("%+v %v", lines, err)
			}
			_, out, _ = outflow("privacy", "report", "--data", where)
			if !strings.Contains(out, "erased everything about P-") || !strings.Contains(out, "Bulk download (bulk_download)") || !strings.Contains(out, "days of people: for good; now ") {
				t.Error(out)
			}
		})
	}
	once(t, config)
	scannedLines(t, "--data", state, acme)
	if _, _, errs := outflow("privacy", "export", leaver, "--data", t.TempDir()); !strings.Contains(errs, "there are no alerts") {
		t.Error(errs)
	}
}

// TestRetention deletes what is too old, but for alerts of which something is open still,
// and has the log of access say so.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	s, err := alert.OpenStore(t.Context(), filepath.Join(dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	var list []alert.Alert
	for i, days := range []int{10, 500, 500} {
		a := alert.Sample(now.AddDate(0, 0, -days))
		a.ID, a.Exposures = strings.Repeat(string(rune('a'+i)), 32), nil
		if i == 2 {
			a.Exposures = []alert.Exposure{{What: "a bucket", Opened: a.Time}}
		}
		list = append(list, a)
	}
	telling := alert.NotifyPolicy{Now: now, NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: "x"}}}
	if err := s.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, list, telling); err != nil {
		t.Fatal(err)
	}
	conf := &config.Config{Retention: config.Retention{Alerts: 400, Days: 400, Decisions: 400}}
	said, err := privacy.Expire(t.Context(), dir, conf, s, now)
	if err != nil || !strings.Contains(said, "deleted 1 alert older than 400 days") {
		t.Errorf("%q %v", said, err)
	}
	left, err := s.All(t.Context())
	if err != nil || len(left) != 2 {
		t.Errorf("%d alerts, %v", len(left), err)
	}
	if _, _, waiting, err := s.Counts(t.Context()); err != nil || waiting != 2 {
		t.Errorf("%d wait, %v", waiting, err)
	}
	if said, err := privacy.Expire(t.Context(), dir, conf, s, now); said != "" || err != nil {
		t.Error(said, err)
	}
	f, err := keys.OpenFeed(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := f.Accesses(t.Context(), 0, 10)
	if err != nil || len(lines) != 1 || lines[0].Role != feed.Privacy || !strings.HasPrefix(lines[0].What, "retention: deleted 1 alert older") {
		t.Errorf("%+v %v", lines, err)
	}
}

// TestRetentionOnce deletes at the end of each run for cron, too, after everything was told,
// and tells nothing of it again.
func TestRetentionOnce(t *testing.T) {
	long(t)
	t.Parallel()
	dir, config := folder(t, acme, "retention: {alerts: 30, days: 30}\n")
	once(t, config)
	lines := strings.Count(notified(t, dir), "\n")
	if lines == 0 {
		t.Fatal("nothing was told")
	}
	once(t, config)
	if n := strings.Count(notified(t, dir), "\n"); n != lines {
		t.Errorf("%d lines were told, then %d", lines, n)
	}
	s, err := alert.OpenStore(t.Context(), filepath.Join(dir, "data", "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	left, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		if !slices.ContainsFunc(left[i].Exposures, func(x alert.Exposure) bool { return x.Closed == nil }) {
			t.Errorf("left: %s", left[i].Title)
		}
	}
	code, out, errs := outflow("privacy", "report", "--config", config)
	if code != exitFine || !strings.Contains(out, "retention: deleted") {
		t.Error(code, out, errs)
	}
}
