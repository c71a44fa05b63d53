package engine

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// Once a person gives notice, their baseline is the one of a month before: people who are about
// to leave take data before they say so, and what they took then must not become usual.
const (
	archiveEvery = 10 * event.Day // how often a baseline is archived
	preNotice    = 30 * event.Day // how long before notice the pre-notice baseline was archived
)

// baseline is an archived baseline of a person.
type baseline struct {
	At     int64 // Unix milliseconds
	Active float64
	Sum    []float64 // per metric
	Long   []float64 // per slow metric
	LongN  float64
}

// archiveBaseline keeps a copy of the baseline at the end of a day. It drops those that no
// notice can call for any more.
func (p *person) archiveBaseline(at int64) {
	if p.Notice > 0 && at >= p.Notice {
		return
	}
	n := len(p.Past)
	if n > 0 && at-p.Past[n-1].At < archiveEvery {
		return
	}
	for len(p.Past) > 1 && at-p.Past[1].At >= preNotice { // an older one is enough
		p.Past = append(p.Past[:0], p.Past[1:]...)
	}
	p.Past = append(p.Past, baseline{at, p.Active, slices.Clone(p.Sum), slices.Clone(p.Long), p.LongN})
}

// usePreNoticeBaseline rolls the baseline of a person back to a month before notice, once notice
// has been given. It is called at the end of an hour.
func (e *Engine) usePreNoticeBaseline(p *person, now int64) {
	if p.Frozen || p.Notice == 0 || now < p.Notice {
		return
	}
	p.Frozen = true
	i := len(p.Past) - 1
	for i >= 0 && p.Past[i].At > p.Notice-preNotice {
		i--
	}
	if i >= 0 {
		e.deltaOf(p).of(p).rollBack(p, &p.Past[i])
	}
	p.Past = nil
}

// rollBack lowers the baseline of a person to an archived one, in the sums of the colleagues,
// too. Counts that have fallen since stay, and so does the number of days: the days are known,
// whatever was taken on them.
func (s *orgDelta) rollBack(p *person, to *baseline) {
	for j := range p.Sum {
		sum := min(p.Sum[j], to.Sum[j]*p.Active/max(to.Active, 1))
		s.weigh(p, j, fix(sum)-fix(p.Sum[j]))
		p.Sum[j] = sum
	}
	for i := range p.Long {
		p.Long[i] = min(p.Long[i], to.Long[i]*p.LongN/max(to.LongN, 1))
	}
}
