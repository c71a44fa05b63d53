package plain

import (
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := Number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestDisturbs(t *testing.T) {
	for _, c := range "\x00\x1b\n\r\t\u007f\u009b\u200b\u200e\u2028\u202e\u2066\ufeff" {
		if !Disturbs(c) {
			t.Errorf("%U", c)
		}
	}
	for _, c := range "aZ0 äß日本語😀·…" {
		if Disturbs(c) {
			t.Errorf("%U", c)
		}
	}
}

func TestDuration(t *testing.T) {
	for minutes, want := range map[float64]string{
		.2:             "under a minute",
		1:              "1 minute",
		45:             "45 minutes",
		89:             "89 minutes",
		90:             "2 hours",
		60 * 30:        "30 hours",
		60 * 36:        "2 days",
		60 * 24 * 2000: "2,000 days",
	} {
		if got := Duration(time.Duration(minutes * float64(time.Minute))); got != want {
			t.Errorf("%v minutes: %s", minutes, got)
		}
	}
}

func TestColumn(t *testing.T) {
	for _, name := range []string{"Event time", "event_time", "EVENT TIME", " Event-Time ", "\ufeff\"event.time\"", "[event] (time)"} {
		if got := Column(name); got != "eventtime" {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestCountOf(t *testing.T) {
	for n, want := range map[int]string{0: "0 people", 1: "1 person", 2: "2 people", 1204: "1,204 people", -1: "-1 people"} {
		if got := CountOf(n, "person", "people"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestUnit(t *testing.T) {
	for plural, want := range map[string]string{
		"files": "file", "sensitive items": "sensitive item", "copies to the clipboard": "copy to the clipboard",
		"batches of objects": "batch of objects", "repositories new to the person": "repository new to the person", "% of events": "% of events",
	} {
		if one, many := Unit(1, plural), Unit(2, plural); one != want || many != plural {
			t.Errorf("%q: 1 %q, 2 %q", plural, one, many)
		}
	}
}
