package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/waittest"
)

// child runs the daemon as a process of its own, until it ends or is killed.
func child(t testing.TB, config, failpoint string, after time.Duration) (killed bool) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("outflow", "run", "--config", config, "--once")
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "OUTFLOW_FAILPOINT="+failpoint)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err := cmd.Wait()
	var failed *exec.ExitError
	if errors.As(err, &failed) && failed.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return false
}

// month is the beginning of the example: the files of some days, in two parts.
func month(t testing.TB, to string, part int) {
	t.Helper()
	days, on := delivered(t, 0, nil, several...)
	for i, day := range days[:26] {
		if part == 1 && i < 14 || part == 2 && i >= 14 {
			putDay(t, day, on, to)
		}
	}
}

// putDay delivers the files of a day. In either half of the month somebody takes 300 files, so that something
// is told.
func putDay(t testing.TB, day string, on map[string][]string, to string) {
	t.Helper()
	for _, path := range on[day] {
		put(t, path, to)
	}
	who := map[string]string{"03-12": "julia.jones", "03-24": "diego.schneider"}[day]
	if who == "" {
		return
	}
	var b bytes.Buffer
	for i := range 300 {
		fmt.Fprintf(&b, `{"type":"event","event_id":"%s-%d","created_by":{"type":"user","login":"%s@acme.example"},`+
			`"created_at":"2026-%sT22:%02d:%02dZ","event_type":"DOWNLOAD","ip_address":"203.0.113.77",`+
			`"source":{"item_type":"file","item_id":"%s%d","item_name":"Contract %d.pdf","parent":{"type":"folder","id":"%s","name":"Mergers %s"}}}`+"\n",
			day, i, who, day, i/60, i%60, who, i, i, who, day)
	}
	if err := os.WriteFile(filepath.Join(to, "box", "taken-"+day+".ndjson"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// running starts the daemon as a process of its own that runs for good, and returns
// what reads its log, which a test that fails shows.
func running(t testing.TB, config string, args ...string) (cmd *exec.Cmd, said func() string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("outflow", append([]string{"run", "--config", config}, args...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said = func() string { b, _ := os.ReadFile(log.Name()); return string(b) }
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%v:\n%s", args, said())
		}
	})
	return cmd, said
}

var failpoints = []string{
	"source-appended", "source-read", "alerts-append", "alerts-appended", "base-save", "base-saved", "alerts-take",
	"alerts-taken", "channel-begun", "channel-written",
}

// logKinds are the logs that the daemon is killed over: the embedded one, and, if there is a
// broker, Kafka, and Kafka with tasks.
func logKinds(t *testing.T) map[string]func() string {
	kinds := map[string]func() string{"sqlite": func() string { return "" }}
	if list := os.Getenv("OUTFLOW_KAFKA"); list != "" {
		kinds["kafka"] = func() string {
			return fmt.Sprintf("log: {kind: kafka, brokers: [%s], topic_prefix: t%d, partitions: 4}\n", list, time.Now().UnixNano())
		}
		kinds["tasks"] = func() string {
			key := filepath.Join(t.TempDir(), "key")
			writeKey(t, key)
			return fmt.Sprintf("log: {kind: kafka, brokers: [%s], topic_prefix: h%d, tasks: 5}\nsnapshots: {dir: %q, key: %q}\n", list, time.Now().UnixNano(), t.TempDir(), "file:"+key)
		}
	} else {
		t.Log("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	return kinds
}

// TestFailpoints kills the daemon at every line between two durable effects, early
// and late, and lets it go on: it tells what it would have told undisturbed, once.
// OUTFLOW_CRASHES says how often it is killed on the way; the default is a few times.
func TestFailpoints(t *testing.T) {
	long(t)
	t.Parallel()
	nths := []int{2, 3, 5}
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_CRASHES")); err == nil {
		nths = nil
		for i := range n {
			nths = append(nths, 2+i%7)
		}
	}
	whole := t.TempDir()
	month(t, whole, 1)
	month(t, whole, 2)
	want := told(t, scannedLines(t, whole))
	for kind, more := range logKinds(t) {
		names := failpoints
		if kind == "tasks" {
			names = append(slices.Clip(names), "hours-append", "hours-appended")
		}
		for _, name := range names {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				exports := t.TempDir()
				dir, config := folder(t, exports, more())
				month(t, exports, 1)
				hit := child(t, config, name, 0)
				for _, nth := range nths {
					hit = child(t, config, fmt.Sprintf("%s:%d", name, nth), 0) || hit
				}
				child(t, config, "", 0)
				month(t, exports, 2)
				hit = child(t, config, name, 0) || hit
				hit = child(t, config, name+":2", 0) || hit
				child(t, config, "", 0)
				child(t, config, "", 0)
				if !hit {
					t.Error("the line was never reached")
				}
				checkNotified(t, dir, want)
				checkAccounts(t, config)
			})
		}
	}
}

// checkNotified checks that a file tells in the end what was wanted, and that no line is
// there twice.
func checkNotified(t *testing.T, dir, want string) {
	t.Helper()
	lines := notified(t, dir)
	seen := map[string]bool{}
	for line := range strings.Lines(lines) {
		if seen[line] {
			t.Errorf("told twice: %.200s", line)
		}
		seen[line] = true
	}
	if got := told(t, lines); got != want {
		g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
		t.Errorf("%d alerts, want %d", len(g), len(w))
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("alert %d is\n%.500s\nwant\n%.500s", i, g[i], w[i])
			}
		}
	}
}

// TestKills kills the daemon again and again at random moments. OUTFLOW_KILLS says
// how often; the default is few.
func TestKills(t *testing.T) {
	long(t)
	t.Parallel()
	kills := 8
	if n := os.Getenv("OUTFLOW_KILLS"); n != "" {
		fmt.Sscanf(n, "%d", &kills)
	}
	whole := t.TempDir()
	month(t, whole, 1)
	month(t, whole, 2)
	want := told(t, scannedLines(t, whole))
	for kind, more := range logKinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(kills), 1))
			killed, rounds := 0, 0
			for ; killed < kills; rounds++ { // from nothing to all of it, killed now and then
				exports := t.TempDir()
				dir, config := folder(t, exports, more())
				for part := 1; part <= 2; part++ {
					month(t, exports, part)
					within := time.Second // of its start; on a busy machine it would never get to the end
					for n := 1; child(t, config, "", 20*time.Millisecond+time.Duration(rng.Int64N(int64(within)))); n++ {
						if killed++; n%4 == 0 {
							within *= 2
						}
					}
				}
				child(t, config, "", 0)
				checkNotified(t, dir, want)
				checkAccounts(t, config)
			}
			t.Logf("%d kills in %d rounds", killed, rounds)
		})
	}
}

// TestWorkers has processes with one role each work over Kafka, three of them to
// judge. The one that judges is killed, and its disk is lost; another one is paused
// for longer than a session: the alerts are those of a scan. OUTFLOW_PAUSES and
// OUTFLOW_WIPES say how often; the default is once.
func TestWorkers(t *testing.T) {
	t.Run("one judges", func(t *testing.T) { workers(t, 1) })
	t.Run("all judge", func(t *testing.T) { workers(t, 16) })
}

// writeKey writes a key for snapshots.
func writeKey(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func workers(t *testing.T, tasks int) {
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	often := func(name string) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
			return n
		}
		return 1
	}
	pauses, wipes := often("OUTFLOW_PAUSES"), often("OUTFLOW_WIPES")
	whole := t.TempDir()
	month(t, whole, 1)
	month(t, whole, 2)
	want := told(t, scannedLines(t, whole))
	exports, shared := t.TempDir(), t.TempDir()
	key := filepath.Join(t.TempDir(), "key")
	writeKey(t, key)
	prefix := fmt.Sprintf("w%d", time.Now().UnixNano())
	var alerts string
	logs := map[*exec.Cmd]func() string{}
	start := func(role string) *exec.Cmd {
		dir, config := folder(t, exports, fmt.Sprintf("log: {kind: kafka, brokers: [%s], topic_prefix: %s, partitions: 16, tasks: %d}\nsnapshots: {dir: %s, key: %q}\n", list, prefix, tasks, shared, "file:"+key))
		if role == "alert" {
			alerts = dir
		}
		cmd, log := running(t, config, "--roles", role)
		logs[cmd] = log
		return cmd
	}
	month(t, exports, 1)
	workers := []*exec.Cmd{start("detect")}
	start("ingest")
	start("alert")
	workers = append(workers, start("detect"), start("detect"))
	waittest.Until(t, "something is told", func() bool { return strings.Count(soFar(alerts), "\n") > 0 })
	judging := func(but *exec.Cmd) (found *exec.Cmd) {
		waittest.Until(t, "somebody judges", func() bool {
			for _, w := range workers {
				log := logs[w]()
				at := strings.LastIndex(log, "processes=")
				if w != but && at > 0 && strings.HasPrefix(log[at:], "processes=true") {
					found = w
					return true
				}
			}
			return false
		})
		return found
	}
	days, on := delivered(t, 0, nil, several...)
	days = days[14:26]
	disturbances := pauses + wipes
	var before *exec.Cmd
	for n := range disturbances {
		for i, day := range days {
			if i*disturbances/len(days) == n {
				putDay(t, day, on, exports)
			}
		}
		w := judging(before)
		if n%((disturbances+wipes-1)/wipes) == 0 { // its disk is lost with it
			w.Process.Kill()
			w.Wait()
			workers = slices.DeleteFunc(workers, func(x *exec.Cmd) bool { return x == w })
			workers = append(workers, start("detect"))
			before = nil
			continue
		}
		w.Process.Signal(syscall.SIGSTOP)
		time.Sleep(sessionPause)
		w.Process.Signal(syscall.SIGCONT)
		before = w
	}
	waittest.Until(t, "the alerts are those of a scan", func() bool { return told(t, soFar(alerts)) == want })
	checkNotified(t, alerts, want)
	if left, _ := filepath.Glob(filepath.Join(shared, "*.snap")); len(left) == 0 {
		t.Error("no snapshot was left")
	}
}

// TestBrokers kills the brokers of a cluster of three, one after the other, while a
// daemon works over them. OUTFLOW_KAFKA_DIR is where .ci/kafka/broker started them,
// OUTFLOW_BROKER_KILLS how many are killed.
func TestBrokers(t *testing.T) {
	list, data := os.Getenv("OUTFLOW_KAFKA"), os.Getenv("OUTFLOW_KAFKA_DIR")
	if data == "" || strings.Count(list, ",") != 2 {
		t.Skip("no cluster: OUTFLOW_KAFKA does not name three brokers, or OUTFLOW_KAFKA_DIR is not set (.ci/kafka/broker start DIR 3)")
	}
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_BROKER_KILLS")); err == nil {
		kills = n
	}
	days, on := delivered(t, 0, nil, several...)
	days = days[:26]
	exports, whole := t.TempDir(), t.TempDir()
	month(t, whole, 1)
	month(t, whole, 2)
	want := told(t, scannedLines(t, whole))
	dir, config := folder(t, exports, fmt.Sprintf("log: {kind: kafka, brokers: [%s], topic_prefix: b%d, partitions: 6, replication: 3}\n", list, time.Now().UnixNano()))
	_, said := running(t, config)
	waittest.Until(t, "it has started", func() bool { return strings.Contains(said(), "msg=started") })
	broker := func(args ...string) {
		if out, err := exec.Command(filepath.Join("..", "..", ".ci", "kafka", "broker"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for n := range kills {
		for i, day := range days {
			if i*kills/len(days) == n {
				putDay(t, day, on, exports)
			}
		}
		which := strconv.Itoa(n%3 + 1)
		broker("kill", data, which)
		time.Sleep(time.Duration(2+n%3) * time.Second)
		broker("again", data, which)
	}
	waittest.Until(t, "the alerts are those of a scan", func() bool { return told(t, soFar(dir)) == want })
	checkNotified(t, dir, want)
}

const sessionPause = 9 * time.Second

func soFar(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "notifications.ndjson"))
	if err != nil {
		return ""
	}
	return string(b[:bytes.LastIndexByte(b, '\n')+1])
}
