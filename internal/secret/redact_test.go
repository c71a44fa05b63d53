package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"testing"
)

// quoted returns a text in quoted-printable form.
func quoted(t *testing.T, text string) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inJSON returns a text as it stands in JSON.
func inJSON(t *testing.T, text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// escaped returns a text with every byte in a form.
func escaped(text, form string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, form, text[i])
	}
	return b.String()
}

// TestRedact has a vendor repeat secrets in many forms: neither they nor most of them are left.
func TestRedact(t *testing.T) {
	for _, s := range []string{"hunter2", `p+a/s=s "w&rd" <é>\`, "xoxb-1234-abcdefGHIJ", strings.Repeat("long secret/", 12)} {
		std, raw, web := base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding
		form := url.QueryEscape(s)
		folded := std.EncodeToString([]byte("a client id that is long enough to be folded:" + s))
		var lines []string
		for len(folded) > 20 {
			lines, folded = append(lines, folded[:20]), folded[20:]
		}
		folded = strings.Join(append(lines, folded), "\r\n ")
		cases := map[string]string{
			"plain": s,
			"capitals": strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r + 'A' - 'a'
				}
				return r
			}, s),
			"form":                form,
			"path":                url.PathEscape(s),
			"twice in a URL":      url.QueryEscape(form),
			"all in a URL":        escaped(s, "%%%02x"),
			"JSON":                inJSON(t, s),
			"JSON in JSON":        inJSON(t, inJSON(t, s)),
			"JSON of a form":      inJSON(t, form),
			"all in JSON":         escaped("hunter2", `\u%04X`),
			"all in hexadecimal":  escaped(s, `\x%02x`),
			"HTML":                html.EscapeString(s),
			"numbers of HTML":     escaped("hunter2", "&#%d;"),
			"hexadecimal of HTML": escaped("hunter2", "&#x%x;"),
			"quoted-printable":    quoted(t, s),
			"hexadecimal":         hex.EncodeToString([]byte(s)),
			"folded base64":       folded,
		}
		for offset := range 3 {
			before, after := strings.Repeat("i", offset), strings.Repeat("z", 3-offset)
			for name, e := range map[string]*base64.Encoding{"std": std, "raw": raw, "url": web, "raw url": base64.RawURLEncoding} {
				key := fmt.Sprint("base64 ", name, " at ", offset)
				cases[key] = e.EncodeToString([]byte(before + s + after))
				cases[key+", in a form"] = url.QueryEscape(e.EncodeToString([]byte(before + s)))
				cases[key+", of a form"] = e.EncodeToString([]byte(before + form + after))
				cases[key+", in JSON"] = inJSON(t, e.EncodeToString([]byte(before+s)))
				cases[key+", quoted"] = quoted(t, e.EncodeToString([]byte(before+s+after)))
			}
		}
		cases["Basic"] = "Basic " + std.EncodeToString([]byte("client-id:"+s))
		cases["Basic of forms"] = "Basic " + std.EncodeToString([]byte("client-id:"+form))
		for name, text := range cases {
			secrets := []string{s}
			if strings.HasPrefix(text, `\u`) || strings.HasPrefix(text, "&#") {
				secrets = []string{"hunter2"}
			}
			got := Redact("before "+text+" after", secrets...)
			if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, stars) {
				t.Errorf("%s: %q in %q", name, got, text)
				continue
			}
			kept := strings.TrimSuffix(strings.TrimPrefix(got, "before "), " after")
			kept = strings.ReplaceAll(kept, stars, "")
			if most := len("Basic ") + len(text) - len(base64.RawStdEncoding.EncodeToString([]byte(s))) + 2; len(kept) > max(most, 6) {
				t.Errorf("%s: %q is left of %q", name, kept, text)
			}
		}
	}
}

// TestRedactOthers leaves alone what is no secret.
func TestRedactOthers(t *testing.T) {
	for _, text := range []string{
		"", "abc", "GET /v1/users?limit=20%2C3: 401 unauthorized", `{"error":"invalid_client"}`, "a = b \\ c & d; e%", "=\r\n",
		`\u12`, "%2", "&amp", base64.StdEncoding.EncodeToString([]byte("something else that is longer")),
	} {
		if got := Redact(text, "hunter2", "", "abc"); got != text {
			t.Errorf("%q for %q", got, text)
		}
	}
	if got := Redact("one hunter2, two hunter2hunter2"); strings.Contains(got, stars) {
		t.Errorf("%q without a secret", got)
	}
}

// TestRedactResolved removes what a reference led to, without being told, also from a log.
func TestRedactResolved(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_REMEMBERED", "s3cr3t of the test")
	if _, err := Resolve(t.Context(), "env:OUTFLOW_TEST_REMEMBERED"); err != nil {
		t.Fatal(err)
	}
	basic := base64.StdEncoding.EncodeToString([]byte("me:s3cr3t of the test"))
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: Attr}))
	log.Error("it says s3cr3t of the test", "err", errors.New("401: "+basic), "text", basic, "n", 3)
	if got := b.String(); strings.Contains(got, "s3cr3t") || strings.Contains(got, basic[8:]) || !strings.Contains(got, "n=3") {
		t.Error(got)
	}
}
