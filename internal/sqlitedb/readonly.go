package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// OpenReadOnly opens an existing file for reading, as it is at this moment: everything that is
// read through the result belongs to one commit, whatever another process writes meanwhile. It
// changes nothing next to the file and does not block writers. It works in read-only folders,
// too.
//
// A file of an earlier version is copied to a temporary file, which is migrated in its place;
// one of a later version is refused, as by Open. The caller closes the result.
func OpenReadOnly(ctx context.Context, path string, migrations fs.FS) (*sql.DB, error) {
	db, err := openAsIs(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	current, err := isCurrent(ctx, db, migrations)
	if err == nil && !current {
		old := db
		db, err = migratedCopy(ctx, old, migrations)
		old.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err == nil {
		err = pin(ctx, db)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return db, nil
}

// pin begins a transaction on the only connection of a database, which fixes what it sees. It
// ends with the connection.
func pin(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int
	return db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables)
}

// isCurrent reports whether a file has the newest schema. One of a later version, or of another
// program, is an error.
func isCurrent(ctx context.Context, db *sql.DB, migrations fs.FS) (bool, error) {
	version, names, err := schema(ctx, db, migrations)
	return version == len(names), err
}

// migratedCopy returns a copy of a file with the newest schema. The copy has no name, so that
// it disappears when it is closed or the process ends.
func migratedCopy(ctx context.Context, from *sql.DB, migrations fs.FS) (*sql.DB, error) {
	dir, err := os.MkdirTemp("", "outflow-read-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "copy")
	if _, err := from.ExecContext(ctx, "VACUUM INTO ?", copied); err != nil {
		return nil, fmt.Errorf("temporary copy: %w", err)
	}
	db, err := sql.Open("sqlite3", address(copied, url.Values{"_journal_mode": {"MEMORY"}, "_synchronous": {"OFF"}}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, migrations); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openAsIs opens a file of any version for reading, with one connection.
func openAsIs(ctx context.Context, path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, errors.Unwrap(err)
	}
	db, err := openMode(ctx, path, url.Values{"mode": {"ro"}, "_busy_timeout": {"10000"}})
	var failed sqlite3.Error
	if err == nil || !errors.As(err, &failed) || failed.Code != sqlite3.ErrCantOpen && failed.Code != sqlite3.ErrReadonly {
		return db, err
	}
	// SQLite needs an index of the write-ahead log beside the file, and this folder is
	// read-only. Without a log the file is all there is, and nothing changes it.
	if info, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return openMode(ctx, path, url.Values{"mode": {"ro"}, "immutable": {"1"}})
	}
	return openCopy(ctx, path)
}

// openMode opens a file with options of the driver.
func openMode(ctx context.Context, path string, options url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", address(path, options))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openCopy opens a copy of a file and its write-ahead log, both as they were at one time. The
// copy has no name.
func openCopy(ctx context.Context, path string) (*sql.DB, error) {
	dir, err := os.MkdirTemp("", "outflow-read-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "copy")
	for range 5 {
		before, err := stamps(path)
		if err != nil {
			return nil, err
		}
		for _, end := range []string{"", "-wal"} {
			if err := copyFile(path+end, copied+end); err != nil {
				return nil, err
			}
		}
		after, err := stamps(path)
		if err != nil {
			return nil, err
		}
		if before == after {
			return openMode(ctx, copied, url.Values{"_busy_timeout": {"10000"}})
		}
	}
	return nil, errors.New("it keeps changing while it is copied, and its folder is read-only, so it cannot be read in place")
}

// stamps returns values that change with a file or its write-ahead log.
func stamps(path string) (s [4]int64, err error) {
	for i, end := range []string{"", "-wal"} {
		info, err := os.Stat(path + end)
		if err != nil {
			return s, err
		}
		s[2*i], s[2*i+1] = info.Size(), info.ModTime().UnixNano()
	}
	return s, nil
}

// copyFile copies a file.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
