package triage

import (
	"context"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/outfile"
)

// Decisions settle before they are told: of one that is taken back at once nobody hears, and those that are made in one go
// are told in one.
const (
	settle     = 5 * time.Second // without another decision
	settleMost = time.Minute     // after the first
)

// Tell queues what was decided in the feed through the channels that were told of the alerts, once it has settled, or at once.
// What was decided before it was called for the first time is told to nobody; later revisions have it.
func Tell(ctx context.Context, dir string, alerts *alert.Store, routes []alert.Route, now time.Time, atOnce bool) error {
	after, known, err := alerts.DecisionsRead(ctx)
	if err != nil {
		return err
	}
	if !known {
		routes = nil
	}
	ids, err := alerts.SuppressionChanges(ctx, now)
	if err != nil {
		return err
	}
	last := after
	var latest map[string]feed.Triage
	if path := filepath.Join(dir, "feed.db"); outfile.Exists(path) {
		s, err := feed.OpenReadOnly(ctx, path, nil)
		if err != nil {
			return err
		}
		defer s.Close()
		decided, end, from, to, err := s.DecidedSince(ctx, after)
		if err != nil {
			return err
		}
		if settled := now.Sub(to) >= settle || now.Sub(from) >= settleMost; settled || atOnce || !known {
			ids, last = append(ids, decided...), end
		}
		if len(ids) > 0 {
			if latest, err = s.LatestDecisions(ctx, ids...); err != nil {
				return err
			}
		}
	}
	if known && last == after && len(ids) == 0 {
		return nil
	}
	list := make([]alert.Decided, 0, len(ids))
	for _, id := range ids {
		d := alert.Decided{Alert: id, Triage: alert.Triage{Status: alert.TriageNew}}
		if t, there := latest[id]; there {
			d.Triage = t.Told()
		}
		list = append(list, d)
	}
	return alerts.ApplyDecisions(ctx, last, list, routes, now)
}
