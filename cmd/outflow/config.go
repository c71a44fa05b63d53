package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/ingest/identity"
)

// config is the configuration file. Everything in it has a default that works.
type config struct {
	// Domains are the organisation's own mail domains, beside those of the people
	// file.
	Domains []string `yaml:"domains"`
	// ServiceAccounts are accounts that belong to no person, as exact names.
	ServiceAccounts []string `yaml:"service_accounts"`
	// Aliases are further accounts of people, by their address.
	Aliases map[string][]string `yaml:"aliases"`
}

// identity is the part of the configuration that is about people.
func (c *config) identity() identity.Config {
	return identity.Config{Domains: c.Domains, ServiceAccounts: c.ServiceAccounts, Aliases: c.Aliases}
}

// loadConfig reads a file strictly: a key it does not know is an error.
func loadConfig(path string) (*config, error) {
	c := &config{}
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
	return c, nil
}
