package setup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/setup"
)

const root = "../../../.."

// part is a source or channel of the example, commented out or not, on one line.
var part = regexp.MustCompile(`(?m)^  (?:# )?- (\{name: .*\})$`)

// examples are the sources and channels of the example, by list and kind.
func examples(t *testing.T) map[string]map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "config.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sources, channels, _ := strings.Cut(string(b), "\nchannels:\n")
	found := map[string]map[string]any{
		"sources files": {"name": "exports", "kind": "files", "paths": []any{"./exports"}},
		"channels file": {"name": "out", "kind": "file", "path": "alerts.ndjson"},
	}
	for list, text := range map[string]string{"sources": sources, "channels": channels} {
		for _, m := range part.FindAllStringSubmatch(text, -1) {
			var v map[string]any
			if err := yaml.Unmarshal([]byte(m[1]), &v); err != nil {
				t.Fatalf("%s: %v", m[1], err)
			}
			if v["kind"] != nil {
				found[list+" "+fmt.Sprint(v["kind"])] = v
			}
		}
	}
	return found
}

// kinds are the kinds of a list.
func kinds(t *testing.T, list string) []setup.Kind {
	t.Helper()
	all, err := setup.Kinds(list)
	if err != nil || len(all) < 14 {
		t.Fatal(len(all), err)
	}
	return all
}

// TestKinds has a page and an example for every kind, and every setting of the example among those that can be asked for.
func TestKinds(t *testing.T) {
	has := examples(t)
	for _, k := range slices.Concat(kinds(t, "sources"), kinds(t, "channels")) {
		if _, err := os.Stat(filepath.Join(root, k.Page)); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		example := has[k.List+" "+k.Name]
		if example == nil {
			t.Errorf("%s %s: no example", k.List, k.Name)
		}
		for key, v := range example {
			if inner, is := v.(map[string]any); is && key == "sasl" {
				for sub := range inner {
					wantField(t, &k, key+"."+sub)
				}
			} else if key != "name" && key != "kind" {
				wantField(t, &k, key)
			}
		}
	}
}

func wantField(t *testing.T, k *setup.Kind, key string) {
	t.Helper()
	if !slices.ContainsFunc(k.Fields, func(f setup.Field) bool { return f.Key == key && f.Text != "" }) {
		t.Errorf("%s: %s cannot be asked for", k.Name, key)
	}
}

// person answers questions: by the key that a question begins with.
type person struct {
	answers map[string]string
	said    strings.Builder
	last    string
	times   int
}

func (p *person) Write(b []byte) (int, error) {
	p.said.Write(b)
	p.last = string(b)
	return len(b), nil
}

var asked = regexp.MustCompile(`^ *([a-z_.]+|Further|Names|Address|Folder)\b`)

func (p *person) Read(b []byte) (int, error) {
	m := asked.FindStringSubmatch(p.last)
	if p.times++; m == nil || p.times > 60 {
		return 0, io.EOF
	}
	return copy(b, p.answers[m[1]]+"\n"), nil
}

// answer is a value as a person types it.
func answer(v any) string {
	switch v := v.(type) {
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, answer(x))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+"="+answer(v[key]))
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}

// checked writes answers, and returns what is wrong with them.
func checked(t *testing.T, a *setup.Answers) (*config.Checked, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outflow.yaml")
	if err := os.WriteFile(path, a.Write(), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Check(context.Background(), path, false), string(a.Write())
}

// try is what is wrong with the settings of an item.
func try(t *testing.T) func(x *setup.Item) error {
	return func(x *setup.Item) error {
		a := setup.Answers{DataDir: "data"}
		a.Add(*x)
		if c, _ := checked(t, &a); !c.Valid {
			return errors.New(c.Problems[0].Text)
		}
		return nil
	}
}

// TestAll asks for a source and a channel of each kind, with the settings of the example: what is written has them.
func TestAll(t *testing.T) {
	for key, example := range examples(t) {
		list, kind, _ := strings.Cut(key, " ")
		p := &person{answers: map[string]string{"Further": "y", "Names": kind}}
		for key, v := range example {
			if inner, is := v.(map[string]any); is && key == "sasl" {
				for sub, v := range inner {
					p.answers["sasl."+sub] = answer(v)
				}
				continue
			}
			p.answers[key] = answer(v)
		}
		of := kinds(t, list)
		a := &setup.Asker{In: bufio.NewReader(p), Out: p, Try: try(t)}
		var into setup.Answers
		x, err := a.Item(&of[slices.IndexFunc(of, func(k setup.Kind) bool { return k.Name == kind })])
		if err != nil {
			t.Fatalf("%s: %v\n%s", key, err, &p.said)
		}
		into.DataDir = "data"
		into.Add(x)
		c, text := checked(t, &into)
		if !c.Valid {
			t.Errorf("%s: %v\n%s", key, c.Problems, text)
			continue
		}
		var doc struct{ Sources, Channels []map[string]any }
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		got := map[string][]map[string]any{"sources": doc.Sources, "channels": doc.Channels}
		for key, want := range example {
			if answer(got[list][0][key]) != answer(want) {
				t.Errorf("%s: %s is %v, not %v\n%s", kind, key, got[list][0][key], want, text)
			}
		}
	}
}

// TestAnswers asks again for what cannot be, and takes no secret.
func TestAnswers(t *testing.T) {
	in := strings.Join([]string{
		"none", "okta 1", // there is no kind none
		"okta", "x.okta.com", "00secret", "", "", "", "", "n", // a secret, then nothing: a token or a client is missing
		"okta", "x.okta.com", "env:OKTA", "", "", "", "n",
		"", "./in, ./more", "",
		"webhook", "hook", "https://x.example/a", "", "", "n",
		"-", "/var/lib/outflow",
	}, "\n") + "\n"
	var out strings.Builder
	a := &setup.Asker{In: bufio.NewReader(strings.NewReader(in)), Out: &out, Try: try(t)}
	into := setup.Answers{DataDir: "./data", Feed: "127.0.0.1:8443"}
	if err := a.All(kinds(t, "sources"), kinds(t, "channels"), &into); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	c, text := checked(t, &into)
	if !c.Valid || strings.Contains(text, "00secret") {
		t.Errorf("%v\n%s", c.Problems, text)
	}
	for _, want := range []string{
		"data_dir: /var/lib/outflow\n", "    domain: x.okta.com", `token: "env:OKTA"`, "paths: [./in, ./more]", `secret: "env:HOOK_SECRET"`, "# feed: {",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, want := range []string{`There is no "none".`, "give a reference to the secret, not the secret", "That cannot be: source okta: token (or client_id) is required. Once more:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not said: %s\n%s", want, &out)
		}
	}
	a.In = bufio.NewReader(strings.NewReader("okta\n"))
	if err := a.All(kinds(t, "sources"), kinds(t, "channels"), &into); err == nil {
		t.Error("no error at the end of the answers")
	}
}

// TestParse reads sources and channels of flags.
func TestParse(t *testing.T) {
	of := kinds(t, "sources")
	for text, want := range map[string]string{
		"files, paths: [a, b]": "name: files kind: files paths: [a, b]",
		`kind: okta, name: idp, domain: a.okta.com, token: "env:X"`:                                          `name: idp kind: okta domain: a.okta.com token: "env:X"`,
		`{kind: kafka, brokers: ["b:1"], topics: [t], sasl: {mechanism: plain, user: u, password: "env:X"}}`: `name: kafka kind: kafka brokers: ["b:1"] topics: [t] sasl: {mechanism: plain, user: u, password: "env:X"}`,
	} {
		x, err := setup.Parse(of, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		a := setup.Answers{DataDir: "data"}
		a.Add(x)
		got := regexp.MustCompile(` *(?:#.*)?\n +`).ReplaceAllString(string(a.Write()), " ")
		if !strings.Contains(strings.ReplaceAll(got, "# "+x.Kind.Page+" ", ""), want) {
			t.Errorf("%s: no %q in %s", text, want, got)
		}
	}
	for text, want := range map[string]string{
		"pigeon, path: x":                  `kind "pigeon": files, `,
		"okta, token: hunter2":             "token: give a reference",
		"okta, token: [":                   "it is not of the form",
		`kafka, sasl: {password: hunter2}`: "sasl.password: give a reference",
	} {
		if _, err := setup.Parse(of, text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
	var a setup.Answers
	for range 3 {
		x, err := setup.Parse(of, "files, paths: [x]")
		if err != nil {
			t.Fatal(err)
		}
		a.Add(x)
	}
	if a.Sources[0].Name() != "files" || a.Sources[1].Name() != "files2" || a.Sources[2].Name() != "files3" {
		t.Errorf("%+v", a.Sources)
	}
}
