package config

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// SignOn is the identity provider of the feed, with its secret resolved; nil if none is
// configured.
func (c *Config) SignOn(ctx context.Context) (*feed.SignOn, error) {
	o := &c.Feed.OIDC
	if o.Issuer == "" {
		return nil, nil
	}
	allow, _ := networks(o.Networks) // they were checked
	guarded := webapi.NewGuarded(allow, nil)
	guarded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // or it gets the secret
	s := &feed.SignOn{
		Issuer:   o.Issuer,
		ClientID: o.ClientID,
		Redirect: strings.TrimSuffix(c.PublicURL, "/") + "/login/oidc/callback",
		Claim:    o.Claim,
		Roles:    o.Roles,
		Life:     cmp.Or(o.Session, 8*time.Hour),
		HTTP:     guarded,
	}
	if o.ClientSecret != "" {
		v, err := secret.Resolve(ctx, o.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("feed: oidc: client_secret: %w", err)
		}
		s.ClientSecret = v.Reveal()
	}
	return s, nil
}

// Proxies are the networks of trusted proxies.
func (f *Feed) Proxies() ([]netip.Prefix, error) {
	return prefixes("trusted_proxies", f.TrustedProxies)
}

// TwoPeople says at which severities closing or suppressing an alert requires two people; nil for none.
func (f *Feed) TwoPeople() (func(alert.Severity) bool, error) {
	if f.SecondPerson == "" {
		return nil, nil
	}
	from, err := alert.ParseSeverity(f.SecondPerson)
	if err != nil {
		return nil, fmt.Errorf("second_person: %w", err)
	}
	return func(s alert.Severity) bool { return s >= from }, nil
}

// Encrypted reports whether browsers reach the feed over TLS: its own, or that of a trusted proxy.
func (c *Config) Encrypted() bool {
	return c.Feed.Cert != "" || len(c.Feed.TrustedProxies) > 0 && strings.HasPrefix(c.PublicURL, "https://")
}
