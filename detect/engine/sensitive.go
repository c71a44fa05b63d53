package engine

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// sensitive says whether names or a label mark something as worth protecting.
// The words are what organisations the world over call such things; a label
// other than the public ones always does.
func sensitive(o *event.Object) bool {
	if o.Label != "" {
		switch strings.ToLower(o.Label) {
		case "public", "general", "unrestricted", "non-business", "personal", "none":
		default:
			return true
		}
	}
	return sensitiveName(o.Container) || sensitiveName(o.Name)
}

// sensitiveName looks for a word of the list in a name, at the beginning of a
// word of the name.
func sensitiveName(name string) bool {
	start := true
	for i := 0; i < len(name); i++ {
		c, isLetter := letter(name[i])
		if start && isLetter && i+1 < len(name) {
			if next, ok := letter(name[i+1]); ok && beginsWithWord(name[i:], sensitiveWords[c][next]) {
				return true
			}
		}
		start = !isLetter && name[i] < 0x80
	}
	return false
}

// letter is the number of an ASCII letter, 0 to 25, whatever its case.
func letter(c byte) (n byte, ok bool) {
	n = (c | 0x20) - 'a'
	return n, n < 26
}

// beginsWithWord says whether a text begins with one of some words, whatever its case.
func beginsWithWord(text string, words []string) bool {
	for _, w := range words {
		if len(text) >= len(w) && strings.EqualFold(text[:len(w)], w) {
			return true
		}
	}
	return false
}

// sensitiveWords are by their first two letters.
var sensitiveWords = func() (by [26][26][]string) {
	for _, w := range strings.Fields(`
		confidential secret restricted classified proprietary privileged payroll salar compensation remuneration bonus
		severance gehalt gehälter salaire nomina board merger acquisition takeover divestiture due-diligence diligence
		litigation lawsuit settlement legal-hold contract agreement treasury audit revenue forecast pricing price-list
		margin earnings investor fundrais cap-table valuation strateg roadmap-confidential customer-data customer-list
		customer-export client-list crm-export pii phi gdpr passport ssn tax employee-record personnel
		performance-review disciplinary termination hr-case medical patient health-record source-code credential
		password secrets private-key vault backup dump security-assess pentest penetration vulnerabilit incident-report
		finance financ invoice bank
	`) {
		words := &by[w[0]-'a'][w[1]-'a']
		*words = append(*words, w)
		if strings.Contains(w, "-") { // names also write it with a space, an underscore or nothing
			for _, sep := range []string{" ", "_", ""} {
				*words = append(*words, strings.ReplaceAll(w, "-", sep))
			}
		}
	}
	return by
}()

// namesSelf says whether an address outside looks like the person's own: its
// local part holds the names that the person's address is made of.
func namesSelf(person, address string) bool {
	local, _, ok := strings.Cut(address, "@")
	mine, _, ok2 := strings.Cut(person, "@")
	if !ok || !ok2 {
		return false
	}
	fold := func(t string) string {
		return strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' {
				return c
			}
			return -1
		}, strings.ToLower(t))
	}
	local = fold(local)
	for part := range strings.FieldsFuncSeq(mine, func(c rune) bool { return c == '.' || c == '_' || c == '-' || c == '+' }) {
		if part = fold(part); len(part) >= 4 && strings.Contains(local, part) {
			return true
		}
	}
	return len(mine) >= 4 && strings.Contains(local, fold(mine)) && len(fold(mine)) >= 4
}
