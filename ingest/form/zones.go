package form

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// ParseZone reads a zone as settings and files name it: Europe/Berlin, an offset such as +01:00 or
// UTC+1, an abbreviation, or a name such as Eastern Standard Time.
func ParseZone(t string) (*time.Location, bool) {
	t = strings.Trim(t, " \t\"'.,;")
	p := parser{}
	if p.split(t); len(p.toks) > 1 && (p.toks[0].kind == '+' || p.toks[0].kind == '-') {
		if p.offset() && p.i == len(p.toks) {
			return p.zone.fixed, true
		}
		return nil, false
	}
	z := zoneNamed(t, nil, time.Time{})
	return z, z != nil
}

// fixedZones caches zones of one offset.
var fixedZones sync.Map

// fixed returns the zone with an offset in seconds.
func fixed(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	if z, ok := fixedZones.Load(seconds); ok {
		return z.(*time.Location)
	}
	sign, n := "+", seconds
	if n < 0 {
		sign, n = "-", -n
	}
	name := "UTC" + sign + strconv.Itoa(n/3600)
	if m := n / 60 % 60; m > 0 {
		name += ":" + strconv.Itoa(m)
	}
	z := time.FixedZone(name, seconds)
	fixedZones.Store(seconds, z)
	return z
}

// knownZone reports whether a text names a zone, perhaps one of several.
func knownZone(name string) bool {
	return several[name] || zoneNamed(name, nil, time.Time{}) != nil
}

// zoneNamed returns the zone with a name, or nil. An abbreviation that stands for several zones
// means that of home at the time at, if home has it.
func zoneNamed(name string, home *time.Location, at time.Time) *time.Location {
	name = strings.Trim(name, " ()[]")
	if home != nil && several[name] {
		if abbreviation, _ := at.In(home).Zone(); abbreviation == name {
			return home
		}
	}
	if z, ok := zones[name]; ok {
		return load(z)
	}
	low := strings.ToLower(name)
	if low == "z" || low == "utc" || low == "gmt" {
		return time.UTC
	}
	for _, utc := range []string{"utc", "gmt", "z"} {
		if rest, ok := strings.CutPrefix(low, utc); ok || utc == "z" {
			p := parser{}
			p.split(strings.TrimSpace(rest))
			if len(p.toks) >= 2 && (p.toks[0].kind == '+' || p.toks[0].kind == '-') && p.offset() && p.zone != nil && p.i == len(p.toks) {
				return p.zone.fixed
			}
		}
	}
	if i := strings.IndexByte(low, '/'); i > 0 && areas[low[:i]] {
		return load(name)
	}
	return load(longZones[zoneWords(low)])
}

// zoneWords is the part of a long name that says which zone it is: without "time", its season
// and its additions.
func zoneWords(low string) string {
	if i := strings.IndexByte(low, '('); i > 0 {
		low = strings.TrimSpace(low[:i])
	}
	if longZones[low] != "" {
		return low
	}
	base, ok := strings.CutSuffix(low, " time")
	if !ok {
		return ""
	}
	for _, season := range []string{" standard", " daylight", " summer"} {
		base = strings.TrimSuffix(base, season)
	}
	return base
}

// loaded caches zones of the database, and names that are not in it.
var loaded = struct {
	sync.Mutex
	zones map[string]*time.Location
}{zones: map[string]*time.Location{}}

// load returns a zone of the database, the zone of an offset (+0530), or nil.
func load(name string) *time.Location {
	switch {
	case name == "":
		return nil
	case name[0] == '+' || name[0] == '-':
		p := parser{}
		p.split(name)
		p.offset()
		return p.zone.fixed
	}
	loaded.Lock()
	defer loaded.Unlock()
	z, known := loaded.zones[name]
	if !known {
		z, _ = time.LoadLocation(name)
		if len(loaded.zones) < 1000 {
			loaded.zones[name] = z
		}
	}
	return z
}
