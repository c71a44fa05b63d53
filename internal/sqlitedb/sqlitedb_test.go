package sqlitedb_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/outflow/outflow/internal/sqlitedb"
)

func script(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestMigrations(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "a file?with #signs.db")
	one := fstest.MapFS{"migrations/0001.sql": script("CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)")}
	db, err := sqlitedb.Open(ctx, path, one)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error("the file has another name", err)
	}
	two := fstest.MapFS{"migrations/0001.sql": one["migrations/0001.sql"], "migrations/0002.sql": script("INSERT INTO a VALUES (2)")}
	for range 2 { // the second time there is nothing to do
		if db, err = sqlitedb.Open(ctx, path, two); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM a").Scan(&n); err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
		db.Close()
	}
	if _, err := sqlitedb.Open(ctx, path, one); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("an older program opened a newer file: %v", err)
	}
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600)
	if _, err := sqlitedb.Open(t.Context(), text, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "text.db") {
		t.Errorf("text: %v", err)
	}
	other := filepath.Join(dir, "other.db")
	db, err := sql.Open("sqlite3", other)
	if err != nil {
		t.Fatal(err)
	}
	db.Exec("PRAGMA application_id = 5; CREATE TABLE x (y)")
	db.Close()
	if _, err := sqlitedb.Open(t.Context(), other, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "not a file of Outflow") {
		t.Errorf("another program's file: %v", err)
	}
}

func TestTx(t *testing.T) {
	db, err := sqlitedb.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"),
		fstest.MapFS{"migrations/0001.sql": script("CREATE TABLE a (x INTEGER) STRICT")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := errors.New("stop")
	err = sqlitedb.Tx(t.Context(), db, func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO a VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		return stop
	})
	var n int
	db.QueryRow("SELECT count(*) FROM a").Scan(&n)
	if !errors.Is(err, stop) || n != 0 {
		t.Errorf("%v, %d rows of a transaction that failed", err, n)
	}
}

// TestOpenTogether opens a new file several times at once, as a daemon that starts and a command beside it do: each
// migration is applied once.
func TestOpenTogether(t *testing.T) {
	scripts := fstest.MapFS{}
	for i := range 8 {
		scripts[fmt.Sprintf("migrations/%04d.sql", i+1)] = script(fmt.Sprintf("CREATE TABLE t%d (x INTEGER) STRICT; INSERT INTO t%d VALUES (1)", i, i))
	}
	for range 10 {
		path := filepath.Join(t.TempDir(), "a.db")
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				db, err := sqlitedb.Open(t.Context(), path, scripts)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				var n int
				if err := db.QueryRow("SELECT count(*) FROM t7").Scan(&n); err != nil || n != 1 {
					t.Errorf("%d rows, %v", n, err)
				}
			})
		}
		all.Wait()
	}
}
