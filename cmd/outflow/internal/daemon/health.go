package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
)

const (
	stalledAfter = 5 * time.Minute  // without progress, while there is something to process
	rememberFor  = 15 * time.Minute // a panic
	silentAfter  = time.Hour        // a stream that does not answer
	lookedWithin = time.Minute      // the status is from
	catchingUp   = 10_000           // records that wait to be processed
)

// condition is something that keeps the daemon from doing all of its job.
type condition struct {
	Kind   string    `json:"kind"` // source, channel, disk, folder, judge, panic …
	Name   string    `json:"name,omitempty"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// health is what is wrong with the parts of a daemon that report it themselves. The zero value
// is ready to use.
type health struct {
	mu   sync.Mutex
	list map[[2]string]condition
}

// set says that a part does not do its job, and why. It has not since the first call
// without a clear in between.
func (h *health) set(kind, name, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.list == nil {
		h.list = map[[2]string]condition{}
	}
	key := [2]string{kind, name}
	c, known := h.list[key]
	if !known {
		c = condition{Kind: kind, Name: name, Since: time.Now().UTC()}
	}
	if c.Reason = secret.Redact(reason); kind == "panic" { // of the last one
		c.Since = time.Now().UTC()
	}
	h.list[key] = c
}

// clear says that a part does its job.
func (h *health) clear(kind, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.list, [2]string{kind, name})
}

// conditions lists what is wrong, by kind and name.
func (h *health) conditions(now time.Time) []condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []condition
	for key, c := range h.list {
		if c.Kind == "panic" && now.Sub(c.Since) > rememberFor {
			delete(h.list, key)
			continue
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b condition) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return list
}

// condition adds to a status what keeps the daemon from doing its job.
func (d *Daemon) condition(s *Status) {
	now := time.Now()
	s.Folders, s.Unread, s.Lost = d.folders(), d.stats.unread.Load(), d.stats.lost.Load()
	d.stats.mu.Lock()
	s.Panics = maps.Clone(d.stats.panics)
	d.stats.mu.Unlock()
	_, s.DiskFree = d.intake.stopped()
	s.Conditions = d.health.conditions(now)
	for _, f := range s.Folders {
		for _, p := range f.Missing {
			s.Conditions = append(s.Conditions, condition{"folder", p.Path, p.Reason, p.Since.UTC()})
		}
	}
	for _, st := range s.Streams {
		failing := st.Failing != "" && !st.Asked.IsZero() && now.Sub(st.Asked) > silentAfter
		isFolder := func(c condition) bool { return c.Kind == "folder" && c.Name == st.Stream }
		if failing && !slices.ContainsFunc(s.Conditions, isFolder) {
			s.Conditions = append(s.Conditions, condition{"stream", st.Source + "/" + st.Stream, st.Failing, st.Asked})
		}
	}
	waiting := s.lag()
	if at := d.stands(waiting > 0); !at.IsZero() && now.Sub(at) > stalledAfter {
		s.Stalled = fmt.Sprintf("the processor has made no progress since %s, and %s",
			at.UTC().Format(time.RFC3339), plain.CountOf(int(waiting), "record waits", "records wait"))
		s.Conditions = append(s.Conditions, condition{"judge", "", s.Stalled, at.UTC()})
	}
}

// lastStatus is what the daemon looked like a moment ago, for those who ask whether it
// works: their answer does not wait for anything.
type lastStatus struct {
	mu     sync.Mutex
	status *Status
	err    error
	detect bool // the process has the role detect
	at     time.Time
}

func (l *lastStatus) set(s *Status, err error, detect bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err, l.detect = err, detect; err == nil {
		l.status, l.at = s, now
	}
}

// dead lists why the process must be restarted; nil if it need not be.
func (l *lastStatus) dead(now time.Time) (reasons []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.status == nil:
	case l.status.Stalled != "":
		reasons = append(reasons, "judge: "+l.status.Stalled)
	case now.Sub(l.at) > stalledAfter:
		reasons = append(reasons, fmt.Sprintf("status: nothing is known since %s: %v", l.at.UTC().Format(time.RFC3339), l.err))
	}
	return reasons
}

// unready lists why the daemon does not do all of its job; nil if it does.
func (l *lastStatus) unready(now time.Time) (reasons []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status == nil {
		return []string{"starting"}
	}
	if now.Sub(l.at) > lookedWithin {
		reasons = append(reasons, fmt.Sprintf("status: nothing is known since %s: %v", l.at.UTC().Format(time.RFC3339), l.err))
	}
	lag := l.status.lag()
	if l.detect && (l.status.Processor == nil || lag >= catchingUp) {
		reasons = append(reasons, "catching up: "+plain.CountOf(int(lag), "record waits", "records wait")+" to be processed")
	}
	for _, c := range l.status.Conditions {
		reasons = append(reasons, c.String())
	}
	return reasons
}

// String is the condition as one line.
func (c condition) String() string {
	what := plain.Escape(strings.TrimSpace(c.Kind + " " + c.Name))
	return what + ": " + plain.Escape(c.Reason) + " (since " + c.Since.Format(time.RFC3339) + ")"
}

// answer writes that all is well, or 503 and a line for each reason why it is not.
func answer(w http.ResponseWriter, well string, reasons []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(reasons) == 0 {
		fmt.Fprintln(w, well)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, strings.Join(reasons, "\n"))
}
