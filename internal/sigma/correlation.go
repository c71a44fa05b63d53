package sigma

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Correlation is a rule over the matches of other rules.
type Correlation struct {
	Type       string             // one of correlationTypes
	Rules      []*Rule            // that feed it: single events, or other correlations
	GroupBy    []string           // fields, or names of aliases
	Timespan   time.Duration      // within which the matches must be
	Fields     []string           // whose values are counted, added, …
	Percentile float64            // from 0 to 100, of value_percentile; 50 for value_median
	Compare    map[string]float64 // operator (gt, gte, lt, lte, eq or neq) → number

	names   []string
	aliases map[string]map[string]string // alias → rule → field
	line    int
	notes   []string // what its author may not have meant
	emits   bool     // generate: the rules that feed it make findings, too
}

var correlationTypes = []string{
	"event_count", "value_count", "temporal", "temporal_ordered",
	"value_sum", "value_avg", "value_percentile", "value_median",
}

// Temporal reports whether the correlation is about which rules match, rather than how often or
// with which values.
func (c *Correlation) Temporal() bool { return strings.HasPrefix(c.Type, "temporal") }

// Numeric reports whether the correlation calculates with the values of a field.
func (c *Correlation) Numeric() bool {
	return strings.HasPrefix(c.Type, "value_") && c.Type != "value_count"
}

// Holds reports whether a number satisfies the condition.
func (c *Correlation) Holds(n float64) bool {
	for how, want := range c.Compare {
		if !compare(n, how, want) {
			return false
		}
	}
	return true
}

// FieldOf returns the field of one of its rules for a name of GroupBy or Fields.
func (c *Correlation) FieldOf(r *Rule, name string) string {
	fields := c.aliases[name]
	for _, key := range []string{r.ID, r.Name} {
		if f := fields[key]; f != "" && key != "" {
			return f
		}
	}
	return name
}

var (
	correlationKeys = []string{"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"}
	operators       = []string{"gt", "gte", "lt", "lte", "eq", "neq"}
)

// correlation compiles a correlation. Set.link links the rules that it is over.
func correlation(v *value) (*Correlation, error) {
	if v.kind != mapping {
		return nil, &Error{Line: v.line, Reason: "the correlation is no map"}
	}
	for i, k := range v.keys {
		if !slices.Contains(correlationKeys, k) {
			return nil, v.list[i].fail("", quote(k)+" is no part of a correlation: "+strings.Join(correlationKeys, ", "))
		}
	}
	c := &Correlation{
		Type:    v.str("type"),
		GroupBy: v.texts("group-by"),
		names:   v.texts("rules"),
		Compare: map[string]float64{},
		line:    v.line,
	}
	if !slices.Contains(correlationTypes, c.Type) {
		return nil, v.fail("type", quote(c.Type)+" is not a type of correlation: "+strings.Join(correlationTypes, ", "))
	}
	if len(c.names) == 0 {
		return nil, &Error{Line: v.line, Reason: "the correlation has no rules"}
	}
	var err error
	if c.Timespan, err = timespan(v.str("timespan")); err != nil {
		return nil, v.fail("timespan", err.Error())
	}
	if c.aliases, err = fieldAliases(v.get("aliases"), c.names); err != nil {
		return nil, err
	}
	switch g := v.get("generate"); {
	case g == nil:
	case g.kind != boolean:
		return nil, v.fail("generate", "generate is true or false")
	default:
		c.emits = g.text == "true"
	}
	return c, c.compileCondition(v)
}

// fail returns an error with the line of a key's value, or of the mapping if it has no such key.
func (v *value) fail(key, reason string) error {
	at := v
	if x := v.get(key); x != nil {
		at = x
	}
	return &Error{Line: at.line, Reason: reason}
}

// compileCondition reads what a correlation compares with, and the fields whose values it
// counts or calculates with. Only temporal ones need none.
func (c *Correlation) compileCondition(v *value) error {
	cond := v.get("condition")
	switch {
	case cond == nil && c.Temporal():
		return nil
	case cond == nil:
		return &Error{Line: v.line, Reason: "the correlation has no condition"}
	case cond.kind != mapping:
		return v.fail("condition", "the condition of a correlation is a map, such as {gte: 10}")
	}
	percentile := false
	for i, k := range cond.keys {
		x := &cond.list[i]
		n, err := strconv.ParseFloat(x.text, 64)
		switch {
		case k == "field":
			c.Fields = cond.texts(k)
		case !slices.Contains(operators, k) && k != "percentile":
			return &Error{Line: x.line, Reason: "the condition " + quote(k) + " is not supported"}
		case err != nil:
			return &Error{Line: x.line, Reason: quote(x.text) + " is not a number"}
		case k == "percentile":
			c.Percentile, percentile = n, true
		default:
			c.Compare[k] = n
		}
	}
	return c.checkCondition(v, percentile)
}

// checkCondition returns an error for a condition that lacks something, or has what its type
// does not use.
func (c *Correlation) checkCondition(v *value, percentile bool) error {
	values := strings.HasPrefix(c.Type, "value_")
	switch {
	case len(c.Compare) == 0:
		return v.fail("condition", "the condition compares with nothing: "+strings.Join(operators, ", "))
	case values && len(c.Fields) == 0:
		return v.fail("condition", c.Type+" needs a field in its condition")
	case c.Numeric() && len(c.Fields) > 1:
		return v.fail("condition", c.Type+" takes one field")
	case c.Temporal() && len(c.Fields) > 0:
		return v.fail("condition", c.Type+" counts rules, not the values of a field")
	case c.Type != "value_percentile" && percentile:
		return v.fail("condition", "percentile belongs to value_percentile")
	case c.Percentile < 0 || c.Percentile > 100:
		return v.fail("condition", "a percentile is from 0 to 100")
	}
	if c.Type == "event_count" && len(c.Fields) > 0 {
		c.Fields = nil
		c.notes = append(c.notes, "event_count counts events whatever their values are: its field is not used")
	}
	if c.Type == "value_percentile" && !percentile {
		c.notes = append(c.notes,
			"without a percentile in its condition, value_percentile is the median; state one, such as percentile: 95")
	}
	if !percentile {
		c.Percentile = 50
	}
	return nil
}

// fieldAliases reads the aliases of a correlation over rules: for every alias, its field by rule.
func fieldAliases(v *value, rules []string) (map[string]map[string]string, error) {
	aliases := map[string]map[string]string{}
	if v == nil {
		return aliases, nil
	}
	if v.kind != mapping {
		return nil, &Error{Line: v.line, Reason: "aliases are a map: alias → rule → field"}
	}
	for i, name := range v.keys {
		aliases[name] = map[string]string{}
		of := &v.list[i]
		if of.kind != mapping {
			return nil, &Error{Line: of.line, Reason: "the alias " + quote(name) + " is no map: rule → field"}
		}
		for j, rule := range of.keys {
			if !slices.Contains(rules, rule) {
				return nil, of.list[j].fail("", "the alias "+quote(name)+" is for "+quote(rule)+", which is none of its rules")
			}
			aliases[name][rule] = of.list[j].text
		}
	}
	return aliases, nil
}

// timespan reads a duration such as 30s, 5m, 2h or 7d.
func timespan(t string) (time.Duration, error) {
	units := map[byte]time.Duration{
		's': time.Second,
		'm': time.Minute,
		'h': time.Hour,
		'd': 24 * time.Hour,
		'w': 7 * 24 * time.Hour,
	}
	if len(t) > 1 {
		if n, err := strconv.Atoi(t[:len(t)-1]); err == nil && n > 0 && units[t[len(t)-1]] > 0 && n <= 1_000_000 {
			return time.Duration(n) * units[t[len(t)-1]], nil
		}
	}
	return 0, fmt.Errorf("%s is not a timespan such as 30s, 5m, 2h or 7d", quote(t))
}
