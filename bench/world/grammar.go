package main

import (
	"fmt"
	"slices"
	"strings"
)

// This file holds the grammar of benign bursts. A family is a sentence of the grammar:
// who does what, for which reason, how much of it, where, in which cadence, and for which recipient.

// scope is who takes part in a benign burst.

type scope struct {
	text     string
	people   [2]float64 // number of people, or share of those eligible if share is set
	share    bool
	together func(lead, a *Actor) bool
	days     int // days within which everybody begins
}

var circles = []scope{
	{"one person", [2]float64{1, 1}, false, nil, 0},
	{"people of one role", [2]float64{2, 6}, false, func(l, a *Actor) bool { return l.Dept == a.Dept && l.Title == a.Title }, 4},
	{"a team", [2]float64{3, 9}, false, func(l, a *Actor) bool { return l.Dept == a.Dept }, 3},
	{"everybody in a place", [2]float64{.2, .7}, true, func(l, a *Actor) bool { return l.Home == a.Home }, 5},
	{"everybody within a fortnight", [2]float64{.06, .25}, true, func(l, a *Actor) bool { return true }, 14},
}

// reason is why a benign burst happens. Its trace in the exports is what lets an analyst recognise it.
type reason struct {
	name, text string
	scopes     string // indexes into circles, repeated by weight
	to         string // indexes into receivers, repeated by weight
	trace      func(h *happening) bool
}

type cadence struct {
	text string
	// plan draws on how many days (negative: in how many parts of one day), with which
	// probability at night, and how many days apart.
	plan func(r Rand) (days int, night float64, every int)
}

var cadences = []cadence{
	{"in one burst", func(r Rand) (int, float64, int) { return 1, 0, 1 }},
	{"over a day", func(r Rand) (int, float64, int) { return -4, 0, 1 }}, // four parts of one day
	{"over a week", func(r Rand) (int, float64, int) { return r.between(3, 5), 0, 1 }},
	{"at nights", func(r Rand) (int, float64, int) { return r.between(1, 4), 1, 1 }},
	{"weekly", func(r Rand) (int, float64, int) { return r.between(3, 6), 0, 7 }},
}

// receivers are the recipients a family may name. Reasons refer to them by index:
// 0 no one, 1 a colleague, 2 a long-standing vendor, 3 a new company that
// colleagues write to as well, 4 the person's own private address.
var receivers = []string{"for nobody else", "for a colleague", "for a vendor known for long",
	"for a company that is new, to which colleagues write too", "to the own private address, a few harmless things"}

var grounds = []string{"in own folders", "in other departments' folders", "in a folder new to them", "in confidential folders"}

// act is a deed as part of a family.
type act struct {
	deed  *deed
	share float64 // share of the family's amount
}

type family struct {
	id       string
	scope    *scope
	reason   *reason
	acts     []act
	middle   float64 // amount, relative to that of the deed in an incident
	spread   float64
	ground   int
	cadence  *cadence
	receiver int
	weight   float64
	source   Source
	half     int
	times    int // number of times it has taken place
}

func (f *family) String() string {
	var what []string
	for _, a := range f.acts {
		what = append(what, a.deed.text)
	}
	return fmt.Sprintf("%s, %s: %s %s, %s, %s", f.reason.text, f.scope.text, strings.Join(what, " and "), grounds[f.ground],
		f.cadence.text, receivers[f.receiver])
}

// The deeds in common make up most bursts. Those in together can be done by many people
// at once; deeds that need privileges are not among them.
var (
	common = strings.Fields("download sync delete clone share_outside share_inside report_export object_reads upload " +
		"chat_files app_reads")
	together = strings.Fields("download sync delete clone share_inside report_export object_reads upload chat_files app_reads " +
		"copy report_print usb cloud_upload copilot dashboards warehouse_query")
)

// newGrammar draws the families of a world. The half of a family follows from its
// reason and its first deed alone, so a pair of both is in the same half in every world.
func newGrammar(r Rand, want string) []*family {
	var body []*deed
	var likely []float64
	for _, d := range deedList {
		if d.burst {
			body = append(body, d)
			likely = append(likely, map[bool]float64{true: 4, false: 1}[slices.Contains(common, d.name)])
		}
	}
	var list []*family
	seen := map[[2]int]bool{}
	for n := r.between(26, 36); len(list) < n; {
		ri, di := r.IntN(len(reasons)), r.weighted(likely)
		if want == "even" && (ri+di)%2 == 1 || want == "odd" && (ri+di)%2 == 0 || seen[[2]int{ri, di}] {
			continue
		}
		why, d := &reasons[ri], body[di]
		f := &family{reason: why, half: (ri + di) % 2, middle: r.logUniform(.5, 2), spread: r.uniform(.4, 1),
			ground: r.weighted([]float64{4, 2, 3, 2}), cadence: pick(r, pointers(cadences)), weight: r.logUniform(.4, 2.5)}
		f.scope = &circles[int(pick(r, []byte(why.scopes))-'0')]
		if f.scope.share && !slices.Contains(together, d.name) {
			f.scope = &circles[r.IntN(3)]
		}
		f.acts = []act{{d, 1}}
		for r.chance(.45) && len(f.acts) < 3 { // a second or third deed goes along with it
			if more := body[r.weighted(likely)]; more != d && (!f.scope.share || slices.Contains(together, more.name)) {
				f.acts = append(f.acts, act{more, r.uniform(.1, .6)})
			}
		}
		out := func(a act) bool { return a.deed.out }
		f.receiver = int(pick(r, []byte(why.to)) - '0')
		if f.receiver > 1 && !slices.ContainsFunc(f.acts, out) { // a recipient outside needs a deed that shares
			f.acts = append(f.acts, act{deeds[pick(r, []string{"share_outside", "share_outside", "modern_links", "folder_guest"})],
				r.uniform(.2, 1)})
		}
		if f.receiver < 2 && slices.ContainsFunc(f.acts, out) {
			f.receiver = pick(r, []int{2, 2, 3})
		}
		if f.receiver == 1 && d.name != "share_inside" {
			f.receiver = 0
		}
		if f.receiver == 4 { // small and harmless
			f.middle, f.ground = r.uniform(.05, .2), 0
		}
		seen[[2]int{ri, di}] = true
		f.id = fmt.Sprintf("f%02d-%s-%s", len(list)+1, why.name, d.name)
		list = append(list, f)
	}
	return list
}

func pointers[T any](list []T) (out []*T) {
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}
