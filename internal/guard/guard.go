// Package guard turns panics into errors where a goroutine, a request or a part of the
// program begins, so that one fault does not end everything else. A panic is never
// silent: whoever registered with Watch is told of each one, whatever becomes of the error.
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
	Where string // the part of the program: a word such as source, channel, feed
	Value any    // what was given to panic
	Stack []byte // of the goroutine, as debug.Stack returns it
}

// Error implements error: it has no stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic in %s: %v", p.Where, p.Value) }

// Unwrap returns the value that was given to panic if it is an error, nil otherwise.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Do runs f and returns its error. If f panics, it returns a *Panic, after those who
// registered with Watch were told.
func Do(where string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p := caught(where, v)
			err = p
		}
	}()
	return f()
}

func caught(where string, v any) *Panic {
	p := &Panic{Where: where, Value: v, Stack: debug.Stack()}
	mu.Lock()
	all := make([]func(*Panic), 0, len(watchers))
	for _, tell := range watchers {
		all = append(all, *tell)
	}
	mu.Unlock()
	for _, tell := range all {
		tell(p)
	}
	return p
}

var (
	mu       sync.Mutex
	watchers []*func(*Panic)
)

// Watch has tell called for every panic that is caught in the process, on the goroutine
// that panicked, until stop is called.
func Watch(tell func(*Panic)) (stop func()) {
	mu.Lock()
	defer mu.Unlock()
	watchers = append(watchers, &tell)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for i, t := range watchers {
			if t == &tell {
				watchers = append(watchers[:i:i], watchers[i+1:]...)
				return
			}
		}
	}
}

// Handler returns a handler that answers 500 where h panics before it has written, and
// breaks the connection off where it has. http.ErrAbortHandler is passed on.
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
			panic(http.ErrAbortHandler) // the reader must not take what it got for whole
		}
		http.Error(w, "internal error: the log has the details", http.StatusInternalServerError)
	})
}

// started notes whether an answer has begun.
type started struct {
	http.ResponseWriter
	begun bool
}

func (s *started) WriteHeader(code int) {
	s.begun = true
	s.ResponseWriter.WriteHeader(code)
}

func (s *started) Write(b []byte) (int, error) {
	s.begun = true
	return s.ResponseWriter.Write(b)
}

// Flush implements http.Flusher: answers that are streamed need it.
func (s *started) Flush() {
	s.begun = true
	http.NewResponseController(s.ResponseWriter).Flush()
}

// Unwrap is what http.ResponseController asks for.
func (s *started) Unwrap() http.ResponseWriter { return s.ResponseWriter }
