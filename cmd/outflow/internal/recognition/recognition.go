// Package recognition shows how the records of a file are understood: what the file was taken for, the
// events of its first records, and what could not be read, with reasons.
package recognition

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// Input is the file to read, and how.
type Input struct {
	Path    string          // of the file
	Records int             // how many of the first records are shown
	Tables  []*ingest.Table // recognised tables, in order of preference
	Forms   ingest.Forms    // of times that do not say it themselves
}

// Reading is how a file was understood. It is written as JSON.
type Reading struct {
	File      string          `json:"file"`
	Formats   map[string]int  `json:"formats"`              // decoded records, by format or table
	Envelopes map[string]int  `json:"envelopes,omitempty"`  // decoded records that were in something else, by what that is
	Twins     map[string]int  `json:"twins,omitempty"`      // decoded records by a key that occurs twice, with different values
	Delimiter string          `json:"delimiter,omitempty"`  // of the cells of a table
	Zone      string          `json:"zone,omitempty"`       // that the file states for its times
	DateOrder string          `json:"date_order,omitempty"` // of dates that are numbers, if it is known
	Records   int             `json:"records"`              // decoded records
	Events    int             `json:"events"`               // of all records
	Unread    int             `json:"unread"`               // what could not be read: records, and other text
	Reason    string          `json:"reason,omitempty"`     // why not everything was read
	Unmapped  map[string]int  `json:"unmapped,omitempty"`   // events of class other, by action
	First     []Record        `json:"first"`                // the first decoded records
	Problems  []files.Problem `json:"problems"`             // the first of what could not be read
}

// Record is a decoded record.
type Record struct {
	Member string  `json:"member,omitempty"` // of an archive: archive!member
	Line   int     `json:"line"`             // from 1
	Format string  `json:"format"`           // or table
	Events []Event `json:"events"`           // that it stands for; none if it says nothing that matters
}

// maxUnmapped bounds the actions that are counted by name.
const maxUnmapped = 1000

// Read reads a file. The error is that of ctx or of finding the file; what is wrong with its
// content is in the reading.
func Read(ctx context.Context, in Input) (*Reading, error) {
	st, err := os.Stat(in.Path)
	switch {
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s is a folder: name a file in it", in.Path)
	}
	r := &Reading{File: in.Path, First: []Record{}, Problems: []files.Problem{}, Unmapped: map[string]int{}}
	var pending []Event
	reader := files.Reader{
		Formats: all.Formats,
		Tables:  in.Tables,
		Forms:   in.Forms,
		Latest:  time.Now().Add(ingest.MaxClockSkew),
		Emit: func(int) func(*event.Event) error {
			return func(e *event.Event) error {
				if r.Events++; e.Class == event.Other {
					r.unmapped(e.Action)
				}
				if len(r.First) < in.Records {
					pending = append(pending, newEvent(e))
				}
				return nil
			}
		},
		Decoded: func(int) func(files.Origin) {
			return func(o files.Origin) {
				r.note(&o)
				if len(r.First) < in.Records {
					r.First = append(r.First, newRecord(in.Path, &o, pending))
					pending = nil
				}
			}
		},
	}
	reports, err := reader.Read(ctx, []files.File{{Path: filepath.Clean(in.Path), Size: st.Size()}})
	if err != nil {
		return nil, err
	}
	rep := &reports[0]
	r.Formats, r.Envelopes, r.Twins = rep.Formats, rep.Envelopes, rep.Twins
	r.Records, r.Unread, r.Reason = rep.Records, rep.ProblemCount, rep.Reason
	r.Problems = append(r.Problems, rep.Problems[:min(len(rep.Problems), in.Records)]...)
	return r, nil
}

// unmapped counts an event of class other.
func (r *Reading) unmapped(action string) {
	if _, known := r.Unmapped[action]; known || len(r.Unmapped) < maxUnmapped {
		r.Unmapped[string([]byte(action))]++
	}
}

// note keeps what is known about the file.
func (r *Reading) note(o *files.Origin) {
	switch o.Delimiter {
	case 0:
	case '\t':
		r.Delimiter = "tab"
	default:
		r.Delimiter = string(rune(o.Delimiter))
	}
	if o.Zone != nil {
		r.Zone = o.Zone.String()
	}
	if o.Order != 0 {
		r.DateOrder = o.Order.String()
	}
}

// newRecord returns a record with its events.
func newRecord(path string, o *files.Origin, events []Event) Record {
	rec := Record{Line: o.Line, Format: o.Format, Events: events}
	if o.File != filepath.Clean(path) {
		rec.Member = o.File
	}
	if rec.Events == nil {
		rec.Events = []Event{}
	}
	return rec
}
