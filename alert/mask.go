package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/mail"
)

// Mask replaces people by stable pseudonyms. Every purpose has a key of its own, so that
// what one kind of reader sees cannot be joined with what another does.
type Mask struct {
	key     []byte
	domains func(domain string) bool
}

// NewMask returns the mask of a purpose. The master key is the organisation's; own says
// whether a mail domain is.
func NewMask(master []byte, purpose string, own func(domain string) bool) *Mask {
	h := hmac.New(sha256.New, master)
	h.Write([]byte("outflow pseudonyms: " + purpose))
	return &Mask{h.Sum(nil), own}
}

// pseudonyms are written like this: P-, and 50 bits.
var base = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// Name is the pseudonym of somebody.
func (m *Mask) Name(user string) string {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(strings.ToLower(user)))
	return "P-" + base.EncodeToString(h.Sum(nil))[:10]
}

var address = regexp.MustCompile(`[A-Za-z0-9._%+'\-]+@([A-Za-z0-9\-]+\.)+[A-Za-z]{2,}`)

// Text replaces every address of the organisation's own, and the users that are named.
func (m *Mask) Text(text string, users ...string) string {
	for _, u := range users {
		if u == "" {
			continue
		}
		text = replaceFold(text, u, m.Name(u))
		if local, _, ok := strings.Cut(u, "@"); ok && len(local) > 3 && strings.ContainsAny(local, "._-") { // jane.doe, jane_doe, Jane Doe
			words := strings.FieldsFunc(local, func(c rune) bool { return c == '.' || c == '_' || c == '-' })
			for _, sep := range []string{".", "_", "-", " ", ""} {
				text = replaceFold(text, strings.Join(words, sep), m.Name(u))
			}
			slices.Reverse(words)
			for _, sep := range []string{", ", " "} {
				text = replaceFold(text, strings.Join(words, sep), m.Name(u))
			}
		}
	}
	return address.ReplaceAllStringFunc(text, func(a string) string {
		_, domain, _ := strings.Cut(strings.ToLower(a), "@")
		if m.domains != nil && m.domains(domain) {
			return m.Name(a)
		}
		return a
	})
}

// replaceFold replaces a text whatever its letters' case.
func replaceFold(text, old, by string) string {
	if len(old) < 4 {
		return text
	}
	low, want := strings.ToLower(text), strings.ToLower(old)
	if len(low) != len(text) { // letters whose small form is longer
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

// Within is the mask that takes those for the organisation's, too, whose address has the
// domain of one of its people, unless that is one of private mailboxes.
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

// CommonDomains are the mail domains that at least a tenth of some people have, private
// mailboxes aside: those of an organisation, where nobody has said which they are.
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

// Alert is an alert without names of the organisation's people: in its user, its texts
// and who undid what. Service accounts keep theirs. Ids of events stay: they tell nobody
// who has no access to the source.
func (m *Mask) Alert(a *Alert) Alert {
	out := *a
	var users []string
	if !a.Service && a.User != "" {
		users = []string{a.User}
		out.User = m.Name(a.User)
		m = m.Within(a.User)
	}
	out.Title, out.Reason = m.Text(a.Title, users...), m.Text(a.Reason, users...)
	out.Context = slices.Clone(a.Context)
	for i := range out.Context {
		out.Context[i] = m.Text(out.Context[i], users...)
	}
	out.Evidence = slices.Clone(a.Evidence)
	for i := range out.Evidence {
		out.Evidence[i].Reason = m.Text(out.Evidence[i].Reason, users...)
	}
	out.Exposures = slices.Clone(a.Exposures)
	for i := range out.Exposures {
		x := &out.Exposures[i]
		x.What = m.Text(x.What, users...)
		if x.By != "" {
			x.By = m.Text(x.By, x.By)
		}
	}
	return out
}
