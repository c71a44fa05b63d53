package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// privateDir returns a new folder that others cannot enter, as data directories are.
func privateDir(t testing.TB) string {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestModes has commands write with a umask that takes nothing away: what they make is their owner's alone. It does not
// run beside other tests: the umask is the process's.
func TestModes(t *testing.T) {
	dir, exports := t.TempDir(), t.TempDir()
	month(t, exports, 1)
	at := func(name string) string { return filepath.Join(dir, name) }
	config := at("outflow.yaml")
	text := "data_dir: data\nsources:\n  - {name: files, kind: files, paths: [" + exports + "]}\nchannels:\n  - {name: out, kind: file, path: sent.ndjson}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(0))
	for _, args := range [][]string{
		{"run", "--once", "--config", config},
		{"token", "create", "--config", config, "--name", "kim", "--role", "soc"},
		{"scan", exports, "--data", at("scans"), "--format", "ndjson", "--out", at("alerts"), "--coverage", at("coverage"), "--html", at("page")},
		{"report", "digest", "--data", at("data"), "--format", "text", "--out", at("digest")},
		{"report", "owners", "--data", at("data"), "--out", at("owners")},
		{"backup", "--data", at("data"), at("saved")},
		{"restore", "--data", at("restored"), at("saved")},
	} {
		if code, _, errs := outflow(args...); code != exitFine && code != exitFound {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen[filepath.Base(path)] = true
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %04o", strings.TrimPrefix(path, dir), mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"alerts.db", "feed.db", "log.db", "sources.db", "detect-0.db", "cursors.db", "status.json", "access.key", "pseudonyms.key", "report.key", "sent.ndjson",
		"alerts", "coverage", "page", "digest", "digest.manifest.json", "saved", "restored", "lock",
	} {
		if !seen[name] {
			t.Errorf("nothing has made %s", name)
		}
	}
}

// TestOpenToOthers refuses data directories, keys and configurations that others could read or change.
func TestOpenToOthers(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	config := at("outflow.yaml")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		text = "data_dir: data\nsources:\n  - {name: files, kind: files, paths: [exports]}\nchannels:\n  - {name: out, kind: file, path: sent.ndjson}\n" + text
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(config, mode); err != nil {
			t.Fatal(err)
		}
	}
	says := func(want string, args ...string) {
		t.Helper()
		code, _, errs := outflow(append(args, "--config", config)...)
		if (code == exitFine) != (want == "") || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %s, not %q", args, code, errs, want)
		}
	}
	for _, d := range []string{"data", "exports"} {
		if err := os.Mkdir(at(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("", 0o644)
	if err := os.Chmod(at("data"), 0o750); err != nil {
		t.Fatal(err)
	}
	says("", "run", "--once") // closes it: it was empty
	if info, err := os.Stat(at("data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("an empty data directory: %v %v", info.Mode(), err)
	}
	if err := os.Chmod(at("data"), 0o750); err != nil {
		t.Fatal(err)
	}
	says("open to others (mode 0750): run chmod go= on it, or set data_dir_shared", "run", "--once")
	write("data_dir_shared: true\n", 0o644)
	says("", "run", "--once")
	if err := os.Chmod(at("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("", 0o644)
	says("", "run", "--once")
	says("", "token", "create", "--name", "kim", "--role", "soc")
	if err := os.Chmod(at("data/access.key"), 0o640); err != nil {
		t.Fatal(err)
	}
	says("access.key is open to others", "token", "create", "--name", "lena", "--role", "soc")
	if err := os.Chmod(at("data/access.key"), 0o600); err != nil {
		t.Fatal(err)
	}

	heartbeat := "heartbeat: {url: \"exec:/bin/echo https://ping.example/x\"}\n"
	write(heartbeat, 0o664)
	says("it runs programs (exec:), but", "run", "--once")
	write("# exec: is not used\n", 0o664)
	says("", "run", "--once")
	write(heartbeat, 0o600)
	says("", "run", "--once")
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	says("it runs programs (exec:), but", "run", "--once")
}
