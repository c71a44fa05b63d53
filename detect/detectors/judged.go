package detectors

import "github.com/outflow/outflow/internal/event"

// judgedClasses are the classes of events that detectors count or look at, and those that the engine
// judges others by: failures before a sign-in, and what ends an exposure or a sequence.
var judgedClasses = func() (judged [256]bool) {
	look := func(classes []event.Class) {
		if len(classes) > manyClasses {
			return
		}
		for _, c := range classes {
			judged[c] = true
		}
	}
	for _, d := range All {
		for i := range d.Metrics {
			look(d.Metrics[i].On)
		}
		for i := range d.Indicators {
			look(d.Indicators[i].On)
		}
	}
	for _, c := range []event.Class{
		event.LoginFailure, event.AdminRevoke, event.Unshare, event.NetworkClose, event.TokenRevoke, event.MFAEnabled, event.Rename,
		event.Offboard, event.MembershipAdd, event.ReportRun, event.Person, event.Notice, event.Derived,
		event.SourceGap, event.SourceLate, event.NamesLeftOut,
	} {
		judged[c] = true
	}
	return judged
}()

// manyClasses is the number of classes above which a detector looks at whatever happens, for whose it is
// and not for what it is: rules of the organisation, and people who have left.
const manyClasses = 20

// Judged reports whether any detector judges events like this one. Changes of settings are judged only
// if they belong to a policy.
func Judged(e *event.Event) bool {
	if e.Class == event.ConfigChange {
		return e.Attr(event.AttrPolicy) != ""
	}
	return judgedClasses[e.Class]
}
