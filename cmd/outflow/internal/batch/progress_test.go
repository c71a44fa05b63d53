package batch

import (
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	p := &Progress{files: 10, bytes: 1000_000}
	p.read.Files.Store(5)
	p.read.Bytes.Store(500_000)
	p.read.Events.Store(2000)
	if got, want := p.line(2*time.Second), "reading 5 of 10 files · 0 MB/s · 1000 events/s · 2 s left"; got != want {
		t.Errorf("%q", got)
	}
	p.processed.Store(7)
	if got, want := p.line(time.Second), "processing 7 of 2000 events"; got != want {
		t.Errorf("%q", got)
	}
}
