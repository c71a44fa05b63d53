package config

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/ingest/all"
)

var (
	commented = regexp.MustCompile(`^( *)# ((?:- \{|[a-z_]+:(?: |$)).*)$`)
	further   = regexp.MustCompile(`^#(   +(?:- |[A-Za-z_]+:).*)$`)
	oneKey    = regexp.MustCompile(`^( *)([a-z_]+):`)
)

// uncommented is the example with all that is commented out: of the same key twice, the last or the first.
func uncommented(example string, last bool) string {
	var out []string
	at := map[string]int{} // where a key of this paragraph is in out, by its indentation and name
	for line := range strings.Lines(example) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			clear(at)
		}
		if m := commented.FindStringSubmatch(line); m != nil {
			line = m[1] + m[2]
		} else if m := further.FindStringSubmatch(line); m != nil {
			line = m[1][1:]
		}
		if m := oneKey.FindString(line); m != "" {
			before, twice := at[m]
			if twice && !last {
				continue
			}
			if twice {
				out[before] = ""
			}
			at[m] = len(out)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

func example(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "config.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// strictly decodes a configuration, without checks of what is in it.
func strictly(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outflow.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := read(path)
	return c, err
}

// TestSchemaExample has the schema and the program accept the example, as it is and with all that is commented out, which
// is a source and a channel of each kind.
func TestSchemaExample(t *testing.T) {
	s := compiled(t)
	for name, text := range map[string]string{
		"as it is": example(t), "the first of each": uncommented(example(t), false), "the last of each": uncommented(example(t), true),
	} {
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c, err := strictly(t, text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "as it is" {
			continue
		}
		has := map[string]bool{}
		for i := range c.Sources {
			has["source "+c.Sources[i].Kind] = true
		}
		for i := range c.Channels {
			has["channel "+c.Channels[i].Kind] = true
		}
		for _, k := range all.Kinds {
			if !has["source "+k.Name] {
				t.Errorf("%s: no source of kind %s", name, k.Name)
			}
		}
		for _, k := range channels.Kinds {
			if !has["channel "+k.Name] {
				t.Errorf("%s: no channel of kind %s", name, k.Name)
			}
		}
	}
}

// parts are the sources and channels of the example, by list.
func parts(t *testing.T) map[string][]map[string]any {
	t.Helper()
	var doc struct {
		Sources, Channels []map[string]any
	}
	if err := yaml.Unmarshal([]byte(uncommented(example(t), true)), &doc); err != nil {
		t.Fatal(err)
	}
	return map[string][]map[string]any{"sources": doc.Sources, "channels": doc.Channels}
}

// written is a configuration with one source or channel.
func written(t *testing.T, list string, part map[string]any) string {
	t.Helper()
	b, err := yaml.Marshal(map[string]any{list: []any{part}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSchemaMisspelt has the schema refuse what the program refuses: a misspelt key of a source or a channel, one that is
// missing and required, and a secret in place of a reference.
func TestSchemaMisspelt(t *testing.T) {
	s := compiled(t)
	for list, all := range parts(t) {
		for _, part := range all {
			for _, key := range slices.Sorted(maps.Keys(part)) {
				wrong := maps.Clone(part)
				wrong[key+"x"] = part[key]
				delete(wrong, key)
				text := written(t, list, wrong)
				if s.Validate(asJSON(t, text)) == nil {
					t.Errorf("the schema accepts %s", text)
				}
				delete(wrong, key+"x")
				text = written(t, list, wrong)
				c, err := strictly(t, text)
				if err != nil {
					continue
				}
				c.setDefaults()
				bad := fmt.Sprint(c.validate(nil))
				if refused := s.Validate(asJSON(t, text)) != nil; refused && bad == "[]" {
					t.Errorf("only the schema refuses %s", text)
				}
			}
		}
	}
	for _, text := range []string{
		"domain: [x]", "log: {kinds: sqlite}", "feed: {oidc: {isuer: x}}", "retention: {alert: 1}", "watchlists: [{nam: x}]",
		"exceptions: [{ownr: x}]", "heartbeat: {urls: x}", "tables: [{nme: x}]", "sources: [{name: a, kind: ftp}]",
		`sources: [{name: a, kind: okta, domain: x.okta.com, token: "00abc"}]`, "feed: {oidc: {client_secret: hunter2}}",
		"sources: [{name: a, kind: files, paths: [x], token: y}]", "channels: [{name: a, kind: file, path: x, per_day: 1}]",
		"log: {retention: 30d}", "budget: many",
	} {
		if s.Validate(asJSON(t, text)) == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

// TestSchemaRequired has the program want what comments call required.
func TestSchemaRequired(t *testing.T) {
	tried := 0
	for list, all := range parts(t) {
		for _, part := range all {
			def := strings.TrimSuffix(list, "s") + "_" + fmt.Sprint(part["kind"])
			properties := asObject(t, def)
			for _, key := range properties["required"].([]any) {
				less := maps.Clone(part)
				delete(less, fmt.Sprint(key))
				c, err := strictly(t, written(t, list, less))
				if err == nil {
					c.setDefaults()
					if tried++; len(c.validate(nil)) == 0 {
						t.Errorf("%s: without %s it is accepted", def, key)
					}
				}
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d settings were left out", tried)
	}
}

// asObject is a definition of the schema.
func asObject(t *testing.T, def string) object {
	t.Helper()
	return schemaObject(t)["$defs"].(object)[def].(object)
}

// TestSchemaEnums has the program refuse values that the schema does not list, and accept those that it does.
func TestSchemaEnums(t *testing.T) {
	const feedOn = "public_url: https://x.example\nfeed: {listen: \"127.0.0.1:0\", "
	templates := map[string]string{
		"Log.kind":             "log: {kind: %s, brokers: [a]}",
		"SASL.mechanism":       "sources: [{name: a, kind: kafka, brokers: [a], topics: [b], sasl: {mechanism: %s, user: u, password: \"env:X\"}}]",
		"Config.mechanism":     "channels: [{name: a, kind: kafka, brokers: [a], topic: b, mechanism: %s, user: u, password: \"env:X\"}]",
		"Channel.people":       "channels: [{name: a, kind: file, path: x, people: %s}]",
		"Channel.min_severity": "channels: [{name: a, kind: file, path: x, min_severity: %s}]",
		"Digest.people":        "digest: {people: %s}",
		"Feed.second_person":   feedOn + "second_person: %s}",
		"OIDC.roles keys":      feedOn + "oidc: {issuer: \"https://x\", client_id: a, roles: {%s: [g]}}}",
		"Source.date_order":    "sources: [{name: a, kind: files, paths: [.], date_order: %s}]",
		"Table.date_order":     "tables: [{name: a, source: box, columns: {time: T, user: U}, class: download, date_order: %s}]",
		"Table.source":         "tables: [{name: a, source: %s, columns: {time: T, user: U}, class: download}]",
		"Config.interval":      "sources: [{name: a, kind: salesforce, domain: d, client_id: c, client_secret: \"env:X\", interval: %s}]",
		"Config.deployment":    "channels: [{name: a, kind: jira, url: \"https://x\", token: \"env:X\", project: P, deployment: %s}]",
		"Config.format":        "channels: [{name: a, kind: webhook, url: \"https://x\", secret: \"env:X\", format: %s}]",
		"Config.tls":           "channels: [{name: a, kind: email, server: \"localhost:25\", from: a@b.example, to: [c@b.example], tls: %s}]",
	}
	s := compiled(t)
	for setting, values := range enums() {
		template := templates[setting]
		if template == "" {
			t.Errorf("no configuration with %s", setting)
			continue
		}
		for _, value := range append(slices.Clone(values), "other") {
			text := fmt.Sprintf(template, value)
			c, err := strictly(t, text)
			if err != nil {
				t.Fatal(err)
			}
			c.setDefaults()
			bad := c.validate(nil)
			known := value != "other"
			if known != (len(bad) == 0) || known != (s.Validate(asJSON(t, text)) == nil) {
				t.Errorf("%s: program %v, schema %v", text, bad, s.Validate(asJSON(t, text)))
			}
		}
	}
}

var (
	block = regexp.MustCompile(`(?m)(?:^    .*\n)+`)
	part  = regexp.MustCompile(`(?s)^(?: *#[^\n]*\n)*( *)- (?:\{name: |name: )`)
)

// TestSchemaDocs has the schema and the program accept what the documentation shows of configurations.
func TestSchemaDocs(t *testing.T) {
	s := compiled(t)
	top := schemaObject(t)["properties"].(object)
	seen := map[string]int{}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range block.FindAllString(string(b), -1) {
			text = dedent(text)
			key, _, _ := strings.Cut(text, ":")
			_, whole := top[key]
			switch {
			case whole && strings.HasPrefix(text, key+":"):
			case part.MatchString(text) && strings.Contains(text, "kind: "):
				list := "sources"
				if strings.HasSuffix(path, "channels.md") {
					list = "channels"
				}
				text = list + ":\n" + text
			default:
				continue
			}
			seen[filepath.Base(path)]++
			if err := s.Validate(asJSON(t, text)); err != nil {
				t.Errorf("%s: %s: %v", path, text, err)
			}
			if _, err := strictly(t, text); err != nil {
				t.Errorf("%s: %s: %v", path, text, err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"okta.md", "s3.md", "kafka.md", "sources.md", "feed.md", "watchlists.md"} {
		if seen[page] == 0 {
			t.Errorf("no configuration in %s: %v", page, seen)
		}
	}
}

// dedent removes the indentation of a block.
func dedent(text string) string {
	least := 99
	for line := range strings.Lines(text) {
		least = min(least, len(line)-len(strings.TrimLeft(line, " ")))
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(line[least:])
	}
	return b.String()
}
