package secret

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/outflow/outflow/internal/disk"
)

// Trusted returns an error if anybody but its owner, who is this user or root, can change a file or replace it: the file and
// its folder are writable by no one else, unless the folder lets only owners replace files, as /tmp does.
func Trusted(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if err := owned(path, 0o022, "g-w,o-w"); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err == nil && info.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	return owned(dir, 0o022, "g-w,o-w")
}

// Private returns an error if anybody but its owner, who is this user or root, can read or change a file or a folder.
func Private(path string) error { return owned(path, 0o077, "go=") }

// owned returns an error if a file has one of some permissions, or another owner.
func owned(path string, without fs.FileMode, change string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	uid, known := disk.Owner(info)
	if !known { // Windows: access control lists decide, and a file inherits those of its folder
		return nil
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (%d)", path, uid)
	}
	if mode := info.Mode().Perm(); mode&without != 0 {
		return fmt.Errorf("%s is open to others (mode %04o): run chmod %s on it", path, mode, change)
	}
	return nil
}

// trustedProgram returns an error if others can change or replace a program.
func trustedProgram(name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	return Trusted(path)
}
