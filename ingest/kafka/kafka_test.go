package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/okta"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/pki"
)

// record returns a record of Okta's log.
func record(id string) string {
	return fmt.Sprintf(`{"uuid":%q,"published":"2026-03-02T08:14:37Z","eventType":"user.session.start","actor":{"id":"a",`+
		`"type":"User","alternateId":"ana@harbor.example"},"outcome":{"result":"SUCCESS"},"target":[]}`, id)
}

// fake is a reader of a topic in memory.
type fake struct {
	list      []kafka.Message
	next      int
	committed int64 // offset behind the last message that was committed
	fail      int   // commits that fail first
}

// FetchMessage implements reader.
func (f *fake) FetchMessage(ctx context.Context) (kafka.Message, error) {
	if f.next == len(f.list) {
		<-ctx.Done()
		return kafka.Message{}, ctx.Err()
	}
	f.next++
	return f.list[f.next-1], nil
}

// CommitMessages implements reader.
func (f *fake) CommitMessages(_ context.Context, list ...kafka.Message) error {
	if f.fail > 0 {
		f.fail--
		return errors.New("the group is rebalancing")
	}
	for i := range list {
		f.committed = max(f.committed, list[i].Offset+1)
	}
	return nil
}

// Close implements reader.
func (f *fake) Close() error { return nil }

// fakeSource reads from a reader in memory. The group has committed an offset, and the partition
// begins with one.
func fakeSource(f *fake, committed, first int64) *source {
	return &source{
		topic:  "audit",
		reader: f,
		log:    slog.New(slog.DiscardHandler),
		next:   map[int]int64{},
		bounds: func(context.Context, int) (int64, int64, error) { return committed, first, nil },
	}
}

// TestMissing checks that messages are reported which were removed before they were read, and no
// others: offsets have gaps anyhow.
func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		committed, first int64
		offsets          []int64
		want             string
	}{
		"a new group":               {-1, 40, []int64{40, 41}, ""},
		"goes on":                   {40, 10, []int64{40, 41}, ""},
		"removed while it was away": {40, 47, []int64{47}, "partition 0: 7 messages were removed from the topic before being read, from offset 40 on"},
		"removed while it ran":      {41, 50, []int64{40, 50}, "partition 0: 9 messages were removed from the topic before being read, from offset 41 on"},
		"marks of transactions":     {40, 10, []int64{40, 42, 47}, ""},
		"read by another member":    {60, 55, []int64{40, 60}, ""},
		"the topic was made anew":   {40, 0, []int64{0, 1}, ""},
	} {
		f := &fake{}
		for _, o := range c.offsets {
			f.list = append(f.list, kafka.Message{Offset: o, Value: []byte("x")})
		}
		s := fakeSource(f, c.committed, c.first)
		if c.offsets[0] < c.first {
			s.next[0] = c.offsets[0]
		}
		page, err := s.Fetch(t.Context(), nil)
		if err != nil {
			t.Fatal(name, err)
		}
		got := ""
		for _, g := range page.Gaps {
			got += g.Reason
		}
		if got != c.want {
			t.Errorf("%s: %q", name, got)
		}
		if err := page.Done(t.Context()); err != nil || s.gaps != nil || s.paged != nil {
			t.Errorf("%s: %v, %v after it is done", name, s.gaps, err)
		}
	}
}

// refusing is an event log that fails at first.
type refusing struct {
	eventlog.Log
	fails int
}

// Append implements eventlog.Log.
func (l *refusing) Append(ctx context.Context, recs ...eventlog.Record) error {
	if l.fails > 0 {
		l.fails--
		return errors.New("no room")
	}
	return l.Log.Append(ctx, recs...)
}

// keys returns how many different events a log has.
func keys(t *testing.T, log eventlog.Log) int {
	t.Helper()
	found := map[uint64]bool{}
	ingesttest.Events(t, log, func(e *event.Event) { found[e.Key] = true })
	return len(found)
}

// TestCommits checks that offsets are committed once the records are in the event log, that a
// message is read again until then, and that what cannot be decoded is a dead letter.
func TestCommits(t *testing.T) {
	f := &fake{fail: 1}
	for i, value := range []string{
		record("a1"), record("a2") + "\n" + record("a3"), "", `{"what":"is this"}`, "[" + record("a4") + "," + record("a5")[:60],
		"\x00\x00\x00\x00\x07" + record("a6"), `{"@timestamp":"2026-03-02T08:14:37Z","message":` + fmt.Sprintf("%q", record("a7")) + `}`,
	} {
		f.list = append(f.list, kafka.Message{Topic: "audit", Partition: 1, Offset: int64(i), Value: []byte(value)})
	}
	store, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	log := &refusing{Log: eventlog.NewMemory(1, 1<<20), fails: 3}
	p := &watch.Pull{
		Name:    "bus",
		Mixed:   true,
		Stream:  ingest.Stream{Name: "audit", Source: fakeSource(f, -1, 0)},
		Formats: okta.Formats,
		Log:     log,
	}
	for try := 0; ; try++ { // the log fails at first, then the commit
		step, err := store.Step(t.Context(), p, time.Now())
		if err == nil && try >= 2 {
			break
		}
		if err == nil || f.committed > 0 || try > 5 {
			t.Fatalf("try %d: %+v, %v, %d are committed", try, step, err, f.committed)
		}
	}
	if n := keys(t, log.Log); n != 6 || f.committed != 7 {
		t.Errorf("%d events, %d messages are committed", n, f.committed)
	}
	letters, err := store.DeadLetters(t.Context(), 0)
	if err != nil || !slices.ContainsFunc(letters, func(l watch.DeadLetter) bool { return l.File == "audit[1]@3" }) ||
		!slices.ContainsFunc(letters, func(l watch.DeadLetter) bool { return l.File == "audit[1]@4" }) {
		t.Errorf("%+v, %v", letters, err)
	}
}

// TestQuiet checks that a topic that cannot be read is reported, and that one without messages is
// not.
func TestQuiet(t *testing.T) {
	unreachable := errors.New("no such topic")
	reached := error(nil)
	s := &source{topic: "audit", log: slog.New(slog.DiscardHandler), reach: func(context.Context) error { return reached }}
	for i := range 2 * mostQuarrels {
		if err := s.quiet(t.Context()); err != nil {
			t.Fatal("without an error", err)
		}
		s.trouble("not allowed: %s", "group")
		if err := s.quiet(t.Context()); err != nil {
			t.Fatal(i, err)
		}
	}
	for range mostQuarrels - 1 {
		s.trouble("not allowed: %s", "group")
		if err := s.quiet(t.Context()); err != nil {
			break
		}
	}
	s.trouble("not allowed: %s", "group")
	if err := s.quiet(t.Context()); err == nil || !strings.Contains(err.Error(), "not allowed: group") {
		t.Error(err)
	}
	reached = unreachable
	s.trouble("x")
	if err := s.quiet(t.Context()); !errors.Is(err, unreachable) {
		t.Error(err)
	}
}

// TestCheck checks which settings are refused.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"":                          func(*Config) {},
		"brokers: at least one":     func(c *Config) { c.Brokers = nil },
		"topics: at least one":      func(c *Config) { c.Topics = []string{""} },
		"listed twice":              func(c *Config) { c.Topics = []string{"a", "b", "a"} },
		"group is required":         func(c *Config) { c.Group = "" },
		"are for tls: true":         func(c *Config) { c.Files.CA = "ca.pem" },
		"sasl.mechanism: \"x\"":     func(c *Config) { c.SASL.Mechanism = "x" },
		"mechanism is required":     func(c *Config) { c.SASL.User = "x" },
		"user and password":         func(c *Config) { c.SASL.Mechanism = "plain" },
		"client_key must both be s": func(c *Config) { c.TLS, c.Files.Cert = true, "x" },
	} {
		c := Kind.New().(*Config)
		c.Brokers, c.Topics = []string{"localhost:9092"}, []string{"audit"}
		change(c)
		if err := c.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestUnreachable opens a source whose broker does not listen, and one that would send its password
// unencrypted.
func TestUnreachable(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", "hunter2-hunter2")
	c := Kind.New().(*Config)
	c.Brokers, c.Topics = []string{"127.0.0.1:1"}, []string{"audit"}
	c.SASL = SASL{Mechanism: "plain", User: "x", Password: "env:OUTFLOW_TEST_SECRET"}
	for _, broker := range []string{"127.0.0.1:1", "broker.invalid:9092"} {
		c.Brokers = []string{broker}
		_, err := c.Open(t.Context(), ingest.Env{Log: slog.New(slog.DiscardHandler)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
	}
}

// TestBroker reads a topic of a broker in two generations of a source, and looks at it.
func TestBroker(t *testing.T) {
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	t.Setenv("OUTFLOW_TEST_SECRET", "app-secret")
	c := Kind.New().(*Config)
	topic := fmt.Sprintf("audit-%d", time.Now().UnixNano())
	c.Brokers, c.Topics, c.Group = strings.Split(list, ","), []string{topic}, "g-"+topic
	env := ingest.Env{Log: slog.New(slog.DiscardHandler)}
	if _, err := c.Open(t.Context(), env); err == nil || !strings.Contains(err.Error(), topic) {
		t.Fatal("a topic that does not exist is opened", err)
	}
	cluster, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: c.Brokers, Replication: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	in, err := cluster.Log(t.Context(), topic, 3)
	if err != nil {
		t.Fatal(err)
	}
	send := func(from, to int) {
		for i := from; i < to; i++ {
			if err := in.Append(t.Context(), eventlog.Record{Key: fmt.Sprint(i), Value: []byte(record(fmt.Sprint(i)))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := eventlog.NewMemory(1, 1<<20)
	// read opens the source anew, and reads until there are so many events.
	read := func(events int) (read int) {
		streams, err := c.Open(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		defer streams[0].Close()
		store, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		p := &watch.Pull{Name: "bus", Mixed: true, Stream: streams[0], Formats: okta.Formats, Log: out}
		for deadline := time.Now().Add(time.Minute); keys(t, out) < events && time.Now().Before(deadline); {
			step, err := store.Step(t.Context(), p, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			read += step.Events
		}
		return read
	}
	send(0, 30)
	if n := read(30); n != 30 || keys(t, out) != 30 {
		t.Errorf("%d are read", n)
	}
	send(30, 40)
	looks, err := c.Sample(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := looks[0].Source.Fetch(t.Context(), nil); err != nil || len(page.Bodies) < lastOf || len(page.Bodies) > 3*lastOf {
		t.Errorf("a look: %d messages, %v", len(page.Bodies), err)
	}
	if n := read(40); n != 10 || keys(t, out) != 40 {
		t.Errorf("the next generation reads %d messages, %d events in all", n, keys(t, out))
	}
	if address, ca := os.Getenv("OUTFLOW_KAFKA_TLS"), os.Getenv("OUTFLOW_KAFKA_CA"); address != "" {
		c.Brokers, c.TLS, c.Files = strings.Split(address, ","), true, pki.Files{CA: ca}
		c.SASL = SASL{Mechanism: "plain", User: "app", Password: "env:OUTFLOW_TEST_SECRET"}
		c.Group += "-secure"
		if out = eventlog.NewMemory(1, 1<<20); read(40) != 40 {
			t.Error("not everything is read over TLS")
		}
		t.Setenv("OUTFLOW_TEST_SECRET", "another")
		if _, err := c.Open(t.Context(), env); err == nil || strings.Contains(err.Error(), "another") {
			t.Error("with a wrong password", err)
		}
	}
}
