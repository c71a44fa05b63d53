package files_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// TestInflation checks that the inflated bytes of a file are added up over all its members, at
// any depth.
func TestInflation(t *testing.T) {
	member := strings.Repeat(" ", 300<<10) + recordA
	twice, packed := string(gz(member)), string(zst(member))
	for name, content := range map[string][]byte{
		"one member":             gz(strings.Repeat(member, 5)),
		"several members":        zipped("a", member, "b", member, "c", member, "d", member, "e", member),
		"a gzip in a gzip":       gz(string(gz(strings.Repeat(member, 4)))),
		"gzips in a tar":         tarred("a", twice, "b", twice, "c", twice, "d", twice, "e", twice),
		"a tar in a gzip":        gz(string(tarred("a", member, "b", member, "c", member))),
		"zips in a zip":          zipped("a", string(zipped("a", member, "b", member)), "b", string(zipped("a", member, "b", member))),
		"zstd in a zip":          zipped("a", packed, "b", packed, "c", packed, "d", packed),
		"one stream of several":  gz(member, member, member, member, member),
		"a zip that is not last": gz(string(zipped("a", member, "b", member, "c", member, "d", member))),
	} {
		for _, small := range []bool{true, false} {
			r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: ignore, Budget: files.Budget{Inflated: 1 << 20, Ratio: 1}}
			if !small {
				r.Budget.Inflated = 16 << 20
			}
			rep, err := r.Stream(t.Context(), "x", bytes.NewReader(content))
			if stopped := rep.Failed && strings.Contains(rep.Reason, "inflates to more than"); err != nil || stopped != small ||
				!small && rep.Records == 0 {
				t.Errorf("%s, small %v: %d records, failed %v, reason %q, %v", name, small, rep.Records, rep.Failed, rep.Reason, err)
			}
		}
	}
}

func ignore(int) func(*event.Event) error { return func(*event.Event) error { return nil } }

// TestTime checks that a file that takes too long is left, with what was read of it,
// and that time in which others work does not count.
func TestTime(t *testing.T) {
	content := strings.Repeat(recordA+"\n", 1000)
	for name, packed := range map[string][]byte{
		"plain": []byte(content),
		"gzip":  gz(content),
		"zip":   zipped("a", content, "b", content),
		"tar":   tarred("a", content),
	} {
		var now time.Duration
		slow := func(step time.Duration) files.Report {
			now = 0
			r := files.Reader{
				Formats: all.Formats,
				Tables:  all.Tables,
				Emit:    ignore,
				Budget:  files.Budget{Time: time.Minute, Clock: func() time.Duration { now += step; return now }},
			}
			rep, err := r.Stream(t.Context(), "x", bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		if rep := slow(time.Second); !rep.Failed || !strings.Contains(rep.Reason, "takes longer than") || rep.Records > 900 {
			t.Errorf("%s: %d records, reason %q", name, rep.Records, rep.Reason)
		}
		if rep := slow(time.Microsecond); rep.Failed || rep.Records < 1000 {
			t.Errorf("%s, in time: %d records, reason %q", name, rep.Records, rep.Reason)
		}
		now = 0
		r := files.Reader{
			Formats: all.Formats,
			Tables:  all.Tables,
			Budget:  files.Budget{Time: time.Minute, Clock: func() time.Duration { return now }},
			Emit: func(int) func(*event.Event) error {
				return func(*event.Event) error { now += time.Hour; return nil }
			},
		}
		if rep, err := r.Stream(t.Context(), "x", slowly{bytes.NewReader(packed), &now}); err != nil || rep.Failed || rep.Records < 1000 {
			t.Errorf("%s, others are slow: %d records, reason %q, %v", name, rep.Records, rep.Reason, err)
		}
	}
}

// slowly is a disk that takes its time.
type slowly struct {
	io.Reader
	now *time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	*s.now += time.Hour
	return s.Reader.Read(p)
}

// endless is a text again and again. It ends the context once it is beyond the longest
// record, and fails the test if it is read much further.
type endless struct {
	t    *testing.T
	text string
	at   int
	n    int64
	end  context.CancelFunc
}

func endlessly(t *testing.T, text string, end context.CancelFunc) *endless {
	return &endless{t: t, text: strings.Repeat(text, 1+(64<<10)/len(text)), end: end} // copied in large pieces
}

func (e *endless) Read(p []byte) (n int, err error) {
	n = copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	switch e.n += int64(n); {
	case e.n > 64<<20:
		e.t.Errorf("%.20q: read on after the end of its context", e.text)
		return 0, io.ErrUnexpectedEOF
	case e.n > 4<<20+128<<10:
		e.end()
	}
	return n, nil
}

// TestCancelled checks that every loop over bytes, lines, elements and members ends
// with its context: none of these streams has an end of its own.
func TestCancelled(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64) // what is short takes longer, and is read by the same loops
	for _, first := range []string{
		"",
		recordA + "\n",
		"[" + recordA + ",",
		`{"Records":[` + recordA + `],"x":`,
		"eventid,eventtime,eventname,eventsource\n",
	} {
		t.Run(fmt.Sprintf("%.20s", first), func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{
				" ",
				"\n",
				"\x00",
				"x",
				"x\n",
				long + "\n",
				"[",
				"{",
				`{"a":`,
				`null,"` + long + `",`,
				"{" + long + "}\n",
				`"`,
				`"` + long + `",`,
				`{"x":1,"` + long + "\":2}\n",
				long + ",",
				"x," + long + "\"\n",
				"}",
				"\x1e",
				recordB + "\n",
				recordB + ",",
			} {
				ctx, cancel := context.WithCancel(t.Context())
				r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: ignore}
				_, err := r.Stream(ctx, "x", io.MultiReader(strings.NewReader(first), endlessly(t, text, cancel)))
				if cancel(); !errors.Is(err, context.Canceled) {
					t.Errorf("%.20q, %.20q: %v", first, text, err)
				}
			}
		})
	}
	for name, packed := range map[string]string{
		"tar of nothing": string(tarred("d/", "")[:512]),
		"tar":            string(tarred("a", recordA)[:1024]),
		"gzip":           string(gz(" ")),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: ignore}
		_, err := r.Stream(ctx, "x", endlessly(t, packed, cancel))
		if cancel(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Few bytes that become many, and many members.
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 64 {
		w.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	w.Close()
	var members []string
	for range 3000 {
		members = append(members, "m", recordA)
	}
	for name, packed := range map[string][]byte{
		"gzip":        gz(recordA + "\n" + strings.Repeat(" ", 1<<20) + recordB),
		"zip":         zipped(members...),
		"tar":         tarred(members...),
		"white space": zipped("a", recordA, "b.gz", b.String()),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: func(int) func(*event.Event) error {
			return func(*event.Event) error { n++; cancel(); return nil }
		}}
		if _, err := r.Stream(ctx, "x", bytes.NewReader(packed)); !errors.Is(err, context.Canceled) || n != 1 {
			t.Errorf("%s: %v after %d events", name, err, n)
		}
	}
}

// TestRecognised checks how much of a file counts as read.
func TestRecognised(t *testing.T) {
	for _, c := range []struct {
		name, content string
		from, to      float64
	}{
		{"all", recordA + "\n" + recordB, 1, 1},
		{"an empty list", "[]", 1, 1},
		{"an empty page", `{"Records":[]}`, 1, 1},
		{"only a header", "eventid,eventtime,eventname,eventsource\n", 1, 1},
		{"nothing", "", 0, 0},
		{"prose", "Dear all", 0, 0},
		{"other records", strings.Repeat("{\"x\":1}\n", 10), 0, 0},
		{"a broken record", recordA[:50], 0, 0},
		{"half of the records", recordA + "\n{x}\n", 0.5, 0.5},
		{"a third of the records", "{\"x\":1}\n{\"y\":1}\n" + recordA, 0.33, 0.34},
		{"a record in much text", recordA + "\n" + strings.Repeat("nothing, ", 1000), 0.01, 0.1},
		{"bad times", strings.Repeat(strings.Replace(recordA, "2026", "1926", 1)+"\n", 9) + recordA, 0.1, 0.1},
		{"one member of two", string(zipped("a", recordA, "b", "prose")), 0.1, 0.5},
		{"one member of two, the other damaged", string(zipped("a", recordA, "b", "\x1f\x8bx")), 0.5, 0.5},
		{"an empty member", string(zipped("a", recordA, "b", "")), 1, 1},
	} {
		if _, rep := read(t, []byte(c.content)); rep.Recognised() < c.from || rep.Recognised() > c.to {
			t.Errorf("%s: %.3f, want %g to %g; %+v", c.name, rep.Recognised(), c.from, c.to, rep)
		}
	}
}
