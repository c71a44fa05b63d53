package jsonscan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

// texts walks a value and returns its texts by the path of keys.
func texts(s *Scanner, key string, out map[string]string) {
	switch s.Kind() {
	case '{':
		for s.Object(); s.Next(); {
			texts(s, key+"."+string(s.Key), out)
		}
	case '[':
		for s.Array(); s.Elem(); {
			texts(s, key+"[]", out)
		}
	default:
		out[key] = s.Text()
	}
}

func TestScan(t *testing.T) {
	var s Scanner
	s.Reset([]byte(` {"a":"x\n\u00e4\ud83d\ude00","b":[1,{"c":true},null],"d":{"e":-1.5e3},"big":1152922976252290886} tail`))
	got := map[string]string{}
	texts(&s, "", got)
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	want := map[string]string{".a": "x\nä😀", ".b[]": "", ".b[].c": "true", ".d.e": "-1.5e3", ".big": "1152922976252290886"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
	const value = ` {"a":"x\n\u00e4\ud83d\ude00","b":[1,{"c":true},null],"d":{"e":-1.5e3},"big":1152922976252290886}`
	if s.Offset() != len(value) {
		t.Errorf("offset %d", s.Offset())
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		in    string
		short bool
	}{
		{`{"a":1`, true},
		{`{"a":"x`, true},
		{`{"a"`, true},
		{`[1,2`, true},
		{`{"a":"\u12`, true},
		{`{"a" 1}`, false},
		{`{"a":1 "b":2}`, false},
		{`{"a":1]`, false},
		{"{\"a\":\"\x01\"}", false},
		{`{,"a":1}`, false},
		{`{"a":1,,"b":2}`, false},
		{`{"a":1,}`, false},
		{`{"a":1,"b" 2}`, false},
		{`{"a":1,"b`, true},
		{`{"a":1,`, true},
		{`{"a":1, `, true},
		{strings.Repeat("[", 100), false},
	} {
		var s Scanner
		s.Reset([]byte(c.in))
		texts(&s, "", map[string]string{})
		if err := s.Err(); err == nil || errors.Is(err, ErrShort) != c.short {
			t.Errorf("%.20q: %v", c.in, err)
		}
	}
}

func TestParseInt(t *testing.T) {
	for in, want := range map[string]int64{
		"":                     0,
		"12":                   12,
		"-3":                   -3,
		"1e3":                  1000,
		"1.9":                  1,
		"x":                    0,
		"99999999999999999999": 0,
		"1152922976252290886":  1152922976252290886,
	} {
		if got := ParseInt([]byte(in)); got != want && in != "99999999999999999999" {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

// FuzzScan compares with encoding/json: what that accepts is accepted, and texts of objects are
// the same.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":"b"}`, `{"a":{"b":[1,2,{"c":"d"}]},"e":null}`, `[]`, `{"k":"\ud800"}`, `"x"`, `{"a":1}{"b":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Scanner
		s.Reset(b)
		got := map[string]string{}
		texts(&s, "", got)
		if s.Err() == nil && s.Offset() > len(b) {
			t.Fatalf("offset %d of %d", s.Offset(), len(b))
		}
		var flat map[string]string
		if json.Unmarshal(b, &flat) != nil || flat == nil {
			return
		}
		if s.Err() != nil {
			t.Fatalf("valid JSON is refused: %v", s.Err())
		}
		for k, v := range flat {
			if strings.ContainsAny(k, ".[") || strings.Contains(v, "\ufffd") || strings.Contains(k, "\ufffd") {
				continue
			}
			if g, ok := got["."+k]; ok && g != v && v != "" {
				t.Errorf("%q = %q, encoding/json says %q", k, g, v)
			}
		}
	})
}

// TestUnique checks that a key that is read occurs once, however it is written, and that keys
// that are not read may be repeated.
func TestUnique(t *testing.T) {
	many := func(n int, last string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return "{" + b.String() + last + "}"
	}
	for _, c := range []struct {
		in   string
		twin bool
	}{
		{`{"a":1,"b":2}`, false},
		{`{"a":1,"a":2}`, true},
		{`{"a":1,"\u0061":2}`, true},
		{`{"\u0061":1,"x":{"a":1},"a":2}`, true},
		{`{"a":1,"A":2}`, false}, // another key
		{`{"b":1,"a":{"a":{"a":1}}}`, false},
		{`{"x":[{"a":1},{"a":2}],"a":3}`, false},
		{`{"x":{"b":1,"b":2},"a":3}`, false}, // skipped
		{`{"b":1,"b":2,"a":3}`, false},
		{`{"raw":{"p":[{"b":1,"c":{"d":1,"d":2}}]}}`, true},
		{`{"raw":{"p":[{"b":1},{"b":2}]},"a":1}`, false},
		{`{"raw":` + many(1000, `"x":1`) + `,"a":1}`, false},
		{`{"raw":` + many(1000, `"k0":1`) + `}`, true},
		{`{"raw":` + many(manyKeys, `"k3":1`) + `}`, true},
		{`{"raw":` + many(manyKeys+1, `"k3":1`) + `}`, true},
		{`{"a":{"x":1},"b":2,"a":null}`, true},
		{`{"a":"same","b":2,"a": "same" }`, false}, // nothing depends on which counts
		{`{"a":"same","a":"same","a":"other"}`, true},
		{`{` + strings.Repeat(`"a":1,`, 100) + `"b":2}`, true},
	} {
		for _, unique := range []bool{true, false, true} {
			s := Scanner{Unique: unique}
			for range 2 { // a scanner is used again
				s.Reset([]byte(c.in))
				for s.Object(); s.Next(); {
					switch string(s.Key) {
					case "a":
						if s.Kind() == '{' {
							s.Field("a")
						} else {
							s.Text()
						}
					case "raw":
						s.Raw()
					default:
						s.Skip()
					}
				}
			}
			var twin *DuplicateKeyError
			if got := errors.As(s.Err(), &twin); got != (c.twin && unique) || !got && s.Err() != nil {
				t.Errorf("%.60q, unique %v: %v", c.in, unique, s.Err())
			}
		}
	}
}

// TestSpecial compares the search in 8 bytes at a time with one byte by byte.
func TestSpecial(t *testing.T) {
	plain := func(b []byte) int {
		for i, c := range b {
			if c == '"' || c == '\\' || c < 0x20 {
				return i
			}
		}
		return len(b)
	}
	neighbours := []byte{0, 0x1f, 0x20, 0x21, '"', 0x23, '[', '\\', ']', 0x7f, 0x80, 0xa2, 0xdc, 0xff}
	for at := range 8 {
		for c := range 256 {
			for _, before := range neighbours {
				for _, behind := range neighbours {
					b := []byte("aaaaaaaa")
					b[max(at-1, 0)], b[min(at+1, 7)] = before, behind
					b[at] = byte(c)
					if got, want := bits.TrailingZeros64(special(binary.LittleEndian.Uint64(b)))>>3, plain(b); got != want {
						t.Fatalf("%q: byte %d, want %d", b, got, want)
					}
				}
			}
		}
	}
}

// TestUniqueNested compares with a check of every object by itself: keys are those of the
// innermost object, whatever was read around it and before. The objects are small, since only a
// few keys of a record may be repeated at all.
func TestUniqueNested(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := []string{
		"", "a", "b", "id", "type", "user", "userId", "actorName", "actorNames", "a key of more than 16 bytes",
		"a key of more than 16 bytes!",
	}
	twins := 0
	var object func(depth int) (text string, twin bool)
	object = func(depth int) (text string, twin bool) {
		seen := map[string]string{}
		var parts []string
		for range rng.IntN(5) {
			key, value := keys[rng.IntN(len(keys))], fmt.Sprint(rng.IntN(2))
			if depth < 2 && rng.IntN(3) == 0 {
				var inner bool
				if value, inner = object(depth + 1); rng.IntN(2) == 0 {
					value = "[" + value + ", " + value + "]"
				}
				twin = twin || inner
			}
			if before, known := seen[key]; known && before != value {
				twin = true
			}
			seen[key] = value
			parts = append(parts, `"`+key+`"`+[]string{":", " : "}[rng.IntN(2)]+value)
		}
		return "{" + strings.Join(parts, []string{",", " ,\n"}[rng.IntN(2)]) + "}", twin
	}
	for range 20_000 {
		in, want := object(0)
		for _, raw := range []bool{false, true} {
			s := Scanner{Unique: true}
			if s.Reset([]byte(in)); raw {
				s.Raw()
			} else {
				texts(&s, "", map[string]string{})
			}
			var twin *DuplicateKeyError
			if got := errors.As(s.Err(), &twin); got != want || !got && s.Err() != nil {
				t.Fatalf("%s, raw %v: %v, want a twin: %v", in, raw, s.Err(), want)
			}
		}
		if want {
			twins++
		}
	}
	if twins < 1000 || twins > 19_000 {
		t.Errorf("%d of 20000 have a key twice", twins)
	}
}

// TestSplit checks what a text is without a key that occurs twice, and with each of its values.
func TestSplit(t *testing.T) {
	many := `"k00":0`
	for i := 1; i <= manyKeys; i++ {
		many += fmt.Sprintf(`,"k%02d":%d`, i, i)
	}
	for _, c := range []struct{ in, key, without, each string }{
		{`{"a":1,"b":2,"a":3}`, "a", `{"b":2}`, `{"a":1,"b":2} {"b":2,"a":3}`},
		{`{"a":1,"\u0061":2}`, "a", `{}`, `{"a":1} {"\u0061":2}`},
		{`{ "b" : 2 , "a" : [1, 2] , "a" : null }`, "a", `{"b" : 2}`, `{"b" : 2,"a" : [1, 2]} {"b" : 2,"a" : null}`},
		{`{"x":[{"a":1,"a":2}],"b":3}`, "a", `{"x":[{}],"b":3}`, `{"x":[{"a":1}],"b":3} {"x":[{"a":2}],"b":3}`},
		{`{"a":1,"a":2,"a":1,"c":0}`, "a", `{"c":0}`, `{"a":1,"c":0} {"a":2,"c":0}`},
		{`{` + many + `,"k00":1}`, "k00", `{` + many[8:] + `}`, `{` + many + `} {` + many[8:] + `,"k00":1}`},
		{`{` + many + `,"k00":0}`, "k00", `{` + many + `}`, `{` + many + `}`}, // alike, in too many to compare them
	} {
		text := append([]byte("before"), c.in...)[len("before"):]
		s := Scanner{Unique: true}
		s.Reset(text)
		s.Raw()
		var twin *DuplicateKeyError
		if !errors.As(s.Err(), &twin) {
			t.Errorf("%.60s: %v", c.in, s.Err())
			continue
		}
		key, without, each, ok := twin.Split(text)
		if key != c.key || string(without) != c.without || string(bytes.Join(each, []byte(" "))) != c.each || !ok {
			t.Errorf("%.60s: %s, %.90s, %.90s, %v", c.in, key, without, each, ok)
		}
		if string(text) != c.in {
			t.Errorf("%s was changed: %s", c.in, text)
		}
		if _, _, _, ok := twin.Split([]byte(c.in)); ok {
			t.Errorf("%.60s: another text is split", c.in)
		}
	}
}
