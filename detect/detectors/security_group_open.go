package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// securityGroupOpen is a network rule that lets the whole internet, in IPv4 or
// IPv6, reach a port that should not be (C03): the range of ports is evaluated,
// and so is a protocol that stands for all of them.
var securityGroupOpen = &detect.Detector{
	Name: "security_group_open", Title: "Network opened to the internet", Techniques: []string{"T1686.001"},
	Needs: []detect.Need{awsManage},
	Indicators: []detect.Indicator{{
		Name: "ingress_open", Weight: .9, Least: detect.LeastShown, Impact: 2, Persists: "ingress_lasting",
		On:    []event.Class{event.NetworkOpen},
		Match: func(a *detect.Enriched) bool { return a.Outcome == event.Success && exposedRule(a.Event) != "" },
		Describe: func(a *detect.Enriched) string {
			return "opened " + detect.Quote(a.Object.Name) + " to " + exposedRule(a.Event)
		},
		Headline: func(a *detect.Enriched) string {
			return "opened " + detect.Named(a.Object.Name) + " to " + firstRule(a.Event, func(source string) string {
				if detect.IsInternet(source) {
					return "the internet"
				}
				return ""
			})
		},
	}, {
		Name: "ingress_lasting", Weight: 1.7, Least: detect.LeastShown, Impact: 2,
	}, {
		Name: "ingress_prefix_list", Weight: .6, Impact: 1, Persists: "ingress_prefix_list_lasting", On: []event.Class{event.NetworkOpen},
		Match: func(a *detect.Enriched) bool {
			return a.Outcome == event.Success && exposedRule(a.Event) == "" && prefixListRule(a.Event) != ""
		},
		Describe: func(a *detect.Enriched) string {
			return "opened " + detect.Quote(a.Object.Name) + " to " + prefixListRule(a.Event)
		},
	}, {
		Name: "ingress_prefix_list_lasting", Weight: .8, Impact: 1,
	}},
}

// exposedRule describes the first ingress rule of an event that opens a
// sensitive port to everybody; "" if there is none.
func exposedRule(e *event.Event) string {
	return firstRule(e, func(source string) string {
		if !detect.IsInternet(source) {
			return ""
		}
		return "the internet (" + source + ")"
	})
}

// prefixListRule describes the first ingress rule that opens a sensitive port to a
// prefix list: which addresses that holds is not in the log.
func prefixListRule(e *event.Event) string {
	return firstRule(e, func(source string) string {
		if !strings.HasPrefix(source, "pl-") {
			return ""
		}
		return "the prefix list " + detect.Quote(source) + ", whose addresses are not in the log,"
	})
}

func firstRule(e *event.Event, who func(source string) string) string {
	for i := range e.Attrs {
		if e.Attrs[i].Name == event.AttrRule {
			if s := detect.Reach(e.Attrs[i].Value, who); s != "" {
				return s
			}
		}
	}
	return ""
}
