package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// samples returns the files in testdata, which pyarrow wrote with different encodings and
// compressions, all with the same rows.
func samples(t testing.TB) map[string][]byte {
	paths, err := filepath.Glob("testdata/*-*.parquet")
	if err != nil || len(paths) < 6 {
		t.Fatal("no samples", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = b
	}
	return files
}

// budget allows a number of unpacked bytes.
func budget(n int) func(int) error {
	return func(bytes int) error {
		if n -= bytes; n < 0 {
			return errors.New("too much")
		}
		return nil
	}
}

// read reads rows until the end or an error.
func read(b []byte, unpacked int) (rows [][]byte, err error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)), budget(unpacked))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for total := 0; total < 16<<20; {
		row, err := f.AppendRow(nil)
		if err != nil {
			return rows, err
		}
		if f.held > maxHeld {
			return rows, errors.New("over the limit")
		}
		rows = append(rows, row)
		total += len(row) + 500
	}
	return rows, nil
}

// decoded returns a row as other readers of JSON understand it.
func decoded(t *testing.T, row []byte) (v any) {
	if err := json.Unmarshal(row, &v); err != nil {
		t.Fatalf("%v: %s", err, row)
	}
	return v
}

// TestRows asserts that all encodings give the rows that were written.
func TestRows(t *testing.T) {
	text, err := os.ReadFile("testdata/rows.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	for name, b := range samples(t) {
		rows, err := read(b, 1<<20)
		if err != io.EOF || len(rows) != len(want) {
			t.Errorf("%s: %d rows of %d: %v", name, len(rows), len(want), err)
		}
		for i, row := range rows {
			if !reflect.DeepEqual(decoded(t, row), decoded(t, []byte(want[i]))) {
				t.Errorf("%s, row %d:\n got %s\nwant %s", name, i+1, row, want[i])
				break
			}
		}
	}
}

// TestInt96 asserts that the times of Hive and Spark are read.
func TestInt96(t *testing.T) {
	b, err := os.ReadFile("testdata/int96.parquet")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := read(b, 1<<20)
	if err != io.EOF || len(rows) != 45 || !strings.HasSuffix(string(rows[1]), `"i96":"2026-03-02T08:00:01Z"}`) {
		t.Errorf("%d rows, the second %s: %v", len(rows), rows[1], err)
	}
}

// TestCells asserts that the cells of a row are those of its object, under other names.
func TestCells(t *testing.T) {
	b := samples(t)["zstd-2-dict.parquet"]
	f, err := Open(bytes.NewReader(b), int64(len(b)), budget(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Rewind(func(parent, name string) string { return parent + name + "X" }); err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(f.Columns(), " "); names != "sX uX nX smallX fX bX tsX ltsX dX decX stX llX loX mX binX" {
		t.Error(names)
	}
	cells, ends, err := f.AppendCells(nil, nil)
	for err == nil && f.Row() < 3 {
		cells, ends, err = f.AppendCells(nil, nil)
	}
	if err != nil || len(ends) != 15 || string(cells[:ends[0]]) != `"v2"` || string(cells[ends[1]:ends[2]]) != "2000006" ||
		string(cells[ends[9]:ends[10]]) != `{"stXaX":"a2","stXinnerX":{"stXinnerXxX":2,"stXinnerXlX":["e0","e1"]}}` {
		t.Errorf("%s %v %v", cells, ends, err)
	}
}

// TestDamaged asserts that a damaged file gives an error or rows, and never more than it states.
func TestDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, whole := range samples(t) {
		for range 1000 {
			b := bytes.Clone(whole)
			for range 1 + random.IntN(3) {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
			if rows, err := read(b, 1<<20); err == nil {
				t.Errorf("%s: no end after %d rows", name, len(rows))
			}
		}
		for n := range len(whole) / 10 {
			if _, err := read(whole[:10*n], 1<<20); err == io.EOF {
				t.Errorf("%s: cut to %d bytes, and no error", name, 10*n)
			}
		}
	}
}

// FuzzFile asserts that no file makes the reader panic, hold more than it may, or go on for ever.
func FuzzFile(f *testing.F) {
	for _, b := range samples(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := read(b, 4<<20)
		if err != nil && err.Error() == "over the limit" {
			t.Error(err)
		}
		for _, row := range rows[:min(len(rows), 100)] {
			if !json.Valid(row) {
				t.Fatalf("not JSON: %q", row)
			}
		}
	})
}

// FuzzValues asserts that the decoders of values end.
func FuzzValues(f *testing.F) {
	f.Add([]byte{0x80, 1, 4, 3, 2, 2, 0, 0, 0, 0}, uint8(5), uint8(2))
	f.Add([]byte{8, 3, 3, 0, 1}, uint8(8), uint8(6))
	f.Add([]byte{3, 0, 0, 0, 'a', 'b', 'c'}, uint8(0), uint8(6))
	f.Add([]byte{0x80, 1, 4, 2, 0, 0, 0, 0, 0, 0, 0x80, 1, 4, 2, 2, 0, 0, 0, 0, 0, 'a', 'b'}, uint8(7), uint8(6))
	f.Fuzz(func(t *testing.T, b []byte, encoding, physical uint8) {
		c := &column{element: element{physical: int64(physical % 8), length: 3}, dictionary: []value{{number: 1}, {number: 2}}}
		v, err := c.decoder(int64(encoding%10), b)
		for n := 0; err == nil && n < 1000; n++ {
			_, err = v.next()
		}
	})
}
