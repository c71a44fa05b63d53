package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/bench/internal/score"
)

const (
	shown   = 30  // examples of a table
	clipped = 110 // characters of a reason or a note that are shown
)

// falseAlerts prints which decoys the false alerts at a budget of 2 fall on, the most frequent first.
func falseAlerts(w io.Writer, sets []*set) {
	fmt.Fprint(w, "### False alerts at 2 per 1,000 user-days\n\n| decoy | false alerts |\n|---|---|\n")
	on, elsewhere := map[string]int{}, 0
	for _, s := range sets {
		elsewhere += s.res.FalseElsewhere
		for name, n := range s.res.FalseOnDecoys {
			on[name] += n
		}
	}
	fmt.Fprintf(w, "| none | %d |\n", elsewhere)
	names := slices.Sorted(maps.Keys(on))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(on[b], on[a]) })
	for _, name := range names {
		fmt.Fprintf(w, "| %s | %d |\n", strings.ReplaceAll(name, "_", " "), on[name])
	}
	fmt.Fprintln(w)
}

// example is a false alert, or an incident that is missed.
type example struct {
	set      *set
	world    *world
	unit     *score.Unit     // nil if there is no alert about the incident
	incident *score.Incident // nil if the alert is false
}

// where is the seed, and the half of the benign families if there are two.
func (e *example) where() string {
	if e.set.name == "all" {
		return e.world.seed
	}
	return e.world.seed + " " + e.set.name
}

// examples prints the false alerts with the highest scores, and the most blatant of the incidents that
// are missed.
func examples(w io.Writer, sets []*set) {
	var wrong, missed []*example
	for _, s := range sets {
		for _, x := range s.worlds {
			wrong = append(wrong, wrongOf(s, x)...)
			missed = append(missed, missedOf(s, x)...)
		}
	}
	slices.SortStableFunc(wrong, func(a, b *example) int { return cmp.Compare(b.unit.Best.Score, a.unit.Best.Score) })
	fmt.Fprintf(w, "The %d with the highest scores, with the weightiest features for and against (log-odds;\n"+
		"base is how unusual the counts are):\n\n"+
		"| organisation | score | decoy | alert | for | against |\n|---|---|---|---|---|---|\n", min(shown, len(wrong)))
	for _, e := range wrong[:min(shown, len(wrong))] {
		decoy := "none"
		if d := e.world.Decoy(e.unit); d != nil {
			decoy = clip(d.Type + ": " + d.Note)
		}
		fmt.Fprintf(w, "| %s | %.1f | %s | %s |\n", e.where(), e.unit.Best.Score, decoy, said(e.unit.Best))
	}
	fmt.Fprintln(w)
	missed = once(missed)
	halves := ""
	if len(sets) > 1 {
		halves = " with one half of the benign families or both"
	}
	fmt.Fprintf(w, "### Incidents missed at 2 per 1,000 user-days\n\n%d are missed%s. The %d most blatant, each with its\n"+
		"intensity (0 stealthy … 1 blatant), the best score an alert about it had, and the score that was needed: an\n"+
		"organisation has more unusual but innocent days above it than the budget allows.\n\n"+
		"| organisation | scenario | intensity | score | needed | alert | for | against |\n|---|---|---|---|---|---|---|---|\n",
		len(missed), halves, min(shown, len(missed)))
	for _, e := range missed[:min(shown, len(missed))] {
		e.print(w)
	}
	fmt.Fprintln(w)
}

// print prints an incident that is missed.
func (e *example) print(w io.Writer) {
	best := &score.Alert{Title: "nothing"}
	if e.unit != nil {
		best = e.unit.Best
	}
	scenario := e.incident.Scenario
	if e.incident.Note != "" {
		scenario = clip(scenario + ": " + e.incident.Note)
	}
	fmt.Fprintf(w, "| %s | %s | %.2f | %.1f | %.1f | %s |\n",
		e.where(), scenario, e.incident.Intensity, best.Score, e.world.At(two), said(best))
}

// wrongOf are the false alerts about people at a budget of 2.
func wrongOf(s *set, x *world) (list []*example) {
	at := x.At(two)
	for _, u := range x.Units {
		if u.Hit < 0 && u.Best.Score >= at && !u.Best.Health {
			list = append(list, &example{set: s, world: x, unit: u})
		}
	}
	return list
}

// missedOf are the incidents that a budget of 2 does not find, each with the best alert about it.
func missedOf(s *set, x *world) (list []*example) {
	found := x.Found(two)
	for i := range x.Incidents {
		if _, ok := found[i]; ok {
			continue
		}
		e := &example{set: s, world: x, incident: &x.Incidents[i]}
		if k := slices.IndexFunc(x.Units, func(u *score.Unit) bool { return u.Hit == i }); k >= 0 {
			e.unit = x.Units[k]
		}
		list = append(list, e)
	}
	return list
}

// once are incidents by falling intensity. One that both halves of the benign families hide is in the
// list once.
func once(list []*example) (kept []*example) {
	seen := map[string]bool{}
	for _, e := range list {
		if key := e.world.seed + " " + e.incident.ID; !seen[key] {
			seen[key] = true
			kept = append(kept, e)
		}
	}
	slices.SortStableFunc(kept, func(a, b *example) int { return cmp.Compare(b.incident.Intensity, a.incident.Intensity) })
	return kept
}

// said are the title and the reason of an alert, and what speaks for it and against it: three cells.
func said(a *score.Alert) string {
	text := a.Title
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return clip(text) + " | " + strongest(a, 1) + " | " + strongest(a, -1)
}

// strongest are the weightiest features of an alert, of those that raise the score (sign 1) or lower it.
func strongest(a *score.Alert, sign float64) string {
	if a.Receipt == nil {
		return ""
	}
	terms := slices.Clone(a.Receipt.Terms)
	by := func(t score.Term) float64 { return sign * t.LogOdds() }
	terms = slices.DeleteFunc(terms, func(t score.Term) bool { return by(t) < .1 })
	slices.SortStableFunc(terms, func(a, b score.Term) int { return cmp.Compare(by(b), by(a)) })
	var said []string
	for _, t := range terms[:min(3, len(terms))] {
		words := t.Words
		if words == "" {
			words = strings.ReplaceAll(strings.Replace(t.Feature, ":", " ", 1), "_", " ")
		}
		said = append(said, fmt.Sprintf("%s %+.1f", words, sign*by(t)))
	}
	return strings.Join(said, ", ")
}

// clip shortens a text for a cell of a table.
func clip(s string) string {
	s = strings.NewReplacer("|", "/", "\n", " ", "<", "‹", ">", "›").Replace(s)
	if r := []rune(s); len(r) > clipped {
		return strings.TrimSpace(string(r[:clipped-1])) + "…"
	}
	return s
}
