package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// delta collects the effects of one shard's people on shared state since the last hour ended:
// what they add to the sums of the organisation, and what one of them did to another. It is
// applied when the hour ends: until then no person's events change what is known of others.
// Deltas add up to the same in any order.
type delta struct {
	People, Services orgDelta

	Heads    int                // people who were not known before
	Complete [32]int64          // per source: time of its latest event
	Acts     [32]int64          // per source: events that take or change something
	Unknown  [32]int64          `cbor:"Nobody"` // of them, those by unknown accounts
	Who      [32]map[string]int // the latter by account
	Notices  []announced        // of who leaves
	Doubtful []doubtful         `cbor:",omitempty"` // of whose last day HR is asked
	Joint    []joint            `cbor:",omitempty"` // what others may do as well
	Laid     []*exposure        // open
	Shut     []closing          // closed
	Rights   []given            // to others
	Gone     []offboarded       // accounts that were closed
	Verdicts []Verdict          `cbor:",omitempty"` // about alerts

	touched bool // there may be something
	catalog *Catalog
}

// orgDelta is what is added to an org.
type orgDelta struct {
	Departments map[string]*departmentDelta
	Sum         []int64
	Active      int64
	Uses        []int64
	Num, Den    []int64
	Tails       []counts
	Unlearned   map[int]counts `cbor:",omitempty"` // as Tails, of days that are not to become usual
	Shifts      []counts
	Facts       []int64
	Days        int64 // of people, that ended
	Leavers     int64
	Notable     int64
	Rules       map[string]int64
	Kinds       map[string]int64 `cbor:",omitempty"` // person-days with a kind of an indicator, by kindKey
	Hours       map[string]*[25]int64
	Arrivals    []arrival
	Named       []content        // what places hold
	Cohorts     map[uint64]int64 // people who join a cohort
	Visits      []visit          `cbor:",omitempty"` // of places

	held             map[uint64]*contents // Named, folded
	visits, arrivals int                  // lengths of the lists when they were folded last
	catalog          *Catalog
}

// departmentDelta is what is added to a department.
type departmentDelta struct {
	Sum        []int64
	Active     int64
	Did, Usual []int64 // in this hour
}

// counts is a sparse histogram: pairs of a step and how often it occurred.
type counts [][2]int32

func (c *counts) add(what int32, n int) {
	for i := range *c {
		if (*c)[i][0] == what {
			(*c)[i][1] += int32(n)
			return
		}
	}
	*c = append(*c, [2]int32{what, int32(n)})
}

func (c *counts) take(o counts) {
	for _, x := range o {
		c.add(x[0], int(x[1]))
	}
}

// order sorts it by step.
func (c counts) order() {
	slices.SortFunc(c, func(a, b [2]int32) int { return cmp.Compare(a[0], b[0]) })
}

// announced says that HR reported that a person leaves.
type announced struct {
	At   int64
	Name string
	Odd  bool // the last day was long past
}

// closing is an act that may undo an exposure.
type closing struct {
	Key uint64
	Sub string // of the ways in which an object may be open; "" for all
	By  string
	At  int64
}

// given is a right that a person received from another.
type given struct {
	To     string
	Points float64
	At     int64
}

// offboarded is an account that was closed.
type offboarded struct {
	Who    string
	Source event.Source
	At     int64
}

func newDelta(c *Catalog) *delta {
	return &delta{catalog: c, People: newOrgDelta(c), Services: newOrgDelta(c)}
}

func newOrgDelta(cat *Catalog) orgDelta {
	q := len(cat.metrics)
	return orgDelta{
		catalog: cat, Departments: map[string]*departmentDelta{}, Sum: make([]int64, q), Uses: make([]int64, len(sources)+1),
		Num: make([]int64, q), Den: make([]int64, q),
		Tails: make([]counts, cat.scored), Shifts: make([]counts, len(cat.slow)), Facts: make([]int64, len(cat.indicators)),
		Rules: map[string]int64{}, Kinds: map[string]int64{}, Hours: map[string]*[25]int64{},
	}
}

// ShardOf is the shard of a person among some. What belongs to no person, such as the health of
// the data, is in the first.
func ShardOf(person string, shards int) int {
	if person == "" || shards <= 1 {
		return 0
	}
	return eventlog.PartitionOf(person, shards)
}

// owns says whether the engine scores a person: their shard is one of its own.
func (e *Engine) owns(name string) bool { return e.deltas[ShardOf(name, len(e.deltas))] != nil }

// deltaOf is the delta that collects the effects of a person until the hour ends.
func (e *Engine) deltaOf(p *person) *delta {
	b := e.deltas[p.shard]
	b.touched = true
	return b
}

// arrived notes the time of an event, for how far the data of its source goes. Every event counts,
// also one that belongs to no person.
func (e *Engine) arrived(name string, s event.Source, at int64) {
	if b := e.deltas[ShardOf(name, len(e.deltas))]; b != nil {
		b.touched, b.Complete[s] = true, max(b.Complete[s], at)
	}
}

// newDeltas returns empty deltas for some shards; nil for the others.
func newDeltas(c *Catalog, shards int, mine []int) []*delta {
	all := make([]*delta, shards)
	for _, s := range mine {
		all[s] = newDelta(c)
	}
	return all
}

// mergeDeltas adds the deltas of a lane to those of the engine, and empties them.
func mergeDeltas(to, from []*delta) {
	for s, b := range from {
		if b != nil && b.touched {
			to[s].add(b)
			b.reset()
		}
	}
}

// exchangeDeltas returns the sum of the deltas of all shards in the hour that ends, in order.
func (e *Engine) exchangeDeltas(own []*delta) *delta {
	if len(own) == 1 {
		own[0].order()
		return own[0]
	}
	all, sent := newDelta(e.catalog), map[int][]byte{}
	for s, b := range own {
		if b == nil || !b.touched {
			continue
		}
		b.order()
		b.orderNamed()
		b.trim()
		body, err := encoding.Marshal(b)
		if err != nil {
			e.err = cmp.Or(e.err, err)
			return all
		}
		sent[s] = body
		all.add(b)
	}
	if e.config.exchange != nil && e.err == nil {
		others, err := e.config.exchange(e.Hour, sent)
		e.err = err
		for _, body := range others {
			if len(body) == 0 { // no person there did anything
				continue
			}
			b := newDelta(e.catalog)
			if err := cborstate.Unmarshal(body, b); err != nil {
				e.err = cmp.Or(e.err, fmt.Errorf("detect: delta of another shard: %w", err))
				break
			}
			all.add(b)
			all.fold(e)
		}
	}
	all.order()
	return all
}

// trim drops entries that change nothing, before a delta is sent.
func (b *delta) trim() {
	zero := func(list []int64) bool { return !slices.ContainsFunc(list, func(n int64) bool { return n != 0 }) }
	for _, s := range []*orgDelta{&b.People, &b.Services} {
		maps.DeleteFunc(s.Departments, func(_ string, d *departmentDelta) bool {
			return d.Active == 0 && zero(d.Sum) && zero(d.Did) && zero(d.Usual)
		})
	}
	for s := range b.Who {
		if len(b.Who[s]) > maxPlaces {
			kept := map[string]int{}
			for _, name := range b.most(s) {
				kept[name] = b.Who[s][name]
			}
			b.Who[s] = kept
		}
	}
}

// most lists the accounts of a source with the most events.
func (b *delta) most(source int) []string {
	who := b.Who[source]
	names := slices.SortedFunc(maps.Keys(who), func(x, y string) int { return cmp.Or(cmp.Compare(who[y], who[x]), cmp.Compare(x, y)) })
	return names[:min(len(names), maxPlaces)]
}

// of is the part of the delta for people, or for service accounts.
func (b *delta) of(p *person) *orgDelta {
	if p.Service {
		return &b.Services
	}
	return &b.People
}

// add adds another delta.
func (b *delta) add(o *delta) {
	b.touched = true
	b.People.add(&o.People)
	b.Services.add(&o.Services)
	b.Heads += o.Heads
	for s := range b.Complete {
		b.Complete[s] = max(b.Complete[s], o.Complete[s])
		b.Acts[s] += o.Acts[s]
		b.Unknown[s] += o.Unknown[s]
		for name, n := range o.Who[s] {
			b.countUnknown(event.Source(s), name, n)
		}
	}
	b.Notices, b.Laid, b.Shut = append(b.Notices, o.Notices...), append(b.Laid, o.Laid...), append(b.Shut, o.Shut...)
	b.Rights, b.Gone = append(b.Rights, o.Rights...), append(b.Gone, o.Gone...)
	b.Doubtful, b.Verdicts = append(b.Doubtful, o.Doubtful...), append(b.Verdicts, o.Verdicts...)
	b.Joint = append(b.Joint, o.Joint...)
}

// countUnknown counts events of an account that belongs to no known person.
func (b *delta) countUnknown(s event.Source, name string, n int) {
	if b.Who[s] == nil {
		b.Who[s] = map[string]int{}
	}
	if _, known := b.Who[s][name]; !known {
		name = strings.Clone(name)
	}
	b.Who[s][name] += n
}

func (s *orgDelta) add(o *orgDelta) {
	for name, x := range o.Departments {
		d := s.department(name)
		plus(d.Sum, x.Sum)
		plus(d.Did, x.Did)
		plus(d.Usual, x.Usual)
		d.Active += x.Active
	}
	for _, pair := range [][2][]int64{{s.Sum, o.Sum}, {s.Uses, o.Uses}, {s.Num, o.Num}, {s.Den, o.Den}, {s.Facts, o.Facts}} {
		plus(pair[0], pair[1])
	}
	for j := range o.Tails {
		s.Tails[j].take(o.Tails[j])
	}
	for j := range o.Shifts {
		s.Shifts[j].take(o.Shifts[j])
	}
	for j, list := range o.Unlearned {
		for _, x := range list {
			s.unlearned(j, x[0], int(x[1]))
		}
	}
	s.Active += o.Active
	s.Days += o.Days
	s.Leavers += o.Leavers
	s.Notable += o.Notable
	for id, n := range o.Rules {
		s.Rules[id] += n
	}
	for key, n := range o.Kinds {
		s.Kinds[key] += n
	}
	for place, h := range o.Hours {
		plus(s.hours(place)[:], h[:])
	}
	s.Arrivals = append(s.Arrivals, o.Arrivals...)
	s.Named = append(s.Named, o.Named...)
	s.Visits = append(s.Visits, o.Visits...)
	for key, n := range o.Cohorts {
		s.join(key, n)
	}
}

// unlearned counts days on which a metric had a surprise that is not to become usual.
func (s *orgDelta) unlearned(j int, step int32, n int) {
	if s.Unlearned == nil {
		s.Unlearned = map[int]counts{}
	}
	list := s.Unlearned[j]
	list.add(step, n)
	s.Unlearned[j] = list
}

// join adds people to a cohort.
func (s *orgDelta) join(key uint64, n int64) {
	if s.Cohorts == nil {
		s.Cohorts = map[uint64]int64{}
	}
	s.Cohorts[key] += n
}

func plus(to, from []int64) {
	for j, n := range from {
		to[j] += n
	}
}

func (s *orgDelta) department(name string) *departmentDelta {
	d := s.Departments[name]
	if d == nil {
		q := len(s.catalog.metrics)
		d = &departmentDelta{Sum: make([]int64, q), Did: make([]int64, q), Usual: make([]int64, q)}
		s.Departments[name] = d
	}
	return d
}

func (s *orgDelta) hours(location string) *[25]int64 {
	h := s.Hours[location]
	if h == nil {
		h = new([25]int64)
		s.Hours[location] = h
	}
	return h
}

// weigh adds to the sums of a person's counts.
func (s *orgDelta) weigh(p *person, j int, n int64) {
	s.Sum[j] += n
	s.department(p.peerGroup()).Sum[j] += n
}

// move moves a person's share of the sums to the peers that they have after a change.
func (s *orgDelta) move(p *person, change func()) {
	from := s.department(p.peerGroup())
	change()
	dest := s.department(p.peerGroup())
	for j := range p.Sum {
		n := fix(p.Sum[j])
		from.Sum[j] -= n
		dest.Sum[j] += n
	}
	from.Active -= fix(p.Active)
	dest.Active += fix(p.Active)
}

// reset empties it, to be filled again.
func (b *delta) reset() {
	people, services := b.People, b.Services
	people.reset()
	services.reset()
	*b = delta{
		catalog: b.catalog, People: people, Services: services, Notices: emptied(b.Notices), Shut: emptied(b.Shut),
		Rights: emptied(b.Rights), Gone: emptied(b.Gone),
	}
}

func (s *orgDelta) reset() {
	for _, d := range s.Departments {
		clear(d.Sum)
		clear(d.Did)
		clear(d.Usual)
		d.Active = 0
	}
	for _, list := range [][]int64{s.Sum, s.Uses, s.Num, s.Den, s.Facts} {
		clear(list)
	}
	for j := range s.Tails {
		s.Tails[j] = s.Tails[j][:0]
	}
	for j := range s.Shifts {
		s.Shifts[j] = s.Shifts[j][:0]
	}
	s.Active, s.Days, s.Leavers, s.Notable = 0, 0, 0, 0
	clear(s.Rules)
	clear(s.Kinds)
	clear(s.Unlearned)
	clear(s.Hours)
	clear(s.Cohorts)
	clear(s.held)
	s.Arrivals, s.Named, s.Visits = emptied(s.Arrivals), emptied(s.Named), emptied(s.Visits)
	s.visits, s.arrivals = 0, 0
}

// forget deletes a person.
func (b *delta) forget(name string) {
	b.Doubtful = slices.DeleteFunc(b.Doubtful, func(x doubtful) bool { return x.Name == name })
	b.Joint = slices.DeleteFunc(b.Joint, func(x joint) bool { return x.Name == name })
	b.Verdicts = slices.DeleteFunc(b.Verdicts, func(v Verdict) bool { return v.Person == name })
	b.Notices = slices.DeleteFunc(b.Notices, func(x announced) bool { return x.Name == name })
	b.Laid = slices.DeleteFunc(b.Laid, func(x *exposure) bool { return x.Person == name })
	b.Shut = slices.DeleteFunc(b.Shut, func(x closing) bool { return x.By == name })
	b.Rights = slices.DeleteFunc(b.Rights, func(x given) bool { return x.To == name })
	b.Gone = slices.DeleteFunc(b.Gone, func(x offboarded) bool { return x.Who == name })
	b.People.Visits = slices.DeleteFunc(b.People.Visits, func(x visit) bool { return x.Who == shortHash(name) })
	for s := range b.Who {
		delete(b.Who[s], name)
	}
}

// orderNamed sorts what places hold: the longest of the lists, and the only one whose order matters for
// nothing but the encoding.
func (b *delta) orderNamed() {
	b.People.list()
	b.Services.list()
	slices.SortFunc(b.People.Visits, byPlace)
}

// order sorts the other lists, so that equal deltas are encoded alike.
func (b *delta) order() {
	for _, s := range []*orgDelta{&b.People, &b.Services} {
		slices.SortFunc(s.Arrivals, arrival.compare)
		for _, list := range [][]counts{s.Tails, s.Shifts} {
			for j := range list {
				list[j].order()
			}
		}
		for _, list := range s.Unlearned {
			list.order()
		}
	}
	slices.SortFunc(b.Notices, func(a, b announced) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(b.Doubtful, func(a, b doubtful) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Name, b.Name)) })
	slices.SortFunc(b.Joint, byActivity)
	slices.SortFunc(b.Verdicts, func(a, b Verdict) int { return cmp.Or(cmp.Compare(a.Alert, b.Alert), cmp.Compare(a.Seq, b.Seq)) })
	slices.SortFunc(b.Laid, byOpening)
	slices.SortFunc(b.Shut, func(a, b closing) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.By, b.By), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Sub, b.Sub))
	})
	slices.SortFunc(b.Rights, func(a, b given) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.To, b.To), cmp.Compare(a.Points, b.Points))
	})
	slices.SortFunc(b.Gone, func(a, b offboarded) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Source, b.Source))
	})
}

// applyDelta applies a delta to the shared state, but for its sums: they are added once the
// days that end with the hour have been scored.
func (e *Engine) applyDelta(b *delta, end int64) {
	e.Heads += b.Heads
	for s := range b.Complete {
		e.Complete[s] = max(e.Complete[s], b.Complete[s])
		p := &e.Pulse[s]
		p.Acts += float64(b.Acts[s])
		p.Unknown += float64(b.Unknown[s])
		for _, name := range b.most(s) {
			tally(&p.Who, name, b.Who[s][name])
		}
	}
	for _, n := range b.Notices {
		e.Feed.announce(n)
	}
	e.Feed.Doubtful = append(e.Feed.Doubtful, b.Doubtful...)
	e.meetCommon(b.Joint)
	e.applyOpened(b.Laid)
	e.applyClosed(b.Shut)
	for _, x := range b.Gone {
		if who := e.find(x.Who); who != nil {
			for k, a := range who.Access {
				if a.Kind == accessToken && a.Source == x.Source && a.At <= x.At {
					delete(who.Access, k)
				}
			}
		}
		e.packIdle()
	}
	e.applyPrivileges(b.Rights, end)
	e.applyVerdicts(b.Verdicts, end)
}
