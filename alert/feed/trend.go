package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// scored is an alert in the trend of its user.
type scored struct {
	at    time.Time
	score float64
}

const (
	trendDays = 90   // before an alert, that its trend has
	trendWide = 90.0 // width of the drawing
	trendHigh = 14.0
	trendFull = 20.0 // score whose bar has the full height
)

// scoresOf returns the alerts of users, by user and time.
func (s *Store) scoresOf(ctx context.Context, users []string) (map[string][]scored, error) {
	list, err := json.Marshal(users)
	if err != nil {
		return nil, fmt.Errorf("feed: read trends: %w", err)
	}
	rows, err := s.db.QueryContext(ctx,
		"SELECT user, time, score FROM queue WHERE user IN (SELECT value FROM json_each(?)) ORDER BY user, time", string(list))
	if err != nil {
		return nil, fmt.Errorf("feed: read trends: %w", err)
	}
	defer rows.Close()
	all := map[string][]scored{}
	for rows.Next() {
		var user string
		var at int64
		var x scored
		if err := rows.Scan(&user, &at, &x.score); err != nil {
			return nil, fmt.Errorf("feed: read trends: %w", err)
		}
		x.at = time.UnixMilli(at).UTC()
		all[user] = append(all[user], x)
	}
	return all, rows.Err()
}

// trend draws the scores of a user's alerts in the 90 days up to a time; "" if there is only one.
func trend(list []scored, until time.Time) template.HTML {
	from := until.AddDate(0, 0, -trendDays)
	var b strings.Builder
	n := 0
	for _, x := range list {
		if x.at.Before(from) || x.at.After(until) {
			continue
		}
		n++
		high := max(trendHigh*min(x.score/trendFull, 1), 1)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="2" height="%.1f" class="seen"/>`,
			(trendWide-2)*x.at.Sub(from).Hours()/(24*trendDays), trendHigh-high, high)
	}
	if n < 2 {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<span class="spark"><svg aria-hidden="true" viewBox="0 0 %g %g">%s<path d="M0 %g h%g"/></svg> `+
		`%s in %d days</span>`, trendWide, trendHigh, b.String(), trendHigh, trendWide, plain.CountOf(n, "alert", "alerts"), trendDays))
}
