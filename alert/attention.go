package alert

// NeedsAttention reports whether an alert passes the budget of false alerts per 1,000
// user-days, or, without a budget, has at least the given severity. Alerts about the data pass
// if they may impair detection: from medium severity on, or from a lower one if configured.
func NeedsAttention(a *Alert, budget float64, from Severity) bool {
	switch {
	case a.Health:
		return a.Severity >= min(from, Medium)
	case budget > 0:
		return a.Rate <= budget
	}
	return a.Severity >= from
}
