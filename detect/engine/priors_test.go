package engine

import (
	"encoding/json"
	"math"
	"testing"
)

// TestPriors are of metrics and indicators that there are, and no more frequent than anything is.
func TestPriors(t *testing.T) {
	var f Priors
	if err := json.Unmarshal(priorsJSON, &f); err != nil {
		t.Fatal(err)
	}
	cat := testCatalog
	indicators := map[string]bool{}
	for i := range cat.indicators {
		indicators[cat.indicators[i].Name] = true
	}
	for name, share := range f.Indicators {
		if !indicators[name] || share <= 0 || share > .2 {
			t.Errorf("%s: %v", name, share)
		}
	}
	for name, m := range f.Metrics {
		j, known := cat.index[name]
		if !known || cat.metrics[j].unsigned || m.Mean <= 0 || j < cat.scored && len(m.Tail) != len(priorShares) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// TestHistogram has the shares of the quantiles at or above them.
func TestHistogram(t *testing.T) {
	quantiles := []float64{0, .5, 2, 4, 4, 8}
	h := histogram(quantiles)
	above := make([]float64, len(h)+1)
	for i := len(h) - 1; i >= 0; i-- {
		if above[i] = above[i+1] + h[i]; h[i] < 0 {
			t.Fatalf("step %d: %v", i, h[i])
		}
	}
	if math.Abs(above[0]-1) > 1e-9 {
		t.Errorf("all days: %v", above[0])
	}
	for k, q := range quantiles {
		if k == 3 { // the next is the same
			continue
		}
		if got := above[max(step(q+1e-9), 1)]; math.Abs(math.Log(got/priorShares[k])) > .5 {
			t.Errorf("at %v: %v, want %v", q, got, priorShares[k])
		}
	}
	if last := above[step(18)]; last <= 0 || last >= priorShares[5] {
		t.Errorf("beyond: %v", last)
	}
}

// TestOthersFade compares a new organisation with others: less and less, and not service accounts.
func TestOthersFade(t *testing.T) {
	e := newEngine(Config{}, nil)
	o, j := e.People, testCatalog.index["downloads"]
	i := -1
	for k := range testCatalog.indicators {
		if testCatalog.indicators[k].Name == "app_everybody" {
			i = k
		}
	}
	first, usual := o.Facts[i]+o.assumed(i), o.everybody(j)
	if math.Abs(first-priorMost*priorFacts) > 1e-9 || usual < 1 || e.Services.assumed(i) != 0 || e.Services.everybody(j) > .1 {
		t.Errorf("at first %v, %v", first, usual)
	}
	b := o.Tails[j].before(8)
	if b.Days != priorTail || b.AtLeast <= 0 || b.AtLeast > .01*priorTail || e.Services.Tails[j].before(8).Days != 0 {
		t.Errorf("%+v", b)
	}
	if got := o.before(j, 8, false); got.Days != 0 { // on the first day of all
		t.Errorf("%+v", got)
	}
	for range priorGone * 2 {
		o.Tails[j].Added.see(1)
	}
	o.Tails[j].closeDay(o.prior.tail(j))
	o.NotableN = priorGone * 2
	if b := o.Tails[j].before(8); o.assumed(i) != 0 || math.Abs(o.everybody(j)-usualAnywhere) > 1e-9 || b.AtLeast != 0 ||
		b.Days != o.Tails[j].N {
		t.Errorf("later %v, %v, %+v", o.assumed(i), o.everybody(j), b)
	}
}
