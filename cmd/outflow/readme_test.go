package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// blocks are the indented blocks of a Markdown page, without their indentation. Blank lines
// within a block are kept.
func blocks(page string) [][]string {
	var all [][]string
	var block []string
	for line := range strings.Lines(page + "\nend") {
		line = strings.TrimRight(line, "\n")
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented:
			block = append(block, code)
		case line == "" && block != nil:
			block = append(block, "")
		case block != nil:
			for block[len(block)-1] == "" {
				block = block[:len(block)-1]
			}
			all, block = append(all, block), nil
		}
	}
	return all
}

// TestReadme compares the excerpts of output in the README with what the program prints for
// the example: the first alerts, up to an ellipsis, and the whole summary.
func TestReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if status := run([]string{"scan", "../../examples/acme"}, &stdout, &stderr); status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr.String())
	}
	alerts := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	alerts[0] = "  " + strings.TrimLeft(alerts[0], " ")
	summary := strings.Split(strings.TrimSpace(strings.ReplaceAll(stderr.String(), "../../examples", "examples")), "\n")

	printed, summarised := false, false
	for _, block := range blocks(string(page)) {
		if i := indexPrefix(block, "  1  critical"); i >= 0 {
			printed = true
			excerpt := block[i:]
			if last := len(excerpt) - 1; strings.TrimSpace(excerpt[last]) == "…" {
				excerpt = excerpt[:last]
			}
			compare(t, "the alerts", excerpt, alerts[:min(len(excerpt), len(alerts))])
		}
		if strings.HasPrefix(block[0], "Read 774 files") {
			summarised = true
			compare(t, "the summary", block, summary)
		}
	}
	if !printed || !summarised {
		t.Errorf("the README has no alerts (%t) or no summary (%t) of the example", printed, summarised)
	}
}

func indexPrefix(lines []string, prefix string) int {
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) {
			return i
		}
	}
	return -1
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s: line %d of the README's excerpt is\n%s\nand the program prints\n%s", what, i+1, g, w)
			return
		}
	}
}
