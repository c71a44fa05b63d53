package dropbox

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestTypes compares the table with Dropbox's list of event types (testdata/event_types.list, from
// https://github.com/dropbox/dropbox-api-spec/blob/main/team_log.stone):
// every read, export, share, right, deletion and setting has a class.
func TestTypes(t *testing.T) {
	data, err := os.ReadFile("testdata/event_types.list")
	if err != nil {
		t.Fatal(err)
	}
	// Comments, tasks, and the progress of jobs and invitations.
	machinery := regexp.MustCompile(`_(fail|failed|report|unsuccessful|error)$|^(team_merge_request|member_space|device_change_ip|device_link|domain_invites|account_capture|sign_|binder|dash_|tfa_.*phone|backup|data_residency)|comment|suggest|request_(access|expired|sent)|_(un)?pinned$|_(cancelled|nest|decline_invitation)$`)
	interesting := regexp.MustCompile(`download|export|view|access|share|invite|link|delete|policy|member|create|remove|add`)
	for name := range strings.FieldsSeq(string(data)) {
		if !interesting.MatchString(name) || machinery.MatchString(name) {
			continue
		}
		h, known := types.Get(name)
		if !known {
			h = byWords(name)
		}
		if h.class == event.Other {
			t.Errorf("%s has no class", name)
		}
	}
}
