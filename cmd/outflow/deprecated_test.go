package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// deprecatedValues are values of deprecated configuration keys.
var deprecatedValues = map[string]string{"listen": "127.0.0.1:0"}

// TestDeprecated uses every deprecated configuration key and command: each warns with the name that
// replaces it, which does not warn, and the changelog has it.
func TestDeprecated(t *testing.T) {
	t.Parallel()
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range config.RenamedKeys {
		t.Run(k.Old, func(t *testing.T) { testDeprecatedKey(t, k, string(changelog)) })
	}
	root := newRoot(io.Discard, io.Discard)
	tried := 0
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			tried++
			testDeprecatedCommand(t, cmd, string(changelog))
		}
	}
	if tried == 0 && strings.Contains(string(changelog), "| `outflow dead` |") {
		t.Error("no deprecated command is defined")
	}
}

func testDeprecatedKey(t *testing.T, k config.RenamedKey, changelog string) {
	value := deprecatedValues[k.Old]
	if value == "" {
		t.Fatalf("deprecatedValues has no value of %s", k.Old)
	}
	if !strings.Contains(changelog, "`"+k.Old+"`") {
		t.Errorf("the changelog lacks %s", k.Old)
	}
	_, old := folder(t, t.TempDir(), nested(k.Old, value))
	_, now := folder(t, t.TempDir(), nested(k.New, value))
	logged := "key=" + k.Old + " use=" + k.New
	if code, _, errs := outflow("run", "--once", "--config", old); code != exitFine || strings.Count(errs, logged) != 1 {
		t.Errorf("run: exit %d, %s", code, errs)
	}
	if code, _, errs := outflow("run", "--once", "--config", now); code != exitFine || strings.Contains(errs, "deprecated") {
		t.Errorf("run with %s: exit %d, %s", k.New, code, errs)
	}
	for _, args := range [][]string{{"status", "--config"}, {"privacy", "report", "--config"}, {"dead", "list", "--config"}} {
		if _, _, errs := outflow(append(args, old)...); strings.Count(errs, k.String()) != 1 {
			t.Errorf("%s: %s", args[0], errs)
		}
		if _, _, errs := outflow(append(args, now)...); strings.Contains(errs, "configuration key") {
			t.Errorf("%s with %s: %s", args[0], k.New, errs)
		}
	}
}

// nested writes a setting of which the key may be in a section: a.b.
func nested(key, value string) string {
	section, name, found := strings.Cut(key, ".")
	if !found {
		return key + ": \"" + value + "\"\n"
	}
	return section + ": {" + name + ": \"" + value + "\"}\n"
}

// testDeprecatedCommand runs the subcommands of a command under the names that they had.
func testDeprecatedCommand(t *testing.T, cmd *cobra.Command, changelog string) {
	if !strings.Contains(changelog, "`outflow "+cmd.Name()) {
		t.Errorf("the changelog lacks outflow %s", cmd.Name())
	}
	for _, sub := range cmd.Commands() {
		for _, name := range append(sub.Aliases, sub.Name()) {
			if errs := warned(cmd.Name(), name); !strings.Contains(errs, "outflow "+cmd.Name()+" is deprecated: use outflow ") ||
				!strings.Contains(errs, " "+sub.Name()+"\n") {
				t.Errorf("outflow %s %s: %q", cmd.Name(), name, errs)
			}
		}
	}
}

// warned runs a command with as many arguments as it takes, and returns what it wrote to standard error.
func warned(args ...string) string {
	var stderr bytes.Buffer
	for range 3 {
		stderr.Reset()
		if run(append(args, "--config", "missing.yaml"), io.Discard, &stderr) != exitUsage || strings.Contains(stderr.String(), "deprecated") {
			break
		}
		args = append(args, "x")
	}
	return stderr.String()
}
