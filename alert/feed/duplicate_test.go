package feed

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
)

// TestDuplicate closes alerts as duplicates of another one, by its ID and by a link, and undoes it. Both pages, the API and
// the queue name the other alert.
func TestDuplicate(t *testing.T) {
	x := newTeam(t, 0)
	x.take(numbered(1, nil))
	for i, id := range []string{"11112222", "33334444"} {
		x.take(numbered(2, func(a *alert.Alert) {
			a.ID = id + strings.Repeat("0", 24)
			a.Case, a.Title = a.ID, []string{"The first", "The second"}[i]
		}))
	}
	first, second := "11112222"+strings.Repeat("0", 24), "33334444"+strings.Repeat("0", 24)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	post := func(path string, v url.Values) (int, string, string) {
		t.Helper()
		status, body, header := x.ask(SOC, "POST", path, v.Encode(), form...)
		return status, body, header.Get("Location")
	}
	has := func(path string, want ...string) string {
		t.Helper()
		status, body, _ := x.ask(SOC, "GET", path, "")
		for _, w := range want {
			if status != 200 || !strings.Contains(body, w) {
				t.Errorf("%s: %d, lacks %s", path, status, w)
			}
		}
		return body
	}
	closing := func(of string) url.Values {
		return url.Values{"status": {"close"}, "as": {"duplicate"}, "duplicate_of": {of}}
	}
	for of, want := range map[string]string{
		"":                  "A duplicate needs the ID",
		"ffffffff":          "no alert, or more than one, has the ID ffffffff",
		"1111":              "no alert, or more than one",
		"<b>":               "has the ID &lt;b&gt;",
		"/alerts/" + second: "An alert is no duplicate of itself",
		" 33334444 ":        "An alert is no duplicate of itself",
	} {
		for path, v := range map[string]url.Values{"/alerts/" + second: closing(of), "/alerts": closing(of)} {
			v.Set("id", second)
			if status, body, _ := post(path, v); status != 422 || !strings.Contains(body, want) || !strings.Contains(body, `id="close" open`) {
				t.Errorf("%s, duplicate of %q: %d, no %q", path, of, status, want)
			}
		}
	}
	status, _, to := post("/alerts/"+second, closing("https://outflow.example/alerts/"+first+"?queue=q%3Dx#history"))
	if status != 303 {
		t.Fatal(status, to)
	}
	has("/alerts/"+second, `Duplicate of <a href="/alerts/`+first+`">The first</a>`, `of <a href="/alerts/11112222">`)
	has("/alerts/"+first, `Duplicates of this alert:`, `<a href="/alerts/`+second+`">The second</a>`)
	has("/?status=duplicate", `Duplicate of <a href="/alerts/11112222">11112222</a>`)
	has("/v1/alerts/"+second, `"duplicate_of":"`+first+`"`, `"duplicates":[]`)
	has("/v1/alerts/"+first, `"duplicates":["`+second+`"]`)
	if l := x.list(SOC, "status=duplicate"); len(l.Alerts) != 1 || l.Alerts[0].Triage.DuplicateOf != first {
		t.Errorf("%+v", l)
	}
	if status, body, _ := post("/alerts/"+first, closing("33334444")); status != 422 || !strings.Contains(body, "closed as a duplicate of this one") {
		t.Error("a circle:", status, body)
	}
	x.ask(SOC, "POST", "/alerts/"+second+"/comment", "comment=the+same+act", form...)
	has("/alerts/"+first, `Duplicates of this alert:`)

	// As another decision takes its place, and is undone, so does what it is a duplicate of.
	status, _, to = post("/alerts/"+second, url.Values{"status": {"open"}})
	done := regexp.MustCompile(`done=(\w+)`).FindStringSubmatch(to)
	if status != 303 || done == nil || strings.Contains(has("/alerts/"+first, "Triage"), "Duplicates of this alert") {
		t.Fatal(status, to)
	}
	if status, _, to := post("/undo", url.Values{"batch": {done[1]}}); status != 303 {
		t.Error(status, to)
	}
	has("/alerts/"+second, `Duplicate of <a href="/alerts/`+first)
	if ids, err := x.store.DuplicatesOf(t.Context(), first); err != nil || !slices.Equal(ids, []string{second}) {
		t.Error(ids, err)
	}
	if err := x.store.Erase(t.Context(), "nobody", []string{first}); err != nil {
		t.Fatal(err)
	}
	if list, err := x.store.LatestDecisions(t.Context(), second); err != nil || list[second].DuplicateOf != "" || list[second].Status != Duplicate {
		t.Error(list, err)
	}
}

// TestDuplicateAPI decides by the API, which needs the other alert as well.
func TestDuplicateAPI(t *testing.T) {
	x := newTeam(t, 0)
	id := "aaaabbbb" + strings.Repeat("0", 24)
	x.take(numbered(1, nil), numbered(2, func(a *alert.Alert) { a.ID = id }))
	for body, want := range map[string]int{
		`{"status":"duplicate"}`:                                400,
		`{"status":"duplicate","duplicate_of":"bbbbbbbb"}`:      400,
		`{"status":"duplicate","duplicate_of":"` + id + `"}`:    200,
		`{"status":"acknowledged","duplicate_of":"` + id + `"}`: 200,
	} {
		if status, answer, _ := x.ask(SOC, "POST", "/v1/alerts/"+hex(1)[0]+"/triage", body); status != want {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	list, err := x.store.Decisions(t.Context(), hex(1)[0])
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for _, d := range list {
		if (d.DuplicateOf == id) != (d.Status == Duplicate) {
			t.Errorf("%+v", d)
		}
	}
}
