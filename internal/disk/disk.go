// Package disk says how much room a file system has.
package disk

// Free returns how many bytes of the file system that holds a path this process may still
// write, and how many it has in all. The error is that of the system, or says that this
// system cannot be asked.
func Free(path string) (free, total uint64, err error) { return room(path) }
