package config

import (
	"bytes"
	"errors"
	"fmt"
	"github.com/outflow/outflow/internal/geoip"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/internal/secret"
)

// Load reads the file at path and returns a complete, checked configuration; the defaults if path
// is "". The error names the file and the key. It is for commands that do not run the daemon:
// sources may be missing, for instance.
func Load(path string) (*Config, error) {
	c, err := load(path, nil)
	if err == nil {
		c.PersonalDomains.Use()
	}
	return c, err
}

// LoadFor is Load for a process that runs these roles of the daemon: it also checks that they
// have what they require. It leaves it to the caller to use PersonalDomains.
func LoadFor(path string, roles ...string) (*Config, error) { return load(path, roles) }

func load(path string, roles []string) (*Config, error) {
	c, bad := examine(path, roles)
	if len(bad) == 0 {
		return c, nil
	}
	if text := bad[0].Error(); path != "" && !strings.HasPrefix(text, "--config") {
		return nil, fmt.Errorf("--config %s: %w", path, bad[0])
	}
	return nil, bad[0]
}

// examine reads the file at path, and returns the configuration with all that is wrong with it, in the order in which it
// is looked for. Without a configuration, the file could not be read.
func examine(path string, roles []string) (c *Config, bad []error) {
	c, text, err := read(path)
	if err != nil {
		return nil, []error{err}
	}
	c.setDefaults()
	c.resolvePaths(path)
	add := func(err error) {
		if err != nil {
			bad = append(bad, err)
		}
	}
	c.RuleSet, err = ruleset.Load(c.Rules, c.Placeholders)
	add(err)
	for i := range c.Watchlists {
		add(c.inWatchlist(i, c.Watchlists[i].readFile()))
	}
	c.Places, err = geoip.Open(c.AddressDatabases)
	add(err)
	bad = append(bad, c.validate(roles)...)
	if len(bad) > 0 {
		where := newLines(text)
		for i, err := range bad {
			bad[i] = where.locate(err)
		}
	}
	return c, bad
}

// runsPrograms matches a configuration with a reference to the output of a program.
var runsPrograms = regexp.MustCompile(`(?m)^[^#\n]*\bexec:`)

// read decodes a file strictly, and returns its text: a key that is not known is an error.
func read(path string) (c *Config, text []byte, err error) {
	c = &Config{}
	if path == "" {
		return c, nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("--config: %w", err)
	}
	if runsPrograms.Match(b) { // who can change it chooses what is run
		if err := secret.Trusted(path); err != nil {
			return nil, nil, fmt.Errorf("--config: it runs programs (exec:), but %w", err)
		}
	}
	err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(c)
	if err != nil && !errors.Is(err, io.EOF) {
		text, line := said(err)
		if err = errors.New(text); line > 0 {
			return nil, nil, &lineError{line, err}
		}
		return nil, nil, newLines(b).locate(err)
	}
	return c, b, nil
}

// MayBecome returns an error if a change from c to next requires a restart: all changes do but
// those of the sources, the channels, the rules, the watchlists and the budget.
func (c *Config) MayBecome(next *Config) error {
	a, b := *c, *next
	for _, x := range []*Config{&a, &b} {
		x.Sources, x.Channels, x.Watchlists, x.Budget, x.RuleSet = nil, nil, nil, 0, ruleset.Rules{}
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			return fmt.Errorf("%s cannot change while the daemon runs: restart it", va.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return nil
}
