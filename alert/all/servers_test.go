package all

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/internal/pki"
)

// eventually asks until something holds, for some seconds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for range 100 {
		if holds() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("it never came")
}

// TestMailServer sends through a real server, over STARTTLS with an authority of its own: one
// mail arrives, for its recipient, whatever the alert contains.
func TestMailServer(t *testing.T) {
	server := os.Getenv("OUTFLOW_SMTP")
	if server == "" {
		t.Skip("no mail server: OUTFLOW_SMTP is not set (.ci/mail starts one)")
	}
	box := filepath.Join(os.Getenv("OUTFLOW_SMTP_DIR"), "new")
	before, _ := os.ReadDir(box)
	settings := fmt.Sprintf("server: %q\nfrom: outflow@acme.example\nto: [soc@acme.example]", server)
	trust := pki.Files{CA: os.Getenv("OUTFLOW_CA")}
	a := alerttest.Alert()
	a.ID = fmt.Sprintf("%032x", time.Now().UnixNano())
	a.Title = "Bulk download\r\nBcc: x@evil.example\r\n\r\nhello"
	a.Reason = "downloaded \"ünïcode .\r\n.\r\n\" and a line of one dot\n.\n"
	if _, err := alerttest.Open(t, kindOf("email"), settings, trust).Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	var found *mail.Message
	eventually(t, func() bool {
		now, _ := os.ReadDir(box)
		for _, e := range now {
			b, err := os.ReadFile(filepath.Join(box, e.Name()))
			if err != nil || !strings.Contains(string(b), a.ID) {
				continue
			}
			if m, err := mail.ReadMessage(strings.NewReader(string(b))); err == nil {
				found = m
			}
		}
		return found != nil && len(now) == len(before)+1
	})
	if found.Header.Get("X-RcptTo") != "soc@acme.example" || found.Header.Get("Bcc") != "" ||
		!strings.HasPrefix(found.Header.Get("Content-Type"), "multipart/alternative") {
		t.Error(found.Header)
	}
	for name, bad := range map[string]struct {
		settings string
		trust    pki.Files
	}{
		"an authority that is not ours": {settings, pki.Files{}},
		"another name":                  {strings.Replace(settings, "localhost:", "127.0.0.2:", 1), trust},
	} {
		if _, err := alerttest.Open(t, kindOf("email"), bad.settings, bad.trust).Notify(t.Context(), &alert.Message{Alert: a}); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

// TestSyslogServer sends to rsyslog, with and without TLS: each message is one record with its
// fields, whatever the alert contains.
func TestSyslogServer(t *testing.T) {
	file := os.Getenv("OUTFLOW_SYSLOG_FILE")
	if file == "" {
		t.Skip("no syslog server: OUTFLOW_SYSLOG_FILE is not set (.ci/mail starts one)")
	}
	for name, c := range map[string]struct {
		settings string
		trust    pki.Files
	}{
		"plain": {fmt.Sprintf("server: %q", os.Getenv("OUTFLOW_SYSLOG")), pki.Files{}},
		"tls":   {fmt.Sprintf("server: %q\ntls: true", os.Getenv("OUTFLOW_SYSLOG_TLS")), pki.Files{CA: os.Getenv("OUTFLOW_CA")}},
	} {
		n := alerttest.Open(t, kindOf("syslog"), c.settings, c.trust)
		a := alerttest.Alert()
		a.ID = fmt.Sprintf("%032x", time.Now().UnixNano())
		a.Title = "a|b\\c\n<13>1 - - evil - - - forged"
		a.Evidence = slices.Clone(a.Evidence)
		a.Evidence[0].Title = a.Title // CEF's name of the event
		a.Reason += strings.Repeat(" ünïcode", 500)
		if _, err := n.Notify(t.Context(), &alert.Message{Alert: a}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		type record struct{ App, MsgID, Msg string }
		var got []record
		eventually(t, func() bool {
			got = nil
			f, err := os.Open(file)
			if err != nil {
				return false
			}
			defer f.Close()
			for lines := bufio.NewScanner(f); lines.Scan(); {
				var r record
				if err := json.Unmarshal(lines.Bytes(), &r); err == nil && (strings.Contains(r.Msg, a.ID) || r.App == "evil") {
					got = append(got, r)
				}
			}
			return len(got) > 0
		})
		if len(got) != 1 || got[0].App != "outflow" ||
			!strings.Contains(got[0].Msg, `|a\|b\\c`) || !strings.Contains(got[0].Msg, `msg=a|b\\c`) || !strings.Contains(got[0].Msg, "ünïcode") {
			t.Errorf("%s: %.400q", name, got)
		}
	}
	if _, err := alerttest.Open(t, kindOf("syslog"), fmt.Sprintf("server: %q\ntls: true",
		os.Getenv("OUTFLOW_SYSLOG_TLS"))).Notify(t.Context(), &alert.Message{Alert: alerttest.Alert()}); err == nil {
		t.Error("sent to a server whose certificate nobody vouches for")
	}
}
