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
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/secret"
)

// OpenFeed opens feed.db, with the key of its audit log of accesses. Close it.
func OpenFeed(ctx context.Context, dir string) (*feed.Store, error) {
	key, err := RandomKey(filepath.Join(dir, "access.key"))
	if err != nil {
		return nil, fmt.Errorf("audit log of accesses: %w", err)
	}
	return feed.Open(ctx, filepath.Join(dir, "feed.db"), key)
}

// Organisation is who belongs to the organisation, beside its configuration. Both fields may be nil.
type Organisation struct {
	Common func(domain string) bool // reports mail domains
	People func() *people.Matcher   // finds the people whom texts name
}

// OpenMask is the mask of a purpose. The key of all pseudonyms lies in the data
// directory; without it no one can resolve them. The organisation's domains are those that are
// configured, and those that org reports.
func OpenMask(dir string, conf *config.Config, purpose string, org Organisation) (*alert.Mask, error) {
	key, err := RandomKey(filepath.Join(dir, "pseudonyms.key"))
	if err != nil {
		return nil, fmt.Errorf("pseudonyms: %w", err)
	}
	var own []string
	for _, d := range conf.Domains {
		own = append(own, strings.ToLower(strings.TrimPrefix(d, "@")))
	}
	mask := alert.NewMask(key, purpose, func(domain string) bool {
		return slices.Contains(own, domain) || org.Common != nil && org.Common(domain)
	})
	if org.People != nil {
		mask = mask.Knowing(org.People)
	}
	return mask, nil
}

// FindAlert returns the alert whose id begins with a text: the id within Outflow, as scans and files have it, or that which
// readers of a purpose see in the feed and in messages.
func FindAlert(ctx context.Context, s *alert.Store, dir, text string) (*alert.Alert, error) {
	a, err := s.Find(ctx, text)
	key, kerr := ReadKey(filepath.Join(dir, "pseudonyms.key"))
	text = strings.ToLower(text)
	if err == nil || kerr != nil || len(text) < 4 {
		return a, err
	}
	all, uerr := s.UsersOf(ctx)
	if uerr != nil {
		return nil, uerr
	}
	found := ""
	for _, purpose := range []feed.Role{feed.SOC, feed.HR} {
		mask := alert.NewMask(key, string(purpose), nil)
		for id := range all {
			if strings.HasPrefix(mask.ID(id), text) {
				if found != "" && found != id {
					return nil, fmt.Errorf("%q begins the ids of several alerts: use more characters", text)
				}
				found = id
			}
		}
	}
	if found == "" {
		return nil, err
	}
	return s.Find(ctx, found)
}

// ShownID is the id of an alert as analysts see it, which the audit log has.
func ShownID(dir, id string) (string, error) {
	key, err := RandomKey(filepath.Join(dir, "pseudonyms.key"))
	if err != nil {
		return "", fmt.Errorf("pseudonyms: %w", err)
	}
	return alert.NewMask(key, string(feed.SOC), nil).ID(id), nil
}

// ReadKey reads a key of 32 bytes. One that others can read or change is an error.
func ReadKey(path string) ([]byte, error) {
	if err := secret.Private(path); err != nil {
		return nil, err
	}
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

// ChannelMask is what a channel's readers may see of an alert; nil for everything. Alerts have the ids of the channel's
// purpose, also with names, so that links lead to them; those in files are for programs of this machine.
func ChannelMask(
	dir string, conf *config.Config, c *config.Channel, org Organisation,
) (func(*alert.Alert) alert.Alert, error) {
	if c.People == "names" && c.Kind == "file" {
		return nil, nil
	}
	m, err := OpenMask(dir, conf, c.Purpose, org)
	if err != nil {
		return nil, err
	}
	if c.People == "names" {
		return m.Keyed, nil
	}
	return m.Alert, nil
}
