package people

import (
	"html"
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

// madeOf reports whether a word is put together from the words of a name, or their first letters: jdoe, doej, janedo.
func madeOf(word string, name []string) bool {
	if len(word) < leastName || slices.Contains(name, word) {
		return false
	}
	for i, a := range name {
		for k, b := range name {
			if i == k || len(a) < 2 || len(b) < 2 {
				continue
			}
			if word == first(a)+b || word == a+first(b) {
				return true
			}
			for n := 1; n < len(word) && n <= len(a) && len(word) > leastName; n++ {
				if strings.HasPrefix(a, word[:n]) && strings.HasPrefix(b, word[n:]) {
					return true
				}
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

// split returns the words of a text: runs of letters and digits, with the characters in them that cannot be seen. An escape of
// a URL or of HTML ends a word.
func split(text string) (list []word) {
	from, to := -1, 0
	end := func() {
		if from >= 0 {
			list = append(list, word{from, to, foldWord(text[from:to])})
			from = -1
		}
	}
	for i := 0; i < len(text); {
		if n := escape(text[i:]); n > 0 {
			end()
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r):
			if from < 0 {
				from = i
			}
			to = i + n
		case !unseen(r):
			end()
		}
		i += n
	}
	end()
	return list
}

// unseen reports whether a character takes no place: a joiner, a soft hyphen, a mark of direction.
func unseen(r rune) bool { return r >= utf8.RuneSelf/2 && unicode.Is(unicode.Cf, r) }

// parts returns the words that a word was put together from, as far as upper case and digits tell: DanaRuiz, danaruiz2026. It
// returns nil if it is one.
func parts(text string, w word) (list []word) {
	from, last := w.from, rune(0)
	for i, r := range text[w.from:w.to] {
		if last != 0 && (unicode.IsDigit(last) != unicode.IsDigit(r) || unicode.IsLower(last) && unicode.IsUpper(r)) {
			at := w.from + i
			list = append(list, word{from, at, foldWord(text[from:at])})
			from = at
		}
		if !unicode.Is(unicode.Mn, r) && !unseen(r) {
			last = r
		}
	}
	if list == nil {
		return nil
	}
	return append(list, word{from, w.to, foldWord(text[from:w.to])})
}

// escape returns the length of an escape at the beginning of a text, of a URL for an ASCII character, or of HTML; 0 if there is
// none.
func escape(text string) int {
	isHex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
	switch {
	case len(text) >= 3 && text[0] == '%' && text[1] < '8' && isHex(text[1]) && isHex(text[2]):
		return 3
	case len(text) >= 4 && text[0] == '&':
		end := strings.IndexByte(text[:min(len(text), longestEntity)], ';')
		if end > 2 && html.UnescapeString(text[:end+1]) != text[:end+1] {
			return end + 1
		}
	}
	return 0
}

const longestEntity = 10 // bytes of an escape of HTML

// plainLetters are letters that Unicode takes for letters of their own, as those who write names otherwise write them.
var plainLetters = strings.NewReplacer("ø", "o", "ł", "l", "đ", "d", "ı", "i", "ß", "ss", "æ", "ae", "œ", "oe", "þ", "th", "ð", "d")

// foldWord returns a word in lower case, without accents and characters that cannot be seen.
func foldWord(w string) string {
	for i := range len(w) {
		if w[i] >= utf8.RuneSelf {
			return plainLetters.Replace(strings.Map(func(c rune) rune {
				if unicode.Is(unicode.Mn, c) || unseen(c) {
					return -1
				}
				return c
			}, norm.NFKD.String(strings.ToLower(w))))
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
	list := m.wordsOfNames(text)
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

// wordsOfNames returns the words of a text; in place of one that is in no name, the words that it was put together from, if one of
// them is.
func (m *Matcher) wordsOfNames(text string) []word {
	list := split(text)
	for i := 0; i < len(list); i++ {
		if m.words[list[i].fold] > 0 {
			continue
		}
		if of := m.joined(parts(text, list[i])); slices.ContainsFunc(of, func(w word) bool { return m.words[w.fold] > 0 }) {
			list = slices.Replace(list, i, i+1, of...)
			i += len(of) - 1
		}
	}
	return list
}

// joined puts parts of a word together that are a word of a name as a whole, such as McDonald.
func (m *Matcher) joined(list []word) []word {
	for i := range list {
		for to := min(i+mostWords, len(list)); to > i+1; to-- {
			whole := word{from: list[i].from, to: list[to-1].to}
			for _, w := range list[i:to] {
				whole.fold += w.fold
			}
			if m.words[whole.fold] > 0 {
				return append(append(slices.Clone(list[:i]), whole), m.joined(list[to:])...)
			}
		}
	}
	return list
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

// apart are characters that do not stand between the words of a name: they end what is said.
const apart = "\n\r@…!?"

// together reports whether what stands between two words may stand between those of a name.
func together(gap string) bool {
	return len(gap) <= mostApart && !strings.ContainsAny(gap, apart)
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
