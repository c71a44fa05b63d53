package eventlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// KafkaConfig has the addresses of a cluster, and the settings of new topics.
type KafkaConfig struct {
	Brokers     []string      // host:port; at least one
	Replication int           // copies of every record; 1 for a single broker
	Retention   time.Duration // for how long records are kept; 0 for ever
	TLS         *tls.Config   // nil for unencrypted connections
	Mechanism   string        // "", "plain", "scram-sha-256" or "scram-sha-512"
	User        string        // for Mechanism
	Password    string        // for Mechanism
}

// Cluster is a client of a Kafka cluster.
type Cluster struct {
	config    KafkaConfig
	client    *kafka.Client
	transport *kafka.Transport
	dialer    *kafka.Dialer
}

// Waiting times between attempts after a transient error.
const (
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// OpenCluster prepares a client, without connecting. An unknown mechanism is an error, and so
// is a password that would be sent unencrypted to another machine.
func OpenCluster(c KafkaConfig) (*Cluster, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("eventlog: no brokers")
	}
	dialer, err := c.Dialer()
	if err != nil {
		return nil, err
	}
	transport := &kafka.Transport{
		Dial:        dialer.DialFunc,
		TLS:         dialer.TLS,
		SASL:        dialer.SASLMechanism,
		DialTimeout: 5 * time.Second,
		MetadataTTL: 5 * time.Second,
		ClientID:    "outflow",
	}
	return &Cluster{
		config:    c,
		transport: transport,
		client: &kafka.Client{
			Addr:      kafka.TCP(c.Brokers...),
			Transport: transport,
			Timeout:   15 * time.Second,
		},
		dialer: dialer,
	}, nil
}

// dial returns what connects to brokers. The configuration names some of them, wherever they are; these name the others, which
// are in the same networks as a rule, and so may be in private ones. But they lead neither to this machine, unless a broker of the
// configuration is here, nor to where clouds hand out credentials.
func (c *KafkaConfig) dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	var here atomic.Bool // a broker of the configuration is on this machine
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := &net.Dialer{Timeout: 5 * time.Second}
		configured := slices.ContainsFunc(c.Brokers, func(b string) bool { return b == address || net.JoinHostPort(b, "9092") == address })
		if !configured {
			d.Control = func(_, at string, _ syscall.RawConn) error {
				to, err := netip.ParseAddrPort(at)
				if ip := to.Addr().Unmap().WithZone(""); err != nil || ip.IsLoopback() && !here.Load() || noBroker(ip) {
					return fmt.Errorf("eventlog: a broker names %s (%s) as one of its cluster, where none can be", address, at)
				}
				return nil
			}
		}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok && configured && at.IP.IsLoopback() {
			here.Store(true)
		}
		return &brokerConn{Conn: conn}, nil
	}
}

// metadata are addresses of the metadata services of AWS, Azure and Alibaba Cloud that are not link-local.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("100.100.100.200"),
}

// noBroker reports whether no broker that others name can be at an address.
func noBroker(ip netip.Addr) bool {
	return ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || slices.Contains(metadata, ip)
}

// brokerConn is a connection to what should be a broker. The library takes whatever comes for lengths of lists, and
// allocates gigabytes for the greeting of a mail server.
type brokerConn struct {
	net.Conn
	begun bool
}

// Read implements io.Reader. The first bytes are the length of an answer (or a record of TLS), which no text is.
func (c *brokerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begun {
		if c.begun = true; p[0] >= ' ' {
			return 0, fmt.Errorf("%s is no Kafka broker: it says %.40q", c.RemoteAddr(), p[:n])
		}
	}
	return n, err
}

// Dialer returns what connects and authenticates to the brokers. Its errors are those of
// OpenCluster.
func (c *KafkaConfig) Dialer() (*kafka.Dialer, error) {
	var mechanism sasl.Mechanism
	var err error
	switch c.Mechanism {
	case "":
	case "plain":
		mechanism = plain.Mechanism{Username: c.User, Password: c.Password}
	case "scram-sha-256":
		mechanism, err = scram.Mechanism(scram.SHA256, c.User, c.Password)
	case "scram-sha-512":
		mechanism, err = scram.Mechanism(scram.SHA512, c.User, c.Password)
	default:
		err = fmt.Errorf("%q is not a mechanism: plain, scram-sha-256, scram-sha-512", c.Mechanism)
	}

	if err != nil {
		return nil, fmt.Errorf("eventlog: sasl: %w", err)
	}
	if mechanism != nil && c.TLS == nil {
		for _, b := range c.Brokers { // the password would be sent unencrypted
			if host, _, err := net.SplitHostPort(b); err != nil || !loopback(host) {
				return nil, fmt.Errorf("eventlog: sasl without tls to %s: allowed on this machine only", b)
			}
		}
	}

	return &kafka.Dialer{
		DialFunc:      c.dial(),
		TLS:           c.TLS,
		SASLMechanism: mechanism,
		Timeout:       5 * time.Second,
		ClientID:      "outflow",
	}, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close closes idle connections.
func (c *Cluster) Close() { c.transport.CloseIdleConnections() }

// Kafka is a log in a topic. Make one with Cluster.Log; call End when done.
type Kafka struct {
	cluster *Cluster
	topic   string
	parts   int
	queue   writeQueue

	open  context.Context // ends with End
	shut  context.CancelFunc
	mu    sync.Mutex
	ended bool
	ahead map[int]*segment // by partition: the segment that was fetched last
	tails map[int]tail     // by partition
}

// tail is the end of a partition, as the responses to readers show it.
type tail struct {
	known   bool  // whether next is known
	next    int64 // the end of the partition in the last response
	waiting int   // readers that wait at the end: they learn of new records at once
}

// Log opens the log of a topic, and creates the topic if it does not exist. A topic with
// another number of partitions is an error: state is stored by partition.
func (c *Cluster) Log(ctx context.Context, topic string, partitions int) (*Kafka, error) {
	if err := retryTransient(ctx, func() error { return c.createTopic(ctx, topic, partitions) }); err != nil {
		return nil, fmt.Errorf("eventlog: topic %s: %w", topic, err)
	}
	if err := retryTransient(ctx, func() error { return c.checkTopic(ctx, topic, partitions) }); err != nil {
		return nil, fmt.Errorf("eventlog: topic %s: %w", topic, err)
	}
	k := &Kafka{
		cluster: c,
		topic:   topic,
		parts:   partitions,
		ahead:   map[int]*segment{},
		tails:   map[int]tail{},
	}
	k.open, k.shut = context.WithCancel(context.Background())
	return k, nil
}

// createTopic creates a topic with the retention and replication of the configuration. A topic
// that exists is left as it is.
func (c *Cluster) createTopic(ctx context.Context, topic string, partitions int) error {
	// If no broker can be reached, this returns the reason: a wrong password, say, or a
	// certificate that is not trusted. CreateTopics would only report that there is none.
	if _, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}}); err != nil {
		return err
	}
	retention := "-1"
	if c.config.Retention > 0 {
		retention = strconv.FormatInt(c.config.Retention.Milliseconds(), 10)
	}
	replication := max(c.config.Replication, 1)
	entries := []kafka.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		{ConfigName: "retention.ms", ConfigValue: retention},
		{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"},
	}
	if replication > 2 {
		entries = append(entries, kafka.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: strconv.Itoa(replication - 1)})
	}
	res, err := c.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic:             topic,
		NumPartitions:     partitions,
		ReplicationFactor: replication,
		ConfigEntries:     entries,
	}}})
	if err == nil {
		err = res.Errors[topic]
	}
	if errors.Is(err, kafka.TopicAlreadyExists) {
		return nil
	}
	return err
}

// checkTopic returns an error unless a topic exists and has a number of partitions.
func (c *Cluster) checkTopic(ctx context.Context, topic string, partitions int) error {
	meta, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	switch {
	case err != nil:
		return err
	case len(meta.Topics) != 1:
		return kafka.UnknownTopicOrPartition
	case meta.Topics[0].Error != nil:
		return meta.Topics[0].Error
	}
	if n := len(meta.Topics[0].Partitions); n != partitions {
		return fmt.Errorf("it has %d partitions, not %d: the number is fixed when a log is created", n, partitions)
	}
	return nil
}

// retryTransient tries again up to eight times while the error is transient.
func retryTransient(ctx context.Context, try func() error) error {
	wait := retryLeast
	for n := 0; ; n++ {
		err := try()
		if err == nil || ctx.Err() != nil || !isTransient(err) || n == 8 {
			return err
		}
		if backoff(ctx, &wait) != nil {
			return err
		}
	}
}

// backoff waits before the next attempt, and doubles the time for the one after it.
func backoff(ctx context.Context, wait *time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(*wait):
	}
	*wait = min(2**wait, retryMost)
	return nil
}

// isTransient reports whether the restart of a broker or a change of leaders can cause an
// error.
func isTransient(err error) bool {
	var code kafka.Error
	if errors.As(err, &code) {
		switch code {
		case kafka.BrokerNotAvailable, kafka.NotController, kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend,
			kafka.RequestTimedOut, kafka.NetworkException:
			return true
		}
		return code.Temporary()
	}
	if errors.Is(err, protocol.ErrNoLeader) || isUnknownTopic(err) {
		return true
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isUnknownTopic reports whether an error means that a topic or partition does not exist: for a
// moment after its creation, or for good.
func isUnknownTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition)
}

// missingFor is how long a topic may be missing before it counts as deleted.
const missingFor = 30 * time.Second

// Partitions implements Log.
func (k *Kafka) Partitions() int { return k.parts }

// End ends appending by this process: its readers get io.EOF once they have read everything.
func (k *Kafka) End() {
	k.mu.Lock()
	k.ended = true
	k.mu.Unlock()
	<-k.queue.close()
	k.shut() // readers no longer wait for more
}

// over reports whether End was called.
func (k *Kafka) over() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended
}

// Append implements Log. A nil error means that all in-sync replicas have the records. It waits
// out transient errors. After one of them some records may be in the log twice: consumers
// deduplicate by ID.
func (k *Kafka) Append(ctx context.Context, recs ...Record) error {
	if len(recs) == 0 {
		return nil
	}
	a, err := newPending(recs, k.parts)
	if err != nil {
		return err
	}
	for i := range recs {
		if n := len(recs[i].Key) + len(recs[i].Value); n > batchMost {
			return fmt.Errorf("eventlog: topic %s: append: a record of %d bytes: %w", k.topic, n, kafka.MessageSizeTooLarge)
		}
	}
	lead, err := k.queue.join(a)
	if err != nil {
		return err
	}
	if lead { // it writes for all that wait, whatever becomes of this call
		go k.queue.lead(k.write)
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Bounds implements Log.
func (k *Kafka) Bounds(ctx context.Context, partition int) (first, next int64, err error) {
	if err := within(partition, k.parts); err != nil {
		return 0, 0, err
	}
	err = retryTransient(ctx, func() error {
		res, err := k.cluster.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{k.topic: {
			kafka.FirstOffsetOf(partition),
			kafka.LastOffsetOf(partition),
		}}})
		if err != nil {
			return err
		}
		for _, p := range res.Topics[k.topic] {
			if p.Partition == partition {
				first, next = p.FirstOffset, p.LastOffset
				return p.Error
			}
		}
		return kafka.UnknownTopicOrPartition
	})
	if err != nil {
		return 0, 0, fmt.Errorf("eventlog: topic %s, partition %d: %w", k.topic, partition, err)
	}
	return first, next, nil
}

// Next returns the offset of the next record that will be appended to a partition, as Bounds
// does. It asks the broker only if no reader waits for that record: a waiting reader learns of
// it as soon as it is there.
func (k *Kafka) Next(ctx context.Context, partition int) (int64, error) {
	k.mu.Lock()
	t := k.tails[partition]
	k.mu.Unlock()
	if t.waiting > 0 {
		return t.next, nil
	}
	_, next, err := k.Bounds(ctx, partition)
	return next, err
}

// waits records that a reader asks for records from an offset on, until the returned function
// is called.
func (k *Kafka) waits(partition int, from int64) func() {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.tails[partition]
	if !t.known || from != t.next { // there are more records, or that is unknown
		return func() {}
	}
	t.waiting++
	k.tails[partition] = t
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		t := k.tails[partition]
		t.waiting--
		k.tails[partition] = t
	}
}

// Read implements Log. It waits out transient errors.
func (k *Kafka) Read(ctx context.Context, partition int, from int64, max int) ([]Record, error) {
	if err := within(partition, k.parts); err != nil {
		return nil, err
	}
	s := k.fetched(partition, from)
	if s == nil {
		var err error
		if s, err = k.await(ctx, partition, from); err != nil {
			return nil, err
		}
	}
	recs := s.recs
	for len(recs) > 0 && recs[0].Offset < from { // offsets may have gaps
		recs = recs[1:]
	}
	return recs[:min(max, len(recs)):min(max, len(recs))], nil
}

// fetched returns the segment that was fetched last if it reaches an offset, or nil.
func (k *Kafka) fetched(partition int, from int64) *segment {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.ahead[partition]
	if s == nil || len(s.recs) == 0 || from < s.base || from > s.recs[len(s.recs)-1].Offset {
		return nil
	}
	return s
}

// await fetches from an offset on until there are records, and keeps them for fetched. It
// waits out transient errors. io.EOF means that the log has ended and has no more.
func (k *Kafka) await(ctx context.Context, partition int, from int64) (*segment, error) {
	wait, poll := retryLeast, fetchLeast
	missing := time.Time{} // since when there is no such topic
	for at := from; ; {
		s, err := k.fetch(ctx, partition, at, poll)
		switch {
		case err == nil && len(s.recs) > 0:
			k.mu.Lock()
			k.ahead[partition] = s
			k.mu.Unlock()
			return s, nil

		case err == nil: // nothing there yet, or nothing that is a record
			at, poll = s.base, min(2*poll, fetchMost)
			if k.over() {
				poll = fetchLeast
				if _, next, err := k.Bounds(ctx, partition); err == nil && at >= next {
					return nil, io.EOF
				}
			}

		case ctx.Err() != nil:
			return nil, ctx.Err()

		case errors.Is(err, context.Canceled): // by End: once more, without waiting
			poll = fetchLeast

		default:
			if missing.IsZero() && isUnknownTopic(err) {
				missing = time.Now()
			}
			if err := k.permanent(ctx, err, partition, from, missing); err != nil {
				return nil, err
			}
			if err := backoff(ctx, &wait); err != nil {
				return nil, err
			}
		}
	}
}

// permanent returns the error of Read if no retry can mend an error of fetch, nil if it is
// transient. Missing is since when the topic has not been found.
func (k *Kafka) permanent(ctx context.Context, err error, partition int, from int64, missing time.Time) error {
	switch {
	case errors.Is(err, kafka.OffsetOutOfRange):
		return k.outOfRange(ctx, partition, from)
	case isUnknownTopic(err) && time.Since(missing) > missingFor:
		return fmt.Errorf("eventlog: topic %s, partition %d: deleted while it was read: %w", k.topic, partition, err)
	case !isTransient(err):
		return fmt.Errorf("eventlog: topic %s, partition %d, offset %d: %w", k.topic, partition, from, err)
	}
	return nil
}

// fetchBytes is the most that one request fetches of a partition, compressed.
const fetchBytes = 1 << 20

// How long the broker may hold back a response while there are no records. It doubles every
// time, so that a quiet topic costs little. New records are always returned at once.
const (
	fetchLeast = 250 * time.Millisecond
	fetchMost  = 8 * time.Second
)

// fetch asks for records from an offset on, and waits for the first for a while. If there are
// none, base is the offset to ask for next.
func (k *Kafka) fetch(ctx context.Context, partition int, from int64, wait time.Duration) (*segment, error) {
	if !k.over() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(k.open, cancel)()
	}

	defer k.waits(partition, from)()
	p, err := k.answer(ctx, partition, from, wait)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	t := k.tails[partition]
	t.known, t.next = true, max(t.next, p.HighWatermark)
	k.tails[partition] = t
	k.mu.Unlock()
	s := &segment{base: from}
	var next int64
	s.recs, next, err = p.Batches.decode(nil, partition, from)
	switch {
	case len(s.recs) > 0: // what precedes a damaged batch can be read
	case err != nil:
		return nil, err
	case next == from && p.HighWatermark > from: // a gap
		s.base = from + 1
	default: // control records
		s.base = next
	}
	return s, nil
}

// outOfRange returns the error for an offset that the broker does not have.
func (k *Kafka) outOfRange(ctx context.Context, partition int, from int64) error {
	first, next, err := k.Bounds(ctx, partition)
	switch {
	case err != nil:
		return err
	case from < first:
		return ErrGone
	}
	return fmt.Errorf(
		"eventlog: offset %d is beyond the end of topic %s, partition %d (%d): the topic was recreated, or lost records",
		from, k.topic, partition, next)
}

// Delete deletes a topic with its records.
func (c *Cluster) Delete(ctx context.Context, topic string) error {
	res, err := c.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err == nil {
		err = res.Errors[topic]
	}
	if err != nil {
		return fmt.Errorf("eventlog: topic %s: delete: %w", topic, err)
	}
	return nil
}
