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

// Where says where things were taken from: the source and the container that most of them
// were in.
func (d *Day) Where() string {
	s := ""
	if len(d.Evidence.Sources) > 0 {
		var names []string
		for _, src := range d.Evidence.Sources {
			names = append(names, src.Title())
		}
		s = " from " + List(names)
	}
	switch p := &d.Evidence.Places; {
	case p.Name == "":
	case p.Share > .95:
		s += ", all in " + Quote(short(p.Name))
	case p.Share >= .5:
		s += ", mostly in " + Quote(short(p.Name))
	case p.Many:
		s += ", in many places"
	default:
		s += fmt.Sprintf(", in %d places", p.Names)
	}
	return s
}

// Folders says how many of the things taken were folders, of a size that the vendor does not
// state; "" if none were.
func (d *Day) Folders() string {
	if n := d.Evidence.Folders; n > 0 {
		return ", " + Amount(float64(n), "of them a folder of unknown size", "of them folders of unknown size") + ","
	}
	return ""
}

// Recipients says who received things: " with …"; "" if nothing is known of them.
func (d *Day) Recipients() string {
	switch t := &d.Evidence.Targets; {
	case t.Name == "":
		return ""
	case t.Share > .95:
		return " with " + Quote(t.Name)
	case t.Share >= .5:
		return " mostly with " + Quote(t.Name)
	default:
		return fmt.Sprintf(" with %d outsiders", t.Names)
	}
}

// Within says how long it took; "" if that says nothing.
func (d *Day) Within() string {
	e := &d.Evidence
	if e.Events < 2 || e.To-e.From > 16*event.Hour {
		return ""
	}
	return " in " + Duration(max(e.To-e.From, 1))
}

// OfWhich lists what is remarkable about a count: other metrics of the detector, each with
// the words for it, as far as they hold for something.
func (d *Day) OfWhich(metricsAndWords ...string) string {
	var parts []string
	for i := 0; i+1 < len(metricsAndWords); i += 2 {
		j := d.detector.metric(metricsAndWords[i])
		if !d.Settled && d.detector.Metrics[j].History {
			continue // everything is new to a person with hardly a day that is known
		}
		if n := d.n[j]; n > 0 {
			parts = append(parts, Number(n)+" "+metricsAndWords[i+1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + List(parts) + ")"
}
