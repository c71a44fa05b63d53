package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/outflow/outflow/detect/engine"
)

// Committed is a committed checkpoint: what a store keeps beside the baselines of a generation.
// What lies before it does not change any more; a processor that starts goes on from there.
type Committed struct {
	Position
	Aliases []byte // the alias graph of entity resolution, see identity.Resolver.Snapshot
	Desk    []byte // alerts that may still change, see alert.Desk.Marshal
	Staff   []byte // the records of HR, framed as by event.AppendFramed
}

// Position is how far a processor had come at a checkpoint. Times are Unix milliseconds.
type Position struct {
	At   int64   // time of the checkpoint
	Low  []int64 // by partition: the offset from which the event log is to be read again; unread if another task does
	Next []int64 // by partition: the offset up to which it had been read; likewise

	Used  map[int64][]uint64 `json:",omitempty"` // by hour and task: hashes of the deltas that were used
	Hours int64              `json:",omitempty"` // the offset from which the deltas of other workers are to be read again

	Counts [][]Account      `json:",omitempty"` // by partition: what became of the records before Next
	Missed [][]storedMissed `json:",omitempty"` // by partition: which of them came too late
	Floor  int64            `json:",omitempty"` // what happened before is not published, and what was published about it stays

	Generation int64 `json:"-"` // in the store
}

// unread stands for the offset of a partition that was not read.
const unread = -1

// lower returns the lower one of two offsets, or the one that is known.
func lower(a, b int64) int64 {
	if a == unread || b == unread {
		return max(a, b)
	}
	return min(a, b)
}

// The keys under which a store keeps the parts of a committed checkpoint.
const (
	positionKey = "progress"
	aliasesKey  = "aliases"
	deskKey     = "desk"
	staffKey    = "staff"
)

// Save writes the checkpoint and its baselines to a store as a generation, in one transaction. Of the
// other generations those in keep stay. It is engine.Store.SaveWith otherwise.
func (c *Committed) Save(ctx context.Context, store *engine.Store, generation int64, keep []int64, baseline *engine.Snapshot) error {
	position, err := json.Marshal(&c.Position)
	if err != nil {
		return fmt.Errorf("checkpoint: encode position: %w", err)
	}
	return store.SaveWith(ctx, generation, keep, baseline, map[string][]byte{
		positionKey: position, aliasesKey: c.Aliases, deskKey: c.Desk, staffKey: c.Staff,
	})
}

// LatestCommitted reads the newest committed checkpoint of a store; nil if there is none.
func LatestCommitted(ctx context.Context, store *engine.Store) (*Committed, error) {
	generations, err := store.Generations(ctx)
	if err != nil || len(generations) == 0 {
		return nil, err
	}
	return ReadCommitted(ctx, store, generations[len(generations)-1])
}

// ReadCommitted reads the committed checkpoint of a generation; nil if there is none.
func ReadCommitted(ctx context.Context, store *engine.Store, generation int64) (*Committed, error) {
	kept, err := store.Beside(ctx, generation)
	if err != nil || kept == nil {
		return nil, err
	}
	c := &Committed{Aliases: kept[aliasesKey], Desk: kept[deskKey], Staff: kept[staffKey]}
	if err := json.Unmarshal(kept[positionKey], &c.Position); err != nil {
		return nil, fmt.Errorf("checkpoint: decode position: %w", err)
	}
	c.Generation = generation
	return c, nil
}
