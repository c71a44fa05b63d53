// Package lexicon says how sensitive names sound: of folders, sites, channels, buckets and files, in
// twelve languages. The words are data, one file per language in words/.
package lexicon

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// Enough is from which score on a name counts as sensitive.
const Enough = .5

// weights are what one entry of a grade says about a place. Two weak ones are not Enough, three are.
var weights = map[string]float64{"strong": .9, "medium": .5, "weak": .25, "never": 0}

// inFile is how much a word in the name of a file counts, against one in the name of a place: a
// file is called contract or invoice in every place.
const inFile = .6

//go:embed words/*.txt
var words embed.FS

// entry is a pattern of the lexicon, as it is looked for in a name that fold has prepared.
type entry struct {
	pattern string
	weight  float64 // 0 for a false friend, which hides what it covers
}

// lexicon is a trie over the entries.
type lexicon struct {
	entries []entry
	nodes   []node
	labels  []byte // labels[i] leads to nodes[i]
	starts  [256]int32
}

// node is a state of the trie. Its children lie next to one another.
type node struct {
	first, count int32
	entry        int32 // -1 if none ends here
}

// load reads the lists once they are needed.
var load = sync.OnceValue(func() *lexicon {
	list, err := read(words)
	if err != nil {
		panic(err) // the lists are part of the program: TestWords reads them
	}
	return build(list)
})

// read returns the entries of all languages.
func read(files fs.FS) ([]entry, error) {
	names, err := fs.Glob(files, "words/*.txt")
	if err != nil {
		return nil, err
	}
	var list []entry
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		for n, line := range strings.Split(string(text), "\n") {
			if line == "" || line[0] == '#' || line[0] == '[' {
				continue
			}
			grade, patterns, _ := strings.Cut(line, ":")
			weight, known := weights[grade]
			if !known {
				return nil, fmt.Errorf("%s:%d: %q is no grade", name, n+1, grade)
			}
			for pattern := range strings.SplitSeq(patterns, ",") {
				some := compile(strings.TrimSpace(pattern))
				if len(some) == 0 {
					return nil, fmt.Errorf("%s:%d: %q is no pattern", name, n+1, pattern)
				}
				for _, p := range some {
					list = append(list, entry{p, weight})
					if weight == 0 && p[0] != ' ' { // it must not begin after what it hides
						list = append(list, entry{" " + p, 0})
					}
				}
			}
		}
	}
	return list, nil
}

// compile returns what to look for, for a pattern of a list: a word or several, "*" at an end that
// may continue. Several words are also found written as one, and umlauts written as two letters.
func compile(pattern string) (out []string) {
	open, before := strings.CutPrefix(pattern, "*")
	open, after := strings.CutSuffix(open, "*")
	spellings := []string{open}
	if strings.ContainsAny(open, "äöüåø") {
		spellings = append(spellings, digraphs.Replace(open))
	}
	for _, spelling := range spellings {
		folded := string(bytes.TrimSpace(fold(nil, spelling)))
		if len(folded) < 2 || strings.Contains(folded, "*") {
			return nil
		}
		cjk := folded[0] >= 0x80
		for _, p := range []string{folded, strings.ReplaceAll(folded, " ", "")} {
			if joined := p != folded; joined && len(p) < 7 {
				continue
			}
			if !before && !cjk {
				p = " " + p
			}
			if !after && !cjk {
				p += " "
			}
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// digraphs are how umlauts and the Scandinavian letters are written without them.
var digraphs = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

// build makes the trie. Of entries with the same pattern, a false friend comes first, then the
// strongest.
func build(list []entry) *lexicon {
	rank := func(e entry) float64 {
		if e.weight == 0 {
			return 1
		}
		return e.weight
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.pattern, b.pattern), cmp.Compare(rank(b), rank(a)))
	})
	list = slices.CompactFunc(list, func(a, b entry) bool { return a.pattern == b.pattern })
	x := &lexicon{entries: list, nodes: []node{{entry: -1}}, labels: []byte{0}}
	type span struct{ node, from, to, depth int }
	for queue := []span{{0, 0, len(list), 0}}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		from := s.from
		if from < s.to && len(list[from].pattern) == s.depth {
			x.nodes[s.node].entry = int32(from)
			from++
		}
		x.nodes[s.node].first = int32(len(x.nodes))
		for from < s.to {
			c, end := list[from].pattern[s.depth], from+1
			for end < s.to && list[end].pattern[s.depth] == c {
				end++
			}
			queue = append(queue, span{len(x.nodes), from, end, s.depth + 1})
			x.nodes = append(x.nodes, node{entry: -1})
			x.labels = append(x.labels, c)
			x.nodes[s.node].count++
			from = end
		}
	}
	for i := range x.nodes[0].count {
		x.starts[x.labels[x.nodes[0].first+i]] = x.nodes[0].first + i
	}
	return x
}

// match returns the longest entry that a text begins with, and the strongest; -1 if there is none.
func (x *lexicon) match(text []byte) (longest, strongest int32) {
	longest, strongest = -1, -1
	at := x.starts[text[0]]
	for i := 1; at != 0; i++ {
		n := &x.nodes[at]
		if n.entry >= 0 {
			longest = n.entry
			if strongest < 0 || x.entries[longest].weight > x.entries[strongest].weight {
				strongest = longest
			}
		}
		if i == len(text) || n.count == 0 {
			break
		}
		k := bytes.IndexByte(x.labels[n.first:n.first+n.count], text[i])
		if k < 0 {
			break
		}
		at = n.first + int32(k)
	}
	return longest, strongest
}

// score is how sensitive a folded name sounds: 1 less the product of what every entry that is found
// leaves, each once. Of entries that overlap, the first counts. Of those that begin together it is the
// strongest, but none if the longest is a false friend: the languages share words.
func (x *lexicon) score(text []byte, share float64) float64 {
	var seen [8]int32
	found, left := 0, 1.0
	for i := 0; i < len(text); {
		longest, k := x.match(text[i:])
		if k < 0 {
			i++
			continue
		}
		covers := &x.entries[longest]
		i += len(covers.pattern)
		if covers.pattern[len(covers.pattern)-1] == ' ' { // it also begins the next word
			i--
		}
		if covers.weight == 0 || found == len(seen) || slices.Contains(seen[:found], k) {
			continue
		}
		seen[found] = k
		found++
		left *= 1 - float64(x.entries[k].weight*share)
	}
	return 1 - left
}
