// Package event holds what crosses from ingest to detect: one normalised audit
// event, and how it is written as bytes for a log.
//
// An event states a fact in the vendor's words, arranged the same way for every
// vendor. It carries no judgement: whether a recipient matters, or a number is
// large, is decided in detect. Field names follow OCSF and ECS where those have
// a word for it.
package event

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Source is the audit log an event comes from.
type Source uint8

// The sources Outflow reads. The order is part of the stored format: append only.
const (
	NoSource Source = iota
	CloudTrail
	M365
	GoogleWorkspace
	Box
	Salesforce
	Okta
	Slack
	GitHub
	Dropbox
	HR
	Atlassian
	Zoom
	Snowflake
	sourceCount
)

var sourceNames = [sourceCount]string{
	"", "aws_cloudtrail", "m365", "google_workspace", "box", "salesforce", "okta", "slack", "github",
	"dropbox", "hr", "atlassian", "zoom", "snowflake",
}

// Sources lists all sources in order.
func Sources() []Source {
	var all []Source
	for s := CloudTrail; s < sourceCount; s++ {
		all = append(all, s)
	}
	return all
}

// String is the source's name in configuration, output and docs.
func (s Source) String() string {
	if s < sourceCount {
		return sourceNames[s]
	}
	return "unknown"
}

// SourceNamed is the source with a name as String gives it; NoSource if there is none.
func SourceNamed(name string) Source {
	if i := slices.Index(sourceNames[:], name); i > 0 {
		return Source(i)
	}
	return NoSource
}

// Title is the source's name for people.
func (s Source) Title() string {
	return [...]string{
		"", "AWS", "Microsoft 365", "Google Workspace", "Box", "Salesforce", "Okta", "Slack", "GitHub",
		"Dropbox", "HR", "Atlassian", "Zoom", "Snowflake",
	}[min(s, sourceCount-1)]
}

// Class is the kind of action, the same for every vendor.
type Class uint8

// The action classes. The order is part of the stored format: append only.
const (
	Other Class = iota // not mapped; kept and counted by name
	LoginSuccess
	LoginFailure
	Logout
	MFAChallenge    // a second factor was asked for or given
	MFADenied       // the person refused a push
	AccountLocked   //
	AppAccess       // single sign-on into an application
	View            // opened or previewed, nothing taken
	Edit            //
	Download        // content left the service: file download, object read
	Sync            // a sync client fetched content
	Upload          //
	Delete          //
	Copy            //
	Rename          //
	List            // names were listed, no content
	ShareUser       // access given to named recipients
	ShareLink       // visibility changed: a link or a publication
	Unshare         // access taken away, link removed
	ReportRun       // a report was run on screen
	Export          // rows or files were exported on purpose
	Query           // rows were returned through an API
	Clone           // a repository was cloned or downloaded whole
	Fetch           // new commits were fetched
	Push            //
	CloudRead       // a read of cloud configuration
	CloudChange     // any other change of cloud configuration
	NetworkOpen     // an ingress rule was added
	NetworkClose    // an ingress rule was removed
	PolicyChange    // a resource policy or ACL was set; Visibility says what it grants
	GuardChange     // a public-access block was set or removed
	AdminGrant      // an administrative role or policy was granted
	AdminRevoke     //
	PermissionGrant // any other right
	TokenGrant      // an application was authorised, a key or token created
	TokenRevoke     //
	MailRule        // a mail rule or forwarding was set
	ConfigChange    // a setting of the service was changed
	Tamper          // logging or auditing was switched off or narrowed
	MFADisabled     // a factor was removed or reset
	MembershipAdd   // somebody was added to a group, channel or site
	Offboard        // an account was disabled or deleted
	VendorAlert     // the vendor's own detection
	Person          // HR: who somebody is
	Notice          // HR: somebody gave notice
	Derived         // a consequence of another event that is logged by itself
	LabelChange     // a sensitivity label was set, lowered or removed
	MFAEnabled      // a factor was enrolled
	SourceGap       // of a source itself: a stretch of it could not be read
	SourceLate      // of a source itself: what came of it was older than what had come before
	NamesLeftOut    // of a source itself: outsiders made more names than are kept
	classCount
)

var classNames = [classCount]string{
	"other", "login_success", "login_failure", "logout", "mfa_challenge", "mfa_denied", "account_locked",
	"app_access",
	"view", "edit", "download", "sync", "upload", "delete", "copy", "rename", "list", "share_user",
	"share_link", "unshare", "report_run", "export", "query",
	"clone", "fetch", "push", "cloud_read", "cloud_change", "network_open", "network_close", "policy_change",
	"guard_change", "admin_grant", "admin_revoke",
	"permission_grant", "token_grant", "token_revoke", "mail_rule", "config_change", "tamper",
	"mfa_disabled", "membership_add", "offboard", "vendor_alert", "person", "notice", "derived",
	"label_change", "mfa_enabled", "source_gap", "source_late", "names_left_out",
}

// Actions of SourceGap.
const (
	Gone    = "gap"     // what is missing will not come
	Failing = "failing" // it may come yet
	Ahead   = "ahead"   // records were left out: they are dated further ahead than clocks go wrong

	Undecoded = "undecoded" // much of what came through a source could not be decoded
)

// Types of the objects of SourceGap that are no streams of a vendor: the event has no source.
const (
	Folder = "folder" // the object's name is its path
	Disk   = "disk"   // intake stands still because there is too little room on it
	Part   = "part"   // of the program: the object's name says which
)

// Actions of NamesLeftOut.
const (
	LeftNames  = "failed sign-ins" // of names that have only failed: what was known of them
	LeftGuests = "guests"          // events of outsiders who are new
)

// String is the class's name in output and docs.
func (c Class) String() string {
	if c < classCount {
		return classNames[c]
	}
	return "unknown"
}

// ActorKind says what kind of principal acted.
type ActorKind uint8

// The kinds of actor. The order is part of the stored format.
const (
	Unknown   ActorKind = iota
	Human               //
	Service             // a service account, machine or pipeline
	App                 // an application acting by itself
	System              // the vendor's own machinery
	Anonymous           // nobody signed in
	Support             // the vendor's staff
)

var kindNames = [...]string{"unknown", "human", "service", "app", "system", "anonymous", "support"}

// String is the kind's name in output and docs.
func (k ActorKind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// Outcome says whether the action took effect.
type Outcome uint8

// The outcomes. The order is part of the stored format.
const (
	Success Outcome = iota
	Failure
	Denied
	UnknownOutcome
)

// Visibility is who can reach an object.
type Visibility uint8

// The visibilities, from narrow to wide. The order is part of the stored format.
const (
	NoVisibility Visibility = iota // not stated
	Private
	Internal   // the organisation, or people in it
	External   // named outsiders
	PublicLink // anybody who has the link
	Public     // anybody
)

var visibilityNames = [...]string{"", "private", "internal", "external", "public_link", "public"}

// String is the visibility's name in output and docs.
func (v Visibility) String() string { return visibilityNames[min(int(v), len(visibilityNames)-1)] }

// Scope is where a recipient stands.
type Scope uint8

// The scopes. The order is part of the stored format.
const (
	ScopeUnknown  Scope = iota
	ScopeInternal       // the organisation's own person or domain
	ScopeExternal       // anybody else
	ScopeAnyone         // no sign-in needed
)

// Event is one fact from an audit log. Strings may share memory with the buffer
// an event was decoded from: Clone what is kept.
type Event struct {
	ID      string // the vendor's id of the record, as evidence names it; may be empty or not unique
	Key     uint64 // the identity for counting once: equal for repeats of one record, and only for those
	Source  Source
	Tenant  string // account, organisation or enterprise id
	Time    int64  // when it happened, Unix milliseconds UTC
	Actor   Actor
	Action  string // the vendor's name of the action, untouched
	Class   Class
	Object  Object
	To      []Recipient // who received access, rights or mail
	Before  Visibility  // of the object, before and after; NoVisibility if not stated
	After   Visibility
	Rows    int64 // rows returned or exported; -1 if some, but unknown how many
	Bytes   int64 // bytes taken; 0 if not stated
	Items   int64 // items taken in one event; 0 stands for 1
	Client  Client
	Outcome Outcome
	Attrs   []Attr // further facts a detector reads, named below
}

// Actor is who acted, as the vendor names them.
type Actor struct {
	Account    string // canonical: an e-mail address in lower case, or "source:id"
	Alias      string // a second account of the same person that the record carries, or empty
	Name       string // display name, or empty
	Kind       ActorKind
	OnBehalfOf string // the account acted for: login-as, delegation
	Guest      bool   // an outsider; known once it is known whose the account is
}

// Object is what was acted on.
type Object struct {
	ID        string // stable id; empty if container and name identify it
	Type      string // file, folder, report, repository, bucket, user …
	Name      string // as people see it
	Container string // folder, site, drive, bucket, repository owner or project
	Owner     string
	Label     string // sensitivity label or classification, or empty
	Size      int64  // bytes; 0 if not stated
	Folder    bool   // a whole folder, of unknown size
}

// Recipient is who received something.
type Recipient struct {
	Account    string // canonical, as Actor.Account; a domain with a leading "@"; "*" for anybody
	Department string // for the organisation's own people, when HR knows
	Scope      Scope
}

// Client is where an action came from.
type Client struct {
	IP      string // only if it is an address; otherwise empty
	Agent   string // user agent as sent
	Country string // as the vendor located it, or empty
	App     string // id or name of an application acting for the person, or empty
	Session string
	Device  string
}

// Attr is a named fact.
type Attr struct{ Name, Value string }

// Names of attributes.
const (
	AttrRule       = "rule"        // an ingress rule: "tcp/22-22 0.0.0.0/0"
	AttrRole       = "role"        // the role or policy granted
	AttrScopes     = "scopes"      // OAuth scopes, separated by spaces
	AttrGrant      = "grant"       // what a policy grants, in words
	AttrBlock      = "block"       // public-access block: "on", "off" or "partial"
	AttrReport     = "report"      // id of the report an export belongs to
	AttrExecution  = "execution"   // id of one execution or job; its records count once
	AttrChunk      = "chunk"       // the rows of this record add to those of its execution
	AttrStart      = "start"       // HR: first working day, 2006-01-02
	AttrLastDay    = "last_day"    // HR: last working day, 2006-01-02
	AttrDepartment = "department"  // HR
	AttrTitle      = "title"       // HR
	AttrManager    = "manager"     // HR
	AttrLocation   = "location"    // HR: city
	AttrCountry    = "country"     // HR: ISO 3166 code or name
	AttrAlias      = "alias"       // HR: another account of the person; may repeat
	AttrReason     = "reason"      // why something failed, or what a vendor's alert says
	AttrRecords    = "records"     // of a source itself: how many records it is about
	AttrTarget     = "target"      // what a change was made to, where the object is something else
	AttrThrottled  = "throttled"   // the vendor stopped counting: the volume is a lower bound
	AttrPermission = "permissions" // what was permitted
	AttrAppName    = "app_name"    // display name of Client.App
	AttrPolicy     = "policy"      // what a setting governs: "sharing", "authentication" or "logging"
	AttrRuleMatch  = "rule_match"  // a user's rule that the record satisfies: its id, and fields for correlations
	AttrFrom       = "from"        // of a gap, RFC 3339; its end is AttrUntil
	AttrUntil      = "until"
	AttrNew        = "new"      // of a delivery: how many events were new,
	AttrLate       = "late"     // how many of them older than what had come before,
	AttrLag        = "lag"      // by how many milliseconds at most, but for one in a hundred,
	AttrUsual      = "usual"    // and how many are usual
	AttrAttempts   = "attempts" // of the first event of an account: the failed sign-ins before it (Attempt)
	AttrEffect     = "effect"   // of a change, where the record tells: "weaker" or "stronger"
)

// Attempt is a failed sign-in.
type Attempt struct {
	_  struct{} `cbor:",toarray"`
	At int64    // Unix milliseconds
	IP uint64   // XXH64 of the address it came from
}

// JoinAttempts is the value of AttrAttempts.
func JoinAttempts(list []Attempt) string {
	b := make([]byte, 0, 16*len(list))
	for _, f := range list {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(f.At)), f.IP)
	}
	return string(b)
}

// SplitAttempts reads the value of AttrAttempts. What is left of a damaged one is dropped.
func SplitAttempts(value string) (list []Attempt) {
	for b := []byte(value); len(b) >= 16; b = b[16:] {
		list = append(list, Attempt{At: int64(binary.LittleEndian.Uint64(b)), IP: binary.LittleEndian.Uint64(b[8:])})
	}
	return list
}

// Attr returns the first attribute of a name, or "".
func (e *Event) Attr(name string) string {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return e.Attrs[i].Value
		}
	}
	return ""
}

// Clone returns a copy that shares no memory with the event.
func (e *Event) Clone() *Event {
	c := *e
	for _, s := range c.texts() {
		*s = strings.Clone(*s)
	}
	c.To = append([]Recipient(nil), e.To...)
	for i := range c.To {
		c.To[i].Account, c.To[i].Department = strings.Clone(c.To[i].Account), strings.Clone(c.To[i].Department)
	}
	c.Attrs = append([]Attr(nil), e.Attrs...)
	for i := range c.Attrs {
		c.Attrs[i] = Attr{strings.Clone(c.Attrs[i].Name), strings.Clone(c.Attrs[i].Value)}
	}
	return &c
}
