package report

import (
	"bytes"
	"regexp"
)

const pseudonymSize = 12 // bytes of a pseudonym

// pseudonymAt matches a pseudonym as pages have it, and what may come after one.
var pseudonymAt = regexp.MustCompile(`^P-[A-HJ-NP-Z2-9]{10}(\W|$)`)

// nextPseudonym returns where the first pseudonym at or after a place of a page begins; -1 if there is none.
func nextPseudonym(page []byte, from int) int {
	for {
		i := bytes.Index(page[from:], []byte("P-"))
		if i < 0 {
			return -1
		}
		i += from
		within := i > 0 && wordByte.Match(page[i-1:i])
		if !within && pseudonymAt.Match(page[i:min(i+pseudonymSize+1, len(page))]) {
			return i
		}
		from = i + 2
	}
}

// wordByte matches a part of a word.
var wordByte = regexp.MustCompile(`\w`)

// Unbroken returns a page in which no pseudonym is broken at its hyphen at the end of a line: each in a text is put into
// an element of its own. The page must come from html/template, which leaves no angle brackets in attributes.
func Unbroken(page []byte) []byte {
	var out []byte
	done := 0
	for at := nextPseudonym(page, 0); at >= 0; at = nextPseudonym(page, at+pseudonymSize) {
		open, end := bytes.LastIndexByte(page[:at], '<'), bytes.LastIndexByte(page[:at], '>')
		if open > end || plainText.Match(page[max(open, 0):at]) {
			continue
		}
		out = append(append(out, page[done:at]...), `<span class="keep">`...)
		done = at + pseudonymSize
		out = append(append(out, page[at:done]...), `</span>`...)
	}
	return append(out, page[done:]...)
}

// plainText matches the beginnings of elements that have texts without elements, and of those that do not break theirs.
var plainText = regexp.MustCompile(`^<((title|textarea|option|text|tspan|desc|pre|script|style)\b|\w+ class="who")`)
