package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"net/http"
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
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/waittest"
)

var (
	// amountSaid is a figure with what it counts.
	amountSaid = regexp.MustCompile(`(?i)\b([0-9][0-9,]*(?:\.[0-9]+)?)[ -]((?:failed |Salesforce |report )?(?:rows?|exports?|reports?|files?|objects?|recipients?|people|` +
		`grants?|sign-ins?|attempts|messages?|repositor(?:y|ies)|days before leaving)|[kMG]?B)\b`)
	block  = regexp.MustCompile(`(?i)</?(?:t[dhr]|li|p|div|d[dt]|h[1-6]|option|summary|section|time)\b[^>]*>`)
	clock  = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}(?::[0-9]{2})?|\bReport [0-9]+`)
	domain = regexp.MustCompile(`X\s+@[A-Za-z0-9.-]*[A-Za-z0-9]`) // of an address whose person has a pseudonym
	tag    = regexp.MustCompile(`(?s)<(?:style|script|svg|title)\b.*?</(?:style|script|svg|title)>|<[^>]*>`)
	named  = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+[A-Za-z0-9]|P-[A-Z0-9]{10}`)
)

// read is a page or a text as its reader has it: without tags, on one line, and with everybody called the same.
func read(text string) string {
	if strings.Contains(text, "</") {
		text = html.UnescapeString(tag.ReplaceAllString(block.ReplaceAllString(text, " | "), " "))
	}
	text = clock.ReplaceAllString(text, " | ") // which an object's name may follow
	return strings.Join(strings.Fields(domain.ReplaceAllString(named.ReplaceAllString(text, "X"), "X")), " ")
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
	texts := append([]string{a.Title, a.Reason}, a.Context...)
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
			l.count("people", float64(len(x.Recipients)))
			l.count("recipients", float64(len(x.Recipients)))
			l.bytes = append(l.bytes, x.Bytes, x.Object.Size)
			texts = append(texts, x.Object.Name, x.Text())
		}
	}
	for _, t := range texts {
		l.texts = append(l.texts, amounts(read(t))...)
	}
}

// day adds what a day states.
func (l *ledger) day(d *finding.Activity) {
	for k := range d.Counts {
		x := &d.Counts[k]
		l.count(x.Unit, x.Told(), x.Usual, x.Peers)
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
	for i := range list {
		a := &list[i]
		if err := store.LoadItems(s.t.Context(), a); err != nil {
			s.t.Fatal(err)
		}
		if of[a.User] == nil {
			of[a.User] = &ledger{}
			days, err := store.Days(s.t.Context(), a.User, time.Time{}, a.Time.AddDate(1, 0, 0))
			if err != nil {
				s.t.Fatal(err)
			}
			for j := range days {
				of[a.User].day(&days[j])
			}
		}
		of[a.User].add(a)
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
	list := amounts(read(text))
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
		var one struct{ Alert alert.Alert }
		if err := json.Unmarshal([]byte(s.get("/v1/alerts/"+a.ID)), &one); err != nil {
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
			"alert's page": s.get("/alerts/" + a.ID), "explanation": s.tell("explain", "--data", s.data, a.ID),
			"message": (&alert.Message{Alert: *a}).Text(), "person's page": s.get("/people/" + one.Alert.User), "queue": queue,
			"OCSF": string(finding),
		} {
			if name == "OCSF" {
				text = strings.ReplaceAll(text, `\"`, `"`)
			}
			if !strings.Contains(read(text), read(a.Title)) {
				t.Errorf("%s: %s: not %q", name, a.Short(), a.Title)
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
	_, of := s.stored()
	set := func(text string) map[string]bool {
		all := map[string]bool{}
		for _, x := range amounts(read(text)) {
			all[fmt.Sprint(x.n, " ", x.unit)] = true
		}
		return all
	}
	equal := func(name string, forms map[string]string) {
		t.Helper()
		all := map[string]bool{}
		for _, text := range forms {
			for x := range set(text) {
				all[x] = true
			}
		}
		for form, text := range forms {
			for x := range all {
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
	for _, week := range []string{"2026-W14", "2026-W15", "2026-W16"} {
		digest := func(format string) string {
			return s.tell("report", "digest", "--data", s.data, "--week", week, "--format", format)
		}
		page := digest("html")
		equal("digest of "+week, map[string]string{"page": page, "text": digest("text")}) // the daemon's page has more facts of each task
		everybody := &ledger{}
		for _, l := range of {
			everybody.texts, everybody.units = append(everybody.texts, l.texts...), append(everybody.units, l.units...)
			everybody.bytes = append(everybody.bytes, l.bytes...)
		}
		compared += sourced(t, "digest of "+week, page, everybody)
		compared += sourced(t, "page of the digest of "+week, s.get("/digest?week="+week), everybody)
	}
	return compared
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
