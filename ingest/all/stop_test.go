package all_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/ingesttest"
)

// awsScenario asks all services of AWS. Nothing but a list of files is there.
const awsScenario = `All of AWS, as far as the first answers.
-- config --
base_url: "{{url}}"
region: eu-west-1
queue_url: "{{url}}/queue"
bucket: trail
verify: true
regions: [eu-west-1]
lookup: true
access_logs: access
-- POST /queue --

{}
-- POST / --
Content-Type: application/x-amz-json-1.1

{"Events":[]}
-- GET /trail --
Content-Type: application/xml

<ListBucketResult><Name>b</Name><CommonPrefixes><Prefix>AWSLogs/111122223333/</Prefix></CommonPrefixes></ListBucketResult>
-- GET /access --
Content-Type: application/xml

<ListBucketResult><Name>b</Name><Contents><Key>2026-03-02-10-00-00-AAAA</Key><Size>10</Size></Contents></ListBucketResult>
-- GET /access/2026-03-02-10-00-00-AAAA --
Content-Type: text/plain

79a5 access [02/Mar/2026:10:00:00 +0000] 192.0.2.3 79a5 3E57427F3EXAMPLE REST.GET.OBJECT report.pdf ` +
	`"GET /access/report.pdf HTTP/1.1" 200 - 113 113 7 6 "-" "S3Console/0.4" ` +
	`- id SigV4 ECDHE AuthHeader access.s3.eu-west-1.amazonaws.com TLSv1.2
`

// TestStop stops every source that is an API while its vendor keeps it waiting.
func TestStop(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("OUTFLOW_TEST_ACCOUNT", ingesttest.GoogleAccount(t))
	for _, kind := range all.Kinds {
		switch kind.Name {
		case "hr_csv", "push", "kafka": // they ask nobody, or do not over HTTP
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			ar := txtar.Parse([]byte(awsScenario))
			if kind.Name != "aws_cloudtrail" {
				found, err := filepath.Glob("../*/testdata/api/" + kind.Name + ".txtar")
				if err != nil || len(found) != 1 {
					t.Fatal("no scenario testdata/api/"+kind.Name+".txtar", err)
				}
				if ar, err = txtar.ParseFile(found[0]); err != nil {
					t.Fatal(err)
				}
			}
			ingesttest.Stops(t, ingesttest.NewScenario(t, kind, ar, all.Formats, all.Tables))
		})
	}
}
