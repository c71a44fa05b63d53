package main

import (
	"cmp"
	"slices"
)

// habit is ordinary activity besides the streams: small bouts of a deed by the people
// who do it now and then. Procedural worlds only.
type habit struct {
	deed *deed
	who  map[*Actor]bool
	rate float64 // bouts per person and workday
}

const rarest = 10 // least expected number of bouts of a deed in a world

// adopt draws who has which habits, and how strong they are in this organisation.
func (w *World) adopt() {
	for _, d := range deedList {
		if d.rate == 0 {
			continue
		}
		r := newRand(w.Seed, seedHabit, hashString(d.name))
		var people []*Actor
		for _, a := range w.people {
			if _, ok := d.able(r, a); ok {
				people = append(people, a)
			}
		}
		slices.SortFunc(people, func(a, b *Actor) int {
			return cmp.Compare(hash(a.Key, hashString(d.name)), hash(b.Key, hashString(d.name)))
		})
		people = people[:min(len(people), max(2, len(people)*d.used/100))]
		h := habit{d, map[*Actor]bool{}, d.rate * r.logUniform(.4, 2.2)}
		for _, a := range people {
			h.who[a] = true
		}
		h.rate = max(h.rate, rarest/float64(1+len(people)*w.Days*6/10))
		w.habits = append(w.habits, h)
	}
}

func (w *World) habitual(a *Actor, d *deed) bool {
	return slices.ContainsFunc(w.habits, func(h habit) bool { return h.deed == d && h.who[a] })
}

// practise adds a person's habits to a day.
func (w *World) practise(a *Actor, d int, out *[]Event) {
	if !a.present(d) {
		return
	}
	r := newRand(w.Seed, seedHabit, uint64(a.Idx), uint64(d))
	p := &plan{w: w, r: r, a: a, d: d, tag: noTag}
	for i := range w.habits {
		h := &w.habits[i]
		if !h.who[a] {
			continue
		}
		n := r.poisson(h.rate)
		if n == 0 {
			continue
		}
		src, ok := h.deed.able(r, a)
		if !ok { // no longer, after a change of department
			continue
		}
		if p.c == nil {
			p.c = w.mainClient(a, d)
		}
		p.src, p.to, p.app, p.gap, p.q = src, "", "", 0, 0
		p.pool = a.folders[src]
		for ; n > 0; n-- {
			h.deed.do(p, 1+r.poisson(r.ExpFloat64()*(h.deed.bout-1)), p.clock(d, .03))
		}
	}
	*out = append(*out, p.events...)
}

func (w *World) mainClient(a *Actor, d int) *Context {
	main, _ := w.contexts(a, d)
	return main
}
