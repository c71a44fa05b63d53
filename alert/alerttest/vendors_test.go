package alerttest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestHalfAMessage ends connections within a message, as a sender does that is killed: no receiver counts it as told.
func TestHalfAMessage(t *testing.T) {
	const key = "abcdef0123456789abcdef0123456789.1"
	overHTTP := func(l *Ledger) string {
		v := &Vendor{Take: func(l *Ledger, r *Request) Answer {
			l.told(r.Body)
			return Answer{Status: http.StatusOK}
		}}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(l, w, r) }))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	listening := func(listen func(*Ledger, net.Conn)) func(*Ledger) string {
		return func(l *Ledger) string {
			v := &Vendor{Settings: "%s", Listen: listen}
			return v.Start(t, l)
		}
	}
	for name, c := range map[string]struct {
		start       func(l *Ledger) (address string)
		begin, rest string
	}{
		"http":           {overHTTP, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", "{\"a\":\"b\"}"},
		"mail":           {listening(listenSMTP), "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n", "Subject: x\r\n\r\nx\r\n.\r\n"},
		"mail, its head": {listening(listenSMTP), "EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nSubject: x\r\n", "\r\nx\r\n.\r\n"},
		"syslog":         {listening(listenSyslog), "12 <134>1 ", "- - -"},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLedger()
			l.Begin(key)
			address := c.start(l)
			for _, text := range []string{c.begin, c.begin + c.rest} {
				if _, plain, marked := l.Count(); plain+marked > 0 {
					t.Errorf("half a message was taken: %v", l.plain)
				}
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(conn, text)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn) // until the receiver has ended, too
				conn.Close()
			}
			if wrong := l.Check(key); len(wrong) > 0 {
				t.Errorf("the whole message: %v", wrong)
			}
		})
	}
}
