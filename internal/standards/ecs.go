package standards

import (
	_ "embed"
	"encoding/json"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed ecs.json
var ecsFields []byte

// ECSVersion is the version of ECS that documents are checked against.
const ECSVersion = "9.4.0"

// field is a field of ECS.
type field struct {
	Type        string              `json:"type"`
	Array       bool                `json:"array"`
	IgnoreAbove int                 `json:"ignore_above"` // longer values are not indexed
	Allowed     map[string][]string `json:"allowed"`      // values, for event.category with the types that are expected beside them
	Expected    []string            `json:"expected"`     // values
}

// ecs are the fields by their names.
var ecs = sync.OnceValue(func() map[string]field {
	var s struct {
		Version string           `json:"version"`
		Fields  map[string]field `json:"fields"`
	}
	if err := json.Unmarshal(ecsFields, &s); err != nil {
		panic(err)
	}
	if s.Version != ECSVersion {
		panic("ecs.json is of version " + s.Version)
	}
	return s.Fields
})

// ECS checks a document: no field may be outside of ECS, except below own, and values have the types of their fields
// and are among those that are allowed.
func ECS(document []byte, own string) *Report {
	r := &Report{}
	var root map[string]any
	if err := json.Unmarshal(document, &root); err != nil {
		r.add("", "%v", err)
		return r
	}
	delete(root, own)
	r.fields(root, "")
	for _, name := range []string{"@timestamp", "ecs.version"} {
		if len(at(root, strings.Split(name, "."))) == 0 {
			r.add(name, "is required")
		}
	}
	category, kind := at(root, []string{"event", "category"}), at(root, []string{"event", "type"})
	for _, c := range category {
		expected := ecs()["event.category"].Allowed[text(c)]
		for _, t := range kind {
			if !slices.Contains(expected, text(t)) {
				r.add("event.type", "%v is not expected beside the category %v", t, c)
			}
		}
	}
	return r
}

// text returns a string of JSON; "" if it is something else.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// fields checks what is below a field.
func (r *Report) fields(v map[string]any, path string) {
	for _, key := range slices.Sorted(maps.Keys(v)) {
		name := path + key
		f, known := ecs()[name]
		if m, ok := v[key].(map[string]any); ok && !known {
			r.fields(m, name+".")
			continue
		}
		list, isList := v[key].([]any)
		switch {
		case !known:
			r.add(name, "is not in ECS")
			continue
		case f.Array != isList:
			r.add(name, "array is %v, in ECS %v", isList, f.Array)
			continue
		case isList && len(list) == 0:
			r.add(name, "is an empty array")
		case !isList:
			list = []any{v[key]}
		}
		for _, x := range list {
			r.value(name, &f, x)
		}
	}
}

// value checks one value of a field.
func (r *Report) value(name string, f *field, v any) {
	s, isText := v.(string)
	n := number(v)
	ok := false
	switch f.Type {
	case "keyword", "constant_keyword", "wildcard", "match_only_text", "text":
		ok = isText && s != ""
	case "ip":
		_, err := netip.ParseAddr(s)
		ok = err == nil
	case "date":
		_, err := time.Parse(time.RFC3339Nano, s)
		ok = err == nil
	case "long", "integer":
		ok = n == math.Trunc(n)
	case "float", "scaled_float", "double":
		ok = !math.IsNaN(n)
	case "boolean":
		_, ok = v.(bool)
	case "object": // of words, such as labels
		var words map[string]any
		words, ok = v.(map[string]any)
		for _, word := range words {
			ok = ok && text(word) != ""
		}
	}
	if !ok {
		r.add(name, "%q is no %s", v, f.Type)
	}
	if _, allowed := f.Allowed[s]; len(f.Allowed) > 0 && !allowed || len(f.Expected) > 0 && !slices.Contains(f.Expected, s) {
		r.add(name, "%q is not among the values of ECS", s)
	}
	if f.IgnoreAbove > 0 && len([]rune(s)) > f.IgnoreAbove {
		r.add(name, "%d characters are not indexed", len([]rune(s)))
	}
}
