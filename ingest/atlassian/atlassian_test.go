package atlassian_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/atlassian"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, atlassian.Formats, atlassian.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, atlassian.Formats, atlassian.Tables) }
