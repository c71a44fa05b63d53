package chart

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestSmall draws days with nothing, unknown and infinite values, and a text that is not markup.
func TestSmall(t *testing.T) {
	if got := Small(nil, "x"); got != nil {
		t.Errorf("%s", got)
	}
	day := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	days := []Day{
		{Date: day, N: 0, Usual: .7}, {Date: day.AddDate(0, 0, 1), N: math.NaN(), Usual: math.NaN()},
		{Date: day.AddDate(0, 0, 2), N: math.Inf(1), Usual: .7}, {Date: day.AddDate(0, 0, 3), N: 17, Usual: .7, Marked: true},
		{Date: day.AddDate(0, 0, 4), N: .01, Usual: .7},
	}
	got := string(Small(days, `17 "files" </svg><script>`))
	dec := xml.NewDecoder(strings.NewReader(got))
	bars, marks := 0, 0
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err, got)
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				switch {
				case a.Name.Local == "class" && a.Value == "d-bar":
					bars++
				case a.Name.Local == "class" && a.Value == "d-mark":
					marks++
				case a.Name.Local == "style", strings.Contains(a.Value, "NaN"), strings.Contains(a.Value, "Inf"):
					t.Errorf("%s=%q", a.Name.Local, a.Value)
				}
			}
		}
	}
	if bars != 1 || marks != 1 || strings.Contains(got, "<script") || !strings.Contains(got, "Mar 30") || !strings.Contains(got, "Apr 3") {
		t.Errorf("%d bars, %d marks: %s", bars, marks, got)
	}
}

// TestText draws lines and bars of text.
func TestText(t *testing.T) {
	values := []float64{0, math.NaN(), .001, 5, 10}
	if got := Line(values, 10, false); got != "  ▁▄█" {
		t.Errorf("%q", got)
	}
	if got := Line(values, 10, true); got != "  .=@" && got != "  .-@" {
		t.Errorf("%q", got)
	}
	for _, ascii := range []bool{false, true} {
		for v, want := range map[float64]int{0: 0, .0001: 1, 10: 6, 99: 6} {
			got := Bar(v, 10, 6, ascii)
			if n := utf8.RuneCountInString(got); n != 6 || len(strings.TrimRight(got, " ")) == 0 != (want == 0) {
				t.Errorf("%v: %q", v, got)
			}
		}
	}
	if got := Shorten([]float64{1, 9, 2, math.NaN(), 3, 4}, 3); len(got) != 3 || got[0] != 9 || got[1] != 2 || got[2] != 4 {
		t.Errorf("%v", got)
	}
}
