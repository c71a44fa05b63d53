package feed

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
)

// listedNames returns the titles of the entities that the API lists.
func (x *team) listedNames(query string) (names []string, l entityList) {
	x.t.Helper()
	status, body, _ := x.ask(SOC, "GET", "/v1/entities?"+query, "")
	if err := json.Unmarshal([]byte(body), &l); status != 200 || err != nil {
		x.t.Fatalf("%s: %d %s", query, status, body)
	}
	for _, e := range l.Entities {
		names = append(names, e.Title)
	}
	return names, l
}

// TestEntities lists what alerts name: by kind, with counts, in several orders, page by page.
func TestEntities(t *testing.T) {
	x := newTeam(t, 0)
	for i := range 120 {
		a := numbered(i+1, nil)
		a.Evidence[0].Items = nil
		a.Window.End = start.Add(time.Duration(i) * time.Minute)
		a.Evidence[0].Destinations = []alert.Destination{
			{Name: fmt.Sprintf("@d%03d.example", i), Events: 1 + i%2*50}, {Name: "@rival.example", Events: 2}, {Name: "@northwind.example", Events: 1},
		}
		x.take(a)
	}
	for query, want := range map[string]string{
		"":                      "d119.example rival.example d118.example",
		"sort=alerts":           "rival.example d000.example d001.example",
		"sort=events":           "rival.example d001.example d003.example",
		"sort=name":             "d000.example d001.example d002.example",
		"page=3":                "d020.example d019.example d018.example",
		"q=RIVAL":               "rival.example",
		"q=d11&sort=name":       "d110.example d111.example d112.example",
		"q=d0&page=2&sort=name": "d050.example d051.example d052.example",
		"q=northwind":           "",
		"q=%25":                 "",
		"q=_":                   "",
		"kind=bucket":           "",
		"page=9":                "",
	} {
		names, l := x.listedNames(query)
		if got := strings.Join(names[:min(len(names), 3)], " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if l.Counts[alert.DomainEntity] != 121 || l.Counts[alert.BucketEntity] != 0 || len(names) > entitiesShown {
			t.Errorf("%s: %+v of %d", query, l.Counts, len(names))
		}
	}
	if _, l := x.listedNames("q=rival"); l.Total != 1 || l.Pages != 1 || l.Entities[0].Alerts != 120 || l.Entities[0].People != 7 ||
		l.Entities[0].Events != 240 {
		t.Errorf("%+v", l)
	}
	body := x.contains(SOC, "/entities?page=2", "Outside domains 121", "Buckets 0", "51 to 100 of 121.", "Previous page Next page")
	if !strings.Contains(body, `<a href="/entities" aria-current="page">Entities</a>`) || !strings.Contains(body, `href="/entities/domain/d069.example"`) {
		t.Error(body)
	}
	x.contains(SOC, "/entities?q=nothing+%3Cscript%3Ealert%281%29", "No outside domain matches “nothing <script>alert(1)”. Clear the search")
	x.contains(SOC, "/entities?kind=bucket", "No alert names one of these yet")
	x.contains(SOC, "/entities?page=9", "There is no page 9. Go to the first page")
	for _, query := range []string{"kind=person", "sort=x", "page=0", "q=" + strings.Repeat("x", 201)} {
		if status, _, _ := x.ask(SOC, "GET", "/v1/entities?"+query, ""); status != 400 {
			t.Error(query, status)
		}
	}
	if !x.logged("listed what alerts name: bucket") {
		t.Error("the audit log does not say who listed what")
	}
}

// TestEntitiesWithoutNames lists an address with the name of a person, which is masked: a search does not find the name.
func TestEntitiesWithoutNames(t *testing.T) {
	x := newTeam(t, 0)
	a := numbered(1, func(a *alert.Alert) { a.User = "dana.ruiz@northwind.example" })
	a.Evidence[0].Items = []alert.Item{{Time: start, Source: "box", Activity: "share_user", Object: alert.Object{ID: "1", Type: "file", Name: "x.pdf"}}}
	a.Evidence[0].Destinations = []alert.Destination{{Name: "dana.ruiz@gmail.com", Events: 2}, {Name: "buyer@rival.example", Events: 1}}
	x.take(a)
	who := x.server.Mask(SOC).Name(a.User)
	names, _ := x.listedNames("kind=address&sort=name")
	if got := strings.Join(names, " "); !strings.Contains(got, who+"@gmail.com") || !strings.Contains(got, "buyer@rival.example") {
		t.Error(got)
	}
	if names, l := x.listedNames("kind=address&q=dana"); len(names) != 0 || l.Total != 0 {
		t.Error("a search for a name finds", names)
	}
	_, body, _ := x.ask(SOC, "GET", "/entities?kind=address", "")
	if strings.Contains(body, "dana") || strings.Contains(body, url.PathEscape("dana.ruiz@gmail.com")) ||
		!strings.Contains(body, `href="/entities/address/buyer@rival.example"`) {
		t.Error(body)
	}
}
