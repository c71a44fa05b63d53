package sigma

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// taxonomy is what is known about the records of a source: by which names rules call their
// fields, and which fields and values there are.
type taxonomy struct {
	// action are the fields that state the action by which an event is known, in lower case.
	action []string

	// other are further places of a field, by its name in lower case.
	other map[string][]string

	// made are fields that records state in another form, by name in lower case.
	made map[string]derived

	// lists are the paths of lists of {name, value}, whose names are fields, too.
	lists []string

	// under are objects whose keys are fields, too, by their last name alone.
	under []string

	// plain are fields that are no names of a parameter, by their first key in lower case.
	plain map[string]bool

	// closed says that plain are all first keys that records have.
	closed bool

	// foreign are first keys, in lower case, of fields in the records of other products.
	foreign map[string]bool

	// several says that a record may state several actions.
	several bool

	// elsewhere are first keys, in lower case, of only some forms of the records: what to know.
	elsewhere map[string]string

	// values are all values of a field, by its name in lower case.
	values map[string][]string
}

// derived is a field that is made from another one.
type derived struct {
	from string // in lower case
	as   func(value string) string
}

// paths returns where a field may be.
func (t *taxonomy) paths(field string) []string {
	list := append([]string{field}, t.other[field]...)
	if t.mayBeParameter(field) && !strings.Contains(field, ".") {
		for _, u := range t.under {
			list = append(list, u+"."+field)
		}
	}
	return list
}

// parameters returns the lists in which a field may be a parameter.
func (t *taxonomy) parameters(field string) []string {
	if !t.mayBeParameter(field) {
		return nil
	}
	return t.lists
}

// mayBeParameter reports whether a field can be a name in a list of {name, value}.
func (t *taxonomy) mayBeParameter(field string) bool {
	first, _, _ := strings.Cut(field, ".")
	return len(t.lists) > 0 && !t.plain[first] && t.other[field] == nil && t.made[field].from == ""
}

// set makes a set of names.
func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[strings.ToLower(n)] = true
	}
	return m
}

// googleApps are the applications of Google Workspace whose parameters the BigQuery export
// writes as columns of an object of that name
// (support.google.com/a/answer/9079364).
var googleApps = strings.Fields(`access_transparency admin calendar chat chrome classroom context_aware_access currents
	data_studio device drive gmail groups keep ldap login meet mobile rules saml token user_accounts vault`)

// googleServices are the applications of Google Workspace whose name differs from that of their
// service in Google Cloud's audit log (cloud.google.com/logging/docs/audit/gsuite-audit-logging).
var googleServices = map[string]string{"token": "oauth2", "groups_enterprise": "cloudidentity"}

// googleService returns the service of an application of Google Workspace.
func googleService(app string) string {
	if s := googleServices[app]; s != "" {
		app = s
	}
	return app + ".googleapis.com"
}

// taxonomies are by source. Every source of rules has one.
var taxonomies = map[event.Source]*taxonomy{
	// docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
	event.CloudTrail: {
		action: []string{"eventname"},
		plain: set(`additionalEventData addendum annotation apiVersion awsAccountId awsRegion edgeDeviceDetails errorCode
			errorMessage eventCategory eventContext eventID eventName eventSource eventTime eventType eventVersion insightDetails
			managementEvent readOnly recipientAccountId requestID requestParameters resources responseElements
			serviceEventDetails sessionCredentialFromConsole sharedEventID sourceIPAddress tlsDetails userAgent userIdentity
			vpcEndpointAccountId vpcEndpointId`),
		closed: true,
		values: map[string][]string{
			"readonly":        {"true", "false"},
			"managementevent": {"true", "false"},
			"eventtype": {
				"AwsApiCall", "AwsServiceEvent", "AwsConsoleAction", "AwsConsoleSignIn", "AwsVpceEvent", "AwsCloudTrailInsight",
			},
			"eventcategory": {"Management", "Data", "Insight", "NetworkActivity"},
		},
	},

	// learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema
	event.M365: {
		action: []string{"operation"},
		other: map[string][]string{
			"eventsource": {"Workload"},
			"eventname":   {"Operation", "Name"},
			"status":      {"ResultStatus"},
		},
		lists: []string{"Parameters", "ExtendedProperties", "ModifiedProperties", "OperationProperties"},
		plain: set(`Id RecordType CreationTime Operation OrganizationId UserType UserKey Workload ResultStatus ObjectId UserId
			ClientIP Scope Version AppAccessContext`),
	},

	// developers.google.com/workspace/admin/reports/reference/rest/v1/activities; the columns of the
	// BigQuery export, and entries of Google Cloud's audit log
	event.GoogleWorkspace: {
		action: []string{"eventname"},
		other: map[string][]string{
			"eventname":          {"events.name", "event.name", "name", "event_name", "protoPayload.metadata.event.eventName"},
			"eventtype":          {"events.type", "event.type", "type", "event_type", "protoPayload.metadata.event.eventType"},
			"id.applicationname": {"record_type"},
			"eventservice":       {"protoPayload.serviceName"},
			"actor":              {"actor.email", "email", "protoPayload.authenticationInfo.principalEmail"},
			"actor.email":        {"email", "protoPayload.authenticationInfo.principalEmail"},
			"ipaddress":          {"ip_address", "protoPayload.requestMetadata.callerIp"},
		},
		made: map[string]derived{"eventservice": {"id.applicationname", googleService}},
		lists: []string{
			"events.parameters", "event.parameters", "parameters", "protoPayload.metadata.event.parameter",
		},
		under:   googleApps,
		foreign: set("data gcp"), // what others make of Google Cloud's audit log
		several: true,
		elsewhere: map[string]string{
			"protopayload": "protoPayload is in entries of Google Cloud's audit log only: " +
				"in activities of the Reports API it matches nothing",
		},
		plain: set(`kind etag id actor ownerDomain ipAddress events event networkInfo resourceDetails
			time_usec email unique_identifier event_type event_name record_type ip_address
			logName protoPayload insertId resource timestamp severity receiveTimestamp`),
	},

	// developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog
	event.Okta: {
		action: []string{"eventtype"},
		plain: set(`actor authenticationContext client debugContext device displayMessage eventType legacyEventType outcome
			published request securityContext severity target transaction uuid version`),
		closed: true,
		values: map[string][]string{
			"severity": {"DEBUG", "INFO", "WARN", "ERROR"},
			"outcome.result": {
				"SUCCESS", "FAILURE", "SKIPPED", "ALLOW", "DENY", "CHALLENGE", "UNKNOWN",
				"RATE_LIMIT", "DEFERRED", "SCHEDULED", "ABANDONED", "UNANSWERED",
			},
		},
	},

	event.GitHub: {action: []string{"action"}},

	event.Slack: {action: []string{"action"}},

	// developer.box.com/reference/resources/event
	event.Box: {
		action: []string{"event_type"},
		plain: set(`type event_id event_type created_at created_by recorded_at session_id source accessible_by action_by
			additional_details ip_address`),
		closed: true,
	},

	// dropbox.github.io/dropbox-api-v2-explorer, team_log/get_events
	event.Dropbox: {
		action: []string{"event_type..tag"},
		plain: set(`timestamp event_category actor origin involve_non_team_member context participants assets event_type
			details`),
		closed: true,
	},

	event.Salesforce: {action: []string{"event_type"}},
}

// logsource returns the source of the records that a rule is about. Without one, it returns why
// Outflow has no such records.
func logsource(product, service, category string) (s event.Source, why string) {
	product, service = strings.ToLower(product), strings.ToLower(service)
	name := strings.Join(strings.Fields(product+" "+service+" "+strings.ToLower(category)), "/")
	switch {
	case product == "aws" && (service == "cloudtrail" || service == ""):
		return event.CloudTrail, ""
	case product == "m365", product == "microsoft365", product == "o365":
		return event.M365, ""
	case strings.HasPrefix(service, "google_workspace"), product == "google_workspace":
		return event.GoogleWorkspace, ""
	case product == "gcp", product == "google" && strings.HasPrefix(service, "google.cloud"):
		return event.NoSource, "its logsource (" + name + ") is the audit log of Google Cloud's own services. " +
			"Outflow reads what Google Workspace reports (service google_workspace.admin, .login, …), so it never matches"
	case slices.Contains([]string{"okta", "github", "slack", "box", "dropbox", "salesforce"}, product):
		for _, s := range event.Sources() {
			if s.String() == product {
				return s, ""
			}
		}
	}
	return event.NoSource, "its logsource (" + name + ") is not a log that Outflow reads"
}
