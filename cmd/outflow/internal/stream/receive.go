package stream

import (
	"time"

	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// counters is what a judge has counted since it started.
type counters struct {
	Events  int64 // new ones
	Repeats int64
	Late    int64 // too late to be judged
	Rewinds int64
}

// add takes in a record of the log, which is an event.
func (pr *Processor) add(r *eventlog.Record) error {
	pr.next[r.Partition] = r.Offset + 1
	at, source := event.RecordTime(r.Value), event.RecordSource(r.Value)
	count, again := pr.count(r, source)
	switch {
	case source == event.HR:
	case datedAhead(at, r.Appended):
		count.Ahead++
		return nil
	case pr.checkpoints.settled() && at < pr.checkpoints.base():
		if count.Late++; !again {
			pr.missed.add(r, source, at, 1)
			pr.stats.Late++
			pr.lost = false
		}
		return nil
	}
	conflicts := pr.window.Conflicts()
	added, err := pr.window.Add(r.Value, r.Partition, r.Offset)
	count.Conflicts += pr.window.Conflicts() - conflicts
	switch {
	case err != nil:
		return err
	case added == order.Repeat:
		count.Repeated++
		pr.stats.Repeats++
		return nil
	case added == order.Replaced:
		count.Repeated++
	case added == order.Fresh:
		if count.Judged++; r.Appended-at > event.Day && source != event.HR {
			count.Delayed++
		}
		pr.stats.Events++
	}
	if source == event.HR && pr.checkpoints.settled() && !again && !pr.staffed && added == order.Fresh {
		pr.hired, pr.lost = true, false // departments count from the beginning: it is worth going back once more
	}
	if newest := pr.window.Newest(); source != event.HR && (at < newest-event.Day || at > pr.checkpoints.watermark+2*event.Day) {
		pr.history = true
	}
	pr.processFrom(at)
	return nil
}

// count is the account of a record; again says that it was counted before the base was
// stored, so that the account is nobody's.
func (pr *Processor) count(r *eventlog.Record, source event.Source) (a *Account, again bool) {
	if r.Offset < pr.seen[r.Partition] {
		return &Account{}, true
	}
	return pr.accounts.of(r, source), false
}

// datedAhead says whether an event claims to have happened more than a day after the log took
// it (both Unix milliseconds): one of its clocks is wrong, or somebody made it up.
func datedAhead(at, appended int64) bool { return appended > 0 && at > appended+event.Day }

// skip takes in a record of the log that is no event.
func (pr *Processor) skip(r *eventlog.Record, kind KindOf) {
	pr.next[r.Partition] = r.Offset + 1
	if kind == isMark {
		return
	}
	if count, _ := pr.count(r, event.NoSource); kind == isErased {
		count.Erased++
	} else {
		count.Unreadable++
	}
}

// judgeFrom has what is at or after a time judged, the next time.
func (pr *Processor) processFrom(at int64) {
	if !pr.newer || at < pr.pending {
		pr.pending = at
	}
	pr.newer = true
}

// arriving says whether history is still coming in, given for how long nothing has: what is
// judged before it has all come is judged again, and people are told of what it explains.
func (pr *Processor) arriving(quiet time.Duration) bool {
	if pr.engine != nil && !pr.history {
		return false
	}
	return quiet < settleQuiet
}

// settleQuiet is for how long nothing must have come after history has: sources look at their
// folders more often than that.
var settleQuiet = 5 * time.Second // tests have less time

// reconsider has everything from a time on judged again, as far as it was.
func (pr *Processor) reprocess(from int64) {
	if from = max(from, pr.checkpoints.base()); pr.engine == nil || from > pr.lastTime {
		return
	}
	pr.processFrom(from)
}

// interrupted has the judge go on from the last mark, in the middle of judging.
func (pr *Processor) interrupted() {
	pr.provisional = true
	pr.processFrom(pr.lastTime)
}
