package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/waittest"
)

// quietDaemon is a daemon that does nothing by itself; what it logs is in the buffer.
func quietDaemon(t *testing.T) (*Daemon, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	d := &Daemon{
		Config: &config.Config{},
		Log:    slog.New(slog.NewTextHandler(&said, nil)),
		stands: func(bool) time.Time { return time.Time{} },
	}
	t.Cleanup(guard.Watch(d.panicked))
	return d, &said
}

// TestIntake stops what comes before the disk is full, says so in the log of events, and
// goes on by itself.
func TestIntake(t *testing.T) {
	d, said := quietDaemon(t)
	var free, total uint64 = 50 << 30, 100 << 30
	var failed error
	d.intake.free = func() (uint64, uint64, error) { return free, total, failed }
	log := eventlog.NewMemory(1, 0)
	look := func(at uint64, stopped bool) {
		t.Helper()
		free = at
		if err := d.lookAtDisk(t.Context(), log, time.Now()); err != nil {
			t.Fatal(err)
		}
		if reason, room := d.intake.stopped(); (reason != "") != stopped || room != at {
			t.Errorf("%d free: %q", at, reason)
		}
		if n := len(d.health.conditions(time.Now())); (n == 1) != stopped {
			t.Errorf("%d free: %d conditions", at, n)
		}
	}
	gate := gated{log, &d.intake, false}
	rec := eventlog.Record{Value: (&event.Event{Source: event.Box, Time: 1}).Append(nil)}
	look(1<<30, false)
	look(1<<30-1, true)
	look(1<<30, true) // not at once: it would go to and fro
	if err := (gated{log, &d.intake, true}).Append(t.Context(), rec); err == nil || !strings.Contains(err.Error(), "reserve") {
		t.Errorf("with --once: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := gate.Append(ctx, rec); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while it waits: %v", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := gate.Append(t.Context(), rec); err != nil {
			t.Error(err)
		}
	})
	if _, n, _ := log.Bounds(t.Context(), 0); n != 1 {
		t.Errorf("%d records: only that intake is stopped may be there", n)
	}
	look(2<<30, false)
	wait.Wait()
	recs, err := log.Read(t.Context(), 0, 0, 10)
	if err != nil || len(recs) != 2 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	var e event.Event
	var dec event.Decoder
	if err := dec.Decode(recs[0].Value, &e); err != nil || e.Class != event.SourceGap || e.Object.Type != event.Disk || !strings.Contains(e.Attr(event.AttrReason), "1024 MiB") {
		t.Errorf("%+v, %v", e, err)
	}
	if !strings.Contains(said.String(), "intake stopped") || !strings.Contains(said.String(), "intake resumed") || d.stats.failures.Load() != 1 {
		t.Error(said.String())
	}
	total = 2 << 30 // the reserve of a small disk is smaller
	look(300<<20, false)
	d.intake.reserve = -1
	look(0, false)
	d.intake.reserve = 5 << 30
	look(4<<30, true)
	failed = errors.New("unknown") // what is not known changes nothing
	if err := d.lookAtDisk(t.Context(), log, time.Now()); err != failed {
		t.Error(err)
	}
	if reason, _ := d.intake.stopped(); reason == "" {
		t.Error("it goes on without knowing")
	}
}

// TestProbes checks what the endpoints say for every reason there is.
func TestProbes(t *testing.T) {
	d, _ := quietDaemon(t)
	now := time.Now()
	probe := func(change func(s *Status, l *lastStatus)) (alive, ready string) {
		t.Helper()
		l := &lastStatus{}
		s := &Status{Processor: &stream.Status{}}
		d.condition(s)
		l.set(s, nil, true, now)
		if change != nil {
			change(s, l)
		}
		live, work := httptest.NewRecorder(), httptest.NewRecorder()
		answer(live, "ok", l.dead(now))
		answer(work, "ready", l.unready(now))
		return fmt.Sprint(live.Code, " ", live.Body), fmt.Sprint(work.Code, " ", work.Body)
	}
	check := func(what string, alive, ready, wantAlive, wantReady string) {
		t.Helper()
		if !strings.Contains(alive, wantAlive) || !strings.Contains(ready, wantReady) {
			t.Errorf("%s: %q, %q", what, alive, ready)
		}
	}
	a, r := probe(nil)
	check("well", a, r, "200 ok", "200 ready")
	a, r = probe(func(_ *Status, l *lastStatus) { l.status = nil })
	check("at the start", a, r, "200", "503 starting")
	a, r = probe(func(s *Status, _ *lastStatus) { s.Parts = []partStatus{{0, 0, 20_000, 20_000}} })
	check("behind", a, r, "200", "503 catching up: 20,000")
	a, r = probe(func(_ *Status, l *lastStatus) { l.at, l.err = now.Add(-2*time.Minute), errors.New("locked") })
	check("nothing is known", a, r, "200", "503 status")
	a, r = probe(func(_ *Status, l *lastStatus) { l.at, l.err = now.Add(-time.Hour), errors.New("locked") })
	check("nothing is known for long", a, r, "503 status", "locked")
	d.health.set("source", "okta\nforged", "401: \x1b[31mred")
	a, r = probe(nil)
	check("refused", a, r, "200", "503 source")
	if strings.Count(r, "\n") != 1 || strings.Contains(r, "\x1b") {
		t.Errorf("what is not ours breaks out of its line: %q", r)
	}
	d.health.clear("source", "okta\nforged")
	a, r = probe(nil)
	check("nothing to judge for long", a, r, "200", "200")
	d.stands = func(bool) time.Time { return now.Add(-time.Hour) }
	a, r = probe(nil)
	check("the judge stands still", a, r, "503 judge", "503 judge")
	d.stands = func(bool) time.Time { return now }
	a, r = probe(nil)
	check("the judge gets on", a, r, "200", "200")
	guard.Do("page", func() error { panic("at the disco") })
	a, r = probe(nil)
	check("a panic", a, r, "200", "503 panic page: at the disco")
	if list := d.health.conditions(now.Add(time.Hour)); len(list) > 0 {
		t.Errorf("%+v", list)
	}
	s := &Status{
		Streams: []watch.State{
			{Source: "okta", Stream: "log", Failing: "503", Asked: now.Add(-2 * time.Hour)},
			{Source: "okta", Stream: "b", Failing: "503", Asked: now},
		},
	}
	d.condition(s)
	if len(s.Conditions) != 1 || s.Conditions[0].Name != "okta/log" {
		t.Errorf("%+v", s.Conditions)
	}
}

// TestKeep has a part of the daemon panic and fail: it is begun again, and the daemon goes on.
func TestKeep(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	d, said := quietDaemon(t)
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	d.keep(ctx, "source", "x", func(context.Context) error {
		if runs++; runs == 1 {
			panic("first")
		}
		cancel()
		return ctx.Err()
	})
	if runs != 2 || d.stats.panics["source"] != 1 || !strings.Contains(said.String(), "alive_test.go") {
		t.Errorf("%d runs, %v\n%s", runs, d.stats.panics, said)
	}
	runs = 0
	failed := errors.New("failed")
	err := d.again(t.Context(), "ledger", func() error {
		if runs++; runs == 1 {
			panic("first")
		}
		return failed
	})
	if err != failed || runs != 2 || d.stats.panics["ledger"] != 1 {
		t.Errorf("%v after %d runs", err, runs)
	}
}

// TestUndecoded has too much of what comes through a source be undecodable, and a part of the
// program panic: each is said in the log of events, once a day.
func TestUndecoded(t *testing.T) {
	t.Parallel()
	d, _ := quietDaemon(t)
	log := eventlog.NewMemory(1, 0)
	d.events = log
	d.came(t.Context(), "fine", 10_000, 100)
	d.came(t.Context(), "small", 1, 90)
	for range 3 {
		d.came(t.Context(), "bad", 98, 2)
		d.panicked(&guard.Panic{Where: "source", Value: "broken"})
	}
	said := func() (list []event.Event) {
		_, end, err := log.Bounds(t.Context(), 0)
		if err != nil || end == 0 {
			return nil
		}
		recs, err := log.Read(t.Context(), 0, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[uint64]bool{}
		for i := range recs {
			var e event.Event
			if err := new(event.Decoder).Decode(recs[i].Value, &e); err != nil {
				t.Fatal(err)
			}
			if !seen[e.Key] {
				seen[e.Key] = true
				list = append(list, e)
			}
		}
		return list
	}
	waittest.Until(t, "both are said", func() bool { return len(said()) == 2 })
	var told []string
	for _, e := range said() {
		told = append(told, e.Action+" "+e.Tenant+e.Object.Name+" "+e.Attr(event.AttrReason))
	}
	slices.Sort(told)
	want := []string{"failing source broken", "undecoded bad 2 of 100 records on " + time.Now().UTC().Format(time.DateOnly) + "; outflow dead-letter list has them"}
	if !slices.Equal(told, want) {
		t.Errorf("%q, want %q", told, want)
	}
}

// TestHeartbeat has the address of the heartbeat called while all is well, and not when
// something is wrong; what it says shows in metrics.
func TestHeartbeat(t *testing.T) {
	calls := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls <- r.URL.Path; r.URL.Path == "/no" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	t.Setenv("HEARTBEAT", server.URL+"/yes")
	c := config.Heartbeat{URL: "env:HEARTBEAT", Networks: []string{"127.0.0.1"}}
	if err := beat(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	if got := <-calls; got != "/yes" {
		t.Errorf("called %s", got)
	}
	for url, says := range map[string]string{
		server.URL + "/no":          "404",
		"env:NO_SUCH_VARIABLE":      "NO_SUCH_VARIABLE",
		"http://127.0.0.1:1/secret": "heartbeat",
	} {
		c := config.Heartbeat{URL: url, Networks: c.Networks}
		if err := beat(t.Context(), &c); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	var h heart
	at := time.Now()
	s := &Status{
		At: at,
		Arrived: arrived(at.UnixMilli()/event.Day, []stream.Account{{
			Day:       at.UnixMilli() / event.Day,
			Vendor:    "box",
			Received:  1000,
			Processed: 995,
			Late:      5,
		}}, nil),
	}
	if s.Unwell = s.unwell(.99); len(s.Unwell) != 0 {
		t.Errorf("%v", s.Unwell)
	}
	h.note(s)
	worse := *s
	worse.At = at.Add(time.Minute)
	worse.Arrived = arrived(at.UnixMilli()/event.Day, []stream.Account{{
		Day:       at.UnixMilli() / event.Day,
		Vendor:    "box",
		Received:  1000,
		Processed: 950,
		Repeated:  30,
		Ahead:     20,
	}}, []watch.DeadLetterCount{{Source: "exports", Records: 10}})
	if worse.Unwell = worse.unwell(.99); len(worse.Unwell) != 1 || !strings.Contains(worse.Unwell[0], "only 96.9 % was processed") {
		t.Errorf("%v", worse.Unwell)
	}
	if h.note(&worse); !h.last().Equal(at) || !worse.Heartbeat.Equal(at) {
		t.Errorf("it beat last at %s, not at %s", h.last(), at)
	}
}

// FuzzSchedule asserts that a schedule is refused, or says when the digest is due: within
// the last week, always the same moment, and without counting for long.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{
		"0 7 * * 1", "* * * * *", "@weekly", "@every 1h", "@every 1ns", "TZ=0", "CRON_TZ=Europe/Berlin 0 7 * * 1",
		"0 0 31 2 *", "0 0 29 2 *", "60 * * * *", "*/0 * * * *", "1-0 * * * *", "0 7 * * MON#1", "0 7 L * *",
		"0 2 29 3 *", "@reboot", "0 0 * * * *",
	} {
		f.Add(s, "Europe/Berlin", int64(1774767600))
		f.Add(s, "", int64(0))
	}
	f.Fuzz(func(t *testing.T, schedule, zone string, at int64) {
		c := &config.Digest{Schedule: schedule, TimeZone: zone}
		s, loc, err := c.Times()
		if err != nil {
			return
		}
		now := time.Unix(at%4_000_000_000, 0)
		last := due(s, loc, now)
		if !last.IsZero() && (last.After(now) || now.Sub(last) > 7*24*time.Hour) {
			t.Errorf("%q in %q: due %s at %s", schedule, zone, last, now)
		}
		if again := due(s, loc, now.Add(time.Second)); again.Before(last) || strings.HasPrefix(schedule, "@every") {
			t.Errorf("%q in %q: due %s, then %s", schedule, zone, last, again)
		}
	})
}

// TestDue finds the latest moment of a schedule, over changes of the clock.
func TestDue(t *testing.T) {
	c := &config.Digest{Schedule: "0 7 * * 1", TimeZone: "Europe/Berlin"}
	s, zone, err := c.Times()
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-03-30T05:00:00Z": "2026-03-30T05:00:00Z", // seven o'clock in summer
		"2026-03-30T04:59:59Z": "2026-03-23T06:00:00Z", // and in winter
		"2026-03-29T12:00:00Z": "2026-03-23T06:00:00Z",
		"2026-04-03T12:00:00Z": "2026-03-30T05:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := due(s, zone, at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", now, got, want)
		}
	}
}
