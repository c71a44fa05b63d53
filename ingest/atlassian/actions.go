package atlassian

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// action is the name of an action in lower case with spaces between the words, since the
// organisation's log has user_added_to_group where the products have "User added to group".
type action string

// has reports whether the action contains one of the texts.
func (a action) has(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(string(a), t) {
			return true
		}
	}
	return false
}

// rule gives the actions that contain certain texts a class.
type rule struct {
	is    string   // the action is this one,
	any   []string // or contains one of these,
	and   []string // and one of these, unless there are none,
	not   []string // and none of these
	class event.Class
	// detail, if not nil, sets further fields, and may change the class.
	detail func(r *record, a action, e *event.Event, out *ingest.Sink)
}

// matches reports whether the rule applies to an action.
func (u *rule) matches(a action) bool {
	return (string(a) == u.is || a.has(u.any...)) && (u.and == nil || a.has(u.and...)) && !a.has(u.not...)
}

// actions classifies actions; the first rule that matches applies. The rules use common parts of
// names, since Atlassian publishes no list of actions.
var actions = []rule{
	{
		any:    []string{"login failed", "authentication failed", "failed login"},
		class:  event.LoginFailure,
		detail: func(_ *record, _ action, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure },
	},
	{any: []string{"logged in as user"}, class: event.AppAccess, detail: (*record).impersonation},
	{
		is:    "user login",
		any:   []string{"user logged in", "login successful", "authentication successful"},
		class: event.LoginSuccess,
	},
	{any: []string{"logout", "logged out"}, class: event.Logout},
	{
		any: []string{
			"api token created", "api key created", "access token created", "personal access token added",
		},
		class:  event.TokenGrant,
		detail: (*record).app,
	},
	{
		any: []string{
			"api token revoked", "api key revoked", "api key deleted", "access token deleted", "access token revoked",
			"access token removed",
		},
		class: event.TokenRevoke,
	},
	{any: []string{"app installed", "plugin installed"}, class: event.TokenGrant, detail: (*record).app},
	{
		any:    []string{"added to group", "added to user group", "group member added", "member added to group"},
		class:  event.MembershipAdd,
		detail: (*record).addedToGroup,
	},
	{
		any: []string{
			"removed from group", "deleted from user group", "removed from user group", "group member removed",
		},
		class:  event.ConfigChange,
		detail: (*record).removedFromGroup,
	},
	{any: []string{"permission", "role"}, not: []string{"scheme"}, detail: (*record).permission},
	{
		any:    []string{"public access", "anonymous access", "made public", "public link"},
		class:  event.ShareLink,
		detail: (*record).publicAccess,
	},
	{any: []string{"export"}, not: []string{"policy", "setting"}, class: event.Export},
	{any: []string{"user invit", "invitation"}, class: event.MembershipAdd, detail: (*record).subject},
	{
		any:    []string{"user deactivated", "user deleted", "user removed", "account deactivated", "user suspended"},
		class:  event.Offboard,
		detail: (*record).subject,
	},
	{
		any:    []string{"audit log configuration", "audit log retention", "audit coverage"},
		class:  event.ConfigChange,
		detail: policy("logging"),
	},
	{
		any: []string{
			"two step", "two-step", "mfa", "saml", "single sign-on", "sso ", "authentication policy",
			"password policy", "session duration", "idle session", "ip allowlist",
		},
		class:  event.ConfigChange,
		detail: (*record).authentication,
	},
	{
		any:    []string{"data security policy", "external user policy", "external sharing"},
		class:  event.ConfigChange,
		detail: policy("sharing"),
	},
	{any: []string{"downloaded"}, class: event.Download},
	{any: []string{"viewed", "accessed by user"}, class: event.View},
	{
		any:   []string{"page ", "blogpost", "blog post", "attachment", "whiteboard", "issue "},
		and:   []string{"deleted", "trashed", "purged"},
		class: event.Delete,
	},
	{
		any: []string{
			"page created", "page updated", "page published", "blogpost created", "blogpost updated",
			"issue created", "issue updated",
		},
		class: event.Edit,
	},
	{any: []string{"attachment uploaded", "attachment added"}, class: event.Upload},
	{any: []string{"space deleted", "project deleted", "repository deleted"}, class: event.Delete},
	{
		any: []string{
			"created", "updated", "changed", "added", "removed", "deleted", "enabled", "disabled", "update",
			"archived", "granted", "revoked",
		},
		class: event.ConfigChange,
	},
}

// classify sets the class of an event and the fields that depend on it.
func (r *record) classify(e *event.Event, out *ingest.Sink) {
	a := action(strings.ReplaceAll(strings.ToLower(r.action), "_", " "))
	for i := range actions {
		u := &actions[i]
		if !u.matches(a) {
			continue
		}
		e.Class = u.class
		if u.detail != nil {
			u.detail(r, a, e, out)
		}
		return
	}
}

// subject adds the user that an action was about as a recipient.
func (r *record) subject(_ action, _ *event.Event, out *ingest.Sink) {
	if t := r.find("user", "users"); t != nil {
		out.To(out.Account("atlassian", cmp.Or(t.email, t.detail, t.id, t.name)), event.ScopeUnknown)
	}
}

// impersonation is an administrator who signs in as another user.
func (r *record) impersonation(a action, e *event.Event, out *ingest.Sink) {
	if t := r.find("user", "users"); t != nil {
		e.Actor.OnBehalfOf = out.Account("atlassian", cmp.Or(t.email, t.id))
	}
	r.subject(a, e, out)
}

// app names the app or token that got access.
func (r *record) app(_ action, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrAppName, out.Copy(e.Object.Name))
}

// addedToGroup is a new member of a group, which may administer something.
func (r *record) addedToGroup(a action, e *event.Event, out *ingest.Sink) {
	if g := r.find("group", "groups"); g != nil && administers(g.name) {
		e.Class = event.AdminGrant
		out.Attr(event.AttrRole, out.Copy(g.name))
		out.Attr(event.AttrGrant, reach(g.name))
	}
	r.subject(a, e, out)
}

// removedFromGroup is the end of a membership in a group, which may administer something.
func (r *record) removedFromGroup(a action, e *event.Event, out *ingest.Sink) {
	if g := r.find("group", "groups"); g != nil && administers(g.name) {
		e.Class = event.AdminRevoke
		out.Attr(event.AttrRole, out.Copy(g.name))
	}
	r.subject(a, e, out)
}

// publicAccess opens something to everybody, or closes it again.
func (r *record) publicAccess(a action, e *event.Event, out *ingest.Sink) {
	if a.has("disabled", "removed", "revoked", "turned off", "deleted") || r.changed("Public access", "Public") == "false" {
		e.Class = event.Unshare
		return
	}
	e.After = event.Public
	out.To("*", event.ScopeAnyone)
}

// authentication is a change to how users sign in.
func (r *record) authentication(a action, _ *event.Event, out *ingest.Sink) {
	effect := ""
	switch {
	case a.has("disabled", "deleted", "removed"):
		effect = "weaker"
	case a.has("enabled", "added", "enforced"):
		effect = "stronger"
	}
	out.Policy("authentication", effect)
}

// policy is a change, in an unknown direction, to a policy of a kind (event.AttrPolicy).
func policy(kind string) func(*record, action, *event.Event, *ingest.Sink) {
	return func(_ *record, _ action, _ *event.Event, out *ingest.Sink) { out.Policy(kind, "") }
}

// administers reports whether a group or permission is one that administers something.
func administers(name string) bool { return strings.Contains(strings.ToLower(name), "admin") }

// reach returns what a group or permission gives access to, if that is a whole organisation,
// site or product. That is so for Atlassian's own groups and for the highest permissions.
func reach(name string) string {
	switch n := strings.ToLower(name); n {
	case "org-admins", "site-admins", "administrators", "system-administrators", "jira-administrators",
		"confluence-administrators", "stash-admins", "sys_admin", "systemadministrator", "administer jira",
		"jira system administrators", "administrateconfluence":
		return "everything in " + name
	}
	return ""
}

// permission is a permission that was granted or revoked: over everything, over a space for
// named people, or for everybody.
func (r *record) permission(a action, e *event.Event, out *ingest.Sink) {
	name := r.changed("Type", "Permission")
	for i := range r.things[:r.thingCount] {
		if t := &r.things[i]; !t.is("user", "group") {
			name = cmp.Or(name, t.detail)
		}
	}

	taken := a.has("removed", "revoked", "deleted")
	holder := r.find("user", "users", "group", "groups")
	anybody := strings.Contains(strings.ToLower(name), "anonymous") ||
		holder != nil && strings.EqualFold(holder.name, "Anonymous") || strings.EqualFold(r.changed("Group", "User"), "Anonymous")
	out.Attr(event.AttrPermission, out.Copy(name))
	switch {
	case anybody && taken:
		e.Class = event.Unshare
	case anybody:
		e.Class, e.After = event.ShareLink, event.Public
		out.To("*", event.ScopeAnyone)
	case a.has("global permission", "org admin", "site admin", "role") && administers(cmp.Or(name, r.changed("Group"), r.action)):
		e.Class = event.AdminGrant
		if taken {
			e.Class = event.AdminRevoke
		}
		out.Attr(event.AttrRole, out.Copy(cmp.Or(name, r.action)))
		if !taken {
			out.Attr(event.AttrGrant, reach(name))
		}
		r.subject(a, e, out)

	case taken:
		e.Class = event.ConfigChange
	default:
		e.Class = event.PermissionGrant
		r.subject(a, e, out)
	}
}
