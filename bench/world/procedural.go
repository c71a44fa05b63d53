package main

import (
	"fmt"
	"strconv"
	"strings"
)

// coin makes a name of n syllables of a language.
func (r Rand) coin(t *tongue, n int) string {
	s, list := "", strings.Fields(t.syllables)
	for ; n > 0; n-- {
		s += pick(r, list)
	}
	return s
}

func (r Rand) coinTitle(t *tongue, n int) string {
	s := r.coin(t, n)
	return strings.ToUpper(s[:1]) + s[1:]
}

// some draws up to n entries of a list without replacement, in random order.
func some[T any](r Rand, list []T, n int) []T {
	list = append([]T{}, list...)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// newLexicon draws the vocabulary, places and networks of a procedural world.
func newLexicon(r Rand) *lexicon {
	spoken := some(r, tongues, r.between(2, 4)) // the first is the main language
	main := &spoken[0]
	l := &lexicon{library: main.library, head: main.head, orgTails: []string{"", "",
		"-" + pick(r, []string{"group", "holding", "werke", "co"})}, orgs: []string{r.coin(main, r.between(2, 3))}}
	copy(l.depts[:], strings.Split(main.depts, "|"))
	l.titles = roles
	for i := 0; i < 170; i++ {
		t := &spoken[r.IntN(len(spoken))]
		l.last = append(l.last, r.coinTitle(t, 2))
		if i < 30 {
			l.stems = append(l.stems, r.coin(t, r.between(2, 3)))
		}
	}
	l.first = some(r, firstNames, 80)
	l.last = append(l.last, some(r, lastNames, 60)...)
	l.tails = []string{"-" + pick(r, []string{"avocats", "recht", "law", "sp"}), "", "",
		"-" + pick(r, []string{"studio", "druck", "print"}), "-" + pick(r, []string{"tech", "soft", "lab"})}
	l.prospects = []string{"invest", "trading", "immo", "bau", "foods", "care"}
	for _, t := range spoken {
		l.mailHosts = append(l.mailHosts, strings.Fields(t.mailHosts)...)
		for n := r.between(1, 2); n > 0; n-- {
			l.domains = append(l.domains, l.orgs[0]+pick(r, []string{"-", ""})+pick(r, []string{t.code, "service", "labs", "int"})+
				".example")
		}
	}
	l.domains = l.domains[:min(len(l.domains), r.between(1, 3))]
	for d := range l.topics {
		l.topics[d] = topics(r, spoken, Dept(d))
	}
	l.variants = []string{r.coinTitle(main, 2), "Alt", "II", "2024", "2026", r.coinTitle(main, 2), "Nord", "B"}
	l.files = &[2][]string{}
	for _, t := range spoken {
		l.files[0], l.files[1] = append(l.files[0], strings.Fields(t.files[0])...), append(l.files[1], strings.Split(t.files[1], "|")...)
	}
	for i := 0; i < 30; i++ {
		name := pick(r, strings.Fields(repoWords[0])) + "-" + pick(r, strings.Fields(repoWords[1]))
		if r.chance(.5) {
			name = r.coin(main, 2) + "-" + pick(r, strings.Fields(repoWords[1]))
		}
		l.repos = append(l.repos, name)
		if i < 12 {
			bucket := r.coin(main, 2) + "-" + pick(r, strings.Fields(bucketWords[1]))
			if r.chance(.5) {
				bucket = pick(r, strings.Fields(bucketWords[0])) + "-" + pick(r, strings.Fields(bucketWords[1]))
			}
			if l.buckets = append(l.buckets, bucket+strconv.Itoa(i)); i%3 == 1 {
				l.secretBuckets += " " + bucket + strconv.Itoa(i)
			}
		}
		l.apps = append(l.apps, pick(r, strings.Fields(appWords[0]))+pick(r, strings.Fields(appWords[1])))
	}
	l.apps, l.openRepos = l.apps[:16], [2]int{r.IntN(30), r.IntN(30)}
	l.buckets = append(l.buckets, "web-assets") // the public bucket that visitors read from
	l.appParts = [3][]string{strings.Fields(appWords[0]), {"Mate", "Port", "Nest", "Pilot"}, strings.Split(appTails, "|")}
	l.rules = append(strings.Split(main.tails, "|")[:5], ".", "1")
	l.clients = []string{"Dataloader", r.coinTitle(main, 2) + "Connector", "Excel Add-In", "python-requests", "Mulesoft",
		r.coinTitle(main, 2) + "BI"}
	l.settle(r)
	l.form = pick(r, []func(first, last string) string{
		func(a, b string) string { return strings.ToLower(a + "." + b) },
		func(a, b string) string { return strings.ToLower(a[:1] + "." + b) },
		func(a, b string) string { return strings.ToLower(a[:1] + b) },
		func(a, b string) string { return strings.ToLower(b + "_" + a) },
		func(a, b string) string { return strings.ToLower(b[:min(5, len(b))] + a[:2]) },
	})
	return l
}

// topics names the folders of a department: compounds, projects and confidential ones.
func topics(r Rand, spoken []tongue, d Dept) (out []string) {
	used := map[string]bool{}
	add := func(marks, name string) {
		if !used[name] {
			used[name] = true
			out = append(out, marks+name)
		}
	}
	tongue := func() *tongue { return &spoken[int(float64(len(spoken))*r.Float64()*r.Float64())] }
	for n := r.between(4, 6); n > 0; n-- {
		t := tongue()
		split := func(s string) []string {
			if strings.Contains(s, "|") {
				return strings.Split(s, "|")
			}
			return strings.Fields(s)
		}
		name := fmt.Sprintf(t.compound, pick(r, split(t.heads)), pick(r, split(t.tails)))
		if r.chance(.3) {
			name = pick(r, []string{"Projekt ", "Project ", "P-", ""}) + r.coinTitle(t, r.between(2, 3))
		}
		add("", name)
	}
	for n := r.between(1, 3); n > 0; n-- {
		list := strings.Split(tongue().secret[keepers[d]], "|")
		if r.chance(.25) {
			list = strings.Split(plainTopics[keepers[d]], "|")
		}
		secret := pick(r, list)
		if name := strings.TrimLeft(secret, "!"); r.chance(.25) { // a code name
			add(secret[:len(secret)-len(name)], pick(r, []string{"Projekt ", "Project ", "", "Op "})+r.coinTitle(tongue(), 2))
		} else {
			add(secret[:len(secret)-len(name)], name)
		}
	}
	return out
}

var moreTowns = []*Place{
	{"Hamburg", "Hamburg", "DE", "Germany", 53.55, 9.99, nil, nil, nil, zone("Europe/Berlin")},
	{"Lyon", "Auvergne-Rhone-Alpes", "FR", "France", 45.76, 4.84, nil, nil, nil, zone("Europe/Paris")},
	{"Madrid", "Madrid", "ES", "Spain", 40.42, -3.7, nil, nil, nil, zone("Europe/Madrid")},
	{"Valencia", "Valencia", "ES", "Spain", 39.47, -.38, nil, nil, nil, zone("Europe/Madrid")},
	{"Krakow", "Lesser Poland", "PL", "Poland", 50.06, 19.94, nil, nil, nil, zone("Europe/Warsaw")},
	{"Osaka", "Osaka", "JP", "Japan", 34.69, 135.5, nil, nil, nil, zone("Asia/Tokyo")},
	{"Dublin", "Leinster", "IE", "Ireland", 53.35, -6.26, nil, nil, nil, zone("Europe/Dublin")},
	{"Austin", "Texas", "US", "United States", 30.27, -97.74, nil, nil, nil, zone("America/Chicago")},
	{"Vienna", "Vienna", "AT", "Austria", 48.21, 16.37, nil, nil, nil, zone("Europe/Vienna")},
}

// settle draws the towns of an organisation and the networks of the providers there.
func (l *lexicon) settle(r Rand) {
	towns := some(r, append(append([]*Place{}, homes...), moreTowns...), r.between(6, 9))
	used := map[string]bool{}
	block := func() string {
		for {
			b := strconv.Itoa(pick(r, []int{5, 14, 24, 31, 37, 46, 62, 77, 79, 81, 84, 87, 91, 93, 109, 122, 126, 134, 151, 153,
				176, 178, 185, 188, 194, 212, 217})) + "." + strconv.Itoa(r.IntN(256))
			if !used[b] {
				used[b] = true
				return b
			}
		}
	}
	redraw := func(p *Place) *Place {
		q := *p
		q.Broadband, q.Mobile, q.Hosting = []string{block(), block(), block()}, []string{block(), block()}, []string{block()}
		return &q
	}
	for i, p := range towns {
		l.homes = append(l.homes, redraw(p))
		l.homeWeights = append(l.homeWeights, 1/float64(i+1)+.1*r.Float64())
	}
	for _, p := range abroad {
		l.abroad = append(l.abroad, redraw(p))
	}
	l.everywhere = append(append([]*Place{}, l.homes...), l.abroad...)
	l.offices = r.between(2, 5)
	for i := 0; i < l.offices && len(l.egress) < 4; i++ {
		if i == 0 || r.chance(.7) {
			l.egress = append(l.egress, i)
		}
	}
}

// found makes a world procedural, before anything else is drawn.
func (w *World) found() {
	r := newRand(w.Seed, seedLexicon)
	w.lex = newLexicon(r)
	w.culture.temper = make([]float64, nStreams)
	for s := range w.culture.temper {
		w.culture.temper[s] = r.logUniform(.5, 1.8)
	}
	w.offices = map[*Place]office{}
	w.foreign = fmt.Sprintf("%012d", 100000000000+r.Int64N(899999999999))
	w.modernLinks = r.uniform(.3, 1)
}

// furnish adds what only procedural worlds have: tables of a data warehouse, and
// SharePoint sites that contain several folders.
func (w *World) furnish() {
	r := newRand(w.Seed, seedLexicon, 1)
	t := &tongues[r.IntN(len(tongues))]
	for i := 0; i < 40; i++ {
		f := &Folder{Src: Snowflake, Name: strings.ToUpper(w.org[:min(4, len(w.org))] + "." +
			pick(r, []string{"CORE", "MART", "STAGE"}) + "." + r.coin(t, 2) + strconv.Itoa(i)),
			Dept: pick(r, []Dept{Data, Data, Finance, Sales, Engineering}), ID: r.Uint64(), Files: 1000, words: w.lex.files}
		if i%4 == 0 {
			f.Sensitive = 1
		}
		w.folders[Snowflake] = append(w.folders[Snowflake], f)
	}
	share := r.uniform(.3, .9)
	for _, f := range w.folders[M365] {
		if r.chance(share) {
			f.Site = "S" + strconv.Itoa(int(f.Dept)) + "-" + token(hash(w.Seed, uint64(f.Dept)), 4)
		}
	}
}
