// Package sqlitedb opens the SQLite files in which the rooms store their state. It owns no
// tables: every room has its own, as migrations.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sort"
	"strconv"

	_ "github.com/mattn/go-sqlite3" // registers the driver
)

// ApplicationID marks Outflow's files in their header ("OUT1"), to tell them from other
// databases.
const ApplicationID = 0x4f555431

// Option changes how a file is opened. By default a commit survives a crash of the process, while a
// power cut may undo the last commits, each as a whole.
type Option struct{ name, value string }

// Full makes every commit survive a power cut. It is for files that others have been told are
// safe.
var Full = Option{"_synchronous", "FULL"}

// Cache keeps up to so many MiB of a file in memory, in place of 2. It is for files of which readers see much at once.
func Cache(mib int) Option { return Option{"_cache_size", strconv.Itoa(-1024 * mib)} }

// Open opens a file, or creates it, and migrates it to the newest schema. Migrations are the
// files migrations/0001.sql, 0002.sql and so on; each is applied once, in order, in its own
// transaction. A file of a later version is refused. The caller closes the result.
func Open(ctx context.Context, path string, migrations fs.FS, options ...Option) (*sql.DB, error) {
	q := url.Values{
		"_journal_mode": {"WAL"},       // readers do not wait for the writer
		"_synchronous":  {"NORMAL"},    // safe against a crash of the process; a power cut may undo the last commit, whole
		"_busy_timeout": {"10000"},     // another process may be in a transaction: wait rather than fail
		"_txlock":       {"immediate"}, // a transaction that will write takes the lock at once, or two of them fail half-way
	}
	for _, o := range options {
		q.Set(o.name, o.value)
	}
	if err := private(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite3", address(path, q))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // one writer per file; it is also its only reader
	if err := migrate(ctx, db, migrations); err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return db, nil
}

// private creates a file that only its owner may read, unless it exists. The files beside it, which
// SQLite makes, get the same permissions.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// schema returns the version of a file's schema, and the names of all migrations in order. A
// file of a later version, or of another program, is an error.
func schema(ctx context.Context, db *sql.DB, migrations fs.FS) (version int, names []string, err error) {
	var app int // read last: another process may create the file, and sets both at once
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, nil, err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return 0, nil, err
	}
	if app != 0 && app != ApplicationID || app == 0 && version != 0 {
		return 0, nil, fmt.Errorf("not a file of Outflow (application id %#x)", app)
	}
	if names, err = fs.Glob(migrations, "migrations/*.sql"); err != nil {
		return 0, nil, err
	}
	sort.Strings(names)
	if version > len(names) {
		return 0, nil, fmt.Errorf("written by a later version of Outflow (schema %d, this one knows %d)", version, len(names))
	}
	return version, names, nil
}

// migrate applies the migrations that a file lacks. Another process may do so at the same time.
func migrate(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	version, names, err := schema(ctx, db, migrations)
	if err != nil {
		return err
	}
	for i, name := range names[version:] {
		script, err := fs.ReadFile(migrations, name)
		if err != nil {
			return err
		}
		err = Tx(ctx, db, func(tx *sql.Tx) error {
			var now int
			if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&now); err != nil || now > version+i {
				return err
			}
			if _, err := tx.ExecContext(ctx, string(script)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", ApplicationID, version+i+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// Tx runs a function in a transaction, which is committed if it returns nil and rolled back
// otherwise.
func Tx(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err = do(tx); err == nil {
		err = tx.Commit()
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // it was rolled back when ctx ended
		return ctx.Err()
	}
	return err
}

// Copy writes a consistent copy of a file, which may be in use.
func Copy(ctx context.Context, from, to string) error {
	if err := private(to); err != nil {
		return err
	}
	return reading(from, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	})
}

// Check searches a file for damage.
func Check(ctx context.Context, path string) error {
	return reading(path, func(db *sql.DB) error {
		var verdict string
		if err := db.QueryRowContext(ctx, "PRAGMA quick_check").Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return errors.New("damaged: " + verdict)
		}
		return nil
	})
}

// reading opens a file of any version for reading.
func reading(path string, do func(db *sql.DB) error) error {
	db, err := openAsIs(context.Background(), path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer db.Close()
	if err := do(db); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// address returns the name of a file for the driver.
func address(path string, options url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
}

// Vacuum rewrites a file without deleted data, so that no trace of it is left in free pages.
func Vacuum(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}
