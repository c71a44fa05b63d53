package standards

import (
	"encoding/json"
	"strings"
	"testing"
)

// finding is an event without faults.
const finding = `{"activity_id": 1, "activity_name": "Create", "category_uid": 2, "category_name": "Findings", "class_uid": 2004,
	"class_name": "Detection Finding", "type_uid": 200401, "type_name": "Detection Finding: Create", "severity_id": 2, "severity": "Low",
	"time": 1772000000000, "metadata": {"version": "1.8.0", "product": {"name": "p"}, "profiles": ["incident"]},
	"verdict_id": 6, "verdict": "Test", "finding_info": {"uid": "f", "analytic": {"type_id": 99, "type": "mine", "name": "n"}},
	"evidences": [{"src_endpoint": {"ip": "203.0.113.9"}, "data": {"x": null}}],
	"observables": [{"name": "evidences[].src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": "203.0.113.9"}]}`

// set returns a document with the value at a path, or without it if the value is nil.
func set(t *testing.T, document, path string, value any) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(document), &root); err != nil {
		t.Fatal(err)
	}
	var v any = root
	names := strings.Split(path, ".")
	for i, name := range names {
		if list, ok := v.([]any); ok {
			v = list[0]
		}
		m := v.(map[string]any)
		switch {
		case i < len(names)-1:
			v = m[name]
		case value == nil:
			delete(m, name)
		default:
			m[name] = value
		}
	}
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fault is a change of a document that makes it faulty, and a part of the fault.
type fault struct {
	path  string
	value any
	want  string
}

func TestOCSF(t *testing.T) {
	if r := OCSF([]byte(finding)); len(r.Faults) > 0 || len(r.Advice) == 0 {
		t.Fatal(r)
	}
	for _, c := range []fault{
		{"extra", 1, "extra: is no attribute"},
		{"metadata.extra", 1, "metadata.extra: is no attribute"},
		{"time", nil, "time: is required"},
		{"time", "now", "is no long_t"},
		{"severity_id", 7, "7 is not among its values"},
		{"severity", "High", `2 is called "Low"`},
		{"severity", nil, "has no severity"},
		{"type_uid", 200402, "is not 100"},
		{"metadata.version", "1.6.0", "and not 1.8.0"},
		{"metadata.profiles", []string{"cloud"}, "is of the profiles [incident]"},
		{"metadata.product", map[string]any{"version": "1"}, "at_least_one of name, uid"},
		{"finding_info.product_uid", "x", "is deprecated"},
		{"finding_info.types", []string{}, "is an empty array"},
		{"finding_info.types", "x", "is no array"},
		{"finding_info", "x", "is no object"},
		{"evidences.src_endpoint.ip", "203.0.113.300", "is no ip_t"},
		{"evidences.src_endpoint.ip", "203.0.113.10", "no evidences[].src_endpoint.ip is 203.0.113.9"},
		{"evidences.src_endpoint.port", 70000, "is outside of port_t"},
		{"risk_score", 1.5, "is no integer_t"},
		{"is_alert", "true", "is no boolean_t"},
	} {
		r := OCSF(set(t, finding, c.path, c.value))
		if !strings.Contains(strings.Join(r.Faults, "\n"), c.want) {
			t.Errorf("%s = %v: %q, want %q", c.path, c.value, r.Faults, c.want)
		}
	}
}

func TestECS(t *testing.T) {
	const document = `{"@timestamp": "2026-03-02T12:00:00Z", "ecs": {"version": "9.4.0"}, "own": {"a": [1, "b"]}, "message": "m",
		"event": {"kind": "alert", "category": ["file", "iam"], "type": ["info"], "severity": 3, "risk_score": 1.5},
		"related": {"ip": ["203.0.113.9"]}, "threat": {"technique": {"subtechnique": {"id": ["T1567.002"]}}}}`
	if r := ECS([]byte(document), "own"); len(r.Faults) > 0 {
		t.Fatal(r.Faults)
	}
	for _, c := range []fault{
		{"extra", "x", "extra: is not in ECS"},
		{"event.extra", "x", "event.extra: is not in ECS"},
		{"ecs", nil, "ecs.version: is required"},
		{"event.kind", "incident", "is not among the values"},
		{"event.kind", "", "is no keyword"},
		{"event.type", []string{"group"}, "group is not expected beside the category file"},
		{"event.severity", 1.5, "is no long"},
		{"event.reason", strings.Repeat("x", 1025), "1025 characters are not indexed"},
		{"event.start", "yesterday", "is no date"},
		{"related.ip", "203.0.113.9", "array is false"},
		{"related.ip", []string{"console"}, "is no ip"},
		{"related.user", []string{}, "is an empty array"},
	} {
		r := ECS(set(t, document, c.path, c.value), "own")
		if !strings.Contains(strings.Join(r.Faults, "\n"), c.want) {
			t.Errorf("%s = %v: %q, want %q", c.path, c.value, r.Faults, c.want)
		}
	}
}

func TestASFF(t *testing.T) {
	const document = `{"SchemaVersion": "2018-10-08", "Id": "a", "ProductArn": "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default",
		"GeneratorId": "g", "AwsAccountId": "123456789012", "CreatedAt": "2026-03-02T12:00:00.000Z", "UpdatedAt": "2026-03-02T12:00:00.000Z",
		"FirstObservedAt": "2026-03-02T11:00:00Z", "LastObservedAt": "2026-03-02T12:00:00Z", "Title": "t", "Description": "d", "Note": null,
		"FindingProviderFields": {"Severity": {"Label": "LOW"}, "Types": ["Unusual Behaviors/User"]},
		"Resources": [{"Type": "Other", "Id": "x", "Details": {"Other": {"k": "v"}}}]}`
	if r := ASFF([]byte(document)); len(r.Faults) > 0 {
		t.Fatal(r.Faults)
	}
	for _, c := range []fault{
		{"Title", nil, "Title: is required"},
		{"Title", strings.Repeat("é", 257), "Title: 257 characters"},
		{"Description", " ", "Description: is empty"},
		{"AwsAccountId", "123", "does not fit"},
		{"UpdatedAt", "2026-03-02T11:59:59Z", "out of order"},
		{"UpdatedAt", "yesterday", "UpdatedAt: parsing time"},
		{"FindingProviderFields", nil, "are required of a provider"},
		{"FindingProviderFields.Types", []string{"Anomalies"}, "does not fit"},
		{"FindingProviderFields.Severity.Label", "URGENT", "does not fit"},
		{"Resources", []string{}, "Resources: 0 entries"},
		{"Resources.Details.Other.k", strings.Repeat("x", 1025), "1025 characters"},
	} {
		r := ASFF(set(t, document, c.path, c.value))
		if !strings.Contains(strings.Join(r.Faults, "\n"), c.want) {
			t.Errorf("%s = %v: %q, want %q", c.path, c.value, r.Faults, c.want)
		}
	}
}
