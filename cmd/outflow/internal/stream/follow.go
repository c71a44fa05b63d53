package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
)

// Arrival is what was read of a partition.
type Arrival struct {
	Partition int
	Recs      []eventlog.Record
	kinds     []KindOf // of recs
	Err       error
}

// Follow reads a partition of a log from an offset on, some records at a time, says what
// they are, and hands them over, until it comes to another offset, reading fails or ctx ends.
func Follow(ctx context.Context, log eventlog.Log, partition int, next, until int64, most int, to chan<- Arrival, look func([]eventlog.Record) []KindOf) {
	for next < until {
		var recs []eventlog.Record
		var kinds []KindOf
		err := guard.Do("log", func() (err error) {
			if recs, err = log.Read(ctx, partition, next, most); err == nil {
				for len(recs) > 0 && recs[len(recs)-1].Offset >= until {
					recs = recs[:len(recs)-1]
				}
				kinds = look(recs)
			}
			return err
		})
		if len(recs) == 0 && err == nil { // offsets may have gaps
			return
		}
		if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
			err = fmt.Errorf("log, partition %d, from offset %d on: %w", partition, next, err)
		}
		select {
		case to <- Arrival{partition, recs, kinds, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		next = recs[len(recs)-1].Offset + 1
	}
}

// KindOf is what a record of the log of events is.
type KindOf byte

const (
	isEvent KindOf = iota
	isMark
	isErased
	isNothing // nothing that this version knows
)

// recordsPerRead is how many records of a short log are read at a time.
const recordsPerRead = 512
