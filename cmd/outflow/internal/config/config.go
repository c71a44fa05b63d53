// Package config reads the configuration file and checks it. Every part has a default that
// works; unknown keys are errors.
package config

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/email"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Config is the configuration file. Everything in it has a default that works.
type Config struct {
	// Domains are the organisation's own mail domains, beside those of the people
	// file.
	Domains []string `yaml:"domains"`
	// ServiceAccounts are accounts that belong to no person, as exact names.
	ServiceAccounts []string `yaml:"service_accounts"`
	// Aliases are further accounts of people, by their address.
	Aliases map[string][]string `yaml:"aliases"`
	// Budget is how many false alerts per 1,000 user-days are wanted; 0 stands for
	// what --min-severity says.
	Budget float64 `yaml:"budget"`
	// ForbiddenDomains are those that nothing may be shared with.
	ForbiddenDomains []string `yaml:"forbidden_domains"`
	// TopLabels are names or ids of the highest sensitivity labels.
	TopLabels []string `yaml:"top_labels"`
	// AWSAccounts are the organisation's own, beside those its logs come from.
	AWSAccounts []string `yaml:"aws_accounts"`
	// Exceptions are what is known and wanted.
	Exceptions []Exception `yaml:"exceptions"`
	// Rules is a folder of rules of the organisation's own, in Sigma's format.
	Rules string `yaml:"rules"`
	// The rest is for outflow run. DataDir is the folder of its state.
	DataDir string `yaml:"data_dir"`
	// Log is what its stages share.
	Log Log `yaml:"log"`
	// Sources are where events come from.
	Sources []Source `yaml:"sources"`
	// Channels are how people are told.
	Channels []Channel `yaml:"channels"`
	// Snapshots are where machines of a cluster share the state of the judge.
	Snapshots snapshot.Config `yaml:"snapshots"`
	// Listen is the address of /metrics, /healthz and /readyz; "" for none.
	Listen string `yaml:"listen"`
	// PublicURL is the address by which people reach the pages; messages link to it.
	PublicURL string `yaml:"public_url"`
	// Digest is when the digest of the week before is mailed.
	Digest Digest `yaml:"digest"`
	// Heartbeat is what is called while all is well.
	Heartbeat Heartbeat `yaml:"heartbeat"`
	// Feed is the API and the pages for people.
	Feed Feed `yaml:"feed"`

	// Memory bounds what is kept in memory; more is in temporary files.
	Memory Memory `yaml:"memory"`
	// DiskReserve is how many MiB of the disk of data_dir are left free: intake stops below.
	// 0 stands for 1024, but no more than a tenth of the disk; -1 for none.
	DiskReserve int `yaml:"disk_reserve"`
	// Retention is for how many days what is kept; the log of events has its own.
	Retention Retention `yaml:"retention"`
	// IndicatorsOff are what must not be looked at, for people of some countries or
	// departments.
	IndicatorsOff []OptOut      `yaml:"indicators_off"`
	RuleSet       ruleset.Rules `yaml:"-"`
}

// Memory is how much is kept in memory as it is; 0 stands for the default.
type Memory struct {
	People int `yaml:"people"` // whose state; 20,000 by default, about 10 kB each
	Events int `yaml:"events"` // MiB of events of the last days; 128 by default
}

// check says what of it cannot be.
func (m *Memory) check() error {
	if min(m.People, m.Events) < 0 {
		return errors.New("memory: people and events cannot be negative")
	}
	return nil
}

// Window is for how many bytes of events there is room.
func (m *Memory) Window() int64 { return int64(cmp.Or(m.Events, 128)) << 20 }

// OptOut is a engine.Off as it is written in the file.
type OptOut struct {
	Countries   []string `yaml:"countries"`
	Departments []string `yaml:"departments"`
	Detectors   []string `yaml:"detectors"`
	Reason      string   `yaml:"reason"`
}

// Feed is where the feed is served.
type Feed struct {
	Listen string `yaml:"listen"` // "" for nowhere
	Cert   string `yaml:"cert"`   // files in PEM; needed unless it listens on this machine alone
	Key    string `yaml:"key"`
	// OIDC is the identity provider that people sign in through, beside tokens.
	OIDC OIDC `yaml:"oidc"`
}

// OIDC is an OpenID Connect provider; public_url is where it sends browsers back to.
type OIDC struct {
	Issuer       string                 `yaml:"issuer"` // "" for none
	ClientID     string                 `yaml:"client_id"`
	ClientSecret string                 `yaml:"client_secret"` // env:NAME, file:PATH or exec:COMMAND; "" for a public client
	Claim        string                 `yaml:"claim"`         // that names groups; groups if empty
	Roles        map[feed.Role][]string `yaml:"roles"`         // the groups of each role
	Session      time.Duration          `yaml:"session"`       // how long one is signed in; 8h if 0
}

// check says what of it cannot be.
func (o *OIDC) check(publicURL string) error {
	if o.Issuer == "" {
		return nil
	}
	switch u, err := url.Parse(o.Issuer); {
	case err != nil || u.Host == "" || u.Scheme != "https" && !loopback(u.Hostname()):
		return fmt.Errorf("feed: oidc: issuer: %q is not an https address", o.Issuer)
	case o.ClientID == "":
		return errors.New("feed: oidc: client_id is needed")
	case publicURL == "":
		return errors.New("feed: oidc: public_url is needed: the provider sends browsers back there")
	case len(o.Roles) == 0:
		return errors.New("feed: oidc: roles are needed: which groups have which")
	case o.Session < 0:
		return errors.New("feed: oidc: session cannot be negative")
	}
	for r := range o.Roles {
		if !slices.Contains(feed.Roles, r) {
			return fmt.Errorf("feed: oidc: roles: %q is not one of %v", r, feed.Roles)
		}
	}
	return nil
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Exception is a engine.Exception as it is written in the file.
type Exception struct {
	Name      string   `yaml:"name"`
	App       string   `yaml:"app"`
	Domain    string   `yaml:"domain"`
	User      string   `yaml:"user"`
	Detectors []string `yaml:"detectors"`
	From      string   `yaml:"from"`
	Until     string   `yaml:"until"`
	Owner     string   `yaml:"owner"`
	Reason    string   `yaml:"reason"`
}

// Identity is the part of the configuration that is about people.
func (c *Config) Identity() identity.Config {
	return identity.Config{Domains: c.Domains, ServiceAccounts: c.ServiceAccounts, Aliases: c.Aliases}
}

// Catalog has the detectors that the program scores by.
var Catalog = engine.NewCatalog(detectors.All)

// Detect is the part that is about judging.
func (c *Config) Detect() (engine.Config, error) {
	out := engine.Config{Detectors: Catalog, ForbiddenDomains: c.ForbiddenDomains, TopLabels: c.TopLabels, AWSAccounts: c.AWSAccounts, Rules: c.RuleSet.Set, Unpacked: c.Memory.People}
	for _, x := range c.IndicatorsOff {
		out.OptOuts = append(out.OptOuts, engine.OptOut(x))
	}
	for i, x := range c.Exceptions {
		from, err := Moment(x.From)
		if err != nil {
			return out, fmt.Errorf("exception %d (%s): from: %w", i+1, x.Name, err)
		}
		until, err := Moment(x.Until)
		if err != nil {
			return out, fmt.Errorf("exception %d (%s): until: %w", i+1, x.Name, err)
		}
		out.Exceptions = append(out.Exceptions, engine.Exception{Name: x.Name, App: x.App, Domain: x.Domain, User: x.User, Detectors: x.Detectors, From: from, Until: until, Owner: x.Owner, Reason: x.Reason})
	}
	return out, out.Check()
}

// Moment reads a day or a time; "" is the zero time.
func Moment(t string) (time.Time, error) {
	if t == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, t); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-03-31 nor a time such as 2026-03-31T22:00:00Z", t)
}

// MaxBudget is above what any team reads, and what scores say anything about.
const MaxBudget = 100

// Load reads a file strictly: a key it does not know is an error.
func Load(path string) (*Config, error) {
	c := &Config{}
	if path == "" {
		return c, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("--config %s: %w", path, err)
	}
	if c.Budget < 0 || c.Budget > MaxBudget {
		return nil, fmt.Errorf("--config %s: budget %g: from 0 to %d false alerts per 1,000 user-days", path, c.Budget, MaxBudget)
	}
	if _, err := c.Detect(); err != nil {
		return nil, fmt.Errorf("--config %s: %w", path, err)
	}
	if err := cmp.Or(c.Retention.check(), c.Memory.check()); err != nil {
		return nil, fmt.Errorf("--config %s: %w", path, err)
	}
	if c.Rules != "" && !filepath.IsAbs(c.Rules) {
		c.Rules = filepath.Join(filepath.Dir(path), c.Rules)
	}
	if c.RuleSet, err = ruleset.Load(c.Rules); err != nil {
		return nil, fmt.Errorf("--config %s: %w", path, err)
	}
	return c, nil
}

// SignOn is the identity provider of the feed; nil if none is configured.
func (c *Config) SignOn(ctx context.Context) (*feed.SignOn, error) {
	o := &c.Feed.OIDC
	if o.Issuer == "" {
		return nil, nil
	}
	s := &feed.SignOn{Issuer: o.Issuer, ClientID: o.ClientID, Redirect: strings.TrimSuffix(c.PublicURL, "/") + "/login/oidc/callback", Claim: o.Claim, Roles: o.Roles, Life: cmp.Or(o.Session, 8*time.Hour), HTTP: webapi.NewHTTP()}
	if o.ClientSecret != "" {
		v, err := secret.Resolve(ctx, o.ClientSecret)
		if err != nil {
			return nil, fmt.Errorf("feed: oidc: client_secret: %w", err)
		}
		s.ClientSecret = v.Reveal()
	}
	return s, nil
}

// Mail is the first channel of kind email.
func (c *Config) Mail() (settings *email.Config, env alert.Env, err error) {
	for i := range c.Channels {
		if settings, ok := c.Channels[i].settings.(*email.Config); ok {
			env, err = c.Channels[i].env()
			return settings, env, err
		}
	}
	return nil, env, ErrNoMail
}

// ErrNoMail says that nothing can be mailed.
var ErrNoMail = errors.New("--config names no channel of kind email")

// Link is the page of an alert; "" if the pages have no address.
func (c *Config) Link(a *alert.Alert) string {
	if c.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(c.PublicURL, "/") + "/alerts/" + a.ID
}
