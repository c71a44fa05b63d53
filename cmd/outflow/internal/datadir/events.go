package datadir

import (
	"context"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// EachEvent hands each record of the embedded event log to a function.
func EachEvent(ctx context.Context, path string, take func(rec []byte) error) error {
	f, err := eventlog.OpenFileReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	parts, err := f.Partitions(ctx, "events")
	if err != nil || parts == 0 {
		return err
	}
	log, err := f.Log(ctx, "events", parts)
	if err != nil {
		return err
	}
	return EachOf(ctx, log, take)
}

// EachOf hands each event of an event log, as it is stored, to a function.
func EachOf(ctx context.Context, log eventlog.Log, take func(rec []byte) error) error {
	for p := range log.Partitions() {
		at, end, err := log.Bounds(ctx, p)
		if err != nil {
			return err
		}
		_, err = eventlog.Each(ctx, log, p, at, end, recordsPerRead, func(r *eventlog.Record) error {
			if !event.HasHeader(r.Value) { // a batch marker
				return nil
			}
			return take(r.Value)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recordsPerRead is how many records of a log are read at a time.
const recordsPerRead = 512
