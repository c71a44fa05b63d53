package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
)

// arrival is what was read of a partition.
type arrival struct {
	partition int
	recs      []eventlog.Record
	kinds     []kindOf // of recs
	err       error
}

// follow reads a partition of a log from an offset on, some records at a time, says what
// they are, and hands them over, until it comes to another offset, reading fails or ctx ends.
func follow(ctx context.Context, log eventlog.Log, partition int, next, until int64, most int, to chan<- arrival, look func([]eventlog.Record) []kindOf) {
	for next < until {
		var recs []eventlog.Record
		var kinds []kindOf
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
		case to <- arrival{partition, recs, kinds, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		next = recs[len(recs)-1].Offset + 1
	}
}

// kindOf is what a record of the log of events is.
type kindOf byte

const (
	isEvent kindOf = iota
	isMark
	isErased
	isNothing // nothing that this version knows
)

// recordsPerRead is how many records of a short log are read at a time.
const recordsPerRead = 512
