package email

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/plain"
)

// FuzzMessage asserts that an attacker's text adds no header, part or markup to a mail, and
// that both of its parts contain it.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		"",
		"plain",
		alerttest.Hostile,
		"a\r\nBcc: x@evil.example",
		"\xff",
		"=?utf-8?q?x?=",
		"--boundary",
		"\r\n.\r\n",
		"<b>&amp;",
		strings.Repeat("ü", 300),
	} {
		f.Add(s, "first\u2028second")
	}
	n := &notifier{from: "Outflow <outflow@acme.example>", to: []string{"soc@acme.example"}}
	plainMail := headers(f, compose(f, n, "nothing", "nothing"))
	f.Fuzz(func(t *testing.T, user, reason string) {
		raw := compose(t, n, user, reason)
		msg := parse(t, raw)
		if got := headers(t, raw); !slices.Equal(got, plainMail) {
			t.Errorf("headers %v, want %v", got, plainMail)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
		if err != nil || strings.ContainsFunc(subject, plain.Disturbs) || !strings.HasPrefix(subject, "[Outflow] ") {
			t.Errorf("subject %q, %v", subject, err)
		}
		text, html := parts(t, msg)
		m := message(user, reason)
		if got, want := strings.ReplaceAll(text, "\r\n", "\n"), strings.ToValidUTF8(m.Text(), "\ufffd"); got != want {
			t.Errorf("the text is\n%q\nwant\n%q", got, want)
		}
		if strings.Count(html, "<") != strings.Count(page1, "<") || strings.Contains(html, "\x00") {
			t.Errorf("markup was added:\n%s", html)
		}
	})
}

// TestMailClients checks that a mail uses what mail clients support.
func TestMailClients(t *testing.T) {
	m := message("x", "y")
	m.Before, m.Others = &alert.Told{}, []alert.Alert{m.Alert}
	var b bytes.Buffer
	if err := page.Execute(&b, m); err != nil {
		t.Fatal(err)
	}
	alerttest.MailHTML(t, b.String())
}

func message(user, reason string) *alert.Message {
	a := alerttest.Alert()
	a.User, a.Reason = "kim "+user, "read "+reason
	return &alert.Message{Alert: a, Link: "https://outflow.example/alerts/1"}
}

// page1 is the page of a message with plain text.
var page1 = func() string {
	var b bytes.Buffer
	if err := page.Execute(&b, message("", "")); err != nil {
		panic(err)
	}
	return b.String()
}()

func compose(t testing.TB, n *notifier, user, reason string) []byte {
	msg, err := n.compose(message(user, reason))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parse(t testing.TB, raw []byte) *mail.Message {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return msg
}

// headers are the names of the headers of a mail.
func headers(t testing.TB, raw []byte) (names []string) {
	for name, values := range parse(t, raw).Header {
		for range values {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// parts are the two parts of a mail.
func parts(t *testing.T, msg *mail.Message) (text, html string) {
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%q, %v", kind, err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	var list []string
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	if len(list) != 2 {
		t.Fatalf("%d parts", len(list))
	}
	return list[0], list[1]
}
