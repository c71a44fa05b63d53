// Package gbdt has gradient-boosted decision trees for a logistic model: it learns them, and attributes
// what they say to single features.
//
// A tree splits by one feature at a time. Its leaves hold log-odds, which are added to those of a
// linear model: trees learn what is left over by it (Friedman, "Greedy Function Approximation: A
// Gradient Boosting Machine", 2001; the gain of a split and the values of leaves are those of Chen and
// Guestrin, "XGBoost", 2016).
package gbdt

import "fmt"

// Node is a node of a tree.
type Node struct {
	Feature string  `json:"feature,omitempty"` // by which it splits; "" for a leaf
	At      float64 `json:"at,omitempty"`      // rows with more than At go to High, others to Low
	Low     int     `json:"low,omitempty"`     // index in the tree
	High    int     `json:"high,omitempty"`    // index in the tree
	// Value are the log-odds of a leaf; of another node the mean of its rows in training.
	Value float64 `json:"value"`
}

// Tree is a tree; its root is the first node.
type Tree []Node

// Model are trees that are ready for use.
type Model struct {
	nodes []node
	mean  []float64 // by node: the log-odds of its rows
	roots []int
	bias  float64
	used  []int
}

// node is a Node whose children are neighbours.
type node struct {
	at      float64 // of a leaf, its value
	feature int32   // -1 for a leaf
	low     int32   // the other child is the next
}

// Compile prepares trees for features that index numbers from 0. It returns an error if a tree has a
// feature that index does not have, or is no tree.
func Compile(trees []Tree, index map[string]int) (*Model, error) {
	m := &Model{}
	used := map[int]bool{}
	for k, t := range trees {
		if len(t) == 0 {
			return nil, fmt.Errorf("tree %d is empty", k)
		}
		m.roots = append(m.roots, len(m.nodes))
		m.bias += t[0].Value
		m.nodes, m.mean = append(m.nodes, node{}), append(m.mean, t[0].Value)
		type place struct{ from, to int }
		for open := []place{{0, len(m.nodes) - 1}}; len(open) > 0; open = open[1:] {
			x, to := t[open[0].from], open[0].to
			if x.Feature == "" {
				m.nodes[to] = node{at: x.Value, feature: -1}
				continue
			}
			j, known := index[x.Feature]
			if !known {
				return nil, fmt.Errorf("tree %d has the feature %q, which is unknown", k, x.Feature)
			}
			if i := open[0].from; x.Low <= i || x.High <= i || x.Low >= len(t) || x.High >= len(t) {
				return nil, fmt.Errorf("node %d of tree %d leads to no node after it", i, k)
			}
			n := len(m.nodes)
			m.nodes[to] = node{at: x.At, feature: int32(j), low: int32(n)}
			m.nodes, m.mean = append(m.nodes, node{}, node{}), append(m.mean, t[x.Low].Value, t[x.High].Value)
			open = append(open, place{x.Low, n}, place{x.High, n + 1})
			if !used[j] {
				used[j] = true
				m.used = append(m.used, j)
			}
		}
	}
	return m, nil
}

// Bias are the log-odds of all trees before any feature is known.
func (m *Model) Bias() float64 { return m.bias }

// Used are the features that trees split by, each once.
func (m *Model) Used() []int { return m.used }

// LogOdds are what the trees say together for a row with these values, by feature, less Bias.
func (m *Model) LogOdds(value []float64) float64 {
	sum := 0.0
	for _, k := range m.roots {
		x := &m.nodes[k]
		for x.feature >= 0 {
			next := x.low
			if value[x.feature] > x.at {
				next++
			}
			x = &m.nodes[next]
		}
		sum += x.at
	}
	return sum - m.bias
}

// Attribute adds to part, by feature, what the trees say because of it: on the way to a leaf, the change
// from node to node belongs to the feature that was asked for. All parts together are LogOdds.
func (m *Model) Attribute(value, part []float64) {
	for _, k := range m.roots {
		for m.nodes[k].feature >= 0 {
			x := &m.nodes[k]
			next := int(x.low)
			if value[x.feature] > x.at {
				next++
			}
			part[x.feature] += m.mean[next] - m.mean[k]
			k = next
		}
	}
}
