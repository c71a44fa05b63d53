package feed

import (
	"context"
	"time"

	"github.com/outflow/outflow/alert/report"
)

// coverage returns of which of the days up to a time there is data, and how much is known of what is
// usual. Active is on how many of them a user was active; below 0 for no particular user.
func (s *Server) coverage(ctx context.Context, until time.Time, days, active int) (*report.Coverage, *report.Usual, error) {
	in := &report.Input{Now: s.Now(), Reported: s.Now()}
	var err error
	if in.Covered, err = s.Alerts.Covered(ctx); err != nil {
		return nil, nil, err
	}
	k, err := s.Alerts.Known(ctx)
	if err != nil {
		return nil, nil, err
	}
	in.Usual = report.Usual{
		Any:        k.Any,
		PersonDays: k.PersonDays,
		Needed:     s.Enough,
		PerDay:     k.PerDay,
		Judged:     k.PersonDays >= s.Enough,
	}
	return in.Coverage(until.AddDate(0, 0, 1-days), until, active), &in.Usual, nil
}
