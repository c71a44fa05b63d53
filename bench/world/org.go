package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var deptShare = []float64{.27, .19, .12, .08, .05, .04, .09, .06, .06, .04}

var titles = [nDepts][]string{
	{"Software Engineer", "Senior Software Engineer", "Staff Engineer", "Site Reliability Engineer"},
	{"Account Executive", "Sales Development Representative", "Sales Operations Analyst", "Regional Sales Manager"},
	{"Customer Success Manager", "Support Engineer", "Implementation Consultant"},
	{"Accountant", "Financial Analyst", "Payroll Specialist", "Controller"},
	{"HR Business Partner", "Recruiter", "People Operations Specialist"},
	{"Counsel", "Paralegal", "Contracts Manager"},
	{"Content Marketer", "Designer", "Demand Generation Manager", "Events Manager"},
	{"Systems Administrator", "IT Support Specialist", "Security Analyst"},
	{"Data Analyst", "Data Engineer", "Data Scientist"},
	{"Vice President", "Chief of Staff", "Director"},
}

var firstNames = strings.Fields("Aaron Abigail Adrian Aisha Alejandro Amara Amelia Ananya Andrea Anna Arjun Astrid Beatriz " +
	"Benjamin Bruno Camille Carlos Chen Chloe Clara Daniel David Deepa Diego Elena Elias Emma Erik Fatima Felix Fiona Francesca " +
	"Gabriel Grace Hannah Hassan Helena Henrik Ines Ingrid Isabel Ivan Jack James Jasmine Javier Joanna Jonas Julia Kai " +
	"Karim Katarina Kavya Kenji Laura Lena Leo Liam Lin Lucas Lucia Magnus Malik Marco Maria Marta Matteo Maya Mei Mia " +
	"Michael Mikhail Mohan Nadia Natalia Nikhil Nina Noah Nora Olga Oliver Omar Oscar Patricia Paul Petra Priya " +
	"Rafael Rahul Rebecca Rosa Ruth Samir Samuel Sara Sean Sofia Stefan Sunita Susan Tara Theo Thomas Tomas Uma " +
	"Valentina Vera Victor Vikram Wei William Yara Yusuf Zoe")
var lastNames = strings.Fields("Abbott Adeyemi Ahmed Almeida Andersen Bakker Banerjee Barros Becker Bennett Bergstrom Bianchi " +
	"Brandt Brooks Campbell Castillo Chandra Chaudhary Clarke Costa Cruz Dahl Das Delgado Desai Dubois Eriksen Evans Farouk " +
	"Fernandez Fischer Fontaine Foster Garcia Ghosh Gomez Gonzalez Gupta Haas Hansen Haruna Hayashi Hoffman Holm Hughes " +
	"Ibrahim Ivanova Iyer Jansen Jensen Johansson Jones Kaminski Kapoor Keller Khan Kim Klein Kovacs Kowalski Kumar " +
	"Larsen Lefevre Li Lindgren Lopez Lund Marino Martin Mehta Meyer Mishra Moreau Morgan Muller Murphy Nair " +
	"Nakamura Nguyen Nielsen Novak Okafor Oliveira Olsen Ortiz Osei Park Patel Pereira Petrov Pham Popescu Rao " +
	"Reddy Reyes Ricci Rivera Rossi Roy Ruiz Saito Santos Schmidt Schneider Sharma Silva Singh Smith " +
	"Sokolov Sorensen Suzuki Svensson Tanaka Tan Taylor Thompson Torres Turner Varga Vasquez Vogel " +
	"Walker Wang Weber Williams Wilson Wong Wright Yamamoto Yilmaz Young Zhang Zimmermann")

var folderTopics = [nDepts]string{
	"Platform Design Docs|Runbooks|Architecture Reviews|Release Planning|Incident Reviews|API Specifications",
	"Account Plans|!Pricing and Discounts|Proposals|Pipeline Reviews|!Customer Contacts|Territory Planning|Sales Playbooks",
	"Onboarding Guides|Customer Health|Support Escalations|!Customer Data Extracts|Implementation Projects",
	"!!Payroll|!Board Reporting|Budget|!Audit Workpapers|Vendor Invoices|!Treasury|Tax Filings|!Revenue Model",
	"!!Compensation|!Performance Reviews|Recruiting|Benefits|!Employee Records|Policies",
	"!Contracts|!!Mergers and Acquisitions|!Litigation|Patents|Policies and Templates|!Due Diligence",
	"Brand Assets|Campaigns|Events|Web Content|Press Kit|Customer Stories|Launch Plans",
	"Asset Inventory|Network Diagrams|!Security Assessments|Helpdesk Knowledge Base|Procurement",
	"Metrics Definitions|Dashboards|!Customer Analytics|Experiment Results|Forecasting Models",
	"!!Board Materials|!Strategy|!Fundraising|Leadership Offsite|All Hands",
}

var repoNames = strings.Fields("platform-api web-app mobile-ios mobile-android billing-service auth-service infra-terraform " +
	"data-pipeline ml-ranking search-indexer notifications admin-console design-system docs-site sdk-go sdk-python integrations " +
	"event-bus feature-flags observability edge-proxy payments-core fraud-models etl-jobs release-tools devtools " +
	"qa-automation incident-bot warehouse-models customer-portal")
var bucketNames = strings.Fields("app-logs data-lake-raw data-lake-curated ml-datasets customer-exports finance-archive " +
	"web-assets backups-db terraform-state analytics-results media-uploads audit-archive")

// Culture holds the rates of one organisation. They are drawn from the seed, so no two
// worlds share them and a detector cannot be tuned to them.
type Culture struct {
	activity, tail, dispersion, personal, public, travel float64
	remote, decoys, suiteM365, storms, weekends          float64
	temper                                               []float64 // a factor per stream; procedural worlds only
}

func (c *Culture) stream(s Stream) float64 {
	if c.temper == nil {
		return 1
	}
	return c.temper[s]
}

func newCulture(r Rand) Culture {
	return Culture{
		activity: r.logUniform(.8, 1.25), tail: r.logUniform(.5, 2), dispersion: r.logUniform(.7, 1.4),
		personal: r.logUniform(.5, 2), public: r.logUniform(.5, 2), travel: r.logUniform(.5, 2),
		remote: r.uniform(.25, .7), decoys: r.logUniform(.7, 1.5), suiteM365: r.uniform(.4, .7),
		storms: r.logUniform(.5, 2), weekends: r.logUniform(.6, 1.6),
	}
}

type partner struct {
	domain string
	dept   Dept
	people []string
	from   int // first day of the relationship
}

// World is one organisation over a period of time.
type World struct {
	Config
	culture  Culture
	lex      *lexicon
	org      string // also the name of the GitHub organisation and of the tenants
	domain   string
	startMs  int64
	people   []*Actor
	services []*Actor
	folders  [nSources][]*Folder
	partners []partner
	officeIP map[*Place][]string
	egress   []Context // VPN gateways
	accounts [2]string // AWS account ids

	// Procedural worlds only.
	offices     map[*Place]office // opened during the period
	grammar     []*family
	habits      []habit
	foreign     string    // an AWS account outside the organisation
	modernLinks float64   // share of M365 sharing recorded as SharingLinkCreated and its companions
	planned     [][]Event // events of incidents and decoys, by UTC day
	incidents   []*Incident
	decoys      []Decoy
	leavers     []leaver
	storms      map[int]bool
	sink        *sink
}

type leaver struct {
	who              *Actor
	notice, lastDate int
}

func newWorld(c Config) *World {
	w := &World{Config: c, lex: classic, startMs: c.Start.UnixMilli(), officeIP: map[*Place][]string{}, storms: map[int]bool{},
		planned: make([][]Event, c.Days)}
	r := newRand(c.Seed, 1)
	w.culture = newCulture(r)
	if c.Procedural {
		w.found()
	}
	w.org = pick(r, w.lex.orgs) + pick(r, w.lex.orgTails)
	w.domain = w.org + ".example"
	for i := range w.accounts {
		w.accounts[i] = fmt.Sprintf("%012d", 100000000000+r.Int64N(899999999999))
	}
	for _, p := range w.lex.homes[:w.lex.offices] {
		w.officeIP[p] = []string{address(r, p.Hosting), address(r, p.Hosting)}
	}
	for _, i := range w.lex.egress {
		p := w.lex.homes[i]
		w.egress = append(w.egress, Context{IP: address(r, p.Hosting), Place: p})
	}
	w.makeFolders(r)
	if c.Procedural {
		w.furnish()
	}
	w.makePartners(r)
	w.makePeople(r)
	w.makeServices(r)
	if c.Procedural {
		w.adopt()
	}
	for d := 0; d < c.Days; d++ { // passwords expire in waves
		if r.chance(.03 * w.culture.storms) {
			w.storms[d] = true
		}
	}
	return w
}

func (w *World) makeFolders(r Rand) {
	add := func(src Source, name string, dept Dept, sensitive int, files float64) *Folder {
		f := &Folder{Src: src, Name: name, Dept: dept, Sensitive: sensitive, ID: r.Uint64(), Files: 15 + int(files), words: w.lex.files}
		f.Growth = float64(f.Files) * r.logUniform(.001, .012)
		w.folders[src] = append(w.folders[src], f)
		return f
	}
	copies := max(1, w.Users/150)
	for _, src := range []Source{M365, Google, Box, Dropbox} {
		for d := Dept(0); d < nDepts; d++ {
			if src == Box && d == Engineering || src == Dropbox && d != Marketing && d != Legal && d != Executive {
				continue
			}
			for _, topic := range w.lex.topics[d] {
				name := strings.TrimLeft(topic, "!")
				for i := 0; i < copies; i++ {
					n := name
					if i > 0 {
						n = name + " " + w.lex.variants[i%len(w.lex.variants)]
					}
					add(src, n, d, len(topic)-len(name), r.lognormal(5.2, 1.1))
				}
			}
		}
	}
	for i := 0; i < max(24, w.Users/5); i++ {
		name := w.lex.repos[i%len(w.lex.repos)]
		if i >= len(w.lex.repos) {
			name += "-" + strconv.Itoa(i/len(w.lex.repos)+1)
		}
		f := add(GitHub, name, pick(r, []Dept{Engineering, Engineering, Engineering, Data, IT}), 0, 100)
		f.Public = i%len(w.lex.repos) == w.lex.openRepos[0] || i%len(w.lex.repos) == w.lex.openRepos[1]
	}
	for i, name := range w.lex.buckets {
		for j := 0; j < max(1, w.Users/300); j++ {
			full := w.org + "-" + name
			if j > 0 {
				full += "-" + strconv.Itoa(j+1)
			}
			sensitive := 0
			if strings.Contains(w.lex.secretBuckets, name) {
				sensitive = 2
			}
			f := add(CloudTrail, full, []Dept{Engineering, Data, IT}[i%3], sensitive, r.lognormal(8, 1))
			f.Public = name == "web-assets"
		}
	}
}

var partnerStems = strings.Fields("alderpoint bluecanyon castellan dunmore eastgate ferncliff glenhaven harrowgate ironwood " +
	"juniper kestrel larkspur millbrook norfield oakhurst pinecrest quarry ravensworth silverlake thornbury umbra vantage " +
	"westfold yarrow zephyr amberly briarwood coldwater driftwood elmstead")

func (w *World) makePartners(r Rand) {
	for i, stem := range w.lex.stems {
		p := partner{domain: stem + pick(r, w.lex.tails) + ".example", dept: Dept(1 + r.IntN(int(nDepts)-1))}
		if i%4 == 3 { // a relationship that begins during the period
			p.from = r.IntN(w.Days + 1)
		}
		for j := r.between(2, 12); j > 0; j-- {
			p.people = append(p.people, strings.ToLower(pick(r, w.lex.first)+"."+pick(r, w.lex.last))+"@"+p.domain)
		}
		w.partners = append(w.partners, p)
	}
}

func newDevice(r Rand, mobile bool) *Device {
	d := &Device{ID: r.Uint64(), Version: 128 + r.IntN(5), Mobile: mobile}
	switch {
	case mobile && r.chance(.6):
		d.OS, d.Agent = "iOS", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "+
			"CriOS/%d.0.0 Mobile/15E148 Safari/604.1"
	case mobile:
		d.OS, d.Agent = "Android", "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 "+
			"Mobile Safari/537.36"
	case r.chance(.5):
		d.OS, d.Agent = "Mac OS X", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "+
			"Chrome/%d.0.0.0 Safari/537.36"
		d.Sync = "Microsoft SkyDriveSync 25.010.0118.0002 ship; Mac OS X 14.7"
	case r.chance(.6):
		d.OS, d.Agent = "Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "+
			"Chrome/%d.0.0.0 Safari/537.36"
		d.Sync = "Microsoft SkyDriveSync 25.010.0118.0002 ship; Windows NT 10.0 (22631)"
	case r.chance(.8):
		d.OS, d.Agent = "Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "+
			"Chrome/%[1]d.0.0.0 Safari/537.36 Edg/%[1]d.0.0.0"
		d.Sync = "Microsoft SkyDriveSync 25.004.0110.0001 ship; Windows NT 10.0 (26100)"
	default:
		d.OS, d.Agent = "Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:%[1]d.0) Gecko/20100101 Firefox/%[1]d.0"
		d.Sync = "Microsoft SkyDriveSync 25.010.0118.0002 ship; Windows NT 10.0 (22631)"
	}
	return d
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func appendToken(b []byte, key uint64, n int) []byte {
	for i := 0; i < n; i++ {
		if i%8 == 0 {
			key = mix(key)
		}
		b = append(b, alnum[key>>(uint(i%8)*8)&0xff%62])
	}
	return b
}

func token(key uint64, n int) string { return string(appendToken(make([]byte, 0, 32), key, n)) }

// salesforceID returns the 15- and 18-character forms of a record id.
func salesforceID(prefix string, key uint64) (string, string) {
	id := prefix + "5j00000" + token(key, 15-len(prefix)-7)
	suffix := ""
	for block := 0; block < 3; block++ {
		bits := 0
		for i := 0; i < 5; i++ {
			if c := id[block*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix += string("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits])
	}
	return id, id + suffix
}

func (w *World) identify(a *Actor, key uint64) {
	a.Key = key
	a.SFID, a.SFID18 = salesforceID("005", hash(key, 1))
	a.BoxID = strconv.FormatUint(10000000000+hash(key, 2)%89999999999, 10)
	a.Profile = "1" + fmt.Sprintf("%020d", hash(key, 3))
}

func (w *World) mailDomain(i int) string {
	if n := len(w.lex.domains); n > 0 && i%3 == 1 {
		return w.lex.domains[i/3%n]
	}
	return w.domain
}

func (w *World) makePeople(r Rand) {
	used := map[string]bool{}
	managers := map[Dept]string{}
	for i := 0; i < w.Users; i++ {
		r := newRand(w.Seed, 2, uint64(i))
		a := &Actor{Idx: i, Dept: Dept(r.weighted(deptShare)), LastDay: never, trips: map[int]*Place{}, moves: never,
			position: never, swap: never, leaveFrom: never, leaveTo: never}
		if i < int(nDepts) {
			a.Dept = Dept(i)
		}
		var first, last, local string
		for n := 0; local == "" || used[local]; n++ {
			first, last = pick(r, w.lex.first), pick(r, w.lex.last)
			if local = w.lex.form(first, last); n > 3 {
				local += strconv.Itoa(n)
			}
		}
		used[local] = true
		a.Name, a.Email = first+" "+last, local+"@"+w.mailDomain(i)
		a.Login = strings.ReplaceAll(local, ".", "-") + "-" + w.org[:4]
		a.Personal = w.lex.personalAddress(r, first, last)
		w.identify(a, r.Uint64())
		a.Title = pick(r, w.lex.titles[a.Dept])
		if managers[a.Dept] == "" {
			managers[a.Dept] = a.Email
			a.Manager, a.Title = managers[Executive], w.lex.head+w.lex.depts[a.Dept]
		} else {
			a.Manager = managers[a.Dept]
		}
		a.Home = w.lex.homes[r.weighted(w.lex.homeWeights)]
		a.Hired = -r.between(40, 2500)
		if r.chance(float64(w.Days) / 365 * .18) { // joins during the period
			a.Hired = r.IntN(w.Days)
		}
		a.Suite = Google
		if r.chance(w.culture.suiteM365) {
			a.Suite = M365
		}
		a.Admin = a.Dept == IT && r.chance(.6)
		a.IAMUser = r.chance(.15)
		a.Device, a.Phone = newDevice(r, false), newDevice(r, true)
		a.start, a.length = 9+.8*r.NormFloat64(), 8.6+.6*r.NormFloat64()
		a.weekend = min(.6, .05*r.spread(1.1)*w.culture.weekends)
		a.evening = min(.5, .08*r.spread(.9))
		a.vpn, a.mob = r.Float64()*.7, .03+.12*r.Float64()
		if a.remote = w.culture.remote * r.spread(.5); w.officeIP[a.Home] == nil {
			a.remote = 1
		}
		a.works = a.Dept
		a.rate = w.rates(r, a.Dept)
		w.chooseFolders(r, a, a.Dept)
		if a.Hired < -300 && r.chance(.03) { // moves to another department
			a.moves, a.newDept = r.between(10, max(11, w.Days-10)), Dept(r.IntN(int(nDepts)))
		}
		if r.chance(.08 * float64(w.Days) / 90) {
			a.swap, a.next = r.IntN(w.Days), newDevice(r, false)
		}
		if a.Hired < -60 {
			switch x := r.Float64() * 90 / float64(w.Days); {
			case x < .055: // resigns
				notice := r.between(0, w.Days-1)
				a.LastDay = notice + r.between(5, 30)
				w.leavers = append(w.leavers, leaver{a, notice, a.LastDay})
			case x < .08: // goes on long leave; some return during the period
				a.leaveFrom = r.IntN(max(1, w.Days/15))
				if r.chance(.4) {
					a.leaveTo = r.between(w.Days/2, w.Days)
				}
			}
		}
		for k := range w.partners {
			if w.partners[k].dept == a.Dept || r.chance(.06) {
				a.partners = append(a.partners, k)
			}
		}
		w.makeCalendar(r, a)
		w.people = append(w.people, a)
	}
}

// rates draws a person's mean activity per workday for every stream.
func (w *World) rates(r Rand, dept Dept) (rate [nStreams]float64) {
	level := r.spread(.7) * w.culture.activity
	for s := range streams {
		st := &streams[s]
		x := st.rate[dept] * level * r.spread(.65) * w.culture.stream(Stream(s))
		switch Stream(s) {
		case drvPersonal:
			x *= w.culture.personal
		case drvPublic, boxPublic:
			x *= w.culture.public
		}
		if r.chance(st.used) {
			rate[s] = x * w.Scale
		}
	}
	return rate
}

// chooseFolders gives a person a few habitual folders per source, in decreasing order
// of use. Most are folders of the person's department.
func (w *World) chooseFolders(r Rand, a *Actor, dept Dept) {
	for src := range w.folders {
		if src > int(Dropbox) && len(w.folders[src]) == 0 {
			continue
		}
		var own, other []*Folder
		for _, f := range w.folders[src] {
			switch {
			case f.Dept == dept || src == int(CloudTrail) && f.Sensitive == 0:
				own = append(own, f)
			case f.Sensitive == 0:
				other = append(other, f)
			}
		}
		var list []*Folder
		for n := r.between(3, 8); n > 0; n-- {
			pool := own
			if len(other) > 0 && (len(own) == 0 || r.chance(.2)) {
				pool = other
			}
			if len(pool) > 0 {
				list = append(list, pick(r, pool))
			}
		}
		a.folders[src] = list
	}
}

// makeCalendar draws a person's days off, trips and the slow drift of activity.
func (w *World) makeCalendar(r Rand, a *Actor) {
	a.state = make([]DayState, w.Days)
	for d := range a.state {
		date := w.Start.AddDate(0, 0, d)
		switch wd := date.Weekday(); {
		case d < a.Hired:
			a.state[d] = Gone
		case wd == time.Saturday || wd == time.Sunday:
			a.state[d] = Weekend
		case isHoliday(a.Home.Code, date):
			a.state[d] = Holiday
		case r.chance(.015): // sick
			a.state[d] = Away
		}
	}
	for n := r.poisson(float64(w.Days) / 90 * 1.1); n > 0; n-- { // vacations
		from, days := r.IntN(w.Days), r.between(2, 14)
		for d := from; d < min(w.Days, from+days); d++ {
			if a.state[d] == Working {
				a.state[d] = Away
			}
			if days > 6 && r.chance(.7) {
				a.trips[d] = w.lex.abroad[hash(a.Key, uint64(from))%uint64(len(w.lex.abroad))]
			}
		}
	}
	for n := r.poisson(float64(w.Days) / 90 * .25 * w.culture.travel); n > 0; n-- { // business trips
		from, days := r.IntN(w.Days), r.between(2, 6)
		place := pick(r, w.lex.abroad)
		if r.chance(.5) {
			place = pick(r, w.lex.homes)
		}
		for d := from; d < min(w.Days, from+days); d++ {
			a.trips[d] = place
		}
	}
	x := 0.25 * r.NormFloat64()
	for i := 0; i <= w.Days/7+1; i++ {
		x = .7*x + .25*r.NormFloat64()
		a.week = append(a.week, math.Exp(x))
	}
}

func (w *World) makeServices(r Rand) {
	add := func(local, name string, dept Dept) {
		a := &Actor{Idx: w.Users + len(w.services), Email: local + "@" + w.domain, Name: name, Service: true, Dept: dept,
			Login: local + "[bot]", Home: w.lex.homes[1], Suite: M365, LastDay: never, Device: newDevice(r, false)}
		w.identify(a, r.Uint64())
		w.services = append(w.services, a)
	}
	add("svc-backup", "Backup Service", IT)
	add("svc-integration", "Integration User", IT)
	add("ci-runner", "CI Runner", Engineering)
	add("svc-etl", "ETL Pipeline", Data)
	add("svc-ediscovery", "eDiscovery Service", Legal)
	add("app-server", "Application Servers", Engineering)
}
