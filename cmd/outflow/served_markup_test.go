package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/outflow/outflow/alert/feed"
)

// markup are texts that would be elements, attributes, scripts or links of a page that does not escape them.
var markup = []string{
	`<script>pwn()</script>`, `"><img src=x onerror="pwn()">`, `';pwn();//`, `<svg/onload=pwn()>`, `{{.Who}}<b>`, `</style><script>pwn()</script>`,
	`</title><script>pwn()</script>`, `]]><script>pwn()</script>`, `<!--<script>pwn()`, `--><script>pwn()</script>`, `</textarea><script>pwn()</script>`,
	`<iframe src=//evil.test>`, `<meta http-equiv=refresh content=0;url=//evil.test>`, `<base href=//evil.test/>`, `<a href=javascript:pwn()>x</a>`,
	`<math><mi//xlink:href="data:x,<script>1</script>">`, `" autofocus onfocus="pwn()`, `' onmouseover='pwn()`, "`onclick=pwn()`<i>",
	`</select><img src=x onerror=pwn()>`, `<input autofocus onfocus=pwn()>`, `<details open ontoggle=pwn()>`, `<form action=//evil.test><button>x`,
	`</svg><script>pwn()</script>`, `<link rel=stylesheet href=//evil.test>`, `<object data=//evil.test>`, `<template><script>pwn()</script>`,
	`<noscript><p title="</noscript><img src=x onerror=pwn()>">`,
}

// tricks are texts that other outputs would take for more than text: formulas of spreadsheets, escapes of terminals, marks of direction,
// mentions and links of chats, lines of protocols.
var tricks = []string{
	`=HYPERLINK("//evil.test")`, `+1+cmd|' /C calc'!A0`, `-2+3`, `@SUM(A1)`, "\t=1+1", "\x1b[31mred", "\x1b]0;title\x07", "\u009b31m", "abc\u202ecod.exe", "a\u2066b\rc",
	`<!here>`, `<!channel>`, `<@U024BE7LH>`, `<https://evil.test|login>`, `[login](https://evil.test)`, `![x](https://evil.test/x.png)`, `{noformat}[~admin]`,
	`[login|https://evil.test]`, "a\n\nBcc: x@evil.test", "a\r\n.\r\nMAIL FROM:<x@evil.test>", "a\n<13>1 - - evil - - -", `a|b=c\d`, "a\n\nevent: gone\ndata: {}",
}

// hostile adds exports and files of HR to the example, in which a leaver and files, folders, services, addresses and devices
// have markup as their names.
func hostile(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "exports")
	if err := os.CopyFS(dir, os.DirFS(acme)); err != nil {
		t.Fatal(err)
	}
	var box, okta strings.Builder
	type fields = map[string]any
	texts := slices.Concat(markup, tricks)
	for i := range 4 * len(texts) {
		x, at := texts[i%len(texts)], fmt.Sprintf("2026-04-17T10:%02d:%02d-00:00", i/60, i%60)
		who := fields{"type": "user", "id": "666", "name": x, "login": "mallory@acme.example"}
		record := fields{
			"type": "event", "event_id": fmt.Sprintf("evil-%d", i), "created_by": who, "created_at": at, "event_type": "DOWNLOAD", "ip_address": "203.0.113.9",
			"source": fields{
				"item_type": "file", "item_id": fmt.Sprint(9000 + i), "item_name": x + " secret", "owned_by": who, "classification": x,
				"parent": fields{"type": "folder", "name": x, "id": "912"},
			},
			"additional_details": fields{"size": 2239840, "service_id": "10", "service_name": x},
		}
		if i%2 == 1 {
			record["event_type"] = "COLLABORATION_INVITE"
			record["accessible_by"] = fields{"type": "user", "id": "7", "name": x, "login": "evil" + fmt.Sprint(i%7) + "@evil.test"}
		}
		writeLine(t, &box, record)
		writeLine(t, &okta, fields{
			"actor":  fields{"id": "00uX", "type": "User", "alternateId": "mallory@acme.example", "displayName": x},
			"client": fields{"userAgent": fields{"rawUserAgent": x, "os": x, "browser": x}, "device": x, "ipAddress": "203.0.113.9", "geographicalContext": fields{"city": x, "country": x}},
			"uuid":   fmt.Sprintf("evil-%d", i), "version": "0", "displayMessage": x, "eventType": "user.session.start", "published": strings.Replace(at, "-00:00", ".000Z", 1),
			"outcome": fields{"result": map[bool]string{true: "SUCCESS", false: "FAILURE"}[i%40 > 36], "reason": x},
			"target":  []fields{{"id": "0", "type": "AppInstance", "alternateId": x, "displayName": x}},
		})
	}
	for _, x := range texts { // which no decoder takes
		writeLine(t, &okta, fields{"uuid": x, "eventType": x, "published": x, "actor": x})
	}
	var people strings.Builder
	w := csv.NewWriter(&people)
	w.WriteAll([][]string{
		{"EmailAddress", "DisplayName", "Department", "Manager", "JobTitle", "Location", "Country", "StartDate"},
		{"mallory@acme.example", markup[0], markup[1], "", markup[3], markup[11], "US", "2021-08-31"},
	})
	for name, text := range map[string]string{
		"box/evil.ndjson": box.String(), "okta/evil.ndjson": okta.String(), "hr/evil_people.csv": people.String(),
		"hr/evil_leavers.csv": "EmailAddress,ResignationDate,LastWorkingDate\nmallory@acme.example,2026-04-10T09:00:00Z,2026-05-12T09:00:00Z\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestServedMarkup has a daemon read the example with markup, and what other outputs would take for more than text, in every name
// that somebody outside of Outflow gives. It looks through every page of every role, files, the stream, messages of every channel and
// what commands print: the names are there, and none as more than text.
func TestServedMarkup(t *testing.T) {
	long(t)
	exports := hostile(t)
	d := serveAll(t, exports, "acme.example")
	links := regexp.MustCompile(`(?i)(href|src|action)="\s*(javascript|data|vbscript):`)
	pages, shown, kinds := 0, map[string]bool{}, map[string]int{}
	for _, role := range feed.Roles {
		d.each(role, func(where, text string) {
			switch {
			case strings.Contains(where, "/v1/stream"):
				kinds["stream"] += checkStream(t, text)
			case strings.Contains(text, "Content-Type: text/csv"):
				_, body, _ := strings.Cut(text, "Id: ")
				_, body, _ = strings.Cut(body, "\n")
				kinds["csv"] += checkCSV(t, where, body)
			case strings.Contains(text, "Content-Type: text/html"):
				pages++
				checkHTML(t, where, text)
				if bad := links.FindString(text); bad != "" {
					t.Errorf("%s: %s", where, bad)
				}
				for _, x := range []string{"&lt;iframe src=//evil.test&gt;", "&lt;svg/onload=pwn()&gt;", "onfocus=&#34;pwn()", "javascript:pwn()"} {
					shown[x] = shown[x] || strings.Contains(text, x)
				}
			}
		})
	}
	if pages < 60 || len(shown) < 4 || slices.Contains(slices.Collect(maps.Values(shown)), false) {
		t.Errorf("%d pages, shown as text: %v", pages, shown)
	}
	d.each(feed.HR, func(where, text string) {
		if !strings.Contains(where, "review.pdf") {
			return
		}
		kinds["pdf"]++
		path, _, _ := strings.Cut(strings.TrimPrefix(where, "hr "), " ")
		file := answerOf(t, d.base+path, d.tokens[feed.HR], "")
		for _, action := range []string{"/JavaScript", "/JS", "/Launch", "/URI", "/OpenAction", "/AA"} {
			if strings.Contains(file, action) {
				t.Errorf("%s has %s", where, action)
			}
		}
		checkTerminal(t, where, text)
	})
	for kind, texts := range d.sent() {
		kinds[kind] = len(texts)
		for _, text := range texts {
			checkMessage(t, kind, text)
		}
		if all := strings.Join(texts, ""); !strings.Contains(all, "pwn") && !strings.Contains(all, "HYPERLINK") && !strings.Contains(all, "cod.exe") {
			t.Errorf("%s: no such name was sent", kind)
		}
	}
	for name, args := range map[string][]string{
		"dead letters": {"dead-letter", "list", "--config", d.config}, "dead letter": {"dead-letter", "show", "--config", d.config, "1"},
		"status": {"status", "--config", d.config}, "triage": {"triage", "list", "--data", filepath.Join(d.dir, "data")}, "notifications": {"notifications", "pending", "--config", d.config},
		"scan": {"scan", exports}, "scan csv": {"scan", "--format", "csv", exports}, "doctor": {"doctor", exports}, "audit": {"audit", "verify", "--config", d.config},
	} {
		code, out, errs := outflow(args...)
		if kinds[name]++; code == exitUsage {
			t.Errorf("%s: %s", name, errs)
		}
		checkTerminal(t, name, out+errs)
		if strings.HasSuffix(name, "csv") {
			kinds["csv"] += checkCSV(t, name, out)
		}
	}
	checkTerminal(t, "log", d.logged())
	t.Logf("%d pages, %v", pages, kinds)
	if kinds["csv"] < 200 || kinds["stream"] < 10 || kinds["pdf"] == 0 {
		t.Error(kinds)
	}
}

// checkHTML finds markup in a page, or in a part of a mail.
func checkHTML(t *testing.T, where, text string) {
	t.Helper()
	for _, x := range markup {
		if strings.Contains(text, x) {
			t.Errorf("%s: %s", where, x)
		}
	}
}

// checkStream checks that a stream of events has nothing but events, whose data are JSON, and returns how many.
func checkStream(t *testing.T, text string) (events int) {
	t.Helper()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id", "", "event":
		case "data":
			events++
			if !json.Valid([]byte(value)) {
				t.Errorf("stream: %.200q", line)
			}
		default:
			t.Errorf("stream: %.200q", line)
		}
		if name == "event" && strings.Contains(value, "gone") {
			t.Errorf("stream: an event out of a name: %q", line)
		}
	}
	return events
}

// checkCSV checks that no cell is a formula, and returns how many cells there are.
func checkCSV(t *testing.T, where, text string) (cells int) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(strings.TrimLeft(text, "\r\n"))).ReadAll()
	if err != nil {
		t.Errorf("%s: %v in %.300q", where, err, text)
	}
	for _, l := range lines {
		for _, cell := range l {
			cells++
			if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("%s: the cell %q", where, cell)
			}
		}
	}
	return cells
}

// checkTerminal checks that a text has no character that a terminal acts on.
func checkTerminal(t *testing.T, where, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && r != '\t' && r != '\f' && unicode.Is(unicode.Cc, r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			t.Errorf("%s: %q in %q", where, r, text[max(i-60, 0):min(i+40, len(text))])
			return
		}
	}
}

// checkMessage checks that what a channel sent has no mention, link or header out of a name.
func checkMessage(t *testing.T, kind, text string) {
	t.Helper()
	switch kind {
	case "email":
		page := text[max(strings.LastIndex(text, "Content-Type: text/html"), 0):]
		checkHTML(t, kind, page)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "Bcc:") || strings.HasPrefix(line, "MAIL FROM:<x@evil") {
				t.Errorf("%s: the line %q", kind, line)
			}
		}
	case "syslog":
		if strings.Contains(text, "\n<13>1 - - evil") {
			t.Errorf("%s: a record out of a name", kind)
		}
		checkTerminal(t, kind, strings.TrimRight(text, "\r\n\x00"))
	case "slack", "teams", "jira", "pagerduty", "servicenow":
		_, body, _ := strings.Cut(text, "\n")
		if body == "" {
			return
		}
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Errorf("%s: %v in %.200q", kind, err, body)
			return
		}
		eachText(v, "", "", func(key, of, text string) {
			link := key == "url" || key == "href" || key == "uri"
			bad := []string{"](https://evil.test", "|https://evil.test]"}
			switch {
			case kind == "slack" && of != "plain_text":
				bad = []string{"<!here>", "<!channel>", "<@U024BE7LH>", "<https://evil.test"}
			case kind == "slack" || kind == "jira" || kind == "pagerduty" || kind == "servicenow": // plain texts, and text nodes
				bad = nil
			}
			for _, x := range bad {
				if strings.Contains(text, x) {
					t.Errorf("%s, %s of %s: %q", kind, key, of, text)
				}
			}
			if link && strings.Contains(text, "evil.test") {
				t.Errorf("%s, %s: %q", kind, key, text)
			}
		})
	}
}

// eachText calls f with every text of a JSON value, its key, and the type of the object that has it.
func eachText(v any, key, of string, f func(key, of, text string)) {
	switch v := v.(type) {
	case string:
		f(key, of, v)
	case []any:
		for _, x := range v {
			eachText(x, key, of, f)
		}
	case map[string]any:
		kind, _ := v["type"].(string)
		for k, x := range v {
			eachText(x, k, kind, f)
		}
	}
}
