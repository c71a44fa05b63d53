// Package config reads the configuration file. Load returns a complete one: defaults are filled
// in, relative paths are those of the file's folder, and every section was checked. A key that
// is not known is an error.
package config

import (
	"cmp"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/ruleset"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/mapped"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/geoip"
	"github.com/outflow/outflow/internal/mail"
	"github.com/outflow/outflow/internal/pki"
	"github.com/outflow/outflow/internal/secret"
)

// Roles are the parts of the daemon, each of which may run on machines of its own.
var Roles = []string{"ingest", "detect", "alert", "serve"}

// Config is the configuration file. Everything in it has a default that works.
type Config struct {
	// Domains are the organisation's own mail domains, in addition to those of the people
	// file.
	Domains []string `yaml:"domains"`
	// ServiceAccounts are the exact names of accounts that belong to no person.
	ServiceAccounts []string `yaml:"service_accounts"`
	// Aliases are further accounts of people, by their address.
	Aliases map[string][]string `yaml:"aliases"`
	// Budget is the number of false alerts per 1,000 user-days that is acceptable, from 0 to
	// 100; 0 means that every alert from medium on is shown.
	Budget float64 `yaml:"budget"`
	// PersonalDomains are changes to the list of mail domains that offer mailboxes to everyone.
	PersonalDomains mail.Personal `yaml:"personal_domains"`
	// ForbiddenDomains are those that nothing may be shared with.
	ForbiddenDomains []string `yaml:"forbidden_domains"`
	// TopLabels are names or ids of the highest sensitivity labels.
	TopLabels []string `yaml:"top_labels"`
	// AWSAccounts are the organisation's own, in addition to those its logs come from.
	AWSAccounts []string `yaml:"aws_accounts"`
	// Exceptions are activities that are known and permitted.
	Exceptions []Exception `yaml:"exceptions"`
	// Watchlists are people, places and applications whose alerts weigh more, or less.
	Watchlists []Watchlist `yaml:"watchlists"`
	// Tables are exports that Outflow does not know.
	Tables []mapped.Table `yaml:"tables"`
	// AddressDatabases are files in the format of MaxMind that say in which country an address is, and
	// whose network it is in.
	AddressDatabases []string `yaml:"address_databases"`
	// Rules is a folder with the organisation's own rules, in Sigma's format.
	Rules string `yaml:"rules"`
	// Placeholders are the values that %name% stands for in these rules.
	Placeholders map[string][]string `yaml:"placeholders"`

	// DataDir is the folder of the state of outflow run.
	DataDir string `yaml:"data_dir"`
	// DataDirShared is whether a DataDir is accepted that other users can enter. Its files are readable by the owner alone either way.
	DataDirShared bool `yaml:"data_dir_shared"`
	// Log is the event log that the stages share.
	Log Log `yaml:"log"`
	// Sources are where events come from.
	Sources []Source `yaml:"sources"`
	// Channels are where notifications go.
	Channels []Channel `yaml:"channels"`
	// Snapshots are where the machines of a cluster share the processor's state.
	Snapshots snapshot.Config `yaml:"snapshots"`
	// Metrics is where metrics are served.
	Metrics Metrics `yaml:"metrics"`
	// Listen is the deprecated key of metrics.listen.
	Listen string `yaml:"listen"`
	// PublicURL is the address at which people reach the pages; messages link to it.
	PublicURL string `yaml:"public_url"`
	// Digest is when the digest of the week before is mailed.
	Digest Digest `yaml:"digest"`
	// Heartbeat is the address that is called while all is well.
	Heartbeat Heartbeat `yaml:"heartbeat"`
	// Feed is the API and the pages for people.
	Feed Feed `yaml:"feed"`

	// Memory is how much is kept in memory; the rest is in temporary files.
	Memory Memory `yaml:"memory"`
	// DiskReserve is how many MiB of the disk of data_dir stay free: below that, intake stops.
	// 0 means 1024, but no more than a tenth of the disk; -1 means none.
	DiskReserve int `yaml:"disk_reserve"`
	// Retention is how many days things are kept; the event log has a retention of its own.
	Retention Retention `yaml:"retention"`
	// IndicatorsOff are detectors that are switched off for people of some countries or
	// departments.
	IndicatorsOff []OptOut `yaml:"indicators_off"`
	// RuleSet are the compiled rules of the folder Rules.
	RuleSet ruleset.Rules `yaml:"-"`
	// Places are the databases of AddressDatabases; nil if there are none.
	Places *geoip.Database `yaml:"-"`
}

// Memory is how much is kept in memory; 0 stands for the default.
type Memory struct {
	People int `yaml:"people"` // people kept in memory; 20,000 by default, about 10 kB each
	Events int `yaml:"events"` // MiB of events of the last days; 32 by default
}

// Window is the number of bytes that recent events may take in memory.
func (m *Memory) Window() int64 { return int64(cmp.Or(m.Events, 32)) << 20 }

// OptOut is an engine.OptOut as the file has it.
type OptOut struct {
	Countries   []string `yaml:"countries"`   // as HR writes them; any if empty
	Departments []string `yaml:"departments"` // the same; countries or departments are required
	Detectors   []string `yaml:"detectors"`   // by name; all if empty
	Reason      string   `yaml:"reason"`      // required
}

// Exception is an engine.Exception as the file has it.
type Exception struct {
	Name      string   `yaml:"name"`      // of the exception
	App       string   `yaml:"app"`       // id or name of the application that acts
	Domain    string   `yaml:"domain"`    // of a recipient
	User      string   `yaml:"user"`      // who acts
	Detectors []string `yaml:"detectors"` // by name; all if empty
	From      string   `yaml:"from"`      // a day or a time
	Until     string   `yaml:"until"`     // a day or a time
	Owner     string   `yaml:"owner"`     // who answers for it
	Reason    string   `yaml:"reason"`    // why it is permitted
}

// Feed is where the feed is served.
type Feed struct {
	Listen string `yaml:"listen"` // host:port; nowhere if empty
	Cert   string `yaml:"cert"`   // file of a certificate in PEM; required unless listen is a loopback address, or plain_http is set
	Key    string `yaml:"key"`    // file of its key
	// PlainHTTP serves without TLS at any address: in a container whose port is published on the loopback address alone, or
	// behind a proxy that ends TLS. Tokens and alerts are readable on the way there.
	PlainHTTP bool `yaml:"plain_http"`
	// TrustedProxies are networks of reverse proxies whose X-Forwarded-For says where requests come from: 10.0.0.0/8.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// SecondPerson is the severity from which on closing or suppressing an alert requires two people; "" for none.
	SecondPerson string `yaml:"second_person"`
	// OIDC is the identity provider that people sign in through, in addition to tokens.
	OIDC OIDC `yaml:"oidc"`
	// Audit is where the end of the audit log is kept apart from it.
	Audit Audit `yaml:"audit"`
}

// Audit is where anchors of the audit log go: they show later whether lines were cut off, or the file was replaced.
type Audit struct {
	Anchors string        `yaml:"anchors"` // a file that every anchor is appended to; "" for none
	Channel string        `yaml:"channel"` // that an anchor is sent through; "" for none
	Every   time.Duration `yaml:"every"`   // how often; 24h if 0
}

// OIDC is an OpenID Connect provider. It sends browsers back to public_url.
type OIDC struct {
	Issuer       string                 `yaml:"issuer"`         // address of the provider; none if empty
	ClientID     string                 `yaml:"client_id"`      // of Outflow at the provider
	ClientSecret secret.Ref             `yaml:"client_secret"`  // none for a public client
	Claim        string                 `yaml:"claim"`          // that lists groups; "groups" if empty
	Roles        map[feed.Role][]string `yaml:"roles"`          // the groups of each role
	Session      time.Duration          `yaml:"session"`        // how long people stay signed in; 8h if 0
	Networks     []string               `yaml:"allow_networks"` // internal networks that the provider may be in: 10.0.0.0/8
}

// Log is the event log that the stages of a daemon share.
type Log struct {
	// Kind is sqlite (everything in one process) or kafka.
	Kind string `yaml:"kind"`
	// Partitions of the event log: fixed when it is created.
	Partitions int `yaml:"partitions"`
	// Tasks is the number of parts that events and people are divided into, for processors on several
	// machines (kafka): fixed when the logs are created. It is then the number of partitions, too. With
	// one task, one machine processes and the others stand by.
	Tasks int `yaml:"tasks"`
	// Shards is the key that Tasks replaces: it is refused.
	Shards int `yaml:"shards"`
	// Retention is how long events are kept at least.
	Retention time.Duration `yaml:"retention"`
	// The rest is for kafka.

	Brokers     eventlog.Addresses `yaml:"brokers"`      // host:port of brokers of Kafka
	TopicPrefix string             `yaml:"topic_prefix"` // of the names of all topics; "outflow" if empty
	Replication int                `yaml:"replication"`  // factor of topics that are created; 1 if 0
	TLS         bool               `yaml:"tls"`          // whether connections are encrypted
	Files       pki.Files          `yaml:",inline"`      // certificates for TLS
	SASL        SASL               `yaml:"sasl"`         // credentials; none if empty
}

// SASL is how the daemon authenticates to the brokers.
type SASL struct {
	Mechanism string     `yaml:"mechanism"` // plain, scram-sha-256 or scram-sha-512
	User      string     `yaml:"user"`      // at the brokers
	Password  secret.Ref `yaml:"password"`  // of the user
}

// Source is a source of events: files, or an API with settings of its own.
type Source struct {
	Name  string   `yaml:"name"`       // of the source; unique
	Kind  string   `yaml:"kind"`       // files, or a kind of ingest/all
	Paths []string `yaml:"paths"`      // of files and folders of exports
	Since string   `yaml:"since"`      // where the backfill of a new API begins: a day, a time, or a span before now such as 720h
	Zone  string   `yaml:"zone"`       // of times that state none: Europe/Berlin, -05:00; "" if it is not known
	Order string   `yaml:"date_order"` // of dates such as 02/03/2026: dmy, mdy or ymd; "" if it is not known
	// Networks are internal networks that the addresses of an API may be in: 10.0.0.0/8.
	Networks []string `yaml:"allow_networks"`

	// Api has the settings of the kind; nil for files.
	Api ingest.Opener `yaml:"-"`
}

// Channel is where notifications go: a file, or a kind with settings of its own.
type Channel struct {
	Name        string    `yaml:"name"`           // of the channel; unique
	Kind        string    `yaml:"kind"`           // file, or a kind of alert/all
	Path        string    `yaml:"path"`           // of a file
	MinSeverity string    `yaml:"min_severity"`   // least severity of its alerts, in addition to the budget
	Detectors   []string  `yaml:"detectors"`      // only alerts that one of these contributed to
	Departments []string  `yaml:"departments"`    // only alerts about people of these, as HR names them
	Leavers     bool      `yaml:"leavers"`        // only alerts about people who are leaving
	Health      *bool     `yaml:"health"`         // false: no alerts about the data; true: no others
	People      string    `yaml:"people"`         // names or pseudonyms
	Purpose     string    `yaml:"purpose"`        // of the readers: pseudonyms of different purposes cannot be joined
	PerDay      int       `yaml:"per_day"`        // most messages in 24 hours; critical ones are always sent
	Networks    []string  `yaml:"allow_networks"` // internal networks that its address may be in: 10.0.0.0/8
	Files       pki.Files `yaml:",inline"`        // certificates for TLS

	// Spec is the kind of the channel; zero for a file.
	Spec     alert.Kind `yaml:"-"`
	settings alert.Settings
}

// Digest is when the digest of the week before goes out.
type Digest struct {
	Schedule string `yaml:"schedule"`  // five fields, as in cron; "" for never
	TimeZone string `yaml:"time_zone"` // Europe/Berlin; UTC if empty
	People   string `yaml:"people"`    // pseudonyms (the default) or names
}

// Heartbeat is the address that is called while all is well.
type Heartbeat struct {
	URL      string        `yaml:"url"`            // an address, or a reference to it (env:NAME, file:PATH, exec:COMMAND); "" for none
	Every    time.Duration `yaml:"every"`          // how often; 5m if 0
	Share    float64       `yaml:"share"`          // of today's records that must have been processed; 0.99 if 0
	Networks []string      `yaml:"allow_networks"` // internal networks that the address may be in: 10.0.0.0/8
}

// Metrics is where /metrics, /healthz and /readyz are served.
type Metrics struct {
	Listen string `yaml:"listen"` // host:port; nowhere if empty
	Pprof  bool   `yaml:"pprof"`  // whether profiles of the process are served there, too
}

// Retention is how many days things are kept; 0 means for ever.
type Retention struct {
	Alerts    int `yaml:"alerts"`    // days since they were raised; open ones stay longer
	Days      int `yaml:"days"`      // days of people's daily activity
	Decisions int `yaml:"decisions"` // days of decisions about alerts, and requests for names
}
