package all

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/plain"
)

// FuzzChannels asserts for every channel over HTTP that an attacker's text changes neither the
// address, the headers nor the structure of requests, and that people see no character that
// disturbs.
func FuzzChannels(f *testing.F) {
	os.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	names := slices.Sorted(maps.Keys(overHTTP))
	receivers := make([]*alerttest.Receiver, len(names))
	channels := make([]alert.Notifier, len(names))
	usual := make([]alerttest.Request, len(names))
	for i, name := range names {
		receivers[i] = alerttest.NewReceiver(f, overHTTP[name].good)
		os.Setenv("OUTFLOW_TEST_TEAMS", receivers[i].URL+"/x")
		settings := overHTTP[name].settings
		if strings.Contains(settings, "%s") {
			settings = fmt.Sprintf(settings, receivers[i].URL)
		}
		channels[i] = alerttest.Open(f, kindOf(name), settings)
		usual[i] = sent(f, receivers[i], channels[i], "", "")
		for _, s := range []string{
			"", alerttest.Hostile, "\n{\"index\":{}}\n", `","x":"y`, "\xff", "\u2028", "{noformat}",
			"[x](https://evil.example)", "<https://evil.example|x>", "\x00",
		} {
			f.Add(byte(i), s, s)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, user, reason string) {
		i := int(which) % len(names)
		got := sent(t, receivers[i], channels[i], user, reason)
		if got.Method != usual[i].Method || got.Path != usual[i].Path {
			t.Errorf("%s: %s %s", names[i], got.Method, got.Path)
		}
		if a, b := kept(got.Header), kept(usual[i].Header); !maps.EqualFunc(a, b, slices.Equal[[]string]) {
			t.Errorf("%s: headers %v, want %v", names[i], a, b)
		}
		if a, b := shape(t, got.Body), shape(t, usual[i].Body); a != b {
			t.Errorf("%s: the shape is\n%s\nwant\n%s\nof %s", names[i], a, b, got.Body)
		}
		text := alerttest.Text(got.Body)
		for line := range bytes.Lines(got.Body) {
			text += alerttest.Text(line)
		}
		if !strings.Contains(text, "kim7") {
			t.Errorf("%s: it does not say who: %s", names[i], got.Body)
		}
		if kindOf(names[i]).People && strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && plain.Disturbs(c) }) {
			t.Errorf("%s: it disturbs: %q", names[i], text)
		}
	})
}

// sent sends an alert and returns the requests.
func sent(t testing.TB, r *alerttest.Receiver, n alert.Notifier, user, reason string) alerttest.Request {
	a := alerttest.Alert()
	a.User, a.Reason, a.Evidence[0].Reason = "kim7 "+user, "read "+reason, "read "+reason
	a.Exposures = []alert.Exposure{{What: "x " + reason, Opened: a.Time}}
	if _, err := n.Notify(t.Context(), &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1"}); err != nil {
		t.Fatal(err)
	}
	list := r.Take()
	if len(list) != 1 {
		t.Fatalf("%d requests", len(list))
	}
	return list[0]
}

// kept are the headers that do not depend on the body.
func kept(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Content-Length", "X-Outflow-Signature"} {
		h.Del(name)
	}
	return h
}

// shape is the structure of a body without its texts: JSON, or lines of JSON.
func shape(t *testing.T, body []byte) string {
	var b strings.Builder
	dec := json.NewDecoder(bytes.NewReader(body))
	for dec.More() {
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		outline(&b, v)
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d lines", bytes.Count(body, []byte("\n")))
	return b.String()
}

func outline(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(b, "%q:", k)
			outline(b, v[k])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for _, x := range v {
			outline(b, x)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	default:
		fmt.Fprintf(b, "%T", v)
	}
}
