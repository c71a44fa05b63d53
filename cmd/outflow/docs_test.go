package main

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestDocumentedCommands looks up every command and flag that a page names. The changelog is left
// out: it names those of the past, too.
func TestDocumentedCommands(t *testing.T) {
	root := newRoot(io.Discard, io.Discard)
	command := regexp.MustCompile("(?m)(?:`|^    |^  +)outflow ([a-z][^`\n#|]*)")
	var files []string
	for _, pattern := range []string{
		"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "docs/*/*.md", "bench/*.md", "config.example.yaml",
	} {
		found, _ := filepath.Glob(filepath.Join("../..", pattern))
		files = append(files, found...)
	}
	named := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(b), -1) {
			named++
			if bad := unknownWord(root, strings.Fields(m[1])); bad != "" {
				t.Errorf("%s names outflow %s: there is no %s", filepath.Base(file), m[1], bad)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d commands are named", named)
	}
}

// TestUnknownWord is a check of the check.
func TestUnknownWord(t *testing.T) {
	root := newRoot(io.Discard, io.Discard)
	for line, want := range map[string]string{
		"scan --all exports/":              "",
		"source state show --config x":     "",
		"source state shows --config x":    "command shows",
		"report owners --data data --send": "",
		"report review --data d --send":    "flag --send",
		"privacy erase ann@acme.example …": "",
		"scan -o alerts.ndjson --budget=1": "",
		"tell NAME":                        "command tell",
	} {
		if got := unknownWord(root, strings.Fields(line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// unknownWord returns the first word of a command line that is no command or flag, or "".
func unknownWord(cmd *cobra.Command, words []string) string {
	for _, w := range words {
		long, isLong := strings.CutPrefix(w, "--")
		switch {
		case isLong:
			name := strings.TrimRight(strings.SplitN(long, "=", 2)[0], ",.;:)]")
			if name != "help" && cmp.Or(cmd.Flag(name), cmd.InheritedFlags().Lookup(name)) == nil {
				return "flag --" + name
			}
		case strings.HasPrefix(w, "-"), w == "…", !cmd.HasSubCommands():
		default:
			name := strings.TrimRight(w, ",.;:")
			next, _, err := cmd.Find([]string{name})
			if err != nil || next == cmd {
				if name == "completion" || name == "help" { // cobra adds them when it runs
					return ""
				}
				return "command " + name
			}
			cmd = next
		}
	}
	return ""
}
