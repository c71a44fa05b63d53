package stream

import (
	"time"

	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// counters are what a processor has counted since it started.
type counters struct {
	Events  int64 // new ones
	Repeats int64
	Late    int64 // before the committed checkpoint, and therefore left out
	Rewinds int64 // rollbacks
}

// add takes in a record of the event log that is an event.
func (pr *Processor) add(r *eventlog.Record) error {
	pr.next[r.Partition] = r.Offset + 1
	at, source := event.RecordTime(r.Value), event.RecordSource(r.Value)
	if (r.Appended-at > old.Milliseconds() || r.Appended == 0) && pr.counts(r.Partition) {
		pr.oldCame = time.Now()
	}
	count, again := pr.count(r, source)
	late := source != event.HR && pr.checkpoints.settled() && at < pr.checkpoints.base()
	own := pr.counts(r.Partition)
	switch {
	case source != event.HR && datedAhead(at, r.Appended):
		count.Ahead++
		return nil
	case !own && pr.isOwnCopy(r):
		if !late && source != event.HR {
			pr.window.Skip(at, r.Partition, r.Offset) // other tasks need it after a restart
		}
		return nil
	case late:
		count.Late++
		pr.miss(r, source, at, again)
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
		if own {
			pr.stats.Repeats++
		}
		return nil
	case added == order.Replaced:
		count.Repeated++
	case added == order.Fresh:
		if count.Processed++; r.Appended-at > event.Day && source != event.HR {
			count.Delayed++
		}
		if own {
			pr.stats.Events++
		}
	}
	if pr.forward != nil && !pr.inputs.isForwarded(r.Partition) { // what others copy here teaches nothing
		pr.forward.came(at, event.RecordKey(r.Value), source == event.HR, own && !again)
	}
	if source == event.HR && pr.checkpoints.settled() && !again && !pr.staffed && added == order.Fresh {
		pr.newStaff, pr.unreachable = true, false // departments matter from the beginning: one more rollback is worth it
	}
	newest := pr.window.Newest()
	if source != event.HR && (at < newest-event.Day || at > pr.checkpoints.watermark+2*event.Day) {
		pr.history = true
	}
	pr.processFrom(at)
	return nil
}

// count returns the account that a record counts towards. If again is true, the record was counted
// before the committed checkpoint, and the account is thrown away.
func (pr *Processor) count(r *eventlog.Record, source event.Source) (a *Account, again bool) {
	if !pr.counts(r.Partition) {
		return &Account{}, r.Offset < pr.seen[r.Partition]
	}
	if r.Offset < pr.seen[r.Partition] {
		return &Account{}, true
	}
	return pr.accounts.of(r, source), false
}

// miss notes an event that is too late for the committed checkpoint, unless it was there before.
func (pr *Processor) miss(r *eventlog.Record, source event.Source, at int64, again bool) {
	own := pr.counts(r.Partition)
	if again || !own && pr.inputs.isOld(r) {
		return
	}
	pr.missed.add(r, source, at, 1)
	pr.unreachable = false
	if own {
		pr.stats.Late++
	}
}

// isOwnCopy reports whether a copy is of an event in an own partition, which is read there.
func (pr *Processor) isOwnCopy(r *eventlog.Record) bool { return pr.owns(pr.inputs.home(r.Value)) }

// datedAhead reports whether an event claims to have happened more than a day after it was appended
// to the log (both Unix milliseconds): a clock is wrong, or the event is forged.
func datedAhead(at, appended int64) bool { return appended > 0 && at > appended+event.Day }

// skip takes in a record of the event log that is not an event.
func (pr *Processor) skip(r *eventlog.Record, class RecordClass) {
	pr.next[r.Partition] = r.Offset + 1
	if class == markerRecord {
		return
	}
	if count, _ := pr.count(r, event.NoSource); class == erasedRecord {
		count.Erased++
	} else {
		count.Unreadable++
	}
}

// processFrom has everything from a time on (Unix milliseconds) processed the next time.
func (pr *Processor) processFrom(at int64) {
	if !pr.hasPending || at < pr.pendingFrom {
		pr.pendingFrom = at
	}
	pr.hasPending = true
}

// old is how long before it was appended to the log an event happened that counts as history.
const old = time.Hour

// arriving reports whether history is still arriving. If history were processed before all of it is there, it would have to
// be processed again, and alerts would be sent that later events explain. What has just happened is no history: a stream
// of it may never pause.
func (pr *Processor) arriving(now time.Time) bool {
	if pr.engine != nil && !pr.history {
		return false
	}
	return now.Sub(pr.oldCame) < settleQuiet
}

// settleQuiet is how long no history must have arrived after some has: sources list their folders
// more often than that.
var settleQuiet = 5 * time.Second // tests shorten it

// reprocess has everything from a time on (Unix milliseconds) processed again, as far as it was.
func (pr *Processor) reprocess(from int64) {
	if from = max(from, pr.checkpoints.base()); pr.engine == nil || from > pr.lastTime {
		return
	}
	pr.processFrom(from)
}

// interrupted has the processor go on from its last checkpoint after errInterrupted.
func (pr *Processor) interrupted() {
	pr.provisional = true
	pr.processFrom(pr.lastTime)
}
