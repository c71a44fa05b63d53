package engine

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"github.com/outflow/outflow/internal/finding"
)

// surprise is −log₁₀ P(X ≥ x) of a negative binomial with mean mu and dispersion
// k (variance mu + mu²/k), compressed logarithmically beyond 10.
//
// P(X ≥ x) is the regularised incomplete beta function I_{mu/(k+mu)}(x, k)
// (NIST Digital Library of Mathematical Functions, 8.17.24).
func surprise(x, mu, k float64) float64 {
	if x < 1 {
		return 0
	}
	p := mathext.RegIncBeta(x, k, mu/(k+mu))
	s := 200.0
	if p > 1e-200 {
		s = -math.Log10(p)
	}
	return squash(max(s, 0))
}

func squash(s float64) float64 {
	if s > 10 {
		s = 10 + float64(3*math.Log(s/10))
	}
	return math.Round(s*1e6) / 1e6
}

// Tail turns a statistic into how rarely it was that large before, over
// everybody: −ln of its empirical survival, and above the level that is
// populated well enough, of an exponential tail fitted to what lies beyond
// (peaks over threshold; Siffer et al., Anomaly Detection in Streams with
// Extreme Value Theory, KDD 2017). It forgets slowly.
type Tail struct {
	Hist  []float64 // person-days by statistic, in steps of tailStep
	N     float64   // person-days
	Zero  float64   // of them, those with a statistic of zero
	Added counts    // person-days since midnight, by step

	days  float64   // person-days, with those of other organisations
	surv  []float64 // person-days at or above a step
	level int       // the step above which the tail is fitted
	over  float64   // mean excess above it
	above float64   // person-days above it
}

const (
	tailSteps = 400
	tailStep  = 0.05 // a statistic of 20 is the last step
	tailDecay = 0.997
	warm      = 50 // person-days before which a tail is not believed
)

func step(s float64) int { return min(int(s/tailStep), tailSteps-1) }

// see notes that a person-day had a statistic.
func (c *counts) see(s float64) { c.add(int32(step(s)), 1) }

// closeDay takes in what the day added, forgets, and prepares for questions.
func (t *Tail) closeDay(prior []float64) {
	if t.Hist == nil {
		t.Hist = make([]float64, tailSteps)
	}
	for i := range t.Hist[:t.occupied()] {
		t.Hist[i] *= tailDecay
	}
	t.N *= tailDecay
	n := int32(0)
	for _, a := range t.Added {
		t.Hist[a[0]] += float64(a[1])
		n += a[1]
	}
	t.N += float64(n)
	t.Added = t.Added[:0]
	t.prepare(prior)
}

// prepare makes it ready for questions. prior is the share of person-days by step in other organisations, or nil.
func (t *Tail) prepare(prior []float64) {
	others := 0.0
	if prior != nil {
		others = priorTail * priorShare(t.N)
	}
	if t.days = t.N + others; t.days == 0 {
		return
	}
	n := t.occupied()
	if others > 0 {
		n = tailSteps
	}
	at := func(i int) (x float64) {
		if i < len(t.Hist) {
			x = t.Hist[i]
		}
		if others > 0 {
			x += float64(others * prior[i])
		}
		return x
	}
	if t.surv == nil {
		t.surv = make([]float64, tailSteps)
	}
	clear(t.surv[n:])
	sum := 0.0
	for i := n - 1; i >= 0; i-- {
		sum += at(i)
		t.surv[i] = sum
	}
	want := max(.005*t.days, 8*t.N/t.days)
	t.level = tailSteps - 1
	for i, s := range t.surv {
		if s <= want {
			t.level = i
			break
		}
	}
	t.above = t.surv[t.level]
	excess := 0.0
	for i := t.level; i < n; i++ {
		excess += float64(at(i) * (float64(i-t.level) + .5) * tailStep)
	}
	t.over = max(excess/max(t.above, 1e-9), .2)
}

// occupied is how many steps there are up to the last that any person-day is in.
func (t *Tail) occupied() int {
	n := len(t.Hist)
	for n > 0 && t.Hist[n-1] == 0 {
		n--
	}
	return n
}

// before is how the statistic was distributed until now, as far as its rarity at s
// depends on it; nothing if there were too few days.
func (t *Tail) before(s float64) finding.Before {
	if t.days < warm || t.surv == nil {
		return finding.Before{}
	}
	return finding.Before{Days: t.days, AtLeast: t.surv[step(s)], Level: float64(t.level) * tailStep, Above: t.above, Excess: t.over}
}

// rarity is −ln of how often the statistic was at least s, at most limit beyond
// what has been seen.
func (t *Tail) rarity(s, limit float64) float64 { return rarity(0, s, t.before(s), limit) }

// rarity is −ln of how often a statistic was at least s before; x is the scored count that
// it is of. While too few days are known, a count that hardly ever occurs anywhere is as
// rare as it is elsewhere; of any other the distribution is taken at its word, up to a point
// that is below what makes a count speak.
func rarity(x, s float64, b finding.Before, limit float64) float64 {
	switch {
	case b.Days > 0:
	case speaksAnywhere(x, b):
		return min(math.Log(rareDays)+b.Falls*math.Log(x/b.Rare), math.Log(rareDays)+limit)
	default:
		return min(s*math.Ln10, 3)
	}
	flat := -math.Log(min((b.AtLeast+.5)/(b.Days+1), 1))
	if s <= b.Level {
		return flat
	}
	tail := -math.Log((b.Above+.5)/(b.Days+1)) + (s-b.Level)/b.Excess
	return min(max(tail, flat*.7), -math.Log(.5/(b.Days+1))+limit)
}
