package ingest

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Listing is what is to be fetched piece by piece, of what a vendor lists again and
// again, and what lately was: the part of a cursor for sources that list and fetch.
type Listing struct {
	Todo []Item           `json:"todo,omitempty"`
	Done map[string]int64 `json:"done,omitempty"` // hash of an item → its At
}

// Item is a piece that a vendor lists.
type Item struct {
	ID  string `json:"id"`
	Ref string `json:"ref,omitempty"` // how it is fetched, if not by its ID
	At  int64  `json:"at"`            // when it became available, Unix milliseconds
}

func (i *Item) key() string { return strconv.FormatUint(xxhash.Sum64String(i.ID), 36) }

// Offer adds what is neither done nor waiting, in the order in which it became
// available.
func (l *Listing) Offer(items ...Item) {
	waiting := map[string]bool{}
	for i := range l.Todo {
		waiting[l.Todo[i].ID] = true
	}
	for _, i := range items {
		if _, done := l.Done[i.key()]; !done && !waiting[i.ID] {
			waiting[i.ID] = true
			l.Todo = append(l.Todo, i)
		}
	}
	slices.SortFunc(l.Todo, func(a, b Item) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
}

// Take takes up to n items off the list, as done.
func (l *Listing) Take(n int) []Item {
	n = min(n, len(l.Todo))
	items := slices.Clone(l.Todo[:n])
	l.Todo = slices.Clone(l.Todo[n:])
	if l.Done == nil {
		l.Done = map[string]int64{}
	}
	for i := range items {
		l.Done[items[i].key()] = items[i].At
	}
	return items
}

// Forget drops what was done and became available before a time: the vendor does not
// list it any more, or nobody asks.
func (l *Listing) Forget(before int64) {
	for k, at := range l.Done {
		if at < before {
			delete(l.Done, k)
		}
	}
}
