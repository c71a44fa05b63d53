package config

import (
	"fmt"
	"strings"
	"time"

	cron "github.com/netresearch/go-cron"
)

// Digest is when the digest of the week before goes out.
type Digest struct {
	Schedule string `yaml:"schedule"`  // five fields, as cron has them; "" for never
	TimeZone string `yaml:"time_zone"` // Europe/Berlin; UTC if nothing is said
	People   string `yaml:"people"`    // pseudonyms (if nothing is said) or names
}

// Times parses the schedule.
func (c *Digest) Times() (cron.Schedule, *time.Location, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, nil, fmt.Errorf("time_zone: %w", err)
	}
	s, err := cron.ParseStandard(c.Schedule)
	if err != nil {
		return nil, nil, fmt.Errorf("schedule: %q: %w", c.Schedule, err)
	}
	if strings.Contains(c.Schedule, "@every") { // it counts from any moment: a digest would be due whenever it is asked
		return nil, nil, fmt.Errorf("schedule: %q has no fixed times: use five fields, as in 0 7 * * 1", c.Schedule)
	}
	return s, zone, nil
}
