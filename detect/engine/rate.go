package engine

import "math"

const (
	anchor      = 2.4  // the score at which the frequency is compared with that of other organisations
	anchorRate  = .033 // share of user-days at or above it there, incidents among them
	anchorDays  = 2000 // user-days that the experience of others weighs
	anchorDecay = .99  // a day
)

// usualRate is how many false alerts per 1,000 user-days there were at a score or above, on
// development organisations; between the points of the curve, and beyond the last, the logarithm of
// the rate is a straight line.
func usualRate(curve []RatePoint, score float64) float64 {
	i := 0
	for i < len(curve)-2 && score > curve[i+1].Score {
		i++
	}
	a, b := curve[i], curve[i+1]
	slope := math.Log(b.Rate/a.Rate) / (b.Score - a.Score)
	return a.Rate * math.Exp(float64(slope*(score-a.Score)))
}

// rate is how many false alerts per 1,000 user-days are to be expected in this
// organisation at a score or above: those of others, scaled by how often scores
// are notable here. It is honest from the first day, and settles within a week or
// two.
func (o *org) rate(score float64) float64 {
	here := (o.Notable + anchorDays*anchorRate) / (o.NotableN + anchorDays)
	return usualRate(o.catalog.layer.curve, score) * here / anchorRate
}
