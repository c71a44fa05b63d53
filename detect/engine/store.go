package engine

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// stateVersion is the version of the stored state; that of stateFrom is read, too. State
// of another version is refused: it starts anew.
const (
	stateVersion = 4
	stateFrom    = 3
)

// ErrVersion says that state was stored by another version of the model.
var ErrVersion = errors.New("detect: the stored baselines are of another version: start with an empty data directory")

// Snapshot is the state of an engine at an hour's end.
type Snapshot struct {
	organisation spill.Ref
	persons      []stored // in no order
	file         *spill.File
}

type stored struct {
	name string
	body spill.Ref
	stub stub
}

// kept is what is stored of the state besides the people. Metrics and indicators are
// kept by name, so that a later version knows which of them it has.
type kept struct {
	Version  int
	Metrics  []string
	Slow     []string
	Facts    []string
	Hour     int64
	Complete [32]int64
	Heads    int
	Exposed  map[uint64][]*exposure
	Pulse    *[32]sourceHealth
	Feed     hrState
	Windows  map[uint64]*window
	Fed      *novelty           `cbor:",omitempty"`
	Staff    map[uint64]staffed `cbor:",omitempty"`
	Awaited  map[string]given
	Decided  map[string]decided `cbor:",omitempty"`
	Common   map[uint64]*alike  `cbor:",omitempty"`
	People   *org
	Services *org
	Deltas   map[int]*delta `cbor:"Brought"` // of the hour that is open, by shard
}

var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode() // equal states give equal bytes
	if err != nil {
		panic(err)
	}
	return mode
}()

func (cat *Catalog) layout() (names, slowNames, factNames []string) {
	for _, m := range cat.metrics {
		names = append(names, m.Name)
	}
	for _, j := range cat.slow {
		slowNames = append(slowNames, cat.metrics[j].Name)
	}
	for _, f := range cat.indicators {
		factNames = append(factNames, f.Name)
	}
	return names, slowNames, factNames
}

// Model distinguishes versions that count the same from those that do not: only engines of
// the same can exchange deltas.
func (cat *Catalog) Model() uint64 { return cat.model }

func (cat *Catalog) version() uint64 {
	names, slowNames, factNames := cat.layout()
	var list []string
	for _, d := range cat.detectors {
		list = append(list, d.Name)
	}
	for _, s := range sources {
		list = append(list, s.String())
	}
	return hash(stateVersion, slices.Concat(names, slowNames, factNames, list)...)
}

// Checkpoint has the engine hand its state over at the end of the hour before a
// moment (Unix milliseconds, a full hour). If the first event comes after it,
// nothing is handed over. The function is called from Handle.
func (e *Engine) Checkpoint(at int64, take func(*Snapshot) error) {
	e.takeAt, e.take = at/event.Hour, take
}

// snapshot encodes the state. It is called between two hours.
func (e *Engine) snapshot() (*Snapshot, error) {
	k := kept{
		Version: stateVersion, Hour: e.Hour, Complete: e.Complete, Heads: e.Heads, Exposed: e.Exposed,
		Pulse: e.Pulse, Feed: e.Feed, Windows: e.Windows, Staff: e.Staff, Awaited: e.Awaited, Decided: e.Decided, Common: e.Common,
		People: e.People, Services: e.Services, Deltas: map[int]*delta{},
	}
	for s, b := range e.deltas {
		if b != nil {
			b.order()
			b.orderNamed()
			k.Deltas[s] = b
		}
	}
	if e.Fed.n > 0 {
		k.Fed = &e.Fed
	}
	k.Metrics, k.Slow, k.Facts = e.catalog.layout()
	body, err := encoding.Marshal(&k)
	if err != nil {
		return nil, fmt.Errorf("detect: state: %w", err)
	}
	s := &Snapshot{persons: make([]stored, 0, len(e.people.all)), file: e.people.file}
	if s.organisation, err = s.file.Put(body); err != nil {
		return nil, fmt.Errorf("detect: spill the organisation: %w", err)
	}
	if err := e.people.compact(); err != nil {
		return nil, err
	}
	if err := e.packAll(slices.Collect(maps.Values(e.people.all))); err != nil {
		return nil, err
	}
	for name, h := range e.people.all {
		s.persons = append(s.persons, stored{name, h.body, h.stub})
	}
	return s, nil
}

// body is the state of the organisation, encoded.
func (s *Snapshot) body() ([]byte, error) {
	b, err := s.organisation.Get([]byte{})
	if err != nil {
		return nil, fmt.Errorf("detect: read the spilled organisation: %w", err)
	}
	return b, nil
}

// sort puts the people in the order of their names.
func (s *Snapshot) sort() {
	slices.SortFunc(s.persons, func(a, b stored) int { return cmp.Compare(a.name, b.name) })
}

// Restore puts an engine that has not seen anything into the state of a
// snapshot. The error wraps ErrVersion if the snapshot is of another version. After an error
// the engine is of no use.
func (e *Engine) Restore(s *Snapshot) (err error) {
	defer func() {
		if v := recover(); v != nil { // rows from before there were checksums may hold anything
			err = fmt.Errorf("detect: state: it is damaged: %v", v)
		}
	}()
	return e.restore(s)
}

func (e *Engine) restore(s *Snapshot) error {
	var k kept
	body, err := s.body()
	if err != nil {
		return err
	}
	if err := cborstate.Unmarshal(body, &k); err != nil {
		return fmt.Errorf("detect: state: %w", err)
	}
	names, slowNames, factNames := e.catalog.layout()
	if k.Version < stateFrom || k.Version > stateVersion || !slices.Equal(k.Metrics, names) || !slices.Equal(k.Slow, slowNames) ||
		!slices.Equal(k.Facts, factNames) {
		return ErrVersion
	}
	e.state = state{
		Hour: k.Hour, Complete: k.Complete, Heads: k.Heads, Exposed: k.Exposed, Pulse: k.Pulse, Feed: k.Feed,
		Windows: k.Windows, Staff: k.Staff, Awaited: k.Awaited, Decided: k.Decided, Common: k.Common, People: k.People,
		Services: k.Services,
	}
	e.enough = e.People.personDays() >= Enough
	e.people = newPeople(e.config.unpacked, s.file)
	if k.Fed != nil {
		e.Fed = *k.Fed
	}
	e.makeMaps()
	e.weighVerdicts()
	for _, w := range e.Windows {
		e.witnesses += w.Bytes
	}
	for s, b := range k.Deltas {
		if s < len(e.deltas) && e.deltas[s] != nil {
			e.deltas[s].add(b)
		}
	}
	e.listYoung()
	for _, o := range []*org{e.People, e.Services} {
		o.catalog = e.catalog
		if o.Kinds == nil { // stored before there were kinds
			o.Kinds, o.KindsAdd = map[string]float64{}, map[string]int64{}
		}
		o.Uses = widen(o.Uses)
		for _, d := range o.Departments {
			d.prepare()
		}
		for i := range o.Shifts {
			o.Shifts[i].prepare(nil)
		}
	}
	e.usePriors()
	for _, st := range s.persons {
		if !e.owns(st.name) {
			continue
		}
		e.people.all[st.name] = &held{body: st.body, stub: st.stub}
		if st.stub.Notice > 0 {
			e.leavers[st.name] = finding.Leaver{User: st.name, Notice: st.stub.Notice, LastDay: st.stub.LastDay}
			if !st.stub.Reviewed {
				e.leaving = append(e.leaving, st.name)
			}
		}
		if end := st.stub.Day.End; end > 0 {
			e.closing[end] = append(e.closing[end], st.name)
		}
	}
	slices.Sort(e.leaving)
	e.applyOptOuts()
	return e.err
}

// makeMaps makes the maps that a restored state has none of, because they were empty.
func (e *Engine) makeMaps() {
	if e.Exposed == nil {
		e.Exposed = map[uint64][]*exposure{}
	}
	if e.Awaited == nil {
		e.Awaited = map[string]given{}
	}
	if e.Decided == nil {
		e.Decided = map[string]decided{}
	}
	if e.Windows == nil {
		e.Windows = map[uint64]*window{}
	}
	if e.Staff == nil {
		e.Staff = map[uint64]staffed{}
	}
}

// applyOptOuts applies the opt-outs of the configuration to a restored state.
func (e *Engine) applyOptOuts() {
	for who, of := range e.Staff {
		switch _, excluded := e.config.optedOut(of.Department, of.Country); {
		case excluded:
			e.excluded[who] = true
			e.forgetWitness(who)
		case e.config.shards <= 1:
			delete(e.Staff, who)
		}
	}
	if len(e.config.optOuts) == 0 {
		return
	}
	for _, name := range e.people.names() {
		e.packIdle()
		p := e.find(name)
		if off, excluded := e.config.optedOut(p.Department, p.Country); excluded {
			e.Staff[hash(ofUser, name)] = staffed{p.Department, p.Country}
			e.exclude(name)
		} else if off != 0 {
			e.optOut(p, off)
		}
	}
}

// widen makes room, in numbers by source, for the sources that a stored state does not
// know yet.
func widen[T any](uses []T) []T {
	if uses == nil || len(uses) > len(sources) {
		return uses
	}
	return append(uses, make([]T, len(sources)+1-len(uses))...)
}

// Names lists all people in the state, in no order; a nil snapshot has none.
func (s *Snapshot) Names() (names []string) {
	if s == nil {
		return nil
	}
	for i := range s.persons {
		names = append(names, s.persons[i].name)
	}
	return names
}

//go:embed migrations/*.sql
var scripts embed.FS

// Store keeps snapshots of a partition in a file, by generation: the current one
// stays until its successor is complete.
type Store struct {
	db   *sql.DB
	path string
	dir  string
}

// DamagedError says that stored state is not what was written: a disk, or a person, changed it.
type DamagedError struct {
	Path       string // of the file
	Generation int64  // the checkpoint that was to be loaded
	Key        string // which part of the generation: its table, and the name in it
	Err        error  // what is wrong with it
}

// Error implements error.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("detect: %s is damaged: generation %d, %s: %v: restore it from a backup, or start with an empty data directory",
		e.Path, e.Generation, e.Key, e.Err)
}

// Unwrap returns what is wrong.
func (e *DamagedError) Unwrap() error { return e.Err }

var errSum = errors.New("its checksum does not match")

// sum is the checksum of a row: xxHash of its table, name and content, so that content that
// was swapped with another's does not match either.
func sum(table, name string, body []byte) int64 {
	d := xxhash.New()
	d.WriteString(table)
	d.Write([]byte{0})
	d.WriteString(name)
	d.Write([]byte{0})
	d.Write(body)
	return int64(d.Sum64())
}

// check compares a row with its checksum, if it has one.
func (s *Store) check(generation int64, table, name string, body []byte, stored sql.NullInt64) error {
	if !stored.Valid || stored.Int64 == sum(table, name, body) {
		return nil
	}
	return s.damaged(generation, table, name, errSum)
}

func (s *Store) damaged(generation int64, table, name string, err error) error {
	key := table
	if name != "" {
		key += " " + strconv.Quote(name)
	}
	return &DamagedError{s.path, generation, key, err}
}

// OpenStore opens the file of a partition, or makes it.
func OpenStore(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.Open(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("detect: open store: %w", err)
	}
	return &Store{db, path, filepath.Dir(path)}, nil
}

// OpenStoreReadOnly opens a file that exists, to read what it holds at this moment, also
// while another process writes it. What does not fit into memory goes to the system's
// folder for temporary files. Everything that writes fails.
func OpenStoreReadOnly(ctx context.Context, path string) (*Store, error) {
	db, err := sqlitedb.OpenReadOnly(ctx, path, scripts)
	if err != nil {
		return nil, fmt.Errorf("detect: open store read-only: %w", err)
	}
	return &Store{db, path, os.TempDir()}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Holds says whether a generation is in the file.
func (s *Store) Holds(ctx context.Context, generation int64) (is bool, err error) {
	const query = "SELECT EXISTS (SELECT 1 FROM organisation WHERE generation = ?)"
	if err := s.db.QueryRowContext(ctx, query, generation).Scan(&is); err != nil {
		return false, fmt.Errorf("detect: look up generation: %w", err)
	}
	return is, nil
}

// Load returns the snapshot of a generation, or nil if it is that of an engine
// that has not seen anything. The error is a *DamagedError if what is stored is not what was
// written.
func (s *Store) Load(ctx context.Context, generation int64) (*Snapshot, error) {
	snap := &Snapshot{file: spill.New(packedMemory, s.dir)}
	var organisation []byte
	var check sql.NullInt64
	err := s.db.QueryRowContext(ctx, "SELECT body, sum FROM organisation WHERE generation = ?", generation).Scan(&organisation, &check)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("detect: generation %d is not in the file", generation)
	}
	if err != nil {
		return nil, fmt.Errorf("detect: load generation: %w", err)
	}
	if err := s.check(generation, "organisation", "", organisation, check); err != nil {
		return nil, err
	}
	if len(organisation) == 0 {
		return nil, nil
	}
	if snap.organisation, err = snap.file.Put(organisation); err != nil {
		return nil, fmt.Errorf("detect: load generation: %w", err)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT name, body, sum FROM person WHERE generation = ?", generation)
	if err != nil {
		return nil, fmt.Errorf("detect: load generation: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p stored
		var body sql.RawBytes
		if err := rows.Scan(&p.name, &body, &check); err != nil {
			return nil, fmt.Errorf("detect: load generation: %w", err)
		}
		if err := s.check(generation, "person", p.name, body, check); err != nil {
			return nil, err
		}
		if err := cborstate.Unmarshal(body, &p.stub); err != nil {
			return nil, s.damaged(generation, "person", p.name, err)
		}
		if p.body, err = snap.file.Put(body); err != nil {
			return nil, fmt.Errorf("detect: load generation: %w", err)
		}
		snap.persons = append(snap.persons, p)
	}
	return snap, rows.Err()
}

// Save stores a snapshot as a generation, in one transaction, and forgets all
// others but the current one. A nil snapshot is that of an engine that has not
// seen anything.
func (s *Store) Save(ctx context.Context, generation, current int64, snap *Snapshot) error {
	return s.SaveWith(ctx, generation, []int64{current}, snap, nil)
}

// Generations lists the generations that are stored, in ascending order.
func (s *Store) Generations(ctx context.Context) (list []int64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT generation FROM organisation ORDER BY generation")
	if err != nil {
		return nil, fmt.Errorf("detect: list generations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g int64
		if err := rows.Scan(&g); err != nil {
			return nil, fmt.Errorf("detect: list generations: %w", err)
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

// Forget drops all generations after one, in one transaction.
func (s *Store) Forget(ctx context.Context, after int64) error {
	err := sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		for _, table := range tables {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE generation > ?", after); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("detect: forget generations: %w", err)
	}
	return nil
}

// tables hold the generations.
var tables = []string{"organisation", "person", "beside"}

// Beside returns what SaveWith stored beside a snapshot; nil if there is no such
// generation. The error is a *DamagedError if it is not what was written.
func (s *Store) Beside(ctx context.Context, generation int64) (map[string][]byte, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, body, sum FROM beside WHERE generation = ?", generation)
	if err != nil {
		return nil, fmt.Errorf("detect: read generation: %w", err)
	}
	defer rows.Close()
	var all map[string][]byte
	for rows.Next() {
		var name string
		var body []byte
		var stored sql.NullInt64
		if err := rows.Scan(&name, &body, &stored); err != nil {
			return nil, fmt.Errorf("detect: read generation: %w", err)
		}
		if err := s.check(generation, "beside", name, body, stored); err != nil {
			return nil, err
		}
		if all == nil {
			all = map[string][]byte{}
		}
		all[name] = body
	}
	return all, rows.Err()
}

// SaveWith stores a snapshot as a generation, in place of one of the same number, with
// things beside the snapshot that must agree with it, such as the offsets of the input:
// all in one transaction. All other generations are forgotten but those to keep.
func (s *Store) SaveWith(ctx context.Context, generation int64, keep []int64, snap *Snapshot, beside map[string][]byte) error {
	if snap == nil {
		snap = &Snapshot{}
	}
	organisation, err := snap.body()
	if err != nil {
		return err
	}
	err = sqlitedb.Tx(ctx, s.db, func(tx *sql.Tx) error {
		others := append([]int64{}, keep...) // never nil: null is no list
		kept, err := json.Marshal(slices.DeleteFunc(others, func(g int64) bool { return g == generation }))
		if err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE generation NOT IN (SELECT value FROM json_each(?))",
				string(kept)); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO organisation (generation, body, sum) VALUES (?, ?, ?)", generation,
			organisation, sum("organisation", "", organisation)); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT INTO person (generation, name, body, sum) VALUES (?, ?, ?, ?)")
		if err != nil {
			return err
		}
		defer insert.Close()
		snap.sort()
		var body []byte
		for _, p := range snap.persons {
			if body, err = p.body.Get(body[:0]); err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, generation, p.name, body, sum("person", p.name, body)); err != nil {
				return err
			}
		}
		return putBeside(ctx, tx, generation, beside)
	})
	if err != nil {
		return fmt.Errorf("detect: save generation: %w", err)
	}
	return nil
}

// putBeside stores what is kept beside the snapshot of a generation.
func putBeside(ctx context.Context, tx *sql.Tx, generation int64, beside map[string][]byte) error {
	for name, body := range beside {
		if body == nil {
			body = []byte{} // NULL is refused
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO beside (generation, name, body, sum) VALUES (?, ?, ?, ?)", generation,
			name, body, sum("beside", name, body)); err != nil {
			return err
		}
	}
	return nil
}

// Forget takes a person out of a snapshot, with what is known of the organisation because
// of them: sums, exposures. It returns false if they were not in it. The configuration is
// that of the engine.
func (s *Snapshot) Forget(c Config, person string) (*Snapshot, bool, error) {
	if s == nil {
		return nil, false, nil
	}
	e := New(c, func(*finding.Finding) error { return nil })
	if err := e.Restore(s); err != nil {
		return nil, false, err
	}
	known := e.people.all[person] != nil
	e.exclude(person)
	delete(e.Staff, hash(ofUser, person))
	out, err := e.snapshot()
	return out, known, err
}

// Part is a snapshot of an engine that scored some shards, and those of them that are
// wanted.
type Part struct {
	Snapshot *Snapshot // nil if the engine has not seen anything
	Shards   []int     // those that are taken from it
}

// Merge puts together what engines that shared people among some shards knew at the same
// time; what is in no snapshot yet is put into a file in dir. A nil snapshot is that of an
// engine that has not seen anything: then all are.
func Merge(shards int, parts []Part, dir string) (*Snapshot, error) {
	var all *Snapshot
	var known kept
	for i, part := range parts {
		if part.Snapshot == nil {
			return nil, nil
		}
		var k kept
		body, err := part.Snapshot.body()
		if err != nil {
			return nil, err
		}
		if err := cborstate.Unmarshal(body, &k); err != nil {
			return nil, fmt.Errorf("detect: state: %w", err)
		}
		if i == 0 {
			all = &Snapshot{file: spill.New(packedMemory, dir)}
			known = k
			known.Deltas = map[int]*delta{}
		}
		for _, s := range part.Shards {
			if b := k.Deltas[s]; b != nil {
				known.Deltas[s] = b
			}
		}
		for _, p := range part.Snapshot.persons {
			if slices.Contains(part.Shards, ShardOf(p.name, shards)) {
				all.persons = append(all.persons, p)
			}
		}
	}
	if all == nil {
		return nil, nil
	}
	body, err := encoding.Marshal(&known)
	if err != nil {
		return nil, fmt.Errorf("detect: state: %w", err)
	}
	if all.organisation, err = all.file.Put(body); err != nil {
		return nil, fmt.Errorf("detect: spill the organisation: %w", err)
	}
	return all, nil
}

// Person is what a snapshot has about a person, as JSON; nil if nothing.
func (s *Snapshot) Person(cat *Catalog, name string) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	for _, st := range s.persons {
		if st.name != name {
			continue
		}
		p, err := (&Engine{catalog: cat}).unpack(st.body)
		if err != nil {
			return nil, err
		}
		usual := map[string]float64{} // what is usual on a day with activity
		for j, m := range cat.metrics {
			if j < len(p.Sum) && p.Sum[j] > 0 && p.Active > 0 {
				usual[m.Name] = round(p.Sum[j] / p.Active)
			}
		}
		return json.Marshal(map[string]any{
			"department": p.Department, "location": p.Location, "country": p.Country, "service": p.Service, "notice": p.Notice,
			"last_day": p.LastDay, "active_days": round(p.Active), "usual_counts": usual, "hours_utc": p.Hours,
			"weekend_share": p.Weekend, "usual_score": round(p.Own),
			"known_things": p.Known.n + p.Items.n, "open_access": len(p.Access),
		})
	}
	return nil, nil
}

// Vacuum writes the file anew without what was deleted.
func (s *Store) Vacuum(ctx context.Context) error { return sqlitedb.Vacuum(ctx, s.db) }
