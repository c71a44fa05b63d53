package feed

import (
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// manyAlerts is how many alerts benchmarks have: 20,000, or OUTFLOW_ALERTS.
func manyAlerts() int {
	if n, err := strconv.Atoi(os.Getenv("OUTFLOW_ALERTS")); err == nil {
		return n
	}
	return 20_000
}

// benchTeam is a team with many alerts, and what the feed knows of them. Those in the directory OUTFLOW_DATA are used if it
// is set: go run ./bench/feed makes them.
func benchTeam(b *testing.B) (*team, int) {
	dir := os.Getenv("OUTFLOW_DATA")
	if dir == "" {
		dir = b.TempDir()
	}
	x := newTeamIn(b, dir, 0)
	n, _, _, err := x.alerts.Counts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if n == 0 {
		n = manyAlerts()
		began := time.Now()
		for from := 0; from < n; from += 500 {
			var list []alert.Alert
			for i := from; i < min(from+500, n); i++ {
				list = append(list, alerttest.Nth(i, start))
			}
			x.take(list...)
		}
		b.Logf("%d alerts stored in %v", n, time.Since(began).Round(time.Millisecond))
	}
	newest, err := x.alerts.Find(b.Context(), alerttest.NthID(0))
	if err != nil {
		b.Fatal(err)
	}
	x.set(newest.Time)
	if x.tokens[SOC], err = x.store.NewToken(b.Context(), "kim", SOC, newest.Time, time.Hour); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err = x.server.updateIndex(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d alerts indexed in %v", n, time.Since(began).Round(time.Millisecond))
	return x, n
}

// BenchmarkPages measures how long the pages of the feed take with many alerts, from the request to
// the last byte, and how much of the processors they use.
func BenchmarkPages(b *testing.B) {
	x, n := benchTeam(b)
	h := x.server.Handler()
	one := "/alerts/" + alerttest.NthID(n/6*3+2) // the first of its case
	for _, page := range [][2]string{
		{"queue", "/"},
		{"page-40", "/?page=40"},
		{"page-300", "/?page=300"},
		{"critical", "/?severity=critical&status=any"},
		{"filtered", "/?source=github&age=30d&assignee=-"},
		{"department", "/?department=Legal&detector=bulk_download"},
		{"newest", "/?sort=newest"},
		{"rare-word", fmt.Sprintf("/?q=report+%d", n/2)},
		{"common-word", "/?q=headline&status=any"},
		{"common-page", "/?q=headline&page=40"},
		{"two-words", "/?q=github+critical"},
		{"no-hit", "/?q=zebra"},
		{"pseudonym", "/?q=" + x.server.Mask(SOC).Name(alerttest.Person(7))},
		{"alert", one + "?queue=severity%3Dhigh"},
		{"alert-hidden", "/alerts/" + alerttest.NthID(n/6*3) + "?queue=severity%3Dhigh"}, // one that the queue does not have
		{"alert-200", "/alerts/" + alerttest.NthID(n/200*100)},
		{"alert-search", one + "?queue=q%3Dheadline"},
		{"domain", "/entities/domain/" + alerttest.Partner},
		{"entities", "/entities"},
		{"items", "/entities?kind=item"},
		{"items-page", "/entities?kind=item&page=40"},
		{"items-most", "/entities?kind=item&sort=events"},
		{"items-search", "/entities?kind=item&q=report"},
		{"addresses", "/entities?kind=address&sort=alerts"},
		{"person", "/people/" + x.server.Mask(SOC).Name(alerttest.Person(7))},
	} {
		b.Run(page[0], func(b *testing.B) {
			var took []time.Duration
			before := cpuTime(b)
			for b.Loop() {
				began := time.Now()
				var rec *httptest.ResponseRecorder
				if rec = x.get(h, SOC, page[1]); rec.Code != 200 {
					b.Fatal(rec.Code, rec.Body)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(len(took)), "cpu-ms")
		})
	}
}

// cpuTime is what this process has used of the processors: on a busy machine it says more than how long something took.
func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
