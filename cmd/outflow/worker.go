package main

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// Worker is a process in the role detect: it runs a processor over the event log, for all
// people or some shards of them.
type Worker struct {
	Dir    string                // the data directory
	Config func() *config.Config // that holds now
	Log    *slog.Logger
	Once   bool // all that is there is processed together, as a scan does, and then Run ends

	looked time.Time // for what outflow rejudge asks
	begun  time.Time // when it rolled back; zero once it has caught up
	rested time.Time // until when it does not do so by itself

	view     atomic.Pointer[judgeView]
	judging  atomic.Bool  // it runs
	busy     atomic.Bool  // it scores at this moment
	progress atomic.Int64 // when it last got on, Unix nanoseconds
}

// View is what the processor looked like a moment ago; empty if there was none yet.
func (w *Worker) View() *judgeView {
	if v := w.view.Load(); v != nil {
		return v
	}
	return &judgeView{}
}

// Stands is since when a processor that has something to do has got nowhere. It is zero if
// there is none, or nothing to do; waiting says that there are records that it has not read.
func (w *Worker) Stands(waiting bool) time.Time {
	if !w.judging.Load() || !w.busy.Load() && !waiting {
		return time.Time{}
	}
	return time.Unix(0, w.progress.Load())
}
