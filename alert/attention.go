package alert

// NeedsAttention reports whether an alert passes a budget or, if that is nil, has at least the given
// severity. Alerts about the data pass if they may impair detection: from medium severity on, or from a
// lower one if configured.
func NeedsAttention(a *Alert, budget *Budget, from Severity) bool {
	d := a.draft()
	return d.NeedsAttention(budget, from)
}

// NeedsAttention is NeedsAttention of the alert.
func (d *Draft) NeedsAttention(budget *Budget, from Severity) bool {
	switch {
	case d.Health:
		return d.Severity >= min(from, Medium)
	case budget != nil:
		x := d.streamed()
		return budget.passes(&x)
	}
	return d.Severity >= from
}
