// Package geoip says in which country an address is, and whose network it is in, by databases in the format
// of MaxMind (maxmind.github.io/MaxMind-DB) that the user supplies. It makes no request.
package geoip

import (
	"fmt"
	"net/netip"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Place is what databases say of an address. What none says is empty.
type Place struct {
	Country string // ISO 3166-1 code
	Network string // organisation that announces the network
}

// Database is one or more databases. A nil Database knows nothing. It is safe for concurrent use.
type Database struct {
	readers []*maxminddb.Reader

	mu   sync.Mutex
	seen map[string]Place
}

// maxSeen bounds the places that are remembered.
const maxSeen = 1 << 16

// Open opens database files, which stay open until the process ends. Without paths it returns nil.
func Open(paths []string) (*Database, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	d := &Database{seen: map[string]Place{}}
	for _, p := range paths {
		r, err := maxminddb.Open(p)
		if err != nil {
			return nil, fmt.Errorf("address database %s: %w", p, err)
		}
		d.readers = append(d.readers, r)
	}
	return d, nil
}

// Look returns what the databases say of an address, the first that says something.
func (d *Database) Look(address string) (p Place) {
	if d == nil {
		return p
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return p
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, known := d.seen[address]; known {
		return p
	}
	for _, r := range d.readers {
		var rec map[string]any
		if r.Lookup(ip).Decode(&rec) != nil {
			continue
		}
		if p.Country == "" {
			p.Country = country(rec)
		}
		if p.Network == "" {
			p.Network = text(rec, "autonomous_system_organization", "as_name")
		}
	}
	if len(d.seen) < maxSeen {
		d.seen[address] = p
	}
	return p
}

// country is the code of the country, in the form of GeoLite2 and DB-IP, or in that of IPinfo.
func country(rec map[string]any) string {
	if c, ok := rec["country"].(map[string]any); ok {
		return text(c, "iso_code")
	}
	return text(rec, "country_code", "country")
}

// text is the first of some fields that is a text.
func text(rec map[string]any, fields ...string) string {
	for _, f := range fields {
		if s, ok := rec[f].(string); ok && s != "" {
			return s
		}
	}
	return ""
}
