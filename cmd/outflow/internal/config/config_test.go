package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest/all"
)

// write writes a configuration file.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outflow.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const source = "sources: [{name: a, kind: files, paths: [.]}]\n"

// bad are configurations that cannot be, and what the error says.
var bad = []struct{ text, want string }{
	{"domain: [x]\n", `unknown field "domain"`},
	{"personal_domains: {add: [x]}\n", `personal_domains: "x" is no mail domain`},
	{"budget: -1\n", "budget -1: from 0 to 100"},
	{"budget: 101\n", "budget 101: from 0 to 100"},
	{"exceptions: [{name: x, from: tomorrow}]\n", `exception 1 (x): from: "tomorrow" is neither a day`},
	{"exceptions: [{name: x, until: 2026-02-30}]\n", `exception 1 (x): until: "2026-02-30" is neither a day`},
	{"watchlists: [{name: x}]\n", "line 1: watchlist x: it needs members, places or applications"},
	{watch("weight: 2, reason: r"), "line 2: watchlist x: it needs an owner and a reason"},
	{watch("weight: 2, reason: r, owner: o\n    until: soon"), `line 7: watchlist x: until: "soon" is neither a day`},
	{watch("reason: r, owner: o\n    weight: 7"), "line 6: watchlist x: weight: 7: points from -6 to 6, other than 0"},
	{watch("reason: r, owner: o\n    weight: .nan"), "line 6: watchlist x: weight: NaN: points from -6 to 6"},
	{watch("reason: r, owner: o"), "line 2: watchlist x: weight: 0: points from -6 to 6, other than 0"},
	{watch("reason: r, owner: o, weight: 1\n    file: nowhere.csv"), "line 7: watchlist x: file: "},
	{watch("member: [b]"), `unknown field "member"`},
	{watch("reason: r, owner: o, weight: 1") + "  - {name: x, places: [b], weight: 1, owner: o, reason: r}\n", "watchlist 2 (x): another one has the name"},
	{"rules: nowhere\n", "rules: "},
	{"tables: [{name: a, source: box, column: {}}]\n", `unknown field "column"`},
	{"tables: [{name: a, source: box}]\n", "tables: table a: columns: time is required"},
	{"tables: [{name: slack_csv, source: slack}]\n", "tables: table 1: a name of its own is required, which no known table has"},
	{"retention: {alerts: -1}\n", "retention: days cannot be negative"},
	{"retention: {decisions: -1}\n", "retention: days cannot be negative"},
	{"memory: {events: -1}\n", "memory: people and events cannot be negative"},
	{"disk_reserve: -2\n", "disk_reserve: -2: MiB, or -1 for none"},

	{"log: {kind: redis}\n", `log.kind: "redis": sqlite, kafka`},
	{"log: {kind: kafka}\n", "log.brokers: at least one is required"},
	{"log: {kind: kafka, brokers: [b:1], sasl: {passwd: x}}\n", `unknown field "passwd"`},
	{"log: {partitions: 1025}\n", "log.partitions: 1025: from 1 to 1024"},
	{"log: {partitions: -1}\n", "log.partitions: -1: from 1 to 1024"},
	{"log: {kind: kafka, brokers: [b:1], tasks: 65}\n", "log.tasks: 65: from 1 to 64"},
	{"log: {tasks: -1}\n", "log.tasks: -1: from 1 to 64"},
	{"log: {kind: kafka, brokers: [b:1], partitions: 8, tasks: 16}\n", "log.partitions: 8: a task is a partition, and there are 16 tasks: leave partitions out"},
	{"log: {tasks: 2}\n", "log.tasks: tasks are for processors on several machines: kafka is required"},
	{"log: {shards: 2}\n", "log.shards: replaced by log.tasks, which divide events as well as people: " +
		"set tasks and another topic_prefix, and read the sources again with outflow rescore"},
	{"log: {replication: -1}\n", "log.replication: -1: at least 1"},
	{"log: {retention: 24h}\n", "log.retention: 24h0m0s: at least 240h"},
	{"log: {client_cert: x}\n", "log: client_cert and client_key must both be set"},

	{"digest: {people: all}\n", `digest.people: "all": names, pseudonyms`},
	{"digest: {schedule: x}\n", `digest.schedule: "x"`},
	{"digest: {schedule: 0 7 * * 1, time_zone: Nowhere}\n", "digest.time_zone: "},
	{"digest: {schedule: \"@every 1h\"}\n", "digest.schedule: \"@every 1h\" has no fixed times"},
	{"digest: {schedule: 0 7 * * 1}\n", "digest: a channel of kind email is required"},

	{"heartbeat: {every: 1s}\n", "heartbeat.every: 1s: at least 10s"},
	{"heartbeat: {share: 2}\n", "heartbeat.share: 2: from 0 to 1"},
	{"heartbeat: {share: -1}\n", "heartbeat.share: -1: from 0 to 1"},
	{"heartbeat: {url: \"ftp://x\"}\n", "heartbeat.url: give an address"},
	{"heartbeat: {allow_networks: [everywhere]}\n", `heartbeat.allow_networks: "everywhere" is not a network`},

	{"metrics: {pprof: true}\n", "metrics.pprof: metrics.listen is required"},
	{"listen: \"a:1\"\nmetrics: {listen: \"b:1\"}\n", "listen: metrics.listen is set, too"},
	{"feed: {listen: nowhere}\n", `feed.listen: "nowhere" is not a host:port`},
	{"feed: {listen: \"0.0.0.0:8443\"}\n", "feed: cert and key are required unless listen is a loopback address; plain_http if a proxy ends TLS"},
	{"feed: {listen: \"0.0.0.0:8443\", cert: x, key: y, plain_http: true}\n", "feed: plain_http and cert exclude each other"},
	{"feed: {listen: \"127.0.0.1:1\", cert: x}\n", "feed: cert and key go together"},
	{oidc("http://idp.example", "client_id: a, roles: {soc: [x]}") + public,
		"feed.oidc.issuer: \"http://idp.example\" is not an https address"},
	{oidc("https://idp.example", "roles: {soc: [x]}") + public, "feed.oidc: client_id is required"},
	{oidc("https://idp.example", "client_id: a, roles: {soc: [x]}"), "feed.oidc: public_url is required"},
	{oidc("https://idp.example", "client_id: a") + public, "feed.oidc: roles are required"},
	{oidc("https://idp.example", "client_id: a, roles: {king: [x]}") + public, `feed.oidc.roles: "king" is not one of`},
	{oidc("https://idp.example", "client_id: a, roles: {soc: [x]}, allow_networks: [inside]") + public,
		`feed.oidc.allow_networks: "inside" is not a network`},
	{"sources: [{name: a, kind: okta, base_url: \"https://okta.example\", token: \"env:X\", allow_networks: [10.0.0.0/40]}]\n",
		`source a: allow_networks: "10.0.0.0/40" is not a network`},
	{"sources: [{name: a, kind: files, paths: [x], allow_networks: [10.0.0.0/8]}]\n",
		"source a: allow_networks: a source of kind files takes none"},
	{"sources: [{name: a, kind: kafka, brokers: [\"b:9092\"], topics: [t], allow_networks: [10.0.0.0/8]}]\n",
		"source a: allow_networks: a source of kind kafka takes none"},
	{"feed: {listen: \"127.0.0.1:0\", trusted_proxies: [proxy.example]}\n", `feed.trusted_proxies: "proxy.example" is not a network`},
	{"feed: {listen: \"127.0.0.1:0\", second_person: grave}\n", "feed.second_person: "},
	{oidc("https://idp.example", "client_id: a, roles: {soc: [x]}, session: -1h") + public, "feed.oidc.session: cannot be negative"},

	{"sources:\n  -\n", "source 1: a name of its own is required"},
	{"sources: [{name: a, kind: files}]\n", "source a: paths are required"},
	{"sources: [{name: a, kind: ftp, paths: [.]}]\n", `source a: kind "ftp": files, `},
	{"sources: [{name: a, kind: files, paths: [.]}, {name: a, kind: files, paths: [.]}]\n", "source 2: a name of its own is required"},
	{"sources: [{name: a, kind: okta, token: \"env:X\"}]\n", "source a: domain is required"},
	{"sources: [{name: a, kind: okta, domain: x.okta.com}]\n", "token (or client_id) is required"},
	{"sources: [{name: a, kind: okta, domain: x.okta.com, tokn: \"env:X\"}]\n", `unknown field "tokn"`},
	{"sources: [{name: a, kind: files, paths: [x], token: y}]\n", `unknown field "token"`},
	{"sources: [{name: a, kind: aws_cloudtrail}]\n", "queue_url, bucket, lookup or access_logs is required"},
	{"sources: [{name: a, kind: box, app: \"env:X\", since: yesterday}]\n", `source a: since: "yesterday" is neither`},
	{"sources: [{name: a, kind: hr_csv, path: x, columns: {mail: y}}]\n", `columns: "mail":`},
	{"sources: [{name: a, kind: salesforce, domain: x, client_id: y, interval: z}]\n", "interval: Hourly or Daily"},

	{"channels: [{kind: file, path: x}]\n", "channel 1: a name of its own is required"},
	{"channels: [{name: c, kind: file, path: x}, {name: c, kind: file, path: y}]\n", "channel 2: a name of its own is required"},
	{"channels: [{name: c, kind: file}]\n", "channel c: path is required"},
	{"channels: [{name: c, kind: pigeon}]\n", `channel c: kind "pigeon": file, `},
	{"channels: [{name: c, kind: file, path: x, url: y}]\n", `unknown field "url"`},
	{"channels: [{name: c, kind: file, path: x, per_day: 1}]\n", "channel c: per_day: a file has no limit"},
	{"channels: [{name: c, kind: slack, token: \"env:X\", channel: C1, per_day: -1}]\n", "channel c: per_day: -1: cannot be negative"},
	{"channels: [{name: c, kind: file, path: x, ca: y}]\n", "channel c: ca, client_cert, client_key: a channel of kind file takes none"},
	{"channels: [{name: c, kind: file, path: x, client_key: y}]\n", "channel c: client_cert and client_key must both be set"},
	{"channels: [{name: c, kind: file, path: x, people: all}]\n", `channel c: people: "all": names, pseudonyms`},
	{"channels: [{name: c, kind: file, path: x, min_severity: loud}]\n", "channel c: min_severity: "},
	{"channels: [{name: c, kind: file, path: x, detectors: [nothing]}]\n", `channel c: detectors: "nothing" is not a detector`},
	{"channels: [{name: c, kind: file, path: x, allow_networks: [10.0.0.0/33]}]\n",
		`channel c: allow_networks: "10.0.0.0/33" is not a network`},
}

// watch is a watchlist of a place, with further keys from its third line on.
func watch(more string) string {
	first, rest, _ := strings.Cut(more, "\n")
	lines := ""
	for _, pair := range strings.Split(first, ", ") {
		lines += "    " + pair + "\n"
	}
	if rest != "" {
		lines += rest + "\n"
	}
	return "watchlists:\n  - name: x\n    places: [a]\n" + lines
}

const public = "public_url: https://x.example\n"

func oidc(issuer, more string) string {
	return fmt.Sprintf("feed: {listen: \"127.0.0.1:0\", oidc: {issuer: %q, %s}}\n", issuer, more)
}

// TestBad names the file and the key of what cannot be, for commands and for the daemon.
func TestBad(t *testing.T) {
	for _, c := range bad {
		path := write(t, c.text)
		_, err := config.Load(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "--config "+path+": ") {
			t.Errorf("%s: %v", c.text, err)
		}
		if _, again := config.LoadFor(path, config.Roles...); again == nil || err == nil || again.Error() != err.Error() {
			t.Errorf("%s: the daemon says %v", c.text, again)
		}
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "x")); err == nil || !strings.HasPrefix(err.Error(), "--config: ") {
		t.Errorf("no file: %v", err)
	}
}

// TestRoles checks what separate roles require, which other commands do not.
func TestRoles(t *testing.T) {
	const kafka = "log: {kind: kafka, brokers: [b:1, \"c:2\"], tasks: 2}\n"
	const shared = "snapshots: {dir: s}\n"
	for _, c := range []struct {
		text  string
		roles string
		want  string // "" for none
	}{
		{"", "ingest detect alert serve", "no sources"},
		{source, "ingest detect alert serve", ""},
		{source, "ingest detect alert", ""},
		{source, "ingest", "log.kind: sqlite is for one process"},
		{source, "detect alert serve", "log.kind: sqlite is for one process"},
		{kafka + source, "ingest", ""},
		{kafka, "ingest", "no sources"},
		{kafka, "alert serve", ""},
		{kafka, "detect", "snapshots are required"},
		{kafka + shared, "detect", ""},
		{kafka + "feed: {listen: \"127.0.0.1:0\"}\n", "serve", "feed: it is served by the process with the role alert"},
		{kafka + "feed: {listen: \"127.0.0.1:0\"}\n", "alert serve", ""},
	} {
		path := write(t, c.text)
		_, err := config.LoadFor(path, strings.Fields(c.roles)...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s as %s: %v", c.text, c.roles, err)
		}
		if _, err := config.Load(path); err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestDefaults has everything left out, in a file and without one.
func TestDefaults(t *testing.T) {
	path := write(t, "")
	for from, dir := range map[string]string{"": "data", path: filepath.Join(filepath.Dir(path), "data")} {
		c, err := config.Load(from)
		if err != nil {
			t.Fatal(err)
		}
		want := &config.Config{
			DataDir: dir,
			Log: config.Log{
				Kind: "sqlite", Partitions: 4, Tasks: 1, Retention: 720 * time.Hour, TopicPrefix: "outflow", Replication: 1,
			},
			Digest:    config.Digest{People: "pseudonyms"},
			Heartbeat: config.Heartbeat{Every: 5 * time.Minute, Share: .99},
		}
		if !reflect.DeepEqual(c, want) {
			t.Errorf("%q: %+v", from, c)
		}
		if got := c.Memory.Window(); got != 32<<20 {
			t.Errorf("%d bytes of events", got)
		}
	}
}

// TestGood fills in defaults beside what is set, and resolves relative paths alone.
func TestGood(t *testing.T) {
	path := write(t, `log: {kind: kafka, brokers: [b:1, "c:2"], tls: true, ca: ca.pem, client_cert: /c.pem, client_key: k.pem}
sources: [{name: a, kind: files, paths: [x, /y]}, {name: b, kind: okta, domain: x.okta.com, token: "env:X", since: 24h}]
channels:
  - {name: f, kind: file, path: out.ndjson}
  - {name: s, kind: slack, token: "env:X", channel: C1, ca: ca.pem, allow_networks: [10.0.0.0/8, "::1"]}
data_dir: /var/lib/outflow
snapshots: {dir: shared}
feed: {listen: "0.0.0.0:1", cert: cert.pem, key: /key.pem}
`)
	c, err := config.LoadFor(path, config.Roles...)
	if err != nil {
		t.Fatal(err)
	}
	beside := func(name string) string { return filepath.Join(filepath.Dir(path), name) }
	for got, want := range map[string]string{
		c.Log.Files.CA: beside("ca.pem"), c.Log.Files.Cert: "/c.pem", c.Log.Files.Key: beside("k.pem"),
		c.Sources[0].Paths[0]: beside("x"), c.Sources[0].Paths[1]: "/y",
		c.Channels[0].Path: beside("out.ndjson"), c.Channels[1].Files.CA: beside("ca.pem"),
		c.DataDir: "/var/lib/outflow", c.Snapshots.Dir: beside("shared"),
		c.Feed.Cert: beside("cert.pem"), c.Feed.Key: "/key.pem",
		c.Channels[0].People: "names", c.Channels[1].People: "pseudonyms", c.Channels[0].Purpose: "soc",
		strings.Join(c.Log.Brokers, " "): "b:1 c:2", fmt.Sprint(c.Log.Partitions): "16",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

const ownTable = "tables: [{name: a, source: box, columns: {time: T, user: U, action: A}, actions: {got: download}}]\n"

// TestAllTables has tables of the configuration come before those that are known.
func TestAllTables(t *testing.T) {
	c, err := config.Load(write(t, ownTable))
	if err != nil {
		t.Fatal(err)
	}
	if list := c.AllTables(); len(list) != len(all.Tables)+1 || list[0].Name != "a" || list[1] != all.Tables[0] {
		t.Errorf("%d tables, the first %s", len(list), list[0].Name)
	}
}

// TestExample reads the example of the documentation, as it is and with all that is commented out.
func TestExample(t *testing.T) {
	c, err := config.Load(filepath.Join("..", "..", "..", "..", "config.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Domains) != 1 || len(c.ServiceAccounts) != 1 || len(c.Aliases["jane.doe@acme.example"]) != 2 {
		t.Errorf("%+v", c)
	}
}

// TestMayBecome allows changes of sources, channels and the budget while the daemon runs, and
// names the key of others.
func TestMayBecome(t *testing.T) {
	load := func(text string) *config.Config {
		path := filepath.Join(t.TempDir(), "outflow.yaml")
		if err := os.WriteFile(path, []byte("data_dir: /d\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	now := load(source)
	for text, want := range map[string]string{
		"":                                   "",
		"budget: 3\n":                        "",
		source:                               "",
		"domains: [x.org]\n":                 "domains cannot change",
		"personal_domains: {add: [x.org]}\n": "personal_domains cannot change",
		"log: {kind: sqlite}":                "",
		ownTable:                             "tables cannot change",
		"log: {partitions: 5}":               "log cannot change",
		"listen: localhost:1":                "metrics cannot change",
		"channels: [{name: c, kind: file, path: x, min_severity: high, allow_networks: [10.0.0.0/8]}]\n": "",
	} {
		err := now.MayBecome(load(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRoutes has a channel take the alerts it is for.
func TestRoutes(t *testing.T) {
	sales := alert.Alert{Severity: alert.High, Department: "Sales", Detectors: []string{"bulk_download", "leaver_takeout"}}
	data := alert.Alert{Severity: alert.Medium, Health: true, Detectors: []string{"source_silent"}}
	for more, want := range map[string]struct{ sales, data bool }{
		"":                            {true, true},
		"min_severity: high":          {true, false},
		"detectors: [leaver_takeout]": {true, false},
		"departments: [sales, Legal]": {true, false},
		"departments: [Legal]":        {false, false},
		"leavers: true":               {true, false},
		"health: true":                {false, true},
		"health: false":               {true, false},
		"departments: [Sales], detectors: [mass_clone]": {false, false},
		"departments: [Legal], leavers: true":           {false, false},
	} {
		c, err := config.Load(write(t, "channels: [{name: c, kind: file, path: x, "+more+"}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Channels[0].Wants(&sales); got != want.sales {
			t.Errorf("%s: Sales %v", more, got)
		}
		if got := c.Channels[0].Wants(&data); got != want.data {
			t.Errorf("%s: data %v", more, got)
		}
	}
}

// TestDigestTimes refuses schedules that are none.
func TestDigestTimes(t *testing.T) {
	for _, bad := range []config.Digest{
		{Schedule: "x"}, {Schedule: "0 7 * * 1", TimeZone: "Nowhere"}, {Schedule: " "},
		{Schedule: "TZ=0"}, {Schedule: "TZ="}, {Schedule: "CRON_TZ=UTC"}, {Schedule: "TZ=Nowhere 0 7 * * 1"}, // typing errors
		{Schedule: "0 7 * *"}, {Schedule: "0 7 * * 1 2026 x"}, {Schedule: "*/0 7 * * 1"}, {Schedule: "0 7 * * 1-"},
		{Schedule: "@"}, {Schedule: "@every x"}, {Schedule: "99999999999999999999 7 * * 1"},
	} {
		if _, _, err := bad.Times(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
	good := config.Digest{Schedule: "0 7 * * 1", TimeZone: "Europe/Berlin"}
	if _, zone, err := good.Times(); err != nil || zone.String() != "Europe/Berlin" {
		t.Errorf("%v %v", zone, err)
	}
}
