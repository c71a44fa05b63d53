package detect

import (
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/event"
)

const (
	hourMS = int64(3_600_000)
	dayMS  = 24 * hourMS
)

// Enriched is an event in the light of what its person did before. Detectors read it.
type Enriched struct {
	*event.Event
	Person string

	First     bool    // the first time today that this is done with the object
	Repeat    bool    // it was done with the object before today: it does not count again
	Fresh     bool    // the person never touched the object before today
	PlaceAge  int     // days since the person first touched the container; 0 on the first day
	Sensitive bool    // by label, or by the names of object and container
	OffHours  bool    // at an hour or on a day at which the person hardly ever works
	Connected bool    // through a connected application, not by hand
	RareApp   bool    // an application that hardly anybody else here uses
	Strange   bool    // from a network that was new to person and organisation within two days
	Rows      float64 // rows taken, each execution once
	Export    bool    // the first record of an export

	External, Internal, Unknown, Own int // recipients that are new to the object today, by kind
	NewRecipients                    int // of them, new to the person

	NewNetwork bool // the network is new to person and organisation today
	NewCountry bool // the country is new to the person today
	NewAgent   bool // the kind of client is new to the person today
	NewApp     bool // the application is new to the organisation today
	Failures   int  // failed sign-ins from the same address within the day before
	Silent     int  // days without any activity before today

	SharedAfterDownload, DeletedAfterDownload bool
	Stages                                    int // steps from collecting to cleaning up that the object has gone through within three days, this one included

	Forbidden  string // a recipient at a domain that the configuration forbids
	Foreign    string // a recipient outside the organisation's cloud accounts
	TopLabel   bool   // the object has a label of the highest tier
	Unlabelled bool   // its label was lowered or taken off within three days
	NewDevice  bool   // the device was new to the person within a week
	Refused    int    // pushes refused within ten minutes; on a sign-in, those of the half hour before
	Brief      int64  // how long a right was held that is taken away within a day; 0 if longer
	AfterLast  int64  // how long the last working day has been over; 0 if it is not
	Leaving    bool   // the person is leaving
}

// What was done to an object today.
const (
	didDownload = 1 << iota
	didShare
	didDelete
	didSync
	didApp
	didRead // from an object store
	didClone
	didPublish
	sequenceShared
	sequenceDeleted
)

// Domains of a novelty key: sets of different things share one map.
const (
	ofItem = iota + 1
	ofPlace
	ofRecipient
	ofNetwork
	ofCountry
	ofAgent
	ofApp
	ofDomain
	ofPair
	ofExecution
	ofUser
	ofExposure
	ofDevice
	ofAccount
	ofWindow
	stepTaken   // steps of a sequence, by item
	stepHidden  // renamed
	stepLowered // its label lowered or taken off
	stepOut     // shared out
)

// hash is the key of a thing in a novelty set.
func hash(kind int, parts ...string) uint64 {
	h := uint64(kind) * 0x9e3779b97f4a7c15
	for _, p := range parts {
		h = mix(h, xxhash.Sum64String(p))
	}
	return h | 1
}

// hashed is hash of one part, by the part's XXH64.
func hashed(kind int, sum uint64) uint64 { return mix(uint64(kind)*0x9e3779b97f4a7c15, sum) | 1 }

func mix(h, sum uint64) uint64 {
	h = bits.RotateLeft64(h, 23) ^ sum
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}

// object is the key of the object of an event.
func object(e *event.Event) uint64 {
	if e.Object.ID != "" {
		return hash(ofItem, e.Source.String(), e.Object.ID)
	}
	if e.Object.Name == "" && e.Object.Container == "" {
		return 0
	}
	return hash(ofItem, e.Source.String(), e.Object.Container, e.Object.Name)
}

// network is the /16 of an IPv4 address or the /32 of an IPv6 address: about
// what one provider uses in one place.
func network(ip string) string {
	if i := strings.IndexByte(ip, '.'); i > 0 {
		if j := strings.IndexByte(ip[i+1:], '.'); j > 0 {
			return ip[:i+1+j]
		}
	}
	if i := strings.IndexByte(ip, ':'); i > 0 {
		if j := strings.IndexByte(ip[i+1:], ':'); j > 0 {
			return ip[:i+1+j]
		}
	}
	return ip
}

// family is the key of a user agent without its version numbers.
func family(agent string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(agent); i++ {
		if c := agent[i]; c != '.' && (c < '0' || c > '9') {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return h | 1
}

// fileStore says whether a source is one that people keep files in.
func fileStore(s event.Source) bool {
	return s == event.Box || s == event.M365 || s == event.GoogleWorkspace || s == event.Dropbox
}

// clients are the vendors' own applications through which people work, by their
// published ids: what they do is the person's doing.
var clients = map[string]bool{
	"d3590ed6-52b3-4102-aeff-aad2292ab01c": true, // Microsoft Office
	"08e18876-6177-487e-b8b5-cf950c1e598c": true, // SharePoint Online Web Client Extensibility
	"00000003-0000-0ff1-ce00-000000000000": true, // SharePoint Online
	"00000002-0000-0ff1-ce00-000000000000": true, // Exchange Online
	"ab9b8c07-8f02-4f72-87fa-80105867a763": true, // OneDrive sync engine
	"1fec8e78-bce4-4aaf-ab1b-5451cc387264": true, // Microsoft Teams
	"5e3ce6c0-2b1f-4285-8d4b-75ee78787346": true, // Microsoft Teams web client
	"4765445b-32c6-49b0-83e6-1d93765276ca": true, // OfficeHome
	"691301496089":                         true, // Google Drive on the web
}

// automation are applications that read on somebody's behalf without being told
// to each time. They are no rarity, whoever uses them first.
var automation = map[string]bool{
	"fb8d773d-7ef8-4ec0-a117-179f88add510": true, // Enterprise Copilot Platform
	"7ab7862c-4c57-491e-8a45-d52a7e023983": true, // App Service
	"31359c7f-bd7e-475c-86db-fdb8c937548e": true, // PnP Management Shell
}

// bare is an OAuth client id without what Google appends to it.
func bare(app string) string { return strings.TrimSuffix(app, ".apps.googleusercontent.com") }

// sensitive says whether names or a label mark something as worth protecting.
// The words are what organisations the world over call such things; a label
// other than the public ones always does.
func sensitive(o *event.Object) bool {
	if o.Label != "" {
		switch strings.ToLower(o.Label) {
		case "public", "general", "unrestricted", "non-business", "personal", "none":
		default:
			return true
		}
	}
	return sensitiveName(o.Container) || sensitiveName(o.Name)
}

// sensitiveName looks for a word of the list in a name, at the beginning of a
// word of the name.
func sensitiveName(name string) bool {
	start := true
	for i := 0; i < len(name); i++ {
		c := name[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if start && letter {
			for _, w := range sensitiveWords[c-'a'] {
				if len(name)-i >= len(w) && strings.EqualFold(name[i:i+len(w)], w) {
					return true
				}
			}
		}
		start = !letter && name[i] < 0x80
	}
	return false
}

// sensitiveWords are by first letter.
var sensitiveWords = func() (by [26][]string) {
	for _, w := range strings.Fields(`confidential secret restricted classified proprietary privileged payroll salar compensation remuneration bonus severance gehalt gehälter salaire nomina
		board merger acquisition takeover divestiture due-diligence diligence litigation lawsuit settlement legal-hold contract agreement treasury audit revenue forecast pricing price-list margin earnings
		investor fundrais cap-table valuation strateg roadmap-confidential customer-data customer-list customer-export client-list crm-export pii phi gdpr passport ssn tax
		employee-record personnel performance-review disciplinary termination hr-case medical patient health-record source-code credential password secrets private-key vault backup dump
		security-assess pentest penetration vulnerabilit incident-report finance financ invoice bank`) {
		i := w[0] - 'a'
		by[i] = append(by[i], w)
		if strings.Contains(w, "-") { // names also write it with a space, an underscore or nothing
			for _, sep := range []string{" ", "_", ""} {
				by[i] = append(by[i], strings.ReplaceAll(w, "-", sep))
			}
		}
	}
	return by
}()

// namesSelf says whether an address outside looks like the person's own: its
// local part holds the names that the person's address is made of.
func namesSelf(person, address string) bool {
	local, _, ok := strings.Cut(address, "@")
	mine, _, ok2 := strings.Cut(person, "@")
	if !ok || !ok2 {
		return false
	}
	fold := func(t string) string {
		return strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' {
				return c
			}
			return -1
		}, strings.ToLower(t))
	}
	local = fold(local)
	for part := range strings.FieldsFuncSeq(mine, func(c rune) bool { return c == '.' || c == '_' || c == '-' || c == '+' }) {
		if part = fold(part); len(part) >= 4 && strings.Contains(local, part) {
			return true
		}
	}
	return len(mine) >= 4 && strings.Contains(local, fold(mine)) && len(fold(mine)) >= 4
}
