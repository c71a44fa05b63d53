package google

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

// services are the applications of activities by the service that Cloud Logging names, where
// they are not called alike.
var services = map[string]string{
	"cloudidentity": "groups_enterprise",
	"oauth2":        "token",
}

// decodeLogEntry reads an activity as Workspace shares it with Google Cloud: an entry of Cloud
// Logging, whose payload has the person and, as metadata, the activity.
func decodeLogEntry(s *jsonscan.Scanner, out *ingest.Sink) error {
	a := activities.Get().(*activity)
	defer activities.Put(a)
	*a = activity{scan: a.scan}
	a.scan.Unique = true
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		if string(s.Key) == "protoPayload" && s.Kind() == '{' {
			a.scanPayload(s)
		} else {
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return a.decode(out)
}

// scanPayload reads the payload of an entry.
func (a *activity) scanPayload(s *jsonscan.Scanner) {
	s.Object()
	for s.Next() {
		switch string(s.Key) {
		case "serviceName":
			a.app = strings.TrimSuffix(s.Text(), ".googleapis.com")
			if name := services[a.app]; name != "" {
				a.app = name
			}
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

// scanMetadata reads the activity in a payload.
func (a *activity) scanMetadata(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "activityId":
			if !s.Object() {
				continue
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
		case "event":
			a.events = s.RawUnchecked()
		default:
			s.Skip()
		}
	}
}
