package detect

import (
	"fmt"

	"github.com/outflow/outflow/internal/event"
)

// bruteForce is a sign-in that succeeds from an address that failed again and
// again within the day before (E01).
var bruteForce = &Detector{
	Name: "brute_force", Title: "Brute force, then success", Techniques: []string{"T1110", "T1078.004"},
	Identity: true,
	Facts: []Fact{{
		Name: "brute_force", Weight: .5, Stake: 2, On: []event.Class{event.LoginSuccess}, Holds: func(a *Act) bool { return a.Failures >= 6 },
		Say: func(a *Act) string {
			return fmt.Sprintf("signed in to %s after %d failed attempts from %s", a.Source.Title(), a.Failures, quoted(a.Client.IP))
		},
	}, {
		Name: "brute_force_strange", Weight: .8, Stake: 3, On: []event.Class{event.LoginSuccess}, Holds: func(a *Act) bool { return a.Failures >= 6 && a.Strange },
	}},
}
