package google

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestSource(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_ACCOUNT", ingesttest.GoogleAccount(t))
	ingesttest.TestSources(t, Kind, Formats, nil)
}
