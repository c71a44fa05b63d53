package all

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	hub "github.com/outflow/outflow/alert/securityhub"
	"github.com/outflow/outflow/alert/syslog"
)

// decided is a message about a decision, after one about the first revision.
func decided(status alert.TriageStatus, verdict alert.Verdict) *alert.Message {
	a := alerttest.Alert()
	before := &alert.Told{Revision: 1, Severity: a.Severity, Observed: a.Observed, Unit: a.Unit, Events: 41}
	a.Triage = &alert.Triage{Number: 1, Status: status, Verdict: verdict, Assignee: "kim", By: "lee", At: alerttest.Now}
	return &alert.Message{Alert: a, Decision: true, Before: before}
}

// TestDecisionPagerDuty acknowledges and resolves the incident, and wakes nobody for what is new about a closed alert,
// unless its severity rises.
func TestDecisionPagerDuty(t *testing.T) {
	closed := decided(alert.TriageResolved, alert.VerdictFalse)
	later := *closed
	later.Decision = false
	worse := later
	worse.Before = &alert.Told{Revision: 1, Severity: alert.Medium}
	withdrawn := worse
	withdrawn.Alert.Withdrawn = true
	for i, c := range []struct {
		m    *alert.Message
		want string
	}{
		{decided(alert.TriageInProgress, ""), "acknowledge"},
		{closed, "resolve"},
		{decided(alert.TriageSuppressed, alert.VerdictBenign), "resolve"},
		{decided(alert.TriageNew, ""), "trigger"},
		{&later, "resolve"},
		{&worse, "trigger"},
		{&withdrawn, "resolve"},
	} {
		var e struct {
			Key     string `json:"dedup_key"`
			Action  string `json:"event_action"`
			Payload *struct{ Severity string }
		}
		err := json.Unmarshal(one(t, "pagerduty", c.m).Body, &e)
		if err != nil || e.Key != c.m.Alert.ID || e.Action != c.want || (e.Payload != nil) != (c.want == "trigger") {
			t.Errorf("%d: %+v, %v; want %s", i, e, err, c.want)
		}
	}
}

// TestDecisionTickets comments on a decision, and changes priority and status only where that is configured.
func TestDecisionTickets(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	raised := decided(alert.TriageResolved, alert.VerdictBenign)
	raised.Before.Severity = alert.Medium
	const transitions = "GET /rest/api/3/issue/SEC-1/transitions"
	for _, c := range []struct {
		kind, settings string
		refuse         bool // changes of the issue
		want           []string
	}{
		{"jira", "", false, []string{"POST /rest/api/3/issue/SEC-1/comment"}},
		{"jira", "priorities: {high: Highest}\ntransitions: {resolved: done}", false, []string{
			`PUT /rest/api/3/issue/SEC-1 {"fields":{"priority":{"name":"Highest"}}}`,
			transitions, `POST /rest/api/3/issue/SEC-1/transitions {"transition":{"id":"31"}}`,
			"POST /rest/api/3/issue/SEC-1/comment",
		}},
		{"jira", "priorities: {high: Highest}\ntransitions: {resolved: Nowhere}", true, []string{
			`PUT /rest/api/3/issue/SEC-1 {"fields":{"priority":{"name":"Highest"}}}`, transitions,
			"POST /rest/api/3/issue/SEC-1/comment",
		}},
		{"servicenow", "", false, []string{"PATCH /api/now/table/incident/SEC-1"}},
		{"servicenow", "states: {resolved: \"6\"}\nclose_code: Duplicate", false, []string{"PATCH /api/now/table/incident/SEC-1"}},
	} {
		r := alerttest.NewReceiver(t, "")
		r.Set(func(q *http.Request) (int, http.Header, string) {
			switch {
			case q.Method == http.MethodGet:
				return 200, nil, `{"transitions":[{"id":"11","name":"To Do"},{"id":"31","name":"Done"}]}`
			case q.Method == http.MethodPut && c.refuse:
				return 400, nil, `{"errors":{"priority":"Field 'priority' cannot be set. It is not on the appropriate screen, or unknown."}}`
			case q.Method == http.MethodPut, strings.HasSuffix(q.URL.Path, "/transitions"):
				return 204, nil, ""
			}
			return 201, nil, `{"id":"1","result":{"sys_id":"SEC-1"}}`
		})
		n := alerttest.Open(t, kindOf(c.kind), fmt.Sprintf(overHTTP[c.kind].settings, r.URL)+"\n"+c.settings)
		m := *raised
		m.Ref = "SEC-1"
		if _, err := n.Notify(t.Context(), &m); err != nil {
			t.Errorf("%s: %v", c.kind, err)
		}
		list := r.Take()
		var got []string
		for _, q := range list {
			line := q.Method + " " + q.Path
			if len(q.Body) > 0 && len(q.Body) < 100 {
				line += " " + string(q.Body)
			}
			got = append(got, line)
		}
		last := string(list[len(list)-1].Body)
		if !slices.Equal(got, c.want) || !strings.Contains(last, "Closed by lee: benign.") || strings.Contains(last, "budget.xlsx") ||
			strings.Contains(last, "refused to change the priority") != c.refuse {
			t.Errorf("%s %q: %q, want %q; last %s", c.kind, c.settings, got, c.want, last)
		}
		if want := `"state":"6"`; c.kind == "servicenow" && (strings.Contains(last, want) != (c.settings != "") || !strings.Contains(last, `"urgency":"1"`)) {
			t.Errorf("%q: %s", c.settings, last)
		}
	}
}

// TestDecisionSecurityHub maps what was decided to the workflow and the verification of a finding.
func TestDecisionSecurityHub(t *testing.T) {
	withdrawn := decided(alert.TriageInProgress, "")
	withdrawn.Alert.Withdrawn = true
	masked := decided(alert.TriageResolved, alert.VerdictTrue)
	masked.Alert = alerttest.Mask().Alert(&masked.Alert)
	for want, m := range map[string]*alert.Message{
		"NOTIFIED UNKNOWN lee: Acknowledged by lee: somebody works on it.":                               decided(alert.TriageInProgress, ""),
		"RESOLVED FALSE_POSITIVE lee: Closed by lee: false positive.":                                    decided(alert.TriageResolved, alert.VerdictFalse),
		"RESOLVED TRUE_POSITIVE Outflow: Closed: true positive.":                                         masked,
		"SUPPRESSED BENIGN_POSITIVE lee: Suppressed by lee: alerts like this one are muted for a while.": decided(alert.TriageSuppressed, alert.VerdictBenign),
	} {
		f := hub.Finding(m, "eu-west-1", "123456789012", alerttest.Now)
		u := hub.Update(m, &f)
		if got := fmt.Sprintf("%s %s %s: %s", u.Workflow.Status, u.VerificationState, *u.Note.UpdatedBy, *u.Note.Text); got != want ||
			*u.FindingIdentifiers[0].Id != m.Alert.ID {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f := hub.Finding(withdrawn, "eu-west-1", "123456789012", alerttest.Now)
	if u := hub.Update(withdrawn, &f); f.RecordState != "ARCHIVED" || u.Workflow.Status != "RESOLVED" || f.Workflow != nil {
		t.Errorf("withdrawn: %s, %s", f.RecordState, u.Workflow.Status)
	}
}

// TestDecisionPrograms has the decision in what programs get.
func TestDecisionPrograms(t *testing.T) {
	m := decided(alert.TriageResolved, alert.VerdictFalse)
	for _, name := range []string{"webhook", "splunk_hec", "elastic"} {
		if body := string(one(t, name, m).Body); !strings.Contains(body, `"triage":{"number":1,"status":"resolved","verdict":"false_positive"`) {
			t.Errorf("%s: %s", name, body)
		}
	}
	text := syslog.Format(m, "host", "test", 64999)
	if !strings.Contains(text, " act=triage ") || !strings.Contains(text, " cs6Label=triage cs6=closed, false positive") ||
		!strings.Contains(text, ` alert [outflow@64999 id="`+m.Alert.ID+`" revision="1" severity="high"] CEF:0|`) {
		t.Error(text)
	}
	if text := syslog.Format(m, "host", "test", 0); !strings.Contains(text, " outflow - alert - CEF:0|") {
		t.Error(text)
	}
}

// TestManyDecisions tells people of many decisions in one message, without anything about one of them.
func TestManyDecisions(t *testing.T) {
	m := decided(alert.TriageResolved, alert.VerdictFalse)
	m.Others, m.Ref, m.Before = []alert.Alert{m.Alert, m.Alert}, "", nil
	const headline = "3 alerts triaged: 3 closed, false positive"
	for _, name := range []string{"slack", "teams"} {
		body := one(t, name, m).Body
		text := alerttest.Text(body)
		if !strings.Contains(text, headline) || strings.Contains(text, "budget") || strings.Contains(string(body), `"fields":[]`) ||
			strings.Contains(string(body), `"fields":null`) || strings.Contains(string(body), "FactSet") {
			t.Errorf("%s: %s", name, body)
		}
	}
	address, got := alerttest.SMTP(t, "")
	n := alerttest.Open(t, kindOf("email"), "server: \""+address+"\"\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]")
	if ref, err := n.Notify(t.Context(), m); err != nil || ref != "" {
		t.Fatal(ref, err)
	}
	if mail := <-got; !strings.Contains(mail, headline) || strings.Contains(mail, "budget") {
		t.Errorf("%s", mail)
	}
}
