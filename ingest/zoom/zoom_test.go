package zoom_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/zoom"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, zoom.Formats, zoom.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, zoom.Formats, zoom.Tables) }
