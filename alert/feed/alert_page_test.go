package feed

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/finding"
)

// TestAlertPage checks what the page of an alert shows: the headline, chips, items with hostile names as text,
// destinations, totals of what is not listed, and what the documentation of its detectors says.
func TestAlertPage(t *testing.T) {
	x := newTeam(t, 0)
	a := numbered(1, func(a *alert.Alert) {
		a.Title = "Downloaded 17 files in 6 minutes"
		a.Facts = []finding.Fact{{Kind: finding.FactUnusual, Text: "2 of 17 seen before"}, {Kind: finding.FactTo, Text: "to rival.example"}}
		a.Techniques = []string{"T1213.003"}
		e := &a.Evidence[0]
		e.Unlisted, e.Destinations = 1234, []alert.Destination{{Name: "rival.example", Events: 3}}
		e.Items = []alert.Item{
			{
				Time: start, Source: "box", Activity: "download", Action: "DOWNLOAD", First: true, Bytes: 2_100_000, RecordID: "r-1",
				Object: alert.Object{Name: "=cmd|'/c calc'!A1", Container: "/Finance", Label: "Secret", URL: "https://app.box.com/file/7"},
				Client: alert.Client{IP: "203.0.113.7", Country: "Brazil", Agent: "Chrome on Windows"},
			},
			{
				Time: start, Source: "box", Activity: "share_link", Action: "SHARE", Visibility: "public_link", Outcome: "denied",
				Object: alert.Object{Name: alerttest.Hostile, URL: "javascript:alert(1)"},
			},
			{Time: start, Source: "box", Activity: "share_user", Action: "SHARE", Recipients: []string{"*", "@rival.example"}, Rows: -1},
		}
	})
	x.take(a)
	page := "/alerts/" + a.ID
	_, body, _ := x.ask(SOC, "GET", page, "")
	for _, want := range []string{
		"Downloaded 17 files in 6 minutes</h1>", "2 of 17 seen before", "to rival.example", `<a href="https://app.box.com/file/7"`,
		"=cmd|&#39;/c calc&#39;!A1", "file · ", "/Finance · Secret", "2.1 MB", "203.0.113.7 · Brazil · Chrome on Windows", "first time",
		"anybody with the link", "denied", "everybody, all of rival.example", "row count not logged", "1234 more events are not listed",
		`rival.example</a> <span class="hint">(3)`, "Ask what the files were for.", "Legal holds, month ends",
		"https://attack.mitre.org/techniques/T1213/003/", "Triage: Open", "&lt;script&gt;alert(1)", "<code>r-1</code>",
	} {
		if want != "file · " && !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, never := range []string{"<script>alert", `href="javascript:`, "Data received up to", "\u202e", "\x1b"} {
		if strings.Contains(body, never) {
			t.Errorf("it has %q", never)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
	status, file, header := x.ask(SOC, "GET", page+"/items.csv", "")
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if status != 200 || err != nil || len(rows) != 4 || header.Get("Content-Disposition") != `attachment; filename="outflow-00000000.csv"` ||
		!strings.HasPrefix(header.Get("Content-Type"), "text/csv") {
		t.Fatal(status, err, header, file)
	}
	if rows[1][6] != "'=cmd|'/c calc'!A1" || rows[3][14] != "* @rival.example" || strings.ContainsAny(file, "\x1b\u202e") {
		t.Errorf("%q", rows)
	}
	if lines, err := x.store.Mentions(t.Context(), "downloaded the items of alert "+a.ID); err != nil || len(lines) != 1 {
		t.Error(lines, err)
	}
	a.Revision, a.Provisional = 2, true
	x.take(a)
	if _, body, _ := x.ask(SOC, "GET", page, ""); !strings.Contains(body, "Data received up to") {
		t.Error("a provisional alert does not say how far data goes")
	}
}

// TestNeighbours walks through the queue by the links of alerts, back to the place in the queue, also after decisions.
func TestNeighbours(t *testing.T) {
	x := newTeam(t, 0)
	for n := 1; n <= 5; n++ {
		x.take(numbered(n, func(a *alert.Alert) { a.Score = float64(100 - n) }))
	}
	x.take(numbered(6, func(a *alert.Alert) { a.Severity, a.Case = alert.Medium, hex(2)[0] }))
	link := func(body, id string) string {
		_, rest, _ := strings.Cut(body, `id="`+id+`"`)
		if rest == "" {
			return ""
		}
		tag := body[:len(body)-len(rest)]
		tag = tag[strings.LastIndex(tag, `href="`)+len(`href="`):]
		to, _, _ := strings.Cut(tag, `"`)
		return strings.ReplaceAll(to, "&amp;", "&")
	}
	page := func(path string) string {
		status, body, _ := x.ask(SOC, "GET", path, "")
		if status != 200 {
			t.Fatal(path, status)
		}
		return body
	}
	at := "/alerts/" + hex(1)[0] + "?queue=" + url.QueryEscape("severity=medium")
	for n := 1; n <= 5; n++ {
		body := page(at)
		if got := link(body, "back"); got != "/?severity=medium#a-"+hex(n)[0] {
			t.Errorf("%d: back to %s", n, got)
		}
		if (n > 1) != strings.Contains(body, `id="previous"`) || n > 1 && !strings.HasPrefix(link(body, "previous"), "/alerts/"+hex(n - 1)[0]) {
			t.Errorf("%d: previous is %s", n, link(body, "previous"))
		}
		status, _, header := x.ask(SOC, "POST", "/alerts/"+hex(n)[0], "status=close&as=true&queue=severity%3Dmedium", "Content-Type",
			"application/x-www-form-urlencoded")
		if status != 303 {
			t.Fatal(status)
		}
		body = page(header.Get("Location"))
		if !strings.Contains(body, "1 alert closed: true positive.") || n < 5 && !strings.Contains(body, "Next alert") {
			t.Errorf("%d: %s", n, body)
		}
		if next := link(body, "next"); n < 5 {
			if !strings.HasPrefix(next, "/alerts/"+hex(n + 1)[0]+"?queue=") {
				t.Fatalf("%d: next is %q", n, next)
			}
			at = next
			x.ask(SOC, "POST", "/v1/alerts/"+hex(n)[0]+"/triage", `{"status":"open"}`)
		}
	}
	for _, odd := range []string{"severity%3Dx", "%25zz", "user%3DP-NOBODY", "page%3D-1"} {
		if body := page("/alerts/" + hex(1)[0] + "?queue=" + odd); strings.Contains(body, `id="next"`) {
			t.Errorf("%s: it has a place", odd)
		}
	}
}

// TestClosing asks for a reason on the page itself, with what was written kept, and adds notes without a decision.
func TestClosing(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, nil))
	page, form := "/alerts/"+hex(1)[0], []string{"Content-Type", "application/x-www-form-urlencoded"}
	status, body, _ := x.ask(SOC, "POST", page, "status=close&as=false&note=&assignee=lee", form...)
	if status != 422 || !strings.Contains(body, `role="alert" id="close-error">Say why`) || !strings.Contains(body, `value="false" checked`) ||
		!strings.Contains(body, `rows="3" maxlength="4000" autofocus`) || !strings.Contains(body, `id="close" open`) {
		t.Errorf("%d %s", status, body)
	}
	long := url.Values{"status": {"close"}, "as": {"true"}, "note": {strings.Repeat("x", maxNote+1)}}
	if status, body, _ := x.ask(SOC, "POST", page, long.Encode(), form...); status != 422 || !strings.Contains(body, strings.Repeat("x", maxNote)) {
		t.Error(status)
	}
	if status, _, header := x.ask(SOC, "POST", page+"/comment", "comment=called+her+manager&queue=q%3Dx", form...); status != 303 ||
		header.Get("Location") != page+"?queue=q%3Dx#history" {
		t.Error(status, header)
	}
	if status, _, _ := x.ask(SOC, "POST", page+"/comment", "comment=+", form...); status != 400 {
		t.Error(status)
	}
	x.set(start.Add(time.Minute))
	x.ask(SOC, "POST", page, "status=acknowledged", form...)
	x.ask(SOC, "POST", page+"/comment", "comment=still+looking", form...)
	list, err := x.store.Decisions(t.Context(), hex(1)[0])
	if err != nil || len(list) != 3 || list[0].Status != Undecided || list[0].Note != "called her manager" || list[1].Assignee != "kim the soc" ||
		list[2].Status != Acknowledged || list[2].Assignee != "kim the soc" || list[2].Note != "still looking" {
		t.Errorf("%+v %v", list, err)
	}
}

// TestStory orders what came before and after an alert: its case whenever it was, others within a week.
func TestStory(t *testing.T) {
	a := alert.Sample(start)
	a.ID, a.Case = "a", "case"
	a.Time = a.Window.End
	other := func(id, group string, at time.Time) item {
		o := alert.Sample(at)
		o.ID, o.Case, o.Title, o.Time = id, group, "Title of "+id, at
		return item{Alert: o}
	}
	list := timeline(&a, []item{
		other("long before", "case", start.AddDate(0, 0, -20)), other("other case", "x", start.AddDate(0, 0, -20)),
		other("near", "x", start.AddDate(0, 0, -2)), other("after", "case", start.AddDate(0, 0, 3)),
	})
	var got []string
	for _, m := range list {
		text := fmt.Sprintf("%s %v", m.What, m.Case)
		if m.First {
			text = string(m.Phase) + ": " + text
		}
		got = append(got, text)
	}
	want := "before: Title of long before true, Title of near false, now: Bulk download false, after: Title of after true"
	if text := strings.Join(got, ", "); text != want && !strings.HasPrefix(text, "before: Title of long before true, Title of near false, ") {
		t.Error(text)
	}
	if list[len(list)-1].Phase != after || list[0].Phase != before {
		t.Errorf("%+v", list)
	}
}

// TestEventsPage shows the events of an alert from the event log under pseudonyms, each reading in the audit log.
func TestEventsPage(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, func(a *alert.Alert) { a.User = "dana.ruiz@northwind.example" }))
	page := "/alerts/" + hex(1)[0]
	if _, body, _ := x.ask(SOC, "GET", page, ""); strings.Contains(body, page+"/events") {
		t.Error("it leads to an event log that is not there")
	}
	x.server.Events = func(_ context.Context, a *alert.Alert) ([]alert.Item, error) {
		return []alert.Item{{
			Time: start, Source: "box", Activity: "download", Action: "DOWNLOAD", RecordID: "r-9",
			Object: alert.Object{Name: "<b>notes of Dana Ruiz.txt", Owner: a.User},
		}}, nil
	}
	if _, body, _ := x.ask(SOC, "GET", page, ""); !strings.Contains(body, page+"/events") {
		t.Error("nothing leads to the events")
	}
	status, body, _ := x.ask(SOC, "GET", page+"/events", "")
	if status != 200 || !strings.Contains(body, "r-9") || strings.Contains(strings.ToLower(body), "dana") || strings.Contains(body, "<b>") ||
		!strings.Contains(body, "&#34;owner&#34;: &#34;P-") {
		t.Errorf("%d %s", status, body)
	}
	if lines, err := x.store.Mentions(t.Context(), "read the events of alert "+hex(1)[0]); err != nil || len(lines) != 1 {
		t.Error(lines, err)
	}
	x.server.Events = func(ctx context.Context, _ *alert.Alert) ([]alert.Item, error) { return nil, context.DeadlineExceeded }
	if status, body, _ := x.ask(SOC, "GET", page+"/events", ""); status != 200 || !strings.Contains(body, "outflow events --alert") {
		t.Errorf("%d %s", status, body)
	}
}

// TestAssign assigns an alert: its status stays, also that of a closed one with its reason, and the same assignee again
// decides nothing. Assign is the button that Enter presses.
func TestAssign(t *testing.T) {
	x := newTeam(t, 0)
	a := numbered(1, func(a *alert.Alert) { a.ID = "00000000000000a1" }) // readers see another id
	x.take(a)
	page := "/alerts/" + x.server.Mask(SOC).ID(a.ID)
	if strings.Contains(page, a.ID) {
		t.Fatal(page)
	}
	_, body, _ := x.ask(SOC, "GET", page, "")
	_, form, _ := strings.Cut(body, `action="`+page+`"`)
	_, form, _ = strings.Cut(form, "<button ")
	if !strings.HasPrefix(form, `name="status" value="assign"`) {
		t.Errorf("the first button is %.40s", form)
	}
	for _, step := range []struct {
		form, says string
		status     Status
		assignee   string
		decisions  int
	}{
		{"status=assign&assignee=+Ann+", "1 alert assigned to Ann.", Undecided, "Ann", 1},
		{"status=assign&assignee=Ann", "", Undecided, "Ann", 1},
		{"status=close&as=false&note=a+drill&assignee=Ann", "1 alert closed: false positive.", False, "Ann", 2},
		{"status=assign&assignee=Bo", "1 alert assigned to Bo.", False, "Bo", 3},
		{"status=assign&assignee=", "1 alert assigned to nobody.", False, "", 4},
		{"status=open&assignee=", "1 alert reopened.", Undecided, "", 5},
		{"status=acknowledged&assignee=Ann", "1 alert acknowledged.", Acknowledged, "Ann", 6},
	} {
		status, _, header := x.ask(SOC, "POST", page, step.form, "Content-Type", "application/x-www-form-urlencoded")
		if status != 303 {
			t.Fatal(step.form, status)
		}
		list, err := x.store.Decisions(t.Context(), a.ID)
		if err != nil || len(list) != step.decisions {
			t.Fatalf("%s: %v %v", step.form, list, err)
		}
		last := list[len(list)-1]
		if last.Status != step.status || last.Assignee != step.assignee || last.Status == False && last.Note != "a drill" {
			t.Errorf("%s: %+v", step.form, last)
		}
		if _, body, _ := x.ask(SOC, "GET", header.Get("Location"), ""); !strings.Contains(body, step.says) || step.says == "" && strings.Contains(body, `id="undo"`) {
			t.Errorf("%s: it does not say %q", step.form, step.says)
		}
	}
	if status, _, _ := x.ask(SOC, "POST", page, "status=assign&assignee="+strings.Repeat("x", 201), "Content-Type", "application/x-www-form-urlencoded"); status != 400 {
		t.Error(status)
	}
	_, body, _ = x.ask(SOC, "GET", "/?status=any", "")
	_, form, _ = strings.Cut(body, `id="bulk"`)
	if _, form, _ = strings.Cut(form, "<button "); !strings.HasPrefix(form, "hidden></button>") {
		t.Errorf("Enter on a checkbox of the queue presses %.40s", form)
	}
	status, body, _ := x.ask(SOC, "POST", "/alerts", "id="+x.server.Mask(SOC).ID(a.ID), "Content-Type", "application/x-www-form-urlencoded")
	if list, err := x.store.Decisions(t.Context(), a.ID); status != 422 || err != nil || len(list) != 6 || !strings.Contains(body, "Choose how to close.") {
		t.Errorf("%d %v %v", status, list, err)
	}
}
