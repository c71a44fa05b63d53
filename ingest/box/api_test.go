package box

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestSource(t *testing.T) { ingesttest.TestSources(t, Kind, Formats, nil) }

func FuzzSource(f *testing.F) { ingesttest.FuzzSource(f, Kind) }
