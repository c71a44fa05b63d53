package alert

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/geoip"
	"github.com/outflow/outflow/internal/spill"
)

// caseGap is the longest gap between two alerts of one case.
const caseGap = 4 * 24 * time.Hour

// longestWindow is an upper bound for the length of an alert's window. The window of an open
// alert may start this long before the time up to which alerts were pruned.
const longestWindow = 7 * 24 * time.Hour

// assignCases groups successive alerts about one user into cases: each gets the ID of the
// first. Only earlier alerts decide which case an alert belongs to. Before has, for each
// user, the last alert that was pruned. An alert below low severity is a case of its own.
func assignCases(list []Draft, before map[string]seriesTail) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(list[i].User, list[j].User), list[i].Time.Compare(list[j].Time), cmp.Compare(list[i].ID, list[j].ID))
	})
	last := -1
	for _, i := range order {
		a := &list[i]
		a.Case = a.ID
		if a.Severity == Informational || a.Health {
			continue
		}
		if t, known := before[a.User]; known && (last < 0 || list[last].User != a.User) {
			if !a.Time.After(t.Time) { // older than what is known of the series: it was in it
				a.Case = t.Cases[a.ID]
				if a.Case == "" {
					a.Case = a.ID
				}
				continue
			}
			if a.start.Sub(t.Time) <= caseGap {
				a.Case = t.Case
			}
		} else if last >= 0 && list[last].User == a.User && a.start.Sub(list[last].Time) <= caseGap {
			a.Case = list[last].Case
		}

		last = i
	}
}

// seriesTail is the last alert of a user's series that the correlator has pruned.
type seriesTail struct {
	Time  time.Time
	Case  string
	Cases map[string]string `json:",omitempty"` // of older alerts that are still open, by ID
}

// Correlator builds alerts from findings. It is not safe for concurrent use.
type Correlator struct {
	open  map[string]*openAlert
	done  []Alert               // from earlier runs; findings no longer change them
	tails map[string]seriesTail // by user

	watermark int64                      // event-time watermark, Unix milliseconds
	users     map[string]map[string]bool // episodes of open alerts, by user
	changed   map[string]bool            // users whose alerts may have changed
	endOfDay  map[int64][]string         // users of provisional alerts, by the end of their day

	places *geoip.Database // where addresses of items are; may be nil

	file *spill.File // for the findings of days that are over
	days []openDay   // of alerts that are not packed, about in their order
	hour int64       // of the latest finding
}

// Locate has the items of alerts say where their addresses are, as far as their logs do not.
func (d *Correlator) Locate(places *geoip.Database) { d.places = places }

// publishedAs identifies a version of an alert.
type publishedAs struct {
	draft       *Draft // nil if there is none
	provisional bool
	id          string // of the case
}

// NewCorrelator returns an empty correlator.
func NewCorrelator() *Correlator {
	return &Correlator{
		open:     map[string]*openAlert{},
		users:    map[string]map[string]bool{},
		changed:  map[string]bool{},
		endOfDay: map[int64][]string{},
		file:     spill.New(deskMemory, ""),
	}
}

// KeepIn has the findings of days that are over kept in a file. Call it before the first finding.
func (d *Correlator) KeepIn(file *spill.File) { d.file = file }

// indexUser records the user of an open alert.
func (d *Correlator) indexUser(id string, of firstOf) {
	if d.users[of.person] == nil {
		d.users[of.person] = map[string]bool{}
	}
	d.users[of.person][id] = true
	d.changed[of.person] = true
	if of.until > d.watermark {
		d.endOfDay[of.until] = append(d.endOfDay[of.until], of.person)
	}
}

// drop removes an open alert.
func (d *Correlator) drop(episode string) {
	user := d.open[episode].first.person
	delete(d.open, episode)
	if delete(d.users[user], episode); len(d.users[user]) == 0 {
		delete(d.users, user)
	}
}

// AdvanceWatermark sets the event-time watermark (Unix milliseconds). Alerts on days that end
// after it are provisional. The watermark never moves backwards.
func (d *Correlator) AdvanceWatermark(at int64) { d.watermark = max(d.watermark, at) }

// Add adds a finding. Findings of one time form a revision; a finding with a higher risk
// replaces the earlier ones. The error is that of the file of KeepIn.
func (d *Correlator) Add(f *finding.Finding) error {
	if hour := f.Time / event.Hour; hour > d.hour {
		d.hour = hour
		if err := d.packOver(f.Time); err != nil {
			return err
		}
	}
	b := d.open[f.Episode]
	if f.Risk == 0 && !f.Health {
		d.amend(f, b)
		return nil
	}

	if b == nil {
		b = &openAlert{}
		d.open[f.Episode] = b
		d.indexUser(f.Episode, firstOf{person: f.Person, until: f.Until})
	} else {
		switch risk := b.risk(); {
		case f.Risk < risk, f.Risk == risk && f.Time < b.first.time:
			return nil
		case f.Risk > risk:
			b.Findings, b.Lowered = b.Findings[:0], nil
		case f.Time > b.first.time:
			b.Findings = b.Findings[:0]
		case b.Findings == nil:
			var err error
			if b.Findings, err = b.findings(); err != nil {
				return err
			}
			d.packLater(f.Episode, b)
		}
	}

	d.changed[f.Person] = true
	b.draft, b.packed = nil, spill.Ref{}
	b.put(f)
	if b.setFirst(); len(b.Findings) == 1 {
		d.packLater(f.Episode, b)
	}
	return nil
}

// put adds a finding to those of its revision, or begins one with it.
func (b *openAlert) put(f *finding.Finding) {
	if len(b.Findings) == 0 {
		b.Revision++
	}
	for i := range b.Findings {
		if b.Findings[i].ID == f.ID {
			b.Findings[i] = f
			return
		}
	}
	b.Findings = append(b.Findings, f)
}

// risk is the score of an alert, as later events have lowered it.
func (b *openAlert) risk() float64 {
	if n := len(b.Lowered); n > 0 {
		return b.Lowered[n-1].Risk
	}
	return b.first.risk
}

// amend adds what was reported after the findings of an alert: exposures that have ended, days on which
// the same was done, and what later events explain. It is ignored if there is no such alert.
func (d *Correlator) amend(f *finding.Finding, b *openAlert) {
	if b != nil {
		b.Undone = append(b.Undone, f.Exposures...)
		b.Again = append(b.Again, f.Again...)
		if f.Lowered != nil {
			b.Lowered = append(b.Lowered, f.Lowered)
		}
		b.draft = nil
		d.changed[b.first.person] = true
		return
	}
	for a := range d.final() {
		if a.ID == f.Episode {
			a.amend(f.Exposures, f.Again, f.Lowered)
		}
	}
}

// Alerts returns all alerts, ranked.
func (d *Correlator) Alerts() ([]Alert, error) {
	drafts, err := d.Drafts()
	if err != nil {
		return nil, err
	}
	return d.BuildAll(drafts)
}

// BuildAll builds the alerts of drafts.
func (d *Correlator) BuildAll(drafts []Draft) ([]Alert, error) {
	list := make([]Alert, 0, len(drafts))
	for a, err := range d.Each(drafts) {
		if err != nil {
			return nil, err
		}
		list = append(list, *a)
	}
	return list, nil
}

// Drafts returns the drafts of all alerts, ranked.
func (d *Correlator) Drafts() ([]Draft, error) {
	list, err := d.drafts()
	RankDrafts(list)
	return list, err
}

// drafts returns the drafts of all alerts.
func (d *Correlator) drafts() ([]Draft, error) {
	list := make([]Draft, 0, len(d.done)+len(d.open))
	for a := range d.final() {
		list = append(list, DraftOf(a))
	}
	for _, b := range d.open {
		x, err := d.draft(b)
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	assignCases(list, d.tails)
	return list, nil
}

// final returns the alerts of earlier runs that are not open. One may be open again: a day that
// ended with the checkpoint is scored after it, and so again after a restart.
func (d *Correlator) final() iter.Seq[*Alert] {
	return func(yield func(*Alert) bool) {
		for i := range d.done {
			if a := &d.done[i]; d.open[a.ID] == nil && !yield(a) {
				return
			}
		}
	}
}

// draft returns the draft of an open alert, without its case.
func (d *Correlator) draft(b *openAlert) (Draft, error) {
	if b.draft == nil {
		list, err := b.findings()
		if err != nil {
			return Draft{}, err
		}
		a, _ := frame(b.Revision, slices.Clone(list))
		a.amend(b.Undone, b.Again, b.Lowered...)
		now := a.draft()
		b.draft = &now
	}
	now := *b.draft
	now.Provisional = b.first.until > d.watermark && d.watermark > 0
	return now, nil
}

// Build builds the alert of a draft, as its findings are now.
func (d *Correlator) Build(x *Draft) (a Alert, err error) {
	switch b := d.open[x.ID]; {
	case x.whole != nil:
		a = *x.whole
	case b != nil:
		list, err := b.findings()
		if err != nil {
			return a, err
		}
		a = build(b.Revision, slices.Clone(list))
		a.locate(d.places)
		a.amend(b.Undone, b.Again, b.Lowered...)
	}
	a.Case, a.Provisional = x.Case, x.Provisional
	return a, nil
}

// Each builds the alerts of drafts, one at a time.
func (d *Correlator) Each(list []Draft) iter.Seq2[*Alert, error] {
	return func(yield func(*Alert, error) bool) {
		for i := range list {
			if a, err := d.Build(&list[i]); !yield(&a, err) || err != nil {
				return
			}
		}
	}
}

// Updates returns the alerts that have changed since the last call, ranked.
func (d *Correlator) Updates() (list []Draft, err error) {
	for end, users := range d.endOfDay {
		if end > d.watermark {
			continue
		}
		for _, u := range users {
			d.changed[u] = true
		}
		delete(d.endOfDay, end)
	}

	var all []Draft
	for user := range d.changed {
		for id := range d.users[user] {
			x, err := d.draft(d.open[id])
			if err != nil {
				return nil, err
			}
			all = append(all, x)
		}
	}

	for a := range d.final() {
		if d.changed[a.User] {
			all = append(all, DraftOf(a))
		}
	}

	clear(d.changed)
	assignCases(all, d.tails)
	RankDrafts(all)
	for _, a := range all {
		b := d.open[a.ID]
		if b == nil {
			continue
		}
		now := publishedAs{b.draft, a.Provisional, a.Case}
		if b.published == now {
			continue
		}
		b.published = now
		list = append(list, a)
	}

	return list, nil
}

// IsOpen reports whether findings may still change the alert with this ID.
func (d *Correlator) IsOpen(id string) bool { return d.open[id] != nil }

// validateOpen returns an error if stored open alerts are inconsistent.
func validateOpen(open map[string]*openAlert) error {
	for id, b := range open {
		if b == nil || len(b.Findings) == 0 {
			return fmt.Errorf("alert: correlator state is damaged: the alert %.40q has no finding", id)
		}
		for _, f := range b.Findings {
			if f == nil || f.Episode != id || f.Person != b.Findings[0].Person {
				return fmt.Errorf("alert: correlator state is damaged: the alert %.40q has a finding of another", id)
			}
		}
	}
	return nil
}

// addQualifiers adds the qualifier to findings that were stored before the field existed.
// There was only one at the time.
func addQualifiers(open map[string]*openAlert) {
	for _, b := range open {
		for _, f := range b.Findings {
			if f.Detector == "leaver_takeout" && f.Qualifier == "" {
				f.Qualifier = "before leaving"
			}
		}
	}
}

// MergeCheckpoints merges checkpoints of several correlators. From each it takes the users for
// whom keep returns true. Alerts about the data rather than a person have an empty user.
func MergeCheckpoints(checkpoints [][]byte, keep func(i int, user string) bool) ([]byte, error) {
	all := checkpointState{map[string]*openAlert{}, map[string]seriesTail{}}
	for i, b := range checkpoints {
		var k checkpointState
		if err := json.Unmarshal(b, &k); err != nil {
			return nil, fmt.Errorf("alert: correlator state: %w", err)
		}
		if err := validateOpen(k.Open); err != nil {
			return nil, err
		}
		for id, b := range k.Open {
			if keep(i, b.Findings[0].Person) {
				all.Open[id] = b
			}
		}
		for user, t := range k.Tail {
			if keep(i, user) {
				all.Tail[user] = t
			}
		}
	}
	return json.Marshal(all)
}

// reindex rebuilds the index of open alerts by user.
func (d *Correlator) reindex() {
	for id, b := range d.open {
		d.indexUser(id, b.first)
		if b.Findings != nil {
			d.packLater(id, b)
		}
	}
}

// Prune drops alerts on days before a time (Unix milliseconds) that have no open exposure
// and are not of what the person may repeat: findings no longer change them. It keeps the tail of each series, so that later alerts join
// the right case.
func (d *Correlator) Prune(before int64) error {
	limit := at(before)
	var held []Draft
	tails := map[string]seriesTail{}
	for user, t := range d.tails {
		if limit.Sub(t.Time) <= caseGap+longestWindow || len(t.Cases) > 0 {
			t.Cases = nil
			tails[user] = t
		}
	}

	list, err := d.drafts()
	if err != nil {
		return err
	}
	for _, a := range list {
		b := d.open[a.ID]
		if b == nil || b.first.time >= before {
			continue
		}
		if a.mayChange(limit) {
			held = append(held, a)
		} else {
			d.drop(a.ID)
		}
		if t := tails[a.User]; a.Severity != Informational && !a.Health && a.Time.After(t.Time) {
			tails[a.User] = seriesTail{Time: a.Time, Case: a.Case}
		}
	}

	for _, a := range held {
		t := tails[a.User]
		if t.Cases == nil {
			t.Cases = map[string]string{}
		}
		t.Cases[a.ID] = a.Case
		tails[a.User] = t
	}

	d.tails = tails
	for user := range d.users { // cases are now assigned from the tails
		d.changed[user] = true
	}
	return nil
}

// goesOn is for how long after an alert, or a repetition, another one may be added to it.
const goesOn = 11 * 24 * time.Hour

// BatchSnapshot serialises the alerts on days that are not over at a time (Unix
// milliseconds). Scans store it; Store.Load reads it together with the final alerts.
func (d *Correlator) BatchSnapshot(at int64) ([]byte, error) {
	var b bytes.Buffer
	err := writeOpen(&b, d.open, func(x *openAlert) bool { return x.first.time >= at-event.Day })
	return b.Bytes(), err
}

// restoreBatch returns a correlator with the state of a batch snapshot and the final alerts.
func restoreBatch(snapshot []byte, done []Alert) (*Correlator, error) {
	d := NewCorrelator()
	if err := json.Unmarshal(snapshot, &d.open); err != nil {
		return nil, fmt.Errorf("alert: snapshot: %w", err)
	}
	if err := validateOpen(d.open); err != nil {
		return nil, err
	}
	if d.open == nil {
		d.open = map[string]*openAlert{}
	}
	addQualifiers(d.open)
	for _, b := range d.open {
		b.setFirst()
	}
	d.reindex()
	d.done = done
	return d, nil
}

// EraseFromState removes a user from a checkpoint or a batch snapshot.
func EraseFromState(b []byte, user string) ([]byte, error) {
	if len(b) == 0 {
		return b, nil
	}
	strip := func(open map[string]*openAlert) error {
		if err := validateOpen(open); err != nil {
			return err
		}
		for id, x := range open {
			if strings.EqualFold(x.Findings[0].Person, user) {
				delete(open, id)
			}
		}
		return nil
	}

	var shape map[string]json.RawMessage
	if err := json.Unmarshal(b, &shape); err != nil {
		return nil, fmt.Errorf("alert: correlator state: %w", err)
	}
	if _, keep := shape["Open"]; keep {
		var k checkpointState
		if err := json.Unmarshal(b, &k); err != nil {
			return nil, fmt.Errorf("alert: correlator state: %w", err)
		}
		if err := strip(k.Open); err != nil {
			return nil, err
		}
		delete(k.Tail, user)
		return json.Marshal(k)
	}

	var open map[string]*openAlert
	if err := json.Unmarshal(b, &open); err != nil {
		return nil, fmt.Errorf("alert: correlator state: %w", err)
	}
	if err := strip(open); err != nil {
		return nil, err
	}

	return json.Marshal(open)
}
