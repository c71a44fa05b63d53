package main

import (
	"fmt"
	"io"
	"math"

	"github.com/outflow/outflow/bench/internal/score"
)

// pairs are the incidents of the same organisations by which of two programs finds them.
type pairs struct{ both, now, before, neither int }

// p is the probability of a difference at least as large if neither program is better: McNemar's exact
// test, two-sided.
func (c pairs) p() float64 {
	n, k := c.now+c.before, min(c.now, c.before)
	sum := 0.0
	for i := range k + 1 {
		sum += math.Exp(choose(n, i) - float64(n)*math.Ln2)
	}
	return min(2*sum, 1)
}

// significance is p as it is printed.
func (c pairs) significance() string {
	if p := c.p(); p >= .0005 {
		return fmt.Sprintf("%.3f", p)
	}
	return "< 0.001"
}

// choose is the logarithm of the number of ways to choose k of n.
func choose(n, k int) float64 {
	log := func(n int) float64 { x, _ := math.Lgamma(float64(n + 1)); return x }
	return log(n) - log(k) - log(n-k)
}

// paired compares the program with the older one: which incidents either finds at a budget of 2.
func paired(w io.Writer, sets []*set) {
	if sets[0].worlds[0].older == nil {
		return
	}
	fmt.Fprint(w, "### Compared with an older program\n\nIncidents found at 2 false alerts per 1,000 user-days in the same "+
		"organisations; McNemar's exact test.\n\n| benign families | incidents | recall before | now | found by both "+
		"| only now | only before | by neither | p |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range sets {
		plain, strict := pairs{}, pairs{}
		for _, x := range s.worlds {
			plain.add(x.World, x.older.World)
			strict.add(x.strict, x.older.strict)
		}
		plain.row(w, s.name)
		strict.row(w, s.name+", `-strict`")
	}
	fmt.Fprintln(w)
}

// add counts the incidents of an organisation with the alerts of either program.
func (c *pairs) add(now, before *score.World) {
	a, b := now.Found(two), before.Found(two)
	for i := range now.Incidents {
		_, found := a[i]
		_, was := b[i]
		switch {
		case found && was:
			c.both++
		case found:
			c.now++
		case was:
			c.before++
		default:
			c.neither++
		}
	}
}

// row prints the counts.
func (c pairs) row(w io.Writer, name string) {
	n := c.both + c.now + c.before + c.neither
	fmt.Fprintf(w, "| %s | %d | %.3f | %.3f | %d | %d | %d | %d | %s |\n", name, n, share(c.both+c.before, n), share(c.both+c.now, n),
		c.both, c.now, c.before, c.neither, c.significance())
}
