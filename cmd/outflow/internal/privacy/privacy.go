// Package privacy answers for personal data in a data directory: what is kept and seen, an
// export of one person, erasure, and retention.
package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/snapshot"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Expire deletes what is older than the retention of the configuration, and records that in the
// audit log of accesses. It returns what was deleted, in words; "" if nothing was.
func Expire(ctx context.Context, dir string, conf *config.Config, alerts *alert.Store, now time.Time) (deleted string, err error) {
	r := conf.Retention
	if r == (config.Retention{}) {
		return "", nil
	}
	before := func(days int) (t time.Time) {
		if days > 0 {
			t = now.AddDate(0, 0, -days)
		}
		return t
	}
	gone, goneDays, err := alerts.Expire(ctx, before(r.Alerts), before(r.Days))
	if err != nil {
		return "", err
	}
	s, err := keys.OpenFeed(ctx, dir)
	if err != nil {
		return "", err
	}
	defer s.Close()
	decisions := int64(0)
	if r.Decisions > 0 {
		if decisions, err = s.Expire(ctx, before(r.Decisions)); err != nil {
			return "", err
		}
	}
	if gone+goneDays+decisions == 0 {
		return "", nil
	}
	deleted = fmt.Sprintf("retention: deleted %s older than %s, %s older than %s, %s older than %s",
		plain.CountOf(int(gone), "alert", "alerts"), plain.CountOf(r.Alerts, "day", "days"),
		plain.CountOf(int(goneDays), "day of a person", "days of people"), plain.CountOf(r.Days, "day", "days"),
		plain.CountOf(int(decisions), "decision", "decisions"), plain.CountOf(r.Decisions, "day", "days"))
	if err := alerts.Vacuum(ctx); err != nil {
		return "", err
	}
	return deleted, s.LogAccess(ctx, now, "outflow", feed.Privacy, deleted)
}

// Dir is a data directory that personal data is looked up in.
type Dir struct {
	Data  string // the folder
	Write bool   // whether files are opened to be changed
}

// alerts opens the alerts of the data directory.
func (f *Dir) alerts(ctx context.Context) (*alert.Store, error) {
	if f.Write {
		return alert.OpenStore(ctx, filepath.Join(f.Data, "alerts.db"))
	}
	return datadir.OpenAlerts(ctx, f.Data)
}

// Named returns the person that a text names, by address or name. An unknown person is an error
// with suggestions.
func (f *Dir) Named(ctx context.Context, conf *config.Config, text string) (m people.Match, err error) {
	alerts, err := f.alerts(ctx)
	if err != nil {
		return m, err
	}
	defer alerts.Close()
	return f.Find(ctx, conf, alerts, text)
}

// file is the path of a file of the data directory, if it is there.
func (f *Dir) file(name string) (path string, there bool) {
	path = filepath.Join(f.Data, name)
	_, err := os.Stat(path)
	return path, err == nil
}

// indicator is a detector, as the report describes it.
type indicator struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Counts []string `json:"counts"`        // what it counts
	Off    []string `json:"off,omitempty"` // the people that it is switched off for, with the reason
}

// keeps is for how long something is kept, and how much there is.
type keeps struct {
	alert.StoredRows
	For string `json:"for"`
}

// privacyReport is what a works council asks for.
type privacyReport struct {
	Made       time.Time        `json:"made"`
	Indicators []indicator      `json:"indicators"`
	Purposes   []string         `json:"purposes"`
	Kept       []keeps          `json:"kept"`
	Deleted    []feed.Access    `json:"deleted"` // because of retention, or on request
	Looks      []feed.AlertView `json:"looks"`   // within 90 days
}

// Report lists what is counted and who is exempt, who may see what, what is kept for how long, and
// what was deleted and seen. It only reads.
func (f *Dir) Report(ctx context.Context, conf *config.Config, now time.Time) (*privacyReport, error) {
	p := &privacyReport{
		Made:       now.UTC().Truncate(time.Second),
		Indicators: []indicator{},
		Purposes:   purposes(conf),
		Deleted:    []feed.Access{},
		Looks:      []feed.AlertView{},
	}
	detection, err := conf.Detect()
	if err != nil {
		return nil, err
	}
	for _, d := range detectors.All {
		p.Indicators = append(p.Indicators, indicatorOf(d, detection.OptOuts))
	}

	alerts, err := f.alerts(ctx)
	if err != nil {
		return nil, err
	}
	defer alerts.Close()
	held, err := alerts.StoredRows(ctx)
	if err != nil {
		return nil, err
	}
	p.Kept = retained(conf, held)

	if path, there := f.file("feed.db"); there {
		s, err := feed.OpenReadOnly(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		if p.Deleted, err = s.Mentions(ctx, "retention: deleted", "erased everything about"); err != nil {
			return nil, err
		}
		if p.Looks, err = s.AlertViews(ctx, now.AddDate(0, 0, -90)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// indicatorOf describes a detector, and the people that opt-outs switch it off for.
func indicatorOf(d *detect.Detector, optOuts []engine.OptOut) indicator {
	x := indicator{Name: d.Name, Title: d.Title, Counts: []string{}}
	for _, m := range d.Metrics {
		x.Counts = append(x.Counts, m.Unit)
	}
	for _, f := range d.Indicators {
		if f.Describe != nil {
			x.Counts = append(x.Counts, "occurrence: "+strings.ReplaceAll(f.Name, "_", " "))
		}
	}
	for _, o := range optOuts {
		if len(o.Detectors) == 0 || slices.Contains(o.Detectors, d.Name) {
			var people []string
			if len(o.Countries) > 0 {
				people = append(people, "in "+strings.Join(o.Countries, ", "))
			}
			if len(o.Departments) > 0 {
				people = append(people, "of "+strings.Join(o.Departments, ", "))
			}
			x.Off = append(x.Off, "people "+strings.Join(people, " ")+": "+o.Reason)
		}
	}
	return x
}

// purposes lists what each role and channel may see.
func purposes(conf *config.Config) []string {
	list := []string{
		"soc: who works on alerts sees pseudonyms of its own; " +
			"names on request, with a reason and the consent of the role privacy, for eight hours",
		"hr: who reviews leavers sees pseudonyms of its own, and only reviews of leavers",
		"privacy: agrees to requests for names, and sees no alerts",
		"auditor: sees the audit log of accesses, no content",
		"admin: sees the status of the program, no content",
	}
	for i := range conf.Channels {
		c := &conf.Channels[i]
		list = append(list, fmt.Sprintf("channel %s (%s): %s, purpose %s", c.Name, c.Kind, c.People, c.Purpose))
	}
	return list
}

// retained says for how long things are kept. The first two of held are alerts and days.
func retained(conf *config.Config, held []alert.StoredRows) []keeps {
	days := func(n int) string {
		if n == 0 {
			return "for good"
		}
		return plain.CountOf(n, "day", "days")
	}
	events := max(conf.Log.Retention, config.LeastRetention).Hours() / 24
	return []keeps{
		{held[0], days(conf.Retention.Alerts)},
		{held[1], days(conf.Retention.Days)},
		{alert.StoredRows{What: "decisions, and requests for names"}, days(conf.Retention.Decisions)},
		{alert.StoredRows{What: "events"}, fmt.Sprintf("%.0f days at least, in the log", events)},
		{alert.StoredRows{What: "the baseline of a person"}, "as long as the person is known; what is old weighs less every day"},
		{alert.StoredRows{What: "the audit log of accesses"}, "for good: it is the proof"},
	}
}

// Write writes the report as text. The only error is one of w.
func (p *privacyReport) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "What Outflow looks at, %s\n\nIndicators\n", p.Made.Format("2006-01-02 15:04 UTC"))
	for _, x := range p.Indicators {
		fmt.Fprintf(&b, "  %s (%s)\n", x.Title, x.Name)
		if len(x.Counts) > 0 {
			fmt.Fprintf(&b, "      %s\n", strings.Join(x.Counts, "; "))
		}
		for _, o := range x.Off {
			fmt.Fprintf(&b, "      switched off for %s\n", plain.Escape(o))
		}
	}
	b.WriteString("\nPurposes\n")
	for _, t := range p.Purposes {
		fmt.Fprintf(&b, "  %s\n", plain.Escape(t))
	}
	b.WriteString("\nKept\n")
	for _, k := range p.Kept {
		fmt.Fprintf(&b, "  %s: %s", k.What, k.For)
		if k.Rows > 0 {
			fmt.Fprintf(&b, "; now %s about %s, the oldest of %s", plain.Count(int(k.Rows)),
				plain.CountOf(int(k.People), "person", "people"), k.Oldest.Format(time.DateOnly))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nDeleted\n")
	for _, a := range p.Deleted {
		fmt.Fprintf(&b, "  %s  %s\n", a.At.Format("2006-01-02"), plain.Escape(a.What))
	}
	if len(p.Deleted) == 0 {
		b.WriteString("  nothing yet\n")
	}
	b.WriteString("\nWho has used the feed within 90 days\n")
	for _, l := range p.Looks {
		fmt.Fprintf(&b, "  %s (%s): %s, last %s\n", plain.Escape(l.Who), l.Role,
			plain.CountOf(int(l.Times), "time", "times"), l.Last.Format("2006-01-02 15:04"))
	}
	if len(p.Looks) == 0 {
		b.WriteString("  no one\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// engineState is the engine's state in a data directory, of a daemon or of scans.
type engineState struct {
	store      *engine.Store
	backlog    *backlog.Store // of scans; nil for a daemon
	generation int64
	snapshot   *engine.Snapshot
	committed  *stream.Committed // of a daemon
	aliases    []byte
	shards     int   // that people are divided into; 0 for one
	mine       []int // of them, those that the state is of
}

// OpenState opens the engine's state. It may hold nothing yet. Close it.
func (f *Dir) OpenState(ctx context.Context, alerts *alert.Store) (j *engineState, err error) {
	j = &engineState{}
	path, there := f.file("detect-0.db")
	if !there {
		return j, nil
	}
	openStore, openBacklog := engine.OpenStoreReadOnly, backlog.OpenReadOnly
	if f.Write {
		openStore, openBacklog = engine.OpenStore, backlog.Open
	}
	if j.store, err = openStore(ctx, path); err != nil {
		return nil, err
	}
	if path, scanned := f.file("cursors.db"); scanned {
		if j.generation, _, err = alerts.Load(ctx); err == nil && j.generation > 0 {
			if j.backlog, err = openBacklog(ctx, path); err == nil {
				var c backlog.Checkpoint
				if c, err = j.backlog.Load(ctx, j.generation, func([]byte) error { return nil }); err == nil {
					j.aliases = c.Aliases
					j.snapshot, err = j.store.Load(ctx, j.generation)
				}
			}
		}
		return j, err
	}
	return j, j.load(ctx)
}

// load reads the state of a daemon.
func (j *engineState) load(ctx context.Context) (err error) {
	c, err := stream.LatestCommitted(ctx, j.store)
	if err != nil || c == nil {
		return err
	}
	j.generation, j.committed, j.aliases = c.Generation, c, c.Aliases
	j.snapshot, err = j.store.Load(ctx, j.generation)
	return err
}

// Close closes what OpenState has opened.
func (j *engineState) Close() {
	if j.store != nil {
		j.store.Close()
	}
	if j.backlog != nil {
		j.backlog.Close()
	}
}

// accounts are those of a person, the person's name among them: from the engine's state, the
// configuration and HR's records.
func (f *Dir) accounts(
	ctx context.Context, conf *config.Config, j *engineState, person string,
) ([]string, []byte, error) {
	aliases, list, err := identity.EraseFromSnapshot(j.aliases, person)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range conf.Aliases[person] {
		list = append(list, strings.ToLower(a))
	}
	var dec event.Decoder
	var e event.Event
	err = f.staff(ctx, j, func(rec []byte) error {
		if dec.Decode(rec, &e) == nil && strings.EqualFold(e.Actor.Account, person) {
			for _, a := range e.Attrs {
				if a.Name == event.AttrAlias {
					list = append(list, strings.ToLower(strings.Clone(a.Value)))
				}
			}
		}
		return nil
	})
	if err == nil && j.backlog != nil { // a short scan has no graph of accounts yet
		r := identity.New()
		if err = r.Restore(j.aliases); err == nil {
			r.Configure(conf.Identity())
			err = j.walk(ctx, r, people.New())
		}
		for account, owner := range r.Accounts() {
			if owner == person {
				list = append(list, account)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list), aliases, err
}

// subject is a person with what a data directory has of them.
type subject struct {
	alerts   *alert.Store
	state    *engineState
	accounts []string
	aliases  []byte                // the alias graph without the person
	mine     func(rec []byte) bool // whether a stored event is one of theirs
}

// subject opens what there is about a person. Scans that end meanwhile may replace the
// generation of one file before another is opened: then all are opened again.
func (f *Dir) subject(ctx context.Context, conf *config.Config, person string) (s *subject, err error) {
	for range 5 {
		var generation int64
		if s, generation, err = f.openSubject(ctx, conf, person); err == nil {
			return s, nil
		}
		if now, failed := f.generation(ctx); failed != nil || now == generation {
			break
		}
	}
	return nil, err
}

// generation is that of the data directory now.
func (f *Dir) generation(ctx context.Context) (int64, error) {
	alerts, err := f.alerts(ctx)
	if err != nil {
		return 0, err
	}
	defer alerts.Close()
	return alerts.Generation(ctx)
}

func (f *Dir) openSubject(ctx context.Context, conf *config.Config, person string) (s *subject, generation int64, err error) {
	s = &subject{}
	if s.alerts, err = f.alerts(ctx); err != nil {
		return nil, 0, err
	}
	if generation, err = s.alerts.Generation(ctx); err != nil {
		s.close()
		return nil, 0, err
	}
	if s.state, err = f.OpenState(ctx, s.alerts); err == nil {
		s.accounts, s.aliases, err = f.accounts(ctx, conf, s.state, person)
	}
	if err != nil {
		s.close()
		return nil, generation, err
	}
	s.mine = of(s.accounts)
	return s, generation, nil
}

func (s *subject) close() {
	if s.state != nil {
		s.state.Close()
	}
	s.alerts.Close()
}

// staff hands out the records of HR that there are.
func (f *Dir) staff(ctx context.Context, j *engineState, each func(rec []byte) error) error {
	only := func(rec []byte) error {
		if event.RecordSource(rec) == event.HR {
			return each(rec)
		}
		return nil
	}
	if j.backlog != nil {
		_, err := j.backlog.Load(ctx, j.generation, only)
		return err
	}
	if j.committed != nil {
		if err := event.Framed(j.committed.Staff, only); err != nil {
			return err
		}
	}
	if path, there := f.file("log.db"); there {
		return datadir.EachEvent(ctx, path, only)
	}
	return nil
}

// of says whether a stored event is about what one of some accounts did, or about the accounts of
// one of them.
func of(accounts []string) func(rec []byte) bool {
	return func(rec []byte) bool {
		if !event.HasHeader(rec) { // a batch marker
			return false
		}
		name, alias := event.RecordActor(rec)
		return slices.Contains(accounts, strings.ToLower(name)) || alias != "" && slices.Contains(accounts, strings.ToLower(alias))
	}
}

// exported is everything that is kept about a person.
type exported struct {
	Person   string             `json:"person"`
	Made     time.Time          `json:"made"`
	Accounts []string           `json:"accounts"`
	Usual    json.RawMessage    `json:"usual,omitempty"`
	Alerts   []exportedAlert    `json:"alerts"`
	Days     []finding.Activity `json:"days"`
	Events   []json.RawMessage  `json:"events"`
	Looks    []feed.Access      `json:"looks"`
}

type exportedAlert struct {
	alert.Alert
	Decisions []feed.Triage `json:"decisions"`
}

// Export returns everything that is kept about a person, who is given by address, as JSON can hold
// it. The daemon may be running.
func (f *Dir) Export(ctx context.Context, conf *config.Config, person string) (*exported, error) {
	x := &exported{
		Person: person,
		Made:   time.Now().UTC().Truncate(time.Second),
		Alerts: []exportedAlert{},
		Days:   []finding.Activity{},
		Events: []json.RawMessage{},
		Looks:  []feed.Access{},
	}
	who, err := f.subject(ctx, conf, person)
	if err != nil {
		return nil, err
	}
	defer who.close()
	alerts, j := who.alerts, who.state
	x.Accounts = who.accounts
	if x.Usual, err = j.snapshot.Person(config.Catalog(), person); err != nil {
		return nil, err
	}
	all, err := alerts.All(ctx)
	if err != nil {
		return nil, err
	}
	var s *feed.Store
	if path, there := f.file("feed.db"); there {
		if s, err = feed.OpenReadOnly(ctx, path, nil); err != nil {
			return nil, err
		}
		defer s.Close()
		var pseudonyms []string
		for _, role := range []feed.Role{feed.SOC, feed.HR} {
			m, err := keys.OpenMask(f.Data, conf, string(role), keys.Organisation{})
			if err != nil {
				return nil, err
			}
			pseudonyms = append(pseudonyms, m.Name(person))
		}
		if x.Looks, err = s.Mentions(ctx, pseudonyms...); err != nil {
			return nil, err
		}
	}
	for i := range all {
		if !strings.EqualFold(all[i].User, person) {
			continue
		}
		a := exportedAlert{Alert: all[i], Decisions: []feed.Triage{}}
		if s != nil {
			if a.Decisions, err = s.Decisions(ctx, a.ID); err != nil {
				return nil, err
			}
		}
		x.Alerts = append(x.Alerts, a)
	}
	if x.Days, err = alerts.Days(ctx, person, time.Time{}, time.Now().AddDate(100, 0, 0)); err != nil {
		return nil, err
	}
	var dec event.Decoder
	var e event.Event
	take := func(rec []byte) error {
		if !who.mine(rec) || dec.Decode(rec, &e) != nil {
			return nil
		}
		b, err := json.Marshal(&e)
		x.Events = append(x.Events, b)
		return err
	}
	if j.backlog != nil {
		_, err = j.backlog.Load(ctx, j.generation, take)
	} else if path, there := f.file("log.db"); there {
		err = datadir.EachEvent(ctx, path, take)
	}
	return x, err
}

// erased is what was deleted.
type erased struct {
	accounts, alerts, days, events, records, letters int
	baseline                                         bool
	left                                             []string // what was not reached
}

// String says in lines what was deleted, and what was not reached.
func (e *erased) String() string {
	baseline := "no baseline"
	if e.baseline {
		baseline = "the baseline"
	}
	s := fmt.Sprintf("deleted %s, %s, %s, %s, %s, %s, %s\n", baseline,
		plain.CountOf(e.accounts, "account", "accounts"), plain.CountOf(e.alerts, "alert", "alerts"),
		plain.CountOf(e.days, "day", "days"), plain.CountOf(e.events, "event", "events"),
		plain.CountOf(e.records, "record of alerts", "records of alerts"),
		plain.CountOf(e.letters, "dead letter", "dead letters"))
	if len(e.left) > 0 {
		s += "not reached, and to be deleted where it lies: " + strings.Join(e.left, "; ") + "\n"
	}
	return s
}

// Erase deletes everything that is kept about a person, who is given by address, and has the audit
// log of accesses record it as of now. The caller holds the lock of the data directory, and Write is
// set. After an error some of it may be deleted; Erase can be repeated.
func (f *Dir) Erase(ctx context.Context, conf *config.Config, person string, now time.Time) (*erased, error) {
	out := &erased{}
	who, err := f.subject(ctx, conf, person)
	if err != nil {
		return nil, err
	}
	defer who.close()
	alerts, mine := who.alerts, who.mine
	out.accounts = len(who.accounts)
	if out.baseline, out.events, err = who.state.erase(ctx, conf, person, who.aliases, mine); err != nil {
		return nil, err
	}
	if err := f.eraseLog(ctx, person, mine, out); err != nil {
		return nil, err
	}
	ids, days, err := alerts.Erase(ctx, person)
	if err != nil {
		return nil, err
	}
	out.alerts, out.days = len(ids), int(days)
	if err := alerts.Vacuum(ctx); err != nil {
		return nil, err
	}
	if path, there := f.file("sources.db"); there {
		s, err := watch.Open(ctx, path)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		n, err := s.EraseDeadLetters(ctx, who.accounts)
		if err != nil {
			return nil, err
		}
		out.letters = int(n)
	}
	s, err := keys.OpenFeed(ctx, f.Data)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Erase(ctx, person, ids); err != nil {
		return nil, err
	}
	m, err := keys.OpenMask(f.Data, conf, string(feed.Privacy), keys.Organisation{})
	if err != nil {
		return nil, err
	}
	out.left = append(out.left, "exports in watched folders", "backups", "messages that were sent", "reports that were written")
	if conf.Log.Kind == "kafka" {
		out.left = append(out.left, "the topics of Kafka, until their retention is over")
	}
	switch {
	case conf.Snapshots == (snapshot.Config{}):
	case conf.Log.Tasks > 1:
		known, err := EraseShared(ctx, conf, f.Data, person)
		if err != nil {
			return nil, err
		}
		out.baseline = out.baseline || known
	default:
		out.left = append(out.left, "snapshots of the processor: the next one is without the person")
	}
	what := fmt.Sprintf("erased everything about %s: %s, %s, %s", m.Name(person),
		plain.CountOf(out.alerts, "alert", "alerts"), plain.CountOf(out.days, "day", "days"),
		plain.CountOf(out.events, "event", "events"))
	return out, s.LogAccess(ctx, now, "outflow", feed.Privacy, what)
}

// eraseLog deletes the events of a person, and the records about them in the alert topic, from the
// embedded event log, if there is one. It adds to out how many these were.
func (f *Dir) eraseLog(ctx context.Context, person string, mine func(rec []byte) bool, out *erased) error {
	path, there := f.file("log.db")
	if !there {
		return nil
	}
	log, err := eventlog.OpenFile(ctx, path)
	if err != nil {
		return err
	}
	defer log.Close()
	n, err := log.Rewrite(ctx, "events", func(r *eventlog.Record) ([]byte, bool) { return nil, mine(r.Value) })
	if err != nil {
		return err
	}
	out.events += n
	without := func(r *eventlog.Record) ([]byte, bool) { return withoutPerson(r.Value, person) }
	if out.records, err = log.Rewrite(ctx, "alerts", without); err != nil {
		return err
	}
	return log.Vacuum(ctx)
}

// EraseShared takes a person out of the snapshots of processors that share the people by shards.
// They must not be running: they start from nothing else. It says whether a snapshot knew the
// person.
func EraseShared(ctx context.Context, conf *config.Config, dir, person string) (known bool, err error) {
	snapshots, err := snapshot.Open(ctx, conf.Snapshots, conf.Log.Topic("detect"))
	if err != nil {
		return false, err
	}
	list, err := snapshots.ListShared(ctx)
	if err != nil {
		return false, err
	}
	for _, x := range list {
		found, err := eraseSnapshot(ctx, snapshots.Of(x.Shards), conf, dir, x, person)
		if err != nil {
			return false, fmt.Errorf("snapshot %s: %w", snapshots.Of(x.Shards).File(x.At), err)
		}
		known = known || found
	}
	return known, nil
}

// eraseSnapshot takes a person out of a snapshot.
func eraseSnapshot(
	ctx context.Context, s *snapshot.Store, conf *config.Config, dir string, x snapshot.Shared, person string,
) (known bool, err error) {
	tmp, err := os.MkdirTemp(dir, ".erase-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(tmp)
	path := filepath.Join(tmp, "store")
	if err := s.Open(ctx, path, x.At); err != nil {
		return false, err
	}
	j := &engineState{shards: conf.Log.Tasks, mine: x.Shards}
	if j.store, err = engine.OpenStore(ctx, path); err != nil {
		return false, err
	}
	defer j.Close()
	if err := j.load(ctx); err != nil || j.committed == nil {
		return false, err
	}
	aliases, accounts, err := identity.EraseFromSnapshot(j.aliases, person)
	if err != nil {
		return false, err
	}
	if known, _, err = j.erase(ctx, conf, person, aliases, of(accounts)); err != nil {
		return false, err
	}
	return known, s.Seal(ctx, path, s.File(x.At))
}

// erase takes a person out of the engine's state. It says whether the state knew the person, and
// how many events were deleted.
func (j *engineState) erase(
	ctx context.Context, conf *config.Config, person string, aliases []byte, mine func(rec []byte) bool,
) (known bool, events int, err error) {
	if j.store == nil || j.generation == 0 {
		return false, 0, nil
	}
	detection, err := conf.Detect()
	if err != nil {
		return false, 0, err
	}
	detection.Shards, detection.Mine = j.shards, j.mine
	if j.backlog != nil {
		snapshot, known, err := j.snapshot.Forget(detection, person)
		if err != nil {
			return false, 0, err
		}
		if events, err = j.backlog.Erase(ctx, j.generation, aliases, mine); err != nil {
			return false, 0, err
		}
		if err := j.store.Save(ctx, j.generation, -1, snapshot); err != nil {
			return false, 0, err
		}
		return known, events, errors.Join(j.store.Vacuum(ctx), j.backlog.Vacuum(ctx))
	}
	generations, err := j.store.Generations(ctx)
	if err != nil {
		return false, 0, err
	}
	for _, g := range generations {
		has, n, err := j.eraseCheckpoint(ctx, detection, g, generations, person, mine)
		if err != nil {
			return false, 0, err
		}
		known, events = known || has, max(events, n) // older checkpoints hold the same records of HR
	}
	return known, events, j.store.Vacuum(ctx)
}

// eraseCheckpoint takes a person out of one of a daemon's checkpoints, and leaves the others.
func (j *engineState) eraseCheckpoint(
	ctx context.Context, detection engine.Config, generation int64, all []int64, person string, mine func(rec []byte) bool,
) (known bool, events int, err error) {
	c, err := stream.ReadCommitted(ctx, j.store, generation)
	if err != nil || c == nil {
		return false, 0, err
	}
	snapshot, err := j.store.Load(ctx, generation)
	if err != nil {
		return false, 0, err
	}
	if snapshot, known, err = snapshot.Forget(detection, person); err != nil {
		return false, 0, err
	}
	var staff []byte
	err = event.Framed(c.Staff, func(rec []byte) error {
		if mine(rec) {
			events++
		} else {
			staff = event.AppendFramed(staff, rec)
		}
		return nil
	})
	if err != nil {
		return false, 0, err
	}
	c.Staff = staff
	if c.Aliases, _, err = identity.EraseFromSnapshot(c.Aliases, person); err != nil {
		return false, 0, err
	}
	if c.Desk, err = alert.EraseFromState(c.Desk, person); err != nil {
		return false, 0, err
	}
	return known, events, c.Save(ctx, j.store, generation, all, snapshot)
}

// withoutPerson is a record of the alert topic without a person.
func withoutPerson(value []byte, person string) (out []byte, changed bool) {
	if len(value) == 0 {
		return nil, false
	}
	r, err := stream.ParseRecord(value)
	if err != nil {
		return nil, false
	}
	switch r.Kind {
	case stream.ActivityRecord:
		n := len(r.Activity)
		r.Activity = slices.DeleteFunc(r.Activity, func(a finding.Activity) bool { return strings.EqualFold(a.User, person) })
		changed = len(r.Activity) < n
	case stream.LeaversRecord:
		n := len(r.Leavers)
		r.Leavers = slices.DeleteFunc(r.Leavers, func(l finding.Leaver) bool { return strings.EqualFold(l.User, person) })
		changed = len(r.Leavers) < n
	default:
		return nil, strings.EqualFold(r.Alert.User, person)
	}
	if !changed {
		return nil, false
	}
	out, err = r.Marshal()
	return out, err == nil
}

// directory is all people in a data directory: those with alerts or days, in the HR files, and in
// the engine's state; with their accounts and display names. Deep also looks through the events of
// a scan, for accounts that are nowhere else.
func (f *Dir) directory(
	ctx context.Context, conf *config.Config, alerts *alert.Store, j *engineState, deep bool,
) (*people.Directory, error) {
	d := people.New()
	kept, err := alerts.KnownUsers(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range kept {
		d.Add(user)
	}
	active, err := alerts.ActiveUsers(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range active {
		d.Add(user).Acted = true
	}
	for _, name := range j.snapshot.Names() {
		d.Add(name)
	}
	if err := f.AddStaff(ctx, d, j); err != nil {
		return nil, err
	}
	r := identity.New()
	if err := r.Restore(j.aliases); err != nil {
		return nil, err
	}
	r.Configure(conf.Identity())
	if deep && j.backlog != nil {
		if err := j.walk(ctx, r, d); err != nil {
			return nil, err
		}
	}
	for account, person := range r.Accounts() {
		if d.Get(person) != nil {
			d.Account(account, person)
		}
	}
	return d, nil
}

// Matcher finds the people of the organisation whom texts name, with all their accounts: those in HR's files, those with an
// address in its domains, and those without an address. Outsiders keep their names, as recipients.
func (f *Dir) Matcher(
	ctx context.Context, conf *config.Config, alerts *alert.Store, common func(domain string) bool,
) (*people.Matcher, error) {
	j, err := f.OpenState(ctx, alerts)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	d, err := f.directory(ctx, conf, alerts, j, false)
	if err != nil {
		return nil, err
	}
	services, err := alerts.Services(ctx)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, domain := range conf.Domains {
		own[strings.ToLower(strings.TrimPrefix(domain, "@"))] = true
	}
	return d.MatcherOf(func(p *people.Person) bool {
		_, domain, address := strings.Cut(p.Address, "@")
		return !services[p.Address] && (p.Staff || !address || own[domain] || common != nil && common(domain))
	}), nil
}

// AddStaff adds the people in HR's files: their names, departments, and further accounts.
func (f *Dir) AddStaff(ctx context.Context, d *people.Directory, j *engineState) error {
	var dec event.Decoder
	var e event.Event
	return f.staff(ctx, j, func(rec []byte) error {
		if dec.Decode(rec, &e) != nil || e.Actor.Account == "" || e.Class == event.Derived {
			return nil // what cannot be read was reported when it came
		}
		address := strings.Clone(e.Actor.Account)
		if owner := d.Owner(address); e.Class != event.Person && owner != "" { // leaving under a former address
			address = owner
		}
		p := d.Add(address)
		p.Staff = true
		d.SetName(p, strings.Clone(e.Actor.Name))
		if v := e.Attr(event.AttrDepartment); v != "" {
			p.Department = strings.Clone(v)
		}
		if v := e.Attr(event.AttrCountry); v != "" {
			p.Country = strings.Clone(v)
		}
		if v := e.Attr(event.AttrTitle); v != "" {
			p.Title = strings.Clone(v)
		}
		if v := e.Attr(event.AttrManager); v != "" {
			p.Manager = strings.Clone(v)
		}
		for _, a := range e.Attrs {
			if a.Name == event.AttrAlias {
				d.Account(strings.TrimPrefix(strings.Clone(a.Value), "*:"), p.Address)
			}
		}
		return nil
	})
}

// walk resolves the events that a scan has kept, as a scan does.
func (j *engineState) walk(ctx context.Context, r *identity.Resolver, d *people.Directory) error {
	var dec event.Decoder
	var e event.Event
	_, err := j.backlog.Load(ctx, j.generation, func(rec []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		person, rec := r.Resolve(rec)
		if person == "" || event.RecordSource(rec) == event.HR {
			return nil
		}
		p := d.Add(person)
		p.Acted = true
		if len(p.Names) == 0 && dec.Decode(rec, &e) == nil && strings.EqualFold(e.Actor.Account, person) {
			d.SetName(p, strings.Clone(e.Actor.Name))
		}
		return nil
	})
	return err
}

// Find returns the person that a text names, by address, name or account. If they are not found
// otherwise, the events that are kept are searched for accounts.
func (f *Dir) Find(ctx context.Context, conf *config.Config, alerts *alert.Store, text string) (m people.Match, err error) {
	j, err := f.OpenState(ctx, alerts)
	if err != nil {
		return m, err
	}
	defer j.Close()
	for _, deep := range []bool{false, true} {
		d, err := f.directory(ctx, conf, alerts, j, deep)
		if err != nil {
			return m, err
		}
		m, err = d.Find(text)
		var unknown *people.Unknown
		if err == nil || !errors.As(err, &unknown) || unknown.Several != nil || deep || j.backlog == nil {
			return m, err
		}
	}
	return m, nil // not reached
}

// FindPseudonym returns the person that a pseudonym of a mask stands for.
func (f *Dir) FindPseudonym(
	ctx context.Context, conf *config.Config, alerts *alert.Store, mask *alert.Mask, text string,
) (m people.Match, err error) {
	j, err := f.OpenState(ctx, alerts)
	if err != nil {
		return m, err
	}
	defer j.Close()
	d, err := f.directory(ctx, conf, alerts, j, false)
	if err != nil {
		return m, err
	}
	return d.Pseudonymized(mask.Name).Find(text)
}
