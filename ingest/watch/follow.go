package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/guard"
)

// Follower reads the files of one source as they appear and change. It checks a file when
// the operating system notifies that it has changed. Since notifications get lost, it also
// walks the folders from time to time; more often where there are no notifications. A file
// that takes long to read does not delay the others.
type Follower struct {
	Store  *Store                    // where progress is stored
	Source *Source                   // what is followed
	Log    *slog.Logger              // for problems with folders
	Notify func() (*Notifier, error) // nil stands for SystemNotifier
	Tick   time.Duration             // interval of checks of the configured paths themselves; 0 stands for 2 s
	Took   func(Pass)                // if not nil, called with the results since the last call, never concurrently

	seed      maphash.Seed
	known     map[uint64]uint64       // files read to their end: hash of the path to hash of size and modification time
	seen      map[uint64]uint64       // the part of known that the current walk has met; nil outside of a walk
	links     map[string]bool         // symbolic links to files, and roots that are files: their targets are not watched
	growing   map[string]*growingFile // files that are being written to
	failed    map[string]*failed      // files and directories that could not be read
	queue     []found                 // files to read, in order
	queued    map[string]bool         // paths of the files in queue
	busy      map[string]bool         // paths of files being read
	stale     map[string]bool         // the part of busy that changed in the meantime
	working   int                     // workers that read
	results   chan []result           // from the workers
	cancel    context.CancelFunc      // stops the workers
	deliver   delivery                // current batch
	roots     map[string]*rootInfo    // by path, as configured
	dirs      map[string]bool         // directories that are watched
	news      *changes                // change notifications; nil if there are none
	notify    *Notifier               // nil if there are no notifications
	unwatched string                  // why not everything is watched; "" if everything is
	logged    string                  // value of unwatched when it was last logged
	due       time.Time               // next time to check without a notification
	begun     time.Time               // end of the first walk
	walked    time.Time               // start of the last walk
	took      time.Duration           // duration of the last walk
	version   int64                   // data version of sources.db, which changes when other processes write to it
	sum       Pass                    // results that Took has not been called with yet

	mu     sync.Mutex
	status FolderStatus
}

// FolderStatus is the status of the folders of a source.
type FolderStatus struct {
	Source     string          `json:"source"`               // name of the source
	Missing    []FolderProblem `json:"missing,omitempty"`    // folders that cannot be read
	Files      int             `json:"files"`                // files read to their end
	Waiting    int             `json:"waiting"`              // files to read
	Reading    int             `json:"reading"`              // files being read
	Growing    int             `json:"growing"`              // files that are still being written to
	Unreadable int             `json:"unreadable"`           // files and directories that are retried
	Example    string          `json:"example,omitempty"`    // one of the unreadable ones, and why
	Walking    string          `json:"walking,omitempty"`    // why folders are walked more often; "" if all changes are notified
	Every      float64         `json:"walk_seconds"`         // interval of walks
	Whole      time.Time       `json:"whole_since,omitzero"` // when everything present at the start had been read
}

// FolderProblem is a folder that cannot be read.
type FolderProblem struct {
	Path   string    `json:"path"`   // as configured, cleaned
	Reason string    `json:"reason"` // the operating system's error
	Since  time.Time `json:"since"`  // when this process first noticed
}

// growingFile is a file that is being written to.
type growingFile struct {
	first time.Time     // first seen being written to, or last read
	due   time.Time     // next check
	wait  time.Duration // time since first after which it is read although it is still being written to
}

// failed is a file or directory that could not be read.
type failed struct {
	reason string
	tries  int
	due    time.Time // next attempt
}

// rootInfo is the state of a configured path.
type rootInfo struct {
	info    fs.FileInfo   // nil if the path does not exist
	top     string        // target of a symbolic link, else the path; files.Find uses it
	before  bool          // the path could be read at some time
	problem FolderProblem // zero if the path can be read
	pull    *Pull         // stream under which the problem is stored
}

// delivery is a batch: everything from the first file in the queue until the queue is empty
// and all workers are idle.
type delivery struct {
	open    bool  // a begin marker was appended, and no end marker yet
	first   bool  // it holds the files present at the start
	late    bool  // it took longer than waitMost, and was ended early
	pass    int64 // sequence number
	since   time.Time
	arrived *arrivals
}

const (
	gather      = 200 * time.Millisecond // wait after a change, since others follow
	lookRoots   = 2 * time.Second        // default of Follower.Tick
	mostLinks   = 256                    // more links than this are not checked at every tick
	growingMost = time.Minute            // a file that has been written to for this long is read as far as it is complete
	retryMost   = time.Hour              // longest wait until the next attempt
	waitMost    = 2 * time.Minute        // longest open batch
	endMost     = time.Second            // longest wait for workers at the end
)

// every returns the interval until the next walk. It depends on the duration of the last one,
// so that walking takes a small part of a core at most.
func (f *Follower) every() time.Duration {
	if f.unwatched != "" {
		return min(max(400*f.took, 2*f.tick()), 15*time.Minute)
	}
	return max(1000*f.took, 10*time.Minute)
}

// tick returns the interval of checks of the configured paths.
func (f *Follower) tick() time.Duration { return cmp.Or(f.Tick, lookRoots) }

// Run follows the folders until ctx ends. The error is that of the context, the event log or
// sources.db. Run may then be called again and resumes there.
func (f *Follower) Run(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	wctx, cancel := context.WithCancel(ctx)
	f.cancel = cancel
	defer f.end()
	if err := f.walk(ctx); err != nil {
		return err
	}

	f.deliver.first, f.begun = true, time.Now()
	for wake, soon := time.NewTimer(0), (<-chan time.Time)(nil); ; {
		if err := f.start(wctx); err != nil {
			return err
		}
		wake.Reset(max(time.Until(f.due), 10*time.Millisecond))
		var some chan struct{}
		if f.news != nil && soon == nil {
			some = f.news.some
		}

		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case list := <-f.results:
			f.working--
			for i := 0; i < len(list) && err == nil; i++ {
				err = f.done(ctx, list[i])
			}
		case <-some:
			soon = time.After(gather)
		case <-soon:
			soon = nil
			err = f.changed(ctx)
		case <-wake.C:
			err = f.scanRoots(ctx)
		}

		if err != nil {
			return err
		}
	}
}

// begin resets the follower, loads the known files and starts notifications.
func (f *Follower) begin(ctx context.Context) (err error) {
	f.seed = maphash.MakeSeed()
	f.links, f.growing, f.failed, f.queued = map[string]bool{}, map[string]*growingFile{}, map[string]*failed{}, map[string]bool{}
	f.queue, f.busy, f.stale, f.dirs = nil, map[string]bool{}, map[string]bool{}, map[string]bool{}
	f.working, f.results = 0, make(chan []result, max(f.Source.Workers, 1))
	f.deliver, f.roots = delivery{}, map[string]*rootInfo{}
	for _, path := range f.Source.Paths {
		path = filepath.Clean(path)
		f.roots[path] = &rootInfo{top: resolved(path), pull: f.Store.folder(f.Source, path)}
	}
	if err := f.Store.forgetFolders(ctx, f.Source); err != nil {
		return err
	}
	if f.version, err = f.Store.version(ctx); err != nil {
		return err
	}
	f.known = map[uint64]uint64{}
	err = f.Store.taken(ctx, func(n found) {
		if f.isUnderRoot(n.path) {
			f.known[f.place(n.path)] = f.stamp(n)
		}
	})
	if err != nil {
		return err
	}
	f.listen()
	return nil
}

// listen starts change notifications.
func (f *Follower) listen() {
	notify := f.Notify
	if notify == nil {
		notify = SystemNotifier
	}
	f.news, f.unwatched = nil, ""
	var err error
	if f.notify, err = notify(); err != nil {
		f.notify, f.unwatched = nil, "no notification of changes: "+err.Error()
		return
	}
	f.news = newChanges()
	go f.news.collect(f.notify)
}

// end stops the workers. A worker that hangs in an unresponsive file system is abandoned; its
// file will be read again.
func (f *Follower) end() {
	f.cancel()
	defer f.flush()
	if f.notify != nil {
		f.notify.Close()
	}
	limit := time.NewTimer(endMost)
	defer limit.Stop()
	for range f.working {
		select {
		case list := <-f.results:
			for _, r := range list {
				f.report(Pass{Events: r.events})
			}
		case <-limit.C:
			return
		}
	}
}

// place returns the hash of a path.
func (f *Follower) place(path string) uint64 { return maphash.String(f.seed, path) }

// stamp returns the hash of a file's size and modification time.
func (f *Follower) stamp(n found) uint64 {
	return maphash.Comparable(f.seed, [2]int64{n.size, n.modified})
}

// scanRoots does the periodic work: it checks growing, failed and linked files and the
// configured paths, and walks the folders if that is due.
func (f *Follower) scanRoots(ctx context.Context) error {
	now := time.Now()
	f.due = now.Add(f.tick())
	defer f.publishStatus()
	f.flush()
	for path, r := range f.growing {
		if !r.due.After(now) {
			f.check(path, nil)
		} else if r.due.Before(f.due) {
			f.due = r.due
		}
	}

	for path, x := range f.failed {
		if !x.due.After(now) && !f.busy[path] && !f.queued[path] {
			if err := f.visit(ctx, path); err != nil {
				return err
			}
		}
	}

	if len(f.links) <= mostLinks {
		for path := range f.links {
			f.check(path, nil)
		}
	}

	if err := f.replayed(ctx); err != nil {
		return err
	}
	again, err := f.lookRoots(ctx, now)
	if err != nil {
		return err
	}

	if again || now.Sub(f.walked) >= f.every() {
		return f.walk(ctx)
	}
	return nil
}

// lookRoots checks whether the configured paths exist and are the same files as before. It
// returns true if one of them must be walked.
func (f *Follower) lookRoots(ctx context.Context, now time.Time) (again bool, err error) {
	for path, r := range f.roots {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			if r.info != nil {
				f.unwatch(path)
				r.info = nil
			}
			if err := f.missing(ctx, path, unwrapped(err), now); err != nil {
				return again, err
			}
		case r.info == nil || !os.SameFile(r.info, info):
			f.unwatch(path)
			again = true
		case r.problem.Reason != "" && info.IsDir(): // it existed, but could not be read
			if d, err := os.Open(path); err == nil {
				_, err = d.ReadDir(1)
				d.Close()
				again = again || err == nil || errors.Is(err, io.EOF)
			}
			if err := f.missing(ctx, path, r.problem.Reason, now); err != nil {
				return again, err
			}
		}
	}
	return again, nil
}

// missing records that a folder cannot be read.
func (f *Follower) missing(ctx context.Context, path, reason string, now time.Time) error {
	r := f.roots[path]
	if r.problem.Reason == "" {
		r.problem = FolderProblem{Path: path, Since: now}
		if r.before {
			if err := f.Store.answered(ctx, r.pull, now); err != nil {
				return err
			}
		}
	}
	if r.problem.Reason != reason {
		r.problem.Reason = reason
		f.Log.Error("folder not read; retrying", "path", path, "err", reason)
		f.report(Pass{Missing: 1})
		if err := f.Store.failed(ctx, r.pull, errors.New(reason), now); err != nil {
			return err
		}
	}
	return f.Store.recordError(ctx, r.pull, errors.New(reason), now)
}

// found records that a folder can be read.
func (f *Follower) found(ctx context.Context, path string, now time.Time) error {
	r := f.roots[path]
	r.before = true
	if r.problem.Reason == "" {
		return nil
	}
	f.Log.Info("folder readable again", "path", path)
	r.problem = FolderProblem{}
	r.pull.since = time.Time{}
	return f.Store.answered(ctx, r.pull, now)
}

// replayed checks the files that another process has requested to be read again.
func (f *Follower) replayed(ctx context.Context) error {
	v, err := f.Store.version(ctx)
	if err != nil || v == f.version {
		return err
	}
	f.version = v
	paths, err := f.Store.forgotten(ctx)
	for _, path := range paths {
		if _, mine := f.known[f.place(path)]; mine && f.isUnderRoot(path) {
			delete(f.known, f.place(path))
			f.check(path, nil)
		}
	}
	return err
}

// isUnderRoot reports whether a path is one of the configured paths or below one.
func (f *Follower) isUnderRoot(path string) bool {
	for _, r := range f.roots {
		if isWithin(path, r.top) {
			return true
		}
	}
	return false
}

// isWithin reports whether a path is dir or below dir.
func isWithin(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == filepath.Separator || strings.HasSuffix(dir, string(filepath.Separator)))
}

// resolved returns the target of a root that is a symbolic link, else the root.
func resolved(root string) string {
	if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if to, err := filepath.EvalSymlinks(root); err == nil {
			return to
		}
	}
	return root
}

// unwatch stops watching a directory and everything below it, since it was deleted, renamed
// or replaced.
func (f *Follower) unwatch(path string) {
	if r := f.roots[path]; r != nil {
		path = r.top
	}
	for dir := range f.dirs {
		if isWithin(dir, path) {
			f.notify.Remove(dir) // an error means that the system has done so already
			delete(f.dirs, dir)
		}
	}
}

// changed checks the paths that the system has notified.
func (f *Follower) changed(ctx context.Context) error {
	paths, lost, over := f.news.take()
	if over && ctx.Err() == nil {
		f.news, f.notify, f.unwatched = nil, nil, "the notification of changes has ended"
		clear(f.dirs)
		return f.walk(ctx)
	}

	var gone []string
	for path, op := range paths {
		if op&(fsnotify.Remove|fsnotify.Rename) != 0 && f.dirs[path] {
			gone = append(gone, path)
		}
	}

	for _, path := range gone {
		f.unwatch(path)
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if x := f.failed[path]; x != nil {
			x.due = time.Time{}
		}
		if err := f.visit(ctx, path); err != nil {
			return err
		}
	}

	if lost != nil {
		f.Log.Warn("change notifications lost; walking folders", "err", lost)
		f.report(Pass{Lost: 1})
		return f.walk(ctx)
	}

	return nil
}

// visit checks a path, with everything below it if it is a directory.
func (f *Follower) visit(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		delete(f.failed, path)
		return f.tree(ctx, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		delete(f.failed, path)
	}
	f.check(path, info)
	return nil
}

// walk checks everything at and below the configured paths.
func (f *Follower) walk(ctx context.Context) error {
	began := time.Now()
	f.walked = began
	f.links = map[string]bool{}
	f.seen = make(map[uint64]uint64, len(f.known))
	if f.news != nil {
		f.unwatched = ""
	}

	complete := true
	for path, r := range f.roots {
		info, err := os.Stat(path)
		if err != nil {
			complete, r.info = false, nil
			if err := f.missing(ctx, path, unwrapped(err), began); err != nil {
				return err
			}
			continue
		}

		r.info, r.top = info, resolved(path)
		if kind := remote(path); kind != "" {
			f.unwatched = cmp.Or(f.unwatched, "on "+kind+" changes by other machines are not notified")
		}
		if !info.IsDir() {
			f.links[path] = true
			f.check(path, nil)
		} else if err := f.tree(ctx, r.top); err != nil {
			return err
		}

		if x := f.failed[r.top]; x != nil && info.IsDir() {
			complete = false
			err = f.missing(ctx, path, x.reason, began)
		} else {
			err = f.found(ctx, path, began)
		}

		if err != nil {
			return err
		}
	}

	if complete {
		f.known = f.seen // forget the files that no longer exist
	}
	f.seen = nil
	if f.took = time.Since(began); f.unwatched != f.logged {
		f.logged = f.unwatched
		if f.unwatched != "" {
			f.Log.Warn("walking folders to find changes", "reason", f.unwatched, "every", f.every().Round(time.Second))
		} else {
			f.Log.Info("change notifications work again")
		}
	}

	return nil
}

// tree checks a directory and everything below it. A directory is watched before it is listed,
// so that a file that appears in between is checked twice rather than missed.
func (f *Follower) tree(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.notify != nil && !f.dirs[dir] {
		switch err := f.notify.Add(dir); {
		case err == nil:
			f.dirs[dir] = true
		case exhausted(err):
			f.unwatched = cmp.Or(f.unwatched,
				"the system watches no more directories (fs.inotify.max_user_watches, max_user_instances): "+err.Error())
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // listing fails, too
		default:
			f.unwatched = cmp.Or(f.unwatched, dir+" cannot be watched: "+err.Error())
		}
	}

	list, err := os.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.fail(dir, unwrapped(err))
		}
		return nil
	}

	delete(f.failed, dir)
	for _, d := range list {
		path := filepath.Join(dir, d.Name())
		if d.IsDir() {
			if err := f.tree(ctx, path); err != nil {
				return err
			}
			continue
		}
		info, err := d.Info()
		if err != nil { // deleted since
			continue
		}
		f.check(path, info)
	}

	return nil
}

// check queues a file for reading if it is new or has changed. The path is not a directory;
// info is what Lstat returned, or nil.
func (f *Follower) check(path string, info fs.FileInfo) {
	var err error
	if info == nil {
		info, err = os.Lstat(path)
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = os.Stat(path); err == nil && info.IsDir() {
			err = errors.New("a symbolic link to a directory: not followed")
		} else if err == nil {
			f.links[path] = true
		}
	}

	switch {
	case err != nil:
		delete(f.growing, path)
		if delete(f.links, path); errors.Is(err, fs.ErrNotExist) && !isLink(path) {
			delete(f.failed, path)
			return
		}
		f.fail(path, unwrapped(err))
		return
	case !info.Mode().IsRegular():
		return
	}

	n := found{path: path, size: info.Size(), modified: info.ModTime().UnixNano()}
	place := f.place(path)
	known, is := f.known[place]
	if is && f.seen != nil {
		f.seen[place] = known
	}
	switch now := time.Now(); {
	case is && known == f.stamp(n):
		delete(f.growing, path)
		delete(f.failed, path)
	case f.busy[path]:
		f.stale[path] = true
	case f.queued[path]: // pop stats it again
	case f.failed[path] != nil && f.failed[path].due.After(now):
	case f.Source.unsettled(info, now):
		r := f.growing[path]
		if r == nil {
			r = &growingFile{first: now, wait: growingMost}
			f.growing[path] = r
		}
		if now.Sub(r.first) >= r.wait {
			n.growing = true
			r.first, r.wait = now, 2*r.wait
			f.push(n)
		}
		if r.due = info.ModTime().Add(f.Source.Settled); r.due.Before(f.due) {
			f.due = r.due
		}

	default:
		delete(f.growing, path)
		f.push(n)
	}
}

// push queues a file for reading.
func (f *Follower) push(n found) {
	f.queue = append(f.queue, n)
	f.queued[n.path] = true
}

// isLink reports whether a path is a symbolic link.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// fail records that a file or directory could not be read. It is retried at growing intervals.
func (f *Follower) fail(path, reason string) {
	x := f.failed[path]
	if x == nil {
		x = &failed{}
		f.failed[path] = x
	}
	if x.reason != reason {
		x.reason, x.tries = reason, 0
		f.report(Pass{Failed: []files.Report{{Path: path, Reason: reason, Failed: true}}})
	}
	x.due = time.Now().Add(min(f.tick()<<min(x.tries, 16), retryMost))
	x.tries++
}

// start starts reading queued files, as many at a time as there are workers, and ends the
// batch when all have been read.
func (f *Follower) start(ctx context.Context) error {
	now := time.Now()
	if len(f.queue) > 0 && !f.deliver.open && !f.deliver.late {
		if err := f.openBatch(ctx, now); err != nil {
			return err
		}
	}
	for len(f.queue) > 0 && f.working < max(f.Source.Workers, 1) {
		if list := f.pops(now); len(list) > 0 {
			f.read(ctx, list, now)
		}
	}

	if len(f.queue) == 0 && len(f.busy) == 0 {
		return f.settle(ctx, now)
	}
	if f.deliver.open && !f.deliver.first && now.Sub(f.deliver.since) > waitMost {
		f.deliver.late = true
		return f.closeBatch(ctx)
	}
	return nil
}

// pop takes the next file from the queue. The file is not ready if it cannot be read or is
// being written to again.
func (f *Follower) pop(now time.Time) (n found, ready bool) {
	n = f.queue[0]
	f.queue = f.queue[1:]
	delete(f.queued, n.path)
	info, err := os.Stat(n.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason := "it was deleted or renamed before it was read"
		f.report(Pass{Failed: []files.Report{{Path: n.path, Reason: reason, Failed: true}}})
		return n, false
	case err != nil:
		f.fail(n.path, unwrapped(err))
		return n, false
	}
	n.size, n.modified = info.Size(), info.ModTime().UnixNano()
	if !n.growing && f.Source.unsettled(info, now) {
		f.check(n.path, nil)
		return n, false
	}
	return n, true
}

// groupBytes is how many bytes the files that a worker of a Follower reads together have, as stored; the last of them
// may exceed it.
const groupBytes = 1 << 20

// pops takes from the queue what one worker reads next: its share, if many files wait.
func (f *Follower) pops(now time.Time) (list []found) {
	most, size := min(max(len(f.queue)/max(f.Source.Workers, 1), 1), groupMost), int64(0)
	for len(f.queue) > 0 && len(list) < most && size < groupBytes {
		if n, ready := f.pop(now); ready {
			list, size = append(list, n), size+n.size
		}
	}
	return list
}

// read reads files in a goroutine, which sends the results to results.
func (f *Follower) read(ctx context.Context, list []found, now time.Time) {
	for _, n := range list {
		f.busy[n.path] = true
	}
	f.working++
	arrived := f.deliver.arrived
	go func() {
		next := func() (n found, more bool) {
			if len(list) == 0 {
				return found{}, false
			}
			n, list = list[0], list[1:]
			return n, true
		}
		var results []result
		f.Store.takeSome(ctx, f.Source, next, arrived, now, func(r result) { results = append(results, r) })
		f.results <- results // does not block: there is room for all workers
	}()
}

// settle ends the batch. Every file that was found has been read.
func (f *Follower) settle(ctx context.Context, now time.Time) error {
	f.flush()
	f.queue = nil // free its memory
	if f.deliver.open {
		if err := f.closeBatch(ctx); err != nil {
			return err
		}
	}
	if f.deliver.late {
		f.deliver.late = false
		if err := f.Store.reportLateness(ctx, f.Source.Name, f.Source.Log, f.deliver.arrived, 0); err != nil {
			return err
		}
	}
	if f.deliver.first && (len(f.growing) == 0 || now.Sub(f.begun) > growingMost) {
		f.deliver.first = false
		f.mu.Lock()
		f.status.Whole = now.UTC()
		f.mu.Unlock()
		f.publishStatus()
	}
	return nil
}

// openBatch begins a batch.
func (f *Follower) openBatch(ctx context.Context, now time.Time) (err error) {
	d := &f.deliver
	if d.pass, err = f.Store.nextBatchSeq(ctx, now); err != nil {
		return err
	}
	if err := f.Source.appendMarker(ctx, d.pass, true); err != nil {
		return err
	}
	d.open, d.since = true, now
	d.arrived, err = f.Store.arrivals(ctx, f.Source.Name, now, f.Source.Together)
	return err
}

// closeBatch ends the batch. If it is late, the rest counts as another delivery.
func (f *Follower) closeBatch(ctx context.Context) (err error) {
	d := &f.deliver
	if err := f.Store.reportLateness(ctx, f.Source.Name, f.Source.Log, d.arrived, 0); err != nil {
		return err
	}
	if err := f.Source.appendMarker(ctx, d.pass, false); err != nil {
		return err
	}
	if d.open = false; d.late {
		d.arrived, err = f.Store.arrivals(ctx, f.Source.Name, time.Now(), f.Source.Together)
	}
	return err
}

// done processes the result of a worker.
func (f *Follower) done(ctx context.Context, r result) error {
	delete(f.busy, r.path)
	var panicked *guard.Panic
	switch {
	case errors.As(r.err, &panicked):
		f.fail(r.path, r.err.Error())
	case r.err != nil:
		return fmt.Errorf("%s: %w", r.path, r.err)
	case r.rep != nil && r.rep.Failed:
		f.fail(r.path, r.rep.Reason)
	case !r.growing:
		f.known[f.place(r.path)] = f.stamp(r.found)
		delete(f.failed, r.path)
	}
	p := Pass{Events: r.events}
	if r.rep != nil && !r.growing {
		p.Files, p.Problems = 1, r.rep.ProblemCount
		p.recognise(f.Source.Paths, r.rep)
	}
	f.report(p)
	if f.stale[r.path] || r.growing {
		delete(f.stale, r.path)
		f.check(r.path, nil)
	}
	return nil
}

// report adds to the results for Took.
func (f *Follower) report(p Pass) {
	f.sum.Files += p.Files
	f.sum.Events += p.Events
	f.sum.Problems += p.Problems
	f.sum.add(p.Paths)
	f.sum.Missing += p.Missing
	f.sum.Lost += p.Lost
	f.sum.Failed = append(f.sum.Failed, p.Failed...)
}

// flush calls Took, unless there is nothing to report.
func (f *Follower) flush() {
	p := f.sum
	if f.sum = (Pass{}); f.Took != nil && (p.Files > 0 || p.Events > 0 || p.Missing > 0 || p.Lost > 0 || len(p.Failed) > 0) {
		f.Took(p)
	}
}

// publishStatus updates what Status returns.
func (f *Follower) publishStatus() {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FolderStatus{
		Source:     f.Source.Name,
		Files:      len(f.known),
		Waiting:    len(f.queue),
		Reading:    len(f.busy),
		Growing:    len(f.growing),
		Unreadable: len(f.failed),
		Walking:    f.unwatched,
		Every:      f.every().Seconds(),
		Whole:      f.status.Whole,
	}
	for _, path := range slices.Sorted(maps.Keys(f.roots)) {
		if p := f.roots[path].problem; p.Reason != "" {
			s.Missing = append(s.Missing, p)
		}
	}
	for path, x := range f.failed {
		if text := path + ": " + x.reason; s.Example == "" || text < s.Example {
			s.Example = text
		}
	}
	f.status = s
}

// Status returns the status of the folders. It may be called while Run runs.
func (f *Follower) Status() FolderStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// unwrapped returns the text of an error without the path in it.
func unwrapped(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}
