// Package disk returns the free space of a file system.
package disk

// Free returns how many bytes this process may still write to the file system of a path, and
// its size in bytes. On systems where that is unknown the error is errors.ErrUnsupported.
func Free(path string) (free, total uint64, err error) { return room(path) }
