package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
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
)

// quietDaemon is a daemon that does nothing by itself; what it logs is in the buffer.
func quietDaemon(t *testing.T) (*daemon, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	d := &daemon{config: &config.Config{}, log: slog.New(slog.NewTextHandler(&said, nil)), stands: func(bool) time.Time { return time.Time{} }}
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
	if !strings.Contains(said.String(), "intake is stopped") || !strings.Contains(said.String(), "goes on") || d.stats.failures.Load() != 1 {
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
	probe := func(change func(s *daemonStatus, l *lastStatus)) (alive, ready string) {
		t.Helper()
		l := &lastStatus{}
		s := &daemonStatus{Judge: &stream.Status{}}
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
	a, r = probe(func(_ *daemonStatus, l *lastStatus) { l.status = nil })
	check("at the start", a, r, "200", "503 starting")
	a, r = probe(func(s *daemonStatus, _ *lastStatus) { s.Parts = []partStatus{{0, 0, 20_000, 20_000}} })
	check("behind", a, r, "200", "503 catching up: 20000")
	a, r = probe(func(_ *daemonStatus, l *lastStatus) { l.at, l.err = now.Add(-2*time.Minute), errors.New("locked") })
	check("nothing is known", a, r, "200", "503 status")
	a, r = probe(func(_ *daemonStatus, l *lastStatus) { l.at, l.err = now.Add(-time.Hour), errors.New("locked") })
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
	s := &daemonStatus{Streams: []watch.State{{Source: "okta", Stream: "log", Failing: "503", Asked: now.Add(-2 * time.Hour)}, {Source: "okta", Stream: "b", Failing: "503", Asked: now}}}
	d.condition(s)
	if len(s.Conditions) != 1 || s.Conditions[0].Name != "okta/log" {
		t.Errorf("%+v", s.Conditions)
	}
}

// TestKeep has a part of the daemon panic and fail: it is begun again, and the daemon goes on.
func TestKeep(t *testing.T) {
	long(t)
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
