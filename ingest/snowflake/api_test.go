package snowflake

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestSource(t *testing.T) { ingesttest.TestSources(t, Kind, Formats, Tables) }

func FuzzSource(f *testing.F) { ingesttest.FuzzSource(f, Kind) }
