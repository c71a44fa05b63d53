package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

// folder is a daemon's configuration in a folder of its own.
func folder(t testing.TB, exports string, more string) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	exports, err := filepath.Abs(exports)
	if err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "outflow.yaml")
	text := fmt.Sprintf("data_dir: ./data\nsources:\n  - {name: exports, kind: files, paths: [%q]}\nchannels:\n  - {name: out, kind: file, path: notifications.ndjson}\n%s", exports, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, config
}

// once runs the daemon until everything that is there has been told.
func once(t testing.TB, config string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := run([]string{"run", "--config", config, "--once"}, &bytes.Buffer{}, &stderr); code != exitFine {
		t.Fatalf("exit %d\n%s", code, stderr.String())
	}
}

func notified(t testing.TB, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "notifications.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// exampleLines keeps what scannedLines gives for the example, by its arguments.
var exampleLines sync.Map

// scannedLines is what a scan prints as NDJSON.
func scannedLines(t testing.TB, paths ...string) string {
	t.Helper()
	if rest := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return p == "--all" }); len(rest) == 1 && rest[0] == acme {
		lines, _ := exampleLines.LoadOrStore(len(paths), sync.OnceValue(func() string { return scanLines(t, paths) }))
		return lines.(func() string)()
	}
	return scanLines(t, paths)
}

func scanLines(t testing.TB, paths []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(append([]string{"scan", "--format", "ndjson"}, paths...), &stdout, &stderr); code == exitUsage {
		t.Fatal(stderr.String())
	}
	return stdout.String()
}

// TestOnce checks that the daemon tells, of what is there, what a scan prints, to
// the byte; and that another run tells nothing again.
func TestOnce(t *testing.T) {
	t.Parallel()
	exports := acme
	if world := os.Getenv("OUTFLOW_WORLD"); world != "" {
		exports = world
	}
	want := scannedLines(t, exports)
	for _, memory := range []string{"", tight} {
		if memory != "" && testing.Short() {
			continue
		}
		dir, config := folder(t, exports, memory)
		once(t, config)
		same(t, "told", notified(t, dir), want)
		once(t, config)
		same(t, "told after another run", notified(t, dir), want)
	}
}

// tight keeps hardly anything in memory.
const tight = "memory: {people: 5, events: 1}\n"

// last is what the lines of a told file say in the end, by id: what was told
// before and what it grew from left out. The number of revisions is that of the
// telling. What is told of how the records came is left out: a scan does not know.
func last(t testing.TB, lines string) string {
	t.Helper()
	said := map[string]string{}
	for line := range strings.Lines(lines) {
		var a map[string]any
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		id := a["id"].(string)
		delete(said, id)
		if a["withdrawn"] == true || a["detector"] == "source_late" || a["detector"] == "source_gap" {
			continue
		}
		delete(a, "revision")
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		said[id] = string(b)
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(said)) {
		out = append(out, said[id])
	}
	return strings.Join(out, "\n")
}

// several are the folders of the example that tests of many runs deliver: half of its events.
var several = []string{"box", "dropbox", "github", "google_workspace", "hr", "okta", "salesforce", "slack"}

// delivered sorts the files of folders of the example by the day they are about, and lets some
// come up to some days late. Without folders they are the whole example.
func delivered(t testing.TB, late int, rng *rand.Rand, folders ...string) (days []string, on map[string][]string) {
	t.Helper()
	on = map[string][]string{}
	err := filepath.WalkDir(acme, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(folders) > 0 && !slices.Contains(folders, vendorOf(path)) {
			return err
		}
		at := dayZero
		if m := dated.FindStringSubmatch(filepath.Base(path)); m != nil {
			month, _ := strconv.Atoi(m[1])
			day, _ := strconv.Atoi(m[2])
			at = dayZero.AddDate(0, month-3, day-1)
			if late > 0 && rng.IntN(4) == 0 {
				at = at.AddDate(0, 0, rng.IntN(late+1))
			}
		}
		key := at.Format("01-02")
		on[key] = append(on[key], path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(on)), on
}

// examplePaths are the paths of folders of the example.
func examplePaths(folders []string) (paths []string) {
	for _, f := range folders {
		paths = append(paths, filepath.Join(acme, f))
	}
	return paths
}

// put copies a file of the example into a folder.
func put(t testing.TB, path, to string) {
	t.Helper()
	rel, err := filepath.Rel(acme, path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to = filepath.Join(to, rel)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestArrival has the example's files come day by day, some of them days late, and
// the daemon run after every few days: in the end it has told what a scan of them
// all finds, and what it told wrongly on the way it has told again.
func TestArrival(t *testing.T) {
	long(t)
	t.Parallel()
	t.Run("usual", func(t *testing.T) {
		t.Parallel()
		arrive(t, "", 5)
	})
	t.Run("tight", func(t *testing.T) {
		t.Parallel()
		arrive(t, tight, 3, several...)
	})
}

// arrive delivers folders of the example, and runs the daemon every few days.
func arrive(t *testing.T, memory string, every int, folders ...string) {
	rng := rand.New(rand.NewPCG(7, 7))
	exports := t.TempDir()
	dir, config := folder(t, exports, memory)
	days, on := delivered(t, 5, rng, folders...)
	for i, day := range days {
		for _, path := range on[day] {
			put(t, path, exports)
		}
		if i%every == every-1 || i == len(days)-1 {
			once(t, config)
		}
	}
	whole := []string{acme}
	if len(folders) > 0 {
		whole = examplePaths(folders)
	}
	want := last(t, scannedLines(t, append([]string{"--all"}, whole...)...))
	got := last(t, notified(t, dir))
	all := map[string]bool{}
	for line := range strings.Lines(want + "\n") {
		all[strings.TrimSpace(line)] = true
	}
	wrong := 0
	for line := range strings.Lines(got + "\n") {
		if !all[strings.TrimSpace(line)] {
			wrong++
			if wrong == 1 {
				t.Errorf("told, but not what a scan says:\n%.600s", line)
			}
		}
	}
	for line := range strings.Lines(last(t, scannedLines(t, whole...)) + "\n") {
		if !strings.Contains(got, strings.TrimSpace(line)) {
			t.Errorf("not told:\n%.600s", line)
			break
		}
	}
	if !strings.Contains(notified(t, dir), `"detector":"source_late"`) {
		t.Error("nobody was told that sources are late")
	}
	state := t.TempDir()
	scannedLines(t, append([]string{"--data", state}, whole...)...)
	want, got = daysKept(t, filepath.Join(state, "alerts.db")), daysKept(t, filepath.Join(dir, "data", "alerts.db"))
	if g, w := strings.Split(got, "\n"), strings.Split(want, "\n"); got != want || len(w) < 100 {
		t.Errorf("%d days of people are kept, a scan keeps %d", len(g), len(w))
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Errorf("%s\nwant\n%s", g[i], w[i])
				break
			}
		}
	}
	t.Logf("%d lines told, %d alerts in the end, %d wrong", strings.Count(notified(t, dir), "\n"), strings.Count(got, "\n")+1, wrong)
}

// daysKept is what is kept of what people did on their days.
func daysKept(t testing.TB, path string) string {
	t.Helper()
	s, err := alert.OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var lines []string
	err = s.EachDay(t.Context(), func(a *finding.Activity) error {
		b, err := json.Marshal(a)
		lines = append(lines, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// long marks a test that takes long: go test -short leaves it out, and with it the race
// detector in CI, because it finds no races there that TestOnce and TestDaemon do not.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
}

// TestFuture has a record claim to be from years ahead, on the first day: nothing that
// comes after it is taken for late.
func TestFuture(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	dir, config := folder(t, exports, "")
	record := `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},"eventTime":"2031-03-02T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-west-1","eventID":"f1","recipientAccountId":"111122223333"}` + "\n"
	if err := os.WriteFile(filepath.Join(exports, "future.ndjson"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	for part := 1; part <= 2; part++ {
		month(t, exports, part)
		once(t, config)
	}
	if got := told(t, notified(t, dir)); got == "" || got != told(t, scannedLines(t, exports)) {
		t.Errorf("told is not what a scan says:\n%.600s", got)
	}
}

// atOnce is how many records tests read at a time.
const atOnce = 512
