package engine

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// TestExhibits has evidence keep the most telling of many events, in bounded memory.
func TestExhibits(t *testing.T) {
	record := func(i int) []byte {
		e := event.Event{ID: fmt.Sprint(i), Source: event.Box, Time: int64(i) * 1000, Class: event.Download}
		return e.Append(nil)
	}
	var p proof
	const all = 100_000
	for i := range all {
		x := exhibit{Record: record(i)}
		switch i {
		case all / 2:
			x.Weight = weightSensitive
		case all - 1:
			x.Weight = weightNoticed
		}
		p.keep(x)
	}
	has := func(most int) map[string]bool {
		ids := map[string]bool{}
		var e event.Event
		var dec event.Decoder
		before := int64(-1)
		for _, x := range p.shown(most) {
			if err := dec.Decode(x.Record, &e); err != nil {
				t.Fatal(err)
			}
			if e.Time <= before {
				t.Errorf("%d after %d", e.Time, before)
			}
			before = e.Time
			ids[e.Clone().ID] = true
		}
		return ids
	}
	for most, want := range map[int]int{maxExhibits: maxExhibits, fewExhibits: fewExhibits} {
		if got := has(most); len(got) != want || !got["0"] || !got[fmt.Sprint(all/2)] || !got[fmt.Sprint(all-1)] {
			t.Errorf("%d of %d: %v", len(got), want, got)
		}
	}
	if len(p.Items) != maxExhibits || cap(p.Items) > 2*maxExhibits {
		t.Errorf("%d kept, room for %d", len(p.Items), cap(p.Items))
	}
}

// TestAbridged has evidence keep an event whose names are long.
func TestAbridged(t *testing.T) {
	long := strings.Repeat("ü", 100_000)
	ev := event.Event{
		ID: "1", Source: event.Box, Time: 1000, Class: event.ShareUser, Object: event.Object{Name: long, Container: long},
		Client: event.Client{Agent: long}, Attrs: []event.Attr{{Name: event.AttrRole, Value: long}},
	}
	for range 1000 {
		ev.To = append(ev.To, event.Recipient{Account: long})
	}
	e := New(Config{Detectors: testCatalog}, nil)
	x := e.exhibit(&detect.Enriched{Event: &ev})
	var dec event.Decoder
	var got event.Event
	if err := dec.Decode(x.Record, &got); err != nil || len(x.Record) > 2*maxRecord || got.ID != "1" {
		t.Errorf("%v: %d bytes", err, len(x.Record))
	}
	if name := got.Object.Name; !utf8.ValidString(name) || !strings.HasPrefix(long, strings.TrimSuffix(name, "…")) || len(name) < 80 {
		t.Errorf("%q", name)
	}
	if len(ev.To) != 1000 || ev.Object.Name != long {
		t.Error("the event itself has changed")
	}
}
