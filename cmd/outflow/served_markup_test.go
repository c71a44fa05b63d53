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
	"strings"
	"testing"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/waittest"
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

// hostile adds exports and files of HR to the example, in which a leaver and files, folders, services, addresses and devices
// have markup as their names.
func hostile(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "exports")
	if err := os.CopyFS(dir, os.DirFS(acme)); err != nil {
		t.Fatal(err)
	}
	var box, okta strings.Builder
	line := func(b *strings.Builder, record map[string]any) {
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	type fields = map[string]any
	for i := range 4 * len(markup) {
		x, at := markup[i%len(markup)], fmt.Sprintf("2026-04-17T10:%02d:%02d-00:00", i/60, i%60)
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
		line(&box, record)
		line(&okta, fields{
			"actor":  fields{"id": "00uX", "type": "User", "alternateId": "mallory@acme.example", "displayName": x},
			"client": fields{"userAgent": fields{"rawUserAgent": x, "os": x, "browser": x}, "device": x, "ipAddress": "203.0.113.9", "geographicalContext": fields{"city": x, "country": x}},
			"uuid":   fmt.Sprintf("evil-%d", i), "version": "0", "displayMessage": x, "eventType": "user.session.start", "published": strings.Replace(at, "-00:00", ".000Z", 1),
			"outcome": fields{"result": map[bool]string{true: "SUCCESS", false: "FAILURE"}[i%40 > 36], "reason": x},
			"target":  []fields{{"id": "0", "type": "AppInstance", "alternateId": x, "displayName": x}},
		})
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

// TestServedMarkup has a daemon read the example with markup in every name that somebody outside of Outflow gives, and looks
// through every page of every role: the names are on them, and none as markup.
func TestServedMarkup(t *testing.T) {
	long(t)
	_, config := folder(t, hostile(t), "feed: {listen: \"127.0.0.1:0\"}\ndomains: [acme.example]\n")
	once(t, config)
	base := feedOf(t, config)
	links := regexp.MustCompile(`(?i)(href|src|action)="\s*(javascript|data|vbscript):`)
	pages, shown := 0, map[string]bool{}
	for _, role := range feed.Roles {
		code, token, errs := outflow("token", "create", "--config", config, "--name", "reader "+string(role), "--role", string(role))
		if code != exitFine {
			t.Fatal(errs)
		}
		token = strings.TrimSpace(token)
		paths := crawl(t, base, token)
		for _, more := range []string{"/?q=evil.test", "/channels", "/health", "/access", "/tokens", "/digest", "/entities", "/entities?q=script", "/alerts/" + "%3Cscript%3E"} {
			paths[more] = true
		}
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			text := answerOf(t, base+path, token, "")
			if !strings.Contains(text, "Content-Type: text/html") {
				continue
			}
			pages++
			for _, x := range markup {
				if strings.Contains(text, x) {
					t.Errorf("%s, %s: %s", role, path, x)
				}
			}
			if bad := links.FindString(text); bad != "" {
				t.Errorf("%s, %s: %s", role, path, bad)
			}
			for _, x := range []string{"&lt;iframe src=//evil.test&gt;", "&lt;svg/onload=pwn()&gt;", "onfocus=&#34;pwn()", "javascript:pwn()"} {
				shown[x] = shown[x] || strings.Contains(text, x)
			}
		}
	}
	if pages < 60 || len(shown) < 4 || slices.Contains(slices.Collect(maps.Values(shown)), false) {
		t.Errorf("%d pages, shown as text: %v", pages, shown)
	}
}

// feedOf runs a daemon, and returns the address of its feed.
func feedOf(t *testing.T, config string) string {
	t.Helper()
	_, logged := running(t, config)
	waittest.Until(t, "the feed listens", func() bool { return feedAddress.MatchString(logged()) })
	return "http://" + feedAddress.FindStringSubmatch(logged())[1]
}
