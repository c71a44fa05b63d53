package alert

import (
	"errors"
	"net/http"

	"github.com/outflow/outflow/internal/webapi"
)

// Permanent marks an error that a retry cannot fix. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// permanent is an error that Permanent has marked.
type permanent struct{ error }

// Unwrap returns the marked error.
func (p *permanent) Unwrap() error { return p.error }

// IsPermanent reports whether an error is marked by Permanent, or is a receiver's refusal of the message itself. That
// an address is gone, does not take the method, or leads elsewhere is no such refusal: a person can mend it.
func IsPermanent(err error) bool {
	if _, ok := errors.AsType[*repeatable](err); ok {
		return false
	}
	if _, ok := errors.AsType[*permanent](err); ok {
		return true
	}
	e, ok := errors.AsType[*webapi.Error](err)
	if !ok || e.Kind != webapi.Refused || e.Unclear || e.Status/100 == 3 {
		return false
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusMisdirectedRequest, http.StatusUpgradeRequired:
		return false
	}
	return true
}

// Repeatable marks an error after which nobody is told twice if the message is sent again: nothing was sent, the receiver
// said no, or what failed was a look-up or changes what is there to the same again. It says nothing of the message
// itself, so that it is never permanent. It returns nil for nil.
func Repeatable(err error) error {
	if err == nil {
		return nil
	}
	return &repeatable{err}
}

// Partly is an error of Notify after which some of the channel's receivers have been told, and others not.
type Partly struct {
	Ref     string   // what the channel calls the message
	Later   []string // receivers that may take it later
	Refused []string // receivers that refuse it
	Err     error    // what was said about them
}

// Error implements error.
func (p *Partly) Error() string { return p.Err.Error() }

// Unwrap returns what was said about the receivers.
func (p *Partly) Unwrap() error { return p.Err }

// repeatable is an error that Repeatable has marked.
type repeatable struct{ error }

// Unwrap returns the marked error.
func (r *repeatable) Unwrap() error { return r.error }

// mayHaveArrived reports whether a receiver may have taken a message although sending it failed. What is not known to be
// otherwise may have.
func mayHaveArrived(err error) bool {
	if _, ok := errors.AsType[*repeatable](err); ok || IsPermanent(err) {
		return false
	}
	if e, ok := errors.AsType[*webapi.Error](err); ok {
		return e.Unclear
	}
	return true
}

// CannotLookUp reports whether a look-up failed for good: the receiver does not offer it, or not to us. What it would have
// found may be there or not, so that the message is sent, marked as a possible repeat.
func CannotLookUp(err error) bool {
	return webapi.Is(err, webapi.Refused) || webapi.Is(err, webapi.Denied)
}
