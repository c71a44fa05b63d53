package all

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// BenchmarkDecode decodes what the scenarios of every kind of source have vendors answer
// in JSON, a hundred times in one stream.
func BenchmarkDecode(b *testing.B) {
	for _, kind := range []string{
		"okta", "m365", "google", "salesforce", "box", "slack", "github", "dropbox", "atlassian", "zoom",
		"snowflake", "cloudtrail", "anthropic", "openai",
	} {
		where := "/testdata/api/*.txtar"
		switch kind {
		case "snowflake", "cloudtrail", "anthropic", "openai": // whose answers are rows without names, or files
			where = "/testdata/*.txtar"
		}
		archives, err := filepath.Glob("../" + kind + where)
		if err != nil || len(archives) == 0 {
			b.Fatal(kind, err)
		}
		var pages [][]byte
		for _, name := range archives {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range ar.Files {
				head, body, _ := bytes.Cut(append([]byte{'\n'}, f.Data...), []byte("\n\n"))
				if strings.HasSuffix(f.Name, ".ndjson") {
					pages = append(pages, bytes.Repeat(f.Data, 100))
					continue
				}
				called := strings.HasPrefix(f.Name, "GET ") || strings.HasPrefix(f.Name, "POST ")
				if !called || bytes.Contains(head, []byte("Status:")) || len(body) < 300 || bytes.Contains(body, []byte(`"LogFile"`)) {
					continue
				}
				switch body[0] {
				case '{', '[':
					pages = append(pages, bytes.Repeat(append(body, '\n'), 100))
				case '"':
					columns, rows, _ := bytes.Cut(body, []byte{'\n'})
					pages = append(pages, slices.Concat(columns, []byte{'\n'}, bytes.Repeat(rows, 100)))
				}
			}
		}
		b.Run(kind, func(b *testing.B) {
			events, size := 0, 0
			r := files.Reader{Formats: Formats, Tables: Tables, Emit: func(int) func(*event.Event) error {
				return func(*event.Event) error { events++; return nil }
			}}
			for b.Loop() {
				for _, page := range pages {
					if _, err := r.Stream(context.Background(), kind, bytes.NewReader(page)); err != nil {
						b.Fatal(err)
					}
					size += len(page)
				}
			}
			if events == 0 {
				b.Fatal("no events")
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
		})
	}
}
