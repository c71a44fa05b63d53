package ingest

import (
	"iter"
	"maps"
)

// Names maps names of operations to what they mean. Names are compared without case, dashes,
// underscores, blanks and a final stop, since tools that hand on logs rewrite them.
type Names[T any] struct{ exact, folded map[string]T }

// NamesOf returns the names of a map.
func NamesOf[T any](meanings map[string]T) Names[T] {
	n := Names[T]{exact: meanings, folded: make(map[string]T, len(meanings))}
	for name, meaning := range meanings {
		n.folded[string(FoldName(nil, name))] = meaning
	}
	return n
}

// Get returns what a name means, and whether it is known.
func (n *Names[T]) Get(name string) (meaning T, known bool) {
	if meaning, known = n.exact[name]; known {
		return meaning, true
	}
	if len(name) > 96 {
		return meaning, false
	}
	var buf [96]byte
	meaning, known = n.folded[string(FoldName(buf[:0], name))]
	return meaning, known
}

// All returns the names as they are declared, in no order.
func (n *Names[T]) All() iter.Seq[string] { return maps.Keys(n.exact) }

// FoldName appends a name of an operation to b in the form in which names are compared.
func FoldName(b []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '_' || c == '-' || c == ' ':
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		default:
			b = append(b, c)
		}
	}
	if n := len(b); n > 0 && b[n-1] == '.' {
		b = b[:n-1]
	}
	return b
}
