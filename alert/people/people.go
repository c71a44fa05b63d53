// Package people says whom a text names: by address, by another account, by display
// name, or by pseudonym. Commands and pages that take a person ask it and nothing else,
// so that the same text names the same person everywhere, and a text that names nobody
// is an error everywhere.
package people

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
	"golang.org/x/text/unicode/norm"

	"github.com/outflow/outflow/internal/plain"
)

// Person is somebody who is known.
type Person struct {
	Address    string   // the name that everything about them is kept under, in lower case
	Names      []string // display names
	Department string   // as HR says; "" if it is not known
	Country    string   // as HR says; "" if it is not known
	Staff      bool     // in the HR files
	Acted      bool     // there is something in the logs that they did, or an alert about them
}

// Directory is everybody who is known, and what they are called. The zero value is not
// usable: call New.
type Directory struct {
	people   map[string]*Person // by address
	accounts map[string]string  // account, in lower case → address
	names    map[string][]string
}

// New returns a directory that knows nobody.
func New() *Directory {
	return &Directory{people: map[string]*Person{}, accounts: map[string]string{}, names: map[string][]string{}}
}

// Add returns the person with an address, who is known from now on. The address is not
// "".
func (d *Directory) Add(address string) *Person {
	address = strings.ToLower(address)
	p := d.people[address]
	if p == nil {
		p = &Person{Address: address}
		d.people[address] = p
	}
	return p
}

// SetName says that a person is also called by a display name.
func (d *Directory) SetName(p *Person, name string) {
	key := fold(name)
	if key == "" || slices.Contains(d.names[key], p.Address) {
		return
	}
	d.names[key] = append(d.names[key], p.Address)
	p.Names = append(p.Names, strings.TrimSpace(name))
}

// Account says that an account is a person's: an id of a service, an address of before.
func (d *Directory) Account(account, address string) {
	account, address = strings.ToLower(account), strings.ToLower(address)
	if account != "" && address != "" && account != address {
		d.accounts[account] = address
	}
}

// Owner is the address of the person whom an account is known to be of; "" if it is of
// nobody known.
func (d *Directory) Owner(account string) string { return d.accounts[strings.ToLower(account)] }

// Len is how many people are known.
func (d *Directory) Len() int { return len(d.people) }

// Get is the person with an address; nil if nobody has it.
func (d *Directory) Get(address string) *Person { return d.people[strings.ToLower(address)] }

// All lists everybody, by address.
func (d *Directory) All() []*Person {
	list := make([]*Person, 0, len(d.people))
	for _, p := range d.people {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Person) int { return cmp.Compare(a.Address, b.Address) })
	return list
}

// Pseudonymized is the directory as a reader sees it who knows people by pseudonyms alone: they
// can be found by these, and by nothing that would tell who is behind one.
func (d *Directory) Pseudonymized(pseudonym func(address string) string) *Directory {
	out := New()
	for address, p := range d.people {
		out.people[strings.ToLower(pseudonym(address))] = p
	}
	return out
}

// MatchKind says how a text named somebody.
type MatchKind string

// The ways.
const (
	Address     MatchKind = "address"
	Account     MatchKind = "account"
	DisplayName MatchKind = "display name"
	ShortName   MatchKind = "short name"
	Pseudonym   MatchKind = "pseudonym"
)

// Match is who a text names, and how.
type Match struct {
	*Person
	By MatchKind
}

// Describe is a sentence about whom the text was taken for; "" where it was the address
// itself.
func (m Match) Describe(text string) string {
	if m.By == Address || m.By == Pseudonym {
		return ""
	}
	return fmt.Sprintf("%q is the %s of %s", clean(text), m.By, clean(m.Person.Address))
}

// Unknown is the error that a text names nobody, or several.
type Unknown struct {
	Text      string
	Several   []string // addresses of all who are called so
	Close     []string // addresses of those who are called nearly so, the closest first
	Pseudonym bool     // it has the form of a pseudonym
	Known     int      // how many people are known
}

func (e *Unknown) Error() string {
	switch {
	case len(e.Several) > 0:
		return fmt.Sprintf("%q names several people: %s; give the address", clean(e.Text), joinList(e.Several))
	case e.Pseudonym && len(e.Close) == 0:
		return fmt.Sprintf(
			"%q is a pseudonym: who is behind it is shown in the feed, on request and with somebody's consent; give the address",
			clean(e.Text))
	case e.Known == 0:
		return fmt.Sprintf("nobody is known as %q: nobody is known at all, there is no data", clean(e.Text))
	case len(e.Close) > 0:
		return fmt.Sprintf("nobody is known as %q; known are %s", clean(e.Text), joinList(e.Close))
	}
	return fmt.Sprintf("nobody is known as %q, nor by a name like it", clean(e.Text))
}

func joinList(list []string) string {
	var out []string
	for i, a := range list {
		if i == suggested {
			out = append(out, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		out = append(out, clean(a))
	}
	return strings.Join(out, ", ")
}

// clean drops what could disturb a terminal, and the end of what is very long.
func clean(t string) string {
	t = strings.Map(func(c rune) rune {
		if plain.Disturbs(c) {
			return '·'
		}
		return c
	}, strings.ToValidUTF8(t, "·"))
	if r := []rune(t); len(r) > 200 {
		t = string(r[:200]) + "…"
	}
	return t
}

// Form is what pseudonyms look like.
var Form = regexp.MustCompile(`(?i)^P-[A-Z2-9]{10}$`)

// Find says whom a text names: an address first, then another account, a display name, and
// the short form of an address. Case does not matter, nor do accents and the order
// of the words of a display name. A text that names nobody, or more than one person, is an
// error of type *Unknown.
func (d *Directory) Find(text string) (Match, error) {
	key := strings.ToLower(strings.TrimSpace(text))
	unknown := &Unknown{Text: text, Pseudonym: Form.MatchString(key), Known: len(d.people)}
	if p := d.people[key]; p != nil && key != "" {
		if unknown.Pseudonym {
			return Match{p, Pseudonym}, nil
		}
		return Match{p, Address}, nil
	}
	for _, way := range []struct {
		by   MatchKind
		whom []string
	}{{Account, d.byAccount(key)}, {DisplayName, d.names[fold(text)]}, {ShortName, d.byShort(key)}} {
		switch len(way.whom) {
		case 0:
			continue
		case 1:
			return Match{d.Add(way.whom[0]), way.by}, nil
		}
		slices.Sort(way.whom)
		unknown.Several = way.whom
		return Match{}, unknown
	}
	unknown.Close = d.close(key)
	return Match{}, unknown
}

// byAccount is whose an account is, also where its service is left out: 00u1 for okta:00u1.
func (d *Directory) byAccount(key string) (list []string) {
	if key == "" {
		return nil
	}
	if who := d.accounts[key]; who != "" {
		return []string{who}
	}
	for account, who := range d.accounts {
		if i := strings.LastIndexAny(account, ":/"); i >= 0 && account[i+1:] == key && !slices.Contains(list, who) {
			list = append(list, who)
		}
	}
	return list
}

// byShort is whose address a text is the short form of.
func (d *Directory) byShort(key string) (list []string) {
	for address := range d.people {
		if key != "" && short(address) == key {
			list = append(list, address)
		}
	}
	return list
}

// short is the part of an address that people know it by: what is before the @, or the last
// part of the name of an account that belongs to nobody known, such as
// aws:111122223333:user/dana.ruiz.
func short(address string) string {
	if local, _, ok := strings.Cut(address, "@"); ok {
		return local
	}
	return address[strings.LastIndexAny(address, ":/")+1:]
}

const (
	suggested = 5
	longest   = 254 // characters of a text that is compared: as long as an address may be
)

// close lists who is called nearly so: whose address, name before the @ or display name can
// be made of the text by few changes of letters.
func (d *Directory) close(key string) (list []string) {
	if r := []rune(key); len(r) == 0 || len(r) > longest {
		return nil
	}
	type near struct {
		address string
		changes int
	}
	name := fold(key)
	local := short(key)
	var found []near
	for address, p := range d.people {
		theirs := short(address)
		best := distance(key, address)
		spaced := strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(theirs)
		best = min(best, distance(local, theirs)+1, distance(name, fold(spaced))+1)
		for _, n := range p.Names {
			best = min(best, distance(name, fold(n)))
		}
		if best <= max(2, len([]rune(local))/3) {
			found = append(found, near{address, best})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.changes, b.changes), cmp.Compare(a.address, b.address))
	})
	for _, n := range found[:min(len(found), suggested)] {
		list = append(list, n.address)
	}
	return list
}

// distance is how many letters must be changed, added or taken out.
func distance(a, b string) int { return levenshtein.ComputeDistance(a, b) }

// fold makes display names comparable: lower case, without accents and marks, and their
// words in alphabetical order, since some write the surname first.
func fold(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return unicode.IsSpace(c) || c == ',' })
	slices.Sort(words)
	return strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFD.String(strings.Join(words, " ")))
}
