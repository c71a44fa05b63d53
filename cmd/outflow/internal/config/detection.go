package config

import (
	"fmt"
	"sync"
	"time"

	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
)

// Catalog returns the detectors that the program scores with. They are made when they are first asked for: most commands score
// nothing.
var Catalog = sync.OnceValue(func() *engine.Catalog { return engine.NewCatalog(detectors.All) })

// traits are those of the detectors, by which channels choose alerts.
var traits = detectors.Traits()

// Identity is the part of the configuration that is about people.
func (c *Config) Identity() identity.Config {
	return identity.Config{Domains: c.Domains, ServiceAccounts: c.ServiceAccounts, Aliases: c.Aliases, AWSAccounts: c.AWSAccounts}
}

// Detect is the part of the configuration that is about detection. The error names the exception
// or the key that cannot be.
func (c *Config) Detect() (engine.Config, error) {
	out := engine.Config{
		Detectors:        Catalog(),
		ForbiddenDomains: c.ForbiddenDomains,
		TopLabels:        c.TopLabels,
		AWSAccounts:      c.AWSAccounts,
		Rules:            c.RuleSet.Set,
		Unpacked:         c.Memory.People,
	}
	for _, x := range c.IndicatorsOff {
		out.OptOuts = append(out.OptOuts, engine.OptOut(x))
	}
	for i := range c.Watchlists {
		w, err := c.Watchlists[i].detect()
		if err != nil {
			return out, c.inWatchlist(i, err)
		}
		out.Watchlists = append(out.Watchlists, w)
	}
	for i := range c.Exceptions {
		x, err := c.Exceptions[i].detect()
		if err != nil {
			return out, fmt.Errorf("exception %d (%s): %w", i+1, c.Exceptions[i].Name, err)
		}
		out.Exceptions = append(out.Exceptions, x)
	}
	return out, out.Check()
}

func (x *Exception) detect() (engine.Exception, error) {
	out := engine.Exception{
		Name:      x.Name,
		App:       x.App,
		Domain:    x.Domain,
		User:      x.User,
		Detectors: x.Detectors,
		Owner:     x.Owner,
		Reason:    x.Reason,
	}
	var err error
	if out.From, err = Moment(x.From); err != nil {
		return out, fmt.Errorf("from: %w", err)
	}
	if out.Until, err = Moment(x.Until); err != nil {
		return out, fmt.Errorf("until: %w", err)
	}
	return out, nil
}

// Moment parses a day (2026-03-31, in UTC) or a time in RFC 3339; "" is the zero time.
func Moment(t string) (time.Time, error) {
	if t == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, t); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-03-31 nor a time such as 2026-03-31T22:00:00Z", t)
}
