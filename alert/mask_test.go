package alert_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/people"
)

// fill gives every text below a value, with one element in every slice, a text.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if v.Type().Elem() != reflect.TypeFor[time.Time]() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), text)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	}
}

// texts calls each with every text of a JSON value and the key that it has.
func texts(v any, key string, each func(key, text string)) {
	switch v := v.(type) {
	case string:
		each(key, v)
	case []any:
		for _, x := range v {
			texts(x, key, each)
		}
	case map[string]any:
		for k, x := range v {
			texts(x, k, each)
		}
	}
}

// TestEveryField fills every text of an alert with names: the masked alert has none but in the fields whose words are
// Outflow's own, and the alert stays as it was.
func TestEveryField(t *testing.T) {
	const text = "of Chen Kapoor, chenk77 and Mei K…"
	own := map[string]bool{}
	for _, key := range strings.Fields("id case alert department detector detectors unit sources source techniques activity outcome visibility " +
		"kind type feature metric learned window status verdict") {
		own[key] = true
	}
	known := people.NewMatcher()
	known.Add("chen.kapoor@acme.example", "Chen Kapoor")
	known.AddAccount("github:chenk77", "chen.kapoor@acme.example")
	known.Add("mei.kaya@acme.example")
	for _, purpose := range []string{"soc", "hr"} {
		var a alert.Alert
		fill(reflect.ValueOf(&a).Elem(), text)
		before := fmt.Sprintf("%+v %+v", a, *a.Receipt)
		mask := alert.NewMask([]byte("key"), purpose, nil).Knowing(func() *people.Matcher { return known })
		masked := mask.Alert(&a)
		if fmt.Sprintf("%+v %+v", a, *a.Receipt) != before {
			t.Error("the alert was changed")
		}
		b, err := json.Marshal(&masked)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		seen := 0
		texts(v, "", func(key, text string) {
			seen++
			for _, name := range []string{"Chen", "Kapoor", "chenk77", "Mei"} {
				if strings.Contains(text, name) && !own[key] {
					t.Errorf("%s, %s: %q", purpose, key, text)
				}
			}
		})
		if seen < 60 {
			t.Errorf("%d texts", seen)
		}
	}
}

// TestIDs checks that ids of alerts lead back for readers of their purpose alone.
func TestIDs(t *testing.T) {
	soc, hr := alert.NewMask([]byte("key"), "soc", nil), alert.NewMask([]byte("key"), "hr", nil)
	seen := map[string]bool{}
	for i := range 1000 {
		id := fmt.Sprintf("%016x", i*i)
		a, b := soc.ID(id), hr.ID(id)
		if len(a) != 16 || a == id || b == id || a == b || seen[a] || seen[b] {
			t.Fatalf("%s: %s and %s", id, a, b)
		}
		seen[a], seen[b] = true, true
		if soc.RealID(a) != id || hr.RealID(b) != id || hr.RealID(a) == id {
			t.Fatalf("%s leads to %s", a, soc.RealID(a))
		}
	}
	a := alert.Alert{
		ID: "0000000000000001", Case: "0000000000000002", EventIDs: []string{"e1"}, Again: []alert.Repetition{{Alert: "0000000000000003"}},
		Evidence: []alert.Evidence{{Items: []alert.Item{{RecordID: "e1"}}}},
	}
	for purpose, m := range map[string]*alert.Mask{"soc": soc, "hr": hr} {
		got := m.Alert(&a)
		if got.ID != m.ID(a.ID) || got.Case != m.ID(a.Case) || got.Again[0].Alert != m.ID(a.Again[0].Alert) {
			t.Errorf("%s: %+v", purpose, got)
		}
		if shown := purpose == "soc"; (got.EventIDs[0] == "e1") != shown || (got.Evidence[0].Items[0].RecordID == "e1") != shown ||
			got.EventIDs[0] != got.Evidence[0].Items[0].RecordID {
			t.Errorf("%s: %q, %q", purpose, got.EventIDs, got.Evidence[0].Items[0].RecordID)
		}
	}
	if a.EventIDs[0] != "e1" || a.Again[0].Alert != "0000000000000003" || a.Evidence[0].Items[0].RecordID != "e1" {
		t.Errorf("the alert was changed: %+v", a)
	}
}
