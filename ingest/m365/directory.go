package m365

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// directoryOperations are changes of users, groups, roles and applications in Entra ID.
var directoryOperations = map[string]operation{
	"Add member to role.":                                            {event.AdminGrant, roleChange},
	"Add eligible member to role.":                                   {event.AdminGrant, roleChange},
	"Add scoped member to role.":                                     {event.AdminGrant, roleChange},
	"Add member to role in PIM completed (permanent).":               {event.AdminGrant, roleChange},
	"Add member to role in PIM completed (timebound).":               {event.AdminGrant, roleChange},
	"Add eligible member to role in PIM completed (permanent).":      {event.AdminGrant, roleChange},
	"Add eligible member to role in PIM completed (timebound).":      {event.AdminGrant, roleChange},
	"Add member to role outside of PIM (permanent).":                 {event.AdminGrant, roleChange},
	"Add member to role outside of PIM (timebound).":                 {event.AdminGrant, roleChange},
	"Add member to role completed (PIM activation).":                 {event.AdminGrant, roleActivated},
	"Add member to role requested (PIM activation).":                 {event.ConfigChange, roleChange},
	"Add member to role request approved (PIM activation).":          {event.ConfigChange, roleChange},
	"Add member to role request denied (PIM activation).":            {event.ConfigChange, roleChange},
	"Add member to role approval requested (PIM activation).":        {event.ConfigChange, roleChange},
	"Add member to role canceled (PIM activation).":                  {event.ConfigChange, roleChange},
	"Add member to role in PIM requested (permanent).":               {event.ConfigChange, roleChange},
	"Add member to role in PIM requested (timebound).":               {event.ConfigChange, roleChange},
	"Add eligible member to role in PIM requested (permanent).":      {event.ConfigChange, roleChange},
	"Add eligible member to role in PIM requested (timebound).":      {event.ConfigChange, roleChange},
	"Add member to role in PIM canceled (permanent).":                {event.ConfigChange, roleChange},
	"Add member to role in PIM canceled (timebound).":                {event.ConfigChange, roleChange},
	"Remove member from role.":                                       {event.AdminRevoke, roleChange},
	"Remove eligible member from role.":                              {event.AdminRevoke, roleChange},
	"Remove scoped member from role.":                                {event.AdminRevoke, roleChange},
	"Remove member from role in PIM completed (permanent).":          {event.AdminRevoke, roleChange},
	"Remove member from role in PIM completed (timebound).":          {event.AdminRevoke, roleChange},
	"Remove eligible member from role in PIM completed (permanent).": {event.AdminRevoke, roleChange},
	"Remove eligible member from role in PIM completed (timebound).": {event.AdminRevoke, roleChange},
	"Remove member from role completed (PIM deactivate).":            {event.ConfigChange, roleChange},
	"Remove member from role requested (PIM deactivate).":            {event.ConfigChange, roleChange},
	"Remove member from role (PIM activation expired).":              {event.ConfigChange, roleChange},
	"Remove permanent eligible role assignment.":                     {event.AdminRevoke, roleChange},
	"Remove permanent direct role assignment.":                       {event.AdminRevoke, roleChange},
	"Update role setting in PIM.":                                    signInChanged.operation(),
	"Disable PIM alert.":                                             logRemoved.operation(),
	"Enable PIM alert.":                                              logAdded.operation(),
	"Add role definition.":                                           {event.ConfigChange, entraTarget},
	"Update role definition.":                                        {event.ConfigChange, entraTarget},
	"Delete role definition.":                                        {event.ConfigChange, entraTarget},
	"Add role from template.":                                        {event.ConfigChange, entraTarget},
	"Update role.":                                                   {event.ConfigChange, entraTarget},
	"Consent to application.":                                        {event.TokenGrant, consent},
	"Add OAuth2PermissionGrant.":                                     {event.PermissionGrant, consent},
	"Add delegated permission grant.":                                {event.PermissionGrant, consent},
	"Update delegated permission grant.":                             {event.PermissionGrant, consent},
	"Add delegation entry.":                                          {event.PermissionGrant, consent},
	"Set delegation entry.":                                          {event.PermissionGrant, consent},
	"Add app role assignment to service principal.":                  {event.PermissionGrant, consent},
	"Add app role assignment grant to user.":                         {event.PermissionGrant, entraTarget},
	"Add app role assignment to group.":                              {event.PermissionGrant, entraTarget},
	"Remove OAuth2PermissionGrant.":                                  {event.TokenRevoke, entraTarget},
	"Remove delegated permission grant.":                             {event.TokenRevoke, entraTarget},
	"Remove delegation entry.":                                       {event.TokenRevoke, entraTarget},
	"Remove app role assignment from service principal.":             {event.TokenRevoke, entraTarget},
	"Remove app role assignment from user.":                          {event.TokenRevoke, entraTarget},
	"Remove app role assignment from group.":                         {event.TokenRevoke, entraTarget},
	"Revoke consent.":                                                {event.TokenRevoke, entraTarget},
	"Add service principal credentials.":                             {event.TokenGrant, credential},
	"Remove service principal credentials.":                          {event.TokenRevoke, entraTarget},
	"Update application – Certificates and secrets management":       {event.TokenGrant, credential},
	"Add application.":                                               {event.ConfigChange, entraTarget},
	"Update application.":                                            {event.ConfigChange, entraTarget},
	"Delete application.":                                            {event.ConfigChange, entraTarget},
	"Restore application.":                                           {event.ConfigChange, entraTarget},
	"Hard delete application.":                                       {event.ConfigChange, entraTarget},
	"Add service principal.":                                         {event.ConfigChange, entraTarget},
	"Update service principal.":                                      {event.ConfigChange, entraTarget},
	"Remove service principal.":                                      {event.ConfigChange, entraTarget},
	"Hard delete service principal.":                                 {event.ConfigChange, entraTarget},
	"Add owner to application.":                                      {event.PermissionGrant, entraTarget},
	"Add owner to service principal.":                                {event.PermissionGrant, entraTarget},
	"Remove owner from application.":                                 {event.ConfigChange, entraTarget},
	"Remove owner from service principal.":                           {event.ConfigChange, entraTarget},
	"Set verified publisher.":                                        {event.ConfigChange, entraTarget},
	"Unset verified publisher.":                                      {event.ConfigChange, entraTarget},
	"Disable Strong Authentication.":                                 {event.MFADisabled, entraTarget},
	"Enable Strong Authentication.":                                  {event.MFAEnabled, entraTarget},
	"User deleted security info":                                     {event.MFADisabled, nil},
	"User registered security info":                                  {event.MFAEnabled, nil},
	"User registered all required security info":                     {event.MFAEnabled, nil},
	"User changed default security info":                             {event.ConfigChange, nil},
	"User updated security info":                                     {event.ConfigChange, nil},
	"User started security info registration":                        {event.ConfigChange, nil},
	"User started password change":                                   {event.ConfigChange, nil},
	"User started password reset":                                    {event.ConfigChange, nil},
	"User canceled security info registration":                       {event.ConfigChange, nil},
	"User reviewed security info":                                    {event.View, nil},
	"Admin deleted security info":                                    {event.MFADisabled, entraTarget},
	"Admin registered security info":                                 {event.MFAEnabled, entraTarget},
	"Admin updated security info":                                    {event.ConfigChange, entraTarget},
	"Admin started password reset":                                   {event.ConfigChange, entraTarget},
	"Add FIDO2 security key.":                                        {event.MFAEnabled, entraTarget},
	"Delete FIDO2 security key.":                                     {event.MFADisabled, entraTarget},
	"Add Windows Hello for Business credential.":                     {event.MFAEnabled, entraTarget},
	"Delete Windows Hello for Business credential.":                  {event.MFADisabled, entraTarget},
	"Add passwordless phone sign-in credential.":                     {event.MFAEnabled, entraTarget},
	"Delete passwordless phone sign-in credential.":                  {event.MFADisabled, entraTarget},
	"Fraud reported - user is blocked for MFA":                       {event.VendorAlert, reported},
	"Fraud reported - no action taken":                               {event.VendorAlert, reported},
	"Suspicious activity reported":                                   {event.VendorAlert, reported},
	"User reported unusual sign-in event as not legitimate":          {event.VendorAlert, reported},
	"Set Company Information.":                                       {event.ConfigChange, modifiedSettings},
	"Set company contact information.":                               {event.ConfigChange, modifiedSettings},
	"Update company settings.":                                       {event.ConfigChange, modifiedSettings},
	"Set rights management properties.":                              {event.ConfigChange, modifiedSettings},
	"Set directory feature on tenant.":                               {event.ConfigChange, modifiedSettings},
	"Add user.":                                                      {event.ConfigChange, entraTarget},
	"Update user.":                                                   {event.ConfigChange, updatedUser},
	"Restore user.":                                                  {event.ConfigChange, entraTarget},
	"Enable account.":                                                {event.ConfigChange, entraTarget},
	"Disable account.":                                               {event.Offboard, entraTarget},
	"Delete user.":                                                   {event.Offboard, entraTarget},
	"Hard delete user.":                                              {event.Offboard, entraTarget},
	"Reset user password.":                                           {event.ConfigChange, entraTarget},
	"Reset password (by admin)":                                      {event.ConfigChange, entraTarget},
	"Reset password (self-service)":                                  {event.ConfigChange, entraTarget},
	"Change user password.":                                          {event.ConfigChange, entraTarget},
	"Change password (self-service)":                                 {event.ConfigChange, entraTarget},
	"Unlock user account (self-service)":                             {event.ConfigChange, entraTarget},
	"Set force change user password.":                                {event.ConfigChange, entraTarget},
	"Update StsRefreshTokenValidFrom Timestamp.":                     {event.ConfigChange, entraTarget},
	"Change user license.":                                           {event.ConfigChange, entraTarget},
	"Set user license.":                                              {event.ConfigChange, entraTarget},
	"Set license properties.":                                        {event.ConfigChange, entraTarget},
	"Update user credentials.":                                       {event.ConfigChange, entraTarget},
	"Convert federated user to managed.":                             {event.ConfigChange, entraTarget},
	"Invite external user.":                                          {event.ConfigChange, invitedGuest},
	"Redeem external user invite.":                                   {event.AppAccess, nil},
	"Add member to group.":                                           {event.MembershipAdd, entraTarget},
	"Add owner to group.":                                            {event.MembershipAdd, entraTarget},
	"Remove member from group.":                                      {event.ConfigChange, entraTarget},
	"Remove owner from group.":                                       {event.ConfigChange, entraTarget},
	"Add group.":                                                     {event.ConfigChange, entraTarget},
	"Update group.":                                                  {event.ConfigChange, entraTarget},
	"Delete group.":                                                  {event.ConfigChange, entraTarget},
	"Hard delete group.":                                             {event.ConfigChange, entraTarget},
	"Restore group.":                                                 {event.ConfigChange, entraTarget},
	"Set group license.":                                             {event.ConfigChange, entraTarget},
	"Set group managed by.":                                          {event.ConfigChange, entraTarget},
	"Create group settings.":                                         {event.ConfigChange, entraTarget},
	"Update group settings.":                                         {event.ConfigChange, entraTarget},
	"Delete group settings.":                                         {event.ConfigChange, entraTarget},
	"Add device.":                                                    {event.ConfigChange, entraTarget},
	"Update device.":                                                 {event.ConfigChange, entraTarget},
	"Delete device.":                                                 {event.ConfigChange, entraTarget},
	"Register device.":                                               {event.ConfigChange, entraTarget},
	"Unregister device.":                                             {event.ConfigChange, entraTarget},
	"Device no longer compliant.":                                    {event.ConfigChange, entraTarget},
	"Device no longer managed.":                                      {event.ConfigChange, entraTarget},
	"Add registered owner to device.":                                {event.ConfigChange, entraTarget},
	"Add registered users to device.":                                {event.ConfigChange, entraTarget},
	"Remove registered owner from device.":                           {event.ConfigChange, entraTarget},
	"Remove registered users from device.":                           {event.ConfigChange, entraTarget},
	"Add administrative unit.":                                       {event.ConfigChange, entraTarget},
	"Update administrative unit.":                                    {event.ConfigChange, entraTarget},
	"Delete administrative unit.":                                    {event.ConfigChange, entraTarget},
	"Add member to administrative unit.":                             {event.ConfigChange, entraTarget},
	"Remove member from administrative unit.":                        {event.ConfigChange, entraTarget},
}

// topRoles are the names of the roles over the whole tenant, by the id of their template.
var topRoles = map[string]string{
	"62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
	"e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
	"7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
}

// roleChange sets the role and who receives it. Names of roles are translated, so that the id of the
// template goes first.
func roleChange(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	role, known := "", ""
	r.pairs(r.modified, func(name, value, before string) {
		if value = unquote(value); value == "" {
			value = unquote(before)
		}
		switch name {
		case "Role.DisplayName":
			role = value
		case "Role.TemplateId":
			known = topRoles[strings.ToLower(value)]
		case "Role.WellKnownObjectName":
			if value == "TenantAdmins" {
				known = topRoles["62e90394-69f5-4237-9190-012177145e10"]
			}
		}
	})
	if known != "" {
		role = known
	}
	if role == "" {
		role = targetOf(r.targets, 1)
	}
	out.Attr(event.AttrRole, out.Copy(role))
}

// roleActivated is a role that was given for some hours. People activate their own eligible roles
// day by day: that grants nothing new.
func roleActivated(r *record, e *event.Event, out *ingest.Sink) {
	roleChange(r, e, out)
	if len(e.To) == 0 || e.To[0].Account == e.Actor.Account {
		e.Class = event.PermissionGrant
	}
}

// targetOf returns the first id of a type in Target: 1 for a display name, 5 for a user name.
func targetOf(targets []byte, kind int64) string {
	var s jsonscan.Scanner
	if s.Reset(targets); targets == nil || !s.Array() {
		return ""
	}
	found := ""
	for s.Elem() {
		if id, k := idAndType(&s); k == kind && found == "" {
			found = id
		}
	}
	return strings.Clone(found)
}

// nameOf returns the name of an application that stands where users have theirs.
func nameOf(targets []byte) string {
	if name := targetOf(targets, 5); !ingest.IsEmail(name) {
		return name
	}
	return ""
}

// credential is a secret or a certificate of an application. If the keys before are stated and none is
// new, some were taken away.
func credential(r *record, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{Type: "application", ID: r.objectID, Name: cmp.Or(targetOf(r.targets, 1), nameOf(r.targets), r.objectID)}
	r.pairs(r.modified, func(name, value, before string) {
		if name == "KeyDescription" && strings.Count(value, "KeyIdentifier=") < strings.Count(before, "KeyIdentifier=") {
			e.Class = event.TokenRevoke
		}
	})
	if e.Class == event.TokenGrant {
		out.Attr(event.AttrPermission, event.SignInAsApp)
	}
}

// rated is an alert with a severity.
func rated(r *record, _ *event.Event, out *ingest.Sink) { out.Attr(event.AttrSeverity, r.severity) }

// reported is a warning by the person concerned, or about them.
func reported(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrReason, r.operation)
}

// invitedGuest is an outsider who is invited into the directory.
func invitedGuest(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	e.Class = event.MembershipAdd
	for i := range e.To {
		e.To[i].Scope = event.ScopeExternal
	}
}

// appRoles are the names of the rights of Microsoft Graph and Exchange that reach everybody's files,
// mail or accounts, by id. Older records have the id only.
var appRoles = map[string]string{
	"810c84a8-4a9e-49e6-bf7d-12d183f40d01": "Mail.Read",
	"e2a3a72e-5f79-4c64-b1b1-878b674786c9": "Mail.ReadWrite",
	"01d4889c-1287-42c6-ac1f-5d1e02578ef6": "Files.Read.All",
	"75359482-378d-4052-8f01-80520e7db3cd": "Files.ReadWrite.All",
	"332a536c-c7ef-4017-ab91-336970924f0d": "Sites.Read.All",
	"9492366f-7969-46a4-8d15-ed1a20078fff": "Sites.ReadWrite.All",
	"a82116e5-55eb-4c41-a434-62fe8a61c773": "Sites.FullControl.All",
	"dc890d15-9560-4a4c-9b7f-a736ec74ec40": "full_access_as_app",
	"19dbc75e-c2e2-444c-a770-ec69d8559fc7": "Directory.ReadWrite.All",
	"741f803b-c850-494e-b5df-cde7c675a1ca": "User.ReadWrite.All",
	"9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8": "RoleManagement.ReadWrite.Directory",
	"06b708a9-e830-4db3-a914-8e69da51d44f": "AppRoleAssignment.ReadWrite.All",
	"1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9": "Application.ReadWrite.All",
}

// consent reads which application was granted which permissions. In grants, Target is the API that
// the application may use, and the application is among the properties.
func consent(r *record, e *event.Event, out *ingest.Sink) {
	entraTarget(r, e, out)
	if e.Object.Name == "" {
		e.Object.Name = r.objectID
	}
	e.Object.Type = "application"
	app, appName, scopes, appOnly := "", "", "", false
	r.pairs(r.modified, func(name, value, before string) {
		if value = cmp.Or(unquote(value), unquote(before)); value == "" {
			return
		}
		switch name {
		case "ConsentAction.Permissions":
			scopes = consented(value)
		case "DelegatedPermissionGrant.Scope", "OAuth2PermissionGrant.Scope":
			scopes = value
		case "AppRole.Value":
			scopes, appOnly = value, true
		case "AppRole.Id":
			if known := appRoles[strings.ToLower(value)]; scopes == "" && known != "" {
				scopes, appOnly = known, true
			}
		case "ServicePrincipal.ObjectID":
			app = value
		case "ServicePrincipal.DisplayName":
			appName = value
		case "ConsentContext.IsAdminConsent":
			if strings.EqualFold(value, "true") {
				out.Attr(event.AttrPermission, "admin consent")
			}
		}
	})
	if app != "" && app != e.Object.ID {
		out.Attr(event.AttrTarget, out.Copy(e.Object.Name))
		e.Object.ID, e.Object.Name = out.Copy(app), out.Copy(cmp.Or(appName, app))
	}
	out.Attr(event.AttrScopes, out.Copy(strings.TrimSpace(scopes)))
	if appOnly {
		out.Attr(event.AttrPermission, event.AppOnly)
	}
}

// consented returns the scopes in the text of ConsentAction.Permissions: [before] => [[…, Scope:
// User.Read Mail.Read, …], …].
func consented(text string) string {
	if _, after, ok := strings.Cut(text, "=>"); ok {
		text = after
	}
	var all []string
	for {
		_, after, ok := strings.Cut(text, "Scope: ")
		if !ok {
			return strings.Join(all, " ")
		}
		scopes := after
		if i := strings.IndexAny(scopes, ",]"); i >= 0 {
			scopes = scopes[:i]
		}
		all = append(all, strings.TrimSpace(scopes))
		text = after
	}
}
