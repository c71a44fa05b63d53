package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/alert/people"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/cmd/outflow/internal/scanpage"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/finding"
)

// writePage writes the file of --html, and notes it in b.
func (s *summary) writePage(ctx context.Context, b io.Writer) error {
	if s.page == nil {
		return nil
	}
	mask, err := s.mask()
	if err != nil {
		return err
	}
	days, err := s.days(ctx)
	if err != nil {
		return err
	}
	in := &scanpage.Input{
		Result:  s.Result,
		Alerts:  s.shown,
		Hidden:  s.hiddenText(),
		Days:    days,
		Mask:    mask,
		Gaps:    doctor.DiagnoseClasses(s.Coverage.Came),
		Made:    time.Now().UTC(),
		Version: buildinfo.Version(),
	}
	if err := scanpage.Write(s.page, in); err != nil {
		return err
	}
	if err := s.page.Commit(); err != nil {
		return err
	}
	s.page.Note(b)
	return nil
}

// mask is what --people asks for; nil for names. Without --data, pseudonyms are those of this page alone:
// their key is not kept.
func (s *summary) mask() (*alert.Mask, error) {
	if s.people != "pseudonyms" {
		return nil, nil
	}
	var users []string
	matcher := people.NewMatcher()
	for i := range s.Days {
		users = append(users, s.Days[i].User)
		matcher.Add(s.Days[i].User)
	}
	for _, l := range s.Leavers {
		matcher.Add(l.User)
	}
	known := func() *people.Matcher { return matcher }
	common := alert.CommonDomains(users)
	own := func(domain string) bool { return common[domain] || slices.Contains(s.conf.Domains, domain) }
	if s.data != "" {
		return keys.OpenMask(s.data, s.conf, string(feed.SOC), keys.Organisation{Common: own, People: known})
	}
	key := make([]byte, 32)
	rand.Read(key)
	return alert.NewMask(key, string(feed.SOC), own).Knowing(known), nil
}

// days returns what gives the days of a person: those that are kept with --data, or those of this run.
func (s *summary) days(ctx context.Context) (func(user string) []finding.Activity, error) {
	of := map[string][]finding.Activity{}
	if s.data == "" {
		for i := range s.Days {
			of[s.Days[i].User] = append(of[s.Days[i].User], s.Days[i])
		}
	} else {
		store, err := datadir.OpenAlerts(ctx, s.data)
		if err != nil {
			return nil, err
		}
		defer store.Close()
		people := map[string]bool{}
		for i := range s.shown {
			people[s.shown[i].User] = true
		}
		for _, l := range s.Leavers {
			people[l.User] = true
		}
		delete(people, "")
		for user := range people {
			if of[user], err = store.Days(ctx, user, time.Time{}, s.Latest.AddDate(1, 0, 0)); err != nil {
				return nil, err
			}
		}
	}
	for user, list := range of {
		of[user] = current(list)
	}
	return func(user string) []finding.Activity { return of[user] }, nil
}

// current is the last summary of each day, by day, without days that there were not.
func current(list []finding.Activity) []finding.Activity {
	slices.SortStableFunc(list, func(a, b finding.Activity) int { return cmp.Compare(a.End, b.End) })
	var out []finding.Activity
	for i := range list {
		if n := len(out); n > 0 && out[n-1].End == list[i].End {
			out = out[:n-1]
		}
		out = append(out, list[i])
	}
	return slices.DeleteFunc(out, func(a finding.Activity) bool { return a.Gone })
}
