package event

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

func sample() *Event {
	return &Event{
		ID:      "0b1f6c1e-0000-4000-8000-00000000abcd",
		Key:     7,
		Source:  Box,
		Tenant:  "t",
		Time:    1772442000123,
		Actor:   Actor{Account: "jane@acme.example", Alias: "box:1", Name: "Jane", Kind: Human, OnBehalfOf: "bob@acme.example"},
		Action:  "DOWNLOAD",
		Class:   Download,
		Object:  Object{ID: "o", Type: "file", Name: "n", Container: "c", Owner: "w", Label: "l", Size: 5, Folder: true},
		To:      []Recipient{{"x@rival.example", "Sales", ScopeExternal}},
		Before:  Private,
		After:   Public,
		Rows:    -1,
		Bytes:   9,
		Items:   3,
		Client:  Client{"198.51.100.7", "ua", "DE", "app", "s", "d"},
		Outcome: Denied,
		Attrs:   []Attr{{AttrRole, "admin"}},
	}
}

func TestCodec(t *testing.T) {
	e := sample()
	rec := e.Append([]byte("before"))[len("before"):]
	var d Decoder
	var back Event
	if err := d.Decode(rec, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, e) {
		t.Errorf("got  %+v\nwant %+v", &back, e)
	}
	if a, b := RecordActor(rec); a != e.Actor.Account || b != e.Actor.Alias {
		t.Error("actor", a, b)
	}
	if RecordTime(rec) != e.Time || RecordKey(rec) != e.Key || RecordSource(rec) != e.Source || RecordClass(rec) != e.Class ||
		RecordKind(rec) != e.Actor.Kind || !RecordHasRecipients(rec) {
		t.Error("header")
	}
	for n := range len(rec) { // cut anywhere: an error, never a panic
		if err := d.Decode(rec[:n], &back); err == nil && n < headerSize {
			t.Errorf("%d bytes were taken for an event", n)
		}
	}
}

// TestCodecStored pins the stored form: logs are read by later versions.
func TestCodecStored(t *testing.T) {
	e := &Event{ID: "id", Key: 1, Source: CloudTrail, Time: 2, Action: "GetObject", Class: Download, Actor: Actor{Account: "a"}}
	const want = "0102000000000000000100000000000000010a00000000510000000161026964094765744f626a656374"
	if got := hex.EncodeToString(e.Append(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestClone(t *testing.T) {
	buf := []byte("account")
	e := sample()
	e.Actor.Account = string(buf)
	c := e.Clone()
	e.To[0].Account, e.Attrs[0].Value = "other", "other"
	if c.To[0].Account != "x@rival.example" || c.Attr(AttrRole) != "admin" || c.Attr("none") != "" {
		t.Errorf("%+v", c)
	}
}

func TestNames(t *testing.T) {
	for _, s := range Sources() {
		if s.String() == "" || s.String() == "unknown" || s.Title() == "" {
			t.Errorf("source %d has no name", s)
		}
	}
	for c := Class(0); c < classCount; c++ {
		if c.String() == "" {
			t.Errorf("class %d has no name", c)
		}
	}
	if Class(200).String() != "unknown" || Source(200).String() != "unknown" || ActorKind(200).String() == "" ||
		Visibility(200).String() == "" {
		t.Error("values out of range")
	}
}

// FuzzFramed asserts that damaged stored events are an error, and that those that are accepted
// can be used without a panic.
func FuzzFramed(f *testing.F) {
	rec := sample().Append(nil)
	f.Add(AppendFramed(AppendFramed(nil, rec), rec))
	f.Add(AppendFramed(nil, rec[:5]))
	f.Add([]byte{1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Decoder
		var e Event
		var again []byte
		err := Framed(b, func(rec []byte) error {
			RecordTime(rec)
			RecordKey(rec)
			RecordVisibility(rec)
			RecordActor(rec)
			RecordHasRecipients(rec)
			if RecordClass(rec).String() == "" || RecordKind(rec).String() == "" || RecordOutcome(rec) > UnknownOutcome {
				t.Errorf("values that nobody knows: %x", rec)
			}
			d.Decode(rec, &e)
			again = AppendFramed(again, rec)
			return nil
		})
		if err == nil && len(again) > len(b) {
			t.Error("more was read than there is")
		}
	})
}

// FuzzDecode asserts that a stored event that can be read is written the same.
func FuzzDecode(f *testing.F) {
	f.Add(sample().Append(nil))
	f.Fuzz(func(t *testing.T, rec []byte) {
		var d Decoder
		var e, again Event
		if d.Decode(rec, &e) != nil {
			return
		}
		out := e.Append(nil)
		var d2 Decoder
		if err := d2.Decode(out, &again); err != nil {
			t.Fatalf("written anew it cannot be read: %v", err)
		}
		if !bytes.Equal(out, again.Append(nil)) {
			t.Error("written twice, two forms")
		}
	})
}
