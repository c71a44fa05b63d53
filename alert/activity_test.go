package alert

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/finding"
)

// TestDaysOfOneDate stores two days of a person that have the same calendar date: the second began at an earlier hour.
func TestDaysOfOneDate(t *testing.T) {
	ctx := t.Context()
	st, err := OpenStore(ctx, filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	noon := time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)
	first := finding.Activity{User: "p", End: noon.UnixMilli(), Risk: 7}
	second := finding.Activity{User: "p", End: noon.Add(22 * time.Hour).UnixMilli(), Risk: 1}
	if first.Date() != second.Date() {
		t.Fatal(first.Date(), second.Date())
	}
	want := func(days ...finding.Activity) {
		t.Helper()
		got, err := st.Days(ctx, "p", noon, noon)
		if err != nil || !reflect.DeepEqual(got, days) {
			t.Errorf("%v %+v, want %+v", err, got, days)
		}
	}
	for _, days := range [][]finding.Activity{{second}, {first, second}} { // the second time changes nothing
		if err := st.PutDays(ctx, days); err != nil {
			t.Fatal(err)
		}
	}
	want(first, second)
	gone := second
	gone.Gone = true
	if err := st.PutDays(ctx, []finding.Activity{gone}); err != nil {
		t.Fatal(err)
	}
	want(first)
	second.End -= time.Hour.Milliseconds() // a scan finds the days again from the first one on
	for _, days := range [][]finding.Activity{{second}, nil} {
		if err := st.ReplaceDays(ctx, first.End, func(yield func([]finding.Activity, error) bool) { yield(days, nil) }); err != nil {
			t.Fatal(err)
		}
		want(append([]finding.Activity{first}, days...)...)
	}
}
