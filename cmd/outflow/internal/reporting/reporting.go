// Package reporting makes reports of what a data directory holds: reviews, digests and lists
// of what people have opened.
package reporting

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/email"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/privacy"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/cmd/outflow/internal/triage"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/outfile"
)

// FindUser returns the address of the user that a text names, and prints on stderr how it was found,
// unless the text is the address. With a mask, its pseudonyms name users, too.
func (f *Source) FindUser(ctx context.Context, data *Data, text string, mask *alert.Mask, stderr io.Writer) (string, error) {
	conf, alerts := data.Conf, data.alerts
	p := &privacy.Dir{Data: f.Data}
	if mask != nil && people.Form.MatchString(text) {
		m, err := p.FindPseudonym(ctx, conf, alerts, mask, text)
		if err != nil {
			return "", err
		}
		return m.Person.Address, nil
	}
	m, err := p.Find(ctx, conf, alerts, text)
	if err != nil {
		return "", err
	}
	if s := m.Describe(text); s != "" {
		fmt.Fprintln(stderr, s)
	}
	return m.Person.Address, nil
}

// known adds how much data there is of what is usual, what can be seen, what HR states of people, what is switched off for
// them, and on which watchlists they are.
func (f *Source) known(ctx context.Context, data *Data) error {
	conf, alerts, in := data.Conf, data.alerts, data.In
	var err error
	if in.Usual, err = batch.UsualOf(ctx, alerts); err != nil {
		return err
	}
	in.HR = len(in.Leavers) > 0
	detection, err := conf.Detect()
	if err != nil {
		return err
	}
	if in.Kinds, err = f.kinds(ctx, conf); err != nil {
		return err
	}
	p := &privacy.Dir{Data: f.Data}
	j, err := p.OpenState(ctx, alerts)
	if err != nil {
		return err
	}
	defer j.Close()
	staff := people.New()
	if err := p.AddStaff(ctx, staff, j); err != nil {
		return err
	}
	in.Profile = func(user string) reports.Profile { return profile(staff, user) }
	if len(detection.OptOuts)+len(detection.Watchlists) == 0 {
		return nil
	}
	in.Watched = func(user string) []string {
		department, country := "", ""
		if x := staff.Get(user); x != nil {
			department, country = x.Department, x.Country
		}
		return detection.WatchlistsOf(user, department, country, in.Reported)
	}
	in.Off = func(user string) map[string]string {
		if x := staff.Get(user); x != nil {
			return switchedOff(detection.OptOuts, x.Department, x.Country)
		}
		return nil
	}
	return nil
}

// profile is what HR's files state about a person.
func profile(staff *people.Directory, user string) (p reports.Profile) {
	x := staff.Get(user)
	if x == nil {
		return p
	}
	p = reports.Profile{Department: x.Department, Role: x.Title, Manager: x.Manager}
	if len(x.Names) > 0 {
		p.Name = x.Names[0]
	}
	if m := staff.Get(x.Manager); x.Manager != "" && m != nil && len(m.Names) > 0 {
		p.Manager = m.Names[0] + " (" + x.Manager + ")"
	}
	return p
}

// switchedOff gives the reasons why detectors, by title, are switched off for a person.
func switchedOff(list []engine.OptOut, department, country string) map[string]string {
	why := map[string]string{}
	for i := range list {
		o := &list[i]
		if !o.Covers(department, country) {
			continue
		}
		for _, d := range detectors.All {
			if len(o.Detectors) == 0 || slices.Contains(o.Detectors, d.Name) {
				why[d.Title] = o.Reason
			}
		}
	}
	return why
}

// kinds are what reports say is looked for, with the sources that each sees something in, and why some see nothing.
func (f *Source) kinds(ctx context.Context, conf *config.Config) (list []reports.Kind, err error) {
	blind, err := f.blind(ctx)
	if err != nil {
		return nil, err
	}
	if len(conf.ForbiddenDomains) == 0 {
		blind["forbidden_domain"] = "no domains are forbidden in the configuration"
	}
	if len(conf.TopLabels) == 0 {
		blind["labelled_item"] = "no highest labels are named in the configuration"
	}
	for _, d := range detectors.All {
		if d.Mechanism == detect.UserRules || d.Mechanism == detect.Watchlists || d.Has(finding.AboutData) {
			continue
		}
		k := reports.Kind{
			Name: d.Name, Title: d.Title, Counts: d.Counts(), Blind: blind[d.Name],
			Leaving: d.Has(finding.AboutLeavers), LastDay: d.AfterLeaving || d.Mechanism == detect.AccessReview,
		}
		for _, c := range d.Needs {
			switch name := c.Source.String(); {
			case c.Source == event.HR:
				k.HR = true
			case !slices.Contains(k.Sources, name):
				k.Sources = append(k.Sources, name)
			}
		}
		list = append(list, k)
	}
	return list, nil
}

// blind says why detectors, by name, can see nothing in the kinds of action that have arrived, where a daemon has
// noted them.
func (f *Source) blind(ctx context.Context) (map[string]string, error) {
	why := map[string]string{}
	path := filepath.Join(f.Data, "sources.db")
	if !outfile.Exists(path) {
		return why, nil
	}
	s, err := watch.OpenReadOnly(ctx, path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	seen, err := s.Classes(ctx)
	if err != nil || len(seen) == 0 {
		return why, err
	}
	arrived := map[event.Source]map[event.Class]bool{}
	for _, v := range seen {
		if arrived[v.Vendor] == nil {
			arrived[v.Vendor] = map[event.Class]bool{}
		}
		arrived[v.Vendor][v.Class] = true
	}
	for _, d := range doctor.DiagnoseClasses(func(s event.Source, c event.Class) bool { return arrived[s][c] }) {
		switch {
		case d.State != doctor.Blind:
		case len(d.Missing) > 0:
			why[d.Detector] = "what it needs does not arrive: " + strings.Join(d.Missing, "; ")
		default:
			why[d.Detector] = "there is no data of " + strings.Join(d.Absent, ", ")
		}
	}
	return why, nil
}

// Source is a data directory that reports are made of.
type Source struct {
	Data   string         // the folder
	People string         // names, or pseudonyms
	Conf   *config.Config // complete; see config.Load
}

// Data is what reports are made of: what a data directory holds at one moment.
type Data struct {
	In     *reports.Input // valid until Close
	Conf   *config.Config // of the Source
	alerts *alert.Store
}

// Close closes the alerts: in.Days reads them until then.
func (d *Data) Close() { d.alerts.Close() }

// EachDay calls a function with every stored day of everyone, in no particular order.
func (d *Data) EachDay(ctx context.Context, each func(*finding.Activity) error) error {
	return d.alerts.EachDay(ctx, each)
}

// Load reads what reports are made of, also while a daemon or a scan writes it. Close what
// it returns.
func (f *Source) Load(ctx context.Context) (d *Data, err error) {
	d = &Data{Conf: f.Conf}
	if d.alerts, err = datadir.OpenAlerts(ctx, f.Data); err != nil {
		return nil, err
	}
	for _, add := range []func() error{
		func() error { d.In, err = reportInput(ctx, d.alerts); return err },
		func() error { return f.known(ctx, d) },
		func() error { return f.decided(ctx, d.In) },
		func() error { return deliver(ctx, f.Data, d.In) },
	} {
		if err = add(); err != nil {
			break
		}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// decided adds what was decided about alerts in the feed, and who has checked reviews.
func (f *Source) decided(ctx context.Context, in *reports.Input) error {
	path := filepath.Join(f.Data, "feed.db")
	if !outfile.Exists(path) {
		return nil
	}
	s, err := feed.OpenReadOnly(ctx, path, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	standing, err := s.LatestDecisions(ctx)
	if err != nil {
		return err
	}
	if in.Checks, err = s.Reviewed(ctx); err != nil {
		return err
	}
	in.Decisions = make(map[string]reports.Decision, len(standing))
	for id, t := range standing {
		closed := t.Status != feed.Undecided && t.Status != feed.Acknowledged
		in.Decisions[id] = reports.Decision{
			Status: string(t.Status), Closed: closed, True: t.Status == feed.True, Who: t.Who, At: t.At, Note: t.Note,
			Assignee: t.Assignee,
		}
	}
	return nil
}

// reportInput is what alerts say for reports.
func reportInput(ctx context.Context, alerts *alert.Store) (in *reports.Input, err error) {
	in = &reports.Input{Detectors: detectors.Traits(), Reported: time.Now().UTC().Truncate(time.Second)}
	if in.Alerts, err = alerts.All(ctx); err != nil {
		return nil, err
	}
	for i := range in.Alerts {
		if at := in.Alerts[i].DataCompleteTo; at.After(in.Now) {
			in.Now = at
		}
	}
	if in.Covered, err = alerts.Covered(ctx); err != nil {
		return nil, err
	}
	for d := range in.Covered {
		if at, err := time.Parse(time.DateOnly, d); err == nil && at.AddDate(0, 0, 1).After(in.Now) && at.After(in.Now) {
			in.Now = at
		}
	}
	in.Days = func(user string, from, to time.Time) ([]finding.Activity, error) {
		return alerts.Days(ctx, user, from, to)
	}
	in.Items = func(a *alert.Alert) error { return alerts.LoadItems(ctx, a) }
	if in.Leavers, err = leavers(ctx, alerts); err != nil {
		return nil, err
	}
	for _, s := range event.Sources() {
		if s != event.HR {
			in.All = append(in.All, s.Title())
		}
	}
	return in, nil
}

// deliver adds which sources deliver, up to when, and what fails, where a daemon knows.
func deliver(ctx context.Context, dir string, in *reports.Input) error {
	path := filepath.Join(dir, "sources.db")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	s, err := watch.OpenReadOnly(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	vendors, err := s.Vendors(ctx)
	if err != nil {
		return err
	}
	for _, v := range vendors {
		for _, known := range event.Sources() {
			if known.String() == v.Vendor && !slices.Contains(in.Sources, known.Title()) {
				in.Sources = append(in.Sources, known.Title())
			}
		}
		if v.Newest.After(in.Now) {
			in.Now = v.Newest
		}
	}
	if in.Arrived, err = arrivedOf(dir); err != nil {
		return err
	}
	states, err := s.States(ctx)
	if err != nil {
		return err
	}
	for _, st := range states {
		what := st.Source + ", " + st.Stream
		if st.Failing != "" {
			in.Failing = append(in.Failing, reports.Unseen{What: what, Why: "it cannot be read: " + st.Failing})
		}
		for _, g := range st.Gaps {
			why := g.Reason
			if !g.From.IsZero() {
				why = g.From.Format(time.DateOnly) + " to " + g.To.Format(time.DateOnly) + ": " + why
			}
			in.Failing = append(in.Failing, reports.Unseen{What: what, Why: why})
		}
	}
	return nil
}

// arrivedOf is what became of what came, as the daemon says; nil if it has not run.
func arrivedOf(dir string) (list []reports.LateArrival, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "status.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s struct {
		Accounts []stream.Account `json:"accounts"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("status.json: %w", err)
	}
	for _, a := range s.Accounts {
		source := "records that are no events"
		if a.Vendor != "" {
			source = event.SourceNamed(a.Vendor).Title()
		}
		list = append(list, reports.LateArrival{
			Day:      time.UnixMilli(a.Day * event.Day).UTC(),
			Source:   source,
			Received: a.Received,
			Judged:   a.Processed,
			Repeated: a.Repeated,
			LeftOut:  a.Left(),
		})
	}
	return list, nil
}

// leavers are the users that HR reports as leaving.
func leavers(ctx context.Context, alerts *alert.Store) (list []reports.Leaver, err error) {
	all, err := alerts.Leavers(ctx)
	for _, l := range all {
		x := reports.Leaver{User: l.User, Notice: time.UnixMilli(l.Notice).UTC()}
		if l.LastDay > 0 {
			x.LastDay = time.UnixMilli(l.LastDay).UTC()
		}
		list = append(list, x)
	}
	return list, err
}

// Mail makes the digest of a week and mails it.
func (f *Source) Mail(ctx context.Context, monday time.Time) error {
	data, err := f.Load(ctx)
	if err != nil {
		return err
	}
	defer data.Close()
	d, err := f.Digest(ctx, data, monday)
	if err != nil {
		return err
	}
	return SendDigest(ctx, data.Conf, d)
}

// Digest makes the digest of a week, with what was decided in the feed.
func (f *Source) Digest(ctx context.Context, data *Data, monday time.Time) (*reports.Digest, error) {
	t, err := f.triage(ctx, data, monday)
	if err != nil {
		return nil, err
	}
	for i := range data.In.Alerts {
		if a := &data.In.Alerts[i]; a.OpenExposures() > 0 { // items say how to close what is open
			if err := data.alerts.LoadItems(ctx, a); err != nil {
				return nil, err
			}
		}
	}
	d := reports.MakeDigest(data.In, monday, t)
	d.PublicURL = strings.TrimSuffix(data.Conf.PublicURL, "/")
	hidden, err := suppressed(ctx, data.alerts, d.From, d.To)
	if err != nil {
		return nil, err
	}
	d.SetSuppressed(hidden)
	if d.Budget, err = f.kept(ctx, data, d.To); err != nil {
		return nil, err
	}
	m, err := f.Mask(ctx, data, feed.SOC)
	if err != nil {
		return nil, err
	}
	if f.People == "pseudonyms" {
		d.Mask(m)
	} else {
		d.SetIDs(m.ID) // links lead to pages of analysts
	}
	return d, nil
}

// Mask is the mask of a purpose, which knows everybody in the data directory.
func (f *Source) Mask(ctx context.Context, data *Data, purpose feed.Role) (*alert.Mask, error) {
	users, err := data.alerts.Users(ctx)
	if err != nil {
		return nil, err
	}
	common := alert.CommonDomains(users)
	own := func(domain string) bool { return common[domain] }
	known, err := (&privacy.Dir{Data: f.Data}).Matcher(ctx, data.Conf, data.alerts, own)
	if err != nil {
		return nil, err
	}
	return keys.OpenMask(f.Data, data.Conf, string(purpose), keys.Organisation{
		Common: own, People: func() *people.Matcher { return known },
	})
}

// triage is what was decided in the feed, how long alerts waited for it in a week, and how many messages of
// the week were beyond a limit.
func (f *Source) triage(ctx context.Context, data *Data, monday time.Time) (t reports.Triage, err error) {
	unsent, err := data.alerts.Unsent(ctx)
	if err != nil {
		return t, err
	}
	for _, u := range unsent {
		if u.Budget && !u.At.Before(monday) && u.At.Before(monday.AddDate(0, 0, 7)) {
			t.Overflow++
		}
	}
	path := filepath.Join(f.Data, "feed.db")
	if !outfile.Exists(path) {
		return t, nil
	}
	s, err := feed.OpenReadOnly(ctx, path, nil)
	if err != nil {
		return t, err
	}
	defer s.Close()
	all, err := s.Precision(ctx)
	if err != nil {
		return t, err
	}
	t.Outcomes = map[string]reports.Outcome{}
	for name, c := range all {
		t.Outcomes[name] = reports.Outcome(c)
	}
	first, err := s.FirstDecisions(ctx, monday, monday.AddDate(0, 0, 7))
	if err != nil {
		return t, err
	}
	for id, at := range first {
		shown, err := data.alerts.FirstShown(ctx, id)
		if err != nil {
			return t, err
		}
		if !shown.IsZero() && !at.Before(shown) {
			t.Acknowledged = append(t.Acknowledged, at.Sub(shown))
		}
	}
	return t, nil
}

// kept is how the budget was kept in the four weeks before a time; nil if none is asked for, or there is no data of them.
func (f *Source) kept(ctx context.Context, data *Data, until time.Time) (*alert.Kept, error) {
	asked := data.Conf.Budget
	if asked <= 0 {
		return nil, nil
	}
	until, err := data.alerts.DataUntil(ctx, until)
	if err != nil {
		return nil, err
	}
	b, err := triage.Budget(ctx, asked, f.Data, data.alerts, triage.BudgetSince(until))
	if err != nil {
		return nil, err
	}
	return b.Kept(until), nil
}

// suppressed is how many alerts of a stretch of time were not sent because of suppressions.
func suppressed(ctx context.Context, alerts *alert.Store, from, to time.Time) (n int, err error) {
	list, err := alerts.Suppressions(ctx)
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for i := range list {
		p := &list[i]
		begin := slices.MaxFunc([]time.Time{p.Made, from}, time.Time.Compare)
		end := slices.MinFunc([]time.Time{p.Until(), to}, time.Time.Compare)
		kept, err := alerts.Suppressed(ctx, p, detectors.Traits(), begin, end)
		if err != nil {
			return 0, err
		}
		for j := range kept {
			seen[kept[j].ID] = true
		}
	}
	return len(seen), nil
}

// SendOwners mails everybody their list, and returns how many mails it has sent.
func SendOwners(ctx context.Context, conf *config.Config, list []reports.Owner) (sent int, err error) {
	settings, env, err := conf.Mail()
	if err != nil {
		return 0, err
	}
	for i := range list {
		o := &list[i]
		if !ingest.IsEmail(o.User) {
			continue
		}
		var text, html bytes.Buffer
		if err := errors.Join(o.Write(&text, "text"), o.Write(&html, "html")); err != nil {
			return sent, err
		}
		to := *settings
		to.To = []string{o.User}
		id := fmt.Sprintf("owner-%x-%s", sha256.Sum256([]byte(o.User)), o.Made.Format(time.DateOnly))
		m := &email.Mail{Subject: "[Outflow] " + o.Headline(), ID: id, Text: text.String(), HTML: html.String()}
		if err := to.Send(ctx, env, m); err != nil {
			return sent, fmt.Errorf("after %d of %d mails: %w", sent, len(list), err)
		}
		sent++
	}
	return sent, nil
}

// SendDigest mails a digest through the first channel of kind email. The error is
// config.ErrNoMail if there is no such channel.
func SendDigest(ctx context.Context, conf *config.Config, d *reports.Digest) error {
	settings, env, err := conf.Mail()
	if err != nil {
		return err
	}
	text, html, images, err := d.Mail()
	if err != nil {
		return err
	}
	return settings.Send(ctx, env, &email.Mail{
		Subject: "[Outflow] " + d.Week + ": " + d.Headline(), ID: "digest-" + d.Week, Text: text, HTML: html, Images: images,
	})
}
