// Package attack knows the techniques of MITRE ATT&CK: their names, their tactics, and which were revoked.
package attack

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// Version is the version of ATT&CK that the ids are of.
const Version = "19"

// The lists are made by .ci/standards/update; LICENSE has their licence.
var (
	//go:embed techniques.tsv
	techniques string
	//go:embed tactics.tsv
	tactics string
)

// Tactic is why a technique is used.
type Tactic struct {
	ID   string // such as TA0010
	Name string // such as Exfiltration
}

// Technique is a technique, or a sub-technique.
type Technique struct {
	ID      string // such as T1567.002
	Name    string // its own, such as Exfiltration to Cloud Storage
	Parent  string // ID of the technique that a sub-technique belongs to; "" if it is none
	Tactics []Tactic
	Revoked bool // revoked or deprecated, so that it has no tactics any more
}

// Lookup returns the technique with an id.
func Lookup(id string) (Technique, bool) {
	t, ok := table()[id]
	return t, ok
}

// URL returns the page of a technique.
func URL(id string) string {
	return "https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/") + "/"
}

// Title returns the id and the name of a technique, that of a sub-technique after its technique's, as ATT&CK
// writes them; the id alone if ATT&CK does not have it.
func Title(id string) string {
	t, ok := Lookup(id)
	if !ok {
		return id
	}
	if parent, ok := Lookup(t.Parent); ok {
		return id + " " + parent.Name + ": " + t.Name
	}
	return id + " " + t.Name
}

// Titles returns the Title of each id.
func Titles(ids []string) []string {
	titles := make([]string, 0, len(ids))
	for _, id := range ids {
		titles = append(titles, Title(id))
	}
	return titles
}

// table is every technique by its id.
var table = sync.OnceValue(func() map[string]Technique {
	named := map[string]Tactic{}
	for cell := range rows(tactics) {
		named[cell[1]] = Tactic{cell[0], cell[2]}
	}
	m := map[string]Technique{}
	for cell := range rows(techniques) {
		t := Technique{ID: cell[0], Name: cell[1], Revoked: cell[2] == "revoked"}
		if parent, _, sub := strings.Cut(t.ID, "."); sub {
			t.Parent = parent
		}
		for name := range strings.SplitSeq(cell[2], ",") {
			if tactic, ok := named[name]; ok {
				t.Tactics = append(t.Tactics, tactic)
			}
		}
		slices.SortFunc(t.Tactics, func(a, b Tactic) int { return strings.Compare(a.ID, b.ID) })
		m[t.ID] = t
	}
	return m
})

// rows yields the three cells of each row of a table; a comment has fewer.
func rows(text string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if cell := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(cell) == 3 && !yield(cell) {
				return
			}
		}
	}
}
