// Package file appends alerts to a file, as lines of NDJSON.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/outflow/outflow/alert"
)

// Channel appends to a file. It compares the file with what it was about to write, so that
// every notification is in it exactly once, whatever is interrupted.
type Channel struct {
	Name string                           // in the configuration
	Path string                           // of the file, which is created if it does not exist
	Mask func(a *alert.Alert) alert.Alert // what its readers may see of an alert; nil for all
	// Observe is called after an alert was written. It may be nil.
	Observe func(a *alert.Alert, err error)
	// Between is called by name between two durable effects. It is for tests and may be nil.
	Between func(name string)
}

// between calls Between if it is set.
func (c *Channel) between(name string) {
	if c.Between != nil {
		c.Between(name)
	}
}

// Deliver appends up to 1,000 notifications that are queued, and returns how many it wrote.
// After an error the rest stays queued.
func (c *Channel) Deliver(ctx context.Context, store *alert.Store) (sent int, err error) {
	list, err := store.Queued(ctx, c.Name, 1000)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	f, err := os.OpenFile(c.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, s := range list {
		end, err := f.Seek(0, 2)
		if err != nil {
			return sent, fmt.Errorf("channel %s: %w", c.Name, err)
		}
		if s.Place >= 0 && s.Place <= end { // an earlier process was interrupted while it wrote this line
			if err := f.Truncate(s.Place); err != nil {
				return sent, fmt.Errorf("channel %s: %w", c.Name, err)
			}
			end = s.Place
		}

		if err := store.MarkStarted(ctx, s.Seq, end); err != nil {
			return sent, err
		}
		c.between("begun")
		if c.Mask != nil {
			s.Alert = c.Mask(&s.Alert)
		}

		line, err := alert.Line(&s.Alert)
		if err != nil {
			return sent, err
		}
		if _, err := f.WriteAt(line, end); err != nil {
			return sent, fmt.Errorf("channel %s: %w", c.Name, err)
		}

		if err := f.Sync(); err != nil {
			return sent, fmt.Errorf("channel %s: %w", c.Name, err)
		}
		c.between("written")
		if err := store.MarkSent(ctx, s.Seq); err != nil {
			return sent, err
		}
		if c.Observe != nil {
			c.Observe(&s.Alert, nil)
		}

		sent++
	}

	return sent, nil
}
