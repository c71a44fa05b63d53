package engine

import (
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// People without a department have peers by access: people who work with the
// same services, as far as not everybody does.
const (
	peersFrom  = 3.0 // active days before a person's services are known
	peersUse   = .35 // of the active days, for a service to be one that a person works with
	peersLeave = .20 // below that it is none any more
	common     = .60 // of all people's active days, for a service to distinguish no one
)

var sources = event.Sources()

// peerGroup is the department of a person, or the group of people with the same
// access.
func (p *person) peerGroup() string {
	if p.Department != "" {
		return p.Department
	}
	return p.Group
}

// useServices takes in with which services a person worked today, and puts one
// without a department among those who use the same. It is called at the end of
// an hour.
func (o *org) useServices(p *person, to *orgDelta) {
	if p.Uses == nil {
		p.Uses = make([]float64, len(sources)+1)
	}
	for _, s := range sources {
		before := fix(p.Uses[s])
		p.Uses[s] *= gamma
		if p.Day.Sources&(1<<s) != 0 {
			p.Uses[s]++
		}
		to.Uses[s] += fix(p.Uses[s]) - before
	}
	if p.Service || p.Department != "" || p.Active < peersFrom {
		return
	}
	var names []string
	for _, s := range sources {
		if s == event.Okta || s == event.HR || float64(o.Uses[s]) >= common*float64(o.Active) { // signing in is no work
			continue
		}
		least := peersUse
		if strings.Contains(p.Group, s.String()) {
			least = peersLeave
		}
		if p.Uses[s] >= least*p.Active {
			names = append(names, s.String())
		}
	}
	if group := strings.Join(names, "+"); group != p.Group {
		to.move(p, func() { p.Group = group })
	}
}
