// Package score compares alerts with the ground truth of generated worlds (bench/world).
// bench/README.md defines the figures.
package score

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"time"
)

// Alert is what is read of an alert.
type Alert struct {
	Time     time.Time `json:"time"`
	User     string    `json:"user"` // of the world: aliases are resolved
	Score    float64   `json:"score"`
	Rate     float64   `json:"rate"`   // of alerts with that score or a higher one, per 1,000 user-days
	Health   bool      `json:"health"` // it is about the data
	Title    string    `json:"title"`
	Reason   string    `json:"reason"`
	EventIDs []string  `json:"event_ids"`
	basis
	Evidence []basis  `json:"evidence"`
	Receipt  *Receipt `json:"receipt"` // nil if there is none
}

// basis is the evidence of an alert or of a part of it.
type basis struct {
	Sources []string `json:"sources"`
	Window  struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"window"`
}

// nameless reports whether an alert rests on records of the Dropbox team log within an
// incident that contains such records. They have no identifiers an alert could name.
func (a *Alert) nameless(inc *Incident) bool {
	if len(inc.Events["dropbox"]) == 0 {
		return false
	}
	parts := a.Evidence
	if len(parts) == 0 {
		parts = []basis{a.basis}
	}
	return slices.ContainsFunc(parts, func(b basis) bool {
		return slices.Contains(b.Sources, "dropbox") && !b.Window.End.Before(inc.Start) && !b.Window.Start.After(inc.End)
	})
}

// Incident is an incident that was planted.
type Incident struct {
	ID, Scenario, Family string
	Users                []string
	Start, End           time.Time
	Intensity            float64             // 0 is stealthy, 1 blatant
	Note                 string              // what was done, in words; "" unless Scenario leaves it open
	Events               map[string][]string // ids by source
}

// Decoy is innocent activity that looks like an incident.
type Decoy struct {
	Type, User string
	Note       string // in words
	Start, End time.Time
}

// Truth is what is known of a world: its labels.json.
type Truth struct {
	Meta struct {
		TestStart time.Time `json:"test_start"`
		End       time.Time `json:"end"`
		UserDays  int       `json:"user_days_test"` // from TestStart to End
	}
	Incidents []Incident
	Decoys    []Decoy
	Aliases   map[string]string // users by the names of their further accounts
}

// Unit is what counts as one alert: a user's alerts of a UTC day (or, with Options.Native, a single
// one). Alerts inside and outside an incident's window form separate units.
type Unit struct {
	Best *Alert // the one with the highest score
	Hit  int    // index of the incident it belongs to, or -1
	User string
	Day  time.Time

	alerts []*Alert
}

// World is a world and the alerts about it.
type World struct {
	Truth
	Units []*Unit // those of the test period: see Between

	alerts []matched
}

// matched is an alert, and the unit that it belongs to.
type matched struct {
	Alert
	key
}

const (
	grace = 24 * time.Hour // after the end of an incident in which an alert still counts for it
	top   = 20             // units of a week that are looked at
)

// Budgets are the rates of false alerts per 1,000 user-days at which recall is measured.
var Budgets = []float64{1, 2, 5}

// Options are how alerts are counted.
type Options struct {
	Native   bool // every alert is a unit
	Receipts bool // keep the receipts of alerts
	Strict   bool // an alert counts for an incident only if it names one of its events
}

// Load reads the labels of a world and the alerts about it, one in a line. The error names the file.
func Load(labels, alerts string, o Options) (*World, error) {
	w := &World{}
	b, err := os.ReadFile(labels)
	if err != nil {
		return nil, err
	}
	if err = json.Unmarshal(b, &w.Truth); err != nil {
		return nil, fmt.Errorf("%s: %w", labels, err)
	}
	f, err := os.Open(alerts)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hits := newMatcher(&w.Truth, o.Strict)
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for n := 1; sc.Scan(); n++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		var a matched
		if err := json.Unmarshal(sc.Bytes(), &a.Alert); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", alerts, n, err)
		}
		if math.IsNaN(a.Score) {
			continue
		}
		a.key = hits.match(&a.Alert)
		if o.Native {
			a.n = n
		}
		a.EventIDs, a.Evidence = nil, nil
		if !o.Receipts {
			a.Receipt = nil
		}
		w.alerts = append(w.alerts, a)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", alerts, err)
	}
	w.Units = w.Between(w.Meta.TestStart, w.Meta.End)
	return w, nil
}

// Between returns the units of the alerts from a time to before another, by descending score; false
// alerts come first among equals.
func (w *World) Between(from, to time.Time) (list []*Unit) {
	units := map[key]*Unit{}
	for i := range w.alerts {
		a := &w.alerts[i]
		if a.Time.Before(from) || !a.Time.Before(to) {
			continue
		}
		u := units[a.key]
		if u == nil {
			u = &Unit{Best: &a.Alert, Hit: a.hit, User: a.user, Day: a.day}
			units[a.key] = u
			list = append(list, u)
		}
		if a.Score > u.Best.Score {
			u.Best = &a.Alert
		}
		u.alerts = append(u.alerts, &a.Alert)
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.Best.Score != b.Best.Score {
			return a.Best.Score > b.Best.Score
		}
		return a.Hit < 0 && b.Hit >= 0
	})
	return list
}

// key identifies a unit; n is the line of the alert with Options.Native, otherwise 0.
type key struct {
	user string
	day  time.Time
	hit  int
	n    int
}

// matcher finds the incident an alert hits.
type matcher struct {
	*Truth
	strict  bool
	windows map[string][]int  // incidents by user
	ids     []map[string]bool // labelled events of each incident
}

func newMatcher(t *Truth, strict bool) *matcher {
	m := &matcher{Truth: t, strict: strict, windows: map[string][]int{}, ids: make([]map[string]bool, len(t.Incidents))}
	for i, inc := range t.Incidents {
		for _, u := range inc.Users {
			m.windows[strings.ToLower(u)] = append(m.windows[strings.ToLower(u)], i)
		}
		m.ids[i] = map[string]bool{}
		for _, list := range inc.Events {
			for _, id := range list {
				m.ids[i][id] = true
			}
		}
	}
	return m
}

// match is the unit of an alert: its user, its UTC day, and the last incident it hits. It sets the
// alert's user to the one of the world.
func (m *matcher) match(a *Alert) key {
	if to, ok := m.Aliases[a.User]; ok {
		a.User = to
	}
	user := strings.ToLower(a.User)
	k := key{user: user, day: a.Time.UTC().Truncate(24 * time.Hour), hit: -1}
	for _, i := range m.windows[user] {
		inc := &m.Incidents[i]
		within := !a.Time.Before(inc.Start) && !a.Time.After(inc.End.Add(grace))
		if within && (!m.strict || names(a.EventIDs, m.ids[i]) || a.nameless(inc)) {
			k.hit = i
		}
	}
	return k
}

func names(list []string, ids map[string]bool) bool {
	for _, id := range list {
		if ids[id] {
			return true
		}
	}
	return false
}

// Threshold is the lowest score at which at most n of some units, by descending score, are false;
// −Inf if no more are false at all.
func Threshold(units []*Unit, n int) float64 {
	for _, u := range units {
		if u.Hit < 0 {
			if n--; n < 0 {
				return math.Nextafter(u.Best.Score, math.Inf(1))
			}
		}
	}
	return math.Inf(-1)
}

// Rescored is the world with other scores of its alerts.
func (w *World) Rescored(rescore func(*Alert) float64) *World {
	c := &World{Truth: w.Truth, alerts: slices.Clone(w.alerts)}
	for i := range c.alerts {
		c.alerts[i].Score = rescore(&c.alerts[i].Alert)
	}
	c.Units = c.Between(c.Meta.TestStart, c.Meta.End)
	return c
}

// At is the lowest score of the test period that keeps a budget of false alerts per 1,000 user-days.
func (w *World) At(budget float64) float64 {
	return Threshold(w.Units, int(budget*float64(w.Meta.UserDays)/1000))
}

// Found maps each incident that is found at a budget of false alerts per 1,000 user-days to the delay of
// the first alert.
func (w *World) Found(budget float64) map[int]time.Duration { return w.found(w.At(budget)) }

// found maps each incident with an alert at or above a score to the delay of the first one.
func (w *World) found(score float64) map[int]time.Duration {
	m := map[int]time.Duration{}
	for _, u := range w.Units {
		for _, a := range u.alerts {
			if u.Hit < 0 || a.Score < score {
				continue
			}
			d := a.Time.Sub(w.Incidents[u.Hit].Start)
			if old, ok := m[u.Hit]; !ok || d < old {
				m[u.Hit] = d
			}
		}
	}
	return m
}

// Report holds the figures. Shares are between 0 and 1; the three
// values of a table belong to the three budgets.
type Report struct {
	Worlds, Incidents, UserDays int
	Recall                      map[string]float64    // by budget, with a threshold per world
	RecallLow, RecallHigh       map[string]float64    // 95 % Wilson interval
	RecallShared                map[string]float64    // by budget, with one threshold for all worlds
	ByScenario                  map[string][3]float64 // recall at the budgets
	ByFamily                    map[string][3]float64
	ByIntensity                 map[string][3]float64
	PrecisionAt20, FoundAt20    float64
	HoursMedian, HoursP90       float64 // time to detect at the middle budget
	EmittedRecall, EmittedFalse float64 // of all alerts in the file; false ones per 1,000 user-days
	FalseOnDecoys               map[string]int
	FalseElsewhere              int
}

// tally counts incidents found by label: one count per budget, then the incidents.
type tally map[string]*[4]int

func (t tally) add(label string, budget int, hit bool) {
	c := t[label]
	if c == nil {
		c = &[4]int{}
		t[label] = c
	}
	if budget == 0 {
		c[3]++
	}
	if hit {
		c[budget]++
	}
}

func (t tally) rates() map[string][3]float64 {
	m := map[string][3]float64{}
	for k, c := range t {
		n := float64(c[3])
		m[k] = [3]float64{float64(c[0]) / n, float64(c[1]) / n, float64(c[2]) / n}
	}
	return m
}

// BudgetName is the key of a budget in the maps of a Report: 2/1000.
func BudgetName(b float64) string { return fmt.Sprintf("%g/1000", b) }

// Evaluate computes the figures of some worlds.
func Evaluate(worlds []*World) *Report {
	r := &Report{
		Worlds: len(worlds), Recall: map[string]float64{}, RecallLow: map[string]float64{},
		RecallHigh: map[string]float64{}, RecallShared: map[string]float64{}, FalseOnDecoys: map[string]int{},
	}
	var all []*Unit
	for _, w := range worlds {
		r.Incidents += len(w.Incidents)
		r.UserDays += w.Meta.UserDays
		all = append(all, w.Units...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Best.Score > all[j].Best.Score })
	scenario, family, intensity := tally{}, tally{}, tally{}
	var delays []float64
	for k, b := range Budgets {
		hits, shared := 0, 0
		common := Threshold(all, int(b*float64(r.UserDays)/1000))
		for _, w := range worlds {
			at := w.At(b)
			found := w.found(at)
			hits += len(found)
			shared += len(w.found(common))
			for i, inc := range w.Incidents {
				d, ok := found[i]
				scenario.add(inc.Scenario, k, ok)
				family.add(inc.Family, k, ok)
				intensity.add([]string{"stealthy", "middling", "blatant"}[min(2, int(inc.Intensity*3))], k, ok)
				if ok && k == 1 {
					delays = append(delays, d.Hours())
				}
			}
			if k == 1 {
				w.blame(at, r)
			}
		}
		name := BudgetName(b)
		r.Recall[name] = float64(hits) / float64(r.Incidents)
		r.RecallLow[name], r.RecallHigh[name] = wilson(hits, r.Incidents)
		r.RecallShared[name] = float64(shared) / float64(r.Incidents)
	}
	r.ByScenario, r.ByFamily, r.ByIntensity = scenario.rates(), family.rates(), intensity.rates()
	sort.Float64s(delays)
	if n := len(delays); n > 0 {
		r.HoursMedian, r.HoursP90 = delays[n/2], delays[n*9/10]
	}
	r.weekly(worlds)
	emitted, wrong := 0, 0
	for _, w := range worlds {
		emitted += len(w.found(math.Inf(-1)))
		for _, u := range w.Units {
			if u.Hit < 0 {
				wrong++
			}
		}
	}
	r.EmittedRecall, r.EmittedFalse = float64(emitted)/float64(r.Incidents), 1000*float64(wrong)/float64(r.UserDays)
	return r
}

// blame attributes the false alerts at or above a score to the decoys they fall on.
func (w *World) blame(score float64, r *Report) {
	for _, u := range w.Units {
		if u.Hit >= 0 || u.Best.Score < score {
			continue
		}
		if d := w.Decoy(u); d != nil {
			r.FalseOnDecoys[d.Type]++
		} else {
			r.FalseElsewhere++
		}
	}
}

// Decoy is the decoy that a unit falls on; nil if there is none.
func (w *World) Decoy(u *Unit) (on *Decoy) {
	for i := range w.Decoys {
		d := &w.Decoys[i]
		if strings.EqualFold(d.User, u.User) && u.Day.Before(d.End.Add(grace)) && u.Day.Add(grace).After(d.Start) {
			on = d
		}
	}
	return on
}

// weekly computes the figures on the 20 best units of every seven days of the test period.
func (r *Report) weekly(worlds []*World) {
	weeks, precision, found := 0, 0.0, 0
	for _, w := range worlds {
		seen := map[int]bool{}
		for from := w.Meta.TestStart; from.Add(4 * 24 * time.Hour).Before(w.Meta.End); from = from.AddDate(0, 0, 7) {
			n, good := 0, 0
			for _, u := range w.Units {
				if u.Day.Before(from) || !u.Day.Before(from.AddDate(0, 0, 7)) || n == top {
					continue
				}
				if n++; u.Hit >= 0 {
					good++
					seen[u.Hit] = true
				}
			}
			if n > 0 {
				precision += float64(good) / float64(n)
				weeks++
			}
		}
		found += len(seen)
	}
	if weeks > 0 {
		r.PrecisionAt20 = precision / float64(weeks)
	}
	r.FoundAt20 = float64(found) / float64(r.Incidents)
}

// wilson is the 95 % confidence interval of a proportion.
func wilson(k, n int) (lo, hi float64) {
	const z = 1.96
	p, m := float64(k)/float64(n), float64(n)
	mid, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return (mid - half) / (1 + z*z/m), (mid + half) / (1 + z*z/m)
}
