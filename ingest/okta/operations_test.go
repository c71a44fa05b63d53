package okta

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestOperations compares the table with Okta's list of event types (testdata/event_types.list,
// the first column of https://developer.okta.com/docs/okta-event-types.csv): every read,
// export, right, deletion and setting has a class, and the table names no type that the list
// does not have.
func TestOperations(t *testing.T) {
	data, err := os.ReadFile("testdata/event_types.list")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for name := range strings.FieldsSeq(string(data)) {
		listed[name] = true
	}
	// Okta's machinery: imports, agents, provisioning and limits of rate, of which each change
	// of an account has an event of its own.
	machinery := regexp.MustCompile(`^(app\.(ad|ldap|inbound|user_management|generic|realtimesync|rum|feed|iam|federated|kerberos|office365|rich|` +
		`access_request|app_instance|audit_report|oauth2\.as\.resource_server|oauth2\.as\.consent\.revoke\.|oauth2\.token\.revoke\.)|` +
		`application\.(provision|integration|cache|account|appuser)|system\.(import|agent|csv|identity_sources|import|rate|org\.rate)|mim\.|` +
		`directory\.external|group\.user_membership|user\.(credential|import|behavior|device_session|identity)|task\.|core\.)`)
	interesting := regexp.MustCompile(`\.(export|download|grant|add|create|delete|deactivate|activate|update|revoke|remove|read_client_secret)$`)
	for name := range listed {
		if interesting.MatchString(name) && !machinery.MatchString(name) && operationOf(name).class == event.Other {
			t.Errorf("%s has no class", name)
		}
	}
	for name := range operations.All() {
		if !listed[name] && !former[name] {
			t.Errorf("%s is not in Okta's list", name)
		}
	}
}

// former are event types that Okta no longer lists, but that older exports have.
var former = map[string]bool{"iam.role.assignment.create": true}
