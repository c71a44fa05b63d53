package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/daemon"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/waittest"
)

// fails runs the daemon, which must end with an error that says something.
func fails(t *testing.T, config string, says ...string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := run([]string{"run", "--config", config, "--once"}, &bytes.Buffer{}, &stderr); code == exitFine {
		t.Error("it ran")
	}
	for _, s := range says {
		if !strings.Contains(stderr.String(), s) {
			t.Errorf("it says\n%s\nand not %q", stderr.String(), s)
		}
	}
}

// short is a folder with the beginning of the example, and what a scan of it says.
func short(t *testing.T) (exports, want string) {
	exports = t.TempDir()
	month(t, exports, 1)
	return exports, told(t, scannedLines(t, exports))
}

// TestDamagedState checks that no damaged, foreign or later file of state is used,
// and that the error names it.
func TestDamagedState(t *testing.T) {
	long(t)
	t.Parallel()
	exports, _ := short(t)
	for _, name := range []string{"log.db", "detect-0.db", "alerts.db", "sources.db"} {
		for what, damage := range map[string]func(path string) string{
			"garbage": func(path string) string {
				if err := os.WriteFile(path, bytes.Repeat([]byte("garbage "), 1000), 0o600); err != nil {
					t.Fatal(err)
				}
				return "not a database"
			},
			"a later version": func(path string) string {
				db, err := sql.Open("sqlite3", path)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
					t.Fatal(err)
				}
				return "later version"
			},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				dir, config := folder(t, exports, "")
				once(t, config)
				path := filepath.Join(dir, "data", name)
				for _, side := range []string{"-wal", "-shm"} {
					os.Remove(path + side)
				}
				fails(t, config, damage(path), name)
			})
		}
	}
}

// TestLostLog checks that a log which is not the one that was read before is
// noticed: it would silently skip what it holds.
func TestLostLog(t *testing.T) {
	long(t)
	t.Parallel()
	exports, _ := short(t)
	dir, config := folder(t, exports, "")
	once(t, config)
	if err := os.Remove(filepath.Join(dir, "data", "log.db")); err != nil {
		t.Fatal(err)
	}
	for _, side := range []string{"-wal", "-shm"} {
		os.Remove(filepath.Join(dir, "data", "log.db"+side))
	}
	fails(t, config, "restored from an older copy") // from whoever looks first, at the events or at the alerts
}

// TestDamagedSegment flips a bit of a stored segment: reading stops there with its
// place, and does not go on with what it cannot trust.
func TestDamagedSegment(t *testing.T) {
	long(t)
	t.Parallel()
	exports, _ := short(t)
	dir, config := folder(t, exports, "")
	once(t, config)
	db, err := sql.Open("sqlite3", filepath.Join(dir, "data", "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE segment SET body = CAST(substr(body, 1, 60) || x'ff' || substr(body, 62) AS BLOB) WHERE topic = 1"); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, "data", "detect-0.db"))
	fails(t, config, "partition", "offset")
}

// TestFullDisk lets the files of the state grow no further than a limit, as a full
// disk does: the daemon stops with an error, and goes on once there is room.
func TestFullDisk(t *testing.T) {
	long(t)
	t.Parallel()
	exports, want := short(t)
	dir, config := folder(t, exports, "")
	for _, blocks := range []string{"64", "400", "1500"} { // of 512 bytes or 1 kB
		out, err := exec.Command("sh", "-c", "ulimit -f "+blocks+"; exec outflow run --once --config "+config).CombinedOutput()
		if err == nil {
			continue // it was enough
		}
		if !strings.Contains(string(out), "disk") && !strings.Contains(string(out), "file too large") {
			t.Errorf("with %s blocks: %v\n%s", blocks, err, out)
		}
	}
	once(t, config)
	checkNotified(t, dir, want)
}

// limited runs the program where files grow no further than some blocks, of 512 bytes or
// 1 kB.
func limited(blocks int64, args ...string) (said string, err error) {
	out, err := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -f %d; exec outflow "$@"`, blocks), "sh"}, args...)...).CombinedOutput()
	return string(out), err
}

// TestBackup restores a backup elsewhere, and goes on there; a backup that was
// changed, cut off, or meets a folder in use is refused.
func TestBackup(t *testing.T) {
	long(t)
	t.Parallel()
	exports := t.TempDir()
	month(t, exports, 1)
	dir, config := folder(t, exports, "")
	once(t, config)
	saved := filepath.Join(t.TempDir(), "backup.tar.gz")
	call := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code := run(args, &out, &out); code != want {
			t.Fatalf("%v: exit %d\n%s", args, code, out.String())
		}
		return out.String()
	}
	call(exitFine, "backup", "--data", filepath.Join(dir, "data"), saved)
	if info, err := os.Stat(saved); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: %v, %v", info.Mode(), err)
	}
	dir2, config2 := folder(t, exports, "")
	call(exitFailed, "restore", "--data", dir2, saved) // the folder is not empty
	b, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"cut off": b[:len(b)/2],
		"changed": append(append(bytes.Clone(b[:len(b)/2]), b[len(b)/2]^1), b[len(b)/2+1:]...),
		"garbage": []byte("garbage"),
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.WriteFile(bad, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		call(exitFailed, "restore", "--data", filepath.Join(dir2, "data"), bad)
		if _, err := os.Stat(filepath.Join(dir2, "data")); err == nil {
			t.Errorf("%s: something was restored", name)
		}
	}
	call(exitFine, "restore", "--data", filepath.Join(dir2, "data"), saved)
	if err := os.WriteFile(filepath.Join(dir2, "notifications.ndjson"), []byte(notified(t, dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	month(t, exports, 2)
	once(t, config2)
	checkNotified(t, dir2, told(t, scannedLines(t, exports)))
}

// TestDaemon runs the daemon for good: a file that appears is judged, /metrics and
// /healthz answer, a change of the configuration is read or refused, status says what
// it did, dead letters are listed, and SIGTERM ends it.
func TestDaemon(t *testing.T) {
	t.Parallel()
	exports := t.TempDir()
	dir, config := folder(t, exports, "listen: 127.0.0.1:0\n")
	month(t, exports, 1)
	if err := os.WriteFile(filepath.Join(exports, "bad.ndjson"), []byte("{\"eventVersion\":\"1.08\",\"eventTime\":\"never\",\"eventName\":\"X\",\"eventSource\":\"s3.amazonaws.com\",\"userIdentity\":{\"type\":\"IAMUser\"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, said := running(t, config)
	waittest.Until(t, "it listens", func() bool { return strings.Contains(said(), "address=") })
	_, address, _ := strings.Cut(said(), "address=")
	address, _, _ = strings.Cut(address, "\n")
	get := func(path string) string {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			return err.Error()
		}
		defer res.Body.Close()
		var b bytes.Buffer
		b.ReadFrom(res.Body)
		return b.String()
	}
	waittest.Until(t, "something is told", func() bool { return soFar(dir) != "" })
	if got := get("/healthz"); got != "ok\n" {
		t.Errorf("/healthz: %q", got)
	}
	waittest.Until(t, "it is ready", func() bool { return get("/readyz") == "ready\n" })
	for _, metric := range []string{
		`outflow_source_events_total{source="exports",vendor="box"}`, "outflow_judge_events_total",
		`outflow_log_lag_records{partition="0"} 0`, "outflow_alerts_told", "outflow_detect_events_total",
		`outflow_notifications_total{channel="out",outcome="sent"}`, "outflow_build_info{", "go_goroutines ",
		`outflow_notification_latency_seconds_count{channel="out"}`,
	} {
		if got := get("/metrics"); !strings.Contains(got, metric) {
			t.Errorf("/metrics lacks %s:\n%s", metric, got)
		}
	}
	var out bytes.Buffer
	waittest.Until(t, "status says what it did", func() bool {
		out.Reset()
		code := run([]string{"status", "--config", config}, &out, &out)
		return code == exitFine && strings.Contains(out.String(), "Running since") && strings.Contains(out.String(), "salesforce") && strings.Contains(out.String(), "alerts are known")
	})
	out.Reset()
	if code := run([]string{"dead-letter", "list", "--config", config}, &out, &out); code != exitFine || !strings.Contains(out.String(), "bad.ndjson:1: ") {
		t.Errorf("dead-letter list: %d\n%s", code, out.String())
	}
	id, _, _ := strings.Cut(out.String()[strings.LastIndex(strings.TrimSpace(out.String()), "\n")+1:], " ")
	out.Reset()
	if code := run([]string{"dead-letter", "show", id, "--config", config}, &out, &out); code != exitFine {
		t.Errorf("dead-letter show %s: %d\n%s", id, code, out.String())
	}
	out.Reset()
	if code := run([]string{"dead-letter", "replay", "--config", config}, &out, &out); code != exitFine || !strings.Contains(out.String(), "1 dead letter is read again") {
		t.Errorf("dead-letter replay: %d\n%s", code, out.String())
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	change := func(to string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(to), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Signal(syscall.SIGHUP)
	}
	change(string(text) + "budget: 1\n")
	waittest.Until(t, "the configuration is read again", func() bool { return strings.Contains(said(), "configuration reloaded") })
	change(strings.Replace(string(text), "./data", "./elsewhere", 1))
	waittest.Until(t, "what cannot change is refused", func() bool { return strings.Contains(said(), "data_dir cannot change") })
	change("nonsense: 1\n")
	waittest.Until(t, "nonsense is refused", func() bool { return strings.Contains(said(), "nonsense") })
	began := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, said())
	}
	t.Logf("stopped after %s", time.Since(began))
	if !strings.Contains(said(), "msg=stopped") {
		t.Errorf("it did not stop in order:\n%s", said())
	}
}

// TestTopicDeleted makes the topics of a daemon anew: it notices that the log is not
// the one that it read.
func TestTopicDeleted(t *testing.T) {
	list := os.Getenv("OUTFLOW_KAFKA")
	if list == "" {
		t.Skip("no broker: OUTFLOW_KAFKA is not set (.ci/kafka/broker starts one)")
	}
	exports, _ := short(t)
	more := logKinds(t)["kafka"]()
	_, path := folder(t, exports, more)
	once(t, path)
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := eventlog.OpenCluster(eventlog.KafkaConfig{Brokers: strings.Split(list, ",")})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for _, topic := range []string{"events", "alerts"} {
		if err := cluster.Delete(t.Context(), conf.Log.Topic(topic)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	fails(t, path, "it was recreated")
}

// TestStatusJSON checks that the machine-readable status is what the daemon wrote, and that the exit
// status says that it does not run.
func TestStatusJSON(t *testing.T) {
	dir, conf := folder(t, t.TempDir(), "")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := daemon.Status{At: time.Unix(1, 0).UTC(), Started: time.Unix(0, 0).UTC(), Roles: config.Roles, Events: 3, Dead: 2}
	b, err := json.Marshal(&want)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "data", "status.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run([]string{"status", "--config", conf, "--format", "json"}, &out, &out); code != exitFailed {
		t.Fatal(code, out.String())
	}
	var got daemon.Status
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Events != 3 || got.Dead != 2 || !got.Stopped || !got.At.Equal(want.At) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestNoFolder has a file lie where the folder of the state is to be, and a channel
// write into a folder that is not there: what cannot be sent waits.
func TestNoFolder(t *testing.T) {
	long(t)
	t.Parallel()
	exports, want := short(t)
	dir, config := folder(t, exports, "")
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, config, "data_dir", "not a directory")
	if err := os.Remove(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.Replace(text, []byte("notifications.ndjson"), []byte("later/notifications.ndjson"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, config, "not sent", "could not be sent")
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o700); err != nil {
		t.Fatal(err)
	}
	once(t, config)
	checkNotified(t, filepath.Join(dir, "later"), want)
}

// TestRunUsage refuses what the command line or the configuration lacks, and says so with the
// exit status.
func TestRunUsage(t *testing.T) {
	config := filepath.Join(t.TempDir(), "outflow.yaml")
	if err := os.WriteFile(config, []byte("sources: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"no sources":           {"run", "--config", config},
		"--config is required": {"run"},
		`--roles "cook"`:       {"run", "--config", config, "--roles", "cook"},
		"no such file":         {"run", "--config", config + "x"},
	} {
		if code, _, errs := outflow(args...); code != exitUsage || !strings.Contains(errs, says) {
			t.Errorf("%q: exit %d: %s", args, code, errs)
		}
	}
}

// TestNoText has an account whose name is not valid UTF-8: what is kept of it can be read
// again, by scans and by a daemon.
func TestNoText(t *testing.T) {
	exports, data := t.TempDir(), privateDir(t)
	_, config := folder(t, exports, "")
	for i, day := range []string{"2026-03-02", "2026-03-22", "2026-04-12"} {
		record := fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/an`+"\xff"+`","accountId":"111122223333","userName":"an`+"\xff"+`"},"eventTime":"%sT09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-west-1","eventID":"%s","recipientAccountId":"111122223333"}`+"\n", day, day)
		if err := os.WriteFile(filepath.Join(exports, day+".ndjson"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := outflow("scan", "--data", data, exports); code != exitFine {
			t.Fatalf("scan %d: exit %d: %s", i, code, errs)
		}
		once(t, config)
	}
	for _, args := range [][]string{{"privacy", "export", "aws:111122223333:user/an\ufffd", "--data", data}, {"privacy", "export", "aws:111122223333:user/an\ufffd", "--config", config}} {
		if code, _, errs := outflow(args...); code != exitFine {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
}
