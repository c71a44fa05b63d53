// Package waittest waits in tests for what another goroutine or process brings about.
package waittest

import (
	"testing"
	"time"
)

// Until returns once holds is true, which it asks every 100 ms. After three minutes the test fails,
// and says what did not happen.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s: not within three minutes", what)
}
