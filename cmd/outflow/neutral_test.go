package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	reports "github.com/outflow/outflow/alert/report"
)

// loaded are words that judge a person, or that state an intention which no log shows. A review is read by HR, by the
// person, and perhaps by a court: no text of ours has any of them.
var loaded = regexp.MustCompile(`(?i)\b(suspicio\w*|suspect\w*|thie[fv]\w*|theft|steal\w*|stole\w*|took|loot\w*|smuggl\w*|caught|guilt\w*|culprit\w*|` +
	`malicious\w*|criminal\w*|crimes?|fraud\w*|offend\w*|perpetrat\w*|exfiltrat\w*|betray\w*|disloyal\w*|insider|illegal\w*|illicit\w*|` +
	`sabotag\w*|dishonest\w*|wrongdo\w*|blame\w*|accus\w*|incriminat\w*|rogue|evil|sneak\w*|leaked|leaker\w*)\b`)

// notSaid are texts that are not read by people, but matched: names in vendors' logs, and words in names of files.
var notSaid = regexp.MustCompile(`^[a-z0-9_.:/-]+$|^[A-Z][A-Za-z]+$`)

// vendors are names that vendors give to events, as their logs have them.
var vendors = map[string]bool{
	"Fraud reported - user is blocked for MFA": true, "Fraud reported - no action taken": true, "Suspicious activity reported": true,
}

// TestNeutral looks for loaded words in every text that a review can contain: the sentences of detectors, and the
// report's own.
func TestNeutral(t *testing.T) {
	texts := 0
	check := func(where, text string) {
		texts++
		if word := loaded.FindString(text); word != "" && !vendors[text] {
			t.Errorf("%s: %q in %q", where, word, text)
		}
	}
	for _, dir := range []string{"../../alert/report", "../../detect/detectors", "../../detect", "../../detect/engine"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil || notSaid.MatchString(text) {
					return true
				}
				if !strings.HasSuffix(dir, "report") {
					text = reports.Neutral(text)
				} else if reports.Neutral(text) != text { // what it replaces
					return true
				}
				check(fset.Position(lit.Pos()).String(), text)
				return true
			})
		}
	}
	templates, err := filepath.Glob("../../alert/report/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range templates {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			check(file, line)
		}
	}
	if texts < 1000 {
		t.Errorf("only %d texts", texts)
	}
}

// TestLoaded is a check of the check.
func TestLoaded(t *testing.T) {
	for text, want := range map[string]string{
		"This looks suspicious":                  "suspicious",
		"The Thief stole it":                     "Thief",
		"Exfiltration before departure":          "Exfiltration",
		"Made 40 report exports from Salesforce": "",
		"bookkeeping, mistook, offset, sold":     "",
	} {
		if got := loaded.FindString(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
