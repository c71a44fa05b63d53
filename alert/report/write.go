package report

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
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
	"number":  plain.Amount,
	"join":    strings.Join,
	"percent": func(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) },
	"line":    line,
	"chart":   func(r *Review, s *Series) template.HTML { return r.period(s).svg(s.Alt) },
	"css":     func() template.CSS { return template.CSS(Style()) },
	"date": func(t time.Time) string {
		if t.IsZero() {
			return "not known"
		}
		return date(t)
	},
	"titles": titles,
	"upper":  upper,
	"short":  short,
	"plural": plural,
	"index1": func(i int) int { return i + 1 },
	"md":     func(t string) string { return markdown(clean(t)) },
	"clean":  clean,
	"title":  sourceTitle,
	"clip":   plain.Clip,
	"sub":    func(a, b int) int { return a - b },
	"few":    func(list []string) []string { return list[:min(len(list), fewFacts)] },
	"facts": func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return " – " + strings.Join(list, "; ")
	},
	"open": func(still bool) string {
		if still {
			return " open"
		}
		return ""
	},
	"who": func(person string) string {
		if person == "" {
			return ""
		}
		return clean(person) + ", "
	},
	"bar100": func(n, most int) int { return max(100*n/max(most, 1), 1) },
	"mso":    func(t string) template.HTML { return template.HTML("<!--[if mso]>" + t + "<![endif]-->") },
	"pad":    func(n int, t any) string { return fmt.Sprintf("%-*v", n, t) },
	"lpad":   func(n int, t any) string { return fmt.Sprintf("%*v", n, t) },
	"blocks": func(n, most int) string {
		if n == 0 {
			return ""
		}
		return "  " + strings.Repeat("█", (20*n+most-1)/most)
	},
}

var (
	pages = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(funcs).ParseFS(files, "templates/*.html"))
	})
	texts = sync.OnceValue(func() *text.Template {
		return text.Must(text.New("").Funcs(funcs).ParseFS(files, "templates/*.txt", "templates/*.md"))
	})
)

// fewFacts is the most facts of a task in a mail.
const fewFacts = 2

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

// Style returns the style sheet of reviews, for pages that show one within a frame of their own.
func Style() []byte {
	b, err := files.ReadFile("templates/review.css")
	if err != nil { // it is embedded
		panic(err)
	}
	return b
}

// titles names sources for people.
func titles(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, sourceTitle(s))
	}
	return strings.Join(out, ", ")
}

// line draws the period with notice, last day and unusual days.
func line(r *Review) template.HTML {
	d := r.timeline()
	return d.svg("the period with notice, last day and unusual days")
}

// Write writes the review as html, json or md. Another format is an error.
func (r *Review) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "md":
		return texts().ExecuteTemplate(w, "review.md", r)
	case "html":
		var b bytes.Buffer
		if err := pages().ExecuteTemplate(&b, "review.html", r); err != nil {
			return err
		}
		_, err := w.Write(Unbroken(b.Bytes()))
		return err
	}
	return fmt.Errorf("format %q: html, json, md", format)
}

// Body writes the review as part of a page, which has the style sheet of Style.
func (r *Review) Body(w io.Writer) error { return pages().ExecuteTemplate(w, "review-body.html", r) }

// Title is whom the review is about: the display name, if HR states it.
func (r *Review) Title() string { return cmp.Or(r.Profile.Name, r.Person) }

// Main is the chart of the first page, or nil.
func (r *Review) Main() *Series {
	if len(r.Days) == 0 {
		return nil
	}
	return &r.Days[0]
}

// Others are the charts beside Main.
func (r *Review) Others() []*Series {
	var list []*Series
	for i := 1; i < len(r.Days); i++ {
		list = append(list, &r.Days[i])
	}
	return list
}

// OnDays says on how many days of the period there was anything to check; "" if on all, or if that is not known.
func (r *Review) OnDays() string {
	if c := r.Coverage; c.Known && len(c.Missing) > 0 {
		return fmt.Sprintf("On the %d of %s that have data.", c.WithData, plural(c.Days, "day"))
	}
	return ""
}

// Colleagues says who the colleagues are that the person is compared with.
func (r *Review) Colleagues() string {
	if r.Profile.Department != "" {
		return "people of the same department or, where it is small, of the organisation"
	}
	return "people who work with the same services or, where they are few, of the organisation"
}

// writeJSON writes a report as indented JSON.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Write writes the digest as html, json or text. Another format is an error.
func (d *Digest) Write(w io.Writer, format string) error {
	if format != "html" {
		return writeMail(w, format, "digest", d)
	}
	png, err := chart.Weeks(chart.PNG, d.weeks())
	if err != nil {
		return err
	}
	image := "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)
	return pages().ExecuteTemplate(w, "digest.html", &digestPage{d, template.URL(image)})
}

// digestPage is the digest with the address of its chart.
type digestPage struct {
	*Digest
	Image template.URL
}

// trendImage is the content ID of the chart in a mail.
const trendImage = "trend"

// Mail returns the digest as a mail: text, HTML, and the images of the HTML by content ID.
func (d *Digest) Mail() (text, html string, images map[string][]byte, err error) {
	png, err := chart.Weeks(chart.PNG, d.weeks())
	if err != nil {
		return "", "", nil, err
	}
	var t, h strings.Builder
	err = errors.Join(d.Write(&t, "text"), pages().ExecuteTemplate(&h, "digest.html", &digestPage{d, "cid:" + trendImage}))
	return t.String(), h.String(), map[string][]byte{trendImage: png}, err
}

// weeks returns the trend as bars.
func (d *Digest) weeks() (list []chart.Week) {
	for _, w := range d.Trend {
		_, name, _ := strings.Cut(w.Week, "-")
		list = append(list, chart.Week{Label: name, N: w.Alerts})
	}
	return list
}

// TrendText returns the trend for people who cannot see the chart.
func (d *Digest) TrendText() string { return chart.WeeksText(d.weeks()) }

// Write writes the list as html, json or text. Another format is an error.
func (o *Owner) Write(w io.Writer, format string) error { return writeMail(w, format, "owner", o) }

// writeMail writes a report that may be mailed.
func writeMail(w io.Writer, format, name string, v any) error {
	switch format {
	case "json":
		return writeJSON(w, v)
	case "text":
		return texts().ExecuteTemplate(w, name+".txt", v)
	case "html":
		return pages().ExecuteTemplate(w, name+".html", v)
	}
	return fmt.Errorf("format %q: html, json, text", format)
}
