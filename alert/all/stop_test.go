package all

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// plainly are the settings, for a host and port, of the channels whose tests do not use HTTP.
var plainly = map[string]string{
	"email":       "server: %s\ntls: none\nfrom: outflow@acme.example\nto: [soc@acme.example]",
	"syslog":      "server: %s",
	"kafka":       "brokers: [%q]\ntopic: alerts",
	"sns":         "base_url: http://%s\ntopic_arn: arn:aws:sns:eu-west-1:111122223333:alerts",
	"securityhub": "base_url: http://%s\nregion: eu-west-1\naccount: \"111122223333\"",
}

// silent listens and sends nothing but a greeting. It signals every connection.
func silent(t *testing.T, greeting string) (address string, came <-chan struct{}) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	signal, done := make(chan struct{}, 100), make(chan struct{})
	t.Cleanup(func() { close(done); ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				conn.Write([]byte(greeting))
				signal <- struct{}{}
				<-done
				conn.Close()
			}()
		}
	}()
	return ln.Addr().String(), signal
}

// TestStop ends sending through every channel while its server sends nothing, or stops in the
// middle.
func TestStop(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	greetings := map[string]string{
		"silent":                   "",
		"a body that stops":        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
		"a mail server that stops": "220 mail.acme.example ESMTP\r\n",
		"more of a mail server":    "220 mail.acme.example ESMTP\r\n250-mail.acme.example\r\n250 8BITMIME\r\n250 OK\r\n",
	}
	for _, kind := range Kinds {
		if overHTTP[kind.Name].settings == "" && plainly[kind.Name] == "" {
			t.Errorf("%s is not tested", kind.Name)
			continue
		}
		for name, greeting := range greetings {
			t.Run(kind.Name+"/"+name, func(t *testing.T) {
				address, came := silent(t, greeting)
				t.Setenv("OUTFLOW_TEST_TEAMS", "http://"+address+"/x")
				settings := overHTTP[kind.Name].settings
				if plain, there := plainly[kind.Name]; there {
					settings = fmt.Sprintf(plain, address)
				} else if strings.Contains(settings, "%s") {
					settings = fmt.Sprintf(settings, "http://"+address)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				n := alerttest.Open(t, kind, settings)
				ended := make(chan error, 1)
				go func() {
					_, err := n.Notify(ctx, &alert.Message{Alert: alerttest.Alert()})
					ended <- err
				}()
				select {
				case <-came:
				case <-time.After(10 * time.Second):
					t.Fatal("it never connected")
				}
				cancel()
				select {
				case err := <-ended:
					if err == nil {
						t.Error("no error: nobody has taken the message")
					}
				case <-time.After(10 * time.Second): // limits of their own are longer
					t.Fatal("it goes on although it was stopped")
				}
			})
		}
	}
}
