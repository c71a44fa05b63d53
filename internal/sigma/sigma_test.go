package sigma

import (
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
		rule("    sel:\n        a|near: b\n    condition: sel"):          `r.yml:8: the modifier "near" is not supported`,
		rule("    sel:\n        a|re: '('\n    condition: sel"):          "r.yml:8: the regular expression cannot be compiled",
		rule("    sel:\n        a: b\n    condition: other"):             `r.yml:9: the condition names "other", which is no selection`,
		rule("    sel:\n        a: b\n    condition: sel | count() > 5"): "r.yml:9: aggregations after | are no longer part of Sigma",
		rule("    sel:\n        a: b\n    condition: (sel"):              "r.yml:9: a bracket of the condition is not closed",
		rule("    sel:\n        a: b"):                                   "the detection has no condition",
		rule("    sel:\n        a|cidr: x\n    condition: sel"):          "is not a range of addresses",
		rule("    sel:\n        a|gt: x\n    condition: sel"):            "is not a number",
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
