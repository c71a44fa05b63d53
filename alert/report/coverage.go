package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// Coverage is what data a report rests on: of which days, and of which sources. Days are
// calendar days (UTC).
type Coverage struct {
	Known    bool             `json:"known"`     // false where it is not known which days have data
	From     time.Time        `json:"from"`      // first day of the period
	To       time.Time        `json:"to"`        // last day that can have data; before From if none can
	Days     int              `json:"days"`      // from From to To
	WithData int              `json:"with_data"` // days with data of any source
	Share    float64          `json:"share"`     // WithData of Days, 0 to 1
	Sources  []SourceCoverage `json:"sources"`   // those that have had data at any time, by name
	Missing  []Stretch        `json:"missing"`   // long stretches without any data
	Unjudged []Unseen         `json:"unjudged"`  // kinds that could not be scored, or not on all days
}

// SourceCoverage is on which days of the period a source has data.
type SourceCoverage struct {
	Source   string    `json:"source"`    // short name
	WithData int       `json:"with_data"` // days with data
	Share    float64   `json:"share"`     // of the days of the period, 0 to 1
	Missing  []Stretch `json:"missing"`   // long stretches without data
}

// Stretch is a number of days in a row, both ends included.
type Stretch struct {
	From time.Time `json:"from"` // first day
	To   time.Time `json:"to"`   // last day
	Days int       `json:"days"` // how many
}

// String returns the first and the last date.
func (s Stretch) String() string {
	if s.Days == 1 {
		return s.From.Format(time.DateOnly)
	}
	return s.From.Format(time.DateOnly) + " to " + s.To.Format(time.DateOnly)
}

// longGap is from how many days without data a stretch is long: more than a long weekend.
const longGap = 5

// coverageOf returns the coverage of the days between two times, without what could not be
// scored. The period ends where the data does.
func (in *Input) coverageOf(from, to time.Time) *Coverage {
	now := in.Now
	if in.Covered == nil || now.IsZero() {
		now = cmp.Or(now, in.Reported)
	}
	if to.After(now) {
		to = now
	}

	c := &Coverage{
		Known:    in.Covered != nil,
		From:     day(from),
		To:       day(to),
		Sources:  []SourceCoverage{},
		Missing:  []Stretch{},
		Unjudged: []Unseen{},
	}
	if !c.Known {
		return c
	}

	var dates []time.Time
	for d := c.From; !d.After(c.To); d = d.AddDate(0, 0, 1) {
		dates = append(dates, d)
	}
	c.Days = len(dates)
	c.WithData, c.Missing = present(dates, func(d string) bool { return len(in.Covered[d]) > 0 })
	c.Share = share(c.WithData, c.Days)
	for _, s := range in.known() {
		x := SourceCoverage{Source: s}
		x.WithData, x.Missing = present(dates, func(d string) bool { return slices.Contains(in.Covered[d], s) })
		x.Share = share(x.WithData, c.Days)
		c.Sources = append(c.Sources, x)
	}

	return c
}

// Coverage returns the coverage of the days between two times. Days is on how many of them a
// user was active; below 0 for no particular user.
func (in *Input) Coverage(from, to time.Time, days int) *Coverage {
	c := in.coverageOf(from, to)
	if _, unjudged := in.scoreable(c, days, nil); unjudged != nil {
		c.Unjudged = unjudged
	}
	return c
}

// known returns the sources that have had data at any time, sorted.
func (in *Input) known() (list []string) {
	for _, sources := range in.Covered {
		for _, s := range sources {
			if s != "" && !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	slices.Sort(list)
	return list
}

// present returns on how many of the dates something holds, and the long stretches on which it
// does not.
func present(dates []time.Time, holds func(day string) bool) (n int, missing []Stretch) {
	missing = []Stretch{}
	for i := 0; i < len(dates); {
		if holds(dates[i].Format(time.DateOnly)) {
			n++
			i++
			continue
		}
		from := i
		for i < len(dates) && !holds(dates[i].Format(time.DateOnly)) {
			i++
		}
		if i-from >= min(longGap, len(dates)) {
			missing = append(missing, Stretch{dates[from], dates[i-1], i - from})
		}
	}
	return n, missing
}

// share returns n as a share of a number; 0 of 0.
func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// missingDays returns how many days are in the stretches.
func missingDays(list []Stretch) (n int) {
	for _, s := range list {
		n += s.Days
	}
	return n
}

// missingDays returns how many days are in long stretches without data. Weekends are not.
func (c *Coverage) missingDays() int { return missingDays(c.Missing) }

// Sentence returns in one line of which days there is data.
func (c *Coverage) Sentence() string {
	switch {
	case !c.Known:
		return "Which days have data was not kept: what is said here may rest on fewer than all"
	case c.Days <= 0:
		return "The data ends before " + c.From.Format(time.DateOnly)
	case c.WithData == 0:
		return "There is no data of any of the " + plural(c.Days,
			"day") + " from " + c.From.Format(time.DateOnly) + " to " + c.To.Format(time.DateOnly)
	}
	s := fmt.Sprintf("There is data of %s of %s from %s to %s", plain.Number(int64(c.WithData)), plural(c.Days, "day"),
		c.From.Format(time.DateOnly), c.To.Format(time.DateOnly))
	if len(c.Missing) > 0 {
		s += "; none of " + stretches(c.Missing)
	}
	return s
}

// fewStretches is the most stretches that a sentence names.
const fewStretches = 4

// stretches lists the first few stretches in words.
func stretches(list []Stretch) string {
	var out []string
	for i, s := range list {
		if i == fewStretches {
			out = append(out, fmt.Sprintf("%d stretches more", len(list)-i))
			break
		}
		out = append(out, s.String())
	}
	return strings.Join(out, ", ")
}

// fewKinds is the most kinds with one reason that are named.
const fewKinds = 6

// Reasons returns why kinds could not be scored, those with the same reason together.
func (c *Coverage) Reasons() []Unseen { return byReason(c.Unjudged) }

// byReason joins what has the same reason.
func byReason(all []Unseen) (list []Unseen) {
	kinds := map[string][]string{}
	var order []string
	for _, u := range all {
		if kinds[u.Why] == nil {
			order = append(order, u.Why)
		}
		kinds[u.Why] = append(kinds[u.Why], u.What)
	}
	for _, why := range order {
		named := kinds[why]
		what := strings.Join(named[:min(len(named), fewKinds)], ", ")
		if n := len(named) - fewKinds; n > 0 {
			what += fmt.Sprintf(" and %d more", n)
		}
		list = append(list, Unseen{what, why})
	}
	return list
}

// Sentence returns in one line on which days the source has data.
func (s *SourceCoverage) Sentence() string {
	line := fmt.Sprintf("%s, %.0f %%", plural(s.WithData, "day"), 100*s.Share)
	if len(s.Missing) > 0 {
		line += "; none of " + stretches(s.Missing)
	}
	return line
}

// Kind is a kind of activity that is looked for: a detector.
type Kind struct {
	Name    string   // of the detector
	Title   string   // of the detector, for people
	Sources []string // sources in which it sees anything; nil for any
	Counts  bool     // it scores amounts, and needs to know what is usual
	HR      bool     // it needs to know who leaves
	Leaving bool     // it looks only at people who leave
	LastDay bool     // it looks only at what is after the last day
	Blind   string   // why it can see nothing, whatever the data: a licence or setting is missing; empty if it can
}

// scoreable returns the kinds that could be scored on all days, and the others with the reason.
// Off, which may be nil, has the reasons of opt-outs by kind.
func (in *Input) scoreable(c *Coverage, days int, off map[string]string) (whole []Kind, unjudged []Unseen) {
	for _, k := range in.Kinds {
		why, _ := in.notScoredReason(c, &k, days, off)
		if why == "" {
			whole = append(whole, k)
		} else {
			unjudged = append(unjudged, Unseen{k.Title, why})
		}
	}
	return whole, unjudged
}

// notScoredReason returns why a kind could not be scored, or not on all days, which partly reports; "" if it could.
func (in *Input) notScoredReason(c *Coverage, k *Kind, days int, off map[string]string) (why string, partly bool) {
	switch {
	case off[k.Title] != "":
		return "it is switched off for the person: " + clean(off[k.Title]), false
	case k.Blind != "":
		return k.Blind, false
	case !c.Known:
		return "", false
	case k.HR && !in.HR:
		return "no file of HR says who leaves", false
	case k.Counts && in.Usual.Any && in.Usual.PersonDays < in.Usual.Needed:
		return in.Usual.Lacking(), false
	case k.Counts && days >= 0 && days < enoughDays:
		return fmt.Sprintf("what is usual for the person rests on %s, and %d are needed", plural(days, "active day"), enoughDays), false
	case c.WithData == 0:
		return "there is no data", false
	case len(k.Sources) == 0 && c.missingDays() > 0:
		return "there is no data of " + stretches(c.Missing), true
	case len(k.Sources) == 0:
		return "", false
	}
	return in.notSeenReason(c, k)
}

// notSeenReason returns why there is no data of the sources of a kind, or not of all days, which partly reports.
func (in *Input) notSeenReason(c *Coverage, k *Kind) (why string, partly bool) {
	var lines []string
	seen := 0
	for i := range c.Sources {
		s := &c.Sources[i]
		if !slices.Contains(k.Sources, s.Source) {
			continue
		}
		seen += s.WithData
		if n := missingDays(s.Missing); n > 0 {
			lines = append(lines, fmt.Sprintf("%s has no data of %s", sourceTitle(s.Source), stretches(s.Missing)))
		}
	}

	if seen == 0 && slices.Contains(in.known(), "") {
		return "", false // days that were stored before sources were recorded
	}
	if seen == 0 {
		return "there is no data of " + titles(k.Sources), false
	}
	return strings.Join(lines, "; "), len(lines) > 0
}

// beyond returns the coverage as if the days without any data did not count: what is missing beside them.
func (c *Coverage) beyond() *Coverage {
	out := *c
	out.Missing = []Stretch{}
	out.Sources = slices.Clone(c.Sources)
	for i := range out.Sources {
		s := &out.Sources[i]
		var rest []Stretch
		for _, m := range s.Missing {
			rest = append(rest, m.without(c.Missing)...)
		}
		s.Missing = rest
	}
	return &out
}

// without returns what is left of a stretch without the days of others, where it is long.
func (s Stretch) without(others []Stretch) []Stretch {
	list := []Stretch{s}
	for _, o := range others {
		var next []Stretch
		for _, x := range list {
			if o.To.Before(x.From) || o.From.After(x.To) {
				next = append(next, x)
				continue
			}
			for _, part := range []Stretch{{From: x.From, To: o.From.AddDate(0, 0, -1)}, {From: o.To.AddDate(0, 0, 1), To: x.To}} {
				if part.Days = int(part.To.Sub(part.From).Hours()/24) + 1; part.Days >= longGap {
					next = append(next, part)
				}
			}
		}
		list = next
	}
	return list
}

// Usual is the amount of data behind the baselines of the organisation.
type Usual struct {
	Any        bool    `json:"any"`           // whether the amount is known
	PersonDays float64 `json:"person_days"`   // that baselines rest on; old ones count less
	Needed     float64 `json:"needed"`        // before amounts are scored by how rare they are here
	PerDay     float64 `json:"per_day"`       // how many each of the last days added
	Judged     bool    `json:"counts_judged"` // whether amounts are scored that way
}

// Lacking returns in one line what is not scored yet and when it will be; "" if there is enough
// data.
func (u *Usual) Lacking() string {
	if !u.Any || u.PersonDays >= u.Needed {
		return ""
	}
	s := fmt.Sprintf("there is no baseline for counts yet: %.0f of %.0f user-days", u.PersonDays, u.Needed)
	if u.PerDay > 0 {
		s += fmt.Sprintf(", about %s to go", plural(int((u.Needed-u.PersonDays)/u.PerDay)+1, "more day"))
	}
	return s
}
