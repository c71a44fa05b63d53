package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
)

// Remedy is how something that is open is closed: by whom, and where.
type Remedy struct {
	Who  string `json:"who"`            // who can close it
	How  string `json:"how"`            // a sentence
	Link string `json:"link,omitempty"` // the vendor's page about it, or the object in the vendor's console
}

// remedy is a Remedy for the exposures of some detectors in one source.
type remedy struct {
	how, link string
}

// sharing has, by source, how a link or a share is withdrawn. Its owner can do so (vendors' help pages as of 2026).
var sharing = map[string]remedy{
	"box": {"In Box: open the item, Share, and switch the shared link off or limit it to people in your company.", ""},
	"google_workspace": {
		"In Google Drive: Share, General access: Restricted. For people: remove them in the same window.",
		"https://support.google.com/drive/answer/2494893",
	},
	"m365": {
		"In OneDrive or SharePoint: Manage access, Links, delete the link. For people: Stop sharing.",
		"https://support.microsoft.com/en-us/office/" +
			"stop-sharing-onedrive-or-sharepoint-files-or-folders-or-change-permissions-0a36470f-d7fe-40a0-bd74-0ac6c1e13323",
	},
	"dropbox": {
		"In Dropbox: Share, Link settings, Delete link. For people: Manage access, remove them.",
		"https://help.dropbox.com/share/delete-link",
	},
	"github": {
		"On GitHub: Settings of the repository, Danger Zone, Change visibility.",
		"https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/" +
			"managing-repository-settings/setting-repository-visibility",
	},
	"slack":      {"In Slack: the file's menu, Revoke external link. For channels: Settings, Disconnect.", ""},
	"salesforce": {"In Salesforce: the file's Share menu, Public Link, delete it.", ""},
	"atlassian":  {"In Confluence: Space settings, Permissions, Anonymous access.", ""},
	"zoom":       {"In Zoom: Recordings, Share, Publicly off.", ""},
	"snowflake":  {"In Snowflake: ALTER SHARE … REMOVE ACCOUNTS, or ask who administers the account.", ""},
	"anthropic":  {"In Claude: open the chat, project or artifact, Share, and set it to private.", ""},
}

// rights has, by source, where an administrator takes a right away.
var rights = map[string]remedy{
	"aws_cloudtrail": {
		"In AWS: IAM, the user or role, Permissions: remove the policy or the membership of the group.",
		"https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-attach-detach.html",
	},
	"okta":             {"In the Okta Admin Console: Security, Administrators: remove the role.", ""},
	"m365":             {"In the Microsoft Entra admin center: Roles and administrators: remove the assignment.", ""},
	"google_workspace": {"In the Google Admin console: Account, Admin roles: unassign the role.", ""},
	"github":           {"On GitHub: People of the organisation: change the role.", ""},
	"salesforce":       {"In Salesforce: Setup, Users: change the profile, or remove the permission set.", ""},
	"slack":            {"In Slack: Manage members: change the account type.", ""},
	"snowflake":        {"In Snowflake: REVOKE ROLE … FROM USER ….", ""},
}

// remedies has, by detector, how what it reports is closed, by source.
var remedies = map[string]map[string]remedy{
	"public_link": sharing,
	"admin_grant": rights,
	"self_grant":  rights,
	"bucket_public": {"aws_cloudtrail": {
		"In AWS: remove the statement or grant for everybody from the policy or access control list; for a bucket, turn Block Public " +
			"Access on.",
		"https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
	}},
	"public_access_guard": {"aws_cloudtrail": {
		"In AWS: S3, the bucket or the account, Permissions: turn Block Public Access on again.",
		"https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
	}},
	"snapshot_shared": {"aws_cloudtrail": {
		"In AWS: the snapshot, image or resource, Permissions: make it private, or remove the other accounts.", "",
	}},
	"security_group_open": {"aws_cloudtrail": {
		"In AWS: EC2, Security groups, Inbound rules: delete the rule, or limit its source to known addresses.",
		"https://docs.aws.amazon.com/vpc/latest/userguide/working-with-security-group-rules.html",
	}},
	"logging_disabled": {"aws_cloudtrail": {"In AWS: CloudTrail or the service, turn logging on again.", ""}},
	"mail_forwarding": {
		"m365":             {"In Outlook: Settings, Mail, Forwarding and Rules: turn forwarding off, and delete the rule.", ""},
		"google_workspace": {"In Gmail: Settings, Forwarding and POP/IMAP: disable forwarding, and delete the filter.", ""},
	},
}

// forOwners are the detectors whose exposures the person who opened them is asked to close. Rights that somebody
// gave themselves, switched-off logs, weakened policies and forwarded mail are for an administrator.
var forOwners = []string{"public_link", "bucket_public", "public_access_guard", "snapshot_shared", "security_group_open", "admin_grant"}

// openedIn returns the detector that reported an exposure of an alert, "" if that is not known, and the
// sources that it happened in: one, if the alert says which.
func openedIn(a *alert.Alert, x *alert.Exposure) (detector string, sources []string) {
	detector = x.Detector
	for _, d := range a.Detectors { // of an older alert: the one that asks for the most care
		if _, exposes := remedies[d]; exposes && x.Detector == "" && (detector == "" || slices.Contains(forOwners, detector)) {
			detector = d
		}
	}
	for i := range a.Evidence {
		e := &a.Evidence[i]
		if e.Detector != detector {
			continue
		}
		for j := range e.Items {
			if e.Items[j].Time.Equal(x.Opened) {
				return detector, []string{e.Items[j].Source}
			}
		}
		sources = e.Sources
	}
	if len(sources) == 0 {
		sources = a.Sources
	}
	return detector, sources
}

// RemedyOf returns how an exposure of an alert is closed.
func RemedyOf(a *alert.Alert, x *alert.Exposure) Remedy {
	detector, sources := openedIn(a, x)
	var who, how, links []string
	for _, s := range sources {
		who = append(who, sourceTitle(s))
		if r := remedies[detector][s]; r.how != "" {
			how, links = append(how, r.how), append(links, r.link)
		}
	}
	out := Remedy{Who: "an administrator", How: cmp.Or(strings.Join(how, " "), "Undo it, or ask an administrator.")}
	if len(who) > 0 {
		out.Who += " of " + strings.Join(who, " or ")
	}
	if detector == "public_link" {
		out.Who = "the owner of the item, or " + out.Who
	}
	if len(links) == 1 {
		out.Link = links[0]
	}
	return out
}

// ownersMayClose reports whether the person who opened something is asked to close it.
func ownersMayClose(a *alert.Alert, x *alert.Exposure) bool {
	detector, _ := openedIn(a, x)
	return slices.Contains(forOwners, detector)
}

// openKinds are the groups in which headlines count what is open: how one and several of them read, by detector.
var openKinds = []struct {
	detectors []string
	one, many string
}{
	{
		[]string{"admin_grant"},
		"1 access right this person granted is still in place",
		"%d access rights this person granted are still in place",
	},
	{
		[]string{"self_grant"},
		"1 access right this person gave themselves is still in place",
		"%d access rights this person gave themselves are still in place",
	},
	{[]string{"public_link", "bucket_public", "snapshot_shared"}, "1 item is still shared", "%d items are still shared"},
	{[]string{"security_group_open"}, "1 network rule is still open to the internet", "%d network rules are still open to the internet"},
	{[]string{"mail_forwarding"}, "mail is still forwarded", "mail is still forwarded by %d rules"},
}

// openSentences counts what is open, by kind.
func openSentences(list []Open) (said []string) {
	rest := len(list)
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			said = append(said, upper(one))
		case n > 1:
			said = append(said, upper(fmt.Sprintf(many, n)))
		}
	}
	for _, k := range openKinds {
		n := 0
		for i := range list {
			if slices.Contains(k.detectors, list[i].Detector) {
				n++
			}
		}
		add(n, k.one, k.many)
		rest -= n
	}
	add(rest, "1 changed setting is still in effect", "%d changed settings are still in effect")
	return said
}
