package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
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
)

// TestExchange has two judges say what hours brought.
func TestExchange(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const of = 24*20_000 + 5
	log := eventlog.NewMemory(1, 0)
	join := func(epoch int64, mine ...int) *exchange {
		t.Helper()
		epochs := map[int]int64{}
		for _, s := range mine {
			epochs[s] = epoch
		}
		ctx, stop := context.WithCancel(t.Context())
		x, err := newExchange(ctx, log, 3, mine, epochs, 0, spill.New(1<<20, t.TempDir()), slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { x.run(ctx); close(done) }()
		t.Cleanup(func() { stop(); <-done })
		return x
	}
	saw := func(x *exchange, sum uint64) {
		x.trading(t.Context(), (of-100)*event.Hour, of*event.Hour, map[int64]uint64{of: sum, of - 24: 7, of - 200: sum})
	}
	heard := func(x *exchange, brought map[int][]byte, want ...string) time.Duration {
		t.Helper()
		began := time.Now()
		others, err := x.trade(of, brought)
		var got []string
		for _, b := range others {
			got = append(got, string(b))
		}
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Fatalf("heard %q, %v; want %q", got, err, want)
		}
		return time.Since(began)
	}
	settled := func(x *exchange, hash func(x *exchange) bool) {
		t.Helper()
		eventually(t, "it is heard", func() bool {
			x.mu.Lock()
			defer x.mu.Unlock()
			return hash(x)
		})
	}

	a, b := join(1, 0), join(1, 1, 2)
	saw(a, 1)
	saw(b, 1)
	a.come = func() bool { return true } // what has come for one that waits
	if _, err := a.trade(of, map[int][]byte{0: []byte("a")}); !errors.Is(err, errInterrupted) {
		t.Fatalf("nothing is said yet: %v", err)
	}
	a.come = func() bool { return false }
	heard(b, map[int][]byte{1: []byte("b1"), 2: nil}, "a")
	heard(a, map[int][]byte{0: []byte("a")}, "", "b1")
	if _, news := a.news(of * event.Hour); news {
		t.Error("news, and nothing was said since")
	}

	saw(b, 2) // one has seen more than the other, who may never see it
	if waited := heard(b, map[int][]byte{1: []byte("b1 again"), 2: nil}, "a"); waited < patience {
		t.Errorf("it did not wait for the other: %s", waited)
	}
	settled(a, func(x *exchange) bool { return x.again == of })
	if h, news := a.news(of * event.Hour); !news || h != of {
		t.Errorf("news of hour %d, %v", h, news)
	}
	saw(a, 2)
	if waited := heard(a, map[int][]byte{0: []byte("a")}, "", "b1 again"); waited > patience/2 {
		t.Errorf("it waited for one who has seen the same: %s", waited)
	}

	c := join(2, 1, 2) // takes over; the other one goes on, and does not know
	saw(c, 2)
	heard(c, map[int][]byte{1: []byte("c1"), 2: []byte("c2")}, "a")
	settled(a, func(x *exchange) bool { return x.epochs[2] == 2 })
	saw(b, 3)
	b.trade(of, map[int][]byte{1: []byte("late"), 2: []byte("late")})
	saw(a, 2)
	_, end, _ := log.Bounds(t.Context(), 0)
	settled(a, func(x *exchange) bool { return x.next == end })
	heard(a, map[int][]byte{0: []byte("a")}, "c1", "c2")

	other, err := cbor.Marshal(hourOf{Model: 1, Hour: of, Of: []shardHour{{Shard: 2, Term: 9, Body: []byte("of another version")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), eventlog.Record{Value: []byte("no record")}, eventlog.Record{Value: other}); err != nil {
		t.Fatal(err)
	}
	settled(a, func(x *exchange) bool { return x.foreign == 1 })
	heard(a, map[int][]byte{0: []byte("a")}, "c1", "c2")

	if others, err := a.trade(of+ahead+1, map[int][]byte{0: []byte("far")}); err != nil || others != nil {
		t.Errorf("an hour in the future was traded: %q, %v", others, err)
	}
	if h, news := a.news((of + 1) * event.Hour); !news || h != of+ahead+1 {
		t.Errorf("an hour that is not in the future any more is not judged again: %d, %v", h-of, news)
	}
	a.forget(of + 1)
	if _, end, _ := log.Bounds(t.Context(), 0); a.low() != end {
		t.Errorf("all is forgotten, but what begins at %d of %d", a.low(), end)
	}
	if d, err := newExchange(t.Context(), log, 3, []int{0}, nil, 0, nil, nil); err != nil || d.next != 0 {
		t.Errorf("a new one begins at %d, %v", d.next, err)
	}
	if _, err := newExchange(t.Context(), log, 3, []int{0}, nil, end+3, nil, nil); err == nil {
		t.Error("a log that is shorter than what was read of it")
	}
}

// BenchmarkExchange has two judges end hours together that brought nothing, through a log in
// memory and, if there is a broker, over Kafka: what it costs to wait for one another.
func BenchmarkExchange(b *testing.B) {
	logs := map[string]func(b *testing.B) eventlog.Log{"memory": func(*testing.B) eventlog.Log { return eventlog.NewMemory(1, 0) }}
	if list := os.Getenv("OUTFLOW_KAFKA"); list != "" {
		logs["kafka"] = func(b *testing.B) eventlog.Log {
			conf := config.Log{Kind: "kafka", Brokers: strings.Split(list, ","), TopicPrefix: fmt.Sprintf("x%d", time.Now().UnixNano()), Partitions: 1, Shards: 2, Replication: 1, Retention: config.LeastRetention}
			l, err := OpenLogs(b.Context(), &conf, "", false, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(l.Close)
			return l.Hours
		}
	}
	for kind, open := range logs {
		b.Run(kind, func(b *testing.B) {
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			log := open(b)
			var both [2]*exchange
			for s := range both {
				x, err := newExchange(ctx, log, len(both), []int{s}, map[int]int64{s: 1}, 0, spill.New(1<<20, b.TempDir()), slog.New(slog.DiscardHandler))
				if err != nil {
					b.Fatal(err)
				}
				go x.run(ctx)
				x.trading(ctx, 0, never, nil)
				both[s] = x
			}
			n := int64(0)
			for b.Loop() {
				n++
				var judging sync.WaitGroup
				for _, x := range both {
					judging.Go(func() {
						if _, err := x.trade(n, nil); err != nil {
							b.Error(err)
						}
					})
				}
				judging.Wait()
			}
		})
	}
}

// eventually waits for something that must happen.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s: not within three minutes", what)
}
