package sigma

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// value is a YAML value with its line.
type value struct {
	line int
	kind kind
	text string // of a scalar
	list []value
	keys []string // of a map, in order, with the values in list
}

// kind is the kind of a YAML value.
type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	list
	mapping
)

// get returns the value of a key of a map, or nil.
func (v *value) get(key string) *value {
	if v == nil || v.kind != mapping {
		return nil
	}
	for i, k := range v.keys {
		if k == key {
			return &v.list[i]
		}
	}
	return nil
}

// str returns the text of the scalar at a key, or "".
func (v *value) str(key string) string {
	if c := v.get(key); c != nil && (c.kind == text || c.kind == number || c.kind == boolean) {
		return c.text
	}
	return ""
}

// texts returns the scalar, or the scalars of the list, at a key.
func (v *value) texts(key string) (out []string) {
	c := v.get(key)
	switch {
	case c == nil:
	case c.kind == list:
		for i := range c.list {
			out = append(out, c.list[i].text)
		}
	case c.kind != mapping && c.kind != null:
		out = append(out, c.text)
	}
	return out
}

// plain returns the value as encoding/json takes it.
func (v *value) plain() any {
	switch v.kind {
	case text:
		return v.text
	case number:
		if n, err := strconv.ParseFloat(v.text, 64); err == nil {
			return n
		}
		return v.text
	case boolean:
		return v.text == "true"
	case list:
		out := make([]any, len(v.list))
		for i := range v.list {
			out[i] = v.list[i].plain()
		}
		return out
	case mapping:
		out := make(map[string]any, len(v.list))
		for i, k := range v.keys {
			out[k] = v.list[i].plain()
		}
		return out
	}
	return nil
}

// documents reads the YAML documents of a file.
func documents(data []byte) (out []value, err error) {
	defer func() {
		if r := recover(); r != nil { // of the parser, for input that it does not expect
			err = fmt.Errorf("not YAML: %v", r)
		}
	}()
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		v, err := convert(d.Body, 0)
		if err != nil {
			return nil, err
		}
		if v.kind != null {
			out = append(out, v)
		}
	}
	return out, nil
}

const maxDepth = 64

// convert returns the value of a YAML node.
func convert(n ast.Node, depth int) (v value, err error) {
	if t := n.GetToken(); t != nil && t.Position != nil {
		v.line = t.Position.Line
	}
	if depth > maxDepth {
		return v, &Error{Line: v.line, Reason: "nested too deeply"}
	}
	pair := func(m *ast.MappingValueNode) error {
		c, err := convert(m.Value, depth+1)
		if err != nil {
			return err
		}
		if t := m.Key.GetToken(); t != nil {
			if t.Position != nil && c.kind != list && c.kind != mapping {
				c.line = t.Position.Line
			}
			v.keys = append(v.keys, t.Value)
		}
		v.list = append(v.list, c)
		return nil
	}

	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		v.kind, v.text = text, n.Value
	case *ast.LiteralNode:
		v.kind, v.text = text, n.Value.Value
	case *ast.IntegerNode:
		v.kind, v.text = number, fmt.Sprint(n.Value)
	case *ast.FloatNode:
		v.kind, v.text = number, strconv.FormatFloat(n.Value, 'f', -1, 64)
	case *ast.BoolNode:
		v.kind, v.text = boolean, strconv.FormatBool(n.Value)
	case *ast.SequenceNode:
		v.kind = list
		for _, e := range n.Values {
			c, err := convert(e, depth+1)
			if err != nil {
				return v, err
			}
			v.list = append(v.list, c)
		}

	case *ast.MappingNode:
		v.kind = mapping
		for _, m := range n.Values {
			if err := pair(m); err != nil {
				return v, err
			}
		}

	case *ast.MappingValueNode:
		v.kind = mapping
		if err := pair(n); err != nil {
			return v, err
		}

	case *ast.AnchorNode:
		return convert(n.Value, depth+1)
	case *ast.TagNode:
		return convert(n.Value, depth+1)
	default:
		return v, &Error{Line: v.line, Reason: "YAML of a kind that rules do not use (" + n.Type().String() + ")"}
	}

	return v, nil
}
