package okta_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/okta"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, okta.Formats, okta.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, okta.Formats, okta.Tables) }
