// Package eventlog is the log that ingest appends to and detect reads from. Its
// kinds keep one contract, which eventlogtest checks: Memory for scans and
// tests, SQLite where there is no infrastructure, Kafka where there is.
package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Record is one entry of a log. What Append was given must not be changed
// afterwards; what Read returns must not be changed at all.
type Record struct {
	Partition int    // where the record is; set by Append if there is a key
	Offset    int64  // its place in the partition, from 0; set by Append
	Key       string // decides the partition; records of one key keep their order
	Value     []byte
	// Appended is when the log took the record, Unix milliseconds: by the clock of the
	// process that appended it (Memory, SQLite) or of the broker (Kafka). Set by Append,
	// and equal in every Read. 0 if it is not known.
	Appended int64
}

// Log is an ordered, partitioned sequence of records.
type Log interface {
	// Append adds records in the given order: to the partition of their key, or,
	// without a key, to the partition they name. Nil means that all of them are as
	// durable as the kind promises. After an error some may have been added;
	// appending all of them again is the caller's business, and harmless where ids
	// are made from causes. It waits while the log is full, until ctx ends.
	Append(ctx context.Context, recs ...Record) error
	// Read returns up to max records of a partition from an offset on, at least
	// one: it waits for the first, until ctx ends. io.EOF says that the log is
	// closed and holds no more. Reading from an offset tells a kind with limited
	// room that what lies before it will not be asked for again.
	Read(ctx context.Context, partition int, from int64, max int) ([]Record, error)
	// Bounds are the offsets of the first record of a partition that is held, and
	// of the next one that will be appended.
	Bounds(ctx context.Context, partition int) (first, next int64, err error)
	// Partitions is how many there are, fixed for the life of the log.
	Partitions() int
}

// ErrGone is returned by Read for an offset that the log no longer holds.
var ErrGone = errors.New("eventlog: offset is gone")

// ErrClosed is returned by Append on a closed log.
var ErrClosed = errors.New("eventlog: closed")

// place is the partition that a record goes to among n.
func (r *Record) place(n int) (int, error) {
	if r.Key != "" {
		return PartitionOf(r.Key, n), nil
	}
	return r.Partition, within(r.Partition, n)
}

// within is an error if there is no such partition among n.
func within(partition, n int) error {
	if partition < 0 || partition >= n {
		return fmt.Errorf("eventlog: no partition %d", partition)
	}
	return nil
}

// PartitionOf is the partition of a key among n. It must never change: state is
// kept by partition.
func PartitionOf(key string, n int) int { return int(xxhash.Sum64String(key) % uint64(n)) }
