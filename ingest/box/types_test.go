package box

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestTypes compares the table with Box's list of event types (testdata/event_types.list, from
// https://developer.box.com/guides/events/enterprise-events/for-enterprise/):
// every read, export, share, right, deletion and setting has a class.
func TestTypes(t *testing.T) {
	data, err := os.ReadFile("testdata/event_types.list")
	if err != nil {
		t.Fatal(err)
	}
	// Comments, tasks, and the progress of jobs and invitations.
	machinery := regexp.MustCompile(`^(TASK|COLLECTION|ANNOTATION|EDR_|SIGN_|STORAGE|EMAIL_ALIAS|TERMS|METADATA|WATERMARK|SHARED_LINK_REDIRECT|DEVICE_TRUST|CONTENT_RECOVERY)|_PENDING$`)
	interesting := regexp.MustCompile(`DOWNLOAD|SHARE|COLLAB|ACCESS|CREATE|DELETE|REMOVE|ADD|CHANGE|UPDATE|EDIT|ROLE|PERMISSION|KEY|AUTH`)
	for name := range strings.FieldsSeq(string(data)) {
		if !interesting.MatchString(name) || machinery.MatchString(name) {
			continue
		}
		if h, _ := types.Get(name); h.class == event.Other {
			t.Errorf("%s has no class", name)
		}
	}
}
