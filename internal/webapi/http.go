package webapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// stall is how long a vendor may say nothing in the middle of an answer.
const stall = time.Minute

// NewHTTP returns what requests are sent with: answers must begin within a minute and
// a half, and go on; they may be as long as they like.
func NewHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.ResponseHeaderTimeout = 90 * time.Second
	t.MaxIdleConnsPerHost = 64
	return &http.Client{Transport: &steady{t, stall}}
}

// steady ends answers that stall.
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

type steadyBody struct {
	io.ReadCloser
	stall  time.Duration
	timer  *time.Timer
	cancel context.CancelFunc
}

func (b *steadyBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall)
	return b.ReadCloser.Read(p)
}

func (b *steadyBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
