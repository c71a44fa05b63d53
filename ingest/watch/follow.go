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

// Follower follows the folders of one source for as long as it runs. It looks at a file
// when the system says that it has changed. Now and then it walks the folders all the
// same, because notifications get lost; where there are none, more often. Every file is
// read by itself: one that takes long does not hold up the others.
type Follower struct {
	Store  *Store
	Source *Source
	Log    *slog.Logger
	Notify func() (*Notifier, error) // nil stands for SystemNotifier
	Tick   time.Duration             // between looks at the folders themselves; 2 s if 0
	Took   func(Pass)                // called with what has come since the last call; not concurrently; may be nil

	seed    maphash.Seed
	known   map[uint64]uint64     // by path: size and time of modification when it was taken in; both as hashes
	seen    map[uint64]uint64     // the same, of what a walk has met
	links   map[string]bool       // symbolic links to files, and roots that are files: nobody notifies of their targets
	rising  map[string]*highWater // files that are being written to
	failed  map[string]*failed    // files and directories that could not be read
	queue   []found               // in the order in which they are read
	queued  map[string]bool       // the paths of these
	busy    map[string]bool       // paths that are being read
	stale   map[string]bool       // of these: they changed meanwhile
	results chan result           // of workers
	cancel  context.CancelFunc    // ends the workers
	deliver delivery              // what the readers of the log are told of
	roots   map[string]*rootInfo  // by path, as configured
	dirs    map[string]bool       // directories that are watched
	news    *changes              // nil without notifications
	notify  *Notifier
	blind   string    // why not everything is notified; "" if it is
	said    string    // what the log says of that
	due     time.Time // when there is something to look at without a notification
	begun   time.Time
	walked  time.Time
	took    time.Duration // the last walk
	version int64         // of sources.db, as others have changed it
	sum     Pass          // what Took was not called with yet

	mu     sync.Mutex
	status FolderStatus
}

// FolderStatus is how the folders of a source are.
type FolderStatus struct {
	Source     string          `json:"source"`
	Missing    []FolderProblem `json:"missing,omitempty"`    // folders that cannot be read
	Files      int             `json:"files"`                // that are known
	Waiting    int             `json:"waiting"`              // to be read
	Reading    int             `json:"reading"`              // now
	Growing    int             `json:"growing"`              // left until nobody writes to them any more
	Unreadable int             `json:"unreadable"`           // files and directories that are tried again
	Example    string          `json:"example,omitempty"`    // one of these, and why
	Walking    string          `json:"walking,omitempty"`    // why changes are found by walking alone
	Every      float64         `json:"walk_seconds"`         // between walks
	Whole      time.Time       `json:"whole_since,omitzero"` // when everything that was there at the start had been read
}

// FolderProblem is a folder that cannot be read.
type FolderProblem struct {
	Path   string    `json:"path"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"` // as far as this process knows
}

type highWater struct {
	first time.Time     // seen to be written to
	due   time.Time     // when it is looked at again
	wait  time.Duration // until it is read although it is still being written to
}

type failed struct {
	reason string
	tries  int
	due    time.Time
}

type rootInfo struct {
	info    fs.FileInfo // nil if it is not there
	top     string      // where it leads to, if it is a symbolic link; files.Find names files so
	before  bool        // it could be read
	problem FolderProblem
	pull    *Pull // under which it is noted that it cannot be read
}

type result struct {
	found
	rep    *files.Report
	events int
	err    error
}

// delivery is what a source brings from when it begins to read until nothing waits.
type delivery struct {
	open  bool
	first bool // it is what was there at the start
	late  bool // it took so long that nobody waits for its end
	pass  int64
	since time.Time
	come  *arrivals
}

const (
	gather     = 200 * time.Millisecond // after a change: others come with it
	lookRoots  = 2 * time.Second        // at the folders themselves, at links, at what is due
	mostLinks  = 256                    // that are looked at so often
	risingMost = time.Minute            // a file that is written to for so long is read as far as it is complete
	retryMost  = time.Hour
	waitMost   = 2 * time.Minute // for the end of a delivery
	endMost    = time.Second     // for workers, at the end
)

// every is how long it is until the next walk, by how long the last one took: walking
// takes at most a small part of a core.
func (f *Follower) every() time.Duration {
	if f.blind != "" {
		return min(max(400*f.took, 2*f.tick()), 15*time.Minute)
	}
	return max(1000*f.took, 10*time.Minute)
}

func (f *Follower) tick() time.Duration { return cmp.Or(f.Tick, lookRoots) }

// Run follows the folders until ctx ends. An error is that of the context, of the log or
// of sources.db; Run may be called again then, and goes on from there.
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
		case r := <-f.results:
			err = f.done(ctx, r)
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

// begin reads what is known, and has the system notify.
func (f *Follower) begin(ctx context.Context) (err error) {
	f.seed = maphash.MakeSeed()
	f.links, f.rising, f.failed, f.queued = map[string]bool{}, map[string]*highWater{}, map[string]*failed{}, map[string]bool{}
	f.queue, f.busy, f.stale, f.dirs = nil, map[string]bool{}, map[string]bool{}, map[string]bool{}
	f.results, f.deliver, f.roots = make(chan result, max(f.Source.Workers, 1)), delivery{}, map[string]*rootInfo{}
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

// listen has the system notify from now on.
func (f *Follower) listen() {
	notify := f.Notify
	if notify == nil {
		notify = SystemNotifier
	}
	f.news, f.blind = nil, ""
	var err error
	if f.notify, err = notify(); err != nil {
		f.notify, f.blind = nil, "no notification of changes: "+err.Error()
		return
	}
	f.news = newChanges()
	go f.news.collect(f.notify)
}

// end ends the workers. One that hangs in a file system that does not answer is left
// behind: what it reads is read again.
func (f *Follower) end() {
	f.cancel()
	defer f.flush()
	if f.notify != nil {
		f.notify.Close()
	}
	limit := time.NewTimer(endMost)
	defer limit.Stop()
	for range len(f.busy) {
		select {
		case r := <-f.results:
			f.report(Pass{Events: r.events})
		case <-limit.C:
			return
		}
	}
}

func (f *Follower) place(path string) uint64 { return maphash.String(f.seed, path) }

func (f *Follower) stamp(n found) uint64 {
	return maphash.Comparable(f.seed, [2]int64{n.size, n.modified})
}

// scanRoots does what is to be done from time to time.
func (f *Follower) scanRoots(ctx context.Context) error {
	now := time.Now()
	f.due = now.Add(f.tick())
	defer f.publishStatus()
	f.flush()
	for path, r := range f.rising {
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

// lookRoots looks whether the folders are there, and are the same. It says whether one of
// them must be walked.
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
		case r.problem.Reason != "" && info.IsDir(): // it was there, and could not be read
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

// missing notes that a folder cannot be read.
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

// found notes that a folder can be read.
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

// replayed looks whether somebody wants files to be read again.
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

// isUnderRoot says whether a path is below the folders.
func (f *Follower) isUnderRoot(path string) bool {
	for _, r := range f.roots {
		if isWithin(path, r.top) {
			return true
		}
	}
	return false
}

// isWithin says whether a path is a directory, or lies below it.
func isWithin(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == filepath.Separator || strings.HasSuffix(dir, string(filepath.Separator)))
}

// resolved is where a root leads to if it is a symbolic link.
func resolved(root string) string {
	if info, err := os.Lstat(root); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if to, err := filepath.EvalSymlinks(root); err == nil {
			return to
		}
	}
	return root
}

// unwatch ends the watching of a directory and of all below it: it has gone, or has another
// name, or another one has its name.
func (f *Follower) unwatch(path string) {
	if r := f.roots[path]; r != nil {
		path = r.top
	}
	for dir := range f.dirs {
		if isWithin(dir, path) {
			f.notify.Remove(dir) // an error says that the system did so before
			delete(f.dirs, dir)
		}
	}
}

// changed looks at what the system has notified.
func (f *Follower) changed(ctx context.Context) error {
	paths, lost, over := f.news.take()
	if over && ctx.Err() == nil {
		f.news, f.notify, f.blind = nil, nil, "the notification of changes has ended"
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

// visit looks at a path: at all of it if it is a directory.
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

// walk looks at everything.
func (f *Follower) walk(ctx context.Context) error {
	began := time.Now()
	f.walked = began
	f.links = map[string]bool{}
	f.seen = make(map[uint64]uint64, len(f.known))
	if f.news != nil {
		f.blind = ""
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
			f.blind = cmp.Or(f.blind, "on "+kind+" changes by other machines are not notified")
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
		f.known = f.seen // what is not there any more is forgotten
	}
	f.seen = nil
	if f.took = time.Since(began); f.blind != f.said {
		f.said = f.blind
		if f.blind != "" {
			f.Log.Warn("walking folders to find changes", "reason", f.blind, "every", f.every().Round(time.Second))
		} else {
			f.Log.Info("change notifications work again")
		}
	}

	return nil
}

// tree looks at a directory and all below it. A directory is watched before it is
// listed: what comes into it in between is met twice, and never missed.
func (f *Follower) tree(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.notify != nil && !f.dirs[dir] {
		switch err := f.notify.Add(dir); {
		case err == nil:
			f.dirs[dir] = true
		case exhausted(err):
			f.blind = cmp.Or(f.blind,
				"the system watches no more directories (fs.inotify.max_user_watches, max_user_instances): "+err.Error())
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // listing it says so
		default:
			f.blind = cmp.Or(f.blind, dir+" cannot be watched: "+err.Error())
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
		if err != nil { // it has gone since
			continue
		}
		f.check(path, info)
	}

	return nil
}

// check looks at what is no directory, which has been looked at already if info is not nil,
// and has it read if it is new or has changed.
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
		delete(f.rising, path)
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
		delete(f.rising, path)
		delete(f.failed, path)
	case f.busy[path]:
		f.stale[path] = true
	case f.queued[path]: // it is looked at again when its turn comes
	case f.failed[path] != nil && f.failed[path].due.After(now):
	case f.Source.unsettled(info, now):
		r := f.rising[path]
		if r == nil {
			r = &highWater{first: now, wait: risingMost}
			f.rising[path] = r
		}
		if now.Sub(r.first) >= r.wait {
			n.rising = true
			r.first, r.wait = now, 2*r.wait
			f.push(n)
		}
		if r.due = info.ModTime().Add(f.Source.Settled); r.due.Before(f.due) {
			f.due = r.due
		}

	default:
		delete(f.rising, path)
		f.push(n)
	}
}

func (f *Follower) push(n found) {
	f.queue = append(f.queue, n)
	f.queued[n.path] = true
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// fail notes that something could not be read: it is tried again, more and more seldom.
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

// start has files read that wait, as many at a time as there are workers.
func (f *Follower) start(ctx context.Context) error {
	now := time.Now()
	if len(f.queue) > 0 && !f.deliver.open && !f.deliver.late {
		if err := f.openBatch(ctx, now); err != nil {
			return err
		}
	}
	for len(f.queue) > 0 && len(f.busy) < max(f.Source.Workers, 1) {
		if n, ready := f.pop(now); ready {
			f.read(ctx, n, now)
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

// pop takes the next file from the queue. It is not ready if it cannot be read, or is
// being written to again.
func (f *Follower) pop(now time.Time) (n found, ready bool) {
	n = f.queue[0]
	f.queue = f.queue[1:]
	delete(f.queued, n.path)
	info, err := os.Stat(n.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason := "it was deleted, or renamed, before it was read"
		f.report(Pass{Failed: []files.Report{{Path: n.path, Reason: reason, Failed: true}}})
		return n, false
	case err != nil:
		f.fail(n.path, unwrapped(err))
		return n, false
	}
	n.size, n.modified = info.Size(), info.ModTime().UnixNano()
	if !n.rising && f.Source.unsettled(info, now) {
		f.check(n.path, nil)
		return n, false
	}
	return n, true
}

// read has a worker read a file.
func (f *Follower) read(ctx context.Context, n found, now time.Time) {
	f.busy[n.path] = true
	come := f.deliver.come
	go func() {
		r := result{found: n}
		r.err = guard.Do("file", func() (err error) {
			r.rep, r.events, err = f.Store.take(ctx, f.Source, n, come, now)
			return err
		})
		f.results <- r // there is room for all of them
	}()
}

// settle ends the delivery: every file that was found has been read.
func (f *Follower) settle(ctx context.Context, now time.Time) error {
	f.flush()
	f.queue = nil // what it held is free
	if f.deliver.open {
		if err := f.closeBatch(ctx); err != nil {
			return err
		}
	}
	if f.deliver.late {
		f.deliver.late = false
		if err := f.Store.reportLateness(ctx, f.Source.Name, f.Source.Log, f.deliver.come, 0); err != nil {
			return err
		}
	}
	if f.deliver.first && (len(f.rising) == 0 || now.Sub(f.begun) > risingMost) {
		f.deliver.first = false
		f.mu.Lock()
		f.status.Whole = now.UTC()
		f.mu.Unlock()
		f.publishStatus()
	}
	return nil
}

// openBatch tells the readers of the log that much may come.
func (f *Follower) openBatch(ctx context.Context, now time.Time) (err error) {
	d := &f.deliver
	if d.pass, err = f.Store.nextBatchSeq(ctx, now); err != nil {
		return err
	}
	if err := f.Source.appendMarker(ctx, d.pass, true); err != nil {
		return err
	}
	d.open, d.since = true, now
	d.come, err = f.Store.arrivals(ctx, f.Source.Name, now, f.Source.Together)
	return err
}

// closeBatch tells them that it has come, or that they need not wait for the rest.
func (f *Follower) closeBatch(ctx context.Context) (err error) {
	d := &f.deliver
	if err := f.Store.reportLateness(ctx, f.Source.Name, f.Source.Log, d.come, 0); err != nil {
		return err
	}
	if err := f.Source.appendMarker(ctx, d.pass, false); err != nil {
		return err
	}
	if d.open = false; d.late {
		d.come, err = f.Store.arrivals(ctx, f.Source.Name, time.Now(), f.Source.Together)
	}
	return err
}

// done takes in that a file was read.
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
	case !r.rising:
		f.known[f.place(r.path)] = f.stamp(r.found)
		delete(f.failed, r.path)
	}
	p := Pass{Events: r.events}
	if r.rep != nil && !r.rising {
		p.Files, p.Problems = 1, r.rep.ProblemCount
		p.recognise(f.Source.Paths, r.rep)
	}
	f.report(p)
	if f.stale[r.path] || r.rising {
		delete(f.stale, r.path)
		f.check(r.path, nil)
	}
	return nil
}

// report adds to what Took is called with.
func (f *Follower) report(p Pass) {
	f.sum.Files += p.Files
	f.sum.Events += p.Events
	f.sum.Problems += p.Problems
	f.sum.add(p.Paths)
	f.sum.Missing += p.Missing
	f.sum.Lost += p.Lost
	f.sum.Failed = append(f.sum.Failed, p.Failed...)
}

// flush calls Took.
func (f *Follower) flush() {
	p := f.sum
	if f.sum = (Pass{}); f.Took != nil && (p.Files > 0 || p.Events > 0 || p.Missing > 0 || p.Lost > 0 || len(p.Failed) > 0) {
		f.Took(p)
	}
}

// publishStatus keeps the status up to date.
func (f *Follower) publishStatus() {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FolderStatus{
		Source:     f.Source.Name,
		Files:      len(f.known),
		Waiting:    len(f.queue),
		Reading:    len(f.busy),
		Growing:    len(f.rising),
		Unreadable: len(f.failed),
		Walking:    f.blind,
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

// Status is how the folders are. It may be called while Run runs.
func (f *Follower) Status() FolderStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// unwrapped is the text of an error without the path in it.
func unwrapped(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}
