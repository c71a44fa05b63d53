package alert

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestItemText says what the log states of an item, and nothing of what it does not.
func TestItemText(t *testing.T) {
	for want, i := range map[string]Item{
		"report.xlsx, 2.1 MB, /Finance, to gmail.com": {
			Activity: "share_user", Recipients: []string{"@gmail.com"},
			Object: Object{Name: "report.xlsx", Size: 2_100_000, Container: "/Finance"},
		},
		"Q3.pdf, 41 kB, labelled Confidential, to anybody with the link": {
			Activity: "share_link", Visibility: "public_link", Object: Object{Name: "Q3.pdf", Size: 41_000, Label: "Confidential"},
		},
		"plan.docx, to anybody":                      {Activity: "share_link", Recipients: []string{"*"}, Object: Object{Name: "plan.docx"}},
		"a.txt, to x@gmail.com, y@gmx.de and 1 more": {Activity: "share_user", Recipients: []string{"x@gmail.com", "y@gmx.de", "z@web.de"}, Object: Object{Name: "a.txt"}},
		"Opportunities, 467,568 rows":                {Activity: "export", Rows: 467_568, Object: Object{Name: "Opportunities"}},
		"Opportunities, row count not logged":        {Activity: "export", Rows: -1, Object: Object{Name: "Opportunities"}},
		"Granted PowerUserAccess, to P-AB":           {Activity: "admin_grant", Detail: "role: PowerUserAccess", Recipients: []string{"P-AB"}, Object: Object{Name: "ab"}},
		"Sign-in failed, from 203.0.113.7 (Brazil)":  {Activity: "login_failure", Client: Client{IP: "203.0.113.7", Country: "Brazil"}, Outcome: ""},
		"Deleted x, 3 objects, denied":               {Activity: "delete", Object: Object{Name: "x"}, Count: 3, Outcome: "denied"},
		"PutBucketPolicy backups":                    {Activity: "cloud_change", Action: "PutBucketPolicy", Object: Object{Name: "backups"}},
		"s3-key, /exports":                           {Activity: "download", Object: Object{Name: "s3-key", Container: "https://h.example/exports/"}},
		"Granted admin, group x":                     {Activity: "admin_grant", Detail: "role: admin", Object: Object{Name: "group x"}},
		"a.csv, with a sensitivity label, without a sign-in": {
			Activity: "download", Actor: "anonymous", Object: Object{Name: "a.csv", Label: "e7d3b2a4-0c3b-4b0e-8a25-2f6e6f9c2b22"},
		},
		"b.csv, by eve@partner.example, failed": {Activity: "download", Actor: "eve@partner.example", Outcome: "failure", Object: Object{Name: "b.csv"}},
		"Public access block off: backups": {
			Activity: "guard_change", Detail: "public access block: off", Object: Object{Name: "backups", Container: "backups"},
		},
		"acme/auth":                              {Activity: "clone", Object: Object{Name: "acme/auth", Container: "acme"}},
		"DescribeInstances":                      {Activity: "cloud_read", Action: "DescribeInstances"},
		"file":                                   {Activity: "download", Object: Object{Type: "file"}},
		"FileDownloaded":                         {Activity: "download", Action: "FileDownloaded"},
		"a·[31mb·c, 1 byte":                      {Activity: "download", Object: Object{Name: "a\x1b[31mb\u202ec", Size: 1}},
		"Ingress opened: tcp/22 0.0.0.0/0, sg-1": {Activity: "network_open", Detail: "rule: tcp/22 0.0.0.0/0", Object: Object{Container: "sg-1"}},
	} {
		if got := i.Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	long := Item{Activity: "download", Object: Object{Name: strings.Repeat("ä", 5000), Container: strings.Repeat("b", 5000), Label: strings.Repeat("c", 5000)},
		Detail: strings.Repeat("d", 5000), Recipients: []string{strings.Repeat("e", 5000)}}
	if n := len([]rune(long.Text())); n > 400 {
		t.Errorf("%d characters", n)
	}
}

// itemsOf are items of the names, a minute apart.
func itemsOf(names ...string) (list []Item) {
	for k, n := range names {
		list = append(list, Item{
			Time: time.Unix(int64(60*k), 0).UTC(), Source: "box", Activity: "download", RecordID: n, Object: Object{Name: n, Size: int64(k)},
		})
	}
	return list
}

// TestTopItems takes the most telling items, each once, and counts the others.
func TestTopItems(t *testing.T) {
	files := itemsOf("a", "b", "c", "d", "e", "f", "g")
	files[1].Object.Label = "Secret"
	files[2].Recipients = []string{"eve@gmail.com"}
	files[3].Recipients = []string{"bob@acme.example"}
	files[0].Visibility = "public"
	again := files[6]
	again.RecordID, again.Object.Size = "g2", 3
	a := Alert{User: "dana@acme.example", Evidence: []Evidence{
		{Detector: "one", Items: append(files, again), Unlisted: 4},
		{Detector: "two", Items: slices.Clone(files[:3])}, // the same events
		{Detector: "three", Items: itemsOf("x")},
	}}
	names := func(a *Alert) string {
		var s string
		for _, i := range a.TopItems(5) {
			s += i.Object.Name
		}
		return s
	}
	if got := names(&a); got != "acbgf" {
		t.Errorf("top items are %s", got)
	}
	if got := a.MoreItems(5); got != 8+4+1-5 {
		t.Errorf("%d more", got)
	}
	b := a.Brief(5)
	if names(&b) != names(&a) || b.MoreItems(5) != a.MoreItems(5) {
		t.Errorf("brief: %s and %d more", names(&b), b.MoreItems(5))
	}
	if kept := len(b.Evidence[0].Items) + len(b.Evidence[1].Items) + len(b.Evidence[2].Items); kept != 5 || len(a.Evidence[0].Items) != 8 {
		t.Errorf("%d are kept, of %d", kept, len(a.Evidence[0].Items))
	}
	if b.Evidence[1].Unlisted != 0 || b.Evidence[2].Unlisted != 1 {
		t.Errorf("%+v", b.Evidence)
	}
	a.User = "P-ABCDEFGHJK" // the organisation's recipients have pseudonyms, too
	files[2].Recipients, files[3].Recipients = []string{"P-22ABCDEFGH"}, []string{"P-33ABCDEFGH"}
	files[4].Recipients = []string{"x@partner.example"}
	if got := names(&a); got != "aebgf" {
		t.Errorf("under a pseudonym top items are %s", got)
	}
	none := Alert{Evidence: []Evidence{{Events: 3}}}
	if len(none.TopItems(5)) != 0 || none.MoreItems(5) != 0 {
		t.Error("items of nothing")
	}
}
