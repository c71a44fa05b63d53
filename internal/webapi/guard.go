package webapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// internet knows which addresses are on the internet: not this machine, private networks, cloud metadata and what IANA has
// set aside for special purposes. IPv6 is reached at global unicast addresses alone, so that nothing leads to an IPv4
// address in another form (NAT64, 6to4, Teredo).
// Azure's WireServer (168.63.129.16) has a public address.
var internet = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork(), ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")))

// ErrInternal is the error for an address that is not Outside.
var ErrInternal = errors.New("a private address")

// Outside reports whether an address is on the internet, or in an allowed network.
func Outside(a netip.Addr, allow []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && (internet.SafeAddr(a) == nil || slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(a) }))
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

// SameOrigin is a http.Client.CheckRedirect that follows redirects of the same scheme and host alone: what a
// request carries is sent nowhere else.
func SameOrigin(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		return fmt.Errorf("a redirect to %s://%s rather than %s://%s is not followed",
			req.URL.Scheme, req.URL.Host, first.Scheme, first.Host)
	}
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	return nil
}

// StayAtOrigin has a transport refuse redirects to another scheme or host, for clients that follow redirects by a rule of
// their own: that of the AWS SDK sends bodies along, wherever a 307 leads.
func StayAtOrigin(t *http.Transport) {
	proxy := t.Proxy
	t.Proxy = func(r *http.Request) (*url.URL, error) { // the one function that a transport asks about every request
		if r.Response != nil && r.Response.Request != nil {
			if err := SameOrigin(r, []*http.Request{r.Response.Request}); err != nil {
				return nil, err
			}
		}
		if proxy == nil {
			return nil, nil
		}
		return proxy(r)
	}
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
