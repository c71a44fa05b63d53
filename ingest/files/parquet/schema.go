package parquet

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// shapes of nodes.
const (
	leaf = iota
	object
	list
	dictionary
)

// node is a column, or columns that are one value together.
type node struct {
	name     string
	key      []byte // name, as it is written before a value
	shape    int
	optional bool
	def      int // level at which the value is there
	rep      int // of a list: level at which an element follows another one
	element  int // of a list: level at which it has an element
	columns  []*column
	kids     []*node // of a list, its element; of a dictionary, key and value
	write    func(b []byte, v value) []byte
}

// tree builds the nodes of a schema.
type tree struct {
	file   *File
	schema []element
	rename func(parent, name string) string
}

// next returns the node of the next element and of all below it.
func (t *tree) next(parent *node, path string, def, rep, depth int) (*node, error) {
	if len(t.schema) == 0 || depth > maxDepth {
		return nil, errors.New("a schema that is damaged, or nested deeper than 32")
	}
	e := t.schema[0]
	t.schema = t.schema[1:]
	n := &node{name: e.name}
	if t.rename != nil {
		n.name = t.rename(parent.name, e.name)
	}
	n.key = append(quote(nil, []byte(n.name)), ':')
	if path != "" {
		path += "."
	}
	path += e.name
	if e.repetition < 0 || e.repetition > 2 {
		return nil, errThrift
	}
	if e.repetition > 0 {
		def++
	}
	if e.repetition == 2 {
		rep++
	}
	n.optional = e.repetition == 1
	n.def = def
	if err := t.fill(n, e, path, def, rep, depth); err != nil {
		return nil, err
	}
	if e.repetition == 2 { // a list without a group around it
		return &node{name: n.name, key: n.key, shape: list, def: def - 1, rep: rep, element: def, columns: n.columns, kids: []*node{n}}, nil
	}
	return n, nil
}

// fill reads what is below an element, or the column that it is.
func (t *tree) fill(n *node, e element, path string, def, rep, depth int) error {
	if e.leaf && e.children == 0 {
		if len(t.file.columns) >= maxColumns {
			return errors.New("over 10,000 columns")
		}
		if e.physical < boolean || e.physical > fixed || e.physical == fixed && (e.length <= 0 || e.length > 1<<20) {
			return fmt.Errorf("column %s: an unknown type", path)
		}
		c := &column{element: e, path: path, maxDef: def, maxRep: rep, file: t.file}
		t.file.columns = append(t.file.columns, c)
		n.columns = []*column{c}
		n.write = writer(&e)
		return nil
	}
	if e.children <= 0 || e.children > int64(len(t.schema)) {
		return fmt.Errorf("column %s: a damaged schema", path)
	}
	n.shape = object
	from := len(t.file.columns)
	for range e.children {
		kid, err := t.next(n, path, def, rep, depth+1)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
	}
	n.columns = t.file.columns[from:len(t.file.columns):len(t.file.columns)]
	n.annotate(&e)
	return nil
}

// annotate turns a group into the list or the dictionary that it stands for.
func (n *node) annotate(e *element) {
	if len(n.kids) != 1 || n.kids[0].shape != list {
		return
	}
	inner := n.kids[0]
	entry := inner.kids[0]
	switch {
	case e.logical == 2 || e.converted == 1 || e.converted == 2:
		if entry.shape == object && len(entry.kids) == 2 && entry.kids[0].shape == leaf {
			n.shape, n.rep, n.element, n.kids = dictionary, inner.rep, inner.element, entry.kids
		}
	case e.logical == 3 || e.converted == 3:
		n.shape, n.rep, n.element = list, inner.rep, inner.element
		if entry.shape == object && len(entry.kids) == 1 && entry.name != "array" && !strings.HasSuffix(entry.name, "_tuple") {
			entry = entry.kids[0]
		}
		n.kids = []*node{entry}
	}
}

// append appends the current value of a node in JSON. It is not ok if there is none.
func (n *node) append(b []byte) (out []byte, ok bool, err error) {
	first := n.columns[0]
	if err := first.load(); err != nil {
		return b, false, first.short(err)
	}
	if first.def < n.def {
		return append(b, "null"...), false, n.skip()
	}
	switch n.shape {
	case leaf:
		v, err := first.take()
		if err != nil {
			return b, false, err
		}
		return n.write(b, v), true, first.file.room(len(b))
	case object:
		return n.object(b)
	}
	open, end := byte('['), byte(']')
	if n.shape == dictionary {
		open, end = '{', '}'
	}
	b = append(b, open)
	if first.def < n.element {
		return append(b, end), true, n.skip()
	}
	for some := false; ; some = true {
		if some {
			if err := first.load(); err == io.EOF || err == nil && first.rep < n.rep {
				return append(b, end), true, nil
			} else if err != nil {
				return b, false, err
			}
			b = append(b, ',')
		}
		if err := first.file.room(len(b)); err != nil {
			return b, false, err
		}
		if n.shape == dictionary {
			b, err = n.entry(b)
		} else {
			b, _, err = n.kids[0].append(b)
		}
		if err != nil {
			return b, false, err
		}
	}
}

// object appends the current values of the columns of an object. Those that are null have no key.
func (n *node) object(b []byte) ([]byte, bool, error) {
	b = append(b, '{')
	some := false
	for _, k := range n.kids {
		before := len(b)
		if some {
			b = append(b, ',')
		}
		b = append(b, k.key...)
		var ok bool
		var err error
		if b, ok, err = k.append(b); err != nil {
			return b, false, err
		}
		if !ok {
			b = b[:before]
			continue
		}
		some = true
	}
	return append(b, '}'), true, nil
}

// entry appends an entry of a dictionary. Keys that are no texts are written as such.
func (n *node) entry(b []byte) ([]byte, error) {
	before := len(b)
	b, _, err := n.kids[0].append(b)
	if err != nil {
		return b, err
	}
	if b[before] != '"' {
		key := quote(nil, b[before:])
		b = append(b[:before], key...)
	}
	b = append(b, ':')
	b, _, err = n.kids[1].append(b)
	return b, err
}

// skip skips the current value of all columns of a node, which has none.
func (n *node) skip() error {
	for _, c := range n.columns {
		if err := c.load(); err != nil {
			return c.short(err)
		}
		if c.def >= c.maxDef && c.maxDef > 0 {
			return errColumns
		}
		if err := c.skip(); err != nil {
			return err
		}
	}
	return nil
}

// errColumns is the error for columns of which one has a value where another says that there
// can be none.
var errColumns = errors.New("columns that contradict each other")
