package files_test

import (
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/files/gunzip"
	"github.com/outflow/outflow/internal/event"
)

// BenchmarkInflate compares the gzip readers on a delivery of the example.
func BenchmarkInflate(b *testing.B) {
	found, _ := files.Find([]string{filepath.Join("..", "..", "examples", "acme", "cloudtrail")})
	largest := files.File{}
	for _, f := range found {
		if f.Size > largest.Size {
			largest = f
		}
	}
	packed, err := os.ReadFile(largest.Path)
	if err != nil {
		b.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		b.Fatal(err)
	}
	plain, err := io.Copy(io.Discard, r)
	if err != nil {
		b.Fatal(err)
	}
	for name, open := range map[string]func(io.Reader) (io.Reader, error){
		"gunzip": func(r io.Reader) (io.Reader, error) {
			z := new(gunzip.Reader)
			return z, z.Reset(bufio.NewReaderSize(r, 64<<10))
		},
		"klauspost": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"standard":  func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(plain)
			for b.Loop() {
				r, err := open(bytes.NewReader(packed))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEnvelopes compares bare records with the same ones in envelopes.
func BenchmarkEnvelopes(b *testing.B) {
	var records []string
	for i := range 2_000 {
		records = append(records, fmt.Sprintf(benchRecord, i%60, i, i))
	}
	join := func(before, between, after string, encode func(string) string) string {
		var s strings.Builder
		for i, r := range records {
			if i%1000 == 0 {
				s.WriteString(before)
			} else {
				s.WriteString(between)
			}
			s.WriteString(encode(r))
			if i%1000 == 999 {
				s.WriteString(after)
			}
		}
		return s.String()
	}
	same := func(r string) string { return r }
	for _, c := range []struct{ name, content string }{
		{"bare lines", join("", "\n", "\n", same)},
		{"bare page", join(`{"Records":[`, ",", "]}\n", same)},
		{"CloudWatch Logs subscription", join(`{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s",`+
			`"subscriptionFilters":["all"],"logEvents":[`, ",", "]}", func(r string) string {
			return `{"id":"30000000000000000000000000000000000000000000000000000000","timestamp":1770742800000,"message":` + quote(r) + `}`
		})},
		{"CloudWatch Logs export", join("2026-03-02T08:00:01.000Z ", "\n2026-03-02T08:00:01.000Z ", "\n", same)},
		{"OCSF", join("", "\n", "\n", func(string) string {
			return `{"class_uid":6003,` + ocsfTrail + ocsfUser + `"api":{"operation":"GetObject","service":{"name":"s3.amazonaws.com"},` +
				`"request":{"uid":"r","data":"{\"bucketName\":\"plans\"}"}},"unmapped":{"recipientAccountId":"111122223333"}}`
		})},
		{"Elasticsearch", join("", "\n", "\n", func(r string) string {
			return `{"_index":"logs-aws.cloudtrail-default","_id":"0","_source":{"@timestamp":"2026-03-02T08:00:01Z",` +
				`"event":{"dataset":"aws.cloudtrail","original":` + quote(r) + `}}}`
		})},
	} {
		b.Run(c.name, func(b *testing.B) {
			events := 0
			r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: func(int) func(*event.Event) error {
				return func(*event.Event) error { events++; return nil }
			}}
			for b.Loop() {
				if _, err := r.Stream(b.Context(), "x", strings.NewReader(c.content)); err != nil {
					b.Fatal(err)
				}
			}
			if events < len(records) {
				b.Fatal(events, " events")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/record")
		})
	}
}

// benchRecord is a record of the usual size.
const benchRecord = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:kim.%02d@acme.example",` +
	`"arn":"arn:aws:sts::111122223333:assumed-role/Analyst/kim@acme.example","accountId":"111122223333",` +
	`"accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE",` +
	`"arn":"arn:aws:iam::111122223333:role/Analyst","accountId":"111122223333","userName":"Analyst"},` +
	`"attributes":{"creationDate":"2026-03-02T08:00:00Z","mfaAuthenticated":"false"}}},"eventTime":"2026-03-02T08:15:00Z",` +
	`"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7",` +
	`"userAgent":"[aws-cli/2.15 Python/3.11]","requestParameters":{"bucketName":"acme-finance",` +
	`"Host":"acme-finance.s3.eu-west-1.amazonaws.com","key":"2026/q1/part-%05d.parquet"},"responseElements":null,` +
	`"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,` +
	`"AuthenticationMethod":"AuthHeader","x-amz-id-2":"abc","bytesTransferredOut":1048576},"requestID":"R1EXAMPLE",` +
	`"eventID":"0b1f6c1e-0000-4000-8000-%012d","readOnly":true,"resources":[{"type":"AWS::S3::Object",` +
	`"ARN":"arn:aws:s3:::acme-finance/2026/q1/part.parquet"},{"accountId":"111122223333","type":"AWS::S3::Bucket",` +
	`"ARN":"arn:aws:s3:::acme-finance"}],"eventType":"AwsApiCall","managementEvent":false,` +
	`"recipientAccountId":"111122223333","eventCategory":"Data","tlsDetails":{"tlsVersion":"TLSv1.3",` +
	`"cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"acme-finance.s3.eu-west-1.amazonaws.com"}}`
