package engine

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/spill"
)

const (
	// unpackedPeople is how many people are kept unpacked where the configuration says
	// nothing, 10 kB each; those beyond are packed until they act again.
	unpackedPeople = 20_000

	packedMemory = 2 << 20 // bytes of packed people that stay in memory; more goes to a temporary file
)

// people are the people that an engine knows: those of interest lately as they are,
// the others packed.
type people struct {
	all      map[string]*held
	file     *spill.File
	unpacked []*held // also some who were forgotten
	most     int     // that stay unpacked
	step     int64
	wanted   []*held // scratch
}

// held is a person that is known.
type held struct {
	person *person   // nil if packed
	body   spill.Ref // as packed last
	stub   stub      // the same
	dirty  bool      // what is packed is out of date
	used   int64     // when it was of interest last, in steps
	gone   bool      // forgotten while it was unpacked
}

// stub is what must be known of a person that is packed.
type stub struct {
	Notice   int64
	LastDay  int64
	Frozen   bool
	Reviewed bool
	Guest    bool
	Last     int64
	Day      struct{ End int64 }
}

func newPeople(most int, file *spill.File) people {
	return people{all: map[string]*held{}, most: most, file: file}
}

func (p *person) stub() stub {
	return stub{p.Notice, p.LastDay, p.Frozen, p.Reviewed, p.Guest, p.Last, struct{ End int64 }{p.Day.End}}
}

// add takes in a new person.
func (x *people) add(p *person) {
	x.step++
	h := &held{person: p, dirty: true, used: x.step}
	x.all[p.Name] = h
	x.unpacked = append(x.unpacked, h)
}

// find returns a person, who may be changed then; nil if there is none of the name. It is valid
// until people are packed.
func (e *Engine) find(name string) *person {
	h := e.people.all[name]
	if h == nil {
		return nil
	}
	if h.person == nil {
		p, err := e.unpack(h.body)
		if err != nil {
			e.err = err
			p = newPerson(e.catalog, name, false)
		}
		e.people.hold(h, p)
	}
	e.people.step++
	h.dirty, h.used = true, e.people.step
	return h.person
}

// hold takes in a person who was packed.
func (x *people) hold(h *held, p *person) {
	h.person = p
	x.unpacked = append(x.unpacked, h)
}

// bring unpacks those of some people who are packed, on all cores; find takes them from there. Few are left to find, and
// so are those who cannot be unpacked.
func (e *Engine) bring(names iter.Seq[string]) {
	x, wanted := &e.people, e.people.wanted[:0]
	if len(x.unpacked) == len(x.all) {
		return // nobody is packed
	}
	for name := range names {
		if h := x.all[name]; h != nil && h.person == nil && h.used != x.step+1 {
			h.used = x.step + 1
			wanted = append(wanted, h)
		}
	}
	x.step, x.wanted = x.step+1, wanted
	if len(wanted) < perCore {
		return
	}
	found := make([]*person, len(wanted))
	e.spread(len(wanted), func(from, to int) error {
		for i := from; i < to; i++ {
			if p, err := e.unpack(wanted[i].body); err == nil {
				found[i] = p
			}
		}
		return nil
	})
	for i, p := range found {
		if p != nil {
			x.hold(wanted[i], p)
		}
	}
	clear(wanted)
}

// perCore is how many people are packed, or unpacked, at least before another core helps.
const perCore = 16

// spread calls do for parts of n things, on all cores.
func (e *Engine) spread(n int, do func(from, to int) error) error {
	size := max((n+e.config.lanes-1)/e.config.lanes, perCore)
	var g errgroup.Group
	for from := size; from < n; from += size {
		g.Go(func() error {
			return guard.Do("pack", func() error { return do(from, min(from+size, n)) })
		})
	}
	err := do(0, min(size, n))
	return cmp.Or(err, g.Wait())
}

// some is how many people are brought together at most.
func (x *people) some() int { return max(min(batchMost, x.most/4), 1) }

// look returns what is kept of a person's dates, without unpacking; the zero stub if none
// has the name.
func (x *people) look(name string) stub {
	switch h := x.all[name]; {
	case h == nil:
		return stub{}
	case h.person != nil:
		return h.person.stub()
	default:
		return h.stub
	}
}

// forget forgets a person.
func (x *people) forget(name string) {
	if h := x.all[name]; h != nil {
		h.gone = true
	}
	delete(x.all, name)
}

// names lists all people.
func (x *people) names() []string { return slices.Sorted(maps.Keys(x.all)) }

// pack brings what is packed of a person up to date.
func (x *people) pack(h *held) error {
	if !h.dirty {
		return nil
	}
	b, err := encoding.Marshal(h.person)
	if err != nil {
		return fmt.Errorf("detect: state: %w", err)
	}
	if h.body, err = x.file.Put(b); err != nil {
		return fmt.Errorf("detect: spill person: %w", err)
	}
	h.stub, h.dirty = h.person.stub(), false
	return nil
}

// packAll is pack for several people, on all cores.
func (e *Engine) packAll(list []*held) error {
	return e.spread(len(list), func(from, to int) error {
		for _, h := range list[from:to] {
			if err := e.people.pack(h); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *Engine) unpack(body spill.Ref) (*person, error) {
	b, err := body.Get(nil)
	if err != nil {
		return nil, fmt.Errorf("detect: read spilled person: %w", err)
	}
	p := new(person)
	if err := cborstate.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("detect: state of a person: %w", err)
	}
	p.use(e.catalog)
	p.shard = ShardOf(p.Name, e.config.shards)
	p.Uses = widen(p.Uses)
	if n := len(e.catalog.detectors) - len(p.Day.Proof); p.Day.Proof != nil && n > 0 { // detectors that a stored state does not know yet
		p.Day.Proof, p.Day.Rev = append(p.Day.Proof, make([]*proof, n)...), append(p.Day.Rev, make([]int, n)...)
	}
	if len(e.config.optOuts) > 0 {
		p.optOuts, _ = e.config.optedOut(p.Department, p.Country)
	}
	return p, nil
}

// packIdle packs the people who were of interest longest ago, if there are too many
// unpacked ones. It is called while no person is in use.
func (e *Engine) packIdle() {
	x := &e.people
	if len(x.unpacked) <= x.most || e.err != nil {
		return
	}
	list := slices.DeleteFunc(x.unpacked, func(h *held) bool { return h.gone })
	slices.SortFunc(list, func(a, b *held) int { return cmp.Compare(a.used, b.used) })
	n := max(len(list)-x.most*3/4, 0)
	for _, h := range list[:n] {
		p := h.person
		if p.seen == e.Hour { // what was done in this hour is handed over at its end
			e.away = append(e.away, p.Name)
			p.seen = 0
		}
	}
	if e.err = e.packAll(list[:n]); e.err != nil {
		return
	}
	for _, h := range list[:n] {
		h.person = nil
	}
	x.unpacked = slices.Delete(list, 0, n)
	e.active = slices.DeleteFunc(e.active, func(p *person) bool { return p.seen != e.Hour })
}

// compact moves packed people together if the file has become much larger than what
// is in it.
func (x *people) compact() error {
	live := 0
	for _, h := range x.all {
		live += h.body.Len()
	}
	if _, file := x.file.Size(); file <= 3*int64(live)+256<<20 {
		return nil
	}
	pages := map[any]int{}
	for _, h := range x.all {
		pages[h.body.Page()] += h.body.Len()
	}
	var buf []byte
	for _, h := range x.all {
		if pages[h.body.Page()] > spill.PageSize/2 {
			continue
		}
		var err error
		if buf, err = h.body.Get(buf[:0]); err == nil {
			h.body, err = x.file.Put(buf)
		}
		if err != nil {
			return fmt.Errorf("detect: compact spilled people: %w", err)
		}
	}
	return nil
}
