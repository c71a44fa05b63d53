package engine

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// TestFault has judging panic at one of many events, on whichever core: HandleAll returns
// an error that has the event.
func TestFault(t *testing.T) {
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	var list []Keyed
	for i := range 400 {
		ev := event.Event{
			Source: event.Box, Class: event.View, Time: 1_760_000_000_000 + int64(i), Key: uint64(i),
			Actor: event.Actor{Account: fmt.Sprint("u", i%40), Kind: event.Human},
		}
		list = append(list, Keyed{fmt.Sprint("u", i%40), ev.Append(nil)})
	}
	if err := e.HandleAll(list); err != nil {
		t.Fatal(err)
	}
	e.find("u7").Day.Count = nil // a state that cannot be
	err := e.HandleAll(list)
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("%v", err)
	}
	if !bytes.Equal(fault.Record, list[7].Record) {
		t.Errorf("another event: %v", err)
	}
}
