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
	"time"

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

	when    expr
	by      []string // fields that correlations over it need
	bySlots []int
}

// Correlation is a rule over the matches of other rules.
type Correlation struct {
	Type     string             // event_count, value_count, temporal or temporal_ordered
	Rules    []*Rule            // that feed it
	GroupBy  []string           // fields, or names of aliases
	Timespan time.Duration      // within which the matches must be
	Field    string             // whose values value_count counts
	Compare  map[string]float64 // operator (gt, gte, lt, lte, eq or neq) → number

	names   []string
	aliases map[string]map[string]string // alias → rule → field
	line    int
	emits   bool // generate: the rules that feed it make findings, too
}

// Holds reports whether a count satisfies the condition.
func (c *Correlation) Holds(n int) bool {
	for how, want := range c.Compare {
		if !compare(float64(n), how, want) {
			return false
		}
	}
	return true
}

// FieldOf returns the field of one of its rules for a name of GroupBy or Field.
func (c *Correlation) FieldOf(r *Rule, name string) string {
	fields := c.aliases[name]
	for _, key := range []string{r.ID, r.Name} {
		if f := fields[key]; f != "" && key != "" {
			return f
		}
	}
	return name
}

// logsource returns the source of the records that a rule is about. Ok is false if Outflow does
// not read it.
func logsource(product, service string) (s event.Source, ok bool) {
	product, service = strings.ToLower(product), strings.ToLower(service)
	switch {
	case product == "aws" && (service == "cloudtrail" || service == ""):
		return event.CloudTrail, true
	case product == "m365", product == "microsoft365", product == "o365":
		return event.M365, true
	case strings.HasPrefix(service, "google_workspace"), product == "google_workspace":
		return event.GoogleWorkspace, true
	case product == "okta", product == "github", product == "slack", product == "box", product == "dropbox", product == "salesforce":
		for _, s := range event.Sources() {
			if s.String() == product {
				return s, true
			}
		}
	}
	return event.NoSource, false
}

// actionFields are the fields in which a source's records state the action.
var actionFields = map[event.Source][]string{
	event.CloudTrail:      {"eventName"},
	event.M365:            {"Operation"},
	event.GoogleWorkspace: {"eventName"},
	event.Okta:            {"eventType", "eventtype"},
	event.GitHub:          {"action"},
	event.Slack:           {"action"},
	event.Box:             {"event_type"},
	event.Dropbox:         {"event_type..tag"},
	event.Salesforce:      {"EVENT_TYPE"},
}

// aliases are common names of fields in rules, with those of the records.
var aliases = map[event.Source]map[string][]string{
	event.M365:            {"eventSource": {"Workload"}, "eventName": {"Operation", "Name"}, "status": {"ResultStatus", "Status"}},
	event.GoogleWorkspace: {"eventName": {"events.name"}, "actor": {"actor.email"}},
	event.Okta:            {"eventtype": {"eventType"}, "displaymessage": {"displayMessage"}},
}

// compile compiles a document: a rule, or a correlation. Skipped is the reason why a valid rule
// cannot match anything.
func compile(v *value) (r *Rule, skipped string, err error) {
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

	if c := v.get("correlation"); c != nil {
		r.Correlation, err = correlation(c)
		return r, "", err
	}

	ls := v.get("logsource")
	if ls == nil || ls.kind != mapping {
		return nil, "", &Error{Line: v.line, Reason: "the rule has no logsource"}
	}
	source, ok := logsource(ls.str("product"), ls.str("service"))
	r.Source = source
	d := v.get("detection")
	if d == nil || d.kind != mapping {
		return nil, "", &Error{Line: v.line, Reason: "the rule has no detection"}
	}

	named, names := map[string]expr{}, []string(nil)
	var when *value
	for i, k := range d.keys {
		if k == "condition" {
			when = &d.list[i]
			continue
		}
		if k == "timeframe" {
			return nil, "", &Error{Line: d.list[i].line, Reason: "timeframe is no longer part of Sigma: write a correlation"}
		}
		e, err := selection(&d.list[i])
		if err != nil {
			return nil, "", err
		}
		named[k], names = e, append(names, k)
	}

	if when == nil {
		return nil, "", &Error{Line: d.line, Reason: "the detection has no condition"}
	}
	conditions := []value{*when}
	if when.kind == list {
		conditions = when.list
	}

	var either some
	for i := range conditions {
		e, err := condition(conditions[i].text, conditions[i].line, named, names)
		if err != nil {
			return nil, "", err
		}
		either = append(either, e)
	}

	if r.when = either; len(either) == 1 {
		r.when = either[0]
	}
	if !ok {
		return nil, fmt.Sprintf("its logsource (%s) is not a log that Outflow reads",
			strings.Join(strings.Fields(ls.str("product")+" "+ls.str("service")+" "+ls.str("category")), "/")), nil
	}

	return r, "", nil
}

// correlation compiles a correlation. Set.link links the rules that it is over.
func correlation(v *value) (*Correlation, error) {
	c := &Correlation{
		Type:    v.str("type"),
		GroupBy: v.texts("group-by"),
		names:   v.texts("rules"),
		Compare: map[string]float64{},
		aliases: fieldAliases(v.get("aliases")),
		line:    v.line,
		emits:   v.str("generate") == "true",
	}
	var err error
	if c.Timespan, err = timespan(v.str("timespan")); err != nil {
		return nil, v.fail("timespan", err.Error())
	}
	if len(c.names) == 0 {
		return nil, &Error{Line: v.line, Reason: "the correlation has no rules"}
	}

	counts := c.Type == "event_count" || c.Type == "value_count"
	if !counts && c.Type != "temporal" && c.Type != "temporal_ordered" {
		return nil, v.fail("type",
			quote(c.Type)+" is not a type of correlation: event_count, value_count, temporal, temporal_ordered")
	}
	cond := v.get("condition")
	if cond != nil && cond.kind != mapping {
		cond = nil
	}
	if counts && cond == nil {
		return nil, &Error{Line: v.line, Reason: "the correlation has no condition"}
	}
	if err := c.compileCondition(cond); err != nil {
		return nil, err
	}
	if c.Type == "value_count" && c.Field == "" {
		return nil, v.fail("condition", "value_count needs a field in its condition")
	}
	if counts && len(c.Compare) == 0 {
		return nil, v.fail("condition", "the condition compares with nothing")
	}
	return c, nil
}

// fail returns an error with the line of a key's value, or of the mapping if it has no such key.
func (v *value) fail(key, reason string) error {
	at := v
	if x := v.get(key); x != nil {
		at = x
	}
	return &Error{Line: at.line, Reason: reason}
}

// compileCondition reads what a correlation compares with, and the field whose values it
// counts. Without a condition it has neither.
func (c *Correlation) compileCondition(cond *value) error {
	if cond == nil {
		return nil
	}
	for i, k := range cond.keys {
		x := &cond.list[i]
		switch k {
		case "gt", "gte", "lt", "lte", "eq", "neq":
			n, err := strconv.ParseFloat(x.text, 64)
			if err != nil {
				return &Error{Line: x.line, Reason: quote(x.text) + " is not a number"}
			}
			c.Compare[k] = n
		case "field":
			c.Field = x.text
		default:
			return &Error{Line: x.line, Reason: "the condition " + quote(k) + " is not supported"}
		}
	}
	return nil
}

// fieldAliases reads the aliases of a correlation: for every alias, its field by rule.
func fieldAliases(v *value) map[string]map[string]string {
	aliases := map[string]map[string]string{}
	if v == nil || v.kind != mapping {
		return aliases
	}
	for i, name := range v.keys {
		aliases[name] = map[string]string{}
		for j, rule := range v.list[i].keys {
			aliases[name][rule] = v.list[i].list[j].text
		}
	}
	return aliases
}

// timespan reads a duration such as 30s, 5m, 2h or 7d.
func timespan(t string) (time.Duration, error) {
	units := map[byte]time.Duration{
		's': time.Second,
		'm': time.Minute,
		'h': time.Hour,
		'd': 24 * time.Hour,
	}
	if len(t) > 1 {
		if n, err := strconv.Atoi(t[:len(t)-1]); err == nil && n > 0 && units[t[len(t)-1]] > 0 && n <= 1_000_000 {
			return time.Duration(n) * units[t[len(t)-1]], nil
		}
	}
	return 0, fmt.Errorf("%s is not a timespan such as 30s, 5m, 2h or 7d", quote(t))
}
