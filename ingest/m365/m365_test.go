package m365_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/m365"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, m365.Formats, m365.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, m365.Formats, m365.Tables) }
