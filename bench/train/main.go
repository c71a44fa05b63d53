// Command train learns the weights of the score's features (detect/engine/weights.json) from
// organisations with known incidents.
//
//	train [-out FILE] [-related 0.3] [-penalty 15] [-trees 200] labels.json alerts.ndjson [labels.json alerts.ndjson …]
//
// The alerts are those of "outflow scan --all --format ndjson"; their receipts have the features. It is
// a logistic regression with a quadratic penalty: is a user's day part of an incident? An incident
// counts once, with the day that has the highest odds. Weights keep to the bounds of engine.Feature.
//
// The weights of what single detectors saw are drawn more strongly towards 0 (-related): what is
// learned of one kind of misuse should say little about another. Features that never occurred have the
// weight that is nearest to 0.
//
// Gradient-boosted trees (-trees, -leaves, …) then learn what the weights leave over: how features say
// something together.
//
// It also measures how many false alerts there are at which score, each organisation with the weights
// that the other ones teach.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/outflow/outflow/bench/internal/score"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/gbdt"
)

func main() {
	var t trainer
	out := flag.String("out", "detect/engine/weights.json", "`file` to write")
	flag.Float64Var(&t.related, "related", .3, "scale of the features of single detectors, 0 to 1")
	flag.Float64Var(&t.penalty, "penalty", 15, "of the squared weights of features with unit deviation")
	flag.IntVar(&t.settings.Trees, "trees", 200, "number of trees")
	flag.IntVar(&t.settings.Leaves, "leaves", 12, "of a tree, at most")
	flag.Float64Var(&t.settings.Rate, "rate", .1, "share of a leaf's best value that it is given")
	flag.Float64Var(&t.settings.Ridge, "ridge", 10, "penalty of the squared values of leaves")
	flag.IntVar(&t.settings.Least, "least", 30, "days that a leaf has at least")
	flag.Float64Var(&t.settings.Rows, "rows", .7, "share of the days that a tree learns from")
	flag.Float64Var(&t.settings.Columns, "columns", .3, "share of the features that a tree may split by")
	flag.Parse()
	if err := t.run(flag.Args(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// trainer has the settings of a training.
type trainer struct {
	related, penalty float64
	settings         gbdt.Settings
}

func (t *trainer) run(files []string, out string) error {
	if len(files) < 4 || len(files)%2 != 0 {
		return errors.New("it needs pairs of labels and alerts of two organisations or more")
	}
	features := engine.NewCatalog(detectors.All).Features()
	d := newData(features)
	for i := 0; i < len(files); i += 2 {
		w, err := score.Load(files[i], files[i+1], score.Options{Strict: true, Receipts: true})
		if err != nil {
			return err
		}
		d.add(w)
	}
	if len(d.rows) == 0 {
		return errors.New("no alert has a receipt with features")
	}
	m := t.fit(d, func(*row) bool { return true })
	s := m.scaled(t.crossFit(d), d.userDays)
	body, err := written(s)
	if err != nil {
		return err
	}
	fmt.Printf("%d organisations, %d days with a score, %d incidents of %d have one\n",
		len(d.worlds), len(d.rows), len(d.incidents()), d.planted)
	return os.WriteFile(out, body, 0o644)
}

// written are weights as a file has them: a line for each tree.
func written(w *engine.Weights) ([]byte, error) {
	trees := w.Trees
	w.Trees = []gbdt.Tree{}
	body, err := json.MarshalIndent(w, "", " ")
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, t := range trees {
		b, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		lines = append(lines, "  "+string(b))
	}
	return bytes.Replace(append(body, '\n'), []byte(`"trees": []`), []byte("\"trees\": [\n"+strings.Join(lines, ",\n")+"\n ]"), 1), nil
}

// data are the days that are learned from.
type data struct {
	features []engine.Feature
	index    map[string]int
	rows     []*row
	worlds   []*score.World
	userDays float64
	planted  int
}

// row is the day of a user.
type row struct {
	world, incident int // the latter -1 if it is part of none
	feature         []int
	value           []float64
}

func newData(features []engine.Feature) *data {
	d := &data{index: map[string]int{}}
	for _, f := range features {
		if f.Least < f.Most { // others have a weight that is not learned
			d.index[f.Name] = len(d.features)
			d.features = append(d.features, f)
		}
	}
	return d
}

func (d *data) add(w *score.World) {
	d.worlds = append(d.worlds, w)
	d.userDays += float64(w.Meta.UserDays)
	d.planted += len(w.Incidents)
	for _, u := range w.Units {
		if u.Best.Receipt == nil {
			continue
		}
		r := &row{world: len(d.worlds) - 1, incident: u.Hit}
		for _, t := range u.Best.Receipt.Terms {
			if j, known := d.index[t.Feature]; known {
				r.feature, r.value = append(r.feature, j), append(r.value, t.Value)
			}
		}
		d.rows = append(d.rows, r)
	}
}

// incidents are those that have a day.
func (d *data) incidents() map[[2]int]bool {
	all := map[[2]int]bool{}
	for _, r := range d.rows {
		if r.incident >= 0 {
			all[[2]int{r.world, r.incident}] = true
		}
	}
	return all
}

// deviations are the standard deviations of the features; 1 for those that never occur.
func (d *data) deviations() []float64 {
	sum, squares := make([]float64, len(d.features)), make([]float64, len(d.features))
	for _, r := range d.rows {
		for i, j := range r.feature {
			sum[j] += r.value[i]
			squares[j] += r.value[i] * r.value[i]
		}
	}
	n := float64(len(d.rows))
	for j := range sum {
		if v := squares[j]/n - sum[j]*sum[j]/n/n; v > 1e-12 {
			sum[j] = math.Sqrt(v)
		} else {
			sum[j] = 1
		}
	}
	return sum
}

// model are learned weights.
type model struct {
	features []engine.Feature
	weight   []float64 // by feature
	bias     float64
	trees    []gbdt.Tree
	compiled *gbdt.Model
}

// linear are the log-odds of a day without trees.
func (m *model) linear(r *row) float64 {
	sum := m.bias
	for i, j := range r.feature {
		sum += m.weight[j] * r.value[i]
	}
	return sum
}

// logit are the log-odds of a day.
func (m *model) logit(r *row) float64 {
	value := make([]float64, len(m.features))
	for i, j := range r.feature {
		value[j] = r.value[i]
	}
	return m.linear(r) + m.compiled.Bias() + m.compiled.LogOdds(value)
}

// rounds is how often it is decided anew with which day an incident counts.
const rounds = 4

// fit learns from the days that take part.
func (t *trainer) fit(d *data, takesPart func(*row) bool) *model {
	var rows []*row
	for _, r := range d.rows {
		if takesPart(r) {
			rows = append(rows, r)
		}
	}
	p := newProblem(t, d, rows)
	for k := range rounds {
		if k > 0 {
			p.choose()
		}
		p.descend()
	}
	p.choose()
	t.boost(p)
	return p.model
}

// boost learns trees of what the weights leave over. Where bounds give a weight its sign, more of the
// feature may change what the trees say in that direction only.
func (t *trainer) boost(p *problem) {
	var features []gbdt.Feature
	index := map[string]int{}
	for j, f := range p.features {
		x := gbdt.Feature{Name: f.Name}
		switch {
		case f.Least >= 0:
			x.Sign = 1
		case f.Most <= 0:
			x.Sign = -1
		}
		features = append(features, x)
		index[f.Name] = j
	}
	var rows []gbdt.Row
	for i, r := range p.rows {
		if p.counts[i] > 0 {
			rows = append(rows, gbdt.Row{Feature: r.feature, Value: r.value, Offset: p.logits[i], Positive: r.incident >= 0})
		}
	}
	p.trees = gbdt.Fit(features, rows, t.settings)
	var err error
	if p.compiled, err = gbdt.Compile(p.trees, index); err != nil {
		panic(err) // trees of these very features
	}
}

// problem is an optimisation by coordinate descent, with Newton's steps.
type problem struct {
	*model
	rows   []*row
	counts []float64 // by row: 1, or 0 if it does not count
	column [][]entry // by feature
	scale  []float64 // by feature: what a weight is multiplied by for the penalty
	ridge  float64
	logits []float64 // by row
}

// entry is a value of a feature.
type entry struct {
	row   int
	value float64
}

func newProblem(t *trainer, d *data, rows []*row) *problem {
	p := &problem{
		model: &model{features: d.features, weight: make([]float64, len(d.features))}, rows: rows, ridge: t.penalty,
		counts: make([]float64, len(rows)), column: make([][]entry, len(d.features)),
		scale: d.deviations(), logits: make([]float64, len(rows)),
	}
	for j := range p.weight {
		p.weight[j] = min(max(0, d.features[j].Least), d.features[j].Most)
	}
	for i, r := range rows {
		p.counts[i], p.logits[i] = 1, p.linear(r)
		for k, j := range r.feature {
			p.column[j] = append(p.column[j], entry{i, r.value[k]})
		}
	}
	for j := range p.scale {
		if strings.Contains(d.features[j].Name, ":") {
			p.scale[j] /= t.related
		}
	}
	return p
}

// choose has every incident count with the day that has the highest odds.
func (p *problem) choose() {
	best := map[[2]int]int{}
	for i, r := range p.rows {
		k := [2]int{r.world, r.incident}
		if b, known := best[k]; r.incident >= 0 && (!known || p.logits[i] > p.logits[b]) {
			best[k] = i
		}
	}
	for i, r := range p.rows {
		p.counts[i] = 1
		if r.incident >= 0 && best[[2]int{r.world, r.incident}] != i {
			p.counts[i] = 0
		}
	}
}

// descend goes over the weights until they hardly change.
func (p *problem) descend() {
	every := make([]entry, len(p.rows))
	for i := range every {
		every[i] = entry{i, 1}
	}
	for range 300 {
		moved := math.Abs(p.step(every, &p.bias, 0, math.Inf(-1), math.Inf(1)))
		for j, col := range p.column {
			if len(col) == 0 {
				continue
			}
			f := &p.features[j]
			moved = max(moved, math.Abs(p.step(col, &p.weight[j], p.ridge*p.scale[j]*p.scale[j], f.Least, f.Most))*p.scale[j])
		}
		if moved < 1e-4 {
			return
		}
	}
}

// step moves a weight to where the penalised likelihood is highest, as far as its derivatives show.
func (p *problem) step(col []entry, w *float64, ridge, least, most float64) float64 {
	slope, curve := ridge**w, ridge+1e-9
	for _, e := range col {
		c := p.counts[e.row]
		if c == 0 {
			continue
		}
		q := 1 / (1 + math.Exp(-p.logits[e.row]))
		y := 0.0
		if p.rows[e.row].incident >= 0 {
			y = 1
		}
		slope += c * e.value * (q - y)
		curve += c * e.value * e.value * q * (1 - q)
	}
	to := min(max(*w-min(max(slope/curve, -2), 2), least), most)
	by := to - *w
	if by != 0 {
		*w = to
		for _, e := range col {
			p.logits[e.row] += by * e.value
		}
	}
	return by
}

// crossFit are the log-odds of innocent days, each with the weights that other organisations teach,
// the highest first.
func (t *trainer) crossFit(d *data) (innocent []float64) {
	for half := range 2 {
		m := t.fit(d, func(r *row) bool { return r.world%2 != half })
		for _, r := range d.rows {
			if r.world%2 == half && r.incident < 0 {
				innocent = append(innocent, m.logit(r))
			}
		}
	}
	slices.SortFunc(innocent, func(a, b float64) int { return -compare(a, b) })
	return innocent
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
