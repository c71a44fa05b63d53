package anthropic_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/anthropic"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, anthropic.Formats, nil) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, anthropic.Formats, nil) }
