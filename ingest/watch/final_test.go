package watch

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// TestFinal reads bodies that are damaged and will stay so: each is read once, and what cannot be
// read is a dead letter, while the body beside it counts.
func TestFinal(t *testing.T) {
	other := strings.Replace(record, `"u1"`, `"u2"`, 1)
	for name, damaged := range map[string]string{
		"cut in a list":   "[" + record + "," + record[:50],
		"cut at once":     "[" + record[:50],
		"cut, compressed": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xaa",
	} {
		t.Run(name, func(t *testing.T) {
			asked, done := 0, 0
			store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
				asked++
				page := ingest.Page{
					Bodies: []ingest.Body{ingest.MemoryBody("damaged", []byte(damaged)), ingest.MemoryBody("whole", []byte(other))},
					Done:   func(context.Context) error { done++; return nil },
				}
				page.Bodies[0].Final = asked > 1
				return page, nil
			})
			if step, err := store.Step(t.Context(), p, time.Now()); err == nil || done > 0 {
				t.Fatalf("%+v: what may be mended counts as read", step)
			}
			step, err := store.Step(t.Context(), p, time.Now())
			if err != nil || step.Problems == 0 || done != 1 {
				t.Errorf("%+v, %v, done %d times", step, err, done)
			}
			letters, err := store.DeadLetters(t.Context(), 0)
			if err != nil || len(letters) != step.Problems || letters[0].File != "damaged" {
				t.Errorf("%+v, %v", letters, err)
			}
		})
	}
}

// TestMixed checks that a failing source without a vendor is reported where its records are those
// of any vendors, and not otherwise; and that what its records were taken for is counted.
func TestMixed(t *testing.T) {
	for _, mixed := range []bool{true, false} {
		store, p := puller(t, func(context.Context, ingest.Cursor) (ingest.Page, error) {
			return ingest.Page{
				Bodies: []ingest.Body{ingest.MemoryBody("x", []byte(record+"\n"))},
				Gaps:   []ingest.Gap{{Reason: "lost"}},
			}, nil
		})
		p.Name, p.Mixed = "siem", mixed
		if _, err := store.Step(t.Context(), p, time.Now()); err != nil {
			t.Fatal(err)
		}
		gaps := 0
		for part := range p.Log.Partitions() {
			_, end, err := p.Log.Bounds(t.Context(), part)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := eventlog.Each(t.Context(), p.Log, part, 0, end, 10, func(r *eventlog.Record) error {
				var dec event.Decoder
				var e event.Event
				if err := dec.Decode(r.Value, &e); err != nil {
					return err
				}
				if e.Class == event.SourceGap && e.Tenant == "siem" && e.Object.Type == event.Stream {
					gaps++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if (gaps == 1) != mixed {
			t.Errorf("mixed %v: %d gaps are reported", mixed, gaps)
		}
		list, err := store.Formats(t.Context())
		if err != nil || len(list) != 1 || list[0].Source != "siem" || list[0].Role != Decoded || list[0].Records != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	}
}
