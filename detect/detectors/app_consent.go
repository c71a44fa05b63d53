package detectors

import (
	"strings"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// appConsent is an application that is new to the organisation, or may read all
// files or mail, or change accounts (D05).
var appConsent = &detect.Detector{
	Name: "app_consent", Title: "Application authorised", Techniques: []string{"T1528", "T1671"},
	Needs:     []detect.Need{m365Entra, googleToken, slackAny, githubAny, atlassianAny, zoomAny, snowflakeAny},
	Privilege: detect.PrivilegeTaken,
	Indicators: []detect.Indicator{{
		Name: "app_broad", Weight: .5, Impact: 2, On: grants,
		Match: func(a *detect.Enriched) bool {
			return broad(a.Attr(event.AttrScopes)) && !forEverybody(a) && !byItself(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "let the application " + detect.Quote(a.AppName()) + " read all their files, mail or messages, or change accounts"
		},
	}, {
		Name: "app_only_broad", Weight: 1, Least: detect.LeastShown, Impact: 2, On: grants,
		Match: func(a *detect.Enriched) bool {
			return broad(a.Attr(event.AttrScopes)) && !forEverybody(a) && byItself(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "let the application " + detect.Quote(a.AppName()) +
				" read everybody's files, mail or messages, or change accounts, without a user"
		},
	}, {
		Name: "app_everybody", Weight: 1.6, Impact: 3, On: grants,
		Match: func(a *detect.Enriched) bool { return broad(a.Attr(event.AttrScopes)) && forEverybody(a) },
		Describe: func(a *detect.Enriched) string {
			return "let the application " + detect.Quote(a.AppName()) +
				" read the files or mail of everybody in the organisation, or change their accounts"
		},
	}, {
		Name: "app_for_all", Weight: .6, Impact: 2, On: grants,
		Match: func(a *detect.Enriched) bool { return !broad(a.Attr(event.AttrScopes)) && forEverybody(a) },
		Describe: func(a *detect.Enriched) string {
			return "let the application " + detect.Quote(a.AppName()) + " act for everybody in the organisation"
		},
	}, {
		Name: "app_new", Weight: .3, Impact: 1, On: grants,
		Match: func(a *detect.Enriched) bool { return a.NewApp && a.Attr(event.AttrScopes) != "" },
		Describe: func(a *detect.Enriched) string {
			return "authorised the application " + detect.Quote(a.AppName()) + ", which these logs had not named before"
		},
	}, {
		Name: "app_secret", Weight: .6, Impact: 1, On: []event.Class{event.TokenGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Object.Type == "application" && a.Attr(event.AttrPermission) == event.SignInAsApp
		},
		Describe: func(a *detect.Enriched) string {
			return "added a secret or certificate to the application " + detect.Quote(a.AppName()) + ", with which one can act as it"
		},
	}},
}

// forEverybody says whether an application may act for all users, as in domain-wide delegation.
func forEverybody(a *detect.Enriched) bool { return a.Attr(event.AttrReach) == event.ReachOrganization }

// byItself says whether an application acts as itself, not for a user who has signed in.
func byItself(a *detect.Enriched) bool { return a.Attr(event.AttrPermission) == event.AppOnly }

var grants = []event.Class{event.TokenGrant, event.PermissionGrant}

// broad says whether OAuth scopes let an application read everything: whole
// drives or mailboxes.
func broad(scopes string) bool {
	for s := range strings.FieldsSeq(scopes) {
		s = strings.TrimSuffix(strings.ToLower(s), "/")
		switch {
		case strings.HasSuffix(s, "auth/drive"), strings.HasSuffix(s, "auth/drive.readonly"),
			strings.HasSuffix(s, "auth/cloud-platform"), strings.HasSuffix(s, "auth/admin.directory.user"),
			strings.HasSuffix(s, "auth/admin.directory.group"), strings.HasPrefix(s, "https://mail.google.com"),
			strings.Contains(s, "auth/gmail.readonly"), strings.Contains(s, "auth/gmail.modify"),
			strings.HasPrefix(s, "files.read.all"), strings.HasPrefix(s, "files.readwrite.all"),
			strings.HasPrefix(s, "sites.read"), strings.HasPrefix(s, "sites.fullcontrol"), s == "mail.read",
			s == "mail.readwrite", s == "full_access_as_app", s == "ews.accessasuser.all", s == "directory.readwrite.all",
			s == "user.readwrite.all", s == "rolemanagement.readwrite.directory", s == "approleassignment.readwrite.all",
			s == "application.readwrite.all",
			// Slack: private channels, direct messages, and everything of an Enterprise organisation
			s == "groups:history", s == "im:history", s == "mpim:history", s == "discovery:read", s == "admin.conversations:read":
			return true
		}
	}
	return false
}
