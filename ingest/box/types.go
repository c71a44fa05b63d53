package box

import (
	"cmp"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// handler is the meaning of an event type. For the same actions, enterprise streams use short
// names and user streams names with ITEM_.
type handler struct {
	class  event.Class
	detail func(r *record, e *event.Event, out *ingest.Sink)
}

var types = ingest.NamesOf(map[string]handler{
	"DOWNLOAD":                            {event.Download, download},
	"ITEM_DOWNLOAD":                       {event.Download, download},
	"FILE_WATERMARKED_DOWNLOAD":           {event.Download, nil},
	"SIGNER_DOWNLOADED":                   {event.Download, nil},
	"PREVIEW":                             {event.View, nil},
	"ITEM_PREVIEW":                        {event.View, nil},
	"CONTENT_ACCESS":                      {event.View, nil},
	"ITEM_OPEN":                           {event.View, nil},
	"BOX_AI_USER_REQUEST":                 {event.View, nil},
	"ITEM_SYNC":                           {event.Sync, nil},
	"EDIT":                                {event.Edit, nil},
	"ITEM_MODIFY":                         {event.Edit, nil},
	"LOCK":                                {event.Edit, nil},
	"UNLOCK":                              {event.Edit, nil},
	"COMMENT_CREATE":                      {event.Edit, nil},
	"UPLOAD":                              {event.Upload, nil},
	"ITEM_UPLOAD":                         {event.Upload, nil},
	"ITEM_CREATE":                         {event.Upload, nil},
	"ITEM_MAKE_CURRENT_VERSION":           {event.Edit, nil},
	"DELETE":                              {event.Delete, nil},
	"ITEM_TRASH":                          {event.Delete, nil},
	"UNDELETE":                            {event.Edit, nil},
	"ITEM_UNDELETE_VIA_TRASH":             {event.Edit, nil},
	"COPY":                                {event.Copy, nil},
	"ITEM_COPY":                           {event.Copy, nil},
	"RENAME":                              {event.Rename, nil},
	"ITEM_RENAME":                         {event.Rename, nil},
	"MOVE":                                {event.Rename, nil},
	"ITEM_MOVE":                           {event.Rename, nil},
	"SHARE":                               {event.ShareLink, link},
	"ITEM_SHARED_CREATE":                  {event.ShareLink, link},
	"ITEM_SHARED":                         {event.ShareLink, link},
	"ITEM_SHARED_UPDATE":                  {event.ShareLink, link},
	"UPDATE_SHARE_EXPIRATION":             {event.ConfigChange, nil},
	"UNSHARE":                             {event.Unshare, nil},
	"ITEM_SHARED_UNSHARE":                 {event.Unshare, nil},
	"SHARE_EXPIRATION":                    {event.ConfigChange, nil},
	"COLLABORATION_REMOVE":                {event.Unshare, nil},
	"COLLAB_REMOVE_COLLABORATOR":          {event.Unshare, nil},
	"COLLABORATION_INVITE":                {event.ShareUser, collaborator},
	"COLLAB_ADD_COLLABORATOR":             {event.ShareUser, collaborator},
	"COLLAB_INVITE_COLLABORATOR":          {event.ShareUser, collaborator},
	"SHARED_LINK_SEND":                    {event.ShareUser, collaborator},
	"ITEM_EMAIL_SEND":                     {event.ShareUser, collaborator},
	"COLLABORATION_ACCEPT":                {event.MembershipAdd, nil},
	"COLLABORATION_ROLE_CHANGE":           {event.PermissionGrant, nil},
	"CHANGE_ADMIN_ROLE":                   {event.AdminGrant, adminRole},
	"GROUP_ADMIN_CREATED":                 {event.AdminGrant, adminRole},
	"CHANGE_FOLDER_PERMISSION":            {event.PermissionGrant, nil},
	"ADMIN_LOGIN":                         {event.AppAccess, nil},
	"LOGIN":                               {event.LoginSuccess, nil},
	"FAILED_LOGIN":                        {event.LoginFailure, failed},
	"ADD_LOGIN_ACTIVITY_DEVICE":           {event.AppAccess, nil},
	"DISABLE_MULTI_FACTOR_AUTH":           {event.MFADisabled, nil},
	"DELETE_USER":                         {event.Offboard, subject},
	"NEW_USER":                            {event.ConfigChange, subject},
	"EDIT_USER":                           {event.ConfigChange, subject},
	"APPLICATION_CREATED":                 {event.TokenGrant, nil},
	"APPLICATION_PUBLIC_KEY_ADDED":        {event.TokenGrant, nil},
	"ENTERPRISE_APP_AUTHORIZATION_UPDATE": {event.TokenGrant, nil},
	"USER_AUTHENTICATE_OAUTH2_ACCESS_TOKEN_CREATE":                {event.TokenGrant, nil},
	"OAUTH2_ACCESS_TOKEN_REVOKE":                                  {event.TokenRevoke, nil},
	"EXTERNAL_COLLAB_SECURITY_SETTINGS":                           {event.ConfigChange, sharingPolicy},
	"METADATA_INSTANCE_DELETE":                                    {event.LabelChange, unlabelled},
	"METADATA_INSTANCE_UPDATE":                                    {event.LabelChange, nil},
	"GROUP_ADD_USER":                                              {event.MembershipAdd, nil},
	"SHIELD_ALERT":                                                {event.VendorAlert, alert},
	"CONTENT_WORKFLOW_ABNORMAL_DOWNLOAD_ACTIVITY":                 {event.VendorAlert, alert},
	"CONTENT_WORKFLOW_SHARING_POLICY_VIOLATION":                   {event.VendorAlert, alert},
	"CONTENT_WORKFLOW_UPLOAD_POLICY_VIOLATION":                    {event.VendorAlert, alert},
	"SHIELD_DOWNLOAD_BLOCKED":                                     {event.VendorAlert, alert},
	"FILE_MARKED_MALICIOUS":                                       {event.VendorAlert, alert},
	"ACCESS_GRANTED":                                              {event.ConfigChange, nil},
	"ACCESS_REVOKED":                                              {event.ConfigChange, nil},
	"ADD_DEVICE_ASSOCIATION":                                      {event.ConfigChange, nil},
	"REMOVE_DEVICE_ASSOCIATION":                                   {event.ConfigChange, nil},
	"REMOVE_LOGIN_ACTIVITY_DEVICE":                                {event.ConfigChange, nil},
	"CONTENT_WORKFLOW_AUTOMATION_ADD":                             {event.ConfigChange, nil},
	"CONTENT_WORKFLOW_AUTOMATION_DELETE":                          {event.ConfigChange, nil},
	"CONTENT_WORKFLOW_POLICY_ADD":                                 {event.ConfigChange, nil},
	"GROUP_EDITED":                                                {event.ConfigChange, nil},
	"GROUP_CREATION":                                              {event.ConfigChange, nil},
	"GROUP_DELETION":                                              {event.ConfigChange, nil},
	"LEGAL_HOLD_ASSIGNMENT_CREATE":                                {event.ConfigChange, nil},
	"LEGAL_HOLD_ASSIGNMENT_DELETE":                                {event.ConfigChange, nil},
	"LEGAL_HOLD_POLICY_CREATE":                                    {event.ConfigChange, nil},
	"LEGAL_HOLD_POLICY_DELETE":                                    {event.ConfigChange, nil},
	"LEGAL_HOLD_POLICY_UPDATE":                                    {event.ConfigChange, nil},
	"RETENTION_POLICY_ASSIGNMENT_ADD":                             {event.ConfigChange, nil},
	"DATA_RETENTION_CREATE_RETENTION":                             {event.ConfigChange, nil},
	"DATA_RETENTION_REMOVE_RETENTION":                             {event.ConfigChange, nil},
	"UPDATE_COLLABORATION_EXPIRATION":                             {event.ConfigChange, nil},
	"COLLABORATION_EXPIRATION":                                    {event.ConfigChange, nil},
	"GROUP_REMOVE_USER":                                           {event.ConfigChange, nil},
	"GROUP_ADMIN_PERMISSIONS_UPDATED":                             {event.ConfigChange, nil},
	"SHIELD_JUSTIFICATION_APPROVAL":                               {event.ConfigChange, nil},
	"APPLICATION_PUBLIC_KEY_DELETED":                              {event.TokenRevoke, nil},
	"COMMENT_DELETE":                                              {event.Edit, nil},
	"ENABLE_MULTI_FACTOR_AUTH":                                    {event.MFAEnabled, nil},
	"GROUP_ADD_ITEM":                                              {event.PermissionGrant, nil},
	"GROUP_REMOVE_ITEM":                                           {event.Unshare, nil},
	"SHIELD_EXTERNAL_COLLAB_ACCESS_BLOCKED":                       {event.Derived, nil},
	"SHIELD_EXTERNAL_COLLAB_ACCESS_BLOCKED_MISSING_JUSTIFICATION": {event.Derived, nil},
	"SHIELD_EXTERNAL_COLLAB_INVITE_BLOCKED":                       {event.Derived, nil},
	"SHIELD_EXTERNAL_COLLAB_INVITE_BLOCKED_MISSING_JUSTIFICATION": {event.Derived, nil},
	"SHIELD_INFORMATION_BARRIER_COLLAB_BLOCKED":                   {event.Derived, nil},
	"SHIELD_INFORMATION_BARRIER_SHARED_ITEM_ACCESS_BLOCKED":       {event.Derived, nil},
	"SHIELD_SHARED_LINK_ACCESS_BLOCKED":                           {event.Derived, nil},
	"SHIELD_INFORMATION_BARRIER_ITEM_COPY_BLOCKED":                {event.Derived, nil},
	"SHIELD_INFORMATION_BARRIER_ITEM_MOVE_BLOCKED":                {event.Derived, nil},
	"SHIELD_INFORMATION_BARRIER_GROUP_ADD_USER_BLOCKED":           {event.Derived, nil},
	"SHIELD_EXTERNAL_COLLAB_INVITE_JUSTIFIED":                     {event.Derived, nil},
	"SHIELD_SHARED_LINK_STATUS_RESTRICTED_ON_CREATE":              {event.Derived, nil},
	"SHIELD_SHARED_LINK_STATUS_RESTRICTED_ON_UPDATE":              {event.Derived, nil},
	"GROUP_ADMIN_DELETED":                                         {event.AdminRevoke, adminRole},
	"SHIELD_INFORMATION_BARRIER_ENABLED":                          {event.ConfigChange, barrier},
	"SHIELD_INFORMATION_BARRIER_DISABLED":                         {event.ConfigChange, barrier},
})

// download gives DOWNLOAD and ITEM_DOWNLOAD of the same file in the same second the same key,
// since they are two records of one action.
func download(r *record, e *event.Event, out *ingest.Sink) {
	if r.itemID != "" {
		e.Time -= e.Time % 1000
		e.Key = ingest.Hash("box", "download", r.itemID, e.Actor.Account, r.created)
	}
}

// link sets who may open a shared link. Not every record states it; then the link is taken to be
// open to the company, the most common setting.
func link(r *record, e *event.Event, out *ingest.Sink) {
	switch r.access {
	case "open":
		e.After = event.PublicLink
		out.To("*", event.ScopeAnyone)
	case "collaborators":
		e.After = event.Private
	default:
		e.After = event.Internal
	}
}

// collaborator adds who was invited. Until an unregistered person accepts, only the source or the
// details have the address.
func collaborator(r *record, e *event.Event, out *ingest.Sink) {
	switch {
	case r.to.login != "":
		out.To(out.Account("box", r.to.login), event.ScopeUnknown)
	case ingest.IsEmail(r.email):
		out.To(out.Account("box", r.email), event.ScopeUnknown)
	case ingest.IsEmail(r.userName):
		out.To(out.Account("box", r.userName), event.ScopeUnknown)
	case r.userID != "":
		out.To(out.Join("box:", r.userID), event.ScopeUnknown)
	}
}

func adminRole(r *record, e *event.Event, out *ingest.Sink) {
	subject(r, e, out)
	out.Attr(event.AttrRole, cmp.Or(r.role, "co-admin"))
}

func subject(r *record, e *event.Event, out *ingest.Sink) {
	if r.sourceUser.login != "" {
		out.To(out.Account("box", r.sourceUser.login), event.ScopeUnknown)
	}
}

func sharingPolicy(_ *record, _ *event.Event, out *ingest.Sink) { out.Policy("sharing", "") }

// unlabelled is a classification that was removed from a file. Box keeps classifications as
// metadata.
func unlabelled(_ *record, _ *event.Event, out *ingest.Sink) { out.Attr(event.AttrEffect, "weaker") }

func failed(_ *record, e *event.Event, _ *ingest.Sink) { e.Outcome = event.Failure }

func alert(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrReason, cmp.Or(r.reason, r.kind))
	out.Attr(event.AttrSeverity, r.priority)
}

// barrier is the separation of groups of people, switched on or off for the organisation.
func barrier(r *record, _ *event.Event, out *ingest.Sink) {
	effect := "stronger"
	if r.kind == "SHIELD_INFORMATION_BARRIER_DISABLED" {
		effect = "weaker"
	}
	out.Policy("sharing", effect)
}
