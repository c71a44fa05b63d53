package alert

// NeedsAttention reports whether an alert passes a budget or, if that is nil, has at least the given
// severity. Alerts about the data pass if they may impair detection: from medium severity on, or from a
// lower one if configured.
func NeedsAttention(a *Alert, budget *Budget, from Severity) bool {
	switch {
	case a.Health:
		return a.Severity >= min(from, Medium)
	case budget != nil:
		return budget.Passes(a)
	}
	return a.Severity >= from
}
