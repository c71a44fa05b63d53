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

// TestFirstStaff has HR speak for the first time after it was found that what was missed is
// beyond every base: going back is tried again. What HR says once more changes nothing.
func TestFirstStaff(t *testing.T) {
	for _, known := range []bool{false, true} {
		pr, err := newProcessor(nil, 1, &config.Config{}, func(context.Context, int, [][]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		pr.checkpoints.committed = int64(1_760_000_000_000)
		pr.checkpoints.list = []checkpoint{{At: pr.checkpoints.committed}}
		pr.staffed, pr.lost = known, true
		e := event.Event{Source: event.HR, Class: event.Person, Time: pr.checkpoints.committed - 100*event.Day, Key: 1, Actor: event.Actor{Account: "a@acme.example", Kind: event.Human}}
		if err := pr.add(&eventlog.Record{Value: e.Append(nil)}); err != nil {
			t.Fatal(err)
		}
		if pr.hired == known || pr.lost != known {
			t.Errorf("HR known before: %v; hired %v, lost %v", known, pr.hired, pr.lost)
		}
	}
}

// TestJudgeFault has judging panic at one event: the error names it and where it is in the
// log, and nothing is skipped.
func TestJudgeFault(t *testing.T) {
	log := eventlog.NewMemory(1, 0)
	conf := &config.Config{}
	pr, err := newProcessor(nil, 1, conf, func(context.Context, int, [][]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var recs []eventlog.Record
	for i := range 10 {
		e := event.Event{Source: event.Box, Class: event.View, Time: int64(1_760_000_000_000 + i), Key: uint64(i + 1), Actor: event.Actor{Account: "a@acme.example", Kind: event.Human}}
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
	fault := &engine.Fault{Record: recs[7].Value, Panic: &guard.Panic{Where: "judge", Value: "broken"}}
	err = pr.locate(t.Context(), log, fmt.Errorf("judging: %w", fault))
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

// TestAccounts checks the accounts of records by hand.
func TestAccounts(t *testing.T) {
	all := newAccounts(2)
	rec := func(part int, day int64) *eventlog.Record {
		return &eventlog.Record{Partition: part, Appended: day * 24 * event.Hour}
	}
	all.of(rec(0, 100), event.Box).Judged++
	all.of(rec(0, 100), event.Box).Repeated++
	all.of(rec(1, 100), event.Box).Late++
	all.of(rec(1, 101), event.Okta).Ahead++
	again := newAccounts(2)
	again.restore(all.stored())
	again.of(rec(0, 100), event.Box).Judged++
	again.of(rec(0, 100+keepAccounts+1), event.Okta).Judged++ // the days before are forgotten in this partition
	want := []Account{
		{Day: 100, Vendor: "box", Received: 1, Late: 1},
		{Day: 101, Vendor: "okta", Received: 1, Ahead: 1},
		{Day: 101 + keepAccounts, Vendor: "okta", Received: 1, Judged: 1},
	}
	if got := again.sum(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTerms has somebody who judged before say something after another one has taken
// over: it does not count, also if the clock of the other one is behind, whichever shard
// it is about.
func TestTerms(t *testing.T) {
	const shard = 2
	log := eventlog.NewMemory(5, 0)
	say := func(epoch, reason string) {
		t.Helper()
		b, err := json.Marshal(alert.Alert{ID: "x", Reason: reason})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Append(t.Context(), eventlog.Record{Key: epoch, Value: b}); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(now int64) (*Processor, string) {
		t.Helper()
		pr, err := openProcessor(t.Context(), nil, 1, &config.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, epoch, err := pr.beginEpoch(t.Context(), log, shard, time.UnixMilli(now))
		if err != nil {
			t.Fatal(err)
		}
		return pr, epoch
	}
	out := func(pr *Processor) string {
		b, err := pr.published.alerts["x"].body.Get(nil)
		var a alert.Alert
		if err = errors.Join(err, json.Unmarshal(b, &a)); err != nil {
			t.Fatal(err)
		}
		return a.Reason
	}
	_, first := begin(1000)
	say(first, "old")
	pr, second := begin(500)
	if out(pr) != "old" {
		t.Fatalf("terms %s and %s, %q", first, second, out(pr))
	}
	say(second, "new")
	say(first, "old again")
	if pr, _ = begin(2000); out(pr) != "new" {
		t.Errorf("what counts is %q", out(pr))
	}
	for p := range log.Partitions() {
		if _, n, err := log.Bounds(t.Context(), p); err != nil || n > 0 != (p == shard) {
			t.Errorf("partition %d has %d records: %v", p, n, err)
		}
	}
}

// TestManyDays has a judge hear of more days than it holds back: it says them as they come, and
// each once.
func TestManyDays(t *testing.T) {
	said, calls := map[string]int{}, 0
	pr, err := newProcessor(nil, 1, &config.Config{}, func(_ context.Context, _ int, records [][]byte) error {
		calls++
		for _, b := range records {
			r, err := ParseRecord(b)
			if r.Kind != ActivityRecord || err != nil {
				t.Fatalf("%.80s: %v", b, err)
			}
			for _, a := range r.Activity {
				said[a.User]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	hear := pr.published.activities(t.Context())
	for i := range 2*manyDays + 100 {
		if err := hear(&finding.Activity{User: fmt.Sprint(i), End: 24 * event.Day, Open: true}); err != nil {
			t.Fatal(err)
		}
		if len(pr.published.pending) >= manyDays {
			t.Fatalf("%d days are held back", len(pr.published.pending))
		}
	}
	for user, n := range said {
		if n != 1 {
			t.Fatalf("the day of %s was said %d times", user, n)
		}
	}
	if len(said) != 2*manyDays || calls != 2 || len(pr.published.pending) != 100 {
		t.Errorf("%d days were said in %d calls, %d are held back", len(said), calls, len(pr.published.pending))
	}
}

// TestStands has a worker stand still with and without something to do.
func TestStands(t *testing.T) {
	var w Worker
	then := time.Now().Add(-time.Hour)
	w.progress.Store(then.UnixNano())
	if at := w.Stands(true); !at.IsZero() {
		t.Errorf("it does not run, and stands since %s", at)
	}
	w.running.Store(true)
	if at := w.Stands(false); !at.IsZero() {
		t.Errorf("it has nothing to do, and stands since %s", at)
	}
	if at := w.Stands(true); !at.Equal(then) {
		t.Errorf("it has something to read, and stands since %s", at)
	}
	w.busy.Store(true)
	if at := w.Stands(false); !at.Equal(then) {
		t.Errorf("it scores, and stands since %s", at)
	}
}
