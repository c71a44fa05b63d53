package sqlitedb_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestNeedsCGO checks that a build without cgo fails and names the reason: the program would
// otherwise fail at the first file that it opens.
func TestNeedsCGO(t *testing.T) {
	cmd := exec.Command("go", "build", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "outflow_needs_cgo") {
		t.Errorf("%v\n%s", err, out)
	}
}
