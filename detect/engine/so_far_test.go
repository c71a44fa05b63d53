package engine

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/finding"
)

// TestSoFar compares what is said about how rare something is with the days of people that there were: no
// sentence and no receipt speaks of more, and the days are counted as they were, without forgetting.
func TestSoFar(t *testing.T) {
	s := load(t, filepath.Join("testdata", "bulk_download", "loud.txt"))
	said := regexp.MustCompile(`([0-9,]+) user-days? so far`)
	days, claims := int64(0), 0
	e := newEngine(s.config, func(f *finding.Finding) error {
		for _, x := range f.Facts {
			for _, m := range said.FindAllStringSubmatch(x.Text, -1) {
				claims++
				if n, err := strconv.ParseInt(strings.ReplaceAll(m[1], ",", ""), 10, 64); err != nil || n > days {
					t.Errorf("%q, and %d days were over", x.Text, days)
				}
			}
		}
		if f.Receipt == nil {
			return nil
		}
		for _, c := range f.Receipt.Counts {
			if b := c.Before; b.SeenOn > b.SeenOf || b.SeenOf > days {
				t.Errorf("%s: as surprising on %d of %d days, and %d were over", c.Metric, b.SeenOn, b.SeenOf, days)
			}
		}
		for _, x := range f.Receipt.Facts {
			if x.SeenOn > x.SeenOf || x.SeenOf > days {
				t.Errorf("%s: on %d of %d days, and %d were over", x.Fact, x.SeenOn, x.SeenOf, days)
			}
		}
		return nil
	})
	e.Days(func(a *finding.Activity) error {
		if !a.Open && !a.Service {
			days++
		}
		return nil
	})
	feed(t, e, s.events)
	if claims == 0 {
		t.Error("nothing is said about how rare anything is")
	}
	if got := e.People.SoFar.Days; got < days-int64(len(s.people)) || got > days || days < 100 {
		t.Errorf("%d days are counted, %d were", got, days)
	}
}

// TestSoFarUnknown says nothing where the counts are missing, or are not of all kinds.
func TestSoFarUnknown(t *testing.T) {
	var none *soFar
	if _, of := none.seen(0, "x", ""); of != 0 {
		t.Error("days are known of state without any")
	}
	if _, of := none.atLeast(0, 3); of != 0 {
		t.Error("days are known of state without any")
	}
	if _, of := none.matched("r"); of != 0 {
		t.Error("days are known of state without any")
	}
	full := &soFar{Days: 9, Kinds: map[string]int64{}}
	for i := range maxSoFar {
		full.Kinds[kindKey("x", strconv.Itoa(i))] = 2
	}
	if n, of := full.seen(0, "x", "7"); n != 2 || of != 9 {
		t.Errorf("a kind was seen on %d of %d days", n, of)
	}
	if _, of := full.seen(0, "x", "another"); of != 0 {
		t.Error("a kind that there was no room for counts as not seen")
	}
	addBounded(full.Kinds, map[string]int64{"another": 1, kindKey("x", "7"): 3})
	if len(full.Kinds) != maxSoFar || full.Kinds[kindKey("x", "7")] != 5 {
		t.Error("kinds are added without bound, or not at all")
	}
}

// TestSoFarBegins begins to count with state that was stored before there were counts.
func TestSoFarBegins(t *testing.T) {
	o := newOrg(testCatalog)
	o.FactN, o.Facts[1], o.Rules["r"], o.Kinds[kindKey("x", "y")] = 300, 2.4, .2, 1.6
	o.Tails[0].Hist = make([]float64, tailSteps)
	o.Tails[0].Hist[0], o.Tails[0].Hist[40] = 98.7, 1.2
	for j := range o.Tails {
		o.Tails[j].N = 99.9
	}
	o.SoFar = nil
	o.DayAdd = 3
	o.closeDay()
	if s := o.SoFar; s == nil || s.Days != 102 || s.Facts[1] != 2 || s.Rules["r"] != 1 || s.Kinds[kindKey("x", "y")] != 2 {
		t.Errorf("%+v", s)
	}
	if n, of := o.SoFar.atLeast(0, 40*tailStep+.01); n != 1 || of != 100 {
		t.Errorf("as surprising on %d of %d days", n, of)
	}
}
