package engine

import (
	"fmt"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

const (
	leaversShare = .15
	staleDays    = 7
	maxNotices   = 64
)

// hrState is what is known about the HR feed.
type hrState struct {
	Notices       []int64 // times of the latest ones, oldest first
	Odd           int     // that named a last day long past
	StaleReported bool    `cbor:"StaleTold"`
	OddReported   bool    `cbor:"OddTold"`
	FirstOddOf    string
	Doubtful      []doubtful `cbor:",omitempty"` // of whose last day HR is to be asked
}

// noteNotice notes that HR reported a leaver.
func (e *Engine) noteNotice(p *person, ev *event.Event) {
	b := e.deltaOf(p)
	b.Notices = append(b.Notices, announced{ev.Time, p.Name, p.LastDay > 0 && p.LastDay < ev.Time-30*event.Day})
}

// announce takes in that a leaver was reported.
func (f *hrState) announce(n announced) {
	if len(f.Notices) >= maxNotices {
		f.Notices = f.Notices[1:]
	}
	f.Notices = append(f.Notices, n.At)
	f.StaleReported = false
	if n.Odd {
		if f.Odd++; f.FirstOddOf == "" {
			f.FirstOddOf = n.Name
		}
	}
}

// checkHRFeed looks at the HR feed when a day (UTC) is over.
func (e *Engine) checkHRFeed(end int64) {
	e.askHR(end)
	f := &e.Feed
	n := len(f.Notices)
	if n == 0 {
		return
	}
	today := 0
	for _, t := range f.Notices {
		if t > end-event.Day && t <= end {
			today++
		}
	}
	last := f.Notices[n-1]
	if today >= 5 && float64(today) > leaversShare*float64(e.Heads) {
		h := e.healthFinding(detect.HRFeed, "flood", end-event.Day, end, 2)
		h.Observed, h.Unit = float64(today), "leavers in a day"
		h.Reason = fmt.Sprintf("the HR feed reports %d of %d people as leaving in one day: "+
			"this is implausible, and all of them are watched more closely",
			today, e.Heads)
		e.send(h)
	}
	if f.Odd > 0 && f.FirstOddOf != "" && !f.OddReported {
		f.OddReported = true
		h := e.healthFinding(detect.HRFeed, "past", last, end, 1)
		h.Reason = fmt.Sprintf("the HR feed reports leavers whose last day was over a month before, %s among them: "+
			"the feed is late, or dates are wrong",
			detect.Quote(f.FirstOddOf))
		e.send(h)
	}
	if n < 5 || f.StaleReported {
		return
	}
	usual := float64(last-f.Notices[0]) / float64(n-1)
	if gap := float64(end - last); gap > max(staleDays*float64(event.Day), 7*usual) {
		f.StaleReported = true
		h := e.healthFinding(detect.HRFeed, "stale", last, end, 2)
		h.Reason = fmt.Sprintf("the HR feed has reported nobody for %s; normally it does about every %s: leavers may go unnoticed",
			detect.Duration(end-last), detect.Duration(int64(usual)))
		e.send(h)
	}
}
