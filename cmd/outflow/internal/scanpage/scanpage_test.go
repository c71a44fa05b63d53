package scanpage

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'{{.}}` + "\x1b[31m\u202egnp.exe"

var day = time.Date(2026, 4, 17, 15, 44, 0, 0, time.UTC)

// input is a scan with alerts of n people, each with as many items of evidence.
func input(n, items int) *Input {
	in := &Input{
		Result: &batch.Result{
			Coverage: batch.NewCoverage(1, []string{"exports"}), First: day.AddDate(0, -1, 0), Latest: day.AddDate(0, 0, 3),
			Leavers: []finding.Leaver{{User: "chen.kapoor@acme.example", LastDay: day.AddDate(0, 0, 25).UnixMilli()}},
		},
		Gaps: doctor.DiagnoseClasses(func(s event.Source, _ event.Class) bool { return s == event.Box }),
		Made: day, Version: "1.0", Hidden: "3 more below medium (use --all)",
		Days: func(user string) []finding.Activity {
			if user != "chen.kapoor@acme.example" {
				return nil
			}
			end := day.Add(12 * time.Hour).UnixMilli()
			amount := finding.Amount{Detector: "bulk_download", Metric: "files", Unit: "files " + hostile, N: 17, Usual: .7, Peers: .9}
			before := finding.Amount{Detector: "bulk_download", Metric: "files", Unit: "files", N: 1, Usual: .7}
			return []finding.Activity{
				{User: user, End: end - event.Day, Risk: 1, Counts: []finding.Amount{before}},
				{User: user, End: end, Risk: 12, Counts: []finding.Amount{amount}},
			}
		},
	}
	for i := range n {
		user := fmt.Sprintf("person%d@acme.example", i)
		if i == 0 {
			user = "chen.kapoor@acme.example"
		}
		e := alert.Evidence{Detector: "bulk_download", Title: "Bulk download", Observed: 17, Unit: "files", Events: items + 5, Unlisted: 5,
			Reason: hostile, Destinations: []alert.Destination{{Name: hostile, Events: 2}, {Name: "*", Events: 1}}}
		for k := range items {
			e.Items = append(e.Items, alert.Item{
				Time: day.Add(time.Duration(k) * time.Second), Source: "box", Activity: "download", Rows: -1, Visibility: "public_link", First: k == 0,
				Object:     alert.Object{Name: strings.Repeat(hostile, 40), Container: hostile, Size: 12_345, URL: "javascript:alert(1)"},
				Recipients: []string{hostile, "a@b.example", "c@d.example", "e@f.example"}, Client: alert.Client{IP: "203.0.113.7", Agent: hostile},
			})
		}
		in.Alerts = append(in.Alerts, alert.Alert{
			ID: fmt.Sprintf("%016x", i+1), Case: fmt.Sprint(i), Time: day, User: user, Detector: "bulk_download", Severity: alert.Critical,
			Score: 12, Title: "Downloaded 17 files " + hostile, Reason: "downloaded " + hostile, EventCount: items, Sources: []string{"box"},
			Facts:     []finding.Fact{{Kind: finding.FactUnusual, Text: "usual day 0.7 files, peers 0.9"}, {Kind: finding.FactWho, Text: hostile}},
			Evidence:  []alert.Evidence{e},
			Exposures: []alert.Exposure{{What: "the folder " + hostile, Opened: day.Add(time.Duration(i) * time.Minute)}},
		})
	}
	return in
}

func write(t *testing.T, in *Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	element = regexp.MustCompile(`<(script|style)>([^<]*)</`)
	loads   = regexp.MustCompile(`(?i)<(link|iframe|object|embed|base|form|img|video|audio)\b|\ssrc=|\sstyle=|\son[a-z]+=|@import|url\(`)
)

// TestWrite checks that hostile texts stay texts, that nothing is loaded, and that the policy allows the
// style and the script of the page and nothing else.
func TestWrite(t *testing.T) {
	page := write(t, input(3, 4))
	for _, bad := range []string{"\x1b", "\u202e", "<script>alert", "<img", "javascript:alert", "ZgotmplZ<"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	text := regexp.MustCompile(`&#34;&gt;&lt;script&gt;[^<]*`).ReplaceAllString(page, "")
	if got := loads.FindString(text); got != "" {
		t.Errorf("%q is in the page", got)
	}
	parts := element.FindAllStringSubmatch(page, -1)
	if len(parts) != 2 || strings.Count(page, "<script") != 1 || strings.Count(page, "<style") != 1 {
		t.Fatalf("%d elements", len(parts))
	}
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p[2]))
		policy := p[1] + "-src &#39;sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "&#39;"
		if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), policy) {
			t.Errorf("the policy lacks %s", policy)
		}
	}
	for _, want := range []string{
		"default-src &#39;none&#39;", "17 files", "usual day 0.7 files, peers 0.9", `class="d-mark"`, "5 further events not listed", "anyone with the link",
		"What to do", "Ask what the files were for", "first time", "2026-05-12", "Still open", "detectors see", "Not shown: 3 more below medium", "1 more",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestPseudonyms names nobody of the organisation.
func TestPseudonyms(t *testing.T) {
	in := input(3, 2)
	in.Alerts[1].Reason = "shared with person2@acme.example"
	in.Alerts[1].Evidence[0].Items[0].Recipients = []string{"person2@acme.example", "x@rival.example"}
	in.Mask = alert.NewMask(make([]byte, 32), "soc", func(d string) bool { return d == "acme.example" })
	page := write(t, in)
	if got := regexp.MustCompile(`[\w.]*@acme\.example`).FindString(page); got != "" || strings.Contains(strings.ToLower(page), "kapoor") {
		t.Errorf("%q is in the page", got)
	}
	if !strings.Contains(page, in.Mask.Name("chen.kapoor@acme.example")) || !strings.Contains(page, "x@rival.example") {
		t.Error("a pseudonym, or somebody outside, is missing")
	}
}

// TestBounded writes the page of a scan with far more than anybody reads: it stays small, and says so.
func TestBounded(t *testing.T) {
	page := write(t, input(1000, alert.MaxItems))
	if n := len(page); n > 16<<20 {
		t.Errorf("%d bytes", n)
	}
	for _, want := range []string{"800 alerts are left out", "items of evidence are left out", "exposures are left out", "people are left out"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say: %s", want)
		}
	}
	none := &Input{Result: &batch.Result{Coverage: batch.NewCoverage(1, nil)}, Days: func(string) []finding.Activity { return nil }}
	if page := write(t, none); !strings.Contains(page, "No alerts.") {
		t.Error("an empty scan")
	}
}
