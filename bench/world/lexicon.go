package main

import (
	"strconv"
	"strings"
)

// lexicon holds the vocabulary, places and networks of a world. The classic one is the
// same for all seeds; with -procedural every seed draws its own.
type lexicon struct {
	orgs, orgTails          []string
	domains                 []string // further mail domains of the organisation
	first, last             []string
	depts                   [nDepts]string
	titles                  [nDepts][]string
	head                    string           // prefix of the title of a head of department
	topics                  [nDepts][]string // names of folders; one ! marks a confidential folder, two a highly confidential one
	variants                []string         // suffixes of topics that exist several times
	repos, buckets          []string
	secretBuckets           string
	openRepos               [2]int
	files                   *[2][]string // first and second part of a file's name
	rules, clients          []string
	apps                    []string
	appParts                [3][]string // three parts of the name of an obscure application
	stems, tails, prospects []string    // parts of the domains of partners and of unknown companies
	mailHosts               []string    // mail providers of private addresses
	homes, abroad           []*Place
	everywhere              []*Place
	homeWeights             []float64
	offices                 int    // number of homes with an office, the first ones
	egress                  []int  // indexes of homes with a VPN gateway
	library                 string // document library of a SharePoint site
	form                    func(first, last string) string
}

var classic = &lexicon{
	orgs: strings.Fields("halvorsen brightwater corvalis meridianworks stonebridge tallgrass northpeak everlane quillstone " +
		"redwoodlabs"), orgTails: []string{"", "hq", "group"},
	first: firstNames, last: lastNames, depts: deptNames, titles: titles, head: "Head of ",
	topics: splitAll(folderTopics), variants: []string{"EMEA", "APAC", "Americas", "2025", "2026", "Archive", "Projects"},
	repos: repoNames, buckets: bucketNames, secretBuckets: "customer-exports finance-archive backups-db audit-archive",
	openRepos: [2]int{12, 13},
	files:     &fileWords, rules: ruleNames, clients: sfClients, apps: commonApps,
	appParts: [3][]string{{"Doc", "Sheet", "File", "Mail", "Quick", "Smart", "Easy", "Team"},
		{"Merge", "Sync", "Vault", "Flow", "Mover", "Notes", "Backup", "Convert"}, {"", " Pro", " AI", "ly"}},
	stems: partnerStems, tails: []string{"-legal", "-agency", "-consulting", "", "-partners", "-systems"},
	prospects: []string{"labs", "media", "capital", "retail", "health"},
	mailHosts: []string{"gmail.com", "gmail.com", "gmail.com", "gmail.com", "outlook.com", "yahoo.com", "icloud.com", "proton.me",
		"hotmail.com"},
	homes: homes, abroad: abroad, everywhere: everywhere, homeWeights: []float64{.24, .2, .14, .1, .14, .06, .04, .04, .04},
	offices: 5, egress: []int{0, 1, 2, 4},
	library: "Shared Documents",
	form:    func(first, last string) string { return strings.ToLower(first + "." + last) },
}

func splitAll(lists [nDepts]string) (out [nDepts][]string) {
	for i, s := range lists {
		out[i] = strings.Split(s, "|")
	}
	return out
}

func (l *lexicon) obscureApp(r Rand) string {
	return pick(r, l.appParts[0]) + pick(r, l.appParts[1]) + pick(r, l.appParts[2])
}

// prospect draws an address at a company that no one has dealt with.
func (l *lexicon) prospect(r Rand) string {
	return strings.ToLower(pick(r, l.first)) + "@" + pick(r, l.stems) + "-" + pick(r, l.prospects) + ".example"
}

func (l *lexicon) personalAddress(r Rand, first, last string) string {
	first, last = strings.ToLower(first), strings.ToLower(last)
	local := pick(r, []string{first + "." + last, first + last, first[:1] + last, first + last + strconv.Itoa(r.between(70, 99)),
		first + strconv.Itoa(r.between(100, 999))})
	return local + "@" + pick(r, l.mailHosts)
}
