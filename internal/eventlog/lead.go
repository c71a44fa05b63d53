package eventlog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// Lead joins a consumer group on a topic and runs do while this process is its
// first member: the one that judges. The others wait, and take over when it goes:
// at once if it leaves, after the session's timeout if it dies. The context of do
// ends when the group moves on. What do does while it only believes to lead, paused
// for longer than a session, must be harmless. Lead returns what do returns, or when
// ctx ends.
func (c *Cluster) Lead(ctx context.Context, group, topic string, log *slog.Logger, do func(ctx context.Context) error) error {
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: c.config.Brokers, Dialer: c.dialer, Topics: []string{topic}, GroupBalancers: []kafka.GroupBalancer{first{}},
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
		leads := len(gen.Assignments[topic]) > 0
		log.Info("the group is arranged", "group", group, "generation", gen.ID, "judges", leads)
		over := make(chan error, 1)
		gen.Start(func(gctx context.Context) {
			if !leads {
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
			err := do(both)
			if gctx.Err() != nil && ctx.Err() == nil { // another one leads now
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
	ids := make([]string, 0, len(members))
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	out := kafka.GroupMemberAssignments{}
	for i, id := range ids {
		out[id] = map[string][]int{}
		if i > 0 {
			continue
		}
		for _, p := range partitions {
			out[id][p.Topic] = append(out[id][p.Topic], p.ID)
		}
	}
	return out
}
