package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// TestBalancer has members come and go: every partition has one member, all members have as
// many, and they keep theirs as far as that allows. With alone, one member keeps all.
func TestBalancer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		n := 1 + rng.IntN(20)
		var partitions []kafka.Partition
		for p := range n {
			partitions = append(partitions, kafka.Partition{Topic: "t", ID: p})
		}
		for _, alone := range []bool{false, true} {
			b := &balancer{alone: alone}
			members := map[string]claim{}
			for step := range 12 {
				if id := fmt.Sprintf("m%d", rng.IntN(6)); rng.IntN(3) > 0 || len(members) == 0 {
					if _, there := members[id]; !there {
						members[id] = claim{}
					}
				} else if len(members) > 1 {
					delete(members, id)
				}
				var list []kafka.GroupMember
				for id, have := range members {
					data, err := json.Marshal(have)
					if err != nil {
						t.Fatal(err)
					}
					if have.Partitions == nil && rng.IntN(2) == 0 {
						data = []byte("nonsense")
					}
					list = append(list, kafka.GroupMember{ID: id, Topics: []string{"t"}, UserData: data})
				}
				got := b.AssignGroups(list, partitions)
				var all []int
				kept := 0
				for id, c := range members {
					own, have := got[id]["t"], c.Partitions
					all = append(all, own...)
					for _, p := range own {
						if slices.Contains(have, p) {
							kept++
						}
					}
					if each := n / len(members); !alone && (len(own) < each || len(own) > each+1) {
						t.Fatalf("round %d.%d: %s has %d of %d partitions among %d members", round, step, id, len(own), n, len(members))
					}
					if each := n / len(members); !alone && len(have) <= each && !subset(have, own) {
						t.Fatalf("round %d.%d: %s had %v, few enough to keep, and has %v", round, step, id, have, own)
					}
					if alone && len(have) > 0 && len(own) != n {
						t.Fatalf("round %d.%d: %s had all partitions, and has %v", round, step, id, own)
					}
				}
				if slices.Sort(all); len(all) != n || len(slices.Compact(all)) != n {
					t.Fatalf("round %d.%d: %v of %d partitions are given out", round, step, all, n)
				}
				for id := range members {
					own := got[id]["t"]
					slices.Sort(own)
					members[id] = claim{int32(step + 1), own}
				}
			}
		}
	}
}

// TestBalancerZombie has a member come back whose partitions another one has by now: that one
// keeps them.
func TestBalancerZombie(t *testing.T) {
	member := func(id string, generation int32, partitions ...int) kafka.GroupMember {
		data, err := json.Marshal(claim{generation, partitions})
		if err != nil {
			t.Fatal(err)
		}
		return kafka.GroupMember{ID: id, UserData: data}
	}
	partitions := []kafka.Partition{{Topic: "t", ID: 0}, {Topic: "t", ID: 1}}
	for _, alone := range []bool{true, false} {
		b := &balancer{alone: alone}
		got := b.AssignGroups([]kafka.GroupMember{member("a", 5, 0, 1), member("b", 6, 0, 1), member("c", 6)}, partitions)
		if own := got["b"]["t"]; len(own) == 0 || alone && len(own) < 2 {
			t.Errorf("alone %v: %v", alone, got)
		}
	}
}

func subset(list, of []int) bool {
	return !slices.ContainsFunc(list, func(p int) bool { return !slices.Contains(of, p) })
}

// TestLead has members of a group come and go, with a broker: others do not disturb the leader,
// and one of them follows it.
func TestLead(t *testing.T) {
	t.Parallel()
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	topic := fmt.Sprintf("lead%d", time.Now().UnixNano())
	events := make(chan string, 100)
	var in generations
	join := func(name string) (leave func()) {
		t.Helper()
		c, err := OpenCluster(KafkaConfig{Brokers: strings.Split(list, ","), Replication: 1})
		if err != nil {
			t.Fatal(err)
		}
		l, err := c.Log(t.Context(), topic, 4)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			log := slog.New(&member{slog.DiscardHandler, &in, name})
			c.RunAsLeader(ctx, topic, topic, log, func(ctx context.Context, partitions []int) error {
				events <- fmt.Sprintf("%s has %d", name, len(partitions))
				<-ctx.Done()
				events <- name + " ends"
				return ctx.Err()
			})
		}()
		leave = sync.OnceFunc(func() { cancel(); <-done; l.End(); c.Close() })
		t.Cleanup(leave)
		return leave
	}
	next := func(want string) {
		t.Helper()
		select {
		case got := <-events:
			if got != want {
				t.Fatalf("%s, not %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not within a minute: %s", want)
		}
	}
	together := func(after int64, names ...string) int64 {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if g := in.common(names); g > after {
				return g
			}
		}
		t.Fatalf("not within a minute: a generation after %d that %v are in", after, names)
		return 0
	}
	leave := join("first")
	next("first has 4")
	g := together(0, "first")
	second := join("second")
	g = together(g, "first", "second")
	third := join("third")
	g = together(g, "first", "second", "third")
	third()
	together(g, "first", "second")
	if len(events) > 0 {
		t.Fatalf("disturbed: %s", <-events)
	}
	leave()
	next("first ends")
	next("second has 4")
	second()
	next("second ends")
}

// generations are the last generations of the members of a group, by name.
type generations struct {
	mu   sync.Mutex
	last map[string]int64
}

// common returns the generation that all of some members are in, or 0.
func (g *generations) common(names []string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range names {
		if g.last[name] != g.last[names[0]] {
			return 0
		}
	}
	return g.last[names[0]]
}

// member is the log of a member, from which it takes the generation.
type member struct {
	slog.Handler
	in   *generations
	name string
}

func (m *member) Enabled(context.Context, slog.Level) bool { return true }

func (m *member) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "generation" {
			m.in.mu.Lock()
			defer m.in.mu.Unlock()
			if m.in.last == nil {
				m.in.last = map[string]int64{}
			}
			m.in.last[m.name], _ = strconv.ParseInt(a.Value.String(), 10, 64)
		}
		return true
	})
	return nil
}
