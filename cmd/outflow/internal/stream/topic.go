package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
)

// Record is a record of the alert topic: an alert, what users did on their days, or who leaves.
// Exactly one of Alert, Activity and Leavers is meant, as Kind says.
type Record struct {
	Kind     RecordKind
	Alert    *alert.Alert
	Activity []finding.Activity
	Leavers  []finding.Leaver // all leavers of the shard
}

// RecordKind says what a record of the alert topic is about.
type RecordKind int

// What a record of the alert topic may be.
const (
	AlertRecord RecordKind = iota
	ActivityRecord
	LeaversRecord
)

// Records that are no alerts have one of these as their first and only key.
const (
	activityKey = "activity"
	leaversKey  = "leavers"
)

// ParseRecord reads the value of a record of the alert topic. An error says that it is none; Kind
// is set all the same.
func ParseRecord(value []byte) (r Record, err error) {
	switch {
	case bytes.HasPrefix(value, []byte(`{"`+activityKey+`":`)):
		r.Kind = ActivityRecord
		err = unmarshalKeyed(value, activityKey, &r.Activity)
	case bytes.HasPrefix(value, []byte(`{"`+leaversKey+`":`)):
		r.Kind = LeaversRecord
		err = unmarshalKeyed(value, leaversKey, &r.Leavers)
	default:
		r.Alert = &alert.Alert{}
		err = json.Unmarshal(value, r.Alert)
	}
	if err != nil {
		return r, fmt.Errorf("alert topic: decode record: %w", err)
	}
	return r, nil
}

func unmarshalKeyed[T any](value []byte, key string, list *[]T) error {
	var rec map[string][]T
	err := json.Unmarshal(value, &rec)
	*list = rec[key]
	return err
}

// Marshal is the value of the record.
func (r *Record) Marshal() ([]byte, error) {
	switch r.Kind {
	case ActivityRecord:
		return json.Marshal(map[string]any{activityKey: r.Activity})
	case LeaversRecord:
		return json.Marshal(map[string]any{leaversKey: r.Leavers})
	}
	return json.Marshal(r.Alert)
}

// marshalActivity is Record.Marshal for days that are JSON already.
func marshalActivity(days []json.RawMessage) ([]byte, error) {
	return json.Marshal(map[string]any{activityKey: days})
}

// takeOver begins a term in a shard's partition of the log of alerts, and reads which
// alerts are out. From there on nothing counts that somebody says whose term was before:
// who was paused for longer than a session, and goes on, says what is out of date. The
// key of what is said has the term, such that it gets to the partition.
func (pr *Processor) beginEpoch(ctx context.Context, log eventlog.Log, shard int, now time.Time) (epoch int64, key string, err error) {
	at, end, err := log.Bounds(ctx, shard)
	if err != nil {
		return 0, "", err
	}
	latest := int64(0)
	read := func() error {
		for at < end {
			recs, err := log.Read(ctx, shard, at, recordsPerRead)
			if err != nil {
				return err
			}
			for i := range recs {
				r := &recs[i]
				if !IsCurrent(r, &latest) || len(r.Value) == 0 {
					continue
				}
				if err := pr.published.recall(shard, r.Value, pr.checkpoints.base()); err != nil {
					return err
				}
			}
			at = recs[len(recs)-1].Offset + 1
		}
		return nil
	}
	if err := read(); err != nil {
		return 0, "", err
	}
	epoch = max(latest+1, now.UnixMilli())
	key = epochKey(epoch, shard, log.Partitions())
	if err := log.Append(ctx, eventlog.Record{Key: key}); err != nil {
		return 0, "", err
	}
	if _, end, err = log.Bounds(ctx, shard); err != nil {
		return 0, "", err
	}
	return epoch, key, read() // what came in between
}

// termKey is the key of what is said in a term, in a partition among some: where there are
// several, a number after the term gets it there.
func epochKey(epoch int64, partition, partitions int) string {
	key := strconv.FormatInt(epoch, 10)
	for n := 0; eventlog.PartitionOf(key, partitions) != partition; n++ {
		key = fmt.Sprintf("%d.%d", epoch, n)
	}
	return key
}

// IsCurrent says whether a record of the log of alerts counts: the latest term is kept
// in term. A record's key is the term of who judged.
func IsCurrent(r *eventlog.Record, epoch *int64) bool {
	number, _, _ := strings.Cut(r.Key, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < *epoch {
		return false
	}
	*epoch = n
	return true
}
