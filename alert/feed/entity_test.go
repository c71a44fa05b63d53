package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/finding"
)

// hostile is a name that tries to break out of a page.
const hostile = `"><script>alert(1)</script>` + "\u202e"

// coverageSample is a coverage with a source that is old, and one that is not scored as a whole.
func coverageSample() *Coverage {
	return &Coverage{
		Day: "2026-03-02", Days: 30, Undecoded: 1, Since: start.AddDate(0, 0, -30),
		Unwell: []string{"stream api/" + hostile + ": refused"},
		Sources: []SourceState{
			{Source: "box", Title: "Box", Through: []string{hostile}, Events: 94156, Hourly: 94156, Newest: start.Add(-time.Minute),
				Lag: 3 * time.Hour, Today: Counts{Received: 7, Scored: 5, Late: 2}, Recent: Counts{Received: 1000, Scored: 900, Repeated: 1,
					Delayed: 12, Late: 80, Unreadable: 20}},
			{Source: "salesforce", Title: "Salesforce", Newest: start.AddDate(0, 0, -9), Unknown: .58, Lag: -1},
			{Source: "hr", Title: "HR"},
		},
		Streams: []StreamState{{Source: "api", Stream: "logs", Failing: "denied " + hostile, Gaps: []string{"2026-02-01 to 2026-02-03: expired"}}},
		Kinds: []DetectorState{
			{Detector: "bulk_download", Title: "Bulk download", State: FullView, Sees: []string{"Box"}},
			{Detector: "crm_export", Title: "CRM export", State: NoView, Missing: []string{"Salesforce: Event Monitoring"}},
			{Detector: "vendor_alert", Title: "Vendor alert", State: PartialView, Sees: []string{"Box"},
				Missing: []string{"Salesforce: Event Monitoring"}, Absent: []string{"Slack"}},
		},
	}
}

// watchlistsSample are a list that counts, with a member that matches no account, and one that has ended.
func watchlistsSample() []Watchlist {
	return []Watchlist{
		{Name: "Kestrel " + hostile, Owner: "legal@northwind.example", Reason: "a merger", Weight: 2, Until: start.AddDate(0, 1, 0),
			Members:     []WatchlistMember{{"person.1@northwind.example", true, "members, entry 1"}, {"person.one@northwind.example", false, "file, person 2"}},
			Departments: []WatchlistDepartment{{"Sales", 12}, {"Nowhere", 0}}, Places: []string{"board-*"}, Applications: []string{"Sync"}},
		{Name: "Contractors", Owner: "hr", Reason: "temporary", Weight: -1, Until: start.AddDate(0, 0, -1),
			Members: []WatchlistMember{{"person.2@northwind.example", true, "members, entry 1"}}},
	}
}

// text is a page without its markup.
func text(body string) string {
	body = regexp.MustCompile(`</?(?:a|b|code|span|strong|time)\b[^>]*>`).ReplaceAllString(body[strings.Index(body, "<main"):], "")
	body = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " "))
	return strings.Join(strings.Fields(body), " ")
}

// logged reports whether a line of the audit log says what.
func (x *team) logged(what string) bool {
	x.t.Helper()
	lines, err := x.store.Accesses(x.t.Context(), 0, 1000)
	if err != nil {
		x.t.Fatal(err)
	}
	return slices.ContainsFunc(lines, func(a Access) bool { return a.What == what })
}

// contains checks what a page says, and that nothing breaks out of it.
func (x *team) contains(role Role, path string, want ...string) string {
	x.t.Helper()
	status, body, _ := x.ask(role, "GET", path, "")
	if status != 200 {
		x.t.Fatalf("%s as %s: %d %s", path, role, status, body)
	}
	for _, bad := range []string{"<script>alert", "\u202e", "@northwind.example"} {
		if strings.Contains(body, bad) && !(bad == "@northwind.example" && path == "/watchlists") { // owners are shown as written
			x.t.Errorf("%s as %s has %q: %s", path, role, bad, body)
		}
	}
	for _, w := range want {
		if !strings.Contains(text(body), w) {
			x.t.Errorf("%s as %s lacks %q: %s", path, role, w, text(body))
		}
	}
	return body
}

// TestCoveragePage shows what arrives and what detectors see, by the titles of sources, and flags what is old.
func TestCoveragePage(t *testing.T) {
	x := newTeam(t, 2)
	for _, role := range []Role{SOC, Admin, Auditor} {
		x.contains(role, "/coverage", "94,156 an hour", "up to 3 hours", "not known yet",
			"3 sources, 1 without a record of the last two days. Scored today: 71.42 % of new records.",
			"71.42 %", "90 %", "80 too late, 20 unreadable",
			"9 days ago: is it still delivered?", "58 % of recent actions are by unknown accounts", "files without times",
			"No visibility: 1 · Partial: 1 · Full: 1", "Salesforce: Event Monitoring CRM export, Vendor alert", "not delivered: Slack",
			"1 record could not be decoded", "2026-02-01 to 2026-02-03: expired", "nothing new")
	}
	_, body, _ := x.ask(Auditor, "GET", "/v1/coverage", "")
	var c Coverage
	if err := json.Unmarshal([]byte(body), &c); err != nil || len(c.Sources) != 3 || c.Sources[0].Recent.Late != 80 || len(c.Kinds) != 3 {
		t.Errorf("%v %s", err, body)
	}
	if status, _, header := x.ask(SOC, "GET", "/sources", ""); status != 301 || header.Get("Location") != "/coverage" {
		t.Errorf("the former address: %d %s", status, header.Get("Location"))
	}
	x.server.Coverage = func(context.Context) (*Coverage, error) { return &Coverage{Day: "2026-03-02", Days: 1}, nil }
	x.contains(SOC, "/coverage", "Nothing has arrived yet.", "known to the process with the role ingest")
}

// TestWatchlistsPage shows the lists with who answers for them, what matches nobody, and what has ended.
func TestWatchlistsPage(t *testing.T) {
	x := newTeam(t, 2)
	pseudonym := x.server.Mask(SOC).Name("person.1@northwind.example")
	body := x.contains(SOC, "/watchlists", "Weight +2 points", "Owner legal@northwind.example", "Reason a merger", "Last day 2026-04-02",
		pseudonym, "Sales (12 active), Nowhere (nobody active)", "1 entry matches no account that has been seen: file, person 2",
		"Contractors Weight -1 point ", "Ended 2026-03-01 ", "configuration file")
	if !strings.Contains(body, `href="/people/`+pseudonym) {
		t.Error("members are not linked")
	}
	if body := x.contains(Auditor, "/watchlists", "Weight +2 points"); strings.Contains(body, "/people/") || strings.Contains(body, pseudonym) {
		t.Errorf("the auditor may not open people, and has other pseudonyms: %s", body)
	}
	if !x.logged("looked at the watchlists") {
		t.Error("it is not in the audit log")
	}
	x.server.Watchlists = nil
	x.contains(Admin, "/watchlists", "No watchlists are configured.")
}

// busy stores days of a user with hours and services, and an alert that lists events.
func (x *team) busy(user string) alert.Alert {
	x.t.Helper()
	x.days(user)
	days, err := x.alerts.LatestDays(x.t.Context(), user, 200)
	if err != nil || len(days) != 90 {
		x.t.Fatalf("%d days, %v", len(days), err)
	}
	for i := range days {
		days[i].Department, days[i].Sources, days[i].Hours, days[i].Risk = "Sales", []string{"box", "okta"}, 1<<8|1<<9|1<<23, float64(i%5)
		days[i].Origins = &finding.Origins{
			Networks: []string{"198.51.0.0/16"}, Countries: []string{"US", "United States"}[i%2 : i%2+1], Devices: []string{hostile, "person.1's laptop"}[i%2 : i%2+1],
			Agents: []string{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36", fmt.Sprint("tool ", i)},
		}
	}
	if err := x.alerts.PutDays(x.t.Context(), days); err != nil {
		x.t.Fatal(err)
	}
	if err := x.alerts.SetLeavers(x.t.Context(), []finding.Leaver{{User: user, Notice: start.UnixMilli()}}, nil); err != nil {
		x.t.Fatal(err)
	}
	a := alert.Sample(start)
	a.ID, a.Case, a.User, a.Severity, a.Department = fmt.Sprintf("%032x", 999), "", user, alert.High, "Sales"
	a.Title = "Shared 3 files with rival.example"
	a.Facts = []finding.Fact{{Kind: "unusual", Text: "3 of 3 never shared before " + hostile}}
	closed := start
	a.Exposures = []alert.Exposure{
		{What: "shared " + hostile + " with " + user, Opened: start.AddDate(0, 0, -3)},
		{What: "closed again", Opened: start, Closed: &closed},
	}
	a.Evidence[0].Items = nil
	client := alert.Client{IP: "203.0.113.7", Device: hostile, Agent: "Chrome on Windows", App: "Data Room Sync"}
	for i := range 3 {
		client.Country, client.Network = []string{"BR", "", "Brazil"}[i], []string{"", "Example Net", ""}[i]
		a.Evidence[0].Items = append(a.Evidence[0].Items, alert.Item{
			Time: start.Add(time.Duration(i-3) * time.Minute), Source: "box", Activity: "share_user", RecordID: fmt.Sprint(i), Bytes: 1000, Client: client,
			Object:     alert.Object{ID: fmt.Sprint(i), Type: "file", Name: "Prices " + hostile, Container: "/Finance"},
			Recipients: []string{"eve@rival.example", user, "*"},
		})
	}
	a.Evidence[0].Items = append(a.Evidence[0].Items, alert.Item{
		Time: start, Source: "aws_cloudtrail", Activity: "download", RecordID: "s3", Rows: -1, Object: alert.Object{Type: "object", Name: "x", Container: "Backups"},
	})
	a.Evidence[0].Destinations = []alert.Destination{{Name: "eve@rival.example", Events: 240}}
	x.take(a)
	return a
}

// TestPerson shows what is stored about a person, under their pseudonym.
func TestPerson(t *testing.T) {
	x := newTeam(t, 2)
	user := "person.1@northwind.example"
	a := x.busy(user)
	pseudonym := x.server.Mask(SOC).Name(user)
	body := x.contains(SOC, "/people/"+pseudonym, "Sales", "Leaving: notice 2026-03-02, last day not known", "Watchlist: Kestrel",
		"Highest score 4.0 points", "Shared 3 files with rival.example", "3 of 3 never shared before", "shared ", "since", "an administrator of Box",
		"90 active days", "Bulk download: files 90", "143 2026-03-02", "Usually active from 08:00 to 10:00, and from 23:00 to 00:00 UTC.",
		"Box 90 of 90 active days", "203.0.113.7 (Example Net, Brazil) 3 events", "United States 90 days", "Chrome on Windows", "Data Room Sync", "/Finance", "Of the 90 days whose records", "198.51.0.0/16 90 days, last 2026",
		"Chrome on Windows 90 days, last 2026", "83 more are not listed", "'s laptop 45 days", "5 events that their latest 2 alerts",
		"Request name", "A privacy officer must approve. Your reason is recorded in the audit log.")
	if strings.Contains(text(body), "closed again") {
		t.Error("what was closed is listed as open")
	}
	for _, link := range []string{"/alerts/" + a.ID, "/entities/application/data%20room%20sync", "/entities/bucket/backups"} {
		if !strings.Contains(body, `href="`+link+`"`) {
			t.Errorf("no link to %s", link)
		}
	}
	if !x.logged("looked at " + pseudonym) {
		t.Error("it is not in the audit log")
	}
	_, body, _ = x.ask(SOC, "GET", "/v1/people/"+pseudonym, "")
	var p personProfile
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.User != pseudonym || p.HourDays != 90 || p.Hours[9] != 90 || len(p.Open) != 1 ||
		p.Open[0].Who == "" || len(p.Watchlists) != 1 || p.Volumes[0].Usual != 4 || p.Seen.Events != 5 || p.Origins.Days != 90 || len(p.Origins.Clients) != 8 || strings.Contains(body, "person.1") || strings.Contains(body, user) {
		t.Errorf("%v %s", err, body)
	}
	x.server.Exempt = func(_ context.Context, who, department string) (bool, error) {
		return who == user && department == "Sales", nil
	}
	if _, body, _ := x.ask(SOC, "GET", "/people/"+pseudonym, ""); strings.Contains(body, "Watchlist: ") {
		t.Error("somebody who has opted out is on a watchlist")
	}
}

// TestPersonPages shows alerts of a person in pages, each once.
func TestPersonPages(t *testing.T) {
	x := newTeam(t, 0)
	user := "person.1@northwind.example"
	for i, a := range x.sample(0, 60) {
		a.User, a.Severity, a.Case, a.Title = user, alert.High, fmt.Sprint("case", i/2), fmt.Sprintf("Alert number %d", i)
		a.Time = start.Add(time.Duration(i) * time.Minute)
		x.take(a)
	}
	next, seen := "/people/"+x.server.Mask(SOC).Name(user), map[string]int{}
	for pages := 0; next != "" && pages < 5; pages++ {
		body := x.contains(SOC, next)
		for _, title := range regexp.MustCompile(`Alert number \d+`).FindAllString(body, -1) {
			seen[title]++
		}
		next = ""
		if m := regexp.MustCompile(`href="(/people/[^"#]*before=\d+)`).FindStringSubmatch(body); m != nil {
			next = m[1]
		}
	}
	if len(seen) != 60 || slices.Max(slices.Collect(func(yield func(int) bool) {
		for _, n := range seen {
			if !yield(n) {
				return
			}
		}
	})) != 1 {
		t.Errorf("%d alerts: %v", len(seen), seen)
	}
	if status, _, _ := x.ask(SOC, "GET", "/people/"+x.server.Mask(SOC).Name(user)+"?before=x", ""); status != 400 {
		t.Errorf("a place that is none: %d", status)
	}
}

// TestEntityPage shows who gave what to an outsider, and through what, under pseudonyms.
func TestEntityPage(t *testing.T) {
	x := newTeam(t, 2)
	user := "person.1@northwind.example"
	a := x.busy(user)
	pseudonym := x.server.Mask(SOC).Name(user)
	item := a.Evidence[0].Items[0].ObjectEntity()
	for path, want := range map[string][]string{
		"/entities/domain/rival.example":           {"Outside domain", "Alerts 1 People 1 Events 240, 3.0 kB", "Still open in these alerts"},
		"/entities/address/EVE@rival.example":      {"Outside address", "Everything about the domain", "Events 240"},
		"/entities/application/data%20room%20sync": {"Application", "Data Room Sync", "Events 3"},
		"/entities/bucket/backups":                 {"Bucket", "Backups", "Events 1"},
		"/entities/item/" + item.Name:              {"Item", "Prices ", "Events 1"},
	} {
		body := x.contains(SOC, path, append(want, pseudonym, "Shared 3 files with rival.example", "high")...)
		if !strings.Contains(body, `href="/people/`+pseudonym) || !strings.Contains(body, `href="/alerts/`+a.ID) {
			t.Errorf("%s: no links", path)
		}
	}
	body := x.contains(SOC, "/entities/domain/rival.example", "Prices ", "203.0.113.7 · Brazil · Chrome on Windows", "203.0.113.7 · Example Net", "shared Box")
	for _, link := range []string{"/entities/item/" + item.Name, "/entities/address/eve@rival.example"} {
		if !strings.Contains(body, `href="`+link+`"`) {
			t.Errorf("no link to %s: %s", link, body)
		}
	}
	if !x.logged("looked at what alerts say of the domain rival.example") {
		t.Error("it is not in the audit log")
	}
	_, body, _ = x.ask(SOC, "GET", "/v1/entities/domain/rival.example", "")
	var e entityReport
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Alerts != 1 || e.Mentions[0].User != pseudonym || len(e.Items) != 3 ||
		e.Items[0].User != pseudonym || strings.Contains(body, user) {
		t.Errorf("%v %s", err, body)
	}
	for _, path := range []string{
		"/entities/domain/nobody.example", "/entities/nothing/x", "/entities/domain/" + url.PathEscape("../x"), "/entities/item/" + url.PathEscape(hostile),
	} {
		if status, body, _ := x.ask(SOC, "GET", path, ""); status != 404 || strings.Contains(body, "<script>alert") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	x.contains(SOC, "/entities/domain/rival.example?page=9")
	if status, _, _ := x.ask(SOC, "GET", "/entities/domain/rival.example?page=0", ""); status != 400 {
		t.Errorf("page 0: %d", status)
	}
}

// TestEntityPages lists many alerts in pages.
func TestEntityPages(t *testing.T) {
	x := newTeam(t, 0)
	for i, a := range x.sample(0, 60) {
		a.Severity, a.Title = alert.High, fmt.Sprintf("Alert number %d", i)
		a.Evidence[0].Destinations = []alert.Destination{{Name: "@rival.example", Events: 2}}
		a.Window.End = start.Add(time.Duration(i) * time.Minute)
		x.take(a)
	}
	for page, want := range map[int]int{1: 25, 2: 25, 3: 10, 4: 0} {
		body := x.contains(SOC, fmt.Sprintf("/entities/domain/rival.example?page=%d", page), "Alerts 60", "People 7", "Events 120")
		if got := strings.Count(body, ">Alert number "); got != want {
			t.Errorf("page %d has %d alerts, want %d", page, got, want)
		}
	}
}

// TestNamesInPaths gives no path that would reveal the name of a person.
func TestNamesInPaths(t *testing.T) {
	x := newTeam(t, 1)
	who := &reader{mask: x.server.Mask(SOC)}
	a := alert.Sample(start)
	a.User = "jo.doe@northwind.example"
	a.Evidence[0].Items = []alert.Item{
		{Source: "aws_cloudtrail", Object: alert.Object{Type: "bucket", Name: "jo-doe-private"}},
		{Source: "aws_cloudtrail", Object: alert.Object{Type: "bucket", Name: "backups"}},
		{Source: "m365", Object: alert.Object{Type: "file", ID: "https://northwind.example/personal/jo_doe/x.xlsx", Name: "x.xlsx"}},
	}
	paths := who.objectPaths(&a)[0]
	if paths[0] != "" || paths[1] != "/entities/bucket/backups" || !regexp.MustCompile(`^/entities/item/[0-9a-f]{16}$`).MatchString(paths[2]) {
		t.Errorf("%q", paths)
	}
	for name, want := range map[string]string{
		"eve@rival.example":      "/entities/address/eve@rival.example",
		"P-ABCDEFGHJK@gmail.com": "/entities/domain/gmail.com",
		"P-ABCDEFGHJK":           "",
		"*":                      "",
	} {
		if got := recipientPath(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestServiceAccounts links the name of a service account to its page, which is known by a pseudonym as others are.
func TestServiceAccounts(t *testing.T) {
	x := newTeam(t, 0)
	a := x.sample(0, 1)[0]
	a.User, a.Service, a.Severity = "ci-deploy", true, alert.High
	a.Evidence[0].Destinations = []alert.Destination{{Name: "@rival.example", Events: 2}}
	x.take(a)
	page := "/people/" + x.server.Mask(SOC).Name(a.User)
	if body := x.contains(SOC, "/entities/domain/rival.example", "ci-deploy"); !strings.Contains(body, `href="`+page+`"`) {
		t.Errorf("no link to %s: %s", page, body)
	}
	x.contains(SOC, page, "Service account")
}
