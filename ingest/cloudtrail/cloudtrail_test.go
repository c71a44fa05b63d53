package cloudtrail_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/cloudtrail"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, cloudtrail.Formats, cloudtrail.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, cloudtrail.Formats, cloudtrail.Tables) }
