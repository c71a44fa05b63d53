package engine

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/lexicon"
	"github.com/outflow/outflow/internal/event"
)

// openLabels are labels that say that something need not be protected.
var openLabels = map[string]bool{
	"public": true, "general": true, "unrestricted": true, "non-business": true, "personal": true, "none": true,
}

// labelled says whether a label marks something as worth protecting: every label does but the
// public ones.
func labelled(o *event.Object) bool { return o.Label != "" && !openLabels[strings.ToLower(o.Label)] }

// sensitive notes how sensitive the object of an event is, by its label, or by the names of all
// that it is in and its own.
func (e *Engine) sensitive(a *detect.Enriched) {
	o := &a.Object
	if a.Sensitivity = 1; !labelled(o) {
		a.Sensitivity = e.sounds(a.Event)
	}
	a.Sensitive = a.Sensitivity >= lexicon.Enough
}

// sounds is how sensitive the names of an object sound: of all folders that lead to it, if the record
// has them, and its own.
func (e *Engine) sounds(ev *event.Event) float64 {
	o, place := &ev.Object, ev.Object.Container
	if folder := ev.Attr(event.AttrFolder); strings.HasPrefix(folder, "/") {
		place = folder // which begins with the container
	}
	score := e.names.Place(place)
	switch {
	case o.Name == o.Container:
		return score
	case !o.Folder && items[o.Type]:
		return lexicon.Either(score, e.names.File(o.Name))
	}
	return lexicon.Either(score, e.names.Place(o.Name))
}

// items are the types of objects that are kept in places, and are no places themselves.
var items = map[string]bool{"": true, "file": true, "object": true, "attachment": true, "mail": true, "message": true, "page": true}

// namesSelf says whether an address outside looks like the person's own: its
// local part holds the names that the person's address is made of.
func namesSelf(person, address string) bool {
	local, _, ok := strings.Cut(address, "@")
	mine, _, ok2 := strings.Cut(person, "@")
	if !ok || !ok2 {
		return false
	}
	fold := func(t string) string {
		return strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' {
				return c
			}
			return -1
		}, strings.ToLower(t))
	}
	local = fold(local)
	for part := range strings.FieldsFuncSeq(mine, func(c rune) bool { return c == '.' || c == '_' || c == '-' || c == '+' }) {
		if part = fold(part); len(part) >= 4 && strings.Contains(local, part) {
			return true
		}
	}
	return len(mine) >= 4 && strings.Contains(local, fold(mine)) && len(fold(mine)) >= 4
}
