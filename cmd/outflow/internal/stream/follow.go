package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
)

// Arrival is what was read from a partition, or the error that ended the reading of it: io.EOF if the
// partition has ended.
type Arrival struct {
	Partition int               // that was read
	Recs      []eventlog.Record // in order; none with an error
	classes   []RecordClass     // of Recs
	Err       error             // nil if there are records
}

// Follow reads a partition of a log from the offset next on, at most most records at a time, and sends
// them to a channel. It classifies them with classify on the way. It returns when it has reached the
// offset until, when ctx ends, or after it has sent an error, a panic of classify included.
func Follow(ctx context.Context, log eventlog.Log, partition int, next, until int64, most int, to chan<- Arrival,
	classify func([]eventlog.Record) []RecordClass) {
	for next < until {
		var recs []eventlog.Record
		var classes []RecordClass
		err := guard.Do("log", func() (err error) {
			if recs, err = log.Read(ctx, partition, next, most); err == nil {
				for len(recs) > 0 && recs[len(recs)-1].Offset >= until {
					recs = recs[:len(recs)-1]
				}
				classes = classify(recs)
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
		case to <- Arrival{partition, recs, classes, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		next = recs[len(recs)-1].Offset + 1
	}
}

// RecordClass says what a record of the event log is.
type RecordClass byte

const (
	eventRecord   RecordClass = iota
	markerRecord              // the beginning or the end of a delivery, see ingest.BatchMarker
	erasedRecord              // its value was removed by outflow privacy erase
	unknownRecord             // damaged, or written by a later version
)

// recordsPerRead is how many records of a short log are read at a time.
const recordsPerRead = 512
