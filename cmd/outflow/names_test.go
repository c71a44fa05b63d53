package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// oktaLine is a record of Okta's system log.
func oktaLine(n int, name, kind, result, ip string, at time.Time) string {
	return fmt.Sprintf(`{"actor":{"id":"unknown","type":"User","alternateId":%q},"client":{"userAgent":{"rawUserAgent":"x"},"ipAddress":%q},"eventType":%q,"outcome":{"result":%q,"reason":"INVALID_CREDENTIALS"},"published":%q,"uuid":"%08x-2222-4000-8000-000000000000","target":[{"id":"0oa1","type":"AppInstance","displayName":"Wiki"}]}`, name, ip, kind, result, at.Format("2006-01-02T15:04:05.000Z"), n) + "\n"
}

const (
	sprayed = 40_000 // names that are made up: more than are remembered
	visited = 2_600  // outsiders who come by on one day: more than become people
	guessed = "dormant@acme.example"
)

// spray writes what outsiders do on one day to some files in a folder: made-up names fail,
// outsiders open an application, and one name is guessed at until it gets in. It returns the
// files.
func spray(t *testing.T, dir string, files int) (paths []string) {
	t.Helper()
	begin := time.Date(2026, 4, 17, 8, 0, 0, 0, time.UTC)
	var lines []string
	add := func(name, kind, result, ip string, at time.Duration) {
		lines = append(lines, oktaLine(len(lines), name, kind, result, ip, begin.Add(at)))
	}
	for i := range sprayed {
		add(fmt.Sprintf("x%d@acme.example", i), "user.session.start", "FAILURE", fmt.Sprintf("203.0.113.%d", i%250), time.Duration(i)*200*time.Millisecond)
	}
	for i := range 40 {
		add(guessed, "user.session.start", "FAILURE", "203.0.113.9", time.Duration(i)*3*time.Minute)
	}
	add(guessed, "user.session.start", "SUCCESS", "203.0.113.9", 3*time.Hour)
	for i := range visited {
		add(fmt.Sprintf("g%d@rival.example", i), "user.authentication.sso", "SUCCESS", "198.51.100.9", time.Duration(i)*time.Second)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for n, part := range slices.Collect(slices.Chunk(lines, (len(lines)+files-1)/files)) {
		path := filepath.Join(dir, fmt.Sprintf("okta-%d-of-%d.ndjson", n, files))
		if err := os.WriteFile(path, []byte(strings.Join(part, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// aboutNames picks, of alerts as NDJSON, whether the guessed name was told, and how many
// names and events were left out at last.
func aboutNames(t *testing.T, lines string) (brute bool, left map[string]float64) {
	t.Helper()
	left = map[string]float64{}
	for line := range strings.Lines(lines) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.User == guessed && slices.Contains(a.Detectors, "brute_force") && strings.Contains(a.Reason, "after 40 failed attempts") {
			brute = true
		}
		if a.Detector == "names_left_out" {
			left[a.Unit] = a.Observed
		}
	}
	return brute, left
}

// TestMadeUpNames has outsiders make more names than are kept, and get in with one: that is
// told, and how many were left out, by a scan with any number of workers over any files, by
// the daemon and by judges that share people.
func TestMadeUpNames(t *testing.T) {
	long(t)
	t.Parallel()
	usual := copied(t, func(path string) string { // what the organisation does beside it
		if dir, _, _ := strings.Cut(path, string(filepath.Separator)); dir == "okta" || dir == "box" || dir == "hr" {
			return path
		}
		return ""
	})
	one, many := t.TempDir(), t.TempDir()
	paths := spray(t, many, 7)
	want := scanned(t, "", 1, append([]string{usual}, spray(t, one, 1)...)...)
	brute, left := aboutNames(t, want)
	if !brute || left["names"] < 10_000 || left["events"] < 100 {
		t.Fatalf("told of the guessed name: %t; left out: %v", brute, left)
	}
	same(t, "files and workers", scanned(t, "", 3, append(slices.Clone(paths), usual)...), want)
	whole, printed := last(t, scannedLines(t, "--all", usual, one)), last(t, scannedLines(t, usual, one))

	t.Run("coverage", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "coverage.json")
		var stdout, stderr bytes.Buffer
		run([]string{"scan", "--coverage", file, "--out", filepath.Join(t.TempDir(), "out"), one, usual}, &stdout, &stderr)
		var c batch.Coverage
		if b, err := os.ReadFile(file); err != nil || json.Unmarshal(b, &c) != nil || float64(c.Names) != left["names"] || c.Guests < int64(left["events"]) {
			t.Errorf("%v: %d names, %d events of outsiders, told %v", err, c.Names, c.Guests, left)
		}
		for _, part := range []string{"names that only failed to sign in could not be remembered", "events of outsiders were not processed"} {
			if !strings.Contains(stderr.String(), part) {
				t.Errorf("not printed: %s\n%s", part, stderr.String())
			}
		}
	})
	t.Run("data", func(t *testing.T) {
		state := t.TempDir()
		scanned(t, state, 2, append([]string{usual}, paths[:3]...)...)
		same(t, "in two runs", last(t, scanned(t, state, 2, paths[3:]...)), last(t, want))
	})
	t.Run("tasks", func(t *testing.T) {
		c := newCrew(t, 5)
		c.judge([]int{0, 1}, []int{2, 3, 4})
		c.deliver(usual, one)
		wrong := ""
		for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if wrong = differs(c.alerts(), whole, printed); wrong == "" {
				return
			}
		}
		t.Errorf("%s\n%s", wrong, c.said)
	})
	t.Run("daemon", func(t *testing.T) {
		dir, config := folder(t, usual, tight)
		for n := range 2 {
			for i, path := range paths {
				if i%2 == n {
					if err := os.Rename(path, filepath.Join(usual, filepath.Base(path))); err != nil {
						t.Fatal(err)
					}
				}
			}
			once(t, config)
		}
		if wrong := differs(settled(t, last(t, notified(t, dir))), settled(t, whole), settled(t, printed)); wrong != "" {
			t.Error(wrong)
		}
		var s daemon.Status
		b, err := os.ReadFile(filepath.Join(dir, "data", "status.json"))
		if err != nil || json.Unmarshal(b, &s) != nil || float64(s.Processor.Names) < left["names"] || s.Processor.Guests == 0 || s.Processor.People > visited {
			t.Errorf("%v: %s", err, b)
		}
	})
}

// perName is how many bytes a made-up name may take once there are many. One that is kept
// takes hundreds.
const perName = 8

// TestNamesTakeNoMemory has outsiders, and one person, make ten times as many different
// values: what is held does not grow with them. It measures the heap: nothing runs beside it.
func TestNamesTakeNoMemory(t *testing.T) {
	long(t)
	const n = 40_000
	begin := time.Date(2026, 3, 24, 8, 0, 0, 0, time.UTC).UnixMilli()
	person := event.Actor{Account: "ann@acme.example", Kind: event.Human}
	for what, value := range map[string]func(i int) *event.Event{
		"failed sign-ins": func(i int) *event.Event {
			return &event.Event{
				Class:   event.LoginFailure,
				Outcome: event.Failure,
				Actor:   event.Actor{Account: fmt.Sprintf("x%d@acme.example", i), Alias: fmt.Sprintf("okta:%d", i), Kind: event.Human},
				Client:  event.Client{IP: "203.0.113.9"},
			}
		},
		"denied requests": func(i int) *event.Event {
			return &event.Event{
				Class:   event.CloudRead,
				Outcome: event.Denied,
				Actor:   event.Actor{Account: fmt.Sprintf("aws:111122223333:user/x%d", i)},
			}
		},
		"outsiders": func(i int) *event.Event {
			return &event.Event{
				Class:  event.View,
				Actor:  event.Actor{Account: fmt.Sprintf("g%d@rival.example", i), Kind: event.Human},
				Object: event.Object{ID: "1"},
			}
		},
		"tenants": func(i int) *event.Event {
			return &event.Event{
				Class:   event.LoginFailure,
				Outcome: event.Failure,
				Tenant:  fmt.Sprint("t", i),
				Actor:   event.Actor{Account: fmt.Sprintf("x%d@acme.example", i), Kind: event.Human},
				Client:  event.Client{IP: "203.0.113.9"},
			}
		},
		"recipients": func(i int) *event.Event {
			return &event.Event{
				Class:  event.ShareUser,
				Actor:  person,
				Object: event.Object{ID: "1"},
				To:     []event.Recipient{{Account: fmt.Sprintf("r%d@rival.example", i)}},
			}
		},
		"files": func(i int) *event.Event {
			return &event.Event{
				Class:  event.Download,
				Actor:  person,
				Object: event.Object{ID: fmt.Sprint("id", i), Name: fmt.Sprintf("file %d.txt", i), Container: fmt.Sprint("folder ", i)},
			}
		},
		"devices": func(i int) *event.Event {
			return &event.Event{
				Class:  event.Sync,
				Actor:  person,
				Object: event.Object{ID: "1"},
				Client: event.Client{
					Device: fmt.Sprint("d", i),
					IP:     fmt.Sprintf("203.0.%d.%d", i>>8&255, i&255),
					Agent:  fmt.Sprintf("agent-%c%c%c", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26),
				},
			}
		},
		"actions": func(i int) *event.Event {
			return &event.Event{Class: event.Other, Action: fmt.Sprint("act", i), Actor: person}
		},
	} {
		t.Run(what, func(t *testing.T) {
			resolver := identity.New()
			resolver.Configure(identity.Config{Domains: []string{"acme.example"}})
			eng := engine.New(engine.Config{Detectors: config.Catalog(), TempDir: t.TempDir(), Unpacked: 100}, func(*finding.Finding) error {
				return nil
			})
			i := 0
			heap := func(until int) uint64 {
				var list []engine.Keyed
				for ; i < until; i++ {
					e := value(i)
					e.Source, e.Time, e.Key = event.Box, begin+int64(i)*50, uint64(i)
					if e.Action == "" {
						e.Action = e.Class.String()
					}
					who, rec := resolver.Resolve(e.Append(nil))
					for _, n := range resolver.Notes() {
						list = append(list, engine.Keyed{Record: n.Append(nil)})
					}
					if list = append(list, engine.Keyed{Person: strings.Clone(who), Record: bytes.Clone(rec)}); len(list) >= atOnce {
						if err := eng.HandleAll(list); err != nil {
							t.Fatal(err)
						}
						list = list[:0]
					}
				}
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // what is in pools goes with the second one
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before := heap(n)
			after := heap(10 * n)
			runtime.KeepAlive(resolver)
			runtime.KeepAlive(eng)
			if grown := int64(after) - int64(before); grown > 9*n*perName {
				t.Errorf("%d more take %d bytes, %.1f each", 9*n, grown, float64(grown)/(9*n))
			} else {
				t.Logf("%d more take %d bytes", 9*n, grown)
			}
		})
	}
}
