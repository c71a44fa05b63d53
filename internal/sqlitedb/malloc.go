//go:build linux && cgo

package sqlitedb

/*
#include <malloc.h>

static void save_memory(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}
*/
import "C"

// Go calls SQLite on many threads, and a file is used by one at a time. Without this, glibc keeps what each thread
// has freed, up to 15 MB a thread, and blobs of megabytes among it.
func init() { C.save_memory() }
