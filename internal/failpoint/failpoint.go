// Package failpoint kills the process at named points, for tests of crashes.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Reach kills the process, as kill -9 does, if the environment variable OUTFLOW_FAILPOINT is
// name (the first time) or name:n (the nth time). Calls are between two durable effects, so
// that tests can prove that nothing is lost there. Without the variable Reach does nothing.
func Reach(name string) {
	if armedAt == "" || armedAt != name {
		return
	}
	if armedIn.Add(-1) <= 0 {
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			self.Kill()
		}
		select {}
	}
}

var (
	armedAt string
	armedIn atomic.Int64
)

func init() {
	name, n, counted := strings.Cut(os.Getenv("OUTFLOW_FAILPOINT"), ":")
	armedAt = name
	armedIn.Store(1)
	if times, err := strconv.ParseInt(n, 10, 64); counted && err == nil {
		armedIn.Store(times)
	}
}
