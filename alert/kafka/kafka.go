// Package kafka is a channel: a topic of Kafka, with Detection Findings of OCSF, keyed by
// the alert.
package kafka

import (
	"context"
	"errors"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
)

// Kind is the channel.
var Kind = alert.Kind{Name: "kafka", New: func() alert.Settings { return &Config{Partitions: 1, Replication: 1} }}

// Config is a channel of kind kafka.
type Config struct {
	Brokers     []string `yaml:"brokers"`
	Topic       string   `yaml:"topic"`
	Partitions  int      `yaml:"partitions"` // of the topic, if it is made
	Replication int      `yaml:"replication"`
	TLS         bool     `yaml:"tls"`
	Mechanism   string   `yaml:"mechanism"` // plain, scram-sha-256, scram-sha-512
	User        string   `yaml:"user"`
	Password    string   `yaml:"password"`
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if len(c.Brokers) == 0 {
		return errors.New("brokers are required")
	}
	return alert.RequireSettings("topic", c.Topic)
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	password, err := secret.Resolve(ctx, c.Password)
	if err != nil {
		return nil, err
	}
	conf := eventlog.KafkaConfig{
		Brokers:     c.Brokers,
		Replication: c.Replication,
		Mechanism:   c.Mechanism,
		User:        c.User,
		Password:    password.Reveal(),
	}
	if c.TLS {
		conf.TLS = env.TLS
	} else if err := env.RequireTLS(); err != nil {
		return nil, err
	}
	cluster, err := eventlog.OpenCluster(conf)
	if err != nil {
		return nil, err
	}
	return &notifier{cluster: cluster, topic: c.Topic, partitions: c.Partitions, version: env.Version}, nil
}

type notifier struct {
	cluster    *eventlog.Cluster
	topic      string
	partitions int
	version    string
	log        *eventlog.Kafka
}

// Notify implements alert.Notifier. Records may repeat: metadata.uid is the alert's id and
// revision.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	if n.log == nil {
		log, err := n.cluster.Log(ctx, n.topic, n.partitions)
		if err != nil {
			return "", err
		}
		n.log = log
	}
	body, err := alert.OCSF(&m.Alert, n.version)
	if err != nil {
		return "", alert.Permanent(err)
	}
	return "", n.log.Append(ctx, eventlog.Record{Key: m.Alert.ID, Value: body})
}
