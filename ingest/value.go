package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Hash returns a key made from strings. It is stable across runs and machines, depends on where
// one string ends and the next begins, and is never zero.
func Hash(parts ...string) uint64 {
	var h uint64
	for _, p := range parts {
		h = mix(h ^ xxhash.Sum64String(p))
	}
	return h | 1
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// ContentKey returns a key made from the whole content of an event, for vendors without ids.
// Call it when the event is complete and its Key is not set yet.
func ContentKey(e *event.Event) uint64 {
	var buf [512]byte
	return xxhash.Sum64(e.Append(buf[:0])) | 1
}

// The range of valid times. Times outside of it are damaged, and could overflow as Unix
// nanoseconds.
var (
	earliest = time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
)

// ValidTime reports whether a time, in Unix milliseconds, is from 2005 to 2099.
func ValidTime(ms int64) bool { return ms >= earliest && ms < latest }

// Time parses a time as vendors write it and returns Unix milliseconds: RFC 3339 with any
// offset or none (taken as UTC), with a space for the T, and with a fraction of any length;
// Salesforce's 20060102150405.000; Unix seconds, milliseconds, microseconds or nanoseconds,
// told apart by magnitude. It returns false for anything else, and for times that are not
// valid (ValidTime).
func Time(t string) (int64, bool) {
	ms, _, ok := clock(t)
	return ms, ok
}

// clock is Time, and reports whether the zone is stated.
func clock(t string) (ms int64, zoned, ok bool) {
	if len(t) >= 19 && t[4] == '-' && t[7] == '-' && (t[10] == 'T' || t[10] == ' ') && t[13] == ':' && t[16] == ':' {
		y, ok1 := digits(t[0:4])
		mo, ok2 := digits(t[5:7])
		d, ok3 := digits(t[8:10])
		h, ok4 := digits(t[11:13])
		mi, ok5 := digits(t[14:16])
		s, ok6 := digits(t[17:19])
		if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || mo < 1 || mo > 12 || d < 1 || d > 28 && d > monthDays(y, mo) ||
			h > 23 || mi > 59 || s > 60 {
			return 0, false, false
		}
		ms := (unixDays(y, mo, d)*86400+int64(h*3600+mi*60+s))*1000 + fraction(&t, 19)
		off, ok := offset(t)
		ms -= off
		return ms, t != "", ok && ValidTime(ms)
	}
	if len(t) >= 14 && allDigits(t[:14]) && (len(t) == 14 || t[14] == '.') {
		y, _ := digits(t[0:4])
		mo, _ := digits(t[4:6])
		d, _ := digits(t[6:8])
		h, _ := digits(t[8:10])
		mi, _ := digits(t[10:12])
		s, _ := digits(t[12:14])
		if y >= 2005 && y < 2100 && mo >= 1 && mo <= 12 && d >= 1 && d <= monthDays(y, mo) && h < 24 && mi < 60 && s <= 60 {
			ms := (unixDays(y, mo, d)*86400+int64(h*3600+mi*60+s))*1000 + fraction(&t, 14)
			return ms, false, true
		}
	}
	ms, ok = epoch(t)
	return ms, true, ok
}

// fraction parses a fraction of a second at i, returns it in milliseconds, and leaves the rest
// in t.
func fraction(t *string, i int) int64 {
	s := (*t)[i:]
	ms, scale := int64(0), int64(100)
	if len(s) > 0 && s[0] == '.' {
		n := 1
		for ; n < len(s) && s[n]-'0' <= 9; n++ {
			ms += int64(s[n]-'0') * scale
			scale /= 10
		}
		s = s[n:]
	}
	*t = s
	return ms
}

// offset parses Z, +hh:mm, +hhmm, " UTC" or nothing, and returns it in milliseconds.
func offset(t string) (int64, bool) {
	switch t = strings.TrimPrefix(t, " "); {
	case t == "" || t == "Z" || t == "UTC" || t == "z":
		return 0, true
	case t[0] != '+' && t[0] != '-':
		return 0, false
	case len(t) == 6 && t[3] == ':':
		t = t[:3] + t[4:]
	}
	if len(t) == 3 {
		t += "00"
	}
	n, ok := digits(t[1:])
	if !ok || len(t) != 5 {
		return 0, false
	}
	off := int64(n/100*3600+n%100*60) * 1000
	if t[0] == '-' {
		off = -off
	}
	return off, true
}

// epoch parses Unix seconds, milliseconds, microseconds or nanoseconds, also with a fraction or
// an exponent.
func epoch(t string) (int64, bool) {
	if t == "" || t[0] > '9' || t[0] < '0' {
		return 0, false
	}
	n := int64(0)
	if allDigits(t) && len(t) <= 19 {
		for i := 0; i < len(t); i++ {
			n = n*10 + int64(t[i]-'0')
		}
	} else if n = jsonscan.ParseInt([]byte(t)); n == 0 || lostDigits(t) {
		return 0, false
	}
	switch {
	case n < 1e11:
		n *= 1000
	case n >= 1e17:
		n /= 1e6
	case n >= 1e14:
		n /= 1e3
	}
	return n, ValidTime(n)
}

// lostDigits reports whether a number is written as spreadsheets show one that is too wide: with
// six digits at most, as 1.77069E+12.
func lostDigits(t string) bool {
	mantissa, _, ok := strings.Cut(t, "E+")
	return ok && len(mantissa) <= len("1.77069")
}

func digits(t string) (int, bool) {
	n := 0
	for i := 0; i < len(t); i++ {
		c := t[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

func allDigits(t string) bool {
	for i := 0; i < len(t); i++ {
		if t[i]-'0' > 9 {
			return false
		}
	}
	return t != ""
}

// monthDays is the number of days of a month.
func monthDays(y, m int) int {
	switch {
	case m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0):
		return 29
	case m == 2:
		return 28
	case m == 4 || m == 6 || m == 9 || m == 11:
		return 30
	}
	return 31
}

// unixDays is the number of days from 1970-01-01 to a date of the Gregorian
// calendar (Howard Hinnant, chrono-compatible low-level date algorithms).
func unixDays(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// Address returns the IP address in t without a port, brackets or the prefix of an IPv4-mapped
// address. It returns "" for anything else that vendors write in such fields: host names,
// service names, "Unknown IP".
func Address(t string) string {
	if t == "" || len(t) > 64 {
		return ""
	}
	if isIPv4(t) {
		return t
	}
	if t[0] == '[' {
		if i := strings.IndexByte(t, ']'); i > 0 {
			t = t[1:i]
		}
	} else if i := strings.IndexByte(t, ':'); i > 0 && strings.IndexByte(t[i+1:], ':') < 0 {
		t = t[:i]
	}
	t = strings.TrimPrefix(t, "::ffff:")
	if isIPv4(t) {
		return t
	}
	if a, err := netip.ParseAddr(t); err == nil && a.Zone() == "" {
		return t
	}
	return ""
}

func isIPv4(t string) bool {
	n, dots, size := 0, 0, 0
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c-'0' <= 9:
			if n, size = n*10+int(c-'0'), size+1; n > 255 || size > 3 {
				return false
			}
		case c == '.' && size > 0:
			dots, n, size = dots+1, 0, 0
		default:
			return false
		}
	}
	return dots == 3 && size > 0
}

// Always is the time, in Unix milliseconds, of facts that hold from the beginning, such as
// those of the people file.
var Always = earliest

// Date parses a calendar day, 2006-01-02 or 2006/01/02, and returns its beginning in UTC, or any
// time that Time parses. The result is in Unix milliseconds.
func Date(t string) (int64, bool) {
	if len(t) == 10 && (t[4] == '-' && t[7] == '-' || t[4] == '/' && t[7] == '/') {
		return Time(t[:4] + "-" + t[5:7] + "-" + t[8:] + "T00:00:00Z")
	}
	return Time(t)
}

// BadTime returns the error for a field whose time is missing or not valid.
func BadTime(field, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", field)
	}
	return fmt.Errorf("%s %q is not a time between 2005 and 2100", field, clip(value))
}

// Whole turns jsonscan.ErrShort, which asks for more input, into the error for a record that
// ends too early, for callers without more input. It returns any other error unchanged.
func Whole(err error) error {
	if err == jsonscan.ErrShort {
		return errTruncated
	}
	return err
}

var errTruncated = errors.New("the record ends too early")
