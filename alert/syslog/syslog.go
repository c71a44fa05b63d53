// Package syslog sends alerts as messages of RFC 5424 over TCP or TLS, framed by length (RFC
// 6587), in the Common Event Format (CEF).
package syslog

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// Kind is the kind of channel syslog.
var Kind = alert.Kind{Name: "syslog", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel.
type Config struct {
	Server string `yaml:"server"` // host:port; required
	TLS    bool   `yaml:"tls"`    // whether the server is reached over TLS
	// EnterpriseID is the organisation's own private enterprise number (www.iana.org/assignments/enterprise-numbers), under
	// which messages have structured data; 0 for none.
	EnterpriseID int `yaml:"enterprise_id"`
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Server); err != nil {
		return fmt.Errorf("server: %q is not a host:port", c.Server)
	}
	if c.EnterpriseID < 0 || c.EnterpriseID == documentation {
		return fmt.Errorf("enterprise_id: %d is not a number that IANA has assigned to an organisation", c.EnterpriseID)
	}
	return nil
}

// documentation is the enterprise number that RFC 5612 reserves for examples.
const documentation = 32473

// Open implements alert.Settings.
func (c *Config) Open(_ context.Context, env alert.Env) (alert.Notifier, error) {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, err
	}
	n := &notifier{address: c.Server, version: env.Version, enterprise: c.EnterpriseID}
	if n.host, err = os.Hostname(); err != nil {
		n.host = "-"
	}
	if c.TLS {
		n.tls = env.TLS.Clone()
		n.tls.ServerName = host
	} else if err := env.RequireTLS(); err != nil {
		return nil, err
	}
	return n, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	address, host, version string
	enterprise             int
	tls                    *tls.Config
}

// limit is the longest that sending one message takes.
const limit = 20 * time.Second

// Notify implements alert.Notifier. Syslog has no acknowledgements. Each message has its own
// connection, which the receiver closes, so that a receiver that does not read it is an error.
// A message may come twice after an interruption: externalId identifies it.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if n.tls != nil {
		dialer = &tls.Dialer{Config: n.tls}
	}
	conn, err := dialer.DialContext(ctx, "tcp", n.address)
	if err != nil {
		return "", alert.Repeatable(fmt.Errorf("syslog: send: %w", err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // reading and writing do not look at the context
	if at, ok := ctx.Deadline(); ok {
		conn.SetDeadline(at)
	}
	text := Format(m, n.host, n.version, n.enterprise)
	if wrote, err := conn.Write([]byte(strconv.Itoa(len(text)) + " " + text)); err != nil {
		if err = fmt.Errorf("syslog: send: %w", err); wrote == 0 {
			err = alert.Repeatable(err)
		}
		return "", err
	}
	if err := closeInOrder(conn); err != nil || ctx.Err() != nil {
		return "", cmp.Or(ctx.Err(), err)
	}
	return "", nil
}

// closeInOrder ends the outgoing direction, and waits until the receiver closes or resets the
// connection. An answer is an error: syslog has none (RFC 6587, section 3).
func closeInOrder(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return fmt.Errorf("syslog: close connection: %w", err)
	}
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	var b [64]byte
	count, err := conn.Read(b[:])
	switch {
	case count > 0: // a mail or web server
		return alert.Repeatable(fmt.Errorf("syslog: the server answers %q, so it does not receive syslog", b[:count]))
	case err != nil && strings.Contains(err.Error(), "reset"):
		return fmt.Errorf("syslog: close connection: %w", err)
	}
	return nil
}

// The severities of RFC 5424 and of CEF.
var (
	severities = map[alert.Severity]int{
		alert.Critical:      2,
		alert.High:          3,
		alert.Medium:        4,
		alert.Low:           5,
		alert.Informational: 6,
	}
	cef = map[alert.Severity]int{
		alert.Critical:      10,
		alert.High:          8,
		alert.Medium:        6,
		alert.Low:           3,
		alert.Informational: 1,
	}
)

const facility = 13 // log audit

// Limits of the fields of CEF, in characters.
const (
	maxMsg    = 1023 // of msg and suser
	maxCustom = 4000 // of custom strings
)

// Format returns the message as it is sent, without its length. Empty host and version are
// replaced. With an enterprise number it has structured data.
func Format(m *alert.Message, host, version string, enterprise int) string {
	a := &m.Alert
	if host == "" {
		host = "-"
	}
	if version == "" {
		version = "dev"
	}

	act := "alert"
	switch {
	case m.Test:
		act = "test"
	case a.Withdrawn:
		act = "withdrawn"
	case m.Decision:
		act = "triage"
	}

	var ext []string
	add := func(key, value string) {
		if value != "" { // values may not be empty
			ext = append(ext, key+"="+extension(value))
		}
	}
	custom := func(key, label, value string) {
		if value != "" {
			add(key+"Label", label)
			add(key, plain.Clip(value, maxCustom))
		}
	}
	add("externalId", a.ID)
	add("rt", strconv.FormatInt(a.Time.UnixMilli(), 10))
	add("start", strconv.FormatInt(a.Window.Start.UnixMilli(), 10))
	add("end", strconv.FormatInt(a.Window.End.UnixMilli(), 10))
	add("suser", plain.Clip(a.User, maxMsg))
	add("cnt", strconv.Itoa(a.EventCount))
	add("act", act)
	custom("cs1", "sources", strings.Join(a.Sources, ","))
	custom("cs2", "techniques", strings.Join(a.Techniques, ","))
	custom("cn1", "revision", strconv.Itoa(a.Revision))
	custom("cfp1", "score", strconv.FormatFloat(a.Score, 'f', 2, 64))
	add("msg", plain.Clip(a.Sentence(), maxMsg))
	custom("cs4", "facts", strings.Join(m.Chips(), "; "))
	custom("cs5", "items", strings.Join(m.Items(), "; "))
	if a.Triage != nil {
		custom("cs6", "triage", a.Triage.Title())
	}
	if m.Repeat {
		custom("cs3", "possible_repeat", "true")
	}

	data := "-"
	if enterprise > 0 {
		data = fmt.Sprintf(`[outflow@%d id="%s" revision="%d" severity="%s"]`, enterprise, param(a.ID), a.Revision, a.Severity)
	}
	return fmt.Sprintf("<%d>1 %s %s outflow - alert %s CEF:0|Outflow|Outflow|%s|%s|%s|%d|%s",
		facility*8+severities[a.Severity], a.Time.UTC().Format("2006-01-02T15:04:05.000Z"), headerWord(host), data, header(version),
		header(a.Detector), header(a.DetectorTitle()), cef[a.Severity], strings.Join(ext, " "))
}

// headerWord returns a field of the header: printable ASCII without spaces.
func headerWord(t string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return '_'
		}
		return c
	}, t)
}

// escapeControl replaces control characters, line ends among them, and those that change the
// direction of text.
func escapeControl(t string) string { return plain.Printable(t) }

// param escapes a value of structured data (RFC 5424, 6.3.3).
func param(t string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(escapeControl(t))
}

// header escapes pipes in the header of CEF (ArcSight, "Implementing ArcSight Common Event
// Format").
func header(t string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`).Replace(escapeControl(t))
}

// extension escapes equals signs in the extension of CEF.
func extension(t string) string {
	return strings.NewReplacer(`\`, `\\`, "=", `\=`).Replace(escapeControl(t))
}
