package google_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/google"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, google.Formats, google.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, google.Formats, google.Tables) }
