package feed

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

var rowID = regexp.MustCompile(`<div class="row" id="a-([0-9a-f]+)"`)

// queue returns the ids of the alerts of a page of the queue, in order, and the page.
func (x *team) queue(query string) (ids []string, body string) {
	x.t.Helper()
	status, body, _ := x.ask(SOC, "GET", "/?"+query, "")
	if status != 200 {
		x.t.Fatalf("%s: %d %s", query, status, body)
	}
	for _, m := range rowID.FindAllStringSubmatch(body, -1) {
		ids = append(ids, m[1])
	}
	return ids, body
}

// numbered is an alert with an id made from a number, and a case of its own.
func numbered(n int, change func(*alert.Alert)) alert.Alert {
	a := alert.Sample(start)
	a.ID = fmt.Sprintf("%032x", n)
	a.Case, a.Severity, a.Title = a.ID, alert.High, fmt.Sprintf("Headline %d", n)
	a.User, a.Reason = fmt.Sprintf("person.%d@northwind.example", n%7), "did something"
	if change != nil {
		change(&a)
	}
	return a
}

func hex(ns ...int) (ids []string) {
	for _, n := range ns {
		ids = append(ids, fmt.Sprintf("%032x", n))
	}
	return ids
}

// TestQueue checks that urgent alerts are at the top of the queue, however many others came
// after them, and that its pages have every case once.
func TestQueue(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, func(a *alert.Alert) { a.Severity = alert.Critical }), numbered(2, nil),
		numbered(3, func(a *alert.Alert) { a.Severity = alert.Critical; a.Score = 20 }))
	var later []alert.Alert
	for n := 4; n < 204; n++ {
		later = append(later, numbered(n, func(a *alert.Alert) { a.Severity = alert.Medium }))
	}
	x.take(later...)
	ids, body := x.queue("")
	if len(ids) != casesShown || !slices.Equal(ids[:3], hex(3, 1, 2)) ||
		!strings.Contains(body, "First 50 cases, 203 alerts in all.") || !strings.Contains(body, `>Active <span class="count">203<`) {
		t.Errorf("%d rows: %v %s", len(ids), ids[:3], body)
	}
	seen := map[string]bool{}
	next := regexp.MustCompile(`<a href="/\?([^"]*)" rel="next"`)
	for pages := 1; ; pages++ {
		for _, id := range ids {
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		m := next.FindStringSubmatch(body)
		if m == nil {
			if pages != 5 || len(seen) != 203 {
				t.Errorf("%d pages have %d alerts", pages, len(seen))
			}
			break
		}
		ids, body = x.queue(strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	if ids, body := x.queue("severity=high"); len(ids) != 3 || strings.Contains(body, "Next page") || !strings.Contains(body, "3 cases, 3 alerts") {
		t.Error(ids, body)
	}
}

// TestQueueCases checks that a case is one row, with its other alerts below.
func TestQueueCases(t *testing.T) {
	x := newTeam(t, 0)
	of := func(n int) func(*alert.Alert) { return func(a *alert.Alert) { a.Case = hex(n)[0] } }
	var list []alert.Alert
	for n := 1; n <= 8; n++ {
		list = append(list, numbered(n, of(1)))
	}
	list[4].Severity = alert.Critical
	x.take(append(list, numbered(9, nil))...)
	ids, body := x.queue("")
	if len(ids) != 7 || ids[0] != hex(5)[0] || ids[6] != hex(9)[0] || !strings.Contains(body, "2 more in this case") {
		t.Error(ids, body)
	}
	if ids, _ := x.queue("status=any&case=" + hex(1)[0]); len(ids) != 6 {
		t.Error(ids)
	}
}

// TestQueueFilter checks each filter, alone and with others.
func TestQueueFilter(t *testing.T) {
	x := newTeam(t, 0)
	x.take(
		numbered(1, func(a *alert.Alert) { a.Department = "Legal" }),
		numbered(2, func(a *alert.Alert) { a.Sources = []string{"github"} }),
		numbered(3, func(a *alert.Alert) {
			a.Detectors, a.Evidence[0].Detector, a.Evidence[0].Title = []string{"mass_clone"}, "mass_clone", "Mass clone"
		}),
		numbered(4, func(a *alert.Alert) { a.Time = start.AddDate(0, 0, -10) }),
		numbered(5, func(a *alert.Alert) { a.Severity = alert.Critical }),
		numbered(6, func(a *alert.Alert) { a.Severity = alert.Low }), // needs no attention
		numbered(7, func(a *alert.Alert) { a.Withdrawn = true }),
	)
	if err := x.alerts.SetLeavers(t.Context(), []finding.Leaver{{User: "person.2@northwind.example"}}, nil); err != nil {
		t.Fatal(err)
	}
	x.ask(SOC, "POST", "/v1/alerts/"+hex(3)[0]+"/triage", `{"status":"acknowledged","assignee":"kim"}`)
	x.ask(SOC, "POST", "/v1/alerts/"+hex(4)[0]+"/triage", `{"status":"false","note":"a test"}`)
	name := x.server.Mask(SOC).Name
	for query, want := range map[string][]int{
		"":                          {1, 2, 3, 5},
		"status=any":                {1, 2, 3, 4, 5},
		"status=closed":             {4},
		"status=open":               {1, 2, 5},
		"status=acknowledged":       {3},
		"all=1":                     {1, 2, 3, 5, 6},
		"department=Legal":          {1},
		"source=github":             {2},
		"source=git":                {},
		"detector=mass_clone":       {3},
		"severity=critical":         {5},
		"assignee=kim":              {3},
		"assignee=KIM":              {3},
		"assignee=-":                {1, 2, 5},
		"age=7d&status=any":         {1, 2, 3, 5},
		"leaver=1":                  {2},
		"leaver=1&source=box":       {},
		"source=github&leaver=1":    {2},
		"case=" + hex(1)[0]:         {1},
		"detector=nothing":          {},
		"sort=newest&status=closed": {4},
		"user=" + name("person.5@northwind.example"): {5},
	} {
		ids, _ := x.queue(query)
		slices.Sort(ids)
		if !slices.Equal(ids, hex(want...)) {
			t.Errorf("%s: %v, want %v", query, ids, want)
		}
	}
	_, body := x.queue("source=github")
	for _, want := range []string{`<option value="mass_clone">Mass clone`, `<option value="github" selected>GitHub`, "<option>Legal", "Clear all filters"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s: %s", want, body)
		}
	}
	for _, bad := range []string{"status=x", "severity=x", "page=0", "page=x", "age=x", "age=5y", "user=P-ABCDEFGHJK", "q=" + strings.Repeat("x", 300)} {
		if status, body, _ := x.ask(SOC, "GET", "/?"+bad, ""); status != 400 && status != 404 || !strings.Contains(body, "<nav") {
			t.Errorf("%s: %d", bad, status)
		}
	}
}

// TestSearch finds alerts by words, beginnings of words, items, recipients, pseudonyms and ids, and by nothing that
// would reveal a name.
func TestSearch(t *testing.T) {
	x := newTeam(t, 0)
	a := numbered(0xabcdef01, func(a *alert.Alert) {
		a.Sources, a.Severity = []string{"github"}, alert.Critical
		a.Evidence[0].Items = []alert.Item{{
			Time: start, Source: "github", Activity: "clone", Action: "git.clone", RecordID: "rec-4711",
			Object:     alert.Object{Name: "Quartalszahlen Müller 2026.xlsx", Container: "finance/vault"},
			Recipients: []string{"rival@competitor.example"},
			Client:     alert.Client{IP: "203.0.113.7", Country: "Brazil"},
		}}
		a.Evidence[0].Destinations = []alert.Destination{{Name: "dropbox.com", Events: 3}}
	})
	a.ID = "abcdef0100000000abcdef0100000000"
	a.Case = a.ID
	x.take(a, numbered(7, func(a *alert.Alert) { a.Reason = "shared with person.1@northwind.example" }))
	name := x.server.Mask(SOC).Name
	for q, want := range map[string]string{
		"github critical": a.ID, "quartals": a.ID, "muller xlsx": a.ID, "competitor.example": a.ID, "rival@competitor": a.ID,
		"finance/vault": a.ID, "203.0.113.7": a.ID, "brazil": a.ID, "REC-4711": a.ID, "dropbox.com": a.ID, "abcd": a.ID,
		name(a.User): a.ID, name(a.User)[:7]: a.ID, strings.ToLower(name(a.User)): a.ID, "shared headline": hex(7)[0],
		a.User: "", "person.1": "", "northwind": "", "person": "", "github zebra": "", "***": "", "\"": "", "a OR b": "", "NEAR/2": "", "P-": "both",
	} {
		ids, body := x.queue("q=" + url.QueryEscape(q))
		switch {
		case want == "both":
			if len(ids) != 2 {
				t.Errorf("%q: %v", q, ids)
			}
		case want == "" && (len(ids) != 0 || !strings.Contains(body, "No alerts match this filter")):
			t.Errorf("%q: %v", q, ids)
		case want != "" && !slices.Equal(ids, []string{want}):
			t.Errorf("%q: %v", q, ids)
		}
	}
	for _, id := range []string{"abcdef01", "ABCDEF0100000000", a.ID} {
		if status, _, header := x.ask(SOC, "GET", "/?q="+id, ""); status != 303 || header.Get("Location") != "/alerts/"+a.ID {
			t.Errorf("%s: %d %s", id, status, header.Get("Location"))
		}
	}
	if status, _, header := x.ask(SOC, "GET", "/alerts/abcdef01?queue=q%3Dx", ""); status != 303 ||
		header.Get("Location") != "/alerts/"+a.ID+"?queue=q%3Dx" {
		t.Error(status, header)
	}
	// What is closed is found when it is asked for, and the empty page says that it is there.
	x.ask(SOC, "POST", "/v1/alerts/"+a.ID+"/triage", `{"status":"true"}`)
	if _, body := x.queue("q=github"); !strings.Contains(body, "1 closed alert does") || !strings.Contains(body, "/?q=github&amp;status=any") {
		t.Error(body)
	}
	if ids, _ := x.queue("q=github&status=any"); !slices.Equal(ids, []string{a.ID}) {
		t.Error(ids)
	}
	// A later version has other words.
	b := a
	b.Revision, b.Sources, b.Evidence = 2, []string{"slack"}, slices.Clone(a.Evidence)
	b.Evidence[0].Items = []alert.Item{{Time: start, Source: "slack", Activity: "download", Action: "file_downloaded", Object: alert.Object{Name: "other.pdf"}}}
	x.take(b)
	for q, want := range map[string]int{"slack": 1, "quartals": 0, "github": 0} {
		if ids, _ := x.queue("status=any&q=" + q); len(ids) != want {
			t.Errorf("%s: %v", q, ids)
		}
	}
}

// TestEmpty checks that an empty queue and a search without a hit read differently.
func TestEmpty(t *testing.T) {
	x := newTeam(t, 0)
	if _, body := x.queue(""); !strings.Contains(body, "No active alerts.") || strings.Contains(body, "match this filter") {
		t.Error(body)
	}
	if _, body := x.queue("q=nothing"); strings.Contains(body, "No active alerts.") || !strings.Contains(body, "No alerts match this filter.") {
		t.Error(body)
	}
}

// TestBulk decides about several alerts at once, undoes it, and asks for a reason without losing what was written.
func TestBulk(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, nil), numbered(2, nil), numbered(3, nil))
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	post := func(path string, v url.Values) (int, string, string) {
		t.Helper()
		status, body, header := x.ask(SOC, "POST", path, v.Encode(), form...)
		return status, body, header.Get("Location")
	}
	status, body, _ := post("/alerts", url.Values{"id": hex(1, 2), "status": {"close"}, "as": {"false"}, "note": {" "}, "queue": {"severity=high"}})
	if status != 422 || !strings.Contains(body, "Say why: a false positive alert is closed with a reason") || strings.Count(body, " checked>") < 3 ||
		!strings.Contains(body, `id="close" open`) || !strings.Contains(body, "<nav") {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := post("/alerts", url.Values{"status": {"acknowledged"}}); status != 422 || !strings.Contains(body, "Select at least one alert.") {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := post("/alerts", url.Values{"id": hex(1), "status": {"close"}}); status != 422 || !strings.Contains(body, "Choose how to close.") {
		t.Errorf("%d %s", status, body)
	}
	post("/alerts/"+hex(1)[0], url.Values{"status": {"acknowledged"}, "assignee": {"lee"}})
	status, _, to := post("/alerts", url.Values{"id": hex(1, 2), "status": {"close"}, "as": {"benign-true"}, "note": {"a migration"}, "queue": {"severity=high&x=y"}})
	if status != 303 || !strings.HasPrefix(to, "/?done=") || !strings.HasSuffix(to, "&severity=high") {
		t.Fatal(status, to)
	}
	ids, body := x.queue(strings.TrimPrefix(to, "/?"))
	if !slices.Equal(ids, hex(3)) || !strings.Contains(body, "2 alerts closed: benign.") {
		t.Error(ids, body)
	}
	batch := regexp.MustCompile(`name="batch" value="([^"]+)"`).FindStringSubmatch(body)
	if batch == nil {
		t.Fatal(body)
	}
	if status, _, to := post("/undo", url.Values{"batch": {batch[1]}, "back": {"/?severity=high"}}); status != 303 || to != "/?severity=high" {
		t.Error(status, to)
	}
	all, err := x.store.LatestDecisions(t.Context())
	if err != nil || all[hex(1)[0]].Status != Acknowledged || all[hex(1)[0]].Assignee != "lee" || all[hex(2)[0]].Status != Undecided {
		t.Errorf("%+v %v", all, err)
	}
	if ids, _ := x.queue(""); len(ids) != 3 {
		t.Error(ids)
	}
	if status, _, _ := post("/undo", url.Values{"batch": {batch[1]}}); status != 409 {
		t.Error("undone twice:", status)
	}
	if status, _, _ := post("/undo", url.Values{"batch": {""}}); status != 409 {
		t.Error(status)
	}
}

// TestViews saves, shows, replaces and deletes a view of a reader.
func TestViews(t *testing.T) {
	x := newTeam(t, 4)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	save := func(v url.Values) (int, string) {
		status, _, header := x.ask(SOC, "POST", "/views", v.Encode(), form...)
		return status, header.Get("Location")
	}
	if status, to := save(url.Values{"name": {"Mine <b>"}, "query": {"severity=high&page=3&evil=1"}}); status != 303 || to != "/?severity=high" {
		t.Error(status, to)
	}
	if status, _ := save(url.Values{"name": {" "}, "query": {"severity=high"}}); status != 400 {
		t.Error(status)
	}
	if _, body := x.queue("severity=high"); !strings.Contains(body, `<a href="/?severity=high" aria-current="page">Mine &lt;b&gt;</a>`) {
		t.Error(body)
	}
	other, err := x.store.NewToken(t.Context(), "somebody else", SOC, start, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	x.tokens["other"] = other
	if _, body, _ := x.ask("other", "GET", "/", ""); strings.Contains(body, "Mine") {
		t.Error("somebody else sees it")
	}
	for i := range maxViews + 5 {
		save(url.Values{"name": {fmt.Sprint("view ", i)}, "query": {"severity=high"}})
	}
	if list, err := x.store.savedViews(t.Context(), "kim the soc"); err != nil || len(list) != maxViews {
		t.Error(len(list), err)
	}
	save(url.Values{"name": {"Mine <b>"}, "query": {""}, "delete": {"1"}})
	if list, _ := x.store.savedViews(t.Context(), "kim the soc"); len(list) != maxViews-1 {
		t.Error(len(list))
	}
}

// TestIndex checks that the index follows the alerts: what is erased or expired leaves it, and one that is ahead of
// alerts.db is built again.
func TestIndex(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, func(a *alert.Alert) { a.Reason = "zebra" }), numbered(2, nil), numbered(3, nil))
	if ids, _ := x.queue("q=zebra"); len(ids) != 1 {
		t.Error(ids)
	}
	if err := x.store.Erase(t.Context(), "person.1@northwind.example", hex(1)); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := x.store.db.QueryRow("SELECT count(*) FROM queue_text_segments WHERE instr(block, 'zebra')").Scan(&left); err != nil || left > 0 {
		t.Error("words of the erased alert are left:", left, err)
	}
	if err := x.store.db.QueryRow("SELECT count(*) FROM queue_text_segdir WHERE instr(root, 'zebra')").Scan(&left); err != nil || left > 0 {
		t.Error("words of the erased alert are left:", left, err)
	}
	if ids, _ := x.queue(""); len(ids) != 2 {
		t.Error(ids)
	}
	if _, _, err := x.alerts.Expire(t.Context(), start.Add(time.Hour), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := x.server.pruneIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, _ := x.store.texts(t.Context(), "SELECT alert FROM queue"); len(n) != 0 {
		t.Error(n)
	}
	x.take(numbered(4, nil))
	if _, err := x.store.db.Exec("UPDATE queue_place SET seq = 1000"); err != nil {
		t.Fatal(err)
	}
	if ids, _ := x.queue(""); !slices.Equal(ids, hex(4)) {
		t.Error(ids)
	}
	// Decisions that expire leave their alerts open.
	x.ask(SOC, "POST", "/v1/alerts/"+hex(4)[0]+"/triage", `{"status":"true"}`)
	if _, err := x.store.Expire(t.Context(), start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ids, _ := x.queue("status=open"); !slices.Equal(ids, hex(4)) {
		t.Error(ids)
	}
}

// TestTrend draws the scores of a person's alerts in the 90 days before each, and nothing where there is one alone.
func TestTrend(t *testing.T) {
	x := newTeam(t, 0)
	of := func(days int) func(*alert.Alert) {
		return func(a *alert.Alert) { a.User, a.Time = "ann@northwind.example", start.AddDate(0, 0, -days) }
	}
	x.take(numbered(1, of(200)), numbered(2, of(80)), numbered(3, of(0)), numbered(4, nil))
	_, body := x.queue("")
	row := func(n int) string {
		_, text, _ := strings.Cut(body, `id="a-`+hex(n)[0]+`"`)
		text, _, _ = strings.Cut(text, "</div></div>")
		return text
	}
	if !strings.Contains(row(3), "2 alerts in 90 days") || strings.Count(row(3), "<rect") != 2 {
		t.Error(row(3))
	}
	for _, n := range []int{1, 2, 4} {
		if strings.Contains(row(n), "in 90 days") {
			t.Error(row(n))
		}
	}
}

// queueSample are alerts of a few cases, people and words, in no order.
func queueSample(n int) (list []alert.Alert) {
	r := rand.New(rand.NewPCG(7, 21))
	for i := range n {
		list = append(list, numbered(i+1, func(a *alert.Alert) {
			a.Case, a.Severity, a.Score = hex(1 + r.IntN(n/3))[0], alert.Severity(2+r.IntN(3)), float64(r.IntN(3))
			a.Time = start.Add(-time.Duration(r.IntN(50)) * time.Hour)
			a.Sources = []string{[]string{"box", "github"}[r.IntN(2)]}
			a.Department = []string{"Legal", "Sales", ""}[r.IntN(3)]
			a.Reason = []string{"zebra", "zebra crossing", "crossing"}[r.IntN(3)]
		}))
	}
	return list
}

// fits reports whether an alert of queueSample fits a filter, without the help of a database.
func fits(f *queueFilter, a *alert.Alert) bool {
	return (f.Text == "" || strings.Contains(a.Reason, f.Text)) && a.Severity >= f.severity &&
		(f.Source == "" || slices.Contains(a.Sources, f.Source)) && (f.Department == "" || a.Department == f.Department) &&
		!a.Time.Before(f.from)
}

// TestQueueExact compares each page of the queue, its counts and the neighbours of each alert with what follows from a
// list of all alerts, for searches that find few and for those that find many.
func TestQueueExact(t *testing.T) {
	defer func(before int) { manyHits = before }(manyHits)
	x := newTeam(t, 0)
	all := queueSample(400)
	x.take(all...)
	if err := x.server.updateIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for i := range all {
		var row int64
		if err := x.store.db.QueryRow("SELECT id FROM queue WHERE alert = ?", all[i].ID).Scan(&row); err != nil {
			t.Fatal(err)
		}
		rows[all[i].ID] = row
	}
	for _, f := range []queueFilter{
		{}, {Newest: true}, {severity: alert.High}, {severity: alert.Critical, Newest: true}, {Source: "box"}, {Text: "zebra"}, {All: true},
		{Text: "crossing", severity: alert.High}, {Text: "zebra", Department: "Legal", Newest: true}, {from: start.Add(-20 * time.Hour)},
	} {
		for _, manyHits = range []int{0, 2000} {
			t.Run(fmt.Sprintf("%q %s %s %v %v %d", f.Text, f.severity, f.Source, f.Newest, f.All, manyHits), func(t *testing.T) {
				x.compareQueue(t, f, all, rows)
			})
		}
	}
}

// compareQueue compares the queue of a filter with what follows from all alerts, whose rows in the index are given.
func (x *team) compareQueue(t *testing.T, f queueFilter, all []alert.Alert, rows map[string]int64) {
	order := func(a *alert.Alert) int64 {
		if f.Newest {
			return a.Time.UnixMilli()
		}
		return rankOf(a)
	}
	first := func(a, b *alert.Alert) int {
		return cmp.Or(cmp.Compare(order(b), order(a)), cmp.Compare(rows[b.ID], rows[a.ID]))
	}
	var list, leads []*alert.Alert
	for i := range all {
		if fits(&f, &all[i]) {
			list = append(list, &all[i])
		}
	}
	slices.SortFunc(list, first)
	seen := map[string]bool{}
	for _, a := range list {
		if !seen[a.Case] {
			leads = append(leads, a)
		}
		seen[a.Case] = true
	}
	var got []string
	for f.Page = 1; ; f.Page++ {
		part, err := x.store.find(t.Context(), &f, nil)
		if err != nil {
			t.Fatal(err)
		}
		if part.counts[Undecided] != len(list) {
			t.Errorf("%d alerts, not %d", part.counts[Undecided], len(list))
		}
		got = append(got, part.leads...)
		if !part.next {
			break
		}
	}
	var want []string
	for _, a := range leads {
		want = append(want, a.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nnot %v", got, want)
	}
	for i := range all {
		x.compareNeighbours(t, f, &all[i], leads, first)
	}
}

// compareNeighbours compares the alerts before and after one with the first alerts of cases, in the order of the queue.
func (x *team) compareNeighbours(t *testing.T, f queueFilter, of *alert.Alert, leads []*alert.Alert, first func(a, b *alert.Alert) int) {
	var before, after string
	for _, a := range leads {
		switch c := first(a, of); {
		case a.Case == of.Case:
		case c < 0:
			before = a.ID
		case after == "":
			after = a.ID
		}
	}
	gotBefore, gotAfter, err := x.store.neighbours(t.Context(), &f, nil, of.ID)
	if err != nil || gotBefore != before || gotAfter != after {
		t.Errorf("beside %s: %s and %s, not %s and %s: %v", of.ID, gotBefore, gotAfter, before, after, err)
	}
}
