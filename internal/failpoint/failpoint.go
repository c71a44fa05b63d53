// Package failpoint kills the process at named lines, for tests of crashes.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Reach kills the process, as kill -9 does, at a named line that lies between
// two durable effects: the first time it is reached, or the nth, if the environment
// says OUTFLOW_FAILPOINT=name or name:n. It is how tests prove that nothing is lost
// there; without the variable it does nothing.
func Reach(name string) {
	if armedAt == "" || armedAt != name {
		return
	}
	if armedIn.Add(-1) <= 0 {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
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
