package feed

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// rgb is a colour, its channels linear, from 0 to 1.
type rgb [3]float64

// tokens returns the colours of the style sheet, in light and in dark.
func tokens(t *testing.T) map[string]map[string]rgb {
	t.Helper()
	b, err := files.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(b), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("the style sheet has no dark colours")
	}
	dark, _, _ = strings.Cut(dark, "\n* {")
	token := regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6});`)
	all := map[string]map[string]rgb{"light": {}, "dark": {}}
	for mode, text := range map[string]string{"light": light, "dark": dark} {
		for _, m := range token.FindAllStringSubmatch(text, -1) {
			var c rgb
			for i := range c {
				n, err := strconv.ParseUint(m[2][2*i:2*i+2], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				if c[i] = float64(n) / 255; c[i] <= .04045 {
					c[i] /= 12.92
				} else {
					c[i] = math.Pow((c[i]+.055)/1.055, 2.4)
				}
			}
			all[mode][m[1]] = c
		}
	}
	if len(all["light"]) < 20 || len(all["light"]) != len(all["dark"]) {
		t.Fatalf("%d colours in light, %d in dark", len(all["light"]), len(all["dark"]))
	}
	return all
}

// contrast is the ratio of WCAG 2.
func contrast(a, b rgb) float64 {
	luminance := func(c rgb) float64 { return .2126*c[0] + .7152*c[1] + .0722*c[2] }
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// TestContrast computes the contrast of every text with every background that it stands on: at least 4.5, as WCAG AA
// demands, and of borders of fields and shapes of charts at least 3.
func TestContrast(t *testing.T) {
	for mode, c := range tokens(t) {
		check := func(front, back string, least float64) {
			t.Helper()
			f, known := c[front]
			b, ok := c[back]
			if !known || !ok {
				t.Errorf("%s: --%s or --%s is not a token", mode, front, back)
				return
			}
			if got := contrast(f, b); got < least {
				t.Errorf("%s: --%s on --%s: %.2f, want %.1f", mode, front, back, got, least)
			}
		}
		for _, text := range []string{"fg", "soft", "link", "crit", "high", "med", "low", "info", "good", "bad"} {
			for _, back := range []string{"bg", "card", "pick"} {
				check(text, back, 4.5)
			}
		}
		check("on", "primary", 4.5)
		for _, shape := range []string{"seen", "own", "peers", "field"} {
			check(shape, "bg", 3)
			check(shape, "card", 3)
		}
	}
}

// blindness simulates colour blindness, after Machado, Oliveira and Fernandes (2009), severity 1, in linear RGB.
var blindness = map[string][3]rgb{
	"protanopia":   {{.152286, 1.052583, -.204868}, {.114503, .786281, .099216}, {-.003882, -.048116, 1.051998}},
	"deuteranopia": {{.367322, .860646, -.227968}, {.280085, .672501, .047413}, {-.011820, .042940, .968881}},
	"tritanopia":   {{1.255528, -.076749, -.178779}, {-.078411, .930809, .147602}, {.004733, .691367, .303900}},
	"none":         {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
}

// lab converts a colour to CIELAB (D65).
func lab(c rgb) rgb {
	f := func(x float64) float64 {
		if x > 216./24389 {
			return math.Cbrt(x)
		}
		return (24389./27*x + 16) / 116
	}
	x := f((.4124564*c[0] + .3575761*c[1] + .1804375*c[2]) / .95047)
	y := f(.2126729*c[0] + .7151522*c[1] + .0721750*c[2])
	z := f((.0193339*c[0] + .1191920*c[1] + .9503041*c[2]) / 1.08883)
	return rgb{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// difference is the distance of two colours as somebody with a colour blindness sees them (CIE76).
func difference(a, b rgb, kind string) float64 {
	see := func(c rgb) rgb {
		var out rgb
		for i, row := range blindness[kind] {
			out[i] = min(max(row[0]*c[0]+row[1]*c[1]+row[2]*c[2], 0), 1)
		}
		return lab(out)
	}
	x, y := see(a), see(b)
	return math.Sqrt((x[0]-y[0])*(x[0]-y[0]) + (x[1]-y[1])*(x[1]-y[1]) + (x[2]-y[2])*(x[2]-y[2]))
}

// TestColourBlind checks that severities which follow one another, and the bars of a chart, can be told apart with
// every kind of colour blindness. Severities have a shape and a word as well.
func TestColourBlind(t *testing.T) {
	const least = 10
	for mode, c := range tokens(t) {
		for kind := range blindness {
			for _, pair := range [][2]string{
				{"crit", "high"}, {"high", "med"}, {"med", "low"}, {"low", "info"}, {"crit", "med"}, {"crit", "low"}, {"high", "low"},
				{"seen", "own"}, {"own", "peers"}, {"seen", "peers"},
			} {
				if d := difference(c[pair[0]], c[pair[1]], kind); d < least {
					t.Errorf("%s, %s: --%s and --%s differ by %.1f", mode, kind, pair[0], pair[1], d)
				}
			}
		}
	}
}

// TestShapes checks that every severity has a drawing of its own, and every kind of source one that exists.
func TestShapes(t *testing.T) {
	b, err := files.ReadFile("pages/base.html")
	if err != nil {
		t.Fatal(err)
	}
	drawings := map[string]string{}
	for _, m := range regexp.MustCompile(`<symbol id="i-([a-z]+)"[^>]*>(.*)</symbol>`).FindAllStringSubmatch(string(b), -1) {
		drawings[m[1]] = m[2]
	}
	seen := map[string]string{}
	for _, s := range []string{"critical", "high", "medium", "low", "informational"} {
		if other, twice := seen[drawings[s]]; twice || drawings[s] == "" {
			t.Errorf("%s looks like %q", s, other)
		}
		seen[drawings[s]] = s
	}
	for source, name := range vendorIcons {
		if drawings[name] == "" {
			t.Errorf("%s: no drawing %s", source, name)
		}
	}
}

// TestClasses checks that the classes which the style sheet lists at its top are those that it styles, so that pages
// of others can rely on them.
func TestClasses(t *testing.T) {
	b, err := files.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	comment, rules, _ := strings.Cut(string(b), "*/")
	comment = fmt.Sprint(" ", comment, " ")
	for _, m := range regexp.MustCompile(`\.([a-z][a-z-]*)[^;{}]*\{`).FindAllStringSubmatch(rules, -1) {
		if strings.HasPrefix(m[1], "s-") || len(m[1]) == 1 {
			continue
		}
		if !regexp.MustCompile(`[\s(]` + m[1] + `[\s,)]`).MatchString(comment) {
			t.Errorf("the list of classes has no %s", m[1])
		}
	}
}
