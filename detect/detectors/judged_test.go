package detectors

import (
	"testing"

	"github.com/outflow/outflow/internal/event"
)

func TestJudged(t *testing.T) {
	policy := []event.Attr{{Name: event.AttrPolicy, Value: "sharing"}}
	for _, c := range []struct {
		e    event.Event
		want bool
	}{
		{event.Event{Class: event.Download}, true},
		{event.Event{Class: event.LoginFailure}, true},
		{event.Event{Class: event.ConfigChange}, false},
		{event.Event{Class: event.ConfigChange, Attrs: policy}, true},
		{event.Event{Class: event.Logout}, false},
		{event.Event{Class: event.Other}, false},
	} {
		if got := Judged(&c.e); got != c.want {
			t.Errorf("%v: %t, want %t", c.e.Class, got, c.want)
		}
	}
}
