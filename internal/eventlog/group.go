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

// RunAsLeader joins a consumer group on a topic and runs do, with all partitions, while this
// process is the one member that has them. The others wait, and take over when it goes: at
// once if it leaves, after the session's timeout if it dies. The context of do ends when
// somebody else has them; members that come or go do not disturb it otherwise. What do does
// while it only believes to lead, paused for longer than a session, or cut off from the
// group, must be harmless. Lead returns what do returns, or when ctx ends.
func (c *Cluster) RunAsLeader(ctx context.Context, group, topic string, log *slog.Logger,
	do func(ctx context.Context, partitions []int) error) error {
	return c.runMember(ctx, group, topic, &balancer{name: "outflow-first", alone: true}, log, do)
}

// RunShared is Lead where every member has some of the partitions, as many as the others. The
// context of do ends when its own change.
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
	var now *assignment // what is being done
	defer func() { now.stop() }()
	lost := time.Time{}
	for {
		gen, err := g.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, kafka.ErrGroupClosed):
			return err
		case err != nil: // the group is being rearranged, or its coordinator moves
			log.Debug("waiting for the group", "group", group, "err", err)
			if lost.IsZero() {
				lost = time.Now()
			} else if now != nil && time.Since(lost) > cutOff { // somebody else has them by now
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
		log.Info("the group is arranged", "group", group, "generation", gen.ID, "judges", len(own) > 0, "partitions", len(own))
		// Who was not in the generation before does not know who had them meanwhile.
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
	cutOff         = 3 * sessionTimeout // without the group, until it is given up what one had in it
)

// assignment is what a member does with the partitions that it has.
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
		if err := do(ctx, partitions); ctx.Err() == nil { // whatever it says of having been ended is no failure
			h.err = err
		}
	}()
	return h
}

// finished is closed when it has ended by itself, or was ended; never if there is none.
func (h *assignment) finished() <-chan struct{} {
	if h == nil {
		return nil
	}
	return h.done
}

// stop ends it, and returns why it had failed; nil if it had not.
func (h *assignment) stop() error {
	if h == nil {
		return nil
	}
	h.cancel()
	<-h.done
	return h.err
}

// balancer gives partitions to members: all to one if alone is set, as many to each
// otherwise. Members say what they have, and keep it as far as that allows.
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
