package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

const (
	defaultReserve = 1 << 30 // bytes, but no more than a tenth of the disk
	lookAtDisk     = 2 * time.Second
)

// intake lets events into the log while there is room on the disk of the state. Below the
// reserve it stops; processing and notifying go on in what is left. With a tenth more than
// the reserve it goes on by itself.
type intake struct {
	reserve int64 // bytes; 0 for the default, -1 for none
	free    func() (free, total uint64, err error)

	mu     sync.Mutex
	full   chan struct{} // closed when there is room again; nil if there is
	reason string
	room   uint64 // bytes, at the last look
}

// look asks how much room there is. It returns whether intake is stopped now, and whether
// that has changed.
func (i *intake) look() (full, changed bool, err error) {
	free, total, err := i.free()
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		return i.full != nil, false, err
	}
	i.room = free
	limit := uint64(max(i.reserve, 0))
	if i.reserve == 0 {
		limit = min(defaultReserve, total/10)
	}
	switch {
	case i.full == nil && free < limit:
		i.full = make(chan struct{})
		i.reason = fmt.Sprintf("%s are free on the disk of the state, less than the reserve of %s", mebibytes(free), mebibytes(limit))
		return true, true, nil
	case i.full != nil && free >= limit+limit/10:
		close(i.full)
		i.full, i.reason = nil, ""
		return false, true, nil
	}
	return i.full != nil, false, nil
}

func mebibytes(n uint64) string { return fmt.Sprintf("%d MiB", n>>20) }

// stopped says why intake is stopped; "" if it is not; and how many bytes were free at the
// last look.
func (i *intake) stopped() (reason string, free uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reason, i.room
}

// wait returns when there is room, or ctx ends.
func (i *intake) wait(ctx context.Context) error {
	for {
		i.mu.Lock()
		full := i.full
		i.mu.Unlock()
		if full == nil {
			return nil
		}
		select {
		case <-full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gated is an event log that takes nothing while intake is stopped.
type gated struct {
	eventlog.Log
	intake *intake
	once   bool // an error instead of waiting
}

// Append implements eventlog.Log.
func (g gated) Append(ctx context.Context, recs ...eventlog.Record) error {
	if reason, _ := g.intake.stopped(); g.once && reason != "" {
		return errors.New("intake is stopped: " + reason)
	}
	if err := g.intake.wait(ctx); err != nil {
		return err
	}
	return g.Log.Append(ctx, recs...)
}

// watchDisk stops and opens intake until ctx ends.
func (d *Daemon) watchDisk(ctx context.Context, log eventlog.Log) error {
	for logged := false; ; {
		if err := d.lookAtDisk(ctx, log, time.Now()); err != nil && !logged && ctx.Err() == nil {
			logged = true
			d.Log.Warn("free disk space unknown", "err", err)
		}
		if err := pause(ctx, lookAtDisk); err != nil {
			return err
		}
	}
}

// lookAtDisk looks once. It appends an event that intake is stopped: the reserve is
// room enough for it.
func (d *Daemon) lookAtDisk(ctx context.Context, log eventlog.Log, now time.Time) error {
	full, changed, err := d.intake.look()
	if err != nil || !changed {
		return err
	}
	if !full {
		d.health.clear("disk", "")
		d.Log.Info("intake resumed: disk space is available")
		return nil
	}
	reason, _ := d.intake.stopped()
	d.stats.failures.Add(1)
	d.health.set("disk", "", reason)
	d.Log.Error("intake stopped: disk nearly full", "err", reason)
	return watch.AppendGap(ctx, log, event.Disk, "", now, reason)
}
