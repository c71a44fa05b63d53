package m365

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// operation is the meaning of an Operation. Operations that are not listed stay unclassified and
// are counted.
type operation struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var operations = map[string]operation{
	"FileAccessed":                     {event.View, nil},
	"FileAccessedExtended":             {event.View, nil},
	"FilePreviewed":                    {event.View, nil},
	"FileVisited":                      {event.View, nil},
	"PageViewed":                       {event.View, nil},
	"PageViewedExtended":               {event.View, nil},
	"PagePrefetched":                   {event.View, nil},
	"ListViewed":                       {event.View, nil},
	"ClientViewSignaled":               {event.View, nil},
	"FileModified":                     {event.Edit, nil},
	"FileModifiedExtended":             {event.Edit, nil},
	"ListItemUpdated":                  {event.Edit, nil},
	"ListItemCreated":                  {event.Edit, nil},
	"FolderModified":                   {event.Edit, nil},
	"FileDownloaded":                   {event.Download, nil},
	"FileSyncDownloadedFull":           {event.Sync, nil},
	"FileSyncDownloadedPartial":        {event.Sync, nil},
	"FileUploaded":                     {event.Upload, nil},
	"FileSyncUploadedFull":             {event.Upload, nil},
	"FileUploadedPartial":              {event.Upload, nil},
	"FileDeleted":                      {event.Delete, nil},
	"FileRecycled":                     {event.Delete, nil},
	"FileDeletedFirstStageRecycleBin":  {event.Delete, nil},
	"FileDeletedSecondStageRecycleBin": {event.Delete, nil},
	"FolderDeleted":                    {event.Delete, nil},
	"FolderRecycled":                   {event.Delete, nil},
	"FileVersionsAllDeleted":           {event.Delete, nil},
	"HardDelete":                       {event.Delete, mail},
	"SoftDelete":                       {event.Delete, mail},
	"MoveToDeletedItems":               {event.Delete, mail},
	"FileCopied":                       {event.Copy, nil},
	"FileMoved":                        {event.Rename, nil},
	"FileRenamed":                      {event.Rename, nil},
	"FolderRenamed":                    {event.Rename, nil},
	"FolderMoved":                      {event.Rename, nil},
	"SearchQueryPerformed":             {event.List, nil},
	"SearchQueryInitiatedExchange":     {event.List, nil},
	"SearchQueryInitiatedSharePoint":   {event.List, nil},

	"AddedToGroup":               {event.MembershipAdd, joined},
	"MemberAdded":                {event.MembershipAdd, members},
	"SiteCollectionAdminAdded":   {event.AdminGrant, siteAdmin},
	"SiteCollectionAdminRemoved": {event.AdminRevoke, siteAdmin},
	"SharingPolicyChanged":       {event.ConfigChange, sharingPolicy},
	"SiteCollectionCreated":      {event.ConfigChange, nil},

	"SensitivityLabelRemoved":       {event.LabelChange, label},
	"SensitivityLabelUpdated":       {event.LabelChange, label},
	"SensitivityLabelApplied":       {event.LabelChange, label},
	"FileSensitivityLabelRemoved":   {event.LabelChange, label},
	"FileSensitivityLabelChanged":   {event.LabelChange, label},
	"FileSensitivityLabelApplied":   {event.LabelChange, label},
	"SensitivityLabeledFileRenamed": {event.Rename, nil},

	"Send":                                 {event.Upload, mail},
	"SendAs":                               {event.Upload, mail},
	"Create":                               {event.Edit, mail},
	"Update":                               {event.Edit, mail},
	"DLPRuleMatch":                         {event.VendorAlert, nil},
	"DlpRuleMatch":                         {event.VendorAlert, nil},
	"AlertTriggered":                       {event.VendorAlert, rated},
	"MCAS_ALERT_ANUBIS_DETECTION_VELOCITY": {event.VendorAlert, nil},
}

func mail(r *record, e *event.Event, _ *ingest.Sink) {
	e.Object = event.Object{Type: "mail", Container: r.mailbox}
}

func recipient(r *record, e *event.Event, out *ingest.Sink) {
	for name := range strings.SplitSeq(r.targetName, ",") {
		if name = strings.TrimSpace(name); name != "" {
			scope := event.ScopeUnknown
			switch {
			case r.targetType == "Guest" || r.targetType == "Partner" || isGuest(name):
				scope = event.ScopeExternal
			case r.targetType == "Member" && !strings.Contains(r.targetName, ","): // of several, it is one's type
				scope = event.ScopeInternal
			}
			out.To(person(name, out), scope)
		}
	}
}

func siteAdmin(r *record, e *event.Event, out *ingest.Sink) {
	recipient(r, e, out)
	out.Attr(event.AttrRole, "Site collection administrator")
	_, owner, personal := strings.Cut(strings.TrimSuffix(cmp.Or(r.site, r.objectID), "/"), "/personal/")
	if !personal {
		return
	}
	owner, _, _ = strings.Cut(owner, "/")
	e.Object.Type, e.Object.Name, e.Object.Owner = "drive", owner, out.Account("m365", owner)
	for i := range e.To {
		if strings.EqualFold(siteName(e.To[i].Account), owner) { // of their own, which is set up so
			e.Object.Owner, e.Class = e.To[i].Account, event.PermissionGrant
		}
	}
}

// siteName returns the name of an account in the address of its OneDrive: _ in place of all but letters
// and digits.
func siteName(account string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x80 && !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9') {
			return '_'
		}
		return c
	}, account)
}

// joined is a member of a group of a site. A guest who joins is given what the group has.
func joined(r *record, e *event.Event, out *ingest.Sink) {
	recipient(r, e, out)
	guestsJoin(e)
}

// members are those who are added to a team or a group.
func members(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{Type: "team", ID: cmp.Or(r.teamID, r.teamName), Name: r.teamName}
	r.pairs(r.members, func(name, value, _ string) {
		if name == "UPN" {
			scope := event.ScopeUnknown
			if isGuest(value) {
				scope = event.ScopeExternal
			}
			out.To(person(out.Copy(value), out), scope)
		}
	})
	guestsJoin(e)
}

// guestsJoin makes a membership a share if one of those who join is from outside.
func guestsJoin(e *event.Event) {
	for i := range e.To {
		if e.To[i].Scope == event.ScopeExternal {
			e.Class = event.ShareUser
		}
	}
}

// updatedUser is a change of a directory entry. If no method of strong authentication is left,
// the second factor was removed; if the first one was added, it was enrolled. Entra ID lists the
// methods as a JSON array.
func updatedUser(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	r.pairs(r.modified, func(name, value, before string) {
		if name != "StrongAuthenticationMethod" {
			return
		}
		switch none, had := strings.TrimSpace(value) == "[]", strings.Contains(before, "{"); {
		case none && had:
			e.Class = event.MFADisabled
		case !none && !had:
			e.Class = event.MFAEnabled
		}
	})
}

// entraTarget sets the user or application that was changed in the directory.
func entraTarget(r *record, e *event.Event, out *ingest.Sink) {
	var s jsonscan.Scanner
	if s.Reset(r.targets); r.targets == nil || !s.Array() {
		if ingest.IsEmail(r.objectID) {
			out.To(person(r.objectID, out), event.ScopeUnknown)
		}
		return
	}
	name := ""
	for s.Elem() {
		id, kind := idAndType(&s)
		switch {
		case kind == 5 || kind != 3 && ingest.IsEmail(id):
			if len(e.To) == 0 {
				out.To(person(id, out), event.ScopeUnknown)
			}
		case kind == 1 || kind == 2 && name == "" && !isGUID(id) && id != "ServicePrincipal" && id != "User" && id != "Application":
			name = id
		}
	}
	if name != "" {
		e.Object.Name = out.Copy(name)
	}
}

// sharingPolicy reports whether the sharing of a tenant or site was widened: a kind of sharing
// was turned on, or the capability is higher than before.
func sharingPolicy(r *record, e *event.Event, out *ingest.Sink) {
	modifiedSettings(r, e, out)
	effect := ""
	r.pairs(r.modified, func(name, value, before string) {
		value, before = strings.ToLower(unquote(value)), strings.ToLower(unquote(before))
		if value == before || !strings.Contains(strings.ToLower(name), "shar") && !strings.Contains(strings.ToLower(name), "guest") &&
			!strings.Contains(strings.ToLower(name), "anonymous") {
			return
		}
		now, was := openness[value], openness[before]
		switch {
		case now > was || now > 1 && before == "":
			effect = "weaker"
		case now < was && effect == "":
			effect = "stronger"
		}
	})
	out.Policy("sharing", effect)
}

// openness orders the values of sharing settings; SharingCapability has four.
var openness = map[string]int{
	"false":                           1,
	"disabled":                        1,
	"existingexternalusersharingonly": 2,
	"true":                            3,
	"enabled":                         3,
	"externalusersharingonly":         3,
	"externaluserandguestsharing":     4,
}

// label is a change of a sensitivity label. LabelEventType is 1 for an upgrade, 2 for a
// downgrade, 3 for a removal and 4 for a change at the same rank
// (learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema).
func label(r *record, e *event.Event, out *ingest.Sink) {
	var s jsonscan.Scanner
	if s.Reset(r.labelEvent); r.labelEvent != nil && s.Object() {
		for s.Next() {
			switch string(s.Key) {
			case "LabelEventType":
				switch v := s.Text(); v {
				case "2", "3", "LabelDowngraded", "LabelRemoved":
					out.Attr(event.AttrEffect, "weaker")
				case "1", "LabelUpgraded":
					out.Attr(event.AttrEffect, "stronger")
				}
			case "SensitivityLabelId":
				e.Object.Label = cmp.Or(e.Object.Label, out.Copy(s.Text()))
			default:
				s.Skip()
			}
		}
	}
	if e.Attr(event.AttrEffect) == "" && strings.HasSuffix(r.operation, "Removed") {
		out.Attr(event.AttrEffect, "weaker")
	}
}

func modifiedSettings(r *record, e *event.Event, out *ingest.Sink) {
	r.pairs(r.modified, func(name, value, before string) {
		if name != "" && value != before {
			out.Attr(event.AttrTarget, out.Join(name, "=", unquote(value)))
		}
	})
}
