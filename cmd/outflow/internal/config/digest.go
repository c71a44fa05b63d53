package config

import (
	"fmt"
	"strings"
	"time"

	cron "github.com/netresearch/go-cron"
)

// Times parses the schedule and the time zone. The error begins with the key.
func (c *Digest) Times() (cron.Schedule, *time.Location, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, nil, fmt.Errorf("time_zone: %w", err)
	}
	s, err := cron.ParseStandard(c.Schedule)
	if err != nil {
		return nil, nil, fmt.Errorf("schedule: %q: %w", c.Schedule, err)
	}
	if strings.Contains(c.Schedule, "@every") { // it counts from any moment: a digest would always be due
		return nil, nil, fmt.Errorf("schedule: %q has no fixed times: use five fields, as in 0 7 * * 1", c.Schedule)
	}
	return s, zone, nil
}
