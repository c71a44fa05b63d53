package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
)

// Record is a record of the alert topic: an alert, what users did on their days, or the leavers of a
// shard. Kind says which of Alert, Activity and Leavers is set.
type Record struct {
	Kind     RecordKind         // what the record is about
	Alert    *alert.Alert       // a version of an alert
	Activity []finding.Activity // of users on their days
	Leavers  []finding.Leaver   // all leavers of the shard
}

// RecordKind says what a record of the alert topic is about.
type RecordKind int

// The kinds of records of the alert topic.
const (
	AlertRecord    RecordKind = iota // an alert
	ActivityRecord                   // what users did on their days
	LeaversRecord                    // the leavers of a shard
)

// Records that are no alerts have one of these as their first and only key.
const (
	activityKey = "activity"
	leaversKey  = "leavers"
)

// ParseRecord decodes the value of a record of the alert topic. With an error, only Kind is set.
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

// Marshal encodes the record as the value of a record of the alert topic.
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

// beginEpoch begins an epoch in a shard's partition of the alert topic, and reads which alerts are
// published. Records of earlier epochs are ignored from here on, so a worker that resumes after its
// session expired cannot publish stale alerts. It returns the epoch and the key that records of the
// epoch must have, which leads them to the partition.
func (pr *Processor) beginEpoch(ctx context.Context, log eventlog.Log, shard int, now time.Time) (epoch int64, key string, err error) {
	at, end, err := log.Bounds(ctx, shard)
	if err != nil {
		return 0, "", err
	}
	latest := int64(0)
	read := func() (err error) {
		at, err = eventlog.Each(ctx, log, shard, at, end, recordsPerRead, func(r *eventlog.Record) error {
			if !IsCurrent(r, &latest) || len(r.Value) == 0 {
				return nil
			}
			return pr.published.recall(shard, r.Value, pr.checkpoints.base())
		})
		return err
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
	if err := read(); err != nil { // what was appended meanwhile
		return 0, "", err
	}
	pr.epochs[shard] = &ownEpoch{epoch, at}
	return epoch, key, nil
}

// ownEpoch is the epoch that a worker has begun in a partition of the alert topic.
type ownEpoch struct {
	number int64
	at     int64 // up to where the partition was searched for later ones
}

// errSuperseded says that another worker has begun a later epoch, so that what this one publishes is ignored.
var errSuperseded = errors.New("another worker has begun a later epoch in the alert topic")

// superseded returns errSuperseded if a later epoch was begun in a partition of the alert topic. A worker that
// was paused just after the group had assigned it the partitions begins one when it resumes, though others have
// taken over since. Whoever the group has assigned them to begins again.
func (pr *Processor) superseded(ctx context.Context, log eventlog.Log) error {
	for shard, own := range pr.epochs {
		first, end, err := log.Bounds(ctx, shard)
		if err != nil {
			return err
		}
		latest := own.number
		own.at, err = eventlog.Each(ctx, log, shard, max(own.at, first), end, recordsPerRead, func(r *eventlog.Record) error {
			IsCurrent(r, &latest)
			return nil
		})
		if err != nil {
			return err
		}
		if latest > own.number {
			return errSuperseded
		}
	}
	return nil
}

// epochKey is the key of the records of an epoch in a partition. It is the epoch, followed by a number
// if that is needed for the key's hash to select the partition.
func epochKey(epoch int64, partition, partitions int) string {
	key := strconv.FormatInt(epoch, 10)
	for n := 0; eventlog.PartitionOf(key, partitions) != partition; n++ {
		key = fmt.Sprintf("%d.%d", epoch, n)
	}
	return key
}

// IsCurrent reports whether a record of the alert topic is of the latest epoch in its partition so far,
// or begins a later one. The caller keeps the latest epoch of the partition in *epoch, 0 at first, and
// passes the records in their order.
func IsCurrent(r *eventlog.Record, epoch *int64) bool {
	number, _, _ := strings.Cut(r.Key, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < *epoch {
		return false
	}
	*epoch = n
	return true
}
