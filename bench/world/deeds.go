package main

import (
	"strconv"
	"strings"
)

// deed is something people do with the services. The same deeds make up ordinary days
// (in small bouts), benign bursts (for a reason) and incidents, so that no type of
// record gives an incident away. do plans n of it from time t on and returns the time after.
type deed struct {
	name, text string
	from       []Source            // services it happens in; p.src is one of them
	fits       func(a *Actor) bool // who is able to do it
	lo, hi     float64             // amount in an incident, from stealthy to blatant; 0 if it is none by itself
	rate       float64             // ordinary bouts per workday of a person who does it
	used       int                 // percentage of those able who ever do it
	bout       float64             // mean amount of an ordinary bout
	burst      bool                // may be the main deed of a benign burst
	out        bool                // has a recipient outside
	do         func(p *plan, n int, t int64) int64
}

func (a *Actor) codes() bool       { return a.uses(GitHub) }
func (a *Actor) sells() bool       { return a.uses(Salesforce) }
func (a *Actor) builds() bool      { return a.uses(CloudTrail) }
func (a *Actor) office() bool      { return a.Suite == M365 }
func (a *Actor) google() bool      { return a.Suite == Google }
func (a *Actor) chats() bool       { return a.rate[slkDown] > 0 }
func (a *Actor) windows() bool     { return a.Suite == M365 && a.Device.OS == "Windows" }
func (a *Actor) anyone() bool      { return true }
func (a *Actor) officeAdmin() bool { return a.Suite == M365 && a.Admin }
func (a *Actor) googleAdmin() bool { return a.Suite == Google && a.Dept == IT }

// queries reports whether the person uses the data warehouse.
func (a *Actor) queries() bool {
	return hash(a.Key, 71)%100 < [nDepts]uint64{25, 15, 5, 45, 0, 0, 20, 10, 95, 5}[a.Dept]
}

// exportsAll reports whether the person may export all data of Salesforce.
func exportsAll(a *Actor) bool { return a.sells() && (a.Admin || a.Dept == Data || a.Dept == Sales) }

func searches(a *Actor) bool { return a.Admin || a.Dept == Legal }

// assists reports whether reading another user's mailbox is part of the person's work.
func (a *Actor) assists() bool {
	return a.Suite == M365 && (a.Dept == Executive && hash(a.Key, 72)%100 < 40 || a.Dept == HR && hash(a.Key, 72)%100 < 15 || a.Dept == IT)
}

var deedList = []*deed{
	{name: "download", text: "downloads files",
		from: append(drives, Dropbox), fits: (*Actor).anyone, lo: 25, hi: 700, burst: true, do: takeFiles(Download, 1.5, 25)},
	{name: "sync", text: "synchronises folders to a computer",
		from: []Source{M365}, fits: (*Actor).office, lo: 150, hi: 2500, burst: true, do: takeFiles(Sync, .5, 3)},
	{name: "upload", text: "uploads files",
		from: drives, fits: (*Actor).anyone, burst: true, lo: 20, hi: 500, do: takeFiles(Upload, 1, 10)},
	{name: "delete", text: "deletes files",
		from: drives, fits: (*Actor).anyone, lo: 40, hi: 900, burst: true, do: takeFiles(Delete, .5, 8)},
	{name: "share_inside", text: "shares files with colleagues",
		from: drives, fits: (*Actor).anyone, lo: 8, hi: 150, burst: true, do: shareInside},
	{name: "share_outside", text: "shares files outside",
		from: drives, fits: (*Actor).anyone, lo: 4, hi: 90, burst: true, out: true, do: shareOutside},
	{name: "modern_links", text: "shares files outside by links for named guests",
		from: []Source{M365}, fits: (*Actor).office, lo: 4, hi: 80, rate: .05, used: 60, bout: 1.4, burst: true, out: true,
		do: modernLinks},
	{name: "public_links", text: "makes links for everybody",
		from: drives, fits: (*Actor).anyone, lo: 3, hi: 40, burst: true, do: publicLinksTo},
	{name: "folder_link", text: "makes a link for everybody to a whole folder",
		from: drives, fits: (*Actor).anyone, lo: 15, hi: 600, rate: .003, used: 30, bout: 15, burst: true, do: folderLink},
	{name: "folder_guest", text: "invites an outsider to a folder, who downloads from it",
		from: []Source{Box, Google, Dropbox}, fits: (*Actor).anyone, lo: 10, hi: 400, rate: .004, used: 30, bout: 6,
		burst: true, out: true, do: folderGuest},
	{name: "copy", text: "copies files within the company",
		from: suites, fits: (*Actor).anyone, rate: .05, used: 50, bout: 1.5, lo: 10, hi: 200, burst: true, do: copyInside},
	{name: "copy_out", text: "copies files into a drive outside",
		from: []Source{Google}, fits: (*Actor).google, lo: 6, hi: 250, rate: .006, used: 30, bout: 1.2, burst: true, do: copyOutside},
	{name: "app_reads", text: "lets an application read files",
		from: suites, fits: (*Actor).anyone, lo: 30, hi: 900, burst: true, do: appReads},
	{name: "clone", text: "clones repositories",
		from: []Source{GitHub}, fits: (*Actor).codes, lo: 8, hi: 70, burst: true, do: cloneAll},
	{name: "token_clone", text: "clones repositories with a token from a rented machine",
		from: []Source{GitHub}, fits: (*Actor).codes, lo: 4, hi: 50, rate: .02, used: 25, bout: 1.5, burst: true, do: tokenClone},
	{name: "repo_guests", text: "lets outsiders into repositories",
		from: []Source{GitHub}, fits: (*Actor).codes, lo: 2, hi: 25, rate: .006, used: 25, bout: 1, burst: true, out: true,
		do: repoGuests},
	{name: "repo_away", text: "makes repositories public or gives them away",
		from: []Source{GitHub}, fits: (*Actor).codes, lo: 1, hi: 10, rate: .002, used: 20, bout: 1, burst: true, do: repoAway},
	{name: "report_export", text: "exports reports",
		from: []Source{Salesforce}, fits: (*Actor).sells, lo: 5, hi: 60, burst: true, do: exportReports},
	{name: "report_print", text: "prints reports",
		from: []Source{Salesforce}, fits: (*Actor).sells, lo: 8, hi: 120, rate: .12, used: 60, bout: 2, burst: true, do: printReports},
	{name: "bulk_rows", text: "extracts rows with a loader",
		from: []Source{Salesforce}, fits: (*Actor).sells, lo: 3, hi: 25, rate: .015, used: 20, bout: 1.5, burst: true, do: bulkRows},
	{name: "weekly_export", text: "asks for the whole-organisation export and fetches it",
		from: []Source{Salesforce}, fits: exportsAll, lo: 1, hi: 12, rate: .2, used: 3, bout: 3, burst: true, do: weeklyExport},
	{name: "object_reads", text: "reads objects of buckets",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 150, hi: 5000, burst: true, do: objectReads},
	{name: "object_wipe", text: "deletes objects of buckets",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 80, hi: 4000, rate: .05, used: 30, bout: 6, burst: true, do: objectWipe},
	{name: "bucket_grant", text: "opens a bucket to another account",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 1, hi: 4, rate: .006, used: 30, bout: 1, burst: true, do: bucketGrant},
	{name: "bucket_web", text: "makes a bucket of a website public",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 10, hi: 400, rate: .004, used: 25, bout: 8, burst: true, do: bucketWeb},
	{name: "cloud_checks", text: "looks at the cloud's configuration",
		from: []Source{CloudTrail}, fits: (*Actor).builds, rate: .15, used: 60, bout: 1.5, do: cloudChecks},
	{name: "secrets", text: "reads secrets",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 8, hi: 70, rate: .15, used: 50, bout: 1.3, burst: true, do: secretSweep},
	{name: "snapshots", text: "gives snapshots to another account",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 1, hi: 8, rate: .004, used: 25, bout: 1, burst: true, do: snapshots},
	{name: "ports", text: "opens ports to the world",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 1, hi: 5, burst: true, do: openPorts},
	{name: "iam_user", text: "creates a user with a key",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 10, hi: 600, rate: .01, used: 12, bout: 1, burst: true, do: iamUser},
	{name: "roaming_key", text: "makes an access key and uses it elsewhere",
		from: []Source{CloudTrail}, fits: (*Actor).builds, lo: 15, hi: 1200, rate: .006, used: 20, bout: 3, do: roamingKey},
	{name: "mailbox", text: "gets access to a mailbox and reads it",
		fits: (*Actor).assists, lo: 4, hi: 90, rate: .5, used: 80, bout: 3, burst: true, do: othersMailbox},
	{name: "own_mail", text: "reads the own mailbox",
		fits: (*Actor).office, rate: 3, used: 100, bout: 1.6, do: ownMailbox},
	{name: "forward", text: "forwards mail outside",
		fits: (*Actor).office, lo: 1, hi: 1, burst: true, out: true, do: forwardMail},
	{name: "site_owner", text: "becomes administrator of a site and reads there",
		from: []Source{M365}, fits: (*Actor).officeAdmin, lo: 6, hi: 200, rate: .04, used: 40, bout: 2, burst: true, do: siteOwner},
	{name: "discovery", text: "searches everybody's content and exports the result",
		from: []Source{M365}, fits: searches, lo: 1, hi: 6, rate: .01, used: 40, bout: 1, burst: true, do: discoveryExport},
	{name: "vault", text: "searches everybody's content in the vault and exports the result",
		from: []Source{Google}, fits: searches, lo: 1, hi: 6, rate: .01, used: 40, bout: 1, burst: true, do: discoveryExport},
	{name: "org_export", text: "exports the whole organisation from Google",
		from: []Source{Google}, fits: (*Actor).googleAdmin, lo: 1, hi: 2, rate: .0015, used: 30, bout: 1, do: orgExport},
	{name: "own_takeout", text: "takes out the own data",
		from: []Source{Google}, fits: (*Actor).google, rate: .002, used: 30, bout: 1, burst: true, do: ownTakeout},
	{name: "delegation", text: "lets an application act for everybody and read",
		from: []Source{Google}, fits: (*Actor).googleAdmin, lo: 20, hi: 500, rate: .008, used: 30, bout: 3, burst: true,
		do: delegation},
	{name: "okta_self", text: "becomes an administrator of Okta and gives itself applications",
		fits: func(a *Actor) bool { return a.Admin }, lo: 2, hi: 10, rate: .006, used: 30, bout: 1, burst: true, do: oktaSelf},
	{name: "assign_apps", text: "gives colleagues applications",
		fits: func(a *Actor) bool { return a.Dept == IT }, rate: .3, used: 70, bout: 3, lo: 5, hi: 60, burst: true, do: assignApps},
	{name: "grants", text: "gives colleagues roles",
		fits: func(a *Actor) bool { return a.Admin }, lo: 1, hi: 5, burst: true, do: grantRoles},
	{name: "push_refused", text: "refuses a request for the second factor",
		fits: (*Actor).anyone, rate: .01, used: 60, bout: 1.2, do: pushRefused},
	{name: "chat_files", text: "downloads files from chat",
		from: []Source{Slack}, fits: (*Actor).chats, lo: 12, hi: 250, burst: true, do: chatFiles},
	{name: "chat_export", text: "exports the chat workspace",
		from: []Source{Slack}, fits: func(a *Actor) bool { return a.Admin }, lo: 1, hi: 3, rate: .003, used: 30, bout: 1,
		do: chatExport},
	{name: "usb", text: "copies files to a stick",
		from: []Source{M365}, fits: (*Actor).windows, lo: 10, hi: 400, rate: .03, used: 25, bout: 2, burst: true, do: toStick},
	{name: "cloud_upload", text: "uploads files to a cloud drive in the browser",
		from: []Source{M365}, fits: (*Actor).windows, lo: 6, hi: 250, rate: .03, used: 35, bout: 1.5, burst: true, do: toCloud},
	{name: "copilot", text: "has the assistant read files",
		from: []Source{M365}, fits: (*Actor).office, lo: 15, hi: 300, rate: .4, used: 45, bout: 2, burst: true, do: askCopilot},
	{name: "dashboards", text: "exports dashboards",
		from: []Source{M365}, fits: (*Actor).office, lo: 6, hi: 90, rate: .08, used: 30, bout: 1.5, burst: true, do: exportDashboards},
	{name: "warehouse_query", text: "queries the warehouse",
		from: []Source{Snowflake}, fits: (*Actor).queries, rate: 1.2, used: 90, bout: 6, lo: 10, hi: 200, burst: true,
		do: warehouseQuery},
	{name: "warehouse_unload", text: "unloads tables of the warehouse to a stage outside",
		from: []Source{Snowflake}, fits: (*Actor).queries, lo: 1, hi: 20, rate: .05, used: 30, bout: 1.3, burst: true,
		do: warehouseUnload},
	{name: "warehouse_get", text: "unloads tables and fetches the files",
		from: []Source{Snowflake}, fits: (*Actor).queries, lo: 2, hi: 25, rate: .04, used: 25, bout: 1.3, burst: true,
		do: warehouseGet},
}

// deeds holds deedList by name.
var deeds = func() map[string]*deed {
	m := map[string]*deed{}
	for _, d := range deedList {
		m[d.name] = d
	}
	return m
}()

// able reports whether a person can do a deed, and draws the service.
func (d *deed) able(r Rand, a *Actor) (Source, bool) {
	if !d.fits(a) {
		return 0, false
	}
	var own []Source
	for _, src := range d.from {
		switch {
		case src == Snowflake && a.queries(), src == Slack && a.chats(), src == Dropbox && a.uses(Dropbox), a.usesNamed(src):
			own = append(own, src)
		}
	}
	if len(d.from) > 0 && len(own) == 0 {
		return 0, false
	}
	if len(own) == 0 {
		return a.Suite, true
	}
	return pick(r, own), true
}

func (a *Actor) usesNamed(src Source) bool {
	return src != Snowflake && src != Slack && src != Dropbox && a.uses(src)
}

// pace is the mean gap between two actions of a burst in seconds, unless the plan has set one.
func (p *plan) pace(lo, hi float64) float64 {
	if p.gap == 0 {
		return p.r.logUniform(lo, hi)
	}
	return p.gap
}

// take draws n files from the plan's folders if it has any, otherwise as loot does.
func (p *plan) take(n int) []Item {
	if len(p.pool) == 0 || p.pool[0].Src != p.src {
		return p.loot(p.src, n, p.reach)
	}
	var items []Item
	for len(items) < n {
		f := pick(p.r, p.pool)
		at := p.r.IntN(f.size(p.d))
		for m := min(n-len(items), p.r.between(3, 60)); m > 0; m-- {
			items = append(items, Item{f, at % f.size(p.d)})
			at++
		}
	}
	return items
}

// native adds a native record.
func (p *plan) native(src Source, op, raw string, t int64) {
	p.put(Event{At: t, Src: src, Kind: Native, Arg: op, Raw: raw})
}

// outsider is a person without an account in the organisation who acts in a service.
func (p *plan) outsider(email string) *Actor {
	a := &Actor{Idx: 1<<20 + int(hashString(email)%(1<<20)), Guest: true, Email: email, Name: strings.Split(email, "@")[0],
		Suite: p.a.Suite, Device: newDevice(p.r, false), Dept: p.a.Dept, works: p.a.Dept}
	p.w.identify(a, hashString(email))
	a.Login = strings.ReplaceAll(a.Name, ".", "-")
	return a
}

func (p *plan) outsiderClient(a *Actor) *Context {
	place := p.a.Home
	if p.r.chance(.3) {
		place = pick(p.r, p.w.lex.everywhere)
	}
	return p.elsewhere(place, place.Broadband, a.Device)
}

// receiver is the plan's recipient, or a suitable one if it names none.
func (p *plan) receiver() string {
	switch {
	case p.to != "":
		return p.to
	case p.inc != nil:
		return p.stranger()
	}
	return p.w.contact(p.r, p.a, p.d)
}

func takeFiles(kind Kind, lo, hi float64) func(p *plan, n int, t int64) int64 {
	return func(p *plan, n int, t int64) int64 {
		return p.sweep(p.src, kind, p.take(n), t, p.pace(lo, hi), nil, "")
	}
}

func shareInside(p *plan, n int, t int64) int64 {
	to := p.a.Manager
	if p.to != "" {
		to = p.to
	}
	return p.sweep(p.src, ShareInternal, p.take(n), t, p.pace(8, 90), nil, to)
}

func shareOutside(p *plan, n int, t int64) int64 {
	to := p.receiver()
	if p.src == M365 && p.r.chance(p.w.modernLinks) {
		p.to = to
		return modernLinks(p, n, t)
	}
	return p.sweep(p.src, ShareExternal, p.take(n), t, p.pace(8, 90), nil, to)
}

func appReads(p *plan, n int, t int64) int64 {
	app, level := p.app, "3"
	if app == "" {
		app, _ = p.w.app(p.r)
	}
	p.viaApp(app, level, n, p.reach)
	return t + hour
}

// modernLinks shares n files by links. One click leaves up to four records.
func modernLinks(p *plan, n int, t int64) int64 {
	to, gap := strings.ToUpper(p.receiver()), p.pace(8, 90)
	for _, it := range p.take(n) {
		id := p.r.Uint64()
		p.native(M365, "SharingLinkCreated", p.w.sharepointItem(p.c, it, id, "SharingLinkScope", "Users", "Permission", "View",
			"EventData", "<Type>View</Type>"), t)
		p.native(M365, "AddedToSharingLink", p.w.sharepointItem(p.c, it, id, "TargetUserOrGroupName", to, "TargetUserOrGroupType",
			"Guest", "EventData", "<Type>View</Type>"), t+200)
		if id%3 > 0 { // the older pair of records often accompanies them
			p.native(M365, "SecureLinkCreated", p.w.sharepointItem(p.c, it, id, "EventData", "<Type>View</Type>"), t+300)
			p.native(M365, "AddedToSecureLink", p.w.sharepointItem(p.c, it, id, "TargetUserOrGroupName", to,
				"TargetUserOrGroupType", "Guest", "EventData", "<Type>View</Type>"), t+400)
		}
		t += p.r.seconds(gap)
	}
	return t
}

func publicLinksTo(p *plan, n int, t int64) int64 {
	for _, it := range p.take(n) {
		p.visits(p.src, it, t, p.r.poisson(2))
		t = p.sweep(p.src, PublicLink, []Item{it}, t, p.pace(20, 90), nil, "")
	}
	return t
}

// folderOf draws the folder for a deed that concerns a whole folder.
func (p *plan) folderOf() *Folder {
	if len(p.pool) > 0 && p.pool[0].Src == p.src {
		return pick(p.r, p.pool)
	}
	return p.take(1)[0].Folder
}

// folderLink opens a folder to anyone with the link; up to n inherited records and visits follow.
func folderLink(p *plan, n int, t int64) int64 {
	f := p.folderOf()
	top := Item{f, -1}
	switch p.src {
	case Google:
		open := []string{"visibility_change", "external", "target_domain", "all", "old_visibility", "private"}
		p.native(Google, "change_document_access_scope", driveItem(top, "people_with_link", open...), t)
		p.native(Google, "change_document_visibility", driveItem(top, "people_with_link", open...), t+100)
		for i := range min(n, f.size(p.d)) {
			p.native(Google, "change_document_visibility_hierarchy_reconciled", driveItem(Item{f, i}, "people_with_link", open...),
				t+2*second+int64(i)*40)
		}
	case M365:
		p.native(M365, "AnonymousLinkCreated", p.w.sharepointItem(p.c, top, p.r.Uint64(), "EventData", "<Type>View</Type>"), t)
	case Box:
		p.native(Box, "SHARE", p.w.boxFolder(f, "", ""), t)
	}
	for i := min(n, 40); i > 0; i-- {
		p.visits(p.src, Item{f, p.r.IntN(f.size(p.d))}, t, 1)
	}
	return t + 2*minute
}

// folderGuest invites an outsider to a folder, who downloads n files within the next days.
func folderGuest(p *plan, n int, t int64) int64 {
	f, to := p.folderOf(), p.receiver()
	guest := p.outsider(to)
	switch p.src {
	case Box:
		p.native(Box, "COLLABORATION_INVITE", p.w.boxFolder(f, to, "Editor"), t)
		p.put(Event{At: t + p.r.between64(minute, 40*minute), Actor: guest, Ctx: p.outsiderClient(guest), Src: Box, Kind: Native,
			Arg: "COLLABORATION_ACCEPT", Raw: p.w.boxFolder(f, to, "Editor")})
	case Google:
		p.native(Google, "shared_drive_membership_change", driveItem(Item{f, -1}, "shared_externally", "target_user", to,
			"added_role", "content_manager", "membership_change_type", "add_to_shared_drive", "visibility_change", "external"), t)
	case Dropbox:
		p.native(Dropbox, "shared_content_add_member", dropboxFolder(f, to), t)
	}
	if p.inc != nil {
		p.inc.Users = append(p.inc.Users, to)
	}
	at, c, gap := t+p.r.between64(40*minute, 20*hour), p.outsiderClient(guest), p.pace(2, 20)
	for i := range n {
		p.put(Event{At: at, Actor: guest, Ctx: c, Src: p.src, Kind: Download, Item: Item{f, i % f.size(p.d)}})
		at += p.r.seconds(gap)
	}
	return t + 5*minute
}

func copyInside(p *plan, n int, t int64) int64 {
	for _, it := range p.take(n) {
		if p.src == Google {
			p.native(Google, "source_copy", driveItem(it, "shared_internally", "copy_type", "internal"), t)
			p.native(Google, "copy", driveItem(it, "private", "copy_type", "internal"), t+100)
		} else {
			p.native(M365, "FileCopied", p.w.sharepointItem(p.c, it, p.r.Uint64(), "DestinationRelativeUrl", p.w.lex.library,
				"DestinationFileExtension", it.ext()), t)
		}
		t += p.r.seconds(p.pace(4, 40))
	}
	return t
}

func copyOutside(p *plan, n int, t int64) int64 {
	for _, it := range p.take(n) {
		p.native(Google, "source_copy", driveItem(it, "shared_internally", "copy_type", "external"), t)
		t += p.r.seconds(p.pace(4, 30))
	}
	return t
}

func (p *plan) repos(n int) []Item {
	var items []Item
	for _, f := range some(p.r, p.w.folders[GitHub], n) {
		items = append(items, Item{f, 0})
	}
	return items
}

func cloneAll(p *plan, n int, t int64) int64 {
	return p.sweep(GitHub, Clone, p.repos(n), t, p.pace(5, 90), nil, "")
}

// tokenClone clones from a rented machine: a build server's, or a thief's.
func tokenClone(p *plan, n int, t int64) int64 {
	place := pick(p.r, p.w.lex.everywhere)
	c := p.elsewhere(place, place.Hosting, newDevice(p.r, false))
	key := hash(p.a.Key, 8) // a token that has existed for long
	if p.inc != nil || p.r.chance(.3) {
		key = p.r.Uint64()
		p.native(GitHub, "personal_access_token.access_granted", members(func(e *enc) {
			e.strs("user", p.a.Login, "repository_selection", "all", "user_agent", p.c.Agent, "operation_type", "create")
		}), t)
		t += p.r.between64(5*minute, 3*hour)
	}
	gap := p.pace(3, 40)
	for _, it := range p.repos(n) {
		p.put(Event{At: t, Ctx: c, Src: GitHub, Kind: Native, Arg: "git.clone", Raw: p.w.byToken(it.Folder, key, "git/2.43.0"), Item: it})
		t += p.r.seconds(gap)
	}
	return t
}

func repoGuests(p *plan, n int, t int64) int64 {
	login := "u" + strings.ToLower(token(p.r.Uint64(), 7))
	if p.inc == nil {
		login = strings.ReplaceAll(strings.Split(p.receiver(), "@")[0], ".", "-")
	}
	p.native(GitHub, "org.add_outside_collaborator", members(func(e *enc) { e.strs("user", login, "user_agent", p.c.Agent) }), t)
	for _, it := range p.repos(n) {
		t += p.r.seconds(p.pace(10, 60))
		p.native(GitHub, "repo.add_member", p.w.repository(it.Folder, p.c.Agent, "user", login, "permission", "read"), t)
	}
	return t
}

func repoAway(p *plan, n int, t int64) int64 {
	give, owner := p.r.chance(.5), p.w.org+"-archive"
	if p.inc != nil {
		owner = "u" + strings.ToLower(token(p.a.Key, 7))
	}
	for _, it := range p.repos(n) {
		if give {
			p.native(GitHub, "repo.transfer", p.w.repository(it.Folder, p.c.Agent, "old_user", p.w.org, "new_owner", owner), t)
		} else {
			raw := p.w.repository(it.Folder, p.c.Agent, "previous_visibility", "private")
			p.native(GitHub, "repo.access", strings.Replace(raw, `"visibility":"private"`, `"visibility":"public"`, 1), t)
		}
		t += p.r.seconds(p.pace(40, 300))
	}
	return t
}

func exportReports(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		t = p.export(pick(p.r, sfObjects), p.r.lognormal(7.5+p.q, .9), t)
	}
	return t
}

func printReports(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		p.put(Event{At: t, Src: Salesforce, Kind: Report, N: int64(p.r.lognormal(6+p.q, 1)), Arg: pick(p.r, sfObjects), Arg2: "P"})
		t += p.r.seconds(p.pace(20, 90))
	}
	return t
}

func bulkRows(p *plan, n int, t int64) int64 {
	client := pick(p.r, p.w.lex.clients)
	for ; n > 0; n-- {
		p.put(Event{At: t, Src: Salesforce, Kind: BulkQuery, N: int64(p.r.lognormal(9+1.5*p.q, 1)), Arg: pick(p.r, sfObjects),
			Arg2: client})
		t += p.r.seconds(p.pace(100, 500))
	}
	return t
}

// weeklyExport requests the archives of all data and downloads n of them.
func weeklyExport(p *plan, n int, t int64) int64 {
	p.native(Salesforce, setupTrail, setupRow(p.a, "dataExport", "Data Export", "Requested an export of the organization's data"), t)
	t += p.r.between64(hour, 9*hour)
	for i := range n {
		p.native(Salesforce, "URI", "/servlet/servlet.OrgExport?fileName=WE_00D5j00000"+token(p.w.Seed, 5)+"_"+strconv.Itoa(i+1)+".ZIP", t)
		t += p.r.seconds(90)
	}
	return t
}
