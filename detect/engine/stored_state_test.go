package engine

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

var update = flag.Bool("update", false, "write testdata/stored_state.db.gz anew: after a metric or an indicator has changed")

// storedState is a file with baselines as an earlier build of this version wrote them.
var storedState = filepath.Join("testdata", "stored_state.db.gz")

// pastState is the state after a month in which something of everything happened, in the
// middle of a day: with open exposures, rights, keys, rule windows and a leaver.
func pastState(t *testing.T) *Snapshot {
	t.Helper()
	s := &scenario{t: t}
	for _, l := range []string{
		"rules testdata/user_rule/rules", "people 4 Sales", "routine 1-33", "notice p4 28 40",
		"20-31 15:00 p2 download x20 spread=1h place=Board item=b source=box",
		"25 14:00 p4 token_grant source=github item=pat name=laptop", "26 14:00 p4 share_link source=box item=plan name=plan.docx after=link",
		"30 10:00 p3 network_open source=aws_cloudtrail item=sg name=web attr.rule=tcp/22-22+0.0.0.0/0",
		"31 09:00 p1 mfa_denied x5 spread=5m source=okta", "31 09:10 p1 login_failure x7 spread=5m source=okta ip=203.0.113.9 outcome=failure",
		"31 09:20 p1 login_success source=okta ip=203.0.113.9 country=BR",
		"31 10:00 p2 admin_grant source=google_workspace attr.role=Super+administrator to=p1@acme.example dept=Sales",
		"31 10:10 p2 other x4 spread=8m source=box attr.rule_match=opened|created_by.login=p2|ip_address=203.0.113.1",
		"31 10:20 p1 other source=box attr.rule_match=vault",
		"31 10:30 p1 share_user x3 source=box item=c name=contract.docx to=eve@rival.example",
		"31 11:00 svc.backup download x40 spread=1h source=aws_cloudtrail item=k place=data bytes=100000",
	} {
		s.line(l)
	}
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
	var snap *Snapshot
	e := newEngine(s.config, func(*finding.Finding) error { return nil })
	e.Checkpoint(at(31, 0)+12*event.Hour, func(s *Snapshot) error { snap = s; return nil })
	feed(t, e, s.events)
	if snap == nil {
		t.Fatal("no state")
	}
	return restored(t, snap)
}

// restored has an engine take a state over and returns what it would store: empty lists that
// are kept for use become none.
func restored(t *testing.T, snap *Snapshot) *Snapshot {
	t.Helper()
	s := &scenario{t: t}
	s.line("rules testdata/user_rule/rules")
	e := newEngine(s.config, func(*finding.Finding) error { return nil })
	if err := e.Restore(snap); err != nil {
		t.Fatalf("%v: if a metric or an indicator is new, write the file anew with -update", err)
	}
	for _, name := range e.people.names() {
		if e.find(name) == nil || e.err != nil { // unpacks it, to be packed again
			t.Fatal(name, e.err)
		}
	}
	now, err := e.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// TestStoredState loads baselines that an earlier build has stored, unpacks all of them, and
// stores them again: not a byte differs.
func TestStoredState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "detect-0.db")
	if *update {
		writeStoredState(t, path, pastState(t))
	} else {
		unzip(t, storedState, path)
	}
	store, err := OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	stored, err := store.Load(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	now := restored(t, stored)
	if !bytes.Equal(organisation(t, stored), organisation(t, now)) {
		t.Error("the state of the organisation is stored otherwise than before")
	}
	stored.sort()
	now.sort()
	if len(now.persons) != 5 || len(stored.persons) != len(now.persons) {
		t.Fatalf("%d people were stored, %d are", len(stored.persons), len(now.persons))
	}
	for i := range now.persons {
		if a, b := &stored.persons[i], &now.persons[i]; a.name != b.name || !bytes.Equal(packed(t, a), packed(t, b)) {
			t.Errorf("the state of %s is stored otherwise than before", a.name)
		}
	}
	complete(t, stored)
}

// complete checks that the state has something of everything that is stored.
func complete(t *testing.T, s *Snapshot) {
	t.Helper()
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	if err := e.Restore(s); err != nil {
		t.Fatal(err)
	}
	leaver, grantee, granter := e.find(address("p4")), e.find(address("p1")), e.find(address("p2"))
	for what, there := range map[string]bool{
		"exposures": len(e.Exposed) > 0, "windows": len(e.Windows) > 0, "HR's notices": len(e.Feed.Notices) > 0,
		"health of sources": e.Pulse[event.Box].First > 0,
		"a leaver":          leaver.Notice > 0 && leaver.Frozen && len(leaver.Access) >= 2,
		"failed sign-ins":   len(grantee.Fails) > 0 && len(grantee.Refused) > 0,
		"a right":           grantee.Right > 0, "a suspicion": grantee.Breach > 0, "facts": len(grantee.Day.Facts) > 0,
		"matches":   len(grantee.Day.Ruled) > 0,
		"receivers": len(granter.Day.Received) > 0, "bursts": len(grantee.Day.Bursts) > 0,
		"evidence": len(grantee.Day.Proof) > 0, "a shift": slices.Max(granter.Shift) > 0,
		"a service account": e.find(address("svc.backup")).Service, "what goes on": len(granter.Carry) > 0 && len(granter.Past) > 0,
		"people of places": len(e.People.Audiences) > 0,
	} {
		if !there {
			t.Errorf("the state has none: %s", what)
		}
	}
}

// writeStoredState stores a state as generation 7, and in testdata.
func writeStoredState(t *testing.T, path string, snap *Snapshot) {
	t.Helper()
	store, err := OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SaveWith(t.Context(), 7, nil, snap, map[string][]byte{"progress": []byte("here")}); err != nil {
		t.Fatal(err)
	}
	if err := store.Vacuum(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(b)
	z.Close()
	if err := os.WriteFile(storedState, zipped.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
