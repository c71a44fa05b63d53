package stream

import (
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

// TestRecord writes records of each kind as earlier versions did, and reads them back.
func TestRecord(t *testing.T) {
	for want, r := range map[string]Record{
		`{"leavers":null}`: {Kind: LeaversRecord},
		`{"leavers":[{"user":"a@acme.example","notice":1,"last_day":2}]}`: {
			Kind:    LeaversRecord,
			Leavers: []finding.Leaver{{User: "a@acme.example", Notice: 1, LastDay: 2}},
		},
	} {
		b, err := r.Marshal()
		if err != nil || string(b) != want {
			t.Errorf("%s, %v; want %s", b, err, want)
		}
		got, err := ParseRecord(b)
		if err != nil || got.Kind != r.Kind || len(got.Leavers) != len(r.Leavers) {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
	day := Record{Kind: ActivityRecord, Activity: []finding.Activity{{User: "a@acme.example", End: 3, Gone: true}}}
	b, err := day.Marshal()
	got, perr := ParseRecord(b)
	if err != nil || perr != nil || got.Kind != ActivityRecord || len(got.Activity) != 1 || got.Activity[0].User != "a@acme.example" {
		t.Errorf("%s: %+v, %v %v", b, got, err, perr)
	}
	sent := Record{Alert: &alert.Alert{ID: "x", User: "a@acme.example", Time: time.UnixMilli(5).UTC()}}
	b, err = sent.Marshal()
	if got, perr := ParseRecord(b); err != nil || perr != nil || got.Kind != AlertRecord || got.Alert.ID != "x" {
		t.Errorf("%s: %+v, %v %v", b, got, err, perr)
	}
	for bad, kind := range map[string]RecordKind{
		"":               AlertRecord,
		"x":              AlertRecord,
		`{"activity":5}`: ActivityRecord,
		`{"leavers":{}}`: LeaversRecord,
		`{"activity":[`:  ActivityRecord,
	} {
		if got, err := ParseRecord([]byte(bad)); err == nil || got.Kind != kind {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}
