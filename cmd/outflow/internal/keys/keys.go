// Package keys reads and makes the keys that lie in a data directory, and opens what needs
// them: pseudonyms, and the feed with its audit log.
package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/outfile"
)

// OpenFeed opens feed.db, with the key of its audit log of accesses. Close it.
func OpenFeed(ctx context.Context, dir string) (*feed.Store, error) {
	key, err := RandomKey(filepath.Join(dir, "access.key"))
	if err != nil {
		return nil, fmt.Errorf("audit log of accesses: %w", err)
	}
	return feed.Open(ctx, filepath.Join(dir, "feed.db"), key)
}

// OpenMask is the mask of a purpose. The key of all pseudonyms lies in the data
// directory; without it no one can resolve them. The organisation's domains are those that are
// configured, and those that common reports; it may be nil.
func OpenMask(dir string, conf *config.Config, purpose string, common func(domain string) bool) (*alert.Mask, error) {
	key, err := RandomKey(filepath.Join(dir, "pseudonyms.key"))
	if err != nil {
		return nil, fmt.Errorf("pseudonyms: %w", err)
	}
	var own []string
	for _, d := range conf.Domains {
		own = append(own, strings.ToLower(strings.TrimPrefix(d, "@")))
	}
	return alert.NewMask(key, purpose, func(domain string) bool {
		return slices.Contains(own, domain) || common != nil && common(domain)
	}), nil
}

// ReadKey reads a key of 32 bytes.
func ReadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != 32 {
		return nil, fmt.Errorf("%s is damaged", path)
	}
	return key, err
}

// RandomKey reads a key of 32 bytes, or makes it.
func RandomKey(path string) ([]byte, error) {
	key, err := ReadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	err = outfile.Write(path, key, 0o600, false)
	if _, there := os.Stat(path); err != nil && there == nil { // another process was faster
		return RandomKey(path)
	}
	return key, err
}

// ChannelMask is what a channel's readers may see of an alert; nil for everything.
func ChannelMask(
	dir string, conf *config.Config, c *config.Channel, common func(domain string) bool,
) (func(*alert.Alert) alert.Alert, error) {
	if c.People == "names" {
		return nil, nil
	}
	m, err := OpenMask(dir, conf, c.Purpose, common)
	if err != nil {
		return nil, err
	}
	return m.Alert, nil
}
