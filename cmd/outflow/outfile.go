package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// outFile is a file that a command was told to write. It is under its name whole, or not
// at all: what is written goes to a temporary file beside it until commit.
type outFile struct {
	*os.File
	path    string // where it will be; "" if it is written in place
	replace bool
	there   bool // whether there was a file before
}

// createOut begins a file with permissions. One that exists is an error unless it may be
// replaced; what is no regular file, such as /dev/stdout or a pipe, is written in place.
// The caller calls commit, and discard in any case.
func createOut(path string, perm fs.FileMode, replace bool) (*outFile, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil { // the file, not the link to it
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
		return &outFile{File: f}, nil
	case !replace:
		return nil, existsError(path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	o := &outFile{f, path, replace, there}
	if err := f.Chmod(perm); err != nil {
		o.discard()
		return nil, err
	}
	return o, nil
}

func existsError(path string) error {
	return fmt.Errorf("%s exists: --force replaces it", path)
}

// createResult begins a file of what a scan finds. It takes the place of one of before,
// but not of anything below the paths that are read.
func createResult(path string, inputs []string) (*outFile, error) {
	o, err := createOut(path, 0o644, true)
	if err != nil || !o.there {
		return o, err
	}
	for _, in := range inputs {
		if in, err = filepath.EvalSymlinks(in); err != nil {
			continue // the scan says so
		}
		if below(o.path, in) {
			o.discard()
			return nil, fmt.Errorf("%s is among the files that are read: it would be replaced", path)
		}
	}
	return o, nil
}

// below says whether a path is that of a folder, or of something in it.
func below(path, folder string) bool {
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

// note says that a file of before was replaced.
func (o *outFile) note(w io.Writer) {
	if o.there {
		fmt.Fprintf(w, "%s was there, and was replaced\n", escaped(o.path))
	}
}

// commit puts the file under its name, once all of it is on disk.
func (o *outFile) commit() error {
	if o.path == "" {
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
	return syncDir(filepath.Dir(o.path))
}

// place gives the file its name.
func (o *outFile) place() error {
	if o.replace {
		return os.Rename(o.Name(), o.path)
	}
	err := os.Link(o.Name(), o.path) // fails if somebody has made one meanwhile
	if errors.Is(err, fs.ErrExist) {
		return existsError(o.path)
	}
	if err == nil {
		return os.Remove(o.Name())
	}
	// File systems without links.
	if _, err := os.Lstat(o.path); err == nil {
		return existsError(o.path)
	}
	return os.Rename(o.Name(), o.path)
}

// discard takes away what was not committed.
func (o *outFile) discard() {
	o.Close()
	if o.path != "" {
		os.Remove(o.Name())
	}
}

// exists says whether there is something under a path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// syncDir makes names of a folder survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeOut writes a whole file with permissions, as createOut says.
func writeOut(path string, content []byte, perm fs.FileMode, replace bool) error {
	o, err := createOut(path, perm, replace)
	if err != nil {
		return err
	}
	defer o.discard()
	if _, err := o.Write(content); err != nil {
		return err
	}
	return o.commit()
}
