// Package detect judges people by their events. It keeps what is usual for a
// person, for colleagues and for the organisation, and says in findings where
// somebody departs from it, or does what needs no comparison.
//
// It reads a log of events, keyed by person and ordered by time, and gives
// findings. It owns the state of a partition (Store); it reads no clock: the only
// time it knows is that of the events. docs/scoring.md explains the model.
package detect

import (
	"slices"

	"github.com/outflow/outflow/internal/event"
)

// Detector is one judgement: what it counts, what it notices, and how it puts
// that into words. It is a value; all its functions are pure.
type Detector struct {
	Name       string   // in findings, configuration, docs and stored state
	Title      string   // in a few words
	Techniques []string // MITRE ATT&CK, in the numbering of version 18
	Weight     float64  // of its counts in the score; 0 stands for 1
	Metrics    []Metric
	Indicators []Indicator
	// Floor is the absolute floor: whether the day's counts are worth telling
	// anybody at all, however unusual they are. Nil means that they always are.
	Floor func(now Counts) bool
	// Reason says in one clause what was done, with numbers: "downloaded 143
	// files, 120 of them never opened before". It is asked only if the detector's
	// counts contribute; facts speak for themselves.
	Reason func(now *Day) string
	// Exfiltration says that the detector sees data leave, so that its findings weigh
	// more before somebody leaves, and count towards a slow drip.
	Exfiltration bool
	// Compromise says that the detector sees somebody else behind the account, so
	// that data taken out on the same day weighs more.
	Compromise bool
}

// Metric is something counted per person and day.
type Metric struct {
	Name           string  // stored key: a renamed metric starts anew
	Unit           string  // plural, for people
	Weight         float64 // how much a surprise about it matters, against others; 0 stands for 1
	HalfSaturation float64 // the judged count at which a surprise has half its weight: small amounts do little harm
	Scale          Scale
	Slow           bool // a lasting shift of its rate is looked for
	Burst          bool // the most within a burst is judged, rather than the total of the day
	// History says that what is counted is told by what was there before: files never
	// opened, recipients not written to. Where hardly a day is known, everything is new.
	History bool
	// Decay, if it is not 0, makes the count go on from day to day: what is left of it
	// after a day. It is judged on days that add to it.
	Decay float64
	On    []event.Class
	// Measure is how much an act adds; 0 if nothing.
	Measure func(a *Enriched) float64
}

// Scale maps a total to the count that is judged. Rows and bytes vary over many
// orders of magnitude, so their square root is.
type Scale uint8

// The scales.
const (
	Linear    Scale = iota
	Root            // ⌊√x⌋
	RootBytes       // ⌊√(x / 100 kB)⌋
)

// Indicator is something noticed on a single act, without a baseline. How much it
// says depends on how rare it is in the organisation.
type Indicator struct {
	Name     string // stored key
	Weight   float64
	Impact   int // at least: 1 … 3
	On       []event.Class
	Once     bool // further acts of the day say nothing new
	Match    func(a *Enriched) bool
	Describe func(a *Enriched) string // a clause for people; nil if the fact only adds weight
	// Persists names the fact of the same detector that holds in place of this one
	// where what the act laid open, or switched off, is not undone within hours.
	Persists string
}

// All lists the detectors in the order of their group in docs/detectors.
var All = []*Detector{
	bulkDownload, appDownload, syncDownload, chatDownload, crmExport, crmQuery, objectStoreRead, massClone, accountExport, slowDrip,
	publicLink, externalSharing, personalMailbox, forbiddenDomain, labelledItem, sharingPolicy, labelDowngrade,
	bucketPublic, publicAccessGuard, securityGroupOpen, snapshotShared,
	adminGrant, selfGrant, appConsent,
	bruteForce, mfaFatigue, mfaRemoved, unfamiliarSignIn, authenticationPolicy, vendorAlert,
	terminatedUserActivity, leaverTakeout, mailForwarding, massDeletion, accessLeftBehind,
	loggingDisabled,
	takeoutSequence, compromiseTakeout, privilegeTakeout,
	userRule,
	sourceSilent, sourceLate, hrFeed, unresolvedIdentity, sourceGap, namesLeftOut,
}

// busy is harmless activity. It is not judged: it says how busy somebody is, and
// much work explains much else.
var busy = []Metric{
	{Name: "views", On: []event.Class{event.View}, Measure: one},
	{Name: "edits", On: []event.Class{event.Edit}, Measure: one},
	{Name: "uploads", On: []event.Class{event.Upload}, Measure: one},
	{Name: "internal_shares", On: []event.Class{event.ShareUser}, Measure: func(a *Enriched) float64 { return float64(a.Internal) }},
	{Name: "fetches", On: []event.Class{event.Fetch}, Measure: one},
	{Name: "pushes", On: []event.Class{event.Push}, Measure: one},
	{Name: "report_runs", On: []event.Class{event.ReportRun}, Measure: one},
	{Name: "queries", On: []event.Class{event.Query}, Measure: one},
	{Name: "logins", On: []event.Class{event.LoginSuccess}, Measure: one},
}

func one(*Enriched) float64 { return 1 }

// when counts an act as one if a condition holds.
func when(holds func(a *Enriched) bool) func(*Enriched) float64 {
	return func(a *Enriched) float64 {
		if holds(a) {
			return 1
		}
		return 0
	}
}

// metric is a Metric in the flat list that state is kept by.
type metric struct {
	*Metric
	detector int // index in All, or -1 if it only says how busy somebody is
	harm     float64
	carried  int // index among those that go on from day to day, or -1
}

// fact is a Fact in the flat list.
type fact struct {
	*Indicator
	detector int
	lasting  int // index of the fact that Lasts names, or -1
}

// The flat lists: judged metrics first, then the busy ones.
var (
	metrics  []metric
	facts    []fact
	judged   int   // how many of the metrics are judged
	slow     []int // metrics looked at for lasting shifts
	carried  []int // metrics that go on from day to day
	groups   [][]int
	onClass  [256][]int // metrics by class
	factsOn  [256][]int
	index    = map[string]int{} // metric by name
	detected = map[string]int{} // detector by name
)

func init() {
	groups = make([][]int, len(All))
	for d, det := range All {
		detected[det.Name] = d
		for i := range det.Metrics {
			m := metric{&det.Metrics[i], d, det.Metrics[i].Weight, -1}
			if m.harm == 0 {
				m.harm = 1
			}
			groups[d] = append(groups[d], len(metrics))
			if m.Decay > 0 {
				m.carried = len(carried)
				carried = append(carried, len(metrics))
			}
			if m.Slow {
				slow = append(slow, len(metrics))
			}
			metrics = append(metrics, m)
		}
		for i := range det.Indicators {
			facts = append(facts, fact{&det.Indicators[i], d, -1})
		}
	}
	for i := range facts {
		if facts[i].Persists != "" {
			facts[i].lasting = slices.IndexFunc(facts, func(f fact) bool { return f.Name == facts[i].Persists })
		}
	}
	judged = len(metrics)
	for i := range busy {
		metrics = append(metrics, metric{&busy[i], -1, 0, -1})
	}
	for i, m := range metrics {
		index[m.Name] = i
		rare = append(rare, rareCounts[m.Name])
		for _, c := range m.On {
			onClass[c] = append(onClass[c], i)
		}
	}
	for i, f := range facts {
		for _, c := range f.On {
			factsOn[c] = append(factsOn[c], i)
		}
	}
}

// metric is the index of one of the detector's metrics. It panics if there is none of the name.
func (d *Detector) metric(name string) int {
	for i := range d.Metrics {
		if d.Metrics[i].Name == name {
			return i
		}
	}
	panic("detect: " + d.Name + " has no metric " + name)
}

// weight of a detector's counts in the score.
func (d *Detector) weight() float64 {
	if d.Weight == 0 {
		return 1
	}
	return d.Weight
}
