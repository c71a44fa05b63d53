package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/finding"
)

var (
	figure      = regexp.MustCompile(`[0-9][0-9,.]*[0-9]|[0-9]`)
	rowsSaid    = regexp.MustCompile(`([0-9](?:[0-9,]*[0-9])?) (?:Salesforce )?rows?\b`)
	exportsSaid = regexp.MustCompile(`([0-9](?:[0-9,]*[0-9])?) (?:Salesforce )?(?:exports|reports)\b`)
)

// TestFigures compares the figures of an alert wherever they are shown: in the alert, its text for channels, its
// receipt and explanation, the summary of the day and its chart, the person's days, the review, the digest, and
// the table and the page of a scan.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	dir := t.TempDir()
	state, page := filepath.Join(dir, "state"), filepath.Join(dir, "scan.html")
	shown := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if status := run(args, &stdout, &stderr); status != 0 {
			t.Fatalf("%v: exit status %d: %s", args, status, stderr.String())
		}
		return html.UnescapeString(stdout.String())
	}
	table := shown("scan", "--data", state, "--html", page, "../../examples/acme")
	list := figuresKept(t, state, 20)
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(a alert.Alert) bool { return a.Short() == "e9a0c430" })
	if at < 0 {
		t.Fatal("the export of the leaver raises no alert")
	}
	a := &list[at]
	short := func(text string) string { return strings.Join(strings.Fields(text), " ") } // lines are broken
	for name, text := range map[string]string{
		"channels": (&alert.Message{Alert: *a}).Text(), "table": table, "page of the scan": html.UnescapeString(string(written)),
		"explanation": shown("explain", "--data", state, a.ID),
		"review":      shown("report", "review", a.User, "--data", state, "--format", "md"),
	} {
		if !strings.Contains(short(text), strings.SplitN(a.Title, ",", 2)[0]) && !strings.Contains(short(text), "62,802") {
			t.Errorf("%s: not %q", name, a.Title)
		}
	}
	only(t, "channels", (&alert.Message{Alert: *a}).Text(), rowsSaid, "62,802")
	only(t, "review", shown("report", "review", a.User, "--data", state, "--format", "md"), rowsSaid, "62,802", "0")
	only(t, "review", shown("report", "review", a.User, "--data", state, "--format", "md"), exportsSaid, "40", "0", "27")
	only(t, "explanation", shown("explain", "--data", state, a.ID), rowsSaid, "62,802")
	only(t, "explanation", shown("explain", "--data", state, a.ID), exportsSaid, "40", "0", "27")
	only(t, "days", shown("report", "people", a.User, "--data", state), rowsSaid, "62,802", "12") // and 12 by queries, on another day
	for _, args := range [][]string{
		{"explain", "--data", state, a.ID}, {"report", "people", a.User, "--data", state},
		{"report", "review", a.User, "--data", state, "--format", "md"}, {"report", "review", a.User, "--data", state},
	} {
		if text := shown(args...); regexp.MustCompile(`554,?910`).MatchString(text) {
			t.Errorf("%v: rows are told that no log states", args)
		}
	}
}

// figuresKept compares the figures of the alerts that a scan has kept with the days of their people, and returns
// the alerts. At least some figures must be in more than one place.
func figuresKept(t *testing.T, state string, least int) []alert.Alert {
	t.Helper()
	store, err := alert.OpenStoreReadOnly(t.Context(), filepath.Join(state, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	list, err := store.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	compared := 0
	for i := range list {
		a := &list[i]
		if a.Health || a.Receipt == nil || a.Severity == alert.Informational {
			continue
		}
		days, err := store.Days(t.Context(), a.User, a.Time.AddDate(0, 0, -3), a.Time.AddDate(0, 0, 3))
		if err != nil {
			t.Fatal(err)
		}
		compared += sameFigures(t, a, days)
	}
	if compared < least {
		t.Errorf("only %d figures are in more than one place", compared)
	}
	return list
}

// TestFiguresOfWorlds compares figures in organisations of the generator, in each with the pages that show them.
func TestFiguresOfWorlds(t *testing.T) {
	long(t)
	t.Parallel()
	for _, families := range []string{"even", "odd"} {
		t.Run(families, func(t *testing.T) {
			dir := t.TempDir()
			exports, state := filepath.Join(dir, "exports"), filepath.Join(dir, "state")
			cmd := exec.Command("go", "run", "./bench/world", "-procedural", "-seed", "417", "-users", "40", "-days", "40", "-families", families,
				"-out", exports, "-truth", filepath.Join(dir, "truth"))
			cmd.Dir = filepath.Join("..", "..")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			page := filepath.Join(dir, "scan.html")
			var table, stderr bytes.Buffer
			if status := run([]string{"scan", "--data", state, "--html", page, exports}, &table, &stderr); status != 0 {
				t.Fatalf("exit status %d: %s", status, stderr.String())
			}
			written, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			daemon, config := folder(t, exports, servesFeed)
			d := serve(t, daemon, config)
			seen, told := d.everywhere(), d.reports(mostSevere(t, state))
			found := d.scanned(stderr.String(), map[string]string{"table": table.String(), "page of the scan": string(written)})
			if totals := d.entities(); seen < 500 || told < 20 || found < 100 || totals < 30 {
				t.Errorf("only few amounts are compared: %d served, %d reported, %d scanned, %d totals", seen, told, found, totals)
			}
			for _, a := range figuresKept(t, state, 10) {
				if a.Severity < alert.Medium || a.Health {
					continue
				}
				var text, errs bytes.Buffer
				if status := run([]string{"explain", "--data", state, a.ID}, &text, &errs); status != 0 {
					t.Errorf("explain %s: %d %s", a.Short(), status, errs.String())
				}
				for name, shown := range map[string]string{
					"channels": (&alert.Message{Alert: a}).Text(), "explanation": text.String(), "page of the scan": html.UnescapeString(string(written)),
				} {
					if !strings.Contains(strings.Join(strings.Fields(shown), " "), a.Title) {
						t.Errorf("%s: %s: not %q", name, a.Short(), a.Title)
					}
				}
			}
		})
	}
}

// mostSevere is the person with the alert of the highest score.
func mostSevere(t *testing.T, state string) (who string) {
	t.Helper()
	for _, a := range figuresKept(t, state, 0) {
		if who == "" && !a.Health && !a.Service {
			who = a.User
		}
	}
	return who
}

// dayOf is the index of the day that an alert is about: the first that ends after it. Days may have 23 hours.
func dayOf(a *alert.Alert, days []finding.Activity) (best int) {
	best = -1
	for i := range days {
		if end := days[i].End; end >= a.Time.UnixMilli()-1000 && (best < 0 || end < days[best].End) {
			best = i
		}
	}
	return best
}

// sameFigures compares the figures of an alert with its days and its receipt, and returns how many it compared.
func sameFigures(t *testing.T, a *alert.Alert, days []finding.Activity) (compared int) {
	t.Helper()
	title, _, _ := strings.Cut(a.Title, ", ") // qualifiers are in the context
	for _, n := range figure.FindAllString(title, -1) {
		if !slices.Contains(figure.FindAllString(a.Reason, -1), n) && !strings.Contains(a.Title, "…") && !strings.HasSuffix(title, " more") {
			t.Errorf("%s: %q, and %q", a.Short(), a.Title, a.Reason)
		}
	}
	for i := range a.Evidence {
		e := &a.Evidence[i]
		if e.Unit == "" || a.Service || e.Window == nil {
			continue
		}
		for j := range days {
			d := &days[j]
			if j != dayOf(a, days) {
				continue
			}
			for k := range d.Counts {
				x := &d.Counts[k]
				if x.Detector != e.Detector || x.Unit != e.Unit {
					continue
				}
				compared++
				if got, want := []float64{x.Told(), x.Usual, x.Peers}, []float64{e.Observed, e.Expected, e.Peers}; !slices.Equal(got, want) {
					t.Errorf("%s, %s: the alert has %v, its day %v", a.Short(), e.Unit, want, got)
				}
				if s := reports.AlertSeries(a, days); s != nil && s.Metric == x.Metric && e.Detector == a.Detector {
					if m := slices.IndexFunc(s.Days, func(d chart.Day) bool { return d.Marked }); m < 0 || s.Days[m].N != e.Observed {
						t.Errorf("%s: the chart does not have %g %s", a.Short(), e.Observed, e.Unit)
					}
				}
			}
		}
		for _, c := range a.Receipt.Counts {
			total := c.Total
			if c.Part {
				total = c.Stated
			}
			if c.Detector == e.Detector && c.Unit == e.Unit {
				compared++
				if fmt.Sprintf("%.1f", total) != fmt.Sprintf("%.1f", e.Observed) {
					t.Errorf("%s, %s: the alert has %g, its receipt %g", a.Short(), e.Unit, e.Observed, total)
				}
			}
		}
	}
	return compared
}

// only checks that a text has some figures of a kind and no others.
func only(t *testing.T, name, text string, kind *regexp.Regexp, allowed ...string) {
	t.Helper()
	found := kind.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Errorf("%s: no figure", name)
	}
	for _, m := range found {
		if !slices.Contains(allowed, m[1]) {
			t.Errorf("%s: %q, and not %v", name, m[0], allowed)
		}
	}
}
