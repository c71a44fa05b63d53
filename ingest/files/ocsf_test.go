package files_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/files"
)

const (
	trailUser = `"userIdentity":{"type":"IAMUser","principalId":"AIDAKIM","arn":"arn:aws:iam::111122223333:user/kim",` +
		`"accountId":"111122223333","accessKeyId":"AKIAKIM","userName":"kim"}`
	trailRest = `"eventTime":"2026-03-02T08:00:01Z","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.7","userAgent":"aws-cli/2",` +
		`"eventVersion":"1.09","eventType":"AwsApiCall","requestID":"r","recipientAccountId":"111122223333",`
	ocsfTrail = `"metadata":{"uid":"a","event_code":"AwsApiCall","product":{"name":"CloudTrail","vendor_name":"AWS","version":"1.09",` +
		`"feature":{"name":"Management"}},"profiles":["cloud","datetime"],"version":"1.1.0"},"cloud":{"provider":"AWS","region":"eu-west-1"},` +
		`"time":1772438401000,"src_endpoint":{"ip":"192.0.2.7"},"http_request":{"user_agent":"aws-cli/2"},`
	ocsfUser = `"actor":{"user":{"type":"IAMUser","uid":"arn:aws:iam::111122223333:user/kim","uid_alt":"AIDAKIM","name":"kim",` +
		`"account":{"uid":"111122223333"},"credential_uid":"AKIAKIM"},"session":{"issuer":null},"idp":{"name":null}},`
)

// TestOCSF asserts that events of OCSF have the same meaning as the records that they were made
// from.
func TestOCSF(t *testing.T) {
	for _, c := range []struct{ name, event, record string }{
		{
			"API activity",
			`{"class_uid":6003,"class_name":"API Activity","activity_id":2,` + ocsfTrail + ocsfUser + `"time_dt":"2026-03-02T09:00:01+01:00",` +
				`"api":{"operation":"GetObject","service":{"name":"s3.amazonaws.com"},"request":{"uid":"r","data":"{\"bucketName\":\"plans\",\"key\":\"a.txt\"}"},` +
				`"response":{"error":"AccessDenied","message":"no","data":null}},"status":"Failure","status_id":2,` +
				`"resources":[{"uid":"arn:aws:s3:::plans","type":"AWS::S3::Bucket","owner":{"account":{"uid":"111122223333"}}}],` +
				`"unmapped":{"recipientAccountId":"111122223333","additionalEventData.bytesTransferredOut":"512","readOnly":"true"}}`,
			`{"eventName":"GetObject","eventSource":"s3.amazonaws.com","eventID":"a",` + trailRest + trailUser + `,"readOnly":true,` +
				`"requestParameters":{"bucketName":"plans","key":"a.txt"},"errorCode":"AccessDenied","errorMessage":"no",` +
				`"resources":[{"ARN":"arn:aws:s3:::plans","accountId":"111122223333","type":"AWS::S3::Bucket"}],` +
				`"additionalEventData":{"bytesTransferredOut":512}}`,
		},
		{
			"account change of version 1.0",
			`{"class_uid":3001,"activity_id":1,` + strings.Replace(ocsfTrail, "1.1.0", "1.0.0-rc.2", 1) +
				`"actor":{"user":{"type":"IAMUser","uuid":"arn:aws:iam::111122223333:user/kim","uid":"AIDAKIM","name":"kim","account_uid":"111122223333",` +
				`"credential_uid":"AKIAKIM"}},"api":{"operation":"CreateAccessKey","service":{"name":"iam.amazonaws.com"},"request":{"uid":"r"}},` +
				`"unmapped":{"recipientAccountId":"111122223333","requestParameters.userName":"lee","responseElements.accessKey.userName":"lee",` +
				`"responseElements.accessKey.accessKeyId":"AKIALEE"}}`,
			`{"eventName":"CreateAccessKey","eventSource":"iam.amazonaws.com","eventID":"a",` + trailRest + trailUser + `,` +
				`"requestParameters":{"userName":"lee"},"responseElements":{"accessKey":{"userName":"lee","accessKeyId":"AKIALEE"}}}`,
		},
		{
			"sign-in that failed",
			`{"class_uid":3002,"activity_id":1,` + strings.Replace(ocsfTrail, "AwsApiCall", "AwsConsoleSignIn", 1) + ocsfUser +
				`"api":{"operation":"ConsoleLogin","service":{"name":"signin.amazonaws.com"},"request":{"uid":"r"},` +
				`"response":{"data":"{\"ConsoleLogin\":\"Failure\"}"}},"is_mfa":false,"status":"Failure","status_id":2,` +
				`"unmapped":"{\"recipientAccountId\":\"111122223333\",\"errorMessage\":\"Failed authentication\"}"}`,
			`{"eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","eventID":"a",` +
				strings.Replace(trailRest, "AwsApiCall", "AwsConsoleSignIn", 1) + trailUser + `,"errorMessage":"Failed authentication",` +
				`"errorCode":"Failure","responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"MFAUsed":"No"}}`,
		},
		{
			"Okta",
			`{"class_uid":3006,"activity_id":3,"metadata":{"uid":"u","event_code":"group.user_membership.add","product":{"name":"Okta System Log"}},` +
				`"time":1772438401000,"actor":{"user":{"uid":"00u1","type":"User","email_addr":"kim@acme.example","name":"Kim"}},"status":"Success",` +
				`"src_endpoint":{"ip":"192.0.2.7","location":{"country":"Norway"}},"http_request":{"user_agent":"Safari"},"message":"Add user to group membership",` +
				`"user":{"uid":"00u2","type":"User","email_addr":"lee@acme.example","name":"Lee"},"group":{"uid":"00g","type":"UserGroup","name":"Admins"},` +
				`"unmapped":{"debugContext":{"debugData":{"requestUri":"/api/v1/groups"}}}}`,
			`{"uuid":"u","eventType":"group.user_membership.add","published":"2026-03-02T08:00:01.000Z","displayMessage":"Add user to group membership",` +
				`"actor":{"id":"00u1","type":"User","alternateId":"kim@acme.example","displayName":"Kim"},"outcome":{"result":"SUCCESS"},` +
				`"client":{"ipAddress":"192.0.2.7","userAgent":{"rawUserAgent":"Safari"},"geographicalContext":{"country":"Norway"}},` +
				`"debugContext":{"debugData":{"requestUri":"/api/v1/groups"}},` +
				`"target":[{"id":"00u2","type":"User","alternateId":"lee@acme.example","displayName":"Lee"},{"id":"00g","type":"UserGroup","displayName":"Admins"}]}`,
		},
		{
			"GitHub",
			`{"class_uid":6003,"metadata":{"uid":"m","event_code":"git.clone","product":{"name":"GitHub Audit Log"}},"time":1772438401000,` +
				`"actor":{"user":{"name":"kim","uid":"7","account":{"name":"acme"}}},"src_endpoint":{"ip":"192.0.2.7","location":{"country":"NO"}},` +
				`"resources":[{"name":"acme/plans","uid":"9"}],"unmapped":{"transport_protocol_name":"ssh","repository_public":false,"user":""}}`,
			`{"_document_id":"m","action":"git.clone","@timestamp":1772438401000,"actor":"kim","actor_id":7,"org":"acme","actor_ip":"192.0.2.7",` +
				`"actor_location":{"country_code":"NO"},"repo":"acme/plans","transport_protocol_name":"ssh","repository_public":false}`,
		},
		{
			"the record itself",
			`{"class_uid":6003,` + ocsfTrail + ocsfUser + `"api":{"operation":"Other","service":{"name":"s3.amazonaws.com"}},"raw_data":` + quote(recordA) + `}`,
			recordA,
		},
	} {
		got, r := stream(t, []byte(c.event+"\n"+c.event), files.Budget{})
		want, _ := stream(t, []byte(c.record), files.Budget{})
		if len(got) != 2 || len(want) != 1 || !reflect.DeepEqual(got[0], want[0]) || !reflect.DeepEqual(got[1], want[0]) {
			t.Errorf("%s: %+v\n got %+v\nwant %+v", c.name, r, got, want)
		}
		if r.Envelopes["OCSF"] != 2 || r.ProblemCount != 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

type ocsfRow struct {
	ClassUID int32  `parquet:"class_uid"`
	Time     int64  `parquet:"time"`
	Status   string `parquet:"status,optional"`
	Metadata struct {
		UID     string `parquet:"uid"`
		Product struct {
			Name string `parquet:"name"`
		} `parquet:"product"`
		Profiles []string `parquet:"profiles,list"`
	} `parquet:"metadata"`
	API struct {
		Operation string `parquet:"operation"`
		Service   struct {
			Name string `parquet:"name"`
		} `parquet:"service"`
	} `parquet:"api"`
	Unmapped map[string]string `parquet:"unmapped"`
}

// TestOCSFParquet reads events as Security Lake stores them, among others of products that are not
// known.
func TestOCSFParquet(t *testing.T) {
	rows := make([]ocsfRow, 3)
	for i := range rows {
		r := &rows[i]
		r.ClassUID, r.Time, r.Metadata.UID, r.Metadata.Product.Name = 6003, 1772438401000, fmt.Sprint("id", i), "CloudTrail"
		r.API.Operation, r.API.Service.Name = "GetObject", "s3.amazonaws.com"
		r.Unmapped = map[string]string{"userIdentity.type": "Root", "userIdentity.accountId": "111122223333"}
	}
	rows[1].ClassUID, rows[1].Metadata.Product.Name = 4001, "Amazon VPC"
	events, r := read(t, columns(t, rows...))
	if len(events) != 2 || events[0].Actor.Account != "aws:111122223333:root" || r.Unknown != 1 || r.Records != 2 || len(r.Problems) != 1 ||
		!strings.Contains(r.Problems[0].String(), ":2: a record of an unknown kind in an envelope of OCSF") {
		t.Errorf("%+v %+v", events, r)
	}
}
