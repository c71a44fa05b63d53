package daemon

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/watch"
)

// TestMetrics has metrics under their new names and the deprecated ones, each with a help text.
func TestMetrics(t *testing.T) {
	var stats runStats
	stats.notified("mail", 2, nil)
	stats.notified("mail", 1, errors.New("x"))
	stats.notified("chat", 0, errors.New("x"))
	at := time.Now()
	stats.observe("mail", at.Add(-time.Minute), nil, at)
	stats.observe("chat", at, errors.New("refused"), at)
	s := &Status{Processor: &stream.Status{}, Alerts: &alertStatus{Known: 3, Notified: 2}}
	s.Processor.Rewinds = 7
	s.Budget = &alert.Kept{Asked: 2, Least: .5, Most: 1.5}
	families, err := newRegistry(func() *Status { return s }, &stats).Gather()
	if err != nil {
		t.Fatal(err)
	}
	values, helps := map[string]float64{}, map[string]string{}
	for _, f := range families {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help text", f.GetName())
		}
		helps[f.GetName()] = f.GetHelp()
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if n := l.GetName(); n == "channel" || n == "outcome" || n == "bound" {
					name += " " + l.GetValue()
				}
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	for name, want := range map[string]float64{
		"outflow_notifications_total mail sent": 3, "outflow_notifications_total mail failed": 1,
		"outflow_notifications_total chat sent": 0, "outflow_notifications_total chat failed": 2,
		"outflow_notification_latency_seconds mail": 60,
		"outflow_detect_rollbacks_total":            7, "outflow_judge_rewinds_total": 7,
		"outflow_alerts_notified": 2, "outflow_alerts_told": 2,
		"outflow_budget_asked": 2, "outflow_budget_kept least": .5, "outflow_budget_kept most": 1.5,
		"outflow_build_info": 1,
	} {
		if got, there := values[name]; !there || got != want {
			t.Errorf("%s: %g (%v), want %g", name, got, there, want)
		}
	}
	for name, help := range helps {
		old := strings.HasPrefix(name, "outflow_judge") || name == "outflow_alerts_told"
		if old != strings.HasPrefix(help, "Deprecated: use outflow_") {
			t.Errorf("%s: %s", name, help)
		}
	}
	if values["go_goroutines"] == 0 {
		t.Error("nothing about the Go runtime")
	}
}

// TestMetricNames checks every metric with the linter of Prometheus: names, units and help texts. It also must be in the
// documentation.
func TestMetricNames(t *testing.T) {
	at := time.Now()
	s := &Status{
		Sources:   []sourceStatus{{Source: "a", Vendor: "box", Newest: at}},
		Streams:   []watch.State{{Source: "a", Stream: "s", Asked: at}},
		Folders:   []watch.FolderStatus{{Source: "a"}},
		Parts:     []partStatus{{Partition: 1}},
		Processor: &stream.Status{Of: 2, Newest: at},
		Alerts:    &alertStatus{},
		Budget:    &alert.Kept{},
		Heartbeat: at,
		Sizes:     map[string]int64{"alerts.db": 1},
		Panics:    map[string]int64{"feed": 1},
		DiskFree:  1,
	}
	s.Arrived = &arrivedStatus{Vendors: []stream.Account{{Vendor: "box"}}, Undecoded: []watch.DeadLetterCount{{Source: "a"}}}
	var stats runStats
	stats.notified("mail", 2, nil)
	stats.observe("mail", at, nil, at)
	families, err := newRegistry(func() *Status { return s }, &stats).Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	guide, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	gathered := map[string]bool{}
	for _, f := range families {
		gathered[f.GetName()] = true
		if name := f.GetName(); strings.HasPrefix(name, "outflow_") && !strings.HasPrefix(f.GetHelp(), "Deprecated") &&
			!strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}
	for _, m := range statusMetrics {
		if name := strings.Split(m.now.String(), `"`)[1]; !gathered[name] {
			t.Errorf("%s was not gathered", name)
		}
	}
}

// TestPprof serves profiles where that is asked for.
func TestPprof(t *testing.T) {
	mux := http.NewServeMux()
	handlePprof(mux)
	for path, want := range map[string]int{
		"/debug/pprof/":                  200,
		"/debug/pprof/goroutine?debug=1": 200,
		"/debug/pprof/cmdline":           200,
		"/debug/pprof/x":                 404,
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
