package engine

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// audienceEvents are people of two departments who read in a folder on every third day, and HR's records of them.
func audienceEvents(legal, sales, from, to int) (list []keyed) {
	add := func(day int, who string, e *event.Event) {
		e.ID, e.Time = fmt.Sprint(day, who, e.Class, e.Object.ID), at(day, 0)+10*event.Hour
		e.Key = hash(ofItem, e.ID)
		e.Actor = event.Actor{Account: address(who), Kind: event.Human}
		list = append(list, keyed{address(who), e})
	}
	person := func(who, department string) {
		add(0, who, &event.Event{
			Source: event.HR, Class: event.Person, Action: "person", Attrs: []event.Attr{{Name: event.AttrDepartment, Value: department}},
		})
	}
	person("thief", "Sales")
	for n := range legal {
		person(fmt.Sprint("legal", n), "Legal")
	}
	for n := range sales {
		person(fmt.Sprint("sales", n), "Sales")
	}
	for day := from; day <= to; day += 3 {
		for n := range legal {
			add(day, fmt.Sprint("legal", n), inFolder(event.View))
		}
		for n := range sales {
			add(day, fmt.Sprint("sales", n), inFolder(event.View))
		}
	}
	slices.SortStableFunc(list, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	return list
}

// inFolder is an act with a file two folders deep.
func inFolder(class event.Class) *event.Event {
	return &event.Event{
		Source: event.M365, Class: class, Action: class.String(),
		Object: event.Object{ID: "plan", Type: "file", Name: "plan.docx", Container: "https://acme.sharepoint.com/sites/S"},
		Attrs:  []event.Attr{{Name: event.AttrFolder, Value: "/sites/S/Docs/Merger"}},
	}
}

// TestClosed says of a place whether it is one that only few of another department come to.
func TestClosed(t *testing.T) {
	thief := func(day int, e *event.Event) keyed {
		e.ID, e.Time = fmt.Sprint("act", day), at(day, 0)+11*event.Hour
		e.Key = hash(ofItem, e.ID)
		e.Actor = event.Actor{Account: address("thief"), Kind: event.Human}
		return keyed{address("thief"), e}
	}
	opened := func(day int, class event.Class, after event.Visibility) keyed {
		e := inFolder(class)
		e.Object = event.Object{Type: "folder", Folder: true, Name: "Merger", Container: e.Object.Container}
		e.Attrs[0].Value, e.After = "/sites/S/Docs", after
		return thief(day, e)
	}
	for _, c := range []struct {
		name         string
		legal, sales int
		from         int
		also         []keyed
		want         string
	}{
		{"few", 4, 0, 1, nil, `only 4 other people used "/sites/S/Docs/Merger" in the last weeks, all of them in "Legal"`},
		{"one person", 1, 0, 1, nil, ""},
		{"many", 13, 0, 1, nil, ""},
		{"own department, too", 4, 1, 1, nil, ""},
		{"not known for long", 4, 0, 28, nil, ""},
		{"came before", 4, 0, 1, []keyed{thief(20, inFolder(event.View))}, ""},
		{"came yesterday", 4, 0, 1, []keyed{thief(29, inFolder(event.View))}, "only 4 other people"},
		{"opened to all", 4, 0, 1, []keyed{opened(20, event.ShareLink, event.Internal)}, ""},
		{"for named people only", 4, 0, 1, []keyed{opened(20, event.ShareLink, event.Private)}, "only 4 other people"},
		{"failed to open", 4, 0, 1, func() []keyed {
			k := opened(20, event.ShareLink, event.Public)
			k.e.Outcome = event.Failure
			return []keyed{k}
		}(), "only 4 other people"},
	} {
		e := newEngine(Config{}, func(*finding.Finding) error { return nil })
		all := append(audienceEvents(c.legal, c.sales, c.from, 30), c.also...)
		slices.SortStableFunc(all, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
		feed(t, e, all)
		e.advance((at(30, 0)/event.Day + 1) * 24)
		act := thief(31, inFolder(event.Download)).e
		who := e.closed(e.find(address("thief")), act)
		if got := who != nil; got != (c.want != "") || got && !strings.HasPrefix(who.words(), c.want) {
			t.Errorf("%s: %+v", c.name, who)
		}
		if colleague := e.find(address("legal0")); e.closed(colleague, act) != nil {
			t.Errorf("%s: closed to those who come to it", c.name)
		}
	}
}

// TestClosedIsTold has an alert say who comes to the place, and weigh it.
func TestClosedIsTold(t *testing.T) {
	var told []*finding.Finding
	e := newEngine(Config{}, func(f *finding.Finding) error { told = append(told, f); return nil })
	all := audienceEvents(4, 0, 1, 30)
	for n := range 300 {
		d := inFolder(event.Download)
		d.Object.ID = fmt.Sprint("taken", n)
		d.ID, d.Time = fmt.Sprint("act", n), at(31, 0)+11*event.Hour+int64(n)*1000
		d.Key = hash(ofItem, d.ID)
		d.Actor = event.Actor{Account: address("thief"), Kind: event.Human}
		all = append(all, keyed{address("thief"), d})
	}
	feed(t, e, all)
	if err := e.Flush(); err != nil || len(told) == 0 {
		t.Fatal(err, len(told))
	}
	last := told[len(told)-1]
	if want := `only 4 other people used "/sites/S/Docs/Merger" in the last weeks, all of them in "Legal"`; !strings.Contains(last.Reason, want) {
		t.Errorf("%s", last.Reason)
	}
	for _, f := range told {
		if f.Receipt == nil {
			continue
		}
		for _, x := range f.Receipt.Terms {
			if x.Feature == "closed_place" && x.Value == 1 && x.Weight > 0 {
				return
			}
		}
	}
	t.Error("the place does not weigh")
}

// TestAudienceForgets keeps nobody, and no place, that nobody came to for long.
func TestAudienceForgets(t *testing.T) {
	o := newOrg(testCatalog)
	o.meetReaders([]visit{{Place: 1, Who: 2, Department: 3}, {Place: 4}}, 100)
	o.meetReaders([]visit{{Place: 1, Who: 5, Department: 3}}, 110)
	o.forgetReaders(100 + readingDays)
	if len(o.Audiences[1].Readers) != 2 || o.Audiences[4] == nil {
		t.Error("forgotten too early")
	}
	o.forgetReaders(101 + readingDays)
	if len(o.Audiences[1].Readers) != 1 || o.Audiences[4] != nil {
		t.Error("not forgotten")
	}
	o.meetReaders([]visit{{Place: 1, Who: 6}, {Who: 5}}, 112)
	if len(o.Audiences[1].Readers) != 1 || o.Audiences[1].Readers[0].Who != 6 {
		t.Error("a person who is forgotten is kept")
	}
	o.forgetReaders(113 + readingDays)
	if len(o.Audiences) != 0 {
		t.Error("a place that nobody comes to is kept")
	}
}

// TestAudienceOrder counts the visits of an hour alike in any order, also where there is no room for all.
func TestAudienceOrder(t *testing.T) {
	var list []visit
	for n := range maxAudiences + 5 {
		list = append(list, visit{Place: uint64(n), Who: 1, Department: 2})
	}
	for n := range maxReaders + 5 {
		list = append(list, visit{Place: 7, Who: uint32(n + 2), Department: uint32(n % 3)})
	}
	one, other := newOrg(testCatalog), newOrg(testCatalog)
	one.meetReaders(slices.Clone(list), 100)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	other.meetReaders(append(list, list[:50]...), 100) // what is counted already may come again
	if len(one.Audiences) != maxAudiences || len(one.Audiences[7].Readers) != maxReaders || one.Audiences[7].Full != 100 {
		t.Errorf("%d places, %+v", len(one.Audiences), one.Audiences[7])
	}
	if !reflect.DeepEqual(one.Audiences, other.Audiences) {
		t.Error("who is kept depends on the order")
	}
}
