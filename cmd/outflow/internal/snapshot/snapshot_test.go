package snapshot

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outflow/outflow/cmd/outflow/internal/awstest"

	"github.com/outflow/outflow/detect/engine"
)

// backends are the places where snapshots may lie: a folder, and S3 if there is an endpoint.
func backends(t *testing.T) map[string]Config {
	t.Setenv("OUTFLOW_TEST_KEY", strings.Repeat("ab", 32))
	list := map[string]Config{"folder": {Dir: t.TempDir(), Key: "env:OUTFLOW_TEST_KEY"}}
	endpoint := os.Getenv("OUTFLOW_AWS")
	if endpoint == "" {
		t.Log("no AWS endpoint: OUTFLOW_AWS is not set (.ci/aws starts one)")
		return list
	}
	_, name := awstest.NewBucket(t, awstest.Config(t, endpoint))
	list["s3"] = Config{Bucket: name, Prefix: "state", Region: "eu-west-1", BaseURL: endpoint, Key: "env:OUTFLOW_TEST_KEY"}
	return list
}

// TestSnapshots puts states on the backend and takes the newest that is sound: one that was
// changed, cut, exchanged or is under another key is refused, and the one before it
// taken; the newest three are kept.
func TestSnapshots(t *testing.T) {
	for kind, conf := range backends(t) {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			log := slog.New(slog.NewTextHandler(io.Discard, nil))
			s, err := Open(ctx, conf, "acme-detect")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "detect-0.db")
			for at := int64(1); at <= 5; at++ {
				store, err := engine.OpenStore(ctx, path)
				if err != nil {
					t.Fatal(err)
				}
				if err := store.SaveWith(ctx, at, nil, nil, map[string][]byte{"progress": {byte(at)}}); err != nil {
					t.Fatal(err)
				}
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
				if err := s.Put(ctx, path, at); err != nil {
					t.Fatal(err)
				}
			}
			if times, err := s.List(ctx); err != nil || !slices.Equal(times, []int64{5, 4, 3}) {
				t.Fatalf("%v %v", times, err)
			}
			fetched := func(have int64) int64 {
				t.Helper()
				to := filepath.Join(t.TempDir(), "detect-0.db")
				ok, err := s.Fetch(ctx, to, have, log)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					return 0
				}
				store, err := engine.OpenStore(ctx, to)
				if err != nil {
					t.Fatal(err)
				}
				defer store.Close()
				for at := int64(1); at <= 5; at++ {
					if kept, err := store.Beside(ctx, at); err != nil {
						t.Fatal(err)
					} else if kept != nil {
						return at
					}
				}
				return -1
			}
			if got := fetched(0); got != 5 {
				t.Errorf("fetched %d", got)
			}
			if got := fetched(5); got != 0 {
				t.Errorf("fetched %d though it is there", got)
			}
			change := func(at int64, do func(b []byte) []byte) {
				t.Helper()
				b, err := s.backend.read(ctx, s.File(at))
				if err == nil {
					err = s.backend.write(ctx, s.File(at), do(slices.Clone(b)))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			whole, err := s.backend.read(ctx, s.File(5))
			if err != nil {
				t.Fatal(err)
			}
			four, err := s.backend.read(ctx, s.File(4))
			if err != nil {
				t.Fatal(err)
			}
			for name, do := range map[string]func(b []byte) []byte{
				"changed":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
				"cut":       func(b []byte) []byte { return b[:len(b)-1] },
				"empty":     func([]byte) []byte { return nil },
				"exchanged": func([]byte) []byte { return four },
			} {
				change(5, do)
				if got := fetched(0); got != 4 {
					t.Errorf("%s: fetched %d", name, got)
				}
				change(5, func([]byte) []byte { return whole })
			}
			t.Setenv("OUTFLOW_TEST_KEY", strings.Repeat("cd", 32))
			if s, err = Open(context.Background(), conf, "acme-detect"); err != nil {
				t.Fatal(err)
			}
			if got := fetched(0); got != 0 {
				t.Errorf("another key: fetched %d", got)
			}
			t.Setenv("OUTFLOW_TEST_KEY", strings.Repeat("ab", 32))
		})
	}
}
