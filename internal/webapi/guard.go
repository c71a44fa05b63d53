package webapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// inner are the networks that are not reached unless they are allowed: this machine, private
// networks, cloud metadata, and those that stand for others (RFC 6890 and its successors).
var inner = func() (list []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
		"::/128", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}()

// ErrInternal is the error for an address that is not Outside.
var ErrInternal = errors.New("a private address")

// Outside reports whether an address is on the internet, or in an allowed network.
func Outside(a netip.Addr, allow []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(a) }
	return a.IsValid() && (!slices.ContainsFunc(inner, within) || slices.ContainsFunc(allow, within))
}

// NewGuarded is NewHTTP for addresses from the configuration. It connects to no address of this
// machine, of a private network or of cloud metadata, whatever a name resolves to at that
// moment, unless its network is allowed. Without allowed networks it requires TLS. Encryption
// has the trusted authorities and the client certificate; nil stands for the system's
// authorities.
func NewGuarded(allow []netip.Prefix, encryption *tls.Config) *http.Client {
	c := NewHTTP()
	s := c.Transport.(*steady)
	t := s.next.(*http.Transport)
	if encryption != nil {
		t.TLSClientConfig = encryption
	}
	plain := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	guarded := *plain
	guarded.Control = func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !Outside(at.Addr(), allow) {
			return fmt.Errorf("%s is %w: add its network to allow_networks", address, ErrInternal)
		}
		return nil
	}
	proxies := proxyHosts()
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if slices.Contains(proxies, address) { // the proxy decides where it connects
			return plain.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
	if len(allow) == 0 {
		c.Transport = secure{c.Transport}
	}
	return c
}

// proxyHosts returns the proxies of the environment, as host:port.
func proxyHosts() (list []string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		v := os.Getenv(name)
		if _, rest, ok := strings.Cut(v, "://"); ok {
			v = rest
		}
		if _, host, ok := strings.Cut(v, "@"); ok {
			v = host
		}
		if v = strings.TrimSuffix(v, "/"); v != "" {
			if _, _, err := net.SplitHostPort(v); err != nil {
				v = net.JoinHostPort(v, "80")
			}
			list = append(list, v)
		}
	}
	return list
}

// secure refuses requests without TLS.
type secure struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s secure) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return nil, errors.New("https is required, unless allow_networks is set")
	}
	return s.next.RoundTrip(req)
}
