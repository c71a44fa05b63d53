// Package stream processes the event log as it grows: it puts events into the order of event
// time, scores them, and appends the alerts to the alert topic. Late events roll the
// processor back to the checkpoint before them. docs/adr/0007-stream.md.
package stream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/order"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// Processor turns the log of events into alerts as they come. It is a function of the
// events alone: whatever their order of arrival, once all have come the alerts are
// those that a scan of them gives.
//
// Events go into a window of the last days, in the order of their time. What comes
// at its end is judged at once. What comes late sets the judgement back to a mark
// before it, and everything since is judged again; people are told what that
// changed. docs/adr/0007-stream.md.
type Processor struct {
	identity identity.Config
	config   engine.Config
	emit     func(ctx context.Context, shard int, alerts [][]byte) error // alerts of a shard's people as JSON, ranked
	store    *engine.Store                                               // nil where nothing is kept
	stored   func(ctx context.Context, at int64) error                   // called once the base at a time is stored; may be nil

	file    *spill.File // for what is seldom read
	window  *order.Window
	marks   []mark // the oldest is the base: nothing before it changes
	history bool   // what has come since it was judged last is of more than a day
	pending int64  // time of the earliest event that is not judged; none if newer is false
	newer   bool
	said    map[string]said // alerts that are out, by id

	days    map[dayOf]pendingDay // what people did on days, where something else is out
	daysOut map[dayOf]out        // what is out about days that may change
	round   int                  // how often judging began anew
	from    int64                // where it did, since days were handed out last; -1 if it has not
	leaving map[int]uint64       // what is out about who leaves, by shard: a hash

	shards   int // among which people are spread
	mine     []int
	exchange *exchange // with who judges the others; nil if there is one shard

	engine   *engine.Engine // nil before the first event
	resolver *identity.Resolver
	left     identity.Left // as it was said last
	desk     *alert.Desk
	floor    int64 // alerts before it are not on the desk any more
	tainted  bool  // open days were judged before they were over
	lastTime int64
	lastKey  uint64
	armed    int64 // time of the next mark, Unix milliseconds
	aliases  spill.Ref
	crossed  int64 // hour for which aliases are
	batch    []engine.Keyed

	next  []int64 // by partition: offset up to which the log has been read
	seen  []int64 // the same, when the base was stored
	saved int64   // time of the stored base
	bases bases   // the stored ones; nil where there is nothing to go back to

	accounts *accounts // what became of the records of the log
	missed   *missed   // what came too late for the base
	untold   int64     // what happened before is not told, and what was told about it stays; 0 for nothing
	staffed  bool      // HR had spoken when the base was stored
	hired    bool      // HR speaks for the first time, and the base does not know it
	lost     bool      // what was missed cannot be judged from a base that is kept

	edge   int64         // up to where the events go, but for a few
	saving time.Duration // it took to store the base last

	progress func() // called while events are judged; may be nil

	stats counters
}

// counters is what a judge has counted since it started.
type counters struct {
	Events  int64 // new ones
	Repeats int64
	Late    int64 // too late to be judged
	Rewinds int64
}

// mark is everything a judge knows at a moment.
type mark struct {
	At       int64 // Unix milliseconds, a full hour
	Aliases  spill.Ref
	Baseline *engine.Snapshot
	Desk     spill.Ref
}

// said is a version of an alert that went out.
type said struct {
	hash      uint64
	time      int64
	withdrawn bool
	gap       bool      // about events that were left out, rather than about events
	body      spill.Ref // JSON
}

// dayOf is somebody's day.
type dayOf struct{ user, date string }

// out is what is out about a day.
type out struct {
	hash  uint64
	end   int64 // of the day, Unix milliseconds
	round int   // in which it was judged last
}

// pendingDay is what is to be said about a day.
type pendingDay struct {
	body json.RawMessage
	out
}

// final is after how long nothing changes an alert any more but the end of what it
// says is open: the day that it is about is over.
const final = 2 * event.Day

// keepAlerts is for how long it is remembered which alerts are out.
const keepAlerts = 40 * event.Day

// openProcessor returns a judge of a log with some partitions, as it was when its base
// was stored last.
func openProcessor(ctx context.Context, store *engine.Store, partitions int, conf *config.Config, emit func(context.Context, int, [][]byte) error) (*Processor, error) {
	j, err := newProcessor(store, partitions, conf, emit)
	if err != nil || store == nil {
		return j, err
	}
	c, err := LatestCommitted(ctx, store)
	if err != nil || c == nil {
		return j, err
	}
	baseline, err := store.Load(ctx, c.Generation)
	if err != nil {
		return nil, err
	}
	return j, j.begin(c, baseline)
}

// newProcessor returns a judge that knows nothing yet.
func newProcessor(store *engine.Store, partitions int, conf *config.Config, emit func(context.Context, int, [][]byte) error) (*Processor, error) {
	judging, err := conf.Detect()
	if err != nil {
		return nil, err
	}
	judging.TempDir = conf.DataDir
	return &Processor{shards: 1, mine: []int{0}, leaving: map[int]uint64{}, file: spill.New(spillMemory, conf.DataDir), identity: conf.Identity(), config: judging, emit: emit, store: store, window: order.NewWindow(conf.Memory.Window(), conf.DataDir), said: map[string]said{}, days: map[dayOf]pendingDay{}, daysOut: map[dayOf]out{}, from: -1, next: make([]int64, partitions), seen: make([]int64, partitions), accounts: newAccounts(partitions), missed: newMissed(partitions)}, nil
}

// begin has a new judge go on from a base.
func (j *Processor) begin(c *Committed, baseline *engine.Snapshot) (err error) {
	if len(c.Low) != len(j.next) {
		return fmt.Errorf("the stored baselines are of a log with %d partitions, not %d", len(c.Low), len(j.next))
	}
	m := mark{At: c.At, Baseline: baseline}
	if m.Aliases, err = j.file.Put(c.Aliases); err != nil {
		return err
	}
	if m.Desk, err = j.file.Put(c.Desk); err != nil {
		return err
	}
	j.marks, j.saved = []mark{m}, c.At
	j.next, j.seen, j.untold = c.Low, c.Next, c.Floor
	j.staffed = len(c.Staff) > 0
	j.accounts.restore(c.Counts)
	j.missed.restore(c.Missed)
	err = event.Framed(c.Staff, func(rec []byte) error {
		_, err := j.window.Add(rec, 0, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("stored HR records: %w", err)
	}
	j.pending, j.newer = m.At, true
	return nil
}

// spillMemory is how many bytes of what is seldom read stay in memory.
const spillMemory = 32 << 20

// base is the time before which nothing changes any more.
func (j *Processor) base() int64 {
	if len(j.marks) == 0 {
		return 0
	}
	return j.marks[0].At
}

// settled says whether the base is so old that what is before it is late.
func (j *Processor) settled() bool { return j.saved > 0 && j.base() == j.saved }

// add takes in a record of the log, which is an event.
func (j *Processor) add(r *eventlog.Record) error {
	j.next[r.Partition] = r.Offset + 1
	at, source := event.RecordTime(r.Value), event.RecordSource(r.Value)
	count, again := j.count(r, source)
	switch {
	case source == event.HR:
	case datedAhead(at, r.Appended):
		count.Ahead++
		return nil
	case j.settled() && at < j.base():
		if count.Late++; !again {
			j.missed.add(r, source, at, 1)
			j.stats.Late++
			j.lost = false
		}
		return nil
	}
	conflicts := j.window.Conflicts()
	added, err := j.window.Add(r.Value, r.Partition, r.Offset)
	count.Conflicts += j.window.Conflicts() - conflicts
	switch {
	case err != nil:
		return err
	case added == order.Repeat:
		count.Repeated++
		j.stats.Repeats++
		return nil
	case added == order.Replaced:
		count.Repeated++
	case added == order.Fresh:
		if count.Judged++; r.Appended-at > event.Day && source != event.HR {
			count.Delayed++
		}
		j.stats.Events++
	}
	if source == event.HR && j.settled() && !again && !j.staffed && added == order.Fresh {
		j.hired, j.lost = true, false // departments count from the beginning: it is worth going back once more
	}
	if newest := j.window.Newest(); source != event.HR && (at < newest-event.Day || at > j.edge+2*event.Day) {
		j.history = true
	}
	j.judgeFrom(at)
	return nil
}

// count is the account of a record; again says that it was counted before the base was
// stored, so that the account is nobody's.
func (j *Processor) count(r *eventlog.Record, source event.Source) (a *Account, again bool) {
	if r.Offset < j.seen[r.Partition] {
		return &Account{}, true
	}
	return j.accounts.of(r, source), false
}

// datedAhead says whether an event claims to have happened more than a day after the log took
// it (both Unix milliseconds): one of its clocks is wrong, or somebody made it up.
func datedAhead(at, appended int64) bool { return appended > 0 && at > appended+event.Day }

// skip takes in a record of the log that is no event.
func (j *Processor) skip(r *eventlog.Record, kind KindOf) {
	j.next[r.Partition] = r.Offset + 1
	if kind == isMark {
		return
	}
	if count, _ := j.count(r, event.NoSource); kind == isErased {
		count.Erased++
	} else {
		count.Unreadable++
	}
}

// judgeFrom has what is at or after a time judged, the next time.
func (j *Processor) judgeFrom(at int64) {
	if !j.newer || at < j.pending {
		j.pending = at
	}
	j.newer = true
}

// arriving says whether history is still coming in, given for how long nothing has: what is
// judged before it has all come is judged again, and people are told of what it explains.
func (j *Processor) arriving(quiet time.Duration) bool {
	if j.engine != nil && !j.history {
		return false
	}
	return quiet < settleQuiet
}

// settleQuiet is for how long nothing must have come after history has: sources look at their
// folders more often than that.
var settleQuiet = 5 * time.Second // tests have less time

// reconsider has everything from a time on judged again, as far as it was.
func (j *Processor) reconsider(from int64) {
	if from = max(from, j.base()); j.engine == nil || from > j.lastTime {
		return
	}
	j.judgeFrom(from)
}

// interrupted has the judge go on from the last mark, in the middle of judging.
func (j *Processor) interrupted() {
	j.tainted = true
	j.judgeFrom(j.lastTime)
}

// fewEvents are so few that they do not say what time it is: some may claim to be
// from the future.
const fewEvents = 20

// holdBack is how close to the newest event judging stays behind while more
// arrive: those of the same second come in any order.
const holdBack = 1000

var errEnough = errors.New("enough")

// extent is how much of what has come is judged.
type extent int

const (
	most       extent = iota // what is not so new that more of the same second may come
	everything               // all of it
	openDays                 // and the days that are still open, as they are
)

// apply judges what has come.
func (j *Processor) apply(ctx context.Context, how extent) error {
	if j.exchange != nil {
		if of, news := j.exchange.news(j.window.Edge(fewEvents)); news {
			j.reconsider(of * event.Hour)
		}
	}
	if !j.newer && (how != openDays || j.engine == nil || j.tainted) {
		return nil
	}
	j.edge, j.history = j.window.Edge(fewEvents), false
	until := j.window.Newest()
	if how == most {
		until -= holdBack
	}
	if j.newer {
		if err := j.feed(ctx, until); err != nil {
			return err
		}
	}
	if j.newer = j.window.Newest() > until; j.newer {
		j.pending = until + 1
	}
	if how == openDays {
		j.tainted = true
		j.engine.Days(j.hearing(ctx))
		if err := j.engine.Flush(); err != nil {
			return err
		}
	}
	j.desk.Complete(j.window.Newest())
	if err := j.out(ctx); err != nil {
		return err
	}
	return j.tidy(ctx)
}

// feed judges events up to a time, going back if some came late. If the context ends
// it stops in the middle: the judge is then of no use any more.
func (j *Processor) feed(ctx context.Context, until int64) error {
	all := j.engine == nil || j.tainted || j.pending <= j.lastTime
	from := int64(0)
	if all {
		var err error
		if from, err = j.rewind(j.pending); err != nil {
			return err
		}
	}
	// Whose an event is, is found out ahead of judging it, on another core.
	g, ctx := errgroup.WithContext(ctx)
	if j.exchange != nil {
		j.exchange.trading(ctx, j.saved, j.edge, j.window.Sums())
	}
	groups, used := make(chan *group, 4), make(chan *group, 6)
	after, key := j.lastTime, j.lastKey
	w := &resolving{j: j, ctx: ctx, out: groups, used: used, until: until, armed: j.armed, crossed: j.crossed, group: &group{}}
	g.Go(func() error {
		defer close(groups)
		var err error
		if all {
			err = j.window.Each(from, w.resolve)
		} else {
			err = j.window.After(after, key, w.resolve)
		}
		if err == nil || err == errEnough {
			err = w.send()
		}
		return err
	})
	j.engine.Days(j.hearing(ctx))
	g.Go(func() error {
		for of := range groups {
			if err := j.judge(of); err != nil {
				return err
			}
			select {
			case used <- of:
			default:
			}
		}
		return nil
	})
	err := g.Wait()
	j.crossed = w.crossed
	return err
}

// group are events that follow one another, with whose they are.
type group struct {
	buf    []byte
	events []resolved
}

// resolved is an event whose person is known. Where an hour begins at which a mark may be
// left, it has the alias graph as it was before.
type resolved struct {
	person   string
	from, to int // of its record, in the group's buffer
	aliases  spill.Ref
}

const groupSize = 512

// resolving finds out whose events are, in their order.
type resolving struct {
	j       *Processor
	ctx     context.Context
	out     chan<- *group
	used    <-chan *group // that may be filled again
	until   int64
	armed   int64 // as the judge will have it when it comes to the event
	crossed int64
	scratch []byte
	group   *group
}

func (w *resolving) resolve(rec []byte) error {
	at, hr := event.RecordTime(rec), event.RecordSource(rec) == event.HR
	if !hr && at > w.until {
		return errEnough
	}
	var x resolved
	if !hr {
		switch h := at / event.Hour; {
		case w.armed == 0:
			w.armed = w.j.wanted(at)
		case at >= w.armed && h != w.crossed:
			graph, err := w.j.resolver.Snapshot()
			if err == nil {
				x.aliases, err = w.j.file.Put(graph)
			}
			if err != nil {
				return err
			}
			w.crossed = h
			for at >= w.armed {
				w.armed = w.j.wanted(w.armed)
			}
		}
	}
	w.scratch = append(w.scratch[:0], rec...) // resolving changes it
	person, own := "", rec
	err := guard.Do("judge", func() error { person, rec = w.j.resolver.Resolve(w.scratch); return nil })
	if panicked := (*guard.Panic)(nil); errors.As(err, &panicked) {
		return &engine.Fault{Record: bytes.Clone(own), Panic: panicked}
	}
	for _, note := range w.j.resolver.Notes() {
		from := len(w.group.buf)
		w.group.buf = note.Append(w.group.buf)
		w.group.events = append(w.group.events, resolved{from: from, to: len(w.group.buf), aliases: x.aliases})
		x.aliases = spill.Ref{}
	}
	x.person, x.from = strings.Clone(person), len(w.group.buf)
	w.group.buf = append(w.group.buf, rec...)
	x.to = len(w.group.buf)
	if w.group.events = append(w.group.events, x); len(w.group.events) < groupSize {
		return nil
	}
	return w.send()
}

func (w *resolving) send() error {
	of := w.group
	select {
	case w.group = <-w.used:
		w.group.buf, w.group.events = w.group.buf[:0], w.group.events[:0]
	default:
		w.group = &group{}
	}
	select {
	case w.out <- of:
		return nil
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
}

// rewind puts the judge back to the last mark that is not after a time.
func (j *Processor) rewind(to int64) (from int64, err error) {
	if j.engine != nil {
		j.stats.Rewinds++
		if j.tainted { // to where the open days began to be judged
			to = min(to, j.lastTime)
		}
	}
	i := len(j.marks) - 1
	for i > 0 && j.marks[i].At > to {
		i--
	}
	j.resolver = identity.New()
	j.engine = engine.New(j.config, func(f *finding.Finding) error { j.desk.Add(f); return nil })
	j.desk, j.tainted, j.lastTime, j.lastKey, j.floor = alert.NewDesk(), false, 0, 0, 0
	if i >= 0 && (j.marks[i].At <= to || j.settled()) {
		m := &j.marks[i]
		from = m.At
		graph, err := m.Aliases.Get(nil)
		if err != nil {
			return 0, err
		}
		if err := j.resolver.Restore(graph); err != nil {
			return 0, err
		}
		if m.Baseline != nil {
			if err := j.engine.Restore(m.Baseline); err != nil {
				return 0, err
			}
		}
		desk, err := m.Desk.Get(nil)
		if err != nil {
			return 0, err
		}
		if j.desk, err = alert.RestoreDesk(desk); err != nil {
			return 0, err
		}
		j.marks, j.floor = j.marks[:i+1], max(m.At-final, j.untold)
	} else {
		j.marks = nil
	}
	j.resolver.Configure(j.identity)
	j.armed, j.crossed = 0, 0
	if j.from < 0 || from < j.from {
		j.from = from
	}
	j.round++
	clear(j.days) // they are judged again
	if from > 0 {
		j.arm(from)
	}
	return from, nil
}

// judge judges the next events.
func (j *Processor) judge(of *group) error {
	if j.progress != nil {
		j.progress()
	}
	j.batch = j.batch[:0]
	for i := range of.events {
		x := &of.events[i]
		rec := of.buf[x.from:x.to]
		if event.RecordSource(rec) != event.HR {
			at := event.RecordTime(rec)
			if x.aliases.Len() > 0 { // those of a mark that comes before it
				if err := j.engine.HandleAll(j.batch); err != nil {
					return err
				}
				j.batch, j.aliases = j.batch[:0], x.aliases
			}
			if j.armed == 0 {
				j.arm(at)
			}
			j.lastTime, j.lastKey = at, event.RecordKey(rec)
		}
		j.batch = append(j.batch, engine.Keyed{Person: x.person, Record: rec})
	}
	return j.engine.HandleAll(j.batch)
}

// arm has the engine leave a mark at the next of the times at which one is wanted:
// close ones near the newest event, where lateness is usual, and the one that will
// be the base.
func (j *Processor) arm(after int64) {
	j.armed = j.wanted(after)
	j.engine.Checkpoint(j.armed, func(s *engine.Snapshot) error {
		b, err := j.desk.Keep(j.armed - final)
		if err != nil {
			return err
		}
		desk, err := j.file.Put(b)
		if err != nil {
			return err
		}
		j.marks = append(j.marks, mark{j.armed, j.aliases, s, desk})
		j.arm(j.armed)
		return nil
	})
}

// apart is how far from each other marks are, by how long before the newest event.
func apart(age int64) int64 {
	switch {
	case age <= 3*event.Hour:
		return event.Hour
	case age <= 12*event.Hour:
		return 4 * event.Hour
	case age <= 2*event.Day:
		return 12 * event.Hour
	}
	return 2 * event.Day
}

func (j *Processor) wanted(after int64) int64 {
	newest := j.edge
	if base := (newest - event.LateDays*event.Day) / event.Day * event.Day; base > after {
		return base
	}
	if after > newest+2*event.Hour { // what comes then claims to be from the future
		return math.MaxInt64
	}
	step := apart(newest - after)
	return after/step*step + step
}

// tidy drops marks that are not wanted any more, stores the base if it has moved,
// and forgets what is before it.
func (j *Processor) tidy(ctx context.Context) error {
	newest := j.edge
	for len(j.marks) > 1 && j.marks[1].At <= newest-event.LateDays*event.Day {
		j.marks = slices.Delete(j.marks, 0, 1)
	}
	for i := len(j.marks) - 1; i > 0; i-- {
		if m := &j.marks[i]; m.At%apart(newest-m.At) != 0 {
			j.marks = slices.Delete(j.marks, i, i+1)
		}
	}
	at := j.base()
	if at == 0 || at > newest-event.LateDays*event.Day || at == j.saved {
		return nil
	}
	j.window.Forget(at)
	if j.exchange != nil {
		j.exchange.forget(at / event.Hour)
	}
	if j.store != nil {
		began := time.Now()
		if err := j.save(ctx, &j.marks[0]); err != nil {
			return err
		}
		j.saving = time.Since(began)
	}
	j.saved = at
	copy(j.seen, j.next)
	j.floor = max(at-final, j.untold)
	j.desk.Forget(j.floor)
	for k, o := range j.daysOut {
		if o.end <= at {
			delete(j.daysOut, k)
		}
	}
	for id, s := range j.said {
		if s.time < newest-keepAlerts {
			delete(j.said, id)
		}
	}
	return nil
}

// save stores a mark as the base, with the offsets from which the log is to be
// read again after it, in one transaction.
func (j *Processor) save(ctx context.Context, m *mark) error {
	c := Committed{Position: Position{
		At:     m.At,
		Low:    make([]int64, len(j.next)),
		Next:   j.next,
		Counts: j.accounts.stored(),
		Missed: j.missed.stored(),
		Floor:  j.untold,
	}}
	if m.At-final > c.Floor {
		c.Floor = 0
	}
	for i := range c.Low {
		c.Low[i] = j.window.Low(i, j.next[i])
	}
	if j.exchange != nil {
		c.Hours = j.exchange.low()
	}
	j.window.Staff(func(rec []byte) { c.Staff = event.AppendFramed(c.Staff, rec) })
	j.staffed = len(c.Staff) > 0
	var err error
	if c.Aliases, err = m.Aliases.Get(nil); err != nil {
		return err
	}
	if c.Desk, err = m.Desk.Get(nil); err != nil {
		return err
	}
	entries, err := c.Entries()
	if err != nil {
		return err
	}
	keep, err := j.store.Generations(ctx)
	if err != nil {
		return err
	}
	failpoint.Reach("base-save")
	if err := j.store.SaveWith(ctx, m.At, j.keepBases(keep, m.At), m.Baseline, entries); err != nil {
		return err
	}
	failpoint.Reach("base-saved")
	if j.stored != nil {
		return j.stored(ctx, m.At)
	}
	return nil
}

// keepBases are the generations to keep, of those that are stored, beside a new base. Judges
// that share the people keep older bases as snapshots.
func (j *Processor) keepBases(generations []int64, at int64) []int64 {
	if j.exchange != nil {
		return nil
	}
	return snapshot.Thin(generations, at)
}

// keep is the offset of a partition from which the log is needed still.
func (j *Processor) keep(partition int) int64 {
	if j.saved == 0 {
		return 0
	}
	return j.window.Low(partition, j.next[partition])
}

// explained are alerts that are out, and that what came later explains: withdrawn.
func (j *Processor) explained() (list []alert.Alert, err error) {
	if j.from < 0 {
		return nil, nil // nothing was judged again
	}
	for id, s := range j.said {
		if s.time < j.floor || j.desk.Holds(id) || s.withdrawn || s.gap {
			continue
		}
		a, err := s.withdraw()
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// withdraw is an alert that is out, withdrawn.
func (s *said) withdraw() (a alert.Alert, err error) {
	b, err := s.body.Get(nil)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("an alert that is out: %w", err)
	}
	a.Withdrawn, a.Provisional = true, false
	return a, nil
}

// out hands out the alerts that changed: those that are at least low, and those
// that were out before.
func (j *Processor) out(ctx context.Context) error {
	list := slices.DeleteFunc(j.desk.Updates(), func(a alert.Alert) bool {
		_, known := j.said[a.ID]
		return a.Severity < alert.Low && !known || a.Time.UnixMilli() < j.untold
	})
	explained, err := j.explained()
	if err != nil {
		return err
	}
	list = append(list, explained...)
	if list, err = j.gaps(list); err != nil {
		return err
	}
	alert.Rank(list)
	bodies, fresh := outgoing{}, map[string]said{}
	for i := range list {
		a := &list[i]
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		now := said{hash: xxhash.Sum64(b), time: a.Time.UnixMilli(), withdrawn: a.Withdrawn, gap: a.IsNotJudged()}
		if before, known := j.said[a.ID]; !known || now.hash != before.hash {
			if now.body, err = j.file.Put(b); err != nil {
				return err
			}
			bodies.add(engine.ShardOf(a.User, j.shards), b)
			fresh[a.ID] = now
		}
	}
	gone := j.gone()
	if err := j.saying(bodies, gone); err != nil {
		return err
	}
	leaving := map[int][]finding.Leaver{}
	for _, l := range j.engine.Leavers() {
		s := engine.ShardOf(l.User, j.shards)
		leaving[s] = append(leaving[s], l)
	}
	hashes := map[int]uint64{}
	for _, s := range j.mine {
		body, err := (&Record{Kind: LeaversRecord, Leavers: leaving[s]}).Marshal()
		if err != nil {
			return err
		}
		hashes[s] = xxhash.Sum64(body)
		if hashes[s] != j.leaving[s] && (j.leaving[s] != 0 || len(leaving[s]) > 0) {
			bodies.add(s, body)
		}
	}
	if err := j.send(ctx, bodies); err != nil {
		return err
	}
	maps.Copy(j.said, fresh)
	for k := range gone {
		delete(j.daysOut, k)
	}
	j.daysSaid()
	j.leaving, j.from = hashes, -1
	return nil
}

// outgoing are records of the log of alerts, by shard.
type outgoing map[int][][]byte

func (o outgoing) add(shard int, b []byte) { o[shard] = append(o[shard], b) }

// send hands records out.
func (j *Processor) send(ctx context.Context, o outgoing) error {
	for _, s := range j.mine {
		if len(o[s]) > 0 {
			if err := j.emit(ctx, s, o[s]); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	daysAtOnce = 200    // in a record of the log of alerts
	manyDays   = 20_000 // are said without waiting for the end of what is judged
)

// hearing returns what takes in days as they are judged, and says them once there are
// many: the days of everybody may end in the same hour.
func (j *Processor) hearing(ctx context.Context) func(*finding.Activity) error {
	return func(a *finding.Activity) error {
		if err := j.day(a); err != nil || len(j.days) < manyDays {
			return err
		}
		records := outgoing{}
		if err := j.saying(records, nil); err != nil {
			return err
		}
		if err := j.send(ctx, records); err != nil {
			return err
		}
		j.daysSaid()
		return nil
	}
}

// day takes in what somebody did on a day.
func (j *Processor) day(a *finding.Activity) error {
	if a.End <= j.untold {
		return nil
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	k, o := dayOf{a.User, a.Date()}, out{xxhash.Sum64(b), a.End, j.round}
	if j.daysOut[k].hash == o.hash {
		j.daysOut[k] = o
		delete(j.days, k)
	} else {
		j.days[k] = pendingDay{b, o}
	}
	return nil
}

// gone are days that are out and that nobody had, as is known now: whose they were is
// known better.
func (j *Processor) gone() map[dayOf]out {
	all := map[dayOf]out{}
	if j.from < 0 {
		return all
	}
	over := j.lastTime / event.Hour * event.Hour // days that end later may be judged yet
	for k, o := range j.daysOut {
		if _, pending := j.days[k]; !pending && o.round < j.round && o.end > max(j.from, j.untold) && o.end <= over {
			all[k] = o
		}
	}
	return all
}

// saying adds what is to be said about days.
func (j *Processor) saying(to outgoing, gone map[dayOf]out) error {
	type line struct {
		dayOf
		pendingDay
	}
	list := make([]line, 0, len(j.days)+len(gone))
	for k, d := range j.days {
		list = append(list, line{k, d})
	}
	for k, o := range gone {
		b, err := json.Marshal(&finding.Activity{User: k.user, End: o.end, Gone: true})
		if err != nil {
			return err
		}
		list = append(list, line{k, pendingDay{b, o}})
	}
	slices.SortFunc(list, func(a, b line) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.user, b.user)) })
	of := map[int][]json.RawMessage{}
	for i := range list {
		s := engine.ShardOf(list[i].user, j.shards)
		of[s] = append(of[s], list[i].body)
	}
	for s, bodies := range of {
		for part := range slices.Chunk(bodies, daysAtOnce) {
			b, err := marshalActivity(part)
			if err != nil {
				return err
			}
			to.add(s, b)
		}
	}
	return nil
}

// daysSaid notes that what was to be said about days is out.
func (j *Processor) daysSaid() {
	for k, d := range j.days {
		j.daysOut[k] = d.out
	}
	clear(j.days)
}

// heard takes in what was said about days that may change yet.
func (j *Processor) heard(days []finding.Activity) {
	for i := range days {
		a := &days[i]
		k := dayOf{a.User, a.Date()}
		b, err := json.Marshal(a)
		switch {
		case a.Gone, a.End <= j.base(), err != nil:
			delete(j.daysOut, k)
		default:
			j.daysOut[k] = out{xxhash.Sum64(b), a.End, 0}
		}
	}
}

// look checks that the log holds what is to be read next.
func (j *Processor) look(ctx context.Context, events eventlog.Log) error {
	for p := range j.next {
		first, end, err := events.Bounds(ctx, p)
		if err != nil {
			return err
		}
		if j.next[p] < first {
			if j.saved == 0 && j.next[p] == 0 {
				j.next[p] = first // nothing was judged yet: it begins with what there is
				continue
			}
			return fmt.Errorf("log of events, partition %d: offsets %d to %d are gone before they were judged: retention is too short, or the state too old", p, j.next[p], first-1)
		}
		if j.next[p] > end {
			return fmt.Errorf("log of events, partition %d: it ends at %d, but offset %d was read before: it was made anew, or restored from an older copy", p, end, j.next[p])
		}
	}
	return nil
}

// locate adds to an error of judging an event where in the log the event is.
func (j *Processor) locate(ctx context.Context, log eventlog.Log, err error) error {
	fault := (*engine.Fault)(nil)
	if !errors.As(err, &fault) || fault.Record == nil {
		return err
	}
	place := ""
	var of event.Event
	var dec event.Decoder
	err = errors.Join(fmt.Errorf("judging stopped at an event; nothing of it was stored, and it is judged again after a restart: %w", err), guard.Do("judge", func() error {
		if err := dec.Decode(fault.Record, &of); err != nil {
			return err
		}
		for p := range j.next {
			for at := j.window.Low(p, j.next[p]); at < j.next[p] && place == ""; {
				recs, err := log.Read(ctx, p, at, readBatch)
				if err != nil {
					return err
				}
				for i := range recs {
					var e event.Event
					if _, mark := ingest.ReadMark(recs[i].Value); !mark && len(recs[i].Value) > 0 && dec.Decode(recs[i].Value, &e) == nil && e.Key == of.Key && e.Time == of.Time && e.Source == of.Source {
						place = fmt.Sprintf("partition %d, offset %d", p, recs[i].Offset)
						break
					}
				}
				at = recs[len(recs)-1].Offset + 1
			}
		}
		return nil
	}))
	return fmt.Errorf("event of %s at %s, id %016x (%s): %w", of.Source, instant(of.Time).Format(time.RFC3339Nano), of.Key, cmp.Or(place, "not in the log any more"), err)
}
