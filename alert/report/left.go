package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

// Left is an amount that left, of one kind, compared with what is usual.
type Left struct {
	Kind         string              `json:"kind"`                       // title of the detector
	Unit         string              `json:"unit"`                       // what is counted
	Days         int                 `json:"days"`                       // days on which it was unusual
	Observed     float64             `json:"observed"`                   // sum over these days, as the alerts state it
	Expected     float64             `json:"expected"`                   // on as many usual days of the person
	Peers        float64             `json:"peers"`                      // on as many usual days of a colleague
	Sources      []string            `json:"sources"`                    // short names
	Said         []string            `json:"said"`                       // what was done, a line for each day, the earliest first
	Destinations []alert.Destination `json:"destinations,omitempty"`     // who or what received something, the most frequent first
	Places       []alert.Destination `json:"places,omitempty"`           // containers of the listed items, the most frequent first
	Items        []alert.Item        `json:"items,omitempty"`            // the earliest first
	Unlisted     int                 `json:"items_not_listed,omitempty"` // events that are not in Items

	detector string
}

// Most lines of a kind of what left in a document that is read; JSON has all.
const (
	shownItems  = 50
	shownPlaces = 10
)

// Shown are the items that a document lists.
func (l *Left) Shown() []alert.Item { return l.Items[:min(len(l.Items), shownItems)] }

// NotShown is how many events a document does not list.
func (l *Left) NotShown() int { return l.Unlisted + len(l.Items) - len(l.Shown()) }

// From are the places that a document lists.
func (l *Left) From() []alert.Destination { return l.Places[:min(len(l.Places), shownPlaces)] }

// To are the destinations that a document lists.
func (l *Left) To() []alert.Destination {
	return l.Destinations[:min(len(l.Destinations), shownPlaces)]
}

// kinds are the kinds of evidence on the timeline, by title.
type kinds struct {
	found map[string]bool
	left  map[string]*Left // what left, by title and unit
}

// leaves reports whether a detector reports data that leaves. Where no traits are known, any may.
func (in *Input) leaves(detector string) bool {
	return len(in.Detectors) == 0 || in.Detectors[detector]&(finding.TakesData|finding.SharesOutside) != 0
}

// add adds the evidence of an alert.
func (k *kinds) add(in *Input, a *alert.Alert) {
	for i := range a.Evidence {
		e := &a.Evidence[i]
		k.found[e.Title] = true
		if e.Unit == "" || e.Observed <= 0 || !in.leaves(e.Detector) {
			continue
		}
		l := k.left[e.Title+e.Unit]
		if l == nil {
			l = &Left{Kind: Neutral(e.Title), Unit: clean(e.Unit), detector: e.Detector}
			k.left[e.Title+e.Unit] = l
		}
		l.Days++
		l.Observed += e.Observed
		l.Expected += e.Expected
		l.Peers += e.Peers
		for _, s := range e.Sources {
			if !slices.Contains(l.Sources, s) {
				l.Sources = append(l.Sources, s)
			}
		}
		l.Said = append(l.Said, Neutral(cmp.Or(e.Reason, a.Reason)))
		l.Items = append(l.Items, e.Items...)
		l.Unlisted += e.Unlisted
		l.Destinations = append(l.Destinations, e.Destinations...)
	}
}

// sorted returns what left, what departs most from what is usual first, with places and destinations summed up.
func (k *kinds) sorted() (list []Left) {
	list = []Left{}
	for _, l := range k.left {
		slices.SortStableFunc(l.Items, func(a, b alert.Item) int { return a.Time.Compare(b.Time) })
		places := make([]alert.Destination, 0, len(l.Items))
		for i := range l.Items {
			places = append(places, alert.Destination{Name: l.Items[i].Object.Container, Events: 1})
		}
		l.Places, l.Destinations = sumUp(places), sumUp(l.Destinations)
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b Left) int {
		return cmp.Or(cmp.Compare(b.Observed/(b.Expected+1), a.Observed/(a.Expected+1)), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Unit, b.Unit))
	})
	return list
}

// sumUp adds up the events of each name, the most frequent first, without those that have none.
func sumUp(list []alert.Destination) (out []alert.Destination) {
	events := map[string]int{}
	for _, x := range list {
		if x.Name != "" {
			events[x.Name] += x.Events
		}
	}
	for _, name := range slices.Sorted(maps.Keys(events)) {
		out = append(out, alert.Destination{Name: name, Events: events[name]})
	}
	slices.SortStableFunc(out, func(a, b alert.Destination) int { return cmp.Compare(b.Events, a.Events) })
	return out
}

// masked returns what left without names of people.
func (l Left) masked(m *alert.Mask, user string) Left {
	list := slices.Concat(l.Destinations, l.Places)
	a := m.Alert(&alert.Alert{User: user, Context: l.Said, Evidence: []alert.Evidence{{Items: l.Items, Destinations: list}}})
	e := &a.Evidence[0]
	l.Said, l.Items = a.Context, e.Items
	l.Destinations, l.Places = e.Destinations[:len(l.Destinations)], e.Destinations[len(l.Destinations):]
	return l
}

// addCharts adds charts by day of the metrics that were unusual, on the days on which they were. What an alert
// counted is drawn as it states it.
func (r *Review) addCharts(in *Input, user string, list []alert.Alert) {
	if in.Days == nil {
		return
	}
	days, err := in.Days(user, r.From, r.To)
	if err != nil {
		r.Unseen = append(r.Unseen, Unseen{"What was done day by day", "it could not be read: " + clean(err.Error())})
		return
	}
	if r.ActiveDays = len(days); r.ActiveDays == 0 {
		return
	}
	for i := range list {
		for j := range list[i].Evidence {
			r.addChart(in, days, list, &list[i].Evidence[j])
		}
	}
	slices.SortStableFunc(r.Days, func(a, b Series) int {
		return cmp.Or(-compareBool(a.leaves, b.leaves), cmp.Compare(b.worst, a.worst), cmp.Compare(a.Metric, b.Metric))
	})
	r.Days = r.Days[:min(len(r.Days), drawn)]
}

// compareBool compares two conditions: false comes before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// addChart adds the chart of what one evidence of the listed alerts counts, unless there is one.
func (r *Review) addChart(in *Input, days []finding.Activity, list []alert.Alert, e *alert.Evidence) {
	counted := func(x *finding.Amount) bool { return x.Detector == e.Detector && x.Unit == e.Unit }
	if e.Unit == "" || slices.ContainsFunc(r.Days, func(s Series) bool { return s.detector == e.Detector && s.Unit == e.Unit }) {
		return
	}
	marked := map[int64]bool{}
	out := slices.Clone(days)
	var of *finding.Amount
	for i := range out {
		d := &out[i]
		at := slices.IndexFunc(d.Counts, func(x finding.Amount) bool { return counted(&x) })
		if at < 0 {
			continue
		}
		of = &d.Counts[at]
		for j := range list {
			since := d.End - list[j].Time.UnixMilli()
			if since < 0 || since >= 24*time.Hour.Milliseconds() {
				continue
			}
			for k := range list[j].Evidence {
				if x := &list[j].Evidence[k]; x.Detector == e.Detector && x.Unit == e.Unit {
					d.Counts = slices.Clone(d.Counts)
					d.Counts[at].N, marked[d.End] = x.Observed, true
				}
			}
		}
	}
	if of == nil {
		return
	}
	if s := MakeSeries(out, of, func(d *finding.Activity) bool { return marked[d.End] }); s != nil {
		s.Title = upper(clean(strings.TrimSpace(e.Unit))) + " a day"
		s.detector, s.leaves = e.Detector, in.leaves(e.Detector)
		r.Days = append(r.Days, *s)
	}
}
