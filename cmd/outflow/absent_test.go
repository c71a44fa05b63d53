package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// reads is what one account reads of an object store from a day on: a few objects a day, and
// many on the last one.
func reads(t *testing.T, days, many int) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	n := 0
	read := func(at time.Time) {
		n++
		fmt.Fprintf(&b, `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/dana.ruiz","accountId":"111122223333","userName":"dana.ruiz"},"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data","eventTime":%q,"eventID":"0f6e1d2c-3b4a-4958-8776-%012d","requestParameters":{"bucketName":"data","key":"daily/%d"},"additionalEventData":{"bytesTransferredOut":1500000}}`+"\n", at.UTC().Format(time.RFC3339), n, n)
	}
	first := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
	for d := range days {
		for i := range 3 {
			read(first.AddDate(0, 0, d).Add(time.Duration(i) * time.Minute))
		}
	}
	for i := range many {
		read(first.AddDate(0, 0, days-1).Add(time.Hour + time.Duration(i)*20*time.Millisecond))
	}
	if err := os.WriteFile(filepath.Join(dir, "trail.ndjson"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAbsent asks every command that answers about people, with inputs that may be absent:
// each ends without an error, or with one that is clear, and says nothing that it does not
// know.
func TestAbsent(t *testing.T) {
	long(t)
	t.Parallel()
	const acme = "../../examples/acme"
	entries, err := os.ReadDir(acme)
	if err != nil {
		t.Fatal(err)
	}
	var vendors []string
	cases := map[string][]string{}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "hr" {
			vendors = append(vendors, filepath.Join(acme, e.Name()))
			cases[e.Name()+" alone"] = []string{filepath.Join(acme, e.Name())}
		}
	}
	if len(vendors) < 8 {
		t.Fatal(vendors)
	}
	staff := func(rows string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one := vendors[slices.IndexFunc(vendors, func(v string) bool { return strings.HasSuffix(v, "box") })]
	cases["one person"] = []string{reads(t, 30, 0)}
	cases["one person who takes much"] = []string{reads(t, 30, 1200)}
	cases["one day"] = []string{reads(t, 1, 1200)}
	cases["no departments, no leavers"] = []string{one, staff("EmailAddress,DisplayName\nchen.kapoor@acme.example,Chen Kapoor\nnew.hire@acme.example,New Hire\n")}
	cases["HR alone"] = []string{filepath.Join(acme, "hr")}
	for name, paths := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			absent(t, name, paths)
		})
	}
	t.Run("no HR", func(t *testing.T) {
		code, said, errs := outflow(append([]string{"doctor"}, vendors...)...)
		if code == exitUsage || !strings.Contains(said, "no people file") || !strings.Contains(said, "a file of leavers") {
			t.Errorf("%d %s %s", code, said, errs)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		for _, args := range [][]string{{"scan"}, {"scan", "--data", filepath.Join(t.TempDir(), "x")}, {"doctor"}} {
			code, said, errs := outflow(append(args, t.TempDir())...)
			if code == exitFine || said != "" || !strings.Contains(errs, "no files") {
				t.Errorf("%v: %d %s %s", args, code, said, errs)
			}
		}
		for _, args := range [][]string{
			{"report", "digest"}, {"report", "review", "a@b.example"}, {"explain", "00000000"},
			{"privacy", "export", "a@b.example"},
		} {
			if code, said, errs := outflow(append(args, "--data", t.TempDir())...); code == exitFine || said != "" || !strings.Contains(errs, "--data") {
				t.Errorf("%v: %d %s %s", args, code, said, errs)
			}
		}
	})
}

// person finds somebody in the text of alerts.
var person = regexp.MustCompile(`[a-z0-9.]+@acme\.example|aws:[0-9]+:user/[a-z.]+`)

func absent(t *testing.T, name string, paths []string) {
	state := filepath.Join(t.TempDir(), "state")
	code, table, errs := outflow(append([]string{"scan", "--all"}, paths...)...)
	if code == exitUsage || code == exitFailed && !strings.Contains(errs, "not whole") && !strings.Contains(errs, "recognised") && !strings.Contains(errs, "malformed") {
		t.Fatalf("scan: %d %s", code, errs)
	}
	alone := len(paths) == 1
	if alone && strings.Contains(table, "other sources go on") || strings.Contains(table, "NaN") || strings.Contains(table, "Inf") {
		t.Error(table)
	}
	if strings.HasPrefix(name, "one") {
		if strings.Contains(table, "peers") || strings.Contains(table, "colleagues") && !strings.Contains(table, "no colleagues are known") {
			t.Errorf("there are no peers: %s", table)
		}
		if !strings.Contains(errs, "There is no baseline for counts yet") {
			t.Errorf("scan does not say what it did not judge: %s", errs)
		}
	}
	if name == "one day" || name == "one person who takes much" {
		if !strings.Contains(table, "little is") || !strings.Contains(table, "1,2") {
			t.Errorf("a blatant act is not told: %s", table)
		}
	}
	if name == "HR alone" && !strings.Contains(table, "there is nothing to score") {
		t.Error(table)
	}
	if code, _, errs := outflow(append([]string{"scan", "--data", state}, paths...)...); code == exitUsage {
		t.Fatalf("scan --data: %d %s", code, errs)
	}
	for _, format := range []string{"text", "json", "html"} {
		code, digest, errs := outflow("report", "digest", "--data", state, "--format", format)
		if code != exitFine || strings.Contains(digest, "NaN") || format == "text" && !strings.Contains(digest, "There is") {
			t.Errorf("digest: %d %s %s", code, digest, errs)
		}
		if strings.Contains(digest, "all sources deliver") && strings.HasPrefix(name, "one") {
			t.Error(digest)
		}
	}
	who := "chen.kapoor@acme.example"
	if p := person.FindString(table); p != "" && name != "HR alone" {
		who = p
	}
	var review struct {
		Verdict  string
		Coverage struct {
			Known    bool
			Unjudged []struct{ What, Why string }
		}
	}
	code, said, errs := outflow("report", "review", who, "--data", state, "--format", "json")
	if strings.HasPrefix(name, "one person") && !strings.Contains(table, "aws:") {
		who = "dana.ruiz"
		code, said, errs = outflow("report", "review", who, "--data", state, "--format", "json")
	}
	if err := json.Unmarshal([]byte(said), &review); code != exitFine || err != nil {
		t.Fatalf("review of %s: %d %s %s", who, code, said, errs)
	}
	if len(review.Coverage.Unjudged) == 0 || !review.Coverage.Known && name != "HR alone" {
		t.Errorf("review of %s: %+v", who, review)
	}
	if strings.HasPrefix(name, "one") && review.Verdict == "nothing_unusual" || name == "HR alone" && review.Verdict != "not_enough_data" {
		t.Errorf("review of %s: %s", who, review.Verdict)
	}
	if strings.HasSuffix(name, "no leavers") || strings.HasSuffix(name, " alone") && name != "HR alone" {
		if !strings.Contains(said, "no file of HR says who leaves") {
			t.Errorf("%s", said)
		}
	}
	if name == "no departments, no leavers" {
		if _, said, _ := outflow("report", "review", "New Hire", "--data", state, "--format", "json"); !strings.Contains(said, `"no_activity"`) && !strings.Contains(said, `"not_enough_data"`) {
			t.Error(said)
		}
	}
	if code, said, errs := outflow(append([]string{"doctor"}, paths...)...); code == exitUsage || name == "no departments, no leavers" && !strings.Contains(said, "names no departments") || strings.HasPrefix(name, "one") && !strings.Contains(said, "counts are scored from 50 user-days on") {
		t.Errorf("doctor: %d %s %s", code, said, errs)
	}
	for _, id := range regexp.MustCompile(`(?m)  ([0-9a-f]{8})$`).FindAllStringSubmatch(table, 5) {
		if code, said, errs := outflow("explain", "--data", state, id[1]); code != exitFine || strings.Contains(said, "DOES NOT MATCH") || strings.Contains(said, "NaN") {
			t.Errorf("explain %s: %d %s %s", id[1], code, said, errs)
		}
	}
}
