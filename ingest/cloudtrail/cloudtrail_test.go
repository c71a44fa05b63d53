package cloudtrail_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/cloudtrail"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

func TestDecode(t *testing.T) { ingesttest.Run(t, cloudtrail.Formats, cloudtrail.Tables) }

func FuzzDecode(f *testing.F) { ingesttest.Fuzz(f, cloudtrail.Formats, cloudtrail.Tables) }

// TestOneRequest checks that the records of one request, in whatever log they are, have one key.
func TestOneRequest(t *testing.T) {
	ar, err := txtar.ParseFile("testdata/requests.txtar")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[uint64]int{}
	sink := ingest.NewSink(func(e *event.Event) { keys[e.Key]++ })
	for _, f := range ar.Files[:2] {
		var trail struct{ Records []json.RawMessage }
		if json.Unmarshal(f.Data, &trail) == nil {
			for _, r := range trail.Records {
				var s jsonscan.Scanner
				if s.Reset(r); cloudtrail.Formats[0].Decode(&s, sink) != nil {
					t.Error(s.Err())
				}
			}
			continue
		}
		for _, l := range cloudtrail.Formats {
			if line := bytes.TrimSpace(f.Data); l.Line != nil && l.Line.Decode(line, sink) != nil {
				t.Errorf("%s is not read", line)
			}
		}
	}
	got := map[int]int{}
	for _, n := range keys {
		got[n]++
	}
	if len(keys) != 2 || got[4] != 1 || got[2] != 1 {
		t.Errorf("records by key: %v", keys)
	}
}
