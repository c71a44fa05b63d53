package engine

import (
	"fmt"
	"strconv"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

const (
	lateEvents = 20         // fewer are no matter
	lateLeast  = event.Hour // nor is a shorter delay
	lateUsual  = 2          // times the usual delay
	lagMemory  = .8         // of the usual delay, after a delivery
)

// Delivery is what came of a source at once: in one run, or one call of its API.
type Delivery struct {
	Source event.Source // not HR
	At     int64        // of its newest event, Unix milliseconds
	New    int          // events that had not come before
	Late   int          // of them, those older than the newest event of the source before
	Lag    int64        // by how much 99 of 100 new events at most were older, milliseconds
}

// Deliver takes in how late the events of a delivery were. It changes nothing in
// how people are scored: every event lands in its own window, however late.
func (e *Engine) Deliver(d Delivery) error {
	p := &e.Pulse[d.Source]
	usual := p.Lag
	p.Lag = float64(p.Lag*lagMemory) + float64((1-lagMemory)*float64(d.Lag))
	e.late(d, usual)
	return e.err
}

// late reports a delivery that is later than usual.
func (e *Engine) late(d Delivery, usual float64) {
	if d.Late < lateEvents || d.Lag < lateLeast || float64(d.Lag) <= lateUsual*usual {
		return
	}
	f := e.healthFinding(detect.SourceLate, d.Source.String(), d.At-d.Lag, d.At, 2)
	f.Sources = []string{d.Source.String()}
	f.Observed, f.Unit = float64(d.Late), "late events"
	f.Reason = fmt.Sprintf("%s of %s from %s arrived up to %s late; ",
		detect.Number(float64(d.Late)), detect.Amount(float64(d.New), "event", "events"), d.Source.Title(), detect.Duration(d.Lag))
	if usual < 1 {
		f.Reason += "no earlier delay is known"
	} else {
		f.Reason += "normally it is " + detect.Duration(int64(usual))
	}
	e.send(f)
}

// delivered takes in what a source says about a delivery of its own.
func (e *Engine) delivered(ev *event.Event) {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(ev.Attr(name), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	e.late(Delivery{
		Source: ev.Source, At: ev.Time, New: int(number(event.AttrNew)), Late: int(number(event.AttrLate)),
		Lag: number(event.AttrLag),
	}, float64(number(event.AttrUsual)))
}
