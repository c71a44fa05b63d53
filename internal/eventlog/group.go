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

// runMember joins a consumer group and runs do with the partitions that by assigns to this
// member, until do returns, the group is closed or ctx ends.
func (c *Cluster) runMember(ctx context.Context, group, topic string, by *balancer, log *slog.Logger,
	do func(ctx context.Context, partitions []int) error) error {
	g, err := kafka.NewConsumerGroup(c.groupConfig(group, topic, by))
	if err != nil {
		return err
	}
	defer g.Close()
	m := &membership{by: by, do: do}
	defer m.stop()
	for {
		gen, err := g.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, kafka.ErrGroupClosed):
			return err
		case err != nil: // the group is rebalancing, or its coordinator is moving
			log.Debug("waiting for consumer group", "group", group, "err", err)
			if err := m.await(ctx); err != nil {
				return err
			}
			continue
		}

		own := partitionsOf(gen, topic)
		log.Info("consumer group assigned", "group", group, "generation", gen.ID, "processes", len(own) > 0, "partitions", len(own))
		if err := m.assign(ctx, gen.ID, own); err != nil {
			return err
		}
		if ended, err := m.watch(ctx, gen); ended {
			return err
		}
	}
}

// groupConfig returns the settings of a member of a consumer group.
func (c *Cluster) groupConfig(group, topic string, by *balancer) kafka.ConsumerGroupConfig {
	return kafka.ConsumerGroupConfig{
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
	}
}

// partitionsOf returns the partitions of a topic that a generation assigns to this member, sorted.
func partitionsOf(gen *kafka.Generation, topic string) (own []int) {
	for _, a := range gen.Assignments[topic] {
		own = append(own, a.ID)
	}
	slices.Sort(own)
	return own
}

// membership is this process as a member of a consumer group.
type membership struct {
	by   *balancer
	do   func(ctx context.Context, partitions []int) error
	now  *assignment // what it runs; nil while it has no partitions
	lost time.Time   // since when it has no generation; zero while it has one
}

// await waits before the next attempt to join. A member that has been without the group for
// cutOff stops: another one has its partitions by now.
func (m *membership) await(ctx context.Context) error {
	if m.lost.IsZero() {
		m.lost = time.Now()
	} else if m.now != nil && time.Since(m.lost) > cutOff {
		m.by.setClaim(claim{})
		if err := m.stop(); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}

// assign runs do with the partitions that a generation assigns to this member. A run on the
// same partitions goes on, unless the member missed a generation: it does not know who had
// the partitions in between.
func (m *membership) assign(ctx context.Context, generation int32, own []int) error {
	m.lost = time.Time{}
	if m.now != nil && (!slices.Equal(m.now.partitions, own) || generation != m.by.generation()+1) {
		if err := m.stop(); err != nil {
			return err
		}
	}
	m.by.setClaim(claim{generation, own})
	if m.now == nil && len(own) > 0 {
		m.now = startAssignment(ctx, own, m.do)
	}
	return nil
}

// watch waits for the end of a generation. The membership has ended, with an error or
// without, if do returns or ctx ends first.
func (m *membership) watch(ctx context.Context, gen *kafka.Generation) (ended bool, err error) {
	over := make(chan struct{})
	gen.Start(func(gctx context.Context) {
		<-gctx.Done()
		close(over)
	})
	select {
	case <-over:
	case <-ctx.Done():
	case <-m.now.finished():
		return true, m.stop()
	}
	if ctx.Err() == nil {
		return false, nil
	}
	if err := m.stop(); err != nil {
		return true, err
	}
	return true, ctx.Err()
}

// stop ends what the member runs, and returns its error if it failed before.
func (m *membership) stop() error {
	err := m.now.stop()
	m.now = nil
	return err
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

// startAssignment runs do with partitions, in a goroutine of its own.
func startAssignment(ctx context.Context, partitions []int, do func(ctx context.Context, partitions []int) error) *assignment {
	ctx, cancel := context.WithCancel(ctx)
	a := &assignment{partitions: partitions, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		if err := do(ctx, partitions); ctx.Err() == nil { // an error caused by the cancellation is not a failure
			a.err = err
		}
	}()
	return a
}

// finished is closed once do has returned; a nil assignment never finishes.
func (a *assignment) finished() <-chan struct{} {
	if a == nil {
		return nil
	}
	return a.done
}

// stop cancels do, waits for it, and returns its error if it failed before.
func (a *assignment) stop() error {
	if a == nil {
		return nil
	}
	a.cancel()
	<-a.done
	return a.err
}

// balancer assigns partitions to members: all to one if alone is set, evenly otherwise.
// Members report what they have, and keep it as far as the balance allows.
type balancer struct {
	name  string
	alone bool // all partitions go to one member

	mu   sync.Mutex
	have claim
}

// claim is the assignment of a member in its last generation.
type claim struct {
	Generation int32
	Partitions []int
}

// setClaim changes what the member reports to have.
func (b *balancer) setClaim(c claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.have = c
}

// generation returns the last generation that the member was in.
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

// AssignGroups implements kafka.GroupBalancer. Members of the latest generation come first, and
// a member keeps the partitions that it has while it has no more than its share.
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
		if json.Unmarshal(m.UserData, &c) == nil { // a member may report nothing
			have[m.ID] = c
		}
	}

	slices.SortFunc(ids, func(x, y string) int { // the members of the latest generation come first
		return cmp.Or(cmp.Compare(have[y].Generation, have[x].Generation), cmp.Compare(x, y))
	})
	topic, left := partitions[0].Topic, make([]int, 0, len(partitions))
	for _, p := range partitions {
		left = append(left, p.ID)
	}

	slices.Sort(left)
	if b.alone {
		leader := max(slices.IndexFunc(ids, func(id string) bool { return len(have[id].Partitions) > 0 }), 0)
		out[ids[leader]][topic] = left
		return out
	}

	give := func(id string, partition int) {
		out[id][topic] = append(out[id][topic], partition)
		left = slices.DeleteFunc(left, func(p int) bool { return p == partition })
	}

	each, more := len(partitions)/len(ids), len(partitions)%len(ids) // this many members have one more
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
