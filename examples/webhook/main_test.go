package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/webhook"
)

// receivers start each example with a secret, and return its address.
var receivers = map[string]func(t *testing.T, dir, secret string) string{
	"go": func(t *testing.T, dir, secret string) string {
		s := httptest.NewServer(&Receiver{Secret: []byte(secret), Dir: dir, Now: time.Now})
		t.Cleanup(s.Close)
		return s.URL
	},
	"python": func(t *testing.T, dir, secret string) string {
		python, err := exec.LookPath("python3")
		if err != nil {
			t.Skip("there is no python3")
		}
		cmd := exec.CommandContext(t.Context(), python, "receiver.py", dir, "0")
		cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		port, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return "http://127.0.0.1:" + strings.TrimSpace(port)
	},
}

// open opens the channel, with a clock.
func open(t *testing.T, url string, now time.Time) alert.Notifier {
	c := &webhook.Config{URL: url + "/", Secret: "env:OUTFLOW_TEST_SECRET"}
	n, err := c.Open(t.Context(), alert.Env{
		Now: func() time.Time { return now }, Version: "test", Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TLS: &tls.Config{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReceivers sends alerts to each example as the channel does: one that is sent again is kept once, and none that
// somebody else has signed, or that is old.
func TestReceivers(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	for name, start := range receivers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			url := start(t, dir, alerttest.Secret)
			a := alerttest.Alert()
			send := func(m *alert.Message, at time.Time) error {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, err := open(t, url, at).Notify(ctx, m)
				return err
			}
			kept := func() (list []string) {
				files, _ := filepath.Glob(filepath.Join(dir, "*"))
				for _, f := range files {
					list = append(list, filepath.Base(f))
				}
				return list
			}
			for _, m := range []*alert.Message{{Alert: a}, {Alert: a, Repeat: true}} { // killed in between
				if err := send(m, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			if got := kept(); len(got) != 1 || got[0] != a.ID+".1.json" {
				t.Fatalf("%q is kept", got)
			}
			var stored alert.Alert
			b, err := os.ReadFile(filepath.Join(dir, a.ID+".1.json"))
			if err != nil || json.Unmarshal(b, &stored) != nil || stored.Reason != a.Reason {
				t.Errorf("%v: %.300s", err, b)
			}
			a.Revision = 2
			if err := send(&alert.Message{Alert: a}, time.Now()); err != nil || len(kept()) != 2 {
				t.Errorf("a revision: %v, %q", err, kept())
			}
			a.Revision = 3
			for _, at := range []time.Time{time.Now().Add(-6 * time.Minute), time.Now().Add(6 * time.Minute)} {
				if err := send(&alert.Message{Alert: a}, at); err == nil {
					t.Errorf("a request of %s is taken", at)
				}
			}
			t.Setenv("OUTFLOW_TEST_SECRET", "other")
			if err := send(&alert.Message{Alert: a}, time.Now()); err == nil {
				t.Error("a request that somebody else has signed is taken")
			}
			t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Idempotency-Key", "x")
			res, err := http.DefaultClient.Do(req)
			if err != nil || res.StatusCode != http.StatusUnauthorized || len(kept()) != 2 {
				t.Errorf("without a signature: %v, %v, %q", res, err, kept())
			}
		})
	}
}
