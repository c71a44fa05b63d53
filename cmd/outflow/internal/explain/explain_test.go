package explain

import (
	"bytes"
	"io"
	"strings"
	"testing"

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
	for i := range res.Alerts {
		a := &res.Alerts[i]
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
	a := res.Alerts[0]
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
