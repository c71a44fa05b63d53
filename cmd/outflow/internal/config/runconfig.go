package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/alert"
	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/detect/detectors"

	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/pki"
	"github.com/outflow/outflow/internal/secret"
)

// Log is the log that the stages of a daemon share.
type Log struct {
	// Kind is sqlite (everything in one process) or kafka.
	Kind string `yaml:"kind"`
	// Partitions of the log of events: fixed when it is made.
	Partitions int `yaml:"partitions"`
	// Shards is among how many the people are spread, for judges on several machines (kafka):
	// fixed when the logs are made. With one, one judges and the others stand by.
	Shards int `yaml:"shards"`
	// Retention is for how long events are kept at least.
	Retention time.Duration `yaml:"retention"`
	// The rest is for kafka.
	Brokers     addresses `yaml:"brokers"`
	TopicPrefix string    `yaml:"topic_prefix"`
	Replication int       `yaml:"replication"`
	TLS         bool      `yaml:"tls"`
	Files       pki.Files `yaml:",inline"`
	SASL        SASL      `yaml:"sasl"`
}

// addresses is a list of host:port. Within brackets the YAML library takes an
// unquoted one for a mapping.
type addresses []string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (a *addresses) UnmarshalYAML(decode func(any) error) error {
	var list []any
	if err := decode(&list); err != nil {
		return err
	}
	*a = nil
	for _, x := range list {
		switch x := x.(type) {
		case string:
			*a = append(*a, x)
		case map[string]any:
			for host, port := range x {
				*a = append(*a, fmt.Sprintf("%s:%v", host, port))
			}
		default:
			return fmt.Errorf("%v is not a host:port", x)
		}
	}
	return nil
}

type SASL struct {
	Mechanism string `yaml:"mechanism"`
	User      string `yaml:"user"`
	Password  string `yaml:"password"` // env:NAME, file:PATH or exec:COMMAND
}

// Source is a source of events: files, or an API with settings of its own.
type Source struct {
	Name  string   `yaml:"name"`
	Kind  string   `yaml:"kind"`
	Paths []string `yaml:"paths"` // of files
	Since string   `yaml:"since"` // of an API: from when on it is read, at first

	Api ingest.Opener `yaml:"-"`
}

// UnmarshalYAML implements yaml.BytesUnmarshaler: the kind says which settings there
// are.
func (s *Source) UnmarshalYAML(text []byte) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	own, kind := map[string]any{}, given["kind"]
	for _, key := range []string{"name", "kind", "paths", "since"} {
		if v, set := given[key]; set && (key != "paths" || kind == "files") {
			own[key] = v
			delete(given, key)
		}
	}
	type plain Source
	if err := decodeMap(own, (*plain)(s)); err != nil {
		return err
	}
	i := slices.IndexFunc(all.Kinds, func(k ingest.Kind) bool { return k.Name == s.Kind })
	if i < 0 {
		if s.Kind != "files" { // checkRun says so
			return nil
		}
		return decodeMap(given, &struct{}{})
	}
	s.Api = all.Kinds[i].New()
	if err := decodeMap(given, s.Api); err != nil {
		return fmt.Errorf("source %s: %w", s.Name, err)
	}
	return nil
}

// decodeMap decodes settings strictly.
func decodeMap(m map[string]any, into any) error {
	b, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(into)
	if err == io.EOF {
		return nil
	}
	return err
}

// backfill is how far back an API is read at first, if nothing else is said: about
// what baselines need.
const backfill = 30 * 24 * time.Hour

// Start is from when on an API is read that was not read before.
func (s *Source) Start(now time.Time) (time.Time, error) {
	if s.Since == "" {
		return now.Add(-backfill), nil
	}
	if d, err := time.ParseDuration(s.Since); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := Moment(s.Since)
	if err != nil {
		return at, fmt.Errorf("since: %q is neither a day such as 2026-03-31 nor a span such as 720h", s.Since)
	}
	return at, nil
}

// Channel is a way of telling people: a file, or a kind with settings of its own.
type Channel struct {
	Name        string    `yaml:"name"`
	Kind        string    `yaml:"kind"`
	Path        string    `yaml:"path"`           // of a file
	MinSeverity string    `yaml:"min_severity"`   // of what it is told, beside the budget
	Detectors   []string  `yaml:"detectors"`      // only alerts that one of these has a part in
	Departments []string  `yaml:"departments"`    // only alerts about people of these, as HR calls them
	Leavers     bool      `yaml:"leavers"`        // only alerts about people who are leaving
	Health      *bool     `yaml:"health"`         // false: nothing about the data; true: nothing else
	People      string    `yaml:"people"`         // names or pseudonyms
	Purpose     string    `yaml:"purpose"`        // of the readers: pseudonyms of different purposes cannot be joined
	PerDay      int       `yaml:"per_day"`        // most messages in 24 hours; critical ones come all the same
	Networks    []string  `yaml:"allow_networks"` // within the organisation, that its address may be in: 10.0.0.0/8
	Files       pki.Files `yaml:",inline"`

	settings alert.Settings
	Spec     alert.Kind `yaml:"-"`
	from     alert.Severity
	allow    []netip.Prefix
}

// common are the settings that all channels have.
var common = []string{"name", "kind", "min_severity", "detectors", "health", "people", "purpose", "per_day", "allow_networks", "departments", "leavers", "ca", "client_cert", "client_key"}

// UnmarshalYAML implements yaml.BytesUnmarshaler: the kind says which settings there
// are.
func (c *Channel) UnmarshalYAML(text []byte) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	own := map[string]any{}
	for _, key := range common {
		if v, set := given[key]; set {
			own[key] = v
			delete(given, key)
		}
	}
	type plain Channel
	if err := decodeMap(own, (*plain)(c)); err != nil {
		return err
	}
	i := slices.IndexFunc(channels.Kinds, func(k alert.Kind) bool { return k.Name == c.Kind })
	switch {
	case c.Kind == "file":
		var file struct {
			Path string `yaml:"path"`
		}
		err := decodeMap(given, &file)
		c.Path = file.Path
		return err
	case i < 0: // checkRun says so
		return nil
	}
	c.Spec = channels.Kinds[i]
	c.settings = c.Spec.New()
	if err := decodeMap(given, c.settings); err != nil {
		return fmt.Errorf("channel %s: %w", c.Name, err)
	}
	return nil
}

// Check completes and checks the settings of a channel.
func (c *Channel) Check() (err error) {
	if c.People == "" {
		c.People = "pseudonyms"
		if c.Kind == "file" {
			c.People = "names"
		}
	}
	if c.Purpose == "" {
		c.Purpose = "soc"
	}
	if c.from = alert.Informational; c.MinSeverity != "" {
		if c.from, err = alert.ParseSeverity(c.MinSeverity); err != nil {
			return fmt.Errorf("min_severity: %w", err)
		}
	}
	if err := c.networks(); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, d := range detectors.All {
		known[d.Name] = true
	}
	for _, d := range c.Detectors {
		if !known[d] {
			return fmt.Errorf("detectors: %q is none: docs/detectors.md", d)
		}
	}
	switch {
	case c.Kind == "file" && c.Path == "":
		return errors.New("a path is needed")
	case c.Kind != "file" && c.settings == nil:
		names := []string{"file"}
		for _, k := range channels.Kinds {
			names = append(names, k.Name)
		}
		return fmt.Errorf("kind %q: %s", c.Kind, strings.Join(names, ", "))
	case c.People != "names" && c.People != "pseudonyms":
		return fmt.Errorf("people: %q: names, pseudonyms", c.People)
	case c.PerDay < 0:
		return fmt.Errorf("per_day: %d", c.PerDay)
	case c.Files != pki.Files{} && (c.Kind == "file" || c.Spec.SDK):
		return fmt.Errorf("ca, client_cert, client_key: a channel of kind %s takes none", c.Kind)
	case c.Kind == "file" && c.PerDay > 0:
		return errors.New("per_day is for channels that people are sent messages by")
	}
	if c.settings != nil {
		return c.settings.Check()
	}
	return nil
}

// WantedBy says which alerts are for a channel. That events are not judged is for all of them
// if none wants it: nobody can mute it.
func (c *Config) WantedBy(ch *Channel) func(a *alert.Alert) bool {
	return func(a *alert.Alert) bool {
		return ch.Wants(a) || a.IsNotProcessed() && !slices.ContainsFunc(c.Channels, func(other Channel) bool { return other.Wants(a) })
	}
}

// Wants says whether an alert is for the channel.
func (c *Channel) Wants(a *alert.Alert) bool {
	switch {
	case c.Health != nil && *c.Health != a.Health:
		return false
	case a.Severity < c.from:
		return false
	case len(c.Departments) > 0 && !slices.ContainsFunc(c.Departments, func(d string) bool { return strings.EqualFold(d, a.Department) }):
		return false
	case c.Leavers && !traits.Any(a.Detectors, finding.AboutLeavers):
		return false
	case len(c.Detectors) == 0:
		return true
	}
	return slices.ContainsFunc(a.Detectors, func(d string) bool { return slices.Contains(c.Detectors, d) })
}

// traits are those of the detectors whose alerts channels choose from.
var traits = detectors.Traits()

// maxShards is among how many people may be spread.
const maxShards = 64

// LeastRetention is how long events must be kept: as long as they may come late,
// and some days to notice that nobody reads them.
const LeastRetention = (event.LateDays + 2) * 24 * time.Hour

func (c *Log) Topic(name string) string { return c.TopicPrefix + "-" + name }

// Kafka is the configuration of the cluster, with its secrets resolved.
func (c *Log) Kafka(ctx context.Context) (eventlog.KafkaConfig, error) {
	password, err := secret.Resolve(ctx, c.SASL.Password)
	if err != nil {
		return eventlog.KafkaConfig{}, fmt.Errorf("log: sasl: password: %w", err)
	}
	conf := eventlog.KafkaConfig{Brokers: c.Brokers, Replication: c.Replication, Retention: c.Retention, Mechanism: c.SASL.Mechanism, User: c.SASL.User, Password: password.Reveal()}
	if c.TLS {
		if conf.TLS, err = c.Files.Config(); err != nil {
			return eventlog.KafkaConfig{}, fmt.Errorf("log: %w", err)
		}
	}
	return conf, nil
}

func kindNames() (names []string) {
	for _, k := range all.Kinds {
		names = append(names, k.Name)
	}
	return names
}

// Complete completes and checks what the daemon needs. Relative paths are those of
// the file's folder.
func (c *Config) Complete(path string, roles []string) error {
	dir := filepath.Dir(path)
	rel := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if c.DataDir == "" {
		c.DataDir = "data"
	}
	rel(&c.DataDir)
	l := &c.Log
	if l.Kind == "" {
		l.Kind = "sqlite"
	}
	if l.Partitions == 0 {
		l.Partitions = map[string]int{"sqlite": 4, "kafka": 16}[l.Kind]
	}
	l.Shards = max(l.Shards, 1)
	if l.Retention == 0 {
		l.Retention = 30 * 24 * time.Hour
	}
	if l.TopicPrefix == "" {
		l.TopicPrefix = "outflow"
	}
	if l.Replication == 0 {
		l.Replication = 1
	}
	certificates := func(f *pki.Files) error {
		rel(&f.CA)
		rel(&f.Cert)
		rel(&f.Key)
		return f.Check()
	}
	if err := certificates(&l.Files); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	rel(&c.Snapshots.Dir)
	if c.Digest.People == "" {
		c.Digest.People = "pseudonyms"
	}
	if c.Digest.Schedule != "" {
		if _, _, err := c.Digest.Times(); err != nil {
			return fmt.Errorf("digest: %w", err)
		}
		if !slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.Kind == "email" }) {
			return errors.New("digest: a channel of kind email is needed")
		}
	}
	if err := c.Heartbeat.Check(); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	rel(&c.Feed.Cert)
	rel(&c.Feed.Key)
	if f := &c.Feed; f.Listen != "" {
		host, _, err := net.SplitHostPort(f.Listen)
		switch {
		case err != nil:
			return fmt.Errorf("feed: listen: %q is not a host:port", f.Listen)
		case (f.Cert == "") != (f.Key == ""):
			return errors.New("feed: cert and key go together")
		case f.Cert == "" && !loopback(host):
			return errors.New("feed: cert and key are needed where others can reach it")
		case slices.Contains(roles, "serve") && !slices.Contains(roles, "alert"):
			return errors.New("feed: it is served by the process with the role alert")
		}
		if err := f.OIDC.check(c.PublicURL); err != nil {
			return err
		}
	}
	switch {
	case l.Kind != "sqlite" && l.Kind != "kafka":
		return fmt.Errorf("log: kind %q: sqlite, kafka", l.Kind)
	case l.Kind == "kafka" && len(l.Brokers) == 0:
		return errors.New("log: brokers are needed")
	case l.Partitions < 1 || l.Partitions > 1024:
		return fmt.Errorf("log: partitions %d: from 1 to 1024", l.Partitions)
	case l.Shards > maxShards:
		return fmt.Errorf("log: shards %d: %d at most", l.Shards, maxShards)
	case l.Shards > 1 && l.Kind == "sqlite":
		return errors.New("log: shards are for judges on several machines: they need kafka")
	case l.Shards > 1 && slices.Contains(roles, "detect") && c.Snapshots.Dir == "" && c.Snapshots.Bucket == "":
		return errors.New("log: shards move between machines: snapshots are needed")
	case l.Shards > 1 && c.RuleSet.Correlates():
		return errors.New("log: shards: rules that correlate events of several people need one judge (shards: 1)")
	case l.Retention < LeastRetention:
		return fmt.Errorf("log: retention %s: at least %s, because events may come %d days late", l.Retention, LeastRetention, event.LateDays)
	case l.Kind == "sqlite" && (!slices.Contains(roles, "ingest") || !slices.Contains(roles, "detect") || !slices.Contains(roles, "alert")):
		return errors.New("log: sqlite is for one process: roles on their own need kafka")
	}
	names := map[string]bool{}
	for i := range c.Sources {
		s := &c.Sources[i]
		switch {
		case s.Name == "" || names["s"+s.Name]:
			return fmt.Errorf("source %d: a name of its own is needed", i+1)
		case s.Kind == "files" && len(s.Paths) == 0:
			return fmt.Errorf("source %s: paths are needed", s.Name)
		case s.Kind != "files" && s.Api == nil:
			return fmt.Errorf("source %s: kind %q: files, %s", s.Name, s.Kind, strings.Join(kindNames(), ", "))
		}
		if s.Api != nil {
			if err := s.Api.Check(); err != nil {
				return fmt.Errorf("source %s: %w", s.Name, err)
			}
		}
		if _, err := s.Start(time.Now()); err != nil {
			return fmt.Errorf("source %s: %w", s.Name, err)
		}
		names["s"+s.Name] = true
		for j := range s.Paths {
			rel(&s.Paths[j])
		}
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		switch {
		case ch.Name == "" || names["c"+ch.Name]:
			return fmt.Errorf("channel %d: a name of its own is needed", i+1)
		}
		if err := errors.Join(ch.Check(), certificates(&ch.Files)); err != nil {
			return fmt.Errorf("channel %s: %w", ch.Name, err)
		}
		names["c"+ch.Name] = true
		rel(&ch.Path)
	}
	if c.DiskReserve < -1 || c.DiskReserve > 1<<30 {
		return fmt.Errorf("disk_reserve: %d: MiB, or -1 for none", c.DiskReserve)
	}
	if slices.Contains(roles, "ingest") && len(c.Sources) == 0 {
		return errors.New("no sources")
	}
	return nil
}

// MayBecome says what of a new configuration needs a restart: sources, channels and
// the budget do not.
func (c *Config) MayBecome(next *Config) error {
	a, b := *c, *next
	for _, x := range []*Config{&a, &b} {
		x.Sources, x.Channels, x.Budget, x.RuleSet = nil, nil, 0, ruleset.Rules{}
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		field := va.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			return fmt.Errorf("%s cannot change while the daemon runs: restart it", field.Tag.Get("yaml"))
		}
	}
	return nil
}

// Open makes the channel ready to send.
func (c *Channel) Open(ctx context.Context) (alert.Notifier, error) {
	env, err := c.env()
	if err != nil {
		return nil, err
	}
	return c.settings.Open(ctx, env)
}

// env is what the channel gets from outside.
func (c *Channel) env() (alert.Env, error) {
	encryption, err := c.Files.Config()
	return alert.Env{Now: time.Now, Version: buildinfo.Version(), Allow: c.allow, TLS: encryption}, err
}

// networks reads allow_networks.
func (c *Channel) networks() error {
	var err error
	c.allow, err = networks(c.Networks)
	return err
}

// networks reads a list of networks and addresses.
func networks(list []string) (allow []netip.Prefix, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); err != nil && aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("allow_networks: %q is not a network such as 10.0.0.0/8", text)
		}
		allow = append(allow, p.Masked())
	}
	return allow, nil
}
