package datadir

import (
	"context"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// EachEvent hands what is in the embedded log of events to a function.
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
	for p := range log.Partitions() {
		at, end, err := log.Bounds(ctx, p)
		if err != nil {
			return err
		}
		for at < end {
			recs, err := log.Read(ctx, p, at, recordsPerRead)
			if err != nil {
				return err
			}
			for i := range recs {
				if event.HasHeader(recs[i].Value) { // no mark
					if err := take(recs[i].Value); err != nil {
						return err
					}
				}
			}
			at = recs[len(recs)-1].Offset + 1
		}
	}
	return nil
}

// recordsPerRead is how many records of a log are read at a time.
const recordsPerRead = 512
