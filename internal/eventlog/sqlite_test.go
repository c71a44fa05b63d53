package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/eventlog/eventlogtest"
)

func openFile(t *testing.T, path string, partitions int) (*eventlog.File, *eventlog.SQLite) {
	t.Helper()
	f, err := eventlog.OpenFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	l, err := f.Log(t.Context(), "events", partitions)
	if err != nil {
		t.Fatal(err)
	}
	return f, l
}

func TestSQLite(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T, partitions int) (eventlog.Log, func()) {
		_, l := openFile(t, filepath.Join(t.TempDir(), "log.db"), partitions)
		return l, l.End
	})
}

// TestSQLiteReopen checks that a log continues where it ended, also after Trim, and that its
// number of partitions is fixed.
func TestSQLiteReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	f, l := openFile(t, path, 2)
	for i := range 5 {
		if err := l.Append(t.Context(), eventlog.Record{Partition: 1, Value: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := l.Trim(t.Context(), 1, time.Now().Add(time.Hour), 3); err != nil || gone != 3 {
		t.Fatalf("%d records forgotten, %v; three lie before the offset", gone, err)
	}
	if gone, err := l.Trim(t.Context(), 1, time.Now().Add(-time.Hour), 5); err != nil || gone != 0 {
		t.Fatalf("%d records forgotten, %v; none is old", gone, err)
	}
	f.Close()
	f, l = openFile(t, path, 2)
	if first, next, err := l.Bounds(t.Context(), 1); err != nil || first != 3 || next != 5 {
		t.Errorf("%d to %d, %v", first, next, err)
	}
	if recs, err := l.Read(t.Context(), 1, 4, 10); err != nil || len(recs) != 1 || string(recs[0].Value) != "4" {
		t.Errorf("%v, %v", recs, err)
	}
	if _, err := l.Read(t.Context(), 1, 2, 10); !errors.Is(err, eventlog.ErrGone) {
		t.Errorf("what is gone: %v", err)
	}
	if _, err := l.Read(t.Context(), 1, 9, 10); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("beyond the end: %v", err)
	}
	if _, err := f.Log(t.Context(), "events", 3); err == nil {
		t.Error("the number of partitions changed")
	}
}

// TestSQLiteHandsOver checks that a reader gets the same records whether they were appended while it
// waited, while it was behind by more than stays in memory, or before the file was opened.
func TestSQLiteHandsOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	f, l := openFile(t, path, 2)
	const each, total = 100, 5000
	value := make([]byte, 8<<10)
	var live []eventlog.Record
	read := func(until int64) {
		for int64(len(live)) < until {
			recs, err := l.Read(t.Context(), 1, int64(len(live)), 64)
			if err != nil {
				t.Fatal(err)
			}
			live = append(live, recs...)
		}
	}
	for n := 0; n < total; n += each {
		recs := make([]eventlog.Record, each)
		for i := range recs {
			recs[i] = eventlog.Record{Partition: 1, Value: fmt.Append(nil, n+i, " ", string(value))}
		}
		if err := l.Append(t.Context(), recs...); err != nil {
			t.Fatal(err)
		}
		if n < total/4 { // then the reader falls behind
			read(int64(n + each))
		}
	}
	read(total)
	f.Close()
	_, l = openFile(t, path, 2)
	for i := range live {
		recs, err := l.Read(t.Context(), 1, int64(i), 1)
		if err != nil || !reflect.DeepEqual(recs[0], live[i]) || recs[0].Offset != int64(i) {
			t.Fatalf("offset %d: %v, %v; it was %v before", i, recs, err, live[i])
		}
	}
}
