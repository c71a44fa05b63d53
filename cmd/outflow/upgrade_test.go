package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpgrade goes on with the data directories of earlier releases, as backups that these made: of the Google Workspace
// and GitHub of the example, until 31 March. Decisions and tokens are there, every alert can be explained, the audit log
// verifies; the daemon reads the rest of the exports, and tells no alert again, but for what was
// decided about it.
// testdata/datadirs/README.md says how one is made.
func TestUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("reads the example")
	}
	backups, err := filepath.Glob("testdata/datadirs/*.tar.gz")
	if err != nil || len(backups) == 0 {
		t.Fatal("no data directories", err)
	}
	for _, saved := range backups {
		t.Run(strings.TrimSuffix(filepath.Base(saved), ".tar.gz"), func(t *testing.T) { upgrade(t, saved) })
	}
}

// toldAlert is an alert as a channel of kind file writes it.
type toldAlert struct {
	ID     string
	Triage any
}

// upgrade goes on with one data directory.
func upgrade(t *testing.T, saved string) {
	t.Parallel()
	dir := t.TempDir()
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "outflow.yaml")
	call := func(args ...string) string {
		t.Helper()
		code, out, errs := outflow(args...)
		if code != exitFine {
			t.Fatalf("outflow %s: status %d\n%s%s", strings.Join(args, " "), code, out, errs)
		}
		return out
	}
	for _, source := range []string{"google_workspace", "github", "hr"} {
		if err := os.CopyFS(filepath.Join(dir, "exports", source), os.DirFS("../../examples/acme/"+source)); err != nil {
			t.Fatal(err)
		}
	}
	text := "data_dir: ./data\ndomains: [acme.example]\nsources:\n  - {name: exports, kind: files, paths: [./exports]}\n" +
		"channels:\n  - {name: out, kind: file, path: told.ndjson}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	call("restore", "--data", data, saved)
	const before = "83ee18cf4480be67" // the alert that was told, and closed as true
	if out := call("triage", "list", "--data", data); !strings.Contains(out, before[:8]) {
		t.Errorf("the decision is lost: %s", out)
	}
	if out := call("token", "list", "--config", config); !strings.Contains(out, "kim") {
		t.Errorf("the token is lost: %s", out)
	}
	call("audit", "verify", "--config", config)
	call("explain", "--data", data, before)
	call("run", "--once", "--config", config)

	told := toldIn(t, filepath.Join(dir, "told.ndjson"))
	if len(told) < 2 {
		t.Errorf("%d alerts were told: the rest of the exports has one, and the decision is told", len(told))
	}
	for _, a := range told {
		if a.ID == before && a.Triage == nil {
			t.Errorf("told again: %+v", a)
		}
		call("explain", "--data", data, a.ID)
	}
	call("explain", "--data", data, before)
	if out := call("triage", "list", "--data", data); !strings.Contains(out, before[:8]) {
		t.Errorf("the decision is lost after the run: %s", out)
	}
	call("status", "--config", config)
}

// toldIn returns the alerts in the file of a channel.
func toldIn(t *testing.T, path string) (list []toldAlert) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var a toldAlert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}
