package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/pki"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = sign(t, nil, "authority")
	return a
}

// sign makes a certificate, of an authority or, without one, for one.
func sign(t *testing.T, by *authority, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        by == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// write puts a certificate and, if there is one, its key into files.
func write(t *testing.T, dir, name string, cert *x509.Certificate, key *ecdsa.PrivateKey) (certFile, keyFile string) {
	t.Helper()
	put := func(ext, kind string, der []byte) string {
		path := filepath.Join(dir, name+ext)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certFile = put(".crt", "CERTIFICATE", cert.Raw)
	if key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		keyFile = put(".key", "PRIVATE KEY", der)
	}
	return certFile, keyFile
}

// TestMutual connects to a server with an authority of its own that requires a certificate:
// only with the right files, and with a certificate that was renewed meanwhile.
func TestMutual(t *testing.T) {
	dir, ours, others := t.TempDir(), newAuthority(t), newAuthority(t)
	ca, _ := write(t, dir, "ca", ours.cert, nil)
	cert, key := sign(t, ours, "server")
	clients := x509.NewCertPool()
	clients.AddCert(ours.cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	renew := func(by *authority, name string) (string, string) {
		c, k := sign(t, by, name)
		return write(t, dir, "client", c, k)
	}
	ask := func(c *tls.Config) (string, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
		res, err := client.Get(url)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	certFile, keyFile := renew(ours, "first")
	c, err := pki.Files{CA: ca, Cert: certFile, Key: keyFile}.Config()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		renew(ours, name)
		if got, err := ask(c); got != name || err != nil {
			t.Errorf("%s: the server saw %q: %v", name, got, err)
		}
	}
	renew(others, "stranger")
	if got, err := ask(c); err == nil {
		t.Errorf("a certificate of another authority: the server saw %q", got)
	}
	renew(ours, "third")
	for name, f := range map[string]pki.Files{
		"nothing is shown":              {CA: ca},
		"nobody vouches for the server": {Cert: certFile, Key: keyFile},
	} {
		c, err := f.Config()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ask(c); err == nil {
			t.Errorf("%s: the server saw %q", name, got)
		}
	}
}

// TestWrong checks that errors name the file.
func TestWrong(t *testing.T) {
	dir, ours := t.TempDir(), newAuthority(t)
	cert, key := write(t, dir, "a", ours.cert, ours.key)
	_, other := write(t, dir, "b", ours.cert, newAuthority(t).key)
	for want, f := range map[string]pki.Files{
		"ca: open ": {CA: filepath.Join(dir, "none")},
		"ca: " + key + " contains no certificate": {CA: key},
		"client_cert and client_key must":         {Cert: cert},
		"client_key must both be set":             {Key: key},
		"client_cert: ":                           {Cert: cert, Key: other},
		"client_cert: open ":                      {Cert: cert, Key: filepath.Join(dir, "none")},
	} {
		if _, err := f.Config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if c, err := (pki.Files{}).Config(); err != nil || c.RootCAs != nil || c.MinVersion < tls.VersionTLS12 {
		t.Error(c, err)
	}
}

// TestLoopback asks about hosts that are this machine, and others that look like it.
func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true,
		"": false, "0.0.0.0": false, "::": false, "localhost.example": false, "128.0.0.1": false,
	} {
		if got := pki.Loopback(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
