// Package eventlogtest tests implementations of eventlog.Log against its contract.
package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/eventlog"
)

// Open returns an empty log with a number of partitions. Shut ends it: from then on readers
// get io.EOF once they have read everything.
type Open func(t *testing.T, partitions int) (log eventlog.Log, shut func())

// clauses are the tests of the contract, one for each of its clauses.
var clauses = []struct {
	name string
	test func(t *testing.T, open Open)
}{
	{"order", order},
	{"named partition", namedPartition},
	{"appended", appended},
	{"read waits", readWaits},
	{"read ends with its context", readEnds},
	{"closed", closed},
	{"bounds", bounds},
	{"each", each},
	{"many writers", manyWriters},
}

// Run tests one implementation, each clause of the contract with a log of its own.
func Run(t *testing.T, open Open) {
	for _, c := range clauses {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

// order checks that the records of a key stay in the partition of the key, in the order in
// which they were appended.
func order(t *testing.T, open Open) {
	log, shut := open(t, 3)
	if log.Partitions() != 3 {
		t.Fatalf("%d partitions", log.Partitions())
	}
	for i := 0; i < 300; { // from one record at a time up to more than there are keys
		var recs []eventlog.Record
		for range min(1+i%9, 300-i) {
			key := fmt.Sprint("person", i%7)
			recs = append(recs, eventlog.Record{Key: key, Value: fmt.Append(nil, key, " ", i)})
			i++
		}
		mustAppend(t, log, recs...)
	}

	shut()
	last := map[string]int{}
	n := 0
	for p := range 3 {
		for _, r := range drain(t, log, p, 17) {
			if r.Partition != p || eventlog.PartitionOf(r.Key, 3) != p {
				t.Errorf("%q is in partition %d", r.Key, p)
			}
			var key string
			var i int
			fmt.Sscan(string(r.Value), &key, &i)
			if before, seen := last[key]; seen && i <= before {
				t.Errorf("%s: %d after %d", key, i, before)
			}
			last[key] = i
			n++
		}
	}

	if n != 300 {
		t.Errorf("%d of 300 records", n)
	}
}

// namedPartition checks that a record without a key goes to the partition that it names.
func namedPartition(t *testing.T, open Open) {
	log, shut := open(t, 2)
	mustAppend(t, log, eventlog.Record{Partition: 1, Value: []byte("x")})
	if err := log.Append(t.Context(), eventlog.Record{Partition: 2, Value: []byte("x")}); err == nil {
		t.Error("a partition that does not exist took a record")
	}
	shut()
	if n := len(drain(t, log, 1, 10)); n != 1 {
		t.Errorf("%d records", n)
	}
}

// appended checks that every record has the time at which it was appended, and that these
// times do not decrease.
func appended(t *testing.T, open Open) {
	log, shut := open(t, 1)
	before := time.Now().Add(-time.Minute).UnixMilli()
	for range 3 {
		mustAppend(t, log, eventlog.Record{Value: []byte("x")}, eventlog.Record{Value: []byte("y")})
	}

	shut()
	recs := drain(t, log, 0, 10)
	last := before
	for i, r := range recs {
		if r.Appended < last || r.Appended > time.Now().Add(time.Minute).UnixMilli() {
			t.Errorf("record %d was appended at %d, after one of %d", i, r.Appended, last)
		}
		last = r.Appended
	}

	if len(recs) != 6 {
		t.Errorf("%d records", len(recs))
	}
}

// readWaits checks that a reader at the end of a partition gets the next record.
func readWaits(t *testing.T, open Open) {
	log, shut := open(t, 1)
	defer shut()
	got := make(chan []eventlog.Record, 1)
	go func() {
		recs, err := log.Read(context.Background(), 0, 0, 10)
		if err != nil {
			t.Error(err)
		}
		got <- recs
	}()
	mustAppend(t, log, eventlog.Record{Value: []byte("late")})
	if recs := <-got; len(recs) != 1 || string(recs[0].Value) != "late" || recs[0].Offset != 0 {
		t.Errorf("%+v", recs)
	}
}

// readEnds checks that a waiting reader returns the error of its context.
func readEnds(t *testing.T, open Open) {
	log, shut := open(t, 1)
	defer shut()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := log.Read(ctx, 0, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// closed checks the errors of a log that was shut.
func closed(t *testing.T, open Open) {
	log, shut := open(t, 1)
	shut()
	if err := log.Append(t.Context(), eventlog.Record{Value: []byte("x")}); !errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if _, err := log.Read(t.Context(), 0, 0, 1); err != io.EOF {
		t.Errorf("read: %v", err)
	}
}

// bounds checks the offsets of the first and the next record while a partition grows.
func bounds(t *testing.T, open Open) {
	log, shut := open(t, 2)
	defer shut()
	for want := range int64(3) {
		if first, next, err := log.Bounds(t.Context(), 1); err != nil || first != 0 || next != want {
			t.Fatalf("%d to %d, %v; want 0 to %d", first, next, err, want)
		}
		mustAppend(t, log, eventlog.Record{Partition: 1, Value: []byte("x")})
	}
	if _, _, err := log.Bounds(t.Context(), 2); err == nil {
		t.Error("a partition that does not exist has bounds")
	}
}

// each checks eventlog.Each: it stops at the record that its callback refuses, and continues
// from there.
func each(t *testing.T, open Open) {
	log, shut := open(t, 1)
	defer shut()
	for i := range 10 {
		mustAppend(t, log, eventlog.Record{Value: fmt.Append(nil, i)})
	}
	first, end, err := log.Bounds(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	stop, n := errors.New("stop"), 0
	next, err := eventlog.Each(t.Context(), log, 0, first, end, 4, func(*eventlog.Record) error {
		if n++; n == 6 {
			return stop
		}
		return nil
	})
	if err != stop || n != 6 {
		t.Errorf("stopped after %d: %v", n, err)
	}
	var got []string
	next, err = eventlog.Each(t.Context(), log, 0, next, end, 3, func(r *eventlog.Record) error { // from the refused record on
		got = append(got, string(r.Value))
		return nil
	})
	if fmt.Sprint(got) != "[5 6 7 8 9]" || next != end || err != nil {
		t.Errorf("%v, then %d of %d, %v", got, next, end, err)
	}
	next, err = eventlog.Each(t.Context(), log, 0, end, end, 4, func(*eventlog.Record) error { return stop })
	if err != nil || next != end {
		t.Errorf("of nothing: %d, %v", next, err)
	}
}

// manyWriters checks that no record is lost if several goroutines append.
func manyWriters(t *testing.T, open Open) {
	log, shut := open(t, 1)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 200 {
				if err := log.Append(context.Background(), eventlog.Record{Key: "k", Value: fmt.Append(nil, w, " ", i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}

	go func() { wg.Wait(); shut() }()
	seen := map[string]bool{}
	for _, r := range drain(t, log, 0, 64) {
		seen[string(r.Value)] = true
	}
	if len(seen) != 800 {
		t.Errorf("%d of 800 records", len(seen))
	}
}

// mustAppend appends records, and ends the test if that fails.
func mustAppend(t *testing.T, log eventlog.Log, recs ...eventlog.Record) {
	t.Helper()
	if err := log.Append(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
}

// drain reads a partition to its end and checks that offsets follow one another.
func drain(t *testing.T, log eventlog.Log, partition, max int) (all []eventlog.Record) {
	t.Helper()
	for {
		recs, err := log.Read(context.Background(), partition, int64(len(all)), max)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(recs) == 0 || len(recs) > max {
			t.Fatalf("%d records, asked for up to %d", len(recs), max)
		}
		for _, r := range recs {
			if r.Offset != int64(len(all)) {
				t.Fatalf("offset %d, expected %d", r.Offset, len(all))
			}
			r.Value = append([]byte(nil), r.Value...)
			all = append(all, r)
		}
	}
}
