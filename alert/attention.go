package alert

// NeedsAttention says whether an alert is one to look at: by the budget of false alerts,
// or by a severity where there is none. What concerns the data is, if it may cost
// detection.
func NeedsAttention(a *Alert, budget float64, from Severity) bool {
	switch {
	case a.Health:
		return a.Severity >= min(from, Medium)
	case budget > 0:
		return a.Rate <= budget
	}
	return a.Severity >= from
}
