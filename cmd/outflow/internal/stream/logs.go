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

// Logs are the two logs of a daemon.
type Logs struct {
	Events, Alerts eventlog.Log
	EndEvents      func() // this process appends nothing more
	EndAlerts      func()
	Close          func()
	Trim           func(ctx context.Context, partition int, keep int64) error
	Hours          eventlog.Log                                                                      // what those who share the judging tell one another; nil if one judges
	Lead           func(ctx context.Context, do func(ctx context.Context, shards []int) error) error // runs do while this process judges, some shards of the people at least
}

// OpenLogs opens the event log and the alert topic that c names; those of the embedded log lie
// in dir. With once nobody is elected: this process does all.
func OpenLogs(ctx context.Context, c *config.Log, dir string, once bool, log *slog.Logger) (*Logs, error) {
	alone := func(ctx context.Context, do func(ctx context.Context, shards []int) error) error {
		all := make([]int, max(c.Shards, 1))
		for s := range all {
			all[s] = s
		}
		return do(ctx, all)
	}
	if c.Kind == "kafka" {
		kc, err := c.Kafka(ctx)
		if err != nil {
			return nil, err
		}
		cluster, err := eventlog.OpenCluster(kc)
		if err != nil {
			return nil, err
		}
		events, err := cluster.Log(ctx, c.Topic("events"), c.Partitions)
		if err != nil {
			cluster.Close()
			return nil, err
		}
		alerts, err := cluster.Log(ctx, c.Topic("alerts"), max(c.Shards, 1))
		if err != nil {
			events.End()
			cluster.Close()
			return nil, err
		}
		l := &Logs{Events: events, Alerts: alerts, EndEvents: events.End, EndAlerts: alerts.End}
		l.Close = func() { events.End(); alerts.End(); cluster.Close() }
		if c.Shards > 1 {
			hours, err := cluster.Log(ctx, c.Topic("hours"), 1)
			if err != nil {
				l.Close()
				return nil, err
			}
			hours.SetLowLatency()
			l.Hours = hours
			l.Close = func() { events.End(); alerts.End(); hours.End(); cluster.Close() }
		}
		l.Trim = func(context.Context, int, int64) error { return nil } // the broker does, by the topic's retention
		l.Lead = alone
		if !once {
			l.Lead = func(ctx context.Context, do func(ctx context.Context, shards []int) error) error {
				if l.Hours != nil {
					return cluster.RunShared(ctx, c.Topic("detect"), c.Topic("alerts"), log, do)
				}
				return cluster.RunAsLeader(ctx, c.Topic("detect"), c.Topic("events"), log, func(ctx context.Context, _ []int) error { return do(ctx, []int{0}) })
			}
		}
		return l, nil
	}
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
	l := &Logs{Events: events, Alerts: alerts, EndEvents: events.End, EndAlerts: alerts.End, Lead: alone}
	l.Close = func() { f.Close() }
	l.Trim = func(ctx context.Context, partition int, keep int64) error {
		_, err := events.Trim(ctx, partition, time.Now().Add(-c.Retention), keep)
		return err
	}
	return l, nil
}

// telling appends to the log of alerts, by the key of the term in a shard.
func (l *Logs) telling(epochs map[int]string) func(ctx context.Context, shard int, alerts [][]byte) error {
	return func(ctx context.Context, shard int, alerts [][]byte) error {
		recs := make([]eventlog.Record, len(alerts))
		for i, b := range alerts {
			recs[i] = eventlog.Record{Key: epochs[shard], Value: b}
		}
		failpoint.Reach("alerts-append")
		defer failpoint.Reach("alerts-appended")
		return l.Alerts.Append(ctx, recs...)
	}
}
