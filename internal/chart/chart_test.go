package chart

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"testing"
	"time"
)

func days(n int) (list []Day) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range n {
		d := Day{Date: from.AddDate(0, 0, i), Usual: math.NaN(), Peers: math.NaN()}
		if i%7 < 5 {
			d.N, d.Usual, d.Peers = float64(i%5*3+2), 8+float64(i)/30, 5
		}
		list = append(list, d)
	}
	list[n-6].N, list[n-6].Marked = 143, true
	return list
}

// TestDays draws well-formed images, in which text from outside does no harm.
func TestDays(t *testing.T) {
	hostile := `</text><script>alert(1)</script>`
	b, err := Days(SVG, days(91), hostile, hostile, "usual day", "colleagues")
	if err != nil {
		t.Fatal(err)
	}
	bars, texts := 0, ""
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "script" {
				t.Error("a script")
			}
			if tok.Name.Local == "path" {
				bars++
			}
		case xml.CharData:
			texts += string(tok)
		}
	}
	if bars < 60 || !bytes.Contains([]byte(texts), []byte("colleagues")) {
		t.Errorf("%d paths, texts %q", bars, texts)
	}
	b, err = Days(PNG, days(91), "files", "this alert", "usual day", "colleagues")
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil || img.Bounds().Dx() != 720 {
		t.Fatal(err, img.Bounds())
	}
	seen := map[[3]uint32]bool{}
	for x := range 720 {
		for y := range 220 {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
		}
	}
	if !seen[[3]uint32{0x56, 0xB4, 0xE9}] || !seen[[3]uint32{0xD5, 0x5E, 0}] {
		t.Error("no bar in its colour")
	}
	if _, err := Days(SVG, nil, "files", "", "", ""); err == nil {
		t.Error("a picture of nothing")
	}
}
