package ingest

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// SignInFailed sets the class and the outcome of a sign-in that failed for a reason, in the vendor's
// words. It is a guess (event.Failure) if the reason has one of the words for a wrong name, password
// or code, or if the log has none: exports often leave it out. Other reasons are denials; a locked
// account has a class of its own. The outcome is unknown if the reason says that it is. Words are
// in small letters without blanks and signs, as is the reason for comparison.
func SignInFailed(e *event.Event, reason string, wrong ...string) {
	e.Class, e.Outcome = event.LoginFailure, event.Denied
	reason = strings.Map(func(c rune) rune {
		switch {
		case c >= 'A' && c <= 'Z':
			return c | 0x20
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		}
		return -1
	}, reason)
	if reason == "" {
		e.Outcome = event.Failure
		return
	}
	if strings.HasSuffix(reason, "unknown") {
		e.Outcome = event.UnknownOutcome
		return
	}
	for _, w := range wrong {
		if strings.Contains(reason, w) {
			e.Outcome = event.Failure
			return
		}
	}
	if strings.Contains(reason, "lockout") || strings.Contains(reason, "lockedout") || strings.Contains(reason, "userlocked") {
		e.Class = event.AccountLocked
	}
}
