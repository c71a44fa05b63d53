package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/waittest"
)

// readingCommands are all commands that only read what a daemon keeps, for an alert and a
// person.
func readingCommands(data, config, id, person string) [][]string {
	return [][]string{
		{"explain", "--data", data, id},
		{"report", "review", person, "--data", data},
		{"report", "review", person, "--data", data, "--people", "pseudonyms", "--format", "md"},
		{"report", "digest", "--data", data, "--config", config},
		{"report", "owners", person, "--data", data, "--include-open-cases"},
		{"report", "people", "--data", data},
		{"report", "people", person, "--data", data, "--people", "pseudonyms"},
		{"status", "--config", config},
		{"dead-letter", "list", "--config", config},
		{"notifications", "pending", "--config", config},
		{"source", "state", "show", "--config", config},
		{"privacy", "report", "--config", config},
		{"privacy", "export", person, "--config", config},
		{"token", "list", "--config", config},
		{"audit", "verify", "--config", config},
	}
}

// TestReadingBesideDaemon runs every command that only reads while a daemon writes. What
// writes is refused, and says which process has the folder.
func TestReadingBesideDaemon(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	month(t, exports, 1)
	dir, config := folder(t, exports, "listen: 127.0.0.1:0\nfeed: {listen: \"127.0.0.1:0\"}\n")
	data := filepath.Join(dir, "data")
	cmd, said := running(t, config)
	waittest.Until(t, "something is told", func() bool { return soFar(dir) != "" })
	if code, _, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc"); code != exitFine {
		t.Fatal(code, errs)
	}
	waittest.Until(t, "there is a status", func() bool { return outfile.Exists(filepath.Join(data, "status.json")) })
	id := alertIn(t, notified(t, dir))
	month(t, exports, 2) // it has something to do meanwhile
	var wg sync.WaitGroup
	for _, args := range readingCommands(data, config, id, "chen.kapoor@acme.example") {
		wg.Go(func() {
			for range 3 {
				if code, _, errs := outflow(args...); code != exitFine {
					t.Errorf("%v: exit %d: %s", args, code, errs)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 2 {
			if code, _, errs := outflow("backup", "--data", data, filepath.Join(t.TempDir(), fmt.Sprint(i))); code != exitFine {
				t.Errorf("backup: exit %d: %s", code, errs)
			}
		}
	})
	wg.Wait()
	who := fmt.Sprintf("in use by process %d (outflow run)", cmd.Process.Pid)
	for _, args := range [][]string{{"scan", "--data", data, exports}, {"run", "--once", "--config", config}, {"privacy", "erase", "--yes", "chen.kapoor@acme.example", "--config", config}} {
		if code, _, errs := outflow(args...); code != exitFailed || !strings.Contains(errs, who) {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
	if s := said(); strings.Contains(s, "level=ERROR") {
		t.Errorf("the daemon says\n%s", s)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	for _, args := range readingCommands(data, config, id, "chen.kapoor@acme.example") { // and when it is gone
		want := exitFine
		if args[0] == "status" { // it says so
			want = exitFailed
		}
		if code, _, errs := outflow(args...); code != want {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
}

// alertIn is the id of an alert of NDJSON.
func alertIn(t *testing.T, text string) string {
	t.Helper()
	_, rest, _ := strings.Cut(text, `"id":"`)
	id, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("no alert in %.300s", text)
	}
	return id
}

// TestReadingBesideScan reads what scans keep while one is about to replace it, and after
// it has.
func TestReadingBesideScan(t *testing.T) {
	long(t)
	t.Parallel()
	exports, data := t.TempDir(), privateDir(t)
	month(t, exports, 1)
	_, found, _ := outflow("scan", "--data", data, "--format", "ndjson", exports)
	id := alertIn(t, found)
	next, _, closed := beginScan(t, data) // a transaction that lasts as long as the scan
	defer closed()
	defer next.Rollback()
	saved := filepath.Join(t.TempDir(), "backup")
	for _, args := range [][]string{
		{"explain", "--data", data, id},
		{"report", "review", "chen.kapoor@acme.example", "--data", data},
		{"report", "digest", "--data", data},
		{"privacy", "report", "--data", data},
		{"privacy", "export", "chen.kapoor@acme.example", "--data", data},
		{"backup", "--data", data, saved},
	} {
		if code, _, errs := outflow(args...); code != exitFine {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
	restored := filepath.Join(t.TempDir(), "data")
	if code, _, errs := outflow("restore", "--data", restored, saved); code != exitFine {
		t.Fatal(code, errs)
	}
	if code, _, errs := outflow("scan", "--data", restored, exports); code != exitFine || strings.Contains(errs, "generation") {
		t.Errorf("a scan over the backup: exit %d: %s", code, errs)
	}
}

// notInBackup are files of a data directory that a backup rightly leaves out. The
// reasons are in docs/operations.md.
var notInBackup = []string{"status.json", "lock"}

// stored are the names of what a data directory holds. What SQLite keeps beside its files
// is in their copies.
func stored(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), "-wal") && !strings.HasSuffix(e.Name(), "-shm") {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestBackupHasEverything backs data directories up in which everything has been made that
// the program makes there: all of it is in the backup, or the documentation says why not;
// and what was signed before is still signed by the same key.
func TestBackupHasEverything(t *testing.T) {
	long(t)
	exports, scans, out := t.TempDir(), t.TempDir(), t.TempDir()
	month(t, exports, 1)
	dir, config := folder(t, exports, "feed: {listen: \"127.0.0.1:0\"}\nsnapshots: {dir: ./snapshots, key: env:OUTFLOW_TEST_SNAPSHOTS}\n")
	t.Setenv("OUTFLOW_TEST_SNAPSHOTS", strings.Repeat("00112233445566778899aabbccddeeff", 2))
	data := filepath.Join(dir, "data")
	fine := func(args ...string) string {
		t.Helper()
		code, said, errs := outflow(args...)
		if code != exitFine {
			t.Fatalf("%v: exit %d: %s", args, code, errs)
		}
		return said
	}
	once(t, config)
	fine("token", "create", "--config", config, "--name", "kim", "--role", "soc")
	outflow("scan", "--data", scans, exports)
	review := filepath.Join(out, "review.html")
	fine("report", "review", "chen.kapoor@acme.example", "--data", data, "--people", "pseudonyms", "--out", review)
	_, key, _ := strings.Cut(strings.TrimSpace(fine("report", "verify", review, "--data", data)), "signed by ")
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range notInBackup {
		if !bytes.Contains(docs, []byte("`"+name+"`")) {
			t.Errorf("docs/operations.md does not say why %s is in no backup", name)
		}
	}
	var all []string
	for i, from := range []string{data, scans} {
		saved, to := filepath.Join(out, fmt.Sprint(i)), filepath.Join(out, "restored", fmt.Sprint(i))
		fine("backup", "--data", from, saved)
		fine("restore", "--data", to, saved)
		want := slices.DeleteFunc(stored(t, from), func(name string) bool { return slices.Contains(notInBackup, name) })
		if got := stored(t, to); !slices.Equal(got, want) {
			t.Errorf("restored %v of %v", got, want)
		}
		all = append(all, want...)
	}
	for _, name := range slices.Concat(datadir.StateFiles, datadir.KeyFiles) {
		if !slices.Contains(all, name) {
			t.Errorf("nothing has made %s: what became of it is not tested", name)
		}
		if !bytes.Contains(docs, []byte("`"+name+"`")) {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
	again := filepath.Join(out, "again.html")
	fine("report", "review", "chen.kapoor@acme.example", "--data", filepath.Join(out, "restored", "0"), "--people", "pseudonyms", "--out", again)
	for _, report := range []string{review, again} {
		fine("report", "verify", report, "--key", key)
	}
	fine("audit", "verify", "--config", config)
}

// TestBackupFile replaces no file unasked, and leaves nothing behind where it fails.
func TestBackupFile(t *testing.T) {
	long(t)
	t.Parallel()
	exports, out := t.TempDir(), t.TempDir()
	month(t, exports, 1)
	data := privateDir(t)
	outflow("scan", "--data", data, exports)
	saved := filepath.Join(out, "backup.tar.gz")
	if err := os.WriteFile(saved, []byte("the last one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := outflow("backup", "--data", data, saved); code != exitFailed || !strings.Contains(errs, "--force") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if b, err := os.ReadFile(saved); err != nil || string(b) != "the last one" {
		t.Errorf("%q, %v", b, err)
	}
	if code, _, errs := outflow("backup", "--data", filepath.Join(out, "none"), filepath.Join(out, "new")); code != exitFailed {
		t.Errorf("no state: exit %d: %s", code, errs)
	}
	if code, _, errs := outflow("backup", "--data", data, out); code != exitFailed || !strings.Contains(errs, "directory") {
		t.Errorf("a directory: exit %d: %s", code, errs)
	}
	if left := stored(t, out); !slices.Equal(left, []string{"backup.tar.gz"}) {
		t.Errorf("left behind: %v", left)
	}
	if code, _, errs := outflow("backup", "--force", "--data", data, saved); code != exitFine {
		t.Errorf("--force: exit %d: %s", code, errs)
	}
	if code, _, errs := outflow("restore", "--data", filepath.Join(out, "data"), saved); code != exitFine {
		t.Errorf("restore: exit %d: %s", code, errs)
	}
	link := filepath.Join(out, "latest")
	if err := os.Symlink(saved, link); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := outflow("backup", "--data", data, "--force", link); code != exitFine {
		t.Errorf("a link: exit %d: %s", code, errs)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
}

// TestFullDiskBackup has a backup run out of room: none is there, and an older one stays.
func TestFullDiskBackup(t *testing.T) {
	long(t)
	t.Parallel()
	exports, out, data := t.TempDir(), t.TempDir(), privateDir(t)
	month(t, exports, 1)
	outflow("scan", "--data", data, exports)
	saved := filepath.Join(out, "backup.tar.gz")
	if code, _, errs := outflow("backup", "--data", data, saved); code != exitFine {
		t.Fatal(errs)
	}
	info, err := os.Stat(saved)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int64{0, 1, info.Size()/512 - 1} { // blocks
		text, err := limited(room, "backup", "--force", "--data", data, saved)
		if err == nil {
			t.Errorf("with room for %d blocks: it says %s", room, text)
		}
		if after, err := os.ReadFile(saved); err != nil || !bytes.Equal(before, after) {
			t.Errorf("with room for %d blocks: the backup before is gone, %v", room, err)
		}
		if _, err := limited(room, "backup", "--data", data, filepath.Join(out, "new")); err == nil {
			t.Errorf("with room for %d blocks: no error", room)
		}
		if left := stored(t, out); !slices.Equal(left, []string{"backup.tar.gz"}) {
			t.Errorf("with room for %d blocks: left behind %v", room, left)
		}
	}
}

// TestSweep removes what a process that was killed has left behind, and nothing else.
func TestSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{
		".snapshot-1/copy", ".shards-2/0", ".erase-3/store", ".bases-4/store", "detect-0.db.fetched", "status.json.new",
		"outflow-backup.tar.gz", ".snapshot-weekly/x", "detect-0.db", "status.json", ".hidden",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if left := stored(t, dir); !slices.Equal(left, []string{
		".hidden", ".snapshot-weekly", "detect-0.db", "lock", "outflow-backup.tar.gz", "status.json",
	}) {
		t.Errorf("left: %v", left)
	}
	if _, err := datadir.Lock(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("%v", err)
	}
}

// TestNothingDone has commands that find nothing to do say so, and exit with a status that
// a script notices.
func TestNothingDone(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	month(t, exports, 1)
	_, config := folder(t, exports, "")
	_, fresh := folder(t, exports, "")
	once(t, config)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitFailed, "no retention is configured", []string{"privacy", "expire", "--config", config}},
		{exitUsage, "has no source", []string{"source", "state", "set", "nobody", "x", "{}", "--config", config}},
		{exitFailed, "has read no stream", []string{"source", "state", "set", "exports", "x", "{}", "--config", config}},
		{exitFailed, "nothing has been read", []string{"source", "state", "show", "nobody", "--config", config}},
		{exitFailed, "there is no dead letter 99", []string{"dead-letter", "replay", "99", "--config", config}},
		{exitFailed, "no such message", []string{"alerts", "retry", "99", "--config", config}},
		{exitFailed, "there is no token", []string{"token", "revoke", "nobody", "--config", config}},
		{exitFailed, "there is no feed.db", []string{"audit", "verify", "--config", fresh}},
		{exitFailed, "there is no feed.db", []string{"token", "list", "--config", fresh}},
		{exitFailed, "there are no tests", []string{"rules", "test", t.TempDir()}},
	} {
		if code, out, errs := outflow(c.args...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit %d: %s%s", c.args, code, out, errs)
		}
	}
}
