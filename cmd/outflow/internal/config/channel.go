package config

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/email"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/finding"
)

// WantedBy returns which alerts a channel is sent. Those about events that are not processed go
// to every channel if no channel wants them: they cannot be muted.
func (c *Config) WantedBy(ch *Channel) func(a *alert.Alert) bool {
	return func(a *alert.Alert) bool {
		wanted := func(other Channel) bool { return other.Wants(a) }
		return ch.Wants(a) || a.IsNotProcessed() && !slices.ContainsFunc(c.Channels, wanted)
	}
}

// Wants reports whether an alert passes the filters of a channel.
func (c *Channel) Wants(a *alert.Alert) bool {
	least := alert.Informational
	if c.MinSeverity != "" {
		least, _ = alert.ParseSeverity(c.MinSeverity) // it was checked
	}
	of := func(department string) bool { return strings.EqualFold(department, a.Department) }
	switch {
	case c.Health != nil && *c.Health != a.Health:
		return false
	case a.Severity < least:
		return false
	case len(c.Departments) > 0 && !slices.ContainsFunc(c.Departments, of):
		return false
	case c.Leavers && !traits.Any(a.Detectors, finding.AboutLeavers):
		return false
	case len(c.Detectors) == 0:
		return true
	}
	return slices.ContainsFunc(a.Detectors, func(d string) bool { return slices.Contains(c.Detectors, d) })
}

// Open makes a channel ready to send. It resolves secrets and reads certificates.
func (c *Channel) Open(ctx context.Context) (alert.Notifier, error) {
	env, err := c.env()
	if err != nil {
		return nil, err
	}
	return c.settings.Open(ctx, env)
}

// env is what a channel gets from outside.
func (c *Channel) env() (alert.Env, error) {
	allow, err := networks(c.Networks)
	if err != nil {
		return alert.Env{}, err
	}
	encryption, err := c.Files.Config()
	return alert.Env{Now: time.Now, Version: buildinfo.Version(), Allow: allow, TLS: encryption}, err
}

// ErrNoMail is the error of Mail if there is no channel of kind email.
var ErrNoMail = errors.New("--config names no channel of kind email")

// Mail is the first channel of kind email, and what it gets from outside.
func (c *Config) Mail() (settings *email.Config, env alert.Env, err error) {
	for i := range c.Channels {
		if settings, ok := c.Channels[i].settings.(*email.Config); ok {
			env, err = c.Channels[i].env()
			return settings, env, err
		}
	}
	return nil, env, ErrNoMail
}

// Link is the address of an alert's page; "" without public_url.
func (c *Config) Link(a *alert.Alert) string {
	if c.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(c.PublicURL, "/") + "/alerts/" + a.ID
}
