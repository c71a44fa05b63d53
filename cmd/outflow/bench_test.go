package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkScan scans the example, or the folder that OUTFLOW_BENCH names, from
// files to alerts. docs/benchmarks.md has figures.
func BenchmarkScan(b *testing.B) {
	dir := os.Getenv("OUTFLOW_BENCH")
	if dir == "" {
		dir = filepath.Join("..", "..", "examples", "acme")
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		in := scanInput{paths: []string{dir}, workers: 2, config: &config{}, progress: newProgress(io.Discard)}
		res, err := scan(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		events += res.coverage.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}
