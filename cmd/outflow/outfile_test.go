package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOutFile has commands write where there is nothing, a file, a link, a pipe, a folder
// and an export.
func TestOutFile(t *testing.T) {
	t.Parallel()
	dir, exports := t.TempDir(), t.TempDir()
	month(t, exports, 1)
	at := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, text string) string {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	scan := func(want int, says string, args ...string) {
		t.Helper()
		if code, _, errs := outflow(append([]string{"scan", exports, "--format", "ndjson"}, args...)...); code != want || !strings.Contains(errs, says) {
			t.Errorf("%v: exit %d\n%s", args, code, errs)
		}
	}
	scan(exitFine, "", "--out", at("new"), "--coverage", at("covered"))
	scan(exitFine, "new existed and was replaced", "--out", at("new"))
	put("target", "x")
	if err := os.Symlink("target", at("link")); err != nil {
		t.Fatal(err)
	}
	scan(exitFine, "target existed", "--out", at("link"))
	if b, err := os.ReadFile(at("target")); err != nil || !strings.HasPrefix(string(b), "{") {
		t.Errorf("the link was replaced, not its target: %.20s %v", b, err)
	}
	scan(exitFine, "", "--out", os.DevNull)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatal("the null device was replaced")
	}
	scan(exitFailed, "is a directory", "--out", dir)
	scan(exitUsage, "the same file", "--out", at("one"), "--coverage", at("one"))
	export := ""
	filepath.WalkDir(exports, func(path string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			export = path
		}
		return nil
	})
	before, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--out", "--coverage"} {
		scan(exitFailed, "one of the files that are read", flag, export)
	}
	if after, err := os.ReadFile(export); err != nil || string(after) != string(before) {
		t.Error("an export was replaced", err)
	}
	if got := stored(t, dir); !slices.Equal(got, []string{"covered", "link", "new", "target"}) {
		t.Errorf("left behind: %v", got)
	}
}

// TestOutReport replaces a report of before, and nothing that somebody else has written.
func TestOutReport(t *testing.T) {
	long(t)
	data, exports, dir := privateDir(t), t.TempDir(), t.TempDir()
	month(t, exports, 1)
	outflow("scan", "--data", data, exports)
	path := filepath.Join(dir, "owner.html")
	write := func(want int, more ...string) {
		t.Helper()
		if code, _, errs := outflow(append([]string{"report", "digest", "--data", data, "--out", path}, more...)...); code != want || want == exitFailed && !strings.Contains(errs, "--force") {
			t.Errorf("exit %d: %s", code, errs)
		}
	}
	write(exitFine)
	write(exitFine) // again, as cron does
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noted := string(b) + "<!-- looked at by kim -->"
	for _, text := range []string{noted, "something else"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		write(exitFailed)
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("replaced: %v", err)
		}
	}
	write(exitFine, "--force")
	if code, _, errs := outflow("report", "verify", path, "--data", data); code != exitFine {
		t.Error(errs)
	}
	if err := os.Remove(path + ".manifest.json"); err != nil {
		t.Fatal(err)
	}
	write(exitFailed)
	if got := stored(t, dir); !slices.Equal(got, []string{"owner.html"}) {
		t.Errorf("left behind: %v", got)
	}
}
