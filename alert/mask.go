package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/mail"
)

// Mask replaces people by stable pseudonyms. Each purpose has its own key: the pseudonyms of
// one kind of reader cannot be joined with those of another.
type Mask struct {
	key     []byte
	domains func(domain string) bool
}

// NewMask returns the mask of a purpose. Master is the organisation's key. Own, which may be
// nil, reports whether a mail domain in lower case belongs to the organisation.
func NewMask(master []byte, purpose string, own func(domain string) bool) *Mask {
	h := hmac.New(sha256.New, master)
	h.Write([]byte("outflow pseudonyms: " + purpose))
	return &Mask{h.Sum(nil), own}
}

// base writes the 50 bits of a pseudonym, without letters and digits that look alike.
var base = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// Name returns the pseudonym of a user: P- and ten characters. Case does not matter.
func (m *Mask) Name(user string) string {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(strings.ToLower(user)))
	return "P-" + base.EncodeToString(h.Sum(nil))[:10]
}

var address = regexp.MustCompile(`[A-Za-z0-9._%+'\-]+@([A-Za-z0-9\-]+\.)+[A-Za-z]{2,}`)

// Text replaces every address in the organisation's domains, and the given users: their
// addresses, and their names as the addresses spell them (jane.doe, Jane Doe, Doe, Jane).
func (m *Mask) Text(text string, users ...string) string {
	for _, u := range users {
		if mayName(text, u) {
			text = m.replace(text, u)
		}
	}
	if m.domains == nil || !strings.Contains(text, "@") {
		return text
	}
	return address.ReplaceAllStringFunc(text, func(a string) string {
		_, domain, _ := strings.Cut(strings.ToLower(a), "@")
		if m.domains(domain) {
			return m.Name(a)
		}
		return a
	})
}

// wordsOf returns the words of which the name of a user consists, as the address spells it; none if it spells no name.
func wordsOf(user string) []string {
	local, _, ok := strings.Cut(user, "@")
	if !ok || len(local) <= 3 || !strings.ContainsAny(local, "._-") {
		return nil
	}
	return strings.FieldsFunc(local, func(c rune) bool { return c == '.' || c == '_' || c == '-' })
}

// replace replaces one user: the address and the name as it spells it.
func (m *Mask) replace(text, user string) string {
	name := m.Name(user)
	text = replaceFold(text, user, name)
	words := wordsOf(user)
	if words == nil {
		return text
	}
	for _, sep := range []string{".", "_", "-", " ", ""} { // jane.doe, jane_doe, Jane Doe
		text = replaceFold(text, strings.Join(words, sep), name)
	}
	slices.Reverse(words)
	for _, sep := range []string{", ", " "} {
		text = replaceFold(text, strings.Join(words, sep), name)
	}
	return text
}

// mayName reports whether a text could name a user. Most texts name nobody: each way to write the name has its longest
// word, and looking for that is much cheaper than looking for each of them.
func mayName(text, user string) bool {
	if len(text) < 4 || len(user) < 4 {
		return false
	}
	word := user
	if local, _, ok := strings.Cut(user, "@"); ok && len(local) > 3 {
		word = longestWord(local)
	}
	low := strings.ToLower(text)
	return len(low) != len(text) || !utf8.ValidString(user) || strings.Contains(low, strings.ToLower(word))
}

// longestWord returns the longest part of a text between dots, underscores and hyphens.
func longestWord(text string) (longest string) {
	for text != "" {
		n := strings.IndexAny(text, "._-")
		if n < 0 {
			n = len(text)
		}
		if n > len(longest) {
			longest = text[:n]
		}
		text = text[min(n+1, len(text)):]
	}
	return longest
}

// replaceFold replaces a text in any case. Texts of fewer than four bytes are left alone.
func replaceFold(text, old, by string) string {
	if len(old) < 4 {
		return text
	}
	low, want := strings.ToLower(text), strings.ToLower(old)
	if len(low) != len(text) { // letters whose lower case has another length
		return strings.ReplaceAll(text, old, by)
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(low[at:], want)
		if i < 0 {
			b.WriteString(text[at:])
			return b.String()
		}
		b.WriteString(text[at : at+i])
		b.WriteString(by)
		at += i + len(want)
	}
}

// Own reports whether a domain, in lower case, is known to be the organisation's.
func (m *Mask) Own(domain string) bool { return m.domains != nil && m.domains(domain) }

// Within returns a mask that also counts the domains of the given users as the organisation's,
// unless they are those of private mailboxes.
func (m *Mask) Within(users ...string) *Mask {
	domains := map[string]bool{}
	for _, u := range users {
		if _, domain, ok := strings.Cut(strings.ToLower(u), "@"); ok && !mail.Consumer(domain) {
			domains[domain] = true
		}
	}
	own := m.domains
	return &Mask{m.key, func(d string) bool { return domains[d] || own != nil && own(d) }}
}

// CommonDomains returns the mail domains that at least a tenth of the given users have, without
// those of private mailboxes. They stand for the organisation's domains where none are
// configured.
func CommonDomains(users []string) map[string]bool {
	count, all := map[string]int{}, 0
	for _, u := range users {
		if _, domain, ok := strings.Cut(strings.ToLower(u), "@"); ok && !mail.Consumer(domain) {
			count[domain]++
			all++
		}
	}
	common := map[string]bool{}
	for domain, n := range count {
		common[domain] = 10*n >= all
	}
	return common
}

// evidence masks the items and destinations of evidence, which it copies. What identifies an object stays
// only if nobody is named in it; so does its address.
func (m *Mask) evidence(e *Evidence, users []string) {
	e.Items, e.Destinations = slices.Clone(e.Items), slices.Clone(e.Destinations)
	for k := range e.Items {
		x := &e.Items[k]
		for _, s := range []*string{
			&x.Actor, &x.Detail, &x.Object.ID, &x.Object.Name, &x.Object.Container, &x.Object.Owner, &x.Client.Device, &x.Client.App,
		} {
			*s = m.Text(*s, users...)
		}
		if m.Text(x.Object.URL, users...) != x.Object.URL {
			x.Object.URL = ""
		}
		x.Recipients = slices.Clone(x.Recipients)
		for r := range x.Recipients {
			x.Recipients[r] = m.Text(x.Recipients[r], users...)
		}
	}
	for k := range e.Destinations {
		e.Destinations[k].Name = m.Text(e.Destinations[k].Name, users...)
	}
}

// Alert returns an alert without names of the organisation's people: in its user, its texts, its items,
// who reverted an exposure and who decided about it. Service accounts keep their names. Event ids stay: they mean
// nothing without access to the source.
func (m *Mask) Alert(a *Alert) Alert {
	out := *a
	var users []string
	if !a.Service && a.User != "" {
		users = []string{a.User}
		out.User = m.Name(a.User)
		m = m.Within(a.User)
	}
	out.Title, out.Reason = m.Text(a.Title, users...), m.Text(a.Reason, users...)
	out.Facts = slices.Clone(a.Facts)
	for i := range out.Facts {
		out.Facts[i].Text = m.Text(out.Facts[i].Text, users...)
	}
	out.Context = slices.Clone(a.Context)
	for i := range out.Context {
		out.Context[i] = m.Text(out.Context[i], users...)
	}
	out.Evidence = slices.Clone(a.Evidence)
	for i := range out.Evidence {
		out.Evidence[i].Reason = m.Text(out.Evidence[i].Reason, users...)
		m.evidence(&out.Evidence[i], users)
	}
	out.Exposures = slices.Clone(a.Exposures)
	for i := range out.Exposures {
		x := &out.Exposures[i]
		x.What = m.Text(x.What, users...)
		if x.By != "" {
			x.By = m.Text(x.By, x.By)
		}
	}
	if a.Triage != nil {
		t := *a.Triage
		t.By, t.Assignee = "", ""
		out.Triage = &t
	}
	return out
}
