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
		"object_store_read": blind,
		"bucket_public":     able,
		"bulk_download":     partly,
		"crm_export":        blind,
		"leaver_takeout":    blind,
		"source_silent":     able,
		"public_link":       partly,
	} {
		if got := diagnoseDetector(find(name), &seen); got.State != want || want == blind && len(got.Missing)+len(got.Absent) == 0 {
			t.Errorf("%s: %+v, want %s", name, got, want)
		}
	}
}
