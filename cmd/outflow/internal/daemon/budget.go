package daemon

import (
	"context"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
)

// budgetFor is for how long a budget that was set from the alerts before is used: of what has changed since, only late
// events and decisions concern it.
const budgetFor = 10 * time.Minute

// budgetNow is the budget as the alerts of the last weeks and the decisions about them set it, and how it was kept; nil
// if none is asked for.
func (d *Daemon) budgetNow(ctx context.Context) (*alert.Budget, *alert.Kept, error) {
	asked := d.current().Budget
	if asked <= 0 || d.alerts == nil {
		return nil, nil, nil
	}
	b := &d.budget
	b.Lock()
	defer b.Unlock()
	now := time.Now()
	if b.now != nil && b.asked == asked && now.Sub(b.at) < budgetFor {
		return b.now, b.kept, nil
	}
	until, err := d.alerts.DataUntil(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	budget, err := triage.Budget(ctx, asked, d.dir, d.alerts, triage.BudgetSince(until))
	if err != nil {
		return nil, nil, err
	}
	b.at, b.asked, b.now, b.kept = now, asked, budget, budget.Kept(until)
	return b.now, b.kept, nil
}
