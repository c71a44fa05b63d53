// Package setup writes a first configuration: it knows the settings of each kind of source and channel from the schema of
// the configuration, asks for them, and writes them with comments.
package setup

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/docs/schema"
	"github.com/outflow/outflow/ingest/all"
)

// Kind is a kind of source or channel.
type Kind struct {
	List   string  // sources or channels
	Name   string  // as in the configuration
	Fields []Field // its own settings, and after them those that all kinds have
	Page   string  // of the documentation
}

// Field is a setting. That of a structure within another has a key with a dot.
type Field struct {
	Key      string
	Text     string   // what it means
	Type     string   // text, secret, number, boolean, list or map
	Values   []string // the only ones; nil for any
	Default  string   // "" for none
	Required bool
	Common   bool // all kinds have it
}

// Further reports whether a setting is one of those that most do without.
func (f *Field) Further() bool {
	return !f.Required && (f.Common || f.Default != "" || strings.HasPrefix(f.Text, "optional") || f.Key == "base_url" ||
		f.Type == "map" || strings.Contains(f.Key, "."))
}

// node is a part of the schema.
type node struct {
	Ref        string `json:"$ref"`
	Text       string `json:"description"`
	Type       any    `json:"type"`
	Pattern    string `json:"pattern"`
	Enum       []string
	Default    any
	Items      *node
	Properties map[string]*node
	Required   []string
	Defs       map[string]*node `json:"$defs"`
}

// Kinds returns the kinds of a list, sources or channels, in the order of the schema.
func Kinds(list string) ([]Kind, error) {
	var root node
	if err := json.Unmarshal(schema.Config, &root); err != nil {
		return nil, fmt.Errorf("schema of the configuration: %w", err)
	}
	var kinds []Kind
	what := strings.TrimSuffix(list, "s")
	for _, name := range root.Properties[list].Items.Properties["kind"].Enum {
		k := Kind{List: list, Name: name, Page: "docs/channels.md"}
		if list == "sources" {
			k.Page = page(name)
		}
		def := root.Defs[what+"_"+name]
		for _, key := range slices.Concat(order(list, name), common[list]) {
			if p := def.Properties[key]; p != nil {
				k.Fields = append(k.Fields, root.fields(key, p, slices.Contains(def.Required, key))...)
			}
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// common are the settings that all kinds have, beside name and kind, in the order in which they are asked for.
var common = map[string][]string{
	"sources": {"paths", "since", "zone", "date_order", "allow_networks"},
	"channels": {
		"path", "min_severity", "detectors", "departments", "leavers", "health", "people", "purpose", "per_day", "allow_networks",
		"ca", "client_cert", "client_key",
	},
}

// page is the page of the documentation about a kind of source.
func page(kind string) string {
	switch kind {
	case "files":
		return "docs/sources.md"
	case "workday", "bamboohr", "hr_csv":
		return "docs/sources/hr.md"
	}
	return "docs/sources/" + kind + ".md"
}

// fields are those of a property: one, or those of a structure.
func (n *node) fields(key string, p *node, required bool) []Field {
	f := Field{Key: key, Text: p.Text, Values: p.Enum, Required: required}
	if name, is := strings.CutPrefix(p.Ref, "#/$defs/"); is {
		def, property, _ := strings.Cut(name, "/properties/")
		f.Common = true
		p = n.Defs[def].Properties[property]
		f.Text, f.Values = p.Text, p.Enum
	}
	if p.Default != nil {
		f.Default = fmt.Sprint(p.Default)
	}
	switch {
	case strings.HasPrefix(p.Pattern, "^(env:"):
		f.Type = "secret"
	case p.Type == "integer" || p.Type == "number":
		f.Type = "number"
	case p.Type == "boolean":
		f.Type = "boolean"
	case p.Type == "array":
		f.Type = "list"
	case p.Type == "object" && p.Properties == nil:
		f.Type = "map"
	case p.Type == "object":
		var inner []Field
		for _, sub := range sorted(p.Properties) {
			inner = append(inner, n.fields(key+"."+sub, p.Properties[sub], false)...)
		}
		return inner
	default:
		f.Type = "text"
	}
	return []Field{f}
}

func sorted(m map[string]*node) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// order is the order in which a kind declares its own settings.
func order(list, name string) []string {
	if list == "sources" {
		for _, k := range all.Kinds {
			if k.Name == name {
				return declared(reflect.TypeOf(k.New()).Elem())
			}
		}
	}
	for _, k := range channels.Kinds {
		if list == "channels" && k.Name == name {
			return declared(reflect.TypeOf(k.New()).Elem())
		}
	}
	return nil
}

// declared are the keys of a structure.
func declared(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		switch key, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); {
		case option == "inline":
			keys = append(keys, declared(t.Field(i).Type)...)
		case key != "" && key != "-":
			keys = append(keys, key)
		}
	}
	return keys
}
