package main

import "time"

// Source is a vendor's audit log.
type Source uint8

const (
	CloudTrail Source = iota
	M365
	Google
	Box
	Salesforce
	Okta
	Slack
	GitHub
	Dropbox
	Snowflake // procedural worlds only
	nSources
)

var sourceNames = [nSources]string{"cloudtrail", "m365", "google_workspace", "box", "salesforce", "okta", "slack", "github",
	"dropbox", "snowflake"}

// Kind is what happened, independent of the vendor's name for it.
type Kind uint8

const (
	View Kind = iota
	Edit
	Download
	Sync
	Upload
	Delete
	ShareInternal
	ShareExternal
	PublicLink
	LinkUsed // an anonymous visitor opened a public link
	Login
	LoginFailed
	MFA
	SingleSignOn
	Lockout
	GrantRole
	InboxRule
	ForwardMailbox
	GrantApp
	Report // Salesforce: a report was run
	ReportExport
	APIQuery
	BulkQuery
	Clone // GitHub
	Fetch
	Push
	PullRequest
	RepoAdmin
	Join      // Slack
	AWSCall   // a CloudTrail management event, Arg names the API
	ListFiles // S3 ListObjects
	Native    // a record with members that are written out: see native.go
)

// Event is an audit record before it is encoded in the vendor's format.
type Event struct {
	At, Due   int64 // Unix milliseconds: when it happened and when the vendor delivers it
	ID        [2]uint64
	N         int64 // rows
	Actor     *Actor
	Ctx       *Context
	Item      Item
	Arg, Arg2 string // recipient, role, application, API name …
	Raw       string // further members of a native record
	Tag       int32  // index of the incident it belongs to, or noTag
	Src       Source
	Kind      Kind
}

const noTag = -1

// Item is a file in a folder, repository or bucket.
type Item struct {
	Folder *Folder
	Idx    int
}

// Folder is a shared folder, site, drive, bucket or repository.
type Folder struct {
	Src       Source
	Name      string
	Dept      Dept
	Sensitive int // 0 general, 1 confidential, 2 highly confidential
	Public    bool
	Site      string // the SharePoint site that contains it; empty if the folder is a site of its own
	ID        uint64
	Files     int     // number of files on the first day
	Growth    float64 // new files per day
	words     *[2][]string
}

func (f *Folder) size(day int) int { return f.Files + int(f.Growth*float64(day)) }

type Dept uint8

const (
	Engineering Dept = iota
	Sales
	Success
	Finance
	HR
	Legal
	Marketing
	IT
	Data
	Executive
	nDepts
)

var deptNames = [nDepts]string{"Engineering", "Sales", "Customer Success", "Finance", "People", "Legal", "Marketing", "IT", "Data",
	"Executive"}

// Stream is a kind of ordinary activity. Everybody has a rate of their own for each.
type Stream uint8

const (
	drvView Stream = iota
	drvEdit
	drvDownload
	drvSync
	drvUpload
	drvDelete
	drvShareInt
	drvShareExt
	drvPersonal
	drvPublic
	boxView
	boxDownload
	boxUpload
	boxDelete
	boxShareInt
	boxShareExt
	boxPublic
	sfReport
	sfExport
	sfAPI
	sfContent
	ghFetch
	ghClone
	ghPush
	ghPull
	s3Get
	s3Put
	s3List
	awsRead
	awsChange
	slkUp
	slkDown
	slkJoin
	dbxView
	dbxDownload
	dbxShareExt
	appGrant
	appRead
	nStreams
)

// stream describes a Stream: the mean per workday by department, the dispersion k
// of the daily count, the share of a department that uses it at all, and the mean
// gap in seconds between actions of one cluster.
type stream struct {
	src  Source // Google stands for the person's own suite, Google or M365
	kind Kind
	rate [nDepts]float64
	k    float64
	used float64
	gap  float64
}

// streams lists the rates in the order Eng, Sales, CS, Fin, HR, Legal, Mkt, IT, Data, Exec.
var streams = [nStreams]stream{
	drvView:     {Google, View, [nDepts]float64{6, 8, 8, 12, 10, 10, 10, 6, 8, 9}, 1.6, 1, 60},
	drvEdit:     {Google, Edit, [nDepts]float64{2, 3, 2.5, 6, 4, 4, 5, 2.5, 4, 2}, 1.2, 1, 120},
	drvDownload: {Google, Download, [nDepts]float64{.9, 1.6, 1.6, 3.5, 2.2, 3, 2.6, 1, 2.2, 1.6}, .8, 1, 18},
	drvSync:     {M365, Sync, [nDepts]float64{1.2, 2, 1.5, 2.6, 2, 2, 2.2, 1.4, 1.8, 1.5}, .5, .8, 4},
	drvUpload:   {Google, Upload, [nDepts]float64{.5, .8, .8, 1.6, 1, 1.2, 1.6, .5, 1, .5}, .8, 1, 40},
	drvDelete:   {Google, Delete, [nDepts]float64{.15, .2, .2, .3, .25, .2, .35, .25, .25, .1}, .4, 1, 8},
	drvShareInt: {Google, ShareInternal, [nDepts]float64{.35, .45, .45, .5, .5, .4, .7, .25, .45, .35}, .9, 1, 90},
	drvShareExt: {Google, ShareExternal, [nDepts]float64{.02, .22, .14, .09, .05, .22, .3, .02, .04, .1}, .5, .9, 60},
	drvPersonal: {Google, ShareExternal, [nDepts]float64{.006, .008, .008, .005, .008, .004, .01, .005, .006, .01}, .4, .6, 60},
	drvPublic:   {Google, PublicLink, [nDepts]float64{.01, .03, .03, .005, .004, .008, .14, .01, .01, .008}, .5, .7, 60},
	boxView:     {Box, View, [nDepts]float64{0, 2, 5, 7, 6, 9, 6, .5, 1, 4}, 1.4, .8, 60},
	boxDownload: {Box, Download, [nDepts]float64{0, .7, 1.7, 3.2, 2.2, 4.5, 3, .2, .5, 1.2}, .8, .8, 18},
	boxUpload:   {Box, Upload, [nDepts]float64{0, .3, .8, 1.5, 1, 1.8, 1.5, .2, .3, .4}, .8, .8, 40},
	boxDelete:   {Box, Delete, [nDepts]float64{0, .05, .1, .2, .15, .15, .3, .05, .05, .03}, .4, .7, 8},
	boxShareInt: {Box, ShareInternal, [nDepts]float64{0, .08, .15, .2, .15, .25, .3, .02, .04, .1}, .8, .8, 90},
	boxShareExt: {Box, ShareExternal, [nDepts]float64{0, .08, .12, .1, .04, .3, .25, .01, .01, .06}, .5, .7, 60},
	boxPublic:   {Box, PublicLink, [nDepts]float64{0, .02, .03, .01, .004, .01, .12, .003, .003, .005}, .5, .6, 60},
	sfReport:    {Salesforce, Report, [nDepts]float64{0, 4.5, 3, 1, 0, 0, 1.4, .1, 1.5, 1}, 1.1, .9, 90},
	sfExport:    {Salesforce, ReportExport, [nDepts]float64{0, .22, .12, .15, 0, 0, .2, .01, .5, .03}, .5, .8, 45},
	sfAPI:       {Salesforce, APIQuery, [nDepts]float64{0, 3, 2, 0, 0, 0, .5, .2, 3, .2}, .7, .6, 20},
	sfContent:   {Salesforce, Download, [nDepts]float64{0, .8, .5, .1, 0, 0, .3, 0, .1, .2}, .7, .8, 20},
	ghFetch:     {GitHub, Fetch, [nDepts]float64{12, 0, 0, 0, 0, 0, 0, 3, 5, 0}, 1.2, .95, 120},
	ghClone:     {GitHub, Clone, [nDepts]float64{.4, 0, 0, 0, 0, 0, 0, .12, .25, 0}, .5, .95, 25},
	ghPush:      {GitHub, Push, [nDepts]float64{4, 0, 0, 0, 0, 0, 0, .6, 1.6, 0}, 1.2, .9, 300},
	ghPull:      {GitHub, PullRequest, [nDepts]float64{1.4, 0, 0, 0, 0, 0, 0, .2, .5, 0}, 1.2, .9, 300},
	s3Get:       {CloudTrail, Download, [nDepts]float64{3, 0, 0, 0, 0, 0, 0, 1, 14, 0}, .5, .6, 3},
	s3Put:       {CloudTrail, Upload, [nDepts]float64{.8, 0, 0, 0, 0, 0, 0, .3, 4, 0}, .5, .5, 5},
	s3List:      {CloudTrail, ListFiles, [nDepts]float64{.8, 0, 0, 0, 0, 0, 0, .4, 3, 0}, .8, .6, 20},
	awsRead:     {CloudTrail, AWSCall, [nDepts]float64{6, 0, 0, 0, 0, 0, 0, 7, 5, 0}, .8, .6, 10},
	awsChange:   {CloudTrail, AWSCall, [nDepts]float64{.35, 0, 0, 0, 0, 0, 0, .6, .1, 0}, .6, .5, 60},
	slkUp:       {Slack, Upload, [nDepts]float64{.5, .6, .6, .3, .5, .2, .9, .5, .6, .2}, .8, .9, 200},
	slkDown:     {Slack, Download, [nDepts]float64{.6, .9, .9, .7, .8, .5, 1.2, .6, .7, .5}, .7, .9, 40},
	slkJoin:     {Slack, Join, [nDepts]float64{.08, .08, .08, .05, .06, .03, .1, .08, .08, .04}, .5, 1, 60},
	dbxView:     {Dropbox, View, [nDepts]float64{0, 0, 0, 0, 0, 2, 6, 0, 0, 1}, 1, .35, 60},
	dbxDownload: {Dropbox, Download, [nDepts]float64{0, 0, 0, 0, 0, 1, 3, 0, 0, .5}, .7, .35, 15},
	dbxShareExt: {Dropbox, ShareExternal, [nDepts]float64{0, 0, 0, 0, 0, .1, .3, 0, 0, .04}, .5, .35, 60},
	appRead:     {Google, Download, [nDepts]float64{4, 8, 5, 5, 4, 6, 6, 3, 6, 5}, .6, .08, 3},
	appGrant:    {Google, GrantApp, [nDepts]float64{.01, .01, .008, .004, .006, .003, .012, .012, .012, .006}, .5, 1, 60},
}

const never = 1 << 30

// Actor is an employee or a service identity.
type Actor struct {
	Idx                          int
	Email, Name, Login           string // Login is the GitHub handle
	Service, Admin, IAMUser      bool
	Guest                        bool // an outsider: a private account, a partner, another organisation's AWS account
	Dept                         Dept
	Title, Manager               string
	Home                         *Place
	Hired, LastDay               int // day indexes; LastDay is inclusive
	Suite                        Source
	Key                          uint64 // seed of the vendors' identifiers
	Personal                     string // private e-mail address
	SFID, SFID18, BoxID, Profile string
	Device, Phone                *Device

	rate                                              [nStreams]float64
	start, length, weekend, evening, remote, vpn, mob float64
	week                                              []float64
	state                                             []DayState
	trips                                             map[int]*Place
	folders                                           [nSources][]*Folder
	partners                                          []int
	works, newDept                                    Dept // works becomes newDept on the day moves
	moves                                             int
	position                                          int  // first day of the present position, as HR records it
	stories                                           int  // benign bursts the person takes part in; procedural worlds only
	taken                                             bool // already part of an incident or a decoy
	next                                              *Device
	swap                                              int // day on which the next laptop replaces the first
	leaveFrom, leaveTo                                int // long leave, without activity in [leaveFrom, leaveTo)
}

// DayState is whether a person works on a day.
type DayState uint8

const (
	Working DayState = iota
	Weekend
	Holiday
	Away
	Gone // not employed
)

// Device is a client machine.
type Device struct {
	OS, Agent, Sync string // Agent is a format with the browser's version
	Version         int
	Mobile          bool
	ID              uint64
}

// Context is the client and the network an action came from.
type Context struct {
	IP      string
	Place   *Place
	Device  *Device
	Agent   string // the browser's user agent
	Session uint64
	Key     string // AWS access key, if not the person's usual credentials
}

// Incident is one injected case of misuse, as labels.json records it.
type Incident struct {
	ID        string              `json:"id"`
	Scenario  string              `json:"scenario"`
	Family    string              `json:"family"`
	Users     []string            `json:"users"`
	Sources   []string            `json:"sources"`
	Start     time.Time           `json:"start"`
	End       time.Time           `json:"end"`
	Intensity float64             `json:"intensity"`
	Severity  string              `json:"severity"`
	Note      string              `json:"note"`
	Count     int                 `json:"event_count"`
	Events    map[string][]string `json:"events"`
}

// Decoy is unusual but legitimate activity. It is recorded to explain false alerts.
type Decoy struct {
	Type   string    `json:"type"`
	User   string    `json:"user"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Family string    `json:"family,omitempty"` // family of the grammar; procedural worlds only
	Note   string    `json:"note,omitempty"`
}
