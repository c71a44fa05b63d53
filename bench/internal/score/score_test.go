package score

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const labels = `{"meta":{"test_start":"2026-02-01T00:00:00Z","end":"2026-03-01T00:00:00Z","user_days_test":1000},
"incidents":[
 {"id":"INC-1","scenario":"bulk","family":"volume","users":["Ann@x.example"],
  "start":"2026-02-10T10:00:00Z","end":"2026-02-10T12:00:00Z","intensity":0.9,"events":{"box":["e1","e2"]}},
 {"id":"INC-2","scenario":"slow","family":"slow","users":["bob@x.example"],
  "start":"2026-02-12T10:00:00Z","end":"2026-02-20T12:00:00Z","intensity":0.1,"events":{"m365":["e3"]}}],
"decoys":[{"type":"migration","user":"carl@x.example","start":"2026-02-03T09:00:00Z","end":"2026-02-03T18:00:00Z"}],
"aliases":{"ann-gh":"ann@x.example"}}`

func scored(t *testing.T, strict, native bool, alerts ...string) *Report {
	t.Helper()
	return scoredWith(t, labels, strict, native, alerts...)
}

func scoredWith(t *testing.T, labels string, strict, native bool, alerts ...string) *Report {
	t.Helper()
	dir := t.TempDir()
	l, a := filepath.Join(dir, "labels.json"), filepath.Join(dir, "alerts.ndjson")
	os.WriteFile(l, []byte(labels), 0o644)
	os.WriteFile(a, []byte(strings.Join(alerts, "\n")), 0o644)
	w, err := Load(l, a, Options{Native: native, Strict: strict})
	if err != nil {
		t.Fatal(err)
	}
	return Evaluate([]*World{w})
}

func line(day, user string, score float64, ids string) string {
	return fmt.Sprintf(`{"time":"2026-02-%sT11:00:00Z","user":"%s","detector":"d","score":%g,"event_ids":[%s]}`, day, user, score, ids)
}

func TestBudgets(t *testing.T) {
	r := scored(t, false, false,
		line("10", "ann-gh", 5, ""),         // finds INC-1, through an alias
		line("03", "carl@x.example", 9, ""), // false, on a decoy
		line("03", "carl@x.example", 8, ""), // the same user-day
		line("04", "dora@x.example", 7, ""), // false
		line("05", "dora@x.example", 2, ""), // false
		line("15", "bob@x.example", 1, ""))  // finds INC-2 below the third false alert
	want := map[string]float64{"1/1000": 0, "2/1000": .5, "5/1000": 1}
	for k, v := range want {
		if r.Recall[k] != v {
			t.Errorf("recall at %s: %g, want %g", k, r.Recall[k], v)
		}
	}
	if r.FalseOnDecoys["migration"] != 1 || r.FalseElsewhere != 1 || r.HoursMedian != 1 {
		t.Errorf("%+v", r)
	}
	if r.EmittedRecall != 1 || r.EmittedFalse != 3 {
		t.Errorf("as emitted: %g at %g", r.EmittedRecall, r.EmittedFalse)
	}
}

func TestTiesAreBrokenAgainstTheProduct(t *testing.T) {
	r := scored(t, false, false, line("10", "ann@x.example", 5, ""), line("04", "dora@x.example", 5, ""),
		line("05", "dora@x.example", 5, ""))
	if r.Recall["1/1000"] != 0 || r.Recall["2/1000"] != .5 {
		t.Errorf("%v", r.Recall)
	}
}

func TestWindowAndUnits(t *testing.T) {
	r := scored(t, false, false, line("09", "ann@x.example", 5, "")) // the day before
	if r.EmittedRecall != 0 || r.EmittedFalse != 1 {
		t.Errorf("%+v", r)
	}
	r = scored(t, false, true, line("03", "carl@x.example", 9, ""), line("03", "carl@x.example", 8, ""))
	if r.EmittedFalse != 2 {
		t.Errorf("native units: %g false", r.EmittedFalse)
	}
}

func TestStrictNeedsAnEvent(t *testing.T) {
	r := scored(t, true, false, line("10", "ann@x.example", 5, `"zz"`), line("15", "bob@x.example", 4, `"e3"`))
	if math.Abs(r.EmittedRecall-.5) > 1e-9 || r.EmittedFalse != 1 {
		t.Errorf("%+v", r)
	}
}

// The Dropbox team log has no identifiers: an alert must rest on its records within the incident.
func TestStrictWithoutIDs(t *testing.T) {
	const base = `{"time":"2026-02-10T11:00:00Z","user":"ann@x.example","score":5,"evidence":[{"sources":["%s"],` +
		`"window":{"start":"%s","end":"%s"}}]}`
	for _, c := range []struct {
		source, start, end string
		want               float64
	}{
		{"dropbox", "2026-02-10T10:10:00Z", "2026-02-10T10:40:00Z", .5},
		{"dropbox", "2026-02-09T10:10:00Z", "2026-02-09T10:40:00Z", 0},
		{"box", "2026-02-10T10:10:00Z", "2026-02-10T10:40:00Z", 0},
	} {
		with := strings.Replace(labels, `"box":["e1","e2"]`, `"dropbox":["2026-02-10T10:00:00Z/-"]`, 1)
		if got := scoredWith(t, with, true, false, fmt.Sprintf(base, c.source, c.start, c.end)).EmittedRecall; got != c.want {
			t.Errorf("%s from %s: recall %g, want %g", c.source, c.start, got, c.want)
		}
	}
}
