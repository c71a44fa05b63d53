package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/finding"
)

// watched returns a daemon with a configuration, and its alerts.
func watched(t *testing.T, more string) *Daemon {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "outflow.yaml")
	if err := os.WriteFile(path, []byte("data_dir: ./data\n"+more), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := alert.OpenStore(t.Context(), filepath.Join(dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { alerts.Close() })
	return &Daemon{Config: conf, alerts: alerts}
}

// TestWatchlists lists watchlists with the members that match nobody.
func TestWatchlists(t *testing.T) {
	file := filepath.Join(t.TempDir(), "more.csv")
	if err := os.WriteFile(file, []byte("user,department\nmo@acme.example,\n,Legal\nnobody@acme.example,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := watched(t, "watchlists: [{name: Kestrel, members: [Jo@Acme.example, jo.doe@acme.example], departments: [Sales], file: "+file+
		", weight: 2, until: 2026-03-31, owner: legal, reason: a merger}]\n")
	days := []finding.Activity{
		{User: "jo@acme.example", Department: "Sales", End: time.Now().UnixMilli()},
		{User: "mo@acme.example", Department: "sales", End: time.Now().UnixMilli()},
	}
	if err := d.alerts.PutDays(t.Context(), days); err != nil {
		t.Fatal(err)
	}
	list, err := d.watchlists(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	l := &list[0]
	var unknown []string
	for _, m := range l.Unknown() {
		unknown = append(unknown, m.Name+" "+m.Place)
	}
	if got := strings.Join(unknown, "; "); got != "jo.doe@acme.example members, entry 2; nobody@acme.example file, person 2" {
		t.Errorf("unknown: %s", got)
	}
	if len(l.Members) != 4 || len(l.Departments) != 2 || l.Departments[0] != (feed.WatchlistDepartment{Name: "Sales", People: 2}) ||
		l.Departments[1] != (feed.WatchlistDepartment{Name: "Legal"}) || l.Weight != 2 || l.LastDay().Format(time.DateOnly) != "2026-03-31" {
		t.Errorf("%+v", l)
	}
}

// TestExempt exempts people who may have opted out of watchlists, and nobody else.
func TestExempt(t *testing.T) {
	for optOut, want := range map[string]map[string]bool{
		"{departments: [Legal], detectors: [watchlist], reason: r}":     {"Legal": true, "Sales": false, "": false},
		"{departments: [Legal], reason: r}":                             {"Legal": true, "Sales": false},
		"{departments: [Legal], detectors: [bulk_download], reason: r}": {"Legal": false},
		"{countries: [DE], detectors: [watchlist], reason: r}":          {"Legal": true, "": true},
	} {
		d := watched(t, "indicators_off: ["+optOut+"]\n")
		for department, exempt := range want {
			if got, err := d.exempt(t.Context(), "jo@acme.example", department); got != exempt || err != nil {
				t.Errorf("%s, %q: %v, %v", optOut, department, got, err)
			}
		}
	}
}

// TestAddSources adds up what became of records, by audit log and day.
func TestAddSources(t *testing.T) {
	d := watched(t, "")
	var err error
	if d.sources, err = watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.sources.Close() })
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).UnixMilli() / (24 * time.Hour).Milliseconds()
	st := &Status{
		Sources: []sourceStatus{{Source: "a", Vendor: "box", Hourly: 5}, {Source: "b", Vendor: "box", Hourly: 7}},
		Accounts: []stream.Account{
			{Day: day - 9, Vendor: "box", Received: 100, Processed: 90, Late: 10},
			{Day: day, Vendor: "box", Received: 7, Processed: 5, Repeated: 2},
			{Day: day, Received: 3, Unreadable: 3},
		},
		Arrived: arrived(day, nil, nil),
	}
	c := &feed.Coverage{Day: "2026-03-02"}
	if err := d.addSources(t.Context(), c, st); err != nil {
		t.Fatal(err)
	}
	if len(c.Sources) != 1 || c.Days != 10 || c.Sources[0].Title != "Box" || c.Sources[0].Hourly != 12 || c.Sources[0].Today.Received != 7 ||
		c.Sources[0].Recent.Scored != 95 || c.Sources[0].Recent.Share() != 90.47 || c.Sources[0].Recent.LeftOut() != "10 too late" {
		t.Errorf("%+v", c)
	}
	if err := d.addDetectors(t.Context(), c); err != nil || len(c.Kinds) < 40 || c.Kinds[0].State != feed.UnknownView {
		t.Errorf("nothing has come: %v, %d detectors, %+v", err, len(c.Kinds), c.Kinds[0])
	}
}
