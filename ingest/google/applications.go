package google

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// handler is what an event means: its class, and what is to be read from its parameters.
type handler struct {
	class  event.Class
	detail func(d *detail, e *event.Event, out *ingest.Sink)
}

// classify sets the class of an event of an application, and what depends on it.
func classify(app string, d *detail, e *event.Event, out *ingest.Sink) {
	table := tables[app]
	if table == nil {
		return
	}
	h, known := table.Get(d.name)
	if change, inherited := strings.CutSuffix(d.name, reconciled); !known && inherited { // not done by a person
		h, _ = table.Get(change)
		if h.class = event.Derived; h.detail != nil {
			h.detail(d, e, out)
			if e.After >= event.External {
				h.class = event.Inherited
			}
		}
		e.Class = h.class
		return
	}
	e.Class = h.class
	if h.detail != nil {
		h.detail(d, e, out)
	}
}

// reconciled is what the names of events end in that tell what an object inherits from a folder above it.
const reconciled = "_hierarchy_reconciled"

var visibilities = map[string]event.Visibility{
	"private":                        event.Private,
	"shared_internally":              event.Internal,
	"people_within_domain_with_link": event.Internal,
	"public_in_the_domain":           event.Internal,
	"shared_externally":              event.External,
	"people_with_link":               event.PublicLink,
	"public_on_the_web":              event.Public,
}

// userAccess is a change of a person's, group's or domain's access.
func userAccess(d *detail, e *event.Event, out *ingest.Sink) {
	e.Before, e.After = visibilities[d.oldVisibility], visibilities[d.visibility]
	none := false
	names(d.newValues, d.newValue, func(v string) { none = none || v == "none" })
	if none {
		e.Class = event.Unshare
	}
	scope := event.ScopeUnknown
	if d.change == "external" {
		scope = event.ScopeExternal
	}
	to(d.targetUser, scope, out)
	if d.targetUser == "" && d.targetDomain != "" && d.targetDomain != "all" {
		out.To(out.Join("@", out.Lower(d.targetDomain)), scope)
	}
}

func to(address string, scope event.Scope, out *ingest.Sink) {
	out.To(out.Account("google_workspace", address), scope)
}

func ownerChange(d *detail, e *event.Event, out *ingest.Sink) {
	scope := event.ScopeUnknown
	if d.change == "external" {
		scope = event.ScopeExternal
	}
	to(cmp.Or(d.newOwner, d.targetUser), scope, out)
	out.Attr(event.AttrRole, "owner")
}

// visibility is a change of who may open an item by its link. Narrowing it counts as unsharing.
func visibility(d *detail, e *event.Event, out *ingest.Sink) {
	e.Before, e.After = visibilities[d.oldVisibility], visibilities[d.visibility]
	switch {
	case e.After >= event.PublicLink:
		out.To("*", event.ScopeAnyone)
	case e.After == event.Private || e.Before > e.After && e.After != event.NoVisibility:
		e.Class = event.Unshare
	}
}

func published(d *detail, e *event.Event, out *ingest.Sink) {
	visibility(d, e, out)
	if e.Class == event.ShareLink {
		e.After = event.Public
		e.To = e.To[:0]
		out.To("*", event.ScopeAnyone)
	}
}

// calendarAccess is a change of who sees a calendar. Google has an address of its own for the
// public
// (developers.google.com/workspace/admin/reports/v1/appendix/activity/calendar).
func calendarAccess(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.calendar, Type: "calendar", Name: d.calendar}
	e.Class = event.ShareUser
	public := strings.HasSuffix(d.grantee, "@public.calendar.google.com")
	switch {
	case d.access == "none":
		e.Class = event.Unshare
	case public:
		e.Class, e.After = event.ShareLink, event.Public
		out.To("*", event.ScopeAnyone)
	}
	if !public {
		to(d.grantee, event.ScopeUnknown, out)
	}
}

// driveMember is a change of who belongs to a shared drive. Whoever is added may read everything in
// it, so that this is a share of the drive.
func driveMember(d *detail, e *event.Event, out *ingest.Sink) {
	e.Class = event.ShareUser
	if d.docID == "" {
		e.Object = event.Object{ID: d.drive, Name: cmp.Or(d.title, d.owner), Owner: d.owner}
	}
	e.Object.Type, e.Object.Folder = "shared_drive", true
	scope := event.ScopeUnknown
	if d.change == "external" {
		scope = event.ScopeExternal
	}
	to(cmp.Or(d.targetUser, d.memberEmail, d.userEmail), scope, out)
	if len(e.To) == 0 && d.targetDomain != "" && d.targetDomain != "all" {
		out.To(out.Join("@", out.Lower(d.targetDomain)), scope)
	}
	out.Attr(event.AttrRole, cmp.Or(d.addedRole, firstOf(d.newValues, d.newValue)))
	if strings.Contains(d.membership, "remove") || d.addedRole == "none" {
		e.Class = event.Unshare
	}
}

// firstOf is the first element of a list of texts or, if there is no list, a text.
func firstOf(list []byte, text string) (first string) {
	names(list, text, func(v string) { first = cmp.Or(first, v) })
	return first
}

// groupMember is a change of who belongs to a group.
func groupMember(d *detail, e *event.Event, out *ingest.Sink) {
	to(cmp.Or(d.memberEmail, d.targetUser, d.userEmail), event.ScopeUnknown, out)
	if e.Object.ID == "" {
		e.Object = event.Object{ID: d.groupEmail, Type: "group", Name: d.groupEmail}
	}
	if strings.Contains(d.membership, "remove") {
		e.Class = event.Unshare
	}
}

// opensGroup is a setting of a group. It weakens sharing if it lets anybody in.
func opensGroup(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.groupEmail, Type: "group", Name: d.groupEmail}
	open := false
	names(d.newValues, d.newValue, func(v string) {
		open = open || contains(strings.ToUpper(v), "ANYONE", "PUBLIC", "ALL_IN_WORLD", "INTERNET", "EXTERNAL")
	})
	if open {
		out.Attr(event.AttrTarget, out.Join(d.groupEmail, "=", out.Copy(firstOf(d.newValues, d.newValue))))
		out.Policy("sharing", "weaker")
	}
}

// copied is a copy of a document. Google says whether original and copy belong to different
// organisations.
func copied(d *detail, _ *event.Event, out *ingest.Sink) {
	if d.copyType == "external" {
		out.Attr(event.AttrReach, event.ReachOutside)
	}
}

// attached is an attachment in a conversation.
func attached(d *detail, e *event.Event, _ *ingest.Sink) {
	e.Object = event.Object{ID: cmp.Or(d.attachmentHash, d.attachment), Type: "attachment", Name: d.attachment, Container: d.room}
}

// roomMember is a change of who belongs to a conversation.
func roomMember(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.room, Type: "conversation", Name: d.room}
	names(d.targets, d.targetUser, func(list string) {
		for t := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ',' || c == ';' || c <= ' ' }) {
			to(out.Copy(t), event.ScopeUnknown, out)
		}
	})
}

// studioAsset is a report or data source of Looker Studio.
func studioAsset(d *detail, e *event.Event, _ *ingest.Sink) {
	kind := strings.ToLower(d.assetType)
	if kind == "" || kind == "explorer" {
		kind = "report"
	}
	e.Object = event.Object{ID: cmp.Or(d.assetID, d.asset), Type: kind, Name: d.asset, Owner: d.owner}
}

func studioShare(d *detail, e *event.Event, out *ingest.Sink) {
	studioAsset(d, e, out)
	userAccess(d, e, out)
}

func studioVisibility(d *detail, e *event.Event, out *ingest.Sink) {
	studioAsset(d, e, out)
	d.visibility = strings.ToLower(cmp.Or(firstOf(d.newValues, d.newValue), d.visibility))
	d.oldVisibility = strings.ToLower(cmp.Or(d.oldValue, d.oldVisibility))
	visibility(d, e, out)
}

// assistant is Gemini, which helps a user. The record does not say what it read.
func assistant(d *detail, e *event.Event, _ *ingest.Sink) {
	e.Client.App = cmp.Or(d.appName, e.Client.App)
}

// note is a note of Google Keep.
func note(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.resource, Type: "note", Name: d.resource, Owner: d.owner}
	to(d.targetUser, event.ScopeUnknown, out)
}

// denied is an access that was not allowed.
func denied(_ *detail, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Denied }

func loginFailure(d *detail, e *event.Event, out *ingest.Sink) {
	ingest.SignInFailed(e, d.failure, "invalidpassword", "invalidsecondfactor", "usernotfound")
	out.Attr(event.AttrReason, d.failure)
}

// affected makes the subject of a warning the actor, since Google often names no actor.
func affected(d *detail, e *event.Event, out *ingest.Sink) {
	if d.affected != "" {
		e.Actor = event.Actor{Kind: event.Human, Account: out.Account("google_workspace", d.affected)}
	}
	out.Attr(event.AttrReason, d.name)
}

func adminRole(d *detail, e *event.Event, out *ingest.Sink) {
	to(d.userEmail, event.ScopeUnknown, out)
	role := d.role
	if role == "" && strings.HasPrefix(d.name, "GRANT_ADMIN") {
		role = "Super administrator"
	}
	out.Attr(event.AttrRole, role)
	e.Object = event.Object{ID: role, Type: "role", Name: role}
}

func adminUser(d *detail, e *event.Event, out *ingest.Sink) {
	to(d.userEmail, event.ScopeUnknown, out)
	e.Object = event.Object{ID: d.userEmail, Type: "user", Name: d.userEmail}
}

func labelRemoved(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrEffect, "weaker")
}

func labelAdded(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrEffect, "stronger")
}

func weakerAuthentication(_ *detail, _ *event.Event, out *ingest.Sink) {
	out.Policy("authentication", "weaker")
}

func appGrant(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: cmp.Or(d.clientID, d.appName), Type: "application", Name: cmp.Or(d.appName, d.clientID)}
	out.Attr(event.AttrScopes, d.joined(out))
	out.Attr(event.AttrAppName, d.appName)
}

// delegation is domain-wide delegation: an application may act for every user of the organisation.
func delegation(d *detail, e *event.Event, out *ingest.Sink) {
	appGrant(d, e, out)
	out.Attr(event.AttrReach, event.ReachOrganization)
}

// transfer hands a user's documents over to another one.
func transfer(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.userEmail, Type: "user", Name: d.userEmail}
	to(cmp.Or(d.newOwner, d.newValue), event.ScopeUnknown, out)
	out.Attr(event.AttrReach, event.ReachOthers)
}

// ofOrganization is an export of everybody's data.
func ofOrganization(_ *detail, e *event.Event, _ *ingest.Sink) {
	e.Object.Type = "organization"
}

// ofOthers is an export of another user's data.
func ofOthers(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.userEmail, Type: "user", Name: d.userEmail}
	out.Attr(event.AttrReach, event.ReachOthers)
}

// ofMatter is an export of a matter in Vault: what is held of any users, or of all of them.
func ofMatter(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.matter, Type: "matter", Name: cmp.Or(d.resource, d.matter)}
	if d.targetUser == "" && d.targets == nil && (d.unit == "/" || strings.EqualFold(d.query, "all")) {
		e.Object.Type = "organization"
	}
	out.Attr(event.AttrReach, event.ReachOthers)
}

// matterOpened is a matter that was opened in Vault.
func matterOpened(d *detail, e *event.Event, _ *ingest.Sink) {
	e.Object = event.Object{ID: d.matter, Type: "case", Name: cmp.Or(d.resource, d.matter)}
}

func matterMember(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.matter, Type: "matter", Name: cmp.Or(d.resource, d.matter)}
	to(d.targetUser, event.ScopeUnknown, out)
}

// enforced is two-step verification, enforced or allowed. Without a value it was.
func enforced(d *detail, e *event.Event, out *ingest.Sink) {
	effect := "stronger"
	if on, known := switchedOn(d.newValue); known && !on {
		effect = "weaker"
	}
	policy("authentication", effect)(d, e, out)
}

func appActivity(d *detail, e *event.Event, out *ingest.Sink) {
	appGrant(d, e, out)
	e.Client.App, e.Bytes = cmp.Or(d.clientID, d.appName), d.bytes
}

func takeout(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "account"
	out.Attr(event.AttrTarget, d.destination)
}

func forwarded(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "mailbox"
	to(d.forward, event.ScopeExternal, out)
}
