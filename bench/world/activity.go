package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// The keys of random streams, by purpose.
const (
	seedContext = 10 + iota
	seedLease
	seedDay
	seedService
	seedNoise
	seedDecoy
	seedScenario
	seedLexicon
	seedGrammar
	seedFamily
	seedHabit
)

// midnight is the start of day d in a place, in Unix milliseconds.
func (w *World) midnight(p *Place, d int) int64 {
	y, m, dd := w.Start.Date()
	return time.Date(y, m, dd+d, 0, 0, 0, 0, p.Zone).UnixMilli()
}

// whereabouts is where a person is on a day.
func (a *Actor) whereabouts(d int) *Place {
	if p := a.trips[d]; p != nil {
		return p
	}
	return a.Home
}

func agentOf(dev *Device, d int) string { return fmt.Sprintf(dev.Agent, dev.Version+d/28) }

// contexts returns the main and the mobile client of a person on a day.
func (w *World) contexts(a *Actor, d int) (main, mobile *Context) {
	r := newRand(w.Seed, seedContext, uint64(a.Idx), uint64(d))
	place := a.whereabouts(d)
	dev := a.Device
	if d >= a.swap && a.next != nil {
		dev = a.next
	}
	main = &Context{Place: place, Device: dev, Agent: agentOf(dev, d), Session: r.Uint64()}
	mobile = &Context{Place: place, Device: a.Phone, Agent: agentOf(a.Phone, d), Session: r.Uint64(), IP: address(r, place.Mobile)}
	lease := newRand(w.Seed, seedLease, uint64(a.Idx), uint64(d/25))
	switch {
	case place != a.Home && r.chance(.25):
		main.IP = mobile.IP
	case place != a.Home: // a hotel keeps its address during a stay
		main.IP = address(newRand(w.Seed, seedLease, a.Key, hashString(place.City)), place.Broadband)
	case r.chance(a.remote):
		main.IP = address(lease, place.Broadband)
	default:
		if main.IP = pick(r, w.officeIP[place]); w.offices[place].ip != "" && d >= w.offices[place].from {
			main.IP = w.offices[place].ip
		}
	}
	if r.chance(a.vpn) {
		e := w.egress[0]
		for _, x := range w.egress {
			if x.Place == a.Home {
				e = x
			}
		}
		main.IP, main.Place = e.IP, e.Place
	}
	return main, mobile
}

// emit gives an event its identifier and appends it.
func (w *World) emit(r Rand, out *[]Event, e Event) {
	e.ID = [2]uint64{r.Uint64(), r.Uint64()}
	*out = append(*out, e)
}

// moment draws a time in working hours, with a dip around noon.
func (a *Actor) moment(r Rand, midnight int64) int64 {
	for {
		x := r.Float64()
		if h := a.start + x*a.length; math.Abs(h-12.7) > .5 || r.chance(.35) {
			return midnight + int64(h*float64(hour))
		}
	}
}

// simulate appends a person's ordinary activity of a local day.
func (w *World) simulate(a *Actor, d int, out *[]Event) {
	r := newRand(w.Seed, seedDay, uint64(a.Idx), uint64(d))
	factor, mobileOnly := a.attendance(r, d)
	if factor == 0 {
		return
	}
	if d >= a.moves { // the habits of the new department replace the old ones
		mr := newRand(w.Seed, seedDay, uint64(a.Idx), 1<<40)
		a.rate, a.works, a.moves = w.rates(mr, a.newDept), a.newDept, never
		w.chooseFolders(mr, a, a.newDept)
	}
	date := w.Start.AddDate(0, 0, d)
	w.changeProjects(r, a)
	factor *= a.workload(d, date)
	main, mobile := w.contexts(a, d)
	midnight := w.midnight(main.Place, d)
	if main.Place != a.whereabouts(d) {
		midnight = w.midnight(a.whereabouts(d), d)
	}
	first := [nSources]int64{}
	for s := range streams {
		st := &streams[s]
		mean := a.rate[s] * factor
		if mean <= 0 {
			continue
		}
		src := st.src
		if src == Google {
			src = a.Suite
		}
		if Stream(s) == drvSync && a.Suite != M365 {
			continue
		}
		switch st.kind {
		case Download, Sync, ReportExport, Clone, Delete, Upload: // now and then a task is simply large
			if r.chance(.004 * w.culture.tail) {
				mean *= min(60, 3*r.pareto(1.2))
			}
		}
		n := r.negbin(mean, st.k*w.culture.dispersion)
		if at := w.clusters(r, a, Stream(s), src, n, d, midnight, main, mobile, mobileOnly, out); at > 0 &&
			(first[src] == 0 || at < first[src]) {
			first[src] = at
		}
	}
	w.signIn(r, a, d, midnight, main, mobile, first, out)
	w.administer(r, a, midnight, main, out)
	w.sortMail(r, a, d, midnight, main, out)
}

// attendance is the factor on a person's activity on a day off, 1 on a workday and 0 if the
// person does not work at all; mobileOnly if only the phone is used.
func (a *Actor) attendance(r Rand, d int) (factor float64, mobileOnly bool) {
	factor = 1
	switch a.state[d] {
	case Gone:
		return 0, false
	case Weekend, Holiday:
		if !r.chance(a.weekend) {
			return 0, false
		}
		factor = .3
	case Away:
		if !r.chance(.12) {
			return 0, false
		}
		factor, mobileOnly = .06, true
	}
	if d > a.LastDay || d >= a.leaveFrom && d < a.leaveTo {
		return 0, false
	}
	return factor, mobileOnly
}

// changeProjects now and then replaces a habitual folder.
func (w *World) changeProjects(r Rand, a *Actor) {
	for src, list := range a.folders {
		if len(list) > 0 && r.chance(.03) {
			if g := pick(r, w.folders[src]); g.Dept == a.works || g.Sensitive == 0 && r.chance(.3) {
				list[r.IntN(len(list))] = g
			}
		}
	}
}

// workload is how busy a person is on a day, by weekday, season and time with the company.
func (a *Actor) workload(d int, date time.Time) float64 {
	factor := a.week[d/7] * []float64{.3, 1, 1.1, 1.1, 1, .8, .3}[date.Weekday()] * closeFactor(a.works, date)
	if a.Hired >= 0 { // newcomers start slowly
		factor *= min(1, .3+.07*float64(d-a.Hired))
	}
	if a.LastDay-d < 5 { // leavers wind down
		factor *= .6
	}
	return factor
}

// clusters appends n actions of a stream in clusters and returns the time of the earliest.
func (w *World) clusters(r Rand, a *Actor, s Stream, src Source, n, d int, midnight int64, main, mobile *Context, mobileOnly bool,
	out *[]Event) (first int64) {
	st := &streams[s]
	for n > 0 {
		c := main
		if mobileOnly || st.kind == View && r.chance(a.mob) {
			c = mobile
		}
		t := a.moment(r, midnight)
		if r.chance(a.evening) {
			t = midnight + int64((19.5+3.5*r.Float64())*float64(hour))
		}
		item := w.choose(r, a, src, d)
		for m := min(n, 1+r.poisson(r.ExpFloat64()*4)); m > 0; m-- {
			w.act(r, a, s, src, t, d, c, item, out)
			if first == 0 || t < first {
				first = t
			}
			t += r.seconds(st.gap)
			if next := w.choose(r, a, src, d); r.chance(.25) {
				item = next
			} else if item.Folder != nil {
				item.Idx = r.IntN(item.Folder.size(d))
			}
			n--
		}
	}
	return first
}

// administer now and then appends the assignment of a role by an administrator.
func (w *World) administer(r Rand, a *Actor, midnight int64, main *Context, out *[]Event) {
	if a.Admin && r.chance(.04) {
		src := pick(r, []Source{Okta, a.Suite, Slack})
		role, target := minorRoles[src], pick(r, w.people)
		if target.Dept == IT && r.chance(.5) || r.chance(.01) {
			role = topRoles[src]
		}
		w.emit(r, out, Event{At: a.moment(r, midnight), Actor: a, Ctx: main, Src: src, Kind: GrantRole, Arg: target.Email, Arg2: role})
	}
}

// sortMail now and then appends an inbox rule, rarely one that forwards.
func (w *World) sortMail(r Rand, a *Actor, d int, midnight int64, main *Context, out *[]Event) {
	if a.Suite == M365 && r.chance(.012) {
		to := pick(r, w.people).Email
		e := Event{At: a.moment(r, midnight), Actor: a, Ctx: main, Src: M365, Kind: InboxRule, Arg: "", Arg2: pick(r, w.lex.rules)}
		switch {
		case r.chance(.12):
			if e.Arg = to; r.chance(.3) {
				e.Kind = ForwardMailbox
			}
		case r.chance(.03):
			e.Arg = a.Personal
		case r.chance(.03):
			e.Arg = w.contact(r, a, d)
		}
		w.emit(r, out, e)
	}
}

// choose draws a file the way people do: mostly a recent one in a habitual folder.
func (w *World) choose(r Rand, a *Actor, src Source, d int) Item {
	list := a.folders[src]
	if len(list) == 0 {
		return Item{}
	}
	x := r.Float64()
	f := list[int(x*x*float64(len(list)))]
	if r.chance(.03) {
		if g := pick(r, w.folders[src]); g.Sensitive == 0 || g.Dept == a.works {
			f = g
		}
	}
	n := f.size(d)
	if r.chance(.6) {
		return Item{f, max(0, n-1-int(r.ExpFloat64()*(4+.06*float64(n))))}
	}
	y := r.Float64()
	return Item{f, int(y * y * y * float64(n))}
}

// contact draws an address at a partner company, rarely at a new one.
func (w *World) contact(r Rand, a *Actor, d int) string {
	if r.chance(.06) || len(a.partners) == 0 {
		return w.lex.prospect(r)
	}
	for try := 0; try < 8; try++ {
		x := r.Float64()
		p := &w.partners[a.partners[int(x*x*float64(len(a.partners)))]]
		if p.from <= d {
			y := r.Float64()
			return p.people[int(y*y*float64(len(p.people)))]
		}
	}
	return w.partners[0].people[0]
}

// visit is an anonymous visitor who opens a public link within a day.
func (w *World) visit(r Rand, src Source, it Item, t int64, d int) Event {
	place, dev := pick(r, w.lex.everywhere), newDevice(r, false)
	c := &Context{IP: address(r, place.Broadband), Place: place, Device: dev, Agent: agentOf(dev, d)}
	return Event{At: t + r.between64(minute, day), Ctx: c, Src: src, Kind: LinkUsed, Item: it}
}

// act appends the events of one action of a stream.
func (w *World) act(r Rand, a *Actor, s Stream, src Source, t int64, d int, c *Context, item Item, out *[]Event) {
	e := Event{At: t, Actor: a, Ctx: c, Src: src, Kind: streams[s].kind, Item: item}
	switch s {
	case drvShareExt, boxShareExt, dbxShareExt:
		e.Arg = w.contact(r, a, d)
	case drvPersonal:
		if e.Arg = a.Personal; r.chance(.5) {
			e.Arg = w.lex.personalAddress(r, pick(r, w.lex.first), pick(r, w.lex.last))
		}
	case drvShareInt, boxShareInt:
		e.Arg = pick(r, w.people).Email
	case sfReport:
		e.N, e.Arg = int64(r.lognormal(5.2, 1.6)), pick(r, sfObjects)
	case sfExport: // a report is run before it is exported
		e.N, e.Arg = int64(r.lognormal(6.3, 1.6)), pick(r, sfObjects)
		report := e
		report.Kind, report.At = Report, t-r.between64(3*second, 50*second)
		w.emit(r, out, report)
	case drvPublic, boxPublic:
		for n := r.poisson(1.5); n > 0; n-- {
			w.emit(r, out, w.visit(r, src, item, t, d))
		}
	case sfAPI:
		e.N, e.Arg, e.Arg2 = int64(r.lognormal(2.5, 2)), pick(r, sfObjects), pick(r, w.lex.clients)
		if r.chance(.01) {
			e.Kind, e.N = BulkQuery, int64(r.lognormal(8, 1.6))
		}
	case appGrant:
		e.Arg, e.Arg2 = w.app(r)
	case appRead: // an integration the person has long used
		k := newRand(a.Key, seedLease)
		e.Arg, e.Ctx = pick(k, w.lex.apps), &Context{IP: address(k, w.lex.homes[1].Hosting), Place: w.lex.homes[1],
			Device: w.services[0].Device, Agent: "python-requests/2.32.3", Session: a.Key}
	case awsRead:
		e.Arg = pick(r, awsReads)
	case awsChange:
		e.Arg, e.Arg2 = w.awsChange(r)
	}
	w.emit(r, out, e)
}

var ruleNames = []string{"Newsletters", "GitHub", "Invoices", "Calendar", "Jira", "Reports", "Receipts", "Archive", "."}
var sfObjects = strings.Fields("Account Contact Opportunity Lead Case Task Event Contract Campaign Product2 Quote User")
var sfClients = strings.Fields("OutlookIntegration GmailIntegration SalesforceMobileSDK DataLoader Tableau Gong Outreach " +
	"python-simple-salesforce ExcelConnector")

var commonApps = strings.Split("Zoom|Calendly|Slack|Notion|Asana|Miro|Figma|Loom|Lucidchart|DocuSign|Grammarly|Trello|HubSpot|"+
	"Airtable|Zapier", "|")

var scopeSets = map[Source][]string{
	Google: {"openid email profile", "https://www.googleapis.com/auth/calendar.events openid email",
		"https://www.googleapis.com/auth/drive.file openid email", "https://www.googleapis.com/auth/drive.readonly openid email",
		"https://www.googleapis.com/auth/drive https://www.googleapis.com/auth/gmail.readonly"},
	M365: {"openid profile User.Read", "Calendars.ReadWrite User.Read", "Files.Read User.Read",
		"Files.Read.All offline_access User.Read", "Files.ReadWrite.All Mail.Read offline_access"},
}

// app draws an application and its level of access, an index into scopeSets. Most are
// common and ask for little, some are obscure, a few ask for everything.
func (w *World) app(r Rand) (name, level string) {
	name = pick(r, w.lex.apps)
	if r.chance(.2) {
		name = w.lex.obscureApp(r)
	}
	return name, strconv.Itoa(r.weighted([]float64{.4, .25, .2, .1, .05}))
}

var awsReads = strings.Fields("DescribeInstances DescribeInstances DescribeInstances DescribeSecurityGroups DescribeVolumes " +
	"ListBuckets GetBucketAcl GetBucketPolicy ListUsers GetUser ListRoles DescribeAlarms GetMetricData GetMetricData " +
	"FilterLogEvents FilterLogEvents DescribeLogGroups ListFunctions20150331 DescribeDBInstances GetCallerIdentity " +
	"GetCallerIdentity DescribeServices DescribeStacks GetParameter GetSecretValue DescribeImages")

// awsChange draws a routine change of the AWS configuration.
func (w *World) awsChange(r Rand) (api, args string) {
	switch x := r.Float64(); {
	case x < .12:
		port := pick(r, []string{"443", "443", "443", "80", "8443", "22", "5432", "3306", "6379", "3389"})
		cidr := "10." + strconv.Itoa(r.IntN(200)) + ".0.0/16"
		if port == "443" || port == "80" || r.chance(.03) {
			cidr = "0.0.0.0/0"
		} else if r.chance(.3) {
			cidr = pick(r, w.officeIP[w.lex.homes[r.IntN(w.lex.offices)]]) + "/32"
		}
		return "AuthorizeSecurityGroupIngress", w.securityGroup(r) + "|" + port + "|" + cidr
	case x < .16:
		return "RevokeSecurityGroupIngress", w.securityGroup(r) + "|443|0.0.0.0/0"
	case x < .2:
		return "PutBucketPolicy", pick(r, w.folders[CloudTrail]).Name + "|{\"AWS\":\"arn:aws:iam::" + w.accounts[0] + ":role/app-server\"}"
	case x < .22:
		return "PutBucketPublicAccessBlock", pick(r, w.folders[CloudTrail]).Name
	case x < .27:
		return "AttachRolePolicy", pick(r, []string{"app-server", "etl-pipeline", "lambda-worker"}) + "|" +
			pick(r, []string{"AmazonS3ReadOnlyAccess", "CloudWatchLogsFullAccess", "AmazonSQSFullAccess"})
	case x < .29:
		policy, user := pick(r, []string{"ReadOnlyAccess", "PowerUserAccess", "AmazonS3ReadOnlyAccess"}), pick(r, w.people)
		if user.Dept == IT {
			policy = "AdministratorAccess"
		}
		return "AttachUserPolicy", user.local() + "|" + policy
	case x < .31:
		return "CreateAccessKey", pick(r, w.people).local()
	}
	return pick(r, strings.Fields("RunInstances TerminateInstances CreateTags UpdateFunctionCode20150331v2 CreateSnapshot "+
		"ModifyDBInstance UpdateService UpdateStack PutParameter")), ""
}

func (w *World) securityGroup(r Rand) string {
	return fmt.Sprintf("sg-0%016x", hash(w.Seed, 77, uint64(r.IntN(60))))
}

func (a *Actor) local() string { return a.Email[:strings.IndexByte(a.Email, '@')] }

// signIn adds the logins that precede a day's work, and mistyped passwords.
func (w *World) signIn(r Rand, a *Actor, d int, midnight int64, main, mobile *Context, first [nSources]int64, out *[]Event) {
	start := int64(math.MaxInt64)
	for _, t := range first {
		if t > 0 {
			start = min(start, t)
		}
	}
	if start == math.MaxInt64 {
		return
	}
	add := func(t int64, src Source, kind Kind, c *Context, arg string) {
		w.emit(r, out, Event{At: t, Actor: a, Ctx: c, Src: src, Kind: kind, Arg: arg})
	}
	fail := func(t int64, src Source, c *Context) {
		if r.chance(.035) {
			for n := r.between(1, 3); n > 0; n-- {
				t -= r.seconds(12) + 3*second
				add(t, src, LoginFailed, c, "")
			}
		}
	}
	t := start - r.between64(40*second, 6*minute)
	fail(t, Okta, main)
	add(t, Okta, Login, main, "")
	add(t+r.seconds(8), Okta, MFA, main, "")
	for _, src := range []Source{M365, Google, Box, Salesforce, Slack, GitHub, CloudTrail, Dropbox} {
		if first[src] == 0 {
			continue
		}
		at := first[src] - r.between64(5*second, 40*second)
		if r.chance(.8) {
			add(at-2*second, Okta, SingleSignOn, main, sourceApps[src])
		}
		p, c := [nSources]float64{M365: 1, Google: .25, Box: .5, Salesforce: 1, Slack: .2, CloudTrail: .7, Dropbox: .3}[src], main
		if src == CloudTrail && a.IAMUser {
			p = .3
		}
		if !r.chance(p) {
			continue
		}
		fail(at, src, c)
		add(at, src, Login, c, "")
		for n := r.poisson(.7); n > 0 && (src == M365 || src == Salesforce); n-- {
			if r.chance(.4) {
				c = mobile
			}
			add(a.moment(r, midnight), src, Login, c, "")
		}
	}
	if w.storms[d] && r.chance(.2) { // an expired password that forgotten clients keep trying
		t := a.moment(r, midnight)
		src := pick(r, []Source{Okta, a.Suite})
		for n := r.between(2, 22); n > 0; n-- {
			c := mobile
			if r.chance(.4) {
				c = main
			}
			add(t, src, LoginFailed, c, "")
			t += r.seconds(70)
		}
		if r.chance(.2) {
			add(t, Okta, Lockout, main, "")
		}
		add(t+r.seconds(400), src, Login, main, "")
	}
}

func (r Rand) between64(lo, hi int64) int64 { return lo + r.Int64N(hi-lo+1) }

var sourceApps = [nSources]string{"AWS IAM Identity Center", "Microsoft Office 365", "Google Workspace", "Box", "Salesforce.com",
	"Okta", "Slack", "GitHub Enterprise Cloud", "Dropbox Business"}

// service describes a daily job of a service identity: its action, the daily volume per
// employee, and the UTC hours it runs in.
type service struct {
	who      int
	src      Source
	kind     Kind
	volume   float64
	from, to float64
	weekdays bool
}

var serviceJobs = []service{
	{0, Box, Download, .9, 1, 4, false}, {0, M365, Download, .9, 2, 5, false}, {0, CloudTrail, Upload, .4, 3, 6, false},
	{1, Salesforce, APIQuery, .8, 0, 24, false}, {1, Salesforce, BulkQuery, .02, 2, 5, false},
	{2, GitHub, Clone, 1.5, 6, 23, true}, {2, GitHub, Fetch, 1.5, 0, 24, false},
	{3, CloudTrail, Download, 2.5, 0, 24, false}, {3, CloudTrail, Upload, .8, 0, 24, false}, {3, CloudTrail, ListFiles, .2, 0, 24, false},
	{5, CloudTrail, Download, 1.5, 0, 24, false}, {5, CloudTrail, Upload, .5, 0, 24, false}, {5, CloudTrail, AWSCall, 2, 0, 24, false},
}

// automate appends the activity of service identities and of the internet on a UTC day.
func (w *World) automate(d int, out *[]Event) {
	r := newRand(w.Seed, seedService, uint64(d))
	base := w.startMs + int64(d)*day
	wd := w.Start.AddDate(0, 0, d).Weekday()
	for _, j := range serviceJobs {
		if j.weekdays && (wd == time.Saturday || wd == time.Sunday) {
			continue
		}
		a := w.services[j.who]
		c := &Context{IP: address(newRand(a.Key), w.lex.homes[1].Hosting), Place: w.lex.homes[1], Device: a.Device,
			Agent: "python-requests/2.32.3", Session: a.Key}
		n := r.negbin(j.volume*float64(w.Users)*w.Scale, 12)
		for ; n > 0; n-- {
			e := Event{At: base + int64(r.uniform(j.from, j.to)*float64(hour)), Actor: a, Ctx: c, Src: j.src, Kind: j.kind}
			if len(w.folders[j.src]) > 0 {
				f := pick(r, w.folders[j.src])
				e.Item = Item{f, r.IntN(f.size(d))}
			}
			switch j.kind {
			case APIQuery, BulkQuery:
				if e.N, e.Arg, e.Arg2 = int64(r.lognormal(4, 1.5)), pick(r, sfObjects), "DataLoader"; j.kind == BulkQuery {
					e.N = int64(r.lognormal(11, .8))
				}
			case AWSCall:
				e.Arg = pick(r, []string{"AssumeRole", "Decrypt", "Decrypt", "GenerateDataKey", "GetSecretValue", "PutParameter"})
			}
			w.emit(r, out, e)
		}
	}
	// Visitors of public web assets, and password guessing against employees.
	for n := r.poisson(.8 * float64(w.Users) * w.Scale); n > 0; n-- {
		p := pick(r, w.lex.everywhere)
		c := &Context{IP: address(r, p.Broadband), Place: p, Device: w.people[0].Device, Agent: agentOf(pick(r, w.people).Device, d)}
		for _, f := range w.folders[CloudTrail] {
			if f.Public {
				w.emit(r, out, Event{At: base + r.Int64N(day), Ctx: c, Src: CloudTrail, Kind: LinkUsed, Item: Item{f, r.IntN(f.size(d))}})
				break
			}
		}
	}
	for n := r.poisson(.012 * float64(w.Users)); n > 0; n-- {
		p, victim := pick(r, w.lex.everywhere), pick(r, w.people)
		c := &Context{IP: address(r, pick(r, [][]string{p.Hosting, p.Broadband})), Place: p, Device: victim.Device,
			Agent: agentOf(pick(r, w.people).Device, d)}
		t, src := base+r.Int64N(day), pick(r, []Source{Okta, victim.Suite})
		for k := 1 + r.poisson(r.ExpFloat64()*6); k > 0; k-- {
			w.emit(r, out, Event{At: t, Actor: victim, Ctx: c, Src: src, Kind: LoginFailed})
			t += r.seconds(30)
		}
	}
	if r.chance(.1) { // the root account is used for billing
		w.emit(r, out, Event{At: base + 15*hour + r.Int64N(4*hour),
			Ctx: &Context{IP: w.egress[0].IP, Place: w.egress[0].Place, Device: w.people[0].Device,
				Agent: agentOf(w.people[0].Device, d)}, Src: CloudTrail, Kind: Login, Arg: "root"})
	}
}
