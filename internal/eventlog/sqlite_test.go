package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
