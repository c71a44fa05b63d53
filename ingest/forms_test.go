package ingest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/form"
	"github.com/outflow/outflow/internal/event"
)

// TestSinkTime checks where a zone and an order are taken from, and which times have neither.
func TestSinkTime(t *testing.T) {
	var got *event.Event
	s := ingest.NewSink(func(e *event.Event) { got = e.Clone() })
	tokyo, _ := form.ParseZone("Asia/Tokyo")
	berlin, _ := form.ParseZone("Europe/Berlin")
	for _, test := range []struct {
		forms ingest.Forms
		file  *time.Location
		utc   bool
		text  string
		want  string // "" if it is ambiguous
		local bool
	}{
		{text: "2026-03-14T12:10:00Z", want: "2026-03-14T12:10:00Z"},
		{text: "2026-03-14 12:10:00", want: "2026-03-14T12:10:00Z", local: true},
		{text: "2026-03-14 12:10:00", utc: true, want: "2026-03-14T12:10:00Z"},
		{text: "20260314121000.000", utc: true, want: "2026-03-14T12:10:00Z"},
		{text: "1773490200", want: "2026-03-14T12:10:00Z"},
		{text: "2026-03-14 12:10:00", forms: ingest.Forms{Zone: tokyo}, want: "2026-03-14T03:10:00Z"},
		{text: "2026-03-14 12:10:00", forms: ingest.Forms{Zone: tokyo}, utc: true, want: "2026-03-14T12:10:00Z"},
		{text: "2026-03-14 12:10:00", forms: ingest.Forms{Zone: tokyo}, file: berlin, want: "2026-03-14T11:10:00Z"},
		{text: "2026-03-14 12:10:00", file: berlin, utc: true, want: "2026-03-14T11:10:00Z"},
		{text: "2026-03-14 12:10:00 PST", file: berlin, want: "2026-03-14T20:10:00Z"},
		{text: "14/03/2026 12:10", want: "2026-03-14T12:10:00Z", local: true},
		{text: "02/03/2026 12:10"},
		{text: "02/03/2026 12:10", forms: ingest.Forms{Order: form.MonthFirst}, want: "2026-02-03T12:10:00Z", local: true},
		{text: "02/03/2026 12:10", forms: ingest.Forms{Order: form.DayFirst, Zone: tokyo}, want: "2026-03-02T03:10:00Z"},
		{text: "2026-03-14 12:10 IST"},
	} {
		s.UseForms(test.forms, nil)
		s.BeginFile(test.file, form.NoPoint, nil)
		s.Begin()
		read := s.Time
		if test.utc {
			read = s.TimeUTC
		}
		at, err := read("when", test.text)
		if test.want == "" {
			if !errors.Is(err, ingest.ErrAmbiguous) {
				t.Errorf("%+v: %v %v", test, at, err)
			}
			continue
		}
		e := s.New(event.Box)
		e.Time = at
		s.Emit()
		if text := time.UnixMilli(at).UTC().Format(time.RFC3339); err != nil || text != test.want || got.Zoneless != test.local {
			t.Errorf("%+v: %s %v, zoneless %v", test, text, err, got.Zoneless)
		}
	}
}

// TestOrderOfFile checks that the values of a file agree, and that fields do not decide for one
// another.
func TestOrderOfFile(t *testing.T) {
	s := ingest.NewSink(nil)
	read := func(field, text, want string) {
		t.Helper()
		_, err := s.Time(field, text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	read("a", "02/03/2026 9:00", "is ambiguous")
	read("a", "25/03/2026 9:00", "")
	read("a", "02/03/2026 9:00", "")
	read("a", "03/25/2026 9:00", "is month first, but another value of this file is day first")
	read("b", "02/03/2026 9:00", "is ambiguous")
	s.BeginFile(nil, form.NoPoint, nil)
	read("a", "02/03/2026 9:00", "is ambiguous")
	s.UseForms(ingest.Forms{Order: form.DayFirst}, nil)
	read("a", "03/25/2026 9:00", "is month first, but by the configuration dates are day first")
	read("a", "2026-03-25", "without a time of day")
}

func TestSinkDay(t *testing.T) {
	s := ingest.NewSink(nil)
	for _, test := range [][2]string{
		{"2026-03-31", "2026-03-31"}, {"2026-03-31-07:00", "2026-03-31"}, {"2026-03-31T00:00:00+02:00", "2026-03-31"},
		{"2026-03-31 17:00", "2026-03-31"}, {"2026/03/31", "2026-03-31"}, {"31.03.2026", "2026-03-31"}, {"46112", "2026-03-31"},
		{"20260331", "2026-03-31"}, {"31 March 2026", "2026-03-31"}, {"02/03/2026", ""}, {"31/03/2026", "2026-03-31"},
		{"02/03/2026", "2026-03-02"}, {"soon", ""}, {"0000-00-00", ""}, {"2026-02-31", ""}, {"", ""},
	} {
		at, err := s.Day("last day", test[0])
		if got := time.UnixMilli(at).UTC().Format(time.DateOnly); (err != nil) != (test[1] == "") || err == nil && got != test[1] {
			t.Errorf("%q: %s %v, want %q", test[0], got, err, test[1])
		}
	}
}

func TestSinkNumbers(t *testing.T) {
	s := ingest.NewSink(nil)
	for _, test := range []struct {
		usual form.Point
		text  string
		rows  int64
		size  int64
	}{
		{text: "", rows: 0, size: 0},
		{text: "9000", rows: 9000, size: 9000},
		{text: "9,000", rows: 9000, size: 9000},
		{text: "9 000", rows: 9000, size: 9000},
		{text: "9.000", rows: event.RowsUnknown},
		{usual: form.PointGroups, text: "9.000", rows: 9000, size: 9000},
		{usual: form.PointGroups, text: "9,000", rows: event.RowsUnknown},
		{text: "9000.0", rows: 9000, size: 9000},
		{text: "9.5", rows: event.RowsUnknown, size: 9},
		{text: "-1", rows: event.RowsUnknown},
		{text: "many", rows: event.RowsUnknown},
		{text: "1.5 KB", rows: event.RowsUnknown, size: 1536},
	} {
		s.BeginFile(nil, test.usual, nil)
		if got := s.Rows(test.text); got != test.rows {
			t.Errorf("%q: %d rows, want %d", test.text, got, test.rows)
		}
		s.BeginFile(nil, test.usual, nil)
		if got := s.Size(test.text); got != test.size {
			t.Errorf("%q: %d bytes, want %d", test.text, got, test.size)
		}
	}
	s.BeginFile(nil, form.NoPoint, nil)
	if got := s.Rows("1.234.567", "9.000"); got != 1234567 {
		t.Error(got)
	}
	if got := s.Rows("9.000"); got != 9000 {
		t.Error(got, "though the file has shown that points group")
	}
	if got := s.Rows("x", "0"); got != event.RowsUnknown {
		t.Error(got)
	}
}
