package watch

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Notifier notifies of changes in directories.
type Notifier struct {
	Events <-chan fsnotify.Event  // changes in the watched directories
	Errors <-chan error           // errors; each means that events were lost
	Add    func(dir string) error // watches a directory, but none below it
	Remove func(dir string) error // stops watching; the error means that the directory was not watched
	Close  func() error           // stops all notifications and closes the channels
}

// SystemNotifier returns the notifier of the operating system. It returns an error if there is
// none that copes with folders of many files.
func SystemNotifier() (*Notifier, error) {
	if runtime.GOOS != "linux" { // kqueue needs an open descriptor for every file
		return nil, fmt.Errorf("not supported on %s", runtime.GOOS)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &Notifier{Events: w.Events, Errors: w.Errors, Add: w.Add, Remove: w.Remove, Close: w.Close}, nil
}

// exhausted reports whether an error of Add means that the system's limit is reached.
func exhausted(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOMEM)
}

// changes collects notifications until take is called, each path once, so that the notifier
// never has to wait.
type changes struct {
	some chan struct{} // holds one element while there is something to take

	mu    sync.Mutex
	paths map[string]fsnotify.Op
	lost  error // why notifications were lost; nil if none were
	over  bool  // the notifier has ended
}

// newChanges returns an empty collection.
func newChanges() *changes {
	return &changes{some: make(chan struct{}, 1), paths: map[string]fsnotify.Op{}}
}

// collect collects the notifications of a notifier until it is closed.
func (c *changes) collect(n *Notifier) {
	for {
		select {
		case e, more := <-n.Events:
			if !more {
				c.add(func() { c.over = true })
				return
			}
			if e.Name != "" {
				c.add(func() { c.paths[e.Name] |= e.Op })
			}
		case err, more := <-n.Errors:
			if !more {
				c.add(func() { c.over = true })
				return
			}
			if err != nil {
				c.add(func() { c.lost = err })
			}
		}
	}
}

// add makes a change and signals it.
func (c *changes) add(do func()) {
	c.mu.Lock()
	do()
	c.mu.Unlock()
	select {
	case c.some <- struct{}{}:
	default:
	}
}

// take returns what was collected and starts again.
func (c *changes) take() (paths map[string]fsnotify.Op, lost error, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths, lost, over = c.paths, c.lost, c.over
	c.paths, c.lost = map[string]fsnotify.Op{}, nil
	return paths, lost, over
}
