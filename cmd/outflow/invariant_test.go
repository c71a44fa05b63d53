package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/backlog"
)

var acme = filepath.Join("..", "..", "examples", "acme")

// example is what a scan of the example finds, as NDJSON: every alert.
var example = sync.OnceValues(func() (string, error) { return scannedWith(context.Background(), "", 2, acme) })

// scanned scans and returns all alerts as NDJSON.
func scanned(t *testing.T, data string, workers int, paths ...string) string {
	t.Helper()
	var text string
	var err error
	if data == "" && workers == 2 && slices.Equal(paths, []string{acme}) {
		text, err = example()
	} else {
		text, err = scannedWith(t.Context(), data, workers, paths...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func scannedWith(ctx context.Context, data string, workers int, paths ...string) (string, error) {
	res, err := batch.Scan(ctx, batch.Input{
		Paths:    paths,
		Data:     data,
		Workers:  workers,
		Config:   &config.Config{},
		Progress: batch.NewProgress(io.Discard),
	})
	if err != nil {
		return "", err
	}
	list, err := res.Build(res.Alerts)
	if err != nil {
		return "", err
	}
	return ndjson(list)
}

func ndjson(list []alert.Alert) (string, error) {
	var b strings.Builder
	err := alert.Formats["ndjson"](&b, list, alert.Options{})
	return b.String(), err
}

func text(t *testing.T, list []alert.Alert) string {
	t.Helper()
	lines, err := ndjson(list)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// same compares two outputs line by line.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s: %d alerts, want %d; alert %d is\n%.400s\nwant\n%.400s", what, len(g), len(w), i, g[i], w[i])
		}
	}
	t.Fatalf("%s: %d alerts, want %d", what, len(g), len(w))
}

// copied copies the example's files for which name gives a name into a folder.
func copied(t *testing.T, name func(path string) string) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(acme, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(acme, path)
		to := name(rel)
		if to == "" {
			return nil
		}
		to = filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestOrderDoesNotMatter scans the example with other names and folders, which
// are read in another order, and with other numbers of workers.
func TestOrderDoesNotMatter(t *testing.T) {
	long(t)
	t.Parallel()
	want := scanned(t, "", 1, acme)
	if strings.Count(want, "\n") < 50 {
		t.Fatalf("only %d alerts", strings.Count(want, "\n"))
	}
	shuffled := copied(t, func(path string) string { return fmt.Sprintf("%x/x", sha256.Sum256([]byte(path))) })
	for _, workers := range []int{2, 16} {
		same(t, fmt.Sprint(workers, " workers"), scanned(t, "", workers, acme), want)
	}
	for _, workers := range []int{1, 5} {
		same(t, fmt.Sprint("shuffled, ", workers, " workers"), scanned(t, "", workers, shuffled), want)
	}
}

// TestTwiceCountsOnce scans everything twice.
func TestTwiceCountsOnce(t *testing.T) {
	long(t)
	t.Parallel()
	again := copied(t, func(path string) string { return path })
	same(t, "twice", scanned(t, "", 2, acme, again), scanned(t, "", 2, acme))
}

// dayZero is the first day of the example.
var dayZero = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

var dated = regexp.MustCompile(`2026-?(\d\d)-?(\d\d)`)

// before says whether a file of the example was delivered before a day such as
// 0405; the HR files always were.
func before(path, day string) bool {
	m := dated.FindStringSubmatch(filepath.Base(path))
	return m == nil || m[1]+m[2] < day
}

// TestNoHindsight scans the beginning of the example: the alerts up to two days
// before its end are those of the whole.
func TestNoHindsight(t *testing.T) {
	long(t)
	t.Parallel()
	whole, err := batch.Scan(t.Context(), batch.Input{
		Paths:    []string{acme},
		Workers:  2,
		Config:   &config.Config{},
		Progress: batch.NewProgress(io.Discard),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range []string{"0320", "0411"} {
		part := copied(t, func(path string) string {
			if !before(path, day) {
				return ""
			}
			return path
		})
		beginning, err := batch.Scan(t.Context(), batch.Input{
			Paths:    []string{part},
			Workers:  2,
			Config:   &config.Config{},
			Progress: batch.NewProgress(io.Discard),
		})
		if err != nil {
			t.Fatal(err)
		}
		cut, _ := time.Parse("20060102", "2026"+day)
		cut = cut.AddDate(0, 0, -2)
		early := func(res *batch.Result) string {
			list, err := res.Build(res.Alerts)
			if err != nil {
				t.Fatal(err)
			}
			list = slices.DeleteFunc(list, func(a alert.Alert) bool { return !a.Time.Before(cut) })
			if len(list) < 10 {
				t.Errorf("only %d alerts before %s", len(list), cut)
			}
			for i := range list {
				list[i].Exposures = nil // when something was undone is later knowledge
			}
			return text(t, list)
		}
		same(t, "until "+day, early(beginning), early(whole))
	}
}

// TestStateGoesOn scans the example in two, three and in overlapping parts that
// share a data directory; the last word is that of one scan, also when a part is
// scanned again.
func TestStateGoesOn(t *testing.T) {
	long(t)
	t.Parallel()
	want := scanned(t, "", 2, acme)
	parts := func(days ...string) (dirs []string) {
		from := "0000"
		for _, to := range append(days, "9999") {
			dirs = append(dirs, copied(t, func(path string) string {
				if before(path, from) && from != "0000" && dated.MatchString(filepath.Base(path)) || !before(path, to) {
					return ""
				}
				return path
			}))
			from = to
		}
		return dirs
	}
	for _, days := range [][]string{{"0401"}, {"0310", "0405"}} {
		data := privateDir(t)
		last := ""
		dirs := parts(days...)
		for _, dir := range dirs {
			last = scanned(t, data, 2, dir)
		}
		same(t, fmt.Sprint("split at ", days), last, want)
		same(t, "the last part again", scanned(t, data, 2, dirs[len(dirs)-1]), want)
	}
	data := privateDir(t)
	scanned(t, data, 2, parts("0408")[0])
	same(t, "everything after a part of it", scanned(t, data, 2, acme), want)
}

// TestAgain scans the beginnings of the example twice with a data directory, wherever the
// checkpoint comes to lie: the second scan finds what the first one did.
func TestAgain(t *testing.T) {
	long(t)
	t.Parallel()
	for _, day := range []string{"0309", "0311", "0315", "0318"} {
		part := copied(t, func(path string) string {
			if !before(path, day) {
				return ""
			}
			return path
		})
		data := privateDir(t)
		first := scanned(t, data, 2, part)
		same(t, "again, until "+day, scanned(t, data, 2, part), first)
		same(t, "as without a data directory, until "+day, first, scanned(t, "", 2, part))
	}
}

// TestLate checks that a file that arrives a week late lands in its own window, and
// that it is told to be late: the only difference.
func TestLate(t *testing.T) {
	long(t)
	t.Parallel()
	const late = "box/2026-04-13.ndjson.gz"
	without := copied(t, func(path string) string {
		if path == late {
			return ""
		}
		return path
	})
	data := privateDir(t)
	if scanned(t, data, 2, without) == scanned(t, "", 2, acme) {
		t.Fatal("the file makes no difference")
	}
	var told []string
	rest := ""
	for line := range strings.Lines(scanned(t, data, 2, filepath.Join(acme, late))) {
		if strings.Contains(line, `"detector":"source_late"`) {
			told = append(told, line)
		} else {
			rest += line
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "125 of 125 events from Box arrived up to 8 days late") {
		t.Errorf("told to be late: %q", told)
	}
	same(t, "late", rest, scanned(t, "", 2, acme))
}

// TestOneProcess checks that a data directory is used by one process at a time.
func TestOneProcess(t *testing.T) {
	dir := privateDir(t)
	lock, err := datadir.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	code, _, errs := outflow("scan", "--data", dir, acme)
	if code != exitFailed || !strings.Contains(errs, fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// beginScan opens the data directory of a scan as a further scan does, up to the backlog of its next
// generation. Until closed, the directory is locked.
func beginScan(t *testing.T, data string) (next *backlog.Writer, generation int64, closed func()) {
	t.Helper()
	lock, err := datadir.Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := alert.OpenStore(t.Context(), filepath.Join(data, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	if generation, err = alerts.Generation(t.Context()); err != nil || generation == 0 {
		t.Fatal(generation, err)
	}
	cursors, err := backlog.Open(t.Context(), filepath.Join(data, "cursors.db"))
	if err != nil {
		t.Fatal(err)
	}
	if next, err = cursors.Begin(t.Context(), generation+1, generation); err != nil {
		t.Fatal(err)
	}
	return next, generation, func() {
		cursors.Close()
		alerts.Close()
		lock.Close()
	}
}

// TestInterrupted checks that a scan that is cut off leaves the state as it was.
func TestInterrupted(t *testing.T) {
	long(t)
	t.Parallel()
	data := privateDir(t)
	first := copied(t, func(path string) string {
		if !before(path, "0401") {
			return ""
		}
		return path
	})
	scanned(t, data, 2, first)
	for _, step := range []string{"backlog", "baselines"} { // what is written before the alerts, which come last
		next, generation, closed := beginScan(t, data)
		if err := next.Commit(backlog.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		if step == "baselines" {
			store, err := engine.OpenStore(t.Context(), filepath.Join(data, "detect-0.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Save(t.Context(), generation+1, generation, nil); err != nil {
				t.Fatal(err)
			}
			store.Close()
		}
		closed()
	}
	same(t, "after two crashes", scanned(t, data, 2, acme), scanned(t, "", 2, acme))
}
