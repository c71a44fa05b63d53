package config

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/ingest/mapped"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/webapi"
)

// backfill is how far back a new source is read unless since is set: about what baselines
// require.
const backfill = 30 * 24 * time.Hour

// Start is where the backfill of a new API source begins: since is a day, a time or a duration
// before now (720h).
func (s *Source) Start(now time.Time) (time.Time, error) {
	if s.Since == "" {
		return now.Add(-backfill), nil
	}
	if d, err := plain.ParseDuration(s.Since); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := Moment(s.Since)
	if err != nil {
		return at, fmt.Errorf("since: %q is neither a day such as 2026-03-31 nor a span such as 720h", s.Since)
	}
	return at, nil
}

// Forms is what is known about times of the source that do not say it themselves: its settings, or
// else those of others.
func (s *Source) Forms(others ingest.Forms) (ingest.Forms, error) {
	own, err := ParseForms(s.Zone, s.Order, "zone", "date_order")
	if own.Zone == nil {
		own.Zone = others.Zone
	}
	own.Order = cmp.Or(own.Order, others.Order)
	return own, err
}

// AllTables returns the tables of the configuration and, after them, those that Outflow knows.
func (c *Config) AllTables() []*ingest.Table {
	own, _ := mapped.Compile(c.Tables, all.Tables) // it was checked
	return append(own, all.Tables...)
}

// ParseForms reads a zone and an order of dates, either of which may be "". Errors name the
// settings as they are called.
func ParseForms(zone, order, zoneName, orderName string) (f ingest.Forms, err error) {
	if zone != "" {
		known := false
		if f.Zone, known = form.ParseZone(zone); !known {
			return f, fmt.Errorf("%s: %q is not a zone such as Europe/Berlin or -05:00", zoneName, zone)
		}
	}
	if f.Order, err = form.ParseOrder(order); err != nil {
		return f, fmt.Errorf("%s: %q is not one of %w", orderName, order, err)
	}
	return f, nil
}

// SourceEnv is what the API of a source gets from outside. since, unless it is "", replaces that
// of the source; both must have been checked.
func SourceEnv(c *Source, since string, log *slog.Logger) ingest.Env {
	from := *c
	from.Since = cmp.Or(since, c.Since)
	begin, _ := from.Start(time.Now()) // both were checked
	allow, _ := networks(c.Networks)
	return ingest.Env{
		HTTP:  webapi.NewGuarded(allow, nil),
		Now:   time.Now,
		Log:   log.With("source", c.Name, "kind", c.Kind),
		Since: begin,
	}
}

// Mixed reports whether the records of an API source are those of any vendors.
func (s *Source) Mixed() bool { return s.spec().Mixed }

// spec returns the kind of an API source; zero for files.
func (s *Source) spec() (of ingest.Kind) {
	if i := slices.IndexFunc(all.Kinds, func(k ingest.Kind) bool { return k.Name == s.Kind }); i >= 0 {
		of = all.Kinds[i]
	}
	return of
}

// Vendor is the vendor of the events of an API source; event.NoSource for those that read HR.
func (s *Source) Vendor() event.Source {
	for _, v := range event.Sources() {
		if v.String() == s.Kind {
			return v
		}
	}
	return event.NoSource
}
