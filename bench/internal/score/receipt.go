package score

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/outflow/outflow/internal/gbdt"
)

// Receipt is what is read of the receipt of an alert.
type Receipt struct {
	Terms  []Term  `json:"terms"`
	Bias   float64 `json:"bias"`
	Offset float64 `json:"offset"`
	Scale  float64 `json:"scale"`
	Floor  float64 `json:"floor"`
	Absent float64 `json:"absent"`
	Watch  float64 `json:"watch_points"`
	Again  float64 `json:"again_share"` // what is left of the score of an act that is repeated; 0 if it is not
}

// Term is a feature of a day.
type Term struct {
	Feature string  `json:"feature"`
	Value   float64 `json:"value"`
	Weight  float64 `json:"weight"`
	Trees   float64 `json:"trees"`
	Words   string  `json:"words"` // "" if it is not said
}

// LogOdds are what the feature adds to the log-odds.
func (t *Term) LogOdds() float64 { return t.Weight*t.Value + t.Trees }

// Score computes the score again from the features that keep accepts, as detect/engine does.
func (r *Receipt) Score(keep func(feature string) bool) float64 {
	if len(r.Terms) == 0 {
		return r.Watch
	}
	logit := r.Bias + r.Absent
	for i := range r.Terms {
		if t := &r.Terms[i]; keep(t.Feature) {
			logit += t.LogOdds()
		}
	}
	x := max(r.Scale*math.Log1p(math.Exp(min(logit-r.Offset, 500))), r.Floor)
	if r.Again > 0 {
		x *= r.Again
	}
	return math.Round(100*(x+r.Watch)) / 100
}

// Reweighed is the receipt with other weights. The floor stays.
func (r *Receipt) Reweighed(w *Weights) *Receipt {
	c := *r
	c.Bias, c.Offset, c.Scale = w.Bias+w.trees.Bias(), w.Offset, w.Scale
	c.Terms = slices.Clone(r.Terms)
	value, part := make([]float64, len(w.index)), make([]float64, len(w.index))
	for i := range c.Terms {
		t := &c.Terms[i]
		t.Weight = w.Weights[t.Feature]
		if j, splits := w.index[t.Feature]; splits {
			value[j] = t.Value
		}
	}
	w.trees.Attribute(value, part)
	for i := range c.Terms {
		t := &c.Terms[i]
		t.Trees = 0
		if j, splits := w.index[t.Feature]; splits {
			t.Trees, part[j] = part[j], 0
		}
	}
	c.Absent = 0
	for _, x := range part {
		c.Absent += x
	}
	return &c
}

// Weights are learned weights of features by name, and trees, as bench/train writes them.
type Weights struct {
	Bias    float64            `json:"bias"`
	Offset  float64            `json:"offset"`
	Scale   float64            `json:"scale"`
	Weights map[string]float64 `json:"weights"`
	Trees   []gbdt.Tree        `json:"trees"`

	index map[string]int // of the features that trees split by
	trees *gbdt.Model
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
	if err := w.compile(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &w, nil
}

// compile prepares the trees.
func (w *Weights) compile() (err error) {
	w.index = map[string]int{}
	for _, t := range w.Trees {
		for _, x := range t {
			if _, known := w.index[x.Feature]; !known && x.Feature != "" {
				w.index[x.Feature] = len(w.index)
			}
		}
	}
	w.trees, err = gbdt.Compile(w.Trees, w.index)
	return err
}
