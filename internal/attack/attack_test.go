package attack_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/internal/attack"
)

func TestLookup(t *testing.T) {
	sub, ok := attack.Lookup("T1685.002")
	if want := []attack.Tactic{{ID: "TA0112", Name: "Defense Impairment"}}; !ok || sub.Name != "Disable or Modify Cloud Log" ||
		sub.Parent != "T1685" || sub.Revoked || !slices.Equal(sub.Tactics, want) {
		t.Errorf("%+v", sub)
	}
	if old, ok := attack.Lookup("T1562.008"); !ok || !old.Revoked || len(old.Tactics) > 0 {
		t.Errorf("%+v", old)
	}
	if _, ok := attack.Lookup("T9999"); ok {
		t.Error("T9999 exists")
	}
	for id, want := range map[string]string{
		"T1530":     "T1530 Data from Cloud Storage",
		"T1567.002": "T1567.002 Exfiltration Over Web Service: Exfiltration to Cloud Storage",
		"T9999":     "T9999",
	} {
		if got := attack.Title(id); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// current ends the test with an error unless ATT&CK has a technique, and has not revoked it.
func current(t *testing.T, where, id string) {
	t.Helper()
	switch x, ok := attack.Lookup(id); {
	case !ok:
		t.Errorf("%s: ATT&CK v%s has no %s", where, attack.Version, id)
	case x.Revoked:
		t.Errorf("%s: ATT&CK v%s has revoked %s (%s)", where, attack.Version, id, x.Name)
	case len(x.Tactics) == 0:
		t.Errorf("%s: %s has no tactic", where, id)
	}
}

// TestDetectors checks the ids of every detector, and that its page has their titles.
func TestDetectors(t *testing.T) {
	n := 0
	for _, d := range detectors.All {
		for _, id := range d.Techniques {
			n++
			current(t, d.Name, id)
		}
		if len(d.Techniques) == 0 {
			continue
		}
		page, err := os.ReadFile("../../docs/detectors/" + d.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		if want := "\nMITRE ATT&CK: " + strings.Join(attack.Titles(d.Techniques), "; ") + "\n"; !bytes.Contains(page, []byte(want)) {
			t.Errorf("docs/detectors/%s.md lacks %q", d.Name, want)
		}
	}
	if n < 50 {
		t.Errorf("only %d ids were looked at", n)
	}
}

// TestRepository checks the ids in all code, rules and documentation, apart from tests.
func TestRepository(t *testing.T) {
	id := regexp.MustCompile(`(?i)\bT1\d{3}(\.\d{3})?\b`)
	n := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !slices.Contains([]string{".go", ".md", ".yml", ".yaml", ".html", ".json", ".txtar"}, filepath.Ext(path)) ||
			strings.HasPrefix(path, "../../internal/attack/") || filepath.Base(path) == "CHANGELOG.md" || strings.HasSuffix(path, "_test.go") { // tests have revoked ones
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range id.FindAllString(string(text), -1) {
			n++
			current(t, path, strings.ToUpper(m))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 100 {
		t.Errorf("only %d ids were looked at", n)
	}
}
