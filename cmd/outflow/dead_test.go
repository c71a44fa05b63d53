package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReplayGone replays a dead letter whose file is gone: it stays, and the exit status says
// that it was not read.
func TestReplayGone(t *testing.T) {
	exports := t.TempDir()
	path := filepath.Join(exports, "bad.ndjson")
	if err := os.WriteFile(path, []byte(`{"eventVersion":"1.08","eventTime":"never"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, config := folder(t, exports, "")
	once(t, config)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"dead", "replay"}, {"dead", "replay", "1"}} {
		var out bytes.Buffer
		if code := run(append(args, "--config", config), &out, &out); code != exitFailed {
			t.Errorf("%v: exit %d", args, code)
		}
		for _, want := range []string{"0 dead letters are read again", "bad.ndjson", "is gone", "1 dead letters cannot be read again"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: no %q in\n%s", args, want, out.String())
			}
		}
		out.Reset()
		if code := run([]string{"dead", "list", "--config", config}, &out, &out); code != exitFine || !strings.Contains(out.String(), "bad.ndjson") {
			t.Errorf("it does not stay: exit %d\n%s", code, out.String())
		}
	}
}
