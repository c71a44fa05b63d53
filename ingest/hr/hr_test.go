package hr_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/hr"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, hr.Formats, hr.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, hr.Formats, hr.Tables) }
