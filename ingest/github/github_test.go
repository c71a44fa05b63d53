package github_test

import (
	"testing"

	"github.com/outflow/outflow/ingest/github"
	"github.com/outflow/outflow/ingest/ingesttest"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, github.Formats, nil) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, github.Formats, nil) }
