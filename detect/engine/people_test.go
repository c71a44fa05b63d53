package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// BenchmarkPeople judges three days of organisations of more and more people
// (OUTFLOW_PEOPLE=100000,1000000 for others), stores what is known, and loads it again.
func BenchmarkPeople(b *testing.B) {
	sizes := "1000,10000"
	if s := os.Getenv("OUTFLOW_PEOPLE"); s != "" {
		sizes = s
	}
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(size, func(b *testing.B) {
			for b.Loop() {
				crowd(b, n)
			}
		})
	}
}

func crowd(b *testing.B, n int) {
	dir := b.TempDir()
	e := newEngine(Config{TempDir: dir}, func(*finding.Finding) error { return nil })
	events, began := 0, time.Now()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("person.%d@acme.example", i)
	}
	classes := []event.Class{event.View, event.Download, event.Edit, event.ShareUser}
	for h := range int64(3 * 24) {
		for i := range n {
			if h%24 != 8+int64(i)%9 { // one hour of work a day
				continue
			}
			for k := range classes {
				ev := &event.Event{
					Source: event.Box, Class: classes[k], Time: at(1, 0) + h*event.Hour + int64(k),
					Actor:  event.Actor{Account: names[i], Kind: event.Human},
					Object: event.Object{ID: fmt.Sprint(i, h, k), Type: "file", Name: "file"},
				}
				if err := e.Handle(names[i], ev); err != nil {
					b.Fatal(err)
				}
				events++
			}
		}
	}
	judging := time.Since(began)
	snap, err := e.snapshot()
	if err != nil {
		b.Fatal(err)
	}
	store, err := OpenStore(b.Context(), filepath.Join(dir, "detect-0.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if err := store.Save(b.Context(), 1, 0, snap); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_, file := e.people.file.Size()
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "heap-MB")
	b.ReportMetric(float64(file)/1e6, "file-MB")
	b.ReportMetric(judging.Seconds()/float64(events)*1e6, "µs/event")
	runtime.KeepAlive(e)
	e, snap = nil, nil
	info, err := os.Stat(filepath.Join(dir, "detect-0.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(n), "stored-B/person")
	began = time.Now()
	if snap, err = store.Load(b.Context(), 1); err == nil {
		e = newEngine(Config{TempDir: dir}, nil)
		err = e.Restore(snap)
	}
	if err != nil || e.Known() != n {
		b.Fatal(err, e.Known())
	}
	b.ReportMetric(time.Since(began).Seconds()/float64(n)*1e6, "s-restore/million")
}
