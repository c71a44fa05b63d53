// Package disk has what differs between operating systems: the free space of a file system, files without a name, locks, and
// who may use a file.
package disk

import (
	"fmt"
	"os"
)

// Free returns how many bytes this process may still write to the file system of a path, and
// its size in bytes. On systems where that is unknown the error is errors.ErrUnsupported.
func Free(path string) (free, total uint64, err error) { return room(path) }

// Unnamed makes a temporary file in a folder ("" is the one of the system) that disappears when it is closed, or when the
// process ends.
func Unnamed(dir string) (*os.File, error) { return unnamed(dir) }

// TryLock locks an open file until it is closed, and returns an error at once if another process has locked it. Any number
// of processes can have a lock that is not exclusive. The content of the file can be read and written all the same.
func TryLock(f *os.File, exclusive bool) error { return tryLock(f, exclusive) }

// Owner returns the id of the user whom a file belongs to; known is false on systems where a file has no such id, and its
// permission bits do not say who may use it.
func Owner(info os.FileInfo) (uid int, known bool) { return owner(info) }

// Writable returns an error for a file or a folder that is not there, or that this user cannot write.
func Writable(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if err := writable(path); err != nil {
		return fmt.Errorf("%s cannot be written by this user: %w", path, err)
	}
	return nil
}
