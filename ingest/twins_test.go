package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// TestDecodeTwins reads records in which keys occur twice.
func TestDecodeTwins(t *testing.T) {
	decode := func(s *jsonscan.Scanner, out *ingest.Sink) error {
		var user, action, app, port, to, size string
		for s.Object(); s.Next(); {
			switch string(s.Key) {
			case "user":
				user = s.Text()
			case "action":
				action = s.Text()
			case "client":
				app = s.Field("app")
			case "port":
				port = s.Text()
			case "to":
				to = s.Text()
			case "size":
				size = s.Text()
			default:
				s.Skip()
			}
		}
		if s.Err() != nil {
			return s.Err()
		}
		if action == "" {
			return ingest.ErrNotThis
		}
		e := out.New(event.Box)
		e.Action, e.Actor.Account, e.Client.App, e.Object.Name = action, user, app, size
		if port == "" {
			port = "all"
		}
		out.Attr("port", port)
		out.To(to, event.ScopeUnknown)
		out.Emit()
		return nil
	}
	const rest = `"action":"share","user":"u","port":22`
	many := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf(`,"size":%d`, i)
		}
		return s
	}
	for _, c := range []struct{ in, keys, app, to, size string }{
		{in: `{` + rest + `,"size":1}`, size: "1"},
		{in: `{` + rest + `,"size":1,"x":1,"size":2}`, keys: "size"},
		{in: `{"size" : 1, ` + rest + ` , "s\u0069ze": null }  `, keys: "size"},
		{in: `{` + rest + `,"size":1,"size": 1}`, size: "1"},
		{in: `{"to":"a","size":1,"to":"b",` + rest + `,"size":2}`, keys: "to size"},
		{in: `{"client":{"app":"a","app":"b"},` + rest + `,"size":2}`, keys: "app", size: "2"},
		{in: `{"client":{"app":"a","app":"b"},` + rest + `,"client":{"app":"c"},"to":"x"}`, keys: "app client", to: "x"},
		{in: `{"x":1,"x":2,` + rest + `}`},
		{in: `{` + rest + many(20) + `}`, keys: "size"},
		{in: `{` + rest + many(40) + `}`, keys: "malformed"},
		{in: `{` + rest + `,"user":"v"}`, keys: "malformed"},
		{in: `{` + rest + `,"user":null}`, keys: "malformed"},
		{in: `{` + rest + `,"action":"unshare"}`, keys: "malformed"},
		{in: `{` + rest + `,"port":443}`, keys: "malformed"}, // without it, all of them
	} {
		for _, inspected := range []bool{false, true} {
			var got []event.Event
			sink := ingest.NewSink(func(e *event.Event) { got = append(got, *e) })
			native := ""
			if inspected {
				sink.Inspect(func(_ *event.Event, n *ingest.Native) { native = string(n.JSON) })
			}
			sink.Begin()
			s := jsonscan.Scanner{Unique: true}
			behind := "  " + c.in + "}," // what comes before and after is not touched
			n, err := sink.Decode(&s, []byte(behind)[2:], decode)
			twin := (*jsonscan.DuplicateKeyError)(nil)
			if c.keys == "malformed" {
				if !errors.As(err, &twin) || len(got) != 0 || len(sink.Ambiguous()) != 0 {
					t.Errorf("%s: %d events, %v, want it malformed", c.in, len(got), err)
				}
				continue
			}
			if err != nil || len(got) != 1 {
				t.Errorf("%s: %d events, %v", c.in, len(got), err)
				continue
			}
			keys := strings.Fields(c.keys)
			if inspected && strings.Contains(c.in, `"x":1,"x":2`) {
				keys = []string{"x"}
			}
			have := slices.Sorted(slices.Values(sink.Ambiguous()))
			slices.Sort(keys)
			if n != len(strings.TrimRight(c.in, " ")) || !slices.Equal(have, keys) {
				t.Errorf("%s: length %d, keys %q, want %q", c.in, n, have, keys)
			}
			e, to := got[0], ""
			if len(e.To) > 0 {
				to = e.To[0].Account
			}
			if e.Client.App != c.app || to != c.to || e.Object.Name != c.size || e.Actor.Account != "u" {
				t.Errorf("%s: %+v", c.in, e)
			}
			for _, key := range keys {
				if inspected && strings.Contains(native, `"`+key+`"`) {
					t.Errorf("%s: rules see %s", c.in, native)
				}
			}
		}
	}
}
