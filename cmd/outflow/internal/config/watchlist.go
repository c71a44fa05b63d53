package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/outflow/outflow/detect/engine"
)

// Watchlist is an engine.Watchlist as the file has it.
type Watchlist struct {
	Name         string   `yaml:"name"`         // unique
	Members      []string `yaml:"members"`      // people, as in alerts
	Departments  []string `yaml:"departments"`  // as HR writes them
	File         string   `yaml:"file"`         // CSV with further members
	Places       []string `yaml:"places"`       // names, with * and ?
	Applications []string `yaml:"applications"` // ids or names
	Weight       float64  `yaml:"weight"`       // points, from -engine.MaxWatchPoints to engine.MaxWatchPoints
	Until        string   `yaml:"until"`        // the last day, or a time; "" for always
	Owner        string   `yaml:"owner"`        // who answers for it
	Reason       string   `yaml:"reason"`       // why it is kept

	lines map[string]int // of the keys in the file; that of the list is ""
	// What the file holds.
	people, departments []string
}

// UnmarshalYAML implements yaml.NodeUnmarshaler: it notes the lines for errors.
func (w *Watchlist) UnmarshalYAML(node ast.Node) error {
	type plain Watchlist
	if err := yaml.NodeToValue(node, (*plain)(w), yaml.Strict()); err != nil {
		return err
	}
	w.lines = map[string]int{"": node.GetToken().Position.Line}
	pairs := []*ast.MappingValueNode{}
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = append(pairs, n)
	}
	for i, pair := range pairs {
		line := pair.Key.GetToken().Position.Line
		if w.lines[pair.Key.String()] = line; i == 0 {
			w.lines[""] = line
		}
	}
	return nil
}

// at says in which line of the configuration a key is, or else the list.
func (w *Watchlist) at(key string, err error) error {
	line, stated := w.lines[key]
	if !stated {
		line = w.lines[""]
	}
	if key != "" {
		err = fmt.Errorf("%s: %w", key, err)
	}
	return fmt.Errorf("watchlists: line %d (%s): %w", line, w.Name, err)
}

// detect returns the list as the engine takes it.
func (w *Watchlist) detect() (engine.Watchlist, error) {
	out := engine.Watchlist{
		Name: w.Name, People: slices.Concat(w.Members, w.people), Departments: slices.Concat(w.Departments, w.departments),
		Places: w.Places, Applications: w.Applications, Points: w.Weight, Owner: w.Owner, Reason: w.Reason,
	}
	var err error
	if out.Until, err = Moment(w.Until); err != nil {
		return out, w.at("until", err)
	}
	if _, err := time.Parse(time.DateOnly, w.Until); err == nil { // the day is the last one
		out.Until = out.Until.AddDate(0, 0, 1)
	}
	if err := out.Check(); err != nil {
		if rest, is := strings.CutPrefix(err.Error(), "weight "); is {
			return out, w.at("weight", errors.New(rest))
		}
		return out, w.at("", err)
	}
	return out, nil
}

// readFile reads the members that the file lists.
func (w *Watchlist) readFile() error {
	if w.File == "" {
		return nil
	}
	f, err := os.Open(w.File)
	if err != nil {
		return w.at("file", err)
	}
	defer f.Close()
	if w.people, w.departments, err = members(f); err != nil {
		return w.at("file", fmt.Errorf("%s: %w", w.File, err))
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
