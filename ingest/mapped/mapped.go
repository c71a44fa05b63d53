// Package mapped reads tables that users declare themselves: exports of which Outflow does not know
// the columns. A declaration says which column holds what, and what the table's words for actions
// mean. Nothing is guessed: what is not declared is not known.
package mapped

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// Table is the declaration of a table.
type Table struct {
	Name       string            `yaml:"name"`       // unique: what coverage calls it; required
	Source     string            `yaml:"source"`     // short name of the vendor whose events these are; required
	Columns    map[string]Names  `yaml:"columns"`    // by field, at least time and user; required
	Actions    map[string]string `yaml:"actions"`    // the class of each of the table's words for actions
	Class      string            `yaml:"class"`      // of every row, if there is no column of actions
	Outcomes   map[string]string `yaml:"outcomes"`   // success, failure or denied, by the table's words
	Visibility map[string]string `yaml:"visibility"` // private, internal, external, public_link or public, by the table's words
	Zone       string            `yaml:"zone"`       // of times that state none; "" if it is not known
	Order      string            `yaml:"date_order"` // dmy, mdy or ymd; "" if it is not known
}

// Names are the names that a column has: a table has one of them.
type Names []string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler: a name, or a list of names.
func (n *Names) UnmarshalYAML(decode func(any) error) error {
	var one string
	if decode(&one) == nil {
		*n = Names{one}
		return nil
	}
	var list []string
	if err := decode(&list); err != nil {
		return err
	}
	*n = list
	return nil
}

// fields are what a column can hold, in the order in which they are documented.
var fields = []string{
	"time", "user", "action", "object", "object_id", "container", "size", "rows", "recipient", "visibility",
	"role", "app", "ip", "country", "user_agent", "outcome", "id",
}

// required are the fields without which there is no event.
var required = []string{"time", "user"}

// Classes that cannot be declared, because they are no actions of people in a vendor's log.
var reserved = []event.Class{
	event.Other, event.Person, event.Notice, event.Derived, event.SourceGap, event.SourceLate, event.NamesLeftOut,
}

var outcomes = map[string]event.Outcome{"success": event.Success, "failure": event.Failure, "denied": event.Denied}

// visibilities returns the visibilities by name.
func visibilities() map[string]event.Visibility {
	named := map[string]event.Visibility{}
	for v := event.Private; v <= event.Public; v++ {
		named[v.String()] = v
	}
	return named
}

// Compile compiles declarations. Known are tables whose names are taken. The error names the
// table and what cannot be.
func Compile(list []Table, known []*ingest.Table) (tables []*ingest.Table, err error) {
	taken := map[string]bool{}
	for _, t := range known {
		taken[t.Name] = true
	}
	for i := range list {
		t := &list[i]
		if t.Name == "" || taken[t.Name] {
			return nil, fmt.Errorf("table %d: a name of its own is required, which no known table has", i+1)
		}
		taken[t.Name] = true
		compiled, err := t.compile()
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		tables = append(tables, compiled)
	}
	return tables, nil
}

// compile compiles a declaration.
func (t *Table) compile() (*ingest.Table, error) {
	if strings.ContainsFunc(t.Name, func(c rune) bool { return c <= ' ' || plain.Disturbs(c) }) {
		return nil, errors.New("the name has blanks or control characters")
	}
	r := reader{source: event.SourceNamed(t.Source)}
	if r.source == event.NoSource || r.source == event.HR {
		return nil, fmt.Errorf("source %q: %s", t.Source, strings.Join(sources(), ", "))
	}
	columns, err := t.columns()
	if err != nil {
		return nil, err
	}
	if err := t.checkWords(); err != nil {
		return nil, err
	}
	if t.Class != "" {
		class, known := classes()[t.Class]
		if !known {
			return nil, fmt.Errorf("class: there is no class %q: docs/sources.md lists them", t.Class)
		}
		r.every, r.class = t.Name, class
	}
	if r.actions, err = words("actions", t.Actions, classes()); err != nil {
		return nil, err
	}
	if r.outcomes, err = words("outcomes", t.Outcomes, outcomes); err != nil {
		return nil, err
	}
	if r.visibility, err = words("visibility", t.Visibility, visibilities()); err != nil {
		return nil, err
	}
	r.hasRows, r.hasOutcome = t.Columns["rows"] != nil, t.Columns["outcome"] != nil
	out := ingest.Declare(t.Name, columns, r.read)
	out.Forms, err = t.forms()
	return out, err
}

// columns returns the columns in a fixed order.
func (t *Table) columns() (list []ingest.Column, err error) {
	for _, field := range slices.Sorted(maps.Keys(t.Columns)) {
		if !slices.Contains(fields, field) {
			return nil, fmt.Errorf("columns: %q is none of %s", field, strings.Join(fields, ", "))
		}
	}
	used := map[string]string{}
	for _, field := range fields {
		names, declared := t.Columns[field]
		if !declared {
			switch {
			case field == "action" && t.Class == "":
				return nil, errors.New("columns: action is required, or the class of all rows")
			case slices.Contains(required, field):
				return nil, fmt.Errorf("columns: %s is required", field)
			}
			continue
		}
		for _, name := range names {
			folded := plain.Column(name)
			switch by := used[folded]; {
			case folded == "":
				return nil, fmt.Errorf("columns: %s: a name of a column is required", field)
			case by != "" && by != field:
				return nil, fmt.Errorf("columns: %q is used twice, for %s and %s", name, by, field)
			}
			used[folded] = field
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("columns: %s: a name of a column is required", field)
		}
		list = append(list, ingest.Column{Field: field, Required: true, Names: names})
	}
	return list, nil
}

// checkWords checks that words are declared for the columns that have them, and only for those.
func (t *Table) checkWords() error {
	_, column := t.Columns["action"]
	switch {
	case t.Class != "" && (column || len(t.Actions) > 0):
		return errors.New("class: it is for tables without a column of actions")
	case t.Class == "" && len(t.Actions) == 0:
		return errors.New("actions are required: the class of each of the table's words for actions")
	}
	for _, c := range []struct {
		field, setting string
		words          map[string]string
	}{{"outcome", "outcomes", t.Outcomes}, {"visibility", "visibility", t.Visibility}} {
		switch _, declared := t.Columns[c.field]; {
		case declared && len(c.words) == 0:
			return fmt.Errorf("%s: what the words of the column %s mean is required", c.setting, c.field)
		case !declared && len(c.words) > 0:
			return fmt.Errorf("%s: there is no column %s", c.setting, c.field)
		}
	}
	return nil
}

// forms is what is known about times that do not say it themselves.
func (t *Table) forms() (f ingest.Forms, err error) {
	if t.Zone != "" {
		known := false
		if f.Zone, known = form.ParseZone(t.Zone); !known {
			return f, fmt.Errorf("zone: %q is not a zone such as Europe/Berlin or -05:00", t.Zone)
		}
	}
	if f.Order, err = form.ParseOrder(t.Order); err != nil {
		return f, fmt.Errorf("date_order: %q is not one of %w", t.Order, err)
	}
	return f, nil
}

// words returns what words mean, by the words as ingest.Words folds them. Setting is where they are declared.
func words[T comparable](setting string, declared map[string]string, named map[string]T) (map[string]T, error) {
	meaning := map[string]T{}
	for _, word := range slices.Sorted(maps.Keys(declared)) {
		folded, name := ingest.Words(word), declared[word]
		value, known := named[name]
		before, again := meaning[folded]
		switch {
		case folded == "":
			return nil, fmt.Errorf("%s: a word is required for %s", setting, name)
		case !known && len(named) > 8:
			return nil, fmt.Errorf("%s: %s: there is no class %q: docs/sources.md lists them", setting, word, name)
		case !known:
			return nil, fmt.Errorf("%s: %s: %q is none of %s", setting, word, name, strings.Join(slices.Sorted(maps.Keys(named)), ", "))
		case again && before != value:
			return nil, fmt.Errorf("%s: %q has two meanings: case and blanks make no difference", setting, word)
		}
		meaning[folded] = value
	}
	return meaning, nil
}

// classes returns the classes that can be declared, by name.
func classes() map[string]event.Class {
	named := map[string]event.Class{}
	for c := event.Class(0); c.String() != "unknown"; c++ {
		if !slices.Contains(reserved, c) {
			named[c.String()] = c
		}
	}
	return named
}

// sources returns the short names of the vendors whose events a table can have.
func sources() (names []string) {
	for _, s := range event.Sources() {
		if s != event.HR {
			names = append(names, s.String())
		}
	}
	return names
}
