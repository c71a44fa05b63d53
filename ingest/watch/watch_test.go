package watch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// call is a record of CloudTrail with a number.
func call(n int) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser",`+
		`"arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},`+
		`"eventTime":"2026-03-02T09:%02d:%02dZ","eventSource":"s3.amazonaws.com","eventName":"GetObject",`+
		`"awsRegion":"eu-west-1","requestParameters":{"bucketName":"b","key":"k%d"},"eventID":"e%d",`+
		`"recipientAccountId":"111122223333"}`+"\n", n/60%60, n%60, n, n)
}

func calls(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(call(n))
	}
	return b.String()
}

// failing is a log that refuses after some batches.
type failing struct {
	eventlog.Log
	left int
}

var errRefused = errors.New("refused")

func (f *failing) Append(ctx context.Context, recs ...eventlog.Record) error {
	if len(recs) > 0 && recs[0].Key != "" {
		if f.left--; f.left < 0 {
			return errRefused
		}
	}
	return f.Log.Append(ctx, recs...)
}

func count(t *testing.T, log eventlog.Log) (events, marks int) {
	t.Helper()
	for p := range log.Partitions() {
		at, end, err := log.Bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for at < end {
			recs, err := log.Read(t.Context(), p, at, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recs {
				if _, ok := ingest.ParseBatchMarker(r.Value); ok {
					marks++
				} else {
					events++
				}
			}
			at += int64(len(recs))
		}
	}
	return events, marks
}

// TestOnceByContent checks that a file is read once: not again under another name, as a copy or
// touched. When it grows, what was added is read.
func TestOnceByContent(t *testing.T) {
	dir := t.TempDir()
	s, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := eventlog.NewMemory(2, 0)
	src := &watch.Source{Name: "x", Paths: []string{dir}, Workers: 2, Formats: all.Formats, Tables: all.Tables, Log: log}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	pass := func(what string, events int) watch.Pass {
		t.Helper()
		now = now.Add(time.Hour)
		p, err := s.Pass(t.Context(), src, now)
		if err != nil {
			t.Fatal(err)
		}
		if p.Events != events {
			t.Errorf("%s: %d events, want %d", what, p.Events, events)
		}
		return p
	}
	write("a.ndjson", calls(0, 10))
	pass("new", 10)
	classes, err := s.Classes(t.Context())
	if err != nil || len(classes) != 1 || classes[0].Vendor != event.CloudTrail || classes[0].Class != event.Download ||
		time.Since(classes[0].First) > time.Hour {
		t.Errorf("classes: %+v, %v", classes, err)
	}
	pass("nothing new", 0)
	write("copy.ndjson", calls(0, 10))
	pass("a copy", 0)
	os.Rename(filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson"))
	pass("another name", 0)
	os.Chtimes(filepath.Join(dir, "b.ndjson"), now, now)
	pass("touched", 0)
	write("copy.ndjson", calls(0, 25))
	pass("grown", 15)
	write("copy.ndjson", calls(100, 130))
	pass("exchanged", 30)
	write("bad.ndjson", calls(200, 202)+
		`{"eventVersion":"1.08","eventTime":"never","eventName":"X","eventSource":"s3.amazonaws.com",`+
		`"userIdentity":{"type":"IAMUser"}}`+"\n"+calls(202, 203))
	if p := pass("with a bad record", 3); p.Problems != 1 {
		t.Errorf("%d problems", p.Problems)
	}
	letters, err := s.DeadLetters(t.Context(), 0)
	if err != nil || len(letters) != 1 || letters[0].Line != 3 || !strings.HasSuffix(letters[0].File, "bad.ndjson") {
		t.Errorf("%+v, %v", letters, err)
	}
	reader := files.Reader{Formats: all.Formats}
	if rec, err := watch.FindRecord(t.Context(), reader, &letters[0], letters[0].File); err != nil || !strings.Contains(rec, `"never"`) {
		t.Errorf("%q, %v", rec, err)
	}
	squeezed := filepath.Join(t.TempDir(), "bad.ndjson.gz")
	plain, err := os.ReadFile(letters[0].File)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(plain)
	z.Close()
	os.WriteFile(squeezed, b.Bytes(), 0o600)
	if rec, err := watch.FindRecord(t.Context(), reader, &letters[0], squeezed); err != nil || !strings.Contains(rec, `"never"`) {
		t.Errorf("compressed: %q, %v", rec, err)
	}
	if rec, err := watch.FindRecord(t.Context(), reader, &watch.DeadLetter{File: "bad", Line: 1}, squeezed); err == nil {
		t.Errorf("a line that can be decoded: %q", rec)
	}
	if n, gone, err := s.ReprocessDeadLetters(t.Context(), letters[0].ID); len(gone) > 0 || err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	pass("read again", 3)
	if events, marks := count(t, log); events != 61 || marks%4 != 0 || marks == 0 {
		t.Errorf("%d events and %d marks in the log", events, marks)
	}
	src.Settled = 3 * time.Hour
	write("fresh.ndjson", calls(300, 301))
	os.Chtimes(filepath.Join(dir, "fresh.ndjson"), now, now)
	if p := pass("still being written", 0); p.Left != 1 {
		t.Errorf("%d left", p.Left)
	}
}

// TestInterrupted checks that a pass resumes after an error of the event log.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	const n = 3*4096 + 100
	if err := os.WriteFile(filepath.Join(dir, "a.ndjson"), []byte(calls(0, n)), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := eventlog.NewMemory(2, 0)
	src := &watch.Source{Name: "x", Paths: []string{dir}, Workers: 1, Formats: all.Formats, Tables: all.Tables, Log: &failing{log, 2}}
	if _, err := s.Pass(t.Context(), src, time.Now()); !errors.Is(err, errRefused) {
		t.Fatalf("%v", err)
	}
	before, _ := count(t, log)
	if before == 0 || before == n {
		t.Fatalf("%d events before it was refused", before)
	}
	src.Log = log
	if _, err := s.Pass(t.Context(), src, time.Now()); err != nil {
		t.Fatal(err)
	}
	if events, _ := count(t, log); events != n {
		t.Errorf("%d events, want %d: it did not go on in the middle", events, n)
	}
}

// TestClockSetBack reads files after the clock was set back by a day: the files are newer than
// now, and sequence numbers still increase.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	s, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := eventlog.NewMemory(2, 0)
	src := &watch.Source{
		Name:    "x",
		Paths:   []string{dir},
		Workers: 1,
		Settled: time.Minute,
		Formats: all.Formats,
		Tables:  all.Tables,
		Log:     log,
	}
	deliveries := ingest.NewOpenBatches(2)
	now := time.Now()
	for i, at := range []time.Time{now.Add(time.Hour), now.Add(-24 * time.Hour), now.Add(-48 * time.Hour)} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".ndjson")), []byte(calls(10*i, 10*i+10)), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := s.Pass(t.Context(), src, at); err != nil || p.Events != 10 || p.Left > 0 {
			t.Errorf("look %d: %+v, %v", i, p, err)
		}
	}
	last := int64(0)
	for p := range 2 {
		_, end, err := log.Bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < end; {
			recs, err := log.Read(t.Context(), p, at, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recs {
				m, ok := ingest.ParseBatchMarker(r.Value)
				if !ok {
					continue
				}
				deliveries.Observe(m, p)
				if p == 0 && m.Begin {
					if m.Seq <= last {
						t.Errorf("delivery %d after %d", m.Seq, last)
					}
					last = m.Seq
				}
			}
			at += int64(len(recs))
		}
	}
	if deliveries.Any() {
		t.Error("a delivery is open still")
	}
}

// TestAgainGone requests that dead letters be decoded again whose files were deleted, changed or
// renamed. Those that cannot be read any more stay.
func TestAgainGone(t *testing.T) {
	bad := func(i int) string { return fmt.Sprintf("{\"eventVersion\":\"1.08\",\"eventTime\":\"never %d\"}\n", i) }
	for what, c := range map[string]struct {
		do   func(path string) error
		gone bool
	}{
		"there":  {func(string) error { return nil }, false},
		"copied": {func(path string) error { return os.Remove(path) }, false}, // the copy is there
		"gone":   {func(path string) error { return errors.Join(os.Remove(path), os.Remove(path+".copy")) }, true},
		"changed": {func(path string) error {
			return errors.Join(os.WriteFile(path, []byte(bad(3)+bad(4)), 0o600), os.Remove(path+".copy"))
		}, true},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "bad.ndjson")
		for _, p := range []string{path, path + ".copy"} {
			if err := os.WriteFile(p, []byte(calls(0, 2)+bad(1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
		if err != nil {
			t.Fatal(err)
		}
		src := &watch.Source{Name: "x", Paths: []string{dir}, Formats: all.Formats, Workers: 1, Log: eventlog.NewMemory(1, 0)}
		if p, err := s.Pass(t.Context(), src, time.Now()); err != nil || p.Problems != 1 {
			t.Fatal(p.Problems, err)
		}
		if err := c.do(path); err != nil {
			t.Fatal(err)
		}
		n, gone, err := s.ReprocessDeadLetters(t.Context(), 0)
		left, lerr := s.DeadLetters(t.Context(), 0)
		if err != nil || lerr != nil || (n == 0) != c.gone || (len(gone) == 1) != c.gone || len(left) != len(gone) {
			t.Errorf("%s: %d letters, %v gone, %v left, %v", what, n, gone, left, err)
		}
		s.Close()
	}
}

// TestAmbiguousThenClear checks a file that grows: rows whose day and month cannot be told apart
// are refused, until a later row shows their order. Then all of them are read, and no row that
// came since is lost.
func TestAmbiguousThenClear(t *testing.T) {
	dir := t.TempDir()
	s, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := eventlog.NewMemory(1, 0)
	src := &watch.Source{Name: "x", Paths: []string{dir}, Workers: 1, Formats: all.Formats, Tables: all.Tables, Log: log}
	text := "Date,User Name,User Email,IP Address,Action,Affected,Affected ID,Size (KB),Parent Folder,Details\n"
	now, row := time.Now(), 0
	grow := func(dates ...string) {
		for _, d := range dates {
			row++
			text += fmt.Sprintf("%s,Uma,uma@kite.example,192.0.2.7,Downloaded,F%d.txt,%d,10,Plans,\n", d, row, row)
		}
		if err := os.WriteFile(filepath.Join(dir, "report.csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pass := func(events, problems int) {
		t.Helper()
		now = now.Add(time.Hour)
		p, err := s.Pass(t.Context(), src, now)
		if err != nil {
			t.Fatal(err)
		}
		if p.Events != events || p.Problems != problems {
			t.Errorf("%d events and %d problems, want %d and %d", p.Events, p.Problems, events, problems)
		}
	}
	grow("04/04/2026 09:00", "04/05/2026 09:00", "05/05/2026 09:00", "04/06/2026 09:00")
	pass(2, 2)
	grow("04/07/2026 09:00", "06/06/2026 09:00")
	pass(1, 3)
	grow("04/13/2026 09:00", "04/08/2026 09:00")
	pass(7, 0) // all but the first, two of which are in the log already
	grow("04/09/2026 09:00")
	pass(1, 0)
	keys := map[uint64]int{}
	at, end, err := log.Bounds(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := log.Read(t.Context(), 0, at, int(end-at))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		if event.HasHeader(r.Value) && event.RecordSource(r.Value) == event.Box && event.RecordClass(r.Value) == event.Download {
			keys[event.RecordKey(r.Value)]++
		}
	}
	if len(keys) != row {
		t.Errorf("%d of %d rows are in the log", len(keys), row)
	}
}
