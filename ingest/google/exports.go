package google

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

// decodeRow reads a row of the table activity that Google exports to BigQuery. The column that has
// the name of the row's application holds the parameters
// (support.google.com/a/answer/9079364).
func decodeRow(s *jsonscan.Scanner, out *ingest.Sink) error {
	a := begin()
	defer activities.Put(a)
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "time_usec":
			a.time = s.Text()
		case "email":
			a.email = s.Text()
		case "unique_identifier":
			a.qualifier = s.Text()
		case "event_type":
			a.e.kind = s.Text()
		case "event_name":
			a.e.name = s.Text()
		case "record_type":
			a.app = s.Text()
		case "ip_address":
			a.ip = s.Text()
		default:
			if s.Kind() == '{' && len(a.records) < 64 {
				name := out.Copy(ingest.View(s.Key))
				a.records = append(a.records, record{name, s.RawUnchecked()})
			} else {
				s.Skip()
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	at, err := out.TimeUTC("time_usec", a.time)
	if err != nil {
		return err
	}
	a.app = strings.TrimSuffix(a.app, "_activity")
	for _, r := range a.records {
		if r.name == a.app {
			a.scan.Reset(r.fields)
			a.e.parameters(&a.scan)
		}
	}
	a.flat = true
	return a.emit(&a.scan, at, out)
}

// services are the services of Google Cloud's audit log that report activities of Workspace, and
// the applications to which these belong
// (cloud.google.com/logging/docs/audit/gsuite-audit-logging).
var services = map[string]string{
	"admin.googleapis.com":         "admin",
	"login.googleapis.com":         "login",
	"oauth2.googleapis.com":        "token",
	"cloudidentity.googleapis.com": "groups_enterprise",
	"drive.googleapis.com":         "drive",
	"saml.googleapis.com":          "saml",
}

// decodeEntry reads an entry of Google Cloud's audit log that holds an activity of Workspace.
func decodeEntry(s *jsonscan.Scanner, out *ingest.Sink) error {
	a := begin()
	defer activities.Put(a)
	if !s.Object() {
		return ingest.ErrNotThis
	}
	stamp := ""
	for s.Next() {
		switch string(s.Key) {
		case "timestamp":
			stamp = s.Text()
		case "protoPayload":
			a.scanPayload(s)
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if a.app == "" || a.events == nil {
		return ingest.ErrNotThis
	}
	if a.time == "" {
		a.time = stamp
	}
	at, err := out.TimeUTC("timestamp", a.time)
	if err != nil {
		return err
	}
	return a.emitAll(at, out)
}

func (a *activity) scanPayload(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "serviceName":
			a.app = services[s.Text()]
		case "authenticationInfo":
			a.email = s.Field("principalEmail")
		case "requestMetadata":
			a.ip = s.Field("callerIp")
		case "metadata":
			a.scanMetadata(s)
		default:
			s.Skip()
		}
	}
}

func (a *activity) scanMetadata(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "event":
			a.events = s.RawUnchecked()
		case "activityId":
			a.scanActivityID(s)
		default:
			s.Skip()
		}
	}
}

func (a *activity) scanActivityID(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "timeUsec":
			a.time = s.Text()
		case "uniqQualifier":
			a.qualifier = s.Text()
		default:
			s.Skip()
		}
	}
}
