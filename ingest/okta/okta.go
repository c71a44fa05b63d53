// Package okta decodes the Okta System Log, from the API, from event hooks and from exports of
// the console. It is also its source. Facts about the format: docs/sources/okta.md.
package okta

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of System Log events.
var Formats = []*ingest.Format{{
	Name:   "okta",
	Match:  func(k ingest.Keys) bool { return k.Has("eventType", "published", "actor") },
	Decode: decode,
}}

// Tables are the delimited shapes of System Log events.
var Tables = []*ingest.Table{{
	Name:  "okta_csv",
	Match: func(h ingest.Header) bool { return h.Has("eventtype", "displaymessage", "uuid", "actoralternateid") },
	Bind:  ingest.PerRow(row),
}}

// party is an actor or a target.
type party struct{ id, kind, login, name string }

// record holds the fields of an event that are used.
type record struct {
	id, published, kind, result, reason, ip, agent, country, session string
	privilege, factor, transaction                                   string
	actor                                                            party
	targets                                                          [6]party
	targetCount                                                      int
}

var records = sync.Pool{New: func() any { return new(record) }}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	r := records.Get().(*record)
	defer records.Put(r)
	*r = record{}
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "uuid":
			r.id = s.Text()
		case "published":
			r.published = s.Text()
		case "eventType":
			r.kind = s.Text()
		case "actor":
			r.actor.scan(s)
		case "target":
			if s.Kind() == '{' { // a list of one, collapsed to its element
				r.target(s)
			} else if s.Array() {
				for s.Elem() {
					r.target(s)
				}
			}

		case "outcome":
			if s.Object() {
				for s.Next() {
					switch string(s.Key) {
					case "result":
						r.result = s.Text()
					case "reason":
						r.reason = s.Text()
					default:
						s.Skip()
					}
				}
			}

		case "client":
			r.scanClient(s)
		case "authenticationContext":
			r.session = s.Field("externalSessionId")
		case "debugContext":
			r.scanDebug(s)
		case "transaction":
			r.transaction = s.Field("id")
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.kind == "" || r.published == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

func (p *party) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "id":
			p.id = s.Text()
		case "type":
			p.kind = s.Text()
		case "alternateId":
			p.login = s.Text()
		case "displayName":
			p.name = s.Text()
		default:
			s.Skip()
		}
	}
}

func (r *record) target(s *jsonscan.Scanner) {
	if r.targetCount == len(r.targets) {
		s.Skip()
		return
	}
	r.targets[r.targetCount].scan(s)
	r.targetCount++
}

func (r *record) scanClient(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "ipAddress":
			r.ip = s.Text()
		case "userAgent":
			r.agent = s.Field("rawUserAgent")
		case "geographicalContext":
			r.country = s.Field("country")
		default:
			s.Skip()
		}
	}
}

func (r *record) scanDebug(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) != "debugData" {
			s.Skip()
			continue
		}
		if !s.Object() {
			continue
		}
		for s.Next() {
			switch string(s.Key) {
			case "privilegeGranted", "privilegeRevoked":
				r.privilege = s.Text()
			case "factor":
				r.factor = s.Text()
			default:
				s.Skip()
			}
		}
	}
}

func (r *record) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("published", r.published)
	if err != nil {
		return err
	}
	e := out.New(event.Okta)
	e.Time, e.ID, e.Action = at, r.id, r.kind
	if r.id != "" {
		e.Key = ingest.Hash("okta", r.id)
	}
	e.Client = event.Client{
		IP:      ingest.Address(r.ip),
		Agent:   known(r.agent),
		Country: known(r.country),
		Session: known(r.session),
	}
	r.setActor(e, out)
	switch r.result {
	case "FAILURE":
		e.Outcome = event.Failure
	case "DENY":
		e.Outcome = event.Denied
	case "SUCCESS", "ALLOW", "":
	default:
		e.Outcome = event.UnknownOutcome
	}
	if e.Outcome != event.Success {
		out.Attr(event.AttrReason, known(r.reason))
	}
	r.classify(e, out)
	out.Emit()
	return nil
}

// setActor sets who acted. If the system sends a code for a person, the person is the actor.
func (r *record) setActor(e *event.Event, out *ingest.Sink) {
	a := &e.Actor
	switch r.actor.kind {
	case "User", "AppUser", "":
		a.Kind = event.Human
	case "SystemPrincipal":
		a.Kind = event.System
	default:
		a.Kind = event.App
	}
	if r.actor.login == "system@okta.com" {
		a.Kind = event.System
		if t := r.find("User"); t != nil && strings.HasPrefix(r.kind, "user.mfa") {
			a.Kind, r.actor = event.Human, *t
		}
	}
	a.Account, a.Name = out.Account("okta", known(r.actor.login)), known(r.actor.name)
	switch id := known(r.actor.id); {
	case id == "":
	case a.Account == "":
		a.Account = out.Join("okta:", id)
	case a.Kind == event.Human:
		a.Alias = out.Join("okta:", id)
	}
}

// find returns the first target of a kind, or nil.
func (r *record) find(kind string) *party {
	for i := range r.targets[:r.targetCount] {
		if r.targets[i].is(kind) {
			return &r.targets[i]
		}
	}
	return nil
}

// known returns t, or "" if it is a word that stands for no value.
func known(t string) string {
	switch t {
	case "unknown", "null", "Unknown", "UNKNOWN", "-":
		return ""
	}
	return t
}

func (r *record) classify(e *event.Event, out *ingest.Sink) {
	op := operationOf(r.kind)
	e.Class = op.class
	switch e.Class {
	case event.LoginSuccess:
		switch e.Outcome {
		case event.Success:
		case event.Failure:
			ingest.SignInFailed(e, r.reason, "invalidcredentials", "verificationerror", "invalidlogin", "invalidpassword", "usernotfound")
		default:
			e.Class = event.LoginFailure
		}

	case event.MFAChallenge:
		if r.pushRefused(e.Outcome) {
			e.Class = event.MFADenied
		}

	case event.AppAccess:
		if t := r.find("AppInstance"); t != nil {
			e.Object = event.Object{ID: t.id, Type: "application", Name: t.name}
		}

	case event.AdminGrant, event.AdminRevoke:
		r.right(e, out)

	case event.Offboard, event.MFADisabled, event.MFAEnabled, event.MembershipAdd, event.PermissionGrant, event.TokenGrant:
		r.users(out)
		for i := range r.targets[:r.targetCount] {
			if t := &r.targets[i]; !t.is("User") && !t.is("AppUser") {
				e.Object = event.Object{ID: t.id, Type: out.Lower(t.kind), Name: t.name}
			}
		}

	case event.ConfigChange, event.Tamper, event.Export, event.View:
		if r.targetCount > 0 {
			t := &r.targets[0]
			e.Object = event.Object{ID: t.id, Type: out.Lower(t.kind), Name: known(t.name)}
		}
		if op.policy != "" {
			out.Policy(op.policy, op.effect)
		}
	}
}

// right sets what administrative right was given or taken, and whose it is. The role is a
// target of its own, or in the debug data; exports of the console have neither.
func (r *record) right(e *event.Event, out *ingest.Sink) {
	r.users(out)
	role := known(r.privilege)
	for i := range r.targets[:r.targetCount] {
		if t := &r.targets[i]; t.is("ROLE") || t.is("CUSTOM_ROLE") {
			role = cmp.Or(known(t.name), t.id)
		}
	}
	out.Attr(event.AttrRole, role)
	if role != "" {
		e.Object = event.Object{ID: role, Type: "role", Name: role}
	}
	if len(e.To) > 0 {
		return
	}
	for i := range r.targets[:r.targetCount] { // everybody in a group, or an application
		if t := &r.targets[i]; t.is("UserGroup") || t.is("Group") || t.is("PublicClientApp") || t.is("AppInstance") {
			e.Object = event.Object{ID: t.id, Type: out.Lower(t.kind), Name: known(t.name)}
		}
	}
}

// pushRefused says whether a person refused a push. The Identity Engine has no event for that,
// but fails the factor: a push that is not answered fails with another reason.
func (r *record) pushRefused(outcome event.Outcome) bool {
	if outcome == event.Success || !strings.Contains(strings.ToUpper(r.factor), "PUSH") {
		return false
	}
	switch strings.ToUpper(r.reason) {
	case "INVALID_CREDENTIALS", "USER_REJECTED", "REJECTED", "DENIED", "FACTOR_REJECTED":
		return true
	}
	return false
}

// is reports whether a party is of a kind. Okta writes kinds as User, USER or user.
func (p *party) is(kind string) bool { return strings.EqualFold(p.kind, kind) }

// users adds the users among the targets as recipients.
func (r *record) users(out *ingest.Sink) {
	for i := range r.targets[:r.targetCount] {
		if t := &r.targets[i]; t.is("User") {
			if login := known(t.login); login != "" {
				out.To(out.Account("okta", login), event.ScopeUnknown)
			} else {
				out.To(out.Account("okta", t.id), event.ScopeUnknown)
			}
		}
	}
}

// row decodes a row of the console's export. Its uuid is that of the API, so that an event in
// both counts once. Up to four targets are in columns.
func row(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	text := func(names ...string) string { return ingest.View(h.Cell(cells, names...)) }
	r := record{
		id:        text("uuid"),
		published: text("timestamp", "published"),
		kind:      text("eventtype"),
		result:    text("outcomeresult"),
		reason:    text("outcomereason"),
		ip:        text("clientipaddress"),
		agent:     text("clientuseragentrawuseragent"),
		country:   text("clientgeographicalcontextcountry"),
		session:   text("authenticationcontextexternalsessionid"),
		privilege: text("debugcontextdebugdataprivilegegranted", "debugcontextdebugdataprivilegerevoked"),
		factor:    text("debugcontextdebugdatafactor"),
	}
	r.actor = party{text("actorid"), text("actortype"), text("actoralternateid"), text("actordisplayname")}
	for _, n := range []string{"target0", "target1", "target2", "target3"} {
		if t := (party{text(n + "id"), text(n + "type"), text(n + "alternateid"), text(n + "displayname")}); t != (party{}) {
			r.targets[r.targetCount] = t
			r.targetCount++
		}
	}
	if r.kind == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}
