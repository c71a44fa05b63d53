package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/event"
)

// coverage is what arrives, what share of it was scored, and what detectors see, for the page of the feed.
func (d *Daemon) coverage(ctx context.Context, l *stream.Logs) (*feed.Coverage, error) {
	st, err := d.look(ctx, l)
	if err != nil {
		return nil, err
	}
	c := &feed.Coverage{
		Day: st.Arrived.Day, Days: 1, Undecoded: st.Dead, Unwell: st.Unwell,
		Sources: []feed.SourceState{}, Streams: []feed.StreamState{}, Kinds: []feed.DetectorState{},
	}
	if err := d.addSources(ctx, c, st); err != nil {
		return nil, err
	}
	for _, s := range st.Streams {
		x := feed.StreamState{Source: s.Source, Stream: s.Stream, Events: s.Events, Asked: s.Asked, Failing: s.Failing, Gaps: []string{}}
		for _, g := range s.Gaps {
			line := g.Reason
			if !g.From.IsZero() {
				line = g.From.UTC().Format(time.DateOnly) + " to " + g.To.UTC().Format(time.DateOnly) + ": " + line
			}
			x.Gaps = append(x.Gaps, line)
		}
		c.Streams = append(c.Streams, x)
	}
	return c, d.addDetectors(ctx, c)
}

// addSources adds what arrives of each audit log.
func (d *Daemon) addSources(ctx context.Context, c *feed.Coverage, st *Status) error {
	of := map[string]*feed.SourceState{}
	get := func(name string) *feed.SourceState {
		if of[name] == nil {
			title := event.SourceNamed(name).Title()
			of[name] = &feed.SourceState{Source: name, Title: title, Through: []string{}, Lag: -1, Unknown: st.Arrived.Unknown[name]}
		}
		return of[name]
	}
	if d.sources != nil {
		list, err := d.sources.Vendors(ctx)
		if err != nil {
			return err
		}
		for _, v := range list {
			x := get(v.Vendor)
			x.Through = append(x.Through, v.Source)
			x.Events += v.Events
			x.Lag = max(x.Lag, v.Lag)
			if v.Newest.After(x.Newest) {
				x.Newest = v.Newest
			}
		}
		for _, v := range st.Sources {
			get(v.Vendor).Hourly += v.Hourly
		}
	}
	first := c.Day
	for i := range st.Accounts {
		a := &st.Accounts[i]
		if a.Vendor == "" {
			continue
		}
		day := stream.DateOf(a.Day)
		first = min(first, day)
		x := get(a.Vendor)
		addCounts(&x.Recent, a)
		if day == c.Day {
			addCounts(&x.Today, a)
		}
	}
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return err
	}
	until, err := time.Parse(time.DateOnly, c.Day)
	if err != nil {
		return err
	}
	c.Days = int(until.Sub(from).Hours()/24) + 1
	for _, x := range of {
		c.Sources = append(c.Sources, *x)
	}
	slices.SortFunc(c.Sources, func(a, b feed.SourceState) int { return cmp.Compare(a.Title, b.Title) })
	return nil
}

// addCounts adds what became of the records of a day.
func addCounts(c *feed.Counts, a *stream.Account) {
	c.Received += a.Received
	c.Scored += a.Processed
	c.Delayed += a.Delayed
	c.Repeated += a.Repeated
	c.Late += a.Late
	c.Ahead += a.Ahead
	c.Erased += a.Erased
	c.Unreadable += a.Unreadable
}

// addDetectors adds what detectors see of the kinds of records that have arrived.
func (d *Daemon) addDetectors(ctx context.Context, c *feed.Coverage) error {
	if d.sources == nil {
		return nil
	}
	list, err := d.sources.Classes(ctx)
	if err != nil {
		return err
	}
	type kind struct {
		source event.Source
		class  event.Class
	}
	came := map[kind]bool{}
	for _, a := range list {
		came[kind{a.Vendor, a.Class}] = true
		if c.Since.IsZero() || a.First.Before(c.Since) {
			c.Since = a.First
		}
	}
	for _, x := range doctor.DiagnoseClasses(func(s event.Source, class event.Class) bool { return came[kind{s, class}] }) {
		state := map[string]string{doctor.Able: feed.FullView, doctor.Partly: feed.PartialView, doctor.Blind: feed.NoView}[x.State]
		if len(came) == 0 {
			state = feed.UnknownView
		}
		c.Kinds = append(c.Kinds, feed.DetectorState{
			Detector: x.Detector, Title: x.Title, State: state, Sees: x.Sees, Missing: x.Missing, Absent: append([]string{}, x.Absent...),
		})
	}
	return nil
}

// watchlistsFor is for how long it is believed which accounts are known: to list them takes a while.
const watchlistsFor = time.Minute

// watchlists are those of the configuration in force, with whether their members are known.
func (d *Daemon) watchlists(ctx context.Context) ([]feed.Watchlist, error) {
	conf := d.current()
	d.watched.Lock()
	defer d.watched.Unlock()
	if d.watched.conf == conf && time.Since(d.watched.at) < watchlistsFor {
		return d.watched.list, nil
	}
	detection, err := conf.Detect()
	if err != nil {
		return nil, err
	}
	users, err := d.alerts.KnownUsers(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, u := range users {
		known[strings.ToLower(u)] = true
	}
	departments, err := d.alerts.Departments(ctx)
	if err != nil {
		return nil, err
	}
	active := map[string]int{}
	for name, n := range departments {
		active[strings.ToLower(name)] += n
	}
	list := []feed.Watchlist{}
	for i := range detection.Watchlists {
		list = append(list, watchlistOf(&detection.Watchlists[i], &conf.Watchlists[i], known, active))
	}
	d.watched.conf, d.watched.at, d.watched.list = conf, time.Now(), list
	return list, nil
}

// watchlistOf describes a watchlist. Known are accounts in lower case, and active the people of departments.
func watchlistOf(w *engine.Watchlist, stated *config.Watchlist, known map[string]bool, active map[string]int) feed.Watchlist {
	out := feed.Watchlist{
		Name: w.Name, Owner: w.Owner, Reason: w.Reason, Weight: w.Points, Until: w.Until, File: stated.File,
		Members: []feed.WatchlistMember{}, Departments: []feed.WatchlistDepartment{},
		Places: append([]string{}, w.Places...), Applications: append([]string{}, w.Applications...),
	}
	for i, name := range w.People {
		m := feed.WatchlistMember{Name: strings.TrimSpace(name), Place: fmt.Sprintf("members, entry %d", i+1)}
		if n := i - len(stated.Members); n >= 0 {
			m.Place = fmt.Sprintf("file, person %d", n+1)
		}
		m.Known = known[strings.ToLower(m.Name)]
		out.Members = append(out.Members, m)
	}
	for _, name := range w.Departments {
		n := active[strings.ToLower(strings.TrimSpace(name))]
		out.Departments = append(out.Departments, feed.WatchlistDepartment{Name: name, People: n})
	}
	return out
}

// exempt reports whether people of a department may have opted out of watchlists. Of which country a user is, is not
// known here: an opt-out of a country counts for everybody.
func (d *Daemon) exempt(_ context.Context, _, department string) (bool, error) {
	detection, err := d.current().Detect()
	if err != nil {
		return false, err
	}
	watching := detection.Detectors.Of(detect.Watchlists).Name
	for i := range detection.OptOuts {
		o := detection.OptOuts[i]
		o.Countries = nil
		if (len(o.Detectors) == 0 || slices.Contains(o.Detectors, watching)) && o.Covers(department, "") {
			return true, nil
		}
	}
	return false, nil
}
