package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// planted are bugs that lose something, or do it twice, when the process dies at a
// certain line. The kill tests are worth nothing unless they find them.
var planted = []struct {
	name      string
	failpoint string
	edits     [][3]string // file, what it says, what it says with the bug
}{
	{"cursor before the log", "source-appended", [][3]string{{"ingest/watch/intake.go", "\t\tif err := g.src.Log.Append(ctx, g.batch.records...); err != nil {", "\t\tsqlitedb.Tx(ctx, g.store.db, func(tx *sql.Tx) error {\n\t\t\tfor _, in := range g.waiting {\n\t\t\t\tg.store.record(ctx, tx, g.src.Name, in, g.now)\n\t\t\t}\n\t\t\treturn nil\n\t\t})\n\t\tg.src.between(\"appended\")\n\t\tif err := g.src.Log.Append(ctx, g.batch.records...); err != nil {"}}},
	{"events since the base are not read again", "base-saved", [][3]string{{"cmd/outflow/internal/stream/checkpoint.go", "c.Low[i] = pr.window.LowestOffset(i, pr.next[i])", "c.Low[i] = pr.next[i]"}}},
	{"offset before the alerts", "alerts-take", [][3]string{{"cmd/outflow/internal/daemon/daemon.go", "\tfailpoint.Reach(\"alerts-take\")", "\td.alerts.Apply(ctx, a.Partition, *at, nil, policy)\n\tfailpoint.Reach(\"alerts-take\")"}}},
	{"sent before it is", "channel-begun", [][3]string{{"alert/file/file.go", "\t\tc.between(\"begun\")", "\t\tstore.MarkSent(ctx, s.Seq)\n\t\tc.between(\"begun\")"}}},
	{"does not look at what it wrote", "channel-written", [][3]string{{"alert/file/file.go", "if s.Place >= 0 && s.Place <= end {", "if false {"}}},
	{"tells without comparing", "base-saved", [][3]string{{"alert/notification_log.go", "case known && news == hash:", "case false:"}, {"cmd/outflow/internal/stream/topic.go", "\tlatest := int64(0)\n", "\tat = end\n\tlatest := int64(0)\n"}}},
}

// TestPlantedEdits checks that the bugs follow the code: the packages still compile with all of
// them. TestPlanted, being long, does not run everywhere.
func TestPlantedEdits(t *testing.T) {
	long(t)
	var edits [][3]string
	var packages []string
	for _, bug := range planted {
		edits = append(edits, bug.edits...)
		for _, e := range bug.edits {
			packages = append(packages, "./"+path.Dir(e[0]))
		}
	}
	goBuild(t, edits, packages...)
}

// TestPlanted builds the program with each of the bugs, and has the kill tests'
// scenario find it. OUTFLOW_PLANTED turns it on: it builds the program six times.
func TestPlanted(t *testing.T) {
	if os.Getenv("OUTFLOW_PLANTED") == "" {
		t.Skip("OUTFLOW_PLANTED is not set (.ci/run sets it)")
	}
	whole := t.TempDir()
	month(t, whole, 1)
	month(t, whole, 2)
	want := told(t, scannedLines(t, whole))
	for _, bug := range planted {
		t.Run(bug.name, func(t *testing.T) {
			outflow := build(t, bug.edits)
			exports := t.TempDir()
			dir, config := folder(t, exports, "")
			step := func(failpoint string) {
				cmd := exec.Command(outflow, "run", "--once", "--config", config)
				cmd.Env = append(os.Environ(), "OUTFLOW_FAILPOINT="+failpoint)
				var failed *exec.ExitError
				if out, err := cmd.CombinedOutput(); err != nil && !errors.As(err, &failed) {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			month(t, exports, 1)
			for _, nth := range []string{"", ":2", ":3", ":5"} {
				step(bug.failpoint + nth)
			}
			step("")
			month(t, exports, 2)
			step(bug.failpoint)
			step(bug.failpoint + ":2")
			step("")
			lines := soFar(dir)
			seen, twice := map[string]bool{}, false
			for line := range strings.Lines(lines) {
				twice = twice || seen[line]
				seen[line] = true
			}
			if !twice && told(t, lines) == want {
				t.Error("it was not found")
			}
		})
	}
}

// build builds the program with some edits.
func build(t *testing.T, edits [][3]string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "outflow")
	goBuild(t, edits, "-o", bin, "./cmd/outflow")
	return bin
}

// goBuild runs go build with some edits, and fails the test if one of them does not fit.
func goBuild(t *testing.T, edits [][3]string, args ...string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := map[string]string{} // by the file's path
	for _, e := range edits {
		path := filepath.Join(root, filepath.FromSlash(e[0]))
		if _, ok := text[path]; !ok {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text[path] = string(b)
		}
		if n := strings.Count(text[path], e[1]); n != 1 {
			t.Fatalf("%s says %q %d times: the planted bug must follow the code", e[0], e[1], n)
		}
		text[path] = strings.Replace(text[path], e[1], e[2], 1)
	}
	replace := map[string]string{}
	for path, edited := range text {
		replace[path] = filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(replace[path], []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", append([]string{"build", "-overlay", overlay}, args...)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
