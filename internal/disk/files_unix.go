//go:build !windows

package disk

import (
	"os"
	"syscall"
)

func unnamed(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "outflow-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func tryLock(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
}

func writable(path string) error { return syscall.Access(path, 2) } // W_OK

func owner(info os.FileInfo) (uid int, known bool) {
	s, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(s.Uid), true
}
