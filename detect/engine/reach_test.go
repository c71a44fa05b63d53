package engine

import (
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestAbove finds every folder among the places that are known to hold a file below it, and no other.
func TestAbove(t *testing.T) {
	folder := func(s event.Source, o event.Object, in string) *event.Event {
		return &event.Event{Source: s, Object: o, Attrs: []event.Attr{{Name: event.AttrFolder, Value: in}}}
	}
	const site = "https://acme.sharepoint.com/sites/S"
	deep := folder(event.M365, event.Object{ID: "1", Container: site}, "/sites/S/Docs/A/B")
	box := folder(event.Box, event.Object{ID: "2", Container: "Plans"}, "77")
	dropbox := folder(event.Dropbox, event.Object{ID: "3", Container: "Plans"}, "/Plans/2026")
	drive := folder(event.GoogleWorkspace, event.Object{ID: "4", Container: "Deals"}, "")
	mine := folder(event.GoogleWorkspace, event.Object{ID: "5", Container: "ann@acme.example"}, "")
	mail := &event.Event{Source: event.M365, Class: event.MailRead, Object: event.Object{Type: "mail", Owner: "ann@acme.example"}}
	e := newEngine(Config{}, nil)
	for _, c := range []struct {
		name  string
		place *event.Event
		file  *event.Event
		want  bool
	}{
		{"site", folder(event.M365, event.Object{Type: "web", Container: site}, ""), deep, true},
		{"other site", folder(event.M365, event.Object{Type: "web", Container: site + "2"}, ""), deep, false},
		{"library", folder(event.M365, event.Object{Type: "folder", Folder: true, Name: "Docs"}, "/sites/S"), deep, true},
		{"folder", folder(event.M365, event.Object{Type: "folder", Folder: true, Name: "B"}, "/sites/S/Docs/A"), deep, true},
		{"beside", folder(event.M365, event.Object{Type: "folder", Folder: true, Name: "B"}, "/sites/S/Docs"), deep, false},
		{"file", folder(event.M365, event.Object{Type: "file", Name: "B"}, "/sites/S/Docs/A"), deep, false},
		{"box", folder(event.Box, event.Object{ID: "77", Type: "folder", Folder: true, Name: "Plans"}, "0"), box, true},
		{"box of the name", folder(event.Box, event.Object{ID: "78", Type: "folder", Folder: true, Name: "Plans"}, "0"), box, false},
		{"dropbox", folder(event.Dropbox, event.Object{ID: "x", Type: "folder", Folder: true, Name: "Plans"}, ""), dropbox, true},
		{"shared drive", folder(event.GoogleWorkspace, event.Object{Type: "shared_drive", Folder: true, Owner: "Deals"}, ""), drive, true},
		{"my drive", folder(event.GoogleWorkspace, event.Object{Type: "folder", Folder: true, Owner: "ann@acme.example"}, ""), mine, false},
		{"mailbox", &event.Event{Source: event.M365, Object: event.Object{Type: "mailbox", Owner: "ann@acme.example"}}, mail, true},
	} {
		key := place(c.place)
		if got := key != 0 && slices.Contains(e.above(c.file), key); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// holding is what places hold, folded.
func holding(o *org, list []content) map[uint64]*contents {
	d := newOrgDelta(testCatalog)
	d.Named = list
	d.hold(o)
	return d.held
}

// TestContents never counts more things in a place than there are, nor many fewer.
func TestContents(t *testing.T) {
	o := newOrg(testCatalog)
	for n := 1; n <= 400; n++ {
		key := hash(ofItem, strconv.Itoa(n))
		x := content{Place: 1, Bit: contentBit(key)}
		o.fill(holding(o, []content{x, x}))
		if got := o.Places[1].size(); got > n || got < n*3/4 {
			t.Fatalf("%d of %d", got, n)
		}
	}
	var list []content
	for n := range mostPlaces + 5 {
		list = append(list, content{Place: uint64(mostPlaces + 5 - n)})
	}
	other := newOrg(testCatalog)
	other.fill(holding(other, slices.Clone(list)))
	slices.Reverse(list)
	again := newOrg(testCatalog)
	again.fill(holding(again, list))
	if len(other.Places) != mostPlaces || !reflect.DeepEqual(other.Places, again.Places) {
		t.Error("which places are known depends on their order")
	}
}
