package feed

import (
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// manyAlerts is how many alerts benchmarks have: 20,000, or OUTFLOW_ALERTS.
func manyAlerts() int {
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_ALERTS")); err == nil {
		return n
	}
	return 20_000
}

// BenchmarkPages measures how long the queue, searches in it and the page of an alert take with many alerts, from the
// request to the last byte.
func BenchmarkPages(b *testing.B) {
	x := newTeam(b, 0)
	n := manyAlerts()
	for from := 0; from < n; from += 5000 {
		var list []alert.Alert
		for i := from; i < min(from+5000, n); i++ {
			list = append(list, numbered(i+1, func(a *alert.Alert) {
				a.Severity = alert.Severity(2 + i%3)
				a.Score = float64(i % 997)
				a.User = fmt.Sprintf("person.%d@northwind.example", i%5000)
				a.Case = fmt.Sprintf("%032x", i/3*3+1)
				a.Time = start.Add(-time.Duration(i) * time.Minute)
				a.Sources = []string{[]string{"box", "github", "salesforce"}[i%3]}
				a.Evidence[0].Items = []alert.Item{{
					Time: a.Time, Source: "box", Activity: "download", Action: "DOWNLOAD",
					Object: alert.Object{Name: fmt.Sprintf("report-%d.xlsx", i), Container: fmt.Sprintf("project %d", i%100)},
				}}
			}))
		}
		x.take(list...)
	}
	began := time.Now()
	if _, err := x.server.updateIndex(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d alerts indexed in %v", n, time.Since(began).Round(time.Millisecond))
	h := x.server.Handler()
	for name, path := range map[string]string{
		"queue":        "/",
		"page-40":      "/?page=40",
		"critical":     "/?severity=critical&status=any",
		"filtered":     "/?source=github&age=30d&assignee=-",
		"newest":       "/?sort=newest",
		"rare-word":    "/?q=" + fmt.Sprintf("report+%d", n/2),
		"common-word":  "/?q=headline&status=any",
		"two-words":    "/?q=github+critical",
		"no-hit":       "/?q=zebra",
		"pseudonym":    "/?q=" + x.server.Mask(SOC).Name("person.7@northwind.example"),
		"alert":        "/alerts/" + fmt.Sprintf("%032x", n/2) + "?queue=severity%3Dhigh",
		"alert-search": "/alerts/" + fmt.Sprintf("%032x", n/2) + "?queue=q%3Dheadline",
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				var rec *httptest.ResponseRecorder
				if rec = x.get(h, SOC, path); rec.Code != 200 {
					b.Fatal(rec.Code, rec.Body)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
