package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

var march = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

// taken is that somebody takes a file, or an object where the source is AWS.
func taken(who string, at time.Time, source event.Source, what int) keyed {
	return keyed{who, &event.Event{Source: source, Class: event.Download, Time: at.UnixMilli(),
		ID: fmt.Sprint(at.UnixNano(), what), Action: "GetObject", Outcome: event.Success,
		Actor:  event.Actor{Account: who, Kind: event.Human},
		Object: event.Object{ID: fmt.Sprint("o", what), Name: fmt.Sprint(what), Container: "data"}}}
}

// worst is the highest of what is said of a detector.
func worst(t *testing.T, events []keyed, detector string) (top *finding.Finding, e *Engine) {
	t.Helper()
	e = newEngine(Config{}, func(f *finding.Finding) error {
		if f.Detector == detector && (top == nil || f.Risk >= top.Risk) {
			top = f
		}
		return nil
	})
	feed(t, e, events)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return top, e
}

// TestLittleKnown tells a blatant count of a young organisation, and none that somebody may
// call usual; and says what it rests on.
func TestLittleKnown(t *testing.T) {
	for _, c := range []struct {
		days, many int
		gap        time.Duration
		service    bool
		told       bool
	}{
		{30, 1168, 20 * time.Millisecond, false, true},
		{1, 1168, 20 * time.Millisecond, false, true},
		{1, 60_000, time.Millisecond, false, true},
		{30, 400, 20 * time.Millisecond, false, true},
		{30, 40, 20 * time.Millisecond, false, false},
		{1, 400, 20 * time.Millisecond, false, false},
		{30, 1168, 20 * time.Second, false, true}, // within six hours, by somebody who reads one a day
		{1, 1168, 20 * time.Second, false, false},
		{1, 0, 0, false, false},
		{30, 1168, 20 * time.Millisecond, true, false},
	} {
		who, source := "dana.ruiz@acme.example", event.CloudTrail
		var events []keyed
		n := 0
		add := func(at time.Time) {
			n++
			k := taken(who, at, source, n)
			if c.service {
				k.e.Actor.Kind = event.Service
			}
			events = append(events, k)
		}
		for d := range c.days {
			add(march.AddDate(0, 0, d))
		}
		for i := range c.many {
			add(march.AddDate(0, 0, c.days-1).Add(time.Minute + time.Duration(i)*c.gap))
		}
		f, e := worst(t, events, "object_store_read")
		if (f != nil && f.Risk >= attention) != c.told {
			t.Errorf("%+v: %+v", c, f)
			continue
		}
		if k := e.Knowledge(); k.PersonDays >= Enough || k.From != 0 {
			t.Errorf("%+v: %+v", c, k)
		}
		if !c.told {
			continue
		}
		if !strings.Contains(f.Reason, "little is known here yet") || strings.Contains(f.Reason, "usual day") ||
			strings.Contains(f.Reason, "peers") || c.days == 1 && strings.Contains(f.Reason, "new to them") {
			t.Errorf("%+v: %s", c, f.Reason)
		}
		risk, steps, err := testCatalog.Recompute(f.Receipt)
		if err != nil || round3(risk) != f.Risk {
			t.Errorf("%+v: %v, computed %v, said %v", c, err, risk, f.Risk)
		}
		for i := range steps {
			if !steps[i].Matches() {
				t.Errorf("%+v: %+v", c, steps[i])
			}
		}
	}
}

// TestRareCounts are of metrics that there are, and that need nobody's history.
func TestRareCounts(t *testing.T) {
	cat := testCatalog
	for name, r := range rareCounts {
		j, known := cat.index[name]
		if !known || j >= cat.scored || cat.metrics[j].History || r.count < 10 || r.falls < 1 || r.falls > 3 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	b := finding.Before{Rare: 100, Falls: 2}
	if below, at, above := rarity(99, 20, b, limit), rarity(100, 20, b, limit), rarity(1000, 20, b, limit); below > 3 ||
		at <= floor || above <= at || rarity(1e300, 20, b, limit) > at+limit {
		t.Error(below, at, above)
	}
	b.Days = 60 // enough is known: what is rare elsewhere does not matter
	if got := rarity(1000, 1, b, limit); got != rarity(0, 1, finding.Before{Days: 60}, limit) && got >= 9.2 {
		t.Error(got)
	}
}

// TestLearned says when enough came to be known.
func TestLearned(t *testing.T) {
	var events []keyed
	for d := range 10 {
		for i := range 10 {
			events = append(events,
				taken(fmt.Sprintf("person.%d@acme.example", i), march.AddDate(0, 0, d).Add(time.Duration(i)*time.Minute), event.Box, 100*d+i))
		}
	}
	_, e := worst(t, events, "")
	k := e.Knowledge()
	if from := time.UnixMilli(k.From).UTC(); k.PersonDays < Enough || k.PersonDays > 100 || from.Before(march.AddDate(0, 0, 5)) ||
		from.After(march.AddDate(0, 0, 9)) || k.Sources["box"] == 0 || len(k.Sources) != 1 {
		t.Errorf("%+v from %s", k, from)
	}
}

// TestSilentSentence says of other sources what they do.
func TestSilentSentence(t *testing.T) {
	for name, c := range map[string]struct {
		goOn   []event.Source // besides Box, which falls silent
		before []event.Source // that stop when Box does
		says   string
	}{
		"alone":      {nil, nil, "there is no other source"},
		"one":        {[]event.Source{event.Slack}, nil, "; Slack goes on"},
		"three":      {[]event.Source{event.Slack, event.Okta, event.GitHub}, nil, "; Okta, Slack and GitHub go on"},
		"many":       {[]event.Source{event.Slack, event.Okta, event.GitHub, event.M365, event.Dropbox}, nil, "; 5 other sources go on"},
		"some go on": {[]event.Source{event.Slack, event.Okta}, []event.Source{event.Dropbox}, "Okta and Slack go on"},
	} {
		var events []keyed
		n := 0
		for h := range 24 * 24 {
			at := march.Add(time.Duration(h) * time.Hour)
			list := c.goOn
			if h < 20*24 {
				list = append(append([]event.Source{event.Box}, c.before...), c.goOn...)
			}
			if len(list) == 0 && h == 24*24-1 {
				list = []event.Source{event.Box} // it is back: only then there is another hour
			}
			for _, s := range list {
				n++
				events = append(events, taken("dana.ruiz@acme.example", at, s, n))
			}
		}
		var reasons []string
		e := newEngine(Config{}, func(f *finding.Finding) error {
			if f.Detector == "source_silent" && f.Health && strings.HasPrefix(f.Reason, "Box") {
				reasons = append(reasons, f.Reason)
			}
			return nil
		})
		feed(t, e, events)
		if len(reasons) != 1 || !strings.Contains(reasons[0], c.says) || !strings.Contains(reasons[0], "in 19 days") &&
			!strings.Contains(reasons[0], "in 20 days") {
			t.Errorf("%s: %q", name, reasons)
		}
	}
}
