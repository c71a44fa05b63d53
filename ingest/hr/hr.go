// Package hr decodes the data of the HR department: who people are, who has given notice and
// when their last day is. It makes events of them, so that a notice counts from the moment it
// was given and not before. Facts about the formats: docs/sources/hr.md.
package hr

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of HR records.
var Formats = []*ingest.Format{{
	Name:   "hr_workday",
	Match:  func(k ingest.Keys) bool { return k.Has("Employee_ID") && (k.Has("Work_Email") || k.Has("Email")) },
	Decode: decodeWorkday,
}, {
	Name:   "hr_bamboohr",
	Match:  func(k ingest.Keys) bool { return k.Has("workEmail", "terminationDate") },
	Decode: decodeBamboo,
}}

// Tables are the delimited shapes of HR records. Leavers come first: a file of
// leavers may name departments too.
var Tables = []*ingest.Table{
	{Name: "hr_leavers", Match: func(h ingest.Header) bool {
		return h.Has("emailaddress") && (h.Has("lastworkingdate") || h.Has("resignationdate"))
	}, Bind: ingest.PerRow(leaver)},
	{Name: "hr_employees", Match: func(h ingest.Header) bool {
		return h.Has("employeeid", "email") && (h.Has("lastday") || h.Has("terminationdate") || h.Has("status"))
	}, Bind: ingest.PerRow(employee)},
	{Name: "hr_history", Match: func(h ingest.Header) bool {
		return h.Has("emailaddress", "effectivedate") && (h.Has("oldlevel") || h.Has("newlevel") || h.Has("remarks") || h.Has("rating"))
	}, Bind: ingest.PerRow(history)},
	{Name: "hr_people", Match: func(h ingest.Header) bool {
		return (h.Has("emailaddress") || h.Has("email")) &&
			(h.Has("department") || h.Has("displayname") || h.Has("manager") || h.Has("aliases"))
	}, Bind: ingest.PerRow(person)},
}

// worker is a person as described by any of the files.
type worker struct {
	email, name, department, title, manager, location, country, start, position, aliases string
	status, notice, lastDay, termination                                                 string
}

// read returns the person described by a row.
func read(h ingest.Header, cells [][]byte) worker {
	text := func(names ...string) string { return ingest.View(h.Cell(cells, names...)) }
	return worker{
		email:       text("emailaddress", "email", "workemail"),
		name:        text("displayname", "name", "fullname"),
		department:  text("department", "supervisoryorganization"),
		title:       text("jobtitle", "title"),
		manager:     text("manager", "manageremail"),
		location:    text("location", "city", "office"),
		country:     text("country", "countrycode"),
		start:       text("startdate", "hiredate"),
		position:    text("positionstartdate", "jobstartdate", "positioneffectivedate"),
		aliases:     text("aliases", "alias"),
		status:      text("status"),
		notice:      text("resignationdate", "noticedate"),
		lastDay:     text("lastworkingdate", "lastday"),
		termination: text("terminationdate"),
	}
}

// history decodes a row of the files for Purview's HR connector about changes of job level,
// performance reviews and improvement plans. They are not used for scoring; decoding them keeps
// such files from being reported as unknown.
func history(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	w := read(h, cells)
	text := ingest.View(h.Cell(cells, "effectivedate"))
	at, err := out.Day("effective date", text)
	if err != nil {
		return err
	}
	e, err := w.begin(event.Derived, at, out)
	if err != nil {
		return err
	}
	e.Action = "job_level_change"
	if h.Has("remarks") || h.Has("rating") {
		e.Action = "performance_review"
	}
	e.Key = ingest.ContentKey(e)
	out.Emit()
	return nil
}

func person(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	w := read(h, cells)
	return w.person(out)
}

func leaver(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	w := read(h, cells)
	return w.leaver(out)
}

func employee(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	w := read(h, cells)
	return w.both(out)
}

// both emits the person and, if they are leaving, the notice. On an error it emits neither.
func (w *worker) both(out *ingest.Sink) error {
	if !w.leaves() {
		return w.person(out)
	}
	if _, _, err := w.dates(out); err != nil {
		return err
	}
	if err := w.person(out); err != nil {
		return err
	}
	return w.leaver(out)
}

// leaves reports whether the person is leaving or has left.
func (w *worker) leaves() bool {
	switch strings.ToLower(w.status) {
	case "active", "leave":
		return false
	}
	return w.notice != "" || w.lastDay != "" || w.termination != ""
}

// begin starts an event about the person.
func (w *worker) begin(class event.Class, at int64, out *ingest.Sink) (*event.Event, error) {
	if !ingest.IsEmail(w.email) {
		return nil, fmt.Errorf("%q is not an e-mail address", clip(w.email))
	}
	e := out.New(event.HR)
	e.Time, e.Class, e.Action = at, class, class.String()
	e.Actor = event.Actor{Account: out.Lower(w.email), Name: w.name, Kind: event.Human}
	return e, nil
}

func clip(t string) string {
	if len(t) > 60 {
		return t[:60] + "…"
	}
	return t
}

// person emits the person. The file is a snapshot, which holds from the beginning and may be
// outdated.
func (w *worker) person(out *ingest.Sink) error {
	e, err := w.begin(event.Person, ingest.Always, out)
	if err != nil {
		return err
	}
	out.Attr(event.AttrDepartment, w.department)
	out.Attr(event.AttrTitle, w.title)
	out.Attr(event.AttrManager, out.Lower(w.manager))
	out.Attr(event.AttrLocation, w.location)
	out.Attr(event.AttrCountry, w.country)
	if w.start != "" {
		at, err := out.Day("start date", w.start)
		if err != nil {
			return err
		}
		out.Attr(event.AttrStart, out.Copy(day(at)))
	}
	if w.position != "" {
		if at, err := out.Day("first day in the position", w.position); err == nil { // not worth the row
			out.Attr(event.AttrPosition, out.Copy(day(at)))
		}
	}
	for alias := range strings.FieldsFuncSeq(w.aliases, func(c rune) bool { return c == ' ' || c == ',' || c == ';' || c == '|' }) {
		if ingest.IsEmail(alias) || strings.Contains(alias, ":") {
			out.Attr(event.AttrAlias, out.Lower(alias))
		} else {
			out.Attr(event.AttrAlias, out.Join("*:", out.Lower(alias)))
		}
	}
	e.Key = ingest.ContentKey(e)
	out.Emit()
	return nil
}

// leaver emits the notice of a leaver. It is dated on the day of notice or, if that is missing,
// on the last working day.
func (w *worker) leaver(out *ingest.Sink) error {
	at, lastAt, err := w.dates(out)
	if err != nil {
		return err
	}
	e, err := w.begin(event.Notice, at, out)
	if err != nil {
		return err
	}
	if lastAt > 0 {
		out.Attr(event.AttrLastDay, out.Copy(day(lastAt)))
	}
	e.Key = ingest.ContentKey(e)
	out.Emit()
	return nil
}

// dates returns the days of notice and the last working day in Unix milliseconds; last is 0 if
// it is not stated.
func (w *worker) dates(out *ingest.Sink) (notice, last int64, err error) {
	if text := cmp.Or(w.lastDay, w.termination); text != "" || w.notice == "" {
		if last, err = out.Day("last working date", text); err != nil {
			return 0, 0, err
		}
	}
	if w.notice == "" {
		return last, last, nil
	}
	if at, ok := ingest.Time(w.notice); ok { // with a time of day
		return at, last, nil
	}
	notice, err = out.Day("resignation date", w.notice)
	return notice, last, err
}

func day(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }

// decodeBamboo decodes an employee of BambooHR. A termination date after the latest change is
// known since that change. BambooHR writes 0000-00-00 for no date.
func decodeBamboo(s *jsonscan.Scanner, out *ingest.Sink) error {
	var w worker
	var changed string
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "workEmail":
			w.email = s.Text()
		case "displayName":
			w.name = s.Text()
		case "department":
			w.department = s.Text()
		case "jobTitle":
			w.title = s.Text()
		case "supervisorEmail":
			w.manager = s.Text()
		case "location":
			w.location = s.Text()
		case "hireDate":
			w.start = s.Text()
		case "terminationDate":
			w.termination = s.Text()
		case "lastChanged":
			changed = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if strings.HasPrefix(w.termination, "0000") {
		w.termination = ""
	}
	if w.start == "0000-00-00" {
		w.start = ""
	}

	if w.termination != "" && changed != "" && changed < w.termination {
		w.notice = changed
	}
	return w.both(out)
}

// decodeWorkday decodes an entry of a Workday report (Report_Entry).
func decodeWorkday(s *jsonscan.Scanner, out *ingest.Sink) error {
	var w worker
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "Work_Email", "Email":
			w.email = s.Text()
		case "Worker", "Name", "Legal_Name":
			w.name = s.Text()
		case "Supervisory_Organization", "Department":
			w.department = s.Text()
		case "Business_Title", "Job_Title":
			w.title = s.Text()
		case "Manager_Email":
			w.manager = s.Text()
		case "Location":
			w.location = s.Text()
		case "Worker_Status":
			s.Skip() // Workday keeps people active until the day after their last day
		case "Resignation_Date":
			w.notice = s.Text()
		case "Last_Day_of_Work":
			w.lastDay = s.Text()
		case "Termination_Date":
			w.termination = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	return w.both(out)
}
