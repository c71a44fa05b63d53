package engine

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/mail"
)

// saying puts what a detector sees in the open day of a person into a headline and facts.
type saying struct {
	*Engine
	person *person
	det    *detect.Detector
	g      int // index of the detector
	v      *verdict
	day    *detect.Day
	best   int // the metric that weighs most, or -1
	at     int64
}

// headline says in one line what was done.
func (s *saying) headline() string {
	if s.det.Mechanism == detect.UserRules {
		return s.ruleHeadline()
	}
	lead, points := s.leading()
	switch {
	case lead >= 0 && (s.best < 0 || points > s.v.points[s.g]/2):
		n := s.person.Day.Facts[lead]
		return n.headline()
	case s.best < 0 && len(s.det.Metrics)+len(s.det.Indicators) > 0:
		return s.det.Title
	case s.det.Headline != nil:
		return detect.Headline(s.det.Headline(s.day), "")
	case s.det.Reason != nil:
		return detect.Headline(s.det.Reason(s.day), "")
	}
	return s.det.Title
}

// leading is the indicator of the detector that weighs most, of those that have words, and its points; -1
// if there is none.
func (s *saying) leading() (lead int, most float64) {
	lead = -1
	o, day := s.org(s.person), &s.person.Day
	for i := range s.catalog.indicators {
		f := &s.catalog.indicators[i]
		n, holds := day.Facts[i]
		if f.detector != s.g || !holds || f.Describe == nil {
			continue
		}
		weighs := i
		if f.replaced(day) { // what lasts weighs in its place
			weighs = f.lasting
		}
		w := &s.catalog.indicators[weighs]
		_, seen := o.seen(weighs, n.Kinds)
		if points := indicatorPoints(w.Weight, w.least(seen, o.FactN), seen, o.FactN); lead < 0 || points > most {
			lead, most = i, points
		}
	}
	return lead, most
}

// headline is that of the first act noted, and how many more there were.
func (n *note) headline() string {
	more := ""
	if k := len(n.Say) - 1 + n.More; k > 0 {
		more = ", and " + detect.Number(float64(k)) + " more"
	}
	if n.Head != "" {
		return detect.Headline(n.Head, more)
	}
	return detect.Headline(n.Say[0], more)
}

// ruleHeadline says which rules of the organisation matched.
func (s *saying) ruleHeadline() string {
	var titles []string
	for _, x := range s.person.Day.Ruled {
		if r := s.config.rules.Rule(x.Rule); r != nil {
			titles = append(titles, r.Title)
		}
	}
	if len(titles) == 0 {
		return s.det.Title
	}
	more := ""
	if n := len(titles) - 1; n > 0 {
		more = " and " + detect.Amount(float64(n), "other rule", "other rules")
	}
	return detect.Headline("matched the rule "+detect.Quote(titles[0]), more)
}

// facts are what a reader needs beside the headline.
func (s *saying) facts() []finding.Fact {
	var list []finding.Fact
	add := func(kind finding.FactKind, text string) {
		if text != "" {
			list = append(list, finding.Fact{Kind: kind, Text: text})
		}
	}
	p, pr := s.person, s.person.Day.proof(s.g)
	if s.best >= 0 {
		s.unusual(add)
	} else if lead, _ := s.leading(); lead >= 0 {
		o := s.org(p)
		kind, _ := o.seen(lead, p.Day.Facts[lead].Kinds)
		add(finding.FactUnusual, detect.SeenOn(o.SoFar.seen(lead, s.catalog.indicators[lead].Name, kind)))
	}
	if s.det.Mechanism == detect.SlowDrift {
		add(finding.FactUnusual, s.det.Headline(s.day))
	}
	if pr.Among != nil && 2*pr.Closed >= pr.N {
		add(finding.FactUnusual, pr.Among.words())
	}
	if s.det.Has(finding.SharesOutside) && len(pr.Targets) > 1 { // the headline names a single one
		add(finding.FactTo, outsiders(pr.Targets))
	}
	for _, text := range s.context(p, s.at) {
		add(finding.FactWho, text)
	}
	for _, x := range s.v.watched {
		add(finding.FactWho, onList(x))
	}
	s.before(add)
	return finding.Pick(list)
}

// unusual adds the count that weighs most against what is usual, and those parts of what was counted that
// are rare themselves.
func (s *saying) unusual(add func(finding.FactKind, string)) {
	cat, counts := s.catalog, s.person.Day.Count
	m := &cat.metrics[s.best]
	n := counts[m.stated]
	amount := m.written(n)
	if n == math.Trunc(n) && m.Scale != detect.RootBytes {
		amount = detect.Number(n)
	}
	if n < counts[s.best] {
		amount = "at least " + amount
	}
	add(finding.FactUnusual, amount+m.unit(n)+": "+s.usually(s.person, s.v, s.best, ""))
	worth := func(part detect.Part) float64 { return s.v.worth[cat.index[part[0]]] }
	parts := slices.Clone(s.det.Parts)
	slices.SortStableFunc(parts, func(a, b detect.Part) int { return -cmp.Compare(worth(a), worth(b)) })
	for _, part := range parts {
		if k := s.day.Part(part); k > 0 && worth(part) > leaveFloor && !strings.HasPrefix(m.Name, part[0]) {
			add(finding.FactUnusual, s.part(k, part[1]))
		}
	}
	if o := s.org(s.person); o.Tails[s.best].N >= warm {
		add(finding.FactUnusual, detect.AsUnusual(o.SoFar.atLeast(s.best, s.v.raw[s.best])))
	}
}

// part says how much of the whole a part is.
func (s *saying) part(n float64, words string) string {
	if s.det.Whole == "" {
		return detect.Number(n) + " " + words
	}
	j := s.catalog.index[s.det.Whole]
	switch whole, unit := s.person.Day.Count[j], s.catalog.metrics[j].unit(2); {
	case n < whole:
		return detect.Number(n) + " of " + detect.Number(whole) + unit + " " + words
	case n == whole && n > 1:
		return "all " + detect.Number(n) + unit + " " + words
	}
	return detect.Number(n) + " " + words
}

// before adds what preceded.
func (s *saying) before(add func(finding.FactKind, string)) {
	p := s.person
	switch {
	case s.det.Compromise && !s.det.AfterLeaving:
		for i := range s.catalog.indicators {
			if f := &s.catalog.indicators[i]; f.detector == s.g && f.Describe != nil {
				for _, clause := range p.Day.Facts[i].Say {
					add(finding.FactBefore, clause)
				}
			}
		}
	case s.det.Mechanism == detect.AfterCompromise && s.v.breach == 0:
		add(finding.FactBefore, "suspicious sign-in "+detect.Duration(s.at-p.BreachT)+" before")
	case s.det.Mechanism == detect.AfterPrivilege:
		add(finding.FactBefore, "received a new right "+detect.Duration(s.at-p.RightT)+" before")
	}
}

// outsiders says who received something, of several.
func outsiders(targets names) string {
	domains := names{}
	for name, n := range targets {
		tally(&domains, cmp.Or(mail.Domain(name), name), *n)
	}
	text := "with " + detect.Number(float64(len(targets))) + " outsiders"
	if len(targets) >= maxPlaces {
		text = "with many outsiders"
	}
	switch name, share := top(domains); {
	case share > .95:
		text += ", all at " + detect.Named(name)
	case share > .5:
		text += ", mostly at " + detect.Named(name)
	}
	return text
}

// onList says which watchlist holds.
func onList(x finding.Watched) string {
	s := "on the watchlist " + detect.Quote(x.List)
	switch x.Kind {
	case watchDepartment:
		return "department " + s
	case watchPlace, watchApplication:
		return detect.Quote(x.Name) + " " + s
	}
	return s
}

// headOf makes the first clause of a reason a headline: what comes before a colon or a semicolon.
func headOf(reason string) string {
	quoted := false
	for i, c := range reason {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (strings.HasPrefix(reason[i:], ": ") || strings.HasPrefix(reason[i:], "; ")):
			return detect.Headline(reason[:i], "")
		}
	}
	return detect.Headline(reason, "")
}
