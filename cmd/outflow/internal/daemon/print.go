package daemon

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/sources"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/plain"
)

// staleAfter is the age from which a status is not that of now.
const staleAfter = 5 * StatusEvery

// Look sets Stopped: held is whether a process has the data directory, if that is known.
func (s *Status) Look(held, known bool, now time.Time) {
	s.Stopped = !s.Once && (known && !held || !known && now.Sub(s.At) > staleAfter)
}

// Print prints the status as text, as of now. The only errors are those of w.
func (s *Status) Print(w io.Writer, now time.Time) error {
	var b bytes.Buffer
	ago := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("2006-01-02 15:04:05") + " (" + sources.Age(now.Sub(t)) + " ago)"
	}
	switch {
	case s.Once:
		fmt.Fprintf(&b, "Ran once, until %s.\n\n", ago(s.At))
	case s.Stopped:
		fmt.Fprintf(&b, "Not running; this is from %s.\n\n", ago(s.At))
	case now.Sub(s.At) > staleAfter:
		fmt.Fprintf(&b, "Running, but it has reported nothing since %s.\n\n", ago(s.At))
	default:
		fmt.Fprintf(&b, "Running since %s.\n\n", ago(s.Started))
	}
	s.printUnwell(&b)
	s.printTables(&b, ago)
	if len(s.Streams) > 0 {
		if err := sources.PrintStates(&b, s.Streams, s.At); err != nil {
			return err
		}
		fmt.Fprintln(&b)
	}
	s.printFormats(&b)
	s.printFolders(&b)
	if s.Arrived != nil {
		if err := s.Arrived.Print(&b); err != nil {
			return err
		}
	}
	if s.Processor != nil {
		printProcessor(&b, s.Processor, ago)
	}
	if a := s.Alerts; a != nil {
		known := plain.CountOf(a.Known, "alert is known", "alerts are known")
		notified := plain.CountOf(a.Notified, "was sent", "were sent")
		waiting := plain.CountOf(a.Waiting, "waits to be sent", "wait to be sent")
		fmt.Fprintf(&b, "%s, %s, %s.\n", known, notified, waiting)
	}
	dead := plain.CountOf(s.Dead, "record", "records")
	failures := plain.CountOf(int(s.Failures), "failure", "failures")
	fmt.Fprintf(&b, "%s could not be decoded (outflow dead-letter list); %s since the start.\n", dead, failures)
	if s.Budget != nil {
		fmt.Fprintf(&b, "Budget: %s.\n", s.Budget)
	}
	for _, line := range s.EndedWatchlists {
		fmt.Fprintf(&b, "Note: %s.\n", plain.Escape(line))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// printUnwell prints what is wrong, a line each: first the conditions, which keep the daemon from
// doing all of its job, then what else is not well. Both are escaped where they are made.
func (s *Status) printUnwell(b *bytes.Buffer) {
	printed := map[string]bool{}
	for _, c := range s.Conditions {
		line := c.String()
		printed[line] = true
		fmt.Fprintf(b, "NOT WORKING: %s\n", line)
	}
	for _, line := range s.Unwell {
		if !printed[line] {
			fmt.Fprintf(b, "NOT WORKING: %s\n", line)
		}
	}
	if len(s.Conditions)+len(s.Unwell) > 0 {
		fmt.Fprintln(b)
	}
}

// printTables prints the events of sources, and how far partitions have been read.
func (s *Status) printTables(b *bytes.Buffer, ago func(time.Time) string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tVENDOR\tEVENTS\tPER HOUR\tNEWEST")
	for _, v := range s.Sources {
		events, hourly := plain.Count(int(v.Events)), plain.Count(int(v.Hourly))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", plain.Escape(v.Source), v.Vendor, events, hourly, ago(v.Newest))
	}
	fmt.Fprintln(t)
	if len(s.Parts) > 0 {
		fmt.Fprintln(t, "PARTITION\tREAD\tEND\tLAG")
		for _, p := range s.Parts {
			next, end, lag := plain.Count(int(p.Next)), plain.Count(int(p.End)), plain.Count(int(p.Lag))
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", p.Partition, next, end, lag)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

// printFormats prints what the records of streams were taken for, a line for each source.
func (s *Status) printFormats(b *bytes.Buffer) {
	phrases := map[string]string{
		watch.Decoded: "taken for", watch.Undecoded: "not decoded, although of", watch.Envelope: "in the envelope",
		watch.Ambiguous: "with a key that occurs twice and is unknown, of",
	}
	for i, f := range s.Formats {
		switch first := i == 0 || s.Formats[i-1].Source != f.Source; {
		case first && i > 0:
			b.WriteString(".\nSource " + plain.Escape(f.Source) + ": ")
		case first:
			b.WriteString("Source " + plain.Escape(f.Source) + ": ")
		default:
			b.WriteString("; ")
		}
		fmt.Fprintf(b, "%s %s %s", plain.CountOf(int(f.Records), "record", "records"), phrases[f.Role], plain.Escape(f.Name))
	}
	if len(s.Formats) > 0 {
		b.WriteString(".\n\n")
	}
}

// printFolders prints the files of sources of files.
func (s *Status) printFolders(b *bytes.Buffer) {
	for _, f := range s.Folders {
		known := plain.CountOf(f.Files, "file is known", "files are known")
		waiting := plain.CountOf(f.Waiting+f.Reading, "waits or is being read", "wait or are being read")
		fmt.Fprintf(b, "Source %s: %s, %s, %s could not be read.",
			plain.Escape(f.Source), known, waiting, plain.Count(f.Unreadable))
		if f.Example != "" {
			fmt.Fprintf(b, " One of these: %s.", plain.Escape(f.Example))
		}
		if f.Walking != "" {
			every := time.Duration(f.Every * float64(time.Second)).Round(time.Second)
			fmt.Fprintf(b, " Changes are found by walking every %s: %s.", every, plain.Escape(f.Walking))
		}
		fmt.Fprintln(b)
	}
	if len(s.Folders) > 0 {
		fmt.Fprintln(b)
	}
}

// printProcessor prints how far the stream processor is.
func printProcessor(b *bytes.Buffer, j *stream.Status, ago func(time.Time) string) {
	people := plain.CountOf(j.People, "person", "people")
	rollbacks := plain.CountOf(int(j.Rewinds), "rollback", "rollbacks")
	fmt.Fprintf(b, "Knows %s; the newest event that was processed is of %s; late events caused %s since the start.\n",
		people, ago(j.Newest), rollbacks)
	if j.Names+j.Guests > 0 {
		names := plain.CountOf(int(j.Names), "name", "names")
		events := plain.CountOf(int(j.Guests), "event", "events")
		fmt.Fprintf(b, "Left out: what was known of %s that never signed in, and %s of outsiders; "+
			"there were too many (docs/detectors/names_left_out.md).\n", names, events)
	}
	if j.Of > 0 {
		waited := time.Duration(j.Waited * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(b, "Processes %d of %d tasks (%s); waited %s for the processors of the others.\n",
			len(j.Shards), j.Of, ranges(j.Shards), waited)
	}
}

// ranges writes numbers, which are in order, as ranges: 0–3, 7.
func ranges(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		k := i
		for k+1 < len(list) && list[k+1] == list[k]+1 {
			k++
		}
		part := strconv.Itoa(list[i])
		if k > i {
			part += "–" + strconv.Itoa(list[k])
		}
		parts, i = append(parts, part), k+1
	}
	return strings.Join(parts, ", ")
}
