package alert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/internal/mail"
)

// Mask replaces people by stable pseudonyms. Each purpose has its own key: the pseudonyms of
// one kind of reader cannot be joined with those of another, nor can ids of alerts.
type Mask struct {
	key     []byte
	ids     cipher.Block
	records bool // whether readers see the vendors' ids of records, and times of events
	domains func(domain string) bool
	people  func() *people.Matcher
}

// recordsFor is the purpose whose readers look records up at the vendor. Others see keyed ids in their place.
const recordsFor = "soc"

// NewMask returns the mask of a purpose. Master is the organisation's key. Own, which may be
// nil, reports whether a mail domain in lower case belongs to the organisation.
func NewMask(master []byte, purpose string, own func(domain string) bool) *Mask {
	derive := func(what string) []byte {
		h := hmac.New(sha256.New, master)
		h.Write([]byte("outflow " + what + ": " + purpose))
		return h.Sum(nil)
	}
	ids, err := aes.NewCipher(derive("alert ids"))
	if err != nil { // the key has the right length
		panic(err)
	}
	return &Mask{key: derive("pseudonyms"), ids: ids, records: purpose == recordsFor, domains: own}
}

// Knowing returns a mask that also replaces the people of a matcher, wherever a text names them. It is asked for
// every text, and may return nil.
func (m *Mask) Knowing(matcher func() *people.Matcher) *Mask {
	out := *m
	out.people = matcher
	return &out
}

// base writes the 50 bits of a pseudonym, without letters and digits that look alike.
var base = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// Name returns the pseudonym of a user: P- and ten characters. Case does not matter.
func (m *Mask) Name(user string) string {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(strings.ToLower(user)))
	return "P-" + base.EncodeToString(h.Sum(nil))[:10]
}

var (
	address = regexp.MustCompile(`[\p{L}\p{N}._%+'\-]+?(?:@|＠|%40|&#64;)([\p{L}\p{N}\-]+\.)+\p{L}{2,}`)
	// plainAt replaces the spellings of the sign in addresses.
	plainAt = strings.NewReplacer("＠", "@", "%40", "@", "&#64;", "@")
)

// hasAddress reports whether a text may have an address.
func hasAddress(text string) bool {
	return strings.Contains(text, "@") || strings.Contains(text, "＠") || strings.Contains(text, "%40") || strings.Contains(text, "&#64;")
}

// unclear stands for a name that several people have.
const unclear = "[name]"

// Text replaces every address in the organisation's domains, every person that Knowing knows, and the given users: their
// addresses and accounts, and their names as these spell them (jane.doe, Jane Doe, Doe, Jane).
func (m *Mask) Text(text string, users ...string) string {
	if len(text) < 4 {
		return text
	}
	return m.about(users).text(text)
}

// Redact takes the people whom Text replaces out of a text that a reader wrote: a pseudonym in place of a name would tell
// whoever writes names whose pseudonym it is.
func (m *Mask) Redact(text string) string {
	x := m.about(nil)
	x.blank = true
	return x.text(text)
}

// masker replaces people in texts that are about some of them.
type masker struct {
	*Mask
	all   *people.Matcher // may be nil
	own   *people.Matcher // the users whom a text is about, if all does not have them; may be nil
	blank bool            // nobody has a pseudonym
}

// about returns the masker of texts about users.
func (m *Mask) about(users []string) *masker {
	x := &masker{Mask: m}
	if m.people != nil {
		x.all = m.people()
	}
	for _, u := range users {
		if u == "" || x.all != nil && x.all.Has(u) {
			continue
		}
		if x.own == nil {
			x.own = people.NewMatcher()
		}
		x.own.Add(u)
	}
	return x
}

// text replaces people in a text.
func (x *masker) text(text string) string {
	if len(text) < 4 {
		return text
	}
	if hasAddress(text) {
		text = address.ReplaceAllStringFunc(text, x.address)
	}
	for _, known := range []*people.Matcher{x.own, x.all} {
		if known != nil {
			text = known.Replace(text, x.pseudonym)
		}
	}
	return text
}

// pseudonym returns the pseudonym of a user; of nobody, what stands for an unclear name.
func (x *masker) pseudonym(user string) string {
	if user == "" || x.blank {
		return unclear
	}
	return x.Name(user)
}

// address returns what stands for an address: the pseudonym of who has it; itself if it is an outsider's.
func (x *masker) address(text string) string {
	a := plainAt.Replace(text)
	for _, known := range []*people.Matcher{x.own, x.all} {
		if known == nil {
			continue
		}
		if who := known.Account(a); who != "" {
			return x.pseudonym(who)
		}
		if known.Replace(a, x.pseudonym) != a { // it has more in front, or another domain
			return text
		}
	}
	if _, domain, _ := strings.Cut(strings.ToLower(a), "@"); x.Own(domain) {
		return x.pseudonym(a)
	}
	return text
}

// ID returns the id of an alert as readers see it. The id within Outflow is made from the person and the day: who
// knows people could tell from it whom an alert is about. The id of one purpose says nothing to those of
// another.
func (m *Mask) ID(id string) string { return m.permute(id, false) }

// RealID returns the id within Outflow of an id that ID has returned.
func (m *Mask) RealID(id string) string { return m.permute(id, true) }

const rounds = 8 // of the Feistel network

// permute encrypts an id of 16 hexadecimal digits, or decrypts it: a Feistel network over its halves, with AES as its round
// function. Another text stays.
func (m *Mask) permute(id string, back bool) string {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 8 || hex.EncodeToString(b) != id {
		return id
	}
	left, right := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	var block [aes.BlockSize]byte
	for i := range rounds {
		round, half := i, &right
		if back {
			round, half = rounds-1-i, &left
		}
		block = [aes.BlockSize]byte{byte(round)}
		binary.BigEndian.PutUint32(block[1:], *half)
		m.ids.Encrypt(block[:], block[:])
		mixed := binary.BigEndian.Uint32(block[:])
		if back {
			left, right = right^mixed, left
		} else {
			left, right = right, left^mixed
		}
	}
	binary.BigEndian.PutUint32(b, left)
	binary.BigEndian.PutUint32(b[4:], right)
	return hex.EncodeToString(b)
}

// Record returns the id of a record as readers see it: a keyed one where they do not look records up.
func (m *Mask) Record(id string) string {
	if m.records || id == "" {
		return id
	}
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte("record " + id))
	return "R-" + base.EncodeToString(h.Sum(nil))[:12]
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
	out, own := *m, m.domains
	out.domains = func(d string) bool { return domains[d] || own != nil && own(d) }
	return &out
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

// Alert returns an alert as readers see it: without names of the organisation's people in any text, with ids of alerts, and of
// records where readers do not look these up, that mean nothing to others. Service accounts keep their names.
func (m *Mask) Alert(a *Alert) Alert {
	out := m.Keyed(a)
	var users []string
	if !a.Service && a.User != "" {
		users = []string{a.User}
		out.User = m.Name(a.User)
		m = m.Within(a.User)
	}
	m.Walk(&out, users...)
	for i := range out.Exposures {
		by := &out.Exposures[i].By
		*by = m.Text(*by, *by)
	}
	if out.Triage != nil { // a copy
		out.Triage.By, out.Triage.Assignee = "", ""
	}
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items { // what identifies an object stays only if nobody is named in it
			if to := &out.Evidence[i].Items[k].Object.URL; *to != a.Evidence[i].Items[k].Object.URL {
				*to = ""
			}
		}
	}
	return out
}

// Walk replaces people, as Text does, in all texts of what a pointer leads to, but for the fields that have words of Outflow
// rather than of logs. It copies slices and what further pointers lead to.
func (m *Mask) Walk(v any, users ...string) {
	done, x := map[string]string{}, m.about(users) // texts such as places and recipients occur over and over
	walk(reflect.ValueOf(v).Elem(), func(text string) string {
		masked, known := done[text]
		if !known {
			masked = x.text(text)
			done[text] = masked
		}
		return masked
	})
}

// Precise reports whether readers see times of events; others see days.
func (m *Mask) Precise() bool { return m.records }

// Keyed returns an alert with names, and with the ids that readers of the purpose see.
func (m *Mask) Keyed(a *Alert) Alert {
	out := *a
	out.ID, out.Case = m.ID(a.ID), m.ID(a.Case)
	out.Again = slices.Clone(a.Again)
	for i := range out.Again {
		out.Again[i].Alert = m.ID(out.Again[i].Alert)
	}
	if m.records {
		return out
	}
	out.EventIDs = slices.Clone(a.EventIDs)
	for i := range out.EventIDs {
		out.EventIDs[i] = m.Record(out.EventIDs[i])
	}
	out.Evidence = slices.Clone(a.Evidence)
	for i := range out.Evidence {
		out.Evidence[i].Items = slices.Clone(out.Evidence[i].Items)
		for k := range out.Evidence[i].Items {
			out.Evidence[i].Items[k].RecordID = m.Record(out.Evidence[i].Items[k].RecordID)
		}
	}
	return out
}

// vocabulary are the fields of alerts, and of what they consist of, that have words of Outflow rather than of logs, or that
// are masked apart.
var vocabulary = map[string]bool{
	"ID": true, "Case": true, "User": true, "Department": true, "Detector": true, "Detectors": true, "Unit": true, "Sources": true,
	"Source": true, "Techniques": true, "Activity": true, "Outcome": true, "Visibility": true, "Kind": true, "Type": true, "Feature": true,
	"Metric": true, "Learned": true, "Window": true, "By": true, "Status": true, "Verdict": true,
}

// walk replaces every text below a value, in copies of slices and of what pointers lead to. A field that is added to alerts
// is masked unless it is in vocabulary.
func walk(v reflect.Value, text func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); len(s) >= 4 {
			if masked := text(s); masked != s {
				v.SetString(masked)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct && v.Type().Elem() != timeType {
			to := reflect.New(v.Type().Elem())
			to.Elem().Set(v.Elem())
			walk(to.Elem(), text)
			v.Set(to)
		}
	case reflect.Slice:
		if v.Len() == 0 || !hasText(v.Type().Elem()) {
			return
		}
		to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(to, v)
		for i := range to.Len() {
			walk(to.Index(i), text)
		}
		v.Set(to)
	case reflect.Struct:
		for _, i := range textFields(v.Type()) {
			walk(v.Field(i), text)
		}
	}
}

var (
	timeType = reflect.TypeFor[time.Time]()
	fields   sync.Map // of a struct type: the indices of the fields that walk looks at
)

// textFields returns the fields of a struct type that may have texts to be masked.
func textFields(t reflect.Type) []int {
	if list, known := fields.Load(t); known {
		return list.([]int)
	}
	list := []int{}
	for i := range t.NumField() {
		f := t.Field(i)
		ofObject := t == reflect.TypeFor[Object]() && f.Name == "ID" // the vendor's
		if f.IsExported() && (!vocabulary[f.Name] || ofObject) && hasText(f.Type) {
			list = append(list, i)
		}
	}
	fields.Store(t, list)
	return list
}

// hasText reports whether values of a type may have texts.
func hasText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Slice, reflect.Pointer:
		return hasText(t.Elem())
	case reflect.Struct:
		return t != timeType
	}
	return false
}
