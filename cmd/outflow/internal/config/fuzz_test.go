package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// FuzzConfig asserts that whatever is in a configuration is used or refused by name: never
// a panic.
func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile("../../../../config.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range bytes.Split(example, []byte("\n\n")) {
		f.Add(part)
		f.Add(bytes.ReplaceAll(part, []byte("\n# "), []byte("\n"))) // what is commented out, too
	}
	for _, s := range []string{
		"sources:\n  - {name: a, kind: files, paths: [x]}\n",
		"sources:\n  -\n",
		"channels:\n  - {name: out, kind: file, path: notifications.ndjson, min_severity: high, people: pseudonyms, purpose: soc}\n",
		"log: {kind: kafka, brokers: [\"127.0.0.1:1\"], partitions: -1, tasks: 99}\n",
		"indicators_off:\n  - {countries: [DE], reason: x}\n",
		"exceptions:\n  - {}\n",
		"digest: {schedule: \"* * * * *\", time_zone: x}\n",
		"a: &a [*a]\n",
		"budget: .nan\n",
		"retention: {alerts: -1}\n",
		"memory: 1k\n",
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "outflow.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("rules")) { // a folder to read: it may be any
			return
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.LoadFor(path, config.Roles...)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if c.Budget < 0 || c.Budget > config.MaxBudget || c.Budget != c.Budget {
			t.Errorf("budget %g", c.Budget)
		}
		if c.Log.Partitions < 1 || c.Log.Tasks < 1 || c.Log.Retention < 0 {
			t.Errorf("log %+v", c.Log)
		}
	})
}
