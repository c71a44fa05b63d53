package doctor

import (
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/internal/event"
)

// TestDiagnoseDetector switches channels off.
func TestDiagnoseDetector(t *testing.T) {
	find := func(name string) *detect.Detector {
		for _, d := range detectors.All {
			if d.Name == name {
				return d
			}
		}
		t.Fatal(name)
		return nil
	}
	var seen classCounts
	seen[event.CloudTrail][event.CloudRead] = 10
	seen[event.Box][event.View] = 10
	seen[event.GoogleWorkspace][event.LoginSuccess] = 10
	for name, want := range map[string]string{
		"object_store_read": Blind,
		"bucket_public":     Able,
		"bulk_download":     Partly,
		"crm_export":        Blind,
		"leaver_takeout":    Blind,
		"source_silent":     Able,
		"public_link":       Partly,
	} {
		if got := diagnoseDetector(find(name), &seen); got.State != want || want == Blind && len(got.Missing)+len(got.Absent) == 0 {
			t.Errorf("%s: %+v, want %s", name, got, want)
		}
	}
}

// TestDiagnoseClasses says the same of classes that are known to arrive as of events that were read.
func TestDiagnoseClasses(t *testing.T) {
	var seen classCounts
	seen[event.Box][event.View], seen[event.GoogleWorkspace][event.LoginSuccess] = 3, 1
	states := map[string]int{}
	for i, d := range DiagnoseClasses(func(s event.Source, c event.Class) bool { return seen[s][c] > 0 }) {
		if want := diagnoseDetector(detectors.All[i], &seen); d.Detector != want.Detector || d.State != want.State ||
			len(d.Missing) != len(want.Missing) || len(d.Sees) != len(want.Sees) {
			t.Errorf("%+v, want %+v", d, want)
		}
		states[d.State]++
	}
	if len(states) != 3 {
		t.Errorf("states: %v", states)
	}
}
