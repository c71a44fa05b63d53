// Package docstest checks the documentation: links lead somewhere, the commands and tests that
// it names exist, and the index of decisions is complete.
package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence   = regexp.MustCompile("(?m)^    .*$|`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	path    = regexp.MustCompile("`((?:alert|cmd|detect|ingest|internal|docs|\\.ci)/[A-Za-z0-9_./-]*[A-Za-z0-9_/-])`")
)

// pages are the Markdown files of the repository, without those that tests read or write.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("git", "-C", "../..", "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	if err != nil {
		t.Skipf("not a Git checkout: %v", err)
	}
	all := map[string]string{}
	for name := range strings.FieldsSeq(string(out)) {
		if strings.Contains(name, "/testdata/") || strings.Contains(name, "/templates/") {
			continue
		}
		b, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) { // removed, but not from the index yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(b)
	}
	if len(all) < 50 {
		t.Fatalf("only %d pages", len(all))
	}
	return all
}

// anchor returns the anchor that GitHub gives a heading.
func anchor(h string) string {
	h = link.ReplaceAllString(h, "]")
	var b strings.Builder
	for _, r := range strings.ToLower(h) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// broken returns the links of a page that lead nowhere.
func broken(name, text string, all map[string]string) []string {
	var bad []string
	for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		target, part, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, ":") {
			continue
		}
		to := name
		if target != "" {
			to = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
		}
		if _, err := os.Stat(filepath.Join("../..", to)); err != nil {
			bad = append(bad, m[1])
			continue
		}
		if part == "" {
			continue
		}
		found := false
		for _, h := range heading.FindAllStringSubmatch(all[to], -1) {
			found = found || anchor(h[1]) == part
		}
		if !found {
			bad = append(bad, m[1])
		}
	}
	return bad
}

// TestLinks follows every link between pages, anchors included.
func TestLinks(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		for _, l := range broken(name, text, all) {
			t.Errorf("%s: %s leads nowhere", name, l)
		}
	}
}

// TestBroken checks the check: it finds links that lead nowhere, and no others.
func TestBroken(t *testing.T) {
	text := "# Some `title`, here\n" +
		"[a](#some-title-here) [b](#other) [c](../README.md) [d](none.md) `[e](none.md)` [f](https://a.example/b)\n"
	got := broken("docs/scoring.md", text, map[string]string{"docs/scoring.md": text})
	for i, l := range got {
		if l == "#some-title-here" {
			t.Errorf("%d: the heading was not found", i)
		}
	}
	if strings.Join(got, " ") != "#other none.md" {
		t.Errorf("found %q", got)
	}
}

// TestPaths looks up every file that a page names. Words in capitals stand for names.
func TestPaths(t *testing.T) {
	named := 0
	for name, text := range pages(t) {
		if name == "CHANGELOG.md" { // of what was
			continue
		}
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "VENDOR") || strings.Contains(m[1], "NAME") {
				continue
			}
			named++
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
	}
	if named < 40 {
		t.Errorf("only %d paths are named", named)
	}
}

// TestDecisions compares the index of decisions with the pages, and the pages with one layout.
func TestDecisions(t *testing.T) {
	index, err := os.ReadFile("../../docs/adr/README.md")
	if err != nil {
		t.Fatal(err)
	}
	records, _ := filepath.Glob("../../docs/adr/[0-9]*.md")
	if len(records) < 15 {
		t.Fatalf("only %d records", len(records))
	}
	for _, file := range records {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if !strings.Contains(string(index), "("+name+")") {
			t.Errorf("the index lacks %s", name)
		}
		var parts []string
		for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(b), -1) {
			parts = append(parts, m[1])
		}
		if got := strings.Join(parts, ", "); got != "Context, Decision, Consequences, Rejected alternatives" {
			t.Errorf("%s: the sections are %q", name, got)
		}
	}
}

// TestNames looks up every test that a page names.
func TestNames(t *testing.T) {
	out, err := exec.Command("git", "-C", "../..", "grep", "-hoE", "^func (Test|Benchmark|Fuzz)[A-Za-z0-9]+", "--", "*_test.go").Output()
	if err != nil {
		t.Skipf("not a Git checkout: %v", err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		known[strings.TrimPrefix(strings.TrimSpace(line), "func ")] = true
	}
	named := regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9]*`)
	for name, text := range pages(t) {
		for _, test := range named.FindAllString(text, -1) {
			if !known[test] {
				t.Errorf("%s names %s, which does not exist", name, test)
			}
		}
	}
}

// TestCommands looks up what the go test commands in pages run: the package has a test or a
// benchmark that the pattern matches.
func TestCommands(t *testing.T) {
	command := regexp.MustCompile("go test [^`\n]*")
	pattern := regexp.MustCompile(`-(run|bench) '?([A-Za-z0-9.^$]+)'?`)
	known := 0
	for name, text := range pages(t) {
		if name == "CHANGELOG.md" { // of what was
			continue
		}
		for _, c := range command.FindAllString(text, -1) {
			for _, p := range pattern.FindAllStringSubmatch(c, -1) {
				if p[2] == "^$" || p[2] == "." {
					continue
				}
				kind := map[string]string{"run": "Test", "bench": "Benchmark"}[p[1]]
				body := regexp.MustCompile(`(?m)^func ` + kind + `\w*` + strings.TrimPrefix(strings.Trim(p[2], "^$"), kind))
				if known++; !declared(c, body) {
					t.Errorf("%s: %s: no function matches -%s %s", name, c, p[1], p[2])
				}
			}
		}
	}
	if known < 10 {
		t.Errorf("only %d patterns are named", known)
	}
}

// declared reports whether a test file of a package that a go test command names contains a pattern.
func declared(command string, pattern *regexp.Regexp) bool {
	for word := range strings.FieldsSeq(command) {
		if !strings.HasPrefix(word, "./") {
			continue
		}
		files, _ := filepath.Glob(filepath.Join("../..", word, "*_test.go"))
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil && pattern.Match(b) {
				return true
			}
		}
	}
	return false
}
