package alert_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// listed is an alert with items that name people everywhere.
func listed() alert.Alert {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return alert.Alert{
		ID: "x", User: "dana.ruiz@northwind.example", Time: now, Severity: alert.High, Score: 9,
		Evidence: []alert.Evidence{{Detector: "slow_drip"}, {
			Detector: "bulk_download", Events: 300, Unlisted: 299,
			Items: []alert.Item{{
				Time: now, Source: "m365", Activity: "download", Action: "FileDownloaded", Actor: "dana.ruiz@northwind.example",
				Object: alert.Object{
					ID: "https://x.sharepoint.com/personal/dana_ruiz/a.xlsx", Name: "Dana Ruiz plan.xlsx", Container: "/personal/dana_ruiz",
					Owner: "li.wei@northwind.example", URL: "https://x.sharepoint.com/personal/dana_ruiz/a.xlsx",
				},
				Recipients: []string{"li.wei@northwind.example", "buyer@rival.example"}, Detail: "role: dana.ruiz",
				Client: alert.Client{Device: "DANA-RUIZ-PC", IP: "203.0.113.7"}, RecordID: "1",
			}},
			Destinations: []alert.Destination{{Name: "dana.ruiz@northwind.example", Events: 1}, {Name: "buyer@rival.example", Events: 1}},
		}},
	}
}

// TestItemsStored has the items of an alert kept apart from it: one alert has them, lists do not.
func TestItemsStored(t *testing.T) {
	s := newStore(t)
	a := listed()
	policy := alert.NotifyPolicy{NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: "c"}}}
	for next := range int64(2) { // the same twice changes nothing
		if err := s.Apply(t.Context(), 0, alert.Position{Next: next}, []alert.Alert{a}, policy); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.All(t.Context())
	if err != nil || len(list) != 1 || list[0].Evidence[1].Items != nil || list[0].Evidence[1].Unlisted != 299 {
		t.Fatalf("%v %+v", err, list)
	}
	if err := s.LoadItems(t.Context(), &list[0]); err != nil || !reflect.DeepEqual(list[0].Evidence, a.Evidence) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, list[0].Evidence, a.Evidence)
	}
	if found, err := s.Find(t.Context(), "x"); err != nil || len(found.Evidence[1].Items) != 1 {
		t.Errorf("%v %+v", err, found)
	}
	if queued, err := s.Queued(t.Context(), "c", 1); err != nil || len(queued) != 1 || len(queued[0].Alert.Evidence[1].Items) != 1 {
		t.Errorf("a channel is sent no items: %v %+v", err, queued)
	}
	without := a.WithoutItems()
	without.Score = 10
	if err := s.Apply(t.Context(), 0, alert.Position{Next: 3}, []alert.Alert{without}, policy); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Find(t.Context(), "x"); err != nil || found.Score != 10 || len(found.Evidence[1].Items) != 1 {
		t.Errorf("an alert without items has taken those that are stored: %v %+v", err, found)
	}
	if err := s.Save(t.Context(), 1, 0, nil, alert.NewCorrelator().Each([]alert.Draft{alert.DraftOf(&a)})); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Erase(t.Context(), a.User); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), 2, 0, nil, alert.NewCorrelator().Each([]alert.Draft{alert.DraftOf(&without)})); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Find(t.Context(), "x"); err != nil || found.Evidence[1].Items != nil {
		t.Errorf("items are left after the person was erased: %v %+v", err, found)
	}
}

// TestItemsMasked looks for names in the items of a masked alert.
func TestItemsMasked(t *testing.T) {
	a := listed()
	before := fmt.Sprintf("%+v", a)
	m := alert.NewMask([]byte(strings.Repeat("k", 32)), "soc", nil).Alert(&a)
	all := strings.ToLower(fmt.Sprintf("%+v", m.Evidence))
	for _, name := range []string{"ruiz", "li.wei"} {
		if strings.Contains(all, name) {
			t.Errorf("%q is in %s", name, all)
		}
	}
	x := &m.Evidence[1].Items[0]
	if x.Object.URL != "" || x.Recipients[1] != "buyer@rival.example" || x.RecordID != "1" || x.Client.IP != "203.0.113.7" {
		t.Errorf("%+v", x)
	}
	if fmt.Sprintf("%+v", a) != before {
		t.Error("the alert itself has changed")
	}
}
