package guide

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// TestFor reads the guide of every detector: none is empty, and none has marks of Markdown.
func TestFor(t *testing.T) {
	all, err := fs.Glob(pages, "*.md")
	if err != nil || len(all) < 50 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		g := For(strings.TrimSuffix(name, ".md"))
		if len(g.Todo) == 0 || len(g.Wrong) == 0 {
			t.Errorf("%s: %+v", name, g)
		}
		for _, p := range slices.Concat(g.Todo, g.Wrong) {
			if strings.ContainsAny(p, "`|") || strings.Contains(p, "](") || strings.HasPrefix(p, "- ") || strings.HasPrefix(p, "#") {
				t.Errorf("%s: %s", name, p)
			}
		}
	}
	if g := For("source_gap"); !slices.Contains(g.Todo, "events that were not scored: outflow rescore --from DAY") {
		t.Errorf("%q", g.Todo)
	}
	if g := For("snapshot_shared"); len(g.Wrong) == 0 || !strings.Contains(g.Wrong[0], "if you trust the names of their users") {
		t.Errorf("%q", g.Wrong)
	}
	if g := For("../secret"); len(g.Todo)+len(g.Wrong) > 0 {
		t.Errorf("%+v", g)
	}
}
