package openai_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/openai"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, openai.Formats, nil) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, openai.Formats, nil) }
