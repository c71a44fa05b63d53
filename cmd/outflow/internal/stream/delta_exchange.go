package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// exchange is how judges that share the people of an organisation learn what an hour
// brought among those of the others: through a log with one partition.
//
// What a judge says about an hour depends on the events up to it that it has seen, and
// so does what it wants to hear. Both go by the sums of the events of the last days: judges that
// have seen the same say the same. A judge waits for the others to have seen what it has;
// not for ever, because an event may be on its way to one of them. What is said later
// of an hour that was judged has it judged again, as a late event would. So in the
// end all have judged by the last that each has said.
type exchange struct {
	log    eventlog.Log
	shards int
	mine   []int
	epoch  map[int]int64 // by shard of the judge's
	file   *spill.File
	logger *slog.Logger
	out    chan saying

	waited time.Duration // since the start

	come func() bool   // whether something has come that the judge has not looked at
	rest time.Duration // until it does, while it waits

	ctx       context.Context // of who waits
	base      int64           // from which hour on everything is there
	watermark int64           // the last hour that is traded: later events claim to be from the future
	sums      map[int64]uint64

	mu      sync.Mutex
	changed *sync.Cond
	hours   []map[int64]heard  // by shard and hour: the last that was said
	next    int64              // up to where the log has been read
	epochs  []int64            // by shard: of who judges it
	used    map[int64][]uint64 // by hour and shard: the hash of what was heard
	sent    map[int64][]uint64 // by hour and shard of the judge's: the hash of what was said
	again   int64              // the earliest hour that must be judged again
	skipped int64              // the earliest hour that was judged without trading
	foreign int                // records of other versions
	err     error
}

// heard is what a judge has said about an hour of a shard.
type heard struct {
	hash   uint64
	offset int64
	base   int64
	days   [tagDays]uint64
	body   spill.Ref
}

// hourOf is what is said about an hour, as it is in the log.
type hourOf struct {
	Model uint64 // of who says it
	Hour  int64
	Base  int64           // hour from which on the judge had all events
	Days  [tagDays]uint64 // sums of the events of the hour's day up to it, and of the days before
	Of    []shardHour     // some of the judge's shards: those of which something new is said
}

type shardHour struct {
	Shard int
	Term  int64
	Body  []byte
}

// saying is what is to be appended; written is closed once it is, if it is not nil.
type saying struct {
	recs    []eventlog.Record
	written chan struct{}
}

const (
	ahead     = 48 // hours after the edge that are traded, too: there is little to do at night
	tagDays   = event.LateDays
	patience  = 2 * time.Second        // with a judge that has not seen the same
	restless  = 100 * time.Millisecond // until a judge that waits looks at what has come for itself; longer every time
	publishes = 64                     // hours that wait to be written
)

// errInterrupted says that a judge has something better to do than to wait.
var errInterrupted = errors.New("interrupted")

const never = int64(math.MaxInt64)

// newExchange joins judges that share some shards; term are those of the judge's own, and from
// is from where the log is to be read.
func newExchange(ctx context.Context, log eventlog.Log, shards int, mine []int, epoch map[int]int64, from int64, file *spill.File, logger *slog.Logger) (*exchange, error) {
	first, end, err := log.Bounds(ctx, 0)
	if err != nil {
		return nil, err
	}
	if from > end {
		return nil, fmt.Errorf("log of hours: it ends at %d, but offset %d was read before: it was made anew", end, from)
	}
	x := &exchange{log: log, shards: shards, mine: mine, epoch: epoch, file: file, logger: logger, out: make(chan saying, publishes), hours: make([]map[int64]heard, shards), next: max(first, from), epochs: make([]int64, shards), used: map[int64][]uint64{}, sent: map[int64][]uint64{}, again: never, skipped: never, rest: restless, come: func() bool { return false }}
	x.changed = sync.NewCond(&x.mu)
	for s := range shards {
		x.hours[s] = map[int64]heard{}
	}
	return x, nil
}

// run reads and writes the log until ctx ends.
func (x *exchange) run(ctx context.Context) error {
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

// read takes in what is said.
func (x *exchange) read(ctx context.Context) error {
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
			if err := x.hear(&recs[i]); err != nil {
				return err
			}
		}
	}
}

func (x *exchange) hear(r *eventlog.Record) error {
	var h hourOf
	err := cborstate.Unmarshal(r.Value, &h)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next = r.Offset + 1
	if err != nil {
		x.logger.Error("a record of the log of hours is none; it is left out", "offset", r.Offset, "err", err)
		return nil
	}
	if h.Model != config.Catalog.Model() {
		if x.foreign++; x.foreign == 1 {
			x.logger.Warn("what a judge of another version says is left out: they cannot share", "offset", r.Offset)
		}
		return nil
	}
	for i := range h.Of {
		of := &h.Of[i]
		if of.Shard < 0 || of.Shard >= x.shards || of.Term < x.epochs[of.Shard] { // said by who judges it no more
			continue
		}
		x.epochs[of.Shard] = of.Term
		said := heard{hash: xxhash.Sum64(of.Body), offset: r.Offset, base: h.Base, days: h.Days}
		if !slices.Contains(x.mine, of.Shard) {
			if said.body, err = x.file.Put(of.Body); err != nil {
				return err
			}
			if used := x.used[h.Hour]; used != nil && used[of.Shard] != said.hash {
				x.again = min(x.again, h.Hour)
			}
		}
		x.hours[of.Shard][h.Hour] = said
	}
	x.changed.Broadcast()
	return nil
}

// write appends what is said, some at a time.
func (x *exchange) write(ctx context.Context) error {
	for {
		var what saying
		select {
		case <-ctx.Done():
			return ctx.Err()
		case what = <-x.out:
		}
		for more := true; more && what.written == nil && len(what.recs) < recordsPerRead; {
			select {
			case next := <-x.out:
				what.recs, what.written = append(what.recs, next.recs...), next.written
			default:
				more = false
			}
		}
		failpoint.Reach("hours-append")
		if err := x.log.Append(ctx, what.recs...); err != nil {
			return err
		}
		failpoint.Reach("hours-appended")
		if what.written != nil {
			close(what.written)
		}
	}
}

// flush waits until all that was said is in the log.
func (x *exchange) flush(ctx context.Context) error {
	written := make(chan struct{})
	select {
	case x.out <- saying{written: written}:
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

// trading says what the judge has when it begins to judge: all events from a base on
// and, but for a few, up to an edge (Unix milliseconds), with their sums by hour.
func (x *exchange) trading(ctx context.Context, base, watermark int64, sums map[int64]uint64) {
	x.ctx, x.base, x.watermark, x.sums = ctx, base/event.Hour, watermark/event.Hour+ahead, sums
}

// days are the sums of what the judge has of the day of an hour up to it, and of the days
// before.
func (x *exchange) days(of int64) (days [tagDays]uint64) {
	for h := of; h > of/24*24-(tagDays-1)*24-1; h-- {
		days[of/24-h/24] += x.sums[h]
	}
	return days
}

// alike says whether two judges have seen the same, as far as both have everything.
func alike(of int64, a, b *heard) bool {
	from := max(a.base, b.base)
	for i := range tagDays {
		if (of/24-int64(i))*24 < from {
			break
		}
		if a.days[i] != b.days[i] {
			return false
		}
	}
	return true
}

// trade implements the Exchange of engine.Config.
func (x *exchange) trade(of int64, brought map[int][]byte) (others [][]byte, err error) {
	if of > x.watermark {
		x.skipped = min(x.skipped, of)
		return nil, nil
	}
	own := heard{base: x.base, days: x.days(of)}
	tag := xxhash.Sum64String(fmt.Sprint(own.days))
	x.mu.Lock()
	sent := x.sent[of]
	if sent == nil {
		sent = make([]uint64, x.shards)
		x.sent[of] = sent
	}
	x.mu.Unlock()
	say := hourOf{config.Catalog.Model(), of, x.base, own.days, nil}
	for _, s := range x.mine {
		hash := xxhash.Sum64(brought[s]) ^ tag
		if sent[s] != hash {
			sent[s] = hash
			say.Of = append(say.Of, shardHour{s, x.epoch[s], brought[s]})
		}
	}
	if len(say.Of) > 0 {
		value, err := cbor.Marshal(&say)
		if err != nil {
			return nil, err
		}
		select {
		case x.out <- saying{recs: []eventlog.Record{{Value: value}}}:
		case <-x.ctx.Done():
			return nil, x.ctx.Err()
		}
	}
	if len(x.mine) == x.shards {
		return nil, nil
	}
	return x.wait(of, &own)
}

// wait returns what the others say of an hour.
func (x *exchange) wait(of int64, own *heard) (others [][]byte, err error) {
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
			said, there := x.hours[s][of]
			waited := time.Since(began)
			if there && (alike(of, own, &said) || waited > patience) {
				used[s] = said.hash
				refs = append(refs, said.body)
				break
			}
			if !there && waited > patience && x.later(s, of) { // it will be said when more has come there
				break
			}
			switch {
			case waited > x.rest && x.come():
				x.rest = min(2*x.rest, 100*restless)
				return nil, errInterrupted
			case x.ctx.Err() != nil:
				return nil, x.ctx.Err()
			case x.err != nil:
				return nil, x.err
			}
			timer := time.AfterFunc(restless, wake)
			x.changed.Wait()
			timer.Stop()
		}
	}
	x.rest = restless
	if x.used[of] = used; x.again == of {
		x.again = never
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

// later says whether something was said about a later hour of a shard.
func (x *exchange) later(shard int, of int64) bool {
	for h := range x.hours[shard] {
		if h > of {
			return true
		}
	}
	return false
}

// news is the earliest hour that must be judged again, because of what others have said
// since, or because the edge (Unix milliseconds) has moved beyond it; ok is false if there is
// none.
func (x *exchange) news(watermark int64) (of int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	of, x.again = x.again, never
	if x.skipped <= watermark/event.Hour+ahead {
		of, x.skipped = min(of, x.skipped), never
	}
	return of, of != never
}

// forget drops hours before one.
func (x *exchange) forget(before int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.hours {
		for h := range m {
			if h < before {
				delete(m, h)
			}
		}
	}
	for _, m := range []map[int64][]uint64{x.used, x.sent} {
		for h := range m {
			if h < before {
				delete(m, h)
			}
		}
	}
}

// low is from where the log is to be read by who begins with the hours that are remembered.
func (x *exchange) low() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	low := x.next
	for _, m := range x.hours {
		for _, said := range m {
			low = min(low, said.offset)
		}
	}
	return low
}
