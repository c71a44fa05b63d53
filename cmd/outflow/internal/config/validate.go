package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/mapped"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/pki"
)

// MaxBudget is the largest budget: more than any team reads, and than scores can distinguish.
const MaxBudget = 100

// LeastRetention is how long events must be kept: the allowed lateness, and a few days in which
// to notice that nothing reads them.
const LeastRetention = (event.LateDays + 2) * 24 * time.Hour

const (
	maxPartitions  = 1024
	maxTasks       = 64
	maxDiskReserve = 1 << 30 // MiB
	leastPeriod    = 10 * time.Second
)

// validate returns what in a configuration cannot be: the first thing of each section, source and channel; roles are
// those of the daemon that it is for, if any. It changes nothing.
func (c *Config) validate(roles []string) (bad []error) {
	sections := []func() error{
		c.checkDetection,
		c.checkTables,
		c.checkLimits,
		c.Log.check,
		c.checkTasks,
		c.checkDigest,
		c.Heartbeat.check,
		c.checkRenamed,
		c.checkMetrics,
		c.checkFeed,
		c.checkSources,
		c.checkChannels,
		func() error { return c.checkRoles(roles) },
	}
	for _, check := range sections {
		err := check()
		if several, ok := err.(interface{ Unwrap() []error }); ok { // of errors.Join
			bad = append(bad, several.Unwrap()...)
		} else if err != nil {
			bad = append(bad, err)
		}
	}
	return bad
}

func (c *Config) checkDetection() error {
	if !(c.Budget >= 0 && c.Budget <= MaxBudget) {
		return fmt.Errorf("budget %g: from 0 to %d false alerts per 1,000 user-days", c.Budget, MaxBudget)
	}
	if err := c.PersonalDomains.Check(); err != nil {
		return fmt.Errorf("personal_domains: %w", err)
	}
	_, err := c.Detect()
	return err
}

func (c *Config) checkTables() error {
	if _, err := mapped.Compile(c.Tables, all.Tables); err != nil {
		return fmt.Errorf("tables: %w", err)
	}
	return nil
}

func (c *Config) checkLimits() error {
	switch {
	case min(c.Retention.Alerts, c.Retention.Days, c.Retention.Decisions) < 0:
		return errors.New("retention: days cannot be negative")
	case min(c.Memory.People, c.Memory.Events) < 0:
		return errors.New("memory: people and events cannot be negative")
	case c.DiskReserve < -1 || c.DiskReserve > maxDiskReserve:
		return fmt.Errorf("disk_reserve: %d: MiB, or -1 for none", c.DiskReserve)
	}
	return nil
}

func (l *Log) check() error {
	if err := l.Files.Check(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if err := eventlog.CheckMechanism(l.SASL.Mechanism); err != nil {
		return fmt.Errorf("log.sasl.mechanism: %w", err)
	}
	switch {
	case l.Kind != "sqlite" && l.Kind != "kafka":
		return fmt.Errorf("log.kind: %q: sqlite, kafka", l.Kind)
	case l.Kind == "kafka" && len(l.Brokers) == 0:
		return errors.New("log.brokers: at least one is required")
	case l.Partitions < 1 || l.Partitions > maxPartitions:
		return fmt.Errorf("log.partitions: %d: from 1 to %d", l.Partitions, maxPartitions)
	case l.Shards != 0:
		return errors.New("log.shards: replaced by log.tasks, which divide events as well as people: " +
			"set tasks and another topic_prefix, and read the sources again with outflow rescore")
	case l.Tasks < 1 || l.Tasks > maxTasks:
		return fmt.Errorf("log.tasks: %d: from 1 to %d", l.Tasks, maxTasks)
	case l.Tasks > 1 && l.Partitions != l.Tasks:
		return fmt.Errorf("log.partitions: %d: a task is a partition, and there are %d tasks: leave partitions out", l.Partitions, l.Tasks)
	case l.Replication < 1:
		return fmt.Errorf("log.replication: %d: at least 1", l.Replication)
	case l.Retention < LeastRetention:
		return fmt.Errorf("log.retention: %s: at least %s, because events may come %d days late",
			l.Retention, LeastRetention, event.LateDays)
	}
	return nil
}

func (c *Config) checkTasks() error {
	switch {
	case c.Log.Tasks <= 1:
		return nil
	case c.Log.Kind == "sqlite":
		return errors.New("log.tasks: tasks are for processors on several machines: kafka is required")
	}
	return nil
}

func (c *Config) checkDigest() error {
	d := &c.Digest
	if d.People != "names" && d.People != "pseudonyms" {
		return fmt.Errorf("digest.people: %q: names, pseudonyms", d.People)
	}
	if d.Schedule == "" {
		return nil
	}
	if _, _, err := d.Times(); err != nil {
		return fmt.Errorf("digest.%w", err)
	}
	if !slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.Kind == "email" }) {
		return errors.New("digest: a channel of kind email is required")
	}
	return nil
}

func (c *Heartbeat) check() error {
	_, err := networks(c.Networks)
	switch {
	case c.Every < leastPeriod:
		return fmt.Errorf("heartbeat.every: %s: at least %s", c.Every, leastPeriod)
	case !(c.Share >= 0 && c.Share <= 1):
		return fmt.Errorf("heartbeat.share: %g: from 0 to 1", c.Share)
	case c.URL != "" && !Literal(c.URL) && !isReference(c.URL):
		return errors.New("heartbeat.url: give an address, or a reference to one: env:NAME, file:PATH, exec:COMMAND")
	case err != nil:
		return fmt.Errorf("heartbeat.%w", err)
	}
	return nil
}

// isReference reports whether a setting refers to a secret.
func isReference(text string) bool {
	return slices.ContainsFunc([]string{"env:", "file:", "exec:"}, func(scheme string) bool { return strings.HasPrefix(text, scheme) })
}

func (c *Config) checkMetrics() error {
	if c.Metrics.Pprof && c.Metrics.Listen == "" {
		return errors.New("metrics.pprof: metrics.listen is required")
	}
	return nil
}

func (c *Config) checkFeed() error {
	f := &c.Feed
	if f.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(f.Listen)
	switch {
	case err != nil:
		return fmt.Errorf("feed.listen: %q is not a host:port", f.Listen)
	case (f.Cert == "") != (f.Key == ""):
		return errors.New("feed: cert and key go together")
	case f.Cert != "" && f.PlainHTTP:
		return errors.New("feed: plain_http and cert exclude each other")
	case f.Cert == "" && !f.PlainHTTP && !pki.Loopback(host):
		return errors.New("feed: cert and key are required unless listen is a loopback address; plain_http if a proxy ends TLS")
	}
	a := &f.Audit
	known := slices.ContainsFunc(c.Channels, func(ch Channel) bool { return ch.Name == a.Channel && ch.Kind != "file" })
	if a.Channel != "" && !known {
		return fmt.Errorf("feed.audit.channel: there is no channel %q; one of kind file takes anchors as well (anchors)", a.Channel)
	}
	if a.Every < 0 {
		return errors.New("feed.audit.every: cannot be negative")
	}
	if _, err := f.Proxies(); err != nil {
		return fmt.Errorf("feed.%w", err)
	}
	if _, err := f.TwoPeople(); err != nil {
		return fmt.Errorf("feed.%w", err)
	}
	return f.OIDC.check(c.PublicURL)
}

func (o *OIDC) check(publicURL string) error {
	if o.Issuer == "" {
		return nil
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && !pki.Loopback(u.Hostname()):
		return fmt.Errorf("feed.oidc.issuer: %q is not an https address", o.Issuer)
	case o.ClientID == "":
		return errors.New("feed.oidc: client_id is required")
	case publicURL == "":
		return errors.New("feed.oidc: public_url is required: the provider sends browsers back there")
	case len(o.Roles) == 0:
		return errors.New("feed.oidc: roles are required: the groups of each")
	case o.Session < 0:
		return errors.New("feed.oidc.session: cannot be negative")
	}
	if _, err := networks(o.Networks); err != nil {
		return fmt.Errorf("feed.oidc.%w", err)
	}
	for r := range o.Roles {
		if !slices.Contains(feed.Roles, r) {
			return fmt.Errorf("feed.oidc.roles: %q is not one of %v", r, feed.Roles)
		}
	}
	return nil
}

func (c *Config) checkSources() error {
	var bad []error
	taken := map[string]bool{}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Name == "" || taken[s.Name] {
			bad = append(bad, fmt.Errorf("source %d: a name of its own is required", i+1))
			continue
		}
		taken[s.Name] = true
		if err := s.check(); err != nil {
			bad = append(bad, fmt.Errorf("source %s: %w", s.Name, err))
		}
	}
	return errors.Join(bad...)
}

func (s *Source) check() error {
	switch {
	case s.Kind == "files" && len(s.Paths) == 0:
		return errors.New("paths are required")
	case s.Kind != "files" && s.Api == nil:
		names := []string{"files"}
		for _, k := range all.Kinds {
			names = append(names, k.Name)
		}
		return fmt.Errorf("kind %q: %s", s.Kind, strings.Join(names, ", "))
	}
	if s.Api != nil {
		if err := s.Api.Check(); err != nil {
			return err
		}
	}
	if len(s.Networks) > 0 && (s.Api == nil || s.spec().Direct) {
		return fmt.Errorf("allow_networks: a source of kind %s takes none", s.Kind)
	}
	if _, err := networks(s.Networks); err != nil {
		return err
	}
	if _, err := s.Forms(ingest.Forms{}); err != nil {
		return err
	}
	_, err := s.Start(time.Now())
	return err
}

func (c *Config) checkChannels() error {
	var bad []error
	taken := map[string]bool{}
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.Name == "" || taken[ch.Name] {
			bad = append(bad, fmt.Errorf("channel %d: a name of its own is required", i+1))
			continue
		}
		taken[ch.Name] = true
		if err := ch.check(); err != nil {
			bad = append(bad, fmt.Errorf("channel %s: %w", ch.Name, err))
		}
	}
	return errors.Join(bad...)
}

func (c *Channel) check() error {
	if err := c.checkRouting(); err != nil {
		return err
	}
	if _, err := networks(c.Networks); err != nil {
		return err
	}
	if err := c.Files.Check(); err != nil {
		return err
	}
	switch {
	case c.Kind == "file" && c.Path == "":
		return errors.New("path is required")
	case c.Kind != "file" && c.settings == nil:
		names := []string{"file"}
		for _, k := range channels.Kinds {
			names = append(names, k.Name)
		}
		return fmt.Errorf("kind %q: %s", c.Kind, strings.Join(names, ", "))
	case c.People != "names" && c.People != "pseudonyms":
		return fmt.Errorf("people: %q: names, pseudonyms", c.People)
	case c.PerDay < 0:
		return fmt.Errorf("per_day: %d: cannot be negative", c.PerDay)
	case c.Files != pki.Files{} && (c.Kind == "file" || c.Spec.SDK):
		return fmt.Errorf("ca, client_cert, client_key: a channel of kind %s takes none", c.Kind)
	case c.Kind == "file" && c.PerDay > 0:
		return errors.New("per_day: a file has no limit: it is for channels that send messages")
	case c.Kind == "file":
		return nil
	}
	return c.settings.Check()
}

// checkRouting checks which alerts a channel asks for.
func (c *Channel) checkRouting() error {
	if c.MinSeverity != "" {
		if _, err := alert.ParseSeverity(c.MinSeverity); err != nil {
			return fmt.Errorf("min_severity: %w", err)
		}
	}
	for _, d := range c.Detectors {
		if _, known := traits[d]; !known {
			return fmt.Errorf("detectors: %q is not a detector: docs/detectors.md lists them", d)
		}
	}
	return nil
}

// checkRoles checks that the roles of a daemon have what they require.
func (c *Config) checkRoles(roles []string) error {
	runs := func(role string) bool { return slices.Contains(roles, role) }
	switch {
	case len(roles) == 0:
		return nil
	case c.Log.Kind == "sqlite" && !(runs("ingest") && runs("detect") && runs("alert")):
		return errors.New("log.kind: sqlite is for one process: separate roles require kafka")
	case c.Log.Tasks > 1 && runs("detect") && c.Snapshots.Dir == "" && c.Snapshots.Bucket == "":
		return errors.New("log.tasks: tasks move between machines: snapshots are required")
	case c.Feed.Listen != "" && runs("serve") && !runs("alert"):
		return errors.New("feed: it is served by the process with the role alert")
	case runs("ingest") && len(c.Sources) == 0:
		return errors.New("no sources: at least one is required")
	}
	return nil
}

// networks parses the networks and addresses of allow_networks.
func networks(list []string) ([]netip.Prefix, error) { return prefixes("allow_networks", list) }

// prefixes parses a list of networks and addresses.
func prefixes(setting string, list []string) (all []netip.Prefix, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if a, aerr := netip.ParseAddr(text); err != nil && aerr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a network such as 10.0.0.0/8", setting, text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
