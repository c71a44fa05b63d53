package feed

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// phase is where a moment is in a story.
type phase string

// The phases.
const (
	before phase = "before"
	now    phase = "now"
	after  phase = "after"
)

// Title returns the phase for people.
func (p phase) Title() string {
	switch p {
	case before:
		return "Before"
	case after:
		return "After"
	}
	return "This alert"
}

// moment is a line of the story of an alert.
type moment struct {
	At      time.Time
	Until   time.Time // zero if it took no time
	What    string
	Icon    string   // name of a drawing
	Sources []string // where it was seen
	Other   *item    // another alert that it is about; nil for this one
	Case    bool     // Other is of the same case
	Phase   phase
	First   bool // the first of its phase
}

const (
	chartDays   = 60 // days that are drawn before the alert
	chartAfter  = 14 // days that are drawn after it
	relatedDays = 7  // most days between the alert and others on its timeline
)

// timeline returns an alert's evidence, its exposures, other alerts of its case, and others about the user of about
// that time, in order.
func timeline(a *alert.Alert, related []item) (list []moment) {
	for i := range a.Evidence {
		e := &a.Evidence[i]
		if e.Window == nil {
			continue
		}
		m := moment{At: e.Window.Start, What: e.Title, Icon: "unusual", Sources: e.Sources, Phase: now}
		if e.Window.End.Sub(e.Window.Start) >= time.Minute {
			m.Until = e.Window.End
		}
		list = append(list, m)
	}
	for _, x := range a.Exposures {
		list = append(list, moment{At: x.Opened, What: "Exposed: " + x.What, Icon: "destination", Phase: now})
		if x.Closed != nil {
			list = append(list, moment{At: *x.Closed, What: "Reverted: " + x.What, Icon: "before", Phase: now})
		}
	}
	for _, r := range a.Again {
		what := "The same again, " + plain.CountOf(r.Events, "event", "events")
		list = append(list, moment{At: r.Time, What: what, Icon: "unusual", Phase: now})
	}
	for i := range related {
		r := &related[i]
		same := r.Alert.Case == a.Case && a.Case != ""
		if same || r.Alert.Time.Sub(a.Time).Abs() <= relatedDays*24*time.Hour {
			list = append(list, moment{At: r.Alert.Time, What: r.Alert.Title, Icon: r.Alert.Severity.String(), Sources: r.Alert.Sources,
				Other: r, Case: same})
		}
	}
	slices.SortStableFunc(list, func(a, b moment) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.What, b.What)) })
	for i := range list {
		m := &list[i]
		switch {
		case m.At.Before(a.Window.Start):
			m.Phase = before
		case m.At.After(a.Window.End) && m.At.After(a.Time):
			m.Phase = after
		default:
			m.Phase = now
		}
		m.First = i == 0 || list[i-1].Phase != m.Phase
	}
	return list
}

// missingSources returns what could not be seen at the time of an alert: the reasons of alerts
// about the data in whose time it falls.
func (s *Server) missingSources(ctx context.Context, a *alert.Alert) (list []string, err error) {
	for _, d := range s.Detectors.With(finding.AboutData) {
		if s.Detectors[d]&finding.AboutMany != 0 {
			continue
		}
		changes, err := s.Alerts.Changes(ctx, alert.Filter{
			Detector: d,
			Latest:   true,
			All:      true,
			Before:   math.MaxInt64,
			Limit:    200,
		})
		if err != nil {
			return nil, err
		}
		for i := range changes {
			h := &changes[i].Alert
			from, to := h.Window.Start.Add(-24*time.Hour), h.Time.Add(24*time.Hour)
			for _, x := range h.Exposures {
				if x.Closed == nil { // it is still missing
					to = a.Time
				} else {
					to = x.Closed.Add(24 * time.Hour)
				}
			}
			if !h.Withdrawn && !a.Time.Before(from) && !a.Time.After(to) {
				list = append(list, h.Reason)
			}
		}
	}
	return list, nil
}

// alertSeries reads the days around an alert and returns those to be drawn; nil if none are
// stored.
func (s *Server) alertSeries(ctx context.Context, a *alert.Alert) (*report.Series, error) {
	if a.User == "" {
		return nil, nil
	}
	days, err := s.Alerts.Days(ctx, a.User, a.Time.AddDate(0, 0, -chartDays), a.Time.AddDate(0, 0, chartAfter))
	if err != nil || len(days) == 0 {
		return nil, err
	}
	return report.AlertSeries(a, days), nil
}
