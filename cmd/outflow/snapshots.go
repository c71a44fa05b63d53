package main

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

// snapshots is what the machines of a cluster share: the base of the judge lies there,
// so that another machine can go on. Files are compressed, encrypted with AES-256-GCM and
// bound to their name: one that was changed, or exchanged for another, is refused, and
// the one before it taken.
type snapshots struct {
	at   shelf
	name string // of the cluster and topic
	aead cipher.AEAD
}

// snapshotsConfig is where snapshots lie.
type snapshotsConfig struct {
	Dir     string `yaml:"dir"`
	Bucket  string `yaml:"bucket"` // of S3, in place of a folder
	Prefix  string `yaml:"prefix"` // within it
	Region  string `yaml:"region"`
	BaseURL string `yaml:"base_url"` // of what is S3-compatible
	Key     string `yaml:"key"`      // reference to 64 hexadecimal digits
}

const keptSnapshots = 3

func openSnapshots(ctx context.Context, c snapshotsConfig, name string) (*snapshots, error) {
	if c.Dir == "" && c.Bucket == "" {
		return nil, nil
	}
	text, err := secret.Resolve(ctx, c.Key)
	if err != nil {
		return nil, fmt.Errorf("snapshots: key: %w", err)
	}
	key, err := hex.DecodeString(text.Reveal())
	if err != nil || len(key) != 32 {
		return nil, errors.New("snapshots: key: 64 hexadecimal digits are needed (openssl rand -hex 32)")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	at, err := openShelf(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	return &snapshots{at, name, aead}, nil
}

func (s *snapshots) file(at int64) string { return fmt.Sprintf("%s-%015d.snap", s.name, at) }

// list lists the times of the snapshots, the newest first.
func (s *snapshots) list(ctx context.Context) (times []int64, err error) {
	names, err := s.at.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
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

// put copies the state of the judge, whose base is at a time. It does nothing if it
// is there.
func (s *snapshots) put(ctx context.Context, store string, at int64) error {
	name := s.file(at)
	times, err := s.list(ctx)
	if err != nil || slices.Contains(times, at) {
		return err
	}
	if err := s.seal(ctx, store, name); err != nil {
		return err
	}
	if times, err = s.list(ctx); err != nil {
		return err
	}
	for _, old := range times[min(len(times), keptSnapshots):] {
		if err := s.at.remove(ctx, s.file(old)); err != nil {
			return fmt.Errorf("snapshots: %w", err)
		}
	}
	return nil
}

// seal writes a snapshot of a store, in place of one that is there.
func (s *snapshots) seal(ctx context.Context, store, name string) error {
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
	if err := s.at.write(ctx, name, sealed); err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	return nil
}

// of are the snapshots of who judges some shards.
func (s *snapshots) of(shards []int) *snapshots {
	var set uint64
	for _, n := range shards {
		set |= 1 << n
	}
	return &snapshots{s.at, fmt.Sprintf("%s-%016x", s.name, set), s.aead}
}

// shared is a snapshot of who judged some shards.
type shared struct {
	at     int64
	shards []int
}

// listShared lists the snapshots of those who judge shards, the newest first.
func (s *snapshots) listShared(ctx context.Context) (list []shared, err error) {
	names, err := s.at.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
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
		x := shared{at: at}
		for n := range 64 {
			if bits>>n&1 == 1 {
				x.shards = append(x.shards, n)
			}
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b shared) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(len(b.shards), len(a.shards)), slices.Compare(a.shards, b.shards))
	})
	return list, nil
}

// prune removes snapshots of those who judge shards, but those of the last few moments and
// those that judging may go back to.
func (s *snapshots) prune(ctx context.Context) error {
	list, err := s.listShared(ctx)
	if err != nil {
		return err
	}
	var times []int64 // the newest first
	for _, x := range list {
		if n := len(times); n == 0 || times[n-1] != x.at {
			times = append(times, x.at)
		}
	}
	if len(times) == 0 {
		return nil
	}
	keep := append(thinned(times, times[0]), times[:min(keptSnapshots, len(times))]...)
	for _, x := range list {
		if slices.Contains(keep, x.at) {
			continue
		}
		if err := s.at.remove(ctx, s.of(x.shards).file(x.at)); err != nil {
			return fmt.Errorf("snapshots: %w", err)
		}
	}
	return nil
}

// fetch puts the newest snapshot that is sound, and newer than what is there, in
// place of the judge's store, which must not be open. It says whether it did.
func (s *snapshots) fetch(ctx context.Context, store string, have int64, log *slog.Logger) (bool, error) {
	times, err := s.list(ctx)
	if err != nil {
		return false, err
	}
	for _, at := range times {
		if at <= have {
			return false, nil
		}
		err := s.open(ctx, store, at)
		if err == nil {
			return true, nil
		}
		log.Error("snapshot refused; the one before it is tried", "file", s.file(at), "err", err)
	}
	return false, nil
}

func (s *snapshots) open(ctx context.Context, store string, at int64) error {
	name := s.file(at)
	sealed, err := s.at.read(ctx, name)
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
