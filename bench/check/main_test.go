package main

import (
	"os"
	"path/filepath"
	"testing"
)

// failures checks an export of one Box file against an incident of scenario with one event, e1.
func failures(t *testing.T, scenario, file string) (failures, records, cut int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "box"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "box", "2026-02-01.ndjson"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newChecker([]incident{{ID: "INC-001", Scenario: scenario, Events: map[string][]string{"box": {"e1"}}}})
	if err := walk(dir, c.visit, func() { c.cut++ }); err != nil {
		t.Fatal(err)
	}
	return c.verify(false), c.records, c.cut
}

func TestVerify(t *testing.T) {
	const e1, e2 = `{"event_id":"e1","event_type":"DOWNLOAD"}` + "\n", `{"event_id":"e2","event_type":"DOWNLOAD"}` + "\n"
	const shared = `{"event_id":"e1","event_type":"SHARE"}` + "\n" + `{"event_id":"e3","event_type":"SHARE"}` + "\n"
	for name, c := range map[string]struct {
		scenario, file      string
		fail, records, torn int
	}{
		"as it should be":         {"bulk_download_box", e1 + e2, 0, 2, 0},
		"a truncated copy":        {"bulk_download_box", e1[:20] + "\n" + e1 + e2, 0, 2, 1},
		"labelled event missing":  {"bulk_download_box", e2, 2, 1, 0}, // and its operation
		"only in the incident":    {"bulk_download_box", e1, 1, 1, 0},
		"another operation":       {"bulk_download_box", shared, 1, 2, 0},
		"of one service":          {"composed", e1 + e2, 1, 2, 0},
		"scenario nobody defined": {"coffee", e1 + e2, 1, 2, 0},
	} {
		fail, records, torn := failures(t, c.scenario, c.file)
		if fail != c.fail || records != c.records || torn != c.torn {
			t.Errorf("%s: %d failures, %d records, %d truncated; want %d, %d, %d", name, fail, records, torn, c.fail, c.records, c.torn)
		}
	}
}
