package config

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/webapi"
)

// SourceEnv is what the API of a source gets from outside; since, if not "", stands in place of
// the configured beginning.
func SourceEnv(c *Source, since string, log *slog.Logger) ingest.Env {
	from := *c
	from.Since = cmp.Or(since, c.Since)
	begin, _ := from.Start(time.Now()) // it was checked
	return ingest.Env{HTTP: webapi.NewHTTP(), Now: time.Now, Log: log.With("source", c.Name, "kind", c.Kind), Since: begin}
}
