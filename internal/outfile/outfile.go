// Package outfile writes the output files of commands: whole or not at all, and never over one
// of their inputs.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/outflow/outflow/internal/plain"
)

// File is an output file. It appears under its name whole or not at all: until Commit its
// content is in a temporary file beside it.
type File struct {
	*os.File
	Path    string // the final path; "" if it is written in place
	replace bool
	there   bool // whether there was a file before
}

// Create begins a file with permissions. An existing file is an error unless it may be
// replaced. What is not a regular file, such as /dev/stdout or a pipe, is written in place. The
// caller calls Commit, and Discard in any case.
func Create(path string, perm fs.FileMode, replace bool) (*File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil { // replace the file, not a link to it
		path = real
	}
	there := true
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		there = false
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &File{File: f}, nil
	case !replace:
		return nil, existsError(path)
	}

	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	o := &File{f, path, replace, there}
	if err := f.Chmod(perm); err != nil {
		o.Discard()
		return nil, err
	}

	return o, nil
}

// existsError is the error for a file that must not be replaced.
func existsError(path string) error {
	return fmt.Errorf("%s exists: use --force to replace it", path)
}

// CreateResult begins a file for the results of a scan. It replaces an existing file, unless
// that is below one of the inputs.
func CreateResult(path string, inputs []string) (*File, error) {
	o, err := Create(path, 0o600, true)
	if err != nil || !o.there {
		return o, err
	}
	for _, in := range inputs {
		if in, err = filepath.EvalSymlinks(in); err != nil {
			continue // the scan reports it
		}
		if isBelow(o.Path, in) {
			o.Discard()
			return nil, fmt.Errorf("%s is one of the files that are read, and would be replaced", path)
		}
	}
	return o, nil
}

// isBelow reports whether a path is that of a folder, or below it.
func isBelow(path, folder string) bool {
	a, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	b, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(b, a)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Note writes a line if an existing file was replaced.
func (o *File) Note(w io.Writer) {
	if o.there {
		fmt.Fprintf(w, "%s existed and was replaced\n", plain.Escape(o.Path))
	}
}

// Commit gives the file its name, once its content is on disk.
func (o *File) Commit() error {
	if o.Path == "" {
		return o.Close()
	}
	if err := o.Sync(); err != nil {
		return err
	}
	if err := o.Close(); err != nil {
		return err
	}
	if err := o.place(); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(o.Path))
}

// place renames the temporary file.
func (o *File) place() error {
	if o.replace {
		return os.Rename(o.Name(), o.Path)
	}
	err := os.Link(o.Name(), o.Path) // fails if the file was created meanwhile
	if errors.Is(err, fs.ErrExist) {
		return existsError(o.Path)
	}
	if err == nil {
		return os.Remove(o.Name())
	}
	// File systems without links.
	if _, err := os.Lstat(o.Path); err == nil {
		return existsError(o.Path)
	}
	return os.Rename(o.Name(), o.Path)
}

// Discard removes a file that was not committed. After Commit it does nothing.
func (o *File) Discard() {
	o.Close()
	if o.Path != "" {
		os.Remove(o.Name())
	}
}

// Exists reports whether a path exists.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// SyncDir makes the names in a folder survive a power cut. Windows writes them itself and does not sync folders.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Write writes a whole file with permissions. Replace is as in Create.
func Write(path string, content []byte, perm fs.FileMode, replace bool) error {
	o, err := Create(path, perm, replace)
	if err != nil {
		return err
	}
	defer o.Discard()
	if _, err := o.Write(content); err != nil {
		return err
	}
	return o.Commit()
}
