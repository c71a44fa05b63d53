package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/bench/internal/score"
)

// recall prints recall by budget, of every set.
func recall(w io.Writer, sets []*set) {
	fmt.Fprint(w, "| benign families | organisations | incidents | user-days | 1 | 2 | 5 | 2, 95 % interval | 2, `-strict` "+
		"| 2, one threshold for all |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range sets {
		r, b := s.res, score.BudgetName(two)
		fmt.Fprintf(w, "| %s | %d | %d | %s | %.3f | **%.3f** | %.3f | %.2f – %.2f | %.3f | %.3f |\n", s.name, r.Worlds, r.Incidents,
			thousands(r.UserDays), r.Recall["1/1000"], r.Recall[b], r.Recall["5/1000"], r.RecallLow[b], r.RecallHigh[b],
			s.strict.Recall[b], r.RecallShared[b])
	}
	fmt.Fprintln(w)
}

// tested are the units of alerts about people in the test period.
func (x *world) tested() []*score.Unit { return x.people(x.Meta.TestStart, x.Meta.End) }

// people are the units of alerts about people, from a time to before another.
func (x *world) people(from, to time.Time) []*score.Unit {
	return slices.DeleteFunc(x.Between(from, to), func(u *score.Unit) bool { return u.Best.Health })
}

// budgets prints how many false alerts there are with a configured budget.
func budgets(w io.Writer, sets []*set) {
	fmt.Fprint(w, "### How budgets are kept\n\nFalse alerts per 1,000 user-days with `--budget 1`, 2 or 5, by organisation.\n\n"+
		"| benign families | budget | lowest | mean | highest | organisations above twice the budget |\n|---|---|---|---|---|---|\n")
	for _, s := range sets {
		for _, b := range score.Budgets {
			low, mean, high, above := s.kept(b)
			fmt.Fprintf(w, "| %s | %g | %.2f | %.2f | %.2f | %d of %d |\n", s.name, b, low, mean, high, above, len(s.worlds))
		}
	}
	fmt.Fprintln(w)
}

// kept are the rates of false alerts that a configured budget results in: the lowest of an organisation,
// that of all together, the highest; and in how many it is above twice the budget.
func (s *set) kept(budget float64) (low, mean, high float64, above int) {
	all, days := 0.0, 0.0
	low = math.Inf(1)
	for _, x := range s.worlds {
		n := 0.0
		for _, u := range x.tested() {
			if u.Hit < 0 && u.Best.Rate <= budget {
				n++
			}
		}
		rate := n * 1000 / float64(x.Meta.UserDays)
		all, days, low, high = all+n, days+float64(x.Meta.UserDays), min(low, rate), max(high, rate)
		if rate > 2*budget {
			above++
		}
	}
	return low, all * 1000 / days, high, above
}

// curve prints how frequent alerts are at a score or above.
func curve(w io.Writer, sets []*set) {
	scores := []float64{2.4, 3.5, 5.2, 6.5, 7.6, 9.3, 12, 14.6}
	fmt.Fprintf(w, "| alerts per 1,000 user-days at a score or above |")
	for _, s := range scores {
		fmt.Fprintf(w, " %g |", s)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(scores)))
	for _, s := range sets {
		for _, all := range []bool{false, true} {
			fmt.Fprintf(w, "| %s, %s |", s.name, map[bool]string{false: "false ones", true: "with hits"}[all])
			for _, x := range scores {
				fmt.Fprintf(w, " %.2f |", s.frequency(x, all))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

// frequency is how many units per 1,000 user-days have at least a score: false ones, or all.
func (s *set) frequency(least float64, all bool) float64 {
	n := 0.0
	for _, x := range s.worlds {
		for _, u := range x.tested() {
			if u.Best.Score >= least && (all || u.Hit < 0) {
				n++
			}
		}
	}
	return n * 1000 / float64(s.res.UserDays)
}

// weekly prints what reading the 20 best alerts of each week finds, and how soon incidents are found.
func weekly(w io.Writer, sets []*set) {
	fmt.Fprint(w, "| benign families | precision@20 per week | incidents in a weekly top 20 | hours to detect at 2: median "+
		"| 90th percentile | recall with `--all` | at false alerts per 1,000 user-days |\n|---|---|---|---|---|---|---|\n")
	for _, s := range sets {
		r := s.res
		fmt.Fprintf(w, "| %s | %.2f | %.3f | %.1f | %.1f | %.3f | %.0f |\n", s.name, r.PrecisionAt20, r.FoundAt20, r.HoursMedian,
			r.HoursP90, r.EmittedRecall, r.EmittedFalse)
	}
	fmt.Fprintln(w)
}

// tables prints recall by what incidents have in common.
func tables(w io.Writer, sets []*set) {
	for _, t := range []struct {
		title string
		label func(*score.Incident) string
	}{
		{"intensity", func(i *score.Incident) string {
			return []string{"stealthy", "middling", "blatant"}[min(2, int(i.Intensity*3))]
		}},
		{"steps of `composed`", steps},
		{"family", func(i *score.Incident) string { return i.Family }},
		{"scenario", func(i *score.Incident) string { return i.Scenario }},
	} {
		var names []string
		counts := make([]map[string]*tally, len(sets))
		for k, s := range sets {
			counts[k] = s.by(t.label)
			names = slices.AppendSeq(names, maps.Keys(counts[k]))
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) == 0 {
			continue
		}
		columns(w, t.title, sets)
		for _, name := range names {
			fmt.Fprintf(w, "| %s |", name)
			for k := range sets {
				c := cmp.Or(counts[k][name], &tally{})
				fmt.Fprintf(w, " %d | %.2f | %.2f | %.2f |", c.n, share(c.found[0], c.n), share(c.found[1], c.n), share(c.found[2], c.n))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w)
	}
}

// columns prints the head of a table with recall at the budgets for every set.
func columns(w io.Writer, title string, sets []*set) {
	fmt.Fprintf(w, "| %s |", title)
	for _, s := range sets {
		name := s.name + ": "
		if len(sets) == 1 {
			name = ""
		}
		fmt.Fprintf(w, " %sincidents | 1 | 2 | 5 |", name)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", 4*len(sets)))
}

// steps is how many deeds an incident is composed of; "" if its scenario has a course of its own.
func steps(i *score.Incident) string {
	if i.Scenario != "composed" {
		return ""
	}
	return fmt.Sprint(strings.Count(i.Note, ", then ") + 1)
}

// tally counts incidents, and those that are found at each budget.
type tally struct {
	n     int
	found [3]int
}

// by counts the incidents of a set by label, except those without any.
func (s *set) by(label func(*score.Incident) string) map[string]*tally {
	all := map[string]*tally{}
	for _, x := range s.worlds {
		for k, b := range score.Budgets {
			found := x.Found(b)
			for i := range x.Incidents {
				name := label(&x.Incidents[i])
				if name == "" {
					continue
				}
				c := all[name]
				if c == nil {
					c = &tally{}
					all[name] = c
				}
				if k == 0 {
					c.n++
				}
				if _, ok := found[i]; ok {
					c.found[k]++
				}
			}
		}
	}
	return all
}

// spans are the ages of baselines in days, from and to.
var spans = [][2]int{{1, 7}, {8, 14}, {15, 30}}

// ages measures organisations with incidents from the second day of the logs on, by the age of the
// baseline.
func (q *quality) ages(w io.Writer, seeds []string, sets []*set) error {
	flags := []string{"-days", "31", "-learn", "1"}
	if !q.halves {
		flags = append(flags, "-per", "4")
	}
	young := make([][]*world, len(sets))
	for k, s := range sets {
		var err error
		if young[k], err = q.generate(seeds, q.size(append(s.flags(q), flags...)...), "-young"); err != nil {
			return err
		}
	}
	fmt.Fprint(w, "### By the age of the baseline\n\nOrganisations without history: 31 days of logs, incidents from the second "+
		"day on.\n\n")
	columns(w, "days", sets)
	for _, span := range spans {
		fmt.Fprintf(w, "| %d – %d |", span[0], span[1])
		for _, worlds := range young {
			var c tally
			for _, x := range worlds {
				x.aged(span, &c)
			}
			fmt.Fprintf(w, " %d | %.2f | %.2f | %.2f |", c.n, share(c.found[0], c.n), share(c.found[1], c.n), share(c.found[2], c.n))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	return nil
}

// aged counts the incidents that begin within a span of days of the logs.
func (x *world) aged(span [2]int, c *tally) {
	start := x.Meta.TestStart.Add(-24 * time.Hour)
	from, to := start.AddDate(0, 0, span[0]-1), start.AddDate(0, 0, span[1])
	userDays := float64(x.Meta.UserDays) * float64(span[1]-span[0]+1) / 30
	units := x.people(from, to.Add(24*time.Hour))
	for k, b := range score.Budgets {
		need := score.Threshold(x.people(from, to), int(b*userDays/1000))
		for i := range x.Incidents {
			if in := &x.Incidents[i]; in.Start.Before(from) || !in.Start.Before(to) {
				continue
			}
			if k == 0 {
				c.n++
			}
			if slices.ContainsFunc(units, func(u *score.Unit) bool { return u.Hit == i && u.Best.Score >= need }) {
				c.found[k]++
			}
		}
	}
}
