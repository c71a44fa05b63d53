package sigma

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func rule(detection string) string {
	return "title: T\nid: r\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n" + detection + "\nlevel: high\n"
}

// TestMatch matches single rules with one record.
func TestMatch(t *testing.T) {
	const record = `{"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","sourceIPAddress":"203.0.113.9",
		"userIdentity":{"type":"IAMUser","userName":"kim","arn":"arn:aws:iam::1:user/kim"},
		"requestParameters":{"name":"main","rules":[{"port":22},{"port":443}],"text":"a*b","path":"C:\\tmp\\x"},
		"errorCode":null,"count":12,"blob":"aGVsbG8gd29ybGQ"}`
	for detection, want := range map[string]bool{
		"    sel:\n        eventName: StopLogging\n    condition: sel":       true,
		"    sel:\n        eventName: stoplogging\n    condition: sel":       true,
		"    sel:\n        eventName|cased: stoplogging\n    condition: sel": false,
		"    sel:\n        eventName: [StartLogging, StopLogging]\n        eventSource: s3.amazonaws.com\n    " +
			"condition: sel": false,
		"    sel:\n        - eventName: DeleteTrail\n        - eventName: StopLogging\n    condition: sel": true,
		"    sel:\n        eventName: 'Stop*'\n    condition: sel":                                         true,
		"    sel:\n        eventName: 'Stop????????'\n    condition: sel":                                  false,
		"    sel:\n        requestParameters.text: 'a\\*b'\n    condition: sel":                            true,
		"    sel:\n        requestParameters.text: 'a\\*c'\n    condition: sel":                            false,
		// the asterisk is escaped
		"    sel:\n        requestParameters.path: 'C:\\tmp\\*'\n    condition: sel":                  false,
		"    sel:\n        requestParameters.path|startswith: 'c:\\tmp'\n    condition: sel":          true,
		"    sel:\n        userIdentity.arn|endswith: user/kim\n    condition: sel":                   true,
		"    sel:\n        userIdentity.arn|contains|all: [iam, kim]\n    condition: sel":             true,
		"    sel:\n        userIdentity.arn|contains|all: [iam, tom]\n    condition: sel":             false,
		"    sel:\n        userIdentity.arn|re: 'user/k.m$'\n    condition: sel":                      true,
		"    sel:\n        userIdentity.arn|re|i: 'USER/K.M$'\n    condition: sel":                    true,
		"    sel:\n        sourceIPAddress|cidr: 203.0.113.0/24\n    condition: sel":                  true,
		"    sel:\n        sourceIPAddress|cidr: [10.0.0.0/8, 192.168.0.0/16]\n    condition: sel":    false,
		"    sel:\n        count|gte: 12\n    condition: sel":                                         true,
		"    sel:\n        count|lt: 12\n    condition: sel":                                          false,
		"    sel:\n        requestParameters.rules.port: 443\n    condition: sel":                     true,
		"    sel:\n        errorCode: null\n    condition: sel":                                       true,
		"    sel:\n        errorCode|exists: true\n    condition: sel":                                true,
		"    sel:\n        errorMessage|exists: false\n    condition: sel":                            true,
		"    sel:\n        userIdentity.userName|fieldref: userIdentity.userName\n    condition: sel": true,
		"    sel:\n        blob|base64offset|contains: world\n    condition: sel":                     true,
		// hello alone ends inside a group
		"    sel:\n        blob|base64|contains: hello\n    condition: sel":                            false,
		"    sel:\n        USERIDENTITY.username: kim\n    condition: sel":                             true,
		"    words:\n        - stoplogging\n    condition: words":                                      true,
		"    words:\n        - deletetrail\n    condition: words":                                      false,
		"    a:\n        eventName: StopLogging\n    b:\n        count: 1\n    condition: a and not b": true,
		"    a:\n        eventName: StopLogging\n    b:\n        count: 1\n    condition: not (a and not " +
			"b)": false,
		"    sel_a:\n        count: 1\n    sel_b:\n        count: 12\n    condition: 1 of sel_*":   true,
		"    sel_a:\n        count: 1\n    sel_b:\n        count: 12\n    condition: all of sel_*": false,
		"    sel_a:\n        count: 1\n    sel_b:\n        count: 12\n    condition: any of them":  true,
		"    sel:\n        eventName: StopLogging\n    filter:\n        userIdentity.userName: kim\n    condition: sel " +
			"and not 1 of filter*": false,
	} {
		set, bad, err := Load(write(t, map[string]string{"r.yml": rule(detection)}), nil)
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: %v %v", detection, bad, err)
			continue
		}
		var r Record
		r.Reset([]byte(record))
		got := false
		NewMatcher(set).Match(event.CloudTrail, "StopLogging", &r, func(*Rule, [][2]string) { got = true })
		if got != want {
			t.Errorf("%s: %v", detection, got)
		}
	}
}

// TestModifiers checks single comparisons with one value of a field.
func TestModifiers(t *testing.T) {
	for _, x := range []struct {
		key, want, value string // want and value as YAML and JSON
		match            bool
	}{
		{"x|neq", "a", `"b"`, true}, {"x|neq", "a", `"A"`, false}, {"x|neq", "[a, b]", `"b"`, false}, {"y|neq", "a", `"b"`, true},
		{"x|neq|contains", "a", `"bab"`, false}, {"x|neq|exists", "true", `1`, false},
		{"x", "null", `null`, true}, {"x", "null", `""`, false}, {"x", "''", `""`, true}, {"x", "''", `null`, false}, {"x", "null", `[null, 1]`, false},
		{"x|exists", "true", `null`, true}, {"x|exists", "true", `{}`, true}, {"x|exists", "true", `[]`, true}, {"y|exists", "true", `1`, false},
		{"x|contains", "needle", `{"a": {"b": "a Needle"}}`, true}, {"x|contains", `'"a":{'`, `{"a": {"b": 1}}`, true}, {"x.a.b", "1", `{"a": {"b": 1}}`, true},
		{"x.a", "1", `[{"a": 2}, {"a": 1}]`, true}, {"x", "1", `[2, 1]`, true}, {"x.a.b", "1", `{"a.b": 1}`, true},
		{"x|windash|contains", "' -f '", `"a /f b"`, true}, {"x|windash", "/a-b", `"–a―b"`, true}, {"x|windash", "-a", `"a"`, false},
		{"x|base64offset|contains|all", "[hello, world]", `"aGVsbG8gd29ybGQ="`, true}, {"x|expand|all", "['%names%', 'k*']", `"kim"`, true},
		{"x|windash|base64offset|contains", "-f", `"eCAvZiB5"`, true},
		{"x|wide|base64offset|contains", "foo", `"ZgBvAG8A"`, true}, {"x|utf16le|base64", "foo", `"ZgBvAG8A"`, true},
		{"x|utf16be|base64", "foo", `"AGYAbwBv"`, true}, {"x|utf16|base64", "foo", `"//5mAG8AbwA="`, true}, {"x|base64", "foo", `"Zm9v"`, true},
		{"x|expand", "'%names%'", `"kim"`, true}, {"x|expand", "'%names%'", `"lee.2"`, true}, {"x|expand", "'a %names% b'", `"a kim b"`, true},
		{"x|expand", `'\%names%'`, `"%names%"`, true}, {"x", "'%names%'", `"kim"`, false}, {"x|expand|contains", "'%names%/'", `"x/kim/y"`, true},
		{"x|hour", "3", `"2026-03-02T03:59:00Z"`, true}, {"x|hour", "3", `"2026-03-02T03:59:00+05:00"`, true}, {"x|hour|gte", "22", `"2026-03-02 23:00:00"`, true},
		{"x|minute", "59", `"2026-03-02T03:59:00.123Z"`, true}, {"x|day", "2", `1772420400000`, true}, {"x|week", "10", `"2026-03-02T03:59:00"`, true},
		{"x|month", "[1, 3]", `1772420400`, true}, {"x|year|lt", "2026", `"2026-03-02"`, false}, {"x|year", "2026", `"yesterday"`, false},
		{"x|cidr", "10.0.0.1", `"10.0.0.1"`, true}, {"x|cidr", "2001:db8::/32", `"2001:db8::7"`, true}, {"x|cidr", "10.0.0.0/8", `"::ffff:10.1.2.3"`, true},
		{"x|fieldref", "z", `"Same"`, true}, {"x|fieldref|startswith", "z", `"samest"`, true}, {"x|fieldref|endswith", "z", `"samest"`, false},
		{"x|fieldref|contains", "[y, z]", `"a same"`, true}, {"x|cased|fieldref", "z", `"Same"`, false}, {"x|fieldref|neq", "z", `"other"`, true},
		{"x|re|startswith", "a.", `"xab"`, false}, {"x|re|endswith", "a|b", `"xab"`, true}, {"x|re|i", "AB", `"xab"`, true}, {"x|re|s", "a.b", `"a\nb"`, true},
		{"x|re|m", "^b", `"a\nb"`, true}, {"x|gt", "3", `4`, true}, {"x|lte", "3", `"4"`, false}, {"x|cased|contains", "A", `"bab"`, false},
		{"x", "'a\\\\*'", `"a\\b"`, true}, {"x", "'a\\*'", `"a*"`, true}, {"x|startswith", "'*b'", `"ab c"`, true},
		{"'|all'", "[same, x]", `1`, true}, {"'|all'", "[same, w]", `1`, false}, {"'|cased'", "Same", `1`, false}, {"'|re'", "^sa", `1`, true},
	} {
		c := &compiler{placeholders: map[string][]string{"names": {"kim", "lee*"}}}
		s := newSet()
		body := rule("    sel:\n        " + x.key + ": " + x.want + "\n    condition: sel")
		if bad := s.add(c, "r.yml", []byte(body)); len(bad) > 0 {
			t.Errorf("%s: %v", x.key, bad)
			continue
		}
		s.index()
		var r Record
		r.Reset([]byte(`{"x":` + x.value + `,"z":"same"}`))
		got := false
		NewMatcher(s).Match(event.CloudTrail, "", &r, func(*Rule, [][2]string) { got = true })
		if got != x.match {
			t.Errorf("%s: %s with %s: %v", x.key, x.want, x.value, got)
		}
	}
}

// TestParameters reads lists of {name, value} in the forms of vendors.
func TestParameters(t *testing.T) {
	for record, want := range map[string]bool{
		`{"events":[{"name":"E","parameters":[{"name":"SETTING","value":"a"},{"name":"NEW","value":"off"}]}]}`:                            true,
		`{"events":[{"parameters":[{"value":"a","name":"SETTING"},{"multiValue":["on","off"],"name":"NEW"}]}]}`:                           true,
		`{"events":{"parameters":{"name":"SETTING","value":"a"}},"parameters":[{"name":"NEW","value":"off"}]}`:                            true,
		`{"protoPayload":{"metadata":{"event":[{"parameter":[{"name":"SETTING","value":"a"},{"name":"NEW","multiStrValue":["off"]}]}]}}}`: true,
		`{"record_type":"admin","admin":{"SETTING":"a","new":"off"}}`:                                                                     true,
		`{"SETTING":"a","NEW":"off"}`: true,
		`{"events":[{"parameters":[{"name":"SETTING","value":"b"},{"name":"NEW","value":"off"}]}]}`: false,
		`{"events":[{"parameters":[{"name":"SETTING"},{"name":"NEW","value":"off"}]}]}`:             false,
	} {
		s := newSet()
		body := strings.Replace(rule("    sel:\n        setting: a\n        new: 'off'\n    condition: sel"),
			"product: aws\n    service: cloudtrail", "service: google_workspace.admin", 1)
		if bad := s.add(&compiler{}, "r.yml", []byte(body)); len(bad) > 0 {
			t.Fatal(bad)
		}
		s.index()
		var r Record
		r.Reset([]byte(record))
		got := false
		NewMatcher(s).Match(event.GoogleWorkspace, "E", &r, func(*Rule, [][2]string) { got = true })
		if got != want {
			t.Errorf("%s: %v", record, got)
		}
	}
}

// TestFilters checks which rules a filter narrows.
func TestFilters(t *testing.T) {
	base := rule("    sel:\n        eventName: X\n    condition: sel")
	filter := "---\ntitle: F\nlogsource: {%s}\nfilter:\n    rules: %s\n    kim: {user: kim}\n    condition: not kim\n"
	for _, x := range []struct {
		log, rules string
		match      bool
		bad        string
	}{
		{"product: aws", "any", false, ""}, {"product: aws, service: cloudtrail", "[r]", false, ""}, {"product: okta", "any", true, ""},
		{"product: aws", "[other]", true, `r.yml:12: the filter is for "other", which is no rule here`}, {"product: okta", "[r]", true, "whose logsource is another"},
		{"product: aws", "[]", false, ""}, {"product: aws, category: x", "any", true, ""},
	} {
		set, bad, err := Load(write(t, map[string]string{"r.yml": base + fmt.Sprintf(filter, x.log, x.rules)}), nil)
		if err != nil || (x.bad == "") != (len(bad) == 0) || x.bad != "" && !strings.Contains(bad[0].Error(), x.bad) {
			t.Errorf("%+v: %v %v", x, bad, err)
			continue
		}
		for user, want := range map[string]bool{"kim": x.match, "lee": true} {
			var r Record
			r.Reset([]byte(`{"eventName":"X","user":"` + user + `"}`))
			got := false
			NewMatcher(set).Match(event.CloudTrail, "X", &r, func(*Rule, [][2]string) { got = true })
			if got != want {
				t.Errorf("%+v: %s: %v", x, user, got)
			}
		}
	}
}

// TestNever checks that rules which can match nothing are named, and no others.
func TestNever(t *testing.T) {
	correlated := func(c string) string {
		return rule("    a:\n        eventName: X\n    condition: a") + "---\ntitle: C\nid: c\ncorrelation:\n    rules: [r]\n    timespan: 5m\n    " + c + "\n"
	}
	for body, want := range map[string]string{
		rule("    a:\n        status: ok\n    condition: a"):                                                           `no field "status"`,
		rule("    a:\n        status: null\n    condition: not a"):                                                     "excludes every record",
		rule("    a:\n        status|exists: false\n    b:\n        eventName: X\n    condition: a and b"):             "",
		rule("    a:\n        status: ok\n    b:\n        eventName: X\n    condition: a or b"):                        "",
		rule("    a:\n        status|neq: ok\n    condition: a"):                                                       "",
		rule("    a:\n        eventType: ApiCall\n    condition: a"):                                                   "has no such value",
		rule("    a:\n        eventType: [ApiCall, AwsApiCall]\n    condition: a"):                                     "",
		rule("    a:\n        eventType|contains: Call\n    condition: a"):                                             "",
		rule("    a:\n        eventTime|hour|gt: 23\n    condition: a"):                                                "no date has such a value",
		rule("    a:\n        eventTime|hour|gte: 23\n    condition: a"):                                               "",
		rule("    a:\n        eventName: [X, Y]\n    b:\n        eventName|startswith: Z\n    condition: a and b"):     `no value of "eventName"`,
		rule("    a:\n        eventName: [X, Y]\n    b:\n        eventName|startswith: Z\n    condition: a and not b"): "",
		rule("    a:\n        eventName: [X, Y]\n    b:\n        eventName|neq: X\n    condition: a and b"):            "",
		rule("    a:\n        eventName: X\n    b:\n        eventName|neq: X\n    condition: a and b"):                 `no value of "eventName"`,
		correlated("type: event_count\n    condition: {gte: 5000}"):                                                    "",
		correlated("type: event_count\n    condition: {gt: 5, lt: 3}"):                                                 "no number of events",
		correlated("type: event_count\n    condition: {lt: 1}"):                                                        "no number of events",
		correlated("type: value_count\n    condition: {gte: 5000, field: a}"):                                          "no possible count",
		correlated("type: temporal\n    condition: {gte: 2}"):                                                          "no possible count",
		strings.Replace(correlated("type: temporal\n    group-by: [a]"), "eventName: X", "b: 1", 1):                    `the rule "T" never matches`,
	} {
		set, bad, err := Load(write(t, map[string]string{"r.yml": body}), nil)
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: %v %v", body, bad, err)
			continue
		}
		got := set.Rules[len(set.Rules)-1].Never()
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s\n%q, want %q", body, got, want)
		}
	}
}

// TestRow matches a rule with rows of a table, whose column names are written in different
// ways.
func TestRow(t *testing.T) {
	set, bad, err := Load(write(t, map[string]string{"r.yml": rule(
		"    sel:\n        event_Name: StopLogging\n        Source IP address|cidr: 203.0.113.0/24\n    condition: sel")}), nil)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	columns := []string{plain.Column("Event name"), plain.Column("SOURCE_IP_ADDRESS"), plain.Column("Other")}
	for cells, want := range map[string]bool{
		"StopLogging 203.0.113.9 x":  true,
		"StopLogging 203.0.114.9 x":  false,
		"StartLogging 203.0.113.9 x": false,
		"StopLogging":                false,
	} {
		var row [][]byte
		for _, c := range strings.Fields(cells) {
			row = append(row, []byte(c))
		}
		var r Record
		r.ResetRow(columns, row)
		got := false
		NewMatcher(set).Match(event.CloudTrail, strings.Fields(cells)[0], &r, func(*Rule, [][2]string) { got = true })
		if got != want {
			t.Errorf("%s: %v", cells, got)
		}
	}
}

// TestErrors checks that errors name the line, and that other rules remain usable.
func TestErrors(t *testing.T) {
	for body, want := range map[string]string{
		rule("    sel:\n        a|near: b\n    condition: sel"):                                                                                       `r.yml:8: the modifier "near" is not supported`,
		rule("    sel:\n        a|expand: '%p%'\n    condition: sel"):                                                                                 `r.yml:8: the placeholder "%p%" has no values`,
		rule("    sel:\n        a|i: b\n    condition: sel"):                                                                                          "r.yml:8: the modifier i belongs behind re",
		rule("    sel:\n        a|hour: 24\n    condition: sel"):                                                                                      "r.yml:8: 24 is no hour",
		rule("    sel:\n        a|hour|contains: 2\n    condition: sel"):                                                                              "the modifiers hour and contains do not go together",
		rule("    sel:\n        a|exists: maybe\n    condition: sel"):                                                                                 "exists takes true or false",
		rule("    sel:\n        a|base64: 'x*'\n    condition: sel"):                                                                                  "a value with wildcards cannot be encoded",
		rule("    sel:\n        a: []\n    condition: sel"):                                                                                           "is compared with an empty list",
		strings.Replace(rule("    a:\n        b: c\n    condition: a"), "level:", "levle:", 1):                                                        `"levle" is no attribute of a rule: level?`,
		"title: C\ncorrelation:\n    type: event_count\n    rules: [good]\n    timespan: 5m\n    groupby: [a]\n    condition: {gte: 5}\n":             `r.yml:6: "groupby" is no part of a correlation`,
		"title: C\ncorrelation:\n    type: value_sum\n    rules: [good]\n    timespan: 5m\n    condition: {gte: 5}\n":                                 "value_sum needs a field",
		"title: C\ncorrelation:\n    type: value_avg\n    rules: [good]\n    timespan: 5m\n    condition: {gte: 5, field: [a, b]}\n":                  "value_avg takes one field",
		"title: C\ncorrelation:\n    type: event_count\n    rules: [good]\n    timespan: 5m\n    aliases: {a: {other: b}}\n    condition: {gte: 5}\n": `the alias "a" is for "other"`,
		"title: C\nname: c\ncorrelation:\n    type: event_count\n    rules: [c]\n    timespan: 5m\n    condition: {gte: 5}\n":                         "which is over the correlation",
		"title: F\nfilter:\n    rules: any\n    condition: a\n":                                                                                       "the filter has no logsource",
		"title: F\nlogsource: {product: aws}\nfilter:\n    a: {b: c}\n    condition: a\n":                                                             "the filter names no rules",
		rule("    sel:\n        a|re: '('\n    condition: sel"):                                                                                       "r.yml:8: the regular expression cannot be compiled",
		rule("    sel:\n        a: b\n    condition: other"):                                                                                          `r.yml:9: the condition names "other", which is no selection`,
		rule("    sel:\n        a: b\n    condition: sel | count() > 5"):                                                                              "r.yml:9: aggregations after | are no longer part of Sigma",
		rule("    sel:\n        a: b\n    condition: (sel"):                                                                                           "r.yml:9: a bracket of the condition is not closed",
		rule("    sel:\n        a: b"):                                                                                                                "the detection has no condition",
		rule("    sel:\n        a|cidr: x\n    condition: sel"):                                                                                       "is not a range of addresses",
		rule("    sel:\n        a|gt: x\n    condition: sel"):                                                                                         "is not a number",
		rule(
			"    sel:\n        a:\n            b: c\n    condition: sel"): "is compared with a map",
		"title: T\ndetection:\n    a:\n        b: c\n    condition: a\n": "the rule has no logsource",
		strings.Replace(rule("    a:\n        b: c\n    condition: a"), "high", "urgent",
			1): `"urgent" is not a level`,
		"title: C\ncorrelation:\n    type: event_count\n    rules: [x]\n    timespan: 5 minutes\n": "is not a timespan",
		"title: C\ncorrelation:\n    type: event_count\n    rules: [x]\n    timespan: 5m\n    condition:\n        gte: " +
			"5\n": `the correlation is over "x", which is no rule here`,
		"title: C\ncorrelation:\n    type: sequence\n    rules: [x]\n    timespan: 5m\n": "is not a type of correlation",
		"title: C\ncorrelation:\n    type: value_count\n    rules: [x]\n    timespan: 5m\n    condition:\n        gte: " +
			"5\n": "value_count needs a field",
		"a: [":  "r.yml:1: ",
		"a: &a": "r.yml",
	} {
		good := strings.Replace(rule("    a:\n        eventName: X\n    condition: a"), "id: r", "id: good", 1)
		set, bad, err := Load(write(t, map[string]string{"r.yml": body, "good.yml": good}), nil)
		if err != nil || len(bad) != 1 || !strings.Contains(bad[0].Error(), want) {
			t.Errorf("%s\ngot %v %v, want %s", body, bad, err, want)
		} else if set.Rule("good") == nil {
			t.Errorf("%s\nspoils the other rule", body)
		}
	}
	set, bad, err := Load(write(t, map[string]string{"r.yml": strings.Replace(rule("    a:\n        b: c\n    condition: a"),
		"product: aws", "product: windows", 1)}), nil)
	if err != nil || len(bad) > 0 || len(set.Rules) > 0 || len(set.Skipped) != 1 ||
		!strings.Contains(set.Skipped[0].Reason, "windows/cloudtrail") {
		t.Errorf("%+v %v %v", set, bad, err)
	}
}

// TestCandidates checks that rules are evaluated only for actions that they can match.
func TestCandidates(t *testing.T) {
	set, _, err := Load(write(t, map[string]string{"a.yml": rule("    a:\n        eventName: [StopLogging, DeleteTrail]\n    condition: a"),
		"b.yml": strings.Replace(rule(
			"    a:\n        eventName|contains: Logging\n    b:\n        x: y\n    condition: a and not b"), "id: r", "id: b", 1),
		"c.yml": strings.Replace(rule("    a:\n        userAgent: x\n    condition: a"), "id: r", "id: c", 1)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatcher(set)
	for action, want := range map[string]int{"StopLogging": 3, "StartLogging": 2, "GetObject": 1} {
		for range 2 {
			if got := len(m.candidates(event.CloudTrail, action)); got != want {
				t.Errorf("%s: %d candidates, want %d", action, got, want)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(rule("    sel:\n        a|contains|all: [b, c]\n    condition: 1 of sel* and not (sel)"))
	f.Add("title: C\ncorrelation:\n    type: temporal\n    rules: [x]\n    group-by: [a]\n    timespan: 5m\n")
	f.Fuzz(func(t *testing.T, body string) {
		s := newSet()
		c := &compiler{placeholders: map[string][]string{"p": {"a", "b*"}}}
		s.add(c, "f.yml", []byte(body))
		s.link()
		s.apply(c)
		s.index()
		var r Record
		r.Reset([]byte(body))
		NewMatcher(s).Match(event.CloudTrail, body, &r, func(*Rule, [][2]string) {})
	})
}
