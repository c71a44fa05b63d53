package batch

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/outflow/outflow/ingest/files"
)

// Progress shows on a terminal how far a scan is. Elsewhere it is silent.
type Progress struct {
	w         io.Writer // nil if silent
	read      files.Progress
	processed atomic.Int64 // events that were read before

	files int
	bytes int64
	begun time.Time
	stop  chan struct{}
	once  sync.Once
	done  sync.WaitGroup
}

// NewProgress returns the progress of a scan, shown on w if that is a terminal. Call End.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{begun: time.Now(), stop: make(chan struct{})}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

// Reading says what will be read, and starts the show.
func (p *Progress) Reading(list []files.File) *files.Progress {
	p.files = len(list)
	for _, f := range list {
		p.bytes += f.Size
	}
	if p.w != nil {
		p.done.Add(1)
		go p.show()
	}
	return &p.read
}

func (p *Progress) show() {
	defer p.done.Done()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			fmt.Fprint(p.w, "\r\x1b[K")
			return
		case <-tick.C:
			fmt.Fprintf(p.w, "\r\x1b[K%s", p.line(time.Since(p.begun)))
		}
	}
}

// line is the state after some time. Reading is most of the work; processing comes after it.
func (p *Progress) line(after time.Duration) string {
	s := max(after.Seconds(), .001)
	n, b, e := p.read.Files.Load(), p.read.Bytes.Load(), p.read.Events.Load()
	if j := p.processed.Load(); j > 0 {
		return fmt.Sprintf("processing %d of %d events", j, e)
	}
	left := ""
	if b > 0 && b < p.bytes {
		left = fmt.Sprintf(" · %.0f s left", s*float64(p.bytes-b)/float64(b))
	}
	return fmt.Sprintf("reading %d of %d files · %.0f MB/s · %.0f events/s%s", n, p.files, float64(b)/s/1e6, float64(e)/s, left)
}

// End ends the show.
func (p *Progress) End() {
	p.once.Do(func() { close(p.stop) })
	p.done.Wait()
}
