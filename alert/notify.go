package alert

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Notifier sends through a channel. It may be called again with the same alert and revision: a
// channel that has a key, or can look a message up, must not notify people twice; another marks the
// repetition (Message.Repeat). An error is retried later unless it is Permanent; after one that is neither an answer of
// the receiver nor Repeatable the message may have arrived. The end of the context ends sending.
type Notifier interface {
	// Notify sends a message. It returns the channel's name for it, which comes back as Ref
	// with later revisions of the same alert.
	Notify(ctx context.Context, m *Message) (ref string, err error)
}

// Message is what a channel sends.
type Message struct {
	Alert  Alert  // the alert, masked for the channel's readers
	Ref    string // what Notify returned for the previous revision; "" for none
	Before *Told  // what that message said; nil if it is not known
	Case   string // what Notify returned for the first alert of the case; "" for none, or if that is this one
	Repeat bool   // it may have been sent before: sending was interrupted
	// Earlier is set, with Repeat, if it may have been an earlier version that was sent: it was set aside without an answer.
	Earlier bool
	// Only are those of the channel's receivers that have yet to be told; nil for all (Partly).
	Only []string
	Test bool // it is a test of the channel, not an alert
	// Decision is set if nothing is new but what was decided about the alert (Alert.Triage). With Others the message
	// tells of many decisions, and is no revision of any of them.
	Decision bool
	Others   []Alert // alerts that waited too and get no message of their own
	Link     string  // to the alert's page; "" for none
	// About are the accounts of those whom the alerts are about, also where they are masked. A channel that reaches
	// people one by one leaves them out.
	About []string
}

// Key identifies a message: it is the same for every attempt.
func (m *Message) Key() string {
	if m.Several() {
		return m.Alert.Key() + ".decisions"
	}
	return m.Alert.Key()
}

// Several reports whether the message tells of decisions about several alerts.
func (m *Message) Several() bool { return m.Decision && len(m.Others) > 0 }

// Settings are the configuration of a channel: a pointer to a struct with yaml tags.
type Settings interface {
	// Check returns an error if a setting is missing or invalid. It needs no network.
	Check() error
	Open(ctx context.Context, env Env) (Notifier, error) // Open resolves secrets and returns the channel.
}

// Env is what channels need besides their settings.
type Env struct {
	Now     func() time.Time // the clock
	Version string           // of the program
	Allow   []netip.Prefix   // internal networks that a channel may connect to
	TLS     *tls.Config      // trusted certificates and the client certificate; never nil
}

// HTTP returns a client that connects to public addresses and to the networks in Allow only.
func (e *Env) HTTP() *http.Client { return webapi.NewGuarded(e.Allow, e.TLS) }

// RequireTLS rejects certificate settings on a plaintext connection.
func (e *Env) RequireTLS() error {
	if e.TLS.RootCAs != nil || e.TLS.GetClientCertificate != nil {
		return errors.New("ca and client_cert require tls: true")
	}
	return nil
}

// Kind is a kind of channel.
type Kind struct {
	Name   string          // as in the configuration
	New    func() Settings // returns empty settings
	People bool            // people read messages one by one: a long backlog becomes one message
	Brief  bool            // messages are texts: of the items they state those of Message.Items, of the receipt nothing
	SDK    bool            // the AWS SDK connects and has its own certificate settings
}

// RequireSettings takes pairs of a name and a value. The error names the first without a value.
func RequireSettings(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is required")
		}
	}
	return nil
}

// SplitURL splits an http or https URL into scheme and host, and path with query.
func SplitURL(text string) (base, path string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", errors.New("url: not a URL such as https://host/path")
	}
	return u.Scheme + "://" + u.Host, u.RequestURI(), nil
}

// Redact returns an error of a request without a secret that its text may contain, such as the path of an
// address that is secret.
func Redact(err error, text string) error {
	var e *webapi.Error
	if text == "" || !errors.As(err, &e) {
		return err
	}
	path, _, _ := strings.Cut(text, "?")
	out := *e
	out.Op, out.Text = secret.Redact(out.Op, text, path), secret.Redact(out.Text, text, path)
	return &out
}

// OCSF returns a message about an alert as a Detection Finding of OCSF, in JSON. Version is that of the
// program.
func OCSF(m *Message, version string) ([]byte, error) {
	f := ocsf(m, version)
	return json.Marshal(&f)
}

// CheckSeverities returns an error if a setting has a key that is not a severity.
func CheckSeverities(setting string, values map[string]string) error {
	for key := range values {
		if _, err := ParseSeverity(key); err != nil {
			return fmt.Errorf("%s: %w", setting, err)
		}
	}
	return nil
}

// CheckTriage returns an error if a setting has a key that is not a status of triage.
func CheckTriage(setting string, values map[string]string) error {
	known := []TriageStatus{TriageNew, TriageInProgress, TriageSuppressed, TriageResolved}
	for key := range values {
		if !slices.Contains(known, TriageStatus(key)) {
			return fmt.Errorf("%s: %q is not one of %v", setting, key, known)
		}
	}
	return nil
}
