package order_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
)

func ev(i int) *event.Event {
	return &event.Event{
		ID:     fmt.Sprint("id", i),
		Key:    uint64(i + 1),
		Source: event.Box,
		Time:   int64(1_700_000_000_000 + i/3*1000),
		Action: "DOWNLOAD",
		Class:  event.Download,
		Actor:  event.Actor{Account: "a"},
	}
}

// merged sorts events, spread over writers, and returns their ids in order.
func merged(t *testing.T, memory int64, list []*event.Event, writers int) ([]string, order.Stats) {
	t.Helper()
	dir := t.TempDir()
	s := order.New(memory, dir)
	ws := make([]*order.Writer, writers)
	for i := range ws {
		ws[i] = s.Writer()
	}
	for i, e := range list {
		w := ws[i%writers]
		var err error
		if i%2 == 0 {
			err = w.Add(e)
		} else {
			err = w.AddRecord(e.Append(nil))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range ws {
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	var dec event.Decoder
	stats, err := s.Merge(t.Context(), func(rec []byte) error {
		var e event.Event
		if err := dec.Decode(rec, &e); err != nil {
			return err
		}
		got = append(got, strings.Clone(e.ID)+strings.Clone(e.Actor.Name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files left behind", len(left))
	}
	return got, stats
}

func TestMerge(t *testing.T) {
	var want []string
	var list []*event.Event
	for i := range 3000 {
		want = append(want, fmt.Sprint("id", i))
		list = append(list, ev(i), ev(i)) // everything twice
	}
	for _, memory := range []int64{1 << 30, 1 << 18, 0} { // all in memory, some in a file, nearly all
		for _, writers := range []int{1, 3, 16} {
			rand.New(rand.NewPCG(1, uint64(writers))).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			got, stats := merged(t, memory, list, writers)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("memory %d, %d writers: %d events, first %v", memory, writers, len(got), got[:3])
			}
			if stats.Duplicates[event.Box] != 3000 || stats.Conflicts[event.Box] != 0 {
				t.Errorf("%+v", stats)
			}
		}
	}
}

// TestConflict checks which of two records of one event is kept: the preferred one, whatever
// their order.
func TestConflict(t *testing.T) {
	a, b := ev(1), ev(1)
	b.Actor.Name = "Jane"
	for _, list := range [][]*event.Event{{a, b}, {b, a}} {
		got, stats := merged(t, 1<<20, list, 1)
		if len(got) != 1 || got[0] != "id1Jane" || stats.Conflicts[event.Box] != 1 {
			t.Errorf("%v %+v", got, stats)
		}
	}
}

func TestMergeStops(t *testing.T) {
	s := order.New(1<<20, t.TempDir())
	defer s.Close()
	w := s.Writer()
	for i := range 10_000 {
		w.Add(ev(i))
	}
	w.Flush()
	stop := errors.New("stop")
	if _, err := s.Merge(context.Background(), func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Merge(ctx, func([]byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestNoRoom checks that a disk that takes nothing is an error, not a loss.
func TestNoRoom(t *testing.T) {
	s := order.New(0, "/nonexistent")
	w := s.Writer()
	var err error
	for i := 0; err == nil && i < 100_000; i++ {
		err = w.Add(ev(i))
	}
	if err = errors.Join(err, w.Flush()); err == nil {
		t.Error("nothing was said")
	}
}
