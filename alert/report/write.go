package report

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	text "text/template"
	"time"

	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

//go:embed templates
var files embed.FS

var funcs = map[string]any{
	"day": func(t time.Time) string {
		if t.IsZero() {
			return "unknown"
		}
		return t.UTC().Format("2006-01-02")
	},
	"when":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"number":  number,
	"join":    strings.Join,
	"percent": func(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) },
	"bar":     bar,
	"line":    func(r *Review) template.HTML { return line(r) },
	"picture": chartURL,
	"plural":  plural,
	"index1":  func(i int) int { return i + 1 },
	"md":      func(t string) string { return markdown(clean(t)) },
	"clean":   clean,
	"title":   sourceTitle,
}

var (
	pages = template.Must(template.New("").Funcs(funcs).ParseFS(files, "templates/*.html"))
	texts = text.Must(text.New("").Funcs(funcs).ParseFS(files, "templates/*.txt", "templates/*.md"))
)

// number formats an amount: without decimals from ten on, with one below.
func number(x float64) string {
	if x >= 10 || x == math.Trunc(x) {
		return plain.Number(int64(math.Round(x)))
	}
	return fmt.Sprintf("%.1f", x)
}

// sourceTitle returns the title of a source for people.
func sourceTitle(name string) string {
	for _, s := range event.Sources() {
		if s.String() == name {
			return s.Title()
		}
	}
	return name
}

// markdown keeps a line of text from being read as Markdown or HTML.
var markdown = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">",
	"&gt;", "#", "\\#", "|", "\\|").Replace

// bar draws an amount beside what is usual. The bars differ in length and have labels, for
// people who do not see their colours and for print.
func bar(l Left) template.HTML {
	most := max(l.Observed, l.Expected, l.Peers, 1)
	var b strings.Builder
	b.WriteString(`<svg role="img" viewBox="0 0 420 54" class="bars" aria-label="seen beside usual">`)
	for i, r := range []struct {
		name  string
		v     float64
		color string
	}{{"seen", l.Observed, "#d55e00"}, {"usual", l.Expected, "#0072b2"}, {"colleagues", l.Peers, "#767676"}} {
		w := max(250*r.v/most, 1)
		fmt.Fprintf(&b,
			`<text x="0" y="%d">%s</text><rect x="70" y="%d" width="%.1f" height="12" fill="%s"/><text x="%.1f" y="%d">%s</text>`,
			12+18*i, r.name, 2+18*i, w, r.color, 76+w, 12+18*i, number(r.v))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// chartURL returns a series as an image within the page.
func chartURL(s Series) (template.URL, error) {
	b, err := s.Draw(chart.SVG, "unusual day")
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(b)), err
}

// line draws the period with notice, last day and unusual days.
func line(r *Review) template.HTML {
	span := r.To.Sub(r.From).Hours()
	if span <= 0 {
		return ""
	}
	x := func(t time.Time) float64 { return 10 + 680*min(max(t.Sub(r.From).Hours()/span, 0), 1) }
	var b strings.Builder
	b.WriteString(`<svg role="img" viewBox="0 0 700 70" class="timeline" aria-label="the period with notice, last day and unusual days">` +
		`<line x1="10" y1="40" x2="690" y2="40" stroke="#767676"/>`)
	for _, m := range []struct {
		name string
		at   time.Time
	}{{"notice", r.Notice}, {"last day", r.LastDay}} {
		if !m.at.IsZero() {
			fmt.Fprintf(&b,
				`<line x1="%.1f" y1="18" x2="%.1f" y2="52" stroke="#1b1f24"/><text x="%.1f" y="14" text-anchor="middle">%s</text>`,
				x(m.at), x(m.at), min(max(x(m.at), 30), 660), m.name)
		}
	}
	for _, p := range r.Timeline {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="40" r="%d" fill="#d55e00"/>`, x(p.Time), 2+int(p.Severity))
	}
	fmt.Fprintf(&b, `<text x="10" y="66">%s</text><text x="690" y="66" text-anchor="end">%s</text></svg>`,
		r.From.UTC().Format("2006-01-02"), r.To.UTC().Format("2006-01-02"))
	return template.HTML(b.String())
}

// Write writes the review as html, json or md. Another format is an error.
func (r *Review) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "md":
		return texts.ExecuteTemplate(w, "review.md", r)
	case "html":
		return pages.ExecuteTemplate(w, "review.html", r)
	}
	return fmt.Errorf("format %q: html, json, md", format)
}

// writeJSON writes a report as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Write writes the digest as html, json or text. Another format is an error.
func (d *Digest) Write(w io.Writer, format string) error { return writeMail(w, format, "digest", d) }

// Write writes the list as html, json or text. Another format is an error.
func (o *Owner) Write(w io.Writer, format string) error { return writeMail(w, format, "owner", o) }

// writeMail writes a report that may be mailed.
func writeMail(w io.Writer, format, name string, v any) error {
	switch format {
	case "json":
		return writeJSON(w, v)
	case "text":
		return texts.ExecuteTemplate(w, name+".txt", v)
	case "html":
		return pages.ExecuteTemplate(w, name+".html", v)
	}
	return fmt.Errorf("format %q: html, json, text", format)
}

// Manifest is the record of a report as it was made: a hash of each part, and an Ed25519
// signature.
type Manifest struct {
	File      string `json:"file"`       // name of the report's file
	Made      string `json:"made"`       // RFC 3339, UTC
	Parts     []Part `json:"parts"`      // in the order of the report; by key for JSON
	PublicKey string `json:"public_key"` // 64 hexadecimal digits
	Signature string `json:"signature"`  // hexadecimal, over the JSON of the other fields
}

// Part is a part of a report.
type Part struct {
	Name string `json:"name"`   // as marked in the report, or the key in JSON
	Hash string `json:"sha256"` // SHA-256, hexadecimal
}

// The beginnings of parts in HTML and in Markdown. Escaped text cannot contain them.
var (
	markHTML     = regexp.MustCompile(` data-part="([a-z]+)"`)
	markMarkdown = regexp.MustCompile(`<!-- part: ([a-z]+) -->`)
)

// parts splits a report at its marks, or at the keys of JSON; anything else is one part.
func parts(b []byte) (list []Part) {
	add := func(name string, content []byte) {
		sum := sha256.Sum256(content)
		list = append(list, Part{name, hex.EncodeToString(sum[:])})
	}

	var keys map[string]json.RawMessage
	if json.Unmarshal(b, &keys) == nil {
		names := make([]string, 0, len(keys))
		for k := range keys {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			var compact bytes.Buffer
			if json.Compact(&compact, keys[k]) == nil {
				add(k, compact.Bytes())
			}
		}
		return list
	}

	var marks [][]int
	switch {
	case bytes.HasPrefix(b, []byte("<!doctype html>")):
		marks = markHTML.FindAllSubmatchIndex(b, -1)
	case bytes.HasPrefix(b, []byte("<!-- part:")):
		marks = markMarkdown.FindAllSubmatchIndex(b, -1)
	}

	name, from := "head", 0
	for _, at := range marks {
		add(name, b[from:at[0]])
		from, name = at[1], string(b[at[2]:at[3]])
	}

	add(name, b[from:])
	return list
}

// Sign returns the manifest of a report as JSON. File is the name of the report's file.
func Sign(file string, content []byte, key ed25519.PrivateKey, now time.Time) ([]byte, error) {
	m := Manifest{
		File:      file,
		Made:      now.UTC().Format(time.RFC3339),
		Parts:     parts(content),
		PublicKey: hex.EncodeToString(key.Public().(ed25519.PublicKey)),
	}
	signed, err := json.Marshal(&m)
	if err != nil {
		return nil, err
	}
	m.Signature = hex.EncodeToString(ed25519.Sign(key, signed))
	return json.MarshalIndent(&m, "", "  ")
}

// Verify checks a report against its manifest. The error names the first part that was changed,
// added or removed. Public, if not empty, is the hexadecimal key that must have signed.
func Verify(content, manifest []byte, public string) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, errors.New("the manifest is not JSON")
	}
	key, err := hex.DecodeString(m.PublicKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("the manifest has no public key")
	}

	if public != "" && public != m.PublicKey {
		return nil, errors.New("it was signed with another key")
	}
	bare := m
	bare.Signature = ""
	signed, err := json.Marshal(&bare)
	if err != nil {
		return nil, err
	}

	signature, err := hex.DecodeString(m.Signature)
	if err != nil || !ed25519.Verify(key, signed, signature) {
		return nil, errors.New("the manifest was changed: its signature is invalid")
	}
	have := parts(content)
	for i := range max(len(have), len(m.Parts)) {
		switch {
		case i >= len(have):
			return nil, fmt.Errorf("the part %q was removed", m.Parts[i].Name)
		case i >= len(m.Parts):
			return nil, fmt.Errorf("the part %q was added", have[i].Name)
		case have[i] != m.Parts[i]:
			return nil, fmt.Errorf("the part %q was changed", cmp.Or(m.Parts[i].Name, have[i].Name))
		}
	}

	return &m, nil
}
