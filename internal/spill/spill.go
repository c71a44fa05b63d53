// Package spill stores byte strings that are read rarely: a bounded amount in memory, the rest
// in an unnamed temporary file, which disappears with the process, however it ends. There is no
// delete: the space of strings to which no reference is left is used again.
package spill

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/outflow/outflow/internal/disk"
)

// File stores byte strings. It is safe for concurrent use. Make one with New.
type File struct {
	memory int64 // most bytes of full pages in memory
	dir    string

	mu   sync.Mutex
	open *page // the page that Put appends to
	file *os.File
	room *room
}

// room is the space that pages take. Cleanups of the garbage collector use it, and need not
// keep the File alive.
type room struct {
	mu   sync.Mutex
	held int64   // bytes in memory
	end  int64   // length of the file
	free []int64 // unused places in the file
}

// PageSize is about how many bytes of strings are freed together.
const PageSize = 4 * place

// place is the unit of space in the file.
const place = 128 << 10 // what the file is divided into

// page is a number of strings that are stored, and freed, together.
type page struct {
	mu     sync.Mutex
	data   []byte // nil once the page is in the file
	places []int64
	file   *os.File
}

// Ref is a reference to a string. The zero Ref refers to the empty string.
type Ref struct {
	page *page
	off  uint32
	size uint32
}

// Len returns the length of the string in bytes.
func (r Ref) Len() int { return int(r.size) }

// Page identifies the page of a string: strings of one page are freed together.
func (r Ref) Page() any { return r.page }

// New returns a File that holds up to memory bytes in memory, and the rest in a temporary file
// in dir ("" for the system's temporary folder).
func New(memory int64, dir string) *File {
	return &File{memory: memory, dir: dir, room: &room{}}
}

// Close closes the temporary file. References must not be used any more.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = nil
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Put stores a copy of a string of at most 4 GiB. The error is that of the temporary file.
func (f *File) Put(b []byte) (Ref, error) {
	if len(b) == 0 {
		return Ref{}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open != nil && len(f.open.data)+len(b) > PageSize {
		if err := f.shut(f.open); err != nil {
			return Ref{}, err
		}
		f.open = nil
	}
	p := f.open
	if p == nil {
		p = &page{data: make([]byte, 0, max(PageSize, len(b)))}
		if len(b) < PageSize {
			f.open = p
		}
	}
	r := Ref{p, uint32(len(p.data)), uint32(len(b))}
	p.mu.Lock()
	p.data = append(p.data, b...)
	p.mu.Unlock()
	if p != f.open {
		return r, f.shut(p)
	}
	return r, nil
}

// shut moves a full page to the file, unless there is space in memory.
func (f *File) shut(p *page) error {
	size := int64(cap(p.data))
	if f.room.hold(size, f.memory) {
		runtime.AddCleanup(p, func(r *room) { r.drop(size) }, f.room)
		return nil
	}
	if f.file == nil {
		file, err := disk.Unnamed(f.dir)
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		f.file = file
	}
	places := f.room.take((len(p.data) + place - 1) / place)
	for i, at := range places {
		if _, err := f.file.WriteAt(p.data[i*place:min((i+1)*place, len(p.data))], at); err != nil {
			f.room.give(places)
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	runtime.AddCleanup(p, func(r *room) { r.give(places) }, f.room)
	p.mu.Lock()
	p.places, p.file, p.data = places, f.file, nil
	p.mu.Unlock()
	return nil
}

// Get appends the string to buf. The error is that of the temporary file.
func (r Ref) Get(buf []byte) ([]byte, error) {
	if r.size == 0 {
		return buf, nil
	}
	r.page.mu.Lock()
	data := r.page.data
	r.page.mu.Unlock()
	if data != nil {
		return append(buf, data[r.off:r.off+r.size]...), nil
	}
	from, off := len(buf), int(r.off)
	buf = slices.Grow(buf, int(r.size))[:from+int(r.size)]
	for left := buf[from:]; len(left) > 0; {
		n := min(place-off%place, len(left))
		if _, err := r.page.file.ReadAt(left[:n], r.page.places[off/place]+int64(off%place)); err != nil {
			return nil, fmt.Errorf("temporary file: %w", err)
		}
		left, off = left[n:], off+n
	}
	return buf, nil
}

// Size returns how many bytes are stored in memory and in the file. It includes strings without
// references that the garbage collector has not found yet.
func (f *File) Size() (memory, file int64) {
	f.room.mu.Lock()
	defer f.room.mu.Unlock()
	return f.room.held, f.room.end - int64(len(f.room.free))*place
}

// hold reserves memory for a page, and reports whether there was enough below a limit.
func (r *room) hold(size, limit int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held+size > limit {
		return false
	}
	r.held += size
	return true
}

// drop frees the memory of a page.
func (r *room) drop(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= size
}

// take reserves n places in the file.
func (r *room) take(n int) []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := min(n, len(r.free))
	list := slices.Clone(r.free[len(r.free)-again:])
	r.free = r.free[:len(r.free)-again]
	for len(list) < n {
		list = append(list, r.end)
		r.end += place
	}
	return list
}

// give frees places in the file.
func (r *room) give(places []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, places...)
}
