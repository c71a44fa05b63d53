package feed

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
)

// TestEmptyPages looks at every page without anything to show, and after a search without a hit: each says what it is
// about and what to do, and no two say the same.
func TestEmptyPages(t *testing.T) {
	x := newTeam(t, 0)
	x.server.Reports = func(context.Context) (*report.Input, error) { return &report.Input{Now: start, Reported: start}, nil }
	x.server.Coverage = func(context.Context) (*Coverage, error) { return &Coverage{Days: 1}, nil }
	x.server.Watchlists = nil
	x.server.Events = func(context.Context, *alert.Alert) ([]alert.Item, error) { return nil, nil }
	empty := regexp.MustCompile(`(?s)<(?:div|p) class="empty">(.*?)</(?:div|p)>`)
	seen := map[string]string{}
	for _, c := range []struct {
		role       Role
		path, want string
	}{
		{SOC, "/", "No active alerts. New ones appear here as they arrive."},
		{SOC, "/?q=zebra", "No alerts match this filter. Clear all filters"},
		{SOC, "/entities", "No alert names one of these yet."},
		{SOC, "/entities?q=zebra", "No outside domain matches “zebra”. Clear the search"},
		{SOC, "/entities?page=9", "There is no page 9. Go to the first page"},
		{SOC, "/suppressions", "No notifications are suppressed. The page of an alert"},
		{SOC, "/watchlists", "No watchlists are configured. Add watchlists to the configuration file"},
		{SOC, "/coverage", "Nothing has arrived yet. Check the sources of the configuration"},
		{HR, "/leavers", "HR’s file lists nobody as leaving. A review appears here"},
		{Privacy, "/requests", "No request waits for a decision. Requests for the name behind a pseudonym"},
		{Privacy, "/access?q=zebra", "No line of the audit log has this text. Show all lines"},
		{Admin, "/channels", "No channels are configured. Alerts are on the pages of the feed alone: add channels"},
	} {
		body := x.contains(c.role, c.path, c.want)
		m := empty.FindStringSubmatch(body)
		if m == nil {
			t.Errorf("%s has no empty state", c.path)
			continue
		}
		if other := seen[m[1]]; other != "" {
			t.Errorf("%s says the same as %s: %s", c.path, other, m[1])
		}
		seen[m[1]] = c.path
	}
	a := numbered(1, nil)
	x.take(a)
	x.contains(SOC, "/alerts/"+a.ID+"/events", "None of the events of this alert is in the event log any more. Exports still have")
	x.contains(SOC, "/people/"+x.server.Mask(SOC).Name(a.User), "No days of activity are stored. Daily summaries appear",
		"No daily amounts are stored")
}

// TestErrorPages looks at what answers errors: who may see the page, what to do, and a way on. Whoever may not see alerts is
// told the same of one that exists and of one that does not.
func TestErrorPages(t *testing.T) {
	x := newTeam(t, 1)
	there, missing := fmt.Sprintf("/alerts/%032x", 1), fmt.Sprintf("/alerts/%032x", 77)
	for _, c := range []struct {
		role   Role
		path   string
		status int
		want   string
	}{
		{SOC, missing, 404, "Not found There is no such alert. Check the address. What is older than its retention is deleted. Your pages: Alerts"},
		{SOC, "/people/P-ABCDEFGHJK", 404, "Not found"},
		{SOC, "/people/jane.doe", 404, "People are known by pseudonyms such as P-ABCDEFGHJK here"},
		{SOC, "/entities/domain/nowhere.example", 404, "No alert names this. Check the address."},
		{SOC, "/nowhere", 404, "There is no such page."},
		{SOC, "/?age=x", 400, "This cannot be done"},
		{SOC, "/entities?page=x", 400, "is not the number of a page. Go back and correct it."},
		{HR, "/leavers/P-ABCDEFGHJK", 404, "Nobody of this name is in the list of leavers. Check the address."},
		{HR, "/nowhere", 404, "There is no such page. Check the address. What is older than its retention is deleted. Your pages: Leavers"},
		{HR, there, 403, "No access Your role (hr) does not have access to this page: it is for soc. If your work needs it, ask whoever " +
			"administers Outflow. Your pages: Leavers"},
		{Auditor, "/leavers", 403, "it is for hr. If your work needs it, ask whoever administers Outflow. Your pages: Audit log · Watchlists"},
		{Privacy, "/coverage", 403, "it is for admin, auditor, soc."},
		{SOC, "/tokens", 403, "it is for admin."},
	} {
		status, body, _ := x.ask(c.role, "GET", c.path, "")
		if got := text(body); status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s as %s: %d %s", c.path, c.role, status, got)
		}
		if !strings.Contains(body, `<a href="`+c.role.home()+`"`) {
			t.Errorf("%s as %s has no way on", c.path, c.role)
		}
	}
	for _, role := range []Role{HR, Privacy, Auditor, Admin} {
		s1, one, _ := x.ask(role, "GET", there, "")
		s2, other, _ := x.ask(role, "GET", missing, "")
		if s1 != 403 || s2 != 403 || one != other {
			t.Errorf("%s can tell whether an alert exists: %d %d", role, s1, s2)
		}
	}
	x.server.Coverage = func(context.Context) (*Coverage, error) { return nil, errors.New("disk /var/secret") }
	status, body, _ := x.ask(Admin, "GET", "/coverage", "")
	if got := text(body); status != 500 || strings.Contains(got, "secret") ||
		!strings.Contains(got, "Something failed The daemon's log says what failed. Load the page again.") {
		t.Errorf("%d %s", status, got)
	}
	if status, body, _ = x.ask("", "GET", "/nowhere", ""); status != 404 || !strings.Contains(body, `href="/login"`) {
		t.Errorf("%d %s", status, body)
	}
}
