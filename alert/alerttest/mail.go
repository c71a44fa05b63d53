package alerttest

import (
	_ "embed" // the table of features
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:embed caniemail.tsv
var canIEmail string

// features are what mail clients support, by feature: y, a or n.
var features = func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(canIEmail) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) > 1 && !strings.HasPrefix(line, "#") {
			m[f[0]] = f[1]
		}
	}
	return m
}()

// Elements and attributes of mails, by the feature that they are of. Those without one are as old as HTML,
// and no client is known to lack them.
var (
	mailElements = map[string]string{
		"html": "", "head": "", "meta": "", "title": "", "body": "", "br": "", "a": "",
		"h1": "html-h1-h6", "h2": "html-h1-h6", "p": "html-p", "div": "html-div", "span": "html-span", "strong": "html-strong",
		"table": "html-table", "tr": "html-table", "td": "html-table", "th": "html-table",
		"ul": "html-lists", "ol": "html-lists", "li": "html-lists", "img": "html-img",
	}
	mailAttributes = map[string]string{
		"charset": "", "name": "", "content": "", "href": "", "src": "", "alt": "", "border": "", "bgcolor": "", "style": "",
		"lang": "html-lang", "role": "html-role", "width": "html-width", "height": "html-height", "align": "html-align",
		"valign": "html-valign", "cellpadding": "html-cellpadding", "cellspacing": "html-cellspacing",
	}
)

// partly are what clients support in part, and how mails may use it. Outlook on Windows knows padding in cells
// only and a largest width only with a table around it, and no Outlook knows margins that are negative or auto.
var partly = map[string]func(element, value string) bool{
	"border":      func(e, _ string) bool { return e == "td" || e == "th" },
	"padding":     func(e, _ string) bool { return e == "td" || e == "th" },
	"margin":      func(_, v string) bool { return !strings.Contains(v, "-") && !strings.Contains(v, "auto") },
	"max-width":   func(e, _ string) bool { return e == "div" || e == "img" },
	"width":       func(e, v string) bool { return e == "img" && v == "100%" }, // beside the attribute
	"height":      func(e, v string) bool { return e == "img" && v == "auto" },
	"display":     func(e, v string) bool { return e == "img" && v == "block" },
	"font-size":   func(_, v string) bool { return strings.HasSuffix(v, "px") },
	"font-weight": func(_, v string) bool { return v == "bold" || v == "normal" },
}

// sizes are the units that all clients know.
var sizes = regexp.MustCompile(`^(\d+(px|%)?|#[0-9a-f]{6}|[A-Za-z][A-Za-z -]*|solid)$`)

// MailHTML tests that the HTML of a mail uses nothing that Gmail, Outlook or Apple Mail do not support, as
// far as caniemail.tsv says.
func MailHTML(t testing.TB, html string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(html))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	seen := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		seen++
		name := el.Name.Local
		if feature, known := mailElements[name]; !known || feature != "" && features[feature] == "" {
			t.Errorf("mail clients do not know <%s>", name)
		}
		for _, a := range el.Attr {
			if feature, known := mailAttributes[a.Name.Local]; !known || feature != "" && features[feature] == "" {
				t.Errorf("mail clients do not know the attribute %s of <%s>", a.Name.Local, name)
			}
			if a.Name.Local == "style" {
				checkStyle(t, name, a.Value)
			}
		}
		if name == "img" && !slices.ContainsFunc(el.Attr, func(a xml.Attr) bool { return a.Name.Local == "alt" && a.Value != "" }) {
			t.Error("an image without a text for those who do not see it")
		}
	}
	if seen < 5 {
		t.Errorf("%d elements", seen)
	}
}

// checkStyle tests the style of an element.
func checkStyle(t testing.TB, element, style string) {
	t.Helper()
	for rule := range strings.SplitSeq(style, ";") {
		property, value, _ := strings.Cut(strings.TrimSpace(rule), ":")
		property, value = strings.TrimSpace(property), strings.TrimSpace(value)
		if property == "" || property == "color" { // of CSS 1; it is not in the table
			continue
		}
		of := property
		for features["css-"+of] == "" && strings.Contains(of, "-") {
			of = of[:strings.LastIndexByte(of, '-')]
		}
		restriction, restricted := partly[of]
		switch support := features["css-"+of]; {
		case support == "":
			t.Errorf("mail clients do not know %s of <%s>", property, element)
		case support == "a" && !restricted:
			t.Errorf("not all mail clients know %s of <%s> whole", property, element)
		case restricted && !restriction(element, value):
			t.Errorf("not all mail clients know %s: %s of <%s>", property, value, element)
		}
		for word := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == ' ' || c == ',' }) {
			if !sizes.MatchString(word) {
				t.Errorf("not all mail clients know %q of %s", word, property)
			}
		}
	}
}
