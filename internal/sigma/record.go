package sigma

import (
	"strings"

	"github.com/outflow/outflow/internal/jsonscan"
)

// Record is a vendor's record that rules are asked about. It is read when a rule
// asks for the first time.
type Record struct {
	raw     []byte              // JSON
	columns []string            // or the cells of a row, by folded column
	cells   [][]byte            //
	alias   map[string][]string // other names of fields in this source
	fields  map[string][]string // by path, once read
	folded  map[string]string   // paths by their lower case, once asked for
	texts   []string            // all values
}

// Reset makes the record one of JSON.
func (r *Record) Reset(raw []byte) { *r = Record{raw: raw} }

// ResetRow makes the record a row of a table, by folded column names
// (ingest.FoldColumn).
func (r *Record) ResetRow(columns []string, cells [][]byte) {
	*r = Record{columns: columns, cells: cells}
}

// Lookup returns the values of a field: of a path with dots through objects and
// lists. A field is also found if its name differs in case only.
func (r *Record) Lookup(field string) (values []string, there bool) {
	r.read()
	if values, there = r.fields[field]; there {
		return values, true
	}
	for _, other := range r.alias[field] {
		if v, ok := r.fields[other]; ok {
			values, there = append(values, v...), true
		}
	}
	if there {
		return values, true
	}
	if r.folded == nil {
		r.folded = make(map[string]string, len(r.fields))
		for k := range r.fields {
			r.folded[strings.ToLower(k)] = k
		}
	}
	low := strings.ToLower(field)
	if k, ok := r.folded[low]; ok {
		return r.fields[k], true
	}
	if r.columns != nil {
		low = strings.NewReplacer(" ", "", ".", "", "_", "", "-", "").Replace(low)
		values, there = r.fields[low]
	}
	return values, there
}

// anywhere says whether a keyword stands in any value.
func (r *Record) anywhere(i *item) bool {
	r.read()
	return i.holds(r.texts)
}

func (r *Record) read() {
	if r.fields != nil {
		return
	}
	r.fields = map[string][]string{}
	if r.columns != nil {
		for i, c := range r.columns {
			if i < len(r.cells) && len(r.cells[i]) > 0 {
				r.put(c, string(r.cells[i]))
			}
		}
		return
	}
	var s jsonscan.Scanner
	s.Reset(r.raw)
	r.walk(&s, "", 0)
	if app := r.fields["id.applicationName"]; len(app) > 0 { // as the field names Google's services
		r.fields["eventService"] = []string{app[0] + ".googleapis.com"}
	}
	// Vendors write lists of {Name, Value}: a field may be one of those names.
	for _, list := range [...]struct{ name, value string }{{"events.parameters.name", "events.parameters.value"}, {"Parameters.Name", "Parameters.Value"}, {"ExtendedProperties.Name", "ExtendedProperties.Value"}, {"ModifiedProperties.Name", "ModifiedProperties.NewValue"}} {
		names, values := r.fields[list.name], r.fields[list.value]
		if len(names) != len(values) {
			continue
		}
		for i, n := range names {
			if _, taken := r.fields[n]; !taken && n != "" {
				r.fields[n] = []string{values[i]}
			}
		}
	}
}

func (r *Record) put(path, v string) {
	r.fields[path] = append(r.fields[path], v)
	r.texts = append(r.texts, v)
}

func (r *Record) walk(s *jsonscan.Scanner, path string, depth int) {
	switch s.Kind() {
	case '{':
		if depth > maxDepth {
			s.Skip()
			return
		}
		if s.Object() {
			for s.Next() {
				p := string(s.Key)
				if path != "" {
					p = path + "." + p
				}
				r.walk(s, p, depth+1)
			}
		}
	case '[':
		if depth > maxDepth {
			s.Skip()
			return
		}
		if s.Array() {
			for s.Elem() {
				r.walk(s, path, depth+1)
			}
		}
	case 'n':
		s.Skip() // null is as if it were not there
	case 0:
	default:
		r.put(path, strings.Clone(s.Text()))
	}
}
