package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// lineError is an error with its line in the configuration; 0 if that is not known.
type lineError struct {
	line int
	err  error
}

// Error begins with the line.
func (e *lineError) Error() string {
	if e.line == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("line %d: %s", e.line, e.err)
}

// Unwrap returns the error without its line.
func (e *lineError) Unwrap() error { return e.err }

// lines finds keys in the text of a configuration.
type lines struct{ root ast.Node }

// newLines reads a text, which may be none that can be read.
func newLines(text []byte) lines {
	f, err := parser.ParseBytes(text, 0)
	if err != nil || len(f.Docs) == 0 {
		return lines{}
	}
	return lines{f.Docs[0].Body}
}

var (
	oneOfList = regexp.MustCompile(`^(source|channel|exception|table|watchlist|indicators_off) ([^\s:]+)(?: \([^)]*\))?:? ?`)
	unknown   = regexp.MustCompile(`^unknown field "([^"]+)"`)
	keyPath   = regexp.MustCompile(`^[a-z_]+(?:\.[a-z_]+)*`)
)

// list is the key of the list that a word of an error is about an item of.
var list = map[string]string{
	"source": "sources", "channel": "channels", "exception": "exceptions", "table": "tables", "watchlist": "watchlists",
	"indicators_off": "indicators_off",
}

// locate adds to an error the line of what it names: a key, or else the item of a list. An error that has its line keeps it.
func (l lines) locate(err error) error {
	if at := (*lineError)(nil); errors.As(err, &at) {
		return err
	}
	return &lineError{l.of(err.Error()), err}
}

// of is the line of what an error names; 0 if it names nothing in the file.
func (l lines) of(text string) (line int) {
	node := l.root
	for node != nil && text != "" {
		if m := oneOfList.FindStringSubmatch(text); m != nil && node == l.root {
			node = item(value(node, list[m[1]]), m[2])
			text = text[len(m[0]):]
			if first := pairs(node); len(first) > 0 {
				line = lineOf(first[0].Key)
			}
			continue
		}
		if m := unknown.FindStringSubmatch(text); m != nil {
			if p := pair(node, m[1]); p != nil {
				line = lineOf(p.Key)
			}
			return line
		}
		path := keyPath.FindString(text)
		if path == "" {
			return line
		}
		for key := range strings.SplitSeq(path, ".") {
			p := pair(node, key)
			if p == nil {
				return line
			}
			line, node = lineOf(p.Key), p.Value
		}
		text = strings.TrimLeft(text[len(path):], ": ")
	}
	return line
}

func lineOf(n ast.Node) int { return n.GetToken().Position.Line }

// pairs are the keys of a mapping with their values; none of another node.
func pairs(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.AnchorNode:
		return pairs(n.Value)
	}
	return nil
}

// pair is the pair of a mapping with a key; nil if there is none.
func pair(node ast.Node, key string) *ast.MappingValueNode {
	for _, p := range pairs(node) {
		if s, ok := p.Key.(ast.ScalarNode); ok && fmt.Sprint(s.GetValue()) == key {
			return p
		}
	}
	return nil
}

// value is the value of a key of a mapping; nil if there is none.
func value(node ast.Node, key string) ast.Node {
	if p := pair(node, key); p != nil {
		return p.Value
	}
	return nil
}

// item is the item of a list that has a name, or a number from 1 on; nil if there is none.
func item(node ast.Node, name string) ast.Node {
	if a, ok := node.(*ast.AnchorNode); ok {
		node = a.Value
	}
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		return nil
	}
	for _, v := range seq.Values {
		if s, ok := value(v, "name").(ast.ScalarNode); ok && fmt.Sprint(s.GetValue()) == name {
			return v
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n > 0 && n <= len(seq.Values) {
		return seq.Values[n-1]
	}
	return nil
}

// said is an error of the decoder without the text around it, which may hold what is secret, and its line.
func said(err error) (text string, line int) {
	var e yaml.Error
	if !errors.As(err, &e) {
		return err.Error(), 0
	}
	text = e.GetMessage()
	if t := (*yaml.TypeError)(nil); errors.As(err, &t) {
		text = wrongType(t)
	}
	if t := e.GetToken(); t != nil {
		line = t.Position.Line
	}
	return text, line
}
