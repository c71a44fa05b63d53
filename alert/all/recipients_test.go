package all

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// mailbox is a mail server that says no to recipients, and keeps who got what.
type mailbox struct {
	mu  sync.Mutex
	no  map[string]string // what a recipient is answered with
	got []string          // recipients, the key of the message, whether it is marked
}

// refuse sets what a recipient is answered with, "" to take them.
func (b *mailbox) refuse(to, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.no[to] = line
}

// start starts the server.
func (b *mailbox) start(t *testing.T) (address string) {
	return alerttest.MailServer(t, func(to string) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.no[to]
	}, func(m alerttest.Mail) {
		b.mu.Lock()
		defer b.mu.Unlock()
		_, key, _ := strings.Cut(m.Body, "Message-ID: <")
		key, _, _ = strings.Cut(key, "@")
		for _, to := range []string{"soc@acme.example", "gone@acme.example", "full@acme.example"} {
			if !strings.Contains(m.Body, to) {
				key += " not to " + to
			}
		}
		if strings.Contains(strings.ReplaceAll(m.Body, "=\r\n", ""), "ossible repeat") {
			key += " marked"
		}
		b.got = append(b.got, strings.ReplaceAll(strings.Join(m.To, " "), "@acme.example", "")+": "+strings.TrimLeft(key, "0"))
	})
}

// take returns what came since the last call.
func (b *mailbox) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// TestRecipients delivers a mail to those whom the server takes. The one that it refuses is a dead letter for them alone,
// the one whose mailbox is full gets it later, and neither holds up what comes after it.
func TestRecipients(t *testing.T) {
	store, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	box := &mailbox{no: map[string]string{
		"gone@acme.example": "550 5.1.1 no such mailbox", "full@acme.example": "452 4.2.2 mailbox full",
	}}
	kind := kindOf("email")
	n := alerttest.Open(t, kind, fmt.Sprintf("server: %q\ntls: none\nfrom: outflow@acme.example\n"+
		"to: [soc@acme.example, gone@acme.example, full@acme.example]", box.start(t)))
	var outcomes []string
	p := &pass{&alert.Channel{Name: kind.Name, Kind: kind, Notifier: n, Observe: func(_ *alert.Alert, err error) {
		outcomes = append(outcomes, fmt.Sprint(err != nil))
	}}, store, alerttest.Now}
	deliver := func(step string, want ...string) {
		t.Helper()
		_, _, err := p.Deliver(t.Context(), p.store, p.now)
		if got := box.take(); !slices.Equal(got, want) {
			t.Fatalf("%s: %q, want %q (%v)", step, got, want, err)
		}
	}
	tell := func(i int) {
		t.Helper()
		a := alert.Sample(alerttest.Now)
		a.ID = fmt.Sprintf("%032x", i)
		a.Case = a.ID
		p.tell(t, a)
	}
	tell(1)
	deliver("the first", "soc: 1.1")
	tell(2)
	deliver("while one waits", "soc: 2.1")
	unsent, err := store.Unsent(t.Context())
	if err != nil || len(unsent) != 4 || !strings.Contains(unsent[0].Reason, "full@acme.example: 452 \"4.2.2 mailbox full\"") ||
		!strings.Contains(unsent[2].Reason, "email: send: 2 of 3 recipients were not taken: gone@acme.example: 550") || unsent[2].Seq == 0 {
		t.Errorf("%+v, %v", unsent, err)
	}
	p.now = p.now.Add(time.Hour)
	deliver("it is still full")
	box.refuse("full@acme.example", "")
	p.now = p.now.Add(time.Hour)
	deliver("it has room", "full: 1.1", "full: 2.1")
	box.refuse("gone@acme.example", "")
	if n, err := store.Retry(t.Context(), 0, p.now); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	deliver("it is there again", "gone: 1.1", "gone: 2.1")
	if want := []string{"false", "true", "false", "true"}; len(outcomes) < 4 || !slices.Equal(outcomes[:4], want) {
		t.Errorf("refused: %v, want %v", outcomes, want)
	}
	box.refuse("full@acme.example", "452 4.2.2 mailbox full")
	tell(3)
	killed := true
	p.Between = func(name string) {
		if killed && name == "sent" {
			killed = false
			panic("killed")
		}
	}
	func() {
		defer func() { recover() }()
		deliver("killed after some were told")
	}()
	if got, want := box.take(), []string{"soc gone: 3.1"}; !slices.Equal(got, want) {
		t.Errorf("killed: %q, want %q", got, want)
	}
	deliver("after it", "soc gone: 3.1 marked")
	box.refuse("full@acme.example", "")
	p.now = p.now.Add(time.Hour)
	deliver("who may have it is told so", "full: 3.1 marked")
	if _, _, left, err := store.Counts(t.Context()); left != 0 || err != nil {
		t.Errorf("%d left, %v", left, err)
	}
}
