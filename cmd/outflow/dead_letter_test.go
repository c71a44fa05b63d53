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
	for _, args := range [][]string{{"dead-letter", "replay"}, {"dead-letter", "replay", "1"}} {
		var out bytes.Buffer
		if code := run(append(args, "--config", config), &out, &out); code != exitFailed {
			t.Errorf("%v: exit %d", args, code)
		}
		for _, want := range []string{"0 dead letters are read again", "bad.ndjson", "is gone", "1 dead letter cannot be read again"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: no %q in\n%s", args, want, out.String())
			}
		}
		out.Reset()
		if code := run([]string{"dead-letter", "list", "--config", config}, &out, &out); code != exitFine || !strings.Contains(out.String(), "bad.ndjson") {
			t.Errorf("it does not stay: exit %d\n%s", code, out.String())
		}
	}
}

// TestRenamed calls commands by the names that they had: they work, what they print can still be
// parsed, and standard error says what they are called now. Help does not list them.
func TestRenamed(t *testing.T) {
	_, config := folder(t, t.TempDir(), "")
	once(t, config)
	for old, now := range map[string]string{
		"dead list":     "dead-letter list",
		"alerts unsent": "notifications pending",
		"alerts retry":  "notifications retry",
	} {
		args := append(strings.Fields(old), "--config", config)
		if !strings.HasSuffix(old, "retry") {
			args = append(args, "--format", "json")
		}
		code, out, errs := outflow(args...)
		_, same, none := outflow(append(strings.Fields(now), args[2:]...)...)
		if code != exitFine || out != same || none != "" || !strings.Contains(errs, "use outflow "+now+"\n") {
			t.Errorf("%s: exit %d, %q, not %q; %q; %q", old, code, out, same, errs, none)
		}
	}
	_, out, _ := outflow("--help")
	if strings.Contains(out, "\n  dead ") || strings.Contains(out, "\n  alerts ") || !strings.Contains(out, "\n  dead-letter ") {
		t.Error(out)
	}
}
