// Package explain shows what the score of an alert rests on, and recomputes it from its receipt.
package explain

import (
	"math"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Explanation is what the score of an alert rests on. It is written as JSON.
type Explanation struct {
	Alert      *alert.Alert  `json:"alert"`      // that is explained
	Recomputed float64       `json:"recomputed"` // score from the receipt; 0 if the alert has none
	Matches    bool          `json:"matches"`    // whether score and steps are those of the alert
	Steps      []engine.Step `json:"steps"`      // of the computation
	Notes      []string      `json:"notes"`      // how what the alert counts was counted

	Days  *reports.Series `json:"-"` // of the person, around the alert; nil if none are kept
	ASCII bool            `json:"-"` // whether charts are to have no other characters
	Width int             `json:"-"` // of the terminal in columns; 0 if there is none
}

// tolerance is by how much a recomputed score may differ: alerts round to thousandths.
const tolerance = .0006

// New explains an alert. It fails if the receipt is of a model that is not known any more.
func New(a *alert.Alert) (*Explanation, error) {
	x := &Explanation{Alert: a, Notes: notes(a), Matches: true}
	if a.Receipt != nil {
		var err error
		if x.Recomputed, x.Steps, err = config.Catalog().Recompute(a.Receipt); err != nil {
			return nil, err
		}
	}
	for i := range x.Steps {
		x.Matches = x.Matches && x.Steps[i].Matches()
	}
	x.Matches = x.Matches && math.Abs(x.Recomputed-a.Score) <= tolerance
	return x, nil
}

// overDays says whether what a detector observed is of more than the person's day.
func overDays(a *alert.Alert, e *alert.Evidence) bool {
	return a.Receipt != nil && slices.ContainsFunc(a.Receipt.Counts, func(c finding.Count) bool {
		return c.Detector == e.Detector && c.Unit == e.Unit && strings.HasSuffix(c.Window, " d")
	})
}

// notes say how what the alert counts was counted.
func notes(a *alert.Alert) (list []string) {
	for _, e := range a.Evidence {
		if e.Events == 0 {
			continue
		}
		var parts []string
		if e.Observed > 0 && e.Unit != "" {
			parts = append(parts, plain.Amount(e.Observed)+" "+e.Unit)
		}
		counted := plain.CountOf(e.Events, "event", "events") + " counted"
		if overDays(a, &e) {
			counted += " on this day"
		}
		parts = append(parts, counted)
		if e.Repeats > 0 {
			parts = append(parts, plain.CountOf(e.Repeats, "further event", "further events")+" about things counted already")
		}
		if e.Folders > 0 {
			parts = append(parts, plain.Count(e.Folders)+" of them folders of unknown size")
		}
		list = append(list, e.Title+": "+strings.Join(parts, "; "))
	}
	return list
}
