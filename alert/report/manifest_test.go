package report

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// signedReport is a report with its manifest, as an attacker may change them.
type signedReport struct {
	file              string
	content, manifest []byte
	key               string // that must have signed
}

var (
	ownKey   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	otherKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
)

// sign signs a report with the own key.
func sign(t *testing.T, file string, content []byte) signedReport {
	t.Helper()
	manifest, err := Sign(file, content, ownKey, last)
	if err != nil {
		t.Fatal(err)
	}
	return signedReport{file, content, manifest, hex.EncodeToString(ownKey.Public().(ed25519.PublicKey))}
}

// signedReports returns a signed report of every format, by format.
func signedReports(t *testing.T) map[string]signedReport {
	t.Helper()
	all := map[string]signedReport{}
	review := MakeReview(input(at(notice, alert.High)), user, time.Time{}, time.Time{})
	for _, format := range []string{"html", "md", "json"} {
		var b bytes.Buffer
		if err := review.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		all[format] = sign(t, "review."+format, b.Bytes())
	}
	var b bytes.Buffer
	if err := review.WritePDF(&b, Papers[0]); err != nil {
		t.Fatal(err)
	}
	all["pdf"] = sign(t, "review.pdf", b.Bytes())
	all["csv"] = sign(t, "people.csv", []byte("person,alerts\nkim@northwind.example,3\nlena@northwind.example,0\n"))
	return all
}

// instead replaces a text in a report once. It must be there.
func instead(t *testing.T, b []byte, old, by string) []byte {
	t.Helper()
	if !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%q is not there", old)
	}
	return bytes.Replace(b, []byte(old), []byte(by), 1)
}

// restated gives a manifest other fields, signed as it was.
func restated(t *testing.T, manifest []byte, change func(m *Manifest)) []byte {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	b, err := m.write()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// swapped exchanges the first two parts of a report.
func swapped(t *testing.T, b []byte, mark string) []byte {
	t.Helper()
	at := []int{}
	for from := 0; len(at) < 3; {
		i := bytes.Index(b[from:], []byte(mark))
		if i < 0 {
			t.Fatalf("fewer than three of %q", mark)
		}
		at = append(at, from+i)
		from += i + 1
	}
	return bytes.Join([][]byte{b[:at[0]], b[at[1]:at[2]], b[at[0]:at[1]], b[at[2]:]}, nil)
}

// tampering is one change of a report or its manifest. Without formats it is made to reports of all.
type tampering struct {
	name    string
	formats string
	change  func(t *testing.T, x *signedReport)
	says    string // in the error; may be empty
}

// content makes a tampering of the report's file.
func content(change func(t *testing.T, b []byte) []byte) func(*testing.T, *signedReport) {
	return func(t *testing.T, x *signedReport) { x.content = change(t, bytes.Clone(x.content)) }
}

// stated makes a tampering of what the manifest states.
func stated(change func(m *Manifest)) func(*testing.T, *signedReport) {
	return func(t *testing.T, x *signedReport) { x.manifest = restated(t, x.manifest, change) }
}

// spelled makes a tampering of the manifest's text.
func spelled(old, by string) func(*testing.T, *signedReport) {
	return func(t *testing.T, x *signedReport) { x.manifest = instead(t, x.manifest, old, by) }
}

var tamperings = []tampering{
	{"first byte flipped", "", content(func(_ *testing.T, b []byte) []byte { b[0] ^= 1; return b }), ""},
	{"middle byte flipped", "", content(func(_ *testing.T, b []byte) []byte { b[len(b)/2] ^= 1; return b }), ""},
	{"last byte flipped", "", content(func(_ *testing.T, b []byte) []byte { b[len(b)-1] ^= 1; return b }), ""},
	{"emptied", "", content(func(*testing.T, []byte) []byte { return nil }), ""},
	{"last byte cut off", "", content(func(_ *testing.T, b []byte) []byte { return b[:len(b)-1] }), ""},
	{"half cut off", "", content(func(_ *testing.T, b []byte) []byte { return b[:len(b)/2] }), ""},
	{"beginning cut off", "", content(func(_ *testing.T, b []byte) []byte { return b[1:] }), ""},
	{"line appended", "", content(func(_ *testing.T, b []byte) []byte { return append(b, "one more\n"...) }), ""},
	{"space appended", "", content(func(_ *testing.T, b []byte) []byte { return append(b, ' ') }), ""},
	{"space put before", "", content(func(_ *testing.T, b []byte) []byte { return append([]byte(" "), b...) }), ""},
	{"byte order mark put before", "", content(func(_ *testing.T, b []byte) []byte { return append([]byte("\ufeff"), b...) }), ""},
	{"doubled", "", content(func(_ *testing.T, b []byte) []byte { return append(b, b...) }), ""},
	{"line ends of Windows", "html md json csv", content(func(_ *testing.T, b []byte) []byte {
		return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	}), ""},
	{"a word changed", "html md json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "services state", "services stale")
	}), `the part "counting" was changed`},
	{"a letter that looks alike", "html md json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "services state", "s\u0435rvices state")
	}), `the part "counting" was changed`},
	{"an invisible character", "html md json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "services state", "services\u200b state")
	}), `the part "counting" was changed`},
	{"a part cut off", "html", content(func(_ *testing.T, b []byte) []byte {
		b, _, _ = bytes.Cut(b, []byte(` data-part="statement`))
		return b
	}), `the part "statement" was removed`},
	{"a part cut off", "md", content(func(_ *testing.T, b []byte) []byte {
		b, _, _ = bytes.Cut(b, []byte("<!-- part: statement"))
		return b
	}), `the part "statement" was removed`},
	{"a part added", "html", content(func(_ *testing.T, b []byte) []byte { return append(b, `<p data-part="more">x`...) }), "was changed"},
	{"a part added", "md", content(func(_ *testing.T, b []byte) []byte { return append(b, "<!-- part: more -->x"...) }), "was added"},
	{"parts exchanged", "html", content(func(t *testing.T, b []byte) []byte { return swapped(t, b, " data-part=") }), "was changed"},
	{"parts exchanged", "md", content(func(t *testing.T, b []byte) []byte { return swapped(t, b, "<!-- part:") }), "was changed"},
	{"a script put in", "html", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "</body>", "<script>x</script></body>")
	}), ""},
	{"a comment put in", "html", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "</html>", "<!-- seen --></html>")
	}), ""},
	{"a key twice, the forged value last", "json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "\n}", ",\"verdict\":\"Nothing unusual\"\n}")
	}), ""},
	{"a key twice, the forged value first", "json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "{", "{\"verdict\":\"Nothing unusual\",")
	}), "outside of its parts"},
	{"a key in other letters", "json", content(func(t *testing.T, b []byte) []byte {
		return instead(t, b, "{", "{\"Verdict\":\"Nothing unusual\",")
	}), "was changed"},
	{"white space between keys", "json", content(func(t *testing.T, b []byte) []byte { return instead(t, b, "{", "{ ") }), "outside of its parts"},
	{"a letter escaped", "json", content(func(t *testing.T, b []byte) []byte { return instead(t, b, "services", `\u0073ervices`) }), ""},
	{"a second document", "json", content(func(_ *testing.T, b []byte) []byte { return append(b, "{}"...) }), ""},
	{"an update appended", "pdf", content(func(_ *testing.T, b []byte) []byte {
		return append(b, "1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"...)
	}), ""},
	{"the date of a PDF", "pdf", content(func(t *testing.T, b []byte) []byte { return instead(t, b, "%PDF-1.", "%PDF-2.") }), ""},
	{"a row removed", "csv", content(func(t *testing.T, b []byte) []byte { return instead(t, b, "kim@northwind.example,3\n", "") }), ""},
	{"rows exchanged", "csv", content(func(_ *testing.T, b []byte) []byte {
		l := bytes.SplitAfter(b, []byte("\n"))
		return bytes.Join([][]byte{l[0], l[2], l[1]}, nil)
	}), ""},
	{"a figure changed", "csv", content(func(t *testing.T, b []byte) []byte { return instead(t, b, ",3", ",0") }), ""},

	{"renamed", "", func(_ *testing.T, x *signedReport) { x.file = "other-" + x.file }, "give the file its name back"},
	{"renamed in other letters", "", func(_ *testing.T, x *signedReport) { x.file = strings.ToUpper(x.file) }, "give the file its name back"},
	{"the name in the manifest", "", func(t *testing.T, x *signedReport) {
		x.manifest = restated(t, x.manifest, func(m *Manifest) { m.File = "other" })
		x.file = "other"
	}, "the manifest was changed"},
	{"the day it was made", "", stated(func(m *Manifest) { m.Made = "2020-01-01T00:00:00Z" }), "the manifest was changed"},
	{"hashes made to fit", "", func(t *testing.T, x *signedReport) {
		x.content = append(bytes.Clone(x.content), ' ')
		x.manifest = restated(t, x.manifest, func(m *Manifest) {
			m.Hash, m.Bytes, m.Parts = digest(x.content), len(x.content), parts(x.content)
		})
	}, "the manifest was changed"},
	{"a part taken out of the manifest", "", stated(func(m *Manifest) { m.Parts = m.Parts[1:] }), "the manifest was changed"},
	{"parts exchanged in the manifest", "html md json", stated(func(m *Manifest) {
		m.Parts[0], m.Parts[1] = m.Parts[1], m.Parts[0]
	}), "the manifest was changed"},
	{"a part renamed in the manifest", "", stated(func(m *Manifest) { m.Parts[0].Name = "other" }), "the manifest was changed"},
	{"no hash of the whole", "", stated(func(m *Manifest) { m.Hash = "" }), "the manifest was changed"},
	{"an earlier version", "", stated(func(m *Manifest) { m.Version = 1 }), "version 1"},
	{"no signature", "", stated(func(m *Manifest) { m.Signature = "" }), "the manifest was changed"},
	{"a bit of the signature", "", stated(func(m *Manifest) {
		c := "0"
		if m.Signature[0] == '0' {
			c = "1"
		}
		m.Signature = c + m.Signature[1:]
	}), "the manifest was changed"},
	{"signed anew with another key", "", func(t *testing.T, x *signedReport) {
		x.content = append(bytes.Clone(x.content), ' ')
		manifest, err := Sign(x.file, x.content, otherKey, last)
		if err != nil {
			t.Fatal(err)
		}
		x.manifest = manifest
	}, "another key"},
	{"the own key beside another's signature", "", func(t *testing.T, x *signedReport) {
		manifest, err := Sign(x.file, x.content, otherKey, last)
		if err != nil {
			t.Fatal(err)
		}
		x.manifest = restated(t, manifest, func(m *Manifest) { m.PublicKey = x.key })
	}, "the manifest was changed"},
	{"manifest of another report", "", func(t *testing.T, x *signedReport) {
		x.manifest = sign(t, x.file, []byte("another report")).manifest
	}, ""},
	{"a key of the manifest twice, the forged value first", "", spelled("{\n", "{\n  \"made\": \"2020-01-01T00:00:00Z\",\n"), "not spelled"},
	{"a key of the manifest in other letters", "", spelled(`"made"`, `"Made"`), "not spelled"},
	{"a key that the manifest does not have", "", spelled("{\n", "{\n  \"checked_by\": \"kim\",\n"), "not spelled"},
	{"white space in the manifest", "", spelled("{\n", "{ \n"), "not spelled"},
	{"a letter of the manifest escaped", "", spelled(`"file"`, `"\u0066ile"`), "not spelled"},
	{"the signature in capitals", "", func(t *testing.T, x *signedReport) {
		x.manifest = restated(t, x.manifest, func(m *Manifest) { m.Signature = strings.ToUpper(m.Signature) + "00" })
	}, "the manifest was changed"},
	{"a second manifest behind the first", "", func(_ *testing.T, x *signedReport) {
		x.manifest = append(bytes.Clone(x.manifest), x.manifest...)
	}, "not JSON"},
	{"manifest cut off", "", func(_ *testing.T, x *signedReport) { x.manifest = x.manifest[:len(x.manifest)-3] }, "not JSON"},
	{"no manifest", "", func(_ *testing.T, x *signedReport) { x.manifest = nil }, "not JSON"},
	{"no key required", "", func(_ *testing.T, x *signedReport) { x.key = "" }, "another key"},
}

// TestTampering verifies reports of every format, and refuses each of many changes of them.
func TestTampering(t *testing.T) {
	tried := map[string]int{}
	for format, x := range signedReports(t) {
		m, err := Verify(x.file, x.content, x.manifest, x.key)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if marked := format != "pdf" && format != "csv"; marked && len(m.Parts) < 7 {
			t.Errorf("%s: %d parts", format, len(m.Parts))
		}
		for _, c := range tamperings {
			if c.formats != "" && !strings.Contains(c.formats, format) {
				continue
			}
			tried[c.name]++
			changed := x
			c.change(t, &changed)
			if bytes.Equal(changed.content, x.content) && bytes.Equal(changed.manifest, x.manifest) &&
				changed.file == x.file && changed.key == x.key {
				t.Errorf("%s, %s: it changes nothing", format, c.name)
			}
			_, err := Verify(changed.file, changed.content, changed.manifest, changed.key)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: %v", format, c.name, err)
			}
		}
	}
	if len(tried) < 36 {
		t.Errorf("%d ways to tamper", len(tried))
	}
}

// TestEveryPart changes one byte of every part of a report: the error names that part.
func TestEveryPart(t *testing.T) {
	x := signedReports(t)["html"]
	var m Manifest
	if err := json.Unmarshal(x.manifest, &m); err != nil {
		t.Fatal(err)
	}
	marks := markHTML.FindAllSubmatchIndex(x.content, -1)
	for i, at := range marks {
		b := bytes.Clone(x.content)
		b[at[1]+1] ^= 1
		want := `the part "` + m.Parts[i+1].Name + `" was changed`
		if _, err := Verify(x.file, b, x.manifest, x.key); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	if len(marks) < 7 {
		t.Errorf("%d parts", len(marks))
	}
}
