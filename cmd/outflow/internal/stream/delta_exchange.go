package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/failpoint"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

// deltaExchange lets workers with tasks exchange the hourly deltas of their people through a log with one partition, and
// tell one another how far they have copied events.
//
// The delta of an hour depends on the events of the task and on the deltas of all tasks before it. It therefore carries
// checksums of the deltas of the last days that were used: deltas with equal checksums belong together. A worker waits until
// the delta of a peer belongs to its own, but only for peerTimeout, because one of the two may have to process again what the
// other one has already. A delta that arrives after its hour was processed makes the hour stale, and it is processed again, as
// after a late event. All workers therefore converge on the latest delta of each peer.
// docs/adr/0033-tasks.md.
type deltaExchange struct {
	log    eventlog.Log
	shards int
	mine   []int
	epoch  map[int]int64 // by own shard
	file   *spill.File
	logger *slog.Logger
	out    chan appendRequest

	waited time.Duration // for peers, since the start

	arrived      func() bool                       // reports whether records have arrived that are not in the window yet
	givesUp      func(missed int64, now bool) bool // reports whether to roll back rather than wait for peers; now if a peer has
	recheckAfter time.Duration                     // how long to wait for peers before they are processed first

	ctx       context.Context  // of the processing that is under way
	from      int64            // the hour from which on this worker has used deltas
	sums      map[int64]uint64 // by hour: checksum of the deltas that were used
	announced int64            // up to which time it has copied, Unix milliseconds; under mu

	mu      sync.Mutex
	changed *sync.Cond
	hours   []map[int64]peerDelta // by shard and hour: the latest delta
	next    int64                 // the offset up to which the log has been read
	epochs  []int64               // by shard: the latest epoch
	begins  []int64               // by shard: the hour from which on its worker sends deltas again in the latest epoch
	begun   bool                  // the log has been read up to where this worker has said that it begins
	upTo    []int64               // by shard: up to which time its worker has copied events, Unix milliseconds
	used    map[int64][]uint64    // by hour and shard: hashes of the deltas that were used
	sent    map[int64][]uint64    // by hour and own shard: hashes of the deltas that were sent
	stale   int64                 // the earliest hour that must be processed again
	before  int64                 // the hours before are committed
	missed  int64                 // the earliest of those of which a delta has changed since
	foreign int                   // records of other versions
	err     error
}

// peerDelta is the delta of one hour and shard.
type peerDelta struct {
	hash   uint64
	epoch  int64
	offset int64
	from   int64 // the hour from which on its worker had used deltas
	days   [sumDays]uint64
	body   spill.Ref
}

// deltaMessage is a record of the log: the deltas of one hour, or how far a worker has copied.
type deltaMessage struct {
	Model  uint64 // of the worker that sends it
	Hour   int64
	From   int64           `cbor:"Base"` // the hour from which on the worker had used deltas
	Days   [sumDays]uint64 // checksums of the deltas that were used on the hour's day before it, and on the days before
	Deltas []shardDelta    `cbor:"Of"` // of those shards of the worker whose delta has changed
	Copied []copied        `cbor:",omitempty"`
}

// copied says that a task has copied what belongs to other tasks up to a time.
type copied struct {
	Shard int
	Epoch int64
	UpTo  int64 // Unix milliseconds; 0 when its worker begins, from the hour From of the message on
}

// shardDelta is the delta of a shard.
type shardDelta struct {
	Shard int
	Epoch int64 `cbor:"Term"`
	Body  []byte
}

// appendRequest holds records to append. If written is not nil, it is closed once they are in the log.
type appendRequest struct {
	recs    []eventlog.Record
	written chan struct{}
}

const (
	sumDays      = event.LateDays
	peerTimeout  = 2 * time.Second        // how long to wait for a delta of a peer that belongs to the own one
	recheckEvery = 100 * time.Millisecond // first wait until records that have arrived are processed; it doubles each time
	maxQueued    = 64                     // requests that wait to be written
)

// errInterrupted says that records have arrived that are to be processed before waiting on.
var errInterrupted = errors.New("interrupted")

const (
	never         = int64(math.MaxInt64)
	nothingCopied = 1 // Unix milliseconds: a time before all events, and no beginning
)

// newDeltaExchange returns the exchange of a worker that processes the shards mine, each in its
// epoch. The log is read from the offset from on.
func newDeltaExchange(ctx context.Context, log eventlog.Log, shards int, mine []int, epoch map[int]int64, from int64,
	file *spill.File, logger *slog.Logger) (*deltaExchange, error) {
	first, end, err := log.Bounds(ctx, 0)
	if err != nil {
		return nil, err
	}
	if from > end {
		return nil, fmt.Errorf("delta log: it ends at %d, but offset %d was read before: the log was replaced", end, from)
	}
	x := &deltaExchange{
		log:          log,
		shards:       shards,
		mine:         mine,
		epoch:        epoch,
		file:         file,
		logger:       logger,
		out:          make(chan appendRequest, maxQueued),
		hours:        make([]map[int64]peerDelta, shards),
		next:         max(first, from),
		epochs:       make([]int64, shards),
		used:         map[int64][]uint64{},
		sent:         map[int64][]uint64{},
		stale:        never,
		missed:       never,
		sums:         map[int64]uint64{},
		upTo:         make([]int64, shards),
		begins:       slices.Repeat([]int64{never}, shards),
		recheckAfter: recheckEvery,
		arrived:      func() bool { return false },
		givesUp:      func(int64, bool) bool { return false },
	}
	x.changed = sync.NewCond(&x.mu)
	for s := range shards {
		x.hours[s] = map[int64]peerDelta{}
	}
	return x, nil
}

// run reads and writes the log until ctx ends.
func (x *deltaExchange) run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	all.Go(func() { failed <- guard.Do("exchange", func() error { return x.read(ctx) }) })
	all.Go(func() { failed <- guard.Do("exchange", func() error { return x.write(ctx) }) })
	err := <-failed
	x.mu.Lock()
	defer x.mu.Unlock()
	x.err = err
	x.changed.Broadcast()
	return err
}

// read receives deltas until ctx ends.
func (x *deltaExchange) read(ctx context.Context) error {
	for {
		recs, err := x.log.Read(ctx, 0, x.next, recordsPerRead)
		if err == io.EOF { // with --once
			<-ctx.Done()
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		for i := range recs {
			if err := x.receive(ctx, &recs[i]); err != nil {
				return err
			}
		}
	}
}

// receive takes in a record of the log. Deltas of earlier epochs are ignored: another worker has
// taken over the shard.
func (x *deltaExchange) receive(ctx context.Context, r *eventlog.Record) error {
	var m deltaMessage
	err := cborstate.Unmarshal(r.Value, &m)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next = r.Offset + 1
	if err != nil {
		x.logger.Error("skipping undecodable record in delta log", "offset", r.Offset, "err", err)
		return nil
	}
	if m.Model != config.Catalog().Model() {
		if x.foreign++; x.foreign == 1 {
			x.logger.Warn("ignoring deltas of another version: all workers must run the same version", "offset", r.Offset)
		}
		return nil
	}
	for i := range m.Deltas {
		d := &m.Deltas[i]
		if !x.current(d.Shard, d.Epoch) {
			continue
		}
		received := peerDelta{hash: xxhash.Sum64(d.Body), epoch: d.Epoch, offset: r.Offset, from: m.From, days: m.Days}
		if !slices.Contains(x.mine, d.Shard) {
			if received.body, err = x.file.Put(d.Body); err != nil {
				return err
			}
			if used := x.used[m.Hour]; used != nil && used[d.Shard] != received.hash {
				if m.Hour < x.before {
					x.missed = min(x.missed, m.Hour)
				} else {
					x.stale = min(x.stale, m.Hour)
				}
			}
		}
		if m.Hour >= x.before {
			x.hours[d.Shard][m.Hour] = received
		}
	}
	x.changed.Broadcast()
	return x.receiveCopied(ctx, &m)
}

// current reports whether a message of a shard is not of an earlier epoch, and takes over the epoch. The caller holds mu.
func (x *deltaExchange) current(shard int, epoch int64) bool {
	if shard < 0 || shard >= x.shards || epoch < x.epochs[shard] {
		return false
	}
	x.epochs[shard] = epoch
	return true
}

// receiveCopied takes in how far tasks have copied. A worker that begins does not count what was said before: others say it
// again. The caller holds mu.
func (x *deltaExchange) receiveCopied(ctx context.Context, m *deltaMessage) error {
	own, begins := false, false
	before := slices.ContainsFunc(m.Copied, func(c copied) bool { return slices.Contains(x.mine, c.Shard) && c.Epoch != x.epoch[c.Shard] })
	for _, c := range m.Copied {
		if before { // it had a task that is this worker's now, and has copied nothing to it
			c.UpTo = min(c.UpTo, nothingCopied)
		}
		if x.current(c.Shard, c.Epoch) {
			own = own || slices.Contains(x.mine, c.Shard) && c.Epoch == x.epoch[c.Shard]
			if c.UpTo == 0 {
				begins, x.begins[c.Shard] = true, m.From
			}
			x.upTo[c.Shard] = c.UpTo
		}
	}
	switch {
	case own && begins:
		clear(x.upTo)
		x.begun = true
	case begins && x.announced > 0:
		return x.sayCopied(ctx, x.announced)
	}
	return nil
}

// hello says that this worker begins.
func (x *deltaExchange) hello(ctx context.Context) error {
	return x.sayCopied(ctx, 0)
}

// announce says that this worker has copied what belongs to other tasks up to a time (Unix milliseconds), if that is in
// another hour than before.
func (x *deltaExchange) announce(ctx context.Context, upTo int64) error {
	x.mu.Lock()
	said := x.announced
	if upTo/event.Hour > said/event.Hour {
		x.announced = upTo
	}
	x.mu.Unlock()
	if upTo/event.Hour <= said/event.Hour {
		return nil
	}
	return x.sayCopied(ctx, upTo)
}

// sayCopied sends how far this worker has copied.
func (x *deltaExchange) sayCopied(ctx context.Context, upTo int64) error {
	m := deltaMessage{Model: config.Catalog().Model(), From: x.before}
	for _, s := range x.mine {
		m.Copied = append(m.Copied, copied{s, x.epoch[s], upTo})
	}
	return x.queue(ctx, &m)
}

// queue has a message appended to the log.
func (x *deltaExchange) queue(ctx context.Context, m *deltaMessage) error {
	value, err := cbor.Marshal(m)
	if err != nil {
		return err
	}
	select {
	case x.out <- appendRequest{recs: []eventlog.Record{{Value: value}}}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// copied is up to which time all other tasks have copied events.
func (x *deltaExchange) copied() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.begun {
		return 0
	}
	upTo := never
	for s, at := range x.upTo {
		if !slices.Contains(x.mine, s) {
			upTo = min(upTo, at)
		}
	}
	return upTo
}

// write appends the requested records, several requests at a time, until ctx ends.
func (x *deltaExchange) write(ctx context.Context) error {
	for {
		var req appendRequest
		select {
		case <-ctx.Done():
			return ctx.Err()
		case req = <-x.out:
		}
		for more := true; more && req.written == nil && len(req.recs) < recordsPerRead; {
			select {
			case next := <-x.out:
				req.recs, req.written = append(req.recs, next.recs...), next.written
			default:
				more = false
			}
		}
		failpoint.Reach("hours-append")
		if err := x.log.Append(ctx, req.recs...); err != nil {
			return err
		}
		failpoint.Reach("hours-appended")
		if req.written != nil {
			close(req.written)
		}
	}
}

// flush waits until everything that was sent is in the log.
func (x *deltaExchange) flush(ctx context.Context) error {
	written := make(chan struct{})
	select {
	case x.out <- appendRequest{written: written}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin sets from which committed checkpoint on the processor has used deltas (Unix milliseconds), when it starts to
// process. Deltas are exchanged until ctx ends.
func (x *deltaExchange) begin(ctx context.Context, committed int64) {
	x.ctx, x.from = ctx, committed/event.Hour
}

// days returns the checksums of the deltas that were used on the hour's day, before the hour, and on the days before.
func (x *deltaExchange) days(hour int64) (days [sumDays]uint64) {
	for h := hour - 1; h > hour/24*24-(sumDays-1)*24-1; h-- {
		days[hour/24-h/24] += x.sums[h]
	}
	return days
}

// use notes which deltas of an hour were used. The caller holds mu.
func (x *deltaExchange) use(hour int64, used []uint64) {
	x.used[hour] = used
	var sum uint64
	for s, hash := range used {
		sum += bits.RotateLeft64(hash, s) * 0x9e3779b97f4a7c15
	}
	x.sums[hour] = sum ^ uint64(hour)
}

// sameHistory reports whether two workers had used the same deltas before an hour, as far back as both have some.
func sameHistory(hour int64, a, b *peerDelta) bool {
	from := max(a.from, b.from)
	for i := range sumDays {
		if (hour/24-int64(i))*24 < from {
			break
		}
		if a.days[i] != b.days[i] {
			return false
		}
	}
	return true
}

// exchange sends this worker's deltas of an hour, by shard, as far as they have changed, and returns
// those of its peers. It is called by the engine as engine.Config.Exchange. The error is errInterrupted
// if records have arrived that are to be processed first.
func (x *deltaExchange) exchange(hour int64, deltas map[int][]byte) (others [][]byte, err error) {
	own := peerDelta{from: x.from, days: x.days(hour)}
	if err := x.send(hour, &own, deltas); err != nil {
		return nil, err
	}
	return x.awaitPeers(hour, &own, deltas)
}

// send queues those deltas of an hour that differ from what was sent of it.
func (x *deltaExchange) send(hour int64, own *peerDelta, deltas map[int][]byte) error {
	x.mu.Lock()
	sent := x.sent[hour]
	if sent == nil {
		sent = make([]uint64, x.shards)
		x.sent[hour] = sent
	}
	x.mu.Unlock()

	m := deltaMessage{Model: config.Catalog().Model(), Hour: hour, From: x.from, Days: own.days}
	tag := xxhash.Sum64String(fmt.Sprint(own.days))
	for _, s := range x.mine {
		hash := xxhash.Sum64(deltas[s]) ^ tag
		if sent[s] != hash {
			sent[s] = hash
			m.Deltas = append(m.Deltas, shardDelta{s, x.epoch[s], deltas[s]})
		}
	}
	if len(m.Deltas) == 0 {
		return nil
	}
	return x.queue(x.ctx, &m)
}

// awaitPeers waits for the peers' deltas of an hour and returns them. A peer that has none yet, but
// already one of a later hour, is not waited for longer than peerTimeout.
func (x *deltaExchange) awaitPeers(hour int64, own *peerDelta, deltas map[int][]byte) (others [][]byte, err error) {
	wake := func() { x.mu.Lock(); x.changed.Broadcast(); x.mu.Unlock() }
	stop := context.AfterFunc(x.ctx, wake)
	defer stop()
	began := time.Now()
	defer func() { x.waited += time.Since(began) }()
	x.mu.Lock()
	defer x.mu.Unlock()
	used := make([]uint64, x.shards)
	var refs []spill.Ref
	for s := range x.shards {
		if slices.Contains(x.mine, s) {
			used[s] = xxhash.Sum64(deltas[s])
			continue
		}
		for {
			d, done := x.peerReady(s, hour, own, time.Since(began))
			if d != nil {
				used[s] = d.hash
				refs = append(refs, d.body)
			}
			if done {
				break
			}
			if err := x.stopWaiting(hour, time.Since(began)); err != nil {
				return nil, err
			}
			timer := time.AfterFunc(recheckEvery, wake)
			x.changed.Wait()
			timer.Stop()
		}
	}
	x.recheckAfter = recheckEvery
	if x.use(hour, used); x.stale == hour {
		x.stale = never
	}
	for _, r := range refs {
		b, err := r.Get(nil)
		if err != nil {
			return nil, err
		}
		others = append(others, b)
	}
	return others, nil
}

// peerReady reports whether a shard's delta of an hour need not be waited for any longer. The delta
// is nil if there is none to use. The caller holds mu.
func (x *deltaExchange) peerReady(shard int, hour int64, own *peerDelta, waited time.Duration) (d *peerDelta, done bool) {
	latest, found := x.hours[shard][hour]
	switch {
	case found && latest.epoch < x.epochs[shard] && hour >= x.begins[shard]: // its worker sends it again
	case found && (sameHistory(hour, own, &latest) || waited > peerTimeout):
		return &latest, true
	case !found && waited > peerTimeout && x.hasLater(shard, hour): // sent once its worker has more events
		return nil, true
	}
	return nil, false
}

// stopWaiting is the error to stop waiting with; nil to wait on. The caller holds mu.
func (x *deltaExchange) stopWaiting(hour int64, waited time.Duration) error {
	switch {
	case x.stale < hour: // it must be processed again first
		return errInterrupted
	case waited > peerTimeout && x.givesUp(x.missed, x.peerBefore()):
		return errInterrupted
	case waited > x.recheckAfter && x.arrived():
		x.recheckAfter = min(2*x.recheckAfter, 100*recheckEvery)
		return errInterrupted
	case x.ctx.Err() != nil:
		return x.ctx.Err()
	}
	return x.err
}

// peerBefore reports whether a peer has begun before the committed checkpoint. The caller holds mu.
func (x *deltaExchange) peerBefore() bool {
	return slices.ContainsFunc(x.begins, func(from int64) bool { return from < x.before })
}

// hasLater reports whether there is a delta of a later hour of a shard. The caller holds mu.
func (x *deltaExchange) hasLater(shard int, hour int64) bool {
	for h := range x.hours[shard] {
		if h > hour {
			return true
		}
	}
	return false
}

// staleHour returns the earliest hour that must be processed again, because a peer has sent another delta since. It
// returns each such hour once; ok is false if there is none.
func (x *deltaExchange) staleHour() (hour int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	hour, x.stale = x.stale, never
	return hour, hour != never
}

// missedHour is the earliest committed hour of which a peer has sent another delta since; never if there is none.
func (x *deltaExchange) missedHour() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.missed
}

// forget drops the deltas of the hours before one, which are committed. Which were used is remembered for longer.
func (x *deltaExchange) forget(before int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before = max(x.before, before)
	for _, m := range x.hours {
		maps.DeleteFunc(m, func(h int64, _ peerDelta) bool { return h < before })
	}
	maps.DeleteFunc(x.sent, func(h int64, _ []uint64) bool { return h < before })
	maps.DeleteFunc(x.used, func(h int64, _ []uint64) bool { return h < before-keepUsed })
	maps.DeleteFunc(x.sums, func(h int64, _ uint64) bool { return h < before-keepUsed })
}

// keepUsed is for how many hours before the committed checkpoint it is known which deltas were used.
const keepUsed = 40 * 24

// usedBefore returns which deltas were used of the hours before one.
func (x *deltaExchange) usedBefore(hour int64) map[int64][]uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := map[int64][]uint64{}
	for h, used := range x.used {
		if h < hour {
			all[h] = used
		}
	}
	return all
}

// resume takes over which deltas were used before the hour of a committed checkpoint.
func (x *deltaExchange) resume(hour int64, used map[int64][]uint64) {
	x.before = hour
	for h, list := range used {
		if len(list) == x.shards {
			x.use(h, list)
		}
	}
}

// lowOffset is the offset from which the log must be read again to get all deltas that are not
// forgotten.
func (x *deltaExchange) lowOffset() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	low := x.next
	for _, m := range x.hours {
		for _, d := range m {
			low = min(low, d.offset)
		}
	}
	return low
}
