// Package sigma compiles detection rules in Sigma's YAML
// (github.com/SigmaHQ/sigma-specification, version 2) and matches them with the vendors' own
// records. It matches single events; detect evaluates correlations, where events are in order.
// It keeps no state.
package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/outflow/outflow/internal/event"
)

// Error is a fault in a rule or test.
type Error struct {
	File   string // path; empty if unknown
	Line   int    // from 1
	Reason string // what is wrong
}

// Error returns file, line and reason.
func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// quote quotes a text for an error, and cuts it off after 80 bytes.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}

// Level is the severity that the author of a rule gives it.
type Level int

// The levels of Sigma.
const (
	Informational Level = iota
	Low
	Medium
	High
	Critical
)

var levelNames = [...]string{"informational", "low", "medium", "high", "critical"}

// String returns the level as rules write it.
func (l Level) String() string { return levelNames[min(max(l, 0), Critical)] }

// parseLevel reads a level. A rule without a level is of level medium.
func parseLevel(name string) (Level, bool) {
	if name == "" {
		return Medium, true
	}
	i := slices.Index(levelNames[:], strings.ToLower(name))
	return Level(i), i >= 0
}

// Rule is a compiled rule.
type Rule struct {
	ID    string   // as written, or else the name, or the title
	Name  string   // by which correlations refer to it; may be empty
	Title string   // never empty
	Level Level    // severity
	Tags  []string // as written, such as attack.t1530
	File  string   // path
	Line  int      // of the rule in File

	Source      event.Source // of the records that it matches; NoSource for a correlation
	Correlation *Correlation // nil for a rule about single events
	Feeds       bool         // it only feeds correlations, and makes no findings itself

	log     [3]string // product, service and category, in lower case
	when    expr
	by      []string // fields that correlations over it need
	bySlots []int
}

// States lists the fields of its matches that correlations over the rule need.
func (r *Rule) States() []string { return r.by }

// named reports whether a rule has an id, name or title.
func (r *Rule) named(n string) bool { return r.ID == n || r.Name == n || r.Title == n }

// compile compiles a document: a rule, or a correlation. Skipped is the reason why Outflow has
// no records for a valid rule.
func (c *compiler) compile(v *value) (r *Rule, skipped string, err error) {
	r = &Rule{
		ID:    v.str("id"),
		Name:  v.str("name"),
		Title: v.str("title"),
		Tags:  v.texts("tags"),
		Line:  v.line,
	}
	level, known := parseLevel(v.str("level"))
	if r.Level = level; !known {
		return nil, "", &Error{Line: v.get("level").line, Reason: quote(v.str("level")) + " is not a level"}
	}
	if r.Title == "" {
		return nil, "", &Error{Line: v.line, Reason: "the rule has no title"}
	}
	if err := misspelled(v); err != nil {
		return nil, "", err
	}

	if x := v.get("correlation"); x != nil {
		r.Correlation, err = correlation(x)
		return r, "", err
	}

	ls := v.get("logsource")
	if ls == nil || ls.kind != mapping {
		return nil, "", &Error{Line: v.line, Reason: "the rule has no logsource"}
	}
	r.log = logOf(ls)
	d := v.get("detection")
	if d == nil || d.kind != mapping {
		return nil, "", &Error{Line: v.line, Reason: "the rule has no detection"}
	}
	if t := d.get("timeframe"); t != nil {
		return nil, "", &Error{Line: t.line, Reason: "timeframe is no longer part of Sigma: write a correlation"}
	}
	r.Source, skipped = logsource(r.log[0], r.log[1], r.log[2])
	c.unused = skipped != ""
	r.when, err = c.detection(d, "detection")
	c.unused = false
	return r, skipped, err
}

// attributes are those that decide what a rule does. Rules may have any others.
var attributes = []string{"title", "level", "tags", "logsource", "detection", "correlation", "filter"}

// misspelled returns an error for an attribute that is nearly one which the rule lacks.
func misspelled(v *value) error {
	for i, k := range v.keys {
		if slices.Contains(attributes, k) || len(k) < 4 {
			continue
		}
		for _, a := range attributes {
			if v.get(a) == nil && levenshtein.ComputeDistance(strings.ToLower(k), a) <= min(len(a)-3, 2) {
				return &Error{Line: v.list[i].line, Reason: quote(k) + " is no attribute of a rule: " + a + "?"}
			}
		}
	}
	return nil
}

// detection compiles the selections of a detection or a filter, and their condition.
func (c *compiler) detection(d *value, what string) (expr, error) {
	named, names := map[string]expr{}, []string(nil)
	var when *value
	for i, k := range d.keys {
		switch {
		case k == "condition":
			when = &d.list[i]
			continue
		case k == "rules" && what == "filter":
			continue
		}
		e, err := c.selection(&d.list[i])
		if err != nil {
			return nil, err
		}
		named[k], names = e, append(names, k)
	}
	if when == nil {
		return nil, &Error{Line: d.line, Reason: "the " + what + " has no condition"}
	}
	conditions := []value{*when}
	if when.kind == list {
		conditions = when.list
	}

	var either some
	for i := range conditions {
		e, err := condition(conditions[i].text, conditions[i].line, named, names)
		if err != nil {
			return nil, err
		}
		either = append(either, e)
	}
	if len(either) == 1 {
		return either[0], nil
	}
	return either, nil
}
