package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
)

// Owner is the list of a user's exposures that nobody has closed. It is for the user, who knows
// whether they are intended.
type Owner struct {
	User  string      `json:"user"`  // account of the user
	Made  time.Time   `json:"made"`  // when the list was made
	Items []OwnerItem `json:"items"` // the oldest first
}

// OwnerItem is one exposure, and how to close it.
type OwnerItem struct {
	What   string    `json:"what"`   // in plain words
	Opened time.Time `json:"opened"` // since when it is open
	Days   int       `json:"days"`   // whole days since then
	How    string    `json:"how"`    // instructions
	Alert  string    `json:"alert"`  // ID of the alert
}

// howToClose has, by source, how an owner closes what they shared (from the vendors' help pages
// as of 2026).
var howToClose = map[string]string{
	"box":              "In Box: open the item, Share, switch the shared link off; or set it to people in your company.",
	"google_workspace": "In Google Drive: Share, General access: Restricted. For people: remove them in the same window.",
	"m365":             "In OneDrive or SharePoint: Manage access, Links, delete the link. For people: Stop sharing.",
	"dropbox":          "In Dropbox: Share, Link settings, Delete link. For people: Manage access, remove them.",
	"github":           "On GitHub: Settings of the repository, Danger Zone, Change visibility.",
	"slack":            "In Slack: the file's menu, Revoke external link. For channels: Settings, Disconnect.",
	"salesforce":       "In Salesforce: the file's Share menu, Public Link, delete it.",
	"atlassian":        "In Confluence: Space settings, Permissions, Anonymous access.",
	"zoom":             "In Zoom: Recordings, Share, Publicly off.",
	"snowflake":        "In Snowflake: ALTER SHARE … REMOVE ACCOUNTS, or ask who administers the account.",
	"okta":             "Ask who administers Okta to take the right away again.",
	"anthropic":        "In Claude: open the chat, project or artifact, Share, set it to private.",
	"openai":           "Ask who administers OpenAI's organisation to take the right away again.",
	"aws_cloudtrail": "In AWS: undo the change (Block Public Access of the bucket, the rule of the security group, the attached " +
		"policy), or ask the cloud team.",
}

// MakeOwners returns the lists of all users with open exposures, without service accounts, by
// user; of one user if only is not empty.
func MakeOwners(in *Input, only string) []Owner {
	by := map[string]*Owner{}
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if a.Health || a.Service || a.User == "" || a.Severity < alert.Low || only != "" && !strings.EqualFold(a.User, only) {
			continue
		}
		for _, x := range a.Exposures {
			if x.Closed != nil {
				continue
			}
			o := by[a.User]
			if o == nil {
				o = &Owner{User: a.User, Made: in.Reported}
				by[a.User] = o
			}

			var how []string
			for _, s := range a.Sources {
				if h := howToClose[s]; h != "" {
					how = append(how, h)
				}
			}

			o.Items = append(o.Items, OwnerItem{
				clean(x.What),
				x.Opened,
				int(in.Now.Sub(x.Opened).Hours() / 24),
				cmp.Or(strings.Join(how, " "), "Undo it, or ask an administrator."),
				a.ID,
			})
		}
	}

	list := []Owner{}
	for _, o := range by {
		slices.SortFunc(o.Items, func(a, b OwnerItem) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.What, b.What)) })
		list = append(list, *o)
	}

	slices.SortFunc(list, func(a, b Owner) int { return cmp.Compare(a.User, b.User) })
	return list
}

// Headline returns what the list is about in one line.
func (o *Owner) Headline() string {
	return plural(len(o.Items), "thing") + " that you have opened to others and that nobody has closed"
}
