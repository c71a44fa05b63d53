package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/finding"
)

var (
	notice = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	last   = time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
)

const user = "dana.ruiz@northwind.example"

// at is an alert about the leaver on a day.
func at(day time.Time, s alert.Severity) alert.Alert {
	a := alert.Sample(day.Add(10 * time.Hour))
	a.ID = fmt.Sprintf("%x-%d", day.Unix(), s)
	a.Case, a.User, a.Severity, a.Score = a.ID, user, s, float64(10*s)
	return a
}

// detectors are some detectors with their traits.
var detectors = finding.Detectors{
	"bulk_download": finding.TakesData, "sharing_policy": finding.ChangesSettings, "external_sharing": finding.SharesOutside,
	"personal_mailbox": finding.SharesOutside, "public_link": finding.SharesOutside,
}

func input(list ...alert.Alert) *Input {
	return &Input{
		Detectors: detectors,
		Alerts:    list,
		Leavers:   []Leaver{{User: user, Notice: notice, LastDay: last}},
		Now:       last.AddDate(0, 0, 40),
		Kinds:     []Kind{{Title: "Bulk download"}, {Title: "Public link"}},
		All:       []string{"Box", "Slack"},
		Sources:   []string{"Box"},
		Reported:  last.AddDate(0, 0, 40),
	}
}

// TestDrawn draws days within the page, and has them in words and as numbers.
func TestDrawn(t *testing.T) {
	in := input(at(notice.AddDate(0, 0, 5), alert.High))
	in.Days = func(who string, from, to time.Time) (list []finding.Activity, err error) {
		if who != user || !from.Equal(notice.Add(-lookBack)) {
			t.Error(who, from, to)
		}
		for i := range 60 {
			n := float64(i % 5)
			if i == 45 { // five days after notice
				n = 300
			}
			list = append(list, finding.Activity{
				User:   user,
				End:    notice.AddDate(0, 0, i-39).Add(time.Hour).UnixMilli(),
				Counts: []finding.Amount{{Detector: "bulk_download", Metric: "downloads", Unit: "files", N: n, Usual: 2, Peers: 3}},
			})
		}
		return list, nil
	}
	r := MakeReview(in, user, time.Time{}, time.Time{})
	var html, md, js bytes.Buffer
	if err := errors.Join(r.Write(&html, "html"), r.Write(&md, "md"), r.Write(&js, "json")); err != nil {
		t.Fatal(err)
	}
	const words = "120 files on 7 March; a usual day of the person has 2, of colleagues 3; the highest of the 59 other days shown has 4."
	for name, text := range map[string]string{"html": html.String(), "md": md.String(), "json": js.String()} {
		if !strings.Contains(text, words) {
			t.Errorf("%s: %.3000s", name, text)
		}
	}
	if !strings.Contains(html.String(), `<svg role="img" viewBox="0 0 700 210" class="chart"`) || !strings.Contains(js.String(), `"marked": true`) {
		t.Error("no picture, or no numbers")
	}
	in.Days = func(string, time.Time, time.Time) ([]finding.Activity, error) { return nil, errors.New("damaged") }
	if r := MakeReview(in, user, time.Time{}, time.Time{}); len(r.Unseen) == 0 || !strings.Contains(fmt.Sprint(r.Unseen), "damaged") {
		t.Errorf("%+v", r.Unseen)
	}
}

// TestVerdict checks verdict and headline of reviews.
func TestVerdict(t *testing.T) {
	open := at(notice.AddDate(0, 0, 5), alert.High)
	open.Exposures = []alert.Exposure{{What: "made \"x\" public", Opened: open.Time}}
	trifle := at(notice.AddDate(0, 0, 5), alert.Low)
	trifle.Exposures = open.Exposures
	closed := open
	then := open.Time.Add(time.Hour)
	closed.Exposures = []alert.Exposure{{What: "made \"x\" public", Opened: open.Time, Closed: &then}}
	other := at(notice, alert.Critical)
	other.User = "li.wei@northwind.example"
	young := at(notice.AddDate(0, 0, -40), alert.High)
	young.BaselineDays = 3
	for name, c := range map[string]struct {
		list []alert.Alert
		want Verdict
	}{
		"nothing":                      {nil, Nothing},
		"somebody else":                {[]alert.Alert{other}, Nothing},
		"a little":                     {[]alert.Alert{at(notice, alert.Low), at(notice.AddDate(0, 0, -60), alert.Medium)}, Nothing},
		"once, near notice":            {[]alert.Alert{at(notice, alert.Medium)}, Nothing},
		"twice, near notice":           {[]alert.Alert{at(notice, alert.Medium), at(notice.AddDate(0, 0, 3), alert.Medium)}, Look},
		"high":                         {[]alert.Alert{at(notice.AddDate(0, 0, -80), alert.High)}, Look},
		"high, when nothing was usual": {[]alert.Alert{young}, NotEnough},
		"long before":                  {[]alert.Alert{at(notice.AddDate(0, 0, -120), alert.Critical)}, Nothing},
		"open":                         {[]alert.Alert{open}, Act},
		"open, but a trifle":           {[]alert.Alert{trifle}, Nothing},
		"closed":                       {[]alert.Alert{closed}, Look},
		"after the last day":           {[]alert.Alert{at(last.AddDate(0, 0, 3), alert.Medium)}, Act},
		"on the last day":              {[]alert.Alert{at(last, alert.High)}, Look},
	} {
		r := MakeReview(input(c.list...), user, time.Time{}, time.Time{})
		if r.Verdict != c.want || (len(r.Points) == 0) != (c.want == Nothing || c.want == NotEnough) {
			t.Errorf("%s: %s (%s), %d points", name, r.Verdict, r.Headline, len(r.Points))
		}
	}
	r := MakeReview(input(open), user, time.Time{}, time.Time{})
	if len(r.Open) != 1 || len(r.Normal) != 1 || len(r.Unseen) != 1 || r.Unseen[0].What != "Slack" ||
		r.Points[0].When != "between notice and the last day" || len(r.Left) != 1 || r.Left[0].Observed != 120 {
		t.Errorf("%+v", r)
	}
}

// TestWhatLeftComesFirst has what left in the headline before what is open, in every format, and names of people
// under pseudonyms only.
func TestWhatLeftComesFirst(t *testing.T) {
	grant := at(notice.AddDate(0, 0, 12), alert.Critical)
	grant.Title, grant.Detector, grant.Detectors = "Administrative right granted", "admin_grant", []string{"admin_grant"}
	grant.Evidence = []alert.Evidence{{Detector: "admin_grant", Title: grant.Title, Reason: "gave kim.ruiz@northwind.example a right"}}
	for _, what := range []string{"gave kim.ruiz@northwind.example a right", "gave li.wei@northwind.example a right"} {
		grant.Exposures = append(grant.Exposures, alert.Exposure{What: what, Opened: grant.Time, Detector: "admin_grant"})
	}
	taken := at(notice, alert.Critical)
	taken.Title, taken.Evidence[0].Reason = "Bulk download", "downloaded 120 files shared by kim.ruiz@northwind.example; usual day 3"
	r := MakeReview(input(grant, taken), user, time.Time{}, time.Time{})
	const want = "Act today. Downloaded 120 files shared by kim.ruiz@northwind.example, on the day notice was given. 1 more unusual day " +
		"is listed below. 2 access rights this person granted are still in place."
	if r.Verdict != Act || r.Headline != want || r.Points[0].Alert != taken.ID || !r.Points[0].Left || r.Points[1].Left {
		t.Errorf("%s %q %+v", r.Verdict, r.Headline, r.Points)
	}
	r = MakeReview(input(taken), user, time.Time{}, time.Time{})
	if r.Verdict != Act {
		t.Errorf("%s %q", r.Verdict, r.Headline)
	}
	r.Mask(alert.NewMask([]byte("k"), "hr", nil))
	if b, err := json.Marshal(r); err != nil || strings.Contains(strings.ToLower(string(b)), "ruiz") {
		t.Errorf("%v %s", err, b)
	}
}

// TestHostile checks that an attacker's text stays text in every format.
func TestHostile(t *testing.T) {
	bad := at(notice, alert.High)
	bad.Reason = alerttest.Hostile
	bad.Title = alerttest.Hostile
	bad.Exposures = []alert.Exposure{{What: alerttest.Hostile, Opened: bad.Time}}
	bad.Evidence[0].Title = alerttest.Hostile
	in := input(bad)
	for _, format := range []string{"html", "md", "json"} {
		var b bytes.Buffer
		if err := MakeReview(in, user, time.Time{}, time.Time{}).Write(&b, format); err != nil {
			t.Fatal(err)
		}
		for _, evil := range []string{"<script>alert", "\x1b", "\u202e", "[x](https://evil", "<https://evil"} {
			if strings.Contains(b.String(), evil) && !(format != "md" && evil[0] == '[') && !(format == "json" && evil[0] != '\x1b') {
				t.Errorf("%s: %q", format, evil)
			}
		}
	}
	d := MakeDigest(in, mondayOf(bad.Time), Triage{})
	for _, format := range []string{"html", "text", "json"} {
		var b bytes.Buffer
		if err := d.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Contains(text, "\x1b") || format == "html" && strings.Contains(text, "<script>alert") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

func mondayOf(t time.Time) time.Time { _, m := WeekOf(t); return m }

// TestMasked checks that a report under pseudonyms has no names.
func TestMasked(t *testing.T) {
	a := at(notice, alert.High)
	a.Reason = "shared with Dana Ruiz's own address dana.ruiz@gmail.com"
	a.Exposures = []alert.Exposure{{What: "gave dana.ruiz@northwind.example a right", Opened: a.Time}}
	a.Reason += ", after a talk with kim.ruiz@northwind.example"
	m := alert.NewMask([]byte("k"), "hr", nil) // colleagues are known by the person's domain
	r := MakeReview(input(a), user, time.Time{}, time.Time{})
	r.Mask(m)
	var page strings.Builder
	if err := r.Write(&page, "html"); err != nil || !strings.Contains(page.String(), `<span class="keep">P-`) {
		t.Errorf("pseudonyms are broken at their hyphens: %v", err)
	}
	d := MakeDigest(input(a), mondayOf(a.Time), Triage{})
	d.Mask(m)
	for _, v := range []any{r, d} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(b)), "ruiz") {
			t.Errorf("%s", b)
		}
	}
}

// TestWatched says on which watchlists a leaver is, in reviews and digests of every format, and masks
// who is named there.
func TestWatched(t *testing.T) {
	in := input()
	in.Watched = func(who string) []string {
		if who != user {
			return nil
		}
		return []string{`on the watchlist "kestrel" (kim.ruiz@northwind.example, <b>merger</b>)`}
	}
	r := MakeReview(in, user, time.Time{}, time.Time{})
	d := MakeDigest(in, mondayOf(last), Triage{})
	for _, format := range []string{"html", "md", "json"} {
		var b bytes.Buffer
		if err := r.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if s := b.String(); !strings.Contains(s, "kestrel") || format == "html" && strings.Contains(s, "<b>") {
			t.Errorf("review as %s: %s", format, s)
		}
	}
	for _, format := range []string{"html", "text", "json"} {
		var b bytes.Buffer
		if err := d.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if s := b.String(); !strings.Contains(s, "kestrel") || format == "html" && strings.Contains(s, "<b>") {
			t.Errorf("digest as %s: %s", format, s)
		}
	}
	m := alert.NewMask([]byte("k"), "hr", func(domain string) bool { return domain == "northwind.example" })
	r.Mask(m)
	d.Mask(m)
	if list := append(r.Watchlists, d.Leaving[0].Watchlists...); len(list) != 2 || strings.Contains(strings.Join(list, ""), "ruiz") {
		t.Errorf("%q", list)
	}
	if r := MakeReview(in, "kim@northwind.example", time.Time{}, time.Time{}); len(r.Watchlists) > 0 {
		t.Errorf("%q", r.Watchlists)
	}
}

// TestChecked says who has checked a review, and whether it states something else since.
func TestChecked(t *testing.T) {
	a := at(notice.AddDate(0, 0, 5), alert.High)
	r := MakeReview(input(a), user, time.Time{}, time.Time{})
	in := input(a)
	in.Reported = in.Reported.AddDate(0, 0, 1)
	in.Checks = map[string]Check{user: {By: "lena", At: last, Print: r.Print()}}
	again := MakeReview(in, user, time.Time{}, time.Time{})
	if again.Checked == nil || again.Checked.Changed || again.Checked.By != "lena" {
		t.Errorf("%+v", again.Checked)
	}
	again.Mask(alert.NewMask([]byte("k"), "hr", nil))
	if again.Print() != r.Print() {
		t.Error("the print depends on who reads")
	}
	in.Alerts = append(in.Alerts, at(notice.AddDate(0, 0, 9), alert.High))
	more := MakeReview(in, user, time.Time{}, time.Time{})
	if more.Checked == nil || !more.Checked.Changed {
		t.Errorf("%+v", more.Checked)
	}
	for _, format := range []string{"html", "md"} {
		var b bytes.Buffer
		if err := more.Write(&b, format); err != nil || !strings.Contains(b.String(), "31 March 2026 by lena; it has changed since") {
			t.Errorf("%s: %v %s", format, err, b.String())
		}
	}
}

// TestDismissed lists what the security team has closed as expected, and does not count it for the verdict.
func TestDismissed(t *testing.T) {
	a := at(notice.AddDate(0, 0, 5), alert.High)
	for status, want := range map[string]Verdict{"false": Nothing, "benign-true": Nothing, "true": Look, "duplicate": Look, "acknowledged": Look} {
		in := input(a)
		in.Decisions = map[string]Decision{a.ID: {
			Status: status, Closed: status != "acknowledged", True: status == "true", Who: "sam", At: last, Note: "handover, <b>agreed</b>.",
		}}
		r := MakeReview(in, user, time.Time{}, time.Time{})
		if r.Verdict != want || len(r.Timeline) != 1 || (len(r.Points) == 0) != (want == Nothing) {
			t.Errorf("%s: %s %q, %d days, %d points", status, r.Verdict, r.Headline, len(r.Timeline), len(r.Points))
		}
		said := r.Timeline[0].Decision
		if strings.HasPrefix(said, "Closed by sam on 31 March 2026 as ") == (status == "acknowledged") {
			t.Errorf("%s: %q", status, said)
		}
		if want == Nothing && !strings.Contains(r.Headline, "1 unusual day was explained by the security team.") {
			t.Errorf("%s: %q", status, r.Headline)
		}
	}
}

// TestGaps says at the beginning of which days before notice there is no data.
func TestGaps(t *testing.T) {
	in := input()
	in.Covered = covered(notice.AddDate(0, 0, -46), last.AddDate(0, 0, 20), "box")
	in.Now = last.AddDate(0, 0, 20)
	r := MakeReview(in, user, time.Time{}, time.Time{})
	want := []string{
		"No data before 15 January 2026: 44 of the 90 days before notice are not covered.",
		"Data received up to 19 April 2026.",
	}
	if strings.Join(r.Gaps, "|") != strings.Join(want, "|") {
		t.Errorf("%q", r.Gaps)
	}
	var b bytes.Buffer
	if err := r.Write(&b, "html"); err != nil {
		t.Fatal(err)
	}
	page, _, _ := strings.Cut(b.String(), `data-part="timeline"`)
	if !strings.Contains(page, want[0]) {
		t.Error("it is not on the first page")
	}
	in.Now = last.AddDate(0, 0, -3)
	if r := MakeReview(in, user, time.Time{}, time.Time{}); !strings.Contains(strings.Join(r.Gaps, " "), "before the last day: make this review again after it") {
		t.Errorf("%q", r.Gaps)
	}
}

// TestNormal lists as checked only what could be seen of this person, in plain words.
func TestNormal(t *testing.T) {
	in := input()
	in.Covered, in.HR = covered(notice.AddDate(0, 0, -90), last.AddDate(0, 0, 30), "box"), true
	in.Kinds = []Kind{
		{Name: "bulk_download", Title: "Bulk download", Sources: []string{"box", "slack"}},
		{Name: "vendor_alert", Title: "Vendor alert", Sources: []string{"box"}, Blind: "Box Shield is missing"},
		{Name: "leaver_takeout", Title: "Before leaving", HR: true, Leaving: true},
		{Name: "terminated_user_activity", Title: "Afterwards", HR: true, Leaving: true, LastDay: true},
		{Name: "mass_clone", Title: "Mass clone", Sources: []string{"github"}},
	}
	said := func(r *Review) string {
		b, err := json.Marshal([]any{r.Normal, r.NotChecked})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got, want := said(MakeReview(in, user, time.Time{}, time.Time{})), `[[{"field":"Files, mail and code","what":["many files downloaded"]},`+
		`{"field":"Leaving","what":["more data than usual after notice","activity after the last working day"]}],`+
		`[{"what":"alerts of the services themselves","why":"Box Shield is missing"},{"what":"much source code cloned","why":"there is no data of GitHub"}]]`; got != want {
		t.Error(got)
	}
	got := said(MakeReview(in, "li.wei@northwind.example", last.AddDate(0, 0, -30), last))
	for _, want := range []string{"no file of HR says that the person leaves", `"field":"Files, mail and code"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, `"field":"Leaving"`) {
		t.Error(got)
	}
}

// TestUnusualMetric draws and marks only the metric that was unusual, on the days on which it was.
func TestUnusualMetric(t *testing.T) {
	a := at(notice.AddDate(0, 0, 5), alert.High)
	in := input(a)
	in.Days = func(string, time.Time, time.Time) (list []finding.Activity, err error) {
		for i := range 40 {
			list = append(list, finding.Activity{User: user, End: notice.AddDate(0, 0, i-30).Add(23 * time.Hour).UnixMilli(), Counts: []finding.Amount{
				{Detector: "bulk_download", Metric: "downloads", Unit: "files", N: float64(i % 3), Usual: 2, Peers: 3},
				{Detector: "chat_download", Metric: "chat", Unit: "files", N: 1, Usual: .8, Peers: .7},
			}})
		}
		return list, nil
	}
	r := MakeReview(in, user, time.Time{}, time.Time{})
	marked := 0
	for _, s := range r.Days {
		for _, d := range s.Days {
			if d.Marked {
				marked++
				if d.N != a.Observed {
					t.Errorf("%v is drawn, the alert says %v", d.N, a.Observed)
				}
			}
		}
	}
	if len(r.Days) != 1 || r.Days[0].Metric != "downloads" || marked != 1 {
		t.Errorf("%d charts, %d marks", len(r.Days), marked)
	}
}

// TestPDF writes the same file every time, on both sizes of paper, and takes any text.
func TestPDF(t *testing.T) {
	a := at(notice.AddDate(0, 0, 5), alert.High)
	a.Reason, a.Title = alerttest.Hostile, alerttest.Hostile+" Zoë Čapek 田中 😀 שלום {nb}"
	a.Exposures = []alert.Exposure{{What: "made \"\U0010ffff\" public", Opened: a.Time, Detector: "public_link"}}
	for i := range 300 {
		a.Evidence[0].Items = append(a.Evidence[0].Items, alert.Item{
			Time: a.Time, Source: "box", Activity: "download", Object: alert.Object{Name: fmt.Sprint(alerttest.Hostile, i), Container: "/田中"},
		})
	}
	r := MakeReview(input(a), user, time.Time{}, time.Time{})
	sizes := map[string]string{"a4": "/MediaBox [0 0 595.28 841.89]", "letter": "/MediaBox [0 0 612.00 792.00]"}
	for _, paper := range Papers {
		var one, two bytes.Buffer
		if err := errors.Join(r.WritePDF(&one, paper), r.WritePDF(&two, paper)); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(one.Bytes(), []byte("%PDF-")) || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: %.20q, %d and %d bytes", paper, one.Bytes(), one.Len(), two.Len())
		}
		if pages := bytes.Count(one.Bytes(), []byte("/Type /Page\n")); pages < 4 || !bytes.Contains(one.Bytes(), []byte(sizes[paper])) {
			t.Errorf("%s: %d pages", paper, pages)
		}
	}
	var p pdf
	if got := p.glyphs("Zoë Čapek Ωμέγα Жук"); got != "Zoë Čapek Ωμέγα Жук" || p.missing || p.joined {
		t.Errorf("%q %v %v", got, p.missing, p.joined)
	}
	if got := p.glyphs("田中\u202e😀{nb}"); got != "□□·□{ nb}" || !p.missing || p.joined {
		t.Errorf("%q %v %v", got, p.missing, p.joined)
	}
	if p.glyphs("שלום"); !p.joined {
		t.Error("nothing is said of a script that runs from right to left")
	}
}

// TestWeeks checks that weeks are those of ISO 8601.
func TestWeeks(t *testing.T) {
	for text, monday := range map[string]string{
		"2026-W01": "2025-12-29",
		"2026-W20": "2026-05-11",
		"2026-W53": "2026-12-28",
		"2020-W53": "2020-12-28",
	} {
		m, err := ParseWeek(text)
		if err != nil || m.Format(time.DateOnly) != monday {
			t.Errorf("%s: %v, %v", text, m, err)
		}
		if name, _ := WeekOf(m.Add(6 * 24 * time.Hour)); name != text {
			t.Errorf("%s: %s", text, name)
		}
	}
	for _, bad := range []string{"2025-W53", "2026-W00", "2026-W54", "x", "2026-20"} {
		if _, err := ParseWeek(bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestDigest checks that the digest lists each case once, what is open and who leaves, and
// reports a quiet week in one line.
func TestDigest(t *testing.T) {
	monday := mondayOf(last)
	var list []alert.Alert
	for i := range 9 {
		a := at(monday.AddDate(0, 0, i%5), alert.High)
		a.ID = fmt.Sprint("a", i)
		a.Score = float64(i)
		a.Case = fmt.Sprint("case", i/2)
		list = append(list, a)
	}
	old := at(monday.AddDate(0, 0, -15), alert.High)
	old.Exposures = []alert.Exposure{{What: "a bucket", Opened: old.Time}}
	health := at(monday, alert.Medium)
	health.Health, health.User = true, ""
	policy := at(monday, alert.Low)
	policy.User, policy.Evidence = "ada@northwind.example", []alert.Evidence{{
		Detector: "sharing_policy",
		Reason:   "let anybody share with anybody",
	}}
	in := input(append(list, old, health, policy)...)
	in.Decisions = map[string]Decision{"a8": {Closed: true}}
	d := MakeDigest(in, monday, Triage{
		Outcomes: map[string]Outcome{"bulk_download": {3, 1}}, Overflow: 2, Acknowledged: []time.Duration{time.Hour, 3 * time.Hour},
	})
	if len(d.Tasks) != 5 || d.TaskCount != 5 || d.Tasks[0].Alert != old.ID || !d.Tasks[0].Open || d.Tasks[0].Days != 21 ||
		d.Tasks[1].Alert != "a0" || d.OpenCount != 1 || d.Open[0].Days < 20 || len(d.Leaving) != 1 ||
		len(d.Health) != 1 || d.Overflow != 2 || len(d.Trend) != 12 || d.Trend[11].Alerts != 9 || d.Trend[8].Alerts != 1 {
		t.Errorf("%+v", d)
	}
	if len(d.Changes) != 1 || d.Changes[0].Person != "ada@northwind.example" {
		t.Errorf("%+v", d.Changes)
	}
	if x := d.Detectors[0]; x.Alerts != 9 || x.Precision != .75 || x.Closed != 4 {
		t.Errorf("%+v", x)
	}
	const want = "9 alerts, 5 cases need action, 1 exposure still open, 1 leaving soon, 1 problem with the data"
	if got := d.Headline(); got != want {
		t.Error(got)
	}
	if before, after := d.Neighbour(-1), d.Neighbour(1); before != "2026-W13" || after != "2026-W15" {
		t.Errorf("weeks %q, %q", before, after)
	}
	if early := MakeDigest(in, mondayOf(old.Time), Triage{}); early.Neighbour(-1) != "" || early.Neighbour(1) != "2026-W12" {
		t.Errorf("weeks %q, %q", early.Neighbour(-1), early.Neighbour(1))
	}
	if a := d.Acknowledged; a == nil || a.Alerts != 2 || a.String() != "2 hours" {
		t.Errorf("%+v", a)
	}
	d.Budget = &alert.Kept{Asked: 2, Least: .5, Most: 1.5, Dismissed: 1, Undecided: 2, UserDays: 2000}
	for _, format := range []string{"text", "html"} {
		var b bytes.Buffer
		if err := d.Write(&b, format); err != nil || !strings.Contains(b.String(), "Budget: asked 2 false alerts per 1,000 user-days, kept between") {
			t.Errorf("%s: %v", format, err)
		}
	}
	quiet := MakeDigest(in, monday.AddDate(0, 0, -70), Triage{})
	var b bytes.Buffer
	if err := quiet.Write(&b, "text"); err != nil || !quiet.Quiet() || quiet.Verdict != PartlyData ||
		!strings.Contains(b.String(), "Which days have data was not kept") || strings.Contains(b.String(), "all sources deliver") {
		t.Errorf("%v %q", err, b.String())
	}
}

// covered is data of sources on every day from one to another.
func covered(from, to time.Time, sources ...string) map[string][]string {
	days := map[string][]string{}
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		days[d.Format(time.DateOnly)] = sources
	}
	return days
}

// TestMailClients checks that the mail of a digest with all its sections uses what mail clients support, and
// has its chart beside it.
func TestMailClients(t *testing.T) {
	monday := mondayOf(last)
	open := at(monday, alert.Critical)
	open.Exposures = []alert.Exposure{{What: `made "x" public`, Opened: open.Time, Detector: "bucket_public"}}
	shared := at(monday.AddDate(0, 0, 1), alert.High)
	shared.Evidence = []alert.Evidence{
		{Detector: "external_sharing", Title: "External sharing", Reason: "shared"},
		{Detector: "sharing_policy", Title: "Sharing policy", Reason: "changed"},
	}
	shared.Detectors = []string{"external_sharing", "sharing_policy"}
	in := input(open, shared)
	in.Covered = covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, 6), "box")
	in.Arrived = []LateArrival{{Day: monday, Source: "Box", Received: 3, Judged: 2, LeftOut: 1}}
	d := MakeDigest(in, monday, Triage{Overflow: 1})
	d.SetSuppressed(2)
	d.Budget, d.PublicURL = &alert.Kept{Asked: 2}, "https://outflow.example"
	text, html, images, err := d.Mail()
	if err != nil {
		t.Fatal(err)
	}
	alerttest.MailHTML(t, html)
	for _, want := range []string{
		`src="cid:trend"`, `href="https://outflow.example/alerts/` + open.ID + `"`, "Top external sharers", "Policy changes", "Budget:",
		`Make &#34;x&#34; private`, "2 of 3 records scored", "Leaving this week", `/digest?week=2026-W14"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s in %s", want, html)
		}
	}
	if len(images) != 1 || !bytes.HasPrefix(images["trend"], []byte("\x89PNG")) || !strings.Contains(text, "https://outflow.example/alerts/"+open.ID) {
		t.Errorf("%d images, %s", len(images), text)
	}
}

// TestWeekWithoutData reports of a week only what the data shows.
func TestWeekWithoutData(t *testing.T) {
	monday := mondayOf(notice)
	enough := Usual{Any: true, PersonDays: 400, Needed: 50, PerDay: 10, Judged: true}
	for name, c := range map[string]struct {
		covered map[string][]string
		usual   Usual
		want    State
		phrases []string
	}{
		"all": {
			covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, 6), "box"),
			enough,
			AllQuiet,
			[]string{"A quiet week", "7 of 7 days"},
		},
		"none": {
			covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, -1), "box"),
			enough,
			NoData,
			[]string{"No data for this week", "no data of any of the 7 days", "no data this week, and some in the four weeks before"},
		},
		"never any":      {map[string][]string{}, Usual{}, NoData, []string{"No data for this week"}},
		"not kept":       {nil, Usual{}, PartlyData, []string{"as far as there is data", "was not kept"}},
		"one day":        {covered(monday, monday, "box"), enough, PartlyData, []string{"1 of 7 days", "none of 2026-03-03 to 2026-03-08"}},
		"a weekend less": {covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, 4), "box"), enough, AllQuiet, []string{"5 of 7 days"}},
		"a source stops": {
			merged(covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, 6), "box"),
				covered(monday.AddDate(0, 0, -28), monday.AddDate(0, 0, -1), "box", "slack")),
			enough,
			Busy,
			[]string{"1 problem with the data", "no data this week, 28 days with data in the four weeks before"},
		},
		"young": {
			covered(monday, monday.AddDate(0, 0, 6), "box"),
			Usual{Any: true, PersonDays: 20, Needed: 50, PerDay: 5},
			PartlyData,
			[]string{"20 of 50 user-days", "about 7 more days to go"},
		},
		"before sources": {covered(monday, monday.AddDate(0, 0, 6), ""), enough, AllQuiet, []string{"7 of 7 days"}},
	} {
		in := &Input{
			Now:      monday.AddDate(0, 0, 20),
			Reported: monday.AddDate(0, 0, 20),
			Covered:  c.covered,
			Usual:    c.usual,
			Kinds:    []Kind{{Title: "Bulk download", Sources: []string{"box", "slack"}, Counts: true}},
		}
		d := MakeDigest(in, monday, Triage{})
		d.SetSuppressed(0)
		for _, format := range []string{"text", "html"} {
			var b bytes.Buffer
			if err := d.Write(&b, format); err != nil || d.Verdict != c.want {
				t.Errorf("%s: %v %s", name, err, d.Verdict)
			}
			for _, s := range c.phrases {
				if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), s) {
					t.Errorf("%s as %s does not say %q: %s", name, format, s, b.String())
				}
			}
			if c.want != AllQuiet && strings.Contains(b.String(), "all sources deliver") {
				t.Errorf("%s: %s", name, b.String())
			}
		}
	}
	in := &Input{Now: monday.AddDate(0, 0, 20), Covered: covered(monday, monday.AddDate(0, 0, 6), "box")}
	d := MakeDigest(in, monday, Triage{})
	if d.SetSuppressed(3); d.Verdict != Busy {
		t.Error(d.Verdict)
	}
}

// merged is the days of one map, with some replaced by those of another.
func merged(a, b map[string][]string) map[string][]string {
	maps.Copy(a, b)
	return a
}

// TestNotEnough reports nothing unusual only where something unusual could have been seen.
func TestNotEnough(t *testing.T) {
	from, to := notice.Add(-lookBack), last.Add(lookAfter)
	all := covered(from, to, "box")
	enough := Usual{Any: true, PersonDays: 400, Needed: 50, PerDay: 10, Judged: true}
	young := at(notice, alert.High)
	young.BaselineDays = 3
	for name, c := range map[string]struct {
		covered map[string][]string
		active  int
		usual   Usual
		list    []alert.Alert
		want    Verdict
		phrase  string
		whole   int // kinds that could be scored on all days
	}{
		"all": {all, 60, enough, nil, Nothing, "Nothing unusual", 3},
		"the first 44 days": {
			covered(from.AddDate(0, 0, 44), to, "box"),
			40,
			enough,
			nil,
			Nothing,
			"Nothing unusual on the 106 of 150 days that there is data of",
			0,
		},
		"most are missing": {
			covered(to.AddDate(0, 0, -30), to, "box"),
			20,
			enough,
			nil,
			NotEnough,
			"Not enough data. 119 of 150 days have none.",
			0,
		},
		"none":                {map[string][]string{}, 0, enough, nil, NotEnough, "There is none of this period", 0},
		"never did anything":  {all, 0, enough, nil, NoActivity, "No activity of this person in these logs", 1},
		"hardly did anything": {all, 3, enough, nil, NotEnough, "There are 3 active days of the person, and 8 are needed", 1},
		"young organisation": {
			all,
			20,
			Usual{Any: true, PersonDays: 30, Needed: 50, PerDay: 4},
			nil,
			NotEnough,
			"30 of 50 user-days",
			1,
		},
		"rests on 3 days": {all, 20, enough, []alert.Alert{young}, NotEnough, "1 day would be unusual", 3},
		"another source":  {merged(covered(from, to, "slack"), nil), 60, enough, nil, Nothing, "Nothing unusual", 1},
		"found all the same": {
			covered(to.AddDate(0, 0, -60), to, "box"),
			20,
			enough,
			[]alert.Alert{at(notice.AddDate(0, 0, 9), alert.High)},
			Look,
			"Needs a closer look. ",
			0,
		},
		"not kept": {nil, 60, Usual{}, nil, Nothing, "Nothing unusual", 3},
	} {
		in := input(c.list...)
		in.Covered, in.Usual, in.HR = c.covered, c.usual, true
		in.Kinds = []Kind{
			{Title: "Bulk download", Sources: []string{"box"}, Counts: true},
			{Title: "Public link", Sources: []string{"box"}},
			{Title: "Compromise"},
		}
		if name == "never did anything" || name == "hardly did anything" || name == "young organisation" {
			in.Kinds[2].Counts = true
		}
		in.Days = func(string, time.Time, time.Time) (list []finding.Activity, err error) {
			for i := range c.active {
				list = append(list, finding.Activity{User: user, End: notice.AddDate(0, 0, i-60).UnixMilli()})
			}
			return list, nil
		}
		r := MakeReview(in, user, time.Time{}, time.Time{})
		if r.Verdict != c.want || !strings.Contains(r.Headline, c.phrase) || 3-len(r.Coverage.Unjudged) != c.whole {
			t.Errorf("%s: %s, %q, normal %v, unjudged %v", name, r.Verdict, r.Headline, r.Normal, r.Coverage.Unjudged)
		}
		for _, format := range []string{"html", "md", "json"} {
			var b bytes.Buffer
			if err := r.Write(&b, format); err != nil || format != "json" && !strings.Contains(b.String(), r.Coverage.Sentence()) {
				t.Errorf("%s: %v", format, err)
			}
		}
	}
	in := input()
	in.Covered, in.Usual = all, enough
	in.Off = func(string) map[string]string { return map[string]string{"Public link": "works agreement"} }
	if r := MakeReview(in, user, time.Time{}, time.Time{}); len(r.Normal) != 1 ||
		!strings.Contains(fmt.Sprint(r.Coverage.Unjudged), "switched off for the person: works agreement") {
		t.Errorf("%v %v", r.Normal, r.Coverage.Unjudged)
	}
}

// TestOwners lists for every user what is open and how to close it, however the name is
// written.
func TestOwners(t *testing.T) {
	a := at(notice, alert.Low)
	a.Sources = []string{"box"}
	then := a.Time.Add(time.Hour)
	a.Exposures = []alert.Exposure{
		{What: "made \"<script>alert(1)</script>\" public", Opened: a.Time, Detector: "public_link"},
		{What: "closed", Opened: a.Time, Closed: &then, Detector: "public_link"},
		{What: "gave their own account a right", Opened: a.Time, Detector: "self_grant"},
	}
	b := at(notice.AddDate(0, 0, -30), alert.High)
	b.Sources, b.Exposures = []string{"github"}, []alert.Exposure{{What: "made the repository x public", Opened: b.Time}}
	b.Detectors = []string{"bulk_download", "public_link"} // stored before exposures had a detector
	service, trifle, other := a, a, a
	service.User, service.Service = "backup", true
	trifle.User, trifle.Severity = "li.wei@northwind.example", alert.Informational
	other.User = "kim@northwind.example"
	list := MakeOwners(input(a, b, service, trifle, other), "")
	if len(list) != 2 || list[0].User != user || len(list[0].Items) != 2 || !strings.Contains(list[0].Items[0].How, "On GitHub") ||
		!strings.Contains(list[0].Items[1].How, "In Box") {
		t.Fatalf("%+v", list)
	}
	if list[0].Headline() != "2 items you shared are still open" {
		t.Error(list[0].Headline())
	}
	for _, format := range []string{"html", "text", "json"} {
		var w bytes.Buffer
		if err := list[0].Write(&w, format); err != nil || !strings.Contains(w.String(), "repository x") ||
			format == "html" && strings.Contains(w.String(), "<script") {
			t.Errorf("%v %s", err, w.String())
		}
	}
	if list := MakeOwners(input(a, b, other), "KIM@northwind.example"); len(list) != 1 || list[0].User != other.User {
		t.Errorf("%+v", list)
	}
}

// TestWithhold gives no list to people who are leaving, or whose case is not closed or was confirmed.
func TestWithhold(t *testing.T) {
	const kim = "kim@northwind.example"
	opened := func(id, of string, s alert.Severity) alert.Alert {
		a := at(notice, s)
		a.ID, a.Case, a.User = id, of, kim
		a.Exposures = []alert.Exposure{{What: "made \"x\" public", Opened: a.Time, Detector: "public_link"}}
		return a
	}
	low, high := opened("a1", "a1", alert.Medium), opened("a2", "a2", alert.High)
	joined := opened("a3", "a2", alert.Low)
	decided := func(status string, closed, confirmed bool) Decision {
		return Decision{Status: status, Closed: closed, True: confirmed}
	}
	for name, c := range map[string]struct {
		list      []alert.Alert
		decisions map[string]Decision
		leavers   []Leaver
		watched   string
		why       string // "" if the list is given
	}{
		"medium":       {list: []alert.Alert{low}},
		"open":         {list: []alert.Alert{low, high}, why: "high alert a2 is open"},
		"acknowledged": {[]alert.Alert{high}, map[string]Decision{"a2": decided("acknowledged", false, false)}, nil, "", "high alert a2 is acknowledged"},
		"closed":       {list: []alert.Alert{high}, decisions: map[string]Decision{"a2": decided("benign-true", true, false)}},
		"confirmed":    {[]alert.Alert{high}, map[string]Decision{"a2": decided("true", true, true)}, nil, "", "high alert a2 was confirmed"},
		"same case": {
			[]alert.Alert{high, joined},
			map[string]Decision{"a2": decided("false", true, false)},
			nil,
			"",
			"alert a3 of the same case as high alert a2 is open",
		},
		"notice":          {list: []alert.Alert{low}, leavers: []Leaver{{User: "Kim@Northwind.example", Notice: notice}}, why: "leaving, notice 2026-03-02"},
		"last day":        {list: []alert.Alert{low}, leavers: []Leaver{{User: kim, Notice: notice, LastDay: last}}, why: "leaving, last day 2026-03-31"},
		"list of leavers": {list: []alert.Alert{low}, watched: `on the watchlist "leavers" (hr)`, why: `on the watchlist "leavers" (hr)`},
		"another list":    {list: []alert.Alert{low}, watched: `on the watchlist "kestrel" (legal, merger)`},
	} {
		in := input(c.list...)
		in.Decisions, in.Leavers = c.decisions, c.leavers
		in.Watched = func(string) []string {
			if c.watched == "" {
				return nil
			}
			return []string{c.watched}
		}
		give, withheld := Withhold(in, MakeOwners(in, ""))
		switch {
		case c.why == "" && len(give) == 1 && len(withheld) == 0:
		case c.why != "" && len(give) == 0 && len(withheld) == 1 && strings.Join(withheld[0].Why, "; ") == c.why:
		default:
			t.Errorf("%s: given %+v, withheld %+v", name, give, withheld)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files")

func errOf(_ int, err error) error { return err }

// TestGolden compares a review and a digest with their goldens, in every format.
func TestGolden(t *testing.T) {
	leaving := at(notice.AddDate(0, 0, 5), alert.High)
	leaving.Exposures = []alert.Exposure{{What: `made "prices <2026>" public`, Opened: leaving.Time, Detector: "public_link"}}
	health := at(notice.AddDate(0, 0, 1), alert.Medium)
	health.Health, health.User, health.Title, health.Reason = true, "", "Source silent", "Slack has sent nothing for 9 hours"
	in := input(at(notice.AddDate(0, 0, -20), alert.Medium), leaving, health)
	in.Covered, in.HR = covered(notice.AddDate(0, 0, -60), last.AddDate(0, 0, 20), "box"), true
	in.Usual = Usual{Any: true, PersonDays: 410.4, Needed: 50, PerDay: 11, Judged: true}
	in.Kinds[0].Sources, in.Kinds[1].Sources = []string{"box", "slack"}, []string{"box"}
	in.Failing = []Unseen{{"crm, EventLogFile", "it cannot be read: 401 unauthorized"}}
	r := MakeReview(in, user, time.Time{}, time.Time{})
	d := MakeDigest(in, mondayOf(leaving.Time), Triage{Outcomes: map[string]Outcome{"bulk_download": {3, 1}}, Overflow: 2})
	d.Suppressed = 1
	o := MakeOwners(in, user)[0]
	for name, write := range map[string]func(io.Writer) error{
		"review.html": func(w io.Writer) error { return r.Write(w, "html") },
		"review.md":   func(w io.Writer) error { return r.Write(w, "md") },
		"review.json": func(w io.Writer) error { return r.Write(w, "json") },
		"digest.html": func(w io.Writer) error { // as mailed: with the chart beside it
			_, html, _, err := d.Mail()
			return errors.Join(err, errOf(io.WriteString(w, html)))
		},
		"digest.txt":  func(w io.Writer) error { return d.Write(w, "text") },
		"digest.json": func(w io.Writer) error { return d.Write(w, "json") },
		"owner.html":  func(w io.Writer) error { return o.Write(w, "html") },
		"owner.txt":   func(w io.Writer) error { return o.Write(w, "text") },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(want, b.Bytes()) {
			t.Errorf("%s: %v, got\n%s", name, err, b.String())
		}
	}
}

// TestArrived sums up what arrived in a week, and lists what was left out among the problems
// with the data.
func TestArrived(t *testing.T) {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	list := lateArrivals([]LateArrival{
		{Day: day(-1), Source: "Box", Received: 7, Judged: 7},
		{Day: day(0), Source: "Okta", Received: 12_000, Judged: 11_900, Repeated: 60, LeftOut: 40},
		{Day: day(6), Source: "Okta", Received: 1, Judged: 1},
		{Day: day(3), Source: "Box", Received: 5, Judged: 5},
		{Day: day(7), Source: "Box", Received: 9, Judged: 9},
	}, monday, monday.AddDate(0, 0, 7))
	if len(list) != 2 || list[0].Sentence() != "5 of 5 records scored" ||
		list[1].Sentence() != "11,901 of 12,001 records scored, 60 had been received before, 40 left out (outflow status)" {
		t.Errorf("%+v", list)
	}
}
