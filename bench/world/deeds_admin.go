package main

import (
	"slices"
	"strconv"
	"strings"
)

// This file holds the deeds in clouds, mailboxes, identity, chat, endpoints and warehouses.

// call adds an AWS API call with its parameters written out.
func (p *plan) call(api, raw string, t int64) int64 {
	p.put(Event{At: t, Src: CloudTrail, Kind: AWSCall, Arg: api, Raw: raw})
	return t + p.r.seconds(50)
}

func (p *plan) bucketTo() *Folder {
	if len(p.pool) > 0 && p.pool[0].Src == CloudTrail {
		return pick(p.r, p.pool)
	}
	return p.bucket(p.inc != nil && p.r.chance(.7))
}

func objectReads(p *plan, n int, t int64) int64 {
	p.pull(p.bucketTo(), n, t)
	return t + int64(n)*2*second
}

func objectWipe(p *plan, n int, t int64) int64 {
	f, gap := p.bucketTo(), p.pace(.2, 2)
	at := p.r.IntN(f.size(p.d))
	for ; n > 0; n-- {
		t = p.sweep(CloudTrail, Delete, []Item{{f, at % f.size(p.d)}}, t, gap, nil, "")
		at++
	}
	return t
}

// account is the AWS account that is given access: in an incident one outside the
// organisation, otherwise the organisation's second.
func (p *plan) account() string {
	if p.inc != nil {
		return p.w.foreign
	}
	return p.w.accounts[1]
}

// bucketGrant gives another account access to n buckets. In half of the incidents it reads from the first.
func bucketGrant(p *plan, n int, t int64) int64 {
	account := p.account()
	for i := range n {
		f, replicate := p.bucketTo(), p.r.chance(.5)
		api, raw := bucketFor(f, account, p.w.accounts[0], replicate)
		t = p.call(api, raw, t)
		if p.inc != nil && !replicate && i == 0 {
			reader := &Actor{Idx: 1<<21 + int(hashString(account)%1000), Guest: true, Login: account, Email: account + "@aws",
				Name: account, Key: hashString(account), Device: p.a.Device}
			place := pick(p.r, p.w.lex.everywhere)
			c, at := p.elsewhere(place, place.Hosting, p.a.Device), t+p.r.between64(10*minute, 10*hour)
			for k := p.lerp(20, 800); k > 0; k-- {
				p.put(Event{At: at, Actor: reader, Ctx: c, Src: CloudTrail, Kind: Download, Item: Item{f, k % f.size(p.d)}})
				at += p.r.seconds(1)
			}
		}
	}
	return t
}

// bucketWeb makes a bucket without confidential data public; n visitors follow.
func bucketWeb(p *plan, n int, t int64) int64 {
	p.expose(p.bucket(false), t, n)
	return t + 5*minute
}

func cloudChecks(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		api := pick(p.r, []string{"GetBucketPublicAccessBlock", "ListSecrets", "GetBucketPolicy", "ListUsers"})
		raw := map[string]string{"ListSecrets": `{"maxResults":100}` + "\nnull"}[api]
		p.put(Event{At: t, Src: CloudTrail, Kind: AWSCall, Arg: api, Arg2: p.bucketTo().Name, Raw: raw})
		t += p.r.seconds(40)
	}
	return t
}

func secretSweep(p *plan, n int, t int64) int64 {
	if n > 5 {
		t = p.call("ListSecrets", `{"maxResults":100}`+"\nnull", t)
	}
	from, gap := p.r.IntN(120), p.pace(2, 30)
	for i := range n {
		k := uint64((from + i) % 120)
		name := p.w.lex.repos[k%uint64(len(p.w.lex.repos))] + "/" + []string{"db", "api-key", "oauth", "smtp", "signing"}[k%5]
		p.call("GetSecretValue", secretRead(name), t)
		t += p.r.seconds(gap)
	}
	return t
}

func snapshots(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		t = p.call("CreateSnapshot", "", t)
		t = p.call("ModifySnapshotAttribute", snapshotFor(strings.ToLower(token(p.r.Uint64(), 15)), p.account()),
			t+p.r.between64(minute, 20*minute))
	}
	return t
}

func openPorts(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		args := p.ingress()
		at := t
		if t = p.aws(t, [2]string{"AuthorizeSecurityGroupIngress", args}); p.inc == nil { // closed again, within minutes or days
			p.aws(at+p.r.between64(10*minute, 30*hour), [2]string{"RevokeSecurityGroupIngress", args})
		}
	}
	return t
}

// iamUser creates an IAM user with a key, which reads n objects. In an incident it is an
// administrator and another user's.
func iamUser(p *plan, n int, t int64) int64 {
	name := pick(p.r, []string{"report", "sync", "build", "probe", "export"}) + "-" + p.r.coin(&tongues[0], 1)
	policy := "AmazonS3ReadOnlyAccess"
	if p.inc != nil {
		policy = "AdministratorAccess"
	}
	key := "AKIA" + strings.ToUpper(token(p.r.Uint64(), 16))
	t = p.call("CreateUser", `{"userName":"`+name+`"}`+"\n"+`{"user":{"userName":"`+name+`","path":"/"}}`, t)
	t = p.aws(t, [2]string{"AttachUserPolicy", name + "|" + policy})
	t = p.call("CreateAccessKey", newKey(name, key), t)
	friend := &Actor{Idx: 1<<21 + 1000 + int(hashString(name)%5000), Guest: true, Email: name + "@" + p.w.domain, Name: name,
		Key: hashString(name), Device: newDevice(p.r, false)}
	place := p.a.Home
	if p.inc != nil && p.r.chance(.6) {
		place = pick(p.r, p.w.lex.everywhere)
	}
	c := p.elsewhere(place, place.Hosting, friend.Device)
	c.Key = key
	if p.inc != nil {
		arn := p.w.accounts[0] + ":user/" + name // in the forms a detector may use
		p.inc.Users = append(p.inc.Users, friend.Email, name, "arn:aws:iam::"+arn, "aws:"+arn)
	}
	at := t + p.r.between64(10*minute, 30*hour)
	p.put(Event{At: at, Actor: friend, Ctx: c, Src: CloudTrail, Kind: AWSCall, Arg: "GetCallerIdentity"})
	f := p.bucketTo()
	for i := range n {
		at += p.r.seconds(3)
		p.put(Event{At: at, Actor: friend, Ctx: c, Src: CloudTrail, Kind: Download, Item: Item{f, i % f.size(p.d)}})
	}
	return t
}

func roamingKey(p *plan, n int, t int64) int64 {
	key := "AKIA" + strings.ToUpper(token(p.r.Uint64(), 16))
	t = p.call("CreateAccessKey", newKey(p.a.local(), key), t)
	place := p.a.Home
	if p.inc != nil {
		place = pick(p.r, p.w.lex.everywhere)
	}
	c := p.elsewhere(place, pick(p.r, [][]string{place.Hosting, place.Broadband}), newDevice(p.r, false))
	c.Key = key
	at, f := t+p.r.between64(20*minute, 40*hour), p.bucketTo()
	p.put(Event{At: at, Ctx: c, Src: CloudTrail, Kind: ListFiles, Item: Item{f, 0}})
	gap := p.pace(.4, 5)
	for i := range n {
		at += p.r.seconds(gap)
		p.put(Event{At: at, Ctx: c, Src: CloudTrail, Kind: Download, Item: Item{f, i % f.size(p.d)}})
	}
	return t
}

// boss picks the owner of a mailbox worth reading, or nil if no one else has one.
// An assistant always works for the same person.
func (p *plan) boss() *Actor {
	other := func(b *Actor) bool { return b != p.a && b.Suite == M365 }
	if !slices.ContainsFunc(p.w.people, other) {
		return nil
	}
	r := p.r
	if p.inc == nil {
		r = newRand(p.a.Key, 73)
	}
	for try := 0; ; try++ {
		b := pick(r, p.w.people)
		if other(b) && (b.Dept == p.a.Dept || b.Dept == Executive || try > 200) {
			return b
		}
	}
}

// othersMailbox reads another user's mail, leaving n records, after obtaining the
// permission unless it was granted long ago. It does nothing if no such mailbox exists.
func othersMailbox(p *plan, n int, t int64) int64 {
	b := p.boss()
	if b == nil {
		return t
	}
	if p.inc != nil || p.r.chance(.02) || len(p.pool) > 0 {
		p.native(M365, "Add-MailboxPermission", cmdlet(b.Email, "Identity", b.Email, "User", p.a.Email,
			"AccessRights", "FullAccess", "InheritanceType", "All"), t)
		t += p.r.between64(4*minute, 3*hour)
	}
	for ; n > 0; n-- {
		id := p.r.Uint64()
		p.native(M365, "MailItemsAccessed", p.w.mailboxRead(p.c, b, 2, 1+p.r.poisson(p.r.ExpFloat64()*6), id), t)
		t += p.r.seconds(p.pace(60, 200))
	}
	return t
}

func ownMailbox(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		p.native(M365, "MailItemsAccessed", p.w.mailboxRead(p.c, p.a, 0, 1+p.r.poisson(p.r.ExpFloat64()*5), p.r.Uint64()), t)
		t += p.r.seconds(1500)
	}
	return t
}

func forwardMail(p *plan, n int, t int64) int64 {
	p.forward(t, p.receiver(), .3)
	return t + minute
}

// siteOwner makes the person administrator of another site and reads n files there.
func siteOwner(p *plan, n int, t int64) int64 {
	f := pick(p.r, p.w.folders[M365])
	for try := 0; p.inc != nil && f.Sensitive == 0 && try < 40; try++ {
		f = pick(p.r, p.w.folders[M365])
	}
	p.native(M365, "SiteCollectionAdminAdded", p.w.siteRecord(p.c, f, p.r.Uint64(), "TargetUserOrGroupName", p.a.Email,
		"TargetUserOrGroupType", "Member"), t)
	t += p.r.between64(2*minute, 2*hour)
	kind, gap := []Kind{View, Download}[p.r.weighted([]float64{2, 3})], p.pace(4, 40)
	for i := range n {
		t = p.sweep(M365, kind, []Item{{f, i % f.size(p.d)}}, t, gap, nil, "")
	}
	return t
}

// discoveryExport opens a case, searches all content and downloads n exports.
func discoveryExport(p *plan, n int, t int64) int64 {
	t = p.openCase(t)
	for i := range n {
		name := "set-" + strconv.Itoa(i+1)
		if p.src == M365 {
			p.native(M365, "SearchCreated", discovery(name), t)
			p.native(M365, "SearchStarted", discovery(name), t+20*second)
			p.native(M365, "SearchExported", discovery(name), t+40*minute)
			p.native(M365, "SearchExportDownloaded", discovery(name), t+2*hour)
		} else {
			p.native(Google, "create_export", params("matter_id", uuid(p.a.Key), "query", "all", "resource_name", name), t)
			p.native(Google, "download_export", params("matter_id", uuid(p.a.Key), "resource_name", name), t+2*hour)
		}
		t += p.r.seconds(1200)
	}
	return t
}

func (p *plan) openCase(t int64) int64 {
	if p.src == M365 || p.a.Suite == M365 {
		p.native(M365, "CaseAdded", discovery("case-"+strings.ToLower(token(p.r.Uint64(), 4))), t)
	} else {
		p.native(Google, "create_matter", params("matter_id", uuid(p.a.Key), "resource_name",
			"matter-"+strings.ToLower(token(p.r.Uint64(), 4))), t)
	}
	return t + p.r.between64(10*minute, 2*hour)
}

func orgExport(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		id := params("OBFUSCATED_CUSTOMER_TAKEOUT_REQUEST_ID", token(p.r.Uint64(), 12))
		p.native(Google, "CUSTOMER_TAKEOUT_CREATED", id, t)
		p.native(Google, "CUSTOMER_TAKEOUT_SUCCEEDED", id, t+p.r.between64(12*hour, 40*hour))
		t += p.r.seconds(20000)
	}
	return t
}

func ownTakeout(p *plan, n int, t int64) int64 {
	id := params("USER_EMAIL", p.a.Email, "TAKEOUT_ID", token(p.r.Uint64(), 12), "PRODUCTS_REQUESTED", "Contacts, Calendar",
		"TAKEOUT_DESTINATION", "EMAIL_DOWNLOAD_LINK")
	p.native(Google, "STARTED_USER_TAKEOUT", id, t)
	p.native(Google, "COMPLETED_USER_TAKEOUT", id, t+p.r.between64(10*minute, 5*hour))
	return t + minute
}

// delegation grants an application domain-wide delegation, after which it reads n files
// on behalf of others.
func delegation(p *plan, n int, t int64) int64 {
	app := pick(p.r, p.w.lex.apps)
	if p.inc != nil {
		app = p.w.lex.obscureApp(p.r)
	}
	p.native(Google, "AUTHORIZE_API_CLIENT_ACCESS", params("API_CLIENT_NAME", strconv.FormatUint(hashString(app)%1e12, 10),
		"API_SCOPES", "https://www.googleapis.com/auth/drive.readonly", "DOMAIN_NAME", p.w.domain), t)
	place := pick(p.r, p.w.lex.everywhere)
	c := p.elsewhere(place, place.Hosting, p.w.services[0].Device)
	c.Agent = "python-requests/2.32.3"
	at, src := t+p.r.between64(20*minute, 12*hour), p.src
	for i := 0; i < n; {
		who := pick(p.r, p.w.people)
		if who.Suite != Google {
			continue
		}
		for k := p.r.between(5, 30); k > 0 && i < n; k-- {
			if it := p.w.choose(p.r, who, src, p.d); it.Folder != nil {
				p.put(Event{At: at, Actor: who, Ctx: c, Src: Google, Kind: Download, Item: it, Arg: app})
			}
			at += p.r.seconds(1.5)
			i++
		}
	}
	return t + minute
}

var assignable = []string{"Workday", "NetSuite", "AWS IAM Identity Center", "Salesforce.com", "Snowflake", "Coupa", "Concur",
	"GitHub Enterprise Cloud", "Vault HR", "Payroll Portal", "Jira", "Zendesk"}

func oktaSelf(p *plan, n int, t int64) int64 {
	role := pick(p.r, []string{"Super administrator", "Application administrator", "Organization administrator"})
	if p.inc == nil && p.r.chance(.8) {
		role = pick(p.r, []string{"Read-only administrator", "Help desk administrator", "Report administrator"})
	}
	p.grant(p.a, Okta, role, t)
	for _, app := range some(p.r, assignable, n) {
		t += p.r.seconds(p.pace(30, 300))
		p.native(Okta, "application.user_membership.add", oktaApp(app, p.a.Email), t)
		p.put(Event{At: t + p.r.between64(minute, 30*minute), Src: Okta, Kind: SingleSignOn, Arg: app})
	}
	return t
}

func assignApps(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		p.native(Okta, "application.user_membership.add", oktaApp(pick(p.r, assignable), pick(p.r, p.w.people).Email), t)
		t += p.r.seconds(p.pace(10, 90))
	}
	return t
}

func grantRoles(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		src := pick(p.r, []Source{Okta, p.a.Suite, Slack})
		role := minorRoles[src]
		if p.r.chance(.3) {
			role = topRoles[src]
		}
		p.grant(pick(p.r, p.w.people), src, role, t)
		t += p.r.seconds(p.pace(30, 200))
	}
	return t
}

// pushRefused adds n requests for the second factor that are rejected.
func pushRefused(p *plan, n int, t int64) int64 {
	entra := p.a.office() && p.r.chance(.4)
	for ; n > 0; n-- {
		if entra {
			p.native(M365, "UserLoginFailed", strongFailed(p.c), t)
		} else {
			p.native(Okta, "system.push.send_factor_verify_push", oktaUser(p.a.Email), t)
			p.native(Okta, oktaPush+" refused", oktaUser(p.a.Email), t+9*second)
		}
		t += p.r.seconds(p.pace(15, 90)) + 12*second
	}
	return t
}

func chatFiles(p *plan, n int, t int64) int64 {
	for joins := min(12, n/12); joins > 0; joins-- {
		p.put(Event{At: t, Src: Slack, Kind: Join})
		t += p.r.seconds(20)
	}
	for gap := p.pace(4, 40); n > 0; n-- {
		p.put(Event{At: t, Src: Slack, Kind: Download})
		t += p.r.seconds(gap)
	}
	return t
}

func chatExport(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		raw := p.w.slackWorkspace(`"export_type":"STANDARD","export_start_ts":"1735689600","export_end_ts":"1767225600"`)
		p.native(Slack, "manual_export_started", raw, t)
		p.native(Slack, "manual_export_completed", raw, t+40*minute)
		p.native(Slack, "manual_export_downloaded", raw, t+hour+p.r.Int64N(2*hour))
		t += p.r.seconds(5000)
	}
	return t
}

func toStick(p *plan, n int, t int64) int64 {
	stick := token(hash(p.a.Key, uint64(p.d/30)), 10)
	for _, it := range p.take(n) {
		p.native(M365, "FileCopiedToRemovableMedia", p.w.endpoint(p.a, p.c.Device, it, "TargetFilePath", `E:\\`,
			"RemovableMediaDeviceAttributes", `{"Manufacturer":"Kingston","Model":"DataTraveler","SerialNumber":"`+stick+`"}`), t)
		t += p.r.seconds(p.pace(.3, 4))
	}
	return t
}

func toCloud(p *plan, n int, t int64) int64 {
	domain := pick(p.r, []string{"drive.google.com", "www.dropbox.com", "mega.nz", "wetransfer.com", "1drv.ms"})
	if p.inc == nil && p.r.chance(.6) {
		domain = pick(p.r, p.w.partners).domain
	}
	for _, it := range p.take(n) {
		p.native(M365, "FileUploadedToCloud", p.w.endpoint(p.a, p.c.Device, it, "TargetDomain", domain, "Application", "msedge.exe"), t)
		t += p.r.seconds(p.pace(3, 40))
	}
	return t
}

// askCopilot adds n answers, each drawing on one to nine files.
func askCopilot(p *plan, n int, t int64) int64 {
	for ; n > 0; n-- {
		p.native(M365, "CopilotInteraction", p.w.copilot(p.take(p.r.between(1, 9)), p.r.Uint64()), t)
		t += p.r.seconds(p.pace(25, 150))
	}
	return t
}

func exportDashboards(p *plan, n int, t int64) int64 {
	f := p.folderOf()
	for ; n > 0; n-- {
		p.native(M365, "ExportReport", p.w.powerBI(f, "report-"+strconv.Itoa(p.r.IntN(60))), t)
		t += p.r.seconds(p.pace(20, 120))
	}
	return t
}

func (p *plan) table() *Folder {
	if len(p.pool) > 0 && p.pool[0].Src == Snowflake {
		return pick(p.r, p.pool)
	}
	if list := p.a.folders[Snowflake]; p.inc == nil && len(list) > 0 {
		return pick(p.r, list)
	}
	return pick(p.r, p.w.folders[Snowflake])
}

func (p *plan) statement(kind, text string, rows float64, t int64) {
	p.put(Event{At: t, Src: Snowflake, Kind: Native, Arg: kind, Raw: text, N: int64(rows)})
}

func warehouseQuery(p *plan, n int, t int64) int64 {
	p.put(Event{At: t - 20*second, Src: Snowflake, Kind: Native, Arg: "LOGIN"})
	for ; n > 0; n-- {
		p.statement("SELECT", "SELECT * FROM "+p.table().Name+" WHERE D > CURRENT_DATE - "+strconv.Itoa(p.r.between(1, 400)),
			p.r.lognormal(6+3*p.q*p.q, 2), t)
		t += p.r.seconds(p.pace(30, 150))
	}
	return t
}

// warehouseUnload copies tables to a bucket: the organisation's own, or in an incident one
// outside, with its credentials in the statement.
func warehouseUnload(p *plan, n int, t int64) int64 {
	p.put(Event{At: t - 20*second, Src: Snowflake, Kind: Native, Arg: "LOGIN"})
	for ; n > 0; n-- {
		table := p.table().Name
		to, rows := "@EXPORTS.OWN_STAGE/"+strings.ToLower(table)+"/", p.r.lognormal(10, 1.3)
		if p.inc != nil {
			to, rows = "'s3://"+p.r.coin(&tongues[0], 3)+"/in/' CREDENTIALS=(AWS_KEY_ID='***' AWS_SECRET_KEY='***')",
				p.r.lognormal(10.5+2*p.q, 1)
		}
		p.statement("UNLOAD", "COPY INTO "+to+" FROM (SELECT * FROM "+table+") FILE_FORMAT=(TYPE=PARQUET)", rows, t)
		t += p.r.seconds(p.pace(60, 400))
	}
	return t
}

func warehouseGet(p *plan, n int, t int64) int64 {
	p.put(Event{At: t - 20*second, Src: Snowflake, Kind: Native, Arg: "LOGIN"})
	for ; n > 0; n-- {
		table := p.table().Name
		p.statement("UNLOAD", "COPY INTO @~/"+strings.ToLower(table)+" FROM (SELECT * FROM "+table+
			") FILE_FORMAT=(TYPE=CSV COMPRESSION=GZIP)", p.r.lognormal(9+2*p.q, 1.2), t)
		t += p.r.seconds(60)
		p.statement("GET_FILES", "GET @~/"+strings.ToLower(table)+" 'file:///C:/Users/"+p.a.local()+"/Downloads/'", 1, t)
		t += p.r.seconds(p.pace(60, 300))
	}
	return t
}
