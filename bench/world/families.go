package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// happen plans benign bursts until 8 to 14 of 1,000 user-days begin one, at most a
// third of them in crowds. A world that is too short to hold a burst gets none.
func (w *World) happen() {
	r := newRand(w.Seed, seedGrammar)
	rate := r.uniform(8, 14)
	w.grammar = newGrammar(r, w.Families)
	days := 0.0
	for _, a := range w.people {
		for d := range a.state {
			if a.present(d) {
				days++
			}
		}
	}
	if w.Days < shortest {
		return
	}
	want := int(rate / 1000 * days * 1.06) // bursts on weekends and holidays come on top
	crowd := 0
	weights := make([]float64, len(w.grammar))
	for i, f := range w.grammar {
		weights[i] = f.weight
	}
	// Every family takes place once, then they recur by weight.
	for try := 0; len(w.decoys) < want && try < 4000; try++ {
		k := try / 12
		if k >= len(w.grammar) {
			k = r.weighted(weights)
		}
		f := w.grammar[k]
		if try < 12*len(w.grammar) && f.times > 0 {
			continue
		}
		if f.scope.share && crowd > want/3 {
			continue
		}
		n := len(w.decoys)
		if !w.occur(f, newRand(w.Seed, seedFamily, uint64(k), uint64(try)), want/4) {
			continue
		}
		if f.times++; f.scope.share {
			crowd += len(w.decoys) - n
		}
	}
}

// shortest is the number of days a world needs to hold a benign burst: nine before it and 13 after.
const shortest = 23

// calm reports whether a person may take part in a benign burst on day d.
func (a *Actor) calm(d int) bool {
	return a.Hired < d-30 && a.LastDay == never && a.leaveFrom == never && a.present(d)
}

// occur plans one burst of a family, with up to about most people. It returns false if no person suits.
func (w *World) occur(f *family, r Rand, most int) bool {
	h := &happening{w: w, r: r, f: f, d: r.between(9, w.Days-14)}
	if f.reason.name == "quarter" {
		if h.d = w.quarterEnd(r); h.d < 0 {
			return false
		}
	}
	body := f.acts[0].deed
	var lead *Actor
	for try := 0; try < 120 && lead == nil; try++ {
		a := pick(r, w.people)
		if src, ok := body.able(r, a); ok && a.calm(h.d) && !a.taken && a.stories < 3 {
			lead, f.source = a, src
		}
	}
	if lead == nil {
		return false
	}
	h.people = []*Actor{lead}
	if f.scope.together != nil {
		var others []*Actor
		for _, a := range some(r, w.people, len(w.people)) {
			if _, ok := body.able(r, a); ok && a != lead && f.scope.together(lead, a) && a.calm(h.d) &&
				(f.scope.share || !a.taken && a.stories < 3) {
				others = append(others, a)
			}
		}
		n := r.uniform(f.scope.people[0], f.scope.people[1])
		if f.scope.share {
			n *= float64(len(others))
		}
		h.people = append(h.people, others[:min(len(others), int(math.Round(n)), max(3, most))]...)
	}
	for range h.people {
		h.from = append(h.from, h.d+r.between(0, f.scope.days))
	}
	if f.reason.trace != nil && !f.reason.trace(h) {
		return false
	}
	if f.receiver == 3 && h.to == "" {
		newPartner(h)
	}
	if f.ground == 2 && h.folder == nil && len(w.folders[f.source]) > 0 {
		h.folder = pick(r, w.folders[f.source])
	}
	done := false
	for i, a := range h.people {
		done = h.act(a, h.from[i]) || done
	}
	if done {
		w.schedule(h.traces)
	}
	return done
}

// quarterEnd draws a day around the end of a quarter, or -1 if the world has none.
func (w *World) quarterEnd(r Rand) int {
	var list []int
	for d := 9; d < w.Days-10; d++ {
		date := w.Start.AddDate(0, 0, d)
		if date.Month()%3 == 0 && workdaysTo(date) < 6 || date.Month()%3 == 1 && date.Day() < 6 {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return -1
	}
	return pick(r, list)
}

// act plans one person's part in a burst.
func (h *happening) act(a *Actor, from int) bool {
	w, f := h.w, h.f
	p := &plan{w: w, r: h.r, a: a, d: from, q: h.r.Float64(), tag: noTag}
	amount := f.middle * h.r.lognormal(0, f.spread)
	parts, night, every := f.cadence.plan(h.r)
	hours := 1
	if parts < 0 {
		parts, hours = 1, -parts
	}
	var days []int
	for d := from; d < min(w.Days-2, from+8*max(1, every)) && len(days) < parts; d++ {
		if a.present(d) {
			days = append(days, d)
			d += every - 1
		}
	}
	for _, act := range f.acts {
		src, ok := act.deed.able(h.r, a)
		if !ok || len(days) == 0 {
			continue
		}
		total := max(1, math.Sqrt(act.deed.lo*act.deed.hi)*amount*act.share)
		p.src = src
		h.place(p, act.deed)
		for k, d := range days {
			for j := range hours {
				p.d, p.c, p.gap = d, w.mainClient(a, d), 0
				n := int(math.Ceil(total / float64(len(days)*hours)))
				if int(float64(k*hours+j)*math.Ceil(total/float64(len(days)*hours))) < int(math.Ceil(total)) {
					act.deed.do(p, n, p.clock(d, night)+int64(j)*hour)
				}
			}
		}
	}
	if len(p.events) == 0 {
		return false
	}
	slices.SortStableFunc(p.events, func(x, y Event) int { return cmp.Compare(x.At, y.At) })
	w.schedule(p.events)
	a.stories++
	at := func(e Event) time.Time { return time.UnixMilli(e.At).UTC() }
	label := Decoy{Type: f.reason.name, User: a.Email, Start: at(p.events[0]), End: at(p.events[len(p.events)-1]), Family: f.id,
		Note: f.String()}
	if h.until > 0 { // the reason by itself looks unusual for longer
		label.Start, label.End = w.Start.AddDate(0, 0, min(from, h.since)), w.Start.AddDate(0, 0, h.until)
	}
	w.decoys = append(w.decoys, label)
	return true
}

// place sets the folders a person acts in and the recipient.
func (h *happening) place(p *plan, d *deed) {
	w, f := h.w, h.f
	p.pool, p.reach, p.to, p.app = nil, .1, "", h.app
	switch f.ground {
	case 0:
		p.pool = p.a.folders[p.src]
	case 1:
		p.reach = .8
	case 2:
		if h.folder != nil && h.folder.Src == p.src {
			p.pool = []*Folder{h.folder}
		}
	case 3:
		for _, g := range w.folders[p.src] {
			if g.Sensitive > 0 && g.Dept == p.a.works {
				p.pool = append(p.pool, g)
			}
		}
	}
	switch f.receiver {
	case 1:
		if !d.out {
			p.to = pick(p.r, w.people).Email
		}
	case 2:
		p.to = w.contact(p.r, p.a, p.d)
	case 3:
		p.to = h.to
	case 4:
		p.to = p.a.Personal
		if d.name != "share_outside" && d.name != "modern_links" {
			p.to = ""
		}
	}
	if d.name == "share_inside" && f.receiver > 1 {
		p.to = ""
	}
}

// schedule assigns planned events to the UTC days they happen on.
func (w *World) schedule(events []Event) {
	for _, e := range events {
		d := (e.At - w.startMs) / day
		w.planned[d] = append(w.planned[d], e)
	}
}
