package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/sqlitedb"
)

// Restore unpacks the backup from into the data directory data, which must be empty or
// missing, and returns how many files it held. Everything is checked before data exists: an
// archive that is damaged, cut off, altered or holds anything else leaves no trace.
func Restore(ctx context.Context, from, data string) (n int, err error) {
	if list, err := os.ReadDir(data); err == nil && len(list) > 0 {
		return 0, fmt.Errorf("%s is not empty: restore into a new directory", data)
	}
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	tr, m, err := openArchive(in, from)
	if err != nil {
		return 0, err
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
	if n, err = unpack(ctx, tr, m, from, tmp); err != nil {
		return 0, err
	}

	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	if err := os.Rename(tmp, data); err != nil {
		return 0, err
	}
	return n, outfile.SyncDir(beside)
}

// openArchive reads the manifest of a backup, and leaves the reader at the first file. Errors
// name the backup as from.
func openArchive(in io.Reader, from string) (*tar.Reader, *manifest, error) {
	gz, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: not a backup: %w", from, err)
	}
	tr := tar.NewReader(gz)
	h, err := tr.Next()
	if err != nil || h.Name != manifestName || h.Size > 1<<20 {
		return nil, nil, fmt.Errorf("%s: not a backup of Outflow", from)
	}
	var m manifest
	if err := json.NewDecoder(tr).Decode(&m); err != nil {
		return nil, nil, fmt.Errorf("%s: manifest: %w", from, err)
	}
	return tr, &m, nil
}

// unpack writes the files of a backup into a folder, checks them against the manifest, and
// returns how many there are.
func unpack(ctx context.Context, tr *tar.Reader, m *manifest, from, dir string) (int, error) {
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

		path := filepath.Join(dir, h.Name)
		if err := unpackFile(tr, path, from); err != nil {
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
	return len(seen), nil
}

// unpackFile writes the current entry of a backup to a new file, and syncs it.
func unpackFile(r io.Reader, path, from string) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		out.Close()
		return fmt.Errorf("%s: damaged: %w", from, err)
	}
	return errors.Join(out.Sync(), out.Close())
}
