package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// Coverage is what an answer rests on: of which days there is data, and of which sources.
// Days are those of the calendar (UTC).
type Coverage struct {
	Known    bool             `json:"known"` // false where nothing was kept that says so
	From     time.Time        `json:"from"`  // the first day that was asked for
	To       time.Time        `json:"to"`    // the last one that can have data; before From if none can
	Days     int              `json:"days"`  // from the one to the other
	WithData int              `json:"with_data"`
	Share    float64          `json:"share"`   // of Days, those with data
	Sources  []SourceCoverage `json:"sources"` // that have had data at any time
	Missing  []Stretch        `json:"missing"` // days in a row without any data, long ones
	Unjudged []Unseen         `json:"unjudged"`
}

// SourceCoverage is of which days there is data of a source.
type SourceCoverage struct {
	Source   string    `json:"source"`
	WithData int       `json:"with_data"`
	Share    float64   `json:"share"` // of the days that were asked for
	Missing  []Stretch `json:"missing"`
}

// Stretch is some days in a row, both ends included.
type Stretch struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Days int       `json:"days"`
}

// String writes a stretch for people.
func (s Stretch) String() string {
	if s.Days == 1 {
		return s.From.Format(time.DateOnly)
	}
	return s.From.Format(time.DateOnly) + " to " + s.To.Format(time.DateOnly)
}

// longGap is how many days in a row without data are more than a long weekend.
const longGap = 5

// coverageOf says of which days from one moment to another there is data. It ends where the
// data does, or might.
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

// Coverage says of which of the days from one moment to another there is data, and what could
// not be judged. Days are those on which somebody was active; fewer than 0 for nobody in
// particular.
func (in *Input) Coverage(from, to time.Time, days int) *Coverage {
	c := in.coverageOf(from, to)
	if _, unjudged := in.scoreable(c, days, nil); unjudged != nil {
		c.Unjudged = unjudged
	}
	return c
}

// known lists the sources that have had data at any time.
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

// present counts the days for which something holds, and lists the long stretches of days
// for which it does not.
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

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// missingDays is how many days are in long stretches without data.
func missingDays(list []Stretch) (n int) {
	for _, s := range list {
		n += s.Days
	}
	return n
}

// missingDays is how many of the days are in long stretches without data; weekends are none.
func (c *Coverage) missingDays() int { return missingDays(c.Missing) }

// Sentence says in a line of what there is data.
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

// fewStretches is how many stretches a sentence names.
const fewStretches = 4

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

// fewKinds is how many kinds that share a reason are named.
const fewKinds = 6

// Reasons lists why kinds could not be judged, those with the same reason together.
func (c *Coverage) Reasons() (list []Unseen) {
	kinds := map[string][]string{}
	var order []string
	for _, u := range c.Unjudged {
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

// Sentence says in a line of which days there is data of a source.
func (s *SourceCoverage) Sentence() string {
	line := fmt.Sprintf("%s, %.0f %%", plural(s.WithData, "day"), 100*s.Share)
	if len(s.Missing) > 0 {
		line += "; none of " + stretches(s.Missing)
	}
	return line
}

// Kind is one of the kinds of things that are looked for.
type Kind struct {
	Title   string
	Sources []string // names of those it can see anything in; nil for whatever there is
	Counts  bool     // it judges how much was done, and has to know what is usual
	HR      bool     // it needs to be told who leaves
}

// scoreable says of every kind whether it could be judged in all the days there were, and
// otherwise why not. Off, which may be nil, says why a kind must not be looked for.
func (in *Input) scoreable(c *Coverage, days int, off map[string]string) (whole []string, unjudged []Unseen) {
	for _, k := range in.Kinds {
		why := in.notScoredReason(c, &k, days)
		if reason := off[k.Title]; reason != "" {
			why = "it is switched off for the person: " + clean(reason)
		}
		if why == "" {
			whole = append(whole, k.Title)
		} else {
			unjudged = append(unjudged, Unseen{k.Title, why})
		}
	}
	return whole, unjudged
}

// notScoredReason a kind could not be judged, or not on all days; "" if it could.
func (in *Input) notScoredReason(c *Coverage, k *Kind, days int) string {
	if !c.Known {
		return ""
	}
	if k.HR && !in.HR {
		return "no file of HR says who leaves"
	}
	if k.Counts && in.Usual.Any && in.Usual.PersonDays < in.Usual.Needed {
		return in.Usual.Lacking()
	}

	if k.Counts && days >= 0 && days < enoughDays {
		return fmt.Sprintf("what is usual for the person rests on %s, and %d are needed", plural(days, "active day"), enoughDays)
	}
	if c.WithData == 0 {
		return "there is no data"
	}
	if len(k.Sources) == 0 {
		if n := c.missingDays(); n > 0 {
			return "there is no data of " + stretches(c.Missing)
		}
		return ""
	}

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
		return "" // days that were kept before sources were
	}
	if seen == 0 {
		var titles []string
		for _, s := range k.Sources {
			titles = append(titles, sourceTitle(s))
		}
		return "there is no data of " + strings.Join(titles, ", ")
	}

	return strings.Join(lines, "; ")
}

// Usual is how much is known of what is usual in the organisation.
type Usual struct {
	Any        bool    `json:"any"`         // whether anything is kept that says so
	PersonDays float64 `json:"person_days"` // that are known; those long ago count less
	Needed     float64 `json:"needed"`      // before counts are judged by how rare they are here
	PerDay     float64 `json:"per_day"`     // how many more a day brought lately
	Judged     bool    `json:"counts_judged"`
}

// Lacking says what is not judged yet, and from when on it will be; "" if enough is known.
func (u *Usual) Lacking() string {
	if !u.Any || u.PersonDays >= u.Needed {
		return ""
	}
	s := fmt.Sprintf("counts are not judged by what is usual here yet: %.0f of %.0f days of people are known", u.PersonDays, u.Needed)
	if u.PerDay > 0 {
		s += fmt.Sprintf(", about %s more are needed", plural(int((u.Needed-u.PersonDays)/u.PerDay)+1, "day"))
	}
	return s
}
