// Package files reads exported audit logs from files and folders. It recognises each file
// by its content, never by its name, unpacks it, finds its records and decodes them. It
// keeps no state.
package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/guard"
)

// File is a file to read.
type File struct {
	Path    string   // cleaned, below one of the paths given to Find
	Size    int64    // in bytes, as stored
	Roots   []string // the paths given to Find at or below which the file is, as given
	Content []byte   // as stored, if the caller has read it; nil otherwise
}

// Find returns the regular files at and below the given paths, sorted by path, each once.
// Symbolic links to files are followed. Links to directories are not; they are returned as
// unreadable, as is everything else that cannot be read.
func Find(paths []string) (files []File, unreadable []Report) {
	seen := map[string]bool{}
	at := map[string]int{} // index in files
	given := ""
	add := func(path string, info fs.FileInfo, err error) {
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(path); err == nil && info.IsDir() {
				err = errors.New("a symbolic link to a directory: not followed")
			}
		}

		switch {
		case seen[path]:
			if i, is := at[path]; is && !slices.Contains(files[i].Roots, given) {
				files[i].Roots = append(files[i].Roots, given)
			}
		case err != nil:
			unreadable = append(unreadable, Report{
				Path:   path,
				Roots:  []string{given},
				Reason: err.Error(),
				Failed: true,
			})
		case info.Mode().IsRegular():
			at[path] = len(files)
			files = append(files, File{Path: path, Size: info.Size(), Roots: []string{given}})
		case !info.IsDir():
			unreadable = append(unreadable, Report{Path: path, Roots: []string{given}, Reason: "not a regular file"})
		}

		seen[path] = true
	}

	for _, given = range paths {
		root := filepath.Clean(given)
		if st, err := os.Stat(root); err != nil || !st.IsDir() {
			info, lerr := os.Lstat(root)
			add(root, info, unwrapPath(cmp.Or(err, lerr)))
			continue
		}

		if resolved, err := filepath.EvalSymlinks(root); err == nil {
			if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				root = resolved
			}
		}

		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				add(path, nil, unwrapPath(err))
				return nil
			}
			if !d.IsDir() {
				info, err := d.Info()
				add(path, info, unwrapPath(err))
			}
			return nil
		})
	}

	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	return files, unreadable
}

// unwrapPath removes the path from an error. The report names it already.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Report is the result of reading one file.
type Report struct {
	Path      string         // as in File, or the name given to Stream
	Size      int64          // in bytes, as stored
	Roots     []string       // as in File
	Formats   map[string]int // decoded records by name of format or table
	Undecoded map[string]int // malformed records by name of format or table, where it is known
	Envelopes map[string]int // decoded records that were in something else, by its name (docs/sources.md); nil if none were
	Records   int            // decoded records
	// Ambiguous counts, by format, the decoded records in which a key occurs twice with different
	// values, which is therefore unknown; nil if there are none. Twins counts them by key: at most 100,
	// and "…" for all others.
	Ambiguous, Twins map[string]int
	Unknown          int       // well-formed records of an unknown kind
	Oversized        int       // records longer than 4 MiB, included in ProblemCount
	Problems         []Problem // the first 1,000 problems
	// ProblemCount counts everything between decoded records that could not be read:
	// malformed records, records of an unknown kind, and other text.
	ProblemCount int
	Content      int64  // bytes of plain text, as far as it was read
	Unread       int64  // bytes of Content outside of records, or in parts of an unknown kind
	Parts        int    // non-empty plain texts: 1, or the members of an archive
	Known        int    // the Parts of a known kind
	Reason       string // why not everything was read; "" if everything was
	Failed       bool   // the file could not be read, as opposed to being of another kind
	Cut          bool   // the file ends inside a JSON value

	// Ahead is about the records dated too far ahead, which are included in ProblemCount.
	Ahead map[event.Source]Ahead
}

// Ahead describes the records of one vendor that are dated too far ahead.
type Ahead struct {
	Records int       // how many there are
	Latest  time.Time // the latest of their times
}

// maxProblems limits the memory that a hostile file can take.
const maxProblems = 1000

// Problem is a malformed record, or text that is not a record.
type Problem struct {
	File   string `json:"file"`   // archive!member inside archives
	Line   int    `json:"line"`   // from 1; 0 for a whole file
	Reason string `json:"reason"` // printable
	Record string `json:"-"`      // beginning of the record; only Stream sets it
}

// String returns file, line and reason.
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d: %s", printable(p.File), p.Line, p.Reason)
}

// add adds a problem. Only the first maxProblems are kept.
func (r *Report) add(file string, line int, reason string) {
	if r.ProblemCount++; len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{File: file, Line: line, Reason: printable(reason)})
	}
}

// maxTwins limits the keys that are counted, which the file chooses.
const maxTwins = 100

// ambiguous counts a record in which keys occur twice with different values.
func (r *Report) ambiguous(format string, keys []string) {
	if r.Ambiguous == nil {
		r.Ambiguous, r.Twins = map[string]int{}, map[string]int{}
	}
	r.Ambiguous[format]++
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			continue
		}
		if _, known := r.Twins[key]; !known && len(r.Twins) >= maxTwins {
			key = "…"
		}
		r.Twins[key]++
	}
}

// Recognised returns how much of the file could be read, from 0 to 1: the smallest of the
// shares of its records, of its bytes and, in an archive, of its members. A file that states
// that there is nothing, such as an empty list, is recognised.
func (r *Report) Recognised() float64 {
	if r.Known == 0 {
		return 0
	}
	share := float64(r.Known) / float64(r.Parts)
	if all := r.Records + r.ProblemCount; all > 0 {
		share = min(share, float64(r.Records)/float64(all))
	}
	if r.Content > 0 {
		share = min(share, 1-float64(r.Unread)/float64(r.Content))
	}
	return share
}

// Progress counts what has been read so far. It is safe to load while Read runs.
type Progress struct {
	Files  atomic.Int64 // files read
	Bytes  atomic.Int64 // bytes of these, as stored
	Events atomic.Int64 // events emitted
}

// Reader reads files with several workers.
type Reader struct {
	Formats  []*ingest.Format // recognised JSON and text formats, in order of preference
	Tables   []*ingest.Table  // recognised tables, in order of preference
	Workers  int              // files read at the same time; at least 1
	Progress *Progress        // may be nil
	// Emit returns the function that takes the events of one worker. An event and its
	// strings are valid only during the call. An error stops all reading.
	Emit   func(worker int) func(*event.Event) error
	Budget Budget // limits for each file
	// Latest is the latest time that an event may have; the zero time stands for no limit.
	// A record with a later event is a problem.
	Latest time.Time
	// Refused, if not nil, returns the function that is called for each event of one worker
	// that is later than Latest, in order with the calls of Emit.
	Refused func(worker int) func()
	// Inspect, if not nil, returns the function that inspects the events of one worker
	// together with their records (see ingest.Sink.Inspect).
	Inspect func(worker int) func(*event.Event, *ingest.Native)
	// Forms is what is known about times that do not say it themselves.
	Forms ingest.Forms
	// Settled and Ambiguous are for callers that resume a file which has grown, and so must know
	// when a record is read that was refused before. Settled, if not nil, returns the function
	// that is called when a time of one worker was read that only Forms or other records of its
	// file make clear; Ambiguous the one that is called when a record is refused because its
	// time is ambiguous. Both are called in order with the calls of Emit.
	Settled, Ambiguous func(worker int) func()
	// Decoded, if not nil, returns the function that is called for each record of one worker after
	// its events.
	Decoded func(worker int) func(Origin)
}

// Origin says where a decoded record is, and how it was read.
type Origin struct {
	File      string         // archive!member inside archives
	Line      int            // from 1
	Format    string         // name of the format or table
	Delimiter byte           // of the table that the record is in; 0 if it is in none
	Zone      *time.Location // that the file states for its times; nil if it states none
	Order     form.Order     // of day and month in the file, as far as it is known
}

// Read reads all files and returns their reports in the same order. The error is that of
// the context or of Emit; errors of a file are in its report. It is not determined which
// worker reads a file, and when.
func (d *Reader) Read(ctx context.Context, files []File) ([]Report, error) {
	reports := make([]Report, len(files))
	progress := d.Progress
	if progress == nil {
		progress = new(Progress)
	}
	budget, end := d.startBudget()
	defer end()
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var wg sync.WaitGroup
	for n := range max(d.Workers, 1) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			read, ended := d.worker(ctx, n, progress, &failure, budget)
			for !ended() {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				reports[i] = read(files[i])
			}
		}()
	}

	wg.Wait()
	if err := failure.Load(); err != nil {
		return reports, *err
	}
	return reports, ctx.Err()
}

// worker returns a function that reads one file after another, for one worker, and one that reports whether
// all reading has ended.
func (d *Reader) worker(ctx context.Context, n int, progress *Progress, failure *atomic.Pointer[error], budget Budget) (
	read func(File) Report, ended func() bool,
) {
	r := d.reader(ctx, n, progress, failure)
	return func(f File) Report {
		rep := newReport(f.Path, f.Size)
		rep.Roots = f.Roots
		r.rep, r.spent = &rep, budget.begin(f.Size, r.ended)
		if err := guard.Do("file", func() error { r.file(f, progress); return nil }); err != nil {
			rep.Reason, rep.Failed = printable(err.Error()), true
			r = d.reader(ctx, n, progress, failure) // the one that panicked may be in any state
		}
		progress.Files.Add(1)
		return rep
	}, r.ended
}

// Session returns a function that reads one file after another, as one worker of Read does. Its error is that
// of the context or of Emit. The caller calls end after the last file.
func (d *Reader) Session(ctx context.Context) (read func(File) (Report, error), end func()) {
	budget, end := d.startBudget()
	var failure atomic.Pointer[error]
	one, _ := d.worker(ctx, 0, new(Progress), &failure, budget)
	return func(f File) (Report, error) {
		rep := one(f)
		if err := failure.Load(); err != nil {
			return rep, *err
		}
		return rep, ctx.Err()
	}, end
}

// newReport returns an empty report.
func newReport(path string, size int64) Report {
	return Report{Path: path, Size: size, Formats: map[string]int{}, Undecoded: map[string]int{}}
}

// startBudget returns the budget with a running clock. End stops the clock.
func (d *Reader) startBudget() (b Budget, end func()) {
	if b = d.Budget; b.Clock != nil {
		return b, func() {}
	}
	b.Clock, end = ticking()
	return b, end
}

// reader returns a new reader for one worker.
func (d *Reader) reader(ctx context.Context, n int, progress *Progress, failure *atomic.Pointer[error]) *reader {
	emit := d.Emit(n)
	r := &reader{formats: d.Formats, tables: d.Tables}
	r.ended = func() bool { return ctx.Err() != nil || failure.Load() != nil }
	r.scan.Unique = true
	r.sink = ingest.NewSink(func(e *event.Event) {
		progress.Events.Add(1)
		before := r.spent.Clock()
		if err := emit(e); err != nil {
			failed := err // so that only a failure is allocated
			failure.CompareAndSwap(nil, &failed)
		}
		r.spent.away += r.spent.Clock() - before
	})
	if d.Inspect != nil {
		r.sink.Inspect(d.Inspect(n))
	}
	var settled func()
	if d.Settled != nil {
		settled = d.Settled(n)
	}
	r.sink.UseForms(d.Forms, settled)
	if d.Ambiguous != nil {
		r.ambiguous = d.Ambiguous(n)
	}
	if d.Decoded != nil {
		r.decoded = d.Decoded(n)
	}
	if !d.Latest.IsZero() {
		var refused func()
		if d.Refused != nil {
			refused = d.Refused(n)
		}
		r.sink.RefuseAfter(d.Latest, refused)
	}
	return r
}

// streamBuffers are reused, since the pages of an API are many small streams.
var streamBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Stream reads a stream like a file, and keeps undecodable records in its report. The error
// is that of the context or of Emit.
func (d *Reader) Stream(ctx context.Context, name string, in io.Reader) (Report, error) {
	var failure atomic.Pointer[error]
	r := d.reader(ctx, 0, new(Progress), &failure)
	budget, end := d.startBudget()
	defer end()
	rep := newReport(name, 0)
	r.rep, r.keep, r.spent = &rep, true, budget.begin(0, r.ended)
	buf := streamBuffers.Get().(*[]byte)
	r.w.buf = *buf
	defer func() {
		*buf = r.w.buf
		streamBuffers.Put(buf)
	}()
	rep.conclude(r.unpack(name, &counter{in, r.spent}, 0))
	rep.Size = r.spent.stored
	if err := failure.Load(); err != nil {
		return rep, *err
	}
	return rep, ctx.Err()
}

// file reads one file into its report.
func (r *reader) file(f File, progress *Progress) {
	var in interface {
		io.Reader
		io.ReaderAt
	} = bytes.NewReader(f.Content)
	size := int64(len(f.Content))
	if f.Content == nil {
		open, err := os.Open(f.Path)
		var st fs.FileInfo
		if err == nil {
			defer open.Close()
			st, err = open.Stat()
		}
		if err != nil {
			r.rep.Reason, r.rep.Failed = unwrapPath(err).Error(), true
			return
		}
		in, size = open, st.Size()
	}
	r.whole = io.NewSectionReader(in, 0, size)
	err := r.unpack(f.Path, &counter{in, r.spent}, 0)
	r.whole = nil
	progress.Bytes.Add(r.rep.Size)
	r.rep.conclude(err)
}

// conclude turns the error of unpacking into the report's reason.
func (r *Report) conclude(err error) {
	unnamed := 0
	for _, e := range flat(err) {
		reason := e.Error()
		if m := (*misfit)(nil); errors.As(e, &m) {
			reason = m.name[min(len(r.Path), len(m.name)):] + ": " + reason
			r.Failed = r.Failed || m.failed
		} else if n := (*notice)(nil); errors.As(e, &n) {
			r.Failed = r.Failed || n.failed
		}
		if r.Reason == "" {
			r.Reason = printable(reason)
		} else if len(r.Reason) < 400 {
			r.Reason += "; " + printable(reason)
		} else {
			unnamed++
		}
	}
	if unnamed > 0 {
		r.Reason += fmt.Sprintf("; and %d more", unnamed)
	}
}

// flat returns the errors joined in err, at any depth: archives may contain archives.
func flat(err error) (list []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		list = append(list, flat(e)...)
	}
	return list
}
