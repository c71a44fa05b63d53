package dropbox_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/dropbox"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, dropbox.Formats, dropbox.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, dropbox.Formats, dropbox.Tables) }
