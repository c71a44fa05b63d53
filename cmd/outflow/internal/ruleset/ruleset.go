// Package ruleset holds the organisation's own rules, in the Sigma format, as the
// configuration names them, and matches records against them while they are decoded.
package ruleset

import (
	"fmt"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/sigma"
)

// Rules are the organisation's own rules as they were loaded.
type Rules struct {
	Set *sigma.Set // nil if there are none
	Bad []error    // rules that cannot be compiled
}

// Load compiles the rules of a folder with the values of their placeholders; none if it is "".
func Load(path string, placeholders map[string][]string) (Rules, error) {
	if path == "" {
		return Rules{}, nil
	}
	set, bad, err := sigma.Load(path, placeholders)
	if err != nil {
		return Rules{}, fmt.Errorf("rules: %w", err)
	}
	return Rules{set, bad}, nil
}

// Inspect returns the function by which a worker asks the rules about records;
// nil if there are none.
func (r Rules) Inspect() func(worker int) func(*event.Event, *ingest.Native) {
	if r.Set == nil || len(r.Set.Rules) == 0 {
		return nil
	}
	return func(int) func(*event.Event, *ingest.Native) {
		m := sigma.NewMatcher(r.Set)
		var rec sigma.Record
		seen := map[*sigma.Rule]bool{} // of the current record: a rule speaks once about it
		return func(e *event.Event, n *ingest.Native) {
			if !m.Concerns(e.Source) || n.JSON == nil && n.Columns == nil {
				return
			}
			if n.First {
				clear(seen)
				if n.JSON != nil {
					rec.Reset(n.JSON)
				} else {
					rec.ResetRow(n.Columns, n.Cells)
				}
			}
			m.Match(e.Source, e.Action, &rec, func(rule *sigma.Rule, fields [][2]string) {
				if seen[rule] {
					return
				}
				seen[rule] = true
				value := rule.ID
				for _, f := range fields {
					value += "\x1f" + f[0] + "=" + strings.ReplaceAll(f[1], "\x1f", " ")
				}
				e.Attrs = append(e.Attrs, event.Attr{Name: event.AttrRuleMatch, Value: value})
			})
		}
	}
}
