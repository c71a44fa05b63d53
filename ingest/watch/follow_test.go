package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// followed is a follower that runs.
type followed struct {
	*watch.Follower
	t     *testing.T
	store *watch.Store
	log   *eventlog.Memory
	stop  func() error

	mu         sync.Mutex
	pass       watch.Pass
	recognised int // files whose recognition was reported
}

// follow has the folders of a source followed until the test ends, or stop is called.
func follow(t *testing.T, change func(*watch.Follower), paths ...string) *followed {
	t.Helper()
	store, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return followWith(t, store, eventlog.NewMemory(2, 0), change, paths...)
}

func followWith(t *testing.T, store *watch.Store, log *eventlog.Memory, change func(*watch.Follower), paths ...string) *followed {
	t.Helper()
	x := &followed{t: t, store: store, log: log}
	x.Follower = &watch.Follower{
		Store: store,
		Tick:  50 * time.Millisecond,
		Log:   slog.New(slog.DiscardHandler),
		Source: &watch.Source{
			Name:    "x",
			Paths:   paths,
			Workers: 4,
			Settled: 50 * time.Millisecond,
			Formats: all.Formats,
			Tables:  all.Tables,
			Log:     log,
		},
	}
	x.Took = func(p watch.Pass) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.pass.Files += p.Files
		x.pass.Events += p.Events
		x.pass.Problems += p.Problems
		for _, r := range p.Paths {
			x.recognised += r.Files
		}
		x.pass.Missing += p.Missing
		x.pass.Lost += p.Lost
		x.pass.Failed = append(x.pass.Failed, p.Failed...)
	}
	if change != nil {
		change(x.Follower)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	x.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := x.stop(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if x.recognised != x.pass.Files {
			t.Errorf("%d files were read, but how much of them was recognised was told of %d", x.pass.Files, x.recognised)
		}
	})
	return x
}

// until waits for something to become true.
func (x *followed) until(what string, is func() bool) {
	x.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("%s: not after a minute; %d events, %+v", what, x.events(), x.Status())
		}
	}
}

// has waits until so many different events have come.
func (x *followed) has(what string, n int) {
	x.t.Helper()
	x.until(fmt.Sprintf("%s: %d events", what, n), func() bool { return x.events() >= n })
	if got := x.events(); got != n {
		x.t.Errorf("%s: %d events, want %d", what, got, n)
	}
}

// events is how many different events are in the log.
func (x *followed) events() int {
	keys := map[uint64]bool{}
	for _, rec := range x.records() {
		if _, mark := ingest.ParseBatchMarker(rec); !mark && event.RecordClass(rec) != event.SourceGap &&
			event.RecordClass(rec) != event.SourceLate {
			keys[event.RecordKey(rec)] = true
		}
	}
	return len(keys)
}

func (x *followed) records() (list [][]byte) {
	x.t.Helper()
	for p := range x.log.Partitions() {
		_, end, err := x.log.Bounds(context.Background(), p)
		if err != nil {
			x.t.Fatal(err)
		}
		for at := int64(0); at < end; {
			recs, err := x.log.Read(context.Background(), p, at, 1000)
			if err != nil {
				x.t.Fatal(err)
			}
			for _, r := range recs {
				list = append(list, r.Value)
			}
			at += int64(len(recs))
		}
	}
	return list
}

func (x *followed) took() watch.Pass {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.pass
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// broken is a notifier that is not there.
func broken(f *watch.Follower) {
	f.Notify = func() (*watch.Notifier, error) { return nil, errors.New("none here") }
}

// exhausted is a notifier of a system that watches no more directories.
func exhausted(f *watch.Follower) {
	f.Notify = func() (*watch.Notifier, error) {
		n, err := watch.SystemNotifier()
		if err == nil {
			n.Add = func(string) error { return syscall.ENOSPC }
		}
		return n, err
	}
}

// TestFollow adds files to a folder in every way, with and without notifications.
func TestFollow(t *testing.T) {
	for name, change := range map[string]func(*watch.Follower){"notified": nil, "not notified": broken, "no more watches": exhausted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, filepath.Join(dir, "first.ndjson"), calls(0, 10))
			x := follow(t, change, dir)
			x.has("what was there", 10)
			put(t, filepath.Join(dir, "new.ndjson"), calls(10, 20))
			x.has("new", 20)
			put(t, filepath.Join(dir, "new.ndjson"), calls(10, 30))
			x.has("grown", 30)
			put(t, filepath.Join(dir, "new.ndjson"), calls(100, 105))
			x.has("rewritten", 35)
			must(t, os.Rename(filepath.Join(dir, "new.ndjson"), filepath.Join(dir, "renamed.ndjson")))
			put(t, filepath.Join(dir, "a", "b", "c", "deep.ndjson"), calls(200, 205)) // made and filled in one go
			x.has("below new directories", 40)
			away := t.TempDir()
			for i := range 20 {
				put(t, filepath.Join(away, "tree", fmt.Sprint("d", i%5), fmt.Sprint(i, ".ndjson")), calls(300+i, 301+i))
			}
			must(t, os.Rename(filepath.Join(away, "tree"), filepath.Join(dir, "tree")))
			x.has("a tree that was moved there", 60)
			must(t, os.Rename(filepath.Join(dir, "tree"), filepath.Join(dir, "wood")))
			put(t, filepath.Join(dir, "wood", "d1", "more.ndjson"), calls(400, 401))
			put(t, filepath.Join(dir, "tree", "d1", "other.ndjson"), calls(401, 402))
			x.has("a directory with another name, and another one with its own", 62)
			must(t, os.RemoveAll(filepath.Join(dir, "a")))
			put(t, filepath.Join(dir, "a", "b", "again.ndjson"), calls(402, 403))
			x.has("a directory that was made anew", 63)
			put(t, filepath.Join(away, "target"), calls(403, 404))
			must(t, os.Symlink(filepath.Join(away, "target"), filepath.Join(dir, "link")))
			x.has("a link to a file", 64)
			put(t, filepath.Join(away, "target"), calls(403, 405))
			x.has("a link to a file that has grown", 65)
			must(t, os.Symlink(away, filepath.Join(dir, "folder")))
			x.until("a link to a directory is told", func() bool { return strings.Contains(x.Status().Example, "symbolic link") })
			if s := x.Status(); (s.Walking != "") != (change != nil) || len(s.Missing) > 0 {
				t.Errorf("%+v", s)
			}
			if p := x.took(); p.Missing > 0 || p.Lost > 0 || p.Problems > 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestFollowMany adds thousands of files at once, while some of them are renamed or moved. Every
// event is appended, and only those of files that were renamed while being read may be repeated.
func TestFollowMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := follow(t, nil, dir)
	const n = 3000
	renamed := 0
	for i := range n {
		put(t, filepath.Join(dir, fmt.Sprint("d", i%20), fmt.Sprint(i, ".tmp")), calls(i, i+1))
		switch name := filepath.Join(dir, fmt.Sprint("d", i%20), fmt.Sprint(i)); {
		case i%3 == 0:
			must(t, os.Rename(name+".tmp", name+".ndjson"))
			renamed++
		case i%100 == 1: // is gone, and stays under another name
			must(t, os.Rename(name+".tmp", filepath.Join(dir, fmt.Sprint(i))))
			renamed++
		}
	}
	x.has("many", n)
	x.until("nothing is being read", func() bool { s := x.Status(); return s.Waiting == 0 && s.Reading == 0 })
	times := map[uint64]int{}
	for _, rec := range x.records() {
		if _, mark := ingest.ParseBatchMarker(rec); mark {
			continue
		}
		var e event.Event
		if err := new(event.Decoder).Decode(rec, &e); err != nil {
			t.Fatal(err)
		}
		if e.ID != "" { // it has none where the source speaks of itself, such as of late events
			times[event.RecordKey(rec)]++
		}
	}
	again := 0
	for key, n := range times {
		if again += n - 1; n > 2 {
			t.Errorf("event %x is in the log %d times, its file had two names at most", key, n)
		}
	}
	if len(times) != n || again > renamed {
		t.Errorf("%d events and %d repeats in the log for %d files, of which %d were renamed", len(times), again, n, renamed)
	}
}

// TestFollowAgain begins again where it ended, and reads nothing twice; what is to be read
// again it reads.
func TestFollowAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := `{"eventVersion":"1.08","eventTime":"never","eventName":"X","eventSource":"s3.amazonaws.com",` +
		`"userIdentity":{"type":"IAMUser"}}` + "\n"
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 10)+bad)
	x := follow(t, nil, dir)
	x.has("first", 10)
	x.until("it is known", func() bool { return x.Status().Files == 1 })
	must(t, func() error {
		if err := x.stop(); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}())
	put(t, filepath.Join(dir, "b.ndjson"), calls(10, 12))
	y := followWith(t, x.store, x.log, nil, dir)
	y.has("then", 12)
	y.until("both are known", func() bool { return y.Status().Files == 2 })
	if p := y.took(); p.Files != 1 || p.Events != 2 {
		t.Errorf("%+v", p)
	}
}

// TestFolderGone has folders that are missing, appear later, disappear, are replaced, or cannot be
// read. Each failure is reported, and the other folders are read on.
func TestFolderGone(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	never, later, other := filepath.Join(top, "never"), filepath.Join(top, "later"), filepath.Join(top, "other")
	put(t, filepath.Join(other, "a.ndjson"), calls(0, 1))
	x := follow(t, nil, never, later, other)
	missing := func(paths ...string) func() bool {
		return func() bool {
			var got []string
			for _, p := range x.Status().Missing {
				got = append(got, p.Path)
			}
			return fmt.Sprint(got) == fmt.Sprint(paths)
		}
	}
	x.has("the one that is there", 1)
	x.until("two are missing", missing(later, never))
	put(t, filepath.Join(later, "b.ndjson"), calls(1, 2))
	x.has("made later", 2)
	x.until("one is missing", missing(never))
	must(t, os.Rename(later, filepath.Join(top, "was")))
	x.until("it has gone", missing(later, never))
	put(t, filepath.Join(later, "c.ndjson"), calls(2, 3))
	x.has("another one of the same name", 3)
	must(t, os.Rename(later, filepath.Join(top, "was2")))
	put(t, filepath.Join(later, "sub", "d.ndjson"), calls(3, 4)) // before the first check
	x.has("exchanged", 4)
	put(t, filepath.Join(later, "sub", "e.ndjson"), calls(4, 5))
	x.has("what came into it later", 5)
	put(t, filepath.Join(other, "f.ndjson"), calls(5, 6))
	x.has("the other one", 6)
	states, err := x.store.States(t.Context())
	must(t, err)
	failing := 0
	for _, s := range states {
		if s.Failing != "" {
			failing++
		}
	}
	if failing != 1 || x.took().Missing < 3 {
		t.Errorf("%d are failing; %+v\n%+v", failing, states, x.took())
	}
}

// TestUnreadable has files and folders without read permission. They are reported, and read once
// they are permitted.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		if _, err := os.Stat("/proc/self/status"); err == nil {
			t.Log("root reads everything: only what is no matter of rights is checked")
		}
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 1))
	put(t, filepath.Join(dir, "closed", "b.ndjson"), calls(1, 2))
	put(t, filepath.Join(dir, "c.ndjson"), calls(2, 3))
	must(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	must(t, os.Chmod(filepath.Join(dir, "c.ndjson"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o700) })
	must(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	x := follow(t, nil, dir)
	want := 1
	if os.Getuid() != 0 {
		x.until("three are told", func() bool { return x.Status().Unreadable == 3 })
	} else {
		want = 3
		x.until("one is told", func() bool { return x.Status().Unreadable == 1 })
	}
	x.has("what may be read", want)
	must(t, os.Chmod(filepath.Join(dir, "closed"), 0o500)) // read only is enough
	must(t, os.Chmod(filepath.Join(dir, "c.ndjson"), 0o400))
	x.has("all", 3)
	put(t, filepath.Join(dir, "nowhere"), calls(3, 4))
	x.has("what the link leads to", 4)
	x.until("nothing is left", func() bool { return x.Status().Unreadable == 0 })
}

// TestLost has notifications get lost: the folders are walked.
func TestLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lost := make(chan error)
	x := follow(t, func(f *watch.Follower) {
		f.Notify = func() (*watch.Notifier, error) {
			n, err := watch.SystemNotifier()
			if err == nil {
				n.Events, n.Errors = make(chan fsnotify.Event), lost // nothing but that something was lost
			}
			return n, err
		}
	}, dir)
	x.until("it has begun", func() bool { return !x.Status().Whole.IsZero() })
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 10))
	lost <- fsnotify.ErrEventOverflow
	x.has("after an overflow", 10)
	x.until("it is counted", func() bool { return x.took().Lost == 1 })
	close(lost) // and the notifier ends
	put(t, filepath.Join(dir, "b.ndjson"), calls(10, 20))
	x.has("after the end", 20)
	x.until("it is told", func() bool { return x.Status().Walking != "" })
}

// slow is a log that takes nothing of one account until it is released.
type slow struct {
	eventlog.Log
	release chan struct{}
}

func (l *slow) Append(ctx context.Context, recs ...eventlog.Record) error {
	for _, r := range recs {
		if strings.Contains(r.Key, "ann") {
			select {
			case <-l.release:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return l.Log.Append(ctx, recs...)
}

// TestSlowFile has a file that takes forever. The other files of its source do not wait, nor do
// those that are added in the meantime.
func TestSlowFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bob := func(from, to int) string { return strings.ReplaceAll(calls(from, to), "ann", "bob") }
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 10))
	put(t, filepath.Join(dir, "b.ndjson"), bob(110, 120))
	release := make(chan struct{})
	x := follow(t, func(f *watch.Follower) { f.Source.Log = &slow{f.Source.Log, release} }, dir)
	x.has("the other one", 10)
	put(t, filepath.Join(dir, "c.ndjson"), bob(120, 130))
	x.has("a later one", 20)
	if !x.Status().Whole.IsZero() {
		t.Error("what was there at the start seems whole")
	}
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 15)) // grows while it is read
	close(release)
	x.has("all", 35)
	x.until("it is whole", func() bool { return !x.Status().Whole.IsZero() })
}

// TestStopSlow ends while a file is being read.
func TestStopSlow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.ndjson"), calls(0, 10))
	x := follow(t, func(f *watch.Follower) { f.Source.Log = &slow{f.Source.Log, make(chan struct{})} }, dir)
	x.until("it is being read", func() bool { return x.Status().Reading == 1 || x.Status().Files == 0 && x.Status().Every > 0 })
	if err := x.stop(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
