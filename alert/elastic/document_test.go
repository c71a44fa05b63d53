package elastic_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/elastic"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/standards"
)

// check returns the document of a message, which must be one of ECS.
func check(t *testing.T, m *alert.Message) (doc struct {
	Tags  []string
	Event struct {
		Kind     string
		Category []string
		URL      string
	}
	User    struct{ Name, Email string }
	Related struct{ User, IP, Hosts []string }
	Threat  struct {
		Tactic    struct{ ID, Name []string }
		Technique struct {
			ID, Name     []string
			Subtechnique struct{ ID, Name []string }
		}
	}
	Outflow alert.Alert
}) {
	t.Helper()
	b, err := json.Marshal(elastic.Document(m, "1.0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range standards.ECS(b, "outflow").Faults {
		t.Errorf("%s\n%.2000s", f, b)
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocument(t *testing.T) {
	a := alerttest.Alert()
	a.Techniques = []string{"T1530", "T1567.002", "T1078.004", "T1562.001", "T9999"} // the fourth is revoked, the last does not exist
	a.Evidence[0].Items[0].Client = alert.Client{IP: "203.0.113.9", Device: "laptop-7"}
	a.Evidence[0].Items[1].Client = alert.Client{IP: "console"}
	a.Evidence[0].Items[2].Activity, a.Evidence[0].Items[2].Actor = "admin_grant", "bob@acme.example"
	a.Evidence[0].Items[2].Recipients = []string{"*", "@gmail.com", "not an@address <x>"}
	doc := check(t, &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1"})
	for got, want := range map[string]string{
		fmt.Sprint(doc.Event):                                      "{alert [file iam] https://outflow.example/alerts/1}",
		doc.User.Email:                                             alerttest.User,
		strings.Join(doc.Related.User, " "):                        alerttest.User + " eve@gmail.com bob@acme.example",
		fmt.Sprint(doc.Related.IP, doc.Related.Hosts):              "[203.0.113.9] [laptop-7]",
		fmt.Sprint(doc.Threat.Technique.ID):                        "[T1530 T1567 T1078 T1562 T9999]",
		fmt.Sprint(doc.Threat.Technique.Subtechnique.ID):           "[T1567.002 T1078.004 T1562.001]",
		fmt.Sprint(doc.Threat.Tactic.ID):                           "[TA0009 TA0010 TA0001 TA0003 TA0004 TA0005]",
		strings.Join(doc.Threat.Technique.Subtechnique.Name, ", "): "Exfiltration to Cloud Storage, Cloud Accounts, Disable or Modify Tools",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestDocuments checks that documents of every kind of message are of ECS, and whether they count as alerts.
func TestDocuments(t *testing.T) {
	withdrawn := alerttest.Alert()
	withdrawn.Withdrawn, withdrawn.Revision = true, 2
	closed := alerttest.Alert()
	closed.Triage = &alert.Triage{Number: 3, Status: alert.TriageResolved, Verdict: alert.VerdictBenign, At: alerttest.Now}
	long := alerttest.Alert()
	long.Reason, long.User = strings.Repeat("é", 3000), strings.Repeat("u", 2000)+"@acme.example"
	health := alerttest.Alert()
	health.Health, health.User, health.Techniques, health.Evidence = true, "", nil, nil
	bare := alerttest.Alert()
	bare.Evidence[0].Items, bare.Techniques = nil, nil
	for _, c := range []struct {
		m              alert.Message
		kind, category string
	}{
		{alert.Message{Alert: alerttest.Alert()}, "alert", "[file]"},
		{alert.Message{Alert: alerttest.Mask().Alert(&closed)}, "event", "[file]"},
		{alert.Message{Alert: withdrawn}, "event", "[file]"},
		{alert.Message{Alert: alert.Sample(alerttest.Now), Test: true, Repeat: true}, "event", "[file]"},
		{alert.Message{Alert: long}, "alert", "[file]"},
		{alert.Message{Alert: health}, "alert", "[]"},
		{alert.Message{Alert: bare}, "alert", "[intrusion_detection]"},
	} {
		doc := check(t, &c.m)
		if doc.Event.Kind != c.kind || fmt.Sprint(doc.Event.Category) != c.category || slices.Contains(doc.Tags, "test") != c.m.Test {
			t.Errorf("%v %v, want %s %s", doc.Event, doc.Tags, c.kind, c.category)
		}
		if doc.Outflow.Triage != nil && doc.Outflow.Triage.Verdict != alert.VerdictBenign {
			t.Errorf("%+v", doc.Outflow.Triage)
		}
	}
}

// TestCategories checks that every activity has a category, except those that no evidence rests on.
func TestCategories(t *testing.T) {
	for c := event.Other; c.String() != "unknown"; c++ {
		a := alerttest.Alert()
		a.Evidence[0].Items = []alert.Item{{Activity: c.String(), Time: alerttest.Now}}
		doc := check(t, &alert.Message{Alert: a})
		none := slices.Contains([]event.Class{
			event.Other, event.VendorAlert, event.Person, event.Notice, event.Derived, event.SourceGap, event.SourceLate, event.NamesLeftOut,
		}, c)
		if (doc.Event.Category[0] == "intrusion_detection") != none {
			t.Errorf("%s: %v", c, doc.Event.Category)
		}
	}
}
