package webapi

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestGuarded connects to no address of this machine or of internal networks, however it is
// written, whatever a name resolves to and wherever a response redirects, unless it is allowed.
func TestGuarded(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	var reached atomic.Int64
	canary := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer canary.Close()
	_, port, err := net.SplitHostPort(canary.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, h := range []string{
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
		"0", "0.0.0.0", "127.0.0.53", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "ip6-localhost",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
		"169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "169.254.170.2", "100.100.100.200", "192.0.0.192",
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "240.0.0.1",
		"255.255.255.255", "224.0.0.1", "[ff02::1]", "[fc00::1]",
	} {
		hosts = append(hosts, "https://"+h+":"+port+"/", "http://"+h+":"+port+"/", "https://user:pass@"+h+":"+port+"/x?y")
	}
	for _, target := range hosts {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		req, err := http.NewRequestWithContext(ctx, "POST", target, strings.NewReader("x"))
		if err == nil {
			c := NewGuarded(nil, nil)
			if res, err := c.Do(req); err == nil {
				t.Errorf("%s answers %d", target, res.StatusCode)
				res.Body.Close()
			}
		}
		cancel()
	}
	if n := reached.Load(); n > 0 {
		t.Fatalf("the canary was reached %d times", n)
	}
	c := NewGuarded([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, canary.Client().Transport.(*http.Transport).TLSClientConfig)
	res, err := c.Get("https://127.0.0.1:" + port)
	if err != nil || reached.Load() != 1 {
		t.Fatal(err)
	}
	res.Body.Close()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, canary.URL, http.StatusTemporaryRedirect)
	}))
	defer elsewhere.Close()
	api := &Client{Base: elsewhere.URL, HTTP: c, Now: time.Now}
	if _, err := api.Post(t.Context(), "/", []byte("{}")); err == nil || reached.Load() != 1 {
		t.Errorf("an answer that points elsewhere was followed: %v", err)
	}
	for address, want := range map[string]bool{
		"8.8.8.8":         true,
		"2606:4700::1111": true,
		"::ffff:8.8.8.8":  true,
		"::ffff:10.0.0.1": false,
		"fe80::1%eth0":    false,
		// The same in other forms: NAT64, NAT64 of a local network, IPv4-compatible, IPv4-translated, 6to4, Teredo, ORCHID.
		"64:ff9b::7f00:1": false, "64:ff9b:1::a00:1": false, "::7f00:1": false, "::ffff:0:127.0.0.1": false, "2002:a9fe:a9fe::1": false,
		"2001:0:4136:e378:8000:63bf:3fff:fdd2": false, "2001:10::1": false,
		"0.1.2.3": false, "100.64.0.1": false, "198.19.0.1": false, "192.88.99.1": false, "255.255.255.255": false,
		"fec0::1": false, "fc00::1": false, "100::1": false, "2001:db8::1": false, "3fff::1": false, "4000::1": false,
		// Metadata of AWS (also by IPv6, containers, time), Google, Azure, Oracle, Alibaba, Tencent and Scaleway.
		"169.254.169.254": false, "fd00:ec2::254": false, "169.254.170.2": false, "fd00:ec2::23": false, "169.254.169.123": false,
		"fd20:ce::254": false, "168.63.129.16": false, "192.0.0.192": false, "100.100.100.200": false, "169.254.0.23": false,
		"169.254.42.42": false, "fd00:42::42": false,
		"10.1.2.3": false,
	} {
		if got := Outside(netip.MustParseAddr(address), nil); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if !Outside(netip.MustParseAddr("::ffff:10.1.2.3"), []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}) {
		t.Error("what is allowed is not")
	}
}
