// Package guard turns panics into errors at the start of a goroutine, a request or a part of
// the program, so that one fault does not end everything else. A panic is never silent:
// functions registered with Watch are called for each one, whatever becomes of the error.
package guard

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
)

// Panic is a panic that was caught.
type Panic struct {
	Where string // the part of the program: a word such as source, channel or feed
	Value any    // the argument of panic
	Stack []byte // of the goroutine, as debug.Stack returns it
}

// Error returns where the panic was and its value, without the stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic in %s: %v", p.Where, p.Value) }

// Unwrap returns the argument of panic if it is an error, nil otherwise.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Do runs f and returns its error. If f panics, it calls the functions registered with Watch
// and returns a *Panic.
func Do(where string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p := caught(where, v)
			err = p
		}
	}()
	return f()
}

// caught returns a panic, after it called the functions registered with Watch.
func caught(where string, v any) *Panic {
	p := &Panic{Where: where, Value: v, Stack: debug.Stack()}
	mu.Lock()
	all := make([]func(*Panic), 0, len(watchers))
	for _, report := range watchers {
		all = append(all, *report)
	}
	mu.Unlock()
	for _, report := range all {
		report(p)
	}
	return p
}

var (
	mu       sync.Mutex
	watchers []*func(*Panic)
)

// Watch registers a function that is called for every panic in the process that is caught, on
// the goroutine that panicked, until stop is called.
func Watch(report func(*Panic)) (stop func()) {
	mu.Lock()
	defer mu.Unlock()
	watchers = append(watchers, &report)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for i, t := range watchers {
			if t == &report {
				watchers = append(watchers[:i:i], watchers[i+1:]...)
				return
			}
		}
	}
}

// Handler returns a handler that answers 500 if h panics before it has written, and aborts the
// connection if it has. It passes http.ErrAbortHandler on.
func Handler(where string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &started{ResponseWriter: w}
		err := func() (err error) {
			defer func() {
				if v := recover(); v != nil {
					if v == http.ErrAbortHandler {
						panic(v)
					}
					err = caught(where, v)
				}
			}()
			h.ServeHTTP(out, r)
			return nil
		}()
		var p *Panic
		if !errors.As(err, &p) {
			return
		}
		if out.begun {
			panic(http.ErrAbortHandler) // the client must not take a partial response for a whole one
		}
		http.Error(w, "internal error: the log has the details", http.StatusInternalServerError)
	})
}

// started records whether a response has begun.
type started struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (s *started) WriteHeader(code int) {
	s.begun = true
	s.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (s *started) Write(b []byte) (int, error) {
	s.begun = true
	return s.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, which streamed responses need.
func (s *started) Flush() {
	s.begun = true
	http.NewResponseController(s.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (s *started) Unwrap() http.ResponseWriter { return s.ResponseWriter }
