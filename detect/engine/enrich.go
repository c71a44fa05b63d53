package engine

import (
	"cmp"
	"math"
	"path"
	"strings"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

func parseDay(t string) (int64, bool) {
	at, err := time.Parse(time.DateOnly, t)
	if err != nil {
		return 0, false
	}
	return at.UnixMilli(), true
}

// enrich puts an event into the light of what its person did before, and remembers it. Only
// what took effect changes what is known.
func (e *Engine) enrich(p *person, ev *event.Event) *detect.Enriched {
	a := &e.enriched
	*a = detect.Enriched{Event: ev, Person: p.Name, Silent: p.Day.Silent, Leaving: p.leaving(ev.Time)}
	switch ev.Class {
	case event.LoginFailure, event.MFADenied, event.AccountLocked:
		p.refuse(a)
		e.happen(p, a)
		return a
	}
	if !effective(ev) {
		return a
	}
	today := ev.Time / event.Day
	o := e.org(p)
	e.network(p, o, a, today)
	if ev.Source == event.CloudTrail && ev.Tenant != e.tenant { // the logs are of the organisation's own accounts
		e.tenant = strings.Clone(ev.Tenant)
		e.People.age(domains, hash(ofAccount, ev.Tenant), today, &e.deltaOf(p).People)
	}
	if ev.Source == event.GitHub {
		e.member(p, ev, today)
	}
	if len(a.To) > 0 {
		e.recipients(p, o, a, today)
	}
	if a.Class == event.Export && len(a.Attrs) > 0 {
		e.destination(p, o, a, today)
	}
	approval := ev.Class == event.MFAChallenge || ev.Class == event.LoginSuccess
	if approval && ev.Outcome == event.Success && len(p.Refused) > 0 {
		a.Refused = p.refused(ev.Time, 30*60_000)
	}
	e.enrichClass(p, o, a, today)
	e.visits(p, a, today)
	e.afterLast(p, o, a)
	e.happen(p, a)
	return a
}

// refuse notes a sign-in that failed, or a push that was refused.
func (p *person) refuse(a *detect.Enriched) {
	switch {
	case a.Class == event.MFADenied:
		if len(p.Refused) >= maxRefused {
			p.Refused = append(p.Refused[:0], p.Refused[maxRefused/2:]...)
		}
		p.Refused = append(p.Refused, a.Time)
		a.Refused = p.refused(a.Time, 10*60_000)
	case a.Class == event.LoginFailure && a.Outcome == event.Failure && a.Client.IP != "": // only wrong secrets are guesses
		if len(p.Fails) >= maxFails {
			p.Fails = append(p.Fails[:0], p.Fails[maxFails/2:]...)
		}
		p.Fails = append(p.Fails, failure{a.Time, hash(ofNetwork, a.Client.IP)})
	}
}

// enrichClass adds what depends on the class of the event.
func (e *Engine) enrichClass(p *person, o *org, a *detect.Enriched, today int64) {
	switch a.Class {
	case event.LoginSuccess, event.AppAccess, event.MFAChallenge:
		e.signIn(p, a, today)
	case event.Clone:
		e.signIn(p, a, today)
		e.touchRepository(p, a, today)
	case event.View, event.Download, event.Sync, event.Edit, event.Upload, event.Delete, event.Copy, event.Print:
		e.touch(p, o, a, today)
	case event.List:
		if a.Whole() {
			p.Steps.age(stepKey(stepSearched, object(a.Event)), today, maxSteps)
		}
		e.touch(p, o, a, today)
	case event.MailRead, event.DeviceCopy, event.Assistant:
		e.takeNote(p, a, today)
	case event.Fetch, event.Push:
		p.Known.age(hash(ofPlace, a.Source.String(), a.Object.ID), today, maxKnown)
	case event.ShareUser, event.ShareLink, event.MailRule:
		e.sensitive(a)
		if a.Class != event.MailRule && detect.FileStore(a.Source) {
			a.Reach = e.People.Places[place(a.Event)].size()
		}
		if a.Source != event.CloudTrail { // resources, not files: Foreign says with whom they are shared
			e.share(p, a, today)
		}
	case event.Export, event.ReportRun, event.Query:
		e.rows(p, a)
		a.Wide = a.Class == event.Export && a.Object.Type == "search" && p.recent(stepSearched, object(a.Event), today)
		e.sensitive(a)
	case event.TokenGrant, event.PermissionGrant:
		p.openToSelf(a, today)
		e.application(p, o, a, today)
	case event.GuardChange:
		e.sensitive(a)
	case event.LabelChange:
		if a.LabelLowered() {
			p.Steps.age(stepKey(stepLowered, object(a.Event)), today, maxSteps)
		}
	case event.Rename:
		if detect.FileStore(a.Source) && a.Object.ID != "" {
			p.Steps.age(stepKey(stepHidden, object(a.Event)), today, maxSteps)
		}
	case event.AdminRevoke:
		if at, known := p.Granted[right(a)]; known && a.Time-at <= event.Day {
			a.Brief = max(a.Time-at, 1)
			delete(p.Granted, right(a))
		}
	case event.PolicyChange, event.AdminGrant, event.NetworkOpen:
		if a.Class == event.AdminGrant && a.TopGrant() {
			p.noteGrant(a)
		}
		if a.Class == event.AdminGrant {
			p.openToSelf(a, today)
		}
		e.sensitive(a)
		a.OffHours = e.offHours(p, a.Event)
	}
}

// noteGrant notes when a right was granted.
func (p *person) noteGrant(a *detect.Enriched) {
	if p.Granted == nil || len(p.Granted) >= maxGranted {
		p.Granted = map[uint64]int64{}
	}
	p.Granted[right(a)] = a.Time
}

// refused counts the pushes refused within a time before a moment.
func (p *person) refused(at, within int64) (n int) {
	for _, t := range p.Refused {
		if at-t <= within {
			n++
		}
	}
	return n
}

// right is the key of an administrative right of an account.
func right(a *detect.Enriched) uint64 { return hash(ofUser, a.Source.String(), a.Receiver(), a.Role()) }

// stepKey is the key of a step that an item goes through.
func stepKey(kind int, item uint64) uint64 { return hash(kind) ^ item }

// recent says whether an item went through a step within three days.
func (p *person) recent(kind int, item uint64, today int64) bool {
	days, known := p.Steps.since(stepKey(kind, item), today)
	return known && days <= sequenceDays
}

// sequenceDays is over how many days the steps of a sequence belong together.
const sequenceDays = 3

// settled says that enough is known about the person for something new to mean
// anything.
func (p *person) settled() bool { return p.Active >= 4 }

// network notes where the act came from.
func (e *Engine) network(p *person, o *org, a *detect.Enriched, today int64) {
	if a.Client.IP == "" {
		return
	}
	key := hash(ofNetwork, network(a.Client.IP))
	if a.Signed() { // whoever has the link may use it, from a network that is not the person's
		_, mine := p.Known.since(key, today)
		_, theirs := o.known(networks)[key]
		a.Strange, a.Unusual = !mine && !theirs, !mine
		return
	}
	mine := p.Known.age(key, today, maxKnown)
	theirs := o.age(networks, key, today, e.deltaOf(p).of(p))
	a.NewNetwork = p.settled() && mine == 0 && theirs == 0
	a.Strange, a.Unusual = mine <= 1 && theirs <= 1, mine <= 1
}

// signIn notes country and client, and failed attempts from the same address.
func (e *Engine) signIn(p *person, a *detect.Enriched, today int64) {
	if c := a.Client.Country; c != "" {
		fresh := p.Known.age(hash(ofCountry, a.Source.String(), c), today, maxKnown) == 0
		a.NewCountry = fresh && p.settled()
	}
	if (a.Source == event.Okta || a.Source == event.M365 || a.Source == event.GoogleWorkspace) && a.Client.Agent != "" &&
		a.Class != event.Clone {
		fresh := p.Known.age(hash(ofAgent)^family(a.Client.Agent), today, maxKnown) == 0
		a.NewAgent = fresh && p.settled()
	}
	if a.Class == event.LoginSuccess && len(p.Fails) > 0 {
		key := hash(ofNetwork, a.Client.IP)
		keep := p.Fails[:0]
		for _, f := range p.Fails {
			if a.Time-f.At > event.Day {
				continue
			}
			keep = append(keep, f)
			if f.IP == key {
				a.Failures++
			}
		}
		p.Fails = keep
	}
}

// touch notes what is done to files and objects.
func (e *Engine) touch(p *person, o *org, a *detect.Enriched, today int64) {
	ev := a.Event
	src := ev.Source
	if src == event.GitHub || ev.Object.Type == "mail" {
		return
	}
	e.sensitive(a)
	key := object(ev)
	if place := ev.Object.Container; place != "" {
		a.PlaceAge = p.Known.age(hash(ofPlace, src.String(), place), today, maxKnown)
	} else {
		a.PlaceAge = 99
	}
	if detect.FileStore(src) && key != 0 {
		e.touchFile(p, o, a, key, today)
	}
	bit := uint16(0)
	switch ev.Class {
	case event.Copy:
		if bit = didCopy; src == event.CloudTrail {
			bit = didRead
		}
	case event.Print:
		bit = didPrint
	case event.Download:
		bit = didDownload
		a.OffHours = e.offHours(p, ev)
		switch {
		case src == event.CloudTrail:
			bit = didRead
		case a.Connected:
			bit = didApp
		}
	case event.Sync:
		bit = didSync
	case event.Delete:
		bit = didDelete
	case event.Upload:
		if name := ev.Object.Name; detect.FileStore(src) && key != 0 && distinctive(name) && p.takenElsewhere(src, name, today) {
			p.Steps.age(stepKey(stepTaken, key), today, maxSteps)
		}
		return
	default:
		return
	}
	done := p.done(key)
	a.First = key == 0 || done&bit == 0
	a.Repeat = !a.First
	a.TopLabel = e.topLabel(ev.Object.Label)
	if detect.FileStore(src) && key != 0 && a.First {
		a.Unlabelled = p.recent(stepLowered, key, today)
		if bit == didDownload {
			p.Steps.age(stepKey(stepTaken, key), today, maxSteps)
			if distinctive(ev.Object.Name) {
				p.Steps.age(stepKey(stepTaken, named(src, ev.Object.Name)), today, maxSteps)
			}
		}
		if bit == didSync && ev.Client.Device != "" {
			a.NewDevice = p.settled() && p.Known.age(hash(ofDevice, ev.Client.Device), today, maxKnown) <= 6
		}
	}
	if key != 0 {
		if bit == didDelete && done&sequenceDeleted == 0 && (done&didDownload != 0 || p.recent(stepTaken, key, today)) {
			a.DeletedAfterDownload = true
			a.Stages = p.stages(key, today) + 1
			done |= sequenceDeleted
		}
		done |= bit
		p.setDone(key, done)
	}
}

// touchFile notes where a file is, whether the person knew it, and by what they came to it.
func (e *Engine) touchFile(p *person, o *org, a *detect.Enriched, key uint64, today int64) {
	a.Fresh = p.Items.age(key, today, maxItems) == 0
	if a.Fresh && !a.Object.Folder && a.Class != event.Delete {
		e.named(p, a.Event, key)
	}
	a.Through = e.through(p, a.Event, today)
	a.Connected, a.RareApp = e.connected(p, o, a.Event, today)
}

// takeNote notes mail that is read, a file that is taken off a device, and what an assistant reads.
func (e *Engine) takeNote(p *person, a *detect.Enriched, today int64) {
	e.sensitive(a)
	a.TopLabel = e.topLabel(a.Object.Label)
	if place := a.Object.Container; place != "" {
		a.PlaceAge = p.Known.age(hash(ofPlace, a.Source.String(), place), today, maxKnown)
	} else {
		a.PlaceAge = 99
	}
	if a.Class == event.MailRead {
		a.Through = e.through(p, a.Event, today)
		a.First = true // a record stands for messages that no earlier one has
		return
	}
	key, bit := object(a.Event), uint16(didTakeOff)
	if a.Class == event.Assistant {
		bit = didAsk
	}
	done := p.done(key)
	a.First = key == 0 || done&bit == 0
	a.Repeat = !a.First
	if key != 0 {
		p.setDone(key, done|bit)
	}
}

// takenElsewhere says whether a file of a name was lately downloaded from another
// service than a source. Services give the same file different ids: across them
// its name identifies it.
func (p *person) takenElsewhere(source event.Source, name string, today int64) bool {
	for _, s := range event.Sources() {
		if s != source && detect.FileStore(s) && p.recent(stepTaken, named(s, name), today) {
			return true
		}
	}
	return false
}

func named(s event.Source, name string) uint64 {
	return hash(ofItem, "name", s.String(), strings.ToLower(name))
}

// distinctive says whether the name of a file identifies it: several words, and none
// that programs give.
func distinctive(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	if strings.HasPrefix(name, "untitled") || strings.HasPrefix(name, "new ") || strings.HasPrefix(name, "copy of ") ||
		strings.HasPrefix(name, "img_") || strings.HasPrefix(name, "screenshot") {
		return false
	}
	return len(name) >= 8 && strings.ContainsAny(strings.Trim(name, " _-."), " _-.")
}

// stages counts the steps that an item has gone through within three days:
// taken, hidden by a new name or a lower label, given out.
func (p *person) stages(item uint64, today int64) (n int) {
	for _, kinds := range [][]int{{stepTaken}, {stepHidden, stepLowered}, {stepOut}} {
		for _, k := range kinds {
			if p.recent(k, item, today) {
				n++
				break
			}
		}
	}
	return n
}

// done is what was done to an object today.
func (p *person) done(key uint64) uint16 { return p.Day.Done[key] }

func (p *person) setDone(key uint64, bits uint16) {
	d := &p.Day
	if d.Done == nil {
		d.Done = map[uint64]uint16{}
	}
	if _, known := d.Done[key]; known || len(d.Done) < maxDone {
		d.Done[key] = bits
	}
}

func (e *Engine) touchRepository(p *person, a *detect.Enriched, today int64) {
	key := hash(ofPlace, a.Source.String(), a.Object.ID)
	a.Fresh = p.Known.age(key, today, maxKnown) == 0
	done := p.done(key)
	a.First = done&didClone == 0
	a.Repeat = !a.First
	p.setDone(key, done|didClone)
}

// connected says whether an event was done by an application that was connected
// to act on the person's behalf, and whether hardly anyone else uses it.
func (e *Engine) connected(p *person, o *org, ev *event.Event, today int64) (connected, rare bool) {
	app := bare(ev.Client.App)
	switch {
	case app == "" || clients[app] || ev.Source == event.Dropbox:
		return false, false
	case automation[app]:
		return true, false
	}
	key := hash(ofApp, ev.Source.String(), app)
	if p.Known.age(key, today, maxKnown) == 0 && p.Day.Done[key] == 0 {
		p.setDone(key, 1)
		e.deltaOf(p).of(p).arrive(appUsers, key, today)
	}
	users := int(o.AppUsers[key])
	return users < 5 || users*5 < e.Heads, users <= 1
}

// share sorts the recipients that an object did not have before today.
func (e *Engine) share(p *person, a *detect.Enriched, today int64) {
	key := object(a.Event)
	for i := range a.To {
		t := &a.To[i]
		switch t.Scope {
		case event.ScopeInternal, event.ScopeUnknown:
			a.Internal++
			continue
		case event.ScopeAnyone:
			continue
		}
		if a.Class == event.ShareUser {
			pair := hash(ofPair, t.Account) ^ key
			if p.Day.Done[pair] != 0 {
				continue
			}
			p.setDone(pair, 1)
		}
		a.External++
		party := &e.parties[i]
		if party.Standing == detect.Self {
			a.Own++
		}
		if party.Standing > detect.Stranger || party.Standing == detect.Stranger && p.settled() {
			a.Unknown++
		}
		if p.Known.age(hash(ofRecipient, t.Account), today, maxKnown) == 0 {
			a.NewRecipients++
		}
	}
	if a.Class == event.ShareLink && a.After >= event.PublicLink || a.External > 0 && a.Class == event.ShareUser {
		bit := uint16(didShare)
		if a.Class == event.ShareLink {
			bit = didPublish
		}
		done := p.done(key)
		a.First = key == 0 || done&bit == 0
		a.TopLabel, a.Unlabelled = e.topLabel(a.Object.Label), p.recent(stepLowered, key, today)
		if done&sequenceShared == 0 && key != 0 && (done&didDownload != 0 || p.recent(stepTaken, key, today)) {
			a.SharedAfterDownload = true
			done |= sequenceShared
		}
		if key != 0 {
			p.Steps.age(stepKey(stepOut, key), today, maxSteps)
			a.Stages = p.stages(key, today)
		}
		p.setDone(key, done|bit)
	}
}

// runBefore is how long before an export a run may have been of the same report, in milliseconds.
const runBefore = 2 * 60_000

// oneExport reports whether an export with its rows and one without them, of the same report and of
// less than two minutes before, are two records of one export. The records of a printed report have
// no second one.
func (p *person) oneExport(a *detect.Enriched) bool {
	report := a.Attr(event.AttrReport)
	if a.Class != event.Export || report == "" || a.Attr(event.AttrChannel) != "" {
		return false
	}
	sized, unsized := hash(ofItem, "an export with rows", report), hash(ofItem, "an export without rows", report)
	own, other := sized, unsized
	if a.Event.Rows < 0 {
		own, other = unsized, sized
	}
	if at, ok := p.Reports[other]; ok && math.Abs(float64(a.Time)-at) <= runBefore {
		delete(p.Reports, other)
		return true
	}
	if p.Reports == nil || len(p.Reports) >= maxReports {
		p.Reports = map[uint64]float64{}
	}
	p.Reports[own] = float64(a.Time)
	return false
}

// rows finds out how many rows an export or a query took. An export names its
// report, and that report's last run says how many rows it has; the records of one
// execution count once.
func (e *Engine) rows(p *person, a *detect.Enriched) {
	n := float64(max(a.Event.Rows, 0))
	report := hash(ofItem, a.Attr(event.AttrReport))
	latest, ran := hash(ofItem, "the report run last"), hash(ofItem, "when a report ran last")
	switch {
	case a.Class == event.ReportRun:
		if p.Reports == nil || len(p.Reports) >= maxReports {
			p.Reports = map[uint64]float64{}
		}
		if a.Event.Rows < 0 { // what an earlier run had is not what this one has
			delete(p.Reports, report)
			delete(p.Reports, latest)
			return
		}
		p.Reports[report], p.Reports[latest], p.Reports[ran] = n, n, float64(a.Time)
		return
	case a.Class == event.Export && a.Event.Rows < 0:
		known := false
		if n, known = p.Reports[report]; a.Attr(event.AttrReport) == "" { // the export does not say of which report it is
			n, known = p.Reports[latest]
		}
		a.Unsized = !known
		if at, ok := p.Reports[ran]; a.Unsized && ok && float64(a.Time)-at >= 0 && float64(a.Time)-at <= runBefore {
			a.LikelyRows = p.Reports[latest]
		}
	}
	if p.oneExport(a) {
		if a.LikelyRows, a.Unsized = 0, false; a.Event.Rows < 0 {
			return // the other record has its rows
		}
		a.Rows = n
		return
	}
	a.Export, a.Rows = true, n
	exec := a.Attr(event.AttrExecution)
	if exec == "" {
		return
	}
	key := hash(ofExecution, exec)
	seen := p.Day.Done[key] != 0
	if a.Export = !seen; seen {
		a.LikelyRows = 0
	}
	if a.Attr(event.AttrChunk) != "" { // the chunks of one execution add up
		p.setDone(key, 1)
		return
	}
	if p.Reports == nil || len(p.Reports) >= maxReports {
		p.Reports = map[uint64]float64{}
	}
	before := 0.0
	if seen {
		before = p.Reports[key]
	}
	p.setDone(key, 1)
	if n > before {
		p.Reports[key] = n
	}
	a.Rows = max(n-before, 0)
}

// application notes which application was authorised.
func (e *Engine) application(p *person, o *org, a *detect.Enriched, today int64) {
	name := cmp.Or(a.Object.Name, a.Object.ID)
	if name == "" {
		return
	}
	a.UnseenApp = o.age(apps, hash(ofApp, "grant", strings.ToLower(name)), today, e.deltaOf(p).of(p)) == 0
	a.NewApp = a.UnseenApp && o.FactN > 260
}

// offHours says whether the person hardly ever works at the time of an event. Of a time without
// a zone nobody knows.
func (e *Engine) offHours(p *person, ev *event.Event) bool {
	if ev.Zoneless {
		return false
	}
	prof := &p.Day.Profile
	h := int(ev.Time / event.Hour % 24)
	if prof[h]+float64(.5*(prof[(h+1)%24]+prof[(h+23)%24])) < .12 {
		return true
	}
	if wd := localDay(ev.Time, p.Day.Quiet); wd == 0 || wd == 6 {
		return p.Weekend < .12
	}
	return false
}
