package webapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// stall is how long a vendor may pause in the middle of a response.
const stall = time.Minute

// NewHTTP returns a client for requests to vendors. Responses must begin within 90 seconds and
// may pause for a minute; they may take as long as they like.
func NewHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.ResponseHeaderTimeout = 90 * time.Second
	t.MaxIdleConnsPerHost = 64
	return &http.Client{Transport: &steady{t, stall}}
}

// steady cancels responses that stall.
type steady struct {
	next  http.RoundTripper
	stall time.Duration
}

// RoundTrip implements http.RoundTripper.
func (s *steady) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	res, err := s.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	b := &steadyBody{ReadCloser: res.Body, stall: s.stall, cancel: cancel}
	b.timer = time.AfterFunc(s.stall, cancel)
	res.Body = b
	return res, nil
}

// steadyBody is the body of a response that is cancelled if nothing is read for a while.
type steadyBody struct {
	io.ReadCloser
	stall  time.Duration
	timer  *time.Timer
	cancel context.CancelFunc
}

// Read implements io.Reader.
func (b *steadyBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	return b.ReadCloser.Read(p)
}

// Close implements io.Closer.
func (b *steadyBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
