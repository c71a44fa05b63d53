package identity

import (
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// FuzzRestore asserts that a stored alias graph that is damaged gives an error, and that
// one that is read can be used with any record: never a panic.
func FuzzRestore(f *testing.F) {
	e := &event.Event{
		ID:     "1",
		Key:    1,
		Source: event.Box,
		Time:   1772452800000,
		Action: "DOWNLOAD",
		Class:  event.Download,
		Actor:  event.Actor{Account: "kim@acme.example", Alias: "box:1", Kind: event.Human},
		To:     []event.Recipient{{Account: "x@rival.example"}},
	}
	rec := e.Append(nil)
	r := New()
	r.Resolve(append([]byte(nil), rec...))
	hr := &event.Event{
		ID:     "2",
		Key:    2,
		Source: event.HR,
		Time:   1772452800000,
		Action: "person",
		Class:  event.Notice,
		Actor:  event.Actor{Account: "kim@acme.example"},
		Attrs:  []event.Attr{{Name: event.AttrAlias, Value: "github:kim"}, {Name: event.AttrDepartment, Value: "Sales"}},
	}
	r.Resolve(hr.Append(nil))
	snapshot, err := r.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(snapshot, rec)
	f.Add(snapshot, hr.Append(nil))
	f.Add([]byte{}, rec[:27])
	f.Add([]byte{0xa1, 0x67, 'V', 'e', 'r', 's', 'i', 'o', 'n', 1}, rec)
	f.Fuzz(func(t *testing.T, snapshot, rec []byte) {
		r := New()
		if r.Restore(snapshot) != nil {
			return
		}
		if event.HasHeader(rec) {
			if _, out := r.Resolve(append([]byte(nil), rec...)); !event.HasHeader(out) {
				t.Errorf("%x became %x", rec, out)
			}
		}
		again, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := New().Restore(again); err != nil {
			t.Errorf("what was read and written cannot be read: %v", err)
		}
		if _, _, err := EraseFromSnapshot(snapshot, "kim@acme.example"); err != nil {
			t.Error(err)
		}
	})
}
