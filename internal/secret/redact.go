package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"html"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// resolved are the secrets that this process has resolved.
var resolved struct {
	sync.Mutex
	texts map[string]bool
}

// leastRemembered is the length in bytes from which a secret is removed from every text: a shorter one could be a word.
const leastRemembered = 8

// remember has Redact remove a secret from now on.
func remember(text string) {
	if len(text) < leastRemembered {
		return
	}
	resolved.Lock()
	defer resolved.Unlock()
	if resolved.texts == nil {
		resolved.texts = map[string]bool{}
	}
	resolved.texts[text] = true
}

// leastRedacted is the length in bytes from which a text is taken for a secret.
const leastRedacted = 4

// Redact returns a text from outside without secrets: without those of eight bytes and more that Resolve has
// returned, and without the given ones, such as tokens that were issued. It finds them as they are, in any case;
// encoded as in URLs, forms, JSON, HTML and quoted-printable text, also one in another; in base64 of any alphabet, also as a
// part of what was encoded (RFC 7617); and in hexadecimal.
func Redact(text string, secrets ...string) string {
	resolved.Lock()
	for s := range resolved.texts {
		secrets = append(secrets, s)
	}
	resolved.Unlock()
	var forms []form
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) >= leastRedacted {
			forms = append(forms, formsOf(s)...)
		}
	}
	if len(forms) == 0 || len(text) < leastRedacted {
		return text
	}
	hidden := make([]bool, len(text)+1)
	found := false
	search := func(v *view) { found = v.hide(forms, hidden) || found }
	asIs := newView(text)
	search(asIs)
	for i := range decoders {
		once, changed := asIs.decode(decoders[i])
		if !changed {
			continue
		}
		search(once)
		for k := range decoders {
			if twice, changed := once.decode(decoders[k]); changed {
				search(twice)
			}
		}
	}
	if !found {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(stars)
		}
	}
	return b.String()
}

// Attr is a slog.HandlerOptions.ReplaceAttr that redacts what is logged.
func Attr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(Redact(v))
	case error:
		a.Value = slog.StringValue(Redact(v.Error()))
	}
	return a
}

// form is a way to write a secret.
type form struct {
	text   []byte // in lower case
	base64 bool   // the characters beside it hold bits of the secret, too
}

// formsOf returns the ways to write a secret that differ from it by more than the escapes that decoders undo.
func formsOf(s string) []form {
	forms := []form{{text: lower(s)}, {text: lower(hex.EncodeToString([]byte(s)))}}
	plain := []string{s}
	if escaped := url.QueryEscape(s); escaped != s { // RFC 6749, 2.3.1: encoded before it is put into the header
		plain = append(plain, escaped)
	}
	for _, p := range plain {
		for offset := range 3 {
			for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				all := alphabet.EncodeToString(append(make([]byte, offset), p...))
				// Without the characters that also depend on what stands before or after the secret.
				if part := all[(8*offset+5)/6 : 8*(offset+len(p))/6]; len(part) >= leastRedacted {
					forms = append(forms, form{lower(part), true})
				}
			}
		}
	}
	return forms
}

// lower returns a text with the letters A to Z in lower case. It has the same length.
func lower(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// view is a text after decoding, with where each byte comes from.
type view struct {
	text     []byte // in lower case
	from, to []int  // the bytes of the original
}

// newView returns the view of a text that is not decoded.
func newView(text string) *view {
	v := &view{[]byte(text), make([]int, len(text)), make([]int, len(text))}
	for i := range len(text) {
		v.from[i], v.to[i] = i, i+1
	}
	return v
}

// hide marks where a view has one of some forms. It reports whether it has any.
func (v *view) hide(forms []form, hidden []bool) (found bool) {
	text := lower(string(v.text))
	for _, f := range forms {
		for at := 0; ; {
			i := bytes.Index(text[at:], f.text)
			if i < 0 {
				break
			}
			found = true
			begin, end := at+i, at+i+len(f.text)
			at = end
			if f.base64 {
				if begin > 0 && isBase64(text[begin-1]) {
					begin--
				}
				if end < len(text) && isBase64(text[end]) {
					end++
				}
				for end < len(text) && text[end] == '=' {
					end++
				}
			}
			for k := v.from[begin]; k < v.to[end-1]; k++ {
				hidden[k] = true
			}
		}
	}
	return found
}

// isBase64 reports whether a byte in lower case occurs in base64.
func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("+/-_", c) >= 0
}

// decoder returns what the beginning of a text is an escape of, and how long the escape is; 0 if it is none.
type decoder func(rest []byte) (decoded []byte, length int)

// decoders undo the escapes of URLs, forms, quoted-printable text, JSON and HTML, and line breaks.
var decoders = []decoder{fromURL, fromForm, fromQuoted, fromJSON, fromHTML, fromLines}

// decode returns a view after undoing escapes, and whether there were any.
func (v *view) decode(d decoder) (*view, bool) {
	out := &view{}
	changed := false
	for i := 0; i < len(v.text); {
		decoded, n := d(v.text[i:])
		if n == 0 {
			decoded, n = v.text[i:i+1], 1
		} else {
			changed = true
		}
		for _, c := range decoded {
			out.text = append(out.text, c)
			out.from, out.to = append(out.from, v.from[i]), append(out.to, v.to[i+n-1])
		}
		i += n
	}
	return out, changed
}

// hexByte decodes two hexadecimal digits that follow a prefix.
func hexByte(rest []byte, prefix string) ([]byte, int) {
	if n := len(prefix); len(rest) >= n+2 && bytes.EqualFold(rest[:n], []byte(prefix)) {
		if c, err := strconv.ParseUint(string(rest[n:n+2]), 16, 8); err == nil {
			return []byte{byte(c)}, n + 2
		}
	}
	return nil, 0
}

// fromURL undoes %2F.
func fromURL(rest []byte) ([]byte, int) { return hexByte(rest, "%") }

// fromForm undoes %2F, and the plus sign for a space.
func fromForm(rest []byte) ([]byte, int) {
	if rest[0] == '+' {
		return []byte{' '}, 1
	}
	return hexByte(rest, "%")
}

// fromQuoted undoes =2F and soft line breaks (RFC 2045).
func fromQuoted(rest []byte) ([]byte, int) {
	for _, end := range []string{"=\r\n", "=\n"} {
		if bytes.HasPrefix(rest, []byte(end)) {
			return nil, len(end)
		}
	}
	return hexByte(rest, "=")
}

// fromJSON undoes \", \/, \n, \x2f and \u002f.
func fromJSON(rest []byte) ([]byte, int) {
	if rest[0] != '\\' || len(rest) < 2 {
		return nil, 0
	}
	switch c := rest[1]; c {
	case 'u':
		if len(rest) >= 6 {
			if r, err := strconv.ParseUint(string(rest[2:6]), 16, 32); err == nil {
				return []byte(string(rune(r))), 6
			}
		}
		return nil, 0
	case 'x':
		return hexByte(rest, `\x`)
	case '"', '\\', '/', '\'':
		return []byte{c}, 2
	case 'n', 'r', 't':
		return []byte{map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[c]}, 2
	}
	return nil, 0
}

// longestEntity is the length of the longest entity that stands for a character of a secret.
const longestEntity = 12

// fromHTML undoes entities.
func fromHTML(rest []byte) ([]byte, int) {
	if rest[0] != '&' {
		return nil, 0
	}
	end := slices.Index(rest[:min(len(rest), longestEntity)], ';')
	if end < 0 {
		return nil, 0
	}
	entity := string(rest[:end+1])
	decoded := html.UnescapeString(entity)
	if decoded == entity {
		return nil, 0
	}
	return []byte(decoded), end + 1
}

// fromLines leaves out line breaks and the white space after them.
func fromLines(rest []byte) ([]byte, int) {
	if rest[0] != '\r' && rest[0] != '\n' {
		return nil, 0
	}
	n := 1
	for n < len(rest) && strings.IndexByte(" \t\r\n", rest[n]) >= 0 {
		n++
	}
	return nil, n
}
