package alert

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/finding"
)

// headlined is a list of alerts with headlines and facts, two of them of one case.
func headlined() []Alert {
	at := time.Date(2026, 4, 17, 15, 44, 0, 0, time.UTC)
	list := []Alert{
		{ID: "314bb108aaaaaaaa", Case: "c2", Time: at, User: "ben.weber@acme.example", Severity: High, Score: 16.8, Title: "Downloaded 217 files"},
		{
			ID: "e9a0c430aaaaaaaa", Case: "c1", Time: at, User: "chen.kapoor@acme.example", Severity: Critical, Score: 12.2,
			Title: "Exported 467,568 Salesforce rows in 41 minutes, 25 days before leaving",
			Facts: []finding.Fact{
				{Kind: finding.FactUnusual, Text: "usual day 0 exports, peers 0"}, {Kind: finding.FactWho, Text: "leaves on 2026-05-12"},
				{Kind: finding.FactTo, Text: "from a network not seen before " + strings.Repeat("长", 60)},
			},
		},
		{
			ID: "dec11d4eaaaaaaaa", Case: "c1", Time: at.AddDate(0, 0, -20), User: "chen.kapoor@acme.example", Severity: Medium, Score: 8.3,
			Title: "Gave isabel.reddy@acme.example the right AdministratorAccess in AWS, for the whole of the organisation \x1b[31m",
		},
	}
	Rank(list)
	return list
}

// TestTable checks that lines fit, that severity comes before score, and that every alert of a case is named.
func TestTable(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		for _, ascii := range []bool{false, true} {
			var b bytes.Buffer
			if err := writeTable(&b, headlined(), Options{Width: width, ASCII: ascii}); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			for line := range strings.Lines(text) {
				if n := columns(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%d columns of %d: %s", n, width, line)
				}
			}
			if strings.ContainsAny(text, "\x1b") || ascii && strings.ContainsAny(text, "·…") != strings.Contains(text, "·[31m") {
				t.Errorf("ASCII %t: %s", ascii, text)
			}
			critical, high, also := strings.Index(text, "Exported 467,568"), strings.Index(text, "Downloaded 217"), strings.Index(text, "also 2026-03-28")
			if critical < 0 || also < critical || high < also || !strings.Contains(text, "(8.3, dec11d4e)") || !strings.Contains(text, "peers 0") {
				t.Errorf("width %d:\n%s", width, text)
			}
		}
	}
}

// TestWrapLong wraps texts without spaces in time, and never within a character.
func TestWrapLong(t *testing.T) {
	lines := wrap(strings.Repeat("é长", 200_000)+" end", 40)
	for _, l := range lines {
		if !utf8.ValidString(l) || columns(l) > 40 {
			t.Fatalf("%q", l)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "end") {
		t.Errorf("%q", last)
	}
}
