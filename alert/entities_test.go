package alert

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestRecipientEntities tells addresses, domains and accounts from what is none of them.
func TestRecipientEntities(t *testing.T) {
	for name, want := range map[string]string{
		"Eve@Rival.example":          "[address eve@rival.example domain rival.example]",
		"@rival.example":             "[domain rival.example]",
		"rival.example":              "[domain rival.example]",
		"123456789012":               "[account 123456789012]",
		"*":                          "[]",
		"":                           "[]",
		"everybody":                  "[]",
		"slack:U123":                 "[]",
		"a@b":                        "[]",
		"<b>@evil.example/../x":      "[]",
		"=cmd|'/c calc'!A1@x":        "[]",
		"eve@rival.example\u202e":    "[]",
		"12345678901":                "[]",
		"198.51.100.7":               "[]",
		"@sub.rival-corp.co.example": "[domain sub.rival-corp.co.example]",
	} {
		list := []string{}
		for _, e := range RecipientEntities(name) {
			list = append(list, string(e.Kind)+" "+e.Name)
		}
		if got := fmt.Sprint(list); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// naming is an alert that names an outside address, an application, a bucket and a file.
func naming(id, user string, at time.Time) Alert {
	a := Sample(at)
	a.ID, a.User = id, user
	share := Item{
		Time: at.Add(-time.Minute), Source: "box", Activity: "share_user", RecordID: "r1", Bytes: 5000,
		Object:     Object{ID: "77", Type: "file", Name: "Prices <2026>.xlsx"},
		Recipients: []string{"Eve@rival.example", "colleague@acme.example", "*"},
		Client:     Client{App: "Data Room Sync"},
	}
	read := Item{Time: at, Source: "aws_cloudtrail", Activity: "download", RecordID: "r2", Rows: -1,
		Object: Object{Type: "object", Name: "dump.sql", Container: "Backups-DB"}}
	a.Evidence[0].Items = []Item{share, read}
	again := a.Evidence[0]
	again.Items, again.Detector = []Item{share}, "external_sharing"
	again.Destinations = []Destination{{"eve@rival.example", 240}}
	a.Evidence = append(a.Evidence, again)
	return a
}

// TestEntities finds what alerts name, adds it up, and forgets it with the alert.
func TestEntities(t *testing.T) {
	ctx := t.Context()
	s, err := OpenStore(ctx, filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	list := []Alert{naming("a1", "jo@acme.example", at), naming("a2", "mo@acme.example", at.Add(time.Hour))}
	policy := NotifyPolicy{Now: at, NeedsAttention: func(*Alert) bool { return true }}
	for range 2 { // what is stored again counts once
		if err := s.Apply(ctx, 0, Position{Next: 1, Epoch: 1}, list, policy); err != nil {
			t.Fatal(err)
		}
	}
	for want, e := range map[string]Entity{
		"eve@rival.example: 2 alerts, 2 people, 480 events, 10000 bytes": {Kind: AddressEntity, Name: "eve@rival.example"},
		"rival.example: 2 alerts, 2 people, 480 events, 10000 bytes":     {Kind: DomainEntity, Name: "rival.example"},
		"Data Room Sync: 2 alerts, 2 people, 2 events, 10000 bytes":      {Kind: ApplicationEntity, Name: "data room sync"},
		"Backups-DB: 2 alerts, 2 people, 2 events, 0 bytes":              {Kind: BucketEntity, Name: "backups-db"},
		"Prices <2026>.xlsx: 2 alerts, 2 people, 2 events, 10000 bytes":  (&Item{Source: "box", Object: Object{ID: "77", Type: "file"}}).ObjectEntity(),
	} {
		x, err := s.Entity(ctx, e.Kind, e.Name)
		if err != nil {
			t.Fatal(err)
		}
		if x == nil {
			t.Errorf("%s: not found", want)
			continue
		}
		if got := fmt.Sprintf("%s: %d alerts, %d people, %d events, %d bytes", x.Title, x.Alerts, x.People, x.Events, x.Bytes); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if !x.First.Before(x.Last) || x.Last.After(at.Add(time.Hour)) {
			t.Errorf("%s: from %s to %s", want, x.First, x.Last)
		}
	}
	for _, e := range []Entity{{Kind: DomainEntity, Name: "acme.example"}, {Kind: AddressEntity, Name: "colleague@acme.example"}} {
		if x, err := s.Entity(ctx, e.Kind, e.Name); err != nil || x != nil {
			t.Errorf("%s of the person's own domain: %v %v", e.Name, x, err)
		}
	}

	checkTotals(t, s)
	page, err := s.Mentions(ctx, DomainEntity, "rival.example", 1, 1)
	if err != nil || len(page) != 1 || page[0].Alert != "a1" || page[0].User != "jo@acme.example" || page[0].Events != 240 {
		t.Errorf("the second mention: %+v, %v", page, err)
	}

	withdrawn := list[1]
	withdrawn.Withdrawn = true
	if err := s.Apply(ctx, 0, Position{Next: 1, Epoch: 1}, []Alert{withdrawn}, policy); err != nil {
		t.Fatal(err)
	}
	if x, err := s.Entity(ctx, DomainEntity, "rival.example"); err != nil || x == nil || x.Alerts != 1 {
		t.Errorf("after an alert was withdrawn: %+v, %v", x, err)
	}
	checkTotals(t, s)
	if _, _, err := s.Erase(ctx, "jo@acme.example"); err != nil {
		t.Fatal(err)
	}
	checkTotals(t, s)
	if x, err := s.Entity(ctx, DomainEntity, "rival.example"); err != nil || x != nil {
		t.Errorf("after the other was erased: %+v, %v", x, err)
	}
	if err := s.Save(ctx, 1, 0, nil, each(list...)); err != nil {
		t.Fatal(err)
	}
	for _, kept := range []int{2, 1} { // alerts that were loaded come without items; those that are gone are forgotten
		list = list[:kept]
		for i := range list {
			list[i] = list[i].WithoutItems()
		}
		if err := s.Save(ctx, 2, 0, nil, each(list...)); err != nil {
			t.Fatal(err)
		}
		if x, err := s.Entity(ctx, ApplicationEntity, "data room sync"); err != nil || x == nil || x.Alerts != kept {
			t.Errorf("after a scan that kept %d: %+v, %v", kept, x, err)
		}
		checkTotals(t, s)
	}
}

// TestEntitiesBounded keeps who received something when an alert names more than fit.
func TestEntitiesBounded(t *testing.T) {
	a := naming("a1", "jo@acme.example", time.Now())
	for i := range MaxItems {
		a.Evidence[0].Items = append(a.Evidence[0].Items, Item{Source: "box", Object: Object{ID: fmt.Sprint(i), Type: "file"}})
	}
	m := mentionsOf(&a)
	if len(m.order) != maxEntities || !slices.Contains(m.order, [2]string{"domain", "rival.example"}) ||
		!slices.Contains(m.order, [2]string{"bucket", "backups-db"}) {
		t.Errorf("%d entities: %v", len(m.order), m.order[:5])
	}
}

// checkTotals compares what lists of entities are ordered by with what alerts say of each.
func checkTotals(t *testing.T, s *Store) {
	t.Helper()
	counts, err := s.CountEntities(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range EntityKinds {
		list, err := s.Entities(t.Context(), EntityFilter{Kind: kind, Order: EntityNames, Limit: 1000})
		var names int
		if err == nil {
			err = s.db.QueryRow("SELECT count(DISTINCT name) FROM entity WHERE kind = ?", string(kind)).Scan(&names)
		}
		if err != nil || len(list) != names || counts[kind] != names {
			t.Errorf("%s: %d listed and %d counted of %d, %v", kind, len(list), counts[kind], names, err)
		}
		for _, got := range list {
			if want, err := s.Entity(t.Context(), kind, got.Name); err != nil || want == nil || *want != got {
				t.Errorf("%s: %+v, want %+v, %v", kind, got, want, err)
			}
		}
	}
}
