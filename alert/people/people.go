// Package people finds the person whom a text names: by address, by another account, by display
// name or by pseudonym. All commands and pages that take a person use it, so that the same text
// names the same person everywhere, and a text that names nobody is an error everywhere.
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

// Person is a known person.
type Person struct {
	// The account under which everything about them is stored, in lower case.
	Address    string
	Names      []string // display names
	Department string   // from HR's files; "" if unknown
	Country    string   // from HR's files; "" if unknown
	Title      string   // job title, from HR's files; "" if unknown
	Manager    string   // account of the manager, from HR's files; "" if unknown
	Staff      bool     // is in HR's files
	Acted      bool     // the logs have events of them, or there is an alert about them
}

// Directory is all known people and their names. The zero value is not usable: call New.
type Directory struct {
	people   map[string]*Person  // by address
	accounts map[string]string   // account in lower case → address
	names    map[string][]string // folded display name → addresses
}

// New returns an empty directory.
func New() *Directory {
	return &Directory{people: map[string]*Person{}, accounts: map[string]string{}, names: map[string][]string{}}
}

// Add returns the person with an address, and adds them if they are unknown. The address must
// not be empty.
func (d *Directory) Add(address string) *Person {
	address = strings.ToLower(address)
	p := d.people[address]
	if p == nil {
		p = &Person{Address: address}
		d.people[address] = p
	}
	return p
}

// SetName adds a display name of a person.
func (d *Directory) SetName(p *Person, name string) {
	key := fold(name)
	if key == "" || slices.Contains(d.names[key], p.Address) {
		return
	}
	d.names[key] = append(d.names[key], p.Address)
	p.Names = append(p.Names, strings.TrimSpace(name))
}

// Account adds another account of a person: an id of a service, or a former address.
func (d *Directory) Account(account, address string) {
	account, address = strings.ToLower(account), strings.ToLower(address)
	if account != "" && address != "" && account != address {
		d.accounts[account] = address
	}
}

// Owner returns the address of the person who has an account; "" if that is unknown.
func (d *Directory) Owner(account string) string { return d.accounts[strings.ToLower(account)] }

// Len returns the number of known people.
func (d *Directory) Len() int { return len(d.people) }

// Get returns the person with an address, or nil.
func (d *Directory) Get(address string) *Person { return d.people[strings.ToLower(address)] }

// All returns all people, by address.
func (d *Directory) All() []*Person {
	list := make([]*Person, 0, len(d.people))
	for _, p := range d.people {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Person) int { return cmp.Compare(a.Address, b.Address) })
	return list
}

// Pseudonymized returns the directory for a reader who knows people by pseudonyms alone: they
// can be found by pseudonym, and by nothing that would reveal a name.
func (d *Directory) Pseudonymized(pseudonym func(address string) string) *Directory {
	out := New()
	for address, p := range d.people {
		out.people[strings.ToLower(pseudonym(address))] = p
	}
	return out
}

// Beginning returns the people whose addresses, or pseudonyms in a directory that is Pseudonymized, begin with a text,
// in any case.
func (d *Directory) Beginning(text string) (list []*Person) {
	text = strings.ToLower(text)
	for address, p := range d.people {
		if strings.HasPrefix(address, text) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *Person) int { return cmp.Compare(a.Address, b.Address) })
	return list
}

// MatchKind is by what a text named a person.
type MatchKind string

// The kinds of match.
const (
	Address     MatchKind = "address"      // the address itself
	Account     MatchKind = "account"      // an account that Directory.Account added
	DisplayName MatchKind = "display name" // a name that SetName added
	ShortName   MatchKind = "short name"   // the part of an address before the @
	Pseudonym   MatchKind = "pseudonym"    // in a directory that is Pseudonymized
)

// Match is the person whom a text names.
type Match struct {
	*Person
	By MatchKind // by what the text names them
}

// Describe returns a sentence about whom the text was taken for; "" if the text was the address
// or pseudonym itself.
func (m Match) Describe(text string) string {
	if m.By == Address || m.By == Pseudonym {
		return ""
	}
	return fmt.Sprintf("%q is the %s of %s", clean(text), m.By, clean(m.Person.Address))
}

// Unknown is the error for a text that names nobody, or several people.
type Unknown struct {
	Text      string   // the text
	Several   []string // addresses of all people whom it names, sorted
	Close     []string // addresses of people with similar names, the closest first
	Pseudonym bool     // it has the form of a pseudonym
	Known     int      // how many people are known
}

// Error returns a message that lists the people who may be meant.
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

// joinList joins the first few addresses.
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

// clean replaces control characters, and cuts off what is longer than 200 characters.
func clean(t string) string {
	t = plain.Printable(strings.ToValidUTF8(t, "·"))
	if r := []rune(t); len(r) > 200 {
		t = string(r[:200]) + "…"
	}
	return t
}

// Form matches texts that have the form of a pseudonym.
var Form = regexp.MustCompile(`(?i)^P-[A-Z2-9]{10}$`)

// Find returns the person whom a text names: an address first, then another account, a display
// name, and the short form of an address. Case does not matter, nor do accents and the order of
// words in a display name. A text that names nobody, or more than one person, is an error of
// type *Unknown.
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

// byAccount returns the addresses of people who have an account. The service may be left out:
// 00u1 for okta:00u1.
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

// byShort returns the addresses of which a text is the short form.
func (d *Directory) byShort(key string) (list []string) {
	for address := range d.people {
		if key != "" && short(address) == key {
			list = append(list, address)
		}
	}
	return list
}

// short returns the part of an address that people use: what is before the @, or the last part
// of an account of an unknown person, such as aws:111122223333:user/dana.ruiz.
func short(address string) string {
	if local, _, ok := strings.Cut(address, "@"); ok {
		return local
	}
	return address[strings.LastIndexAny(address, ":/")+1:]
}

const (
	suggested = 5   // most people that an error names
	longest   = 254 // characters of a text that is compared, as many as an address may have
)

// close returns the addresses of people whose address, short form or display name differs from
// the text by few letters.
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

// distance returns how many letters must be changed, added or removed.
func distance(a, b string) int { return levenshtein.ComputeDistance(a, b) }

// fold makes display names comparable: in lower case, without accents, with the words in
// alphabetical order, since some people write the surname first.
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
