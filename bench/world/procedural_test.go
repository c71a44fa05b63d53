package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func proceduralConfig(t *testing.T, seed uint64) Config {
	c := config(t, seed, "all")
	c.Procedural, c.Families, c.Users, c.Days = true, "all", 160, 40
	return c
}

func TestProceduralWorldsShareNoWords(t *testing.T) {
	t.Parallel()
	names := func(seed uint64) map[string]bool {
		w := newWorld(proceduralConfig(t, seed))
		m := map[string]bool{w.org: true}
		for _, list := range w.folders {
			for _, f := range list {
				m[f.Name] = true
			}
		}
		return m
	}
	a, b := names(1), names(2)
	both := 0
	for n := range a {
		if b[n] {
			both++
		}
	}
	if both*5 > len(a) {
		t.Errorf("%d of %d names are those of another seed", both, len(a))
	}
}

func TestProceduralLabelsAreInTheExport(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a world of 160 people")
	}
	t.Parallel()
	c := proceduralConfig(t, 4)
	w := build(t, c)
	seen := map[[2]string]bool{}
	lines(t, c.Out, func(src, id, text string) { seen[[2]string{src, id}] = true })
	kinds := map[string]bool{}
	for _, inc := range w.incidents {
		kinds[inc.Scenario] = true
		if inc.Count == 0 || inc.End.Before(inc.Start) || inc.Start.Before(c.Start.AddDate(0, 0, c.Learn).Add(-12*time.Hour)) {
			t.Errorf("%s %s: %d events from %s to %s", inc.ID, inc.Scenario, inc.Count, inc.Start, inc.End)
		}
		for src, ids := range inc.Events {
			for _, id := range ids {
				if !seen[[2]string{src, id}] && src != "dropbox" {
					t.Errorf("%s: event %s of %s is not in the export", inc.Scenario, id, src)
				}
			}
		}
	}
	if want := len(c.kinds()); len(kinds) < want-5 {
		t.Errorf("%d kinds of incidents of %d", len(kinds), want)
	}
}

func TestBenignBurstsFollowTheGrammar(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("plans worlds of 300 people")
	}
	for seed := uint64(1); seed < 4; seed++ {
		c := proceduralConfig(t, seed)
		c.Days = 90
		c.Users = 300
		w := newWorld(c)
		w.inject()
		days := 0
		for _, a := range w.people {
			for d := range a.state {
				if a.present(d) {
					days++
				}
			}
		}
		families := map[string]bool{}
		for _, d := range w.decoys {
			families[d.Family] = true
			if d.Note == "" || d.Type == "" || d.End.Before(d.Start) {
				t.Errorf("%+v", d)
			}
		}
		if rate := 1000 * float64(len(w.decoys)) / float64(days); rate < 7 || rate > 16 {
			t.Errorf("seed %d: %.1f benign bursts per 1,000 user-days", seed, rate)
		}
		if len(families) < 20 {
			t.Errorf("seed %d: %d families", seed, len(families))
		}
	}
}

// The halves of the grammar share no pair of reason and deed, and the
// incidents are the same with either.
func TestHalvesOfTheGrammar(t *testing.T) {
	t.Parallel()
	pairs := map[string]string{}
	var incidents [2]string
	for i, half := range []string{"even", "odd"} {
		for seed := uint64(1); seed < 4; seed++ {
			c := proceduralConfig(t, seed)
			c.Families = half
			w := newWorld(c)
			w.inject()
			for _, f := range w.grammar {
				pair := f.reason.name + "/" + f.acts[0].deed.name
				if pairs[pair] != "" && pairs[pair] != half {
					t.Errorf("%s is in both halves", pair)
				}
				pairs[pair] = half
			}
			for _, inc := range w.incidents {
				incidents[i] += fmt.Sprintln(inc.Scenario, inc.Users, inc.Count)
			}
		}
	}
	if incidents[0] != incidents[1] {
		t.Error("the halves have other incidents")
	}
}

func TestNewFlagsLeaveOldWorldsAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	c := config(t, 9, "all")
	w := build(t, c)
	b, err := os.ReadFile(filepath.Join(c.Truth, "labels.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"family": "f0`, `"note": "t`, "snowflake"} {
		if strings.Contains(string(b), word) {
			t.Errorf("labels hold %s", word)
		}
	}
	if w.lex != classic || w.habits != nil || w.sink.events[Snowflake] > 0 {
		t.Error("a classic world has procedural parts")
	}
	var stats struct{ Events map[string]int }
	b, _ = os.ReadFile(filepath.Join(c.Truth, "stats.json"))
	if err := json.Unmarshal(b, &stats); err != nil || len(stats.Events) != int(Dropbox)+1 {
		t.Errorf("statistics of %d sources: %v", len(stats.Events), err)
	}
}
