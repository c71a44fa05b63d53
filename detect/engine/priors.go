package engine

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// priorsJSON is what many organisations have in common.
//
//go:embed priors.json
var priorsJSON []byte

const (
	usualAnywhere = .01   // usual count a day of a metric of which nothing is known
	priorMean     = 50    // person-days that the usual count of other organisations weighs
	priorFacts    = 200   // person-days that are assumed of indicators at first
	priorTail     = 200   // person-days that the surprises of other organisations weigh at first
	priorGone     = 500   // own person-days from which other organisations no longer matter
	priorMost     = .0025 // share of person-days on which an indicator holds elsewhere, at most: organisations differ
)

// priors are what many organisations have in common, for the time when little is known of one.
// Other organisations count for less and less, until priorGone person-days are known.
type priors struct {
	facts []float64   // share of person-days on which an indicator holds
	mean  []float64   // usual count, per metric, on its scored scale
	tails [][]float64 // per scored metric: share of person-days by surprise, in steps of tailStep; nil if unknown
}

// Priors are what many organisations have in common, as stored.
type Priors struct {
	Indicators map[string]float64 `json:"indicators"` // share of person-days on which an indicator holds
	Metrics    map[string]Prior   `json:"metrics"`
}

// Prior is what is usual of a metric elsewhere.
type Prior struct {
	Mean float64   `json:"mean"`           // usual count a day, on the scale on which it is scored
	Tail []float64 `json:"tail,omitempty"` // surprises that the priorShares of person-days reach; none if it is not scored
}

// priorShares are the shares of person-days that a Prior's Tail is given for.
var priorShares = [...]float64{.1, .03, .01, .003, .001, .0003}

// newPriors compiles what other organisations have in common for a catalog. It panics if the file is damaged.
func newPriors(c *Catalog, body []byte) *priors {
	var f Priors
	if err := json.Unmarshal(body, &f); err != nil {
		panic(fmt.Sprintf("engine: priors: %v", err))
	}
	p := &priors{facts: make([]float64, len(c.indicators)), mean: make([]float64, len(c.metrics)), tails: make([][]float64, c.scored)}
	for i := range c.indicators {
		p.facts[i] = min(f.Indicators[c.indicators[i].Name], priorMost)
	}
	for j := range c.metrics {
		p.mean[j] = usualAnywhere
		m, known := f.Metrics[c.metrics[j].Name]
		if !known || c.metrics[j].unsigned {
			continue
		}
		p.mean[j] = m.Mean
		if j < c.scored && len(m.Tail) == len(priorShares) {
			p.tails[j] = histogram(m.Tail)
		}
	}
	return p
}

// histogram is the share of person-days by surprise. Between the quantiles, and beyond the last of them, the
// logarithm of the share that is at least as surprising is a straight line.
func histogram(quantiles []float64) []float64 {
	h := make([]float64, tailSteps)
	from, left := 0.0, 0.0 // of the line: a surprise, and the logarithm of the share there
	slope := -math.Ln10 / 2
	before := 1.0
	for i, k := 0, 0; i < tailSteps-1; i++ {
		s := float64(i+1) * tailStep
		for ; k < len(quantiles) && quantiles[k] <= s; k++ {
			from, left = quantiles[k], math.Log(priorShares[k])
		}
		if k < len(quantiles) {
			slope = (math.Log(priorShares[k]) - left) / max(quantiles[k]-from, tailStep)
		}
		beyond := min(math.Exp(left+float64(slope*(s-from))), before)
		h[i], before = before-beyond, beyond
	}
	h[tailSteps-1] = before
	return h
}

// priorShare is how much other organisations count where so many person-days are known, from 1 to 0.
func priorShare(days float64) float64 { return max(0, 1-days/priorGone) }

// assumed is on how many days an indicator counts as seen because it is elsewhere.
func (o *org) assumed(i int) float64 {
	if o.prior == nil {
		return 0
	}
	return max(float64(o.prior.facts[i]*priorFacts)-unseen, 0) * priorShare(o.NotableN)
}

// prepare makes the tails ready for questions.
func (o *org) prepare() {
	for i := range o.Tails {
		o.Tails[i].prepare(o.prior.tail(i))
	}
}

// tail is how surprises at a metric are distributed elsewhere; nil if that is unknown.
func (p *priors) tail(j int) []float64 {
	if p == nil {
		return nil
	}
	return p.tails[j]
}

// usePriors begins with what other organisations have in common. Service accounts differ too much from one
// another.
func (e *Engine) usePriors() {
	e.People.prior = e.catalog.priors
	e.People.prepare()
	e.Services.prepare()
}
