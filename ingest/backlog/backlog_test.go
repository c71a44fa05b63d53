package backlog_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/internal/event"
)

// record returns a stored event that has its number and generation in it.
func record(i int, generation int64) []byte {
	e := event.Event{
		ID:     fmt.Sprintf("%d of generation %d", i, generation),
		Key:    uint64(i + 1),
		Source: event.Box,
		Time:   generation,
		Action: strings.Repeat("x", 500),
	}
	return e.Append(nil)
}

func TestStore(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "cursors.db")
	s, err := backlog.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	save := func(generation, current int64, n int) {
		t.Helper()
		w, err := s.Begin(ctx, generation, current)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := w.Add(record(i, generation)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(backlog.Checkpoint{At: generation * 100, Aliases: []byte{byte(generation)}}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(generation int64, n int) {
		t.Helper()
		i := 0
		c, err := s.Load(ctx, generation, func(rec []byte) error {
			if !bytes.Equal(rec, record(i, generation)) {
				t.Errorf("record %d of generation %d is %.60q", i, generation, rec)
			}
			i++
			return nil
		})
		if err != nil || i != n || c.At != generation*100 || len(c.Aliases) != 1 {
			t.Errorf("generation %d: %d records, %+v, %v", generation, i, c, err)
		}
	}
	save(1, 0, 5000) // several chunks
	save(2, 1, 3)
	check(1, 5000) // the current one stays until the next is complete
	check(2, 3)
	w, err := s.Begin(ctx, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	w.Add(record(0, 3))
	w.Rollback()
	check(2, 3)
	save(3, 2, 0)
	if _, err := s.Load(ctx, 1, func([]byte) error { return nil }); err == nil {
		t.Error("a generation that was forgotten is there")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = backlog.Open(ctx, path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check(3, 0)
}
