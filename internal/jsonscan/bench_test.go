package jsonscan

import (
	"encoding/json"
	"testing"
)

const record = `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole",` +
	`"principalId":"AROAXEXAMPLE:jane.doe@acme.example",` +
	`"arn":"arn:aws:sts::111122223333:assumed-role/Analyst/jane.doe@acme.example","accountId":"111122223333",` +
	`"accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role",` +
	`"principalId":"AROAXEXAMPLE","arn":"arn:aws:iam::111122223333:role/Analyst","accountId":"111122223333",` +
	`"userName":"Analyst"},"webIdFederationData":{},"attributes":{"creationDate":"2026-03-02T08:00:00Z",` +
	`"mfaAuthenticated":"false"}}},"eventTime":"2026-03-02T08:15:00Z","eventSource":"s3.amazonaws.com",` +
	`"eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7",` +
	`"userAgent":"[aws-cli/2.15 Python/3.11]","requestParameters":{"bucketName":"acme-finance",` +
	`"Host":"acme-finance.s3.eu-west-1.amazonaws.com","key":"2026/q1/part-00001.parquet"},` +
	`"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4",` +
	`"CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader",` +
	`"x-amz-id-2":"abc","bytesTransferredOut":1048576},"requestID":"R1EXAMPLE",` +
	`"eventID":"0b1f6c1e-0000-4000-8000-000000000001","readOnly":true,"resources":[{"type":"AWS::S3::Object",` +
	`"ARN":"arn:aws:s3:::acme-finance/2026/q1/part-00001.parquet"},{"accountId":"111122223333",` +
	`"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::acme-finance"}],"eventType":"AwsApiCall",` +
	`"managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data",` +
	`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",` +
	`"clientProvidedHostHeader":"acme-finance.s3.eu-west-1.amazonaws.com"}}`

// BenchmarkPick picks eight fields of a CloudTrail record, as decoders do.
func BenchmarkPick(b *testing.B) {
	in := []byte(record)
	for name, unique := range map[string]bool{"any keys": false, "unique keys": true} {
		b.Run(name, func(b *testing.B) { pick(b, in, Scanner{Unique: unique}) })
	}
}

func pick(b *testing.B, in []byte, s Scanner) {
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s.Reset(in)
		s.Object()
		for s.Next() {
			switch string(s.Key) {
			case "eventName", "eventSource", "eventTime", "eventID", "sourceIPAddress", "userAgent", "recipientAccountId":
				n += len(s.Text())
			case "userIdentity":
				n += len(s.Field("accountId"))
			default:
				s.Skip()
			}
		}
	}
	if s.Err() != nil || n == 0 {
		b.Fatal(s.Err())
	}
}

// BenchmarkRaw skips a CloudTrail record and checks all of its keys.
func BenchmarkRaw(b *testing.B) {
	in := []byte(record)
	b.SetBytes(int64(len(in)))
	s := Scanner{Unique: true}
	for b.Loop() {
		s.Reset(in)
		if len(s.Raw()) == 0 {
			b.Fatal(s.Err())
		}
	}
}

// BenchmarkStandardLibrary picks the same fields with encoding/json.
func BenchmarkStandardLibrary(b *testing.B) {
	in := []byte(record)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		var r struct {
			EventName, EventSource, EventTime, EventID, SourceIPAddress, UserAgent, RecipientAccountID string
			UserIdentity                                                                               struct{ AccountID string }
		}
		if err := json.Unmarshal(in, &r); err != nil {
			b.Fatal(err)
		}
	}
}
