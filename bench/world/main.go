// Command world generates the audit-log exports of a fictitious organisation, in the native formats of
// nine vendors (ten with -procedural). Known incidents are hidden among ordinary work and among benign
// activity that looks unusual; the ground truth is written apart from the exports.
//
//	go run ./bench/world -procedural -seed 301 -users 300 -days 90 -out EXPORT -truth TRUTH
//
// Equal flags give byte-equal exports. bench/README.md describes what a world holds.
package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Config holds the command's flags.
type Config struct {
	Seed              uint64
	Users, Days       int
	Learn, Per, Slice int
	Start             time.Time
	Out, Scenarios    string
	Truth             string // directory of labels.json and stats.json
	Scale             float64
	Faintest, Loudest float64 // range of the intensity of incidents
	Procedural        bool    // every seed draws its own vocabulary, benign bursts and further scenarios
	Families          string  // all, even or odd: the half of the grammar that benign bursts are drawn from
}

// kinds returns the scenarios a world of this configuration may contain.
func (c *Config) kinds() []story {
	if c.Procedural {
		return append(append(append([]story{}, scenarios...), misuse...), chain)
	}
	return scenarios
}

// enabled reports whether the scenario of that name was asked for.
func (c *Config) enabled(name string) bool {
	return c.Scenarios == "all" || slices.Contains(strings.Split(c.Scenarios, ","), name)
}

func main() {
	c, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = generate(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

// parse reads the command line and fills in the defaults.
func parse(args []string) (c Config, err error) {
	f := flag.NewFlagSet("world", flag.ContinueOnError)
	start := f.String("start", "2026-01-05", "first `day`")
	f.Uint64Var(&c.Seed, "seed", 1, "seed; equal seeds and flags give equal worlds")
	f.IntVar(&c.Users, "users", 400, "number of employees")
	f.IntVar(&c.Days, "days", 90, "number of days")
	f.StringVar(&c.Out, "out", "out", "`directory` of the exports")
	f.StringVar(&c.Truth, "truth", "", "`directory` of labels.json and stats.json (default: that of -out)")
	f.StringVar(&c.Scenarios, "scenarios", "all", "all, none, or a comma-separated `list`")
	f.IntVar(&c.Per, "per", 0, "incidents per scenario (default: one per 200 employees)")
	f.IntVar(&c.Learn, "learn", 30, "days at the beginning that hold no incidents")
	f.Float64Var(&c.Scale, "scale", 1, "factor on everybody's activity, for benchmarks")
	f.Float64Var(&c.Faintest, "faintest", 0, "lowest intensity of an incident, from 0 (stealthy) to 1 (blatant)")
	f.Float64Var(&c.Loudest, "loudest", 1, "highest intensity of an incident")
	f.BoolVar(&c.Procedural, "procedural", false, "draw vocabulary, benign bursts and further scenarios from the seed")
	f.StringVar(&c.Families, "families", "all", "all, even or odd: the half of the grammar that benign bursts are drawn from")
	f.IntVar(&c.Slice, "slice", 60, "minutes per CloudTrail file")
	if err = f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if c.Start, err = time.Parse(time.DateOnly, *start); err != nil {
		return c, fmt.Errorf("-start: %w", err)
	}
	if c.Truth == "" {
		c.Truth = c.Out
	}
	if c.Per == 0 {
		c.Per = max(1, c.Users/200)
	}
	return c, c.validate()
}

func (c *Config) validate() error {
	if c.Users < 1 || c.Days < 1 || c.Slice < 1 {
		return errors.New("-users, -days and -slice must be at least 1")
	}
	if c.Families != "all" && c.Families != "even" && c.Families != "odd" {
		return fmt.Errorf("-families must be all, even or odd, not %q", c.Families)
	}
	if c.Scenarios == "all" || c.Scenarios == "none" {
		return nil
	}
	for name := range strings.SplitSeq(c.Scenarios, ",") {
		if !slices.ContainsFunc(c.kinds(), func(s story) bool { return s.name == name }) {
			return fmt.Errorf("-scenarios: unknown scenario %q", name)
		}
	}
	return nil
}

// generate writes the world and prints how large it is.
func generate(c Config) error {
	if err := os.MkdirAll(c.Truth, 0o755); err != nil {
		return err
	}
	debug.SetGCPercent(400)
	began := time.Now()
	w := newWorld(c)
	if err := w.run(); err != nil {
		return err
	}
	n, size := 0, int64(0)
	for src := range w.sink.lines {
		n += w.sink.lines[src]
		size += w.sink.bytes[src]
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(os.Stderr, "%d records, %.0f MB before compression, %d incidents, %d decoys, in %.1f s (%.0f records/s)\n",
		n, float64(size)/1e6, len(w.incidents), len(w.decoys), took, float64(n)/took)
	return nil
}

// run generates and writes the world. A UTC day is complete once the local days before, on and after it
// have been simulated, because people live in different time zones.
func (w *World) run() error {
	w.inject()
	w.sink = newSink(w)
	for d := 0; d <= w.Days; d++ {
		var events []Event
		if d < w.Days {
			for _, a := range w.people {
				w.simulate(a, d, &events)
				if w.Procedural {
					w.practise(a, d, &events)
				}
			}
			w.automate(d, &events)
			events = append(events, w.planned[d]...)
			w.planned[d] = nil
			w.sink.add(events)
		}
		if d > 0 {
			if err := w.sink.flush(d - 1); err != nil {
				return err
			}
		}
	}
	return w.writeTruth()
}

// writeTruth writes the HR files, which belong to the exports, and the labels and statistics, which do not.
func (w *World) writeTruth() error {
	if err := w.writeHR(); err != nil {
		return err
	}
	for i, inc := range w.incidents {
		inc.ID = fmt.Sprintf("INC-%03d", i+1)
	}
	userDays, testDays := 0, 0
	for d, active := range w.sink.seen {
		userDays += len(active)
		if d >= w.Learn {
			testDays += len(active)
		}
	}
	labels := map[string]any{"meta": w.meta(testDays), "incidents": w.incidents, "decoys": w.decoys, "aliases": w.aliases()}
	if err := writeJSON(filepath.Join(w.Truth, "labels.json"), labels); err != nil {
		return err
	}
	return writeJSON(filepath.Join(w.Truth, "stats.json"), w.stats(userDays, testDays))
}

// meta is the head of labels.json.
func (w *World) meta(testDays int) map[string]any {
	return map[string]any{
		"seed": w.Seed, "users": w.Users, "days": w.Days, "domain": w.domain,
		"start": w.Start, "end": w.Start.AddDate(0, 0, w.Days), "test_start": w.Start.AddDate(0, 0, w.Learn),
		"learn_days": w.Learn, "user_days_test": testDays,
	}
}

// aliases maps the names that vendors know people by to their e-mail addresses.
func (w *World) aliases() map[string]string {
	m := map[string]string{}
	for _, a := range w.people {
		m[a.Login], m[a.SFID18], m[a.local()] = a.Email, a.Email, a.Email
	}
	return m
}

func (w *World) stats(userDays, testDays int) map[string]any {
	events, lines, size := map[string]int{}, map[string]int{}, map[string]int64{}
	for src, name := range sourceNames {
		if Source(src) > Dropbox && !w.Procedural {
			continue
		}
		events[name], lines[name], size[name] = w.sink.events[src], w.sink.lines[src], w.sink.bytes[src]
	}
	return map[string]any{
		"events": events, "records": lines, "bytes": size, "user_days": userDays, "user_days_test": testDays,
		"incidents": len(w.incidents), "decoys": len(w.decoys), "leavers": len(w.leavers),
	}
}

// writeHR writes what HR hands over: everybody's department and position, and who leaves when.
func (w *World) writeHR() error {
	people := [][]string{{"EmailAddress", "DisplayName", "Department", "Manager", "JobTitle", "Location", "Country", "StartDate"}}
	if w.Procedural {
		people[0] = append(people[0], "PositionStartDate")
	}
	date := func(d int) string { return w.Start.AddDate(0, 0, d).Format(time.DateOnly) }
	for _, a := range w.people {
		dept, since := a.Dept, a.Hired
		if a.position < never { // a change of department that HR has recorded
			dept, since = a.newDept, a.position
		}
		row := []string{a.Email, a.Name, w.lex.depts[dept], a.Manager, a.Title, a.Home.City, a.Home.Code, date(a.Hired)}
		if w.Procedural {
			row = append(row, date(since))
		}
		people = append(people, row)
	}
	leavers := [][]string{{"EmailAddress", "ResignationDate", "LastWorkingDate"}}
	for _, l := range w.leavers {
		at := func(d int) string { return w.Start.AddDate(0, 0, d).Add(9 * time.Hour).Format(time.RFC3339) }
		leavers = append(leavers, []string{l.who.Email, at(l.notice), at(l.lastDate)})
	}
	if err := writeCSV(filepath.Join(w.Out, "hr", "people.csv"), people); err != nil {
		return err
	}
	return writeCSV(filepath.Join(w.Out, "hr", "leavers.csv"), leavers)
}

func writeCSV(path string, rows [][]string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
