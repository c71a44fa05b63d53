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
	{"closed places: few people of another department", []string{"closed_place", "closed_place_acts"}},
	{"parties", []string{
		"party_vendor", "party_introduced", "party_contact", "party_stranger", "party_mailbox", "party_self", "receivers",
	}},
	{"kinds: single detectors, indicators and metrics", nil},
	{"everything else", nil},
}

const kinds, others = 7, 8 // indices of groups

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
		with = "the weights of `-unseen`"
	}
	fmt.Fprintf(w, "### What groups of features bring\n\nRecall with %s, computed again from receipts without the\n"+
		"features of a group. The days that alerts are about, and the other weights, stay as they are: weights that\n"+
		"are learned without the group lose less. p is that of McNemar's exact test against all features.\n\n", with)
	title := "without"
	for _, s := range sets {
		title += fmt.Sprintf(" | %s: 1 | 2 | 5 | p at 2", s.name)
	}
	fmt.Fprintf(w, "| %s |\n|---|%s\n", title, strings.Repeat("---|", 4*len(sets)))
	line := func(name string, keep func(string) bool) {
		fmt.Fprintf(w, "| %s |", name)
		for _, s := range sets {
			x := s.without(keep)
			for _, found := range x.found {
				fmt.Fprintf(w, " %.3f |", share(found, x.n))
			}
			fmt.Fprintf(w, " %s |", x.paired.significance())
		}
		fmt.Fprintln(w)
	}
	line("nothing", all)
	for i := range grouped {
		line(grouped[i].name, func(f string) bool { return groupOf(f) != i })
	}
	line("all but how unusual the counts are", func(f string) bool { return groupOf(f) == 0 })
	fmt.Fprintln(w)
}

// all accepts every feature.
func all(string) bool { return true }

// explained reports whether alerts of the set have features.
func (s *set) explained() bool {
	return slices.ContainsFunc(s.worlds, func(x *world) bool {
		return slices.ContainsFunc(x.Units, func(u *score.Unit) bool { return u.Best.Receipt != nil && len(u.Best.Receipt.Terms) > 0 })
	})
}

// rest is what is found without some features.
type rest struct {
	tally
	paired pairs // compared with all features
}

// without counts the incidents that are found with the features that keep accepts.
func (s *set) without(keep func(feature string) bool) (c rest) {
	for _, x := range s.worlds {
		whole, part := s.rescored(x, all), s.rescored(x, keep)
		c.n += len(part.Incidents)
		for k, b := range score.Budgets {
			c.found[k] += len(part.Found(b))
		}
		c.paired.add(part, whole)
	}
	return c
}

// rescored is an organisation with the scores that the features which keep accepts amount to.
func (s *set) rescored(x *world, keep func(feature string) bool) *score.World {
	return x.Rescored(func(a *score.Alert) float64 {
		r := a.Receipt
		if r == nil {
			return a.Score
		}
		if s.weights != nil {
			r = r.Reweighed(s.weights)
		}
		return r.Score(keep)
	})
}
