package alert

import "time"

// Item is one event that evidence rests on, as its log states it. What the log does not state is empty.
type Item struct {
	Time     time.Time `json:"time"`
	Source   string    `json:"source"`            // short name of the audit log
	Activity string    `json:"activity"`          // kind of action, the same for every vendor: download, share_user
	Action   string    `json:"action"`            // the vendor's name of it
	Outcome  string    `json:"outcome,omitempty"` // failure or denied; empty if it took effect
	// Actor is who acted, where that is not the alert's user: another account of theirs, an outsider, or
	// "anonymous".
	Actor  string `json:"actor,omitempty"`
	Object Object `json:"object,omitzero"`
	// Recipients are who received access, rights or mail: addresses, domains with a leading "@", "*" for everybody.
	Recipients []string `json:"recipients,omitempty"`
	Visibility string   `json:"visibility,omitempty"` // of the object after it: private, internal, external, public_link, public
	Rows       int64    `json:"rows,omitempty"`       // returned or exported; -1 if there were some, of unknown number
	Bytes      int64    `json:"bytes,omitempty"`      // taken
	Count      int64    `json:"count,omitempty"`      // objects taken in the one event, if more than one
	Detail     string   `json:"detail,omitempty"`     // what else the log says of it: a role, scopes, an ingress rule, a channel
	Client     Client   `json:"client,omitzero"`
	RecordID   string   `json:"record_id,omitempty"` // the vendor's id of the record
	First      bool     `json:"first,omitempty"`     // the first time that the person touched the object, in these logs
}

// Object is what an item is about.
type Object struct {
	ID        string `json:"id,omitempty"`
	Type      string `json:"type,omitempty"` // file, folder, report, repository, bucket, user …
	Name      string `json:"name,omitempty"`
	Container string `json:"container,omitempty"` // folder, site, drive, bucket, repository owner or project
	Owner     string `json:"owner,omitempty"`     // account
	Label     string `json:"label,omitempty"`     // sensitivity label or classification
	Size      int64  `json:"size,omitempty"`      // bytes
	URL       string `json:"url,omitempty"`       // of the object in the vendor's console; https only
}

// Client is where an item's action came from.
type Client struct {
	IP        string `json:"ip,omitempty"`
	Country   string `json:"country,omitempty"`    // as the vendor located the address, or the address database
	Network   string `json:"network,omitempty"`    // organisation that the address belongs to, from the address database
	Device    string `json:"device,omitempty"`     // the vendor's id or name
	App       string `json:"app,omitempty"`        // application that acted for the person
	UserAgent string `json:"user_agent,omitempty"` // as sent
	Agent     string `json:"agent,omitempty"`      // UserAgent for people: "Chrome on Windows"
}

// Destination is who or what received something.
type Destination struct {
	Name   string `json:"name"`
	Events int    `json:"events"` // of the evidence
}
