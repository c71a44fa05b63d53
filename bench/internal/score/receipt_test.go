package score

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestReweighed has trees that split by a feature of the receipt, and by one that it does not have.
func TestReweighed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "weights.json")
	const text = `{"bias":-1,"offset":0,"scale":2,"weights":{"base":0.5},"trees":[
		[{"feature":"base","at":6,"low":1,"high":2,"value":0.1},{"value":-0.5},{"value":3}],
		[{"feature":"night","at":0,"low":1,"high":2,"value":1},{"value":0.25},{"value":2}]]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := ReadWeights(file)
	if err != nil {
		t.Fatal(err)
	}
	r := (&Receipt{Bias: 7, Absent: 7, Terms: []Term{{Feature: "base", Value: 8, Weight: 7, Trees: 7}, {Feature: "x", Value: 1, Trees: 7}}}).Reweighed(w)
	if math.Abs(r.Bias-.1) > 1e-9 || r.Absent != -.75 || r.Terms[0].Trees != 2.9 || r.Terms[1].Trees != 0 {
		t.Errorf("%+v", r)
	}
	all := func(string) bool { return true }
	if got, want := r.Score(all), 2*math.Log1p(math.Exp(-1+4+3+.25)); math.Abs(got-want) > .01 {
		t.Errorf("score %g, want %g", got, want)
	}
	if got, want := r.Score(func(f string) bool { return f != "base" }), 2*math.Log1p(math.Exp(.1-.75)); math.Abs(got-want) > .01 {
		t.Errorf("without the base %g, want %g", got, want)
	}
	for name, bad := range map[string]string{
		"an empty tree": `{"scale":2,"weights":{"base":1},"trees":[[]]}`, "no weights": `{"scale":2}`,
	} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadWeights(file); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
