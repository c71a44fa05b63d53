package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
)

// TestFirstStaff has the first HR record arrive after missed events were found to be older than every
// checkpoint: a rollback is tried again. Further HR records change nothing.
func TestFirstStaff(t *testing.T) {
	for _, known := range []bool{false, true} {
		pr, err := newProcessor(nil, 1, &config.Config{}, func(context.Context, int, [][]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		pr.checkpoints.committed = int64(1_760_000_000_000)
		pr.checkpoints.list = []checkpoint{{At: pr.checkpoints.committed}}
		pr.staffed, pr.unreachable = known, true
		e := event.Event{
			Source: event.HR,
			Class:  event.Person,
			Time:   pr.checkpoints.committed - 100*event.Day,
			Key:    1,
			Actor:  event.Actor{Account: "a@acme.example", Kind: event.Human},
		}
		if err := pr.add(&eventlog.Record{Value: e.Append(nil)}); err != nil {
			t.Fatal(err)
		}
		if pr.newStaff == known || pr.unreachable != known {
			t.Errorf("HR known before: %v; new staff %v, unreachable %v", known, pr.newStaff, pr.unreachable)
		}
	}
}

// TestFault has scoring panic at an event: the error names the event and its position in the log.
func TestFault(t *testing.T) {
	log := eventlog.NewMemory(1, 0)
	conf := &config.Config{}
	pr, err := newProcessor(nil, 1, conf, func(context.Context, int, [][]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var recs []eventlog.Record
	for i := range 10 {
		e := event.Event{
			Source: event.Box,
			Class:  event.View,
			Time:   int64(1_760_000_000_000 + i),
			Key:    uint64(i + 1),
			Actor:  event.Actor{Account: "a@acme.example", Kind: event.Human},
		}
		recs = append(recs, eventlog.Record{Value: e.Append(nil)})
	}
	if err := log.Append(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
	for i := range recs {
		if err := pr.add(&eventlog.Record{Offset: int64(i), Value: recs[i].Value}); err != nil {
			t.Fatal(err)
		}
	}
	fault := &engine.Fault{Record: recs[7].Value, Panic: &guard.Panic{Where: "engine", Value: "broken"}}
	err = pr.locate(t.Context(), log, fmt.Errorf("score: %w", fault))
	if err == nil || !errors.Is(err, fault) {
		t.Fatal(err)
	}
	for _, want := range []string{"box", "partition 0, offset 7", "0000000000000008", "broken"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	other := errors.New("other")
	if err := pr.locate(t.Context(), log, other); err != other {
		t.Error(err)
	}
}

// TestAccounts counts records, stores and restores the accounts, and adds them up.
func TestAccounts(t *testing.T) {
	all := newAccounts(2)
	rec := func(part int, day int64) *eventlog.Record {
		return &eventlog.Record{Partition: part, Appended: day * 24 * event.Hour}
	}
	all.of(rec(0, 100), event.Box).Processed++
	all.of(rec(0, 100), event.Box).Repeated++
	all.of(rec(1, 100), event.Box).Late++
	all.of(rec(1, 101), event.Okta).Ahead++
	again := newAccounts(2)
	again.restore(all.stored())
	again.of(rec(0, 100), event.Box).Processed++
	again.of(rec(0, 100+keepAccounts+1), event.Okta).Processed++ // earlier days of this partition are forgotten
	want := []Account{
		{Day: 100, Vendor: "box", Received: 1, Late: 1},
		{Day: 101, Vendor: "okta", Received: 1, Ahead: 1},
		{Day: 101 + keepAccounts, Vendor: "okta", Received: 1, Processed: 1},
	}
	if got := again.sum(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestEpochs has a worker publish after another one has taken over its shard: its records are ignored,
// even if the clock of the other worker is behind.
func TestEpochs(t *testing.T) {
	const shard = 2
	log := eventlog.NewMemory(5, 0)
	publish := func(key, reason string) {
		t.Helper()
		b, err := json.Marshal(alert.Alert{ID: "x", Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Append(t.Context(), eventlog.Record{Key: key, Value: b}); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(now int64) (*Processor, string) {
		t.Helper()
		pr, err := openProcessor(t.Context(), nil, 1, &config.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := pr.beginEpoch(t.Context(), log, shard, time.UnixMilli(now))
		if err != nil {
			t.Fatal(err)
		}
		return pr, key
	}
	published := func(pr *Processor) string {
		b, err := pr.published.alerts["x"].body.Get(nil)
		var a alert.Alert
		if err = errors.Join(err, json.Unmarshal(b, &a)); err != nil {
			t.Fatal(err)
		}
		return a.Reason
	}
	superseded := func(pr *Processor, want error) {
		t.Helper()
		for range 2 {
			if err := pr.superseded(t.Context(), log); err != want {
				t.Errorf("superseded: %v, want %v", err, want)
			}
			if want != nil {
				return
			}
		}
	}
	pr, first := begin(1000)
	publish(first, "old")
	superseded(pr, nil)
	before := pr
	pr, second := begin(500)
	superseded(before, errSuperseded)
	superseded(pr, nil)
	if published(pr) != "old" {
		t.Fatalf("epochs %s and %s, %q", first, second, published(pr))
	}
	publish(second, "new")
	publish(first, "old again")
	if pr, _ = begin(2000); published(pr) != "new" {
		t.Errorf("published: %q", published(pr))
	}
	for p := range log.Partitions() {
		if _, n, err := log.Bounds(t.Context(), p); err != nil || n > 0 != (p == shard) {
			t.Errorf("partition %d has %d records: %v", p, n, err)
		}
	}
}

// TestManyDays has more days end than the publisher holds back: it publishes them as they come, and
// each once.
func TestManyDays(t *testing.T) {
	published, calls := map[string]int{}, 0
	pr, err := newProcessor(nil, 1, &config.Config{}, func(_ context.Context, _ int, records [][]byte) error {
		calls++
		for _, b := range records {
			r, err := ParseRecord(b)
			if r.Kind != ActivityRecord || err != nil {
				t.Fatalf("%.80s: %v", b, err)
			}
			for _, a := range r.Activity {
				published[a.User]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	add := pr.published.activities(t.Context())
	for i := range 2*manyDays + 100 {
		if err := add(&finding.Activity{User: fmt.Sprint(i), End: 24 * event.Day, Open: true}); err != nil {
			t.Fatal(err)
		}
		if len(pr.published.pending) >= manyDays {
			t.Fatalf("%d days are held back", len(pr.published.pending))
		}
	}
	for user, n := range published {
		if n != 1 {
			t.Fatalf("the day of %s was published %d times", user, n)
		}
	}
	if len(published) != 2*manyDays || calls != 2 || len(pr.published.pending) != 100 {
		t.Errorf("%d days were published in %d calls, %d are held back", len(published), calls, len(pr.published.pending))
	}
}

// TestStalledSince asks since when a worker makes no progress, with and without work to do.
func TestStalledSince(t *testing.T) {
	var w Worker
	then := time.Now().Add(-time.Hour)
	w.progress.Store(then.UnixNano())
	if at := w.StalledSince(true); !at.IsZero() {
		t.Errorf("it does not run, and is stalled since %s", at)
	}
	w.running.Store(true)
	if at := w.StalledSince(false); !at.IsZero() {
		t.Errorf("it has nothing to do, and is stalled since %s", at)
	}
	if at := w.StalledSince(true); !at.Equal(then) {
		t.Errorf("it has records to read, and is not stalled: %s", at)
	}
	w.busy.Store(true)
	if at := w.StalledSince(false); !at.Equal(then) {
		t.Errorf("it is busy, and is not stalled: %s", at)
	}
}
