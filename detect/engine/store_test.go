package engine

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

// someState is the state of an engine that has seen a few days.
func someState(t testing.TB) *Snapshot {
	t.Helper()
	var snap *Snapshot
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	e.Checkpoint(at(4, 0), func(s *Snapshot) error { snap = s; return nil })
	for d := range 6 {
		for _, who := range []string{"ada@acme.example", "ben@acme.example"} {
			for i := range 4 {
				ev := event.Event{
					Source: event.Box, Class: event.Download, Time: at(d, time.Duration(9+i)*time.Hour),
					Key: uint64(d*100 + i), Actor: event.Actor{Account: who, Kind: event.Human},
					Object: event.Object{ID: string(rune('a' + i))},
				}
				if err := e.Handle(who, &ev); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := e.Flush(); err != nil || snap == nil || len(snap.persons) != 2 {
		t.Fatal("no state", err)
	}
	return snap
}

// save stores a state as generation 7 and returns the path of the file.
func save(t *testing.T, snap *Snapshot) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "detect-0.db")
	store, err := OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.SaveWith(t.Context(), 7, nil, snap, map[string][]byte{"progress": []byte("here"), "nothing": nil}); err != nil {
		t.Fatal(err)
	}
	return path
}

// change runs SQL on a file.
func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// read loads all of generation 7.
func read(t *testing.T, path string) (*Snapshot, error) {
	t.Helper()
	store, err := OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	snap, err := store.Load(t.Context(), 7)
	if err == nil {
		_, err = store.Beside(t.Context(), 7)
	}
	return snap, err
}

// TestDamaged changes what is stored: the error names the file, the generation and the key.
func TestDamaged(t *testing.T) {
	snap := someState(t)
	for key, statement := range map[string]string{
		"organisation":                "UPDATE organisation SET body = CAST(substr(body, 1, length(body) - 1) || x'fe' AS BLOB)",
		`person "ada@acme.example"`:   "UPDATE person SET body = CAST(substr(body, 1, 10) || x'ff' || substr(body, 12) AS BLOB) WHERE name LIKE 'ada%'",
		`person "ben@acme.example"`:   "UPDATE person SET body = (SELECT body FROM person WHERE name LIKE 'ada%') WHERE name LIKE 'ben%'", // whole, but another's
		`person "other@acme.example"`: "UPDATE person SET name = 'other@acme.example' WHERE name LIKE 'ada%'",
		`beside "progress"`:           "UPDATE beside SET body = x'' WHERE name = 'progress'",
		`beside "nothing"`:            "UPDATE beside SET body = x'00' WHERE name = 'nothing'",
	} {
		path := save(t, snap)
		if _, err := read(t, path); err != nil {
			t.Fatal(err)
		}
		change(t, path, statement)
		_, err := read(t, path)
		var damaged *DamagedError
		if !errors.As(err, &damaged) || damaged.Path != path || damaged.Generation != 7 || damaged.Key != key || !errors.Is(err, errSum) {
			t.Errorf("%s: %v", statement, err)
		} else if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "generation 7, "+key) {
			t.Error(err)
		}
	}
}

// TestBeforeSums reads a file from before there were checksums, and what is damaged in it is
// an error.
func TestBeforeSums(t *testing.T) {
	want := someState(t)
	old := []string{
		"ALTER TABLE organisation DROP COLUMN sum", "ALTER TABLE person DROP COLUMN sum",
		"ALTER TABLE beside DROP COLUMN sum", "PRAGMA user_version = 2",
	}
	path := save(t, want)
	change(t, path, old...)
	got, err := read(t, path)
	if err != nil || len(got.persons) != len(want.persons) || !bytes.Equal(organisation(t, got), organisation(t, want)) {
		t.Fatal(err)
	}
	if err := newEngine(Config{}, nil).Restore(got); err != nil {
		t.Error(err)
	}
	change(t, path, "UPDATE person SET body = x'ff'")
	if _, err := read(t, path); !errors.As(err, new(*DamagedError)) {
		t.Error(err)
	}
}

// organisation is the state of the organisation in a snapshot, encoded.
func organisation(t testing.TB, s *Snapshot) []byte {
	b, err := s.body()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// spilled stores a string as a snapshot does.
func spilled(t testing.TB, b []byte) spill.Ref {
	r, err := spill.New(packedMemory, t.TempDir()).Put(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// FuzzState reads stored state that nothing vouches for: that of the organisation, and that
// of a person in it. It is an error, or an engine that can be stored again.
func FuzzState(f *testing.F) {
	snap := someState(f)
	for _, p := range snap.persons {
		body, err := p.body.Get(nil)
		if err != nil {
			f.Fatal(err)
		}
		whole := organisation(f, snap)
		f.Add(whole, body)
		f.Add(whole[:len(whole)/2], body)
		f.Add(whole, body[:len(body)/2])
	}
	f.Add([]byte{0xa0}, []byte{0xa0})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, org, body []byte) {
		p := stored{name: "ada@acme.example"}
		if cborstate.Unmarshal(body, &p.stub) != nil {
			return // Load says so
		}
		file := spill.New(packedMemory, dir)
		var err error
		if p.body, err = file.Put(body); err != nil {
			t.Fatal(err)
		}
		s := &Snapshot{organisation: spilled(t, org), persons: []stored{p}, file: file}
		s.Person(testCatalog, p.name)
		e := newEngine(Config{}, func(*finding.Finding) error { return nil })
		if e.Restore(s) != nil {
			return
		}
		e.unpack(p.body)
		if _, err := e.snapshot(); err != nil {
			return
		}
		Merge(1, []Part{{s, []int{0}}}, dir)
	})
}
