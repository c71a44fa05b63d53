package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outflow/outflow/bench/internal/score"
)

// group are features that say the same kind of thing.
type group struct {
	name     string
	features []string // without those with a colon, which are of single detectors
}

// grouped are the groups of features. Those that are in none are in the last one.
var grouped = []group{
	{"how unusual the counts are", []string{"base", "base_linear"}},
	{"habit: what the person did before", []string{"habit_days", "habit_level", "told_lately", "usual_score"}},
	{"cohort: what others did lately", []string{
		"cohort_organisation", "cohort_department", "cohort_place", "cohort_recipient", "function_history", "common_application",
	}},
	{"happenings", []string{
		"new_client", "new_client_new_network", "returned", "case_opened", "channel_joined", "app_authorised", "moved", "joined",
		"push_refused",
	}},
	{"hours and networks", []string{"off_hours", "new_network", "shared_network", "by_application"}},
	{"parties", []string{
		"party_vendor", "party_introduced", "party_contact", "party_stranger", "party_mailbox", "party_self", "receivers",
	}},
	{"kinds: single detectors, indicators and metrics", nil},
	{"everything else", nil},
}

const kinds, others = 6, 7 // indices of groups

// groupOf is the index of a feature's group.
func groupOf(feature string) int {
	if strings.Contains(feature, ":") {
		return kinds
	}
	for i := range grouped {
		if slices.Contains(grouped[i].features, feature) {
			return i
		}
	}
	return others
}

// groups prints what recall is without groups of features. Nothing is scanned or learned anew: receipts
// have the features.
func groups(w io.Writer, sets []*set) {
	var some bool
	for _, s := range sets {
		some = some || s.explained()
	}
	if !some {
		return
	}
	with := "the weights of the program"
	if sets[0].weights != nil {
		with = "weights that the other half of the benign families taught"
	}
	fmt.Fprintf(w, "### What groups of features bring\n\nRecall with %s, computed again from receipts without the\n"+
		"features of a group. The days that alerts are about, and the other weights, stay as they are: weights\n"+
		"that are learned without the group lose less.\n\n", with)
	columns(w, "without", sets)
	line := func(name string, keep func(string) bool) {
		fmt.Fprintf(w, "| %s |", name)
		for _, s := range sets {
			c := s.without(keep)
			fmt.Fprintf(w, " %d | %.3f | %.3f | %.3f |", c.n, share(c.found[0], c.n), share(c.found[1], c.n), share(c.found[2], c.n))
		}
		fmt.Fprintln(w)
	}
	line("nothing", func(string) bool { return true })
	for i := range grouped {
		line(grouped[i].name, func(f string) bool { return groupOf(f) != i })
	}
	line("all but how unusual the counts are", func(f string) bool { return groupOf(f) == 0 })
	fmt.Fprintln(w)
}

// explained reports whether alerts of the set have features.
func (s *set) explained() bool {
	return slices.ContainsFunc(s.worlds, func(x *world) bool {
		return slices.ContainsFunc(x.Units, func(u *score.Unit) bool { return u.Best.Receipt != nil && len(u.Best.Receipt.Terms) > 0 })
	})
}

// without counts the incidents that are found with the features that keep accepts.
func (s *set) without(keep func(feature string) bool) (c tally) {
	for _, x := range s.worlds {
		y := x.Rescored(func(a *score.Alert) float64 {
			r := a.Receipt
			if r == nil {
				return a.Score
			}
			if s.weights != nil {
				r = r.Reweighed(s.weights)
			}
			return r.Score(keep)
		})
		c.n += len(y.Incidents)
		for k, b := range score.Budgets {
			c.found[k] += len(y.Found(b))
		}
	}
	return c
}
