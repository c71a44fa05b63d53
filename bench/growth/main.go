// Command growth measures how time and memory of scoring grow with people and events. It makes up events as it goes, so that
// nothing but the state of the engine takes memory:
//
//	go run ./bench/growth -charts docs 1:5000000 1000:1000000 10000:1000000 100000:1000000
//
// Each argument is a number of people and a number of events. It runs in a process of its own, whose memory is measured.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/go-analyze/charts"

	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// size is how much is scored.
type size struct{ People, Events int }

// result is what scoring it took.
type result struct {
	size
	Each    float64 // µs of CPU per event
	Slowest float64 // the same in the slowest tenth of the events
	Heap    int64   // bytes in use at the end
	Peak    int64   // bytes of the process at most
}

func main() {
	one := flag.Bool("one", false, "measure in this process, and print JSON")
	folder := flag.String("charts", "", "`folder` in which growth-time.svg and growth-memory.svg are written")
	flag.Parse()
	if err := run(*one, *folder, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

// run measures all sizes, and prints a table.
func run(one bool, folder string, args []string) error {
	var list []result
	for _, arg := range args {
		var s size
		if _, err := fmt.Sscanf(arg, "%d:%d", &s.People, &s.Events); err != nil || s.People < 1 || s.Events < 10 {
			return fmt.Errorf("%q: not PEOPLE:EVENTS with a person and ten events at least", arg)
		}
		if s.People >= slots && s.Events < s.People*perDay {
			return fmt.Errorf("%q: %d events are the first day, on which everybody acts", arg, s.People*perDay)
		}
		if one {
			r, err := measure(s)
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(r)
		}
		r, err := apart(arg)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Println("| people | events | µs of CPU per event | in the slowest tenth | heap | per person | peak |")
			fmt.Println("|---|---|---|---|---|---|---|")
		}
		fmt.Printf("| %d | %d | %.1f | %.1f | %d MB | %d B | %d MB |\n", r.People, r.Events, r.Each, r.Slowest,
			r.Heap>>20, r.Heap/int64(r.People), r.Peak>>20)
		list = append(list, r)
	}
	if folder == "" || len(list) == 0 {
		return nil
	}
	return draw(folder, list)
}

// apart measures one size in another process.
func apart(arg string) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	c := exec.Command(self, "-one", arg)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("%s: %w", arg, err)
	}
	err = json.Unmarshal(out, &r)
	r.Peak = c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	return r, err
}

const (
	perDay  = 10  // events of a person on a day, in ten minutes
	slots   = 54  // stretches of ten minutes in which people work, from eight in the morning on
	atOnce  = 512 // events that the engine is given together
	objects = 500 // objects that a person uses
)

// measure scores events of so many people.
func measure(s size) (r result, err error) {
	debug.SetGCPercent(50) // as cmd/outflow does
	dir, err := os.MkdirTemp("", "growth-*")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	e := engine.New(engine.Config{Detectors: engine.NewCatalog(detectors.All), TempDir: dir},
		func(*finding.Finding) error { return nil })
	r.size = s
	batch := make([]engine.Keyed, 0, atOnce)
	var spent, tenth time.Duration
	done := 0
	handle := func() error {
		before := cpu()
		if err := e.HandleAll(batch); err != nil {
			return err
		}
		took := cpu() - before
		spent, tenth = spent+took, tenth+took
		if from := done; (from+len(batch))*10/s.Events > from*10/s.Events {
			r.Slowest, tenth = max(r.Slowest, micros(tenth)/float64(s.Events/10)), 0
		}
		done, batch = done+len(batch), batch[:0]
		return nil
	}
	for k := range events(s) {
		if batch = append(batch, k); len(batch) == atOnce {
			if err := handle(); err != nil {
				return r, err
			}
		}
	}
	if err := handle(); err != nil {
		return r, err
	}
	r.Each = micros(spent) / float64(s.Events)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Heap = int64(m.HeapAlloc)
	runtime.KeepAlive(e)
	return r, nil
}

// events makes up events in the order of time: each day everybody has ten minutes, in which the events of those who have the same
// ones take turns. A person alone does everything in a working day.
func events(s size) func(yield func(engine.Keyed) bool) {
	classes := []event.Class{event.View, event.Download, event.Edit, event.ShareUser}
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).UnixMilli()
	each := perDay
	if s.People < slots {
		each = s.Events / 10 / s.People // ten days
	}
	return func(yield func(engine.Keyed) bool) {
		n := 0
		for day := int64(0); ; day++ {
			for slot := range min(slots, s.People) {
				at := start + day*event.Day + int64(slot)*event.Hour/6
				of := (s.People - slot + slots - 1) / slots // people with this slot
				for i := range of * each {
					person := i%of*slots + slot
					name := fmt.Sprintf("person.%d@acme.example", person)
					ev := event.Event{
						Source: event.Box, Class: classes[i/of%len(classes)], Key: uint64(n),
						Time:   at + int64(i)*(event.Hour/6)/int64(of*each),
						Actor:  event.Actor{Account: name, Kind: event.Human},
						Object: event.Object{ID: fmt.Sprint(person, "-", (n*7919)%objects), Type: "file", Name: "file"},
					}
					if !yield(engine.Keyed{Person: name, Record: ev.Append(nil)}) {
						return
					}
					if n++; n == s.Events {
						return
					}
				}
			}
		}
	}
}

// cpu is how much of the processors this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// draw writes the charts.
func draw(folder string, list []result) error {
	var labels []string
	var each, slowest, heap, peak []float64
	for _, r := range list {
		labels = append(labels, short(r.People)+" people, "+short(r.Events)+" events")
		each, slowest = append(each, r.Each), append(slowest, r.Slowest)
		heap, peak = append(heap, float64(r.Heap)/1e6), append(peak, float64(r.Peak)/1e6)
	}
	times := []string{"µs of CPU per event", "in the slowest tenth"}
	if err := chart(filepath.Join(folder, "growth-time.svg"), labels, times, each, slowest); err != nil {
		return err
	}
	sizes := []string{"MB of heap at the end", "MB of the process at most"}
	return chart(filepath.Join(folder, "growth-memory.svg"), labels, sizes, heap, peak)
}

// short is a number with k or M in place of zeros.
func short(n int) string {
	s := fmt.Sprint(n)
	s = strings.Replace(s, "000000", "M", 1)
	return strings.Replace(s, "000", "k", 1)
}

// chart writes bars of two series.
func chart(path string, labels, names []string, a, b []float64) error {
	p, err := charts.Render(charts.ChartOption{
		OutputFormat: charts.ChartOutputSVG,
		Width:        900,
		Height:       260,
		Padding:      charts.NewBox(8, 8, 8, 4),
		Theme: charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{
			charts.ParseColor("#56B4E9"), charts.ParseColor("#0B5CAD"),
		}),
		SeriesList: charts.GenericSeriesList{
			{Type: charts.ChartTypeBar, Name: names[0], Values: a, Label: charts.SeriesLabel{Show: charts.Ptr(true)}},
			{Type: charts.ChartTypeBar, Name: names[1], Values: b, Label: charts.SeriesLabel{Show: charts.Ptr(true)}},
		},
		XAxis:  charts.XAxisOption{Labels: labels, LabelFontStyle: charts.FontStyle{FontSize: 9}},
		YAxis:  []charts.YAxisOption{{Min: charts.Ptr(0.0)}},
		Legend: charts.LegendOption{SeriesNames: names},
	})
	if err != nil {
		return err
	}
	svg, err := p.Bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(path, svg, 0o644)
}
