package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Heartbeat is what is called while all is well.
type Heartbeat struct {
	URL      string        `yaml:"url"`            // an address that is fetched, or a reference to it (env:NAME, file:PATH); "" for none
	Every    time.Duration `yaml:"every"`          // 5m if 0
	Share    float64       `yaml:"share"`          // of what came today that must have been judged; 0.99 if 0
	Networks []string      `yaml:"allow_networks"` // within the organisation, that the address may be in: 10.0.0.0/8

	Allow []netip.Prefix `yaml:"-"`
}

const (
	leastBeat  = 10 * time.Second
	usualBeat  = 5 * time.Minute
	UsualShare = .99
	EnoughCame = 100 // records on a day until their share says something
)

// Check completes and checks what the configuration says.
func (c *Heartbeat) Check() error {
	c.Every, c.Share = cmp.Or(c.Every, usualBeat), cmp.Or(c.Share, UsualShare)
	switch {
	case c.Every < leastBeat:
		return fmt.Errorf("every: %s: at least %s", c.Every, leastBeat)
	case c.Share < 0 || c.Share > 1:
		return fmt.Errorf("share: %g: from 0 to 1", c.Share)
	case c.URL != "" && !Literal(c.URL) && !strings.HasPrefix(c.URL, "env:") && !strings.HasPrefix(c.URL, "file:") && !strings.HasPrefix(c.URL, "exec:"):
		return errors.New("url: give an address, or a reference to one: env:NAME, file:PATH, exec:COMMAND")
	}
	var err error
	c.Allow, err = networks(c.Networks)
	return err
}

// Literal says whether an address is given rather than a reference to one.
func Literal(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}
