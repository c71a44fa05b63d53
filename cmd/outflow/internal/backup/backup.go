// Package backup copies the state of a data directory into one archive, and restores it. The
// archive is a gzip-compressed tar file that begins with a manifest, with the SHA-256 of
// every other entry.
package backup

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

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/ingest/backlog"
	"github.com/outflow/outflow/internal/buildinfo"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/sqlitedb"
)

const manifestName = "manifest.json"

// manifest is the first entry of a backup.
type manifest struct {
	Version string            `json:"version"` // of Outflow
	Time    time.Time         `json:"time"`    // when the backup was made, UTC
	Files   map[string]string `json:"files"`   // SHA-256 in hexadecimal, by name
}

// Create writes a backup of the data directory data to the file to, readable by its owner
// alone, and returns how many files it holds. The daemon may run meanwhile. An existing file
// is an error unless replace is set; on any error there is no new file.
func Create(ctx context.Context, data, to string, replace bool) (n int, err error) {
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

	m := manifest{
		Version: buildinfo.Version(),
		Time:    time.Now().UTC(),
		Files:   map[string]string{},
	}
	for _, name := range names {
		if m.Files[name], err = fileSum(filepath.Join(tmp, name)); err != nil {
			return 0, err
		}
	}

	if err := writeArchive(out, &m, tmp, names); err != nil {
		return 0, err
	}
	return len(names), out.Commit()
}

// copyTries is how often the state is copied until no scan changed it meanwhile.
const copyTries = 5

// copyState copies the files of a data directory into a folder, and returns their names.
func copyState(ctx context.Context, data, to string) (names []string, err error) {
	for range copyTries {
		if names, err = copyFiles(ctx, data, to); err != nil {
			return nil, err
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

// copyFiles copies the state and key files that exist, one after the other.
func copyFiles(ctx context.Context, data, to string) (names []string, err error) {
	for _, name := range slices.Concat(datadir.StateFiles, datadir.KeyFiles) {
		isKey := slices.Contains(datadir.KeyFiles, name)
		exists, err := copyFile(ctx, filepath.Join(data, name), filepath.Join(to, name), isKey)
		if err != nil {
			return nil, err
		}
		if exists {
			names = append(names, name)
		}
	}
	return names, nil
}

// copyFile copies a file of a data directory, if it exists.
func copyFile(ctx context.Context, from, to string, isKey bool) (exists bool, err error) {
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

// sameGeneration reports whether the files of scans, copied one after the other, belong
// together: a scan that ended meanwhile may have replaced the generation that alerts.db
// names. A daemon's files have no generations and always belong together.
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

	a, err := cursors.Has(ctx, n)
	if err != nil {
		return false, err
	}
	b, err := baselines.Holds(ctx, n)
	return a && b, err
}

// writeArchive writes the manifest and the named files of a folder as a compressed archive.
func writeArchive(w io.Writer, m *manifest, dir string, names []string) error {
	gz := gzip.NewWriter(w)
	tw := tar.NewWriter(gz)
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}

	err = tw.WriteHeader(&tar.Header{
		Name:    manifestName,
		Mode:    0o600,
		Size:    int64(len(head)),
		ModTime: m.Time,
	})
	if err != nil {
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

// fileSum returns the SHA-256 of a file in hexadecimal.
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
