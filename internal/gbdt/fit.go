package gbdt

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Row is something to learn from.
type Row struct {
	Feature  []int     // indices of the features that are not 0
	Value    []float64 // their values
	Offset   float64   // log-odds that it has without trees
	Positive bool      // whether it is of the class whose odds are learned
}

// Feature is a feature to learn from.
type Feature struct {
	Name string
	Sign int // 1 if more of it may only raise the log-odds, -1 if it may only lower them, 0 if it may do either
}

// Settings are those of learning.
type Settings struct {
	Trees   int     // how many
	Leaves  int     // of a tree, at most
	Rate    float64 // share of a leaf's best value that it is given: 0 to 1
	Rows    float64 // share of the rows that a tree learns from, drawn anew for each
	Columns float64 // share of the features that a tree may split by, drawn anew for each
	Least   int     // rows that a leaf has at least
	Ridge   float64 // penalty of the squared values of leaves
}

// bins is into how many intervals the values of a feature are divided at most.
const bins = 64

// fitter learns trees.
type fitter struct {
	Settings
	features []Feature
	edges    [][]float64 // by feature: upper ends of all intervals but the last
	column   [][]uint8   // by feature and row: the interval of its value
	logit    []float64   // by row
	positive []bool
	slope    []float64 // by row: first derivative of the loss
	curve    []float64 // by row: second derivative
	random   *rand.Rand
}

// Fit learns trees. The same input gives the same trees.
func Fit(features []Feature, rows []Row, s Settings) []Tree {
	f := &fitter{
		Settings: s, features: features, random: rand.New(rand.NewPCG(1, 2)), slope: make([]float64, len(rows)),
		curve: make([]float64, len(rows)),
	}
	for i := range rows {
		f.logit, f.positive = append(f.logit, rows[i].Offset), append(f.positive, rows[i].Positive)
	}
	f.divide(rows)
	var trees []Tree
	for range s.Trees {
		trees = append(trees, f.grow())
	}
	return trees
}

// divide divides the values of every feature into intervals that hold about as many rows each. 0 is
// apart from other values, because most rows have it.
func (f *fitter) divide(rows []Row) {
	values := make([][]float64, len(f.features))
	for i := range rows {
		for k, j := range rows[i].Feature {
			values[j] = append(values[j], rows[i].Value[k])
		}
	}
	f.edges, f.column = make([][]float64, len(values)), make([][]uint8, len(values))
	for j, list := range values {
		f.column[j] = make([]uint8, len(rows))
		if len(list) > 0 {
			f.edges[j] = edges(list)
		}
		zero := uint8(interval(f.edges[j], 0))
		for i := range f.column[j] {
			f.column[j][i] = zero
		}
	}
	for i := range rows {
		for k, j := range rows[i].Feature {
			f.column[j][i] = uint8(interval(f.edges[j], rows[i].Value[k]))
		}
	}
}

// edges are the upper ends of intervals of these values and 0, but for the last: half-way between two
// values that occur, to six decimals.
func edges(values []float64) (list []float64) {
	slices.Sort(values)
	distinct := []float64{}
	for k := range bins - 2 {
		distinct = append(distinct, values[k*(len(values)-1)/(bins-3)])
	}
	distinct = append(distinct, 0)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	for k := 1; k < len(distinct); k++ {
		list = append(list, math.Round((distinct[k-1]+distinct[k])/2*1e6)/1e6)
	}
	return list
}

// interval is the index of the interval that x is in.
func interval(edges []float64, x float64) int {
	at, _ := slices.BinarySearch(edges, x)
	return at
}

// leaf is a leaf of a tree that grows.
type leaf struct {
	node         int
	rows         []int
	slope, curve float64 // sums of its rows
	least, most  float64 // bounds of its value
	split        split
}

// split is how a leaf may be divided.
type split struct {
	gain      float64 // 0 if there is none
	feature   int
	bin       int     // the last that goes to low
	low, high float64 // values
}

// grow adds a tree.
func (f *fitter) grow() Tree {
	for i, z := range f.logit {
		q, y := 1/(1+math.Exp(-z)), 0.0
		if f.positive[i] {
			y = 1
		}
		f.slope[i], f.curve[i] = q-y, q*(1-q)
	}
	root := &leaf{least: math.Inf(-1), most: math.Inf(1)}
	for i := range f.logit {
		if f.random.Float64() < f.Rows {
			root.rows = append(root.rows, i)
		}
	}
	var columns []int
	for j := range f.features {
		if f.random.Float64() < f.Columns && len(f.edges[j]) > 0 {
			columns = append(columns, j)
		}
	}
	f.measure(root, columns)
	tree := Tree{{Value: f.best(root.slope, root.curve, root)}}
	leaves := []*leaf{root}
	for len(leaves) < f.Leaves {
		k := 0
		for i, l := range leaves {
			if l.split.gain > leaves[k].split.gain {
				k = i
			}
		}
		if leaves[k].split.gain <= 0 {
			break
		}
		low, high := f.divideLeaf(leaves[k], &tree)
		f.measure(low, columns)
		f.measure(high, columns)
		leaves[k] = low
		leaves = append(leaves, high)
	}
	f.settle(tree)
	return tree
}

// divideLeaf makes two leaves of one.
func (f *fitter) divideLeaf(l *leaf, tree *Tree) (low, high *leaf) {
	s := &l.split
	n := len(*tree)
	x := &(*tree)[l.node]
	x.Feature, x.At, x.Low, x.High = f.features[s.feature].Name, f.edges[s.feature][s.bin], n, n+1
	*tree = append(*tree, Node{Value: s.low}, Node{Value: s.high})
	low, high = &leaf{node: n, least: l.least, most: l.most}, &leaf{node: n + 1, least: l.least, most: l.most}
	mid := (s.low + s.high) / 2
	switch f.features[s.feature].Sign { // what splits below one side must not overtake the other
	case 1:
		low.most, high.least = mid, mid
	case -1:
		low.least, high.most = mid, mid
	}
	column := f.column[s.feature]
	for _, i := range l.rows {
		if int(column[i]) <= s.bin {
			low.rows = append(low.rows, i)
		} else {
			high.rows = append(high.rows, i)
		}
	}
	return low, high
}

// sums are those of the rows in an interval.
type sums struct {
	slope, curve float64
	n            int
}

// measure finds the best split of a leaf.
func (f *fitter) measure(l *leaf, columns []int) {
	l.slope, l.curve = 0, 0
	for _, i := range l.rows {
		l.slope += f.slope[i]
		l.curve += f.curve[i]
	}
	if len(l.rows) < 2*f.Least {
		return
	}
	for _, j := range columns {
		var by [bins]sums
		for _, i := range l.rows {
			b := &by[f.column[j][i]]
			b.slope += f.slope[i]
			b.curve += f.curve[i]
			b.n++
		}
		f.scan(l, j, by[:len(f.edges[j])+1])
	}
}

// scan looks for the best split of a leaf by one feature.
func (f *fitter) scan(l *leaf, j int, by []sums) {
	whole := f.loss(l.slope, l.curve, f.best(l.slope, l.curve, l))
	var low sums
	for b := range len(by) - 1 {
		low.slope += by[b].slope
		low.curve += by[b].curve
		low.n += by[b].n
		if low.n < f.Least || len(l.rows)-low.n < f.Least {
			continue
		}
		s := split{feature: j, bin: b, low: f.best(low.slope, low.curve, l), high: f.best(l.slope-low.slope, l.curve-low.curve, l)}
		if float64(f.features[j].Sign)*(s.high-s.low) < 0 {
			continue
		}
		s.gain = whole - f.loss(low.slope, low.curve, s.low) - f.loss(l.slope-low.slope, l.curve-low.curve, s.high)
		if s.gain > l.split.gain+1e-9 {
			l.split = s
		}
	}
}

// best is the value of least loss for rows with these sums, within the bounds of a leaf.
func (f *fitter) best(slope, curve float64, l *leaf) float64 {
	return min(max(-slope/(curve+f.Ridge), l.least), l.most)
}

// loss is what a value makes of the loss, to the second order.
func (f *fitter) loss(slope, curve, value float64) float64 {
	return slope*value + (curve+f.Ridge)*value*value/2
}

// settle gives the leaves of a tree their share of the best value, the other nodes the mean of their
// rows, and adds the tree to the log-odds of all rows.
func (f *fitter) settle(tree Tree) {
	reached := make([]float64, len(tree))
	index := map[string]int{}
	for j := range f.features {
		index[f.features[j].Name] = j
	}
	for k := range tree {
		if tree[k].Feature == "" {
			tree[k].Value = round(f.Rate * tree[k].Value)
		}
	}
	for i := range f.logit {
		k := 0
		for reached[k]++; tree[k].Feature != ""; reached[k]++ {
			j := index[tree[k].Feature]
			if b := int(f.column[j][i]); b < len(f.edges[j]) && f.edges[j][b] <= tree[k].At {
				k = tree[k].Low
			} else {
				k = tree[k].High
			}
		}
		f.logit[i] += tree[k].Value
	}
	for k := len(tree) - 1; k >= 0; k-- { // children come after their parents
		if x := &tree[k]; x.Feature != "" {
			low, high := reached[x.Low], reached[x.High]
			x.Value = round((low*tree[x.Low].Value + high*tree[x.High].Value) / max(low+high, 1))
		}
	}
}

func round(x float64) float64 { return math.Round(x*1e5) / 1e5 }
