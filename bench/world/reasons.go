package main

import "strings"

// reasons lists why benign bursts happen. Each leaves a trace in the records or in the
// HR files, before or during the burst.
var reasons = []reason{
	{"case", "a case was opened", "0011", "0012", openedCase},
	{"machine", "the usual place and hours, a new machine", "00012", "01", newMachine},
	{"joined", "a start date", "00", "01", joined},
	{"moved", "a change of department in the people file", "0002", "01", movedTeam},
	{"returned", "back after weeks away", "0", "014", returned},
	{"tool", "an application that many authorise in these weeks", "2334", "01", newTool},
	{"migration", "a service that many upload to in these weeks", "12344", "01", newService},
	{"change", "a change window, agreed in a channel", "0112", "01", changeWindow},
	{"quarter", "the end of the quarter", "0112", "012", nil},
	{"partner", "a partner that colleagues have written to for some days", "00112", "3333", newPartner},
	{"wrong_date", "a last day that HR has wrong", "0", "014", wrongDate},
	{"office", "another office, with its own addresses", "33", "01", newOffice},
	{"trip", "a trip or a fair", "0001", "01234", onATrip},
	{"channel", "a working group that meets in a new channel", "1122", "0123", workingGroup},
	{"cover", "somebody is on leave and colleagues stand in", "0011", "01", standIn},
	{"audit", "auditors who were let into a folder", "0112", "23", auditors},
}

// happening is one burst of a family.
type happening struct {
	w            *World
	r            Rand
	f            *family
	people       []*Actor
	from         []int // first day of each person
	d            int   // first day of the burst
	to           string
	app          string  // application that many people authorise
	since, until int     // days between which the reason by itself looks unusual
	folder       *Folder // folder that is new to those taking part
	traces       []Event
}

// show adds a record by a that explains the burst, on day or the last workday before it.
func (h *happening) show(a *Actor, day int, fill func(p *plan, t int64)) {
	for try := 0; try < 6 && !a.present(day); try++ {
		day--
	}
	if day < 0 || day >= h.w.Days {
		return
	}
	p := &plan{w: h.w, r: h.r, a: a, d: day, src: a.Suite, tag: noTag, c: h.w.mainClient(a, day)}
	fill(p, p.clock(day, 0))
	h.traces = append(h.traces, p.events...)
}

func openedCase(h *happening) bool {
	for i, a := range h.people {
		h.show(a, h.from[i]-h.r.between(0, 2), func(p *plan, t int64) { p.openCase(t) })
	}
	return true
}

func newMachine(h *happening) bool {
	for i, a := range h.people {
		if a.next != nil {
			return false
		}
		a.swap, a.next = h.from[i], newDevice(h.r, false)
		h.show(a, h.from[i], func(p *plan, t int64) { p.login(a.Suite, t-hour, p.c) })
	}
	return true
}

func joined(h *happening) bool {
	a := h.people[0]
	start := h.from[0] - h.r.between(0, 9)
	if a.taken || start < 2 || a.stories > 0 {
		return false
	}
	a.Hired = start
	for d := 0; d < start; d++ {
		a.state[d] = Gone
	}
	return true
}

// movedTeam shows in people.csv only: the new department and its first day.
func movedTeam(h *happening) bool {
	for i, a := range h.people {
		if a.moves < never || a.position < never {
			return false
		}
		a.moves, a.newDept = max(1, h.from[i]-h.r.between(0, 6)), Dept(h.r.IntN(int(nDepts)))
		a.position = a.moves
	}
	return true
}

func returned(h *happening) bool {
	a := h.people[0]
	if a.leaveFrom < never || a.taken || a.stories > 0 || h.from[0] < 25 {
		return false
	}
	a.leaveFrom, a.leaveTo = h.from[0]-h.r.between(20, 60), h.from[0]
	return true
}

func newTool(h *happening) bool {
	app := pick(h.r, h.w.lex.appParts[0]) + h.r.coinTitle(&tongues[0], 1)
	h.app = app
	for n := max(4, h.w.Users/25); n > 0; n-- {
		h.show(pick(h.r, h.w.people), h.d-h.r.between(0, 10), func(p *plan, t int64) {
			p.put(Event{At: t, Src: p.a.Suite, Kind: GrantApp, Arg: app, Arg2: "2"})
		})
	}
	for i, a := range h.people {
		h.show(a, h.from[i], func(p *plan, t int64) {
			p.put(Event{At: t - hour, Src: p.a.Suite, Kind: GrantApp, Arg: app, Arg2: "2"})
		})
	}
	return true
}

func newService(h *happening) bool {
	uploads := func(a *Actor, day, n int) {
		var own []Source
		for _, src := range drives {
			if src != h.f.source && a.uses(src) {
				own = append(own, src)
			}
		}
		if len(own) == 0 {
			return
		}
		src := pick(h.r, own)
		h.show(a, day, func(p *plan, t int64) {
			p.sweep(src, Upload, p.loot(src, n, 0), t, 4, nil, "")
		})
	}
	for n := max(4, h.w.Users/20); n > 0; n-- {
		uploads(pick(h.r, h.w.people), h.d+h.r.between(-6, 10), int(h.r.logUniform(8, 60)))
	}
	for i, a := range h.people {
		uploads(a, h.from[i], int(h.r.logUniform(15, 120)))
	}
	return true
}

// gather opens a channel that everybody taking part joins.
func (h *happening) gather(name string, day int) {
	for i, a := range h.people {
		h.show(a, day, func(p *plan, t int64) {
			if i == 0 {
				p.native(Slack, "public_channel_created", slackChannel(name), t-2*hour)
			}
			p.native(Slack, "user_channel_join", slackChannel(name), t)
		})
	}
}

func changeWindow(h *happening) bool {
	h.gather("change-"+strings.ToLower(token(h.r.Uint64(), 4)), h.d-1)
	return true
}

func workingGroup(h *happening) bool {
	h.gather(h.r.coin(&tongues[0], 2), h.d-h.r.between(1, 4))
	return true
}

// newPartner introduces a domain that several colleagues share with before the burst.
func newPartner(h *happening) bool {
	domain := pick(h.r, h.w.lex.stems) + "-" + h.r.coin(&tongues[1], 2) + ".example"
	name := func() string {
		return strings.ToLower(pick(h.r, h.w.lex.first)+"."+pick(h.r, h.w.lex.last)) + "@" + domain
	}
	h.to = name()
	lead := h.people[0]
	for n := h.r.between(3, 7); n > 0; n-- {
		a := pick(h.r, h.w.people)
		if a.Dept != lead.Dept && h.r.chance(.7) {
			n++
			continue
		}
		to := name()
		h.show(a, h.d-h.r.between(1, 8), func(p *plan, t int64) {
			for k := p.r.between(1, 3); k > 0; k-- {
				if it := p.w.choose(p.r, a, a.Suite, p.d); it.Folder != nil {
					p.put(Event{At: t, Src: a.Suite, Kind: ShareExternal, Item: it, Arg: to})
				}
			}
		})
	}
	return true
}

// wrongDate enters a leaver in the HR file who in fact stays.
func wrongDate(h *happening) bool {
	a := h.people[0]
	if a.LastDay < never || a.taken || h.from[0] < 12 {
		return false
	}
	last := h.from[0] - h.r.between(1, 6)
	h.w.leavers = append(h.w.leavers, leaver{a, last - h.r.between(12, 30), last})
	h.since, h.until = last, h.w.Days
	return true
}

// office is a new office, with its first day and its address.
type office struct {
	from int
	ip   string
}

func newOffice(h *happening) bool {
	place := h.people[0].Home
	if h.w.officeIP[place] == nil {
		return false
	}
	h.w.offices[place] = office{h.d, address(h.r, place.Hosting)}
	return true
}

func onATrip(h *happening) bool {
	place := pick(h.r, h.w.lex.everywhere)
	for i, a := range h.people {
		for d := h.from[i] - 1; d < min(h.w.Days, h.from[i]+5); d++ {
			a.trips[max(0, d)] = place
		}
	}
	return true
}

// standIn requires a colleague of the department who is away.
func standIn(h *happening) bool {
	lead := h.people[0]
	for _, a := range h.w.people {
		if a != lead && a.Dept == lead.Dept && a.state[h.d] == Away {
			h.folder = nil
			for _, f := range a.folders[h.f.source] {
				if f.Sensitive < 2 {
					h.folder = f
				}
			}
			return true
		}
	}
	return false
}

// auditors have been given access to a folder in the days before.
func auditors(h *happening) bool {
	domain := h.r.coin(&tongues[0], 2) + "-" + pick(h.r, []string{"audit", "pruefung", "revision", "conseil"}) + ".example"
	h.to = strings.ToLower(pick(h.r, h.w.lex.first)) + "@" + domain
	for n := h.r.between(2, 4); n > 0; n-- {
		h.show(h.people[0], h.d-n, func(p *plan, t int64) {
			if it := p.w.choose(p.r, p.a, p.a.Suite, p.d); it.Folder != nil {
				p.put(Event{At: t, Src: p.a.Suite, Kind: ShareExternal, Item: it, Arg: h.to})
			}
		})
	}
	return true
}
