package alert

import (
	"cmp"
	"slices"
	"time"

	"github.com/outflow/outflow/internal/finding"
)

// Draft is as much of an alert as puts it in order, without its evidence: thousands of them change at a time.
// Correlator.Build builds the alert.
type Draft struct {
	ID          string
	User        string
	Case        string
	Time        time.Time
	Severity    Severity
	Health      bool
	Provisional bool

	detector   string
	department string
	score      float64
	rate       float64
	floor      bool      // the score is the least that rules and indicators give it
	start      time.Time // of its window
	again      time.Time // when the person did the same last; zero if never
	open       bool      // something is exposed

	whole *Alert // what it is of; nil if its findings are kept
}

// DraftOf returns the draft of an alert that is built.
func DraftOf(a *Alert) Draft {
	d := a.draft()
	d.whole = a
	return d
}

func (a *Alert) draft() Draft {
	d := Draft{ID: a.ID, User: a.User, Case: a.Case, Time: a.Time, Severity: a.Severity, Provisional: a.Provisional,
		detector: a.Detector, department: a.Department, Health: a.Health, score: a.Score, rate: a.Rate, floor: atFloor(a),
		start: a.Window.Start, open: a.OpenExposures() > 0}
	if n := len(a.Again); n > 0 {
		d.again = a.Again[n-1].Time
	}
	return d
}

// compare puts alerts into the order in which they are read; see Rank.
func (d *Draft) compare(b *Draft) int {
	if d.Health != b.Health {
		if d.Health {
			return 1
		}
		return -1
	}
	return cmp.Or(-cmp.Compare(d.Severity, b.Severity), -cmp.Compare(d.score, b.score), d.Time.Compare(b.Time), cmp.Compare(d.ID, b.ID))
}

// RankDrafts sorts drafts as Rank sorts alerts.
func RankDrafts(list []Draft) {
	slices.SortFunc(list, func(a, b Draft) int { return a.compare(&b) })
}

// mayChange says whether an alert on a day before a time may still change: something is exposed, or the
// person may do the same again.
func (d *Draft) mayChange(limit time.Time) bool {
	last := d.Time
	if !d.again.IsZero() {
		last = d.again
	}
	return !d.Health && d.Severity >= Medium && limit.Sub(last) < goesOn || d.open
}

// frame is the alert of one revision of findings as far as its draft needs it, and the finding that leads it. It puts
// the findings in order, the largest contribution first.
func frame(revision int, list []*finding.Finding) (Alert, *finding.Finding) {
	slices.SortStableFunc(list, func(a, b *finding.Finding) int {
		return cmp.Or(-cmp.Compare(a.Points, b.Points), cmp.Compare(a.Detector, b.Detector))
	})
	lead := leading(list)
	a := Alert{
		ID:         lead.Episode,
		Revision:   revision,
		Time:       raisedAt(cmp.Or(lead.Raised, lead.Time)),
		User:       lead.Person,
		Department: lead.Department,
		Service:    lead.Service,
		Health:     lead.Health,
		Detector:   lead.Detector,
		Score:      lead.Risk,
		Rate:       lead.Rate,
	}
	from, to := lead.Start, lead.End
	for _, f := range list {
		a.Impact = max(a.Impact, f.Impact)
		a.Receipt = cmp.Or(f.Receipt, a.Receipt)
		if f.Events > 0 {
			from, to = min(from, f.Start), max(to, f.End)
		}
		for _, x := range f.Exposures {
			a.expose(x, f.Detector)
		}
	}
	a.Window = Window{at(from), at(to)}
	if a.Severity = severityOf(a.Rate, a.Impact); a.Health {
		a.Severity = min(Severity(a.Impact), Medium)
	}
	return a, lead
}
