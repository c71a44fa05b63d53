package main

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// delivery is how vendors deliver records: the median delay in seconds, its log-normal
// spread, and the share of records that arrive twice.
var delivery = [nSources]struct{ median, spread, twice float64 }{
	CloudTrail: {240, .5, .003}, M365: {600, 1.4, .01}, Google: {420, 1.3, .005}, Box: {25, 1, .006},
	Salesforce: {0, 0, .002}, Okta: {4, .6, .002}, Slack: {3, .6, .001}, GitHub: {5, .8, .001}, Dropbox: {60, 1, .003},
	Snowflake: {2700, .4, .002},
}

const malformed = 1.0 / 30000 // share of records preceded by a truncated copy

// sink writes events to the export, day by day.
type sink struct {
	w       *World
	pending [nSources][]Event
	seen    []map[int32]bool // actors by the UTC day they were active on: the user-days
	events  [nSources]int
	lines   [nSources]int
	bytes   [nSources]int64
}

func newSink(w *World) *sink {
	s := &sink{w: w, seen: make([]map[int32]bool, w.Days)}
	for d := range s.seen {
		s.seen[d] = map[int32]bool{}
	}
	return s
}

// add queues events. Their delays and repetitions follow from their identifiers.
func (s *sink) add(events []Event) {
	end := s.w.startMs + int64(s.w.Days)*day
	for i := range events {
		e := &events[i]
		if e.At < s.w.startMs || e.At >= end {
			continue
		}
		if e.Actor != nil {
			s.seen[(e.At-s.w.startMs)/day][int32(e.Actor.Idx)] = true
		}
		s.events[e.Src]++
		v := delivery[e.Src]
		r := newRand(e.ID[0], e.ID[1])
		delay := func() int64 { return int64(min(v.median*r.lognormal(0, v.spread), 86400) * 1000) }
		e.Due = min(e.At+delay(), end-1)
		if r.chance(.004) && e.Src != Dropbox { // the vendor's clock is off
			e.At = max(s.w.startMs, e.At+r.between64(-2*minute, 2*minute))
		}
		s.pending[e.Src] = append(s.pending[e.Src], *e)
		if r.chance(v.twice) && e.Src != Dropbox {
			again := *e
			if e.Src != Salesforce {
				again.Due = min(e.Due+2*delay()+r.seconds(900), end-1)
			}
			s.pending[e.Src] = append(s.pending[e.Src], again)
		}
	}
}

// flush writes what is delivered on UTC day d, with one goroutine per source.
func (s *sink) flush(d int) error {
	until := s.w.startMs + int64(d+1)*day
	errs := make([]error, nSources)
	var wg sync.WaitGroup
	for src := Source(0); src < nSources; src++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			queue := s.pending[src]
			var due []int
			for i := range queue {
				if queue[i].Due < until {
					due = append(due, i)
				}
			}
			slices.SortStableFunc(due, func(a, b int) int { return cmp.Compare(queue[a].Due, queue[b].Due) })
			errs[src] = s.write(src, d, queue, due)
			rest := queue[:0]
			for i := range queue {
				if queue[i].Due >= until {
					rest = append(rest, queue[i])
				}
			}
			clear(queue[len(rest):])
			s.pending[src] = rest
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// output is an export file that is being written.
type output struct {
	f  *os.File
	bw *bufio.Writer
	gz *gzip.Writer
	n  int
}

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 1<<17) }}
var compressors = sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return z }}

func create(path string) (*output, error) {
	f, err := os.Create(path)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			f, err = os.Create(path)
		}
	}
	if err != nil {
		return nil, err
	}
	o := &output{f: f, bw: buffers.Get().(*bufio.Writer)}
	o.bw.Reset(f)
	if strings.HasSuffix(path, ".gz") {
		o.gz = compressors.Get().(*gzip.Writer)
		o.gz.Reset(o.bw)
	}
	return o, nil
}

func (o *output) write(b []byte) {
	if o.gz != nil {
		o.gz.Write(b)
	} else {
		o.bw.Write(b)
	}
}

func (o *output) close() error {
	if o.gz != nil {
		o.gz.Write([]byte("]}"))
		o.gz.Close()
		compressors.Put(o.gz)
	}
	if err := o.bw.Flush(); err != nil {
		return err
	}
	buffers.Put(o.bw)
	return o.f.Close()
}

// part is what selects the file of an event besides the source and the date.
func (s *sink) part(e *Event) [2]string {
	switch e.Src {
	case CloudTrail:
		return [2]string{s.w.account(e), s.w.region(e)}
	case M365:
		return [2]string{m365Content(e)}
	case Google:
		return [2]string{googleApp(e)}
	case Salesforce:
		return [2]string{salesforceType(e)}
	}
	return [2]string{}
}

// path is the file of an event, relative to the root of the export.
func (s *sink) path(d int, e *Event, part [2]string) string {
	date := s.w.Start.AddDate(0, 0, d).Format("2006-01-02")
	switch e.Src {
	case CloudTrail:
		t := time.UnixMilli(e.Due).UTC().Truncate(time.Duration(s.w.Slice) * time.Minute)
		acct, region := part[0], part[1]
		return fmt.Sprintf("cloudtrail/AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", acct, region, t.Format("2006/01/02"),
			acct, region, t.Format("20060102T1504Z"), token(hash(s.w.Seed, uint64(t.Unix()), hashString(acct+region)), 16))
	case Salesforce:
		if part[0] == setupTrail {
			return "salesforce/" + date + "_" + setupTrail + ".ndjson"
		}
		return "salesforce/" + date + "_" + part[0] + ".csv"
	}
	return filepath.Join(sourceNames[e.Src], part[0], date+".ndjson")
}

// write encodes the events of a queue that are due, in order of delivery.
func (s *sink) write(src Source, d int, queue []Event, due []int) (err error) {
	encode := [nSources]func(*enc, *Event){s.w.cloudtrail, s.w.m365, s.w.google, s.w.box, s.w.salesforce, s.w.okta, s.w.slack,
		s.w.github, s.w.dropbox, s.w.snowflake}[src]
	files := map[[2]string]*output{}
	e := &enc{b: make([]byte, 0, 1<<16)}
	slice := int64(-1)
	for _, i := range due {
		ev := &queue[i]
		if now := ev.Due / (int64(s.w.Slice) * minute); src == CloudTrail && now != slice { // the files of a time slice are complete
			if err = closeAll(files); err != nil {
				return err
			}
			slice = now
		}
		part := s.part(ev)
		o := files[part]
		if o == nil {
			if o, err = create(filepath.Join(s.w.Out, s.path(d, ev, part))); err != nil {
				return err
			}
			files[part] = o
			switch src {
			case CloudTrail:
				o.write([]byte(`{"Records":[`))
			case Salesforce:
				if part[0] == setupTrail {
					break
				}
				cols := csvHead + "," + salesforceColumns[part[0]] + "," + csvTail
				o.write([]byte(`"` + strings.ReplaceAll(cols, ",", `","`) + "\"\n"))
			}
		}
		e.b = e.b[:0]
		if src == CloudTrail {
			if o.n++; o.n > 1 {
				e.b = append(e.b, ',')
			}
			e.b = append(e.b, '{')
			encode(e, ev)
			e.b = append(e.b, '}')
		} else {
			e.b = append(e.b, '\n')
			table := src == Salesforce && part[0] != setupTrail
			if !table {
				e.b = append(e.b, '{')
			}
			encode(e, ev)
			if !table {
				e.b = append(e.b, '}')
			}
			e.b = append(e.b[1:], '\n')
			if float64(mix(ev.ID[1])>>11)/(1<<53) < malformed {
				o.write(append(append([]byte{}, e.b[:len(e.b)*2/3]...), '\n'))
			}
		}
		o.write(e.b)
		s.lines[src]++
		s.bytes[src] += int64(len(e.b))
	}
	return closeAll(files)
}

func closeAll(files map[[2]string]*output) error {
	for name, o := range files {
		if err := o.close(); err != nil {
			return err
		}
		delete(files, name)
	}
	return nil
}
