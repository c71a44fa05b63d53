package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/outflow/outflow/alert"
	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/docs/schema"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/mapped"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/secret"
)

var update = flag.Bool("update", false, "write the schema")

const root = "../../../.."

// object is a part of a schema.
type object = map[string]any

// generator makes the schema of the configuration from its types.
type generator struct {
	t        *testing.T
	packages map[string]map[string]*ast.StructType // parsed, by folder and name
	defs     object
}

// TestSchema compares the schema of the repository with that of the types.
func TestSchema(t *testing.T) {
	g := &generator{t: t, packages: map[string]map[string]*ast.StructType{}, defs: object{}}
	s := g.structure(reflect.TypeFor[Config](), nil)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Configuration of Outflow"
	g.kinds(s)
	s["$defs"] = g.defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "docs/schema/config.json")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(b.Bytes(), schema.Config) {
		t.Errorf("%s is not that of the types: go test ./cmd/outflow/internal/config -run TestSchema -update", path)
	}
}

// kinds adds the settings of each kind of sources and channels.
func (g *generator) kinds(s object) {
	properties := s["properties"].(object)
	names, cases := []any{"files"}, []any{g.kind("source", "files", append(without(commonSource, "allow_networks"), "paths"), nil)}
	for _, k := range all.Kinds {
		common := commonSource
		if k.Direct {
			common = without(common, "allow_networks")
		}
		names = append(names, k.Name)
		cases = append(cases, g.kind("source", k.Name, common, g.settings(k.New())))
	}
	properties["sources"] = union(properties["sources"], names, cases)

	ofFile := append(without(commonSettings, "per_day", "ca", "client_cert", "client_key"), "path")
	names, cases = []any{"file"}, []any{g.kind("channel", "file", ofFile, nil)}
	for _, k := range channels.Kinds {
		common := commonSettings
		if k.SDK {
			common = without(common, "ca", "client_cert", "client_key")
		}
		names = append(names, k.Name)
		cases = append(cases, g.kind("channel", k.Name, common, g.settings(k.New())))
	}
	properties["channels"] = union(properties["channels"], names, cases)
	g.defs["source"] = object{"properties": g.structure(reflect.TypeFor[Source](), nil)["properties"]}
	g.defs["channel"] = object{"properties": g.structure(reflect.TypeFor[Channel](), nil)["properties"]}
	g.defs["detector"] = object{"enum": slices.Sorted(maps.Keys(traits))}
}

func without(keys []string, some ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(some, key) })
}

// union is a list of items that have a kind.
func union(listed any, names, cases []any) object {
	return object{
		"type": "array", "description": listed.(object)["description"],
		"items": object{
			"type": "object", "required": []string{"name", "kind"},
			"properties": object{"kind": object{"enum": names, "description": "what it is: its other settings depend on it"}},
			"allOf":      cases,
		},
	}
}

// kind defines the settings of one kind, those that all have and its own, and returns where they apply.
func (g *generator) kind(what, name string, common []string, own object) object {
	properties, required := object{}, []string{"name", "kind"}
	for _, key := range common {
		properties[key] = ref(what + "/properties/" + key)
	}
	properties["kind"] = object{"const": name}
	if own == nil {
		required = append(required, map[string]string{"source": "paths", "channel": "path"}[what])
	} else {
		maps.Copy(properties, own["properties"].(object))
		if more, some := own["required"].([]string); some {
			required = append(required, more...)
		}
	}
	def := what + "_" + name
	g.defs[def] = object{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
	return object{
		"if":   object{"properties": object{"kind": object{"const": name}}, "required": []string{"kind"}},
		"then": ref(def),
	}
}

// settings is the structure of a kind's settings, with their defaults.
func (g *generator) settings(of any) object {
	v := reflect.ValueOf(of).Elem()
	s := g.structure(v.Type(), nil)
	g.defaults(v, s["properties"].(object))
	return s
}

func (g *generator) defaults(v reflect.Value, properties object) {
	for i := range v.NumField() {
		key, inline := keyOf(v.Type().Field(i))
		switch {
		case inline:
			g.defaults(v.Field(i), properties)
		case key != "" && !v.Field(i).IsZero() && v.Field(i).Kind() != reflect.Struct:
			value := v.Field(i).Interface()
			if d, is := value.(time.Duration); is {
				value = d.String()
			}
			properties[key].(object)["default"] = value
		}
	}
}

// keyOf is the key of a field, or "" if it has none; and whether it is inlined.
func keyOf(f reflect.StructField) (key string, inline bool) {
	key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || key == "-" {
		return "", false
	}
	return key, option == "inline"
}

// structure is the schema of a struct, with the keys that are given; with all if none are.
func (g *generator) structure(t reflect.Type, keys []string) object {
	properties, required := object{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		key, inline := keyOf(f)
		if inline {
			inner := g.structure(f.Type, keys)
			maps.Copy(properties, inner["properties"].(object))
			continue
		}
		if key == "" || keys != nil && !slices.Contains(keys, key) {
			continue
		}
		text := g.describe(t, f)
		s := g.of(f.Type, t.Name()+"."+key)
		s["description"] = text
		if key == RenamedKeys[0].Old && t == reflect.TypeFor[Config]() {
			s["deprecated"] = true
		}
		properties[key] = s
		if slices.Contains(strings.Split(text, "; "), "required") {
			required = append(required, key)
		}
	}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// of is the schema of a type. The setting decides which values a text may have.
func (g *generator) of(t reflect.Type, setting string) object {
	switch t {
	case reflect.TypeFor[secret.Ref]():
		return object{"type": "string", "pattern": "^(env:|file:|exec:).+"}
	case reflect.TypeFor[time.Duration]():
		return object{"type": "string", "pattern": `^-?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[eventlog.Addresses](): // in brackets host:port without quotes is a mapping
		return object{"type": "array", "items": object{"type": []string{"string", "object"}}}
	case reflect.TypeFor[mapped.Names]():
		return object{"oneOf": []any{text(), object{"type": "array", "items": text()}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem(), setting)
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return withBounds(object{"type": "integer"}, setting)
	case reflect.Float64:
		return withBounds(object{"type": "number"}, setting)
	case reflect.Slice:
		if strings.HasSuffix(setting, ".detectors") {
			return object{"type": "array", "items": ref("detector")}
		}
		return object{"type": "array", "items": g.of(t.Elem(), setting)}
	case reflect.Map:
		s := object{"type": "object", "additionalProperties": g.of(t.Elem(), setting)}
		if names := enums()[setting+" keys"]; names != nil {
			s["propertyNames"] = object{"enum": names}
		}
		return s
	case reflect.Struct:
		return g.structure(t, nil)
	case reflect.String:
		if values := enums()[setting]; values != nil {
			return object{"enum": values}
		}
		return text()
	}
	g.t.Fatalf("%s: no schema for %s", setting, t)
	return nil
}

// ref refers to a part of the schema.
func ref(path string) object { return object{"$ref": "#/$defs/" + path} }

// text is any text. YAML takes digits for a number, which is a text all the same.
func text() object { return object{"type": []string{"string", "number"}} }

func withBounds(s object, setting string) object {
	if b, some := bounds[setting]; some {
		s["minimum"], s["maximum"] = b[0], b[1]
	}
	return s
}

// bounds are the least and the greatest value of numbers.
var bounds = map[string][2]float64{
	"Config.budget":    {0, MaxBudget},
	"Heartbeat.share":  {0, 1},
	"Log.partitions":   {1, maxPartitions},
	"Log.tasks":        {1, maxTasks},
	"Log.shards":       {0, 0},
	"Watchlist.weight": {-6, 6},
	"Config.fetchers":  {1, 64},
	"Config.max_body":  {1, 256},
	"Retention.alerts": {0, maxDiskReserve},
	"Retention.days":   {0, maxDiskReserve},
	"Channel.per_day":  {0, maxDiskReserve},
	"Memory.people":    {0, maxDiskReserve},
	"Memory.events":    {0, maxDiskReserve},
}

// enums are the values of settings that take no other, by type and key.
func enums() map[string][]string {
	var severities, vendors []string
	for s := alert.Informational; s <= alert.Critical; s++ {
		severities = append(severities, s.String())
	}
	for _, v := range event.Sources() {
		if v != event.HR {
			vendors = append(vendors, v.String())
		}
	}
	var roles []string
	for _, r := range feed.Roles {
		roles = append(roles, string(r))
	}
	readers := []string{"names", "pseudonyms"}
	mechanisms := []string{"plain", "scram-sha-256", "scram-sha-512"}
	return map[string][]string{
		"Log.kind":             {"sqlite", "kafka"},
		"SASL.mechanism":       mechanisms,
		"Config.mechanism":     mechanisms,
		"Channel.people":       readers,
		"Channel.min_severity": severities,
		"Digest.people":        readers,
		"Feed.second_person":   severities,
		"OIDC.roles keys":      roles,
		"Source.date_order":    {"dmy", "mdy", "ymd"},
		"Table.date_order":     {"dmy", "mdy", "ymd"},
		"Table.source":         vendors,
		"Config.interval":      {"Hourly", "Daily"},
		"Config.deployment":    {"cloud", "data_center"},
		"Config.format":        {"json", "ocsf"},
		"Config.tls":           {"starttls", "tls", "none"},
	}
}

var (
	goName   = regexp.MustCompile(`\b[A-Z][a-z]+[A-Z]\w*\b`)
	verb     = regexp.MustCompile(`^(is|are) `)
	needsKey = regexp.MustCompile(`^(of|within|that|for|by) `)
)

// describe makes the comment on a field a description of its key: keys stand in place of the names of fields.
func (g *generator) describe(t reflect.Type, f reflect.StructField) string {
	text := strings.TrimSuffix(g.comment(t, f.Name), ".")
	key, _ := keyOf(f)
	words := strings.ReplaceAll(key, "_", " ")
	if rest, named := strings.CutPrefix(text, f.Name+" "); named {
		if text = words + " " + rest; verb.MatchString(rest) {
			text = verb.ReplaceAllString(rest, "")
		}
	} else if needsKey.MatchString(text) {
		text = words + " " + text
	}
	text = goName.ReplaceAllStringFunc(text, func(word string) string {
		if other, is := t.FieldByName(word); is {
			if key, _ := keyOf(other); key != "" {
				return key
			}
		}
		return word
	})
	if f.Type == reflect.TypeFor[secret.Ref]() {
		text += "; a reference: env:NAME, file:PATH or exec:COMMAND"
	}
	return text
}

// comment is the comment on a field of a type of this module, as one line.
func (g *generator) comment(t reflect.Type, field string) string {
	dir := strings.TrimPrefix(t.PkgPath(), "github.com/outflow/outflow")
	if g.packages[dir] == nil {
		g.packages[dir] = parse(g.t, filepath.Join(root, dir))
	}
	s := g.packages[dir][t.Name()]
	if s == nil {
		g.t.Fatalf("%s is not in %s", t.Name(), dir)
	}
	for _, f := range s.Fields.List {
		if slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.Name == field }) {
			return strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
		}
	}
	g.t.Fatalf("%s.%s: no such field", t.Name(), field)
	return ""
}

// parse returns the structures that a folder declares.
func parse(t *testing.T, dir string) map[string]*ast.StructType {
	found := map[string]*ast.StructType{}
	list, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(list) == 0 {
		t.Fatal(dir, err)
	}
	for _, name := range list {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					found[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return found
}

// compiled is the schema of the repository.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Config))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON is a YAML document as a validator sees it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// schemaObject is the schema of the repository as a mapping.
func schemaObject(t *testing.T) (s object) {
	t.Helper()
	if err := json.Unmarshal(schema.Config, &s); err != nil {
		t.Fatal(err)
	}
	return s
}
