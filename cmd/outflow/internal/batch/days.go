package batch

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

const (
	daysMemory = 4 << 20 // bytes of days that stay in memory; more goes to a temporary file
	daysAtOnce = 256     // that are written, and read, together
)

// keptDays are what people did on their days, until it is stored. An organisation of 10,000 people has that many every day.
type keptDays struct {
	file  *spill.File
	fresh []finding.Activity
	parts []spill.Ref // JSON arrays
}

func newKeptDays(dir string) *keptDays { return &keptDays{file: spill.New(daysMemory, dir)} }

// add takes in a day.
func (k *keptDays) add(a *finding.Activity) error {
	if k.fresh = append(k.fresh, *a); len(k.fresh) < daysAtOnce {
		return nil
	}
	b, err := json.Marshal(k.fresh)
	if err != nil {
		return err
	}
	part, err := k.file.Put(b)
	if err != nil {
		return fmt.Errorf("keep the days of people: %w", err)
	}
	clear(k.fresh)
	k.parts, k.fresh = append(k.parts, part), k.fresh[:0]
	return nil
}

// all lists the days in the order in which they came, some at a time.
func (k *keptDays) all() iter.Seq2[[]finding.Activity, error] {
	return func(yield func([]finding.Activity, error) bool) {
		for _, part := range k.parts {
			var list []finding.Activity
			b, err := part.Get(nil)
			if err == nil {
				err = json.Unmarshal(b, &list)
			}
			if !yield(list, err) || err != nil {
				return
			}
		}
		yield(k.fresh, nil)
	}
}
