package alerttest

import (
	"fmt"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

// Partner is a domain that all alerts of Nth name.
const Partner = "partner.example"

// Person is the i-th of 5,000 people.
func Person(i int) string { return fmt.Sprintf("person.%d@northwind.example", i%5000) }

// NthID is the id of an alert of Nth.
func NthID(i int) string { return fmt.Sprintf("%032x", i+1) }

// Nth returns the i-th, from 0, of any number of alerts of an organisation: up to the time newest, a minute apart. Three of
// them are a case. Each lists 12 files that went to Partner, every hundredth 200.
func Nth(i int, newest time.Time) alert.Alert {
	a := alert.Sample(newest.Add(-time.Duration(i) * time.Minute))
	source := []string{"box", "github", "salesforce"}[i%3]
	a.ID, a.Case, a.User = NthID(i), NthID(i/3*3), Person(i)
	a.Severity, a.Score = alert.Severity(2+i%3), float64(i%997)
	a.Department = []string{"Sales", "Legal", "Engineering", "Finance", "Support"}[i%5]
	a.Sources = []string{source}
	a.Title = fmt.Sprintf("Headline %d: downloaded 120 files in 41 minutes", i+1)
	a.Reason = "downloaded 120 files, 3 on a usual day, and gave them to somebody outside of the organisation"
	a.Facts = []finding.Fact{
		{Kind: finding.FactUnusual, Text: "usual day 3 files, peers 2.5"},
		{Kind: finding.FactTo, Text: "12 items went to " + Partner},
	}
	e := &a.Evidence[0]
	n := 12
	if i%100 == 0 {
		n = 200
	}
	e.Reason, e.Events, e.Items = a.Reason, 120, nil
	e.Destinations = []alert.Destination{{Name: Partner, Events: n}}
	for k := range n {
		e.Items = append(e.Items, alert.Item{
			Time: a.Time.Add(-time.Duration(k) * time.Second), Source: source, Activity: "share_user", Action: "SHARE",
			Object: alert.Object{Type: "file", ID: fmt.Sprintf("f%d-%d", i, k), Name: fmt.Sprintf("report-%d.xlsx", i+k),
				Container: fmt.Sprintf("project %d", i%100), Size: int64(1000 * (k + 1))},
			Recipients: []string{fmt.Sprintf("contact.%d@%s", i%50, Partner)},
			Client:     alert.Client{IP: "203.0.113.7", Country: "BR", App: "Sync"}, RecordID: fmt.Sprintf("r%d-%d", i, k),
		})
	}
	return a
}
