package watch

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// script is a source whose pages a test defines.
type script func(ctx context.Context, cur ingest.Cursor) (ingest.Page, error)

// Fetch implements ingest.Source.
func (s script) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	return s(ctx, cur)
}

const record = `{"uuid":"u1","published":"2026-03-02T08:14:37Z","eventType":"user.session.start","actor":{"id":"a",` +
	`"type":"User","alternateId":"kim@northwind.example"},"outcome":{"result":"SUCCESS"},` +
	`"client":{"ipAddress":"198.51.100.17"},"target":[]}`

func puller(t *testing.T, s script) (*Store, *Pull) {
	store, err := Open(t.Context(), filepath.Join(t.TempDir(), "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store, &Pull{
		Name:    "okta",
		Stream:  ingest.Stream{Name: "logs", Source: s},
		Formats: all.Formats,
		Tables:  all.Tables,
		Log:     eventlog.NewMemory(2, 1<<20),
	}
}

// TestDeadRecord keeps a record of an API that cannot be decoded, reads it again on
// demand, and lets it go once it can be.
func TestDeadRecord(t *testing.T) {
	bad := strings.Replace(record, "2026-03-02T08:14:37Z", "some day", 1)
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
		return ingest.Page{
			Bodies: []ingest.Body{
				ingest.MemoryBody("logs", []byte("["+record+","+bad+"]")),
				ingest.MemoryBody("logs", []byte(`{"what":"is this"}`)),
			},
			Next: ingest.Cursor("1"),
		}, nil
	})
	now := time.Now()
	step, err := store.Step(t.Context(), p, now)
	if err != nil || step.Events != 1 || step.Problems != 2 {
		t.Fatalf("%+v, %v", step, err)
	}
	letters, err := store.DeadLetters(t.Context(), 0)
	if err != nil || len(letters) != 2 || letters[0].Record != bad || letters[1].Record != `{"what":"is this"}` {
		t.Fatalf("%+v, %v", letters, err)
	}
	if n, gone, err := store.ReprocessDeadLetters(t.Context(), 0); len(gone) > 0 || n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := store.RereadAll(t.Context(), p, now); n != 0 || err != nil { // nothing has been mended
		t.Fatal(n, err)
	}
	if _, err := store.db.Exec(
		"UPDATE dead SET record = replace(replace(record, 'some day', '2026-03-02T08:14:38Z'), 'u1', 'u2') WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	if n, err := store.RereadAll(t.Context(), p, now); n != 0 || err != nil { // nobody has asked
		t.Fatal(n, err)
	}
	if n, gone, err := store.ReprocessDeadLetters(t.Context(), letters[0].ID); len(gone) > 0 || n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := store.RereadAll(t.Context(), p, now); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := store.CountDeadLetters(t.Context()); n != 1 || err != nil {
		t.Errorf("%d letters are left, %v", n, err)
	}
}

// TestBrokenPiece reads a broken piece several times, and then goes on without it: it is a gap.
func TestBrokenPiece(t *testing.T) {
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
		broken := ingest.MemoryBody("broken", []byte("["+record[:50]))
		broken.ID = "broken"
		return ingest.Page{Bodies: []ingest.Body{broken, ingest.MemoryBody("logs", []byte("["+record+"]"))}, Next: ingest.Cursor("1")}, nil
	})
	for tries := 1; ; tries++ {
		step, err := store.Step(t.Context(), p, time.Now())
		if err != nil && tries < maxBroken {
			continue
		}
		if err != nil || tries != maxBroken || len(step.Gaps) != 1 || !strings.Contains(step.Gaps[0].Reason, "given up") {
			t.Fatalf("try %d: %+v, %v", tries, step, err)
		}
		break
	}
	states, err := store.States(t.Context())
	if err != nil || len(states) != 1 || len(states[0].Gaps) != 1 || states[0].Failing != "" || states[0].Events != 1 {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestFailing notes why a stream does not go on, and forgets it when it does.
func TestFailing(t *testing.T) {
	fail := true
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
		if fail {
			return ingest.Page{}, errors.New("out of order")
		}
		return ingest.Page{Next: ingest.Cursor(`{"at":1}`)}, nil
	})
	for _, want := range []string{"out of order", ""} {
		if _, err := store.Step(t.Context(), p, time.Now()); (err != nil) != fail {
			t.Fatal(err)
		}
		if states, err := store.States(t.Context()); err != nil || states[0].Failing != want {
			t.Errorf("%+v, %v", states, err)
		}
		fail = false
	}
}

// TestSetCursor holds although a page was being read meanwhile.
func TestSetCursor(t *testing.T) {
	var store *Store
	var asked []string
	set := false
	store, p := puller(t, func(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
		asked = append(asked, string(cur))
		if set {
			if err := store.SetCursor(ctx, "okta", "logs", ingest.Cursor(`"mine"`)); err != nil {
				return ingest.Page{}, err
			}
			set = false
		}
		return ingest.Page{Next: ingest.Cursor(`"next"`)}, nil
	})
	for i := range 4 {
		set = i == 2
		if _, err := store.Step(t.Context(), p, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(asked, " "); got != ` "next" "next" "mine"` {
		t.Error(got)
	}
}

// TestSkip goes on after a piece that cannot be read, and that the source lists again by itself.
func TestSkip(t *testing.T) {
	skipped, done := 0, 0
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
		return ingest.Page{Bodies: []ingest.Body{
			{
				ID:   "x",
				Name: "x",
				Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("not now") },
				Skip: func(error) { skipped++ },
			},
			ingest.MemoryBody("logs", []byte("["+record+"]")),
		}, Done: func(context.Context) error { done++; return nil }}, nil
	})
	step, err := store.Step(t.Context(), p, time.Now())
	if err != nil || step.Events != 1 || skipped != 1 || done != 1 {
		t.Errorf("%+v, %v, %d, %d", step, err, skipped, done)
	}
}

// TestTidy forgets pieces that are no longer listed.
func TestTidy(t *testing.T) {
	opened := 0
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
		return ingest.Page{Bodies: []ingest.Body{{ID: "x", Name: "x", Open: func(context.Context) (io.ReadCloser, error) {
			opened++
			return io.NopCloser(strings.NewReader("[" + record + "]")), nil
		}}}}, nil
	})
	now := time.Now()
	for i, at := range []time.Time{now, now, now.Add(keepPieces + time.Hour)} {
		if err := store.Prune(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Step(t.Context(), p, at); err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 1, 2}[i]; opened != want {
			t.Errorf("look %d: opened %d times", i, opened)
		}
	}
}

// said returns the events in the event log about the source itself, of a class.
func said(t *testing.T, log eventlog.Log, class event.Class) (list []event.Event) {
	t.Helper()
	_, end, err := log.Bounds(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(0); at < end; {
		recs, err := log.Read(t.Context(), 0, at, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			var dec event.Decoder
			var e event.Event
			if dec.Decode(r.Value, &e) == nil && e.Class == class {
				list = append(list, *e.Clone())
			}
			at = r.Offset + 1
		}
	}
	return list
}

// TestSays checks the events about a source that is not read: a gap always has the same key, and a
// failure is reported once it lasts, until the vendor answers.
func TestSays(t *testing.T) {
	var page ingest.Page
	var failure error
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) { return page, failure })
	log := eventlog.NewMemory(1, 1<<20)
	p.Source, p.Log = event.Okta, log
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	page = ingest.Page{Gaps: []ingest.Gap{{From: now.Add(-48 * time.Hour), To: now.Add(-24 * time.Hour), Reason: "it is not kept"}}}
	for range 2 {
		if _, err := store.Step(t.Context(), p, now); err != nil {
			t.Fatal(err)
		}
	}
	list := said(t, log, event.SourceGap)
	if len(list) != 2 || list[0].Key != list[1].Key || list[0].Action != event.Gone ||
		list[0].Attr(event.AttrFrom) != "2026-02-28T12:00:00Z" || list[0].Attr(event.AttrReason) != "it is not kept" {
		t.Fatalf("%+v", list)
	}
	page.Gaps, failure = nil, errors.New("401 unauthorized")
	fail := func(after time.Duration) int {
		if _, err := store.Step(t.Context(), p, now.Add(after)); err == nil {
			t.Fatal("no error")
		}
		return len(said(t, log, event.SourceGap)) - 2
	}
	if n := fail(30 * time.Minute); n != 0 {
		t.Error("half an hour is nothing to speak of")
	}
	fail(61 * time.Minute)
	if n := fail(90 * time.Minute); n != 1 {
		t.Errorf("told %d times", n)
	}
	p.reported = time.Time{} // a restart
	fail(2 * time.Hour)
	if list := said(t, log, event.SourceGap); len(list) != 4 || list[2].Key != list[3].Key || list[3].Action != event.Failing ||
		list[3].Attr(event.AttrFrom) != "2026-03-02T12:00:00Z" {
		t.Errorf("%+v", list)
	}
}

// TestRefused checks that a source that cannot be opened is reported for each of its streams once
// that has lasted, and no longer once it is open.
func TestRefused(t *testing.T) {
	store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) { return ingest.Page{}, nil })
	log := eventlog.NewMemory(1, 1<<20)
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	failing := func() (list []string) {
		states, err := store.States(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range states {
			list = append(list, st.Stream+" "+st.Failing)
		}
		return list
	}
	note := func(r *Refusal, after time.Duration) []event.Event {
		t.Helper()
		if err := r.Record(t.Context(), errors.New("secret: none"), now.Add(after)); err != nil {
			t.Fatal(err)
		}
		return said(t, log, event.SourceGap)
	}
	first := func() *Refusal { return &Refusal{Store: store, Name: "okta", Source: event.Okta, Log: log} }
	r := first()
	note(r, 0)
	if list := note(r, 59*time.Minute); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	note(r, 61*time.Minute)
	list := note(r, 90*time.Minute)
	if len(list) != 1 || list[0].Action != event.Failing || list[0].Object.Name != "" || list[0].Attr(event.AttrReason) != "secret: none" {
		t.Errorf("%+v", list)
	}
	if got := failing(); !slices.Equal(got, []string{"* secret: none"}) {
		t.Error(got)
	}
	if err := first().Clear(t.Context()); err != nil || len(failing()) != 0 { // after a restart, too
		t.Error(failing(), err)
	}
	if _, err := store.Step(t.Context(), p, now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	r = first()
	note(r, 50*time.Hour) // it was not running for long: that is no failure of an hour
	if list := note(r, 50*time.Hour+time.Minute); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	if list := note(r, 52*time.Hour); len(list) != 2 || list[1].Object.Name != "logs" ||
		list[1].Attr(event.AttrFrom) != "2026-03-02T14:00:00Z" {
		t.Errorf("%+v", list)
	}
	if got := failing(); !slices.Equal(got, []string{"logs secret: none"}) {
		t.Error(got)
	}
	if err := r.Clear(t.Context()); err != nil || !slices.Equal(failing(), []string{"logs "}) {
		t.Error(failing(), err)
	}
}
