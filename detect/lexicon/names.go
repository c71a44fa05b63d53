package lexicon

import (
	"net/url"
	"path"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// remembered is how many names are remembered.
const remembered = 1 << 14

// Names scores names, and remembers the latest. The zero value is ready. It is not safe for
// concurrent use.
type Names struct {
	text  []byte
	cache []scored
}

type scored struct {
	key   uint64
	score float64
}

// Place returns how sensitive the name of a place sounds, from 0 to 1: a path, an address or a single
// name. Of an address, the host and the owner of a personal drive say nothing.
func (n *Names) Place(name string) float64 {
	return n.remember(name, 1, func() string { return unescape(inPlace(name)) })
}

// File returns how sensitive the name of a file sounds, from 0 to 1. Folders before it count as
// places.
func (n *Names) File(name string) float64 {
	folders, file := "", name
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		folders, file = name[:i], name[i+1:]
	}
	score := n.remember(file, inFile, func() string { return unescape(strings.TrimSuffix(file, path.Ext(file))) })
	if keyFiles[strings.ToLower(path.Ext(file))] {
		score = max(score, weights["strong"])
	}
	if folders != "" {
		score = Either(score, n.Place(folders))
	}
	return score
}

// Either is the score of two names that belong together.
func Either(a, b float64) float64 { return 1 - float64((1-a)*(1-b)) }

// keyFiles are extensions of files that hold keys and passwords.
var keyFiles = map[string]bool{
	".pem": true, ".pfx": true, ".p12": true, ".ppk": true, ".jks": true, ".kdbx": true, ".kdb": true, ".keystore": true, ".ovpn": true,
}

// remember returns the score of a name, which is worked out once.
func (n *Names) remember(name string, share float64, text func() string) float64 {
	if name == "" {
		return 0
	}
	if n.cache == nil {
		n.cache = make([]scored, remembered)
	}
	key := xxhash.Sum64String(name)
	if share < 1 {
		key = ^key
	}
	slot := &n.cache[key%remembered]
	if slot.key != key {
		n.text = fold(n.text[:0], text())
		*slot = scored{key, load().score(n.text, share)}
	}
	return slot.score
}

// inPlace is the part of the name of a place that says what is kept in it. The host of an address
// names the organisation, and an e-mail address a person.
func inPlace(name string) string {
	if _, rest, address := strings.Cut(name, "://"); address {
		_, name, _ = strings.Cut(rest, "/")
	}
	if i := strings.Index(name, "personal/"); i == 0 || i > 0 && name[i-1] == '/' {
		_, name, _ = strings.Cut(name[i+len("personal/"):], "/")
	}
	if strings.Contains(name, "@") {
		return ""
	}
	return name
}

// unescape decodes what an address has encoded.
func unescape(name string) string {
	if strings.Contains(name, "%") {
		if plain, err := url.PathUnescape(name); err == nil {
			return plain
		}
	}
	return name
}
