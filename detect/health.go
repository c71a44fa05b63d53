package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// The health detectors speak about the data rather than about a person: what
// they see makes the judgement of others less certain.
var (
	// sourceSilent is a source that sends nothing for longer than its own habit
	// by the hour of the week, while other sources go on (I01).
	sourceSilent = &Detector{Name: "source_silent", Title: "Source silent"}
	// hrFeed is an HR feed that has stopped, or says what can hardly be true (I04).
	hrFeed = &Detector{Name: "hr_feed", Title: "HR feed stale or implausible"}
	// unresolvedIdentity is a source many of whose accounts belong to nobody known
	// (I05).
	unresolvedIdentity = &Detector{Name: "unresolved_identity", Title: "Accounts without a person"}
)

const (
	weekHours    = 168
	silentFrom   = 12.0 // −ln of how rarely a source is silent for so long
	silentHours  = 2
	learnHours   = 14 * 24
	settleHours  = 5 * 24 // until then accounts are still being tied to people by events that carry both
	unresolved   = .03    // of the events that take or change something
	unresolvedN  = 200
	leaversShare = .15
	staleDays    = 7
)

// pulse is how a source usually arrives.
type pulse struct {
	Rate  [weekHours]float64 // decayed share of weeks with events, by hour of the week
	First int64              // hour of the first event
	Gap   float64            // evidence that the source is silent, since its last event
	Told  int64              // when that was told; 0 if it was not

	Acts, Nobody float64 // decayed daily: events that take or change something, and those of nobody known
	NobodyTold   bool
	Lag          float64 // usual delay of its latest events, milliseconds
	Who          names   // the latter, some of them
}

// hrState is what is known about the HR feed.
type hrState struct {
	Notices    []int64 // times of the latest ones, oldest first
	Odd        int     // that named a last day long past
	StaleTold  bool
	FloodTold  int64
	OddTold    bool
	FirstOddOf string
}

const maxNotices = 64

// watch counts an event for the health of its source.
func (e *Engine) watch(p *person, a *Act) {
	switch a.Class {
	case event.Download, event.Upload, event.Edit, event.Delete, event.ShareUser, event.ShareLink, event.Export, event.Query, event.Clone, event.AdminGrant, event.PolicyChange:
	default:
		return
	}
	if p.Service {
		return
	}
	s := &e.Pulse[a.Source]
	s.Acts++
	for i := 0; i < len(p.Name); i++ {
		if p.Name[i] == ':' { // source:id stands for an account that belongs to no known address
			s.Nobody++
			tally(&s.Who, p.Name)
			return
		}
	}
}

// beat looks at the sources when an hour is over.
func (e *Engine) beat(hour int64) {
	slot := hour % weekHours
	var seen [32]bool
	here, usual := 0.0, 0.0
	for _, s := range event.Sources() {
		if seen[s] = e.Complete[s]/hourMS == hour; seen[s] {
			here++
		}
		usual += e.Pulse[s].Rate[slot]
	}
	for _, s := range event.Sources() {
		p := &e.Pulse[s]
		if s == event.HR || e.Complete[s] == 0 {
			continue
		}
		if p.First == 0 {
			p.First = hour
		}
		rate := p.Rate[slot]
		if seen[s] {
			if p.Told > 0 {
				e.resumed(s, p)
			}
			p.Gap, p.Told = 0, 0
			p.Rate[slot] = float64(rate*.75) + .25
			continue
		}
		others, habit := here, usual-rate // the other sources: silent too, nobody is at work
		if habit < .5 || others >= .6*habit {
			p.Gap -= math.Log(1 - min(rate, .97))
		}
		if p.Told == 0 {
			p.Rate[slot] = rate * .75
		}
		if p.Told == 0 && p.Gap >= silentFrom && hour-p.First >= learnHours && hour-e.Complete[s]/hourMS >= silentHours {
			p.Told = e.Complete[s]
			end := (hour + 1) * hourMS
			f := e.healthFinding(sourceSilent, s.String(), p.Told, end, 2)
			f.Sources = []string{s.String()}
			f.Reason = fmt.Sprintf("%s has sent nothing for %s, since %s; it is hardly ever silent for so long, and other sources go on", s.Title(), lasting(end-p.Told), stamp(p.Told))
			f.Exposures = []finding.Exposure{{What: s.Title() + " silent", Opened: p.Told}}
			e.send(f)
		}
	}
}

// outage says whether a source is silent that should not be.
func (e *Engine) outage() bool {
	for i := range e.Pulse {
		if e.Pulse[i].Told > 0 {
			return true
		}
	}
	return false
}

// resumed tells that a source is back.
func (e *Engine) resumed(s event.Source, p *pulse) {
	f := e.healthFinding(sourceSilent, s.String(), p.Told, e.Complete[s], 2)
	f.Health = false // the end of what was told, and nothing new
	f.Exposures = []finding.Exposure{{What: s.Title() + " silent", Opened: p.Told, Closed: e.Complete[s]}}
	e.send(f)
}

// checkup looks at accounts and at the HR feed when a day (UTC) is over.
func (e *Engine) checkup(end int64) {
	for _, s := range event.Sources() {
		p := &e.Pulse[s]
		share := p.Nobody / max(p.Acts, 1)
		switch {
		case p.Acts >= unresolvedN && share > unresolved && !p.NobodyTold && end/hourMS-p.First >= settleHours:
			p.NobodyTold = true
			f := e.healthFinding(unresolvedIdentity, s.String(), end-dayMS, end, 1)
			f.Sources = []string{s.String()}
			f.Observed, f.Unit = round(100*share), "% of events"
			most, _ := top(p.Who)
			f.Reason = fmt.Sprintf("%.0f %% of what is done in %s is done by %s to nobody known, most of it by %s: name them under aliases, or under service_accounts", 100*share, s.Title(), accounts(p.Who), quoted(most))
			e.send(f)
		case share < unresolved/2:
			p.NobodyTold = false
		}
		p.Acts *= .6
		p.Nobody *= .6
	}
	e.checkFeed(end)
	e.expire(end)
}

// accounts counts accounts, as far as they were noted.
func accounts(who names) string {
	switch n := len(who); {
	case n == 1:
		return "an account that belongs"
	case n >= maxPlaces:
		return "many accounts that belong"
	default:
		return number(float64(n)) + " accounts that belong"
	}
}

// notice takes in that HR reported somebody's leaving.
func (e *Engine) notice(p *person, ev *event.Event) {
	f := &e.Feed
	if len(f.Notices) >= maxNotices {
		f.Notices = f.Notices[1:]
	}
	f.Notices = append(f.Notices, ev.Time)
	f.StaleTold = false
	if p.LastDay > 0 && p.LastDay < ev.Time-30*dayMS {
		if f.Odd++; f.FirstOddOf == "" {
			f.FirstOddOf = p.Name
		}
	}
}

func (e *Engine) checkFeed(end int64) {
	f := &e.Feed
	n := len(f.Notices)
	if n == 0 {
		return
	}
	today := 0
	for _, t := range f.Notices {
		if t > end-dayMS && t <= end {
			today++
		}
	}
	last := f.Notices[n-1]
	if today >= 5 && float64(today) > leaversShare*float64(e.Heads) {
		h := e.healthFinding(hrFeed, "flood", end-dayMS, end, 2)
		h.Observed, h.Unit = float64(today), "leavers in a day"
		h.Reason = fmt.Sprintf("the HR feed reports %d of %d people as leaving in one day: that is hardly so, and all of them are watched more closely", today, e.Heads)
		e.send(h)
	}
	if f.Odd > 0 && !f.OddTold {
		f.OddTold = true
		h := e.healthFinding(hrFeed, "past", last, end, 1)
		h.Reason = fmt.Sprintf("the HR feed reports leavers whose last day was over a month before, %s among them: it comes late, or dates are wrong", quoted(f.FirstOddOf))
		e.send(h)
	}
	if n < 5 || f.StaleTold {
		return
	}
	usual := float64(last-f.Notices[0]) / float64(n-1)
	if gap := float64(end - last); gap > max(staleDays*float64(dayMS), 7*usual) {
		f.StaleTold = true
		h := e.healthFinding(hrFeed, "stale", last, end, 2)
		h.Reason = fmt.Sprintf("the HR feed has reported nobody for %s; before, it did about every %s: who leaves may go unnoticed", lasting(end-last), lasting(int64(usual)))
		e.send(h)
	}
}

// healthFinding is a finding about the data.
func (e *Engine) healthFinding(det *Detector, about string, since, at int64, stake int) *finding.Finding {
	return &finding.Finding{
		ID: findingID(det, about, since), Episode: episodeID(det.Name+" "+about, since), Revision: 1, Detector: det.Name, Title: det.Title, Health: true,
		Time: at, Start: since, End: at, Stake: stake, Complete: at,
	}
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04") + " UTC" }
