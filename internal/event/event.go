// Package event holds what ingest passes to detect: one normalised audit event, and its stored
// form.
//
// An event states a fact in the vendor's words, arranged in the same way for every vendor. It
// carries no judgement: detect decides whether a recipient matters or a number is large. Field
// names follow OCSF and ECS where they have a word for it.
package event

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Source is the audit log that an event comes from.
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
	Anthropic
	OpenAI
	sourceCount
)

var sourceNames = [sourceCount]string{
	"", "aws_cloudtrail", "m365", "google_workspace", "box", "salesforce", "okta", "slack", "github",
	"dropbox", "hr", "atlassian", "zoom", "snowflake", "anthropic", "openai",
}

// Sources returns all sources, in order.
func Sources() []Source {
	var all []Source
	for s := CloudTrail; s < sourceCount; s++ {
		all = append(all, s)
	}
	return all
}

// String returns the short name that configuration, output and docs use.
func (s Source) String() string {
	if s < sourceCount {
		return sourceNames[s]
	}
	return "unknown"
}

// SourceNamed returns the source with a short name; NoSource if there is none.
func SourceNamed(name string) Source {
	if i := slices.Index(sourceNames[:], name); i > 0 {
		return Source(i)
	}
	return NoSource
}

// Title returns the source's name for people.
func (s Source) Title() string {
	return [...]string{
		"", "AWS", "Microsoft 365", "Google Workspace", "Box", "Salesforce", "Okta", "Slack", "GitHub",
		"Dropbox", "HR", "Atlassian", "Zoom", "Snowflake", "Anthropic", "OpenAI",
	}[min(s, sourceCount-1)]
}

// Class is the kind of action, the same for every vendor.
type Class uint8

// The action classes. The order is part of the stored format: append only.
const (
	Other           Class = iota // not mapped; kept and counted by name
	LoginSuccess                 // a sign-in succeeded
	LoginFailure                 // a sign-in failed; the outcome is Failure only if the name, password or code was wrong
	Logout                       // a session ended
	MFAChallenge                 // a second factor was asked for or given
	MFADenied                    // the person refused a push
	AccountLocked                // the service locked the account
	AppAccess                    // single sign-on into an application
	View                         // opened or previewed, nothing taken
	Edit                         // content was changed
	Download                     // content left the service: file download, object read
	Sync                         // a sync client fetched content
	Upload                       // content was added
	Delete                       // content was deleted
	Copy                         // content was copied
	Rename                       // an object was renamed or moved
	List                         // names were listed, without content
	ShareUser                    // access given to named recipients
	ShareLink                    // visibility changed: a link or a publication
	Unshare                      // access taken away, link removed
	ReportRun                    // a report was viewed
	Export                       // rows or files were exported
	Query                        // rows were returned through an API
	Clone                        // a repository was cloned or downloaded whole
	Fetch                        // new commits were fetched
	Push                         // commits were pushed
	CloudRead                    // a read of cloud configuration
	CloudChange                  // any other change of cloud configuration
	NetworkOpen                  // an ingress rule was added
	NetworkClose                 // an ingress rule was removed
	PolicyChange                 // a resource policy or ACL was set; Visibility says what it grants
	GuardChange                  // a public-access block was set or removed
	AdminGrant                   // an administrative role or policy was granted
	AdminRevoke                  // an administrative role or policy was taken away
	PermissionGrant              // any other right
	TokenGrant                   // an application was authorised, a key or token created
	TokenRevoke                  // an application's access, a key or a token was revoked
	MailRule                     // a mail rule or forwarding was set
	ConfigChange                 // a setting of the service was changed
	Tamper                       // logging or auditing was switched off or narrowed
	MFADisabled                  // a factor was removed or reset
	MembershipAdd                // an account was added to a group, channel or site
	Offboard                     // an account was disabled or deleted
	VendorAlert                  // the vendor's own detection
	Person                       // HR: facts about a person
	Notice                       // HR: a person gave notice
	Derived                      // a consequence of another event that is logged on its own
	LabelChange                  // a sensitivity label was set, lowered or removed
	MFAEnabled                   // a factor was enrolled
	SourceGap                    // of a source itself: a part of it could not be read
	SourceLate                   // of a source itself: events arrived later than is usual for it
	NamesLeftOut                 // of a source itself: outsiders created more names than are stored
	MailRead                     // messages were opened or synchronised; Items, or a whole folder
	DeviceCopy                   // a file was taken off a device; AttrChannel says by which way
	Assistant                    // an AI assistant answered a person; the object is what it read
	Print                        // content was printed
	Inherited                    // access that an object got because a folder above it did, logged on its own
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
	"mail_read", "device_copy", "assistant", "print", "inherited",
}

// Actions of events of class SourceGap.
const (
	Gone    = "gap"     // what is missing will not come
	Failing = "failing" // what is missing may still come
	Ahead   = "ahead"   // records were dead-lettered: they are dated too far ahead

	Undecoded = "undecoded" // many records of a source could not be decoded
)

// Object types of SourceGap that are not streams of a vendor. The event has no source.
const (
	Stream = "stream" // a stream of a source; the object's name is the stream's
	Folder = "folder" // a watched folder; the object's name is its path
	Disk   = "disk"   // ingestion is paused: the disk has too little space
	Part   = "part"   // a part of the program; the object's name says which
)

// Actions of events of class NamesLeftOut.
const (
	LeftNames  = "failed sign-ins" // what was stored about accounts that never signed in successfully was dropped
	LeftGuests = "guests"          // events of new outsiders were dropped
)

// String returns the class's name in output and docs.
func (c Class) String() string {
	if c < classCount {
		return classNames[c]
	}
	return "unknown"
}

// ClassNamed returns the class with a name, and whether there is one.
func ClassNamed(name string) (Class, bool) {
	i := slices.Index(classNames[:], name)
	return Class(max(i, 0)), i >= 0
}

// ActorKind is the kind of principal that acted.
type ActorKind uint8

// The kinds of actor. The order is part of the stored format.
const (
	Unknown   ActorKind = iota // not stated
	Human                      // a person
	Service                    // a service account, machine or pipeline
	App                        // an application acting by itself
	System                     // the vendor's own machinery
	Anonymous                  // without a sign-in
	Support                    // the vendor's staff
	Outsider                   // a party of another organisation, in what a person gave it access to; set by entity resolution
)

var kindNames = [...]string{"unknown", "human", "service", "app", "system", "anonymous", "support", "outsider"}

// String returns the kind's name in output and docs.
func (k ActorKind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// placeMark is in the name of every place.
const placeMark = ":public/"

// PlaceName returns the name under which it is told what happens in a container without a
// sign-in, where nobody is known who opened it to anybody. It is no account.
func PlaceName(s Source, container string) string { return s.String() + placeMark + container }

// IsPlace reports whether a name is one that PlaceName returned.
func IsPlace(name string) bool { return strings.Contains(name, placeMark) }

// Nobody reports whether a stored event was done without a sign-in by somebody who has no name at
// all.
func Nobody(rec []byte) bool {
	if RecordKind(rec) != Anonymous {
		return false
	}
	account, _ := RecordActor(rec)
	return account == ""
}

// Outcome is whether the action took effect.
type Outcome uint8

// The outcomes. The order is part of the stored format.
const (
	Success        Outcome = iota // it took effect
	Failure                       // it failed
	Denied                        // it was not allowed
	UnknownOutcome                // not stated
)

// Visibility is who can reach an object.
type Visibility uint8

// The visibilities, from narrow to wide. The order is part of the stored format.
const (
	NoVisibility Visibility = iota // not stated
	Private                        // the owner alone
	Internal                       // the organisation, or people in it
	External                       // named outsiders
	PublicLink                     // everyone who has the link
	Public                         // everyone
)

var visibilityNames = [...]string{"", "private", "internal", "external", "public_link", "public"}

// String returns the visibility's name in output and docs; "" if it is not stated.
func (v Visibility) String() string { return visibilityNames[min(int(v), len(visibilityNames)-1)] }

// Scope is a recipient's relation to the organisation.
type Scope uint8

// The scopes. The order is part of the stored format.
const (
	ScopeUnknown  Scope = iota // not known
	ScopeInternal              // a person or domain of the organisation
	ScopeExternal              // anyone else who is named
	ScopeAnyone                // everyone, without a sign-in
)

// Event is one fact from an audit log. Strings may share memory with the buffer that the event
// was decoded from: Clone an event to keep it.
type Event struct {
	ID string // the vendor's id of the record; may be empty or not unique
	// Identity for deduplication: equal for repeats of a record, and only for them.
	Key     uint64
	Source  Source      // the audit log
	Tenant  string      // account, organisation or enterprise id
	Time    int64       // when it happened, Unix milliseconds
	Actor   Actor       // who acted
	Action  string      // the vendor's name of the action, unchanged
	Class   Class       // kind of action
	Object  Object      // what was acted on
	To      []Recipient // who received access, rights or mail
	Before  Visibility  // of the object before the action; NoVisibility if not stated
	After   Visibility  // of the object after the action; NoVisibility if not stated
	Rows    int64       // returned or exported; RowsUnknown if there were some, of unknown number
	Bytes   int64       // taken; 0 if not stated
	Items   int64       // taken in one event; 0 stands for 1
	Client  Client      // where the action came from
	Outcome Outcome     // whether it took effect
	Attrs   []Attr      // further facts that detectors read; see AttrRule and so on
	// Zoneless means that the record states no zone: Time is taken as UTC, and the hour of the
	// day is not known.
	Zoneless bool
}

// RowsUnknown is the value of Event.Rows where there were some rows, of unknown number.
const RowsUnknown = -1

// Actor is who acted, as the vendor names them.
type Actor struct {
	Account    string    // canonical: an e-mail address in lower case, or "source:id"
	Alias      string    // another account of the same person in the record; may be empty
	Name       string    // display name; may be empty
	Kind       ActorKind // of principal
	OnBehalfOf string    // the account acted for by delegation or login-as, or that a role's session names; may be empty
	Guest      bool      // an outsider; set by entity resolution
}

// Object is what was acted on.
type Object struct {
	ID        string // stable id; empty if container and name identify it
	Type      string // file, folder, report, repository, bucket, user, case (of eDiscovery, opened) …
	Name      string // for people
	Container string // folder, site, drive, bucket, repository owner or project
	Owner     string // account of the owner; may be empty
	Label     string // sensitivity label or classification; may be empty
	Size      int64  // bytes; 0 if not stated
	Folder    bool   // a whole folder, of unknown size
}

// Recipient is who received something.
type Recipient struct {
	Account    string // as Actor.Account; a domain with a leading "@"; "*" for everyone
	Department string // of people of the organisation, if HR's files have it
	Scope      Scope  // relation to the organisation
}

// Client is where an action came from.
type Client struct {
	IP      string // an address, or empty
	Agent   string // user agent as sent
	Country string // as the vendor located the address; may be empty
	App     string // id or name of an application acting for the person; may be empty
	Session string // the vendor's id; may be empty
	Device  string // the vendor's id or name; may be empty
}

// Attr is a named fact.
type Attr struct {
	Name  string // one of AttrRule and so on
	Value string // as described there
}

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
	AttrPosition   = "position"    // HR: first day in the present position, 2006-01-02
	AttrLastDay    = "last_day"    // HR: last working day, 2006-01-02
	AttrDepartment = "department"  // HR: of the person
	AttrTitle      = "title"       // HR: of the person
	AttrManager    = "manager"     // HR: account of the manager
	AttrLocation   = "location"    // HR: city
	AttrCountry    = "country"     // HR: ISO 3166 code or name
	AttrAlias      = "alias"       // HR: another account of the person; may repeat
	AttrReason     = "reason"      // why an action failed, or what a vendor's alert reports
	AttrRecords    = "records"     // of a source itself: how many records it is about
	AttrTarget     = "target"      // what a change was made to, where the object is something else
	AttrThrottled  = "throttled"   // the vendor stopped counting: the volume is a lower bound
	AttrPermission = "permissions" // what was permitted
	AttrAppName    = "app_name"    // display name of Client.App
	AttrPolicy     = "policy"      // what a setting governs: "sharing", "authentication", "logging" or "mail"
	AttrRuleMatch  = "rule_match"  // a rule of the organisation that the record satisfies: its id, and fields for correlations
	AttrFrom       = "from"        // beginning of a gap, RFC 3339
	AttrUntil      = "until"       // end of a gap, RFC 3339
	AttrNew        = "new"         // of a delivery: how many events were new
	AttrLate       = "late"        // how many of them were older than events that had come before
	AttrLag        = "lag"         // how late they were: the 99th percentile, in milliseconds
	AttrUsual      = "usual"       // the usual lag of the source, in milliseconds
	AttrAttempts   = "attempts"    // of the first event of an account: failed sign-ins before it; see JoinAttempts
	AttrChannel    = "channel"     // how a file was taken off a device, or a report out: see ChannelRemovable and so on
	AttrSigned     = "signed"      // "link": authorised by a signature in the link, whoever sent the request
	AttrReach      = "reach"       // whose data or accounts are concerned: see ReachOrganization and so on
	AttrEffect     = "effect"      // of a change, if the record states it: "weaker" or "stronger"
	AttrFolder     = "folder"      // the folder that an object is in: a path with a leading slash, or the vendor's id of it
	AttrSeverity   = "severity"    // of a vendor's alert, as the vendor calls it, if the record states it
	AttrOwnDomain  = "own_domain"  // a domain that the record states to be the tenant's own
)

// Values of AttrPermission for applications.
const (
	SignInAsApp = "sign in as the application" // of a new secret or certificate
	AppOnly     = "without a user"             // of scopes that reach everybody's data
)

// Values of AttrChannel.
const (
	ChannelRemovable = "removable" // copied to removable media
	ChannelWeb       = "web"       // uploaded to a website or cloud service, or pasted into one
	ChannelPrinter   = "printer"   // printed
	ChannelNetwork   = "network"   // copied to a network share
	ChannelRemote    = "remote"    // copied to a remote desktop session
	ChannelBluetooth = "bluetooth" // sent over Bluetooth
	ChannelClipboard = "clipboard" // copied to the clipboard
)

// Values of AttrReach.
const (
	ReachOrganization = "organization" // everybody's
	ReachOthers       = "others"       // other people's than the actor's
	ReachOutside      = "outside"      // partly another organisation's
)

// Attempt is a failed sign-in.
type Attempt struct {
	_  struct{} `cbor:",toarray"`
	At int64    // Unix milliseconds
	IP uint64   // XXH64 of the address
}

// JoinAttempts returns attempts as the value of AttrAttempts.
func JoinAttempts(list []Attempt) string {
	b := make([]byte, 0, 16*len(list))
	for _, f := range list {
		b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(f.At)), f.IP)
	}
	return string(b)
}

// SplitAttempts reads the value of AttrAttempts. Bytes at the end that are no whole attempt are
// dropped.
func SplitAttempts(value string) (list []Attempt) {
	for b := []byte(value); len(b) >= 16; b = b[16:] {
		list = append(list, Attempt{At: int64(binary.LittleEndian.Uint64(b)), IP: binary.LittleEndian.Uint64(b[8:])})
	}
	return list
}

// Attr returns the value of the first attribute with a name, or "".
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
