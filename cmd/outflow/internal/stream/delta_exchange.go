package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
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

// deltaExchange lets workers that share the users of an organization exchange their hourly deltas
// through a log with one partition.
//
// Both the delta of an hour and the deltas that a worker needs from its peers depend on the events
// that it has up to that hour. A delta therefore carries checksums of the events of the last days:
// workers with equal checksums have the same events. A worker waits until its peers have the events
// that it has, but only for peerTimeout, because an event may still be on its way to one of them. A
// delta that arrives after its hour was processed makes the hour stale, and it is processed again, as
// after a late event. All workers therefore converge on the latest delta of each peer.
// docs/adr/0012-shards.md.
type deltaExchange struct {
	log    eventlog.Log
	shards int
	mine   []int
	epoch  map[int]int64 // by own shard
	file   *spill.File
	logger *slog.Logger
	out    chan appendRequest

	waited time.Duration // for peers, since the start

	arrived      func() bool   // reports whether records have arrived that are not in the window yet
	recheckAfter time.Duration // how long to wait for peers before they are processed first

	ctx      context.Context // of the processing that is under way
	from     int64           // the hour from which on this worker has all events
	lastHour int64           // the last hour of which deltas are exchanged: later events claim to be from the future
	sums     map[int64]uint64

	mu      sync.Mutex
	changed *sync.Cond
	hours   []map[int64]peerDelta // by shard and hour: the latest delta
	next    int64                 // the offset up to which the log has been read
	epochs  []int64               // by shard: the latest epoch
	used    map[int64][]uint64    // by hour and shard: hashes of the peers' deltas that were used
	sent    map[int64][]uint64    // by hour and own shard: hashes of the deltas that were sent
	stale   int64                 // the earliest hour that must be processed again
	skipped int64                 // the earliest hour that was processed without exchanging deltas
	foreign int                   // records of other versions
	err     error
}

// peerDelta is the delta of one hour and shard.
type peerDelta struct {
	hash   uint64
	offset int64
	from   int64 // the hour from which on its worker had all events
	days   [sumDays]uint64
	body   spill.Ref
}

// deltaMessage is a record of the log: the deltas of one hour.
type deltaMessage struct {
	Model  uint64 // of the worker that sends it
	Hour   int64
	From   int64           `cbor:"Base"` // the hour from which on the worker had all events
	Days   [sumDays]uint64 // checksums of the events of the hour's day up to it, and of the days before
	Deltas []shardDelta    `cbor:"Of"` // of those shards of the worker whose delta has changed
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
	hoursAhead   = 48 // hours after the watermark of which deltas are still exchanged: nights have few events
	sumDays      = event.LateDays
	peerTimeout  = 2 * time.Second        // how long to wait for a peer to have the same events
	recheckEvery = 100 * time.Millisecond // first wait until records that have arrived are processed; it doubles each time
	maxQueued    = 64                     // requests that wait to be written
)

// errInterrupted says that records have arrived that are to be processed before waiting on.
var errInterrupted = errors.New("interrupted")

const never = int64(math.MaxInt64)

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
		skipped:      never,
		recheckAfter: recheckEvery,
		arrived:      func() bool { return false },
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
			if err := x.receive(&recs[i]); err != nil {
				return err
			}
		}
	}
}

// receive takes in a record of the log. Deltas of earlier epochs are ignored: another worker has
// taken over the shard.
func (x *deltaExchange) receive(r *eventlog.Record) error {
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
		if d.Shard < 0 || d.Shard >= x.shards || d.Epoch < x.epochs[d.Shard] {
			continue
		}
		x.epochs[d.Shard] = d.Epoch
		received := peerDelta{hash: xxhash.Sum64(d.Body), offset: r.Offset, from: m.From, days: m.Days}
		if !slices.Contains(x.mine, d.Shard) {
			if received.body, err = x.file.Put(d.Body); err != nil {
				return err
			}
			if used := x.used[m.Hour]; used != nil && used[d.Shard] != received.hash {
				x.stale = min(x.stale, m.Hour)
			}
		}
		x.hours[d.Shard][m.Hour] = received
	}
	x.changed.Broadcast()
	return nil
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

// begin sets what the processor has when it starts to process: all events from a
// committed checkpoint on and nearly all up to the watermark (both Unix milliseconds), with their
// checksums by hour. Deltas are exchanged until ctx ends.
func (x *deltaExchange) begin(ctx context.Context, committed, watermark int64, sums map[int64]uint64) {
	x.ctx, x.from, x.lastHour, x.sums = ctx, committed/event.Hour, watermark/event.Hour+hoursAhead, sums
}

// days returns the checksums of the worker's events of the hour's day, up to the hour, and of the
// days before it.
func (x *deltaExchange) days(hour int64) (days [sumDays]uint64) {
	for h := hour; h > hour/24*24-(sumDays-1)*24-1; h-- {
		days[hour/24-h/24] += x.sums[h]
	}
	return days
}

// sameEvents reports whether two workers had the same events up to an hour, as far back as both
// have all of them.
func sameEvents(hour int64, a, b *peerDelta) bool {
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
	if hour > x.lastHour {
		x.skipped = min(x.skipped, hour)
		return nil, nil
	}
	own := peerDelta{from: x.from, days: x.days(hour)}
	if err := x.send(hour, &own, deltas); err != nil {
		return nil, err
	}
	if len(x.mine) == x.shards {
		return nil, nil
	}
	return x.awaitPeers(hour, &own)
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
	value, err := cbor.Marshal(&m)
	if err != nil {
		return err
	}
	select {
	case x.out <- appendRequest{recs: []eventlog.Record{{Value: value}}}:
		return nil
	case <-x.ctx.Done():
		return x.ctx.Err()
	}
}

// awaitPeers waits for the peers' deltas of an hour and returns them. A peer that has none yet, but
// already one of a later hour, is not waited for longer than peerTimeout.
func (x *deltaExchange) awaitPeers(hour int64, own *peerDelta) (others [][]byte, err error) {
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
			if err := x.stopWaiting(time.Since(began)); err != nil {
				return nil, err
			}
			timer := time.AfterFunc(recheckEvery, wake)
			x.changed.Wait()
			timer.Stop()
		}
	}
	x.recheckAfter = recheckEvery
	if x.used[hour] = used; x.stale == hour {
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
	case found && (sameEvents(hour, own, &latest) || waited > peerTimeout):
		return &latest, true
	case !found && waited > peerTimeout && x.hasLater(shard, hour): // sent once its worker has more events
		return nil, true
	}
	return nil, false
}

// stopWaiting is the error to stop waiting with; nil to wait on. The caller holds mu.
func (x *deltaExchange) stopWaiting(waited time.Duration) error {
	switch {
	case waited > x.recheckAfter && x.arrived():
		x.recheckAfter = min(2*x.recheckAfter, 100*recheckEvery)
		return errInterrupted
	case x.ctx.Err() != nil:
		return x.ctx.Err()
	}
	return x.err
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

// staleHour returns the earliest hour that must be processed again, because a peer has sent another
// delta since, or because the watermark (Unix milliseconds) has reached an hour whose deltas were not
// exchanged. It returns each such hour once; ok is false if there is none.
func (x *deltaExchange) staleHour(watermark int64) (hour int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	hour, x.stale = x.stale, never
	if x.skipped <= watermark/event.Hour+hoursAhead {
		hour, x.skipped = min(hour, x.skipped), never
	}
	return hour, hour != never
}

// forget drops what is known of the hours before one.
func (x *deltaExchange) forget(before int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.hours {
		maps.DeleteFunc(m, func(h int64, _ peerDelta) bool { return h < before })
	}
	for _, m := range []map[int64][]uint64{x.used, x.sent} {
		maps.DeleteFunc(m, func(h int64, _ []uint64) bool { return h < before })
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
