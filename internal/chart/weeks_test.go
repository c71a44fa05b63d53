package chart

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
)

// TestWeeks draws every week that has something as a bar, and the last one in its own colour.
func TestWeeks(t *testing.T) {
	list := []Week{{"W50", 3}, {"W51", 0}, {"W52", 9}, {"W01", 5}}
	b, err := Weeks(PNG, list)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil || img.Bounds().Dx() != 600 {
		t.Fatal(err, img)
	}
	columns := map[string]int{}
	for x := range 600 {
		for y := range 140 {
			r, g, b, _ := img.At(x, y).RGBA()
			switch [3]uint32{r >> 8, g >> 8, b >> 8} {
			case [3]uint32{0x8b, 0xb8, 0xe8}:
				columns["before"] = max(columns["before"], x)
			case [3]uint32{0x0b, 0x5c, 0xad}:
				columns["now"] = max(columns["now"], x)
			}
		}
	}
	if columns["before"] < 300 || columns["before"] > 450 || columns["now"] < 475 {
		t.Errorf("the last bars end at %v", columns)
	}
	if svg, err := Weeks(SVG, list); err != nil || !strings.Contains(string(svg), ">W52<") {
		t.Errorf("%v %s", err, svg)
	}
	if _, err := Weeks(PNG, []Week{{"W50", 0}}); err != nil {
		t.Errorf("nothing in any week: %v", err)
	}
	if _, err := Weeks(PNG, nil); err == nil {
		t.Error("a picture of nothing")
	}
	if got := WeeksText(list); got != "W50: 3, W51: 0, W52: 9, W01: 5" {
		t.Error(got)
	}
}
