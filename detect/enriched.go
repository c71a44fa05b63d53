package detect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// Enriched is an event in the light of what its person did before. What it has of the event
// must not be changed, nor kept beyond the call.
type Enriched struct {
	*event.Event
	Person string // the name of the person who acts

	Unsigned   bool    // done without a sign-in, in what the person opened or owns, or in a place
	ByOutsider bool    // of what is Unsigned: done by a party of another organisation, to which the person gave access
	First      bool    // the first time today that this is done with the object
	Repeat     bool    // it was done with the object earlier today: it does not count again
	Fresh      bool    // the person never touched the object before today
	PlaceAge   int     // days since the person first touched the container; 0 on the first day
	Sensitive  bool    // by label, or by the names of the object and of what it is in
	OffHours   bool    // at an hour or on a day at which the person hardly ever works
	Connected  bool    // through a connected application, not by hand
	RareApp    bool    // an application that hardly anyone else here uses
	Strange    bool    // from a network that was new to person and organisation within two days
	Unusual    bool    // from a network that was new to the person within two days
	Rows       float64 // rows taken, each execution once
	// Sensitivity is Sensitive by degrees, from 0 to 1: 1 with a label, and lexicon.Enough or more if it
	// is Sensitive.
	Sensitivity float64
	// LikelyRows are the rows of the report that was run just before an export of which no log
	// states how many rows it has. They count, but are not told.
	LikelyRows float64
	Export     bool // the first record of an export
	Wide       bool // an export of what a search of the whole organisation found
	Unsized    bool // an export of a number of rows that no log states

	// Reach is how many files these logs have named below the folder, site or drive that is shared: a lower
	// bound, and 0 if nothing is known of what is below it.
	Reach   int
	Through bool // below a place to which the person gave themselves the right within three days

	External, Internal, Unknown, Own int // recipients that are new to the object today, by kind
	NewRecipients                    int // of them, new to the person

	NewNetwork bool // the network is new to person and organisation today
	NewCountry bool // the country is new to the person today
	NewAgent   bool // the kind of client is new to the person today
	NewApp     bool // the application is new to the organisation today
	UnseenApp  bool // no log has named the application before today, however little is known
	Failures   int  // failed sign-ins from the same address within the day before
	Silent     int  // days without any activity before today

	SharedAfterDownload  bool // the person downloaded the object within three days, and shares it
	DeletedAfterDownload bool // the same, and deletes it
	// Stages are the steps from collecting to cleaning up that the object has gone through
	// within three days, this one included.
	Stages int

	Party      Party  // the strangest party that receives something
	Forbidden  string // a recipient at a domain that the configuration forbids
	Foreign    string // a recipient in the cloud that is neither the organisation's own nor long known; see ForeignParty
	TopLabel   bool   // the object has a label of the highest tier
	Unlabelled bool   // its label was lowered or taken off within three days
	NewDevice  bool   // the device was new to the person within a week
	Refused    int    // pushes refused within ten minutes; on a sign-in, those of the half hour before
	Brief      int64  // how long a right was held that is taken away within a day, milliseconds; 0 if longer
	// How long the last working day has been over, milliseconds; 0 if it is not, or if the person goes
	// on as in the weeks before it.
	AfterLast int64
	Unlike    string // how it is unlike the weeks before the last working day, in words; may be empty
	Leaving   bool   // the person has given notice, or left lately
}

// Signed says whether the request was authorised by a signature in its link: whoever had the link
// could send it.
func (a *Enriched) Signed() bool {
	return a.Source == event.CloudTrail && len(a.Attrs) > 0 && a.Attr(event.AttrSigned) != ""
}

// Outsider is the first recipient outside; "" if there is none.
func (a *Enriched) Outsider() string {
	for i := range a.To {
		if a.To[i].Scope == event.ScopeExternal {
			return a.To[i].Account
		}
	}
	return ""
}

// LetsIn says whether outsiders are given everything below a folder, a site or a shared drive.
func (a *Enriched) LetsIn() bool {
	return a.Outcome == event.Success && a.Class == event.ShareUser && a.External > 0 && a.OpensBelow()
}

// OpensBelow says whether what is given reaches everything in it: a folder, a shared drive, a site.
func (a *Enriched) OpensBelow() bool {
	switch a.Object.Type {
	case "folder", "shared_drive", "web", "site":
		return true
	}
	return a.Object.Folder
}

// ForeignParty says in words who Foreign is: an account, an organisation or a part of one, a canonical
// user, or a person.
func (a *Enriched) ForeignParty() string {
	account, within, _ := strings.Cut(a.Foreign, "/")
	switch {
	case strings.Contains(account, "@"):
		return Quote(account)
	case strings.HasPrefix(account, "o-"):
		return "the organisation " + Quote(account)
	case strings.HasPrefix(within, "o-"):
		organization, unit, _ := strings.Cut(within, "/")
		if unit != "" {
			return "the unit " + Quote(unit) + " of the organisation " + Quote(organization) + " of the account " + Quote(account)
		}
		return "the organisation " + Quote(organization) + " of the account " + Quote(account)
	case len(account) > 32:
		return "the canonical user " + Quote(account)
	}
	return "the account " + Quote(account)
}

// Subject is the owner of the account that is changed: another user, or the person.
func (a *Enriched) Subject() string {
	if len(a.To) > 0 {
		return a.To[0].Account
	}
	return a.Person
}

// ObjectName is the name of the object; its id if it has none.
func (a *Enriched) ObjectName() string { return cmp.Or(a.Object.Name, a.Object.ID) }

// ItemName is the name of the object, with that of its container where it has one.
func (a *Enriched) ItemName() string {
	if a.Object.Container != "" && a.Source != event.M365 {
		return a.Object.Container + "/" + a.Object.Name
	}
	return a.Object.Name
}

// InConversation says whether the object is a file attached to a conversation.
func (a *Enriched) InConversation() bool { return a.Object.Type == "attachment" }

// AppName is the display name of the application; its id if it has none.
func (a *Enriched) AppName() string {
	if n := a.Attr(event.AttrAppName); n != "" {
		return n
	}
	return a.Object.Name
}

// Whole says whether what is exported is the whole organisation: every account, or every record.
func (a *Enriched) Whole() bool {
	return a.Object.Type == "organization" || a.Class == event.Export && a.Wide
}

// LabelLowered says whether a sensitivity label was lowered or taken off.
func (a *Enriched) LabelLowered() bool {
	return a.Class == event.LabelChange && a.Attr(event.AttrEffect) == "weaker"
}

// Role is the role that is granted or revoked, as the vendor calls it.
func (a *Enriched) Role() string { return a.Attr(event.AttrRole) }

// RightName names the right that is granted or revoked: what it comes to, if the log has more than a
// name of the organisation's own choice.
func (a *Enriched) RightName() string {
	if g := a.Attr(event.AttrGrant); strings.HasPrefix(g, "every") {
		return "the right to " + g + " (" + Quote(a.Role()) + ")"
	}
	return "the right " + Quote(a.Role())
}

// RightHeadline is RightName in a headline.
func (a *Enriched) RightHeadline() string {
	if g := a.Attr(event.AttrGrant); strings.HasPrefix(g, "every") {
		return "the right to " + g
	}
	return Named(a.Role())
}

// Receiver says in words who receives a right: "themselves" if it is the person who acts.
func (a *Enriched) Receiver() string { return a.receiver(Quote) }

// ReceiverNamed is Receiver in a headline.
func (a *Enriched) ReceiverNamed() string { return a.receiver(Named) }

func (a *Enriched) receiver(write func(name string) string) string {
	for i := range a.To {
		if a.To[i].Account == a.Person {
			return "themselves"
		}
	}
	if len(a.To) > 0 {
		return write(a.To[0].Account)
	}
	if a.Object.Name != "" && a.Object.Type != "role" {
		return write(a.Object.Name)
	}
	return "somebody"
}

// UnnamedGrant says whether an administrative right was granted that the log does not name.
func (a *Enriched) UnnamedGrant() bool {
	return a.Outcome == event.Success && a.Class == event.AdminGrant && a.Role() == "" && a.Attr(event.AttrGrant) == ""
}

// TopGrant says whether full control was granted.
func (a *Enriched) TopGrant() bool {
	if a.Outcome != event.Success || a.Class != event.AdminGrant {
		return false
	}
	if a.Attr(event.AttrGrant) != "" {
		return true
	}
	for r := range strings.SplitSeq(strings.ToLower(a.Role()), ",") { // Okta names several at once
		if fullControl(strings.TrimSpace(r)) {
			return true
		}
	}
	return false
}

// minorRoles and fullRoles are parts of the names of roles: of those that are not over
// everything, whatever else they are called, and of those that are.
var (
	minorRoles = []string{
		"readonly", "read only", "reader", "viewer", "view", "auditor", "helpdesk", "help desk", "billing", "reports", "support",
		"security_reader", "user administrator", "groups", "services", "guest",
	}
	fullRoles = []string{
		"administratoraccess", "global administrator", "super", "org_admin", "organization administrator", "_seed_admin", "root", "owner",
		"poweruser", "full access", "privileged", "company administrator", "iamfullaccess", "application administrator", "app_admin",
	}
	// highestRoles are those above which there is none.
	highestRoles = []string{
		"administratoraccess", "global administrator", "company administrator", "super", "org_admin", "organization administrator",
		"_seed_admin", "owner",
	}
)

// fullControl says whether the name of a role, in small letters, is that of one over
// everything.
func fullControl(role string) bool {
	for _, minor := range minorRoles {
		if strings.Contains(role, minor) {
			return false
		}
	}
	for _, full := range fullRoles {
		if strings.Contains(role, full) {
			return true
		}
	}
	return role == "admin" || role == "administrator" || role == "admins" || role == "administrators" || role == "fullaccess"
}

// HighestGrant says whether full control was granted by a role above which the service has none.
func (a *Enriched) HighestGrant() bool {
	if !a.TopGrant() {
		return false
	}
	if strings.HasPrefix(a.Attr(event.AttrGrant), "every") {
		return true
	}
	role := strings.ToLower(a.Role())
	return slices.ContainsFunc(highestRoles, func(s string) bool { return strings.Contains(role, s) }) ||
		a.Source == event.GitHub && role == "admin" || // of an organisation: its owner
		role == "administrators" || role == "admins" // a group, by its name
}

// FileStore says whether a source is one that people keep files in.
func FileStore(s event.Source) bool {
	return s == event.Box || s == event.M365 || s == event.GoogleWorkspace || s == event.Dropbox
}
