package stream

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
)

// Logs are the logs of a daemon.
type Logs struct {
	Events eventlog.Log // the event log
	Alerts eventlog.Log // the alert topic, with a partition for each task
	Shared bool         // other workers may take over, and publish to Alerts

	// With tasks only; otherwise one worker processes all users, and these are nil.
	Deltas   eventlog.Log // the deltas that workers exchange
	Identity eventlog.Log // copies of identity events, which all workers read
	People   eventlog.Log // copies of other events for the tasks of their people, with a partition for each task

	EndEvents func() // this process appends no more to Events: readers get io.EOF at the end
	EndAlerts func() // the same for Alerts
	Close     func() // closes all logs

	// Trim deletes what is older than the retention and lies before the offset keep of a partition of
	// the event log. With Kafka it does nothing: the broker trims by the topic's retention.
	Trim func(ctx context.Context, partition int, keep int64) error

	// Lead waits until this process is to process some tasks, and runs do with them. The
	// context of do ends when the process loses them, and do may be run again after that.
	Lead func(ctx context.Context, do processFunc) error
}

// processFunc processes some tasks until its context ends.
type processFunc func(ctx context.Context, tasks []int) error

// OpenLogs opens the logs that c names; those of the embedded log lie in the folder dir. With once
// there is no election: this process processes all tasks. The caller must call Close.
func OpenLogs(ctx context.Context, c *config.Log, dir string, once bool, log *slog.Logger) (*Logs, error) {
	if c.Kind == "kafka" {
		return openKafka(ctx, c, once, log)
	}
	return openEmbedded(ctx, c, dir)
}

// leadAll runs a function with all of some tasks.
func leadAll(tasks int) func(ctx context.Context, do processFunc) error {
	return func(ctx context.Context, do processFunc) error {
		return do(ctx, allOf(max(tasks, 1)))
	}
}

func openKafka(ctx context.Context, c *config.Log, once bool, log *slog.Logger) (*Logs, error) {
	kc, err := c.Kafka(ctx)
	if err != nil {
		return nil, err
	}
	cluster, err := eventlog.OpenCluster(kc)
	if err != nil {
		return nil, err
	}
	var open []*eventlog.Kafka
	l := &Logs{
		Close: func() {
			for _, k := range open {
				k.End()
			}
			cluster.Close()
		},
		Trim:   func(context.Context, int, int64) error { return nil },
		Lead:   leadAll(c.Tasks),
		Shared: !once,
	}
	topic := func(name string, partitions int) (k *eventlog.Kafka) {
		if err != nil {
			return nil
		}
		if k, err = cluster.Log(ctx, c.Topic(name), partitions); err == nil {
			open = append(open, k)
		}
		return k
	}
	events, alerts := topic("events", c.Partitions), topic("alerts", max(c.Tasks, 1))
	l.Events, l.Alerts = events, alerts
	read := []*eventlog.Kafka{events} // by a worker
	if c.Tasks > 1 {
		identity, people := topic("identity", identityPartitions), topic("people", c.Tasks)
		l.Deltas, l.Identity, l.People = topic("hours", 1), identity, people
		l.Events = CopyIdentity(events, identity)
		read = append(read, identity, people)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	l.EndEvents = func() {
		for _, k := range read {
			k.End()
		}
	}
	l.EndAlerts = alerts.End
	switch {
	case once:
	case l.Deltas != nil:
		l.Lead = func(ctx context.Context, do processFunc) error {
			return cluster.RunShared(ctx, c.Topic("detect"), c.Topic("alerts"), log, do)
		}
	default:
		l.Lead = func(ctx context.Context, do processFunc) error {
			return cluster.RunAsLeader(ctx, c.Topic("detect"), c.Topic("events"), log, func(ctx context.Context, _ []int) error {
				return do(ctx, []int{0})
			})
		}
	}
	return l, nil
}

func openEmbedded(ctx context.Context, c *config.Log, dir string) (*Logs, error) {
	f, err := eventlog.OpenFile(ctx, filepath.Join(dir, "log.db"))
	if err != nil {
		return nil, err
	}
	events, err := f.Log(ctx, "events", c.Partitions)
	if err != nil {
		f.Close()
		return nil, err
	}
	alerts, err := f.Log(ctx, "alerts", 1)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Logs{
		Events:    events,
		Alerts:    alerts,
		EndEvents: events.End,
		EndAlerts: alerts.End,
		Close:     func() { f.Close() },
		Trim: func(ctx context.Context, partition int, keep int64) error {
			_, err := events.Trim(ctx, partition, time.Now().Add(-c.Retention), keep)
			return err
		},
		Lead: leadAll(1),
	}, nil
}

// appendAlerts returns a function that appends records to the alert topic, with the keys of the epochs
// by shard.
func (l *Logs) appendAlerts(keys map[int]string) emitFunc {
	return func(ctx context.Context, shard int, records [][]byte) error {
		recs := make([]eventlog.Record, len(records))
		for i, b := range records {
			recs[i] = eventlog.Record{Key: keys[shard], Value: b}
		}
		failpoint.Reach("alerts-append")
		defer failpoint.Reach("alerts-appended")
		return l.Alerts.Append(ctx, recs...)
	}
}
