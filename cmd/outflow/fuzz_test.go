package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// FuzzConfig asserts that whatever is in a configuration is used or refused by name: never
// a panic.
func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range bytes.Split(example, []byte("\n\n")) {
		f.Add(part)
		f.Add(bytes.ReplaceAll(part, []byte("\n# "), []byte("\n"))) // what is commented out, too
	}
	for _, s := range []string{"sources:\n  - {name: a, kind: files, paths: [x]}\n", "sources:\n  -\n", "channels:\n  - {name: out, kind: file, path: told.ndjson, min_severity: high, people: pseudonyms, purpose: soc}\n", "log: {kind: kafka, brokers: [\"127.0.0.1:1\"], partitions: -1, shards: 99}\n", "indicators_off:\n  - {countries: [DE], reason: x}\n", "exceptions:\n  - {}\n", "digest: {schedule: \"* * * * *\", time_zone: x}\n", "a: &a [*a]\n", "budget: .nan\n", "retention: {alerts: -1}\n", "memory: 1k\n"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "outflow.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("rules")) { // a folder to read: it may be any
			return
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err == nil {
			err = c.Complete(path, roleNames)
		}
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if c.Budget < 0 || c.Budget > config.MaxBudget || c.Budget != c.Budget {
			t.Errorf("budget %g", c.Budget)
		}
		if c.Log.Partitions < 1 || c.Log.Shards < 1 || c.Log.Retention < 0 {
			t.Errorf("log %+v", c.Log)
		}
	})
}

// FuzzSchedule asserts that a schedule is refused, or says when the digest is due: within
// the last week, always the same moment, and without counting for long.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"0 7 * * 1", "* * * * *", "@weekly", "@every 1h", "@every 1ns", "TZ=0", "CRON_TZ=Europe/Berlin 0 7 * * 1", "0 0 31 2 *", "0 0 29 2 *", "60 * * * *", "*/0 * * * *", "1-0 * * * *", "0 7 * * MON#1", "0 7 L * *", "0 2 29 3 *", "@reboot", "0 0 * * * *"} {
		f.Add(s, "Europe/Berlin", int64(1774767600))
		f.Add(s, "", int64(0))
	}
	f.Fuzz(func(t *testing.T, schedule, zone string, at int64) {
		c := &config.Digest{Schedule: schedule, TimeZone: zone}
		s, loc, err := c.Times()
		if err != nil {
			return
		}
		now := time.Unix(at%4_000_000_000, 0)
		last := due(s, loc, now)
		if !last.IsZero() && (last.After(now) || now.Sub(last) > 7*24*time.Hour) {
			t.Errorf("%q in %q: due %s at %s", schedule, zone, last, now)
		}
		if again := due(s, loc, now.Add(time.Second)); again.Before(last) || strings.HasPrefix(schedule, "@every") {
			t.Errorf("%q in %q: due %s, then %s", schedule, zone, last, again)
		}
	})
}
