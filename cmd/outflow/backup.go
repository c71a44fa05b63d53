package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// manifest is the first file of a backup.
type manifest struct {
	Version string            `json:"version"` // of Outflow
	Time    time.Time         `json:"time"`
	Files   map[string]string `json:"files"` // SHA-256
}

func newBackup(stdout io.Writer) *cobra.Command {
	var data string
	var force bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Copy all state into one file, also while the daemon runs", Args: usage(cobra.ExactArgs(1)),
		Long: `Backup copies what is below a data directory into one compressed file: consistently,
also while the daemon runs. It holds personal data, and the keys: only its owner can read
it. A file that exists is not replaced without --force; one that could not be written
whole is not there.`,
		Example: "  outflow backup --data data outflow-backup.tar.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := backup(cmd.Context(), data, args[0], force)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%d files in %s\n", n, args[0])
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the data directory: `DIR`")
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return cmd
}

func backup(ctx context.Context, data, to string, replace bool) (n int, err error) {
	out, err := outfile.Create(to, 0o600, replace)
	if err != nil {
		return 0, err
	}
	defer out.Discard()
	tmp, err := os.MkdirTemp(filepath.Dir(to), ".outflow-backup-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	names, err := copyState(ctx, data, tmp)
	if err != nil {
		return 0, err
	}
	m := manifest{Version: buildinfo.Version(), Time: time.Now().UTC(), Files: map[string]string{}}
	for _, name := range names {
		if m.Files[name], err = fileSum(filepath.Join(tmp, name)); err != nil {
			return 0, err
		}
	}
	if err := writeBackup(out, &m, tmp, names); err != nil {
		return 0, err
	}
	return len(names), out.Commit()
}

// copyState copies the files of a data directory into a folder, and returns their names.
func copyState(ctx context.Context, data, to string) (names []string, err error) {
	for range 5 {
		names = nil
		for _, name := range slices.Concat(datadir.StateFiles, datadir.KeyFiles) {
			there, err := copyFile(ctx, filepath.Join(data, name), filepath.Join(to, name), slices.Contains(datadir.KeyFiles, name))
			if err != nil {
				return nil, err
			}
			if there {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("%s holds no state", data)
		}
		if same, err := sameGeneration(ctx, to); err != nil || same {
			return names, err
		}
		for _, name := range names {
			if err := os.Remove(filepath.Join(to, name)); err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("%s: scans keep changing it: try again when none runs", data)
}

// copyFile copies a file of a data directory, if it is there.
func copyFile(ctx context.Context, from, to string, isKey bool) (there bool, err error) {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if !isKey {
		return true, sqlitedb.Copy(ctx, from, to)
	}
	key, err := os.ReadFile(from)
	if err != nil {
		return false, err
	}
	return true, os.WriteFile(to, key, 0o600)
}

// sameGeneration says whether the files of scans, copied one after the other, belong
// together: a scan that ended meanwhile may have replaced the generation that alerts.db
// names.
func sameGeneration(ctx context.Context, dir string) (bool, error) {
	path := filepath.Join(dir, "cursors.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // a daemon's
		return true, nil
	}
	alerts, err := alert.OpenStoreReadOnly(ctx, filepath.Join(dir, "alerts.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer alerts.Close()
	n, err := alerts.Generation(ctx)
	if err != nil || n == 0 {
		return err == nil, err
	}
	cursors, err := backlog.OpenReadOnly(ctx, path)
	if err != nil {
		return false, err
	}
	defer cursors.Close()
	baselines, err := engine.OpenStoreReadOnly(ctx, filepath.Join(dir, "detect-0.db"))
	if err != nil {
		return false, err
	}
	defer baselines.Close()
	a, err := cursors.Holds(ctx, n)
	if err != nil {
		return false, err
	}
	b, err := baselines.Holds(ctx, n)
	return a && b, err
}

// writeBackup writes the manifest and the files of a folder as a compressed archive.
func writeBackup(w io.Writer, m *manifest, dir string, names []string) error {
	gz := gzip.NewWriter(w)
	tw := tar.NewWriter(gz)
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o600, Size: int64(len(head)), ModTime: m.Time}); err != nil {
		return err
	}
	if _, err := tw.Write(head); err != nil {
		return err
	}
	for _, name := range names {
		if err := addFile(tw, filepath.Join(dir, name), name, m.Time); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return gz.Close()
}

func addFile(tw *tar.Writer, path, name string, at time.Time) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: at}); err != nil {
		return err
	}
	_, err = io.Copy(tw, in)
	return err
}

func fileSum(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func newRestore(stdout io.Writer) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put the state of a backup into an empty data directory", Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := restore(cmd.Context(), args[0], data)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%d files in %s\n", n, data)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the data directory, which must be empty or missing: `DIR`")
	return cmd
}

// restore checks everything before anything is where the daemon looks for it.
func restore(ctx context.Context, from, data string) (n int, err error) {
	if list, err := os.ReadDir(data); err == nil && len(list) > 0 {
		return 0, fmt.Errorf("%s is not empty: restore into a new directory", data)
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	gz, err := gzip.NewReader(in)
	if err != nil {
		return 0, fmt.Errorf("%s: not a backup: %w", from, err)
	}
	tr := tar.NewReader(gz)
	h, err := tr.Next()
	if err != nil || h.Name != "manifest.json" || h.Size > 1<<20 {
		return 0, fmt.Errorf("%s: not a backup of Outflow", from)
	}
	var m manifest
	if err := json.NewDecoder(tr).Decode(&m); err != nil {
		return 0, fmt.Errorf("%s: manifest: %w", from, err)
	}
	beside := filepath.Dir(filepath.Clean(data))
	if err := os.MkdirAll(beside, 0o700); err != nil {
		return 0, err
	}
	tmp, err := os.MkdirTemp(beside, ".outflow-restore-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(tmp)
	seen := map[string]bool{}
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%s: damaged: %w", from, err)
		}
		isKey := slices.Contains(datadir.KeyFiles, h.Name)
		if !isKey && !slices.Contains(datadir.StateFiles, h.Name) || seen[h.Name] || m.Files[h.Name] == "" {
			return 0, fmt.Errorf("%s: %s does not belong into a backup", from, plain.Escape(h.Name))
		}
		seen[h.Name] = true
		path := filepath.Join(tmp, h.Name)
		out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(out, tr); err != nil {
			out.Close()
			return 0, fmt.Errorf("%s: damaged: %w", from, err)
		}
		if err := errors.Join(out.Sync(), out.Close()); err != nil {
			return 0, err
		}
		sum, err := fileSum(path)
		if err != nil {
			return 0, err
		}
		if sum != m.Files[h.Name] {
			return 0, fmt.Errorf("%s: %s is not what was backed up", from, h.Name)
		}
		if isKey {
			continue
		}
		if err := sqlitedb.Check(ctx, path); err != nil {
			return 0, fmt.Errorf("%s: %w", from, err)
		}
	}
	if len(seen) != len(m.Files) {
		return 0, fmt.Errorf("%s: cut off: %d of %d files", from, len(seen), len(m.Files))
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	if err := os.Rename(tmp, data); err != nil {
		return 0, err
	}
	return len(seen), outfile.SyncDir(beside)
}
