package daemon

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
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
