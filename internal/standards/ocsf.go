// Package standards checks, in tests, that what Outflow sends to other systems has the form of their standards: OCSF,
// ECS and ASFF. The lists that it checks against are made by .ci/standards/update; NOTICE says what they are.
package standards

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed ocsf.json
var ocsfSchema []byte

// OCSFVersion is the version of OCSF that events are checked against.
const OCSFVersion = "1.8.0"

// attribute is what an object of OCSF may have under one name.
type attribute struct {
	Type        string            `json:"type"` // of the dictionary, or the name of an object
	Requirement string            `json:"requirement"`
	Array       bool              `json:"array"`
	Sibling     string            `json:"sibling"`  // attribute with the caption of the value
	Enum        map[string]string `json:"enum"`     // captions by value
	Profiles    []string          `json:"profiles"` // it belongs to one of them; to none if empty
	Deprecated  bool              `json:"deprecated"`
}

// object is an object of OCSF, or a class.
type object struct {
	Attributes  map[string]attribute `json:"attributes"`
	Constraints map[string][]string  `json:"constraints"`
}

// dataType is a type of OCSF's dictionary.
type dataType struct {
	Type   string    `json:"type"` // that it narrows
	Regex  string    `json:"regex"`
	MaxLen int       `json:"max_len"`
	Range  []float64 `json:"range"`
	re     *regexp.Regexp
}

// schema is the part of OCSF that is kept.
type schema struct {
	Version string              `json:"version"`
	Types   map[string]dataType `json:"types"`
	Objects map[string]object   `json:"objects"`
	Class   object              `json:"class"`
}

// ocsf is the kept schema.
var ocsf = sync.OnceValue(func() *schema {
	var s schema
	if err := json.Unmarshal(ocsfSchema, &s); err != nil {
		panic(err)
	}
	for name, t := range s.Types {
		if t.Regex != "" {
			t.re = regexp.MustCompile(t.Regex)
			s.Types[name] = t
		}
	}
	return &s
})

// Report is what a check found.
type Report struct {
	Faults []string // what the standard forbids, and what it requires and is missing
	Advice []string // attributes that the standard recommends and are missing, by their paths
}

// add adds a fault.
func (r *Report) add(path, format string, args ...any) {
	r.Faults = append(r.Faults, path+": "+fmt.Sprintf(format, args...))
}

// OCSF checks an event of the class Detection Finding: attributes, types, enumerations with the captions in their
// siblings, profiles, constraints, and that each observable names an attribute that has its value.
func OCSF(event []byte) *Report {
	c := ocsfCheck{schema: ocsf(), report: &Report{}}
	var root map[string]any
	if err := json.Unmarshal(event, &root); err != nil {
		c.report.add("", "%v", err)
		return c.report
	}
	metadata, _ := root["metadata"].(map[string]any)
	profiles, _ := metadata["profiles"].([]any)
	for _, p := range profiles {
		c.profiles = append(c.profiles, fmt.Sprint(p))
	}
	if metadata["version"] != OCSFVersion || c.schema.Version != OCSFVersion {
		c.report.add("metadata.version", "%v, and not %s", metadata["version"], OCSFVersion)
	}
	c.object(root, &c.schema.Class, "")
	if class, activity := number(root["class_uid"]), number(root["activity_id"]); number(root["type_uid"]) != class*100+activity {
		c.report.add("type_uid", "%v is not 100 × class_uid + activity_id", root["type_uid"])
	}
	observables, _ := root["observables"].([]any)
	for i, o := range observables {
		m, _ := o.(map[string]any)
		name, _ := m["name"].(string)
		if values := at(root, strings.Split(strings.ReplaceAll(name, "[]", ""), ".")); !slices.Contains(values, m["value"]) {
			c.report.add(fmt.Sprintf("observables[%d]", i), "no %s is %v", name, m["value"])
		}
	}
	return c.report
}

// number returns a number of JSON; not a number if it is something else.
func number(v any) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return math.NaN()
}

// at returns the values at a path, in all elements of arrays on the way.
func at(v any, path []string) (values []any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			values = append(values, at(x, path)...)
		}
	case map[string]any:
		if len(path) > 0 {
			return at(v[path[0]], path[1:])
		}
	default:
		if len(path) == 0 && v != nil {
			return []any{v}
		}
	}
	return values
}

// ocsfCheck is the check of one event.
type ocsfCheck struct {
	schema   *schema
	profiles []string // that the event says it has
	report   *Report
}

// object checks an object against its definition.
func (c *ocsfCheck) object(v map[string]any, o *object, path string) {
	for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
		a := o.Attributes[name]
		if _, ok := v[name]; ok || !c.applies(&a) {
			continue
		}
		switch a.Requirement {
		case "required":
			c.report.add(path+name, "is required")
		case "recommended":
			c.report.Advice = append(c.report.Advice, path+name)
		}
	}
	for kind, names := range o.Constraints {
		n := 0
		for _, name := range names {
			if _, ok := v[name]; ok {
				n++
			}
		}
		if n == 0 || kind == "just_one" && n != 1 {
			c.report.add(path, "%s of %s", kind, strings.Join(names, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		a, ok := o.Attributes[name]
		switch {
		case !ok:
			c.report.add(path+name, "is no attribute")
			continue
		case !c.applies(&a):
			c.report.add(path+name, "is of the profiles %v, which metadata.profiles lacks", a.Profiles)
		case a.Deprecated:
			c.report.add(path+name, "is deprecated")
		}
		c.attribute(v, name, &a, path+name)
	}
}

// applies reports whether an attribute belongs to the event, by its profiles.
func (c *ocsfCheck) applies(a *attribute) bool {
	return len(a.Profiles) == 0 || slices.ContainsFunc(a.Profiles, func(p string) bool { return slices.Contains(c.profiles, p) })
}

// attribute checks the value, or the values, of an attribute of an object.
func (c *ocsfCheck) attribute(of map[string]any, name string, a *attribute, path string) {
	values := []any{of[name]}
	if list, ok := of[name].([]any); ok && a.Array {
		if values = list; len(list) == 0 {
			c.report.add(path, "is an empty array")
		}
		path += "[]"
	} else if a.Array {
		c.report.add(path, "is no array")
		return
	}
	for _, v := range values {
		def, isObject := c.schema.Objects[a.Type]
		m, ok := v.(map[string]any)
		switch {
		case !isObject:
			c.scalar(v, a.Type, path)
		case !ok:
			c.report.add(path, "is no object")
		case a.Type != "object": // which may have anything
			c.object(m, &def, path+".")
		}
		if len(a.Enum) > 0 && !a.Array {
			c.enum(of, a, v, path)
		}
	}
}

// enum checks a value of an enumeration, and that its sibling has its caption.
func (c *ocsfCheck) enum(of map[string]any, a *attribute, v any, path string) {
	key := fmt.Sprint(v)
	if n, ok := v.(float64); ok {
		key = strconv.FormatFloat(n, 'f', -1, 64)
	}
	caption, ok := a.Enum[key]
	if !ok {
		c.report.add(path, "%s is not among its values", key)
		return
	}
	if a.Sibling == "" {
		return
	}
	switch text, _ := of[a.Sibling].(string); {
	case text == "":
		c.report.add(path, "has no %s", a.Sibling)
	case text != caption && key != "99": // other, which the source names
		c.report.add(path, "%s is %q, and %s is called %q", a.Sibling, text, key, caption)
	}
}

// scalar checks a value of a type of the dictionary.
func (c *ocsfCheck) scalar(v any, name, path string) {
	for t, ok := c.schema.Types[name]; ok; t, ok = c.schema.Types[name] {
		text, isText := v.(string)
		n := number(v)
		switch {
		case isText && t.re != nil && !t.re.MatchString(text):
			c.report.add(path, "%q is no %s", text, name)
		case isText && t.MaxLen > 0 && len(text) > t.MaxLen:
			c.report.add(path, "%d characters are more than those of %s", len(text), name)
		case len(t.Range) == 2 && (n < t.Range[0] || n > t.Range[1]):
			c.report.add(path, "%v is outside of %s", v, name)
		}
		if t.Type == "" || t.Type == name {
			break
		}
		name = t.Type
	}
	_, isText := v.(string)
	_, isBool := v.(bool)
	n := number(v)
	ok := map[string]bool{
		"string_t": isText, "boolean_t": isBool, "float_t": !math.IsNaN(n), "json_t": v != nil,
		"integer_t": n == math.Trunc(n) && math.Abs(n) < 1<<31, "long_t": n == math.Trunc(n),
	}
	if !ok[name] {
		c.report.add(path, "%v is no %s", v, name)
	}
}
