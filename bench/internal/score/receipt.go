package score

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
)

// Receipt is what is read of the receipt of an alert.
type Receipt struct {
	Terms  []Term  `json:"terms"`
	Bias   float64 `json:"bias"`
	Offset float64 `json:"offset"`
	Scale  float64 `json:"scale"`
	Floor  float64 `json:"floor"`
	Watch  float64 `json:"watch_points"`
}

// Term is a feature of a day.
type Term struct {
	Feature string  `json:"feature"`
	Value   float64 `json:"value"`
	Weight  float64 `json:"weight"`
	Words   string  `json:"words"` // "" if it is not said
}

// Score computes the score again from the features that keep accepts, as detect/engine does.
func (r *Receipt) Score(keep func(feature string) bool) float64 {
	if len(r.Terms) == 0 {
		return r.Watch
	}
	logit := r.Bias
	for _, t := range r.Terms {
		if keep(t.Feature) {
			logit += t.Weight * t.Value
		}
	}
	x := r.Scale * math.Log1p(math.Exp(min(logit-r.Offset, 500)))
	return math.Round(100*(max(x, r.Floor)+r.Watch)) / 100
}

// Reweighed is the receipt with other weights.
func (r *Receipt) Reweighed(w *Weights) *Receipt {
	c := *r
	c.Bias, c.Offset, c.Scale = w.Bias, w.Offset, w.Scale
	c.Terms = slices.Clone(r.Terms)
	for i := range c.Terms {
		c.Terms[i].Weight = w.Weights[c.Terms[i].Feature]
	}
	return &c
}

// Weights are learned weights of features by name, as bench/train writes them.
type Weights struct {
	Bias    float64            `json:"bias"`
	Offset  float64            `json:"offset"`
	Scale   float64            `json:"scale"`
	Weights map[string]float64 `json:"weights"`
}

// ReadWeights reads a file of bench/train. The error names the file.
func ReadWeights(file string) (*Weights, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var w Weights
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(w.Weights) == 0 || w.Scale <= 0 {
		return nil, fmt.Errorf("%s: there are no weights", file)
	}
	return &w, nil
}
