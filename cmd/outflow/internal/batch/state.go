package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
)

// checkpoint is what earlier runs left behind.
type checkpoint struct {
	generation int64
	at         int64 // Unix milliseconds: the state is that before it; 0 for none
	earliest   int64 // times of the first and the latest event of the backlog; 0 if there is none
	latest     int64
	aliases    []byte
	resolver   *identity.Resolver
	baseline   *engine.Snapshot
	desk       *alert.Correlator
	snapshot   []byte
	keys       []uint64  // of the events of the backlog, sorted
	newest     [32]int64 // by source: time of its newest event there
}

// state is a data directory that is open. It is nil where nothing is kept.
type state struct {
	dir     string
	lock    *os.File
	cursors *backlog.Store
	detect  *engine.Store
	alerts  *alert.Store
	backlog *backlog.Writer
	current int64
}

// openState opens a data directory, or makes it. Another process in the same
// directory is an error.
func openState(ctx context.Context, dir string, shared bool) (*state, error) {
	if dir == "" {
		return nil, nil
	}
	if err := datadir.Make(dir, shared); err != nil {
		return nil, fmt.Errorf("--data%w", err)
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("--data%w", err)
	}
	s := &state{dir: dir, lock: lock}
	if s.cursors, err = backlog.Open(ctx, filepath.Join(dir, "cursors.db")); err == nil {
		if s.detect, err = engine.OpenStore(ctx, filepath.Join(dir, "detect-0.db")); err == nil {
			s.alerts, err = alert.OpenStore(ctx, filepath.Join(dir, "alerts.db"))
		}
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("--data: %w", err)
	}
	return s, nil
}

// close closes the stores; s may be nil.
func (s *state) close() {
	if s == nil {
		return
	}
	if s.backlog != nil {
		s.backlog.Rollback()
	}
	if s.cursors != nil {
		s.cursors.Close()
	}
	if s.detect != nil {
		s.detect.Close()
	}
	if s.alerts != nil {
		s.alerts.Close()
	}
	s.lock.Close()
}

// verdicts are the decisions about alerts of earlier runs.
func (s *state) verdicts(ctx context.Context) (func() []engine.Verdict, error) {
	if s == nil {
		return nil, nil
	}
	list, err := triage.Verdicts(ctx, s.dir)
	return func() []engine.Verdict { return list }, err
}

// load restores what earlier runs left behind; the events since their checkpoint
// go to the sorter, among those of this run.
func (s *state) load(ctx context.Context, sorter *order.Sorter) (*checkpoint, error) {
	c := &checkpoint{resolver: identity.New(), desk: alert.NewCorrelator()}
	if s == nil {
		return c, nil
	}
	var err error
	if c.generation, c.desk, err = s.alerts.Load(ctx); err != nil || c.generation == 0 {
		return c, err
	}
	s.current = c.generation
	w := sorter.Writer()
	kept, err := s.cursors.Load(ctx, c.generation, func(rec []byte) error {
		if event.RecordSource(rec) != event.HR {
			c.keys = append(c.keys, event.RecordKey(rec))
			src := event.RecordSource(rec)
			c.newest[src] = max(c.newest[src], event.RecordTime(rec))
			c.earliest, c.latest = earlier(c.earliest, event.RecordTime(rec)), max(c.latest, event.RecordTime(rec))
		}
		return w.AddRecord(rec)
	})
	if err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	slices.Sort(c.keys)
	c.at, c.aliases = kept.At, kept.Aliases
	if err := c.resolver.Restore(kept.Aliases); err != nil {
		return nil, err
	}
	if c.baseline, err = s.detect.Load(ctx, c.generation); err != nil {
		return nil, err
	}
	if c.snapshot, err = c.desk.BatchSnapshot(c.at); err != nil {
		return nil, err
	}
	return c, nil
}

// begin starts the next generation.
func (s *state) begin(ctx context.Context) (err error) {
	s.backlog, err = s.cursors.Begin(ctx, s.current+1, s.current)
	return err
}

// save makes the next generation current. What people did on their days is the same
// whenever it is kept. Until the alerts are written, which
// comes last, the generation before is.
func (s *state) save(ctx context.Context, f *flow, list []alert.Draft) error {
	next := s.current + 1
	if err := s.backlog.Commit(backlog.Checkpoint{At: f.at, Aliases: f.aliases}); err != nil {
		return err
	}
	s.backlog = nil
	if err := s.detect.Save(ctx, next, s.current, f.baseline); err != nil {
		return err
	}
	if err := errors.Join(s.alerts.ReplaceDays(ctx, f.before.at, f.kept.all()), s.alerts.SetLeavers(ctx, f.leavers, nil)); err != nil {
		return err
	}
	return s.alerts.Save(ctx, next, f.at, f.desk, f.before.desk.Each(list))
}
