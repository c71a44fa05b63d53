package stream

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

// publisher writes to the alert topic what has changed since it was published last: alerts, what
// users did on their days, and who leaves. What processing again no longer finds it withdraws.
type publisher struct {
	emit   emitFunc
	file   *spill.File // for what was published
	shards int         // among which users are spread
	mine   []int       // the shards of this processor

	alerts  map[string]publishedAlert // by id
	pending map[userDay]pendingDay    // days that differ from what is published
	days    map[userDay]publishedDay  // that may change yet
	tasks   map[string]int            // of alerts about events that were left out, by id
	leavers map[int]uint64            // by shard: a hash of its leavers

	from  int64 // to where, at the earliest, since the last publication; -1 if none happened
	floor int64 // what happened before is final, and no longer on the desk
	since int64 // what happened before is not published, and what was published about it stays; 0 for nothing
}

// publishedAlert is the last version of an alert in the topic.
type publishedAlert struct {
	hash      uint64
	time      int64
	withdrawn bool
	gap       bool      // about events that were left out, rather than about events
	body      spill.Ref // JSON
}

// userDay is a day of a user, by its end in Unix milliseconds: two may have the same date.
type userDay struct {
	user string
	end  int64
}

// publishedDay is what is in the topic about a day.
type publishedDay struct {
	hash  uint64
	stale bool // a rollback went back to before its end, and it has not been found again since
}

// pendingDay is what is to be published about a day.
type pendingDay struct {
	body json.RawMessage
	publishedDay
}

func newPublisher(file *spill.File, emit emitFunc) *publisher {
	return &publisher{
		emit:    emit,
		file:    file,
		shards:  1,
		mine:    []int{0},
		alerts:  map[string]publishedAlert{},
		pending: map[userDay]pendingDay{},
		days:    map[userDay]publishedDay{},
		tasks:   map[string]int{},
		leavers: map[int]uint64{},
		from:    -1,
	}
}

// rollBack notes that everything from a time on is processed again.
func (p *publisher) rollBack(to int64) {
	if p.from < 0 || to < p.from {
		p.from = to
	}
	for k, d := range p.days {
		if k.end > to && k.end > p.since && !d.stale {
			d.stale = true
			p.days[k] = d
		}
	}
	clear(p.pending) // they are processed again
}

// forget drops what cannot change any more once there is a committed checkpoint. It returns the
// time before which alerts are final.
func (p *publisher) forget(committed, newest int64) int64 {
	p.floor = max(committed-final, p.since)
	maps.DeleteFunc(p.days, func(k userDay, _ publishedDay) bool { return k.end <= committed })
	maps.DeleteFunc(p.alerts, func(_ string, a publishedAlert) bool { return a.time < newest-keepAlerts })
	return p.floor
}

// results are what there is to publish.
type results struct {
	alerts  []alert.Draft        // that changed
	build   buildFunc            // builds one of them
	holds   func(id string) bool // whether an alert is still there
	gaps    []alert.Alert        // what was missed for good
	missed  map[string]bool      // the ids of alerts about what was missed and is not processed yet
	leavers []finding.Leaver
	upTo    int64 // time of the last event that was processed
	open    bool  // whether the days that are open are among the results
}

// buildFunc builds the alert of a draft.
type buildFunc func(*alert.Draft) (alert.Alert, error)

// publish publishes what the processor has found.
func (pr *Processor) publish(ctx context.Context) error {
	drafts, err := pr.correlator.Updates()
	if err != nil {
		return err
	}
	r := results{
		alerts:  drafts,
		build:   pr.correlator.Build,
		holds:   pr.correlator.IsOpen,
		missed:  map[string]bool{},
		leavers: pr.engine.Leavers(),
		upTo:    pr.lastTime,
		open:    pr.provisional,
	}
	for _, g := range pr.gaps() {
		a := g.alert()
		r.missed[a.ID] = true
		pr.published.tasks[a.ID] = g.task
		if pr.unreachable {
			r.gaps = append(r.gaps, a)
		}
	}
	return pr.published.publish(ctx, &r)
}

// publish publishes what differs from what is published: alerts that are at least low, or were
// published before, days, and leavers.
func (p *publisher) publish(ctx context.Context, r *results) error {
	list := slices.DeleteFunc(r.alerts, func(a alert.Draft) bool {
		_, known := p.alerts[a.ID]
		return a.Severity < alert.Low && !known || a.Time.UnixMilli() < p.since
	})
	withdrawn, err := p.withdrawn(r)
	if err != nil {
		return err
	}
	for _, whole := range [][]alert.Alert{r.gaps, withdrawn} {
		for i := range whole {
			list = append(list, alert.DraftOf(&whole[i]))
		}
	}
	alert.RankDrafts(list)

	for len(list) > 0 {
		n, err := p.sendAlerts(ctx, list, r.build)
		if err != nil {
			return err
		}
		list = list[n:]
	}
	records, gone := outgoing{}, p.gone(r)
	if err := p.addDays(records, gone); err != nil {
		return err
	}
	hashes, err := p.addLeavers(records, r.leavers)
	if err != nil {
		return err
	}
	if err := p.send(ctx, records); err != nil {
		return err
	}

	for k := range gone {
		delete(p.days, k)
	}
	p.daysPublished()
	p.leavers, p.from = hashes, -1
	return nil
}

// withdrawn are published alerts that are to be withdrawn: those that later events made
// obsolete, and those about gaps that have been processed since.
func (p *publisher) withdrawn(r *results) (list []alert.Alert, err error) {
	for id, s := range p.alerts {
		switch {
		case s.withdrawn:
			continue
		case s.gap:
			if r.missed[id] {
				continue
			}
		case p.from < 0 || s.time < p.floor || r.holds(id): // nothing was processed again, or it is still there
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

// withdraw is the published alert, withdrawn.
func (s *publishedAlert) withdraw() (a alert.Alert, err error) {
	b, err := s.body.Get(nil)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("decode a published alert: %w", err)
	}
	a.Withdrawn, a.Provisional = true, false
	return a, nil
}

// bytesPerAppend is about how many bytes of alerts are appended to the topic at a time. With its evidence an alert
// takes some ten thousand.
const bytesPerAppend = 1 << 20

// sendAlerts publishes the alerts that differ from what is published, as many of the first as are appended at a time,
// and returns how many these are.
func (p *publisher) sendAlerts(ctx context.Context, list []alert.Draft, build buildFunc) (n int, err error) {
	records, size, fresh := outgoing{}, 0, map[string]publishedAlert{}
	for n < len(list) && size < bytesPerAppend {
		added, err := p.changed(&list[n], build, records, fresh)
		if err != nil {
			return 0, err
		}
		size += added
		n++
	}
	if err := p.send(ctx, records); err != nil {
		return 0, err
	}
	maps.Copy(p.alerts, fresh)
	return n, nil
}

// changed adds an alert if it differs from what is published. It returns its size.
func (p *publisher) changed(x *alert.Draft, build buildFunc, to outgoing, fresh map[string]publishedAlert) (size int, err error) {
	a, err := build(x)
	if err != nil {
		return 0, err
	}
	b, err := json.Marshal(&a)
	if err != nil {
		return 0, err
	}
	now := publishedAlert{
		hash:      xxhash.Sum64(b),
		time:      a.Time.UnixMilli(),
		withdrawn: a.Withdrawn,
		gap:       a.IsNotProcessed(),
	}
	if before, known := p.alerts[a.ID]; known && now.hash == before.hash {
		return 0, nil
	}
	if now.body, err = p.file.Put(b); err != nil {
		return 0, err
	}
	shard := engine.ShardOf(a.User, p.shards)
	if now.gap {
		shard = p.tasks[a.ID]
	}
	to.add(shard, b)
	fresh[a.ID] = now
	return len(b), nil
}

// addLeavers adds the leavers of shards if their list has changed. It returns the hashes of all.
func (p *publisher) addLeavers(to outgoing, list []finding.Leaver) (map[int]uint64, error) {
	of := map[int][]finding.Leaver{}
	for _, l := range list {
		s := engine.ShardOf(l.User, p.shards)
		of[s] = append(of[s], l)
	}
	hashes := map[int]uint64{}
	for _, s := range p.mine {
		body, err := (&Record{Kind: LeaversRecord, Leavers: of[s]}).Marshal()
		if err != nil {
			return nil, err
		}
		hashes[s] = xxhash.Sum64(body)
		if hashes[s] != p.leavers[s] && (p.leavers[s] != 0 || len(of[s]) > 0) {
			to.add(s, body)
		}
	}
	return hashes, nil
}

// outgoing are records of the alert topic, by shard.
type outgoing map[int][][]byte

func (o outgoing) add(shard int, b []byte) { o[shard] = append(o[shard], b) }

// send appends records to the topic.
func (p *publisher) send(ctx context.Context, o outgoing) error {
	for _, s := range p.mine {
		if len(o[s]) > 0 {
			if err := p.emit(ctx, s, o[s]); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	daysPerRecord = 200   // in a record of the alert topic
	manyDays      = 2_000 // are published without waiting for the end of what is processed
)

// activities returns what takes in days as they are processed. It publishes them once there are
// many: the days of all users may end in the same hour.
func (p *publisher) activities(ctx context.Context) func(*finding.Activity) error {
	return func(a *finding.Activity) error {
		if err := p.day(a); err != nil || len(p.pending) < manyDays {
			return err
		}
		records := outgoing{}
		if err := p.addDays(records, nil); err != nil {
			return err
		}
		if err := p.send(ctx, records); err != nil {
			return err
		}
		p.daysPublished()
		return nil
	}
}

// day takes in what a user did on a day.
func (p *publisher) day(a *finding.Activity) error {
	if a.End <= p.since {
		return nil
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	k, d := userDay{a.User, a.End}, publishedDay{hash: xxhash.Sum64(b)}
	if p.days[k].hash == d.hash {
		p.days[k] = d
		delete(p.pending, k)
	} else {
		p.pending[k] = pendingDay{b, d}
	}
	return nil
}

// gone are published days that processing again has not found: the user's account is now known to
// belong to another user, or the day now begins at another hour.
func (p *publisher) gone(r *results) map[userDay]publishedDay {
	all := map[userDay]publishedDay{}
	over := r.upTo / event.Hour * event.Hour // days that end later are found when they end
	for k, d := range p.days {
		if _, pending := p.pending[k]; d.stale && !pending && (r.open || k.end <= over) {
			all[k] = d
		}
	}
	return all
}

// addDays adds the days that are pending, and those that are gone.
func (p *publisher) addDays(to outgoing, gone map[userDay]publishedDay) error {
	type line struct {
		userDay
		pendingDay
	}
	list := make([]line, 0, len(p.pending)+len(gone))
	for k, d := range p.pending {
		list = append(list, line{k, d})
	}
	for k, d := range gone {
		b, err := json.Marshal(&finding.Activity{User: k.user, End: k.end, Gone: true})
		if err != nil {
			return err
		}
		list = append(list, line{k, pendingDay{b, d}})
	}
	slices.SortFunc(list, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.user, b.user))
	})

	of := map[int][]json.RawMessage{}
	for i := range list {
		s := engine.ShardOf(list[i].user, p.shards)
		of[s] = append(of[s], list[i].body)
	}
	for s, bodies := range of {
		for part := range slices.Chunk(bodies, daysPerRecord) {
			b, err := marshalActivity(part)
			if err != nil {
				return err
			}
			to.add(s, b)
		}
	}
	return nil
}

// daysPublished notes that the pending days are published.
func (p *publisher) daysPublished() {
	for k, d := range p.pending {
		p.days[k] = d.publishedDay
	}
	clear(p.pending)
}

// recall notes what was published in a record of the alert topic, so that it is not published
// again. Days that end before the committed checkpoint cannot change. A record that cannot be
// decoded is ignored.
func (p *publisher) recall(shard int, value []byte, committed int64) error {
	r, err := ParseRecord(value)
	switch {
	case r.Kind == LeaversRecord:
		p.leavers[shard] = xxhash.Sum64(value)
	case err != nil:
	case r.Kind == ActivityRecord:
		p.recallDays(r.Activity, committed)
	default:
		body, err := p.file.Put(value)
		if err != nil {
			return err
		}
		a := r.Alert
		if a.IsNotProcessed() {
			p.tasks[a.ID] = shard
		}
		p.alerts[a.ID] = publishedAlert{
			hash:      xxhash.Sum64(value),
			time:      a.Time.UnixMilli(),
			withdrawn: a.Withdrawn,
			gap:       a.IsNotProcessed(),
			body:      body,
		}
	}
	return nil
}

func (p *publisher) recallDays(days []finding.Activity, committed int64) {
	for i := range days {
		a := &days[i]
		k := userDay{a.User, a.End}
		b, err := json.Marshal(a)
		if a.Gone || a.End <= committed || err != nil {
			delete(p.days, k)
			continue
		}
		p.days[k] = publishedDay{hash: xxhash.Sum64(b)}
	}
}
