package detect

import (
	"fmt"

	"github.com/outflow/outflow/internal/event"
)

// Counts are what a detector has counted of a person today.
type Counts struct {
	detector *Detector
	n        []float64
}

// NewCounts are the counts of a detector's metrics, in their order. The list is not copied.
func NewCounts(d *Detector, n []float64) Counts { return Counts{d, n} }

// N is today's total of one of the detector's metrics, in its unit. It panics if the detector
// has no metric of the name.
func (c Counts) N(metric string) float64 { return c.n[c.detector.metric(metric)] }

// Day is what a detector may see of the day of a person: what itself has counted, and what
// that rests on. It can only be read.
type Day struct {
	Counts
	// Evidence is what the counts and indicators of the detector rest on.
	Evidence Evidence
	// Settled says that enough is known about the person for something new to mean
	// anything.
	Settled bool
	// ActiveDays are the person's days with activity that are known, those long ago less.
	ActiveDays float64
	// Rising is of what a raised rate is, plural; "" if it is of nothing in particular.
	Rising string
	// Lasting says that a raised rate began before today.
	Lasting bool
	// Service says that the day is not that of a person, but of a service account or a place.
	Service bool
}

// FewDays is how many active days a person must have had for what is usual for them to be
// spoken of as that.
const FewDays = 4

// Evidence is what the counts and indicators of a detector rest on today.
type Evidence struct {
	Events   int            // 0 if there are none; then the rest is zero, too
	From, To int64          // time of the first and of the last, Unix milliseconds
	Sources  []event.Source // in the order of their numbers
	Places   Most           // the containers of the objects
	Targets  Most           // who or what received the data
	Folders  int            // things taken that are folders, of a size that the vendor does not state
}

// Most is the most frequent of some names.
type Most struct {
	Name  string  // "" if there are none
	Share float64 // of all occurrences of any name, from 0 to 1
	Names int     // how many different ones there are
	Many  bool    // there may be more than that
}

// From says which services things were taken from: " from Box and Slack"; "" if none is known.
func (d *Day) From() string { return d.services("from") }

// services names the services behind the evidence, after a preposition.
func (d *Day) services(preposition string) string {
	names := make([]string, 0, len(d.Evidence.Sources))
	for _, src := range d.Evidence.Sources {
		names = append(names, src.Title())
	}
	if len(names) == 0 {
		return ""
	}
	return " " + preposition + " " + List(names)
}

// Where says where things were taken from and how long it took: the service, the time and the
// container that most of them were in.
func (d *Day) Where() string { return d.From() + d.Within() + d.places() }

// In is Where of things that stay where they are.
func (d *Day) In() string { return d.services("in") + d.Within() + d.places() }

// InServices says in which services things are: " in Box and Slack"; "" if none is known.
func (d *Day) InServices() string { return d.services("in") }

// places says which containers things were in.
func (d *Day) places() string {
	switch p := &d.Evidence.Places; {
	case p.Name == "":
		return ""
	case p.Share > .95:
		return ", all in " + Quote(short(p.Name))
	case p.Share >= .5:
		return ", mostly in " + Quote(short(p.Name))
	case p.Many:
		return ", in many places"
	default:
		return fmt.Sprintf(", in %d places", p.Names)
	}
}

// Folders says how many of the things taken were folders, of a size that the vendor does not
// state; "" if none were.
func (d *Day) Folders() string {
	if n := d.Evidence.Folders; n > 0 {
		return ", " + Amount(float64(n), "of them a folder of unknown size", "of them folders of unknown size") + ","
	}
	return ""
}

// Within says how long it took; "" if that says nothing.
func (d *Day) Within() string {
	e := &d.Evidence
	if e.Events < 2 || e.To-e.From > 16*event.Hour {
		return ""
	}
	return " in " + Duration(max(e.To-e.From, 1))
}

// OfWhich lists the Parts of what was counted, as far as there are any: " (12 never opened before, 3
// sensitive)".
func (d *Day) OfWhich() string {
	var list []string
	for _, p := range d.detector.Parts {
		if n := d.Part(p); n > 0 {
			list = append(list, Number(n)+" "+p[1])
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + List(list) + ")"
}

// Part is how much there is of a part; 0 where that would say nothing, because everything is new to a
// person with hardly a day that is known.
func (d *Day) Part(p Part) float64 {
	j := d.detector.metric(p[0])
	if !d.Settled && d.detector.Metrics[j].History {
		return 0
	}
	return d.n[j]
}
