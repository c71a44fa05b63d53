package m365

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

func anyoneLink(_ *record, e *event.Event, out *ingest.Sink) {
	e.After = event.PublicLink
	out.To("*", event.ScopeAnyone)
}

func companyLink(_ *record, e *event.Event, _ *ingest.Sink) { e.After = event.Internal }

func anonymous(_ *record, e *event.Event, _ *ingest.Sink) {
	e.Actor = event.Actor{Kind: event.Anonymous}
}

// scopedLink is a link whose scope is in the record. One for certain people gives access to those
// that AddedToSharingLink names; of a scope that is not stated nothing is known.
func scopedLink(r *record, e *event.Event, out *ingest.Sink) {
	switch r.scope() {
	case "anyone", "anonymous", "everyone", "public":
		anyoneLink(r, e, out)
	case "organization", "organisation", "company", "organizationwide", "tenant":
		companyLink(r, e, out)
	default:
		e.Class = event.PermissionGrant
	}
}

// linkUsed is the use of such a link.
func linkUsed(r *record, e *event.Event, out *ingest.Sink) {
	switch r.scope() {
	case "anyone", "anonymous":
		if e.Actor.Kind != event.Human || e.Actor.Account == "" {
			anonymous(r, e, out)
		}
	}
}

// scope is the scope of a link in lower case, from SharingLinkScope or else from EventData, which
// resembles XML. A change names the new scope in ModifiedProperties.
func (r *record) scope() string {
	scope := r.linkScope
	if scope == "" {
		scope = tagged(r.eventData, "SharingLinkScope")
	}
	pairs(r.modified, func(name, value, _ string) {
		if name == "SharingLinkScope" && value != "" {
			scope = strings.Clone(unquote(value))
		}
	})
	return strings.ToLower(scope)
}

// tagged is what stands between <tag> and </tag>.
func tagged(text, tag string) string {
	_, rest, found := strings.Cut(text, "<"+tag+">")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "<")
	return strings.TrimSpace(value)
}

// technical reports whether a sharing target is internal to SharePoint: the hidden groups behind
// links and limited access.
func technical(name string) bool {
	return strings.HasPrefix(name, "SharingLinks.") || strings.HasPrefix(name, "Limited Access System Group") ||
		strings.HasPrefix(name, "SharePointHome") ||
		strings.HasPrefix(name, "c:0") || strings.HasPrefix(name, "Everyone except") || len(name) == 44 && strings.HasSuffix(name, "=")
}

func shared(r *record, e *event.Event, out *ingest.Sink) {
	if r.targetName == "" || technical(r.targetName) || r.targetType == "SharePointGroup" || r.targetType == "SecurityGroup" {
		e.Class = event.PermissionGrant
		return
	}
	recipient(r, e, out)
}

func invited(r *record, e *event.Event, out *ingest.Sink) {
	recipient(r, e, out)
	for i := range e.To {
		e.To[i].Scope = event.ScopeExternal
	}
}

// blockedInvitation is one that a setting forbade.
func blockedInvitation(r *record, e *event.Event, out *ingest.Sink) {
	invited(r, e, out)
	e.Outcome = event.Denied
}
