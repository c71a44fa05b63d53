package explain

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// TestExplain computes every score of the example again, and does not believe one
// that was changed.
func TestExplain(t *testing.T) {
	res, err := batch.Scan(t.Context(), batch.Input{
		Paths:    []string{"../../../../examples/acme"},
		Workers:  2,
		Config:   &config.Config{},
		Progress: batch.NewProgress(io.Discard),
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := res.Build(res.Alerts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		a := &list[i]
		var b bytes.Buffer
		x, err := New(a)
		if err != nil {
			t.Fatalf("%s: %v", a.ID, err)
		}
		if err := x.Write(&b); err != nil || !x.Matches {
			t.Errorf("%s: %v\n%s", a.ID, err, b.String())
		}
		if a.Receipt == nil && !a.Health && a.Detector != "access_left_behind" {
			t.Errorf("%s about %s has no receipt", a.Detector, a.User)
		}
	}
	a := list[0]
	r := *a.Receipt
	a.Receipt = &r
	r.Own += 3
	var b bytes.Buffer
	x, err := New(&a)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Write(&b); err != nil || x.Matches || !strings.Contains(b.String(), "DOES NOT MATCH") {
		t.Errorf("%v\n%s", err, b.String())
	}
	r.Model = 0
	if _, err := New(&a); err == nil || !strings.Contains(err.Error(), "model 0") {
		t.Error(err)
	}
}

// TestSameEvents wants events that two detectors saw listed once, and others listed for each.
func TestSameEvents(t *testing.T) {
	at := time.Date(2026, 4, 14, 12, 0, 0, 0, time.UTC)
	items := func(name string) []alert.Item {
		return []alert.Item{{Time: at, Activity: "share_user", Object: alert.Object{Name: name}}}
	}
	x := Explanation{Alert: &alert.Alert{Evidence: []alert.Evidence{
		{Title: "External sharing", Items: items("plan.xlsx")},
		{Title: "Shared with a personal mailbox", Items: items("plan.xlsx")},
		{Title: "Public link", Items: items("prices.xlsx")},
		{Title: "Bulk sharing", Items: items("plan.xlsx"), Unlisted: 3},
	}}}
	var b bytes.Buffer
	x.writeItems(&b)
	got := b.String()
	if strings.Count(got, "plan.xlsx") != 2 || strings.Count(got, "the same events as under External sharing") != 1 ||
		!strings.Contains(got, "prices.xlsx") {
		t.Error(got)
	}
}
