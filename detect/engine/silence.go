package engine

import (
	"fmt"
	"math"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

const (
	weekHours   = 168
	silentFrom  = 12.0 // −ln of how rarely a source is silent for so long
	silentHours = 2
	learnHours  = 14 * 24
)

// checkSilence looks at the sources when an hour is over.
func (e *Engine) checkSilence(hour int64) {
	slot := hour % weekHours
	var seen [32]bool
	here, usual := 0.0, 0.0
	for _, s := range event.Sources() {
		if seen[s] = e.Complete[s]/event.Hour == hour; seen[s] {
			here++
		}
		usual += e.Pulse[s].Rate[slot]
	}
	for _, s := range event.Sources() {
		p := &e.Pulse[s]
		if s == event.HR || e.Complete[s] == 0 {
			continue
		}
		if p.First == 0 {
			p.First = hour
		}
		rate := p.Rate[slot]
		if seen[s] {
			if p.Reported > 0 {
				e.resumed(s, p)
			}
			p.Gap, p.Reported = 0, 0
			p.Rate[slot] = float64(rate*.75) + .25
			continue
		}
		others, habit := here, usual-rate // the other sources: silent too, no one is at work
		if habit < .5 && (others > 0 || e.only(s)) || habit >= .5 && others >= .6*habit {
			p.Gap -= math.Log(1 - min(rate, .97))
		}
		if p.Reported == 0 {
			p.Rate[slot] = rate * .75
		}
		if p.Reported == 0 && p.Gap >= silentFrom && hour-p.First >= learnHours && hour-e.Complete[s]/event.Hour >= silentHours {
			p.Reported = e.Complete[s]
			end := (hour + 1) * event.Hour
			f := e.healthFinding(detect.SourceSilent, s.String(), p.Reported, end, 2)
			f.Sources = []string{s.String()}
			f.Reason = fmt.Sprintf("%s has sent nothing for %s, since %s; in %s it was hardly ever silent for so long; %s",
				s.Title(), detect.Duration(end-p.Reported), stamp(p.Reported),
				detect.Amount(float64((p.Reported/event.Hour-p.First)/24), "day", "days"), e.meanwhile(s, p.Reported))
			f.Exposures = []finding.Exposure{{What: s.Title() + " silent", Opened: p.Reported}}
			e.send(f)
		}
	}
}

// meanwhile says what the other sources do since a source is silent.
func (e *Engine) meanwhile(silent event.Source, since int64) string {
	var going, known []string
	for _, s := range event.Sources() {
		if s == silent || s == event.HR || e.Complete[s] == 0 {
			continue
		}
		known = append(known, s.Title())
		if e.Complete[s] > since+silentHours*event.Hour {
			going = append(going, s.Title())
		}
	}
	switch {
	case len(known) == 0:
		return "there is no other source that would say whether anybody works"
	case len(going) == 0:
		return "no other source has sent anything since, either"
	case len(going) == 1:
		return going[0] + " goes on"
	case len(going) > 3:
		return detect.Number(float64(len(going))) + " other sources go on"
	}
	return detect.List(going) + " go on"
}

// only says whether a source is the only one that has ever sent anything. Where there are
// others, an hour without any event at all says nothing about one of them: the logs may just
// not be here, as before a record that is dated ahead of everything else.
func (e *Engine) only(s event.Source) bool {
	for _, o := range event.Sources() {
		if o != s && o != event.HR && e.Complete[o] > 0 {
			return false
		}
	}
	return true
}

// outage says whether a source is silent that should not be.
func (e *Engine) outage() bool {
	for i := range e.Pulse {
		if e.Pulse[i].Reported > 0 {
			return true
		}
	}
	return false
}

// resumed reports that a source is back.
func (e *Engine) resumed(s event.Source, p *sourceHealth) {
	f := e.healthFinding(detect.SourceSilent, s.String(), p.Reported, e.Complete[s], 2)
	f.Health = false // the end of what was reported, and nothing new
	f.Exposures = []finding.Exposure{{What: s.Title() + " silent", Opened: p.Reported, Closed: e.Complete[s]}}
	e.send(f)
}
