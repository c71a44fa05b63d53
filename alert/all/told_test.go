package all

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
	"github.com/outflow/outflow/alert/file"
)

// vendorOf returns the vendor of a kind.
func vendorOf(t testing.TB, kind alert.Kind) *alerttest.Vendor {
	t.Helper()
	v := alerttest.Vendors[kind.Name]
	if v == nil {
		t.Fatalf("%s has no vendor: add what it answers to alerttest.Vendors", kind.Name)
	}
	return v
}

// announced says which message is sent, and gives up after a while, as a client does whose server does not answer.
type announced struct {
	alert.Notifier
	begin func(key string)
	wait  time.Duration
}

// Notify implements alert.Notifier.
func (a *announced) Notify(ctx context.Context, m *alert.Message) (string, error) {
	a.begin(m.Key())
	ctx, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	return a.Notifier.Notify(ctx, m)
}

// secrets sets what the settings of vendors refer to.
func secrets(t testing.TB) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if os.Getenv(name) == "" {
			os.Setenv(name, "x")
			t.Cleanup(func() { os.Unsetenv(name) })
		}
	}
	for name, value := range map[string]string{"OUTFLOW_TEST_SECRET": alerttest.Secret, "AWS_MAX_ATTEMPTS": "1"} {
		os.Setenv(name, value)
		t.Cleanup(func() { os.Unsetenv(name) })
	}
}

// openVendor opens the channel to a vendor.
func openVendor(t testing.TB, kind alert.Kind, settings string) alert.Notifier {
	return alerttest.Open(t, kind, settings)
}

// pass is a channel to a vendor whose clock is moved to when it wants to send again.
type pass struct {
	*alert.Channel
	store *alert.Store
	now   time.Time
}

// drain sends until nothing waits.
func (p *pass) drain(t testing.TB) {
	t.Helper()
	for range 1_000_000 {
		_, again, err := p.Deliver(t.Context(), p.store, p.now)
		if err == nil && again.IsZero() {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
		if again.After(p.now) {
			p.now = again
		}
	}
	t.Fatal("it never ends")
}

// tell queues a version of an alert.
func (p *pass) tell(t testing.TB, a alert.Alert) string {
	t.Helper()
	policy := alert.NotifyPolicy{
		Now: p.now, NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: p.Name, Brief: p.Kind.Brief}},
	}
	if err := p.store.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, []alert.Alert{a}, policy); err != nil {
		t.Fatal(err)
	}
	return a.Key()
}

// closeAlert queues a decision.
func (p *pass) closeAlert(t testing.TB, a alert.Alert) string {
	t.Helper()
	a.Triage = &alert.Triage{Number: 1, Status: alert.TriageResolved, Verdict: alert.VerdictFalse, By: "kim", At: p.now}
	if err := p.store.ApplyDecisions(t.Context(), 1, []alert.Decided{{Alert: a.ID, Triage: *a.Triage}}, []alert.Route{{Channel: p.Name, Brief: p.Kind.Brief}},
		p.now); err != nil {
		t.Fatal(err)
	}
	return a.Key()
}

// setAside says whether a message about an alert is a dead letter.
func (p *pass) setAside(t testing.TB, id string) bool {
	t.Helper()
	list, err := p.store.Unsent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(u alert.Unsent) bool { return u.Alert == id && u.Seq > 0 })
}

// TestToldOnce plays what each vendor answers, and how connections fail, to each kind of channel: for the first message
// about an alert, for one that raises its severity, and for a decision. What a receiver took is not sent again without a
// mark, whatever came after it, and nothing is lost but what the receiver refuses.
func TestToldOnce(t *testing.T) {
	secrets(t)
	for _, kind := range Kinds {
		v := vendorOf(t, kind)
		t.Run(kind.Name, func(t *testing.T) {
			if kind.Name != "teams" { // its address is in the environment
				t.Parallel()
			}
			l := alerttest.NewLedger()
			settings := v.Start(t, l)
			if kind.Name == "teams" {
				settings = useTeams(t, v, l)
			}
			p := newPass(t, kind, settings, l.Begin)
			n := 0
			for _, fault := range alerttest.Faults {
				if v.Mute && (fault == alerttest.Refused || fault == alerttest.Hung) {
					continue
				}
				for _, script := range [][]alerttest.Fault{{fault}, {alerttest.None, fault}, {alerttest.CutAfter, fault}} {
					for stage := range 3 {
						if testing.Short() && (stage > 0 || len(script) > 1 && fault == alerttest.Hung) {
							continue
						}
						n++
						p.play(t, l, n, stage, script)
					}
				}
			}
		})
	}
}

// useTeams starts the vendor of Teams, whose address is a secret.
func useTeams(t testing.TB, v *alerttest.Vendor, l *alerttest.Ledger) string {
	of := *v
	of.Settings = "%s"
	t.Setenv("OUTFLOW_TEST_TEAMS", of.Start(t, l)+"/workflows/1?sig=2")
	return v.Settings
}

// newPass opens a store and a channel.
func newPass(t testing.TB, kind alert.Kind, settings string, begin func(string)) *pass {
	t.Helper()
	s, err := alert.OpenStore(t.Context(), filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	n := &announced{openVendor(t, kind, settings), begin, 300 * time.Millisecond}
	return &pass{&alert.Channel{Name: kind.Name, Kind: kind, Notifier: n}, s, alerttest.Now}
}

// play tells of one alert, with faults at a stage.
func (p *pass) play(t *testing.T, l *alerttest.Ledger, n, stage int, script []alerttest.Fault) {
	t.Helper()
	a := alerttest.Alert()
	a.ID = fmt.Sprintf("%032x", n)
	a.Case = a.ID
	var key string
	for at := range stage + 1 {
		if at == stage {
			l.Script(slices.Clone(script)...)
		}
		switch at {
		case 0:
			key = p.tell(t, a)
		case 1:
			a.Revision, a.Severity, a.Observed = 2, alert.Critical, 300
			key = p.tell(t, a)
		case 2:
			key = p.closeAlert(t, a)
		}
		p.drain(t)
	}
	l.Script()
	aside := p.setAside(t, a.ID)
	wrong := l.Check(key)
	if aside { // what was refused did not come
		wrong = slices.DeleteFunc(wrong, func(w string) bool { return strings.HasSuffix(w, "never came") })
	}
	if len(wrong) > 0 || aside && !slices.Contains(script, alerttest.Refused) {
		t.Errorf("stage %d, %v: set aside %v, %v", stage, script, aside, wrong)
	}
}

// TestToldOnceInSum tells of many alerts through every kind, with escalations and decisions, while receivers fail at
// random: each comes once, or is marked. OUTFLOW_TOLD says how many alerts, OUTFLOW_TOLD_KINDS through which kinds.
func TestToldOnceInSum(t *testing.T) {
	secrets(t)
	alerts := often("OUTFLOW_TOLD", 30)
	for _, kind := range toldKinds(t) {
		v := vendorOf(t, kind)
		t.Run(kind.Name, func(t *testing.T) {
			l := alerttest.NewLedger()
			settings := v.Start(t, l)
			if kind.Name == "teams" {
				settings = useTeams(t, v, l)
			}
			kind.People = false // a message for each
			p := newPass(t, kind, settings, l.Begin)
			l.Random(.15, uint64(alerts))
			var keys []string
			for n := range alerts {
				a := alert.Sample(alerttest.Now)
				a.ID = fmt.Sprintf("%032x", n)
				a.Case, a.Severity = a.ID, alert.Medium
				keys = append(keys, p.tell(t, a))
				if n%100 == 0 {
					p.drain(t)
				}
				if n%10 < 2 { // some are told again
					p.drain(t)
					a.Revision, a.Severity = 2, alert.High
					keys = append(keys, p.tell(t, a))
				}
				if n%10 == 0 {
					p.drain(t)
					keys = append(keys, p.closeAlert(t, a))
				}
			}
			p.drain(t)
			if wrong := l.Check(keys...); len(wrong) > 0 {
				t.Errorf("%d of %d: %.1000v", len(wrong), len(keys), wrong)
			}
			messages, plain, marked := l.Count()
			t.Logf("%d alerts, %d messages: %d came unmarked, %d marked; faults %s", alerts, messages, plain, marked, l.FaultCounts())
		})
	}
}

// often returns a number of the environment.
func often(name string, or int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return or
}

// toldKinds are the kinds that OUTFLOW_TOLD_KINDS names; all without it.
func toldKinds(t *testing.T) (list []alert.Kind) {
	names := strings.Fields(os.Getenv("OUTFLOW_TOLD_KINDS"))
	for _, k := range Kinds {
		if len(names) == 0 || slices.Contains(names, k.Name) {
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		t.Fatalf("none of the kinds %q", names)
	}
	return list
}

// sender is what a process that is killed is told to do.
type sender struct {
	Dir      string            // with alerts.db
	Control  string            // what is sent next is said there
	Settings map[string]string // of channels, by kind
}

// TestToldOnceKilled kills a process that sends through every kind, while receivers fail at random: each alert comes once,
// or is marked, and each line of a file is there once. OUTFLOW_KILLS says how often, OUTFLOW_TOLD how many alerts.
func TestToldOnceKilled(t *testing.T) {
	if job := os.Getenv("OUTFLOW_TOLD_SENDER"); job != "" {
		var s sender
		if err := json.Unmarshal([]byte(job), &s); err != nil {
			t.Fatal(err)
		}
		s.send(t)
		return
	}
	secrets(t)
	kills, alerts := often("OUTFLOW_KILLS", 4), often("OUTFLOW_TOLD", 30)
	s, ledgers := startSender(t, alerts)
	store, err := alert.OpenStore(t.Context(), filepath.Join(s.Dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	keys := queueAll(t, store, s, alerts)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	job, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(kills), 2))
	killed := 0
	for n := 0; ; n++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestToldOnceKilled$", "-test.timeout=30m")
		cmd.Env = append(os.Environ(), "OUTFLOW_TOLD_SENDER="+string(job))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var timer *time.Timer
		if killed < kills { // early and late
			most := 2 * time.Second * time.Duration(1+alerts/5000)
			timer = time.AfterFunc(50*time.Millisecond+time.Duration(rng.Int64N(int64(most))), func() { cmd.Process.Kill() })
		}
		err := cmd.Wait()
		if timer != nil {
			timer.Stop()
		}
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v\n%s", err, out.String())
		}
		killed++
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range ledgers {
			if !yield(name) {
				return
			}
		}
	}) {
		l := ledgers[name]
		if wrong := l.Check(keys...); len(wrong) > 0 {
			t.Errorf("%s: %d of %d: %.1000v", name, len(wrong), len(keys), wrong)
		}
		messages, plain, marked := l.Count()
		t.Logf("%s: %d messages, %d came unmarked, %d marked; faults %s", name, messages, plain, marked, l.FaultCounts())
	}
	lines, err := os.ReadFile(filepath.Join(s.Dir, "alerts.ndjson"))
	if err != nil || bytes.Count(lines, []byte("\n")) != alerts {
		t.Errorf("the file has %d lines of %d alerts, %v", bytes.Count(lines, []byte("\n")), alerts, err)
	}
	t.Logf("%d kills", killed)
}

// startSender starts the vendors, and what is told which message comes next.
func startSender(t *testing.T, seed int) (*sender, map[string]*alerttest.Ledger) {
	s := &sender{Dir: t.TempDir(), Settings: map[string]string{}}
	ledgers := map[string]*alerttest.Ledger{}
	for _, kind := range toldKinds(t) {
		v := vendorOf(t, kind)
		l := alerttest.NewLedger()
		if kind.Name == "teams" {
			s.Settings[kind.Name] = useTeams(t, v, l)
		} else {
			s.Settings[kind.Name] = v.Start(t, l)
		}
		l.Random(.1, uint64(seed))
		ledgers[kind.Name] = l
	}
	control := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ledgers[r.URL.Query().Get("kind")].Begin(r.URL.Query().Get("key"))
	}))
	t.Cleanup(control.Close)
	s.Control = control.URL
	return s, ledgers
}

// queueAll queues alerts for all channels.
func queueAll(t *testing.T, store *alert.Store, s *sender, alerts int) (keys []string) {
	policy := alert.NotifyPolicy{
		Now: alerttest.Now, NeedsAttention: func(*alert.Alert) bool { return true }, Routes: []alert.Route{{Channel: "file"}},
	}
	for name := range s.Settings {
		policy.Routes = append(policy.Routes, alert.Route{Channel: name, Brief: kindOf(name).Brief})
	}
	var list []alert.Alert
	for n := range alerts {
		a := alert.Sample(alerttest.Now)
		a.ID = fmt.Sprintf("%032x", n)
		a.Case = a.ID
		list, keys = append(list, a), append(keys, a.Key())
	}
	if err := store.Apply(t.Context(), 0, alert.Position{Next: 1, Epoch: 1}, list, policy); err != nil {
		t.Fatal(err)
	}
	return keys
}

// send sends all that waits, through all channels at once.
func (s *sender) send(t *testing.T) {
	store, err := alert.OpenStore(t.Context(), filepath.Join(s.Dir, "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var wait sync.WaitGroup
	for name, settings := range s.Settings {
		kind := kindOf(name)
		kind.People = false // a message for each
		begin := func(key string) {
			res, err := http.Get(s.Control + "?kind=" + name + "&key=" + url.QueryEscape(key))
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
		}
		n := &announced{openVendor(t, kind, settings), begin, 2 * time.Second}
		p := &pass{&alert.Channel{Name: name, Kind: kind, Notifier: n}, store, alerttest.Now}
		wait.Go(func() { p.drain(t) })
	}
	wait.Go(func() {
		c := &file.Channel{Name: "file", Path: filepath.Join(s.Dir, "alerts.ndjson")}
		for {
			if sent, err := c.Deliver(t.Context(), store); err != nil || sent == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	wait.Wait()
}
