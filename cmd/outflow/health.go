package main

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// condition is something that keeps the daemon from doing all of its job.
type condition struct {
	Kind   string    `json:"kind"` // source, channel, disk, folder, judge, panic …
	Name   string    `json:"name,omitempty"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// health is what is wrong with the parts of a daemon that say so themselves. The zero value
// is ready to use.
type health struct {
	mu   sync.Mutex
	list map[[2]string]condition
}

// set says that a part does not do its job, and why. It has not since the first call
// without a clear in between.
func (h *health) set(kind, name, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.list == nil {
		h.list = map[[2]string]condition{}
	}
	key := [2]string{kind, name}
	c, known := h.list[key]
	if !known {
		c = condition{Kind: kind, Name: name, Since: time.Now().UTC()}
	}
	c.Reason = reason
	h.list[key] = c
}

// clear says that a part does its job.
func (h *health) clear(kind, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.list, [2]string{kind, name})
}

// conditions lists what is wrong, by kind and name.
func (h *health) conditions() []condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []condition
	for _, c := range h.list {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b condition) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return list
}
