package stream

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
)

// benchPartitions is the number of partitions and of shards in these benchmarks.
const benchPartitions = 16

// benchRecords are the records that ingest appends for the example, or for the folder that OUTFLOW_BENCH names, in
// the order of event time.
func benchRecords(b *testing.B) []eventlog.Record {
	b.Helper()
	dir := os.Getenv("OUTFLOW_BENCH")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "examples", "acme")
	}
	var recs []eventlog.Record
	found, _ := files.Find([]string{dir})
	r := files.Reader{
		Formats: all.Formats,
		Tables:  (&config.Config{}).AllTables(),
		Workers: 1,
		Emit: func(int) func(*event.Event) error {
			return func(e *event.Event) error {
				recs = append(recs, eventlog.Record{Key: strings.Clone(e.Actor.Account), Value: bytes.Clone(e.Append(nil))})
				return nil
			}
		},
	}
	if _, err := r.Read(b.Context(), found); err != nil {
		b.Fatal(err)
	}
	slices.SortStableFunc(recs, func(x, y eventlog.Record) int {
		hr := func(r eventlog.Record) int { return min(1, int(event.RecordSource(r.Value)^event.HR)) }
		return cmp.Or(hr(x)-hr(y), cmp.Compare(event.RecordTime(x.Value), event.RecordTime(y.Value)),
			cmp.Compare(event.RecordKey(x.Value), event.RecordKey(y.Value)))
	})
	for i := range recs {
		recs[i].Partition = engine.ShardOf(recs[i].Key, benchPartitions) // what has no key goes to partition 0
	}
	return recs
}

// cpuTime is the CPU time that this process has taken.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stageClock adds up the CPU time of stages that alternate.
type stageClock struct {
	names []string
	spent map[string]time.Duration
	at    time.Duration
}

// stage notes that the time since the last stage went into this one.
func (c *stageClock) stage(name string) {
	now := cpuTime()
	if c.spent == nil {
		c.spent = map[string]time.Duration{}
	}
	if _, known := c.spent[name]; !known && name != "" {
		c.names = append(c.names, name)
	}
	if name != "" {
		c.spent[name] += now - c.at
	}
	c.at = now
}

func (c *stageClock) report(b *testing.B, events int) {
	for _, name := range c.names {
		b.ReportMetric(c.spent[name].Seconds()*1e6/float64(events)/float64(b.N), "µs-"+name)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStages prints the CPU time per event of each stage of a detect worker: as events come in order, an hour at a
// time, and as a backlog of all of them is read, partition by partition. A worker scores all people, or those of some of
// sixteen shards; then it has no peers.
func BenchmarkStages(b *testing.B) {
	recs := benchRecords(b)
	backlog := slices.Clone(recs)
	slices.SortStableFunc(backlog, func(x, y eventlog.Record) int { return x.Partition - y.Partition })
	for _, shards := range []int{16, 8, 1} {
		b.Run(fmt.Sprintf("live/shards=%d", shards), func(b *testing.B) {
			for range b.N {
				w := newStages(b, shards)
				for left := recs; len(left) > 0; {
					hour := firstHour(left)
					w.take(hour)
					left = left[len(hour):]
				}
				w.report(len(recs))
			}
		})
		b.Run(fmt.Sprintf("backlog/shards=%d", shards), func(b *testing.B) {
			for range b.N {
				w := newStages(b, shards)
				w.take(backlog)
				w.report(len(recs))
			}
		})
	}
}

// firstHour are the records up to the end of the first hour of events that are not HR's.
func firstHour(recs []eventlog.Record) []eventlog.Record {
	hour := int64(-1)
	for i := range recs {
		if event.RecordSource(recs[i].Value) == event.HR {
			continue
		}
		h := event.RecordTime(recs[i].Value) / event.Hour
		if hour >= 0 && h != hour {
			return recs[:i]
		}
		hour = h
	}
	return recs
}

// stages are those of a detect worker, one after another on one goroutine.
type stages struct {
	stageClock
	b        *testing.B
	classify func([]eventlog.Record) []RecordClass
	window   *order.Window
	resolver *identity.Resolver
	engine   *engine.Engine

	begun    bool
	lastTime int64
	lastKey  uint64
	walked   []byte
	spans    []int // of the records in walked
	resolved []byte
	keyed    []engine.Keyed
}

// newStages returns the stages of a worker with some of benchPartitions shards.
func newStages(b *testing.B, shards int) *stages {
	conf := &config.Config{}
	detection, err := conf.Detect()
	if err != nil {
		b.Fatal(err)
	}
	if shards < benchPartitions {
		detection.Shards, detection.Mine = benchPartitions, make([]int, shards)
		for s := range shards {
			detection.Mine[s] = s
		}
		detection.Exchange = func(int64, map[int][]byte) ([][]byte, error) { return nil, nil }
	}
	correlator := alert.NewCorrelator()
	s := &stages{
		b:        b,
		classify: newClassifier(),
		window:   order.NewWindow(128<<20, b.TempDir()),
		resolver: identity.New(),
		engine:   engine.New(detection, func(f *finding.Finding) error { correlator.Add(f); return nil }),
		spans:    []int{0},
	}
	s.resolver.Configure(conf.Identity())
	s.stage("")
	return s
}

// take takes in records and scores them.
func (s *stages) take(recs []eventlog.Record) {
	s.classify(recs)
	s.stage("decode")
	for i := range recs {
		if _, err := s.window.Add(recs[i].Value, recs[i].Partition, int64(i)); err != nil {
			s.b.Fatal(err)
		}
	}
	s.stage("keep")
	var err error
	if s.begun {
		err = s.window.After(s.lastTime, s.lastKey, s.walk)
		s.window.Evict(s.window.Newest() - event.LateDays*event.Day)
	} else {
		err = s.window.Each(0, s.walk)
	}
	if err != nil {
		s.b.Fatal(err)
	}
	s.begun = true
	s.score()
}

// walk takes an event in its order.
func (s *stages) walk(rec []byte) error {
	s.walked = append(s.walked, rec...)
	s.spans = append(s.spans, len(s.walked))
	if event.RecordSource(rec) != event.HR {
		s.lastTime, s.lastKey = event.RecordTime(rec), event.RecordKey(rec)
	}
	if len(s.spans) > readBatch {
		s.score()
	}
	return nil
}

// score resolves and scores the events that were walked.
func (s *stages) score() {
	s.stage("order")
	s.resolved, s.keyed = s.resolved[:0], s.keyed[:0]
	for i := range len(s.spans) - 1 {
		person, rec := s.resolver.Resolve(s.walked[s.spans[i]:s.spans[i+1]])
		s.resolver.Notes()
		from := len(s.resolved)
		s.resolved = append(s.resolved, rec...)
		s.keyed = append(s.keyed, engine.Keyed{Person: strings.Clone(person), Record: s.resolved[from:]})
	}
	s.stage("resolve")
	if err := s.engine.HandleAll(s.keyed); err != nil {
		s.b.Fatal(err)
	}
	s.stage("score")
	s.walked, s.spans = s.walked[:0], s.spans[:1]
}

// report prints the time of the stages per event.
func (s *stages) report(events int) { s.stageClock.report(s.b, events) }

// BenchmarkHop prints what it costs to hand every event on to the partition of its person, over the brokers of
// OUTFLOW_KAFKA: to read the event log and resolve the events, to append them to another topic, and to read that.
func BenchmarkHop(b *testing.B) {
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		b.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	recs := benchRecords(b)
	cluster, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: strings.Split(list, ","), Replication: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	var clock stageClock
	for b.Loop() {
		name := "hop" + time.Now().Format("150405.000000")
		benchHop(b, cluster, name, recs, &clock)
	}
	clock.report(b, len(recs))
}

func benchHop(b *testing.B, cluster *eventlog.Cluster, name string, recs []eventlog.Record, clock *stageClock) {
	open := func(topic string) *eventlog.Kafka {
		log, err := cluster.Log(b.Context(), topic, benchPartitions)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { log.End(); cluster.Delete(context.WithoutCancel(b.Context()), topic) })
		return log
	}
	events, people := open(name+"-events"), open(name+"-people")
	clock.stage("")
	for some := range slices.Chunk(slices.Clone(recs), readBatch) {
		if err := events.Append(b.Context(), some...); err != nil {
			b.Fatal(err)
		}
	}
	events.End()
	clock.stage("append-events")
	readAll(b, events, func([]eventlog.Record) {})
	clock.stage("fetch-events")
	resolver := identity.New()
	conf := &config.Config{}
	resolver.Configure(conf.Identity())
	resolved := make([]eventlog.Record, 0, len(recs))
	for i := range recs {
		person, rec := resolver.Resolve(bytes.Clone(recs[i].Value))
		resolver.Notes()
		resolved = append(resolved, eventlog.Record{Key: cmp.Or(strings.Clone(person), recs[i].Key), Value: bytes.Clone(rec)})
	}
	clock.stage("resolve")
	for some := range slices.Chunk(resolved, readBatch) {
		if err := people.Append(b.Context(), some...); err != nil {
			b.Fatal(err)
		}
	}
	people.End()
	clock.stage("append-people")
	readAll(b, people, func([]eventlog.Record) {})
	clock.stage("fetch-people")
	var mu sync.Mutex
	classify := newClassifier()
	readAll(b, people, func(recs []eventlog.Record) { mu.Lock(); classify(recs); mu.Unlock() })
	clock.stage("fetch-decode-people")
}

// readAll reads all partitions of a log that has ended.
func readAll(b *testing.B, log eventlog.Log, do func([]eventlog.Record)) {
	b.Helper()
	var readers sync.WaitGroup
	for p := range log.Partitions() {
		readers.Go(func() {
			for next := int64(0); ; {
				recs, err := log.Read(b.Context(), p, next, readBatch)
				if err == io.EOF {
					return
				}
				if err != nil {
					b.Error(err)
					return
				}
				do(recs)
				next = recs[len(recs)-1].Offset + 1
			}
		})
	}
	readers.Wait()
}
