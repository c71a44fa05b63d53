package gbdt

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

var testSettings = Settings{Trees: 60, Leaves: 6, Rate: .2, Rows: .8, Columns: 1, Least: 10, Ridge: 1}

// rowsOf are rows whose class follows from their features: positive where exactly one of the first two
// is high, which no linear model tells, and more so the higher the third.
func rowsOf(n int) (rows []Row) {
	random := rand.New(rand.NewPCG(3, 4))
	for range n {
		a, b, c := random.IntN(2), random.IntN(2), random.Float64()
		r := Row{Positive: random.Float64() < .1+.5*float64(a^b)+.3*c}
		for j, x := range []float64{float64(a), float64(b), c} {
			if x != 0 {
				r.Feature, r.Value = append(r.Feature, j), append(r.Value, x)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

var testFeatures = []Feature{{Name: "a"}, {Name: "b"}, {Name: "c", Sign: 1}, {Name: "never"}}

func compile(t *testing.T, trees []Tree) *Model {
	t.Helper()
	m, err := Compile(trees, map[string]int{"a": 0, "b": 1, "c": 2, "never": 3})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func logit(m *Model, value []float64) float64 {
	return m.Bias() + m.LogOdds(value)
}

// TestAttribute has what trees say because of each feature add up; one that no tree asks for has none.
func TestAttribute(t *testing.T) {
	m := compile(t, Fit(testFeatures, rowsOf(2000), testSettings))
	for _, value := range [][]float64{{0, 0, 0, 0}, {1, 0, .3, 1}, {1, 1, .9, 5}} {
		part, sum := make([]float64, len(value)), 0.0
		m.Attribute(value, part)
		for _, x := range part {
			sum += x
		}
		if want := m.LogOdds(value); math.Abs(sum-want) > 1e-9 || part[3] != 0 || part[0] == 0 {
			t.Errorf("%v: parts %v, together %g, want %g", value, part, sum, want)
		}
	}
}

func TestFit(t *testing.T) {
	m := compile(t, Fit(testFeatures, rowsOf(4000), testSettings))
	for a := range 2 {
		for b := range 2 {
			got := logit(m, []float64{float64(a), float64(b), .5, 0})
			p := .25 + .5*float64(a^b)
			if want := math.Log(p / (1 - p)); math.Abs(got-want) > .6 {
				t.Errorf("a %d, b %d: log-odds %.2f, want about %.2f", a, b, got, want)
			}
		}
	}
}

// TestSign has a feature that may only lower the odds, although it would raise them.
func TestSign(t *testing.T) {
	for _, sign := range []int{1, -1} {
		features := append([]Feature{}, testFeatures...)
		features[2].Sign = sign
		m := compile(t, Fit(features, rowsOf(3000), testSettings))
		last := logit(m, []float64{0, 1, 0, 0})
		for c := .02; c < 1; c += .02 {
			x := logit(m, []float64{0, 1, c, 0})
			if float64(sign)*(x-last) < -1e-4 { // values are rounded
				t.Errorf("sign %d: %.4f at %.2f, after %.4f", sign, x, c, last)
			}
			last = x
		}
	}
}

func TestDeterministic(t *testing.T) {
	first := Fit(testFeatures, rowsOf(500), testSettings)
	if again := Fit(testFeatures, rowsOf(500), testSettings); !reflect.DeepEqual(first, again) {
		t.Error("the same rows gave other trees")
	}
	b, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var read []Tree
	if err := json.Unmarshal(b, &read); err != nil || !reflect.DeepEqual(first, read) {
		t.Errorf("written and read again it differs: %v", err)
	}
}

// TestOffset learns nothing where the linear model says it all.
func TestOffset(t *testing.T) {
	rows := rowsOf(4000)
	for i := range rows {
		rows[i].Offset = -20
		if rows[i].Positive {
			rows[i].Offset = 20
		}
	}
	m := compile(t, Fit(testFeatures, rows, testSettings))
	if x := logit(m, []float64{1, 0, .5, 0}); math.Abs(x) > .1 {
		t.Errorf("log-odds %.2f on top of a model that is right", x)
	}
}

func TestCompileRefuses(t *testing.T) {
	index := map[string]int{"a": 0}
	for name, trees := range map[string][]Tree{
		"an empty tree":      {{}},
		"an unknown feature": {{{Feature: "b", Low: 1, High: 2}, {}, {}}},
		"a loop":             {{{Feature: "a", Low: 0, High: 1}, {}}},
		"an index too large": {{{Feature: "a", Low: 1, High: 3}, {}, {}}},
	} {
		if _, err := Compile(trees, index); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
