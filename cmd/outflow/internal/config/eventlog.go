package config

import (
	"context"
	"fmt"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
)

// Topic is the full name of a topic: the prefix and a name such as events.
func (c *Log) Topic(name string) string { return c.TopicPrefix + "-" + name }

// Kafka is how the cluster is reached. It resolves the password and reads certificates.
func (c *Log) Kafka(ctx context.Context) (eventlog.KafkaConfig, error) {
	password, err := secret.Resolve(ctx, c.SASL.Password)
	if err != nil {
		return eventlog.KafkaConfig{}, fmt.Errorf("log: sasl: password: %w", err)
	}
	conf := eventlog.KafkaConfig{
		Brokers:     c.Brokers,
		Replication: c.Replication,
		Retention:   c.Retention,
		Mechanism:   c.SASL.Mechanism,
		User:        c.SASL.User,
		Password:    password.Reveal(),
	}
	if c.TLS {
		if conf.TLS, err = c.Files.Config(); err != nil {
			return eventlog.KafkaConfig{}, fmt.Errorf("log: certificates: %w", err)
		}
	}
	return conf, nil
}
