package setup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Item is a source or a channel.
type Item struct {
	Kind *Kind
	Set  yaml.MapSlice // name, kind and its settings, in order
}

// Name is the name of the item.
func (x *Item) Name() string {
	for _, p := range x.Set {
		if p.Key == "name" {
			return fmt.Sprint(p.Value)
		}
	}
	return ""
}

// Answers are what a configuration is made from.
type Answers struct {
	DataDir  string
	Feed     string  // address; "" for none
	Budget   float64 // 0 for none
	Sources  []Item
	Channels []Item
}

// Add adds a source or a channel, under a name that is still free.
func (a *Answers) Add(x Item) {
	list := &a.Sources
	if x.Kind.List == "channels" {
		list = &a.Channels
	}
	name := x.Name()
	for n := 2; slices.ContainsFunc(*list, func(other Item) bool { return other.Name() == name }); n++ {
		name = fmt.Sprintf("%s%d", x.Name(), n)
	}
	x.Set[0].Value = name
	*list = append(*list, x)
}

// Parse reads a source or a channel as it is in a configuration: kind: okta, domain: acme.okta.com. Braces are optional, and
// so is kind: before the first word.
func Parse(kinds []Kind, text string) (Item, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		if first, _, _ := strings.Cut(text, ","); !strings.Contains(first, ":") {
			text = "kind: " + text
		}
		text = "{" + text + "}"
	}
	var given yaml.MapSlice
	if err := yaml.UnmarshalWithOptions([]byte(text), &given, yaml.UseOrderedMap()); err != nil {
		return Item{}, errors.New("it is not of the form kind: okta, domain: acme.okta.com") // the error itself may show a secret
	}
	values := map[string]any{}
	for _, p := range given {
		values[fmt.Sprint(p.Key)] = p.Value
	}
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == values["kind"] })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		return Item{}, fmt.Errorf("kind %q: %s", fmt.Sprint(values["kind"]), strings.Join(names, ", "))
	}
	x := Item{Kind: &kinds[i], Set: yaml.MapSlice{{Key: "name", Value: values["kind"]}, {Key: "kind", Value: values["kind"]}}}
	if values["name"] != nil {
		x.Set[0].Value = values["name"]
	}
	for _, p := range given {
		if p.Key != "name" && p.Key != "kind" {
			x.Set = append(x.Set, p)
		}
	}
	return x, x.referencesOnly()
}

var reference = regexp.MustCompile(`^(env:|file:|exec:).+`)

// referencesOnly returns an error if a secret is given in place of a reference to it.
func (x *Item) referencesOnly() error {
	for _, f := range x.Kind.Fields {
		if v, given := lookUp(x.Set, f.Key); f.Type == "secret" && given && !reference.MatchString(fmt.Sprint(v)) {
			return fmt.Errorf("%s: give a reference (env:NAME, file:PATH or exec:COMMAND) rather than the secret", f.Key)
		}
	}
	return nil
}

// lookUp is the value of a key, which may have a dot.
func lookUp(m yaml.MapSlice, key string) (any, bool) {
	first, rest, nested := strings.Cut(key, ".")
	for _, p := range m {
		if p.Key != first {
			continue
		}
		if inner, is := p.Value.(yaml.MapSlice); nested && is {
			return lookUp(inner, rest)
		}
		return p.Value, !nested
	}
	return nil, false
}

// Write returns the configuration, with comments.
func (a *Answers) Write() []byte {
	var b bytes.Buffer
	b.WriteString(`# Settings of Outflow, written by outflow init. config.example.yaml has all that there are.
# outflow config check looks for what is wrong here; outflow config schema prints a schema for editors:
# yaml-language-server: $schema=outflow.schema.json

# The data directory. It holds personal data. Paths are relative to the folder of this file.
`)
	fmt.Fprintf(&b, "data_dir: %s\n", text(a.DataDir))
	b.WriteString(`
# The accepted number of false alerts per 1,000 user-days. Without it, every alert from medium on is shown.
`)
	if a.Budget > 0 {
		fmt.Fprintf(&b, "budget: %g\n", a.Budget)
	} else {
		b.WriteString("# budget: 2\n")
	}
	b.WriteString(`
# The organisation's own mail domains, besides those in the people file (docs/sources/hr.md).
# domains: [acme.example]

# Where events come from. Secrets are references: env:NAME, file:PATH or exec:COMMAND.
# outflow source test NAME fetches a page.
`)
	writeList(&b, "sources", a.Sources)
	b.WriteString(`
# Who is told. outflow channel test NAME sends a message that is marked as a test. docs/channels.md has the filters.
`)
	writeList(&b, "channels", a.Channels)
	b.WriteString(`
# The page and the API (docs/feed.md): outflow token create makes the first sign-in. Other addresses than those of this machine
# need a certificate: cert, key.
`)
	if a.Feed != "" {
		fmt.Fprintf(&b, "feed: {listen: %s}\n", text(a.Feed))
	} else {
		b.WriteString("# feed: {listen: \"127.0.0.1:8443\"}\n")
	}
	b.WriteString(`
# Days that things are kept; 0 keeps for ever.
retention: {alerts: 730, days: 400, decisions: 730}

# Address of /metrics (Prometheus), /healthz and /readyz.
# metrics: {listen: "127.0.0.1:9464"}
`)
	return b.Bytes()
}

func writeList(b *bytes.Buffer, list string, items []Item) {
	if len(items) == 0 {
		fmt.Fprintf(b, "# %s: []\n", list)
		return
	}
	fmt.Fprintf(b, "%s:\n", list)
	for i := range items {
		x := &items[i]
		fmt.Fprintf(b, "  # %s\n", x.Kind.Page)
		for j, p := range x.Set {
			lead := "    "
			if j == 0 {
				lead = "  - "
			}
			key := fmt.Sprint(p.Key)
			fmt.Fprintf(b, "%s%s: %s", lead, key, value(p.Value))
			for _, f := range x.Kind.Fields {
				if f.Key == key && f.Text != "" && f.Text != "required" {
					fmt.Fprintf(b, "  # %s", f.meaning())
				}
			}
			b.WriteString("\n")
		}
	}
}

// meaning is the text of a setting without what is said of all secrets and of required ones.
func (f *Field) meaning() string {
	t, _, _ := strings.Cut(f.Text, "; a reference: ")
	return strings.TrimSuffix(strings.TrimPrefix(t, "required; "), "; required")
}

// value is a value in YAML's flow style.
func value(v any) string {
	var parts []string
	switch v := v.(type) {
	case string:
		return text(v)
	case []string:
		for _, x := range v {
			parts = append(parts, text(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []any:
		for _, x := range v {
			parts = append(parts, value(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yaml.MapSlice:
		for _, p := range v {
			parts = append(parts, value(p.Key)+": "+value(p.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

var (
	plainText = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9_./@-]*$`)
	reserved  = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null|\.nan|[+-]?\.inf)$`)
)

// text is a text in YAML, in quotes unless it is a word.
func text(s string) string {
	if plainText.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string is JSON
	}
	return strings.TrimSpace(b.String())
}
