package box_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/box"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, box.Formats, box.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, box.Formats, box.Tables) }
