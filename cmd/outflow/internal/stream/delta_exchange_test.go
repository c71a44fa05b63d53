package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/spill"
	"github.com/outflow/outflow/internal/waittest"
)

// TestExchange has workers exchange the deltas of an hour.
func TestExchange(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const hour = 24*20_000 + 5
	log := eventlog.NewMemory(1, 0)
	join := func(epoch int64, mine ...int) *deltaExchange {
		t.Helper()
		epochs := map[int]int64{}
		for _, s := range mine {
			epochs[s] = epoch
		}
		ctx, stop := context.WithCancel(t.Context())
		file, logger := spill.New(1<<20, t.TempDir()), slog.New(slog.DiscardHandler)
		x, err := newDeltaExchange(ctx, log, 3, mine, epochs, 0, file, logger)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { x.run(ctx); close(done) }()
		t.Cleanup(func() { stop(); <-done })
		return x
	}
	has := func(x *deltaExchange, sum uint64) { // of deltas before
		x.begin(t.Context(), (hour-100)*event.Hour)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.sums = map[int64]uint64{hour - 1: sum, hour - 24: 7, hour - 200: sum}
	}
	want := func(x *deltaExchange, deltas map[int][]byte, expected ...string) time.Duration {
		t.Helper()
		began := time.Now()
		others, err := x.exchange(hour, deltas)
		var got []string
		for _, b := range others {
			got = append(got, string(b))
		}
		if slices.Sort(got); err != nil || !slices.Equal(got, expected) {
			t.Fatalf("received %q, %v; want %q", got, err, expected)
		}
		return time.Since(began)
	}
	await := func(x *deltaExchange, holds func(x *deltaExchange) bool) {
		t.Helper()
		waittest.Until(t, "a delta is received", func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return holds(x)
		})
	}

	a, b := join(1, 0), join(1, 1, 2)
	has(a, 1)
	has(b, 1)
	a.arrived = func() bool { return true } // records that have arrived while it waits
	if _, err := a.exchange(hour, map[int][]byte{0: []byte("a")}); !errors.Is(err, errInterrupted) {
		t.Fatalf("no delta has arrived yet: %v", err)
	}
	a.arrived = func() bool { return false }
	want(b, map[int][]byte{1: []byte("b1"), 2: nil}, "a")
	want(a, map[int][]byte{0: []byte("a")}, "", "b1")
	if _, ok := a.staleHour(); ok {
		t.Error("an hour is stale, and no delta has changed")
	}

	has(b, 2) // one has used other deltas than the other, which may never get them
	if waited := want(b, map[int][]byte{1: []byte("b1 again"), 2: nil}, "a"); waited < peerTimeout {
		t.Errorf("it did not wait for its peer: %s", waited)
	}
	await(a, func(x *deltaExchange) bool { return x.stale == hour })
	if h, ok := a.staleHour(); !ok || h != hour {
		t.Errorf("stale hour %d, %v", h, ok)
	}
	has(a, 2)
	if waited := want(a, map[int][]byte{0: []byte("a")}, "", "b1 again"); waited > peerTimeout/2 {
		t.Errorf("it waited for a peer with the same deltas: %s", waited)
	}

	c := join(2, 1, 2) // takes over; the other one goes on without knowing
	has(c, 2)
	want(c, map[int][]byte{1: []byte("c1"), 2: []byte("c2")}, "a")
	await(a, func(x *deltaExchange) bool { return x.epochs[2] == 2 })
	has(b, 3)
	b.exchange(hour, map[int][]byte{1: []byte("late"), 2: []byte("late")})
	has(a, 2)
	_, end, _ := log.Bounds(t.Context(), 0)
	await(a, func(x *deltaExchange) bool { return x.next == end })
	want(a, map[int][]byte{0: []byte("a")}, "c1", "c2")

	other, err := cbor.Marshal(deltaMessage{
		Model:  1,
		Hour:   hour,
		Deltas: []shardDelta{{Shard: 2, Epoch: 9, Body: []byte("of another version")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), eventlog.Record{Value: []byte("no record")}, eventlog.Record{Value: other}); err != nil {
		t.Fatal(err)
	}
	await(a, func(x *deltaExchange) bool { return x.foreign == 1 })
	want(a, map[int][]byte{0: []byte("a")}, "c1", "c2")

	a.forget(hour + 1)
	c.exchange(hour, map[int][]byte{1: []byte("c1 again"), 2: []byte("c2")})
	await(a, func(x *deltaExchange) bool { return x.missed != never })
	if h := a.missedHour(); h != hour {
		t.Errorf("a committed hour has changed, and %d is missed", h)
	}
	if _, end, _ := log.Bounds(t.Context(), 0); a.lowOffset() != end {
		t.Errorf("all is forgotten, and the low offset is %d of %d", a.lowOffset(), end)
	}
	if d, err := newDeltaExchange(t.Context(), log, 3, []int{0}, nil, 0, nil, nil); err != nil || d.next != 0 {
		t.Errorf("a new exchange begins at %d, %v", d.next, err)
	}
	if _, err := newDeltaExchange(t.Context(), log, 3, []int{0}, nil, end+30, nil, nil); err == nil {
		t.Error("a log that ends before what was read of it is accepted")
	}
}

// TestCopied has workers say how far they have copied events to one another's tasks.
func TestCopied(t *testing.T) {
	const hour = 24*20_000 + 5
	log := eventlog.NewMemory(1, 0)
	join := func(epoch int64, mine ...int) *deltaExchange {
		t.Helper()
		epochs := map[int]int64{}
		for _, s := range mine {
			epochs[s] = epoch
		}
		x, err := newDeltaExchange(t.Context(), log, 3, mine, epochs, 0, spill.New(1<<20, t.TempDir()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { x.run(ctx); close(done) }()
		t.Cleanup(func() { stop(); <-done })
		if x.copied() != 0 {
			t.Error("something was copied before the worker begins")
		}
		if err := x.hello(t.Context()); err != nil {
			t.Fatal(err)
		}
		return x
	}
	await := func(x *deltaExchange, upTo int64) {
		t.Helper()
		waittest.Until(t, "others have copied", func() bool { return x.copied() == upTo })
	}
	announce := func(x *deltaExchange, upTo int64) {
		t.Helper()
		if err := x.announce(t.Context(), upTo); err != nil {
			t.Fatal(err)
		}
	}
	a, b := join(1, 0), join(1, 1, 2)
	announce(a, hour*event.Hour+1)
	announce(b, hour*event.Hour+2)
	await(a, hour*event.Hour+2)
	await(b, hour*event.Hour+1)
	c := join(2, 2) // takes one of the tasks of b, which does not know: it has copied nothing to that task
	await(c, nothingCopied)
	announce(c, (hour+1)*event.Hour)
	announce(a, (hour+1)*event.Hour)
	d := join(2, 1) // takes the other one
	announce(d, (hour+1)*event.Hour)
	for _, x := range []*deltaExchange{a, c, d} {
		await(x, (hour+1)*event.Hour)
	}
}

// BenchmarkExchange has two workers exchange empty deltas, through a log in memory and, if there is a
// broker, over Kafka: it measures what waiting for each other costs.
func BenchmarkExchange(b *testing.B) {
	logs := map[string]func(b *testing.B) eventlog.Log{"memory": func(*testing.B) eventlog.Log { return eventlog.NewMemory(1, 0) }}
	if list := os.Getenv("OUTFLOW_KAFKA"); list != "" {
		logs["kafka"] = func(b *testing.B) eventlog.Log {
			conf := config.Log{
				Kind:        "kafka",
				Brokers:     strings.Split(list, ","),
				TopicPrefix: fmt.Sprintf("x%d", time.Now().UnixNano()),
				Partitions:  2,
				Tasks:       2,
				Replication: 1,
				Retention:   config.LeastRetention,
			}
			l, err := OpenLogs(b.Context(), &conf, "", false, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(l.Close)
			return l.Deltas
		}
	}
	for kind, open := range logs {
		b.Run(kind, func(b *testing.B) {
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			log := open(b)
			var both [2]*deltaExchange
			for s := range both {
				file, logger := spill.New(1<<20, b.TempDir()), slog.New(slog.DiscardHandler)
				x, err := newDeltaExchange(ctx, log, len(both), []int{s}, map[int]int64{s: 1}, 0, file, logger)
				if err != nil {
					b.Fatal(err)
				}
				go x.run(ctx)
				x.begin(ctx, 0)
				both[s] = x
			}
			n := int64(0)
			for b.Loop() {
				n++
				var workers sync.WaitGroup
				for _, x := range both {
					workers.Go(func() {
						if _, err := x.exchange(n, nil); err != nil {
							b.Error(err)
						}
					})
				}
				workers.Wait()
			}
		})
	}
}
