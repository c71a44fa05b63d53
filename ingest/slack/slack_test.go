package slack_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/slack"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, slack.Formats, slack.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, slack.Formats, slack.Tables) }
