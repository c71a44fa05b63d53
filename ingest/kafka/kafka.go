// Package kafka reads topics that other collectors fill, as a member of a consumer group. Offsets
// are committed once the records are in the event log.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/pki"
	"github.com/outflow/outflow/internal/secret"
)

// Kind is the kind kafka.
var Kind = ingest.Kind{
	Name:   "kafka",
	New:    func() ingest.Opener { return &Config{Group: "outflow"} },
	Mixed:  true,
	Direct: true,
}

// Config configures a source of kind kafka.
type Config struct {
	Brokers eventlog.Addresses `yaml:"brokers"` // host:port; required
	Topics  []string           `yaml:"topics"`  // names; required
	Group   string             `yaml:"group"`   // consumer group; default outflow
	TLS     bool               `yaml:"tls"`     // whether connections are encrypted
	Files   pki.Files          `yaml:",inline"` // certificates for TLS
	SASL    SASL               `yaml:"sasl"`    // credentials; none if empty
}

// SASL is how the source authenticates to the brokers.
type SASL struct {
	Mechanism string     `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	User      string     `yaml:"user"`      // at the brokers
	Password  secret.Ref `yaml:"password"`  // of the user
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("brokers: at least one is required")
	case len(c.Topics) == 0 || slices.Contains(c.Topics, ""):
		return errors.New("topics: at least one is required")
	case c.Group == "":
		return errors.New("group is required")
	case c.Files != pki.Files{} && !c.TLS:
		return errors.New("ca, client_cert and client_key are for tls: true")
	case eventlog.CheckMechanism(c.SASL.Mechanism) != nil:
		return fmt.Errorf("sasl.mechanism: %w", eventlog.CheckMechanism(c.SASL.Mechanism))
	case c.SASL.Mechanism == "" && c.SASL != SASL{}:
		return errors.New("sasl.mechanism is required")
	case c.SASL.Mechanism != "" && (c.SASL.User == "" || c.SASL.Password == ""):
		return errors.New("sasl: user and password are required")
	}
	for i, t := range c.Topics {
		if slices.Contains(c.Topics[:i], t) {
			return fmt.Errorf("topics: %s is listed twice", t)
		}
	}
	return c.Files.Check()
}

// brokers is how the cluster is reached.
type brokers struct {
	addresses []string
	dialer    *kafka.Dialer
	client    *kafka.Client
}

// connect resolves the password and reads certificates, without connecting.
func (c *Config) connect(ctx context.Context) (*brokers, error) {
	password, err := secret.Resolve(ctx, c.SASL.Password)
	if err != nil {
		return nil, fmt.Errorf("sasl: password: %w", err)
	}
	conf := eventlog.KafkaConfig{
		Brokers:   c.Brokers,
		Mechanism: c.SASL.Mechanism,
		User:      c.SASL.User,
		Password:  password.Reveal(),
	}
	if c.TLS {
		if conf.TLS, err = c.Files.Config(); err != nil {
			return nil, fmt.Errorf("certificates: %w", err)
		}
	}
	dialer, err := conf.Dialer()
	if err != nil {
		return nil, err
	}
	return &brokers{
		addresses: c.Brokers,
		dialer:    dialer,
		client: &kafka.Client{
			Addr:    kafka.TCP(c.Brokers...),
			Timeout: 15 * time.Second,
			Transport: &kafka.Transport{
				Dial:        dialer.DialFunc,
				TLS:         dialer.TLS,
				SASL:        dialer.SASLMechanism,
				DialTimeout: dialer.Timeout,
				IdleTimeout: 30 * time.Second,
				MetadataTTL: 5 * time.Second,
				ClientID:    dialer.ClientID,
			},
		},
	}, nil
}

// partitions returns the partitions of a topic. The error says why it cannot be read: a wrong
// password, for instance, or that there is no such topic.
func (b *brokers) partitions(ctx context.Context, topic string) (list []int, err error) {
	meta, err := b.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	case len(meta.Topics) != 1:
		return nil, fmt.Errorf("topic %s: %w", topic, kafka.UnknownTopicOrPartition)
	case meta.Topics[0].Error != nil:
		return nil, fmt.Errorf("topic %s: %w", topic, meta.Topics[0].Error)
	}
	for _, p := range meta.Topics[0].Partitions {
		list = append(list, p.ID)
	}
	slices.Sort(list)
	return list, nil
}

// bounds returns the offset that a group has committed for a partition, -1 for none, and the first
// offset that the partition still has.
func (b *brokers) bounds(ctx context.Context, group, topic string, partition int) (committed, first int64, err error) {
	done, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {partition}}})
	if err == nil {
		err = done.Error
	}
	if err != nil {
		return 0, 0, fmt.Errorf("topic %s: committed offsets: %w", topic, err)
	}
	committed = -1
	for _, p := range done.Topics[topic] {
		if p.Error != nil {
			return 0, 0, fmt.Errorf("topic %s: committed offsets: %w", topic, p.Error)
		}
		committed = p.CommittedOffset
	}
	there, err := b.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(partition)},
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("topic %s: list offsets: %w", topic, err)
	}
	for _, p := range there.Topics[topic] {
		if p.Error != nil {
			return 0, 0, fmt.Errorf("topic %s: list offsets: %w", topic, p.Error)
		}
		first = p.FirstOffset
	}
	return committed, first, nil
}

// Open implements ingest.Opener. There is a stream for each topic.
func (c *Config) Open(ctx context.Context, env ingest.Env) (streams []ingest.Stream, err error) {
	b, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, topic := range c.Topics {
		if _, err := b.partitions(ctx, topic); err != nil {
			return nil, err
		}
	}
	for _, topic := range c.Topics {
		s := &source{topic: topic, log: env.Log.With("topic", topic), next: map[int]int64{}}
		s.bounds = func(ctx context.Context, partition int) (committed, first int64, err error) {
			return b.bounds(ctx, c.Group, topic, partition)
		}
		s.reach = func(ctx context.Context) error {
			_, err := b.partitions(ctx, topic)
			return err
		}
		s.reader = kafka.NewReader(kafka.ReaderConfig{
			Brokers:               c.Brokers,
			Dialer:                b.dialer,
			GroupID:               c.Group,
			Topic:                 topic,
			StartOffset:           kafka.FirstOffset,
			IsolationLevel:        kafka.ReadCommitted,
			WatchPartitionChanges: true,
			MaxBytes:              mostBytes,
			MaxWait:               500 * time.Millisecond,
			QueueCapacity:         mostMessages,
			ErrorLogger:           kafka.LoggerFunc(s.trouble),
		})
		streams = append(streams, ingest.Stream{
			Name:     topic,
			Parallel: 2,
			Source:   s,
			Close: func() {
				if err := s.reader.Close(); err != nil {
					s.log.Debug("consumer group not left", "err", err)
				}
			},
		})
	}
	return streams, nil
}

// lastOf is how many messages of each partition a look at a topic shows.
const lastOf = 3

// Sample implements ingest.Sampler. It reads the last messages, and is no member of the group.
func (c *Config) Sample(ctx context.Context, _ ingest.Env) (streams []ingest.Stream, err error) {
	b, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, topic := range c.Topics {
		streams = append(streams, ingest.Stream{Name: topic, Source: &tail{b, topic}})
	}
	return streams, nil
}

// tail reads the last messages of a topic.
type tail struct {
	brokers *brokers
	topic   string
}

// Fetch implements ingest.Source.
func (t *tail) Fetch(ctx context.Context, _ ingest.Cursor) (page ingest.Page, err error) {
	list, err := t.brokers.partitions(ctx, t.topic)
	if err != nil {
		return page, err
	}
	var ask []kafka.OffsetRequest
	for _, p := range list {
		ask = append(ask, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	res, err := t.brokers.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{t.topic: ask}})
	if err != nil {
		return page, fmt.Errorf("topic %s: list offsets: %w", t.topic, err)
	}
	for _, p := range res.Topics[t.topic] {
		if p.Error != nil {
			return page, fmt.Errorf("topic %s: list offsets: %w", t.topic, p.Error)
		}
		from := max(p.FirstOffset, p.LastOffset-lastOf)
		if from >= p.LastOffset {
			continue
		}
		bodies, err := t.read(ctx, p.Partition, from, p.LastOffset)
		if err != nil {
			return page, err
		}
		page.Bodies = append(page.Bodies, bodies...)
	}
	return page, nil
}

// read returns the messages of a partition within offsets. Offsets may have gaps, also at the end.
func (t *tail) read(ctx context.Context, partition int, from, to int64) (list []ingest.Body, err error) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers:        t.brokers.addresses,
		Dialer:         t.brokers.dialer,
		Topic:          t.topic,
		Partition:      partition,
		IsolationLevel: kafka.ReadCommitted,
		MaxBytes:       mostBytes,
		MaxWait:        500 * time.Millisecond,
	})
	defer r.Close()
	if err := r.SetOffset(from); err != nil {
		return nil, fmt.Errorf("topic %s: %w", t.topic, err)
	}
	waiting, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	for at := from; at < to; {
		m, err := r.FetchMessage(waiting)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("topic %s: %w", t.topic, err)
		}
		at = m.Offset + 1
		list = append(list, bodies([]kafka.Message{m})...)
	}
	return list, nil
}
