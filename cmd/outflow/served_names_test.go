package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/feed"
)

// names finds the people of a file of HR in texts.
type names struct {
	people [][2]string       // addresses and display names
	texts  map[string]string // what names somebody: words in lower case without accents → who it is
}

// namesOf reads a file of HR.
func namesOf(t *testing.T, file string) *names {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) < 10 {
		t.Fatal(err, len(lines))
	}
	n := &names{texts: map[string]string{}}
	for _, l := range lines[1:] {
		address, display := l[0], l[1]
		n.people = append(n.people, [2]string{address, display})
		local, _, _ := strings.Cut(address, "@")
		if parts := wordsIn(display); len(local) > 4 && !slices.Contains(parts, local) {
			n.texts[strings.Join(wordsIn(local), " ")] = display
		}
		for _, name := range []string{display, local} {
			list := wordsIn(name)
			if len(list) < 2 {
				continue
			}
			n.texts[strings.Join(list, " ")] = display
			n.texts[strings.Join(list, "")] = display
			slices.Reverse(list)
			n.texts[strings.Join(list, " ")] = display
		}
	}
	return n
}

// unhidden are escapes of URLs and JSON.
var unhidden = regexp.MustCompile(`%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}`)

// wordsIn returns the words of a text, decoded, in lower case and without accents and characters that cannot be seen. Where letters
// and digits, or lower and upper case, meet, a word ends, too.
func wordsIn(text string) (list []string) {
	text = html.UnescapeString(text)
	text = unhidden.ReplaceAllStringFunc(text, func(e string) string {
		var r rune
		if _, err := fmt.Sscanf(strings.TrimLeft(e, `%\u`), "%x", &r); err != nil || e[0] == '%' && r >= 0x80 {
			return " "
		}
		return string(r)
	})
	var word []rune
	var last rune
	end := func() {
		if len(word) > 0 {
			list, word = append(list, string(word)), word[:0]
		}
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		default:
			if unicode.IsDigit(r) != unicode.IsDigit(last) || unicode.IsUpper(r) && unicode.IsLower(last) {
				end()
			}
			word = append(word, unicode.ToLower(r))
		}
		last = r
	}
	end()
	return list
}

// find returns who is named in a text, and around which words; "" if nobody is.
func (n *names) find(text string) (who, around string) {
	list := wordsIn(text)
	for i := range list {
		for k := 1; k <= 4 && i+k <= len(list); k++ {
			if who := n.texts[strings.Join(list[i:i+k], " ")]; who != "" {
				return who, strings.Join(list[max(i-6, 0):min(i+k+4, len(list))], " ")
			}
		}
	}
	return "", ""
}

// TestNamesFound has the search of these tests find names however they are spelled, so that it can fail.
func TestNamesFound(t *testing.T) {
	n := namesOf(t, filepath.Join(acme, "hr", "people.csv"))
	for _, p := range n.people[:5] {
		for _, text := range spellings(p[0], p[1]) {
			if who, _ := n.find("x " + text + " y"); who != p[1] {
				t.Errorf("%q is %q", text, who)
			}
		}
	}
	if who, _ := n.find("Outflow P-ABCDEFGHJK downloaded 3 files, mei"); who != "" {
		t.Error(who)
	}
}

// spellings are ways in which files, folders, recipients and notes name a person.
func spellings(address, display string) []string {
	first, last, _ := strings.Cut(display, " ")
	local, domain, _ := strings.Cut(address, "@")
	return []string{
		display, strings.ToUpper(display), last + ", " + first, first + "_" + last + "_2026", first + last + "CV", last + first + "2026",
		"2026" + strings.ToLower(first+last), first + "  " + last, first + "\t" + last, first + "\u00a0" + last, first + "\u200b " + last,
		first[:2] + "\u200b" + first[2:] + " " + last, first[:2] + "\u00ad" + first[2:] + " " + last[:1] + "\u2060" + last[1:],
		first + "&nbsp;" + last, first + "%20" + last, first + "+" + last, last + " (" + first + ")", "\"" + last + "\"; \"" + first + "\"", first + "\\" + last, first + "=" + last,
		wide(display), accented(display), first + " – " + last, first + "|" + last, first + "~" + last, first + "#" + last,
		address, strings.ToUpper(address), "mailto:" + address, display + " <" + address + ">", "<" + address + ">", address + ".", address + "'s",
		strings.Replace(address, "@", "%40", 1), strings.Replace(address, "@", "&#64;", 1), strings.Replace(address, "@", "＠", 1),
		strings.Replace(address, "@", " (at) ", 1), strings.Replace(address, "@", "[at]", 1), local + "+box@" + domain, local + "@mail." + domain,
		local + "@gmail.com", local + "_" + strings.ReplaceAll(domain, ".", "_") + "#EXT#@partner.onmicrosoft.com", local, strings.ReplaceAll(local, ".", "-"),
		strings.ReplaceAll(local, ".", "%2E"),
	}
}

// wide returns a text with letters of full width.
func wide(text string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, text)
}

// accented returns a text with accents on its vowels, as characters of their own.
func accented(text string) string {
	return strings.NewReplacer("a", "a\u0301", "e", "e\u0308", "o", "o\u0302").Replace(text)
}

// gossip adds exports to an organisation in which a person that is about to leave shares and downloads files, out of folders,
// to people, with devices, that have the name of a colleague, in every spelling.
func gossip(t *testing.T, exports, day string) (dir string, n *names, leaver, colleague [2]string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "exports")
	if err := os.CopyFS(dir, os.DirFS(exports)); err != nil {
		t.Fatal(err)
	}
	n = namesOf(t, filepath.Join(dir, "hr", "people.csv"))
	leavers, err := os.ReadFile(filepath.Join(dir, "hr", "leavers.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range n.people {
		switch lines := strings.Split(strings.TrimSpace(string(leavers)), "\n"); {
		case strings.HasPrefix(lines[len(lines)-1], p[0]+","):
			leaver = p
		case p[0] != "":
			colleague = p
		}
	}
	var box, okta strings.Builder
	type fields = map[string]any
	all := spellings(colleague[0], colleague[1])
	for i := range 4 * len(all) {
		x, at := all[i%len(all)], fmt.Sprintf("%sT10:%02d:%02d-00:00", day, i/60, i%60)
		who := fields{"type": "user", "id": "666", "name": leaver[1], "login": leaver[0]}
		record := fields{
			"type": "event", "event_id": fmt.Sprintf("gossip-%d", i), "created_by": who, "created_at": at, "event_type": "DOWNLOAD", "ip_address": "203.0.113.9",
			"source": fields{
				"item_type": "file", "item_id": fmt.Sprint(9000 + i), "item_name": "salary " + x + " secret.xlsx", "owned_by": who, "classification": "of " + x,
				"parent": fields{"type": "folder", "name": "Reviews " + x, "id": "912"},
			},
			"additional_details": fields{"size": 2239840, "service_id": "10", "service_name": "Sync of " + x},
		}
		if i%2 == 1 {
			record["event_type"] = "COLLABORATION_INVITE"
			to := "evil" + fmt.Sprint(i%7) + "@evil.test"
			if strings.Contains(x, "@") {
				to = x
			}
			record["accessible_by"] = fields{"type": "user", "id": "7", "name": x, "login": to}
		}
		writeLine(t, &box, record)
		writeLine(t, &okta, fields{
			"actor":  fields{"id": "00uX", "type": "User", "alternateId": leaver[0], "displayName": leaver[1]},
			"client": fields{"userAgent": fields{"rawUserAgent": "of " + x, "os": x, "browser": x}, "device": "Laptop of " + x, "ipAddress": "203.0.113.9", "geographicalContext": fields{"city": x, "country": "of " + x}},
			"uuid":   fmt.Sprintf("gossip-%d", i), "version": "0", "displayMessage": x, "eventType": "user.session.start", "published": strings.Replace(at, "-00:00", ".000Z", 1),
			"outcome": fields{"result": "SUCCESS", "reason": x},
			"target":  []fields{{"id": "0", "type": "AppInstance", "alternateId": x, "displayName": "App of " + x}},
		})
	}
	box.WriteString(`{"type": "event", "event_id": "broken of ` + colleague[0] + `", "created_by": "` + colleague[1] + `", "event_type": 7}` + "\n")
	for name, text := range map[string]string{
		"box/gossip.ndjson": box.String(), "okta/" + colleague[1] + ".ndjson": okta.String(), "okta/of " + colleague[0] + ".json": "{\"" + colleague[1] + "\": 1",
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, n, leaver, colleague
}

// TestServedNames has a daemon read an organisation in which files, folders, recipients and devices have the names of colleagues, and
// looks through all that it serves to every role, sends and logs: nothing has the name of anybody in HR's file, nor the id of an alert
// within Outflow, and nobody learns the pseudonym of a name by asking for it.
func TestServedNames(t *testing.T) {
	long(t)
	for name, o := range map[string]struct {
		domain, day string
		exports     func(t *testing.T) string
	}{
		"example":   {"acme.example", "2026-04-17", func(*testing.T) string { return acme }},
		"generated": {"", "2026-02-20", func(t *testing.T) string { return generated(t, filepath.Join("..", "..", "bench", "world"), false) }},
		"procedural": {"", "2026-02-20", func(t *testing.T) string {
			return generated(t, filepath.Join("..", "..", "..", "shared", "world"), true)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			exports, n, _, colleague := gossip(t, o.exports(t), o.day)
			domain := o.domain
			if domain == "" {
				_, domain, _ = strings.Cut(n.people[0][0], "@")
			}
			d := serveAll(t, exports, domain)
			d.lookForNames(n, colleague)
		})
	}
}

// generated has a generator of organisations write one, and returns the folder of its exports.
func generated(t *testing.T, generator string, procedural bool) string {
	t.Helper()
	if _, err := os.Stat(generator); err != nil {
		t.Skip("there is no such generator here: ", err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "exports")
	cmd := exec.Command("go", "run", ".", "-users", "40", "-days", "50", "-seed", "7", "-out", out, "-truth", filepath.Join(dir, "truth"))
	if cmd.Dir = generator; procedural {
		cmd.Args = append(cmd.Args, "-procedural")
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// lookForNames looks through all that is served, sent and logged.
func (d *surface) lookForNames(n *names, colleague [2]string) {
	d.t.Helper()
	looked, faults := 0, map[string]bool{}
	look := func(where, text string) {
		looked++
		if who, around := n.find(text); who != "" {
			if fault := shape.ReplaceAllString(where, "*") + " " + around; !faults[fault] && len(faults) < 60 {
				faults[fault] = true
				d.t.Errorf("%s: %s is named: %s", where, who, around)
			}
		}
	}
	ids := d.inner()
	secret := func(where, text string) {
		for _, id := range ids {
			if strings.Contains(text, id) {
				d.t.Errorf("%s: the id %s", where, id)
			}
		}
	}
	d.write(n, colleague)
	for _, role := range feed.Roles {
		d.probe(role, colleague)
	}
	kinds := map[string]int{}
	for _, role := range feed.Roles {
		d.each(role, func(where, text string) {
			look(where, text)
			secret(where, text)
			for _, part := range []string{"items.csv", "review.pdf", "/v1/stream", "openapi.json", "/coverage", "/access", "ocsf", "/entities/", "/health", "/suppressions", "/requests"} {
				if strings.Contains(where, part) {
					kinds[part]++
				}
			}
		})
	}
	for _, path := range []string{"/metrics", "/health", "/status", "/"} {
		look("metrics "+path, answerOf(d.t, d.metrics+path, "", ""))
	}
	status, err := os.ReadFile(filepath.Join(d.dir, "data", "status.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	look("status.json", string(status))
	look("log", d.logged())
	for kind, texts := range d.sent() {
		for _, text := range texts {
			look("message "+kind, text)
			secret("message "+kind, text)
		}
		if kinds[kind] = len(texts); len(texts) == 0 {
			d.t.Errorf("%s was sent nothing", kind)
		}
	}
	d.t.Logf("%d texts: %v", looked, kinds)
	if len(kinds) != 11+len(alerttest.Vendors) || looked < 200 {
		d.t.Errorf("%d texts, %v", looked, kinds)
	}
}

// shape is what differs between texts of one kind.
var shape = regexp.MustCompile(`P-[A-Z0-9]{10}|[0-9a-f]{16}|[0-9]+|%[0-9A-F]{2}`)

// inner are the ids of alerts within Outflow.
func (d *surface) inner() (list []string) {
	d.t.Helper()
	for line := range strings.Lines(soFar(d.dir)) {
		var a struct{ ID string }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			d.t.Fatal(err)
		}
		list = append(list, a.ID)
	}
	return list
}

// write has analysts name a colleague in all that they can write: notes, comments, reasons, the names of views.
func (d *surface) write(n *names, colleague [2]string) {
	d.t.Helper()
	var first struct {
		Alerts []struct {
			Alert struct {
				ID, User string
				Severity string
			}
		}
	}
	text := answerOf(d.t, d.base+"/v1/alerts?limit=1000", d.tokens[feed.SOC], "")
	if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &first); err != nil || len(first.Alerts) < 10 {
		d.t.Fatal(err, len(first.Alerts))
	}
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	post := func(role feed.Role, path, body string) {
		d.t.Helper()
		if status, answer := d.post(role, path, body); status >= 400 {
			d.t.Errorf("%s %s: %d %.300s", role, path, status, answer)
		}
	}
	all := spellings(colleague[0], colleague[1])
	lines := strings.Join(all, ";\n ")
	pseudonym := ""
	for i := range 6 {
		a := first.Alerts[i].Alert
		if strings.HasPrefix(a.User, "P-") {
			pseudonym = a.User
		}
		post(feed.SOC, "/v1/alerts/"+a.ID+"/triage", fmt.Sprintf(`{"status": "acknowledged", "note": %q}`, "asked "+all[i]+" about it"))
		post(feed.SOC, "/alerts/"+a.ID+"/comment", form("comment", "It was: "+lines))
		post(feed.SOC, "/alerts/"+a.ID, form("status", "close", "as", "false", "note", "agreed with "+lines))
		post(feed.SOC, "/v1/suppressions", fmt.Sprintf(`{"alert": %q, "days": 3, "reason": %q}`, a.ID, "said "+colleague[1]))
	}
	post(feed.SOC, "/views", form("name", "of "+colleague[1], "query", "q="+url.QueryEscape(colleague[0])))
	post(feed.SOC, "/people/"+pseudonym, form("reason", "I think it is "+lines))
}

// probe asks for a name in every place of a request, and for another that nobody has: the answers say the same.
func (d *surface) probe(role feed.Role, colleague [2]string) {
	d.t.Helper()
	nobody := [2]string{"zed.nobody@nowhere.example", "Zed Nobody"}
	ask := func(who [2]string, method, path, body string) string {
		put := func(s string) string {
			return strings.NewReplacer("ADDRESS", url.QueryEscape(who[0]), "NAME", url.QueryEscape(who[1])).Replace(s)
		}
		status, text := asker{d.t, d.tokens[role], ""}.ask(method, d.base+put(path), "application/x-www-form-urlencoded", put(body))
		text = regexp.MustCompile(`X-Request-Id: \S+|Date: [^\r]+|Content-Length: \d+|<time datetime="[^<]*</time>|<td class="n">\d+`).ReplaceAllString(text, "")
		for i, s := range who {
			for _, form := range []string{s, url.QueryEscape(s), html.EscapeString(url.QueryEscape(s)), strings.ReplaceAll(url.QueryEscape(s), "+", "&#43;"), url.PathEscape(s), html.EscapeString(s), strings.ReplaceAll(url.PathEscape(s), "@", "%40")} {
				text = strings.ReplaceAll(text, form, fmt.Sprint("WHO", i))
				text = strings.ReplaceAll(text, strings.ToLower(form), fmt.Sprint("WHO", i))
			}
		}
		return fmt.Sprintln(status, text)
	}
	for _, c := range [][3]string{
		{"GET", "/?q=NAME"}, {"GET", "/?q=ADDRESS"}, {"GET", "/?user=ADDRESS"}, {"GET", "/alerts/ADDRESS"}, {"GET", "/people/ADDRESS"}, {"GET", "/people/NAME"},
		{"GET", "/v1/people/ADDRESS"}, {"GET", "/v1/alerts?user=ADDRESS"}, {"GET", "/v1/alerts?user=NAME"}, {"GET", "/v1/alerts?limit=ADDRESS"},
		{"GET", "/v1/alerts/ADDRESS"}, {"GET", "/v1/alerts?detector=NAME"}, {"GET", "/v1/alerts?severity=NAME"}, {"GET", "/entities/domain/NAME"},
		{"GET", "/entities/recipient/ADDRESS"}, {"GET", "/v1/entities/recipient/ADDRESS"}, {"GET", "/entities/ADDRESS/x"}, {"GET", "/entities?q=ADDRESS"},
		{"GET", "/entities?q=NAME"}, {"GET", "/v1/entities?q=NAME"}, {"GET", "/leavers/ADDRESS"}, {"GET", "/leavers/ADDRESS/review.pdf"},
		{"GET", "/digest?week=NAME"}, {"GET", "/access?q=NAME"}, {"GET", "/access?before=NAME"}, {"GET", "/NAME"}, {"GET", "/login?next=/people/ADDRESS"},
		{"POST", "/v1/reveal", `{"pseudonym": "ADDRESS", "reason": "NAME"}`}, {"POST", "/people/ADDRESS", "reason=NAME"},
		{"POST", "/alerts", "id=ADDRESS&status=acknowledged"}, {"POST", "/requests/ADDRESS", ""}, {"POST", "/suppressions/ADDRESS", ""},
		{"POST", "/leavers/ADDRESS/reviewed", ""}, {"POST", "/leavers/ADDRESS/name", "reason=NAME"}, {"POST", "/v1/alerts/ADDRESS/triage", "{}"},
	} {
		if got, want := ask(colleague, c[0], c[1], c[2]), ask(nobody, c[0], c[1], c[2]); got != want {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			d.t.Errorf("%s, %s %s: it can be told whether there is such a person: %.300q, and not %.300q", role, c[0], c[1],
				got[max(at-80, 0):], want[max(at-80, 0):])
		}
	}
}
