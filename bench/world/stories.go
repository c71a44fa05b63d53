package main

// This file holds the stories of classic worlds: what insiders and intruders do, and what
// honest people do that resembles it.

var drives = []Source{Box, M365, Google}
var suites = []Source{M365, Google}

func dept(list ...Dept) func(*Actor) bool {
	return func(a *Actor) bool {
		for _, d := range list {
			if a.Dept == d {
				return true
			}
		}
		return false
	}
}

func admin(a *Actor) bool { return a.Admin }

var scenarios = []story{
	{name: "salesforce_leaver_export", family: "volume", severity: "high",
		from: []Source{Salesforce}, leaver: true, run: salesforceLeaver},
	{name: "bulk_download_box", family: "volume", severity: "high", from: []Source{Box}, span: 3, run: bulkDownload},
	{name: "bulk_download_m365", family: "volume", severity: "high", from: []Source{M365}, span: 3, run: bulkDownload},
	{name: "bulk_download_gdrive", family: "volume", severity: "high", from: []Source{Google}, span: 3, run: bulkDownload},
	{name: "bulk_github_clone", family: "volume", severity: "high", from: []Source{GitHub}, span: 3, run: githubClone},
	{name: "low_and_slow", family: "slow", severity: "high", from: drives, span: 21, run: lowAndSlow},
	{name: "external_share_burst", family: "sharing", severity: "high", from: drives, run: shareBurst},
	{name: "public_link_sensitive", family: "exposure", severity: "high", from: drives, span: 2, run: publicLinks},
	{name: "s3_bucket_public", family: "exposure", severity: "critical", from: []Source{CloudTrail}, span: 2, run: bucketPublic},
	{name: "s3_mass_getobject", family: "volume", severity: "high", from: []Source{CloudTrail}, span: 1, run: s3Mass},
	{name: "security_group_open", family: "admin", severity: "medium", from: []Source{CloudTrail}, run: securityGroup},
	{name: "admin_grant_unneeded", family: "admin", severity: "high",
		who: func(a *Actor) bool { return a.Admin || a.uses(CloudTrail) }, run: adminGrant},
	{name: "brute_force_then_download", family: "identity", severity: "critical", from: suites, run: bruteForce},
	{name: "account_takeover", family: "identity", severity: "critical", from: drives, run: takeover},
	{name: "mailbox_forwarding", family: "config", severity: "high", from: []Source{M365}, run: forwarding},
	{name: "download_share_delete", family: "sequence", severity: "high", from: drives, run: sequence},
	{name: "staged_multi_saas", family: "slow", severity: "high", from: drives, leaver: true, run: staged},
	{name: "oauth_app_exfil", family: "identity", severity: "high", from: suites, run: oauthExfil},
	{name: "dormant_reactivation", family: "identity", severity: "high", from: suites, leave: true, run: dormant},
	{name: "off_hours_collection", family: "volume", severity: "medium", from: drives, span: 12, run: offHours},
	{name: "mass_deletion", family: "deletion", severity: "high", from: drives, run: massDeletion},
}

var decoys = []story{
	{name: "legal_hold_export", rate: 1.5, from: drives, who: dept(Legal), run: legalHold},
	{name: "laptop_migration", rate: 5, from: []Source{M365}, run: laptopMigration},
	{name: "project_onboarding", rate: 10, from: drives, span: 4, run: projectOnboarding},
	{name: "partner_data_room", rate: 3, from: drives, who: dept(Sales, Legal, Marketing, Finance), run: dataRoom},
	{name: "repository_setup", rate: 3, from: []Source{GitHub}, run: repositorySetup},
	{name: "analyst_backfill", rate: 3, from: []Source{CloudTrail}, who: dept(Data, Engineering), run: backfill},
	{name: "sales_operations_export", rate: 2, from: []Source{Salesforce}, run: salesOperations},
	{name: "monthly_reports", rate: 4, from: []Source{Salesforce}, run: monthlyReports},
	{name: "cleanup_deletion", rate: 4, from: drives, run: cleanup},
	{name: "deadline_nights", rate: 6, from: drives, span: 6, run: deadline},
	{name: "campaign_links", rate: 3, from: drives, span: 2, who: dept(Marketing, Sales), run: campaignLinks},
	{name: "website_bucket", rate: 1.5, from: []Source{CloudTrail}, span: 2, run: websiteBucket},
	{name: "temporary_ingress", rate: 3, from: []Source{CloudTrail}, run: temporaryIngress},
	{name: "admin_onboarding", rate: 4, who: admin, run: adminOnboarding},
	{name: "vendor_forwarding", rate: 2, from: []Source{M365}, run: vendorForwarding},
	{name: "app_import", rate: 4, from: suites, run: appImport},
	{name: "stale_client_password", rate: 4, from: suites, run: stalePassword},
	{name: "personal_documents", rate: 3, from: drives, run: personalDocuments},
	{name: "family_abroad", rate: 3, from: suites, run: familyAbroad},
	{name: "leaver_handover", rate: 8, from: drives, leaver: true, run: handover},
}

func salesforceLeaver(p *plan) bool {
	days := p.exitDays(p.lerp(5, 1))
	bulk := p.q > .3 && p.r.chance(.5)
	total := p.lerp(5, 70)
	if bulk {
		total = p.lerp(3, 14)
	}
	for i, d := range days {
		p.c = p.client(d)
		t := p.clock(d, .6*p.q)
		client := pick(p.r, p.w.lex.clients)
		p.login(Salesforce, t, p.c)
		for n := (i+1)*total/len(days) - i*total/len(days); n > 0; n-- {
			e := Event{At: t, Src: Salesforce, Kind: BulkQuery, Arg: sfObjects[p.r.IntN(4)], Arg2: client}
			if bulk {
				e.N = int64(p.r.lognormal(9.5+2*p.q, .8))
				p.put(e)
				t += p.r.seconds(240)
				continue
			}
			t = p.export(e.Arg, p.r.lognormal(7.5+2*p.q, .8), t)
		}
	}
	return true
}

// export runs a Salesforce report and exports it.
func (p *plan) export(object string, rows float64, t int64) int64 {
	e := Event{At: t, Src: Salesforce, Kind: Report, N: int64(rows), Arg: object}
	p.put(e)
	e.Kind, e.At = ReportExport, t+p.r.seconds(20)
	p.put(e)
	return t + p.r.seconds(90)
}

func bulkDownload(p *plan) bool {
	n := 1
	if p.q < .5 {
		n = p.r.between(1, 3)
	}
	usual := p.a.rate[fileStream(p.src)] // the amount depends on what is usual for the person
	days := p.workdays(n, 6)
	items := p.loot(p.src, p.lerp(22+5*usual, 900+25*usual), p.r.uniform(.2, .8))
	for i, part := range split(items, len(days)) {
		p.sweep(p.src, Download, part, p.clock(days[i], .2+.3*p.q), p.r.logUniform(1.5, 25), p.client(days[i]), "")
	}
	return true
}

func githubClone(p *plan) bool {
	repos := append([]*Folder{}, p.w.folders[GitHub]...)
	p.r.Shuffle(len(repos), func(i, j int) { repos[i], repos[j] = repos[j], repos[i] })
	var items []Item
	for _, f := range repos[:min(len(repos), p.lerp(9, 90))] {
		items = append(items, Item{f, 0})
	}
	n := 1
	if p.q < .4 {
		n = p.r.between(1, 3)
	}
	days := p.workdays(n, 6)
	for i, part := range split(items, len(days)) {
		p.sweep(GitHub, Clone, part, p.clock(days[i], .3), p.r.logUniform(5, 120), p.client(days[i]), "")
	}
	return true
}

func lowAndSlow(p *plan) bool {
	usual, reach := p.a.rate[fileStream(p.src)], p.r.uniform(.3, .8)
	if usual < 2 {
		return false
	}
	days := p.workdays(21, p.r.between(13, 22))
	for _, d := range days {
		items := p.loot(p.src, p.r.negbin((1+2*p.q)*usual, 3), reach)
		p.sweep(p.src, Download, items, p.clock(d, 0), 40, p.client(d), "")
	}
	return len(days) > 7
}

func shareBurst(p *plan) bool {
	p.sweep(p.src, ShareExternal, p.loot(p.src, p.lerp(5, 120), .3), p.clock(p.d, .3), p.r.logUniform(8, 120), nil, p.stranger())
	return true
}

func publicLinks(p *plan) bool {
	var secret []*Folder
	for _, f := range p.w.folders[p.src] {
		if f.Sensitive > 0 && (f.Dept == p.a.Dept || p.q > .5) {
			secret = append(secret, f)
		}
	}
	if len(secret) == 0 {
		return false
	}
	f, t := pick(p.r, secret), p.clock(p.d, .2)
	for n := p.lerp(2, 30); n > 0; n-- {
		it := Item{f, p.r.IntN(f.size(p.d))}
		p.visits(p.src, it, t, p.r.poisson(2))
		t = p.sweep(p.src, PublicLink, []Item{it}, t, 60, nil, "")
	}
	return true
}

// expose makes a bucket public, after which anonymous visitors read from it.
func (p *plan) expose(f *Folder, t int64, visits int) {
	last := [2]string{"PutBucketPolicy", f.Name + "|\"*\""}
	if p.r.chance(.5) {
		last = [2]string{"PutBucketAcl", f.Name}
	}
	t = p.aws(t, [2]string{"GetBucketPublicAccessBlock", f.Name}, [2]string{"DeleteBucketPublicAccessBlock", f.Name}, last)
	for ; visits > 0; visits-- {
		p.visits(CloudTrail, Item{f, p.r.IntN(f.size(p.d))}, t, 1)
	}
}

func bucketPublic(p *plan) bool {
	p.expose(p.bucket(true), p.clock(p.d, .4*p.q), p.lerp(12, 2500))
	return true
}

// pull lists a bucket and reads n consecutive objects.
func (p *plan) pull(f *Folder, n int, t int64) bool {
	for i := n/900 + 1; i > 0; i-- {
		t = p.sweep(CloudTrail, ListFiles, []Item{{f, 0}}, t, 5, nil, "")
	}
	at, gap := p.r.IntN(f.size(p.d)), p.r.logUniform(.3, 4)
	for ; n > 0; n-- {
		t = p.sweep(CloudTrail, Download, []Item{{f, at % f.size(p.d)}}, t, gap, nil, "")
		at++
	}
	return true
}

func s3Mass(p *plan) bool {
	return p.pull(p.bucket(p.r.chance(.3+.5*p.q)), p.lerp(120+12*p.a.rate[s3Get], 9000), p.clock(p.d, .3))
}

func (p *plan) ingress() string {
	return p.w.securityGroup(p.r) + "|" + pick(p.r, []string{"22", "3389", "3306", "5432", "6379"}) + "|0.0.0.0/0"
}

func securityGroup(p *plan) bool {
	t := p.clock(p.d, .3)
	for n := p.lerp(1, 6); n > 0; n-- {
		t = p.aws(t, [2]string{"AuthorizeSecurityGroupIngress", p.ingress()})
	}
	return true
}

func adminGrant(p *plan) bool {
	sources := []Source{CloudTrail}
	if p.a.Admin {
		sources = []Source{Okta, p.a.Suite, Slack}
	}
	target := pick(p.r, p.w.people)
	if p.r.chance(.3) || target.LastDay < never || target.leaveFrom < never || target.taken {
		target = p.a
	}
	if target != p.a {
		p.inc.Users, target.taken = append(p.inc.Users, target.Email), true
	}
	t := p.clock(p.d, .5*p.q)
	for n := p.lerp(1, 4); n > 0; n-- {
		src := pick(p.r, sources)
		p.grant(target, src, topRoles[src], t)
		t += p.r.seconds(90)
	}
	return true
}

// breach is what an intruder does after signing in: look around, download, perhaps forward mail.
func (p *plan) breach(t int64, n int) {
	p.login(p.src, t, p.c)
	t = p.sweep(p.src, View, p.loot(p.src, p.r.between(2, 12), .5), t, 20, p.c, "")
	p.sweep(p.src, Download, p.loot(p.src, n, .5), t, p.r.logUniform(1.5, 20), p.c, "")
	if p.src == M365 && p.r.chance(.3*p.q) {
		to := p.w.lex.personalAddress(p.r, pick(p.r, p.w.lex.first), pick(p.r, p.w.lex.last))
		p.put(Event{At: t, Src: M365, Kind: InboxRule, Arg: to, Arg2: pick(p.r, p.w.lex.rules)})
	}
}

func bruteForce(p *plan) bool {
	p.c = p.intruder()
	guess, t := pick(p.r, []Source{Okta, p.src}), p.clock(p.d, .6)
	for n := p.lerp(12, 260); n > 0; n-- {
		p.put(Event{At: t, Src: guess, Kind: LoginFailed})
		t += p.r.seconds(12)
	}
	p.breach(t+3*minute, p.lerp(15, 350))
	return true
}

func takeover(p *plan) bool {
	p.c = p.intruder()
	p.breach(p.clock(p.d, .5), p.lerp(12, 300))
	return true
}

func forwarding(p *plan) bool {
	t := p.clock(p.d, .4)
	if p.q > .4 && p.r.chance(.5) {
		p.c = p.intruder()
		p.login(M365, t, p.c)
	}
	p.forward(t, p.stranger(), .4)
	return true
}

// forward forwards the person's mail by a rule or, with probability whole, that of the whole mailbox.
func (p *plan) forward(t int64, to string, whole float64) {
	e := Event{At: t, Src: M365, Kind: InboxRule, Arg: to, Arg2: pick(p.r, p.w.lex.rules)}
	if p.r.chance(whole) {
		e.Kind = ForwardMailbox
	}
	p.put(e)
}

func sequence(p *plan) bool {
	items, t := p.loot(p.src, p.lerp(8, 120), .3), p.clock(p.d, .3)
	t = p.sweep(p.src, Download, items, t, 12, nil, "") + p.r.seconds(1200)
	t = p.sweep(p.src, ShareExternal, items[:1+len(items)/4], t, 40, nil, p.stranger()) + p.r.seconds(3600)
	p.sweep(p.src, Delete, items[:1+len(items)/2], t, 6, nil, "")
	return true
}

func staged(p *plan) bool {
	days := p.exitDays(p.r.between(3, 7))
	for i, d := range days {
		p.c = p.client(d)
		t := p.clock(d, .25)
		items := p.loot(p.src, p.lerp(8+2*p.a.rate[fileStream(p.src)], 150), .4)
		p.sweep(p.src, Download, items, t, 15, nil, "")
		if i%2 == 0 {
			p.sweep(p.src, ShareExternal, items[:1+len(items)/6], t+hour, 60, nil, p.a.Personal)
		}
		for n := p.lerp(2, 15); n > 0 && i%2 == 1 && p.a.uses(GitHub); n-- {
			p.put(Event{At: t + p.r.Int64N(hour), Src: GitHub, Kind: Clone, Item: Item{pick(p.r, p.w.folders[GitHub]), 0}})
		}
	}
	return len(days) > 1
}

func oauthExfil(p *plan) bool {
	p.viaApp(p.w.lex.obscureApp(p.r), pick(p.r, []string{"3", "4"}), p.lerp(40, 1200), .3)
	return true
}

func dormant(p *plan) bool {
	lo, hi := max(p.w.Learn, p.a.leaveFrom+28), min(p.w.Days, p.a.leaveTo)-3
	if hi <= lo {
		return false
	}
	p.d = p.r.between(lo, hi)
	if p.c = p.client(p.d); p.r.chance(.6) {
		p.c = p.intruder()
	}
	p.breach(p.clock(p.d, .3), p.lerp(12, 250))
	return true
}

func offHours(p *plan) bool {
	for _, d := range p.workdays(p.r.between(3, 9), 14) {
		p.sweep(p.src, Download, p.loot(p.src, p.lerp(8, 90), .4), p.clock(d, 1), 15, p.client(d), "")
	}
	return p.a.weekend < .3
}

func massDeletion(p *plan) bool {
	p.sweep(p.src, Delete, p.loot(p.src, p.lerp(60, 2000), .4), p.clock(p.d, .4), p.r.logUniform(.5, 6), nil, "")
	return true
}

// The decoys.

func legalHold(p *plan) bool {
	p.sweep(p.src, Download, p.loot(p.src, int(p.r.logUniform(250, 1500)), .7), p.clock(p.d, 0), p.r.logUniform(2, 12), nil, "")
	return true
}

func laptopMigration(p *plan) bool {
	p.a.swap, p.a.next = p.d, newDevice(p.r, false)
	p.c = p.client(p.d)
	t := p.clock(p.d, 0)
	p.login(M365, t, p.c)
	p.sweep(M365, Sync, p.loot(M365, int(p.r.logUniform(250, 2500)), .05), t, p.r.logUniform(.5, 3), nil, "")
	return true
}

// projectOnboarding is a few days of reading in a folder that is new to the person.
func projectOnboarding(p *plan) bool {
	f := pick(p.r, p.w.folders[p.src])
	if f.Sensitive > 1 {
		return false
	}
	for _, d := range p.workdays(p.r.between(2, 4), 7) {
		c, t := p.client(d), p.clock(d, 0)
		for n := int(p.r.logUniform(8, 70)); n > 0; n-- {
			kind := []Kind{View, Download}[p.r.weighted([]float64{3, 2})]
			t = p.sweep(p.src, kind, []Item{{f, p.r.IntN(f.size(d))}}, t, 50, c, "")
		}
	}
	p.a.folders[p.src] = append(p.a.folders[p.src], f)
	return true
}

func dataRoom(p *plan) bool {
	if len(p.a.partners) == 0 || p.w.partners[p.a.partners[0]].from > p.d {
		return false
	}
	to := pick(p.r, p.w.partners[p.a.partners[0]].people)
	p.sweep(p.src, ShareExternal, p.loot(p.src, int(p.r.logUniform(10, 80)), .1), p.clock(p.d, 0), 30, nil, to)
	return true
}

func repositorySetup(p *plan) bool {
	var items []Item
	for n := int(p.r.logUniform(8, 45)); n > 0; n-- {
		if f := pick(p.r, p.w.folders[GitHub]); f.Dept == p.a.Dept {
			items = append(items, Item{f, 0})
		}
	}
	p.sweep(GitHub, Clone, items, p.clock(p.d, 0), 30, nil, "")
	return true
}

func backfill(p *plan) bool {
	return p.pull(pick(p.r, p.a.folders[CloudTrail]), int(p.r.logUniform(200, 4000)), p.clock(p.d, .3))
}

func salesOperations(p *plan) bool {
	t := p.clock(p.d, 0)
	for n := p.r.between(2, 6); n > 0; n-- {
		p.put(Event{At: t, Src: Salesforce, Kind: BulkQuery, N: int64(p.r.lognormal(10, 1)), Arg: pick(p.r, sfObjects),
			Arg2: pick(p.r, p.w.lex.clients)})
		t += p.r.seconds(400)
	}
	return true
}

// monthlyReports exports the same set of reports at the start of every month.
func monthlyReports(p *plan) bool {
	n, month := p.r.between(6, 22), 0
	for d := 0; d < p.w.Days; d++ {
		date := p.w.Start.AddDate(0, 0, d)
		if date.Day() > 5 || !p.a.present(d) || int(date.Month()) == month {
			continue
		}
		month, p.c = int(date.Month()), p.client(d)
		t := p.clock(d, 0)
		for i := n + p.r.between(-2, 2); i > 0; i-- {
			t = p.export("Opportunity", p.r.lognormal(8, .8), t)
		}
	}
	return true
}

func cleanup(p *plan) bool {
	p.sweep(p.src, Delete, p.loot(p.src, int(p.r.logUniform(30, 600)), 0), p.clock(p.d, 0), p.r.logUniform(1, 8), nil, "")
	return true
}

func deadline(p *plan) bool {
	for _, d := range p.workdays(p.r.between(2, 5), 8) {
		c, t := p.client(d), p.clock(d, 1)
		for i := p.r.between(8, 45); i > 0; i-- {
			kind := []Kind{View, Upload, Download}[p.r.weighted([]float64{5, 4, 2})]
			t = p.sweep(p.src, kind, []Item{p.w.choose(p.r, p.a, p.src, d)}, t, 90, c, "")
		}
	}
	return true
}

func campaignLinks(p *plan) bool {
	t := p.clock(p.d, 0)
	for n := p.r.between(4, 25); n > 0; n-- {
		if it := p.w.choose(p.r, p.a, p.src, p.d); it.Folder.Sensitive == 0 {
			p.visits(p.src, it, t, p.r.poisson(4))
			t = p.sweep(p.src, PublicLink, []Item{it}, t, 60, nil, "")
		}
	}
	return true
}

func websiteBucket(p *plan) bool {
	p.expose(p.bucket(false), p.clock(p.d, 0), int(p.r.logUniform(10, 400)))
	return true
}

func temporaryIngress(p *plan) bool {
	t, args := p.clock(p.d, 0), p.ingress()
	p.aws(t, [2]string{"AuthorizeSecurityGroupIngress", args})
	p.aws(t+p.r.between64(5*minute, 2*hour), [2]string{"RevokeSecurityGroupIngress", args})
	return true
}

func adminOnboarding(p *plan) bool {
	target := pick(p.r, p.w.people)
	if target.Dept != IT && target.Dept != Engineering || target == p.a {
		return false
	}
	t := p.clock(p.d, 0)
	for _, src := range []Source{Okta, p.a.Suite, CloudTrail, Slack} {
		role := minorRoles[src]
		if p.r.chance(.4) {
			role = topRoles[src]
		}
		if p.r.chance(.6) {
			p.grant(target, src, role, t)
			t += p.r.seconds(200)
		}
	}
	return true
}

func vendorForwarding(p *plan) bool {
	to := p.w.contact(p.r, p.a, p.d)
	if p.r.chance(.3) {
		to = p.a.Personal
	}
	p.forward(p.clock(p.d, 0), to, .3)
	return true
}

func appImport(p *plan) bool {
	app, _ := p.w.app(p.r)
	p.viaApp(app, pick(p.r, []string{"2", "3", "3", "4"}), int(p.r.logUniform(10, 150)), 0)
	return true
}

// stalePassword is a phone that keeps trying an old password.
func stalePassword(p *plan) bool {
	_, phone := p.w.contexts(p.a, p.d)
	t := p.clock(p.d, 0)
	for n := p.r.between(8, 60); n > 0; n-- {
		p.put(Event{At: t, Ctx: phone, Src: p.src, Kind: LoginFailed})
		t += p.r.seconds(60)
	}
	p.login(p.src, t+5*minute, p.c)
	return true
}

// personalDocuments is a person who sends a few private papers home.
func personalDocuments(p *plan) bool {
	p.sweep(p.src, ShareExternal, p.loot(p.src, p.r.between(2, 9), 0), p.clock(p.d, 0), 60, nil, p.a.Personal)
	return true
}

// familyAbroad is work from another country without a recorded trip.
func familyAbroad(p *plan) bool {
	dev := p.a.Device
	if p.r.chance(.3) {
		dev = newDevice(p.r, false)
	}
	place := pick(p.r, p.w.lex.abroad)
	c, t := p.elsewhere(place, place.Broadband, dev), p.clock(p.d, .5)
	p.login(p.src, t, c)
	for n := p.r.between(2, 15); n > 0; n-- {
		kind := []Kind{View, Download}[p.r.weighted([]float64{4, 1})]
		t = p.sweep(p.src, kind, []Item{p.w.choose(p.r, p.a, p.src, p.d)}, t, 60, c, "")
	}
	return true
}

// handover is an honest leaver who hands over work and tidies up.
func handover(p *plan) bool {
	days := p.exitDays(1)
	if len(days) == 0 {
		return false
	}
	p.c = p.client(days[0])
	t := p.clock(days[0], 0)
	p.sweep(p.src, ShareInternal, p.loot(p.src, p.r.between(4, 30), 0), t, 30, nil, p.a.Manager)
	if p.r.chance(.4) {
		p.sweep(p.src, Download, p.loot(p.src, int(p.r.logUniform(5, 40)), 0), t+hour, 20, nil, "")
	}
	if p.r.chance(.4) {
		p.sweep(p.src, Delete, p.loot(p.src, int(p.r.logUniform(10, 120)), 0), t+2*hour, 5, nil, "")
	}
	return true
}
