// Package demo plays exports in time-lapse: the files of one day after the other appear in a folder.
package demo

import (
	"cmp"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// Day are the files of one day.
type Day struct {
	Date  string   // such as 2026-03-31; "" for files of no day
	Files []string // paths in the file system
}

var dated = regexp.MustCompile(`(\d{4})[-/](\d\d)[-/](\d\d)`)

// Days returns the files of a file system by the day in their paths, in order; files of no day come first.
func Days(files fs.FS) ([]Day, error) {
	byDate := map[string]*Day{}
	var days []*Day
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		date := ""
		if m := dated.FindStringSubmatch(path); m != nil {
			date = m[1] + "-" + m[2] + "-" + m[3]
		}
		if byDate[date] == nil {
			byDate[date] = &Day{Date: date}
			days = append(days, byDate[date])
		}
		byDate[date].Files = append(byDate[date].Files, path)
		return nil
	})
	slices.SortFunc(days, func(a, b *Day) int { return cmp.Compare(a.Date, b.Date) })
	out := make([]Day, len(days))
	for i, d := range days {
		out[i] = *d
	}
	return out, err
}

// Put has the files of a day appear in a folder, each as a whole, by way of another folder of the same disk.
func (d *Day) Put(files fs.FS, by, dir string) error {
	for _, path := range d.Files {
		if err := put(files, path, filepath.Join(by, "file"), filepath.Join(dir, filepath.FromSlash(path))); err != nil {
			return err
		}
	}
	return nil
}

// put copies a file to a place where nobody looks, and moves it from there. It is an old one: a file that was just written to
// would be left for a moment.
func put(files fs.FS, path, first, last string) error {
	in, err := files.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(last), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(first, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(first, old, old); err != nil {
		return err
	}
	return os.Rename(first, last)
}
