// Package eventlog is the event log: ingest appends to it, detect reads from it. All
// implementations satisfy one contract, which eventlogtest checks: Memory for scans and tests,
// SQLite for a single machine, Kafka for a cluster.
package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Record is one entry of a log. Do not modify records after passing them to Append, nor those
// that Read returns.
type Record struct {
	Partition int    // where the record is; Append sets it if there is a Key
	Offset    int64  // position in the partition, from 0; set by Append
	Key       string // determines the partition; records of one key keep their order
	Value     []byte // the content
	// Appended is when the log stored the record, Unix milliseconds: by the clock of the
	// process that appended it (Memory, SQLite) or of the broker (Kafka). Append sets it, and
	// every Read returns the same. It is 0 if unknown.
	Appended int64
}

// Log is an ordered, partitioned sequence of records.
type Log interface {
	// Append adds records in the given order: to the partition of their key, or, without a
	// key, to the partition they name. A nil error means that all of them are as durable as
	// the implementation promises. After an error some may have been added. The caller may
	// append all of them again, which is harmless if readers deduplicate by ID. Append blocks
	// while the log is full, until ctx ends. A log may keep the values: they must not change afterwards.
	Append(ctx context.Context, recs ...Record) error
	// Read returns between 1 and max records of a partition, starting at an offset. It blocks
	// until there is one or ctx ends. io.EOF means that the log is closed and has no more
	// records. A log with limited space may discard the records before the offset.
	Read(ctx context.Context, partition int, from int64, max int) ([]Record, error)
	// Bounds returns the offset of the first record that a partition still holds, and the
	// offset of the next record to be appended.
	Bounds(ctx context.Context, partition int) (first, next int64, err error)
	// Partitions returns the number of partitions, which never changes.
	Partitions() int
}

// Each calls do for the records of a partition from one offset until another, and for those
// beyond that were read together with the last of them. It reads at most max records at a time.
// It returns the offset after the last record, and the first error of Read or do, unchanged.
func Each(ctx context.Context, log Log, partition int, from, until int64, max int, do func(*Record) error) (next int64, err error) {
	for from < until {
		recs, err := log.Read(ctx, partition, from, max)
		if err != nil {
			return from, err
		}
		for i := range recs {
			if err := do(&recs[i]); err != nil {
				return from, err
			}
			from = recs[i].Offset + 1
		}
	}
	return from, nil
}

// ErrGone is returned by Read for an offset whose record the log no longer has.
var ErrGone = errors.New("eventlog: offset is gone")

// ErrClosed is returned by Append on a closed log.
var ErrClosed = errors.New("eventlog: closed")

// place returns the partition of a record in a log with n partitions.
func (r *Record) place(n int) (int, error) {
	if r.Key != "" {
		return PartitionOf(r.Key, n), nil
	}
	return r.Partition, within(r.Partition, n)
}

// within returns an error unless a log with n partitions has the partition.
func within(partition, n int) error {
	if partition < 0 || partition >= n {
		return fmt.Errorf("eventlog: no partition %d", partition)
	}
	return nil
}

// PartitionOf returns the partition of a key in a log with n partitions. It must never change:
// state is stored by partition.
func PartitionOf(key string, n int) int { return int(xxhash.Sum64String(key) % uint64(n)) }
