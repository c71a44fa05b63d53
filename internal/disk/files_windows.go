package disk

import (
	"os"

	"golang.org/x/sys/windows"
)

// An open file cannot be removed: it is opened again as one that Windows removes when it is closed.
func unnamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "outflow-*")
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	again, err := os.OpenFile(f.Name(), os.O_RDWR|windows.O_FILE_FLAG_DELETE_ON_CLOSE, 0o600)
	if err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return again, nil
}

// Locks keep others from reading and writing what they cover: one byte far beyond the end.
func tryLock(f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}

// Who may write is up to access control lists: it is not known before.
func writable(string) error { return nil }

func room(path string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &free, &total, nil)
	return free, total, err
}

func owner(os.FileInfo) (uid int, known bool) { return 0, false }
