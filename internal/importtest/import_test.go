// Package importtest checks which packages may import which: data flows in one direction, and
// rooms do not use each other's internals.
package importtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/outflow/outflow/"

// allowed are the packages of this module that the packages of a room may import, by prefix, or
// with a $ at the end by name. The longest prefix of the importer decides.
var allowed = []struct {
	room string
	may  []string
}{
	{"internal/cborstate", nil},
	{"internal/event", nil},
	{"internal/finding", nil},
	{"internal/mail", nil},
	{"internal/attack", nil},
	{"internal/standards", nil},
	{"internal/chart", nil},
	{"internal/country", nil},
	{"internal/pki", nil},
	{"internal/gbdt", nil},
	{"internal/geoip", nil},
	{"internal/guard", nil},
	{"internal/disk", nil},
	{"internal/plain", nil},
	{"internal/jsonscan", nil},
	{"internal/sigma", []string{"internal/event", "internal/jsonscan", "internal/plain"}},
	{"internal/spill", []string{"internal/disk"}},
	{"internal/sqlitedb", nil},
	{"internal/secret", []string{"internal/disk"}},
	{"internal/webapi", []string{"internal/secret"}},
	{"internal/eventlog", []string{"internal/sqlitedb", "internal/eventlog"}},
	{"ingest", []string{"ingest", "internal/"}},
	{"detect", []string{"internal/"}},
	{"detect/detectors", []string{"detect$", "internal/"}},
	{"detect/lexicon", nil},
	{"detect/engine", []string{"detect$", "detect/lexicon$", "internal/"}},
	{"alert", []string{"alert", "internal/", "docs/detectors$"}},
	{"docs/detectors", nil},
	{"docs/schema", nil},
	{"internal/buildinfo", nil},
	{"internal/waittest", nil},
	{"internal/docstest", nil},
	{"internal/failpoint", nil},
	{"internal/outfile", []string{"internal/plain"}},
	{"cmd/outflow/internal/", []string{"ingest", "detect", "alert", "internal/", "cmd/outflow/internal/", "docs/detectors$", "docs/schema$"}},
	{"cmd/", []string{"ingest", "detect", "alert", "internal/", "cmd/outflow/internal/", "docs/schema$", "examples$"}},
	{"bench/", []string{"bench/internal/", "internal/gbdt$"}}, // measures the program from outside
	{"bench/train", []string{"bench/internal/", "detect", "internal/gbdt$"}},
	{"bench/feed", []string{"alert", "alert/alerttest"}},
	{"bench/growth", []string{"detect", "internal/event$", "internal/finding$"}},
	{"examples", nil},
	{"examples/", nil},
}

func TestImports(t *testing.T) {
	// Go's test cache does not track files that another process reads, so read them here.
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module)
		may, known := rule(from)
		if !known {
			t.Errorf("%s is in no room", from)
			continue
		}
		packages++
		for _, imp := range fields[1:] {
			to, ours := strings.CutPrefix(imp, module)
			if !ours {
				if imp == "testing" && !isTest(from) {
					t.Errorf("%s imports testing: test helpers do not belong into the program", from)
				}
				continue
			}
			if isTest(to) && !isTest(from) && !strings.HasPrefix(from, "bench/") { // bench is no part of the program
				t.Errorf("%s imports the test package %s", from, to)
			}
			ok := false
			for _, prefix := range may {
				ok = ok || strings.HasPrefix(to, prefix) || to+"$" == prefix
			}
			if !ok {
				t.Errorf("%s may not import %s", from, to)
			}
		}
	}
	if packages < 20 {
		t.Errorf("only %d packages were looked at", packages)
	}
}

func rule(from string) (may []string, known bool) {
	best := -1
	for _, r := range allowed {
		if strings.HasPrefix(from, r.room) && len(r.room) > best {
			best, may, known = len(r.room), r.may, true
		}
	}
	return may, known || strings.HasSuffix(from, "importtest")
}

func isTest(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return strings.HasSuffix(name, "test")
}
