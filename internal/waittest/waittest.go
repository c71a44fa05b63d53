// Package waittest waits in tests for the effects of other goroutines and processes.
package waittest

import (
	"testing"
	"time"
)

// Until returns once holds is true, which it checks every 100 ms. After three minutes it fails
// the test; what names the condition.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s: not within three minutes", what)
}
