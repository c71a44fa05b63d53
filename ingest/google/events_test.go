package google

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestEvents compares the tables with Google's list of events (testdata/events.list, the appendix of
// the Reports API): every event has a class, but for those that say nothing about data, rights or
// settings.
func TestEvents(t *testing.T) {
	data, err := os.ReadFile("testdata/events.list")
	if err != nil {
		t.Fatal(err)
	}
	idle := regexp.MustCompile(`^(meet\.(poll|question|ring|watermarking|send_chat|see_chat)|calendar\.notification|` +
		`chat\.(conversation_read|custom_status|unread|direct_message)|drive\.(appeal|report)_abuse|chrome\.CHROME_OS_(LOG|REPORTING)|` +
		`admin\..*_NOTIFICATION(_SENT)?$)`)
	n := 0
	for line := range strings.Lines(string(data)) {
		app, names, _ := strings.Cut(line, ":")
		for name := range strings.FieldsSeq(names) {
			n++
			var h handler
			if table := tables[app]; table != nil {
				h, _ = table.Get(name)
			}
			if h.class == event.Other && !idle.MatchString(app+"."+name) && !strings.HasSuffix(name, "_hierarchy_reconciled") {
				t.Errorf("%s: %s has no class", app, name)
			}
		}
	}
	if n < 700 {
		t.Errorf("only %d events in the list", n)
	}
}
