package eventlog_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/eventlog/eventlogtest"
	"github.com/outflow/outflow/internal/pki"
)

// brokers are those that OUTFLOW_KAFKA names, as .ci/kafka/broker starts them.
func brokers(t *testing.T) []string {
	t.Helper()
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	return strings.Split(list, ",")
}

func cluster(t *testing.T, c eventlog.KafkaConfig) *eventlog.Cluster {
	t.Helper()
	k, err := eventlog.OpenCluster(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

var topics atomic.Int64

func topic(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("test-%d-%d", time.Now().UnixNano(), topics.Add(1))
}

func TestKafka(t *testing.T) {
	t.Parallel()
	c := cluster(t, eventlog.KafkaConfig{Brokers: brokers(t)})
	eventlogtest.Run(t, func(t *testing.T, partitions int) (eventlog.Log, func()) {
		l, err := c.Log(t.Context(), topic(t), partitions)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.End)
		return l, l.End
	})
}

// TestKafkaReopen checks that a log continues where it ended, that its number of partitions is
// fixed, and the errors for offsets that it does not have.
func TestKafkaReopen(t *testing.T) {
	t.Parallel()
	c, name := cluster(t, eventlog.KafkaConfig{Brokers: brokers(t)}), topic(t)
	l, err := c.Log(t.Context(), name, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := l.Append(t.Context(), eventlog.Record{Partition: 1, Value: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	l.End()
	if l, err = c.Log(t.Context(), name, 2); err != nil {
		t.Fatal(err)
	}
	defer l.End()
	if recs, err := l.Read(t.Context(), 1, 3, 10); err != nil || len(recs) != 2 || string(recs[0].Value) != "3" || recs[0].Offset != 3 {
		t.Errorf("%v, %v", recs, err)
	}
	if _, err := l.Read(t.Context(), 1, 9, 10); err == nil || !strings.Contains(err.Error(), "beyond the end") {
		t.Errorf("beyond the end: %v", err)
	}
	if _, err := c.Log(t.Context(), name, 3); err == nil || !strings.Contains(err.Error(), "2 partitions") {
		t.Errorf("another number of partitions: %v", err)
	}
}

// TestKafkaNext checks that the end of a partition is known while a reader waits there, after
// it has read, and without readers.
func TestKafkaNext(t *testing.T) {
	t.Parallel()
	l, err := cluster(t, eventlog.KafkaConfig{Brokers: brokers(t)}).Log(t.Context(), topic(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer l.End()
	is := func(what string, want int64) {
		t.Helper()
		for p, want := range []int64{0, want} {
			if next, err := l.Next(t.Context(), p); err != nil || next != want {
				t.Errorf("%s: partition %d ends at %d, %v; want %d", what, p, next, err, want)
			}
		}
	}
	is("empty", 0)
	add := func() {
		if err := l.Append(t.Context(), eventlog.Record{Partition: 1, Value: []byte("x")}); err != nil {
			t.Error(err)
		}
	}
	add()
	is("nobody reads", 1)
	came := make(chan int64)
	go func() {
		defer close(came)
		for at := int64(0); ; at++ {
			if recs, err := l.Read(t.Context(), 1, at, 1); err != nil || len(recs) != 1 || recs[0].Offset != at {
				if err != io.EOF {
					t.Errorf("%v, %v", recs, err)
				}
				return
			}
			came <- at
		}
	}()
	for want := range int64(3) {
		<-came
		time.Sleep(300 * time.Millisecond) // the reader waits, and has been told once that there is nothing
		is("a reader waits", want+1)
		if want < 2 {
			add()
		}
	}
	l.End()
	<-came
	is("after the end", 3)
	if _, err := l.Next(t.Context(), 2); err == nil {
		t.Error("a partition that does not exist has an end")
	}
}

// TestKafkaSecurity authenticates by password over TLS, and is refused at once, with the
// reason, with a wrong password or without the authority's certificate.
func TestKafkaSecurity(t *testing.T) {
	t.Parallel()
	brokers(t)
	secure, ca := os.Getenv("OUTFLOW_KAFKA_TLS"), os.Getenv("OUTFLOW_KAFKA_CA")
	if secure == "" {
		t.Skip("no broker with TLS: OUTFLOW_KAFKA_TLS is not set (.ci/kafka/broker starts one)")
	}
	for mechanism, user := range map[string][2]string{"plain": {"app", "app-secret"}, "scram-sha-512": {"scramapp", "scram-secret"}} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			trust, err := pki.Files{CA: ca}.Config()
			if err != nil {
				t.Fatal(err)
			}
			conf := eventlog.KafkaConfig{Brokers: []string{secure}, TLS: trust, Mechanism: mechanism, User: user[0], Password: user[1]}
			l, err := cluster(t, conf).Log(t.Context(), topic(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Append(t.Context(), eventlog.Record{Key: "k", Value: []byte("x")}); err != nil {
				t.Error(err)
			}
			l.End()
			wrong := conf
			wrong.Password = "hunter2"
			_, err = cluster(t, wrong).Log(t.Context(), topic(t), 1)
			if !errors.Is(err, kafka.SASLAuthenticationFailed) || strings.Contains(err.Error(), wrong.Password) {
				t.Errorf("wrong password: %v", err)
			}
			wrong = conf
			wrong.TLS = &tls.Config{}
			_, err = cluster(t, wrong).Log(t.Context(), topic(t), 1)
			if certificate := (*tls.CertificateVerificationError)(nil); !errors.As(err, &certificate) {
				t.Errorf("an unknown authority: %v", err)
			}
		})
	}
}

// TestKafkaConfig checks what is refused before anything is sent.
func TestKafkaConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]eventlog.KafkaConfig{
		"no brokers":            {},
		"password in the clear": {Brokers: []string{"broker.example:9092"}, Mechanism: "plain", User: "u", Password: "p"},
		"unknown mechanism":     {Brokers: []string{"127.0.0.1:9092"}, Mechanism: "gssapi"},
	} {
		if _, err := eventlog.OpenCluster(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c := cluster(t, eventlog.KafkaConfig{Brokers: []string{"127.0.0.1:1"}})
	if _, err := c.Log(ctx, "events", 1); err == nil || errors.Is(err, eventlog.ErrClosed) {
		t.Errorf("nobody listens: %v", err)
	}
}

// BenchmarkConsume reads a whole topic and drops the records: the cost of a bare consumer.
// .ci/stream names the topic.
func BenchmarkConsume(b *testing.B) {
	name := os.Getenv("OUTFLOW_TOPIC")
	if name == "" {
		b.Skip("OUTFLOW_TOPIC is not set (.ci/stream sets it)")
	}
	partitions, err := strconv.Atoi(os.Getenv("OUTFLOW_PARTITIONS"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: strings.Split(os.Getenv("OUTFLOW_KAFKA"), ",")})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	l, err := c.Log(b.Context(), name, partitions)
	if err != nil {
		b.Fatal(err)
	}
	l.End()
	for b.Loop() {
		var records atomic.Int64
		var all sync.WaitGroup
		for p := range partitions {
			all.Go(func() {
				for next := int64(0); ; {
					recs, err := l.Read(b.Context(), p, next, 4096)
					if err == io.EOF {
						return
					}
					if err != nil {
						b.Error(err)
						return
					}
					records.Add(int64(len(recs)))
					next = recs[len(recs)-1].Offset + 1
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(records.Load())/b.Elapsed().Seconds(), "records/s")
	}
}
