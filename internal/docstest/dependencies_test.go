package docstest

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// direct returns the modules that go.mod requires directly.
func direct(t *testing.T) (list []string) {
	t.Helper()
	b, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([^\s(]+\.[^\s]+) v[^\s]+(.*)$`).FindAllStringSubmatch(string(b), -1) {
		if !strings.Contains(m[2], "// indirect") {
			list = append(list, m[1])
		}
	}
	if len(list) < 30 {
		t.Fatalf("go.mod was not understood: %v", list)
	}
	return list
}

// TestDependencies checks that docs/dependencies.md has a row for every direct dependency, and for nothing else.
func TestDependencies(t *testing.T) {
	b, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(b)) {
		if cells := strings.Split(line, "|"); len(cells) > 4 && strings.Contains(cells[1], "/") {
			rows = append(rows, cells[1])
		}
	}
	const aws = "github.com/aws/aws-sdk-go-v2/" // one row names the last part of each
	modules := direct(t)
	word := regexp.MustCompile(`[\w./-]+[\w]`)
	for _, m := range modules {
		if !slices.ContainsFunc(rows, func(r string) bool {
			words := word.FindAllString(r, -1)
			return slices.Contains(words, m) || strings.HasPrefix(m, aws) && strings.Contains(r, aws[:len(aws)-1]) && slices.Contains(words, m[strings.LastIndex(m, "/")+1:])
		}) {
			t.Errorf("%s has no row", m)
		}
	}
	for _, r := range rows {
		for _, w := range word.FindAllString(r, -1) {
			if strings.Contains(w, "/") && !slices.Contains(modules, w) {
				t.Errorf("%s is not a direct dependency", w)
			}
		}
	}
}

// licences are those that are allowed. Detection by text takes ISC for 0BSD, and BSD-3-Clause for BSD-Source-Code.
var licences = []string{"MIT", "0BSD", "ISC", "BSD-2-Clause", "BSD-3-Clause", "BSD-Source-Code", "Apache-2.0", "MPL-2.0"}

// chosen are modules whose licence is not found by its text, with the one that holds.
var chosen = map[string]string{
	"github.com/golang/freetype": "FTL, which it offers beside the GPL: as BSD, with credit in the documentation",
}

// TestLicences lists the licences in a bill of materials (OUTFLOW_BILL, which .ci/supply makes), and fails on others than
// those that are allowed.
func TestLicences(t *testing.T) {
	name := os.Getenv("OUTFLOW_BILL")
	if name == "" {
		t.Skip("OUTFLOW_BILL is not set (.ci/supply sets it)")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	type list []struct{ License struct{ ID, Name string } }
	var bill struct {
		Components []struct {
			Name, Version string
			Licenses      list
			Evidence      struct{ Licenses list }
		}
	}
	if err := json.Unmarshal(b, &bill); err != nil || len(bill.Components) < 30 {
		t.Fatalf("%d components, %v", len(bill.Components), err)
	}
	for _, c := range bill.Components {
		found := append(c.Licenses, c.Evidence.Licenses...)
		if why, known := chosen[c.Name]; known {
			t.Logf("%-60s %s", c.Name, why)
			continue
		}
		if len(found) == 0 {
			t.Errorf("%s: no licence was found", c.Name)
		}
		for _, l := range found {
			t.Logf("%-60s %s", c.Name, l.License.ID)
			if !slices.Contains(licences, l.License.ID) {
				t.Errorf("%s: the licence %q is not among %v", c.Name, l.License.ID+l.License.Name, licences)
			}
		}
	}
}
