// Package replay replays exported logs with two configurations and compares the alerts.
package replay

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
)

// Comparison is what a change of configuration does to the alerts of the past. It is written as
// JSON.
type Comparison struct {
	Days       int           `json:"days"`         // with events
	Old        volume        `json:"old"`          // alerts with the old configuration
	New        volume        `json:"new"`          // alerts with the new one
	Added      []alert.Alert `json:"new_alerts"`   // that only the new configuration shows, the most urgent first
	Lost       []alert.Alert `json:"lost_alerts"`  // that only the old configuration shows, the most urgent first
	Moved      []moved       `json:"moved_alerts"` // that both show, the largest change first
	Exceptions []exception   `json:"exceptions"`   // of the new configuration, in its order

	// Verdict is the error of logs of which too little could be read; nil otherwise.
	Verdict error `json:"-"`
}

// volume is how many alerts there are to look at.
type volume struct {
	Alerts   int            `json:"alerts"`
	PerDay   float64        `json:"per_day"`     // of the days with events, to hundredths
	Severity map[string]int `json:"by_severity"` // number of alerts
	Persons  map[string]int `json:"by_person"`   // number of alerts
}

// moved is an alert that both configurations show, with another score or severity.
type moved struct {
	Alert    alert.Alert    `json:"alert"` // under the new configuration
	Score    float64        `json:"old_score"`
	Severity alert.Severity `json:"old_severity"`
}

// exception is what an exception of the configuration suppressed.
type exception struct {
	Name   string `json:"name"`
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // RFC 3339; "" for good
	Events int    `json:"events"`          // that it covers
	People int    `json:"people"`          // with events that it covers
	Alerts int    `json:"hidden_alerts"`   // that would be shown without it
}

// notable is by how much a score changes at least for its alert to have moved.
const notable = .5

// Logs are the logs that are replayed, whatever the configuration.
type Logs struct {
	Paths    []string        // folders and files; at least one
	Workers  int             // files that are decoded at the same time; at least 1
	Forms    ingest.Forms    // of times that do not say it themselves
	Progress *batch.Progress // nil for none
}

// scan scans with a configuration, and returns the alerts that it shows, by id.
func (s *Logs) scan(ctx context.Context, c *config.Config) (*batch.Result, map[string]alert.Alert, error) {
	res, err := batch.Scan(ctx, batch.Input{
		Paths:    s.Paths,
		Workers:  s.Workers,
		Forms:    s.Forms,
		Config:   c,
		Budget:   c.Budget,
		Progress: s.Progress,
	})
	if err != nil {
		return nil, nil, err
	}
	list, err := res.Build(slices.DeleteFunc(res.Alerts, func(d alert.Draft) bool {
		return d.Health || !d.NeedsAttention(res.Budget, alert.Medium)
	}))
	if err != nil {
		return nil, nil, err
	}
	shown := map[string]alert.Alert{}
	for _, a := range list {
		a.Receipt = nil
		shown[a.ID] = a
	}
	return res, shown, nil
}

// Compare scans logs with an old and a new configuration, and once more for every exception of
// the new one that covers anything.
func Compare(ctx context.Context, logs Logs, old, next *config.Config) (*Comparison, error) {
	s := &logs
	_, was, err := s.scan(ctx, old)
	if err != nil {
		return nil, err
	}
	res, is, err := s.scan(ctx, next)
	if err != nil {
		return nil, err
	}

	days := max(res.Coverage.Days(), 1)
	out := &Comparison{
		Days:       days,
		Old:        volumeOf(was, days),
		New:        volumeOf(is, days),
		Added:      []alert.Alert{},
		Lost:       []alert.Alert{},
		Moved:      []moved{},
		Exceptions: []exception{},
		Verdict:    res.Coverage.Verdict(),
	}
	out.compare(was, is)

	for i, c := range res.Covered {
		x := exception{
			Name:   c.Label(),
			Owner:  c.Owner,
			Reason: c.Reason,
			Events: c.Acts,
			People: c.Users,
		}
		if !c.Until.IsZero() {
			x.Until = c.Until.UTC().Format(time.RFC3339)
		}
		if c.Acts > 0 {
			if x.Alerts, err = s.hidden(ctx, next, i, is); err != nil {
				return nil, err
			}
		}
		out.Exceptions = append(out.Exceptions, x)
	}
	return out, nil
}

// hidden counts the alerts that would be shown without the exception at i, and are not in shown.
func (s *Logs) hidden(ctx context.Context, c *config.Config, i int, shown map[string]alert.Alert) (n int, err error) {
	without := *c
	without.Exceptions = slices.Delete(slices.Clone(c.Exceptions), i, i+1)
	_, more, err := s.scan(ctx, &without)
	if err != nil {
		return 0, err
	}
	for id := range more {
		if _, seen := shown[id]; !seen {
			n++
		}
	}
	return n, nil
}

// compare sorts the alerts of two configurations, by id, into Added, Lost and Moved.
func (c *Comparison) compare(was, is map[string]alert.Alert) {
	for id, a := range is {
		b, both := was[id]
		switch {
		case !both:
			c.Added = append(c.Added, a)
		case math.Abs(a.Score-b.Score) >= notable || a.Severity != b.Severity:
			c.Moved = append(c.Moved, moved{a, b.Score, b.Severity})
		}
	}
	for id, b := range was {
		if _, both := is[id]; !both {
			c.Lost = append(c.Lost, b)
		}
	}
	alert.Rank(c.Added)
	alert.Rank(c.Lost)
	slices.SortFunc(c.Moved, func(a, b moved) int {
		return cmp.Or(
			-cmp.Compare(math.Abs(a.Alert.Score-a.Score), math.Abs(b.Alert.Score-b.Score)),
			cmp.Compare(a.Alert.ID, b.Alert.ID),
		)
	})
}

// volumeOf counts the alerts that are shown.
func volumeOf(shown map[string]alert.Alert, days int) volume {
	v := volume{
		Alerts:   len(shown),
		PerDay:   math.Round(float64(len(shown))/float64(days)*100) / 100,
		Severity: map[string]int{},
		Persons:  map[string]int{},
	}
	for _, a := range shown {
		v.Severity[a.Severity.String()]++
		v.Persons[a.User]++
	}
	return v
}
