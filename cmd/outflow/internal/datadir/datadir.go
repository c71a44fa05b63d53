// Package datadir knows what lies in a data directory, and locks one for the process that
// writes it.
package datadir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
)

// StateFiles are the files below a data directory that hold state, in the order in
// which they are copied: results before what they rest on, so that a copy taken while the
// daemon runs repeats work rather than skipping it.
var StateFiles = []string{"alerts.db", "feed.db", "detect-0.db", "cursors.db", "sources.db", "log.db"}

// KeyFiles are the keys beside them. Without them people get other pseudonyms, the audit
// log of accesses cannot be verified, and reports are signed by an unknown key.
var KeyFiles = []string{"pseudonyms.key", "access.key", "report.key"}

// Make makes a data directory unless it is there. One that others can enter is an error unless it may be shared; an empty
// one of this user is closed to others instead. The error goes after the name of the setting.
func Make(dir string, shared bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf(": %w", err)
	}
	if shared {
		return nil
	}
	if empty(dir) && os.Chmod(dir, 0o700) == nil {
		return nil
	}
	return private(dir)
}

// Look returns the error that Make would have, and makes nothing.
func Look(dir string, shared bool) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if parent := filepath.Dir(dir); parent != dir {
			return Look(parent, true)
		}
		return nil
	case err != nil:
		return fmt.Errorf(": %w", err)
	case !info.IsDir():
		return fmt.Errorf(": %s is no folder", dir)
	case disk.Writable(dir) != nil:
		return fmt.Errorf(": %w", disk.Writable(dir))
	case shared || empty(dir):
		return nil
	}
	return private(dir)
}

// empty reports whether a folder has nothing in it.
func empty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && len(list) == 0
}

// private returns an error for a data directory that others can enter.
func private(dir string) error {
	if err := secret.Private(dir); err != nil {
		return fmt.Errorf(": %w, or set data_dir_shared", err)
	}
	return nil
}

// Lock takes a data directory for this process, which writes it, until the file is
// closed. The error goes after the name of the setting, and says who has it. Who only
// reads needs no lock.
func Lock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	for tries := 0; tries < 5; tries++ { // Held takes it for a moment
		if err = disk.TryLock(lock, true); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		defer lock.Close()
		return nil, fmt.Errorf(" %s: in use by %s", dir, holder(lock))
	}
	err = lock.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(lock, "%d %s\n", os.Getpid(), strings.Join(os.Args[1:min(len(os.Args), 2)], ""))
	}
	if err == nil {
		err = sweep(dir)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf(": %w", err)
	}
	return lock, nil
}

// Held reports whether a process has taken a data directory. Known is false if that cannot be found
// out: there is no lock file, or this user may not read it.
func Held(dir string) (held, known bool) {
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false, false
	}
	defer lock.Close()
	return disk.TryLock(lock, false) != nil, true
}

// holder says which process has taken a data directory, as its lock file says.
func holder(lock io.Reader) string {
	b, err := io.ReadAll(io.LimitReader(lock, 200))
	pid, command, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	if _, bad := strconv.Atoi(pid); err != nil || bad != nil {
		return "another process"
	}
	if command == "" {
		return "process " + pid
	}
	return fmt.Sprintf("process %s (outflow %s)", pid, plain.Escape(command))
}

// temporaries are files and folders of a data directory that last as long as a step of the
// process that has it. They are left behind if it is killed.
var temporaries = regexp.MustCompile(`^(\.(snapshot|shards|erase|bases)-[0-9]+|detect-0\.db\.fetched|status\.json\.new)$`)

// sweep removes what a process that was killed has left behind: it may hold personal data.
func sweep(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if temporaries.MatchString(e.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// OpenAlerts opens the alerts of a data directory, which a daemon or a scan may be writing,
// to read them.
func OpenAlerts(ctx context.Context, dir string) (*alert.Store, error) {
	s, err := alert.OpenStoreReadOnly(ctx, filepath.Join(dir, "alerts.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--data %s: there are no alerts", dir)
	}
	return s, err
}
