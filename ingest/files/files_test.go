package files_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
)

const (
	recordA = `{"eventTime":"2026-03-02T08:00:01Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",` +
		`"eventID":"a","userIdentity":{"type":"Root","accountId":"1"}}`
	recordB = `{"eventTime":"2026-03-02T08:00:02Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",` +
		`"eventID":"b","userIdentity":{"type":"Root","accountId":"1"}}`
)

func gz(parts ...string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		w.Write([]byte(p))
		w.Close()
	}
	return b.Bytes()
}

func zst(s string) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll([]byte(s), nil)
}

func zipped(members ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(members); i += 2 {
		f, _ := w.Create(members[i])
		f.Write([]byte(members[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func tarred(members ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i+1 < len(members); i += 2 {
		w.WriteHeader(&tar.Header{Name: members[i], Mode: 0o600, Size: int64(len(members[i+1])), Typeflag: tar.TypeReg})
		w.Write([]byte(members[i+1]))
	}
	w.Close()
	return b.Bytes()
}

func utf16le(s string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// read reads one file with every decoder.
func read(t *testing.T, content []byte) ([]*event.Event, files.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "anything.bin") // names mean nothing
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	events, reports := ingesttest.Read(t, all.Formats, all.Tables, path)
	return events, reports[0]
}

func ids(events []*event.Event) string {
	var list []string
	for _, e := range events {
		list = append(list, e.ID)
	}
	return strings.Join(list, "")
}

func TestContainers(t *testing.T) {
	csv := "eventid,eventtime,eventname,eventsource\na,2026-03-02T08:00:01Z,GetObject,s3.amazonaws.com\n" +
		"b,2026-03-02T08:00:02Z,GetObject,s3.amazonaws.com\n"
	for name, content := range map[string][]byte{
		"page":                   []byte(`{"Records":[` + recordA + `,` + recordB + `]}`),
		"page, other keys":       []byte(`{"ResponseMetadata":{"x":[1,{}]},"Records":[` + recordA + `,` + recordB + `],"next":"x"}`),
		"nested page":            []byte(`{"data":{"events":[` + recordA + `,` + recordB + `]}}`),
		"pages on lines":         []byte(`{"Records":[` + recordA + "]}\n" + `{"Records":[` + recordB + "]}\n"),
		"lines":                  []byte(recordA + "\n" + recordB + "\n"),
		"lines, CRLF, BOM":       []byte("\xef\xbb\xbf" + recordA + "\r\n\r\n" + recordB),
		"lines of JSON strings":  []byte(fmt.Sprintf("%q\n%q\n", recordA, recordB)),
		"two on a line":          []byte(recordA + recordB + "\n"),
		"array":                  []byte("[" + recordA + ",\n " + recordB + "]"),
		"pretty, concatenated":   []byte(strings.ReplaceAll(recordA, ",", ",\n  ") + "\n" + strings.ReplaceAll(recordB, ",", ",\n  ")),
		"gzip":                   gz(recordA + "\n" + recordB),
		"gzip of two members":    gz(recordA+"\n", recordB),
		"zstd":                   zst(recordA + "\n" + recordB),
		"zip":                    zipped("x/a.json", recordA, "x/b.json", recordB),
		"tar":                    tarred("a", recordA, "b", recordB),
		"tar.gz":                 gz(string(tarred("a", recordA, "b", recordB))),
		"zip of gz":              zipped("a.gz", string(gz(recordA)), "b.gz", string(gz(recordB))),
		"UTF-16":                 utf16le(recordA + "\r\n" + recordB),
		"csv":                    []byte(csv),
		"csv with semicolons":    []byte(strings.ReplaceAll(csv, ",", ";")),
		"csv from a spreadsheet": []byte("\xef\xbb\xbfsep=;\r\n" + strings.ReplaceAll(strings.ReplaceAll(csv, ",", ";"), "\n", "\r\n")),
		"csv, other order": []byte(
			"\"Event Name\",\"Event source\",\"Event ID\",\"Event " +
				"Time\"\nGetObject,s3.amazonaws.com,a,\"2026-03-02T08:00:01Z\"\nGetObject,s3.amazonaws.com,b,2026-03-02T08:00:02Z\n"),
	} {
		events, r := read(t, content)
		if ids(events) != "ab" || r.Reason != "" || r.ProblemCount != 0 {
			t.Errorf("%s: events %q, %d problems %v, reason %q", name, ids(events), r.ProblemCount, r.Problems, r.Reason)
		}
	}
}

// TestBadInput checks that what is wrong is named, and that the rest goes on.
func TestBadInput(t *testing.T) {
	long := `{"eventTime":"` + strings.Repeat("x", 5<<20) + `"}`
	cut := gz(strings.Repeat(recordA+"\n", 2000))
	for _, c := range []struct {
		name    string
		content []byte
		events  int
		want    string // in a problem or the reason
		failed  bool
	}{
		{"a bad line", []byte(recordA + "\n{broken\n" + recordB + "\n"), 2, ":2: ", false},
		{"a cut line", []byte(recordA + "\n" + recordB[:50] + "\n" + recordB + "\n"), 2, ":2: the record ends too early", false},
		{"a line of 5 MB", []byte(recordA + "\n" + long + "\n" + recordB + "\n"), 2, ":2: a record longer than 4 MiB", false},
		{
			"a record of no known kind",
			[]byte(recordA + "\n{\"x\":1}\n" + recordB),
			2,
			":2: a record of an unknown kind, with the keys x",
			false,
		},
		{
			"a bad row",
			[]byte("eventid,eventtime,eventname,eventsource\na,2026-03-02T08:00:01Z,GetObject,s3\n" +
				"x,y\nb,2026-03-02T08:00:02Z,GetObject,s3\n"),
			2,
			":3: 2 cells, but the header has 4",
			false,
		},
		{
			"an open quote",
			[]byte("eventid,eventtime,eventname,eventsource\na,2026-03-02T08:00:01Z,\"GetObject,s3\nb,2026-03-02T08:00:02Z,GetObject,s3\n"),
			1,
			":2: ",
			false,
		},
		{"the page is cut", []byte(`{"Records":[` + recordA + `,` + recordB[:40]), 1, ":1: ", false},
		{"nothing", nil, 0, "empty file", false},
		{"a binary", append([]byte("MZ\x00\x00"), make([]byte, 600)...), 0, "not a log file", false},
		{"parquet", []byte("PAR1xxxxPAR1"), 0, "Parquet", true},
		{"a web page", []byte("<!DOCTYPE html><html>Sign in</html>"), 0, "login page", false},
		{"other JSON", []byte(`{"hello":"world"}`), 0, "JSON of an unknown kind: the keys hello", false},
		{"another table", []byte("a,b,c,d,e\n1,2,3,4,5\n"), 0, "a table of an unknown kind, with the columns a, b, c, d", false},
		{"another table below a title", []byte("Portal, 2026\na,b,c\n1,2,3\n"), 0, "a table of an unknown kind, with the columns a, b, c", false},
		{
			"almost a table below a title",
			[]byte("By: me, you, them\nDate,Actor,Actor email,Action,Entity\n"),
			0,
			"; it is nearest to slack_csv, but lacks Entity type",
			false,
		},
		{"prose", []byte("Dear all,\nhello\n"), 0, "text of an unknown kind", false},
		{"a cut gzip", cut[:len(cut)/2], -1, "the gzip is cut off: its end is missing", true},
		{"a broken zip", []byte("PK\x03\x04garbage"), 0, "damaged zip", true},
		{
			"gzip in gzip in gzip in gzip in gzip",
			gz(string(gz(string(gz(string(gz(string(gz(recordA))))))))),
			0,
			"nested deeper than 3",
			true,
		},
		{"one bad member", zipped("a", recordA, "b.gz", "\x1f\x8bgarbage", "c", recordB), 2, "!b.gz: the gzip is cut off", true},
	} {
		events, r := read(t, c.content)
		said := r.Reason
		for _, p := range r.Problems {
			said += "\n" + p.String()
		}
		if c.events >= 0 && len(events) != c.events || c.events < 0 && len(events) == 0 || !strings.Contains(said, c.want) ||
			r.Failed != c.failed {
			t.Errorf("%s: %d events, failed %v, said %q", c.name, len(events), r.Failed, said)
		}
	}
}

// TestBomb checks that a file that inflates beyond all reason is not read whole.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates 300 MB")
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 300 {
		w.Write(chunk)
	}
	w.Close()
	_, r := read(t, b.Bytes())
	if !r.Failed || !strings.Contains(r.Reason+fmt.Sprint(r.Problems), "inflates to more than") {
		t.Errorf("failed %v, reason %q, %v", r.Failed, r.Reason, r.Problems)
	}
}

// TestHostileNames checks that names and content cannot break out of messages.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a\x1b[31m\nb.json")
	if err := os.WriteFile(path, []byte(recordA+"\n{\"\x1b]0;x\\u0007\":1}\n{bad"), 0o600); err != nil {
		t.Skip(err)
	}
	_, reports := ingesttest.Read(t, all.Formats, all.Tables, dir)
	for _, p := range reports[0].Problems {
		if strings.ContainsAny(p.String(), "\x1b\n\x07") {
			t.Errorf("%q", p.String())
		}
	}
	if len(reports[0].Problems) != 2 {
		t.Errorf("%v", reports[0].Problems)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/2", "a/1"} {
		os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600)
	}
	os.Symlink(filepath.Join(dir, "b"), filepath.Join(dir, "loop"))
	os.Symlink(filepath.Join(dir, "a/1"), filepath.Join(dir, "link"))
	os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "dangling"))
	found, bad := files.Find([]string{dir, filepath.Join(dir, "a"), filepath.Join(dir, "missing")})
	var names []string
	for _, f := range found {
		rel, _ := filepath.Rel(dir, f.Path)
		names = append(names, rel)
	}
	if got := strings.Join(names, " "); got != "a/1 b/2 link" {
		t.Errorf("found %q", got)
	}
	if len(bad) != 3 {
		t.Errorf("%d could not be read: %+v", len(bad), bad)
	}
}

// TestStops checks that reading ends with its context and with the first error of
// its consumer.
func TestStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	os.WriteFile(path, []byte(strings.Repeat(recordA+"\n", 1000)), 0o600)
	found, _ := files.Find([]string{path})
	full := errors.New("disk full")
	n := 0
	r := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: 1, Emit: func(int) func(*event.Event) error {
		return func(*event.Event) error { n++; return full }
	}}
	if _, err := r.Read(context.Background(), found); !errors.Is(err, full) || n != 1 {
		t.Errorf("%v after %d events", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx, found); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// FuzzRead asserts that any bytes are events, counted problems or a reason.
func FuzzRead(f *testing.F) {
	for _, b := range [][]byte{
		[]byte(recordA),
		gz(recordA),
		zst(recordA),
		zipped("a", recordA),
		tarred("a", recordA),
		utf16le(recordA),
		[]byte("eventid,eventtime,eventname,eventsource\na,2026-03-02T08:00:01Z,\"GetObject\",s3\n"),
		[]byte(`{"Records":[` + recordA + `,{]}`),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, r := read(t, b)
		if len(events) == 0 && r.Records == 0 && r.ProblemCount == 0 && r.Reason == "" &&
			len(bytes.Trim(b, " \r\n\t,[]{}\xef\xbb\xbf")) > 0 && !bytes.Contains(b, []byte(`[`)) && !bytes.HasPrefix(b, []byte("PK")) &&
			!strings.Contains(string(b), "ustar") && len(b) > 0 && b[0] != 0x1f && b[0] != 0x28 && !headerOnly(b) {
			t.Errorf("%q was dropped in silence", b)
		}
	})
}

// headerOnly reports whether the bytes may be a table without rows.
func headerOnly(b []byte) bool { return bytes.Count(bytes.TrimSpace(b), []byte("\n")) == 0 }
