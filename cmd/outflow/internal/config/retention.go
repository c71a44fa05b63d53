package config

import "errors"

// check says what of it cannot be.
func (r *Retention) check() error {
	if min(r.Alerts, r.Days, r.Decisions) < 0 {
		return errors.New("retention: days cannot be negative")
	}
	return nil
}

// Retention is for how many days what is kept; 0 stands for good.
type Retention struct {
	Alerts    int `yaml:"alerts"`    // since they were raised; those of which something is open still stay
	Days      int `yaml:"days"`      // of what people did on their days
	Decisions int `yaml:"decisions"` // about alerts, and requests for names
}
