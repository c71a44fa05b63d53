package files_test

import (
	"strings"
	"testing"
)

// TestUnknownFirst reads the known records behind many of an unknown kind, and counts each of these
// with its line.
func TestUnknownFirst(t *testing.T) {
	unknown := make([]string, 120)
	for i := range unknown {
		unknown[i] = `{"planet":"mars","moons":2}`
	}
	records := append(unknown, recordA, recordB)
	for name, content := range map[string]string{
		"lines": strings.Join(records, "\n"),
		"list":  "[" + strings.Join(records, ",\n") + "]",
		"page":  `{"Records":[` + strings.Join(records, ",\n") + "]}",
	} {
		events, rep := read(t, []byte(content))
		if ids(events) != "ab" || rep.ProblemCount != len(unknown) || rep.Unknown != len(unknown) {
			t.Errorf("%s: %s, %d problems, %d unknown", name, ids(events), rep.ProblemCount, rep.Unknown)
		}
		if p := rep.Problems[1]; p.Line != 2 || !strings.Contains(p.Reason, "moons, planet") {
			t.Errorf("%s: line %d: %s", name, p.Line, p.Reason)
		}
	}
}
