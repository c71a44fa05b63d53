package syslog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// head matches the beginning of a message: RFC 5424 up to the end of its structured data.
var head = regexp.MustCompile(`^<\d+>1 [0-9T:.Z-]+ \S+ outflow - alert ` +
	`(?:-|\[outflow@64512 id="(?:[^"\\\]]|\\.)*" revision="\d+" severity="[a-z]+"\]) CEF:0\|`)

// FuzzFormat asserts that an attacker's text adds no line, no field of the CEF header and no
// key of its extension: what is sent is parsed as it was meant.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{
		"", "plain", "a|b", "x suser=root", `a\`, `\|`, `\\=`, "\r\n<13>1 forged", "\"] [x y=\"", "\x1b[31m",
		"\u2028", "\xff", "\x00", " act=none ",
	} {
		f.Add(s, s, "host")
	}
	f.Fuzz(func(t *testing.T, user, title, host string) {
		a := alert.Sample(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
		a.ID, a.User, a.Title, a.Reason, a.Sources, a.Detector = user, user, title, user, []string{user}, title
		a.Facts[0].Text, a.Evidence[0].Items[0].Object.Name, a.Evidence[0].Title = title, user, title
		text := Format(&alert.Message{Alert: a}, host, "test", 64512)
		if strings.ContainsFunc(text, plain.Disturbs) {
			t.Errorf("it disturbs: %q", text)
		}
		prefix := head.FindString(text)
		if prefix == "" {
			t.Fatalf("no message of RFC 5424: %q", text)
		}
		fields, rest := cefHeader(text[len(prefix):])
		if len(fields) != 6 || fields[0] != "Outflow" || fields[2] != "test" || fields[4] != escapeControl(title) {
			t.Fatalf("header %q of %q", fields, text)
		}
		keys, values := cefExtension(rest)
		const all = "externalId rt start end suser cnt act cs1Label cs1 cs2Label cs2 cn1Label cn1 cfp1Label cfp1 msg " +
			"cs4Label cs4 cs5Label cs5"
		want := slices.DeleteFunc(strings.Fields(all), func(key string) bool { // what has no value is left out
			of := values[strings.TrimSuffix(key, "Label")]
			return of == "" && (strings.HasPrefix(key, "cs") || user == "" && (key == "externalId" || key == "suser"))
		})
		if !slices.Equal(keys, want) {
			t.Errorf("keys %s of %q", keys, text)
		} else if values["suser"] != escapeControl(plain.Clip(user, maxMsg)) || values["act"] != "alert" || user != "" && values["cs1"] == "" {
			t.Errorf("suser %q, want %q", values["suser"], user)
		}
	})
}

// cefHeader splits the six fields after the version, as a receiver does.
func cefHeader(s string) (fields []string, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '|':
			fields = append(fields, b.String())
			b.Reset()
			if len(fields) == 6 {
				return fields, s[i+1:]
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return fields, ""
}

var key = regexp.MustCompile(`(?:^| )([A-Za-z0-9]+)=`)

// cefExtension reads keys and values: a key ends at an equals sign that is not escaped.
func cefExtension(s string) (keys []string, values map[string]string) {
	values = map[string]string{}
	at := key.FindAllStringSubmatchIndex(s, -1)
	for i, m := range at {
		end := len(s)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name := s[m[2]:m[3]]
		keys = append(keys, name)
		values[name] = strings.NewReplacer(`\\`, `\`, `\=`, `=`).Replace(s[m[1]:end])
	}
	return keys, values
}
