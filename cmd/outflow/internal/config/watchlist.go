package config

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/detect/engine"
)

// Watchlist is an engine.Watchlist as the file has it.
type Watchlist struct {
	Name         string   `yaml:"name"`         // unique; required
	Members      []string `yaml:"members"`      // people, as in alerts
	Departments  []string `yaml:"departments"`  // as HR writes them
	File         string   `yaml:"file"`         // CSV with further members
	Places       []string `yaml:"places"`       // names, with * and ?
	Applications []string `yaml:"applications"` // ids or names
	Weight       float64  `yaml:"weight"`       // points, from -6 to 6 and not 0; required
	Until        string   `yaml:"until"`        // the last day, or a time; "" for always
	Owner        string   `yaml:"owner"`        // who answers for it; required
	Reason       string   `yaml:"reason"`       // why it is kept; required

	// What the file holds.
	people, departments []string
}

// inWatchlist names the list that an error is about.
func (c *Config) inWatchlist(i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("watchlist %s: %w", cmp.Or(c.Watchlists[i].Name, strconv.Itoa(i+1)), err)
}

// detect returns the list as the engine takes it.
func (w *Watchlist) detect() (engine.Watchlist, error) {
	out := engine.Watchlist{
		Name: w.Name, People: slices.Concat(w.Members, w.people), Departments: slices.Concat(w.Departments, w.departments),
		Places: w.Places, Applications: w.Applications, Points: w.Weight, Owner: w.Owner, Reason: w.Reason,
	}
	var err error
	if out.Until, err = Moment(w.Until); err != nil {
		return out, fmt.Errorf("until: %w", err)
	}
	if _, err := time.Parse(time.DateOnly, w.Until); err == nil { // the day is the last one
		out.Until = out.Until.AddDate(0, 0, 1)
	}
	if err := out.Check(); err != nil {
		if rest, is := strings.CutPrefix(err.Error(), "weight "); is {
			return out, fmt.Errorf("weight: %s", rest)
		}
		return out, err
	}
	return out, nil
}

// readFile reads the members that the file lists.
func (w *Watchlist) readFile() error {
	if w.File == "" {
		return nil
	}
	f, err := os.Open(w.File)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("file: %s: %w", path.Path, path.Err)
	}
	defer f.Close()
	if w.people, w.departments, err = members(f); err != nil {
		return fmt.Errorf("file: %s: %w", w.File, err)
	}
	return nil
}

// members reads a CSV file of people and departments. Errors name the line.
func members(in io.Reader) (people, departments []string, err error) {
	r := csv.NewReader(in)
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("line 1: a header with the column user or department is required: %w", err)
	}
	user, department := -1, -1
	for i, name := range head {
		switch strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))) {
		case "user", "email", "member":
			user = i
		case "department":
			department = i
		}
	}
	if user < 0 && department < 0 {
		return nil, nil, fmt.Errorf("line 1: no column user or department: %s", strings.Join(head, ", "))
	}
	cell := func(row []string, i int) string {
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, departments, nil
		}
		if err != nil {
			return nil, nil, err // it names the line
		}
		switch who, where := cell(row, user), cell(row, department); {
		case who != "":
			people = append(people, who)
		case where != "":
			departments = append(departments, where)
		default:
			line, _ := r.FieldPos(0)
			return nil, nil, fmt.Errorf("line %d: neither a user nor a department", line)
		}
	}
}

// EndedWatchlists are the lists that hold no longer at a time, a sentence each.
func (c *Config) EndedWatchlists(now time.Time) (ended []string) {
	for i := range c.Watchlists {
		w := &c.Watchlists[i]
		if x, err := w.detect(); err == nil && x.Ended(now) {
			ended = append(ended, fmt.Sprintf("the watchlist %q of %s ended on %s: it no longer counts",
				w.Name, w.Owner, x.Until.Add(-time.Millisecond).UTC().Format(time.DateOnly)))
		}
	}
	return ended
}
