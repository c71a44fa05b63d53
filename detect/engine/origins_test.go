package engine

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestOrigins notes where and with what a person works: networks as baselines tell them apart, one of several versions of
// an agent, and a few of each kind, however many there are.
func TestOrigins(t *testing.T) {
	d := &dayState{}
	for _, c := range []event.Client{
		{IP: "203.0.113.7", Country: "Germany", Device: "LAPTOP-1", Agent: "Chrome/120.0 (Windows)"},
		{IP: "203.0.9.9", Country: "Germany", Agent: "Chrome/121.1 (Windows)"},
		{IP: "2001:db8::7", Country: "France"},
		{IP: "2001:db8:1::7"},
		{},
	} {
		d.originate(&c)
	}
	want := &finding.Origins{
		Networks: []string{"2001:db8::/32", "203.0.0.0/16"}, Countries: []string{"France", "Germany"}, Devices: []string{"LAPTOP-1"},
		Agents: []string{"Chrome/120.0 (Windows)"},
	}
	if got := d.origins(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	for i := range 1000 {
		d.originate(&event.Client{
			IP: fmt.Sprintf("10.%d.0.1", i), Country: fmt.Sprint("Country ", i), Device: fmt.Sprint("d", i), Agent: strings.Repeat("é", 100) + string(rune('a'+i%26)),
		})
	}
	got := d.origins()
	if len(got.Networks) != 8 || len(got.Countries) != 4 || len(got.Devices) != 4 || len(got.Agents) != 2 || len(got.Agents[1]) > maxOrigin {
		t.Errorf("%+v", got)
	}
	d.shut()
	if d.origins() != nil {
		t.Error("the next day has those of the day before")
	}
	for key, want := range map[string]string{"::1": "::1", "fe80:": "fe80:", "10.1": "10.1.0.0/16", "": "", "localhost": "localhost"} {
		if got := networkRange(key); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

// TestOriginsOfDays leaves out where failed attempts came from.
func TestOriginsOfDays(t *testing.T) {
	var days []*finding.Activity
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	e.Days(func(a *finding.Activity) error { days = append(days, a); return nil })
	at := int64(20_000) * event.Day
	for i, outcome := range []event.Outcome{event.Success, event.Failure} {
		ev := &event.Event{
			Source: event.Okta, Time: at + int64(i+9)*event.Hour, Actor: event.Actor{Account: "p@x.example"}, Class: event.LoginSuccess, Outcome: outcome,
			Client: event.Client{IP: fmt.Sprintf("198.%d.0.1", i)},
		}
		if err := e.Handle("p@x.example", ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Flush(); err != nil || len(days) != 1 || !reflect.DeepEqual(days[0].Origins, &finding.Origins{Networks: []string{"198.0.0.0/16"}}) {
		t.Errorf("%v %d days", err, len(days))
	}
}
