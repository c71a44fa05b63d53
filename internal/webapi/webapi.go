// Package webapi is an HTTP client for the APIs of vendors: authorisation, pacing, the meaning
// of responses, and what may be retried. Its errors contain no secrets. It does not decode
// responses.
package webapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/outflow/outflow/internal/secret"
)

// Client is a client of one API. It is safe for concurrent use once its fields are set.
type Client struct {
	// Scheme, host and beginning of the path: links in responses must stay there.
	Base   string
	HTTP   *http.Client  // http.DefaultClient if nil
	Header http.Header   // sent with every request
	Auth   Authorizer    // may be nil
	Pace   *rate.Limiter // of requests; may be nil
	// Spare is the share of the vendor's rate limit that is left to other clients, 0 to 1: once
	// no more is left, requests wait until the limit is reset.
	Spare float64
	// Throttled reports whether a response with status 400 or 403 means too many requests. It
	// may be nil.
	Throttled func(body []byte) bool
	Now       func() time.Time // the clock
	Log       *slog.Logger     // may be nil

	mu     sync.Mutex
	skew   time.Duration // by how much the vendor's clock is ahead
	until  time.Time     // no request before
	n      int           // requests so far
	warned bool          // the difference of the clocks was logged
}

// Authorizer returns the value of the Authorization header. Fresh asks for a new token, because
// the vendor refused the last. It also returns the secret parts of the value, which are removed
// from the texts of errors.
type Authorizer interface {
	// Authorization returns the header's value, and the secrets in it.
	Authorization(ctx context.Context, fresh bool) (header string, secrets []string, err error)
}

// Response is a response that was read whole.
type Response struct {
	Header http.Header // all headers
	Body   []byte      // the whole body
}

// Kind is the meaning of an error for the caller.
type Kind int

// The kinds. Each may go away by itself or once a person acts, so that none ends retrying.
const (
	Temporary    Kind = iota // the network or the vendor failed: retry
	Throttled                // too many requests: retry after Wait
	Unauthorized             // the secret is wrong or has expired
	Denied                   // a permission or licence is missing
	Refused                  // the request is invalid: an expired cursor, an object that is gone
)

// Error is a response other than the expected one, or none. It contains no secret.
type Error struct {
	Op     string        // method and path
	Kind   Kind          // the meaning
	Status int           // 0 if there was no response
	Text   string        // in the vendor's words, on one line
	Wait   time.Duration // how long the vendor asks to wait; 0 if it does not
	Err    error         // why there was no response, or why it was unusable
	// Unclear is set if the request may have taken effect: it was sent, and no answer says that it was refused. A
	// server's own failure (5xx) does not say so, nor does an answer of success that cannot be read.
	Unclear bool
}

// Error returns the operation with the status and the vendor's text, or with Err.
func (e *Error) Error() string {
	s := e.Op + ": "
	if e.Status > 0 {
		s += strconv.Itoa(e.Status) + " " + strings.ToLower(http.StatusText(e.Status))
		if e.Text != "" {
			s += ": " + e.Text
		}
		return s
	}
	return s + secret.Redact(e.Err.Error())
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether an error is an *Error of a kind.
func Is(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}

// Status returns the status of the response in an error; 0 if there was none.
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Says reports whether an error is a vendor's response that contains a text.
func Says(err error, text string) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Text, text)
}

const (
	maxBody    = 64 << 20 // bytes of a JSON response
	maxText    = 400      // bytes of Error.Text
	maxRefusal = 32 << 10 // bytes that are read of the body of another response than the expected one
	leastWait  = time.Second
	mostWait   = 5 * time.Minute
	bigSkew    = time.Minute      // a difference of the clocks that is logged
	fixedByMan = 10 * time.Minute // longest wait for something that a person has to fix
)

// Backoff returns how long to wait before the next attempt after a number of errors in a row,
// from 1: the time that the vendor asks for, or a random time below a bound that doubles ("full
// jitter"), five minutes at most, ten for Unauthorized and Denied.
func Backoff(err error, tries int) time.Duration {
	bound := min(leastWait<<min(tries, 10), mostWait)
	var e *Error
	if errors.As(err, &e) {
		switch {
		case e.Wait > 0:
			return e.Wait + rand.N(leastWait)
		case e.Kind == Unauthorized || e.Kind == Denied:
			bound = min(leastWait<<min(2*tries, 10), fixedByMan)
		}
	}
	return leastWait/2 + rand.N(bound)
}

// Clock returns the time by the vendor's clock, as far as responses have stated it.
func (c *Client) Clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Now().Add(c.skew)
}

// Skew returns by how much the vendor's clock is ahead of ours.
func (c *Client) Skew() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew
}

// Requests returns how many requests were sent.
func (c *Client) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Get requests JSON. The target is a path below Base, or a URL from a response, which must have
// the same scheme and host.
func (c *Client) Get(ctx context.Context, target string) (*Response, error) {
	return c.JSON(ctx, http.MethodGet, target, "", nil)
}

// Post sends a JSON body, or none if it is nil, and expects JSON.
func (c *Client) Post(ctx context.Context, target string, body []byte) (*Response, error) {
	kind := ""
	if body != nil {
		kind = "application/json"
	}
	return c.JSON(ctx, http.MethodPost, target, kind, body)
}

// JSON sends a request and reads the response, which must be JSON. Anything else, or a
// truncated response, is a temporary error: proxies and login pages respond like that.
func (c *Client) JSON(ctx context.Context, method, target, contentType string, body []byte) (*Response, error) {
	res, op, err := c.do(ctx, method, target, contentType, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, &Error{Op: op, Unclear: true, Err: fmt.Errorf("the response was truncated: %w", err)}
	case len(b) > maxBody:
		return nil, &Error{Op: op, Kind: Refused, Unclear: true, Err: fmt.Errorf("a response of more than %d MiB", maxBody>>20)}
	case !json.Valid(b):
		what := "the response is not JSON"
		if t := bytes.TrimSpace(b); len(t) > 0 && (t[0] == '{' || t[0] == '[') {
			what = "the response was truncated"
		}
		return nil, &Error{Op: op, Unclear: true, Err: errors.New(what)}
	}
	return &Response{res.Header, b}, nil
}

// Send sends a request with additional headers, and reads the first MiB of the response,
// whatever it is. It ignores Pace and Spare.
func (c *Client) Send(ctx context.Context, method, target, contentType string, body []byte, header http.Header) (*Response, error) {
	with := &Client{
		Base:      c.Base,
		HTTP:      c.HTTP,
		Header:    c.Header.Clone(),
		Auth:      c.Auth,
		Throttled: c.Throttled,
		Now:       c.Now,
	}
	if with.Header == nil {
		with.Header = http.Header{}
	}
	maps.Copy(with.Header, header)
	res, op, err := with.do(ctx, method, target, contentType, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, &Error{Op: op, Unclear: true, Err: fmt.Errorf("the response was truncated: %w", err)}
	}
	return &Response{res.Header, b}, nil
}

// Open requests something large. The caller closes it. Reading ends with an error if the
// connection is cut.
func (c *Client) Open(ctx context.Context, target string) (io.ReadCloser, error) {
	res, op, err := c.do(ctx, http.MethodGet, target, "", nil)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		res.Body.Close()
		return nil, &Error{Op: op, Err: errors.New("the response is a web page")}
	}
	return res.Body, nil
}

// locate returns the URL of a target.
func (c *Client) locate(target string) (*url.URL, error) {
	base, err := url.Parse(c.Base)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of an API", c.Base)
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the vendor returned an invalid link")
	}
	if u.Host == "" && u.Scheme == "" {
		path, query, _ := strings.Cut(target, "?")
		u = base.JoinPath(path)
		u.RawQuery = query
		return u, nil
	}
	if u.Host != base.Host || u.Scheme != base.Scheme {
		return nil, fmt.Errorf("a link to %s://%s rather than %s://%s is not followed", u.Scheme, u.Host, base.Scheme, base.Host)
	}
	return u, nil
}

// do sends a request, and sends it again with a new token if the first was refused. The
// response has a status 2xx.
func (c *Client) do(ctx context.Context, method, target, contentType string, body []byte) (res *http.Response, op string, err error) {
	u, err := c.locate(target)
	if err != nil {
		return nil, "", &Error{Op: method, Kind: Denied, Err: err} // a person should look at it
	}
	op = method + " /" + strings.TrimPrefix(u.Path, "/")
	for fresh := false; ; fresh = true {
		if err := c.wait(ctx); err != nil {
			return nil, op, err
		}
		req, secrets, err := c.request(ctx, method, u, contentType, body, fresh)
		if err != nil {
			return nil, op, err
		}

		client := *cmp.Or(c.HTTP, http.DefaultClient)
		client.CheckRedirect = func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // secrets are sent nowhere else
		}
		watch, sent := WatchSent(req.Context())
		res, err := client.Do(req.WithContext(watch))
		if err != nil {
			var u *url.Error
			if errors.As(err, &u) { // its text contains the query
				err = u.Err
			}
			if ctx.Err() != nil {
				return nil, op, ctx.Err()
			}
			return nil, op, &Error{Op: op, Err: err, Unclear: sent()}
		}

		c.learn(res)
		if res.StatusCode/100 == 2 {
			return res, op, nil
		}
		e := c.refusal(op, res, secrets)
		if e.Kind == Unauthorized && !fresh && c.Auth != nil {
			continue
		}

		return nil, op, e
	}
}

// request makes a request, with a new token if fresh is set. It returns the secrets in its headers.
func (c *Client) request(ctx context.Context, method string, u *url.URL, contentType string, body []byte, fresh bool) (
	req *http.Request, secrets []string, err error) {

	if req, err = http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body)); err != nil {
		return nil, nil, &Error{Op: method + " /" + strings.TrimPrefix(u.Path, "/"), Kind: Refused, Err: err}
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "outflow")
	for name, values := range c.Header {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.Auth == nil {
		return req, nil, nil
	}
	header, secrets, err := c.Auth.Authorization(ctx, fresh)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", header)
	return req, secrets, nil
}

// WatchSent returns a context for HTTP requests, and what reports whether one of them was sent, if only in part. A
// failure before that (no address, no connection, no encryption) is none of the receiver's doing, and has had no effect.
func WatchSent(ctx context.Context) (watch context.Context, sent func() bool) {
	var wrote atomic.Bool
	watch = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	return watch, wrote.Load
}

// wait delays a request while the vendor's limit is used up.
func (c *Client) wait(ctx context.Context) error {
	c.mu.Lock()
	until := c.until
	c.n++
	c.mu.Unlock()
	if d := until.Sub(c.Now()); d > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(d, mostWait)):
		}
	}
	if c.Pace != nil {
		return c.Pace.Wait(ctx)
	}
	return nil
}

// learn reads the vendor's clock and rate limit from the headers of a response.
func (c *Client) learn(res *http.Response) {
	h, now := res.Header, c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		if c.skew = at.Sub(now); c.skew.Abs() <= 2*time.Second { // Date has whole seconds, and the response took time
			c.skew = 0
		}
		if c.skew.Abs() > bigSkew && !c.warned && c.Log != nil {
			c.warned = true
			c.Log.Warn("clocks differ; using the vendor's", "by", c.skew.Round(time.Second))
		}
	}
	number := func(names ...string) (int64, bool) {
		for _, n := range names {
			if v, err := strconv.ParseInt(h.Get(n), 10, 64); err == nil {
				return v, true
			}
		}
		return 0, false
	}
	limit, known := number("X-Rate-Limit-Limit", "X-RateLimit-Limit")
	left, counted := number("X-Rate-Limit-Remaining", "X-RateLimit-Remaining")
	reset, dated := number("X-Rate-Limit-Reset", "X-RateLimit-Reset")
	if known && counted && dated && float64(left) < c.Spare*float64(limit) {
		if at := time.Unix(reset, 0).Add(-c.skew); at.After(now) && at.After(c.until) {
			c.until = at
		}
	}
}

// redirects is the text of the error for a redirection: secrets are sent nowhere else.
const redirects = "it redirects elsewhere, which is not followed"

// refusal returns the error of a response other than 2xx.
func (c *Client) refusal(op string, res *http.Response, secrets []string) *Error {
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	e := &Error{
		Op:     op,
		Status: res.StatusCode,
		Text:   plainText(body, secrets),
		Wait:   c.asked(res.Header),
	}
	e.Unclear = e.Status >= 500
	marked := c.Throttled != nil && c.Throttled(body)
	switch s := res.StatusCode; {
	case s == http.StatusTooManyRequests,
		s == http.StatusForbidden && (marked || e.Wait > 0 || res.Header.Get("X-RateLimit-Remaining") == "0"),
		s == http.StatusBadRequest && marked:
		e.Kind = Throttled
		if e.Wait == 0 {
			header := cmp.Or(res.Header.Get("X-Rate-Limit-Reset"), res.Header.Get("X-RateLimit-Reset"))
			if reset, err := strconv.ParseInt(header, 10, 64); err == nil {
				e.Wait = min(max(time.Unix(reset, 0).Sub(c.Clock()), leastWait), time.Hour)
			}
		}
	case s == http.StatusRequestTimeout, s >= 500:
	case s == http.StatusUnauthorized:
		e.Kind = Unauthorized
	case s == http.StatusForbidden, s == http.StatusPaymentRequired:
		e.Kind = Denied
	case s/100 == 3:
		e.Kind, e.Text = Refused, redirects
	default:
		e.Kind = Refused
	}
	return e
}

// asked returns how long a Retry-After header asks to wait, in seconds or as a date; 0 without
// one.
func (c *Client) asked(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return min(max(time.Duration(n*float64(time.Second)), leastWait/10), time.Hour)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(c.Clock()), leastWait), time.Hour)
	}
	return 0
}

// plainText returns the text of a vendor's error on one line, without secrets.
func plainText(body []byte, secrets []string) string {
	text := secret.Redact(string(body), secrets...)
	if len(body) >= maxRefusal { // a secret may have been cut in two
		text = text[:min(len(text), maxRefusal/2)]
	}
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return "a web page"
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// NextLink returns the target of a Link header with rel="next", or "".
func NextLink(h http.Header) string {
	for _, line := range h.Values("Link") {
		for rest := line; ; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			link, params, _ := strings.Cut(after, ">")
			rest = params
			if params, _, _ = strings.Cut(params, "<"); strings.Contains(params, `rel="next"`) {
				return link
			}
		}
	}
	return ""
}
