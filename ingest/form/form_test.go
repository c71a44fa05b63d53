package form

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	const noon = "2026-03-14T12:10:00Z"
	for text, want := range map[string]string{
		"/Date(1773490200000)/":                       noon,
		"/Date(1773490200000+0100)/":                  noon,
		"46095.5069444444":                            noon + "?",
		"46095,5069444444":                            noon + "?",
		"46095":                                       "2026-03-14T00:00:00Z?day",
		"20260314T121000Z":                            noon,
		"20260314T131000+0100":                        noon,
		"20260314T1210":                               noon + "?",
		"202603141210":                                noon + "?",
		"2026-03-14T12:10":                            noon + "?",
		"2026-03-14T12:10Z":                           noon,
		"2026-03-14 12:10:00,250 UTC":                 "2026-03-14T12:10:00.25Z",
		"2026-03-14 12:10:00 PM":                      noon + "?",
		"2026-03-14 00:10:00 AM":                      "2026-03-14T00:10:00Z?",
		"2026-03-14 12:10:00 AM":                      "2026-03-14T00:10:00Z?",
		"2026-03-14 13:10:00 CET":                     noon,
		"2026-03-14 05:10:00 PDT":                     noon,
		"2026-03-14 08:10:00 ET":                      noon,
		"2026-03-14 08:10 Eastern Time (US & Canada)": noon,
		"2026-03-14 08:10 America/New_York":           noon,
		"2026-03-14T13:10:00+01:00[Europe/Berlin]":    noon,
		"2026-03-14 17:40:00 (India Standard Time)":   noon,
		"2026-03-14 13:10:00 GMT+1":                   noon,
		"2026-03-14 13:10:00 UTC+01:00":               noon,
		"2026-03-14 13:10:00 (UTC+01:00)":             noon,
		"2026-03-14 04:10:00 UTC\u22128":              noon,
		"2026/03/14 12:10:00":                         noon + "?",
		"2026.03.14 12:10":                            noon + "?",
		"Sat, 14 Mar 2026 12:10:00 GMT":               noon,
		"Saturday, 14-Mar-26 12:10:00 GMT":            noon,
		"Sat Mar 14 12:10:00 UTC 2026":                noon,
		"Sat Mar 14 05:10:00 -0700 2026":              noon,
		"Sat Mar 14 2026 13:10:00 GMT+0100 (Central European Standard Time)": noon,
		"14/Mar/2026:12:10:00 +0000":                                         noon,
		"14/Mar/26 12:10 PM":                                                 noon + "?",
		"14-MAR-26 12.10.00.000000 PM":                                       noon + "?",
		"Mar 14th 2026 12:10:00":                                             noon + "?",
		"1st April 2026, 9:05 pm":                                            "2026-04-01T21:05:00Z?",
		"March 14, 2026 at 12:10:00 PM UTC":                                  noon,
		"Mar 14, 2026, 12:10:00\u202fPM":                                     noon + "?",
		"14. M\u00e4rz 2026 um 12:10:00 Uhr":                                 noon + "?",
		"14. M\u00e4rz 2026 um 13:10:00 MEZ":                                 noon,
		"14. Dez. 2026, 12:10":                                               "2026-12-14T12:10:00Z?",
		"14 mars 2026 \u00e0 12:10:00":                                       noon + "?",
		"14 mars 2026 12h10":                                                 noon + "?",
		"mar. 10 f\u00e9vr. 2026 09:00":                                      "2026-02-10T09:00:00Z?",
		"1er ao\u00fbt 2026 09:00":                                           "2026-08-01T09:00:00Z?",
		"14 de marzo de 2026, 12:10 p.\u00a0m.":                              noon + "?",
		"14 de marzo de 2026 a las 0:10":                                     "2026-03-14T00:10:00Z?",
		"2026\u5e743\u670814\u65e5 12:10:00":                                 noon + "?",
		"2026\u5e743\u670814\u65e5(\u571f) 12\u664210\u5206":                 noon + "?",
		"2026\u5e743\u670814\u65e5 \u5348\u5f8c2:10":                         "2026-03-14T14:10:00Z?",
		"14.03.2026 12:10":                                                   noon + "?",
		"14.3.26 12:10":                                                      noon + "?",
		"02.03.2026 9:00":                                                    "2026-03-02T09:00:00Z?",
		"14.03.2026 12.10":                                                   noon + "?",
		"14/03/2026 12:10":                                                   noon + "?dmy",
		"03/14/2026 12:10 PM":                                                noon + "?mdy",
		"3/14/26 12:10":                                                      noon + "?mdy",
		"\u200e3\u200e/\u200e14\u200e/\u200e2026 12:10:00 PM":                noon + "?mdy",
		"02/02/2026 09:00":                                                   "2026-02-02T09:00:00Z?",
		"2/3/2026 9:00:00 AM":                                                "open",
		"02-03-2026 09:00":                                                   "open",
		"Mon 02/03/2026 09:00":                                               "2026-03-02T09:00:00Z?dmy",
		"26-03-14 12:10":                                                     "open",
		"14-03-2026 12:10:00:123":                                            "2026-03-14T12:10:00.123Z?dmy",
		"2026-03-13T24:00:00Z":                                               "2026-03-14T00:00:00Z",
		"2026-03-14":                                                         "2026-03-14T00:00:00Z?day",
		"14/03/2026":                                                         "2026-03-14T00:00:00Z?daydmy",
		"2026-03-14 12:10 IST":                                               "zone",
		"2.02603E+13":                                                        "none",
		"31/02/2026 10:00":                                                   "none",
		"13/13/2026 10:00":                                                   "none",
		"14 Mar 12:10":                                                       "none",
		"2026-03-14 25:10":                                                   "none",
		"2026-03-14 14:10 AM":                                                "none",
		"14 Mar 1999 12:10":                                                  "none",
		"tomorrow":                                                           "none",
		"":                                                                   "none",
		"10.0.0.1":                                                           "none",
		"2026-03-14 12:10:00 Nowhere/Land":                                   "none",
	} {
		if got := describe(ParseTime(text, NoOrder, nil)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func describe(p Time, err error) string {
	switch {
	case err == ErrNone:
		return "none"
	case err == ErrZone:
		return "zone"
	case p.Open:
		return "open"
	}
	s := time.UnixMilli(p.In(time.UTC)).UTC().Format("2006-01-02T15:04:05.999Z07:00")
	if p.Zone == nil {
		s += "?"
	}
	if p.Day {
		s += "day"
	}
	return s + map[Order]string{DayFirst: "dmy", MonthFirst: "mdy", YearFirst: "ymd"}[p.Shows]
}

func TestOrderAndZone(t *testing.T) {
	for order, want := range map[Order]string{DayFirst: "2026-03-02T09:00:00Z?", MonthFirst: "2026-02-03T09:00:00Z?"} {
		if got := describe(ParseTime("02/03/2026 09:00", order, nil)); got != want {
			t.Errorf("%v: %s", order, got)
		}
	}
	if got := describe(ParseTime("26/03/14 09:00", YearFirst, nil)); got != "2026-03-14T09:00:00Z?" {
		t.Error(got)
	}
	kolkata, _ := ParseZone("Asia/Kolkata")
	if got := describe(ParseTime("2026-03-14 17:40 IST", NoOrder, kolkata)); got != "2026-03-14T12:10:00Z" {
		t.Error(got)
	}
	summer, _ := ParseTime("2026-07-14 12:00", NoOrder, nil)
	for name, hours := range map[string]int{
		"Europe/Berlin": 10, "+02:00": 10, "UTC+2": 10, "(GMT+02:00) Paris": -1, "W. Europe Standard Time": 10, "EST": 17,
		"Eastern Standard Time": 16, "Pacific Time (US & Canada)": 19, "UTC": 12, "Z": 12, "nowhere": -1, "": -1, "../x": -1, "+99": -1,
		"Europe/../Berlin": -1,
	} {
		z, ok := ParseZone(name)
		if got := -1; ok {
			got = time.UnixMilli(summer.In(z)).UTC().Hour()
			if got != hours {
				t.Errorf("%q: %d, want %d", name, got, hours)
			}
		} else if hours != -1 {
			t.Errorf("%q is not known", name)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for text, want := range map[string]Number{
		"9000":                {Value: 9000},
		"0":                   {},
		"-12":                 {Value: -12},
		"9 000":               {Value: 9000},
		"9\u00a0000":          {Value: 9000},
		"9\u202f000\u202f000": {Value: 9000000},
		"9'000":               {Value: 9000},
		"9\u2019000":          {Value: 9000},
		"1,234.5":             {Value: 1234.5, Shows: PointDecimal},
		"1.234,5":             {Value: 1234.5, Shows: PointGroups},
		"1 234,5":             {Value: 1234.5, Shows: PointGroups},
		"1'234.50":            {Value: 1234.5, Shows: PointDecimal},
		"1,234,567":           {Value: 1234567, Shows: PointDecimal},
		"1.234.567":           {Value: 1234567, Shows: PointGroups},
		"12,34,567":           {Value: 1234567, Shows: PointDecimal},
		"976,56":              {Value: 976.56, Shows: PointGroups},
		"976.56":              {Value: 976.56, Shows: PointDecimal},
		"0.125":               {Value: .125, Shows: PointDecimal},
		"9,000":               {Value: 9000, Open: true},
		"9.000":               {Value: 9000, Open: true},
		"1.2E7":               {Value: 12000000},
	} {
		if got, ok := ParseNumber(text, NoPoint); !ok || got != want {
			t.Errorf("%q: %+v %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "x", "9,0,0", "1,23", "12 34", "1 234.567.890", "9..0", ".5", "5.", "1,2345,678", "NaN", "Inf", "0x10", "1_000"} {
		if got, ok := ParseNumber(text, NoPoint); ok && text != "1,23" {
			t.Errorf("%q: %+v", text, got)
		}
	}
	for point, want := range map[Point]float64{PointGroups: 9000, PointDecimal: 9} {
		if got, ok := ParseNumber("9.000", point); !ok || got.Value != want || got.Open {
			t.Errorf("%v: %+v", point, got)
		}
	}
	if got, ok := ParseNumber("9,000", PointGroups); !ok || got.Value != 9 {
		t.Errorf("%+v", got)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]float64{
		"12": 12, "12 bytes": 12, "1.5 KB": 1536, "1,5 Mo": 1.5 * (1 << 20), "2GiB": 2 << 30, "3\u00a0MB": 3 << 20, "1.2E7": 1.2e7,
	} {
		if got, ok := ParseSize(text, NoPoint); !ok || got.Value != want {
			t.Errorf("%q: %+v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "MB", "5 files", "x KB"} {
		if got, ok := ParseSize(text, NoPoint); ok {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"3/14/26 12:10 PM", "Sat Mar 14 12:10:00 UTC 2026", "2026\u5e743\u670814\u65e5 12:10", "46095,5", "1.234,5 KB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParseTime(s, NoOrder, nil); err == nil && !p.Open {
			if at := p.In(time.UTC); at < 0 {
				t.Errorf("%q: %d", s, at)
			}
			again, err := ParseTime(s, p.Shows, time.UTC)
			if err != nil || again.Clock != p.Clock {
				t.Errorf("%q: %+v, %+v %v with the order it shows", s, p, again, err)
			}
		}
		if n, ok := ParseSize(s, NoPoint); ok && n.Value != n.Value {
			t.Errorf("%q is no number", s)
		}
		ParseZone(s)
	})
}
