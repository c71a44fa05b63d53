package config

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

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
	guarded.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // it would get the client's secret
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
