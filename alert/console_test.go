package alert

import (
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestConsoleURL makes links to vendors' consoles, for ids of the right form alone.
func TestConsoleURL(t *testing.T) {
	for _, c := range []struct {
		source event.Source
		tenant string
		o      event.Object
		want   string
	}{
		{event.CloudTrail, "", event.Object{Type: "bucket", Name: "acme-logs"}, "https://console.aws.amazon.com/s3/buckets/acme-logs"},
		{event.CloudTrail, "", event.Object{Type: "bucket", Name: "a/../b"}, ""},
		{event.CloudTrail, "", event.Object{Type: "user", Name: "mei.yilmaz"}, "https://console.aws.amazon.com/iam/home#/users/details/mei.yilmaz"},
		{event.CloudTrail, "", event.Object{Type: "user", Name: "a+b=c,d@e"}, "https://console.aws.amazon.com/iam/home#/users/details/a+b=c%2Cd@e"},
		{event.CloudTrail, "", event.Object{Type: "role", Name: "Admin"}, "https://console.aws.amazon.com/iam/home#/roles/details/Admin"},
		{event.CloudTrail, "", event.Object{Type: "group", Name: "Ops"}, "https://console.aws.amazon.com/iam/home#/groups/details/Ops"},
		{event.CloudTrail, "", event.Object{Type: "user", Name: "906759aaf4-0b2cfd42-7c94-4d9f-8e65-9c1c3f6f9a11"}, ""},
		{event.CloudTrail, "", event.Object{Type: "user", Name: "0b2cfd42-7c94-4d9f-8e65-9c1c3f6f9a11"}, ""},
		{event.CloudTrail, "", event.Object{Type: "role", Name: "x/../#\"><script>"}, ""},
		{event.CloudTrail, "", event.Object{Type: "security_group", Name: "sg-1"}, ""}, // the record's region is not kept
		{event.Slack, "T024BE7LD", event.Object{Type: "channel", ID: "C024BE7LR"}, "https://slack.com/app_redirect?team=T024BE7LD&channel=C024BE7LR"},
		{event.Slack, "E024BE7LD", event.Object{Type: "channel", ID: "C024BE7LR"}, ""},
		{event.Slack, "T024BE7LD", event.Object{Type: "channel", ID: "C024BE7LR&x=y"}, ""},
		{event.Slack, "T1&team=T2", event.Object{Type: "channel", ID: "C024BE7LR"}, ""},
		{event.Slack, "T024BE7LD", event.Object{Type: "file", ID: "F024BE7LR"}, ""},
		{event.GitHub, "", event.Object{Type: "repository", Name: "acme/site"}, "https://github.com/acme/site"},
		{event.GitHub, "", event.Object{Type: "repository", Name: "acme/../x?y"}, ""},
		{event.Box, "", event.Object{Type: "file", ID: "7"}, "https://app.box.com/file/7"},
		{event.Box, "", event.Object{Type: "file", ID: "7/../8"}, ""},
		{event.Box, "", event.Object{Folder: true, ID: "7"}, "https://app.box.com/folder/7"},
		{event.Box, "", event.Object{Type: "folder", ID: "7"}, "https://app.box.com/folder/7"},
		{event.Box, "", event.Object{Type: "folder", ID: "7?x"}, ""},
		{event.Box, "", event.Object{Type: "folder"}, ""},
		{event.GoogleWorkspace, "", event.Object{Type: "folder", ID: "1aB_-9"}, "https://drive.google.com/drive/folders/1aB_-9"},
		{event.GoogleWorkspace, "", event.Object{Folder: true, Container: "drive", ID: "1aB"}, "https://drive.google.com/drive/folders/1aB"},
		{event.GoogleWorkspace, "", event.Object{Type: "folder", ID: "a/b"}, ""},
		{event.CloudTrail, "", event.Object{Type: "snapshot", Name: "snap-1"}, ""},
		{event.CloudTrail, "", event.Object{Type: "database", Name: "prod"}, ""},
		{event.GoogleWorkspace, "", event.Object{Type: "file", ID: "abc"}, "https://drive.google.com/open?id=abc"},
		{event.GoogleWorkspace, "", event.Object{Type: "file", ID: "a&b"}, ""},
		{event.M365, "", event.Object{ID: "https://acme.sharepoint.com/a.xlsx"}, "https://acme.sharepoint.com/a.xlsx"},
		{event.M365, "", event.Object{ID: "https://acme.sharepoint.com.evil.example/a.xlsx"}, ""},
		{event.M365, "", event.Object{ID: "javascript://acme.sharepoint.com/%0aalert(1)"}, ""},
	} {
		if got := consoleURL(&event.Event{Source: c.source, Tenant: c.tenant, Object: c.o}); got != c.want {
			t.Errorf("%s %+v: %q, want %q", c.source, c.o, got, c.want)
		}
	}
}
