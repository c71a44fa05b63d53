package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// HR's last working day may be wrong. A person who goes on working as before, from networks, with
// clients and at hours that were theirs before that day, is not reported: HR is asked whether the
// date is right. What is unlike the weeks before is reported, each kind of it once.

const (
	afterLasts  = 180 * event.Day // how long after the last working day activity is looked at
	fewBefore   = 10              // active days before the last one, below which nothing is known to be usual
	longSilence = 5               // days without activity after which somebody who left comes back
	longAbsence = 14              // the same once HR was asked: people who stay go on holiday
	sessionOf   = 4 * event.Day   // for how long what a person's applications do is the work of the person
	maxReported = 64              // kinds of activity after leaving
	fewActs     = 3               // acts of a day, below which HR is not asked
	askedFrom   = 2.9             // score from which a day was not as usual, and HR is not asked
	takenFrom   = 5.6             // score from which what others see on a day as usual is reported as after leaving
	mostAsked   = 5               // questions to HR on one day; beyond that they are one
)

// left is what a person has done since the last working day.
type left struct {
	Little   bool     // too little was known before to say what is usual
	Worked   int64    // time of the last act by hand that was as usual; 0 for none
	Asked    bool     // HR was asked whether the date is right
	Stranger bool     `cbor:",omitempty"` // something was reported that may not be the person
	Stays    bool     `cbor:",omitempty"` // a day's work was done as before: the date is in doubt
	Reported []uint64 // kinds of unusual activity that were reported
}

// afterLast says what an act after the last working day is: AfterLast is set if it is unlike the
// weeks before, and was not reported. What is as usual is noted for the question to HR.
func (e *Engine) afterLast(p *person, o *org, a *detect.Enriched) {
	if p.LastDay == 0 || a.Time < p.Notice || a.Time-p.lastDayEnd() > afterLasts {
		return
	}
	after := a.Time - p.lastDayEnd() - grace
	if g := p.catalog.afterLeaving; after <= 0 || g < 0 || p.optOuts>>g&1 != 0 {
		return
	}
	if p.Left == nil {
		p.Left = &left{Little: p.Active < fewBefore}
	}
	kind, how := e.unlike(p, o, a)
	switch {
	case kind == 0 && byHand(a):
		p.Left.Worked = a.Time
		if p.Day.AsUsual == nil {
			p.Day.AsUsual = &proof{}
		}
		p.Day.AsUsual.add(a.Event, "", "", "").keep(e.exhibit(a))
		e.stays(p, o, a.Time)
	case kind != 0 && p.Left.report(kind):
		a.AfterLast, a.Unlike = after, how
		p.Left.Stranger = p.Left.Stranger || p.Left.Little || kind == hash(ofUser, "stranger")
	}
}

// stays notes whether the person goes on working as before: on one day, fewActs by hand as usual, and the
// ordinary work of half a usual day. Somebody who comes back to take something does neither.
func (e *Engine) stays(p *person, o *org, at int64) {
	if p.Left.Stays || p.Day.AsUsual.N < fewActs {
		return
	}
	if did, usual := p.ordinary(o, o.department(p.peerGroup())); did < usual/2 {
		return
	}
	p.Left.Stays = true
	if !p.Left.Stranger {
		e.stayed(p, at)
		delete(p.Day.Facts, p.catalog.afterLeavingFact)
	}
}

// ordinary is the work of today that no detector looks at, and that of a usual day.
func (p *person) ordinary(o *org, d *department) (did, usual float64) {
	for j := p.catalog.scored; j < len(p.catalog.metrics); j++ {
		mean := p.mean(j, o.peers(d, j))
		did += math.Sqrt(min(math.Floor(p.Day.Count[j]), float64(6*mean)+6))
		usual += math.Sqrt(mean)
	}
	return did, usual
}

// doubted says whether the last working day that HR has is in doubt: it is over, and the person goes on
// working as before.
func (p *person) doubted(at int64) bool {
	return p.Left != nil && (p.Left.Asked || p.Left.Stays) && at > p.lastDayEnd()+grace
}

// byHand says whether a person acted, rather than an application or something that states no
// address.
func byHand(a *detect.Enriched) bool {
	app := bare(a.Client.App)
	return a.Client.IP != "" && (app == "" || clients[app])
}

// report notes that a kind of activity is reported, and says whether it is the first time.
func (l *left) report(kind uint64) bool {
	if slices.Contains(l.Reported, kind) || len(l.Reported) >= maxReported {
		return false
	}
	l.Reported = append(l.Reported, kind)
	return true
}

// unlike says in words how an act after the last working day is unlike what the person did before,
// and returns a key of that; 0 if it is not. Once HR was asked, or a day's work was done, the person is known to go on: a
// journey or a late evening is no longer remarkable, but who comes back after long, or a stranger
// with another client, is.
func (e *Engine) unlike(p *person, o *org, a *detect.Enriched) (kind uint64, how string) {
	silence := int64(longSilence)
	known := p.Left.Asked || p.Left.Stays
	if known {
		silence = longAbsence
	}
	switch {
	case p.Left.Little:
		return hash(ofUser, "little known"), ""
	case int64(p.Day.Silent) >= silence && p.Left.Worked < p.Day.Start:
		return hash(ofUser, "silent", fmt.Sprint(p.Last)),
			"after " + detect.Amount(float64(p.Day.Silent), "day", "days") + " without any activity"
	case !byHand(a):
		if p.Left.Worked > 0 && a.Time-p.Left.Worked <= sessionOf {
			return 0, ""
		}
		return hash(ofUser, "application", a.Source.String(), bare(a.Client.App)), "without anybody signing in"
	}
	from, with := e.newNetwork(p, o, a), noted(a) && !p.knewBefore(hash(ofAgent)^family(a.Client.Agent))
	switch {
	case from && with:
		return hash(ofUser, "stranger"), "from a network and with a client that were not theirs before"
	case known:
		return 0, ""
	case from:
		return hash(ofUser, "network"), "from a network that was not theirs before"
	case with:
		return hash(ofUser, "client"), "with a client that was not theirs before"
	case e.offHours(p, a.Event):
		return hash(ofUser, "off hours"), "outside their working hours"
	}
	return 0, ""
}

// knewBefore says whether something was known of the person by the last working day.
func (p *person) knewBefore(key uint64) bool {
	first, known := p.Known.first(key)
	return known && first <= (p.lastDayEnd()-1)/event.Day
}

// newNetwork says whether the network of an act was known neither of the person nor of the
// organisation by the last working day, or the country not of the person.
func (e *Engine) newNetwork(p *person, o *org, a *detect.Enriched) bool {
	key := hash(ofNetwork, network(a.Client.IP))
	first, known := o.known(networks)[key]
	return a.NewCountry || !p.knewBefore(key) && !(known && int64(first) <= (p.lastDayEnd()-1)/event.Day)
}

// noted says whether the client of a sign-in is noted (signIn).
func noted(a *detect.Enriched) bool {
	switch a.Class {
	case event.LoginSuccess, event.AppAccess, event.MFAChallenge:
		return a.Client.Agent != "" && (a.Source == event.Okta || a.Source == event.M365 || a.Source == event.GoogleWorkspace)
	}
	return false
}

// takenAfterLast reports a day after the last working day that was as usual by its hours, networks and
// clients, if detectors see something in it, and HR was not asked about the date yet. It says whether
// that changes the score.
func (p *person) takenAfterLast(v *verdict) bool {
	d := &p.Day
	if d.AsUsual == nil || p.Left == nil || p.Left.Asked || p.Left.Stays || v.risk-v.gain < takenFrom ||
		!p.Left.report(hash(ofUser, "taken")) {
		return false
	}
	i := d.catalog.afterLeavingFact
	d.proof(d.catalog.afterLeaving).take(d.AsUsual)
	if d.Facts == nil {
		d.Facts = map[int]note{}
	}
	if _, known := d.Facts[i]; known {
		return false
	}
	d.Facts[i] = note{Say: []string{"worked in " + titles(d.AsUsual.Sources) + ", " +
		detect.Duration(d.AsUsual.From-p.lastDayEnd()-grace) + " after the end of the last working day"}}
	return true
}

// take adds other evidence.
func (p *proof) take(o *proof) {
	for _, id := range o.ids() {
		p.cite(id)
	}
	for _, x := range o.Items {
		p.keep(x)
	}
	p.N += o.N
	if p.From == 0 || o.From < p.From {
		p.From = o.From
	}
	p.To = max(p.To, o.To)
	p.Sources |= o.Sources
}

// titles lists sources, a bit each.
func titles(bits uint32) string {
	var list []string
	for _, s := range event.Sources() {
		if bits&(1<<s) != 0 {
			list = append(list, s.Title())
		}
	}
	return detect.List(list)
}

// doubtful is a person who worked as usual after the last working day that HR has.
type doubtful struct {
	Name     string
	LastDay  int64 // Unix milliseconds
	From, To int64 // of the day's acts, Unix milliseconds
	N        int   // acts
	Sources  uint32
	IDs      []string
}

// doubtLastDay asks HR about the last working day, at the end of a day on which the person worked as
// usual: once, until HR names another date.
func (e *Engine) doubtLastDay(p *person, v *verdict) {
	d := &p.Day
	if d.AsUsual == nil || p.Left == nil || p.Left.Asked || d.AsUsual.N < fewActs ||
		!p.Left.Stays && v.risk-v.gain >= askedFrom {
		return
	}
	if _, reported := d.Facts[p.catalog.afterLeavingFact]; reported {
		return
	}
	p.Left.Asked = true
	w := d.AsUsual
	b := e.deltaOf(p)
	b.Doubtful = append(b.Doubtful, doubtful{p.Name, p.LastDay, w.From, w.To, w.N, w.Sources, w.ids()})
}

const askTitle = "Last working day in doubt"

// askHR asks about the last working days that are doubtful.
func (e *Engine) askHR(end int64) {
	list := e.Feed.Doubtful
	e.Feed.Doubtful = nil
	for i, x := range list {
		if i == mostAsked-1 && len(list) > mostAsked {
			e.askAboutMany(list[i:], end)
			return
		}
		h := e.healthFinding(detect.HRFeed, "last day of "+x.Name, x.LastDay, end, 2)
		h.Title, h.Headline = askTitle, detect.Headline(askTitle+": "+detect.Named(x.Name), "")
		h.Start, h.End, h.Events, h.EventIDs = x.From, x.To, x.N, x.IDs
		h.Sources = shortNames(x.Sources)
		h.Reason = fmt.Sprintf("HR says that %s left on %s; on %s they worked as usual, "+
			"from networks and at hours that were theirs before (%s in %s): is the date right?",
			detect.Quote(x.Name), date(x.LastDay), date(x.From), detect.Amount(float64(x.N), "act", "acts"), titles(x.Sources))
		e.send(h)
	}
}

// askAboutMany asks about all of them at once.
func (e *Engine) askAboutMany(list []doubtful, end int64) {
	h := e.healthFinding(detect.HRFeed, "last days", end-event.Day, end, 2)
	h.Title, h.Headline = askTitle, detect.Headline(askTitle+" of "+detect.Amount(float64(len(list)), "person", "people"), "")
	var names []string
	for i, x := range list {
		h.Events += x.N
		if i < 10 {
			names = append(names, detect.Quote(x.Name)+" ("+date(x.LastDay)+")")
		}
	}
	more := ""
	if n := len(list) - len(names); n > 0 {
		more = " and " + detect.Amount(float64(n), "other", "others")
	}
	h.Reason = "HR says that these people have left, and they worked as usual after it: " + strings.Join(names, ", ") + more +
		": are the dates right?"
	e.send(h)
}

// shortNames lists the short names of sources, a bit each.
func shortNames(bits uint32) (list []string) {
	for _, s := range event.Sources() {
		if bits&(1<<s) != 0 {
			list = append(list, s.String())
		}
	}
	return list
}

func date(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }
