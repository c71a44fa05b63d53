package eventlog_test

import (
	"context"
	"errors"
	"testing"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/eventlog/eventlogtest"
)

func TestMemory(t *testing.T) {
	for name, limit := range map[string]int64{"unlimited": 0, "limited": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			eventlogtest.Run(t, func(_ *testing.T, partitions int) (eventlog.Log, func()) {
				m := eventlog.NewMemory(partitions, limit)
				return m, m.Close
			})
		})
	}
}

// TestMemoryLimit checks that Append waits while a log is full, and that records are dropped
// once they have been read.
func TestMemoryLimit(t *testing.T) {
	m := eventlog.NewMemory(1, 10)
	if err := m.Append(t.Context(), eventlog.Record{Value: make([]byte, 20)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Append(ctx, eventlog.Record{Value: []byte("x")}); !errors.Is(err, context.Canceled) {
		t.Fatalf("a full log took a record: %v", err)
	}
	done := make(chan error)
	go func() { done <- m.Append(context.Background(), eventlog.Record{Value: []byte("y")}) }()
	recs, err := m.Read(t.Context(), 0, 0, 1)
	if err != nil || len(recs) != 1 {
		t.Fatal(recs, err)
	}
	if recs, err = m.Read(t.Context(), 0, 1, 1); err != nil || string(recs[0].Value) != "y" {
		t.Fatal(recs, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := m.Read(t.Context(), 0, 0, 1); !errors.Is(err, eventlog.ErrGone) {
		t.Errorf("what was read is still there: %v", err)
	}
}

// TestPartitionOf pins the partitions of keys: state is stored by partition.
func TestPartitionOf(t *testing.T) {
	for key, want := range map[string]int{"": 9, "jane.doe@acme.example": 2, "aws:111122223333:user/jane": 6} {
		if got := eventlog.PartitionOf(key, 16); got != want {
			t.Errorf("PartitionOf(%q, 16) = %d, want %d", key, got, want)
		}
	}
}
