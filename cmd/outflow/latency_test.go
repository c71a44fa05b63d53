package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// BenchmarkLatency measures how long after an event was appended to the log of events
// the alert about it is in the log of alerts, while others come at a rate
// (OUTFLOW_RATE, events a second; 10,000), over the embedded log and, if there is a
// broker, over Kafka. What happens now is what is judged: no event is late.
func BenchmarkLatency(b *testing.B) {
	rate := 10_000
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_RATE")); err == nil {
		rate = n
	}
	kinds := map[string]config.Log{"sqlite": {Kind: "sqlite", Partitions: 4, Retention: config.LeastRetention}}
	if list := os.Getenv("OUTFLOW_KAFKA"); list != "" {
		kinds["kafka"] = config.Log{
			Kind:        "kafka",
			Partitions:  16,
			Retention:   config.LeastRetention,
			Replication: 1,
			Brokers:     strings.Split(list, ","),
			TopicPrefix: fmt.Sprintf("l%d", time.Now().UnixNano()),
		}
	}
	for kind, conf := range kinds {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				list := latency(b, conf, rate, 10*time.Second)
				slices.Sort(list)
				b.ReportMetric(list[len(list)/2].Seconds()*1000, "p50-ms")
				b.ReportMetric(list[len(list)*99/100].Seconds()*1000, "p99-ms")
				b.ReportMetric(float64(len(list)), "alerts")
			}
		})
	}
}

func latency(b *testing.B, conf config.Log, rate int, long time.Duration) (list []time.Duration) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	w := &stream.Worker{
		Dir:    b.TempDir(),
		Config: func() *config.Config { return &config.Config{Log: conf} },
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	l, err := stream.OpenLogs(ctx, &conf, w.Dir, false, w.Log)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var both sync.WaitGroup
	defer both.Wait()
	defer cancel()
	both.Go(func() { w.Run(ctx, l, []int{0}) })
	told := map[string]time.Time{}
	var mu sync.Mutex
	both.Go(func() {
		for next := int64(0); ; {
			recs, err := l.Alerts.Read(ctx, 0, next, 100)
			if err != nil {
				return
			}
			mu.Lock()
			for _, r := range recs {
				var a alert.Alert
				if json.Unmarshal(r.Value, &a) == nil && told[a.User].IsZero() {
					told[a.User] = time.Now()
				}
			}
			mu.Unlock()
			next = recs[len(recs)-1].Offset + 1
		}
	})
	appended := map[string]time.Time{}
	n := 0
	for began := time.Now(); time.Since(began) < long; time.Sleep(20 * time.Millisecond) {
		var recs []eventlog.Record
		for range int(time.Since(began).Seconds()*float64(rate)) - n {
			n++
			who := fmt.Sprintf("p%d@acme.example", n%500)
			e := event.Event{
				Source: event.Box,
				Class:  event.View,
				Action: "PREVIEW",
				Time:   time.Now().UnixMilli(),
				Key:    uint64(n)*0x9e3779b97f4a7c15 + 1,
			}
			e.Object = event.Object{ID: strconv.Itoa(n % 7919), Type: "file", Name: "plan.docx", Container: "Team"}
			if n%(rate/8) == 0 { // something that speaks at once
				who = fmt.Sprintf("loud%d@acme.example", n)
				e.Source, e.Class, e.Action, e.After = event.CloudTrail, event.PolicyChange, "PutBucketAcl", event.Public
				e.Object = event.Object{Type: "bucket", Name: fmt.Sprint("payroll-", n), Container: fmt.Sprint("payroll-", n)}
				appended[who] = time.Now()
			}
			e.Actor, e.Client.IP = event.Actor{Account: who, Kind: event.Human}, "198.51.100.7"
			recs = append(recs, eventlog.Record{Key: who, Value: e.Append(nil)})
		}
		if err := l.Events.Append(ctx, recs...); err != nil {
			b.Fatal(err)
		}
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		mu.Lock()
		missing := 0
		for who := range appended {
			if told[who].IsZero() {
				missing++
			}
		}
		mu.Unlock()
		if missing == 0 {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for who, at := range appended {
		if told[who].IsZero() {
			b.Fatalf("no alert about %s", who)
		}
		list = append(list, told[who].Sub(at))
	}
	return list
}
