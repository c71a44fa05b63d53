package cloudtrail_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/cloudtrail"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// TestTwins checks that an ambiguous record is refused, at any level, inside another record, and
// with field names that differ in case only.
func TestTwins(t *testing.T) {
	call := func(name, params string) string {
		return `{"eventTime":"2026-05-04T07:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"` + name +
			`","eventID":"e1","userIdentity":{"type":"Root","accountId":"1"},"requestParameters":` + params + `}`
	}
	plain := call("RunInstances", `{"count":1}`)
	twice := strings.TrimSuffix(plain, "}") + `,"eventName":"DescribeInstances"}`
	rule := func(fields string) string {
		return call("AuthorizeSecurityGroupIngress", `{"groupId":"g","ipPermissions":{"items":[{`+fields+`}]}}`)
	}
	for in, twin := range map[string]bool{
		plain: false,
		twice: true,
		// twice the same
		strings.Replace(twice, "DescribeInstances", "RunInstances", 1): false,
		// another field, which is not read
		strings.TrimSuffix(plain, "}") + `,"EVENTNAME":"DescribeInstances"}`:                      false,
		`{"EventId":"e1","CloudTrailEvent":` + fmt.Sprintf("%q", plain) + `}`:                     false,
		`{"EventId":"e1","CloudTrailEvent":` + fmt.Sprintf("%q", twice) + `}`:                     true,
		`{"detail-type":"AWS API Call via CloudTrail","detail":` + twice + `}`:                    true,
		rule(`"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"`):                 false,
		rule(`"ipProtocol":"tcp","fromPort":22,"FromPort":443,"toPort":443,"cidrIp":"0.0.0.0/0"`): true,
		rule(`"ipProtocol":"tcp","fromPort":22,"FromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"`):   false,
		rule(`"fromPort":22,"fromPort":23`):                                                       true,
		call("ModifySecurityGroupRules", `{"ModifySecurityGroupRulesRequest":{"SecurityGroupRule":{"SecurityGroupRule":`+
			`{"IpProtocol":"tcp","IPPROTOCOL":"-1","CidrIpv4":"0.0.0.0/0"}}}}`): true,
	} {
		n := 0
		var err error
		for _, f := range cloudtrail.Formats {
			s := jsonscan.Scanner{Unique: true}
			s.Reset([]byte(in))
			sink := ingest.NewSink(func(*event.Event) { n++ })
			if f.Decode == nil {
				continue
			}
			if err = f.Decode(&s, sink); err != ingest.ErrNotThis {
				break
			}
		}
		if (err != nil) != twin || (n == 0) != twin {
			t.Errorf("%s: %v, %d events", in, err, n)
		}
	}
}
