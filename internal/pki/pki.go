// Package pki is whom connections over TLS trust, and as whom they show themselves.
package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Files are certificates and a key, in PEM, as settings name them.
type Files struct {
	CA   string `yaml:"ca"`          // of authorities; "" for those of the system
	Cert string `yaml:"client_cert"` // that is shown to a server that asks for one, with what leads to its authority; "" for none
	Key  string `yaml:"client_key"`  // of that certificate
}

// Check says what cannot be, without reading anything.
func (f Files) Check() error {
	if (f.Cert == "") != (f.Key == "") {
		return errors.New("client_cert and client_key belong together")
	}
	return nil
}

// Config is for connections as a client, of TLS 1.2 at least. The certificate that is shown
// is read for each connection, so that one that is renewed needs no restart.
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
			return nil, fmt.Errorf("ca: %s holds no certificate", f.CA)
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
