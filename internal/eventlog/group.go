package eventlog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// RunAsLeader joins a consumer group on a topic. While this process is the leader, it runs do
// with all partitions. The other members are standbys. One takes over at once if the leader
// leaves, and after the session timeout if it dies. The context of do ends when another member
// becomes the leader; other joins and departures do not affect it. Do must be harmless while
// the process wrongly believes it leads, because it was paused for longer than a session or cut
// off from the group. RunAsLeader returns the error of do, or that of ctx.
func (c *Cluster) RunAsLeader(ctx context.Context, group, topic string, log *slog.Logger,
	do func(ctx context.Context, partitions []int) error) error {
	return c.runMember(ctx, group, topic, &balancer{name: "outflow-first", alone: true}, log, do)
}

// RunShared is RunAsLeader with the partitions spread evenly over the members. The context of
// do ends when this member's assignment changes.
func (c *Cluster) RunShared(ctx context.Context, group, topic string, log *slog.Logger,
	do func(ctx context.Context, partitions []int) error) error {
	return c.runMember(ctx, group, topic, &balancer{name: "outflow-fair"}, log, do)
}

func (c *Cluster) runMember(ctx context.Context, group, topic string, by *balancer, log *slog.Logger,
	do func(ctx context.Context, partitions []int) error) error {
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                group,
		Brokers:           c.config.Brokers,
		Dialer:            c.dialer,
		Topics:            []string{topic},
		GroupBalancers:    []kafka.GroupBalancer{by},
		SessionTimeout:    sessionTimeout,
		HeartbeatInterval: time.Second,
		RebalanceTimeout:  10 * time.Second,
		JoinGroupBackoff:  500 * time.Millisecond,
		Timeout:           5 * time.Second,
		StartOffset:       kafka.FirstOffset,
	})
	if err != nil {
		return err
	}
	defer g.Close()
	var now *assignment // the current assignment
	defer func() { now.stop() }()
	lost := time.Time{}
	for {
		gen, err := g.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, kafka.ErrGroupClosed):
			return err
		case err != nil: // the group is rebalancing, or its coordinator is moving
			log.Debug("waiting for consumer group", "group", group, "err", err)
			if lost.IsZero() {
				lost = time.Now()
			} else if now != nil && time.Since(lost) > cutOff { // another member has the partitions by now
				by.setClaim(claim{})
				if err := now.stop(); err != nil {
					return err
				}
				now = nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}

		lost = time.Time{}
		var own []int
		for _, a := range gen.Assignments[topic] {
			own = append(own, a.ID)
		}
		slices.Sort(own)
		log.Info("consumer group assigned", "group", group, "generation", gen.ID, "processes", len(own) > 0, "partitions", len(own))
		// A member that missed a generation does not know who had the partitions in between.
		if now != nil && (!slices.Equal(now.partitions, own) || gen.ID != by.generation()+1) {
			if err := now.stop(); err != nil {
				return err
			}
			now = nil
		}

		by.setClaim(claim{gen.ID, own})
		if now == nil && len(own) > 0 {
			now = startAssignment(ctx, own, do)
		}
		moved := make(chan struct{})
		gen.Start(func(gctx context.Context) {
			<-gctx.Done()
			close(moved)
		})

		select {
		case <-moved:
		case <-ctx.Done():
		case <-now.finished():
			return now.stop()
		}

		if ctx.Err() != nil {
			if err := now.stop(); err != nil {
				return err
			}
			return ctx.Err()
		}
	}
}

const (
	sessionTimeout = 6 * time.Second
	cutOff         = 3 * sessionTimeout // time without the group after which a member gives up its partitions
)

// assignment is a run of do on the partitions assigned to this member.
type assignment struct {
	partitions []int
	cancel     context.CancelFunc
	done       chan struct{}
	err        error
}

func startAssignment(ctx context.Context, partitions []int, do func(ctx context.Context, partitions []int) error) *assignment {
	ctx, cancel := context.WithCancel(ctx)
	h := &assignment{partitions: partitions, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(h.done)
		if err := do(ctx, partitions); ctx.Err() == nil { // an error caused by the cancellation is not a failure
			h.err = err
		}
	}()
	return h
}

// finished is closed once do has returned; a nil assignment never finishes.
func (h *assignment) finished() <-chan struct{} {
	if h == nil {
		return nil
	}
	return h.done
}

// stop cancels do, waits for it, and returns its error if it failed before.
func (h *assignment) stop() error {
	if h == nil {
		return nil
	}
	h.cancel()
	<-h.done
	return h.err
}

// balancer assigns partitions to members: all to one if alone is set, evenly otherwise.
// Members report what they have, and keep it as far as the balance allows.
type balancer struct {
	name  string
	alone bool

	mu   sync.Mutex
	have claim
}

// claim is what a member had in the last generation that it was in.
type claim struct {
	Generation int32
	Partitions []int
}

func (b *balancer) setClaim(c claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.have = c
}

func (b *balancer) generation() int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.have.Generation
}

// ProtocolName implements kafka.GroupBalancer.
func (b *balancer) ProtocolName() string { return b.name }

// UserData implements kafka.GroupBalancer: what the member has, as JSON.
func (b *balancer) UserData() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return json.Marshal(b.have)
}

// AssignGroups implements kafka.GroupBalancer.
func (b *balancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	if len(partitions) == 0 {
		return nil
	}
	out, have := kafka.GroupMemberAssignments{}, map[string]claim{}
	var ids []string
	for _, m := range members {
		ids = append(ids, m.ID)
		out[m.ID] = map[string][]int{}
		var c claim
		if json.Unmarshal(m.UserData, &c) == nil { // a member may say nothing
			have[m.ID] = c
		}
	}

	slices.SortFunc(ids, func(x, y string) int { // who was there last comes first
		return cmp.Or(cmp.Compare(have[y].Generation, have[x].Generation), cmp.Compare(x, y))
	})
	topic, left := partitions[0].Topic, make([]int, 0, len(partitions))
	for _, p := range partitions {
		left = append(left, p.ID)
	}

	slices.Sort(left)
	if b.alone {
		who := max(slices.IndexFunc(ids, func(id string) bool { return len(have[id].Partitions) > 0 }), 0)
		out[ids[who]][topic] = left
		return out
	}

	give := func(id string, partition int) {
		out[id][topic] = append(out[id][topic], partition)
		left = slices.DeleteFunc(left, func(p int) bool { return p == partition })
	}

	each, more := len(partitions)/len(ids), len(partitions)%len(ids) // so many have one more
	for _, id := range ids {
		for _, p := range have[id].Partitions {
			n := len(out[id][topic])
			if !slices.Contains(left, p) || n > each || n == each && more == 0 {
				continue
			}
			if n == each {
				more--
			}
			give(id, p)
		}
	}

	for _, id := range ids {
		for len(out[id][topic]) < each {
			give(id, left[0])
		}
	}

	for _, id := range ids {
		if more > 0 && len(out[id][topic]) == each {
			more--
			give(id, left[0])
		}
	}

	return out
}
