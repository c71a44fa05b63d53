// Package email sends alerts by SMTP, as mails with text and HTML.
package email

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
)

// Kind is the kind of channel email.
var Kind = alert.Kind{
	Name: "email", New: func() alert.Settings { return &Config{TLS: "starttls"} }, People: true, Brief: true,
}

// Config are the settings of the channel.
type Config struct {
	Server   string     `yaml:"server"`   // host:port; required
	TLS      string     `yaml:"tls"`      // starttls, tls, or none for a server on this machine
	User     string     `yaml:"user"`     // empty to send without authentication
	Password secret.Ref `yaml:"password"` // of the user
	From     string     `yaml:"from"`     // address of the sender; required
	To       []string   `yaml:"to"`       // addresses of the recipients; required
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if err := alert.RequireSettings("server", c.Server, "from", c.From, "to", strings.Join(c.To, "")); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(c.Server)
	switch {
	case err != nil:
		return fmt.Errorf("server: %q is not a host:port", c.Server)
	case c.TLS == "none" && !net.ParseIP(host).IsLoopback() && host != "localhost":
		return errors.New("tls: none is only for a server on this machine: names would cross the network unencrypted")
	case c.TLS != "starttls" && c.TLS != "tls" && c.TLS != "none":
		return fmt.Errorf("tls: %q: starttls, tls, none", c.TLS)
	}
	return nil
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	password, err := secret.Resolve(ctx, c.Password)
	if err != nil {
		return nil, err
	}
	host, portText, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, err
	}

	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	conf := env.TLS.Clone()
	conf.ServerName = host
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(timeout), mail.WithTLSConfig(conf)}
	if c.TLS != "tls" { // with its own dialer the library takes implicit TLS for plaintext, and refuses to authenticate
		options = append(options, mail.WithDialContextFunc(dial))
	}

	switch c.TLS {
	case "tls":
		options = append(options, mail.WithSSL())
	case "none":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}

	if c.User != "" {
		kind := mail.SMTPAuthAutoDiscover
		if c.TLS == "none" {
			kind = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(kind), mail.WithUsername(c.User), mail.WithPassword(password.Reveal()))
	}

	client, err := mail.NewClient(host, options...)
	if err != nil {
		return nil, err
	}
	return &notifier{client, c.From, c.To, password.Reveal()}, nil
}

// Mail is a mail that is not about an alert, such as a digest.
type Mail struct {
	Subject string            // in one line
	ID      string            // local part of its Message-ID; the same for every attempt
	Text    string            // the part without markup
	HTML    string            // the part with markup
	Images  map[string][]byte // PNG images by the content ID with which HTML shows them ("cid:trend")
}

// Send sends a mail. After an error of alert.Partly some of the recipients have it.
func (c *Config) Send(ctx context.Context, env alert.Env, m *Mail) error {
	opened, err := c.Open(ctx, env)
	if err != nil {
		return err
	}
	n := opened.(*notifier)
	_, domain, _ := strings.Cut(n.from, "@")
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(n.from), msg.To(n.to...)); err != nil {
		return err
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + strings.Trim(domain, "> "))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	for _, name := range slices.Sorted(maps.Keys(m.Images)) {
		err := msg.EmbedReader(name+".png", bytes.NewReader(m.Images[name]),
			mail.WithFileContentID("<"+name+">"), mail.WithFileContentType("image/png"))
		if err != nil {
			return fmt.Errorf("email: embed an image: %w", err)
		}
	}
	if err := n.send(ctx, msg, n.to); err != nil {
		return fmt.Errorf("email: send: %w", n.redact(err))
	}
	return nil
}

// timeout is how long a server may take for a mail.
const timeout = 30 * time.Second

// notifier implements alert.Notifier.
type notifier struct {
	client   *mail.Client
	from     string
	to       []string
	password string
}

// sending is the key of the mail's context in the context of a dial, which ends earlier.
type sending struct{}

// send sends a mail to some of its recipients until ctx ends. The library does not look at ctx while it reads and writes.
func (n *notifier) send(ctx context.Context, msg *mail.Msg, to []string) error {
	result := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		result <- n.transfer(context.WithValue(ctx, sending{}, ctx), msg, to)
	}()
	select {
	case err := <-result:
		if err != nil && ctx.Err() != nil { // what was cut off may have been taken
			return ctx.Err()
		}
		return err
	case <-ctx.Done(): // dial closes the connection, or it ends after the library's timeout
		return ctx.Err()
	}
}

// transfer hands a mail over to the server. The error is one of alert.Permanent, alert.Repeatable or alert.Partly, or says
// nothing of what became of the mail. The library's own function gives up if the server refuses one recipient of many.
func (n *notifier) transfer(ctx context.Context, msg *mail.Msg, to []string) error {
	from, err := msg.GetSender(false)
	if err != nil {
		return alert.Permanent(err)
	}
	c, err := n.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return alert.Repeatable(err)
	}
	within := false // a mail: QUIT would end it
	defer func() {
		if !within {
			c.Quit() // what fails now is the farewell
		}
		c.Close()
	}()
	if err := errors.Join(c.UpdateDeadline(timeout), c.Mail(from)); err != nil {
		return answer(err)
	}
	part, err := offer(c, to)
	if err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return answer(err)
	}
	within = true
	if _, err := msg.WriteTo(w); err != nil { // without its last line no server takes it
		return alert.Repeatable(err)
	}
	within = false
	if err := w.Close(); err != nil {
		if code(err) == 0 { // the mail ended, and nobody said what became of it
			return err
		}
		return answer(err)
	}
	if part.Err != nil {
		return part
	}
	return nil
}

// offer names the recipients of a mail to the server. It returns those that the server does not take, if it takes others.
func offer(c *smtp.Client, to []string) (*alert.Partly, error) {
	part := &alert.Partly{}
	var said []string
	for _, r := range to {
		a, err := netmail.ParseAddress(r)
		if err != nil {
			return nil, alert.Permanent(fmt.Errorf("%q: %w", r, err))
		}
		err = c.Rcpt("<" + a.Address + ">")
		switch {
		case err == nil:
			continue
		case code(err) == 0:
			return nil, alert.Repeatable(err)
		case alert.IsPermanent(answer(err)):
			part.Refused = append(part.Refused, r)
		default:
			part.Later = append(part.Later, r)
		}
		said = append(said, a.Address+": "+err.Error())
	}
	if len(said) == 0 {
		return part, nil
	}
	part.Err = fmt.Errorf("%d of %d recipients were not taken: %s", len(said), len(to), strings.Join(said, "; "))
	switch {
	case len(said) < len(to):
		return part, nil
	case len(part.Later) > 0:
		return nil, alert.Repeatable(part.Err)
	}
	return nil, alert.Permanent(part.Err)
}

// code returns what a server has answered, 0 if it did not.
func code(err error) int {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return e.Code
	}
	return 0
}

// answer marks the error of a command after which the server has no mail. That it wants to know who sends it (RFC 4954) is
// no refusal for good: a person can mend it.
func answer(err error) error {
	switch c := code(err); {
	case c < 500, c == 530, c == 534, c == 535, c == 538:
		return alert.Repeatable(err)
	}
	return alert.Permanent(err)
}

// dial opens a connection that is closed when the context of its mail ends.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if of, ok := ctx.Value(sending{}).(context.Context); ok {
		context.AfterFunc(of, func() { conn.Close() })
	}
	return conn, nil
}

// Notify implements alert.Notifier. Mail has no key: the Message-ID is the same for every
// attempt, so that a mail client shows one. Later revisions are replies to the first mail, and the alerts
// of a case to its first, so that they form a thread. The reference is the key of the first mail.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	msg, err := n.compose(m)
	if err != nil {
		return "", alert.Permanent(err)
	}
	to := n.recipients(m.About)
	if m.Only != nil {
		if to = slices.DeleteFunc(to, func(r string) bool { return !slices.Contains(m.Only, r) }); len(to) == 0 {
			return "", alert.Permanent(errors.New("email: none of those who have yet to be told is a recipient of the channel"))
		}
	}
	ref := cmp.Or(m.Ref, m.Key())
	if m.Several() {
		ref = ""
	}
	switch err := n.send(ctx, msg, to).(type) {
	case nil:
		return ref, nil
	case *alert.Partly:
		err.Ref, err.Err = ref, fmt.Errorf("email: send: %w", n.redact(err.Err))
		return ref, err
	default:
		return "", fmt.Errorf("email: send: %w", n.redact(err))
	}
}

// redact returns an error whose text is without the password.
func (n *notifier) redact(err error) error {
	if n.password == "" {
		return err
	}
	return &redacted{secret.Redact(err.Error(), n.password), err}
}

// redacted is an error with another text.
type redacted struct {
	text string
	err  error
}

// Error implements error.
func (r *redacted) Error() string { return r.text }

// Unwrap returns the error itself, which says what became of the mail.
func (r *redacted) Unwrap() error { return r.err }

// recipients are those of the channel without the given accounts: nobody is told of an alert about themselves.
func (n *notifier) recipients(about []string) []string {
	return slices.DeleteFunc(slices.Clone(n.to), func(to string) bool {
		address := to
		if a, err := netmail.ParseAddress(to); err == nil {
			address = a.Address
		}
		return slices.ContainsFunc(about, func(user string) bool { return user != "" && strings.EqualFold(user, address) })
	})
}

// compose returns the mail of a message.
func (n *notifier) compose(m *alert.Message) (*mail.Msg, error) {
	_, domain, _ := strings.Cut(n.from, "@")
	domain = strings.Trim(domain, "> ")
	msg := mail.NewMsg()
	to := n.recipients(m.About)
	if len(to) == 0 {
		return nil, errors.New("email: every recipient of the channel is somebody whom the alert is about")
	}
	if err := errors.Join(msg.From(n.from), msg.To(to...)); err != nil {
		return nil, err
	}
	msg.Subject(oneLine("[Outflow] " + m.Headline()))
	msg.SetMessageIDWithValue(m.Key() + "@" + domain)
	var thread []string
	for _, key := range []string{m.Case, m.Ref} {
		if key != "" {
			thread = append(thread, "<"+key+"@"+domain+">")
		}
	}
	if len(thread) > 0 {
		msg.SetGenHeader(mail.HeaderInReplyTo, thread[len(thread)-1])
		msg.SetGenHeader(mail.HeaderReferences, strings.Join(thread, " "))
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Outflow-Severity", m.Alert.Severity.String())
	msg.SetBodyString(mail.TypeTextPlain, m.Text())
	if err := msg.AddAlternativeHTMLTemplate(page, m); err != nil {
		return nil, err
	}
	return msg, nil
}

// oneLine keeps a header on one line, and from being decoded: an encoded word (RFC 2047) could
// stand for any text. It cuts off what is longer than 200 characters.
func oneLine(t string) string {
	r := []rune(strings.ReplaceAll(strings.Join(strings.Fields(t), " "), "=?", "= ?"))
	return string(r[:min(len(r), 200)])
}

// page is the mail in HTML. A test checks that mail clients support what it uses.
var page = template.Must(template.New("mail").Parse(
	`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><title>Outflow</title></head>` +
		`<body style="font-family:Helvetica,Arial,sans-serif;font-size:14px;margin:0">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td style="padding:16px">
<div style="max-width:640px">
<h1 style="font-size:18px;margin:0 0 8px 0">{{.Headline}}</h1>
{{with .Changes}}<p style="margin:0 0 8px 0"><strong>Changed:</strong>{{range .}} {{.}}{{end}}</p>
{{end}}{{if not .Decision}}{{with .Chips}}<ul style="margin:0 0 12px 0">{{range .}}<li>{{.}}</li>{{end}}</ul>
{{end}}<p style="margin:0 0 12px 0">{{.Body}}</p>
{{with .Items}}<p style="margin:0"><strong>Items</strong></p>` +
		`<ul style="margin:0 0 12px 0">{{range .}}<li>{{.}}</li>{{end}}</ul>
{{end}}<table role="presentation" cellpadding="0" cellspacing="0" border="0">{{range .Facts}}` +
		`<tr><td valign="top" style="padding:2px 12px 2px 0"><strong>{{.Name}}</strong></td>` +
		`<td style="padding:2px 0 2px 0">{{.Value}}</td></tr>{{end}}</table>
{{else}}{{with .Repeated}}<p>{{.}}</p>{{end}}{{end}}{{if .Link}}<p><a href="{{.Link}}">Open alert</a></p>{{end}}
{{if .Rest}}<p>{{.Rest}}</p>{{end}}</div></td></tr></table></body></html>`))
