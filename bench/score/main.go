// Command score compares alerts with the ground truth of generated worlds (see bench/world).
//
//	score [-json] [-strict] [-unit user-day|native] labels.json alerts.ndjson [labels.json alerts.ndjson …]
//
// bench/README.md defines the figures it prints.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"time"
)

type alert struct {
	Time     time.Time `json:"time"`
	User     string    `json:"user"`
	Detector string    `json:"detector"`
	Score    float64   `json:"score"`
	EventIDs []string  `json:"event_ids"`
	basis
	Evidence []basis `json:"evidence"`
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
func (a *alert) nameless(inc *incident) bool {
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

type incident struct {
	ID, Scenario, Family string
	Users                []string
	Start, End           time.Time
	Intensity            float64
	Events               map[string][]string
}

type decoy struct {
	Type, User string
	Start, End time.Time
}

type truth struct {
	Meta struct {
		TestStart time.Time `json:"test_start"`
		End       time.Time `json:"end"`
		UserDays  int       `json:"user_days_test"`
	}
	Incidents []incident
	Decoys    []decoy
	Aliases   map[string]string
}

// unit is what counts as one alert: a user's alerts of a UTC day (or, with -unit native,
// a single one). Alerts inside and outside an incident's window form separate units.
type unit struct {
	score float64
	times []timed // its alerts
	hit   int     // index of the incident it belongs to, or -1
	user  string
	day   time.Time
}

type timed struct {
	at    time.Time
	score float64
}

type world struct {
	truth
	units []*unit // by descending score; false alerts come first among equals
}

const (
	grace = 24 * time.Hour
	top   = 20
)

var budgets = []float64{1, 2, 5}

// load reads the labels of a world and the alerts about it. native makes a unit of every
// alert; strict counts an alert only if it names a labelled event.
func load(labels, alerts string, native, strict bool) (*world, error) {
	w := &world{}
	b, err := os.ReadFile(labels)
	if err != nil {
		return nil, err
	}
	if err = json.Unmarshal(b, &w.truth); err != nil {
		return nil, fmt.Errorf("%s: %w", labels, err)
	}
	f, err := os.Open(alerts)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hits := newMatcher(&w.truth, strict)
	units := map[key]*unit{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for n := 1; sc.Scan(); n++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		var a alert
		if err := json.Unmarshal(sc.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", alerts, n, err)
		}
		if a.Time.Before(w.Meta.TestStart) || !a.Time.Before(w.Meta.End) || math.IsNaN(a.Score) {
			continue
		}
		k := hits.match(&a)
		if native {
			k.n = n
		}
		u := units[k]
		if u == nil {
			u = &unit{score: math.Inf(-1), hit: k.hit, user: k.user, day: k.day}
			units[k] = u
			w.units = append(w.units, u)
		}
		u.score = max(u.score, a.Score)
		u.times = append(u.times, timed{a.Time, a.Score})
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", alerts, err)
	}
	sort.SliceStable(w.units, func(i, j int) bool {
		a, b := w.units[i], w.units[j]
		if a.score != b.score {
			return a.score > b.score
		}
		return a.hit < 0 && b.hit >= 0
	})
	return w, nil
}

// key identifies a unit; n is the line of the alert with -unit native, otherwise 0.
type key struct {
	user string
	day  time.Time
	hit  int
	n    int
}

// matcher finds the incident an alert hits.
type matcher struct {
	*truth
	strict  bool
	windows map[string][]int  // incidents by user
	ids     []map[string]bool // labelled events of each incident
}

func newMatcher(t *truth, strict bool) *matcher {
	m := &matcher{truth: t, strict: strict, windows: map[string][]int{}, ids: make([]map[string]bool, len(t.Incidents))}
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

// match is the unit of an alert: its user, its UTC day, and the last incident it hits.
func (m *matcher) match(a *alert) key {
	user := a.User
	if to, ok := m.Aliases[user]; ok {
		user = to
	}
	user = strings.ToLower(user)
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

// threshold is the lowest score at which at most n units are false.
func threshold(units []*unit, n int) float64 {
	for _, u := range units {
		if u.hit < 0 {
			if n--; n < 0 {
				return math.Nextafter(u.score, math.Inf(1))
			}
		}
	}
	return math.Inf(-1)
}

// found maps each incident with an alert at or above a score to the delay of the first one.
func (w *world) found(score float64) map[int]time.Duration {
	m := map[int]time.Duration{}
	for _, u := range w.units {
		for _, t := range u.times {
			if u.hit < 0 || t.score < score {
				continue
			}
			d := t.at.Sub(w.Incidents[u.hit].Start)
			if old, ok := m[u.hit]; !ok || d < old {
				m[u.hit] = d
			}
		}
	}
	return m
}

// report holds the figures that score prints. Shares are between 0 and 1; the three
// values of a table belong to the three budgets.
type report struct {
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

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	strict := flag.Bool("strict", false, "an alert only counts for an incident if it names one of its events")
	by := flag.String("unit", "user-day", "user-day, or native to count every alert")
	flag.Parse()
	if flag.NArg() < 2 || flag.NArg()%2 != 0 || *by != "user-day" && *by != "native" {
		flag.Usage()
		os.Exit(2)
	}
	var worlds []*world
	for i := 0; i < flag.NArg(); i += 2 {
		w, err := load(flag.Arg(i), flag.Arg(i+1), *by == "native", *strict)
		if err != nil {
			fmt.Fprintln(os.Stderr, "score:", err)
			os.Exit(1)
		}
		worlds = append(worlds, w)
	}
	r := evaluate(worlds)
	if *asJSON {
		b, err := json.MarshalIndent(r, "", " ")
		if err != nil { // without incidents a recall is no number
			fmt.Fprintln(os.Stderr, "score:", err)
			os.Exit(1)
		}
		fmt.Println(string(b))
		return
	}
	r.print()
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

func budgetName(b float64) string { return fmt.Sprintf("%g/1000", b) }

func evaluate(worlds []*world) *report {
	r := &report{Worlds: len(worlds), Recall: map[string]float64{}, RecallLow: map[string]float64{},
		RecallHigh: map[string]float64{}, RecallShared: map[string]float64{}, FalseOnDecoys: map[string]int{}}
	var all []*unit
	for _, w := range worlds {
		r.Incidents += len(w.Incidents)
		r.UserDays += w.Meta.UserDays
		all = append(all, w.units...)
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].score > all[j].score })
	scenario, family, intensity := tally{}, tally{}, tally{}
	var delays []float64
	for k, b := range budgets {
		hits, shared := 0, 0
		common := threshold(all, int(b*float64(r.UserDays)/1000))
		for _, w := range worlds {
			at := threshold(w.units, int(b*float64(w.Meta.UserDays)/1000))
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
		name := budgetName(b)
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
		for _, u := range w.units {
			if u.hit < 0 {
				wrong++
			}
		}
	}
	r.EmittedRecall, r.EmittedFalse = float64(emitted)/float64(r.Incidents), 1000*float64(wrong)/float64(r.UserDays)
	return r
}

// blame attributes the false alerts at or above a score to the decoys they fall on.
func (w *world) blame(score float64, r *report) {
	for _, u := range w.units {
		if u.hit >= 0 || u.score < score {
			continue
		}
		on := ""
		for _, d := range w.Decoys {
			if strings.EqualFold(d.User, u.user) && u.day.Before(d.End.Add(grace)) && u.day.Add(grace).After(d.Start) {
				on = d.Type
			}
		}
		if on != "" {
			r.FalseOnDecoys[on]++
		} else {
			r.FalseElsewhere++
		}
	}
}

// weekly computes the figures on the 20 best units of every seven days of the test period.
func (r *report) weekly(worlds []*world) {
	weeks, precision, found := 0, 0.0, 0
	for _, w := range worlds {
		seen := map[int]bool{}
		for from := w.Meta.TestStart; from.Add(4 * 24 * time.Hour).Before(w.Meta.End); from = from.AddDate(0, 0, 7) {
			n, good := 0, 0
			for _, u := range w.units {
				if u.day.Before(from) || !u.day.Before(from.AddDate(0, 0, 7)) || n == top {
					continue
				}
				if n++; u.hit >= 0 {
					good++
					seen[u.hit] = true
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

func (r *report) print() {
	fmt.Printf("%d worlds, %d incidents, %d user-days under test\n\n", r.Worlds, r.Incidents, r.UserDays)
	fmt.Println("budget (false alerts)   recall   95 % interval   one threshold for all worlds")
	for _, b := range budgets {
		n := budgetName(b)
		fmt.Printf("%-22s  %5.1f %%   %4.1f – %4.1f %%   %5.1f %%\n", n+" user-days", 100*r.Recall[n], 100*r.RecallLow[n],
			100*r.RecallHigh[n], 100*r.RecallShared[n])
	}
	fmt.Printf("\nprecision@20 per week  %5.1f %%   incidents in a weekly top 20  %5.1f %%\n", 100*r.PrecisionAt20, 100*r.FoundAt20)
	fmt.Printf("time to detect         median %.1f h, 90th percentile %.1f h (at 2/1000)\n", r.HoursMedian, r.HoursP90)
	fmt.Printf("as emitted             recall %.1f %% at %.2f false alerts per 1,000 user-days\n", 100*r.EmittedRecall, r.EmittedFalse)
	for _, part := range []struct {
		title string
		rows  map[string][3]float64
	}{{"intensity", r.ByIntensity}, {"family", r.ByFamily}, {"scenario", r.ByScenario}} {
		fmt.Printf("\n%-28s  1/1000  2/1000  5/1000\n", part.title)
		var keys []string
		for k := range part.rows {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			v := part.rows[k]
			fmt.Printf("%-28s  %5.0f %%  %5.0f %%  %5.0f %%\n", k, 100*v[0], 100*v[1], 100*v[2])
		}
	}
	fmt.Printf("\nfalse alerts at 2/1000: %d elsewhere", r.FalseElsewhere)
	for _, k := range slices.Sorted(maps.Keys(r.FalseOnDecoys)) {
		fmt.Printf(", %d %s", r.FalseOnDecoys[k], k)
	}
	fmt.Println()
}
