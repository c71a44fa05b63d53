package main

import (
	"math"
	"math/rand/v2"
)

// Rand is a deterministic random stream. Every user-day, scenario and decoy has a
// stream of its own, derived from the world's seed. The benign background therefore
// depends neither on the scenarios that are enabled nor on scheduling.
type Rand struct{ *rand.Rand }

// mix is the splitmix64 finaliser.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hash(keys ...uint64) uint64 {
	h := uint64(0x2545f4914f6cdd1d)
	for _, k := range keys {
		h = mix(h ^ k)
	}
	return h
}

func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func newRand(keys ...uint64) Rand {
	h := hash(keys...)
	return Rand{rand.New(rand.NewPCG(h, mix(h)))}
}

func (r Rand) chance(p float64) bool            { return r.Float64() < p }
func (r Rand) uniform(lo, hi float64) float64   { return lo + (hi-lo)*r.Float64() }
func (r Rand) between(lo, hi int) int           { return lo + r.IntN(hi-lo+1) }
func (r Rand) lognormal(mu, sd float64) float64 { return math.Exp(mu + sd*r.NormFloat64()) }

// spread draws a log-normal factor with mean one.
func (r Rand) spread(sd float64) float64 { return r.lognormal(-sd*sd/2, sd) }

// logUniform draws between lo and hi uniformly on a log scale.
func (r Rand) logUniform(lo, hi float64) float64 {
	return lo * math.Pow(hi/lo, r.Float64())
}

// pareto draws from a Pareto distribution with exponent alpha and minimum one.
func (r Rand) pareto(alpha float64) float64 { return math.Pow(1-r.Float64(), -1/alpha) }

// gamma draws from Gamma(shape, 1) by Marsaglia and Tsang's method.
func (r Rand) gamma(shape float64) float64 {
	if shape < 1 {
		return r.gamma(shape+1) * math.Pow(1-r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

func (r Rand) poisson(mean float64) int {
	switch {
	case mean <= 0:
		return 0
	case mean < 30:
		limit, p, n := math.Exp(-mean), 1.0, 0
		for {
			p *= r.Float64()
			if p <= limit {
				return n
			}
			n++
		}
	default: // above 30 a rounded normal is close enough
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
}

// negbin draws a negative binomial count with variance mean + mean²/k.
func (r Rand) negbin(mean, k float64) int {
	if mean <= 0 {
		return 0
	}
	return r.poisson(mean * r.gamma(k) / k)
}

// seconds draws an exponential gap in milliseconds with the given mean in seconds.
func (r Rand) seconds(mean float64) int64 { return int64(r.ExpFloat64() * mean * 1000) }

func pick[T any](r Rand, list []T) T { return list[r.IntN(len(list))] }

// weighted draws an index in proportion to the weights.
func (r Rand) weighted(weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x := r.Float64() * total
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}
