package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/elastic"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/waittest"
)

var (
	// amountSaid is a figure with what it counts.
	amountSaid = regexp.MustCompile(`(?i)\b([0-9][0-9,]*(?:\.[0-9]+)?)[ -]((?:failed |Salesforce |report )?(?:rows?|exports?|reports?|files?|objects?|recipients?|people|` +
		`grants?|sign-ins?|attempts|messages?|events?|repositor(?:y|ies)|days before leaving)|[kMG]?B)\b`)
	block  = regexp.MustCompile(`(?i)</?(?:t[dhr]|li|p|div|d[dt]|h[1-6]|option|summary|section|time)\b[^>]*>`)
	clock  = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}(?::[0-9]{2})?|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`) // and addresses
	domain = regexp.MustCompile(`X\s+@[A-Za-z0-9.-]*[A-Za-z0-9]|X(?:\s+X)+`)                                                    // of an address whose person has a pseudonym
	tag    = regexp.MustCompile(`(?s)<(?:style|script|svg|title)\b.*?</(?:style|script|svg|title)>|<[^>]*>`)
	nextTo = regexp.MustCompile(`^[0-9]|[0-9]$`)
	named  = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+[A-Za-z0-9]|P-[A-Z0-9]{10}`)
)

// read is a page or a text as its reader has it: without tags, on one line, and with everybody called the same.
func read(text string) string {
	if strings.Contains(text, "</") {
		text = html.UnescapeString(tag.ReplaceAllString(block.ReplaceAllString(text, " | "), " "))
	}
	text = clock.ReplaceAllString(text, " | ") // which an object's name may follow
	text = strings.Join(strings.Fields(domain.ReplaceAllString(named.ReplaceAllString(text, "X"), "X")), " ")
	return strings.ReplaceAll(text, `" X`, `"X`)
}

// said is an amount that a text states.
type said struct {
	n    float64
	unit string // the last word, singular
	text string
}

// amounts are those that a text states.
func amounts(text string) (list []said) {
	for _, m := range amountSaid.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
		words := strings.Fields(m[2])
		if unit := strings.ToLower(words[len(words)-1]); err == nil {
			list = append(list, said{n, strings.TrimSuffix(strings.ReplaceAll(unit, "ies", "y"), "s"), m[0]})
		}
	}
	return list
}

// ledger has all amounts of a person's alerts and days, as they are stored.
type ledger struct {
	texts []said
	units []struct {
		n    float64
		unit string
	}
	bytes []int64
	names map[string]bool // of objects and places, which may look like amounts
}

// named takes in what something is called, as it is read, if it has a figure beside what follows or precedes it.
func (l *ledger) named(list ...string) {
	for _, name := range list {
		if name = read(name); len(name) > 3 && (len(amounts(name)) > 0 || nextTo.MatchString(name)) {
			l.names[name] = true
		}
	}
}

// seen adds how many events the latest alerts of a person list: all of them, and those of each network, device,
// application and place.
func (l *ledger) seen(latest []*alert.Alert) {
	tally := map[string]float64{}
	for _, a := range latest {
		counted := map[string]bool{}
		for i := range a.Evidence {
			for k := range a.Evidence[i].Items {
				x := &a.Evidence[i].Items[k]
				id := cmp.Or(x.RecordID, x.Time.Format(time.RFC3339Nano)+x.Action+x.Object.ID)
				if counted[id] {
					continue
				}
				counted[id] = true
				c := &x.Client
				for kind, name := range []string{
					"all", cmp.Or(c.IP, c.Network+country.Name(c.Country)), cmp.Or(c.Agent, c.UserAgent), c.Device, x.ApplicationEntity().Title,
					x.Object.Container,
				} {
					if name != "" {
						tally[fmt.Sprint(kind, name)]++
					}
				}
			}
		}
	}
	l.count("events", slices.Collect(maps.Values(tally))...)
}

// amounts are those that a text states, without the names of objects and places.
func (l *ledger) amounts(text string) []said {
	text = read(text)
	for _, name := range slices.SortedFunc(maps.Keys(l.names), func(a, b string) int { return len(b) - len(a) }) {
		text = strings.ReplaceAll(text, name, "|")
	}
	return amounts(text)
}

// count adds an amount of a unit.
func (l *ledger) count(unit string, list ...float64) {
	for _, n := range list {
		l.units = append(l.units, struct {
			n    float64
			unit string
		}{n, unit})
	}
}

// add adds what an alert states.
func (l *ledger) add(a *alert.Alert) {
	again, texts := 0, append([]string{a.Title, a.Reason}, a.Context...)
	for _, f := range a.Facts {
		texts = append(texts, f.Text)
	}
	for i := range a.Exposures {
		texts = append(texts, a.Exposures[i].What)
	}
	if a.Receipt != nil {
		for _, c := range a.Receipt.Counts {
			l.count(c.Unit, c.Total, c.Stated)
		}
	}
	l.count(a.Unit, a.Observed, a.Expected, a.Peers)
	for i := range a.Evidence {
		e := &a.Evidence[i]
		texts = append(texts, e.Reason)
		l.count(e.Unit, e.Observed, e.Expected, e.Peers)
		for k := range e.Items {
			x := &e.Items[k]
			l.count("rows", float64(x.Rows))
			l.count("files", float64(x.Count))
			l.count("objects", float64(x.Count))
			l.count("people", float64(len(x.Recipients)))
			l.count("recipients", float64(len(x.Recipients)))
			l.bytes = append(l.bytes, x.Bytes, x.Object.Size)
			l.named(x.Object.Name, x.Object.Container, x.Detail)
		}
		for k := range e.Destinations {
			l.count("events", float64(e.Destinations[k].Events))
		}
		l.count("events", float64(e.Events), float64(e.Unlisted), float64(e.Repeats))
	}
	l.count("events", float64(a.EventCount))
	for _, x := range a.Again {
		l.count("events", float64(x.Events))
		again += x.Events
	}
	l.count("events", float64(again))
	for _, t := range texts {
		l.texts = append(l.texts, l.amounts(t)...)
	}
}

// days add what the days of a person state: the figure of an alert of a day where it has one, or else all of the day.
func (l *ledger) days(days []finding.Activity, list []*alert.Alert) {
	raised := reports.DayAlerts(days, list)
	for i := range days {
		for k := range days[i].Counts {
			x := &days[i].Counts[k]
			n := x.N
			if slices.ContainsFunc(raised[days[i].End], func(a *alert.Alert) bool { return slices.Contains(a.Detectors, x.Detector) }) {
				n = x.Told()
			}
			l.count(x.Unit, n, x.Usual, x.Peers)
		}
	}
}

// has says whether an amount is one of those, as people are told of it: rounded.
func (l *ledger) has(s said) bool {
	near := func(n float64) bool {
		if s.n >= 10 || s.n == math.Trunc(s.n) && n >= 10 {
			return math.Abs(s.n-n) <= .5
		}
		return math.Abs(s.n-n) <= .05+1e-9
	}
	for _, t := range l.texts {
		if t.unit == s.unit && t.n == s.n {
			return true
		}
	}
	for _, u := range l.units {
		if near(u.n) && strings.Contains(u.unit, strings.TrimSuffix(s.unit, "y")) {
			return true
		}
	}
	scale := map[string]float64{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}[s.unit]
	return scale > 0 && slices.ContainsFunc(l.bytes, func(b int64) bool { return near(float64(b) / scale) })
}

// served is a daemon with its pages.
type served struct {
	t           *testing.T
	base, token string
	data        string
	config      string
}

// servesFeed is the configuration of a daemon that serves the feed.
const servesFeed = "feed: {listen: \"127.0.0.1:0\"}\n"

// serve has a daemon process everything, then starts it again with its pages.
func serve(t *testing.T, dir, config string) *served {
	t.Helper()
	once(t, config)
	_, logged := running(t, config)
	waittest.Until(t, "the feed listens", func() bool { return feedAddress.MatchString(logged()) })
	code, token, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc")
	if code != exitFine {
		t.Fatal(errs)
	}
	return &served{t, "http://" + feedAddress.FindStringSubmatch(logged())[1], strings.TrimSpace(token), filepath.Join(dir, "data"), config}
}

// get returns a page.
func (s *served) get(path string) string {
	s.t.Helper()
	for {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			time.Sleep(time.Second)
			continue
		}
		if err != nil || res.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %d %v", path, res.StatusCode, err)
		}
		return string(body)
	}
}

// tell returns what a command prints.
func (s *served) tell(args ...string) string {
	s.t.Helper()
	code, out, errs := outflow(args...)
	if code != exitFine {
		s.t.Fatalf("%v: %d %s", args, code, errs)
	}
	return out
}

// stored returns the alerts that the daemon keeps, with their items, and the ledgers of their people.
func (s *served) stored() (list []alert.Alert, of map[string]*ledger) {
	s.t.Helper()
	store, err := alert.OpenStoreReadOnly(s.t.Context(), filepath.Join(s.data, "alerts.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	if list, err = store.All(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	of = map[string]*ledger{}
	shown := map[string][]*alert.Alert{}
	for i := range list {
		a := &list[i]
		if err := store.LoadItems(s.t.Context(), a); err != nil {
			s.t.Fatal(err)
		}
		if of[a.User] == nil {
			of[a.User] = &ledger{names: map[string]bool{}}
		}
		of[a.User].add(a)
		if a.Severity >= alert.Medium {
			shown[a.User] = append(shown[a.User], a)
		}
	}
	for user, l := range of {
		days, err := store.Days(s.t.Context(), user, time.Time{}, time.Now().AddDate(1, 0, 0))
		if err != nil {
			s.t.Fatal(err)
		}
		if data := of[""]; data != nil && user != "" { // alerts about the data, which pages list as coverage gaps
			l.texts = append(l.texts, data.texts...)
		}
		l.days(days, shown[user])
		slices.SortFunc(shown[user], func(a, b *alert.Alert) int { return b.Time.Compare(a.Time) })
		l.seen(shown[user])
	}
	return list, of
}

// ecs is an alert as Elastic receives it.
func ecs(t *testing.T, a *alert.Alert) []byte {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(alerttest.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	r := alerttest.NewReceiver(t, `{"errors":false,"items":[{"create":{"status":201}}]}`)
	n := alerttest.Open(t, elastic.Kind, fmt.Sprintf("url: %q\napi_key: file:%s", r.URL, key))
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: *a}); err != nil {
		t.Fatal(err)
	}
	list := r.Take()
	return list[len(list)-1].Body
}

// same compares an alert with one that was read from JSON: all that people read, and the amounts.
func sameAlert(t *testing.T, name string, got, want *alert.Alert) {
	t.Helper()
	if got.Severity != want.Severity || got.Score != want.Score || read(got.Title) != read(want.Title) || read(got.Reason) != read(want.Reason) ||
		got.EventCount != want.EventCount || len(got.Evidence) != len(want.Evidence) || got.Observed != want.Observed {
		t.Errorf("%s: %s differs", name, want.Short())
		return
	}
	for i := range got.Evidence {
		g, w := &got.Evidence[i], &want.Evidence[i]
		if g.Observed != w.Observed || g.Expected != w.Expected || g.Peers != w.Peers || g.Events != w.Events || g.Unlisted != w.Unlisted ||
			len(g.Items) != len(w.Items) || len(g.Destinations) != len(w.Destinations) {
			t.Errorf("%s: %s, %s: %v %d %d %d %d, not %v %d %d %d %d", name, want.Short(), w.Detector, g.Observed, g.Events, g.Unlisted, len(g.Items),
				len(g.Destinations), w.Observed, w.Events, w.Unlisted, len(w.Items), len(w.Destinations))
		}
	}
}

// sourced checks that a text states no amount that the ledger does not have, and returns how many it states.
func sourced(t *testing.T, name, text string, l *ledger) int {
	t.Helper()
	list := l.amounts(text)
	for _, x := range list {
		if !l.has(x) {
			at := strings.Index(read(text), x.text)
			t.Errorf("%s: %q is in no alert or day of the person: …%.120s", name, x.text, read(text)[max(at-60, 0):])
		}
	}
	return len(list)
}

// everywhere compares the alerts that a daemon keeps with all that is shown of them.
func (s *served) everywhere() (compared int) {
	t := s.t
	t.Helper()
	list, of := s.stored()
	queue := read(s.get("/?all=1&per=200"))
	for i := range list {
		a := &list[i]
		if a.Severity < alert.Medium || a.Health {
			continue
		}
		id, err := keys.ShownID(s.data, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		var one struct{ Alert alert.Alert }
		if err := json.Unmarshal([]byte(s.get("/v1/alerts/"+id)), &one); err != nil {
			t.Fatal(err)
		}
		sameAlert(t, "feed", &one.Alert, a)
		finding, err := alert.OCSF(&alert.Message{Alert: *a}, "test")
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Event struct {
				Severity int     `json:"severity"`
				Score    float64 `json:"risk_score"`
				Reason   string  `json:"reason"`
			} `json:"event"`
			Outflow alert.Alert `json:"outflow"`
		}
		lines := bytes.SplitN(ecs(t, a), []byte("\n"), 2)
		if err := json.Unmarshal(lines[1], &doc); err != nil || doc.Event.Reason != a.Reason || doc.Event.Score != a.Score {
			t.Errorf("ECS: %s: %v", a.Short(), err)
		}
		sameAlert(t, "ECS", &doc.Outflow, a)
		for name, text := range map[string]string{
			"alert's page": s.get("/alerts/" + id), "explanation": s.tell("explain", "--data", s.data, a.ID),
			"message": (&alert.Message{Alert: *a}).Text(), "person's page": s.get("/people/" + one.Alert.User), "queue": queue,
			"OCSF": string(finding), "days": s.tell("report", "people", a.User, "--data", s.data),
		} {
			if name == "OCSF" {
				text = strings.ReplaceAll(text, `\"`, `"`)
			}
			if name != "days" && !strings.Contains(read(text), read(a.Title)) {
				at := strings.Index(read(text), read(a.Title)[:12])
				t.Errorf("%s: %s: not %q: …%.120s", name, a.Short(), a.Title, read(text)[max(at, 0):])
			}
			if name != "queue" && name != "OCSF" {
				compared += sourced(t, name+" of "+a.Short(), text, of[a.User])
			}
		}
	}
	return compared
}

// reports compares the forms of each review and digest: all state the same amounts, and those of a review are in the
// alerts and days of the person.
func (s *served) reports(leavers ...string) (compared int) {
	t := s.t
	t.Helper()
	list, of := s.stored()
	all := everybody(of)
	set := func(text string) map[string]bool {
		stated := map[string]bool{}
		for _, x := range all.amounts(text) {
			stated[fmt.Sprint(x.n, " ", x.unit)] = true
		}
		return stated
	}
	equal := func(name string, forms map[string]string) {
		t.Helper()
		any := map[string]bool{}
		for _, text := range forms {
			maps.Copy(any, set(text))
		}
		for form, text := range forms {
			for x := range any {
				if !set(text)[x] {
					t.Errorf("%s: %q is not in the %s", name, x, form)
				}
			}
		}
	}
	for _, who := range leavers {
		review := func(format string) string {
			return s.tell("report", "review", who, "--data", s.data, "--format", format)
		}
		forms := map[string]string{"page": review("html"), "text": review("md")}
		if _, err := exec.LookPath("pdftotext"); err != nil {
			t.Log("the PDF is not read: there is no pdftotext")
		} else {
			file := filepath.Join(t.TempDir(), "review.pdf")
			if err := os.WriteFile(file, []byte(review("pdf")), 0o600); err != nil {
				t.Fatal(err)
			}
			text, err := exec.Command("pdftotext", "-raw", file, "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			forms["PDF"] = string(text)
		}
		equal("review of "+who, forms)
		for form, text := range forms {
			compared += sourced(t, form+" of the review of "+who, text, of[who])
		}
	}
	for _, week := range weeks(list) {
		digest := func(format string) string {
			return s.tell("report", "digest", "--data", s.data, "--week", week, "--format", format)
		}
		page := digest("html")
		equal("digest of "+week, map[string]string{"page": page, "text": digest("text")}) // the daemon's page has more facts of each task
		compared += sourced(t, "digest of "+week, page, all)
		compared += sourced(t, "page of the digest of "+week, s.get("/digest?week="+week), all)
	}
	return compared
}

// everybody has the amounts of all people.
func everybody(of map[string]*ledger) *ledger {
	all := &ledger{names: map[string]bool{}}
	for _, l := range of {
		all.texts, all.units, all.bytes = append(all.texts, l.texts...), append(all.units, l.units...), append(all.bytes, l.bytes...)
		maps.Copy(all.names, l.names)
	}
	return all
}

// scanned compares what a scan of the same exports shows, in the terminal and on its page, with the alerts of the daemon and
// the scan's summary.
func (s *served) scanned(summary string, forms map[string]string) (compared int) {
	list, of := s.stored()
	all := everybody(of)
	all.texts = append(all.texts, amounts(read(summary))...)
	for form, text := range forms {
		for i := range list {
			a := &list[i]
			title := read(a.Title)
			if form == "table" { // which shortens those of further alerts about a person
				title = title[:min(len(title), 40)]
			}
			if a.Severity >= alert.Medium && !a.Health && !strings.Contains(read(text), title) {
				s.t.Errorf("%s: %s: not %q", form, a.Short(), a.Title)
			}
		}
		compared += sourced(s.t, form, text, all)
	}
	return compared
}

// entities compares the totals of what alerts name: in the list, on the page of each and as JSON, and with the alerts.
func (s *served) entities() (compared int) {
	t := s.t
	t.Helper()
	list, _ := s.stored()
	naming := map[alert.Entity]map[string]bool{} // alerts
	for i := range list {
		for k := range list[i].Evidence {
			for j := range list[i].Evidence[k].Items {
				for _, x := range list[i].Evidence[k].Items[j].Entities() {
					x.Title = ""
					if naming[x] == nil {
						naming[x] = map[string]bool{}
					}
					naming[x][list[i].ID] = true
				}
			}
		}
	}
	read := func(path string, into any) {
		if err := json.Unmarshal([]byte(s.get(path)), into); err != nil {
			t.Fatal(path, err)
		}
	}
	for _, kind := range alert.EntityKinds {
		var all struct{ Entities []alert.EntitySummary }
		read("/v1/entities?kind="+string(kind), &all)
		for _, want := range all.Entities[:min(len(all.Entities), 8)] {
			var got struct {
				alert.EntitySummary
				Pages    int
				Mentions []struct{ Events int64 }
			}
			path := "/entities/" + string(kind) + "/" + url.PathEscape(want.Name)
			if strings.Contains(want.Name, "P-") {
				continue // of which the name is not known
			}
			read("/v1"+path, &got)
			sum := int64(0)
			for _, m := range got.Mentions {
				sum += m.Events
			}
			if got.EntitySummary != want || got.Pages == 1 && sum != want.Events {
				t.Errorf("%s: %+v, and %d events of its alerts; the list has %+v", path, got.EntitySummary, sum, want)
			}
			if n := len(naming[alert.Entity{Kind: kind, Name: want.Name}]); n != want.Alerts {
				t.Errorf("%s: %d alerts, and %d name it", path, want.Alerts, n)
			}
			page := fmt.Sprintf("<dt>Alerts</dt><dd>%d</dd><dt>People</dt><dd>%d</dd><dt>Events</dt><dd>%s", want.Alerts, want.People,
				plain.Number(want.Events))
			if !strings.Contains(s.get(path), page) {
				t.Errorf("%s: not %s", path, page)
			}
			compared += 3
		}
	}
	return compared
}

// weeks are the last three weeks of alerts that are shown, as 2026-W14.
func weeks(list []alert.Alert) (names []string) {
	for i := range list {
		if year, week := list[i].Time.ISOWeek(); list[i].Severity >= alert.Medium {
			names = append(names, fmt.Sprintf("%d-W%02d", year, week))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[max(len(names)-3, 0):]
}

// TestFiguresEverywhere compares what the daemon serves and what reports say with the alerts that are stored.
func TestFiguresEverywhere(t *testing.T) {
	long(t)
	t.Parallel()
	dir, config := folder(t, acme, servesFeed)
	s := serve(t, dir, config)
	if n := s.everywhere(); n < 100 {
		t.Errorf("only %d amounts are compared", n)
	}
	if n := s.reports("chen.kapoor@acme.example"); n < 20 {
		t.Errorf("only %d amounts of reports are compared", n)
	}
}

// TestFiguresOfGrown compares an alert that has grown, after a message about it was sent.
func TestFiguresOfGrown(t *testing.T) {
	long(t)
	t.Parallel()
	const day = "salesforce/2026-04-17_ReportExport.csv"
	whole := ""
	exports := copied(t, func(path string) string {
		if path == day+".gz" {
			whole = path
			return ""
		}
		return path
	})
	if whole == "" {
		t.Fatal("the file of the day is not there")
	}
	b, err := os.ReadFile(filepath.Join(acme, whole))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	put := func(name string, part [][]byte) {
		if err := os.WriteFile(filepath.Join(exports, name), bytes.Join(part, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(day, lines[:len(lines)*2/3])
	dir, config := folder(t, exports, servesFeed)
	once(t, config)
	before := exported(t, dir)
	put("salesforce/late.csv", lines)
	s := serve(t, dir, config)
	s.everywhere()
	s.reports("chen.kapoor@acme.example")
	after := exported(t, dir)
	if before == 0 || after <= before {
		t.Errorf("the alert has not grown: %g exports, then %g", before, after)
	}
}

// exported is how many exports the latest message about the leaver's states.
func exported(t *testing.T, dir string) (n float64) {
	t.Helper()
	for line := range strings.Lines(notified(t, dir)) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		for i := range a.Evidence {
			if e := &a.Evidence[i]; a.User == "chen.kapoor@acme.example" && e.Detector == "crm_export" && e.Unit == "exports" {
				n = e.Observed
			}
		}
	}
	return n
}
