package eventlog

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// Lead joins a consumer group on a topic and runs do, with all partitions, while this
// process is its first member. The others wait, and take over when it goes: at once if
// it leaves, after the session's timeout if it dies. The context of do ends when the
// group moves on. What do does while it only believes to lead, paused for longer than
// a session, must be harmless. Lead returns what do returns, or when ctx ends.
func (c *Cluster) Lead(ctx context.Context, group, topic string, log *slog.Logger, do func(ctx context.Context, partitions []int) error) error {
	return c.join(ctx, group, topic, first{}, log, do)
}

// Share is Lead where every member has some of the partitions, as many as the others.
func (c *Cluster) Share(ctx context.Context, group, topic string, log *slog.Logger, do func(ctx context.Context, partitions []int) error) error {
	return c.join(ctx, group, topic, fair{}, log, do)
}

func (c *Cluster) join(ctx context.Context, group, topic string, by kafka.GroupBalancer, log *slog.Logger, do func(ctx context.Context, partitions []int) error) error {
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: c.config.Brokers, Dialer: c.dialer, Topics: []string{topic}, GroupBalancers: []kafka.GroupBalancer{by},
		SessionTimeout: sessionTimeout, HeartbeatInterval: time.Second, RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 500 * time.Millisecond, Timeout: 5 * time.Second, StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return err
	}
	defer g.Close()
	for {
		gen, err := g.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, kafka.ErrGroupClosed):
			return err
		case err != nil: // the group is being rearranged, or its coordinator moves
			log.Debug("waiting for the group", "group", group, "err", err)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}
		var own []int
		for _, a := range gen.Assignments[topic] {
			own = append(own, a.ID)
		}
		slices.Sort(own)
		log.Info("the group is arranged", "group", group, "generation", gen.ID, "judges", len(own) > 0, "partitions", len(own))
		over := make(chan error, 1)
		gen.Start(func(gctx context.Context) {
			if len(own) == 0 {
				select {
				case <-gctx.Done():
				case <-ctx.Done():
				}
				over <- nil
				return
			}
			both, cancel := context.WithCancel(ctx)
			defer cancel()
			stop := context.AfterFunc(gctx, cancel)
			defer stop()
			err := do(both, own)
			if gctx.Err() != nil && ctx.Err() == nil { // the group has moved on
				err = nil
			}
			over <- err
		})
		if err := <-over; err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

const sessionTimeout = 6 * time.Second

// first gives all partitions to one member: the one that has had them before, if it
// is there, because it has their state.
type first struct{}

// ProtocolName implements kafka.GroupBalancer.
func (first) ProtocolName() string { return "outflow-first" }

// UserData implements kafka.GroupBalancer.
func (first) UserData() ([]byte, error) { return nil, nil }

// AssignGroups implements kafka.GroupBalancer: the member whose id is the lowest
// has everything. A member keeps its id as long as it lives.
func (first) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	return assign(members, partitions, func(int) int { return 0 })
}

// fair gives as many partitions to each member.
type fair struct{}

// ProtocolName implements kafka.GroupBalancer.
func (fair) ProtocolName() string { return "outflow-fair" }

// UserData implements kafka.GroupBalancer.
func (fair) UserData() ([]byte, error) { return nil, nil }

// AssignGroups implements kafka.GroupBalancer: in the order of ids, neighbours together.
func (fair) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	return assign(members, partitions, func(i int) int { return i * len(members) / len(partitions) })
}

// assign gives each partition to one of the members, in the order of their ids.
func assign(members []kafka.GroupMember, partitions []kafka.Partition, to func(i int) int) kafka.GroupMemberAssignments {
	ids := make([]string, 0, len(members))
	out := kafka.GroupMemberAssignments{}
	for _, m := range members {
		ids = append(ids, m.ID)
		out[m.ID] = map[string][]int{}
	}
	slices.Sort(ids)
	partitions = slices.Clone(partitions)
	slices.SortFunc(partitions, func(a, b kafka.Partition) int { return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID)) })
	for i, p := range partitions {
		id := ids[to(i)]
		out[id][p.Topic] = append(out[id][p.Topic], p.ID)
	}
	return out
}
