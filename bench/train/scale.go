package main

import (
	"math"

	"github.com/outflow/outflow/detect/engine"
)

// rates are the false alerts per 1,000 user-days at which the score is to be what anchors say, and at
// which the curve is measured.
var (
	anchors = [2]struct{ rate, score float64 }{{28.4, 2.4}, {1.3, 9.3}}
	rates   = []float64{60, 28.4, 14.1, 6, 3.5, 2.17, 1.3, .57, .2}
)

// scaled are weights with the score's scale. Scores keep the meaning that they had before there were
// weights: anchors say how frequent those of innocent days are.
func (m *model) scaled(innocent []float64, userDays float64) *engine.Weights {
	at := func(rate float64) float64 { // the log-odds that so many innocent days reach
		return innocent[min(int(rate*userDays/1000), len(innocent)-1)]
	}
	low, high := at(anchors[0].rate), at(anchors[1].rate)
	want := anchors[1].score / anchors[0].score
	from, to := low-50, high // the offset is between them: the ratio of the two scores grows with it
	for range 200 {
		mid := (from + to) / 2
		if engine.Softplus(high-mid)/engine.Softplus(low-mid) > want {
			to = mid
		} else {
			from = mid
		}
	}
	w := &engine.Weights{Bias: round(m.bias), Offset: round(from), Weights: map[string]float64{}, Trees: m.trees}
	w.Scale = round(anchors[0].score / engine.Softplus(low-w.Offset))
	for j, x := range m.weight {
		if x = round(x); x != 0 {
			w.Weights[m.features[j].Name] = x
		}
	}
	for _, r := range rates {
		w.Curve = append(w.Curve, engine.RatePoint{Score: round(w.Scale * engine.Softplus(at(r)-w.Offset)), Rate: r})
	}
	return w
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
