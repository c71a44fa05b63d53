package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestLogFlags sets the level and the format of the log of a daemon.
func TestLogFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ level, format, has, lacks string }{
		{"info", "text", "level=INFO msg=started", `{"`},
		{"warn", "text", "", "msg=started"},
		{"debug", "json", `"msg":"started"`, "level="},
	} {
		_, config := folder(t, t.TempDir(), "")
		code, _, errs := outflow("run", "--config", config, "--once", "--log-level", c.level, "--log-format", c.format)
		if code != exitFine || !strings.Contains(errs, c.has) || strings.Contains(errs, c.lacks) {
			t.Errorf("%+v: exit %d: %s", c, code, errs)
		}
		for line := range strings.Lines(errs) {
			if c.format == "json" && !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	}
	_, config := folder(t, t.TempDir(), "")
	for flag, value := range map[string]string{"--log-level": "loud", "--log-format": "xml"} {
		if code, _, errs := outflow("run", "--config", config, flag, value); code != exitUsage || !strings.Contains(errs, flag+` "`+value+`": `) {
			t.Errorf("%s: exit %d: %s", flag, code, errs)
		}
	}
}

// TestLogLevels writes records of a level and above.
func TestLogLevels(t *testing.T) {
	for i, level := range []string{"debug", "info", "warn", "error"} {
		var text bytes.Buffer
		log, err := newLogger(&text, level, "json")
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("x")
		log.Info("x")
		log.Warn("x")
		log.Error("x")
		if got := strings.Count(text.String(), "\n"); got != 4-i {
			t.Errorf("%s: %d records", level, got)
		}
	}
}
