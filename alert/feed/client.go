package feed

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/time/rate"
)

// client returns the address that a request comes from. Behind proxies that are trusted that is the last address of
// X-Forwarded-For that is none of theirs: what is before it may be made up.
func (s *Server) client(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at := address(host)
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(list) {
		next := address(text)
		if !s.trusts(at) || !next.IsValid() {
			break
		}
		at = next
	}
	return at
}

// trusts reports whether an address is that of a trusted proxy.
func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// address reads an address, with or without a port.
func address(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// source names a client for limits: an IPv6 client has a network of addresses.
func source(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

const (
	perSecond = 20  // requests per second of one token, or of one client without a valid one
	atOnce    = 200 // of them at once

	attemptsAtOnce   = 10       // failed sign-ins of one client at once
	attemptsInSecond = 1.0 / 10 // and then

	maxLimits = 10_000 // limiters that are kept
)

// limit returns the rate limiter of a token's holder, or of a client.
func (s *Server) limit(of string) *rate.Limiter { return s.limiter(of, perSecond, atOnce) }

// attempts returns the limiter of failed sign-ins of a client.
func (s *Server) attempts(r *http.Request) *rate.Limiter {
	return s.limiter("sign-in "+source(s.client(r)), attemptsInSecond, attemptsAtOnce)
}

// limiter returns a limiter by its name.
func (s *Server) limiter(name string, every rate.Limit, atOnce int) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits == nil || len(s.limits) >= maxLimits {
		kept := map[string]*rate.Limiter{}
		for k, l := range s.limits {
			if l.Tokens() < float64(l.Burst()) { // a full one is as good as new
				kept[k] = l
			}
		}
		if s.limits = kept; len(kept) >= maxLimits {
			s.limits = map[string]*rate.Limiter{}
		}
	}
	l := s.limits[name]
	if l == nil {
		l = rate.NewLimiter(every, atOnce)
		s.limits[name] = l
	}
	return l
}
