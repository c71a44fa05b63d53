// Package detect is the contract between the engine and the detectors: what a detector is,
// what it may see of an event (Enriched) and of a person's day (Day), and the words for both.
//
// A detector is a value without state. It cannot reach the engine, and the engine knows none
// by its name. Package detectors has the values, package engine the state machine that feeds
// them.
package detect

import (
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// Detector looks for one thing: what it counts, what it notices, and how it puts that into
// words. All its functions are pure.
type Detector struct {
	Name       string   // in findings, configuration, docs and stored state
	Title      string   // in a few words
	Techniques []string // MITRE ATT&CK, by the ids of internal/attack
	// Needs are the parts of audit logs that it sees through, each by itself; nil if it sees
	// something in whatever arrives.
	Needs  []Need
	Traits finding.Traits // what those who handle its findings need to know

	Weight     float64     // of its counts in the score; 0 stands for 1
	Metrics    []Metric    // what it counts; their order is that of the stored state
	Indicators []Indicator // what it notices on single events
	// Mechanism is the part of the engine that makes its findings, where it has neither
	// metrics nor indicators.
	Mechanism Mechanism
	// Floor is the absolute floor: whether the day's counts are worth reporting at all,
	// however unusual they are. Nil means that they always are.
	Floor func(now Counts) bool
	// Reason says in one clause what was done, with numbers: "downloaded 143 files, 120 of
	// them never opened before". It is asked only if the detector's counts contribute;
	// indicators describe themselves.
	Reason func(now *Day) string
	// Headline says the same as Reason in one short line, with the figure that matters: "downloaded 143
	// files from Box in 6 minutes". Nil if Reason is short.
	Headline func(now *Day) string
	// Parts are metrics that count a part of what the metric Whole does, such as the files that were
	// never opened before. Reason lists them with Day.OfWhich.
	Parts []Part
	Whole string // "" if there is no such metric
	// Qualifier is for a detector that only adds weight to what others have seen: what it
	// adds to their title, such as "before leaving". Its own reason is left out then.
	Qualifier string

	// Unsigned says that the detector sees what is done without a sign-in, of which the person who
	// opened it to anybody is told, or the place. It sees nothing else, and no other detector sees
	// that. Peers say nothing about it.
	Unsigned bool
	// Exfiltration says that the detector sees data leave, so that its findings weigh more
	// before a user leaves, and count towards a slow drip.
	Exfiltration bool
	// Compromise says that the detector sees an intruder behind the account, so that data
	// taken out on the same day weighs more.
	Compromise bool
	// AfterLeaving says that the detector sees activity after the last working day, unless the person
	// goes on as before. Its first indicator also stands for days as usual on which others see
	// something.
	AfterLeaving bool
	// Privilege says that the detector sees a user receive a right, so that data taken out
	// within two days weighs more.
	Privilege Privilege
}

// Need is a part of a source's audit log that is exported, licensed or switched on by itself.
type Need struct {
	Source  event.Source  // the source of the log
	Classes []event.Class // any event of them shows that it arrives; nil for any of the source
	Missing string        // what is missing where none arrives: an export, a licence, a switch
}

// Privilege says who receives a right that a detector sees.
type Privilege uint8

// The receivers of a right.
const (
	NoPrivilege      Privilege = iota // none: the detector sees no right granted
	PrivilegeTaken                    // the person who acts
	PrivilegeGiven                    // the recipients of the day's administrative grants (Enriched.TopGrant)
	PrivilegeOutside                  // the outsiders who were let into folders, sites and drives (Enriched.LetsIn)
)

// Mechanism is a part of the engine that makes findings from its own state.
type Mechanism uint8

// The mechanisms. Each has exactly one detector.
const (
	NoMechanism     Mechanism = iota // none: the detector has metrics or indicators
	SlowDrift                        // lasting shifts of the rates of metrics that are Slow
	Leaving                          // weight for data taken out by a leaver
	AfterCompromise                  // weight for data taken out soon after a Compromise
	AfterPrivilege                   // weight for data taken out soon after a Privilege
	UserRules                        // rules of the organisation's own
	AccessReview                     // access that a leaver has left behind
	SourceSilent                     // a source sends nothing
	SourceLate                       // a source is later than usual
	SourceGap                        // a part of a source was not read
	HRFeed                           // the HR feed is stale or implausible
	UnknownAccounts                  // accounts that belong to no known user
	NamesLeftOut                     // more names than are kept
	Watchlists                       // weight of the watchlists of the organisation
	CommonActivity                   // the same unusual activity of many people
	mechanisms
)

// Mechanisms is how many mechanisms there are, NoMechanism included.
const Mechanisms = int(mechanisms)

// Metric is something counted per person and day.
type Metric struct {
	Name   string  // stored key: a renamed metric starts anew
	Unit   string  // plural, for people
	Weight float64 // how much a surprise about it matters, against others; 0 stands for 1
	// HalfSaturation is the scored count at which a surprise has half its weight: small
	// amounts weigh little.
	HalfSaturation float64
	Scale          Scale // from the total to the count that is scored
	Slow           bool  // a lasting shift of its rate is looked for
	Unscored       bool  // it is counted for Reason only
	// Stated names the metric, unscored, of the part that logs state, where Measure adds what is likely:
	// people are told of that part only.
	Stated string
	Burst  bool // the most within half an hour is scored, rather than the total of the day
	// History says that what is counted depends on what was there before: files never
	// opened, recipients not written to. Where hardly a day is known, everything is new.
	History bool
	// Decay, if it is not 0, makes the count go on from day to day: what is left of it after
	// a day. It is scored on days that add to it.
	Decay float64
	On    []event.Class // the classes of events that are measured
	// Measure is how much an event adds; 0 if nothing.
	Measure func(a *Enriched) float64
}

// Part is a metric of a detector that counts a part of another: its name, and the words after the number,
// such as "never opened before".
type Part [2]string

// Scale maps a total to the count that is scored. Rows and bytes vary over many orders of
// magnitude, so their square root is.
type Scale uint8

// The scales.
const (
	Linear    Scale = iota // ⌊x⌋
	Root                   // ⌊√x⌋
	RootBytes              // ⌊√(x / 100 kB)⌋
)

// Indicator is something noticed on a single event, without a baseline. How much it says
// depends on how rare it is in the organisation.
type Indicator struct {
	Name   string  // stored key
	Weight float64 // of its rarity in the score
	// Least is how many points it has at least where it, or what Kind tells apart, is rare in the
	// organisation: see LeastShown. 0 for none.
	Least float64
	// Seldom says that what is rare elsewhere is done regularly in some organisations, and that Least
	// holds only where it was seen on hardly any day before.
	Seldom bool
	// Kind, if it is not nil, tells apart what is common for different reasons: types of
	// resources, levels of rights, rules of a vendor. How often each was seen is known by
	// itself. The kinds of an organisation should be few; "" stands for none.
	Kind     func(a *Enriched) string
	Impact   int                      // of its findings at least: 1 … 3
	On       []event.Class            // none if it only holds in place of another (Persists)
	Once     bool                     // further events of the day say nothing new
	Match    func(a *Enriched) bool   // whether an event has it
	Describe func(a *Enriched) string // a clause for people; nil if the indicator only adds weight
	Headline func(a *Enriched) string // the same in one short line; nil if Describe is short
	// Persists names the indicator of the same detector that holds in place of this one
	// where what the event laid open, or switched off, is not undone within hours.
	Persists string
	// Revocable says that alerts tell when what the event laid open is undone, where that changes
	// nothing about its weight. Those with Persists are without saying so.
	Revocable bool
}

// LeastShown is the Least of an indicator that deserves attention by itself: a little more than the
// score from which an alert is of medium severity where scores are notable as often as on average. Where they are
// notable more often, such an alert may be of severity low.
const LeastShown = 6.4

// Counts says whether the detector scores how much of something was done: it has to know
// what is usual.
func (d *Detector) Counts() bool { return len(d.Metrics) > 0 }

// Has says whether a detector has one of some traits.
func (d *Detector) Has(t finding.Traits) bool { return d.Traits&t != 0 }

// metric is the index of one of the detector's metrics. It panics if there is none of the name.
func (d *Detector) metric(name string) int {
	for i := range d.Metrics {
		if d.Metrics[i].Name == name {
			return i
		}
	}
	panic("detect: " + d.Name + " has no metric " + name)
}
