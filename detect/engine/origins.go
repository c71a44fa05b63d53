package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// mostOrigins is how many origins of each kind one day of a person keeps: the first that come.
var mostOrigins = [...]int{fromNetwork: 8, fromCountry: 4, fromDevice: 4, fromAgent: 4}

// Kinds of origins.
const (
	fromNetwork = iota
	fromCountry
	fromDevice
	fromAgent
)

// maxOrigin is the most bytes of the name of an origin.
const maxOrigin = 160

// origin is where, or with what, a person did something on a day.
type origin struct {
	Kind uint8
	Name string // of a network its key, as baselines have it
}

// originate notes where an event that took effect came from. The same address, device and agent as that of an event
// before cost comparisons alone.
func (d *dayState) originate(c *event.Client) {
	d.from(fromNetwork, network(c.IP))
	d.from(fromCountry, c.Country)
	d.from(fromDevice, c.Device)
	d.from(fromAgent, c.Agent)
}

// from notes one origin, unless it is known or there are too many of its kind. Versions of one agent are the same.
func (d *dayState) from(kind uint8, name string) {
	if name == "" {
		return
	}
	if len(name) > maxOrigin {
		name = strings.ToValidUTF8(name[:maxOrigin], "")
	}
	n := 0
	for i := range d.Origins {
		if o := &d.Origins[i]; o.Kind == kind {
			if o.Name == name {
				return
			}
			n++
		}
	}
	if n >= mostOrigins[kind] {
		return
	}
	if kind == fromAgent {
		key := family(name)
		if slices.ContainsFunc(d.Origins, func(o origin) bool { return o.Kind == fromAgent && family(o.Name) == key }) {
			return
		}
	}
	d.Origins = append(d.Origins, origin{kind, strings.Clone(name)})
}

// origins returns where and with what a person did something on the day, sorted.
func (d *dayState) origins() *finding.Origins {
	if len(d.Origins) == 0 {
		return nil
	}
	list := slices.Clone(d.Origins)
	slices.SortFunc(list, func(a, b origin) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	out := &finding.Origins{}
	for _, o := range list {
		switch o.Kind {
		case fromNetwork:
			out.Networks = append(out.Networks, networkRange(o.Name))
		case fromCountry:
			out.Countries = append(out.Countries, o.Name)
		case fromDevice:
			out.Devices = append(out.Devices, o.Name)
		case fromAgent:
			out.Agents = append(out.Agents, o.Name)
		}
	}
	return out
}

// networkRange returns the addresses that the key of a network stands for.
func networkRange(key string) string {
	a, b, two := strings.Cut(key, ".")
	switch {
	case two && !strings.Contains(b, "."):
		return a + "." + b + ".0.0/16"
	case !two && strings.Count(key, ":") == 1 && !strings.HasSuffix(key, ":"):
		return key + "::/32"
	}
	return key
}
