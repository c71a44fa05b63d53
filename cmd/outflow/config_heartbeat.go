package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// heartbeatConfig is what is called while all is well.
type heartbeatConfig struct {
	URL      string        `yaml:"url"`            // an address that is fetched, or a reference to it (env:NAME, file:PATH); "" for none
	Every    time.Duration `yaml:"every"`          // 5m if 0
	Share    float64       `yaml:"share"`          // of what came today that must have been judged; 0.99 if 0
	Networks []string      `yaml:"allow_networks"` // within the organisation, that the address may be in: 10.0.0.0/8

	allow []netip.Prefix
}

const (
	leastBeat  = 10 * time.Second
	usualBeat  = 5 * time.Minute
	usualShare = .99
	enoughCame = 100 // records on a day until their share says something
)

// check completes and checks what the configuration says.
func (c *heartbeatConfig) check() error {
	c.Every, c.Share = cmp.Or(c.Every, usualBeat), cmp.Or(c.Share, usualShare)
	switch {
	case c.Every < leastBeat:
		return fmt.Errorf("every: %s: at least %s", c.Every, leastBeat)
	case c.Share < 0 || c.Share > 1:
		return fmt.Errorf("share: %g: from 0 to 1", c.Share)
	case c.URL != "" && !literal(c.URL) && !strings.HasPrefix(c.URL, "env:") && !strings.HasPrefix(c.URL, "file:") && !strings.HasPrefix(c.URL, "exec:"):
		return errors.New("url: give an address, or a reference to one: env:NAME, file:PATH, exec:COMMAND")
	}
	var err error
	c.allow, err = networks(c.Networks)
	return err
}

// literal says whether an address is given rather than a reference to one.
func literal(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}
