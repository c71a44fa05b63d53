package watch

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Notifier is how the system tells that something in a directory has changed.
type Notifier struct {
	Events <-chan fsnotify.Event // paths below directories that were added
	Errors <-chan error          // events were lost
	Add    func(dir string) error
	Remove func(dir string) error // an error says that the directory was not watched
	Close  func() error
}

// SystemNotifier returns the notifier of the operating system. Where there is none that
// copes with folders of many files it returns an error.
func SystemNotifier() (*Notifier, error) {
	if runtime.GOOS != "linux" { // kqueue needs an open descriptor for every file
		return nil, fmt.Errorf("there is none on %s", runtime.GOOS)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &Notifier{Events: w.Events, Errors: w.Errors, Add: w.Add, Remove: w.Remove, Close: w.Close}, nil
}

// exhausted says whether an error of Add is that the system watches no more directories.
func exhausted(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOMEM)
}

// changes collects what a notifier says until it is looked at, each path once: the
// notifier never waits, however long a look takes.
type changes struct {
	some chan struct{} // has one element while there is something to look at

	mu    sync.Mutex
	paths map[string]fsnotify.Op
	lost  error // why the paths are not all; nil if they are
	over  bool  // the notifier has ended
}

func newChanges() *changes {
	return &changes{some: make(chan struct{}, 1), paths: map[string]fsnotify.Op{}}
}

// collect takes in what a notifier says until it is closed.
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

func (c *changes) add(do func()) {
	c.mu.Lock()
	do()
	c.mu.Unlock()
	select {
	case c.some <- struct{}{}:
	default:
	}
}

// take returns what was collected, and begins anew.
func (c *changes) take() (paths map[string]fsnotify.Op, lost error, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths, lost, over = c.paths, c.lost, c.over
	c.paths, c.lost = map[string]fsnotify.Op{}, nil
	return paths, lost, over
}
