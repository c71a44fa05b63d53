package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/people"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// directory is everybody whom a data directory knows: of whom there are alerts or days, who
// is in the HR files, whom the judge has seen; with their accounts and display names. Deep
// looks through the events of a scan, too, for accounts that nothing else says.
func (f *privacyFlags) directory(ctx context.Context, conf *config.Config, alerts *alert.Store, j *judged, deep bool) (*people.Directory, error) {
	d := people.New()
	kept, err := alerts.People(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range kept {
		d.Add(user)
	}
	active, err := alerts.Active(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range active {
		d.Add(user).Acted = true
	}
	for _, name := range j.snapshot.Names() {
		d.Add(name)
	}
	if err := f.hired(ctx, d, alerts, j); err != nil {
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

// hired adds what HR says: who there is, what they are called, and their further accounts.
func (f *privacyFlags) hired(ctx context.Context, d *people.Directory, alerts *alert.Store, j *judged) error {
	var dec event.Decoder
	var e event.Event
	return f.staff(ctx, j, alerts, func(rec []byte) error {
		if dec.Decode(rec, &e) != nil || e.Actor.Account == "" || e.Class == event.Derived {
			return nil // what cannot be read was told when it came
		}
		address := strings.Clone(e.Actor.Account)
		if whose := d.Whose(address); e.Class != event.Person && whose != "" { // leaving under an address of before
			address = whose
		}
		p := d.Add(address)
		p.Staff = true
		d.Call(p, strings.Clone(e.Actor.Name))
		if v := e.Attr(event.AttrDepartment); v != "" {
			p.Department = strings.Clone(v)
		}
		if v := e.Attr(event.AttrCountry); v != "" {
			p.Country = strings.Clone(v)
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
func (j *judged) walk(ctx context.Context, r *identity.Resolver, d *people.Directory) error {
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
			d.Call(p, strings.Clone(e.Actor.Name))
		}
		return nil
	})
	return err
}

// find says whom a text names. Where nothing else tells, the events that are kept are asked
// for accounts.
func (f *privacyFlags) find(ctx context.Context, conf *config.Config, alerts *alert.Store, text string) (m people.Match, err error) {
	j, err := f.judged(ctx, alerts)
	if err != nil {
		return m, err
	}
	defer j.close()
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

// whom says whom a text names, and on stderr how, unless it is their address. Under a mask
// the pseudonyms that it gives name people, too: what is written then has no others.
func (f *reportFlags) whom(ctx context.Context, data *reportData, text string, mask *alert.Mask, stderr io.Writer) (string, error) {
	conf, alerts := data.conf, data.alerts
	p := &privacyFlags{data: f.data, config: f.config}
	if mask != nil && people.Form.MatchString(text) {
		m, err := p.under(ctx, conf, alerts, mask, text)
		if err != nil {
			return "", err
		}
		return m.Person.Address, nil
	}
	m, err := p.find(ctx, conf, alerts, text)
	if err != nil {
		return "", err
	}
	if s := m.Said(text); s != "" {
		fmt.Fprintln(stderr, s)
	}
	return m.Person.Address, nil
}

// under says whom a pseudonym of a mask stands for.
func (f *privacyFlags) under(ctx context.Context, conf *config.Config, alerts *alert.Store, mask *alert.Mask, text string) (m people.Match, err error) {
	j, err := f.judged(ctx, alerts)
	if err != nil {
		return m, err
	}
	defer j.close()
	d, err := f.directory(ctx, conf, alerts, j, false)
	if err != nil {
		return m, err
	}
	return d.Under(mask.Name).Find(text)
}

// known adds what there is data of, how much of it, and what is switched off for whom.
func (f *reportFlags) known(ctx context.Context, data *reportData) error {
	conf, alerts, in := data.conf, data.alerts, data.in
	var err error
	if in.Usual, err = batch.UsualOf(ctx, alerts); err != nil {
		return err
	}
	in.HR = len(in.Leavers) > 0
	judging, err := conf.Detect()
	if err != nil {
		return err
	}
	if len(judging.Off) == 0 {
		return nil
	}
	p := &privacyFlags{data: f.data, config: f.config}
	j, err := p.judged(ctx, alerts)
	if err != nil {
		return err
	}
	defer j.close()
	staff := people.New()
	if err := p.hired(ctx, staff, alerts, j); err != nil {
		return err
	}
	in.Off = func(user string) map[string]string {
		if x := staff.Get(user); x != nil {
			return switchedOff(judging.Off, x.Department, x.Country)
		}
		return nil
	}
	return nil
}

// switchedOff says why detectors, by title, are switched off for somebody.
func switchedOff(list []engine.Off, department, country string) map[string]string {
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

// kinds are what reports say is looked for, with the sources that each sees something in.
func kinds() (list []reports.Kind) {
	for _, d := range detectors.All {
		if d.Mechanism == detect.UserRules || d.Has(finding.AboutData) {
			continue
		}
		k := reports.Kind{Title: d.Title, Counts: d.Counts()}
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
	return list
}
