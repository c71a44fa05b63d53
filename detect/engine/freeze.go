package engine

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// A leaver's baseline is the one of a month before notice: who is about to leave
// takes before saying so, and what was taken then must not be usual.
const (
	pastEvery = 10 * event.Day // how often a baseline is put by
	frozen    = 30 * event.Day // how far before notice the one that holds was put by
)

// baseline is one as it was.
type baseline struct {
	At     int64 // Unix milliseconds
	Active float64
	Sum    []float64 // per metric
	Long   []float64 // per slow metric
	LongN  float64
}

// putBy keeps the baseline as it is at the end of a day. Only as many are kept as
// somebody's notice may call for.
func (p *person) putBy(at int64) {
	if p.Notice > 0 && at >= p.Notice {
		return
	}
	n := len(p.Past)
	if n > 0 && at-p.Past[n-1].At < pastEvery {
		return
	}
	for len(p.Past) > 1 && at-p.Past[1].At >= frozen { // an older one is enough
		p.Past = append(p.Past[:0], p.Past[1:]...)
	}
	p.Past = append(p.Past, baseline{at, p.Active, slices.Clone(p.Sum), slices.Clone(p.Long), p.LongN})
}

// freeze puts somebody's baseline back to what it was a month before notice once
// notice is known and given. It is called at the end of an hour.
func (e *Engine) freeze(p *person, now int64) {
	if p.Frozen || p.Notice == 0 || now < p.Notice {
		return
	}
	p.Frozen = true
	i := len(p.Past) - 1
	for i >= 0 && p.Past[i].At > p.Notice-frozen {
		i--
	}
	if i >= 0 {
		e.bring(p).of(p).setBack(p, &p.Past[i])
	}
	p.Past = nil
}

// setBack lowers what is usual for a person to what it was, in the sums of the
// colleagues too. Where it has fallen since, and in how many days it rests on, it
// stays: the days are known, whatever was taken on them.
func (s *sums) setBack(p *person, to *baseline) {
	for j := range p.Sum {
		sum := min(p.Sum[j], to.Sum[j]*p.Active/max(to.Active, 1))
		s.weigh(p, j, fix(sum)-fix(p.Sum[j]))
		p.Sum[j] = sum
	}
	for i := range p.Long {
		p.Long[i] = min(p.Long[i], to.Long[i]*p.LongN/max(to.LongN, 1))
	}
}
