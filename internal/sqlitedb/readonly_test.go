package sqlitedb_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/outflow/outflow/internal/sqlitedb"
)

var numbers = fstest.MapFS{"migrations/0001.sql": script("CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)")}

func sum(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT sum(x) FROM a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReadOnly reads a file as of one moment while it is written, and writes nothing.
func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := sqlitedb.OpenReadOnly(t.Context(), path, numbers); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that does not exist: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("it was made")
	}
	writer, err := sqlitedb.Open(t.Context(), path, numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	before, err := sqlitedb.OpenReadOnly(t.Context(), path, numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if _, err := writer.Exec("INSERT INTO a VALUES (2)"); err != nil {
		t.Fatalf("a reader keeps the writer waiting: %v", err)
	}
	tx, err := writer.Begin() // in the middle of a transaction
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("INSERT INTO a VALUES (4)"); err != nil {
		t.Fatal(err)
	}
	after, err := sqlitedb.OpenReadOnly(t.Context(), path, numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if b, a := sum(t, before), sum(t, after); b != 1 || a != 3 {
		t.Errorf("%d before the commit, %d after", b, a)
	}
	if _, err := after.Exec("INSERT INTO a VALUES (8)"); err == nil {
		t.Error("it can be written")
	}
	later := fstest.MapFS{}
	if _, err := sqlitedb.OpenReadOnly(t.Context(), path, later); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("a file of a later version: %v", err)
	}
}

// TestReadOnlyEarlierVersion reads a file of an earlier version with the newest schema, and
// does not change it.
func TestReadOnlyEarlierVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sqlitedb.Open(t.Context(), path, numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	next := fstest.MapFS{"migrations/0001.sql": numbers["migrations/0001.sql"], "migrations/0002.sql": script("UPDATE a SET x = 10 * x")}
	for range 2 {
		read, err := sqlitedb.OpenReadOnly(t.Context(), path, next)
		if err != nil {
			t.Fatal(err)
		}
		if n := sum(t, read); n != 10 {
			t.Errorf("sum %d", n)
		}
		read.Close()
	}
	if n := sum(t, db); n != 1 {
		t.Errorf("the file itself was brought up to date: sum %d", n)
	}
}

// TestReadOnlyFolder reads files in read-only folders: closed, left behind by a process that
// was killed, and in use.
func TestReadOnlyFolder(t *testing.T) {
	if dir := os.Getenv("OUTFLOW_TEST_DIR"); dir != "" { // the child, who is not root
		readFolder(t, dir)
		return
	}
	top := t.TempDir()
	dir := filepath.Join(top, "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	open := func(name string) *sql.DB {
		db, err := sqlitedb.Open(t.Context(), filepath.Join(dir, name), numbers)
		if err == nil {
			_, err = db.Exec("INSERT INTO a VALUES (2)")
		}
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	open("closed.db").Close()
	used := open("used.db")
	defer used.Close()
	for _, end := range []string{"", "-wal"} { // as a process leaves them that was killed
		b, err := os.ReadFile(filepath.Join(dir, "used.db"+end))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "killed.db"+end), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	if err != nil || len(made) < 3 {
		t.Fatal(made, err)
	}
	for _, name := range made { // as an operator may allow it
		if info, err := os.Stat(name); err != nil || filepath.Base(name) != "killed.db" && filepath.Base(name) != "killed.db-wal" && info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	if os.Getuid() != 0 {
		readFolder(t, dir)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("root may write everywhere")
	}
	for _, d := range []string{top, filepath.Dir(top)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command("/proc/self/exe", "-test.run", "^TestReadOnlyFolder$", "-test.v")
	child.Dir = dir
	child.Env = append(os.Environ(), "OUTFLOW_TEST_DIR="+dir)
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestReadOnlyFolder") {
		t.Errorf("%v\n%s", err, out)
	}
}

func readFolder(t *testing.T, dir string) {
	if f, err := os.Create(filepath.Join(dir, "x")); err == nil {
		f.Close()
		t.Fatal("the folder can be written")
	}
	list := func() (names string) {
		fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, _ error) error {
			names += fmt.Sprintln(path)
			return nil
		})
		return names
	}
	before := list()
	for _, name := range []string{"closed.db", "killed.db", "used.db"} {
		db, err := sqlitedb.OpenReadOnly(t.Context(), filepath.Join(dir, name), numbers)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := sum(t, db); n != 3 {
			t.Errorf("%s: sum %d", name, n)
		}
		db.Close()
	}
	if after := list(); after != before {
		t.Errorf("files before\n%s\nafter\n%s", before, after)
	}
}
