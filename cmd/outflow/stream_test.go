package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
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
	text := fmt.Sprintf("data_dir: ./data\nsources:\n  - {name: exports, kind: files, paths: [%q]}\nchannels:\n  - {name: out, kind: file, path: told.ndjson}\n%s", exports, more)
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

func told(t testing.TB, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "told.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func scannedLines(t testing.TB, paths ...string) string {
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
	exports := acme
	if world := os.Getenv("OUTFLOW_WORLD"); world != "" {
		exports = world
	}
	dir, config := folder(t, exports, "")
	once(t, config)
	want := scannedLines(t, exports)
	same(t, "told", told(t, dir), want)
	once(t, config)
	same(t, "told after another run", told(t, dir), want)
}
