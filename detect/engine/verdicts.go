package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Outcome is what people found out about an alert.
type Outcome int8

// The outcomes.
const (
	Undecided Outcome = iota // nobody has decided, or the decision was taken back
	Dismissed                // nothing was wrong
	Confirmed                // the activity was what the alert reports
)

// Verdict is a decision of people about an alert.
type Verdict struct {
	Alert    string            // its id
	Person   string            // whom it is about
	Seq      int64             // of several about one alert the one with the highest counts
	At       int64             // when, Unix milliseconds: it counts from the end of this hour on, for a year
	Outcome  Outcome           // of the alert
	Subjects []finding.Subject // of the alert's receipt
}

// decided is a verdict as the state keeps it.
type decided struct {
	Seq, At int64
	Person  uint64 // hash
	Outcome Outcome
	Keys    []uint64 // of its subjects
}

// opinion counts verdicts.
type opinion struct{ dismissed, confirmed int }

const (
	maxDecided   = 1 << 14
	verdictLasts = 365 * event.Day
	fewVerdicts  = 3 // verdicts of nobody, which those that there are are weighed against
)

// What verdicts about a detector's alerts are counted for, in the order of the features.
const (
	subjectDetector = iota
	subjectPlace
	subjectApplication
	subjectFunction
	subjects
)

// subjectWords say what verdicts of a kind have in common.
var subjectWords = [subjects]string{"", " in this place", " with this application", " in this department"}

// subjectKeys are what verdicts about a detector's evidence of today are counted for; 0 where there is none.
func (p *person) subjectKeys(g int) (keys [subjects]uint64) {
	d := p.catalog.detectors[g]
	if d.Mechanism != detect.NoMechanism || d.Has(finding.NeverSuppressed) {
		return keys
	}
	keys[subjectDetector] = hash(ofVerdict, d.Name)
	if p.Department != "" {
		keys[subjectFunction] = hash(ofVerdict, d.Name, "function", p.Department)
	}
	if pr := p.Day.Proof[g]; pr != nil {
		if place, _ := top(pr.Places); place != "" {
			keys[subjectPlace] = hash(ofVerdict, d.Name, "place", place)
		}
		if app, _ := top(pr.Apps); app != "" {
			keys[subjectApplication] = hash(ofVerdict, d.Name, "application", strings.ToLower(app))
		}
	}
	return keys
}

// subjects are what a verdict about the alert of a day would be counted for: detectors with at least half of
// the points of the strongest.
func (e *Engine) subjects(p *person, v *verdict) (list []finding.Subject) {
	most := slices.Max(v.points)
	hex := func(key uint64) string {
		if key == 0 {
			return ""
		}
		return fmt.Sprintf("%016x", key)
	}
	for g, w := range v.points {
		if keys := p.subjectKeys(g); w > 0 && w >= most/2 && keys[subjectDetector] != 0 {
			list = append(list, finding.Subject{
				Detector: e.catalog.detectors[g].Name, Place: hex(keys[subjectPlace]),
				Application: hex(keys[subjectApplication]), Function: hex(keys[subjectFunction]),
			})
		}
	}
	return list
}

// keysOf are the keys of subjects; those that are none are left out.
func keysOf(list []finding.Subject) (keys []uint64) {
	for _, s := range list {
		keys = append(keys, hash(ofVerdict, s.Detector))
		for _, text := range []string{s.Place, s.Application, s.Function} {
			if key, err := strconv.ParseUint(text, 16, 64); err == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// noteVerdicts puts verdicts that are new, as of the end of an hour, into a delta of the engine's.
func (e *Engine) noteVerdicts(own []*delta, end int64) {
	if e.config.verdicts == nil {
		return
	}
	i := slices.IndexFunc(own, func(b *delta) bool { return b != nil })
	if i < 0 {
		return
	}
	for _, v := range e.config.verdicts() {
		if d, known := e.Decided[v.Alert]; v.At < end && v.At > end-verdictLasts && (!known || v.Seq > d.Seq) {
			own[i].Verdicts, own[i].touched = append(own[i].Verdicts, v), true
		}
	}
}

// applyVerdicts takes in verdicts, in their order, and forgets old ones at the end of a day.
func (e *Engine) applyVerdicts(list []Verdict, end int64) {
	changed := false
	for i := range list {
		v := &list[i]
		d, known := e.Decided[v.Alert]
		if known && v.Seq <= d.Seq || !known && len(e.Decided) >= maxDecided {
			continue
		}
		e.Decided[strings.Clone(v.Alert)] = decided{v.Seq, v.At, hash(ofUser, v.Person), v.Outcome, keysOf(v.Subjects)}
		changed = true
	}
	if end%event.Day == 0 {
		maps.DeleteFunc(e.Decided, func(_ string, d decided) bool {
			old := d.At <= end-verdictLasts
			changed = changed || old
			return old
		})
	}
	if changed {
		e.weighVerdicts()
	}
}

// forgetVerdicts forgets the verdicts about the alerts of a person.
func (e *Engine) forgetVerdicts(name string) {
	who := hash(ofUser, name)
	maps.DeleteFunc(e.Decided, func(_ string, d decided) bool { return d.Person == who })
	e.weighVerdicts()
}

// weighVerdicts counts the verdicts by what they are about.
func (e *Engine) weighVerdicts() {
	e.opinions = map[uint64]opinion{}
	for _, d := range e.Decided {
		for _, key := range d.Keys {
			e.opinions[key] = e.opinions[key].plus(d.Outcome, 1)
		}
	}
}

// plus adds verdicts of an outcome.
func (o opinion) plus(x Outcome, n int) opinion {
	switch x {
	case Dismissed:
		o.dismissed += n
	case Confirmed:
		o.confirmed += n
	}
	return o
}

// share is what verdicts say, from −1 (all dismissed) to 1: little while there are few.
func (o opinion) share() float64 {
	return float64(o.confirmed-o.dismissed) / float64(o.confirmed+o.dismissed+fewVerdicts)
}

// opinionsOn are the verdicts about what a detector saw today, on other days of people.
func (e *Engine) opinionsOn(p *person, g int) (list [subjects]opinion) {
	own := e.Decided[episodeID(p.Name, p.Day.End)]
	for k, key := range p.subjectKeys(g) {
		if key == 0 {
			continue
		}
		list[k] = e.opinions[key]
		if slices.Contains(own.Keys, key) {
			list[k] = list[k].plus(own.Outcome, -1)
		}
	}
	return list
}

// heed adds the features of what verdicts about such evidence say, by the detectors' share of the points. What they
// change is bounded by the weights, and does not change what a day scores at least.
func (e *Engine) heed(p *person, v *verdict, sum float64, add func(int, float64)) {
	if len(e.opinions) == 0 {
		return
	}
	var said [subjects]float64
	for g, w := range v.points {
		if w <= 0 || e.catalog.detectors[g].Mechanism != detect.NoMechanism {
			continue
		}
		for k, o := range e.opinionsOn(p, g) {
			said[k] += float64(w / sum * o.share())
		}
	}
	for k, x := range said {
		add(featVerdictDetector+k, x)
	}
}

// sayVerdicts says which verdicts a feature is about: those of the detector with the most points that has any.
func (e *Engine) sayVerdicts(p *person, v *verdict, feature int) string {
	if isCircumstance(feature) || feature >= int(contextFeatures) {
		return ""
	}
	kind, words, most := feature-featVerdictDetector, "", 0.0
	for g, w := range v.points {
		if w <= most || e.catalog.detectors[g].Mechanism != detect.NoMechanism {
			continue
		}
		o := e.opinionsOn(p, g)[kind]
		if o == (opinion{}) {
			continue
		}
		most = w
		words = fmt.Sprintf("%s%s: %s", detect.Amount(float64(o.dismissed+o.confirmed), "verdict", "verdicts")+" about "+
			e.catalog.detectors[g].Name, subjectWords[kind], o)
	}
	return words
}

// String says how many were dismissed, and how many confirmed.
func (o opinion) String() string {
	switch {
	case o.confirmed == 0:
		return fmt.Sprintf("%d dismissed", o.dismissed)
	case o.dismissed == 0:
		return fmt.Sprintf("%d confirmed", o.confirmed)
	}
	return fmt.Sprintf("%d dismissed, %d confirmed", o.dismissed, o.confirmed)
}

// Lesson is what the verdicts about a subject change.
type Lesson struct {
	Subject   string   `json:"subject"`   // detector, place, application or function
	Detector  string   `json:"detector"`  // whose alerts it is about
	Alerts    []string `json:"alerts"`    // that were decided, by id
	Dismissed int      `json:"dismissed"` // of them
	Confirmed int      `json:"confirmed"` // of them
	// Points are by how much such evidence raises the score of another day, where no other detector has a part
	// in it and the score is well above zero; may be negative.
	Points float64 `json:"points"`
}

// subjectNames are the kinds of subjects.
var subjectNames = [subjects]string{"detector", "place", "application", "function"}

// Lessons are what verdicts change at a time (Unix milliseconds): those about the same subject together, the
// strongest first.
func (c *Catalog) Lessons(list []Verdict, now int64) (all []Lesson) {
	latest := map[string]*Verdict{}
	for i := range list {
		v := &list[i]
		if have := latest[v.Alert]; v.At > now-verdictLasts && (have == nil || v.Seq > have.Seq) {
			latest[v.Alert] = v
		}
	}
	type subject struct {
		kind     int
		detector string
		key      string
	}
	found := map[subject]*Lesson{}
	for _, id := range slices.Sorted(maps.Keys(latest)) {
		v := latest[id]
		if v.Outcome == Undecided {
			continue
		}
		for _, s := range v.Subjects {
			for kind, key := range [subjects]string{s.Detector, s.Place, s.Application, s.Function} {
				if key == "" {
					continue
				}
				x := found[subject{kind, s.Detector, key}]
				if x == nil {
					x = &Lesson{Subject: subjectNames[kind], Detector: s.Detector}
					found[subject{kind, s.Detector, key}] = x
				}
				o := opinion{x.Dismissed, x.Confirmed}.plus(v.Outcome, 1)
				x.Alerts, x.Dismissed, x.Confirmed = append(x.Alerts, v.Alert), o.dismissed, o.confirmed
				x.Points = round3(o.share() * c.layer.weight[featVerdictDetector+kind] * c.layer.scale)
			}
		}
	}
	for _, x := range found {
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Lesson) int {
		return cmp.Or(-cmp.Compare(math.Abs(a.Points), math.Abs(b.Points)), cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Detector, b.Detector), slices.Compare(a.Alerts, b.Alerts))
	})
	return all
}
