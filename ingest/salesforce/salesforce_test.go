package salesforce_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/salesforce"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, salesforce.Formats, salesforce.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, salesforce.Formats, salesforce.Tables) }
