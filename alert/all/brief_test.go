package all

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/finding"
)

// manyItems is an alert with more items than a text shows, and a receipt.
func manyItems() alert.Alert {
	a := alerttest.Alert()
	e := &a.Evidence[0]
	first := e.Items[0]
	for i := range 150 {
		x := first
		x.Object.Name, x.RecordID, x.Time = fmt.Sprintf("scan %03d.tif", i), fmt.Sprintf("s%03d", i), first.Time.Add(time.Duration(i)*time.Second)
		e.Items = append(e.Items, x)
	}
	e.Events = e.Unlisted + len(e.Items)
	a.Receipt = &finding.Receipt{Model: 5, Counts: make([]finding.Count, 40)}
	return a
}

// TestQueued compares what channels send of the message that was queued with what they would send of the whole alert.
// The message stays as it was when the alert grows after sending has begun.
func TestQueued(t *testing.T) {
	s, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	policy := alert.NotifyPolicy{Now: alerttest.Now, NeedsAttention: func(*alert.Alert) bool { return true }}
	for name := range overHTTP {
		policy.Routes = append(policy.Routes, alert.Route{Channel: name, Brief: kindOf(name).Brief})
	}
	policy.Routes = append(policy.Routes, alert.Route{Channel: "email", Brief: kindOf("email").Brief})
	a := manyItems()
	if err := s.Apply(t.Context(), 0, alert.Position{Next: 1}, []alert.Alert{a}, policy); err != nil {
		t.Fatal(err)
	}
	queued := func(name string) alert.QueuedNotification {
		list, err := s.Queued(t.Context(), name, 1)
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v, %d messages", name, err, len(list))
		}
		return list[0]
	}
	for _, r := range policy.Routes {
		if err := s.MarkStarted(t.Context(), queued(r.Channel).Seq, 0); err != nil {
			t.Fatal(err)
		}
	}
	grown := manyItems()
	grown.Revision, grown.Severity, grown.Title = 2, alert.Critical, "Downloaded 400 files"
	grown.Evidence[0].Items = grown.Evidence[0].Items[100:]
	if err := s.Apply(t.Context(), 0, alert.Position{Next: 2}, []alert.Alert{grown}, policy); err != nil {
		t.Fatal(err)
	}

	for _, r := range policy.Routes {
		m := &alert.Message{Alert: queued(r.Channel).Alert}
		if r.Brief != (len(m.Alert.Evidence[0].Items) < 10) || r.Brief != (m.Alert.Receipt == nil) {
			t.Errorf("%s: %d items are queued", r.Channel, len(m.Alert.Evidence[0].Items))
		}
		whole := &alert.Message{Alert: a}
		masked := []*alert.Message{{Alert: alerttest.Mask().Alert(&m.Alert)}, {Alert: alerttest.Mask().Alert(&a)}}
		for _, pair := range [][]*alert.Message{{m, whole}, masked} {
			if r.Channel == "email" {
				if pair[0].Text() != pair[1].Text() {
					t.Errorf("the mail says\n%s\nand not\n%s", pair[0].Text(), pair[1].Text())
				}
				continue
			}
			if got, want := one(t, r.Channel, pair[0]).Body, one(t, r.Channel, pair[1]).Body; !bytes.Equal(got, want) {
				t.Errorf("%s: sends\n%s\nand not\n%s", r.Channel, got, want)
			}
		}
	}
}
