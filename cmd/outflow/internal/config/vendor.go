package config

import "github.com/outflow/outflow/internal/event"

// Vendor is the source of the events of a kind of API; none for those that read HR.
func (c *Source) Vendor() event.Source {
	for _, s := range event.Sources() {
		if s.String() == c.Kind {
			return s
		}
	}
	return event.NoSource
}
