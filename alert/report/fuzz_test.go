package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/plain"
)

// special are unescaped characters that have a meaning in Markdown or HTML.
var special = regexp.MustCompile("(?:^|[^\\\\])(?:\\\\\\\\)*[`*_\\[\\]<>#|]")

// FuzzReports asserts that an attacker's text adds neither markup nor lines nor parts to a
// report: each format has the same structure, whatever the text.
func FuzzReports(f *testing.F) {
	for _, s := range []string{
		"", "plain", alerttest.Hostile, `" data-part="left"`, "<!-- part: left -->", "\n- forged\n",
		"**b** _i_ `c`", "</td><td>", "\\", "\\\\*", "\xff", "\u2028", "\x00\x1b",
	} {
		f.Add(s, s, s)
	}
	usual := written(f, "", "", "")
	f.Fuzz(func(t *testing.T, user, reason, what string) {
		for name, text := range written(t, user, reason, what) {
			want := usual[name]
			if strings.HasSuffix(name, "json") {
				if !json.Valid([]byte(text)) {
					t.Errorf("%s: %s", name, text)
				}
				continue
			}
			if strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && plain.Disturbs(c) }) {
				t.Errorf("%s: it disturbs: %q", name, text)
			}
			if a, b := strings.Count(text, "\n"), strings.Count(want, "\n"); a != b {
				t.Errorf("%s: %d lines, want %d\n%s", name, a, b, text)
			}
			if a, b := names(parts([]byte(text))), names(parts([]byte(want))); !slices.Equal(a, b) {
				t.Errorf("%s: parts %v, want %v", name, a, b)
			}
			if strings.HasSuffix(name, "html") {
				for _, mark := range []string{"<", ">", `"`} {
					if a, b := strings.Count(text, mark), strings.Count(want, mark); a != b {
						t.Errorf("%s: %d times %s, want %d\n%s", name, a, mark, b, text)
					}
				}
			}
			if strings.HasSuffix(name, "md") {
				if a, b := len(special.FindAllString(text, -1)), len(special.FindAllString(want, -1)); a != b {
					t.Errorf("%s: %d marks, want %d\n%s", name, a, b, text)
				}
			}
		}
	})
}

func names(list []Part) (out []string) {
	for _, p := range list {
		out = append(out, p.Name)
	}
	return out
}

// written are the reports about one user, by kind and format.
func written(t testing.TB, who, reason, what string) map[string]string {
	who = "kim" + strings.ToLower(who)
	a := at(notice.AddDate(0, 0, 5), alert.High)
	b := at(last.AddDate(0, 0, 5), alert.Critical)
	for _, x := range []*alert.Alert{&a, &b} {
		x.User, x.Reason, x.Unit = who, "read "+reason, "files"
		x.Evidence[0].Reason = "read " + reason
		x.Exposures = []alert.Exposure{{What: "the file " + what, Opened: x.Time, By: who, Detector: "public_link"}}
	}
	in := input(a, b)
	in.Leavers[0].User = who
	in.Failing = []Unseen{{What: "source " + what, Why: "because " + reason}}
	out := map[string]string{}
	review := MakeReview(in, who, time.Time{}, time.Time{})
	for _, format := range []string{"html", "md", "json"} {
		var buf bytes.Buffer
		if err := review.Write(&buf, format); err != nil {
			t.Fatal(err)
		}
		out["review."+format] = buf.String()
	}
	_, monday := WeekOf(a.Time)
	digest := MakeDigest(in, monday, Triage{Overflow: 1})
	owners := MakeOwners(in, "")
	if len(owners) != 1 {
		t.Fatalf("%d owners", len(owners))
	}
	for _, format := range []string{"html", "text", "json"} {
		var d, o bytes.Buffer
		if err := digest.Write(&d, format); err != nil {
			t.Fatal(err)
		}
		if err := owners[0].Write(&o, format); err != nil {
			t.Fatal(err)
		}
		out["digest."+format], out["owner."+format] = d.String(), o.String()
	}
	return out
}
