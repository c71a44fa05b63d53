package cloudtrail

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
)

// TestOperations compares the tables with the calls that the API models of AWS list: each has a class.
func TestOperations(t *testing.T) {
	const file = "testdata/operations.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	byClass := map[string]map[string][]string{}
	eachOperation(string(text), func(service, _ string, names []string) {
		if byClass[service] == nil {
			services, byClass[service] = append(services, service), map[string][]string{}
		}
		for _, name := range names {
			class := classOf(service, name)
			if class == "" {
				t.Fatalf("%s: %s has no class", service, name)
			}
			byClass[service][class] = append(byClass[service][class], name)
		}
	})
	var b strings.Builder
	b.WriteString("# The calls that the API models of these services list, by the class that each has here.\n")
	for _, service := range services {
		b.WriteString("\n" + service + "\n")
		var classes []string
		for class := range byClass[service] {
			classes = append(classes, class)
		}
		slices.Sort(classes)
		for _, class := range classes {
			slices.Sort(byClass[service][class])
			fmt.Fprintf(&b, "  %s\n", class)
			line := "   "
			for _, name := range byClass[service][class] {
				if len(line)+len(name) > 118 {
					b.WriteString(line + "\n")
					line = "   "
				}
				line += " " + name
			}
			b.WriteString(line + "\n")
		}
	}
	if b.String() == string(text) {
		return
	}
	if !ingesttest.Update() {
		t.Fatal("calls have other classes: run with -update and read the difference")
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// classOf returns the class of a call, or configuration; "" if it has no meaning.
func classOf(service, name string) string {
	r := record{source: service + ".amazonaws.com", name: name}
	switch c, known := r.operation(); {
	case !known:
		return ""
	case c.class != event.Other:
		return c.class.String()
	default:
		return "configuration"
	}
}

// TestUnknownOperations finds no meaning in calls that the tables do not have.
func TestUnknownOperations(t *testing.T) {
	for name, want := range map[string]string{
		"dynamodb/GetEverything": "", "dynamodb/DescribeSomethingNew": "configuration", "rds/CopyDBVolume": "",
		"newservice/GetThing": "configuration", "lambda/GetFunction20150331v2": "download", "s3express/GetObject": "download",
		"lambda/ListFunctions20150331": "configuration",
	} {
		service, call, _ := strings.Cut(name, "/")
		if got := classOf(service, call); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"DeleteDBSnapshot": "dbsnapshot", "DeleteFileSystem": "file system", "GetFunction20150331v2": "function", "Query": "",
	} {
		if got := kindOf(name); got != want {
			t.Errorf("%s is about %q, want %q", name, got, want)
		}
	}
}
