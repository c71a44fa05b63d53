package people

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Matcher finds the people whom texts name: by address, by another account, and by name in the forms that
// addresses and display names spell (jane.doe, Jane Doe, Doe, Jane, janedoe). Case and accents do not matter, nor
// whether a text was cut off in the middle of a name. Add everybody first; it can then be used by several
// goroutines.
type Matcher struct {
	accounts map[string]string // address or account in lower case → address
	phrases  map[string]string // words of a name in alphabetical order → address; several if it is that of more than one
	words    map[string]int    // a word of a name → the most words of a name that has it

	once   sync.Once
	byWord map[string][]string // a word → the phrases of two words and more that have it
}

// several stands for the people who have the same name.
const several = "*"

// NewMatcher returns a matcher of nobody.
func NewMatcher() *Matcher {
	return &Matcher{accounts: map[string]string{}, phrases: map[string]string{}, words: map[string]int{}}
}

// MatcherOf returns a matcher of all people in a directory for whom is returns true, with their accounts.
func (d *Directory) MatcherOf(is func(p *Person) bool) *Matcher {
	m := NewMatcher()
	for _, p := range d.people {
		if is(p) {
			m.Add(p.Address, p.Names...)
		}
	}
	for account, address := range d.accounts {
		if p := d.people[address]; p != nil && is(p) {
			m.AddAccount(account, address)
		}
	}
	return m
}

// Add adds a person with their display names.
func (m *Matcher) Add(address string, names ...string) {
	address = strings.ToLower(address)
	m.AddAccount(address, address)
	for _, n := range names {
		list := wordsOf(n)
		m.phrase(list, address)
		if local := wordsOf(short(address)); len(local) == 1 && madeOf(local[0], list) {
			m.phrase(local, address)
		}
	}
}

// AddAccount adds another account of a person.
func (m *Matcher) AddAccount(account, address string) {
	account, address = strings.ToLower(account), strings.ToLower(address)
	if account == "" {
		return
	}
	m.accounts[account] = address
	name, only := wordsOf(short(account)), account == address && !strings.Contains(account, "@")
	switch {
	case len(name) > 1, len(name) == 1 && isUnusual(name[0], only):
		m.phrase(name, address)
	case !strings.Contains(account, "@"): // with the service: 1234 of github:1234 could be anything
		m.phrase(wordsOf(account), address)
	}
}

// Has reports whether a person was added.
func (m *Matcher) Has(address string) bool { return m.accounts[strings.ToLower(address)] != "" }

// Account returns the address of the person who has an address or account; "" if nobody has.
func (m *Matcher) Account(account string) string { return m.accounts[strings.ToLower(account)] }

const (
	leastName  = 4 // bytes of a name
	mostWords  = 8 // words of a name
	mostApart  = 8 // bytes between the words of a name
	leastWhole = 9 // bytes of an account of one word that is taken for a name wherever it stands
)

// generic are accounts that are words of their own.
var generic = map[string]bool{
	"administrator": true, "marketing": true, "management": true, "operations": true, "recruiting": true, "compliance": true,
	"accounting": true, "newsletter": true, "postmaster": true, "webmaster": true, "reception": true, "helpdesk": true,
	"engineering": true, "information": true, "production": true, "development": true, "automation": true, "monitoring": true,
	"integration": true, "deployment": true, "terraform": true, "salesforce": true, "snowflake": true, "atlassian": true,
	"root": true, "admin": true, "service": true, "backup": true, "system": true, "user": true, "test": true, "guest": true,
}

// isUnusual reports whether an account of one word stands for a person wherever it occurs: it is no word of any language
// as far as one can tell, or the only name of the person.
func isUnusual(word string, only bool) bool {
	switch {
	case generic[word] || !strings.ContainsFunc(word, unicode.IsLetter):
		return false
	case only:
		return len(word) >= leastName
	}
	return len(word) >= leastWhole || len(word) > leastName && strings.ContainsFunc(word, unicode.IsDigit)
}

// madeOf reports whether a word is put together from the words of a name, or their first letters: jdoe, doej, janed.
func madeOf(word string, name []string) bool {
	for i, a := range name {
		for k, b := range name {
			if i == k || len(a) < 2 || len(b) < 2 {
				continue
			}
			if word == a+b || word == first(a)+b || word == a+first(b) {
				return len(word) >= leastName
			}
		}
	}
	return false
}

// first returns the first letter of a word.
func first(word string) string {
	_, n := utf8.DecodeRuneInString(word)
	return word[:n]
}

// phrase adds a name of a person, and the form of it without anything between the words.
func (m *Matcher) phrase(list []string, address string) {
	if len(list) == 0 || len(list) > mostWords || len(strings.Join(list, "")) < leastName {
		return
	}
	m.set(list, address)
	if len(list) > 1 {
		m.set([]string{strings.Join(list, "")}, address)
	}
}

// set adds a name.
func (m *Matcher) set(list []string, address string) {
	key := keyOf(list)
	if who, known := m.phrases[key]; known && who != address {
		address = several
	}
	m.phrases[key] = address
	for _, w := range list {
		m.words[w] = max(m.words[w], len(list))
	}
}

// keyOf returns the words of a name in alphabetical order.
func keyOf(list []string) string {
	switch len(list) {
	case 1:
		return list[0]
	case 2:
		return min(list[0], list[1]) + " " + max(list[0], list[1])
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, " ")
}

// word is a word of a text.
type word struct {
	from, to int
	fold     string
}

// wordsOf returns the words of a text, folded.
func wordsOf(text string) (list []string) {
	for _, w := range split(text) {
		list = append(list, w.fold)
	}
	return list
}

// split returns the words of a text: runs of letters and digits. An escape of a URL ends a word.
func split(text string) (list []word) {
	from := -1
	end := func(at int) {
		if from >= 0 {
			list = append(list, word{from, at, foldWord(text[from:at])})
			from = -1
		}
	}
	for i := 0; i < len(text); {
		if n := escape(text[i:]); n > 0 {
			end(i)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if in := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r); !in {
			end(i)
		} else if from < 0 {
			from = i
		}
		i += n
	}
	end(len(text))
	return list
}

// escape returns the length of an escape of a URL for an ASCII character at the beginning of a text; 0 if there is none.
func escape(text string) int {
	isHex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
	if len(text) >= 3 && text[0] == '%' && text[1] < '8' && isHex(text[1]) && isHex(text[2]) {
		return 3
	}
	return 0
}

// foldWord returns a word in lower case, without accents.
func foldWord(w string) string {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf {
			return strings.Map(func(c rune) rune {
				if unicode.Is(unicode.Mn, c) {
					return -1
				}
				return c
			}, norm.NFD.String(strings.ToLower(w)))
		}
	}
	return strings.ToLower(w)
}

// Replace replaces what names a person. By returns what replaces the name of the person with an address; of "" if
// several people have the name.
func (m *Matcher) Replace(text string, by func(address string) string) string {
	if len(m.words) == 0 || len(text) < leastName {
		return text
	}
	list := split(text)
	var b strings.Builder
	at := 0
	for i := 0; i < len(list); {
		n, who := m.longest(text, list[i:])
		if n == 0 {
			i++
			continue
		}
		if who == several {
			who = ""
		}
		b.WriteString(text[at:list[i].from])
		b.WriteString(by(who))
		at = list[i+n-1].to
		i += n
	}
	if at == 0 {
		return text
	}
	b.WriteString(text[at:])
	return b.String()
}

// longest returns how many words at the beginning of a list are a name, and of whom; 0 if they are none.
func (m *Matcher) longest(text string, list []word) (n int, who string) {
	most := m.words[list[0].fold]
	if most == 0 {
		return 0, ""
	}
	var buffer [mostWords]string
	run := buffer[:0]
	for i := range list[:min(most, len(list))] {
		if i > 0 && !together(text[list[i-1].to:list[i].from]) {
			break
		}
		if last := list[i]; i > 0 && m.words[last.fold] < len(run)+1 {
			if strings.HasPrefix(text[last.to:], "…") {
				if who := m.cut(run, last.fold); who != "" {
					return i + 1, who
				}
			}
			break
		}
		run = append(run, list[i].fold)
	}
	for n = len(run); n > 0; n-- {
		if who, known := m.phrases[keyOf(run[:n])]; known {
			return n, who
		}
	}
	return 0, ""
}

// together reports whether what stands between two words may stand between those of a name.
func together(gap string) bool {
	if len(gap) > mostApart {
		return false
	}
	for gap != "" {
		if n := escape(gap); n > 0 {
			gap = gap[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(gap)
		if !strings.ContainsRune(" ._-,+'’\u00a0\u2011:/", r) {
			return false
		}
		gap = gap[n:]
	}
	return true
}

// cut returns whose name has some words and another one that begins with a text; "" for nobody.
func (m *Matcher) cut(run []string, prefix string) (who string) {
	m.once.Do(func() {
		m.byWord = map[string][]string{}
		for key := range m.phrases {
			if list := strings.Fields(key); len(list) > 1 {
				for _, w := range list {
					m.byWord[w] = append(m.byWord[w], key)
				}
			}
		}
	})
	for _, key := range m.byWord[run[0]] {
		rest := strings.Fields(key)
		for _, w := range run {
			if i := slices.Index(rest, w); i >= 0 {
				rest = slices.Delete(rest, i, i+1)
			} else {
				rest = nil
			}
		}
		if len(rest) == 0 || !slices.ContainsFunc(rest, func(w string) bool { return strings.HasPrefix(w, prefix) }) {
			continue
		}
		if found := m.phrases[key]; who != "" && who != found {
			return several
		}
		who = m.phrases[key]
	}
	return who
}
