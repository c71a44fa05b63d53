package config

import (
	"net/netip"
	"strings"
)

// Allow are the networks within the organisation that the address of the heartbeat may be in.
func (c *Heartbeat) Allow() ([]netip.Prefix, error) { return networks(c.Networks) }

// Literal reports whether a setting is an address rather than a reference to one.
func Literal(url string) bool {
	return strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://")
}
