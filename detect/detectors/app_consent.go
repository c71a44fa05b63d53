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
		Match:    func(a *detect.Enriched) bool { return readsAll(a) && !a.UnseenApp },
		Describe: sayReadsAll, Headline: readsAllHeadline,
	}, {
		Name: "app_broad_unseen", Weight: .5, Least: detect.LeastShown, Seldom: true, Impact: 2, On: grants,
		Match:    func(a *detect.Enriched) bool { return readsAll(a) && a.UnseenApp },
		Describe: sayReadsAll, Headline: readsAllHeadline,
	}, {
		Name: "app_only_broad", Weight: 1, Least: detect.LeastShown, Impact: 2, On: grants,
		Match: func(a *detect.Enriched) bool {
			return broad(a) && !forEverybody(a) && byItself(a)
		},
		Describe: func(a *detect.Enriched) string {
			return "authorised the application " + detect.Quote(a.AppName()) +
				" to read everyone's files, mail or messages, or to change accounts, without a signed-in user"
		},
		Headline: func(a *detect.Enriched) string {
			return "gave the application " + detect.Named(a.AppName()) + " broad access to everyone's data"
		},
	}, {
		Name: "app_everybody", Weight: 1.6, Least: detect.LeastShown, Kind: (*detect.Enriched).AppName, Impact: 3, On: grants,
		Match: func(a *detect.Enriched) bool { return broad(a) && forEverybody(a) },
		Describe: func(a *detect.Enriched) string {
			return "authorised the application " + detect.Quote(a.AppName()) +
				" to read the files or mail of everyone in the organisation, or to change their accounts"
		},
		Headline: func(a *detect.Enriched) string {
			return "gave the application " + detect.Named(a.AppName()) + " broad access to everyone's data"
		},
	}, {
		Name: "app_for_all", Weight: .6, Impact: 2, On: grants,
		Match:    func(a *detect.Enriched) bool { return !broad(a) && forEverybody(a) && !unstated(a) },
		Describe: sayForAll, Headline: forAllHeadline,
	}, {
		Name: "app_for_all_unseen", Weight: .6, Least: detect.LeastShown, Seldom: true, Impact: 2, On: grants,
		Match:    func(a *detect.Enriched) bool { return forEverybody(a) && unstated(a) },
		Describe: sayForAll, Headline: forAllHeadline,
	}, {
		Name: "app_new", Weight: .3, Impact: 1, On: grants,
		Match: func(a *detect.Enriched) bool { return a.NewApp && a.Attr(event.AttrScopes) != "" },
		Describe: func(a *detect.Enriched) string {
			return "authorised the application " + detect.Quote(a.AppName()) + ", which was not in these logs before"
		},
	}, {
		Name: "app_secret", Weight: .6, Impact: 1, On: []event.Class{event.TokenGrant},
		Match: func(a *detect.Enriched) bool {
			return a.Object.Type == "application" && a.Attr(event.AttrPermission) == event.SignInAsApp
		},
		Describe: func(a *detect.Enriched) string {
			return "added a secret or certificate to the application " + detect.Quote(a.AppName()) +
				", which lets its holder act as the application"
		},
		Headline: func(a *detect.Enriched) string {
			return "added a secret or certificate to the application " + detect.Named(a.AppName())
		},
	}},
}

// forEverybody says whether an application may act for all users, as in domain-wide delegation.
func forEverybody(a *detect.Enriched) bool { return a.Attr(event.AttrReach) == event.ReachOrganization }

// readsAll says whether an application may read everything that the user may.
func readsAll(a *detect.Enriched) bool { return broad(a) && !forEverybody(a) && !byItself(a) }

func sayReadsAll(a *detect.Enriched) string {
	s := "authorised the application " + detect.Quote(a.AppName()) + " to read all their files, mail or messages, or to change accounts"
	if api := a.Attr(event.AttrTarget); api != "" { // of Entra: what the application may use
		s += ", through " + detect.Quote(api)
	}
	return s
}

func readsAllHeadline(a *detect.Enriched) string {
	return "gave the application " + detect.Named(a.AppName()) + " broad access to their data"
}

// unstated says whether an application is new here, and the log does not say what it may do.
func unstated(a *detect.Enriched) bool { return a.UnseenApp && a.Attr(event.AttrScopes) == "" }

func sayForAll(a *detect.Enriched) string {
	s := "gave the application " + detect.Quote(a.AppName()) + " access to "
	switch a.Source {
	case event.GitHub:
		return s + "every repository of the organisation (the log does not say what it may do there)"
	case event.Dropbox:
		return s + "the data of the whole team (the log does not say what it may do there)"
	}
	return "authorised the application " + detect.Quote(a.AppName()) + " to act for everyone in the organisation"
}

func forAllHeadline(a *detect.Enriched) string {
	app := detect.Named(a.AppName())
	switch a.Source {
	case event.GitHub:
		return "gave the application " + app + " access to every repository of the organisation"
	case event.Dropbox:
		return "gave the application " + app + " access to the data of the whole team"
	}
	return "authorised the application " + app + " to act for everyone in the organisation"
}

// byItself says whether an application acts as itself, not for a user who has signed in.
func byItself(a *detect.Enriched) bool { return a.Attr(event.AttrPermission) == event.AppOnly }

var grants = []event.Class{event.TokenGrant, event.PermissionGrant}

// broad says whether OAuth scopes let an application read everything: whole
// drives or mailboxes.
func broad(a *detect.Enriched) bool {
	for s := range strings.FieldsSeq(a.Attr(event.AttrScopes)) {
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
