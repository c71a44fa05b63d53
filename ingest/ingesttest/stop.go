package ingesttest

import (
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
)

// hangs are the ways in which a vendor can keep a source waiting. Each calls hung when the source
// is waiting, and goes on until the connection is closed.
var hangs = map[string]func(w http.ResponseWriter, r *http.Request, hung func()){
	"no headers": func(_ http.ResponseWriter, r *http.Request, hung func()) {
		hung()
		<-r.Context().Done()
	},
	"a body that trickles": func(w http.ResponseWriter, r *http.Request, hung func()) {
		defer hung()
		send(w, []byte(`{"records":[`))
		for n := 0; r.Context().Err() == nil; n++ {
			if send(w, []byte(" ")) != nil {
				return
			}
			if n == 3 {
				hung()
			}
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	},
	"throttled for an hour": func(w http.ResponseWriter, r *http.Request, hung func()) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		hung()
	},
	"a refusal without an end": func(w http.ResponseWriter, r *http.Request, hung func()) {
		w.WriteHeader(http.StatusServiceUnavailable)
		send(w, []byte("<html>"))
		hung()
		<-r.Context().Done()
	},
	"a body without an end": func(w http.ResponseWriter, r *http.Request, hung func()) {
		endless(w, bytes.Repeat([]byte(`{"hello":"world"}`+"\n"), 1000), hung)
	},
	"a compressed body without an end": func(w http.ResponseWriter, r *http.Request, hung func()) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(bytes.Repeat([]byte(`{"hello":"world"}`+"\n"), 100_000))
		z.Close()
		endless(w, packed.Bytes(), hung)
	},
}

// send sends bytes at once.
func send(w http.ResponseWriter, b []byte) error {
	_, err := w.Write(b)
	w.(http.Flusher).Flush()
	return err
}

// endless sends a piece again and again until the connection is closed.
func endless(w http.ResponseWriter, piece []byte, hung func()) {
	defer hung()
	for n := 0; send(w, piece) == nil; n++ {
		if n == 3 {
			hung()
		}
	}
}

// stopsWithin is how long a test waits for a source to stop. It makes the test of a source that
// never stops fail by itself; it is no limit on how fast sources stop.
const stopsWithin = 20 * time.Second

// mostHangs is the number of requests of a scenario at which a vendor hangs, one after the other.
const mostHangs = 5

// Stops asserts that a source stops when its context ends, whatever it waits for: every request
// of a scenario in turn hangs in each of the ways of hangs. All events appended before must have
// been counted, and after a restart the event log must end up the same as without interruption.
func Stops(t *testing.T, s *Scenario) {
	t.Setenv("OUTFLOW_TEST_SECRET", "hunter2-hunter2")
	plain := newRun(t, s)
	want := plain.collect(t, t.TempDir())
	most := mostHangs
	if testing.Short() {
		most = 1
	}
	for _, how := range slices.Sorted(maps.Keys(hangs)) {
		t.Run(how, func(t *testing.T) {
			for at := range min(plain.vendor.Requests, most) {
				r, dir := newRun(t, s), t.TempDir()
				if !r.stop(t, dir, at, hangs[how]) {
					t.Fatalf("request %d was never made", at+1)
				}
				if !s.repeats() {
					continue
				}
				r.vendor.mu.Lock()
				r.vendor.fault = nil
				r.vendor.mu.Unlock()
				if got := r.collect(t, dir); !slices.Equal(got, want) {
					t.Errorf("stopped at request %d, it gives\n%s\nin place of\n%s",
						at+1, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// stop collects until a request hangs, ends the context, and waits until the source has
// stopped. It returns false if there was no such request.
func (r *run) stop(t *testing.T, dir string, at int, hang func(http.ResponseWriter, *http.Request, func())) bool {
	t.Helper()
	store, err := watch.Open(t.Context(), filepath.Join(dir, "sources.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	r.vendor.fault = func(w http.ResponseWriter, req *http.Request, _ int) bool {
		if n++; n != at+1 {
			return false
		}
		hang(w, req, cancel)
		return true
	}

	counted := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		counted = r.until(ctx, t, store)
	}()

	select {
	case <-done:
	case <-time.After(stopsWithin):
		t.Fatalf("request %d hangs: the source does not stop", at+1)
	}

	appended := 0
	Events(t, r.log, func(e *event.Event) {
		if e.Class != event.SourceGap {
			appended++
		}
	})
	if counted != appended {
		t.Errorf("stopped at request %d: %d events are in the log, %d were counted", at+1, appended, counted)
	}

	return ctx.Err() != nil
}

// until reads all streams until the context ends or there is no more to read, and returns how many
// events were counted.
func (r *run) until(ctx context.Context, t *testing.T, store *watch.Store) (events int) {
	pulls, err := r.open(ctx, t)
	if err != nil {
		return 0
	}
	for _, p := range pulls {
		for range maxSteps {
			step, err := store.Step(ctx, p, r.now())
			events += step.Events
			if ctx.Err() != nil {
				return events
			}
			if err == nil && !step.More {
				break
			}
		}
	}
	return events
}
