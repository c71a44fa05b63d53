package scanpage

import (
	"cmp"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/attack"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"clean":  clean,
		"prose":  func(s string) string { return detect.Capital(cut(s, maxProse)) },
		"when":   when,
		"day":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"number": plain.Amount,
		"count":  plain.Count,
		"plural": plain.CountOf,
		"source": sourceTitle,
		"spaced": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"place":  func(s string) string { return clean(strings.TrimPrefix(s, "https://")) },
		"shape":  func(s alert.Severity) string { return shapes[s] },
		"rate": func(x float64) string {
			if x < .01 {
				return "under 0.01"
			}
			return fmt.Sprintf("%.2g", x)
		},
		"score":      func(x float64) string { return fmt.Sprintf("%.1f", x) },
		"receivers":  receivers,
		"client":     client,
		"amount":     func(x alert.Item) string { return amount(&x) },
		"visibility": func(s string) string { return cmp.Or(visibilities[s], s) },
		"receiver":   receiver,
		"titled":     attack.Title,
	}).Parse(text))
})

// shapes tell severities apart without colours.
var shapes = [...]string{"○", "▽", "●", "▲", "◆"}

// clean makes a name or a short text from outside harmless to a line, and cuts it off.
func clean(s string) string { return cut(s, maxText) }

func cut(s string, most int) string {
	s = plain.Printable(strings.ToValidUTF8(s, "·"))
	if len(s) <= most {
		return s
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func when(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2006-01-02 15:04") + `</time>`)
}

func sourceTitle(name string) string {
	if s := event.SourceNamed(name); s != event.NoSource {
		return s.Title()
	}
	return name
}

// columns are those of a table of items that have something to show.
type columns struct{ Object, Place, Label, Amount, To, From, Outcome bool }

func columnsOf(items []alert.Item) (c columns) {
	for i := range items {
		x := &items[i]
		c.Object = c.Object || x.Object.Name+x.Object.ID != ""
		c.Place = c.Place || x.Object.Container != ""
		c.Label = c.Label || x.Object.Label != ""
		c.Amount = c.Amount || amount(x) != ""
		c.To = c.To || len(x.Recipients) > 0 || x.Visibility != "" || x.Detail != ""
		c.From = c.From || client(x.Client) != ""
		c.Outcome = c.Outcome || x.Outcome != ""
	}
	return c
}

// amount is how much an item is about.
func amount(x *alert.Item) string { return strings.Join(x.Amounts(), ", ") }

// visibilities are who can open an object, in words.
var visibilities = map[string]string{
	"private": "only those who are named", "internal": "anyone in the organisation", "external": "outsiders who are named",
	"public_link": "anyone with the link", "public": "anyone",
}

// receiver is who received something, in words.
func receiver(name string) string {
	if name == "*" {
		return "anybody"
	}
	return clean(name)
}

// fewReceivers is how many receivers of one item are named.
const fewReceivers = 3

func receivers(list []string) string {
	var names []string
	for _, r := range list[:min(len(list), fewReceivers)] {
		names = append(names, receiver(r))
	}
	if more := len(list) - fewReceivers; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// client is where an action came from.
func client(c alert.Client) string {
	var parts []string
	for _, s := range []string{cmp.Or(c.Agent, c.App), c.Device, c.IP, c.Network, country.Name(c.Country)} {
		if s != "" {
			parts = append(parts, clean(s))
		}
	}
	return strings.Join(parts, ", ")
}
