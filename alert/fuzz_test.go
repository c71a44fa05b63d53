package alert

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// hostileTexts are seeds that try to break out of some format.
var hostileTexts = []string{
	"", "plain", "a\"b'c", "=HYPERLINK(\"https://evil.example\")", "\r\nid,time\r\n", "\x1b[31mred\x1b[0m",
	"\u202etxt.exe", "\xff\xfe", "<script>alert(1)</script>", "-1+1", "\t@SUM(A1)", "{\"id\":\"x\"}",
	"\u2028\u2029", "\x00",
}

// written is an alert with an attacker's text in every field that comes from outside.
func written(text string) Alert {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	a := Sample(at)
	a.User, a.Reason, a.Department, a.Unit = text, "downloaded "+text, text, text
	a.Context, a.EventIDs, a.Sources = []string{text}, []string{text, "second"}, []string{"box", text}
	a.Exposures = []Exposure{{What: text, Opened: at, Closed: &at, By: text}}
	a.Evidence[0].Reason, a.Evidence[0].Unit = text, text
	return a
}

// FuzzWriters asserts that an attacker's text stays data in every format: the output is parsed
// as the same number of alerts, with the same text.
func FuzzWriters(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := []Alert{written(text), written("second")}
		list[1].ID, list[1].Case = "f"+list[1].ID[1:], "f"+list[1].Case[1:]
		valid := strings.Map(func(c rune) rune { return c }, text) // as encoding/json writes it: U+FFFD for every byte that is no text
		out := map[string]string{}
		for name, write := range Formats {
			var b bytes.Buffer
			if err := write(&b, list, Options{Version: "test", Width: 80}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out[name] = b.String()
		}
		var back []Alert
		if err := json.Unmarshal([]byte(out["json"]), &back); err != nil || len(back) != 2 || back[0].User != valid ||
			back[0].Exposures[0].By != valid || back[1].User != "second" {
			t.Errorf("json: %v\n%s", err, out["json"])
		}
		lines := strings.Split(strings.TrimSuffix(out["ndjson"], "\n"), "\n")
		if len(lines) != 2 {
			t.Errorf("ndjson: %d lines\n%s", len(lines), out["ndjson"])
		}
		for _, line := range lines {
			var a Alert
			if err := json.Unmarshal([]byte(line), &a); err != nil || a.User != valid && a.User != "second" {
				t.Errorf("ndjson: %v\n%s", err, line)
			}
		}
		findings(t, out["ocsf"], valid)
		cells(t, out["csv"], text)
		for _, c := range out["table"] {
			if c != '\n' && plain.Disturbs(c) {
				t.Errorf("table: %q\n%q", c, out["table"])
			}
		}
		if n := strings.Count(out["table"], "low "); n < 2 {
			t.Errorf("table: %d entries\n%s", n, out["table"])
		}
	})
}

// findings reads OCSF: one finding a line.
func findings(t *testing.T, out, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 2 {
		t.Errorf("ocsf: %d lines\n%s", len(lines), out)
	}
	for i, line := range lines {
		var v struct {
			ClassUID  int `json:"class_uid"`
			Evidences []struct {
				Actor struct{ User struct{ Name string } }
			}
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.ClassUID != 2004 ||
			i == 0 && (len(v.Evidences) == 0 || v.Evidences[0].Actor.User.Name != text) {
			t.Errorf("ocsf: %v\n%s", err, line)
		}
	}
}

// cells reads CSV: as many rows as alerts, no cell that a spreadsheet takes for a formula.
func cells(t *testing.T, out, text string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Errorf("csv: %d rows, %v\n%s", len(rows), err, out)
		return
	}
	if got, want := strings.TrimPrefix(rows[1][slices.Index(rows[0], "user")], "'"), strings.TrimPrefix(printable(text), "'"); got != want {
		t.Errorf("csv: the user is %q, want %q", got, want)
	}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r＝＋－＠") == 0 {
				t.Errorf("csv: a spreadsheet takes %q for a formula", cell)
			}
			if strings.ContainsFunc(cell, plain.Disturbs) {
				t.Errorf("csv: %q", cell)
			}
		}
	}
}

// FuzzCorrelator asserts that a damaged checkpoint is an error, and that one that is accepted
// can be used without a panic.
func FuzzCorrelator(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"e1":{"Revision":1,"Findings":[{"ID":"1","Episode":"e1","Detector":"bulk_download",` +
		`"Title":"Bulk download","Person":"kim@acme.example","Risk":3,"Points":3,` +
		`"Time":1772452800000,"Until":1772496000000,"Events":2,"Exposures":[{"What":"x","Opened":1}]}],` +
		`"Undone":[{"What":"x","Opened":1,"Closed":2}]}}`))
	f.Add([]byte(`{"Open":{"e1":{"Revision":1,"Findings":[{"ID":"1","Episode":"e1","Title":"T","Person":"kim","Risk":1}]}},` +
		`"Tail":{"kim":{"Time":"2026-03-02T12:00:00Z","Case":"e0","Cases":{"e1":"e0"}}}}`))
	f.Add([]byte(`{"e1":null}`))
	f.Add([]byte(`{"e1":{"Findings":[null]}}`))
	f.Add([]byte(`{"Open":{"e1":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		use := func(d *Correlator) {
			d.AdvanceWatermark(1772496000000)
			d.Updates()
			d.Alerts()
			if _, err := d.BatchSnapshot(1772452800000); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
			d.Prune(1772496000000)
			d.Alerts()
		}
		if d, err := restoreBatch(b, []Alert{Sample(time.Unix(0, 0))}); err == nil {
			use(d)
		}
		if d, err := restored(b); err == nil {
			use(d)
		}
		if merged, err := MergeCheckpoints([][]byte{b, b}, func(int, string) bool { return true }); err == nil {
			if _, err := restored(merged); err != nil {
				t.Errorf("what was merged cannot be read: %v", err)
			}
		}
		if rest, err := EraseFromState(b, "kim"); err == nil && bytes.Contains(rest, []byte(`"Person":"kim"`)) {
			t.Errorf("the person is still in it: %s", rest)
		}
	})
}

// FuzzMask puts a name into texts, in every form that an address spells: none is left. Ids of alerts come back.
func FuzzMask(f *testing.F) {
	for _, text := range []string{
		"budget", "", "İ", "\xff", "…", "@acme.example", "%20", "a@b.example/", "P-ABCDEFGHJK", "chen@", "0123456789abcdef", "jane", "doe…",
	} {
		f.Add(text, text)
		f.Add("files of", text)
	}
	m := NewMask([]byte("key"), "soc", func(d string) bool { return d == "acme.example" })
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, name := range []string{
			"jane.roe@acme.example", "Jane Roe", "roe, jane", "JANE_ROE", "janeroe", "jane%20roe", "Jane\u0301 Roe", "jane.roe",
		} {
			text := before + "\n" + name + "\n" + after
			got := m.Text(text, "jane.roe@acme.example")
			if !strings.Contains(got, m.Name("jane.roe@acme.example")) || strings.Count(strings.ToLower(got), name) > strings.Count(
				strings.ToLower(before+"\n"+after), name) {
				t.Errorf("%q becomes %q", text, got)
			}
		}
		if id := m.ID(before); m.RealID(id) != before {
			t.Errorf("%q becomes %q and %q", before, id, m.RealID(id))
		}
	})
}

// BenchmarkMask measures the masking of 200 items that name nobody.
func BenchmarkMask(b *testing.B) {
	a := written("downloads")
	a.User = "jane.doe@acme.example"
	for i := range 200 {
		a.Evidence[0].Items = append(a.Evidence[0].Items, Item{
			Time: a.Time, Source: "box", Activity: "download", Action: "DOWNLOAD", Recipients: []string{"partner@elsewhere.example"},
			Object: Object{Name: fmt.Sprintf("Report %d.xlsx", i), ID: fmt.Sprint(i), Container: "Projects", Type: "file"},
			Client: Client{IP: "203.0.113.7", Device: "laptop", App: "Sync"},
		})
	}
	m := NewMask([]byte("key"), "soc", func(domain string) bool { return domain == "acme.example" })
	for b.Loop() {
		m.Alert(&a)
	}
}
