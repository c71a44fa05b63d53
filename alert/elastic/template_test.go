package elastic_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/elastic"
)

var update = flag.Bool("update", false, "rewrite the index template")

// templatePath is the template that operators install.
const templatePath = "../../examples/elastic/index-template.json"

// mapping is the type of a field, or the fields below it.
type mapping map[string]any

// keyword is the mapping of words that are searched for as they are.
func keyword() mapping { return mapping{"type": "keyword", "ignore_above": 1024} }

// mappingOf returns the mapping of a type of Go as it is in JSON.
func mappingOf(t *testing.T, of reflect.Type) mapping {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	switch {
	case of == reflect.TypeFor[time.Time]():
		return mapping{"type": "date"}
	case of.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return keyword()
	}
	switch of.Kind() {
	case reflect.String:
		return keyword()
	case reflect.Bool:
		return mapping{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64, reflect.Uint32, reflect.Int8:
		return mapping{"type": "long"}
	case reflect.Float64, reflect.Float32:
		return mapping{"type": "double"}
	case reflect.Struct:
		below := mapping{}
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" {
				continue
			}
			if name == "" {
				name = f.Name
			}
			below[name] = mappingOf(t, f.Type)
		}
		return mapping{"properties": below}
	}
	t.Fatalf("%s has no mapping", of)
	return nil
}

// fields returns the fields of ECS, by name.
func fields(t *testing.T) map[string]mapping {
	b, err := os.ReadFile("../../internal/standards/ecs.json")
	if err != nil {
		t.Fatal(err)
	}
	var ecs struct {
		Fields map[string]struct {
			Type        string `json:"type"`
			IgnoreAbove int    `json:"ignore_above"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(b, &ecs); err != nil {
		t.Fatal(err)
	}
	all := map[string]mapping{}
	for name, f := range ecs.Fields {
		all[name] = mapping{"type": f.Type}
		if f.Type == "keyword" {
			all[name] = keyword()
		}
	}
	return all
}

// addFields adds the mappings of what a document has, except below outflow.
func addFields(t *testing.T, below mapping, of map[string]any, path string, known map[string]mapping) {
	for name, v := range of {
		if path == "" && name == "outflow" {
			continue
		}
		full := strings.TrimPrefix(path+"."+name, ".")
		if next, ok := v.(map[string]any); ok && full != "labels" {
			if below[name] == nil {
				below[name] = mapping{"properties": mapping{}}
			}
			addFields(t, below[name].(mapping)["properties"].(mapping), next, full, known)
			continue
		}
		below[name] = known[full]
		if full == "labels" {
			below[name] = mapping{"properties": mapping{"triage_status": keyword(), "triage_verdict": keyword()}}
		}
		if below[name] == nil {
			t.Errorf("%s is no field of ECS", full)
		}
	}
}

// everything is a message that sets every field of a document outside of outflow.
func everything() *alert.Message {
	a := alerttest.Alert()
	a.Techniques = []string{"T1530", "T1567.002"}
	a.Evidence[0].Items[0].Client = alert.Client{IP: "203.0.113.9", Device: "laptop-7"}
	a.Triage = &alert.Triage{Number: 1, Status: alert.TriageResolved, Verdict: alert.VerdictBenign, At: a.Time}
	return &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1", Repeat: true}
}

// TestTemplate checks that the index template that operators install is valid JSON with a mapping for every field that is
// sent, below the limit of fields that an index has.
func TestTemplate(t *testing.T) {
	b, err := json.Marshal(elastic.Document(everything(), "1.0"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	properties := mapping{"outflow": mappingOf(t, reflect.TypeFor[alert.Alert]())}
	addFields(t, properties, doc, "", fields(t))
	template := map[string]any{
		"index_patterns": []string{"outflow-alerts*"},
		"priority":       500,
		"data_stream":    mapping{},
		"template":       mapping{"mappings": mapping{"dynamic": false, "date_detection": false, "properties": properties}},
		"_meta":          mapping{"description": "Alerts of Outflow: a document for each revision and decision"},
	}
	want, err := json.MarshalIndent(template, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(templatePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(templatePath)
	if err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is out of date: go test ./alert/elastic -update (%v)", templatePath, err)
	}
	if n := bytes.Count(want, []byte(`"type":`)) + bytes.Count(want, []byte(`"properties":`)); n > 1000 {
		t.Errorf("%d fields: an index has 1,000 at most unless it says otherwise", n)
	}
}
