package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/waittest"
)

// crew are judges in this process that share the people of the example.
type crew struct {
	t     *testing.T
	logs  *stream.Logs
	shelf snapshot.Config
	stop  context.CancelFunc
	all   sync.WaitGroup
	said  *strings.Builder // what they log
	mu    sync.Mutex
}

func (c *crew) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Write(b)
}

func newCrew(t *testing.T, tasks int) *crew {
	key := filepath.Join(t.TempDir(), "key")
	writeKey(t, key)
	c := &crew{t: t, said: &strings.Builder{}, shelf: snapshot.Config{Dir: t.TempDir(), Key: secret.Ref("file:" + key)}}
	identity := eventlog.NewMemory(4, 0)
	c.logs = &stream.Logs{
		Events:   stream.CopyIdentity(eventlog.NewMemory(tasks, 0), identity),
		Alerts:   eventlog.NewMemory(tasks, 0),
		Deltas:   eventlog.NewMemory(1, 0),
		Identity: identity,
		People:   eventlog.NewMemory(tasks, 0),
	}
	c.logs.Trim = func(context.Context, int, int64) error { return nil }
	t.Cleanup(c.leave)
	return c
}

// judge has some judges, in place of those before, do some tasks each.
func (c *crew) judge(mine ...[]int) {
	c.leave()
	ctx, stop := context.WithCancel(c.t.Context())
	c.stop = stop
	for _, tasks := range mine {
		dir := c.t.TempDir()
		conf := &config.Config{DataDir: dir, Snapshots: c.shelf, Log: config.Log{TopicPrefix: "outflow"}}
		w := &stream.Worker{Dir: dir, Config: func() *config.Config { return conf }, Log: slog.New(slog.NewTextHandler(c, nil))}
		c.all.Go(func() {
			if err := w.Run(ctx, c.logs, tasks); err != nil && ctx.Err() == nil {
				c.t.Error(err)
			}
		})
	}
}

func (c *crew) leave() {
	if c.stop != nil {
		c.stop()
		c.all.Wait()
	}
}

// deliver has files of the example come.
func (c *crew) deliver(paths ...string) {
	c.t.Helper()
	found, _ := files.Find(paths)
	var recs []eventlog.Record
	r := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: 1, Emit: func(int) func(*event.Event) error {
		return func(e *event.Event) error {
			recs = append(recs, eventlog.Record{Key: strings.Clone(e.Actor.Account), Value: e.Append(nil)})
			return nil
		}
	}}
	if _, err := r.Read(c.t.Context(), found); err != nil {
		c.t.Fatal(err)
	}
	for some := range slices.Chunk(recs, 1000) {
		if err := c.logs.Events.Append(c.t.Context(), some...); err != nil {
			c.t.Fatal(err)
		}
	}
}

// alerts are those that are out now: the last version of each.
func (c *crew) alerts() string {
	var b strings.Builder
	for p := range c.logs.Alerts.Partitions() {
		term := int64(0)
		_, end, err := c.logs.Alerts.Bounds(c.t.Context(), p)
		if err != nil {
			c.t.Fatal(err)
		}
		_, err = eventlog.Each(c.t.Context(), c.logs.Alerts, p, 0, end, atOnce, func(r *eventlog.Record) error {
			x, _ := stream.ParseRecord(r.Value)
			if stream.IsCurrent(r, &term) && len(r.Value) > 0 && x.Kind == stream.AlertRecord {
				fmt.Fprintf(&b, "%s\n", r.Value)
			}
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return last(c.t, b.String())
}

// differs says what is wrong with the alerts that are out: all of them are those of a scan
// with --all, and all that a scan prints are among them. It is empty if nothing is.
func differs(got, all, printed string) string {
	of := map[string]bool{}
	for line := range strings.Lines(all + "\n") {
		of[strings.TrimSpace(line)] = true
	}
	for line := range strings.Lines(got + "\n") {
		if line = strings.TrimSpace(line); line != "" && !of[line] {
			return fmt.Sprintf("told, but not what a scan says:\n%.900s", line)
		}
	}
	for line := range strings.Lines(printed + "\n") {
		if !strings.Contains(got, strings.TrimSpace(line)) {
			return fmt.Sprintf("not told:\n%.900s", line)
		}
	}
	return ""
}

// TestTasksTogether has one, two and three judges share the people of the example, whose files
// come day by day, some of them days late; others take over in the middle, twice. In the
// end the alerts are those of a scan.
func TestTasksTogether(t *testing.T) {
	long(t)
	t.Parallel()
	paths := examplePaths(several)
	whole, printed := last(t, scannedLines(t, append([]string{"--all"}, paths...)...)), last(t, scannedLines(t, paths...))
	for name, arranged := range map[string][][][]int{
		"two":         {{{0, 1, 2}, {3, 4}}, {{0, 1}, {2, 3, 4}}, {{4, 2}, {0, 1, 3}}},
		"more":        {{{0, 1, 2, 3, 4}}, {{0, 1}, {2, 3, 4}}, {{0}, {1, 2}, {3, 4}}},
		"fewer":       {{{0}, {1, 2}, {3, 4}}, {{0, 1}, {2, 3, 4}}, {{0, 1, 2, 3, 4}}},
		"one for all": {{{0}, {1}, {2}, {3}, {4}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, 5)
			days, on := delivered(t, 5, rand.New(rand.NewPCG(3, 3)), several...)
			for i, day := range days {
				if n := len(arranged); i%((len(days)+n-1)/n) == 0 {
					c.judge(arranged[i/((len(days)+n-1)/n)]...)
				}
				c.deliver(on[day]...)
				time.Sleep(time.Duration(i%4) * 20 * time.Millisecond)
			}
			var wrong string
			for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				if wrong = differs(c.alerts(), whole, printed); wrong == "" {
					break
				}
			}
			if wrong != "" {
				t.Errorf("%s\n%s", wrong, c.said)
			}
			c.leave()
			for line := range strings.Lines(c.said.String()) {
				if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
					t.Error(line)
				}
			}
		})
	}
}

// TestTasksArrive has files of the example come to three workers in an order in which much is too late for their
// checkpoints. Between deliveries others take over. In the end the alerts are those of a scan.
func TestTasksArrive(t *testing.T) {
	long(t)
	t.Parallel()
	paths := examplePaths(several)
	whole, printed := last(t, scannedLines(t, append([]string{"--all"}, paths...)...)), last(t, scannedLines(t, paths...))
	var every []string
	_, on := delivered(t, 0, nil, several...)
	for _, list := range on {
		every = append(every, list...)
	}
	slices.Sort(every)
	arranged := [][][]int{{{0, 1}, {2}, {3, 4}}, {{0, 1}, {2}, {3, 4}}, {{0, 1, 2}, {3, 4}}, {{0, 1}, {2, 3}, {4}}}
	for name, part := range map[string]func(path string, rng *rand.Rand) int{
		"reversed":    func(path string, _ *rand.Rand) int { return 3 - max(dayOfFile(path), 0)*4/56 },
		"last first":  func(path string, _ *rand.Rand) int { return min(max(40-dayOfFile(path), 0), 1) },
		"two passes":  func(_ string, rng *rand.Rand) int { return rng.IntN(2) },
		"vendors":     func(path string, _ *rand.Rand) int { return slices.Index(several, vendorOf(path)) / 2 },
		"a late file": func(path string, _ *rand.Rand) int { return strings.Count(path, "box") * (dayOfFile(path) % 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rng := newCrew(t, 5), rand.New(rand.NewPCG(7, 7))
			groups := make([][]string, 4)
			for _, path := range every {
				n := part(path, rng)
				groups[n] = append(groups[n], path)
			}
			for i, group := range groups {
				if len(group) == 0 {
					continue
				}
				if i != 1 { // the second comes while those that had the first go on
					c.judge(arranged[i]...)
				}
				c.deliver(group...)
				c.rest()
			}
			var wrong string
			for end := time.Now().Add(120 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				if wrong = differs(c.alerts(), whole, printed); wrong == "" {
					break
				}
			}
			if wrong != "" {
				t.Errorf("%s\n%s", wrong, c.said)
			}
			if _, n, err := c.logs.People.Bounds(t.Context(), 0); err != nil || n == 0 {
				t.Errorf("no event was copied to task 0: %v", err)
			}
		})
	}
}

// rest waits until the alerts no longer change.
func (c *crew) rest() {
	before := ""
	for range 100 {
		now := c.alerts()
		if now == before && now != "" {
			return
		}
		before = now
		time.Sleep(1500 * time.Millisecond)
	}
}

// TestTasksErased takes a person out of what judges that share people have left: it is gone,
// whoever had judged it, and they go on.
func TestTasksErased(t *testing.T) {
	long(t)
	t.Parallel()
	c := newCrew(t, 5)
	c.judge([]int{0, 1}, []int{2, 3, 4})
	days, on := delivered(t, 0, nil, several...)
	for _, day := range days {
		c.deliver(on[day]...)
	}
	conf := &config.Config{Snapshots: c.shelf, Log: config.Log{Kind: "kafka", TopicPrefix: "outflow", Tasks: 5}}
	shelf, err := snapshot.Open(t.Context(), conf.Snapshots, conf.Log.Topic("detect"))
	if err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "both have left a snapshot", func() bool {
		list, err := shelf.ListShared(t.Context())
		return err == nil && len(list) >= 2 && list[0].At == list[1].At
	})
	c.leave()
	const person = "diego.schneider@acme.example"
	for n := range 2 {
		known, err := privacy.EraseShared(t.Context(), conf, t.TempDir(), person)
		if err != nil || known != (n == 0) {
			t.Fatalf("time %d: known: %v, %v", n+1, known, err)
		}
	}
	c.judge([]int{0, 1, 2}, []int{3, 4})
	waittest.Until(t, "others go on", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return strings.Count(c.said.String(), "state restored from snapshots") == 2
	})
	c.leave()
	if strings.Contains(c.said.String(), "level=ERROR") {
		t.Error(c.said)
	}
}
