package engine

import (
	"slices"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

var testCatalog = NewCatalog(detectors.All)

// newEngine is New with all detectors.
func newEngine(c Config, emit func(*finding.Finding) error) *Engine {
	c.Detectors = testCatalog
	return New(c, emit)
}

// TestCatalog refuses lists that cannot be scored by.
func TestCatalog(t *testing.T) {
	metric := func(name string) []detect.Metric { return []detect.Metric{{Name: name}} }
	for what, list := range map[string][]*detect.Detector{
		"no mechanism": {{Name: "a", Metrics: metric("x")}},
		"a mechanism":  append(slices.Clone(detectors.All), &detect.Detector{Name: "a", Mechanism: detect.SlowDrift}),
		"a detector":   append(slices.Clone(detectors.All), &detect.Detector{Name: "bulk_download"}),
		"a metric":     append(slices.Clone(detectors.All), &detect.Detector{Name: "a", Metrics: metric("downloads")}),
		"an indicator": append(slices.Clone(detectors.All), &detect.Detector{
			Name: "a", Indicators: []detect.Indicator{{Name: "bucket_public"}},
		}),
		"too many":       append(slices.Clone(detectors.All), make([]*detect.Detector, 19)...),
		"another, alone": nil,
	} {
		for i := range list {
			if list[i] == nil {
				list[i] = &detect.Detector{Name: string(rune('a' + i))}
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the list was taken", what)
				}
			}()
			NewCatalog(list)
		}()
	}
}

// TestAnotherDetector gives the engine a detector that nobody knows: it takes no more than the
// value to have it speak.
func TestAnotherDetector(t *testing.T) {
	more := NewCatalog(append(slices.Clone(detectors.All), &detect.Detector{
		Name: "printing", Title: "Printing",
		Indicators: []detect.Indicator{{
			Name: "printed", Weight: 2, Impact: 1, On: []event.Class{event.View},
			Match:    func(a *detect.Enriched) bool { return a.Action == "print" },
			Describe: func(a *detect.Enriched) string { return "printed " + detect.Quote(a.Object.Name) },
		}},
	}))
	var said []string
	e := New(Config{Detectors: more}, func(f *finding.Finding) error { said = append(said, f.Detector+": "+f.Reason); return nil })
	ev := event.Event{
		Source: event.Box, Class: event.View, Action: "print", Time: at(1, 0),
		Actor:  event.Actor{Account: "jane@acme.example", Kind: event.Human},
		Object: event.Object{ID: "1", Name: "plan"},
	}
	if err := e.Handle("jane@acme.example", &ev); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(said, []string{`printing: printed "plan"`}) {
		t.Error(said)
	}
	if more.Model() == testCatalog.Model() {
		t.Error("engines of other detectors could exchange deltas")
	}
}
