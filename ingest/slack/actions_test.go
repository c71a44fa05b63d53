package slack

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestActions compares the table with Slack's list of actions (testdata/actions.list, from
// https://docs.slack.dev/reference/audit-logs-api/methods-actions-reference): every read,
// export, share, right, deletion and setting has a class, and the table names no action that
// the list does not have.
func TestActions(t *testing.T) {
	data, err := os.ReadFile("testdata/actions.list")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for name := range strings.FieldsSeq(string(data)) {
		listed[name] = true
	}
	// Progress of jobs, and what Slack's own assistants write.
	machinery := regexp.MustCompile(`^(migration|organization_.*migration|contacts_import|object_import|team_unsupported|quip_migration|sales_|mcp_slack_mark_read)|_(completed|failed)$`)
	interesting := regexp.MustCompile(`export|download|shared$|share_link|_read_|granted|permission|access|role|_created|_deleted|_removed|_added|_changed|_disabled|_enabled|^pref`)
	for name := range listed {
		if !interesting.MatchString(name) || machinery.MatchString(name) {
			continue
		}
		h, known := actions.Get(name)
		if !known {
			h = byVerb(name)
		}
		if h.class == event.Other {
			t.Errorf("%s has no class", name)
		}
	}
	if h, _ := actions.Get("File-Downloaded."); h.class != event.Download {
		t.Error("an action that is spelled otherwise has no class")
	}
	for name := range actions.All() {
		if !listed[name] && !former[name] {
			t.Errorf("%s is not in Slack's list", name)
		}
	}
}

// former are actions that Slack no longer lists, but that older exports have.
var former = map[string]bool{"huddle_recording_downloaded": true}
