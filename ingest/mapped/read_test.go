package mapped_test

import (
	"os"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/mapped"
	"github.com/outflow/outflow/internal/event"
)

func TestTables(t *testing.T) { ingesttest.Run(t, nil, compiled(t)) }

func FuzzTables(f *testing.F) { ingesttest.Fuzz(f, nil, compiled(f)) }

// TestCompile refuses declarations that cannot be, and says why.
func TestCompile(t *testing.T) {
	const columns = "columns: {time: T, user: U, action: A}"
	for text, want := range map[string]string{
		"[{source: box}]":                                                                                                                  "table 1: a name of its own is required, which no known table has",
		"[{name: slack_csv, source: slack}]":                                                                                               "table 1: a name of its own is required, which no known table has",
		"[{name: a b, source: box}]":                                                                                                       "table a b: the name has blanks or control characters",
		"[{name: a, source: hr}]":                                                                                                          `table a: source "hr": aws_cloudtrail, m365, google_workspace, box, `,
		"[{name: a, source: box}]":                                                                                                         "table a: columns: time is required",
		"[{name: a, source: box, columns: {time: T, user: U}}]":                                                                            "table a: columns: action is required, or the class of all rows",
		"[{name: a, source: box, columns: {time: T, user: U}, class: got}]":                                                                `table a: class: there is no class "got"`,
		"[{name: a, source: box, columns: {time: T, user: U, action: A}, class: view}]":                                                    "table a: class: it is for tables without a column of actions",
		"[{name: a, source: box, columns: {tme: T}}]":                                                                                      `table a: columns: "tme" is none of time, user, `,
		"[{name: a, source: box, columns: {time: T, user: U, action: [X, t]}}]":                                                            `table a: columns: "t" is used twice, for time and action`,
		"[{name: a, source: box, columns: {time: T, user: U, action: []}}]":                                                                "table a: columns: action: a name of a column is required",
		"[{name: a, source: box, columns: {time: T, user: U, action: ' - '}}]":                                                             "table a: columns: action: a name of a column is required",
		"[{name: a, source: box, " + columns + "}]":                                                                                        "table a: actions are required",
		"[{name: a, source: box, " + columns + ", actions: {x: downlod}}]":                                                                 `table a: actions: x: there is no class "downlod"`,
		"[{name: a, source: box, " + columns + ", actions: {x: person}}]":                                                                  `table a: actions: x: there is no class "person"`,
		"[{name: a, source: box, " + columns + ", actions: {x: other}}]":                                                                   `table a: actions: x: there is no class "other"`,
		"[{name: a, source: box, " + columns + ", actions: {X Y: view, 'x  y.': edit}}]":                                                   `two meanings`,
		"[{name: a, source: box, " + columns + ", actions: {x: view}, zone: Nowhere}]":                                                     `table a: zone: "Nowhere" is not a zone`,
		"[{name: a, source: box, " + columns + ", actions: {x: view}, date_order: d}]":                                                     `table a: date_order: "d" is not one of`,
		"[{name: a, source: box, " + columns + ", actions: {x: view}, outcomes: {ok: success}}]":                                           "table a: outcomes: there is no column outcome",
		"[{name: a, source: box, columns: {time: T, user: U, action: A, outcome: O}, actions: {x: view}}]":                                 "table a: outcomes: what the words of the column outcome mean is required",
		"[{name: a, source: box, columns: {time: T, user: U, action: A, visibility: V}, actions: {x: view}, visibility: {all: everyone}}]": `table a: visibility: all: "everyone" is none of external, internal, private, public, public_link`,
		"[{name: a, source: box, columns: {time: T, user: U, action: A, outcome: O}, actions: {x: view}, outcomes: {ok: fine}}]":           `table a: outcomes: ok: "fine" is none of denied, failure, success`,
	} {
		_, err := mapped.Compile(tables(t, text), all.Tables)
		if err == nil {
			t.Errorf("%s is accepted", text)
		} else if got := err.Error(); !strings.Contains(got, want) {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	twice := tables(t, declared)
	twice[1].Name = twice[0].Name
	if _, err := mapped.Compile(twice, nil); err == nil {
		t.Error("two tables of one name are accepted")
	}
}

// TestAnotherTable has a table that lacks a declared column be another one.
func TestAnotherTable(t *testing.T) {
	table := compiled(t)[1]
	whole := ingest.Header{"job", "who", "when", "report", "rows", "client", "profile", "givento", "more"}
	if !table.Match(whole) {
		t.Errorf("%v is not recognised", whole)
	}
	if table.Match(whole[1:]) {
		t.Error("a table without actions is recognised")
	}
	if nearest, missing := ingest.Nearest([]*ingest.Table{table}, whole[1:]); nearest != table || len(missing) != 1 || missing[0] != "Job" {
		t.Errorf("nearest: %v, lacks %v", nearest, missing)
	}
}

// TestDocumented requires that the documentation lists the classes that can be declared, and no
// others.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "\nThe classes:\n")
	list, _, _ = strings.Cut(list, "\n## ")
	for c := event.Class(0); c.String() != "unknown"; c++ {
		listed := strings.Contains(list, "`"+c.String()+"`")
		declaration := "[{name: a, source: box, columns: {time: T, user: U, action: A}, actions: {x: " + c.String() + "}}]"
		_, err := mapped.Compile(tables(t, declaration), nil)
		if listed != (err == nil) {
			t.Errorf("%s: listed %t, %v", c, listed, err)
		}
	}
}
