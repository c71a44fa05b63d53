package detect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
)

// n is the total of a metric today.
func (d *Day) n(name string) float64 { return d.Count[index[name]] }

// unscale turns a judged count into the units of its metric.
func unscale(j int, x float64) float64 {
	switch metrics[j].Scale {
	case Root:
		return x * x
	case RootBytes:
		return x * x * 1e5
	}
	return x
}

// number writes a count with separators: 41,200.
func number(x float64) string { return plain.Number(int64(min(math.Round(x), 1<<62))) }

// about writes a usual count: whole numbers from 10 on, one digit below.
func about(x float64) string {
	switch {
	case x < .05:
		return "0"
	case x < 9.95:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return number(x)
}

// size writes bytes for people.
func size(b float64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; b >= 999.5 && i < len(units)-1; i++ {
		b /= 1000
	}
	if i == 0 || b >= 9.95 {
		return number(b) + " " + units[i]
	}
	return strconv.FormatFloat(b, 'f', 1, 64) + " " + units[i]
}

// some writes a count with its noun: "1 file", "143 files".
func some(x float64, one, many string) string {
	if math.Round(x) == 1 {
		return "1 " + one
	}
	return number(x) + " " + many
}

// lasting writes a duration, given in milliseconds, for people.
func lasting(ms int64) string { return plain.Duration(time.Duration(ms) * time.Millisecond) }

// quoted makes a name from the logs fit for a sentence: one line, no control or
// direction characters, of bounded length.
func quoted(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case plain.Disturbs(c), c == 0xfffd:
			return -1
		case c == '"':
			return '\''
		}
		return c
	}, name)
	if r := []rune(name); len(r) > 60 {
		name = string(r[:59]) + "…"
	}
	return `"` + name + `"`
}

// short is the part of a container's name that people know it by.
func short(place string) string {
	if i := strings.Index(place, "/sites/"); i >= 0 {
		place = place[i+len("/sites/"):]
	} else if i := strings.Index(place, "://"); i >= 0 {
		parts := strings.Split(strings.Trim(place[i+3:], "/"), "/")
		place = parts[len(parts)-1]
	}
	return strings.TrimSuffix(place, "/")
}

// sources names the sources of a proof.
func (p *proof) sources() string {
	var names []string
	for _, s := range event.Sources() {
		if p.Sources&(1<<s) != 0 {
			names = append(names, s.Title())
		}
	}
	return list(names)
}

func list(names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// top is the name that occurs most, and its share.
func top(m names) (name string, share float64) {
	if len(m) == 0 {
		return "", 0
	}
	total := 0
	for n, c := range m {
		if total += *c; name == "" || *c > *m[name] || *c == *m[name] && n < name {
			name = n
		}
	}
	return name, float64(*m[name]) / float64(total)
}

// where says where things were taken from: the source and the container that
// most of them were in.
func (d *Day) where(detector string) string {
	p := d.proof(detected[detector])
	s := ""
	if src := p.sources(); src != "" {
		s = " from " + src
	}
	if name, share := top(p.Places); name != "" {
		switch {
		case share > .95:
			s += ", all in " + quoted(short(name))
		case share >= .5:
			s += ", mostly in " + quoted(short(name))
		case len(p.Places) >= maxPlaces:
			s += ", in many places"
		default:
			s += fmt.Sprintf(", in %d places", len(p.Places))
		}
	}
	return s
}

// unknown says how many of the things taken were folders, whose size the vendor
// does not state.
func (d *Day) unknown(detector string) string {
	if n := d.proof(detected[detector]).Unknown; n > 0 {
		return ", " + some(float64(n), "of them a folder of unknown size", "of them folders of unknown size") + ","
	}
	return ""
}

// toWhom says who received things.
func (d *Day) toWhom(detector string) string {
	p := d.proof(detected[detector])
	name, share := top(p.Targets)
	switch {
	case name == "":
		return ""
	case share > .95:
		return " with " + quoted(name)
	case share >= .5:
		return " mostly with " + quoted(name)
	}
	return fmt.Sprintf(" with %d outsiders", len(p.Targets))
}

// within says how long it took, if that says anything.
func (d *Day) within(detector string) string {
	p := d.proof(detected[detector])
	if p.N < 2 || p.To-p.From > 16*hourMS {
		return ""
	}
	return " in " + lasting(max(p.To-p.From, 1))
}

// of lists what is remarkable about a count: the other metrics of a detector, as
// far as they hold for something.
func (d *Day) of(pairs ...string) string {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if !d.settled && metrics[index[pairs[i]]].History {
			continue // everything is new to somebody of whom hardly a day is known
		}
		if n := d.n(pairs[i]); n > 0 {
			parts = append(parts, number(n)+" "+pairs[i+1])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + list(parts) + ")"
}
