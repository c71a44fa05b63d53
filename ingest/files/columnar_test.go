package files_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// identity, trail and others are rows as tools write CloudTrail's records.
type identity struct {
	Type      string `parquet:"type"`
	AccountID string `parquet:"accountId"`
	UserName  string `parquet:"userName,optional"`
}

type trail struct {
	EventTime    string   `parquet:"eventTime"`
	EventSource  string   `parquet:"eventSource"`
	EventName    string   `parquet:"eventName"`
	EventID      string   `parquet:"eventID"`
	UserIdentity identity `parquet:"userIdentity"`
	ErrorCode    string   `parquet:"errorCode,optional"`
}

type athenaIdentity struct {
	Type        string `parquet:"type"`
	PrincipalID string `parquet:"principalid"`
	AccountID   string `parquet:"accountid"`
	UserName    string `parquet:"username,optional"`
}

type athenaTrail struct {
	UserIdentity      athenaIdentity `parquet:"useridentity"`
	EventTime         time.Time      `parquet:"eventtime,timestamp(millisecond)"`
	EventSource       string         `parquet:"eventsource"`
	EventName         string         `parquet:"eventname"`
	EventID           string         `parquet:"eventid"`
	RequestParameters string         `parquet:"requestparameters,optional,zstd"`
}

type flatTrail struct {
	EventID     string `parquet:"eventid"`
	EventTime   string `parquet:"eventtime"`
	EventName   string `parquet:"eventname"`
	EventSource string `parquet:"eventsource,dict"`
}

type carriedTrail struct {
	At  int64  `parquet:"at"`
	Raw string `parquet:"log_line"`
}

// columns returns a Parquet file with rows.
func columns[T any](t testing.TB, rows ...T) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, parquet.PageBufferSize(512))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// second is a time in the minute of recordA.
func second(n int) time.Time { return time.Date(2026, 3, 2, 8, 0, n, 0, time.UTC) }

func TestParquet(t *testing.T) {
	native := columns(t,
		trail{"2026-03-02T08:00:01Z", "s3.amazonaws.com", "GetObject", "a", identity{"Root", "1", ""}, ""},
		trail{"2026-03-02T08:00:02Z", "s3.amazonaws.com", "GetObject", "b", identity{"IAMUser", "1", "kim"}, "AccessDenied"})
	for name, content := range map[string][]byte{
		"records": native,
		"Athena": columns(t,
			athenaTrail{athenaIdentity{"Root", "1", "1", ""}, second(1), "s3.amazonaws.com", "GetObject", "a", `{"bucketName":"x"}`},
			athenaTrail{athenaIdentity{"IAMUser", "2", "1", "kim"}, second(2), "s3.amazonaws.com", "GetObject", "b", ""}),
		"a table": columns(t,
			flatTrail{"a", "2026-03-02T08:00:01Z", "GetObject", "s3.amazonaws.com"},
			flatTrail{"b", "2026-03-02T08:00:02Z", "GetObject", "s3.amazonaws.com"}),
		"a column of records": columns(t, carriedTrail{1, recordA}, carriedTrail{2, strings.ReplaceAll(recordB, ",", ",\n")}),
		"gzip":                gz(string(native)),
		"zip":                 zipped("a/part-0.parquet", string(native)),
	} {
		for how, get := range map[string]func() ([]string, files.Report){
			"file": func() (names []string, r files.Report) {
				events, r := read(t, content)
				for _, e := range events {
					names = append(names, fmt.Sprint(e.Time/1000%60, e.Action, e.Actor))
				}
				return names, r
			},
			"stream": func() (names []string, r files.Report) {
				events, r := stream(t, content, files.Budget{})
				for _, e := range events {
					names = append(names, fmt.Sprint(e.Time/1000%60, e.Action, e.Actor))
				}
				return names, r
			},
		} {
			names, r := get()
			if len(names) != 2 || r.Records != 2 || r.Reason != "" || r.ProblemCount != 0 || r.Known != 1 || r.Parts != 1 {
				t.Errorf("%s, %s: %q, %+v", name, how, names, r)
			}
			if (name == "records" || name == "Athena") && !strings.Contains(strings.Join(names, " "), "kim") {
				t.Errorf("%s, %s: the names of %q are lost", name, how, names)
			}
		}
	}
}

// TestBadParquet checks that what is wrong is named, with the row, and that the rest is read.
func TestBadParquet(t *testing.T) {
	rows := make([]trail, 3000)
	for i := range rows {
		rows[i] = trail{"2026-03-02T08:00:01Z", "s3.amazonaws.com", "GetObject", fmt.Sprint("id", i), identity{"Root", "1", ""}, ""}
	}
	rows[1].EventTime = "yesterday"
	whole := columns(t, rows...)
	torn := bytes.Clone(whole)
	for i := range 600 {
		torn[len(torn)/2+i] = 0xff
	}
	for _, c := range []struct {
		name    string
		content []byte
		events  int
		want    string
	}{
		{"a bad row", columns(t, rows[:3]...), 2, ":2: "},
		{"cut off", whole[:len(whole)/2], 0, "Parquet file: cut off: its end is missing"},
		{"a damaged page", torn, -1, "cannot read further: Parquet file: row 2"},
		{"another kind", columns(t, struct {
			Depth, Width int64
			Colour       string
		}{1, 2, "red"}), 0, "Parquet of an unknown kind: the keys Colour, Depth, Width"},
	} {
		events, r := read(t, c.content)
		said := r.Reason
		for _, p := range r.Problems {
			said += "\n" + p.String()
		}
		if c.events >= 0 && len(events) != c.events || c.events < 0 && len(events) == 0 || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d events, said %.1000q", c.name, len(events), said)
		}
	}
	if _, r := read(t, columns[trail](t)); r.Reason != "" || r.Recognised() != 1 {
		t.Errorf("without rows: %+v", r)
	}
}

// BenchmarkParquet compares the reading of records in Parquet, with their own names and as Athena
// writes them, with that of the same records on lines of JSON.
func BenchmarkParquet(b *testing.B) {
	const n = 20_000
	var lines bytes.Buffer
	native, athena := make([]trail, n), make([]athenaTrail, n)
	for i := range n {
		id, name, user := fmt.Sprintf("%08x-fcf0-4dfb-b36a-7c1de4b0a3aa", i*7919), []string{"GetObject", "PutObject", "ListBuckets"}[i%3], fmt.Sprint("user", i%50)
		at := second(i / 100)
		native[i] = trail{at.Format("2006-01-02T15:04:05Z"), "s3.amazonaws.com", name, id, identity{"IAMUser", "111122223333", user}, ""}
		athena[i] = athenaTrail{athenaIdentity{"IAMUser", "AIDA", "111122223333", user}, at, "s3.amazonaws.com", name, id, ""}
		fmt.Fprintf(&lines, `{"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":%q,"eventID":%q,`+
			`"userIdentity":{"type":"IAMUser","accountId":"111122223333","userName":%q}}`+"\n", native[i].EventTime, name, id, user)
	}
	for _, c := range []struct {
		name    string
		content []byte
	}{{"ndjson", lines.Bytes()}, {"parquet", columns(b, native...)}, {"parquet-athena", columns(b, athena...)}} {
		path := filepath.Join(b.TempDir(), c.name)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			events := 0
			r := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: 1, Emit: func(int) func(*event.Event) error {
				return func(*event.Event) error {
					events++
					return nil
				}
			}}
			for b.Loop() {
				if _, err := r.Read(context.Background(), []files.File{{Path: path, Size: int64(len(c.content))}}); err != nil {
					b.Fatal(err)
				}
			}
			if events != b.N*n {
				b.Fatalf("%d events of %d", events, b.N*n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(len(c.content))/n, "bytes/event")
		})
	}
}
