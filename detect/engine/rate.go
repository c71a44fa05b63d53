package engine

import "math"

// curve is how many false alerts per 1,000 user-days there were at a score or
// above, on development organisations; between its points, and beyond the last,
// the logarithm of the rate is a straight line. bench/quality prints it; these are of the
// twenty organisations of docs/benchmarks.md.
var curve = []struct{ score, rate float64 }{{2.4, 28.4}, {3.5, 14.1}, {5.2, 6}, {6.5, 3.5}, {7.6, 2.17}, {9.3, 1.3}, {12, .57}, {14.6, .2}}

const (
	anchor      = 2.4  // the score at which the frequency is compared with that of other organisations
	anchorRate  = .033 // share of user-days at or above it there, incidents among them
	anchorDays  = 2000 // user-days that the experience of others weighs
	anchorDecay = .99  // a day
)

// usualRate is the curve at a score.
func usualRate(score float64) float64 {
	i := 0
	for i < len(curve)-2 && score > curve[i+1].score {
		i++
	}
	a, b := curve[i], curve[i+1]
	slope := math.Log(b.rate/a.rate) / (b.score - a.score)
	return a.rate * math.Exp(float64(slope*(score-a.score)))
}

// rate is how many false alerts per 1,000 user-days are to be expected in this
// organisation at a score or above: those of others, scaled by how often scores
// are notable here. It is honest from the first day, and settles within a week or
// two.
func (o *org) rate(score float64) float64 {
	here := (o.Notable + anchorDays*anchorRate) / (o.NotableN + anchorDays)
	return usualRate(score) * here / anchorRate
}
