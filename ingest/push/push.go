// Package push takes records that other collectors send over HTTP: in the shape of Splunk's HTTP
// event collector, or as they are. A request is answered once its records are in the event log.
package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/guard"
	"github.com/outflow/outflow/internal/pki"
	"github.com/outflow/outflow/internal/secret"
)

// Kind is the kind push.
var Kind = ingest.Kind{
	Name:   "push",
	New:    func() ingest.Opener { return &Config{MaxBody: 8, MaxWaiting: 64, Timeout: 30 * time.Second} },
	Mixed:  true,
	Direct: true,
}

// Config configures a source of kind push.
type Config struct {
	Listen string     `yaml:"listen"` // host:port; required
	Cert   string     `yaml:"cert"`   // file of a certificate in PEM; required unless listen is a loopback address, or plain_http is set
	Key    string     `yaml:"key"`    // file of its key
	Token  secret.Ref `yaml:"token"`  // that senders must have; required
	// PlainHTTP listens without TLS at any address: behind a proxy that ends TLS, or in a container whose port is published on
	// the loopback address alone. The token and the records are readable on the way there.
	PlainHTTP bool `yaml:"plain_http"`

	MaxBody    int           `yaml:"max_body"`    // MiB of a request as it is sent, from 1 to 256; default 8
	MaxWaiting int           `yaml:"max_waiting"` // MiB of all requests that wait, up to 4096; default 64
	Timeout    time.Duration `yaml:"timeout"`     // for a request to be in the event log, from 1s to 10m; default 30s
}

// leastToken is the length of the shortest token that is accepted.
const leastToken = 16

// Check implements ingest.Opener.
func (c *Config) Check() error {
	if err := ingest.RequireSettings("listen", c.Listen, "token", string(c.Token)); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("listen: %q is not a host:port", c.Listen)
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("cert and key must both be set")
	case c.Cert != "" && c.PlainHTTP:
		return errors.New("plain_http and cert exclude each other")
	case c.Cert == "" && !c.PlainHTTP && !pki.Loopback(host):
		return errors.New("cert and key are required unless listen is a loopback address; plain_http if a proxy ends TLS")
	case c.MaxBody < 1 || c.MaxBody > 256:
		return fmt.Errorf("max_body: %d: from 1 to 256 MiB", c.MaxBody)
	case c.MaxWaiting < c.MaxBody || c.MaxWaiting > 4096:
		return fmt.Errorf("max_waiting: %d: from max_body to 4096 MiB", c.MaxWaiting)
	case c.Timeout < time.Second || c.Timeout > 10*time.Minute:
		return fmt.Errorf("timeout: %s: from 1s to 10m", c.Timeout)
	}
	return nil
}

// Files are the files that the settings name, by the setting.
func (c *Config) Files() map[string]string { return map[string]string{"cert": c.Cert, "key": c.Key} }

// Open implements ingest.Opener. It listens until the stream is closed.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	in, conf, err := c.intake(ctx, env)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return []ingest.Stream{c.serve(ln, conf, in, env.Log)}, nil
}

// intake resolves the token and reads the certificate, if there is one.
func (c *Config) intake(ctx context.Context, env ingest.Env) (*intake, *tls.Config, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, nil, fmt.Errorf("token: %w", err)
	}
	if len(token.Reveal()) < leastToken {
		return nil, nil, fmt.Errorf("token: at least %d characters are required", leastToken)
	}
	in := newIntake(token, int64(c.MaxBody)<<20, int64(c.MaxWaiting)<<20, c.Timeout, env.Full)
	if c.Cert == "" {
		return in, nil, nil
	}
	shown := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("cert: %w", err)
		}
		return &pair, nil
	}
	if _, err := shown(); err != nil {
		return nil, nil, err
	}
	return in, &tls.Config{ // a renewed certificate needs no restart
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown() },
	}, nil
}

// serve answers requests at a listener until the stream is closed.
func (c *Config) serve(ln net.Listener, conf *tls.Config, in *intake, logger *slog.Logger) ingest.Stream {
	srv := &http.Server{
		Handler:           guard.Handler("push", in.handler()),
		TLSConfig:         conf,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2*time.Minute + c.Timeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // failed handshakes of anybody
	}
	logger.Info("listening for records", "address", ln.Addr().String(), "tls", conf != nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve := func() error { return srv.Serve(ln) }
		if conf != nil {
			serve = func() error { return srv.ServeTLS(ln, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("listener failed", "err", err)
			in.close(fmt.Errorf("listener: %w", err))
		}
	}()
	return ingest.Stream{
		Name:     "requests",
		Parallel: 2,
		Source:   in,
		Close: func() {
			in.close(errors.New("the source is closed"))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if srv.Shutdown(ctx) != nil { // let those that wait be told so
				srv.Close()
			}
			<-ended
		},
	}
}

// Sample implements ingest.Sampler. If the address is free, what is sent to it meanwhile is shown,
// and refused, so that it is sent again. Otherwise whoever listens there is asked for its health.
func (c *Config) Sample(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	in, conf, err := c.intake(ctx, env)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err == nil {
		return []ingest.Stream{c.serve(ln, conf, in, env.Log)}, nil
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return []ingest.Stream{{Name: "requests", Source: probe{c}}}, nil
}

// probe asks the daemon that listens already for its health.
type probe struct{ c *Config }

// Fetch implements ingest.Source.
func (p probe) Fetch(ctx context.Context, _ ingest.Cursor) (page ingest.Page, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	scheme, transport := "http", &http.Transport{DisableKeepAlives: true}
	if p.c.Cert != "" {
		scheme = "https"
		if transport.TLSClientConfig, err = p.trust(); err != nil {
			return page, err
		}
	}
	host, port, _ := net.SplitHostPort(p.c.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	url := scheme + "://" + net.JoinHostPort(host, port) + "/services/collector/health"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return page, err
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return page, fmt.Errorf("%s is in use, and not by this source: %w", p.c.Listen, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil || res.StatusCode != http.StatusOK {
		return page, errors.Join(fmt.Errorf("%s is in use; it answers %s: %s", p.c.Listen, res.Status, text), err)
	}
	return page, nil
}

// trust returns settings that accept the source's own certificate, whatever name is called.
func (p probe) trust() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(p.c.Cert, p.c.Key)
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	conf.RootCAs.AddCert(leaf)
	switch {
	case len(leaf.DNSNames) > 0:
		conf.ServerName = leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		conf.ServerName = leaf.IPAddresses[0].String()
	}
	return conf, nil
}
