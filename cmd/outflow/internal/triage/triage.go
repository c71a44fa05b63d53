// Package triage takes decisions about alerts from the feed's state to scoring, which learns from them.
package triage

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/outfile"
)

// Decisions returns all decisions about alerts that a data directory has, the latest last. Those whose alerts
// are gone, because they were erased or are too old, are left out.
func Decisions(ctx context.Context, dir string) (list []feed.Taught, users map[string]string, err error) {
	path := filepath.Join(dir, "feed.db")
	if !outfile.Exists(path) || !outfile.Exists(filepath.Join(dir, "alerts.db")) {
		return nil, nil, nil
	}
	s, err := feed.OpenReadOnly(ctx, path, nil)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	all, err := s.Taught(ctx)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	alerts, err := datadir.OpenAlerts(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	defer alerts.Close()
	if users, err = alerts.UsersOf(ctx); err != nil {
		return nil, nil, err
	}
	for i := range all {
		if _, there := users[all[i].Alert]; there {
			list = append(list, all[i])
		}
	}
	return list, users, nil
}

// Verdicts returns the decisions of a data directory as scoring wants them.
func Verdicts(ctx context.Context, dir string) (list []engine.Verdict, err error) {
	all, users, err := Decisions(ctx, dir)
	for i := range all {
		list = append(list, VerdictOf(&all[i], users[all[i].Alert]))
	}
	return list, err
}

// VerdictOf is a decision as scoring wants it. What was closed as legitimate or false was nothing; what is
// open, in work or a duplicate says nothing.
func VerdictOf(t *feed.Taught, user string) engine.Verdict {
	v := engine.Verdict{Alert: t.Alert, Person: user, Seq: t.Seq, At: t.Since.UnixMilli(), Subjects: t.Subjects}
	switch t.Status {
	case feed.True:
		v.Outcome = engine.Confirmed
	case feed.False, feed.BenignTrue:
		v.Outcome = engine.Dismissed
	}
	return v
}

// readEvery is how often Follow reads the decisions at most.
const readEvery = time.Second

// Follow returns a function that returns the decisions of a data directory, as of a moment ago. Where they
// cannot be read, those read before stay in force, and the log says so.
func Follow(ctx context.Context, dir string, log *slog.Logger) func() []engine.Verdict {
	var read time.Time
	var list []engine.Verdict
	return func() []engine.Verdict {
		if time.Since(read) < readEvery {
			return list
		}
		now, err := Verdicts(ctx, dir)
		if err != nil && ctx.Err() == nil {
			log.Warn("decisions about alerts not read: those known before stay in force", "err", err)
		} else {
			list = now
		}
		read = time.Now()
		return list
	}
}

// Budget returns a budget of false alerts per 1,000 user-days that is set from the alerts of a data directory from a time on, and
// from the decisions about them; nil if nothing is asked.
func Budget(ctx context.Context, asked float64, dir string, alerts *alert.Store, from time.Time) (*alert.Budget, error) {
	if asked <= 0 {
		return nil, nil
	}
	decided, err := Outcomes(ctx, dir)
	if err != nil {
		return nil, err
	}
	s, err := alerts.Stream(ctx, from, decided)
	if err != nil {
		return nil, err
	}
	return alert.NewBudget(asked, s), nil
}

// Outcomes returns what was decided about alerts last, by their ids.
func Outcomes(ctx context.Context, dir string) (func(id string) (confirmed, dismissed bool), error) {
	all, err := Verdicts(ctx, dir)
	last := map[string]engine.Outcome{}
	for i := range all {
		last[all[i].Alert] = all[i].Outcome
	}
	return func(id string) (bool, bool) { return last[id] == engine.Confirmed, last[id] == engine.Dismissed }, err
}

// budgetSince is how far back Budget must look to say how a budget was kept over the last four weeks: those, and what
// the first of their days was set from.
const budgetSince = 57 * 24 * time.Hour

// BudgetSince is the time from which on a budget needs alerts, to decide about alerts of now, and to say how it was kept.
func BudgetSince(now time.Time) time.Time { return now.Add(-budgetSince) }
