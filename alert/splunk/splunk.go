// Package splunk sends alerts to Splunk's HTTP event collector (HEC).
package splunk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel splunk_hec.
var Kind = alert.Kind{Name: "splunk_hec", New: func() alert.Settings { return &Config{} }}

// Config are the settings of the channel.
type Config struct {
	URL   string     `yaml:"url"`   // such as https://splunk.acme.example:8088; required
	Token secret.Ref `yaml:"token"` // of the HTTP Event Collector; required
	Index string     `yaml:"index"` // the token's default if empty
}

// Check implements alert.Settings.
func (c *Config) Check() error { return alert.RequireSettings("url", c.URL, "token", string(c.Token)) }

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	token, err := secret.Resolve(ctx, c.Token)
	if err != nil {
		return nil, err
	}
	return &notifier{
		api: &webapi.Client{
			Base: c.URL,
			HTTP: env.HTTP(),
			Now:  env.Now,
			Auth: webapi.Static{Scheme: "Splunk", Token: token},
		},
		index:   c.Index,
		channel: newChannel(),
	}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api     *webapi.Client
	index   string
	channel string // identifies us to Splunk, which acknowledges by channel
}

// newChannel returns a random GUID.
func newChannel() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Notify implements alert.Notifier. Splunk keeps repeats: the fields alert_id, revision and decision identify them. A token
// with acknowledgement has Splunk say when it has indexed the event; until then it may be lost.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	fields := map[string]any{"alert_id": m.Alert.ID, "revision": m.Alert.Revision, "test": m.Test}
	if t := m.Alert.Triage; t != nil {
		fields["decision"], fields["triage_status"], fields["triage_verdict"] = t.Number, t.Status, t.Verdict
	}
	if m.Repeat {
		fields["possible_repeat"] = true
	}
	event := map[string]any{
		"time":       float64(m.Alert.Time.UnixMilli()) / 1000,
		"source":     "outflow",
		"sourcetype": "outflow:alert",
		"event":      &m.Alert,
		"fields":     fields,
	}
	if n.index != "" {
		event["index"] = n.index
	}
	b, err := json.Marshal(event)
	if err != nil {
		return "", alert.Permanent(err)
	}
	res, err := n.post(ctx, "/services/collector/event", b)
	if err != nil {
		return "", err
	}
	var taken struct {
		Ack *int64 `json:"ackId"`
	}
	if err := json.Unmarshal(res.Body, &taken); err != nil {
		return "", errors.New("splunk: the response is not that of the HTTP event collector")
	}
	if taken.Ack == nil { // the token has no acknowledgement
		return "", nil
	}
	return "", n.acknowledged(ctx, *taken.Ack)
}

// aboutEvent are the codes of responses that say that an event is wrong. Others are about the token, the index or the
// server, which a person can mend
// (help.splunk.com, "Troubleshoot HTTP Event Collector": possible error codes).
var aboutEvent = regexp.MustCompile(`"code"\s*:\s*(5|6|12|13|15)\b`)

// post sends a request with the header of the channel, which tokens with acknowledgement require.
func (n *notifier) post(ctx context.Context, path string, body []byte) (*webapi.Response, error) {
	res, err := n.api.Send(ctx, http.MethodPost, path, "application/json", body, http.Header{"X-Splunk-Request-Channel": {n.channel}})
	var e *webapi.Error
	if errors.As(err, &e) && e.Status == http.StatusBadRequest && !aboutEvent.MatchString(e.Text) {
		return nil, alert.Repeatable(err)
	}
	return res, err
}

// How long an acknowledgement may take, and how often it is asked for.
const (
	ackAtMost = time.Minute
	ackEvery  = time.Second
)

// acknowledged waits until Splunk has indexed an event.
func (n *notifier) acknowledged(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, ackAtMost)
	defer cancel()
	ask := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, ackEvery) {
		res, err := n.post(ctx, "/services/collector/ack", ask)
		var answer struct {
			Acks map[string]bool `json:"acks"`
		}
		switch {
		case alert.CannotLookUp(err), webapi.Is(err, webapi.Unauthorized):
			return fmt.Errorf("splunk: the event was sent, but not acknowledged: %v", err) // it says nothing of the event
		case err == nil && json.Unmarshal(res.Body, &answer) == nil && answer.Acks[strconv.FormatInt(id, 10)]:
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("splunk: the event was sent, but not acknowledged within a minute")
		case <-time.After(wait):
		}
	}
}
