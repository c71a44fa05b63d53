package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// terminatedUserActivity is what any account of a leaver does after the last working day is over,
// unless the person goes on as before (F01).
var terminatedUserActivity = &detect.Detector{
	Name: "terminated_user_activity", Title: "Activity after the last working day", Techniques: []string{"T1078.004"}, Compromise: true,
	Needs:  []detect.Need{leaversFile},
	Traits: finding.AboutLeavers, AfterLeaving: true,
	Indicators: []detect.Indicator{{
		Name: "after_last_day", Weight: 1.8, Least: detect.LeastShown, Impact: 3, Once: true, On: everything,
		Match: func(a *detect.Enriched) bool { return a.AfterLast > 0 },
		Describe: func(a *detect.Enriched) string {
			s := "was active in " + a.Source.Title() + " (" + detect.Quote(a.Action) + ") " +
				detect.Duration(a.AfterLast) + " after the end of the last working day"
			if app := a.Attr(event.AttrAppName); app != "" {
				s += ", by the application " + detect.Quote(app)
			}
			if a.Unlike != "" {
				s += ", " + a.Unlike
			}
			return s
		},
		Headline: func(a *detect.Enriched) string {
			return "was active in " + a.Source.Title() + " " + detect.Duration(a.AfterLast) + " after the last working day"
		},
	}},
}

// everything is all classes of what a user may do.
var everything = func() (all []event.Class) {
	for c := event.Other; c.String() != "unknown"; c++ {
		switch c {
		case event.Person, event.Notice, event.Derived, event.VendorAlert:
		default:
			all = append(all, c)
		}
	}
	return all
}()
