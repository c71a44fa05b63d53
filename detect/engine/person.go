package engine

import (
	"math"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// person is all that is kept about one person: sums that forget, sets that are
// bounded, and the day that is open. Its fields are exported for the codec.
type person struct {
	Name       string
	Service    bool
	Guest      bool // an outsider, who is forgotten after guestDays without activity
	Department string
	Group      string    // peers by access, where there is no department
	Uses       []float64 // per source: decayed number of active days with it
	Location   string
	Country    string

	Sum    []float64  // per metric: decayed sum of daily counts
	Active float64    // decayed number of active days
	Shift  []float64  // per slow metric: CUSUM of a raised rate
	Long   []float64  // per slow metric: sum of daily counts that forgets much more slowly
	LongN  float64    // active days, forgotten as slowly
	Top    []float64  // per slow metric: height of the CUSUM that has been counted since it was last at 0
	Carry  []float64  // per metric that goes on: its count at the end of the last day
	CarryT int64      // when that ended
	Own    float64    // decayed mean of the day's scores
	Past   []baseline // the baseline as it was, the oldest first
	Frozen bool       // it is that of a month before notice

	Hours   [24]float64 // decayed number of active days with activity in an hour (UTC)
	HourN   float64
	Weekend float64 // decayed share of active days that fall on a weekend

	Notice   int64 // when notice became known, Unix milliseconds; 0 if it has not
	LastDay  int64 // end of the last working day; 0 if unknown
	Last     int64 // day of the last activity, days since 1970; 0 if none
	Reviewed bool  // what was left behind has been reported
	Left     *left `cbor:",omitempty"` // what was done since the last working day

	AlertT  int64   // time of the last day with an alert
	Right   float64 // points of the last right that was given to the person, and when
	RightT  int64
	Breach  float64 // points of the last suspicion that an intruder acts, and when
	BreachT int64

	OpenedDay int64 // day on which the person last gave themselves the right to a place, days since 1970; 0 if never

	Told     []told            `cbor:",omitempty"` // acts that alerts were about lately, the oldest first
	Judged   []judged          `cbor:",omitempty"` // scores of the last day, which later events may lower
	Habits   map[int]habit     // by detector: what past days had of its evidence
	Happened [happenings]int64 // day on which something happened that may explain what comes after, since 1970
	Adopted  uint64            // cohort of the application that was authorised last
	Started  int64             // day on which the person began, by HR; 0 if unknown
	Position int64             // the same of the position; 0 if unknown

	Cohorts novelty // in which the person was counted lately
	Known   novelty // containers, recipients, networks, countries, clients
	Items   novelty // objects
	Steps   novelty // what was done to items lately
	Fails   []failure
	Refused []int64            // times of refused pushes
	Granted map[uint64]int64   // rights given lately, and when
	Access  map[uint64]access  // what the person has opened and is not closed
	Laid    []exposure         // what the person laid open in this hour
	Shut    []closing          // what the person closed in this hour
	Reports map[uint64]float64 // rows of the last run of a report

	Day dayState

	seen    int64 // hour of the latest event
	items   int   // of a batch, while it is spread over lanes
	lane    *lane
	shard   int
	visited [visitsKept]uint64 // places that have counted the person today
	optOuts uint64             // detectors that the person has opted out of, a bit each

	catalog *Catalog
}

// use gives a person the catalog that its counts are kept by.
func (p *person) use(c *Catalog) { p.catalog, p.Day.catalog = c, c }

// failure is a failed sign-in.
type failure struct {
	At int64
	IP uint64
}

// dayState is what a person has done since its day began, at an hour at which the
// person is usually asleep.
type dayState struct {
	End      int64 // when it ends, Unix milliseconds; 0 if no day is open
	Start    int64 // time of its first event
	Latest   int64 // time of its latest event
	Count    []float64
	Facts    map[int]note // by index in indicators
	Done     map[uint64]uint16
	Proof    []*proof // per detector; nil where there is none
	Next     []float64
	Hours    uint32 // hours with activity, a bit each
	Sources  uint32 // with activity, a bit each
	Bursts   map[int]burst
	Given    []float64
	Expect   []float64 // the usual counts handed to the organisation's hourly sums
	Prior    []float64 // Given of the day before, and when it ended
	PriorT   int64
	Best     float64 // highest score so far
	Rev      []int
	Silent   int // days without activity before this one
	Opened   []laid
	Ruled    []ruled   // rules that matched
	AsUsual  *proof    `cbor:",omitempty"` // what is done as before, although the last working day is over
	Watched  []watched `cbor:",omitempty"` // places and applications on watchlists
	Origins  []origin  `cbor:",omitempty"` // where and with what it was done
	Received []string  // who was given administrative rights
	LetIn    []string  `cbor:",omitempty"` // outsiders who were let into folders
	Manner   circumstances
	BestT    int64              // when Best was reached, Unix milliseconds
	Told     int                // events that the latest finding rests on
	Acting   bool               // the act that it is about may go on
	ActT     int64              // when something was counted last, Unix milliseconds
	Added    uint64             // the counts that go on, and were added to: a bit each
	Said     map[int][3]float64 `cbor:",omitempty"` // by metric: what a finding says: how much, what is usual, and for colleagues
	Requests novelty            // reads of object stores by the key of the event, by minute rather than day

	Profile [24]float64 // what is usual at each hour of the day (UTC), and the quiet hour
	Quiet   int

	catalog *Catalog
}

// burst counts what falls into the last stretch of time, in slots.
type burst struct {
	Slot  int64
	Count [burstSlots]float64
}

const (
	burstSlots = 6
	slotMS     = 5 * 60_000 // half an hour in all
)

// add counts something at a time and returns the count of the stretch that ends
// there.
func (b *burst) add(at int64, n float64) (sum float64) {
	slot := at / slotMS
	for s := max(b.Slot+1, slot-burstSlots+1); s <= slot; s++ {
		b.Count[s%burstSlots] = 0
	}
	b.Slot = max(b.Slot, slot)
	b.Count[slot%burstSlots] += n
	for _, c := range b.Count {
		sum += c
	}
	return sum
}

// note is an indicator that holds today.
type note struct {
	Say   []string // at most 3
	Head  string   `cbor:",omitempty"` // headline of the first of them; "" if that is short
	More  int      // further times
	Kinds []string `cbor:",omitempty"` // see Indicator.Kind: at most maxKindsToday
}

// proof is the evidence of one detector today.
type proof struct {
	N       int
	From    int64
	To      int64
	First   []string
	Last    []string
	Sources uint32
	Places  names
	Targets names
	Apps    names     `cbor:",omitempty"` // applications that acted, or were authorised
	Unknown int       // folders, with an unknown number of files
	Repeats int       // further events about things that are counted already
	Kept    []string  `cbor:",omitempty"` // ids as of when the day's score was reached
	Closed  int       `cbor:",omitempty"` // events in places that only few of another department come to
	Among   *regulars `cbor:",omitempty"` // who comes to the first of them
	Items   []exhibit `cbor:",omitempty"` // the most telling events, maxExhibits at most
	Least   uint8     `cbor:",omitempty"` // weight of the least telling, once there are maxExhibits
}

const (
	firstIDs  = 6
	lastIDs   = 14
	maxPlaces = finding.MaxDestinations
)

func (p *proof) add(e *event.Event, place, target, app string) *proof {
	p.N++
	if p.N == 1 {
		p.From = e.Time
	}
	p.To = e.Time
	p.Sources |= 1 << e.Source
	if e.ID != "" {
		switch {
		case len(p.First) < firstIDs:
			p.First = append(p.First, strings.Clone(e.ID))
		case len(p.Last) < lastIDs:
			p.Last = append(p.Last, strings.Clone(e.ID))
		default:
			p.Last[p.N%lastIDs] = strings.Clone(e.ID)
		}
	}
	tally(&p.Places, place, 1)
	tally(&p.Targets, target, 1)
	tally(&p.Apps, app, 1)
	if e.Object.Folder && e.Class == event.Download {
		p.Unknown++
	}
	return p
}

// among notes who comes to the place of an event that was added, if only few of another department do.
func (p *proof) among(who *regulars) {
	if who == nil {
		return
	}
	if p.Closed++; p.Among == nil {
		p.Among = who
	}
}

// evidence is what a detector may see of it.
func (p *proof) evidence() detect.Evidence {
	e := detect.Evidence{Events: p.N, From: p.From, To: p.To, Places: p.Places.most(), Targets: p.Targets.most(), Folders: p.Unknown}
	for _, s := range event.Sources() {
		if p.Sources&(1<<s) != 0 {
			e.Sources = append(e.Sources, s)
		}
	}
	return e
}

// most is the name that occurs most.
func (m names) most() detect.Most {
	name, share := top(m)
	return detect.Most{Name: name, Share: share, Names: len(m), Many: len(m) >= maxPlaces}
}

// top is the name that occurs most, and its share.
func top(m names) (name string, share float64) {
	if len(m) == 0 {
		return "", 0
	}
	total := 0
	for n, c := range m {
		if total += *c; name == "" || *c > *m[name] || *c == *m[name] && n < name {
			name = n
		}
	}
	return name, float64(*m[name]) / float64(total)
}

// cite adds the id of an event that was seen before, without counting it.
func (p *proof) cite(id string) {
	if id != "" && len(p.First) < firstIDs+lastIDs && !slices.Contains(p.First, id) {
		p.First = append(p.First, id)
	}
}

// names counts names, a bounded number of them. Counts are behind pointers:
// assigning to a key that is there would exchange it for the new one, and keep the
// memory of the event that it came from.
type names map[string]*int

func tally(m *names, name string, n int) {
	if name == "" {
		return
	}
	if held := (*m)[name]; held != nil {
		*held += n
		return
	}
	if *m == nil {
		*m = names{}
	}
	if len(*m) < maxPlaces {
		first := n // so that only what is new is allocated
		(*m)[strings.Clone(name)] = &first
	}
}

// ids lists the evidence: the first events and the last ones.
func (p *proof) ids() []string { return append(slices.Clone(p.First), p.Last...) }

// Bounds of the sets of one person.
const (
	maxKnown   = 4096
	maxItems   = 8192
	maxDone    = 1 << 16
	maxFails   = 256
	maxReports = 256
	maxSteps   = 4096
	maxRefused = 64
	maxGranted = 256

	maxRequests = 1 << 14
)

// open begins a day.
func (p *person) open(at, end int64) {
	cat := p.catalog
	d := &p.Day
	q := len(cat.metrics)
	d.Start, d.End = at, end
	if d.Count == nil {
		d.Count, d.Next, d.Expect = make([]float64, q), make([]float64, q), make([]float64, q)
		d.Proof, d.Rev = make([]*proof, len(cat.detectors)), make([]int, len(cat.detectors))
	}
	if d.Given == nil {
		d.Given, d.Prior = make([]float64, q), make([]float64, q)
	}
	clear(d.Count)
	clear(d.Next)
	clear(d.Given)
	clear(d.Expect)
	clear(d.Done)
	clear(d.Bursts)
	clear(d.Facts)
	clear(d.Said)
	clear(d.Proof)
	clear(d.Rev)
	d.Opened, d.Ruled, d.Received, d.Watched = d.Opened[:0], d.Ruled[:0], d.Received[:0], d.Watched[:0]
	d.LetIn, d.Origins = d.LetIn[:0], d.Origins[:0]
	d.Hours, d.Sources, d.Best, d.AsUsual, d.Requests = 0, 0, 0, nil, novelty{}
	d.Manner, d.BestT, d.Told, d.Acting, d.ActT = circumstances{}, 0, 0, false, 0
	for k, j := range cat.carried {
		if p.Carry != nil {
			days := math.Round(float64(end-p.CarryT) / float64(event.Day))
			d.Count[j] = math.Floor(p.Carry[k]*math.Pow(cat.metrics[j].Decay, max(days, 1))*1e6) / 1e6
		}
	}
	d.Added = 0
	today := at / event.Day
	d.Silent = 0
	if p.Last > 0 {
		d.Silent = int(max(today-p.Last-1, 0))
	}
}

// shut ends the day, and gives back what is needed of it no more.
func (d *dayState) shut() {
	d.Prior, d.Given = d.Given, d.Prior
	d.PriorT = d.End
	d.End = 0
	d.Count, d.Next, d.Expect, d.Proof, d.Rev, d.AsUsual = nil, nil, nil, nil, nil, nil
	d.Facts, d.Bursts, d.Opened, d.Ruled, d.Received, d.Watched, d.Requests = nil, nil, nil, nil, nil, nil, novelty{}
	d.LetIn, d.Origins = nil, nil
	if len(d.Done) > 128 { // give a large day's memory back
		d.Done = nil
	}
	clear(d.Done)
}

// again says whether a read of an object store is in the logs a second time. The logs of one
// request differ in its time: one has when it came in, another when it was answered. Those of the
// same time are one event already.
func (d *dayState) again(ev *event.Event) bool {
	if !requested(ev) {
		return false
	}
	minute := ev.Time / (event.Hour / 60)
	_, known := d.Requests.since(ev.Key, minute)
	d.Requests.age(ev.Key, minute, maxRequests)
	return known
}

// requested says whether an event is a read of an object store, and its key is that of the request.
func requested(ev *event.Event) bool {
	return ev.Source == event.CloudTrail && ev.Class == event.Download && ev.Key != 0 && effective(ev)
}

// proof is the evidence of a detector today.
func (d *dayState) proof(g int) *proof {
	if d.Proof[g] == nil {
		d.Proof[g] = &proof{}
	}
	return d.Proof[g]
}

// leaving says whether the person is between notice and a week after the last
// working day, unless that is in doubt.
func (p *person) leaving(at int64) bool {
	return p.Notice > 0 && !p.doubted(at) && at >= p.Notice && (p.LastDay == 0 && at < p.Notice+120*event.Day || at < p.LastDay+8*event.Day)
}

// quiet is the hour of the day (UTC) at which a day ends: opposite to the middle
// of the hours with activity, about one in the morning where the person works.
func quiet(h *[24]float64) int {
	var x, y float64
	for i, n := range h {
		x += float64(n * circle[i][0])
		y += float64(n * circle[i][1])
	}
	best, at := 0.0, 0
	for i := range 24 { // the hour with the direction farthest from the mean's
		if dot := float64(x*circle[i][0]) + float64(y*circle[i][1]); dot < best-1e-9 {
			best, at = dot, i
		}
	}
	return at
}

// circle holds the direction of each hour of the day.
var circle = func() (c [24][2]float64) {
	for i := range c {
		s, k := math.Sincos(float64(i) * math.Pi / 12)
		c[i] = [2]float64{math.Round(k*1e9) / 1e9, math.Round(s*1e9) / 1e9}
	}
	return c
}()

// offset is by how much the clock is ahead of UTC where a person works, in
// milliseconds: the quiet hour is about one in the morning there.
func offset(quietHour int) int64 {
	shift := int64((25 - quietHour) % 24)
	if shift > 12 {
		shift -= 24
	}
	return shift * event.Hour
}

// localDay is the day of the week of a moment where the person works: the quiet
// hour is about one in the morning there.
func localDay(at int64, quietHour int) int {
	days := (at + offset(quietHour)) / event.Day
	return int((days + 4) % 7) // 1970-01-01 was a Thursday; 0 is Sunday
}

// unscale turns a scored count into the units of its metric.
func (c *Catalog) unscale(j int, x float64) float64 {
	switch c.metrics[j].Scale {
	case detect.Root:
		return x * x
	case detect.RootBytes:
		return x * x * 1e5
	}
	return x
}
