package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
)

// BenchmarkScan scans the example, or the folder that OUTFLOW_BENCH names, from
// files to alerts. docs/benchmarks.md has figures.
func BenchmarkScan(b *testing.B) { bench(b, &config.Config{}) }

func bench(b *testing.B, c *config.Config) {
	dir := os.Getenv("OUTFLOW_BENCH")
	if dir == "" {
		dir = filepath.Join("..", "..", "examples", "acme")
	}
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		in := batch.Input{Paths: []string{dir}, Workers: 2, Config: c, Progress: batch.NewProgress(io.Discard)}
		res, err := batch.Scan(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		events += res.Coverage.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

// BenchmarkScanRules is BenchmarkScan with 500 rules: of twenty, eighteen name an
// action of their source, one tests the action otherwise, and one says nothing
// about it.
func BenchmarkScanRules(b *testing.B) {
	sources := []struct{ logsource, action, field string }{
		{"{product: aws, service: cloudtrail}", "eventName", "userIdentity.type"}, {"{product: m365, service: audit}", "Operation", "ClientIP"},
		{"{product: okta, service: okta}", "eventType", "outcome.result"}, {"{product: github, service: audit}", "action", "actor"}, {"{product: gcp, service: google_workspace.admin}", "eventName", "actor.email"},
	}
	dir := b.TempDir()
	for i := range 500 {
		s := sources[i%len(sources)]
		field, value := s.action, fmt.Sprintf("Action%d", i)
		switch i / len(sources) % 20 {
		case 0:
			field, value = s.action+"|contains", fmt.Sprintf("part%d", i)
		case 1:
			field, value = s.field, fmt.Sprintf("value%d", i)
		}
		rule := fmt.Sprintf("title: R%d\nlogsource: %s\ndetection:\n    a:\n        %s: %s\n        %s|startswith: x\n    condition: a\n", i, s.logsource, field, value, s.field)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yml", i)), []byte(rule), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	loaded, err := ruleset.Load(dir, nil)
	if err != nil || len(loaded.Set.Rules) != 500 {
		b.Fatal(err, loaded.Bad)
	}
	bench(b, &config.Config{RuleSet: loaded})
}
