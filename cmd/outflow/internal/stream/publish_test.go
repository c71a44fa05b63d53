package stream

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestStaleDays publishes a day that processing again does not find, in each order of a rollback,
// the end of the day and what is found: it is deleted once, as soon as it cannot be found any more.
func TestStaleDays(t *testing.T) {
	const end = 100 * event.Hour
	found := func(end int64, n float64) *finding.Activity {
		return &finding.Activity{User: "ann@acme.example", End: end, Risk: n}
	}
	for _, c := range []struct {
		name     string
		rollback int64
		again    *finding.Activity // what is found then
		results  []results         // published one after the other
		deleted  []int             // in which of them
	}{
		{"no rollback", -1, nil, []results{{upTo: end, open: true}}, nil},
		{"after the day", end, nil, []results{{upTo: end + 1, open: true}}, nil},
		{"found again", end - 1, found(end, 1), []results{{upTo: end, open: true}}, nil},
		{"found again, and changed", end - 1, found(end, 2), []results{{upTo: end, open: true}}, nil},
		{"not found, and over", end - 1, nil, []results{{upTo: end}, {upTo: end}}, []int{0}},
		{"not found, over later", end - 1, nil, []results{{upTo: end - 1}, {upTo: end - 1}, {upTo: end}}, []int{2}},
		{
			"not found among those that are open", end - 1, nil,
			[]results{{upTo: end - 2}, {upTo: end - 1, open: true}, {upTo: end}}, []int{1},
		},
		{"ends at another hour", end - 1, found(end-20*event.Hour, 1), []results{{upTo: end - 1, open: true}}, []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent [][]byte
			p := newPublisher(nil, func(_ context.Context, _ int, list [][]byte) error { sent = append(sent, list...); return nil })
			take := p.activities(t.Context())
			if err := take(found(end, 1)); err != nil {
				t.Fatal(err)
			}
			if err := p.publish(t.Context(), &results{upTo: end - 1, open: true}); err != nil || len(sent) != 1 {
				t.Fatal(err, len(sent))
			}
			if c.rollback >= 0 {
				p.rollBack(c.rollback)
			}
			if c.again != nil {
				if err := take(c.again); err != nil {
					t.Fatal(err)
				}
			}
			var deleted []int
			for i := range c.results {
				sent = nil
				if err := p.publish(t.Context(), &c.results[i]); err != nil {
					t.Fatal(err)
				}
				for _, b := range sent {
					r, err := ParseRecord(b)
					if err != nil {
						t.Fatal(err)
					}
					if slices.ContainsFunc(r.Activity, func(a finding.Activity) bool { return a.Gone && a.End == end }) {
						deleted = append(deleted, i)
					}
				}
			}
			if fmt.Sprint(deleted) != fmt.Sprint(c.deleted) {
				t.Errorf("deleted by publications %v, want %v", deleted, c.deleted)
			}
		})
	}
}

// TestPublishDaysOfOneDate publishes two days of a person that have the same calendar date.
func TestPublishDaysOfOneDate(t *testing.T) {
	ends := []int64{20*event.Day + 13*event.Hour, 21*event.Day + 11*event.Hour}
	got := map[int64]bool{}
	p := newPublisher(nil, func(_ context.Context, _ int, list [][]byte) error {
		for _, b := range list {
			r, err := ParseRecord(b)
			if err != nil {
				return err
			}
			for _, a := range r.Activity {
				got[a.End] = !a.Gone
			}
		}
		return nil
	})
	take := p.activities(t.Context())
	for _, end := range ends {
		if err := take(&finding.Activity{User: "p", End: end}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.publish(t.Context(), &results{upTo: ends[1]}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[ends[0]] || !got[ends[1]] {
		t.Errorf("published: %v, want both days of %v", got, ends)
	}
}
