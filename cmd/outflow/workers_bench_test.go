package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/waittest"
)

// BenchmarkWorkers has several processes judge the example, or the folder that OUTFLOW_BENCH
// names, from a topic with 16 partitions until all has been told that a scan prints (days that are
// open are told as they were when they deserved it first):
// one that judges all, and 1, 2 and 4 (OUTFLOW_WORKERS=1,2,8 for others) that share 16
// tasks. It tells the CPU of a worker, the most that one took, and its peak. All
// of them are there before the first event.
func BenchmarkWorkers(b *testing.B) {
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		b.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	exports := os.Getenv("OUTFLOW_BENCH")
	if exports == "" {
		exports = acme
	}
	numbers := os.Getenv("OUTFLOW_WORKERS")
	if numbers == "" {
		numbers = "1,2,4"
	}
	want := ids(b, scannedLines(b, exports))
	b.Run("one judge", func(b *testing.B) {
		for b.Loop() {
			benchWorkers(b, list, exports, want, 1, 1)
		}
	})
	for _, number := range strings.Split(numbers, ",") {
		n, err := strconv.Atoi(number)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(number, func(b *testing.B) {
			for b.Loop() {
				benchWorkers(b, list, exports, want, n, 16)
			}
		})
	}
}

func benchWorkers(b *testing.B, list, exports, want string, n, tasks int) {
	b.StopTimer()
	key, shared := filepath.Join(b.TempDir(), "key"), b.TempDir()
	writeKey(b, key)
	prefix := fmt.Sprintf("n%d", time.Now().UnixNano())
	configure := func() (dir, config string) {
		return folder(b, exports, fmt.Sprintf("log: {kind: kafka, brokers: [%s], topic_prefix: %s, partitions: 16, tasks: %d}\nsnapshots: {dir: %s, key: %q}\n", list, prefix, tasks, shared, "file:"+key))
	}
	dir, config := configure()
	running(b, config, "--roles", "alert")
	var workers []*exec.Cmd
	for range n {
		_, config := configure()
		w, log := running(b, config, "--roles", "detect")
		workers = append(workers, w)
		waittest.Until(b, "consumer group assigned", func() bool { return strings.Contains(log(), "consumer group assigned") })
	}
	time.Sleep(2 * time.Second)
	_, config = configure()
	if out, err := exec.Command("outflow", "run", "--once", "--roles", "ingest", "--config", config).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	events := int64(0)
	for p := range 16 {
		events += end(b, list, prefix, p)
	}
	b.StartTimer()
	began := time.Now()
	waittest.Until(b, "the alerts are those of a scan", func() bool { return ids(b, soFar(dir)) == want })
	b.ReportMetric(time.Since(began).Seconds(), "s-after-the-last-event")
	b.StopTimer()
	var most time.Duration
	peak := int64(0)
	for _, w := range workers {
		w.Process.Signal(syscall.SIGTERM)
		w.Wait()
		most = max(most, w.ProcessState.UserTime()+w.ProcessState.SystemTime())
		if use, ok := w.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, use.Maxrss)
		}
	}
	b.ReportMetric(most.Seconds()/float64(events)*1e6, "µs-CPU/event/worker")
	b.ReportMetric(float64(events)/most.Seconds(), "events/CPU-s/worker")
	b.ReportMetric(float64(peak)/1024, "MB/worker")
	b.ReportMetric(0, "ns/op")
	b.StartTimer()
}

// end is how many records a partition of the log of events has had.
func end(b *testing.B, list, prefix string, partition int) int64 {
	b.Helper()
	cluster, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: strings.Split(list, ","), Replication: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer cluster.Close()
	log, err := cluster.Log(b.Context(), prefix+"-events", 16)
	if err != nil {
		b.Fatal(err)
	}
	defer log.End()
	_, next, err := log.Bounds(b.Context(), partition)
	if err != nil {
		b.Fatal(err)
	}
	return next
}

// ids are those of the alerts that were told, and not withdrawn.
func ids(b *testing.B, lines string) string {
	var list []string
	for line := range strings.Lines(last(b, lines)) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			b.Fatal(err)
		}
		list = append(list, a.ID)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
