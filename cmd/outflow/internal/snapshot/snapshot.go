// Package snapshot stores checkpoints of the processor where the workers of a cluster share
// them, in a folder or in S3: compressed, encrypted with AES-256-GCM and bound to their name.
package snapshot

import (
	"bytes"
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Store is what the machines of a cluster share: the committed checkpoint of the processor, so
// that another machine can continue from it. Files are compressed, encrypted with AES-256-GCM and
// bound to their name: one that was changed, or exchanged for another, is refused, and
// the one before it taken.
type Store struct {
	backend backend
	name    string // of the cluster and topic
	aead    cipher.AEAD
}

// Config is where snapshots are stored. The zero value is nowhere.
type Config struct {
	Dir     string     `yaml:"dir"`      // a folder that the machines share
	Bucket  string     `yaml:"bucket"`   // of S3, in place of a folder
	Prefix  string     `yaml:"prefix"`   // within it
	Region  string     `yaml:"region"`   // of the bucket
	BaseURL string     `yaml:"base_url"` // of what is S3-compatible
	Key     secret.Ref `yaml:"key"`      // 64 hexadecimal digits
}

const keptSnapshots = 3

// Open opens the snapshots of a name in the backend that c describes; nil if it describes none.
// Snapshots are sealed with the key, which must be 64 hexadecimal digits.
func Open(ctx context.Context, c Config, name string) (*Store, error) {
	if c.Dir == "" && c.Bucket == "" {
		return nil, nil
	}
	text, err := secret.Resolve(ctx, c.Key)
	if err != nil {
		return nil, fmt.Errorf("snapshots: key: %w", err)
	}
	key, err := hex.DecodeString(text.Reveal())
	if err != nil || len(key) != 32 {
		return nil, errors.New("snapshots: key: 64 hexadecimal digits are required (openssl rand -hex 32)")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	at, err := openBackend(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("snapshots: open backend: %w", err)
	}
	return &Store{at, name, aead}, nil
}

// File is the name of the snapshot of a time, in milliseconds.
func (s *Store) File(at int64) string { return fmt.Sprintf("%s-%015d.snap", s.name, at) }

// List lists the times of the snapshots, the newest first.
func (s *Store) List(ctx context.Context) (times []int64, err error) {
	names, err := s.backend.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: list: %w", err)
	}
	for _, name := range names {
		rest, ours := strings.CutPrefix(name, s.name+"-")
		number, ours2 := strings.CutSuffix(rest, ".snap")
		if at, err := strconv.ParseInt(number, 10, 64); ours && ours2 && err == nil {
			times = append(times, at)
		}
	}
	slices.Sort(times)
	slices.Reverse(times)
	return times, nil
}

// Put stores a copy of the processor's store, which has the checkpoint at a time (Unix
// milliseconds). It does nothing if there is one.
func (s *Store) Put(ctx context.Context, store string, at int64) error {
	name := s.File(at)
	times, err := s.List(ctx)
	if err != nil || slices.Contains(times, at) {
		return err
	}
	if err := s.Seal(ctx, store, name); err != nil {
		return err
	}
	if times, err = s.List(ctx); err != nil {
		return err
	}
	for _, old := range times[min(len(times), keptSnapshots):] {
		if err := s.backend.remove(ctx, s.File(old)); err != nil {
			return fmt.Errorf("snapshots: remove old snapshot: %w", err)
		}
	}
	return nil
}

// Seal writes a snapshot of a store, in place of one that is there.
func (s *Store) Seal(ctx context.Context, store, name string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(store), ".snapshot-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	copied := filepath.Join(tmp, "copy")
	if err := sqlitedb.Copy(ctx, store, copied); err != nil {
		return err
	}
	plain, err := os.ReadFile(copied)
	if err != nil {
		return err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	defer enc.Close()
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	sealed := s.aead.Seal(nonce, nonce, enc.EncodeAll(plain, nil), []byte(name))
	if err := s.backend.write(ctx, name, sealed); err != nil {
		return fmt.Errorf("snapshots: write: %w", err)
	}
	return nil
}

// Of are the snapshots of a processor of some shards.
func (s *Store) Of(shards []int) *Store {
	var set uint64
	for _, n := range shards {
		set |= 1 << n
	}
	return &Store{s.backend, fmt.Sprintf("%s-%016x", s.name, set), s.aead}
}

// Shared is a snapshot of a processor of some shards.
type Shared struct {
	At     int64 // time of the checkpoint, Unix milliseconds
	Shards []int // in order
}

// ListShared lists the snapshots of processors of shards, the newest first.
func (s *Store) ListShared(ctx context.Context) (list []Shared, err error) {
	names, err := s.backend.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: list: %w", err)
	}
	for _, name := range names {
		rest, ours := strings.CutPrefix(name, s.name+"-")
		set, rest, cut := strings.Cut(rest, "-")
		number, ends := strings.CutSuffix(rest, ".snap")
		at, err := strconv.ParseInt(number, 10, 64)
		bits, err2 := strconv.ParseUint(set, 16, 64)
		if !ours || !cut || !ends || err != nil || err2 != nil || len(set) != 16 {
			continue
		}
		x := Shared{At: at}
		for n := range 64 {
			if bits>>n&1 == 1 {
				x.Shards = append(x.Shards, n)
			}
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Shared) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(len(b.Shards), len(a.Shards)), slices.Compare(a.Shards, b.Shards))
	})
	return list, nil
}

// Prune removes snapshots of processors of shards, except those of the last few checkpoints and
// those that a rollback may need.
func (s *Store) Prune(ctx context.Context) error {
	list, err := s.ListShared(ctx)
	if err != nil {
		return err
	}
	var times []int64 // the newest first
	for _, x := range list {
		if n := len(times); n == 0 || times[n-1] != x.At {
			times = append(times, x.At)
		}
	}
	if len(times) == 0 {
		return nil
	}
	keep := append(Thin(times, times[0]), times[:min(keptSnapshots, len(times))]...)
	for _, x := range list {
		if slices.Contains(keep, x.At) {
			continue
		}
		if err := s.backend.remove(ctx, s.Of(x.Shards).File(x.At)); err != nil {
			return fmt.Errorf("snapshots: remove old snapshot: %w", err)
		}
	}
	return nil
}

// Fetch puts the newest snapshot that is sound, and newer than what is there, in
// place of the processor's store, which must not be open. It says whether it did.
func (s *Store) Fetch(ctx context.Context, store string, have int64, log *slog.Logger) (bool, error) {
	times, err := s.List(ctx)
	if err != nil {
		return false, err
	}
	for _, at := range times {
		if at <= have {
			return false, nil
		}
		err := s.Open(ctx, store, at)
		if err == nil {
			return true, nil
		}
		log.Error("snapshot rejected; trying the previous one", "file", s.File(at), "err", err)
	}
	return false, nil
}

// Open puts the snapshot of a time in place of a store, which must not be open. A snapshot that was
// altered, cut off or sealed with another key is an error, and the store stays.
func (s *Store) Open(ctx context.Context, store string, at int64) error {
	name := s.File(at)
	sealed, err := s.backend.read(ctx, name)
	if err != nil {
		return err
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return errors.New("cut off")
	}
	packed, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return errors.New("it was changed, or is under another key")
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(8<<30))
	if err != nil {
		return err
	}
	defer dec.Close()
	plain, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(plain, []byte("SQLite format 3\x00")) {
		return errors.New("no database")
	}
	next := store + ".fetched"
	if err := os.WriteFile(next, plain, 0o600); err != nil {
		return err
	}
	defer os.Remove(next)
	if err := sqlitedb.Check(ctx, next); err != nil {
		return err
	}
	for _, f := range []string{store + "-wal", store + "-shm"} {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(next, store)
}

// Remove removes the snapshot of a time; one that is not there is no error.
func (s *Store) Remove(ctx context.Context, at int64) error { return s.backend.remove(ctx, s.File(at)) }
