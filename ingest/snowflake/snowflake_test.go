package snowflake_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/snowflake"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, snowflake.Formats, snowflake.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, snowflake.Formats, snowflake.Tables) }
