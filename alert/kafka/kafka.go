// Package kafka writes alerts to a topic of Kafka, as Detection Findings of OCSF keyed by the
// alert's ID.
package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
)

// Kind is the kind of channel kafka.
var Kind = alert.Kind{Name: "kafka", New: func() alert.Settings { return &Config{Partitions: 1, Replication: 1} }}

// Config are the settings of the channel.
type Config struct {
	Brokers     []string   `yaml:"brokers"`     // host:port; required
	Topic       string     `yaml:"topic"`       // is created if it does not exist; required
	Partitions  int        `yaml:"partitions"`  // of the topic; must match if it exists
	Replication int        `yaml:"replication"` // copies of a record, if the topic is created
	TLS         bool       `yaml:"tls"`         // whether brokers are reached over TLS
	Mechanism   string     `yaml:"mechanism"`   // plain, scram-sha-256 or scram-sha-512; empty for none
	User        string     `yaml:"user"`        // at the brokers
	Password    secret.Ref `yaml:"password"`    // of the user
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if len(c.Brokers) == 0 {
		return errors.New("brokers are required")
	}
	if err := eventlog.CheckMechanism(c.Mechanism); err != nil {
		return fmt.Errorf("mechanism: %w", err)
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
	return &notifier{
		cluster:    cluster,
		topic:      c.Topic,
		partitions: c.Partitions,
		version:    env.Version,
	}, nil
}

// notifier implements alert.Notifier. It opens the log at the first notification.
type notifier struct {
	cluster    *eventlog.Cluster
	topic      string
	partitions int
	version    string
	log        *eventlog.Kafka
}

// Notify implements alert.Notifier. A record that may be in the topic already is sent again with a mark; metadata.uid,
// made of the alert's ID and revision, is the same.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	if n.log == nil {
		log, err := n.cluster.Log(ctx, n.topic, n.partitions)
		if err != nil {
			return "", alert.Repeatable(err)
		}
		n.log = log
	}
	body, err := alert.OCSF(m, n.version)
	if err != nil {
		return "", alert.Permanent(err)
	}
	err = n.log.AppendOnce(ctx, eventlog.Record{Key: m.Alert.ID, Value: body})
	switch {
	case eventlog.Rejected(err):
		err = alert.Permanent(err)
	case eventlog.NotAppended(err):
		err = alert.Repeatable(err)
	}
	return "", err
}
