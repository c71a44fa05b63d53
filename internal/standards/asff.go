package standards

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of the AWS Security Finding Format that AWS documents (docs.aws.amazon.com/securityhub, "Required
// attributes" and "Optional top-level attributes"): of texts in characters, of lists and maps in entries.
var (
	asffRequired = strings.Fields("SchemaVersion Id ProductArn GeneratorId AwsAccountId CreatedAt UpdatedAt Title Description Resources")
	asffTexts    = map[string]int{
		"Id": 512, "ProductArn": 2048, "GeneratorId": 512, "Title": 256, "Description": 1024, "CompanyName": 128, "ProductName": 128,
		"SourceUrl": 2048, "Resources.Id": 512, "Resources.Type": 256, "Resources.Details.Other.*": 1024, "ProductFields.*": 2048,
		"FindingProviderFields.Severity.Original": 64, "Note.Text": 512, "Note.UpdatedBy": 512,
	}
	asffCounts  = map[string]int{"Resources": 32, "ProductFields": 50, "Resources.Details.Other": 50, "FindingProviderFields.Types": 50}
	asffPattern = map[string]*regexp.Regexp{
		"SchemaVersion": regexp.MustCompile(`^2018-10-08$`),
		"AwsAccountId":  regexp.MustCompile(`^[0-9]{12}$`),
		"ProductArn": regexp.MustCompile(
			`^arn:aws[a-z-]*:securityhub:[a-z0-9-]+:[0-9]{12}:product/[0-9a-z-]+/[0-9a-z-]+$`),
		"RecordState":                          regexp.MustCompile(`^(ACTIVE|ARCHIVED)$`),
		"SourceUrl":                            regexp.MustCompile(`^https?://`),
		"FindingProviderFields.Severity.Label": regexp.MustCompile(`^(INFORMATIONAL|LOW|MEDIUM|HIGH|CRITICAL)$`),
		"FindingProviderFields.Types": regexp.MustCompile(
			`^(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data Identifications)(/[^/]+){0,2}$`),
	}
)

// maxASFF is the most bytes of a finding.
const maxASFF = 240 << 10

// ASFF checks a finding of the AWS Security Finding Format against its documented limits. Attributes that are null are
// not sent.
func ASFF(finding []byte) *Report {
	r := &Report{}
	var root map[string]any
	if err := json.Unmarshal(finding, &root); err != nil {
		r.add("", "%v", err)
		return r
	}
	if len(finding) > maxASFF {
		r.add("", "%d bytes", len(finding))
	}
	for _, name := range asffRequired {
		if root[name] == nil {
			r.add(name, "is required")
		}
	}
	provider, _ := root["FindingProviderFields"].(map[string]any)
	if provider == nil || provider["Severity"] == nil || provider["Types"] == nil {
		r.add("FindingProviderFields", "severity and types are required of a provider")
	}
	var times []time.Time
	for _, name := range []string{"CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"} {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(root[name]))
		if err != nil {
			r.add(name, "%v", err)
		}
		times = append(times, at)
	}
	if times[1].Before(times[0]) || times[3].Before(times[2]) {
		r.add("UpdatedAt", "times are out of order")
	}
	r.asff(root, "")
	return r
}

// asff checks the texts, lists and maps of a value.
func (r *Report) asff(v any, path string) {
	switch v := v.(type) {
	case map[string]any:
		r.count(path, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if path == "ProductFields" || path == "Resources.Details.Other" {
				r.asff(v[key], path+".*")
			} else {
				r.asff(v[key], strings.TrimPrefix(path+"."+key, "."))
			}
		}
	case []any:
		r.count(path, len(v))
		for _, x := range v {
			r.asff(x, path)
		}
	case string:
		most, limited := asffTexts[path]
		switch n := utf8.RuneCountInString(v); {
		case limited && n > most:
			r.add(path, "%d characters", n)
		case limited && strings.TrimSpace(v) == "":
			r.add(path, "is empty")
		case asffPattern[path] != nil && !asffPattern[path].MatchString(v):
			r.add(path, "%q does not fit", v)
		}
	}
}

// count checks the number of entries of a list or map.
func (r *Report) count(path string, n int) {
	if most, limited := asffCounts[path]; limited && (n > most || n == 0) {
		r.add(path, "%d entries", n)
	}
}
