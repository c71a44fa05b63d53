package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
)

// Records of the log of alerts that are no alerts have one of these as their only key:
// what people did on their days, and who leaves.
const (
	ActivityKey = "activity"
	LeaversKey  = "leavers"
)

// DaysIn reads what people did on their days from a record of the log of alerts; ok is
// false if it is none of these.
func DaysIn(value []byte) (days []finding.Activity, ok bool, err error) {
	return keyed[finding.Activity](value, ActivityKey)
}

// LeaversIn reads who leaves from a record of the log of alerts; ok is false if it is none
// of these.
func LeaversIn(value []byte) (list []finding.Leaver, ok bool, err error) {
	return keyed[finding.Leaver](value, LeaversKey)
}

func keyed[T any](value []byte, key string) (list []T, ok bool, err error) {
	if !bytes.HasPrefix(value, []byte(`{"`+key+`":`)) {
		return nil, false, nil
	}
	var rec map[string][]T
	err = json.Unmarshal(value, &rec)
	return rec[key], true, err
}

// takeOver begins a term in a shard's partition of the log of alerts, and reads which
// alerts are out. From there on nothing counts that somebody says whose term was before:
// who was paused for longer than a session, and goes on, says what is out of date. The
// key of what is said has the term, such that it gets to the partition.
func (j *Processor) takeOver(ctx context.Context, log eventlog.Log, shard int, now time.Time) (term int64, key string, err error) {
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
				var a alert.Alert
				if days, day, err := DaysIn(r.Value); day {
					if err == nil {
						j.heard(days)
					}
					continue
				}
				if _, is, _ := LeaversIn(r.Value); is {
					j.leaving[shard] = xxhash.Sum64(r.Value)
					continue
				}
				if json.Unmarshal(r.Value, &a) == nil {
					body, err := j.file.Put(r.Value)
					if err != nil {
						return err
					}
					j.said[a.ID] = said{xxhash.Sum64(r.Value), a.Time.UnixMilli(), a.Withdrawn, a.IsNotJudged(), body}
				}
			}
			at = recs[len(recs)-1].Offset + 1
		}
		return nil
	}
	if err := read(); err != nil {
		return 0, "", err
	}
	term = max(latest+1, now.UnixMilli())
	key = termKey(term, shard, log.Partitions())
	if err := log.Append(ctx, eventlog.Record{Key: key}); err != nil {
		return 0, "", err
	}
	if _, end, err = log.Bounds(ctx, shard); err != nil {
		return 0, "", err
	}
	return term, key, read() // what came in between
}

// termKey is the key of what is said in a term, in a partition among some: where there are
// several, a number after the term gets it there.
func termKey(term int64, partition, partitions int) string {
	key := strconv.FormatInt(term, 10)
	for n := 0; eventlog.PartitionOf(key, partitions) != partition; n++ {
		key = fmt.Sprintf("%d.%d", term, n)
	}
	return key
}

// IsCurrent says whether a record of the log of alerts counts: the latest term is kept
// in term. A record's key is the term of who judged.
func IsCurrent(r *eventlog.Record, term *int64) bool {
	number, _, _ := strings.Cut(r.Key, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < *term {
		return false
	}
	*term = n
	return true
}
