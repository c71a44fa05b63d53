// Package pki reads the certificates of TLS clients: whom they trust, and how they
// authenticate. It tells which hosts need none.
package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Files are paths of certificates and a key in PEM, as the configuration has them.
type Files struct {
	CA   string `yaml:"ca"`          // file of trusted authorities in PEM; those of the system if empty
	Cert string `yaml:"client_cert"` // file of a client certificate in PEM, with its intermediates
	Key  string `yaml:"client_key"`  // file of its private key
}

// Check returns an error for a certificate without a key, or a key without a certificate. It
// reads no file.
func (f Files) Check() error {
	if (f.Cert == "") != (f.Key == "") {
		return errors.New("client_cert and client_key must both be set")
	}
	return nil
}

// Config returns the settings of a client for TLS 1.2 or later. The client certificate is read
// for each connection, so that a renewed one needs no restart. Unreadable files are errors.
func (f Files) Config() (*tls.Config, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s contains no certificate", f.CA)
		}
	}
	if f.Cert != "" {
		shown := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
			if err != nil {
				return nil, fmt.Errorf("client_cert: %w", err)
			}
			return &pair, nil
		}
		if _, err := shown(); err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown() }
	}
	return c, nil
}

// Loopback reports whether a host is this machine: what is sent there needs no TLS.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
