package files

import (
	"strings"

	"github.com/outflow/outflow/ingest"
)

// carrier is a shape in which other systems hand on whole records of vendors: a message of a
// queue, a search result, a line of a collector.
type carrier struct {
	name  string   // as in docs/sources.md and in reports
	keys  []string // top-level keys that such an object has
	paths []path   // where the record is, in order of preference
	first bool     // consulted before the formats: its keys are those of no vendor
	vague bool     // other records have such keys, too: not worth a word if it holds no record
}

// path leads from an object to a value in it, key by key. The key * stands for any whose value
// is an object.
type path []string

// in returns a carrier. Keys and the parts of paths are separated by blanks and slashes.
func in(name, keys string, paths ...string) *carrier {
	c := &carrier{name: name, keys: strings.Fields(keys)}
	for _, p := range paths {
		c.paths = append(c.paths, strings.Split(p, "/"))
	}
	return c
}

// before returns a carrier that is consulted before the formats.
func before(name, keys string, paths ...string) *carrier {
	c := in(name, keys, paths...)
	c.first = true
	return c
}

// maybe returns a carrier whose keys mean little.
func maybe(name, keys string, paths ...string) *carrier {
	c := in(name, keys, paths...)
	c.vague = true
	return c
}

// carriers are all that are known. The first ones that match are tried in this order. Times,
// hosts and other fields of an envelope say when it was handed on: they are not read.
var carriers = []*carrier{
	before("Splunk", "_raw", "_raw"),
	before("Splunk", "preview result", "result/_raw", "result"),
	before("Splunk", "offset result", "result/_raw", "result"),
	before("Splunk HEC", "event sourcetype", "event"),
	before("Splunk HEC", "event host time", "event"),
	before("Elasticsearch", "_source", "_source/event/original", "_source"),
	before("Elasticsearch", "_index fields", "fields/event.original", "fields/message"),
	before("EventBridge", "detail-type detail", "detail/payload", "detail"),
	before("SNS", "TopicArn Message", "Message"),
	before("SNS", "Sns", "Sns/Message"),
	before("SQS", "MessageId Body", "Body"),
	before("SQS", "messageId body", "body"),
	before("Kinesis", "kinesis", "kinesis/data"),
	before("Kinesis", "SequenceNumber Data", "Data"),
	before("Firehose", "recordId data", "data"),
	before("Firehose", "rawData", "rawData"),
	before("CloudWatch Logs to Lambda", "awslogs", "awslogs/data"),
	before("CloudWatch Logs", "logStreamName message", "message"),
	before("CloudWatch Logs", "@message", "@message"),
	before("CloudTrail Lake", "eventJson", "eventJson"),
	before("CloudTrail Lake", "eventData metadata", "eventData"),
	before("Defender XDR", "RawEventData", "RawEventData"),
	before("Defender XDR", "category properties", "properties/RawEventData"),
	before("Graph PowerShell", "AuditData", "AuditData/AdditionalProperties"),
	before("Graph PowerShell", "auditData", "auditData/AdditionalProperties", "auditData/additionalProperties"),
	before("Wazuh", "rule data", "data/*", "data", "full_log"),
	before("Wazuh", "agent data", "data/*", "data", "full_log"),
	before("Pub/Sub", "message subscription", "message/data"),
	before("Pub/Sub", "ackId message", "message/data"),
	before("CometD", "channel data", "data/payload", "data"),
	before("Falcon LogScale", "@rawstring", "@rawstring"),

	in("CloudWatch Logs", "id timestamp message", "message"),
	in("Elastic Beats", "event", "event/original"),
	in("Elastic Beats", "o365", "o365/audit"),
	in("Elastic Beats", "@timestamp message", "message"),
	in("Elastic Beats", "@timestamp json", "json"),
	in("Splunk", "result", "result/_raw", "result"),
	in("Splunk HEC", "event", "event"),
	in("Fluent or Docker", "log", "log"),
	in("journald", "MESSAGE", "MESSAGE"),
	in("GELF", "short_message", "full_message", "short_message"),
	in("Wazuh", "full_log", "full_log"),
	in("Sumo Logic", "map", "map/_raw"),
	in("Loki", "line", "line"),
	in("Loki", "stream values", "values"),
	in("Pub/Sub", "data publishTime", "data"),
	in("CloudEvents", "specversion data", "data/message/data", "data"),
	in("CloudEvents", "specversion data_base64", "data_base64"),
	in("Google Cloud Logging", "jsonPayload", "jsonPayload"),
	in("Google Cloud Logging", "textPayload", "textPayload"),
	in("Salesforce Pub/Sub", "payload schemaId", "payload"),
	in("Salesforce Pub/Sub", "payload event", "payload"),
	in("Kafka", "topic value", "value"),
	in("Kafka", "topic payload", "payload"),
	in("Kafka", "schema payload", "payload"),
	in("Kafka", "RECORD_CONTENT", "RECORD_CONTENT"),
	in("Datadog", "attributes", "attributes/message", "attributes/attributes"),
	in("OpenTelemetry", "body", "body/stringValue", "body"),
	in("OCSF", "raw_data", "raw_data"),
	maybe("Azure Monitor", "properties", "properties"),
	in("Graph PowerShell", "AdditionalProperties", "AdditionalProperties"),
	in("Event Hubs", "Body", "Body"),
	in("SNS", "Message", "Message"),
	maybe("message", "message", "message/data", "message"),
	maybe("payload", "payload", "payload"),
	maybe("data", "data", "data"),
	maybe("record", "record", "record"),
	maybe("value", "value", "value"),
	maybe("raw", "raw", "raw"),
	maybe("raw", "rawLog", "rawLog"),
	maybe("raw", "raw_log", "raw_log"),
	maybe("raw", "rawEvent", "rawEvent"),
	maybe("raw", "raw_event", "raw_event"),
	maybe("raw", "rawMessage", "rawMessage"),
	maybe("raw", "rawRecord", "rawRecord"),
	maybe("raw", "original", "original"),
	maybe("raw", "original_event", "original_event"),
}

// carries returns the carriers of objects with these top-level keys, of those that are
// consulted before the formats or after them.
func carries(keys ingest.Keys, first bool) func(yield func(*carrier) bool) {
	return func(yield func(*carrier) bool) {
		for _, c := range carriers {
			if c.first == first && keys.Has(c.keys...) && !yield(c) {
				return
			}
		}
	}
}

// list is whose lists of records are under a key.
type list int

const (
	vendorsList  list = 1 + iota // of a vendor, or of a tool that exports from it
	envelopeList                 // of a system that hands on records: no vendor's record has such a key
)

// wrapperKeys are the keys under which lists of records are.
var wrapperKeys = map[string]list{
	"Records":        vendorsList,
	"records":        vendorsList,
	"Events":         vendorsList,
	"events":         vendorsList,
	"items":          vendorsList,
	"entries":        vendorsList,
	"logins":         vendorsList,
	"value":          vendorsList,
	"data":           vendorsList,
	"results":        vendorsList,
	"result":         vendorsList,
	"logs":           vendorsList,
	"response":       vendorsList,
	"Report_Entry":   vendorsList,
	"activities":     vendorsList,
	"operation_logs": vendorsList,
	"activity_logs":  vendorsList,
	"hits":           vendorsList,
	"messages":       vendorsList,
	"Messages":       vendorsList,
	"rows":           vendorsList,
	"Rows":           vendorsList,
	"values":         vendorsList,
	"Results":        vendorsList,
	"tables":         vendorsList,
	"Tables":         vendorsList,
	"streams":        vendorsList,

	"logEvents":        envelopeList,
	"QueryResultRows":  envelopeList,
	"receivedMessages": envelopeList,
	"resourceLogs":     envelopeList,
	"scopeLogs":        envelopeList,
	"logRecords":       envelopeList,
}
