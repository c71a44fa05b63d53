package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// calls are records of CloudTrail, one a second from a time on.
func calls(at time.Time, n int) string {
	var b strings.Builder
	for i := range n {
		t := at.Add(time.Duration(i) * time.Second)
		fmt.Fprintf(&b, `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser",`+
			`"arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},`+
			`"eventTime":"%s","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1",`+
			`"requestParameters":{"bucketName":"b","key":"k"},"eventID":"%d","recipientAccountId":"111122223333"}`+"\n",
			t.UTC().Format(time.RFC3339), t.Unix())
	}
	return b.String()
}

// broken is a log that refuses everything but marks while it is broken.
type broken struct {
	eventlog.Log
	is bool
}

func (b *broken) Append(ctx context.Context, recs ...eventlog.Record) error {
	if _, mark := ingest.ParseBatchMarker(recs[0].Value); b.is && !mark {
		return errors.New("refused")
	}
	return b.Log.Append(ctx, recs...)
}

// TestLate adds files with events hours older than the newest one before, which is reported in the
// event log. Events of an interrupted delivery, repeated ones, and those after a record from the
// future are not late.
func TestLate(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log := &broken{Log: eventlog.NewMemory(1, 0)}
	src := &Source{Name: "exports", Paths: []string{dir}, Workers: 1, Formats: all.Formats, Tables: all.Tables, Log: log}
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	files := 0
	deliver := func(texts ...string) error {
		t.Helper()
		for _, text := range texts {
			files++
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.ndjson", files)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(time.Hour)
		_, err := s.Pass(t.Context(), src, now)
		return err
	}
	want := func(what string, n int) []event.Event {
		t.Helper()
		list := said(t, log, event.SourceLate)
		if len(list) != n {
			t.Fatalf("%s: %d deliveries are late, want %d: %+v", what, len(list), n, list)
		}
		return list
	}
	at := func(h int) time.Time { return time.Date(2026, 3, 9, h, 0, 0, 0, time.UTC) }
	if err := errors.Join(deliver(calls(at(8), 40), calls(at(6), 40)), deliver(calls(at(9), 40))); err != nil {
		t.Fatal(err)
	}
	want("in any order at first, then in order", 0)
	log.is = true
	if err := deliver(calls(at(12), 40)); err == nil {
		t.Fatal("the log took it")
	}
	log.is = false
	if err := deliver(calls(at(11), 40)); err != nil {
		t.Fatal(err)
	}
	want("an interrupted delivery", 0)
	if err := deliver(calls(at(3), 30), calls(at(13), 70)); err != nil {
		t.Fatal(err)
	}
	e := want("hours older", 1)[0]
	if e.Source != event.CloudTrail || e.Tenant != "exports" || e.Time != at(13).Add(69*time.Second).UnixMilli() ||
		e.Attr(event.AttrNew) != "100" || e.Attr(event.AttrLate) != "30" || e.Attr(event.AttrUsual) != "0" {
		t.Errorf("%+v", e)
	}
	// The newest event before is of 12:00:39.
	if lag := e.Attr(event.AttrLag); lag != fmt.Sprint((9*time.Hour + 39*time.Second).Milliseconds()) {
		t.Errorf("lag %s", lag)
	}
	if _, err := s.db.ExecContext(t.Context(), "DELETE FROM file"); err != nil { // as Again does
		t.Fatal(err)
	}
	if err := deliver(); err != nil {
		t.Fatal(err)
	}
	want("the same again", 1)
	if err := errors.Join(deliver(calls(now.AddDate(5, 0, 0), 1)), deliver(calls(at(15), 40))); err != nil {
		t.Fatal(err)
	}
	want("after a record from the future", 1)
}

// TestLatePull has an API with pieces of an hour each. Once their usual lag is known, later ones
// are reported.
func TestLatePull(t *testing.T) {
	var page ingest.Page
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) { return page, nil })
	log := eventlog.NewMemory(1, 0)
	p.Source, p.Log = event.CloudTrail, log
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	now := start
	for look := range 120 {
		now = start.Add(time.Duration(look) * 30 * time.Minute)
		text := calls(now, 30)
		if look == 10 || look == 100 {
			text += calls(now.Add(-425*time.Minute), 25)
		}
		body := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
		page = ingest.Page{Bodies: []ingest.Body{{Name: "x.json", ID: fmt.Sprint(look), Open: body}}}
		if _, err := store.Step(t.Context(), p, now); err != nil {
			t.Fatal(err)
		}
	}
	list := said(t, log, event.SourceLate)
	if len(list) != 1 || list[0].Attr(event.AttrLate) != "25" {
		t.Errorf("%+v", list)
	}
}

// TestTogether copies a folder into a watched one during several passes. None of its events make
// others of it late, but later deliveries may be.
func TestTogether(t *testing.T) {
	for together, want := range map[time.Duration]int{time.Hour: 0, 0: 2} {
		dir := t.TempDir()
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		log := eventlog.NewMemory(1, 0)
		src := &Source{
			Name:     "exports",
			Paths:    []string{dir},
			Workers:  1,
			Together: together,
			Formats:  all.Formats,
			Tables:   all.Tables,
			Log:      log,
		}
		at := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
		for i, hours := range []int{0, -48, -24} {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.ndjson", i)),
				[]byte(calls(at.Add(time.Duration(hours)*time.Hour), 40)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Pass(t.Context(), src, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if list := said(t, log, event.SourceLate); len(list) != want {
			t.Errorf("looks within %s: %d deliveries are late, want %d", together, len(list), want)
		}
	}
}
