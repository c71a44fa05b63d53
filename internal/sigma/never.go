package sigma

import (
	"fmt"
	"slices"
	"strings"
)

// outcome is what is known about an expression without any record.
type outcome struct {
	never  string // why it can hold for no record; empty if it can
	always bool   // it holds for every record
}

// judge returns what is known about an expression over the records of a source.
func (t *taxonomy) judge(e expr) (o outcome) {
	switch e := e.(type) {
	case all:
		o.always = true
		for _, x := range e {
			of := t.judge(x)
			o.always = o.always && of.always
			if o.never == "" {
				o.never = of.never
			}
		}
		if o.never == "" {
			o.never = t.contradicts(e)
		}
	case some:
		var why []string
		for _, x := range e {
			of := t.judge(x)
			o.always = o.always || of.always
			if of.never == "" {
				return outcome{always: o.always}
			}
			if !slices.Contains(why, of.never) {
				why = append(why, of.never)
			}
		}
		o.never = strings.Join(why, "; ")
	case not:
		of := t.judge(e.expr)
		if of.always {
			o.never = "it excludes every record"
		}
		o.always = of.never != ""
	case *item:
		return t.judgeItem(e)
	}
	return o
}

// judgeItem returns what is known about the comparison of a field.
func (t *taxonomy) judgeItem(i *item) (o outcome) {
	why := ""
	switch {
	case i.field == "":
	case t.lacks(i.field):
		why = "records of this log have no field " + quote(i.field)
		if i.exists < 0 || i.isNull {
			return i.turned(outcome{always: true}, "every record lacks the field "+quote(i.field))
		}
	case i.exists != 0 || i.isNull || len(i.others) > 0:
	default:
		why = t.impossible(i)
	}
	if why == "" {
		return outcome{}
	}
	return i.turned(outcome{never: why}, why)
}

// turned returns an outcome as it is behind neq.
func (i *item) turned(o outcome, why string) outcome {
	switch {
	case !i.not:
		return o
	case o.always:
		return outcome{never: why}
	}
	return outcome{always: true}
}

// lacks reports whether no record has a field.
func (t *taxonomy) lacks(field string) bool {
	low := lower(field)
	first, _, _ := strings.Cut(low, ".")
	if t.plain[first] || t.other[low] != nil || t.made[low].from != "" {
		return false
	}
	return t.closed || t.foreign[first]
}

// impossible says why a field has none of the values that it is compared with; empty if it may.
func (t *taxonomy) impossible(i *item) string {
	known := t.values[lower(i.field)]
	bad := 0
	for k := range i.tests {
		x := &i.tests[k]
		switch {
		case x.part != "":
			if !slices.ContainsFunc(partValues(x.part), func(n float64) bool { return compare(n, x.than, x.n) }) {
				bad++
			}
		case known != nil && !slices.ContainsFunc(known, func(v string) bool { return x.holds(v, lower(v)) }):
			bad++
		}
	}
	if bad == 0 || !i.every && bad < len(i.tests) {
		return ""
	}
	if known == nil {
		return "no date has such a value in " + quote(i.field)
	}
	return "the field " + quote(i.field) + " has no such value, but " + strings.Join(known, ", ")
}

// partValues returns all values of a part of a date; of years, those that matter.
func partValues(part string) (list []float64) {
	for n := range 10_000 {
		if inRange(part, float64(n)) {
			list = append(list, float64(n))
		}
	}
	return list
}

// contradicts says why items over the action, all of which must hold, cannot hold at once.
func (t *taxonomy) contradicts(e all) string {
	if t.several {
		return ""
	}
	var items []*item
	var collect func(all)
	collect = func(list all) {
		for _, x := range list {
			switch x := x.(type) {
			case all:
				collect(x)
			case *item:
				if slices.Contains(t.action, lower(x.field)) && len(x.tests) > 0 && !x.isNull {
					items = append(items, x)
				}
			}
		}
	}
	collect(e)
	for _, i := range items {
		if i.not || slices.ContainsFunc(i.tests, func(x test) bool { return x.how != equals || x.cased }) {
			continue
		}
		possible := slices.ContainsFunc(i.tests, func(x test) bool {
			return !slices.ContainsFunc(items, func(o *item) bool { return o.holds([]string{x.want}, []string{x.want}) == o.not })
		})
		if !possible {
			return "no value of " + quote(i.field) + " satisfies all that is asked of it"
		}
	}
	return ""
}

// Never says why a rule can match nothing; empty if it may match.
func (r *Rule) Never() string {
	c := r.Correlation
	if c == nil {
		return taxonomies[r.Source].judge(r.when).never
	}
	why, dead := "", 0
	for _, x := range c.Rules {
		if x.Never() != "" {
			why, dead = "the rule "+quote(x.Title)+" never matches", dead+1
		}
	}
	if dead == len(c.Rules) || dead > 0 && c.Temporal() && len(c.Compare) == 0 {
		return why
	}
	return c.never()
}

// MaxCounted is the largest number of values that a correlation counts.
const MaxCounted = 2048

// never says why no count satisfies the condition of a correlation; empty if one may.
func (c *Correlation) never() string {
	most := 0
	switch {
	case len(c.Compare) == 0 || c.Numeric():
		return ""
	case c.Temporal():
		most = len(c.Rules)
	case c.Type == "value_count":
		most = MaxCounted
	}
	near := []float64{1, 2}
	for _, n := range c.Compare {
		near = append(near, float64(int(n))-1, float64(int(n)), float64(int(n))+1)
	}
	for _, n := range near {
		if n >= 1 && (most == 0 || n <= float64(most)) && c.Holds(n) {
			return ""
		}
	}
	if most == 0 {
		return "no number of events satisfies its condition"
	}
	return fmt.Sprintf("no possible count (1 to %d) satisfies its condition", most)
}

// Notes are what the author of a rule may not have meant.
func (r *Rule) Notes() (list []string) {
	if r.Correlation != nil {
		return r.Correlation.notes
	}
	other := taxonomies[r.Source].elsewhere
	each(r.when, func(i *item) {
		first, _, _ := strings.Cut(lower(i.field), ".")
		if n := other[first]; n != "" && !slices.Contains(list, n) {
			list = append(list, n)
		}
	})
	return list
}
