// Package form reads times and numbers in the forms that people and tools of many places write
// them in. It decides nothing: what may mean two things is returned as open.
package form

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones by name, also where the system has no list of them
	"unicode/utf8"
)

// Order is the order of day, month and year in dates that are numbers.
type Order uint8

// The orders.
const (
	NoOrder    Order = iota // not known
	DayFirst                // 31/03/2026
	MonthFirst              // 03/31/2026
	YearFirst               // 26-03-31; years of four digits say so themselves
)

// String returns the order in words for messages.
func (o Order) String() string {
	return [...]string{"in no known order", "day first", "month first", "year first"}[o]
}

// ParseOrder reads an order as settings name it: dmy, mdy or ymd.
func ParseOrder(t string) (Order, error) {
	switch strings.ToLower(t) {
	case "":
		return NoOrder, nil
	case "dmy":
		return DayFirst, nil
	case "mdy":
		return MonthFirst, nil
	case "ymd":
		return YearFirst, nil
	}
	return NoOrder, errors.New("dmy (day first), mdy (month first) or ymd (year first)")
}

// Time is a time as it is written.
type Time struct {
	Clock int64 // as if it were in UTC, Unix milliseconds; 0 if Open
	// Zone is the zone that is stated; nil if none is.
	Zone *time.Location
	// Shows is the order of day and month that this value cannot be read without; NoOrder if
	// it shows none.
	Shows Order
	Open  bool // day and month may be either, and no order was given
	Day   bool // a day without a time of day
}

// In returns the time in Unix milliseconds, in the zone that is stated or else in zone, which is
// not nil.
func (t *Time) In(zone *time.Location) int64 {
	if t.Zone != nil {
		zone = t.Zone
	}
	if zone == time.UTC {
		return t.Clock
	}
	c := time.UnixMilli(t.Clock).UTC()
	return time.Date(c.Year(), c.Month(), c.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), zone).UnixMilli()
}

// Errors of ParseTime.
var (
	ErrNone = errors.New("not a time")
	ErrZone = errors.New("a zone whose abbreviation stands for several zones")
)

// longest is the length of the longest text that is looked at.
const longest = 120

// ParseTime reads a time. Order is used for what the value does not show itself; it may be
// NoOrder. Zone, which may be nil, tells which zone an abbreviation means.
func ParseTime(text string, order Order, zone *time.Location) (Time, error) {
	if len(text) > longest {
		return Time{}, ErrNone
	}
	text = strings.TrimSpace(text)
	if t, ok := compact(text); ok {
		return t, nil
	}
	p := parser{order: order, home: zone}
	p.split(text)
	return p.time()
}

// compact reads times that are one number: Excel's serial days, /Date(…)/, and ISO 8601 without
// separators.
func compact(t string) (Time, bool) {
	if s, ok := strings.CutPrefix(t, "/Date("); ok {
		if s, ok = strings.CutSuffix(s, ")/"); ok {
			if i := strings.LastIndexAny(s, "+-"); i > 0 { // the zone in which it was written changes nothing
				s = s[:i]
			}
			n, err := strconv.ParseInt(s, 10, 64)
			const first, end = 1104537600_000, 4102444800_000 // 2005 and 2100
			return Time{Clock: n, Zone: time.UTC}, err == nil && n >= first && n < end
		}
	}
	if len(t) >= 8 && len(t) <= 40 && digits(t[:8]) {
		return basic(t)
	}
	if len(t) >= 5 && len(t) <= 24 && digits(t[:5]) && (len(t) == 5 || (t[5] == '.' || t[5] == ',') && digits(t[6:])) {
		days, err := strconv.ParseFloat(strings.Replace(t, ",", ".", 1), 64)
		const epoch, first, end = 25569, 38353, 73051 // 1970, 2005 and 2100
		if err != nil || days < first || days >= end {
			return Time{}, false
		}
		return Time{Clock: int64(math.Round((days-epoch)*86400)) * 1000, Day: len(t) == 5}, true
	}
	return Time{}, false
}

// basic reads 20260331, 20260331T0915, 20260331T091500.123Z and 20260331091500.
func basic(t string) (Time, bool) {
	rest := t[8:]
	d := date{year: number(t[:4]), month: number(t[4:6]), day: number(t[6:8])}
	if !d.valid() {
		return Time{}, false
	}
	if rest == "" {
		return Time{Clock: d.days() * dayMS, Day: true}, true
	}
	if rest[0] == 'T' || rest[0] == 't' || rest[0] == ' ' || rest[0] == '_' {
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && rest[n]-'0' <= 9 {
		n++
	}
	c := clock{}
	switch n {
	case 6:
		c.second = number(rest[4:6])
		fallthrough
	case 4:
		c.hour, c.minute = number(rest[:2]), number(rest[2:4])
	default:
		return Time{}, false
	}
	if rest = rest[n:]; rest != "" && (rest[0] == '.' || rest[0] == ',') {
		n = 1
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		c.ms = milliseconds(rest[1:n])
		rest = rest[n:]
	}
	if !c.valid() {
		return Time{}, false
	}
	out := Time{Clock: d.days()*dayMS + c.sum()}
	if rest = strings.TrimSpace(rest); rest != "" {
		if out.Zone = zoneNamed(rest, nil, time.Time{}); out.Zone == nil {
			return Time{}, false
		}
	}
	return out, true
}

const dayMS = 86400_000

// date is a day of the calendar.
type date struct{ year, month, day int }

// valid reports whether there is such a day, from 2005 to 2099.
func (d date) valid() bool {
	if d.year < 2005 || d.year > 2099 || d.month < 1 || d.month > 12 || d.day < 1 {
		return false
	}
	return d.day <= time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// days is the number of days since 1970.
func (d date) days() int64 {
	return time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// weekday is the day of the week.
func (d date) weekday() time.Weekday { return time.Weekday((d.days() + 4) % 7) }

// clock is a time of day.
type clock struct {
	set                  bool
	hour, minute, second int
	ms                   int64
}

func (c clock) valid() bool { return c.hour < 24 && c.minute < 60 && c.second <= 60 }

// sum is the time of day in milliseconds.
func (c clock) sum() int64 { return int64(c.hour*3600+c.minute*60+c.second)*1000 + c.ms }

// digits reports whether a text consists of digits.
func digits(t string) bool {
	for i := 0; i < len(t); i++ {
		if t[i]-'0' > 9 {
			return false
		}
	}
	return t != ""
}

// number is the value of a text of digits; those of more than nine are as good as one.
func number(t string) int {
	n := 0
	for i := 0; i < len(t) && i < 9; i++ {
		n = n*10 + int(t[i]-'0')
	}
	return n
}

// milliseconds is the value of the digits after a second's point.
func milliseconds(t string) int64 {
	return int64(number((t + "000")[:3]))
}

// token is a run of digits, a run of letters, one letter of a script without spaces between
// words, or one other character.
type token struct {
	kind   byte // '0' digits, 'a' letters, or the character itself
	text   string
	spaced bool // there is a space before it
	at     int  // offset in the text
}

const maxTokens = 40

// parser reads one time.
type parser struct {
	order Order
	home  *time.Location
	text  string
	buf   [maxTokens]token
	toks  []token
	i     int

	nums    [3]int    // of the date, without the month's name
	wide    [3]int    // their digits
	seps    [3]byte   // the characters after them
	n       int       // how many there are
	cjk     [3]int    // year, month and day that are marked as such
	month   int       // by name
	martes  bool      // the month may be mardi or martes: "mar"
	weekday int       // from 1; 0 for none
	clock   clock     // time of day
	half    byte      // 'a' or 'p' of a 12-hour clock
	zone    *zoneText // nil if none is stated
}

// zoneText is a zone as it is stated: an offset, or a name that the day decides about.
type zoneText struct {
	fixed *time.Location
	name  string
}

// split splits a text into tokens.
func (p *parser) split(text string) {
	p.text = text
	p.toks = p.buf[:0]
	spaced := false
	for i := 0; i < len(text) && len(p.toks) < maxTokens; {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case isSpace(r):
			spaced = true
			i += n
			continue
		case isMark(r):
			i += n
			continue
		}
		t := token{kind: '?', text: text[i : i+n], spaced: spaced, at: i}
		spaced = false
		switch {
		case r == 0x2212 || r == 0x2013: // other dashes
			t.kind = '-'
		case r >= '0' && r <= '9':
			t.kind = '0'
			t.text = run(text[i:], func(c rune) bool { return c >= '0' && c <= '9' })
		case r >= 0x2e80:
			t.kind = 'c'
		case isLetter(r):
			t.kind = 'a'
			t.text = run(text[i:], func(c rune) bool { return isLetter(c) && c < 0x2e80 })
		case r < utf8.RuneSelf:
			t.kind = byte(r)
		}
		p.toks = append(p.toks, t)
		i += len(t.text)
	}
}

func run(t string, in func(rune) bool) string {
	for i, r := range t {
		if !in(r) {
			return t[:i]
		}
	}
	return t
}

// isSpace includes the spaces that newer libraries write before AM and PM.
func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == 0xa0 || r == 0x202f || r >= 0x2000 && r <= 0x200a || r == 0x3000
}

// isMark reports characters that are not seen: some browsers put marks of direction into dates.
func isMark(r rune) bool { return r >= 0x200b && r <= 0x200f || r == 0xfeff || r == 0x061c }

func isLetter(r rune) bool {
	return r|0x20 >= 'a' && r|0x20 <= 'z' || r >= 0xc0 && r != 0xd7 && r != 0xf7 && (r < 0x2000 || r >= 0x2e80)
}

// peek returns the token n after the current one.
func (p *parser) peek(n int) token {
	if i := p.i + n; i < len(p.toks) {
		return p.toks[i]
	}
	return token{}
}

// time reads the tokens and puts the time together.
func (p *parser) time() (Time, error) {
	for p.i < len(p.toks) {
		ok := false
		switch t := p.toks[p.i]; t.kind {
		case '0':
			ok = p.digits()
		case 'a':
			ok = p.word()
		case 'c':
			ok = p.mark()
		default:
			ok = p.sign()
		}
		if !ok {
			return Time{}, ErrNone
		}
	}
	if p.n+p.named() != 3 {
		return Time{}, ErrNone
	}
	return p.assemble()
}

// named is how many of year, month and day are marked as such.
func (p *parser) named() (n int) {
	for _, c := range p.cjk {
		if c > 0 {
			n++
		}
	}
	if p.month > 0 {
		n++
	}
	return n
}

// digits reads a time of day, or a part of the date.
func (p *parser) digits() bool {
	t, after := p.peek(0), p.peek(1)
	switch {
	case !p.clock.set && len(t.text) <= 2 && after.kind == ':' && p.peek(2).kind == '0':
		return p.timeOfDay(':')
	case !p.clock.set && p.n+p.named() == 3 && len(t.text) <= 2 && after.kind == '.' && len(p.peek(2).text) == 2 && p.peek(2).kind == '0':
		return p.timeOfDay('.')
	case !p.clock.set && after.kind == 'a' && (after.text == "h" || after.text == "H") && len(t.text) <= 2: // 14h10, 14 h
		p.clock = clock{set: true, hour: number(t.text)}
		p.i += 2
		if m := p.peek(0); m.kind == '0' && len(m.text) == 2 {
			p.clock.minute = number(m.text)
			p.i++
		}
		return p.clock.valid()
	case !p.clock.set && len(t.text) <= 2 && (after.kind == 'a' && isHalf(after.text) && p.n+p.named() == 3): // 2 PM
		p.clock = clock{set: true, hour: number(t.text)}
		p.i++
		return true
	case after.kind == 'c' && p.marked(after.text, number(t.text)):
		p.i += 2
		return true
	}
	if p.n == len(p.nums) || len(t.text) > 4 || len(t.text) == 3 {
		return false
	}
	p.nums[p.n], p.wide[p.n] = number(t.text), len(t.text)
	p.seps[p.n] = after.kind
	if after.spaced {
		p.seps[p.n] = ' '
	}
	p.n++
	p.i++
	return true
}

// isHalf reports whether a word is am or pm.
func isHalf(t string) bool { return strings.EqualFold(t, "am") || strings.EqualFold(t, "pm") }

// marked takes a number before 年, 月, 日, 時, 分 or 秒.
func (p *parser) marked(mark string, n int) bool {
	switch mark {
	case "年", "년":
		p.cjk[0] = n
	case "月", "월":
		p.cjk[1] = n
	case "日", "일":
		p.cjk[2] = n
	case "時", "时", "시":
		p.clock.hour, p.clock.set = n, true
	case "分", "분":
		p.clock.minute = n
	case "秒", "초":
		p.clock.second = n
	default:
		return false
	}
	return true
}

// timeOfDay reads 9:15, 9:15:00, and a fraction after a point, a comma or a colon.
func (p *parser) timeOfDay(sep byte) bool {
	c := clock{set: true, hour: number(p.peek(0).text), minute: number(p.peek(2).text)}
	if len(p.peek(2).text) != 2 {
		return false
	}
	p.i += 3
	if p.peek(0).kind == sep && p.peek(1).kind == '0' && len(p.peek(1).text) == 2 {
		c.second = number(p.peek(1).text)
		p.i += 2
		if k := p.peek(0).kind; (k == '.' || k == ',' || k == ':') && p.peek(1).kind == '0' && !p.peek(0).spaced && !p.peek(1).spaced {
			c.ms = milliseconds(p.peek(1).text)
			p.i += 2
		}
	}
	if c.hour == 24 && c.minute+c.second == 0 && c.ms == 0 { // the end of the day
		c.hour, c.ms = 0, dayMS
	}
	p.clock = c
	return c.valid() && p.offset()
}

// mark reads a character of Chinese, Japanese or Korean: the halves of the day and weekdays.
func (p *parser) mark() bool {
	switch pair := p.peek(0).text + p.peek(1).text; pair {
	case "午前", "上午", "오전":
		p.half = 'a'
		p.i += 2
		return true
	case "午後", "下午", "오후":
		p.half = 'p'
		p.i += 2
		return true
	}
	switch p.peek(0).text {
	case "月", "火", "水", "木", "金", "土", "日", "曜", "（", "）", "，", "、":
		p.i++
		return true
	}
	return false
}

// sign reads anything that is neither a number nor a word.
func (p *parser) sign() bool {
	t := p.peek(0)
	switch t.kind {
	case '-', '.', ',', '/', ':', ';', '\'', '|', '@':
		p.i++
		return true
	case '(', '[':
		closing := strings.IndexAny(p.text[t.at:], ")]")
		if closing < 0 {
			return false
		}
		inside := p.text[t.at+1 : t.at+closing]
		if p.zone == nil {
			if z := zoneNamed(inside, p.home, time.Time{}); z != nil {
				p.zone = &zoneText{name: inside}
			} else if weekdays[strings.ToLower(strings.TrimSuffix(inside, "."))] == 0 && !isCJK(inside) {
				return false
			}
		}
		for p.i < len(p.toks) && p.toks[p.i].at <= t.at+closing {
			p.i++
		}
		return true
	}
	p.i++
	return t.text == "º" || t.text == "ª" || t.text == "°"
}

func isCJK(t string) bool {
	for _, r := range t {
		if r < 0x2e80 {
			return false
		}
	}
	return t != ""
}

// word reads a word: a month, a weekday, half of the day, a zone, or one that says nothing.
func (p *parser) word() bool {
	t := p.peek(0)
	low := strings.ToLower(t.text)
	before := token{}
	if p.i > 0 {
		before = p.toks[p.i-1]
	}
	switch {
	case months[low] > 0 && (p.month == 0 || p.martes):
		p.month, p.martes = months[low], low == "mar"
	case weekdays[low] > 0:
		p.weekday = weekdays[low]
	case before.kind == '0' && !t.spaced && ordinals[low]:
	case p.clock.set && p.half == 0 && p.isHalf(low):
		return p.offset()
	case fillers[low]:
	default:
		return p.zoneWord()
	}
	p.i++
	return true
}

// isHalf reads am, pm, a.m., p. m. and the like.
func (p *parser) isHalf(low string) bool {
	switch {
	case low == "am" || low == "pm":
		p.i++
	case low == "a" || low == "p":
		n := 1
		if p.peek(n).kind == '.' {
			n++
		}
		if m := p.peek(n); m.kind != 'a' || m.text != "m" && m.text != "M" {
			return false
		}
		p.i += n + 1
	default:
		return false
	}
	p.half = low[0]
	if p.peek(0).kind == '.' {
		p.i++
	}
	return true
}

// zoneWord reads the name of a zone, which may have several words.
func (p *parser) zoneWord() bool {
	from := p.i
	low := strings.ToLower(p.peek(0).text)
	if low == "utc" || low == "gmt" || low == "z" || low == "ut" {
		p.i++
		if k := p.peek(0).kind; (k == '+' || k == '-') && p.peek(1).kind == '0' {
			return p.offset()
		}
		p.zone = &zoneText{fixed: time.UTC}
		return true
	}
	for to := len(p.toks); to > from; to-- { // the longest name wins
		end := len(p.text)
		if to < len(p.toks) {
			end = p.toks[to].at
		}
		name := strings.TrimSpace(p.text[p.toks[from].at:end])
		if knownZone(name) {
			if p.zone == nil { // an offset before it says more
				p.zone = &zoneText{name: name}
			}
			p.i = to
			return true
		}
	}
	return false
}

// offset reads an offset from UTC, if there is one: +01:00, -0800, +1, and 5:30 after UTC.
func (p *parser) offset() bool {
	k, t := p.peek(0).kind, p.peek(1)
	if k != '+' && k != '-' || t.kind != '0' || t.spaced {
		return true
	}
	hours, minutes, n := number(t.text), 0, 2
	switch len(t.text) {
	case 1, 2:
		if p.peek(2).kind == ':' && p.peek(3).kind == '0' && len(p.peek(3).text) == 2 {
			minutes, n = number(p.peek(3).text), 4
		}
	case 3, 4:
		hours, minutes = hours/100, hours%100
	default:
		return false
	}
	if hours > 14 || minutes > 59 {
		return false
	}
	seconds := hours*3600 + minutes*60
	if k == '-' {
		seconds = -seconds
	}
	p.i += n
	p.zone = &zoneText{fixed: fixed(seconds)}
	return true
}

// assemble puts together what was read.
func (p *parser) assemble() (Time, error) {
	d, out, err := p.date()
	if err != nil {
		return out, err
	}
	switch c := &p.clock; {
	case p.half == 'a' && c.hour > 12:
		return Time{}, ErrNone
	case p.half == 'a' && c.hour == 12:
		c.hour = 0
	case p.half == 'p' && c.hour < 12:
		c.hour += 12
	}
	if !p.clock.valid() {
		return Time{}, ErrNone
	}
	out.Day = !p.clock.set
	if out.Open {
		return out, nil
	}
	out.Clock = d.days()*dayMS + p.clock.sum()
	switch z := p.zone; {
	case z == nil:
	case z.fixed != nil:
		out.Zone = z.fixed
	default:
		if out.Zone = zoneNamed(z.name, p.home, time.UnixMilli(out.Clock)); out.Zone == nil {
			return Time{}, ErrZone
		}
	}
	return out, nil
}

// date finds out which number is the day, the month and the year.
func (p *parser) date() (d date, out Time, err error) {
	a, b, c := p.nums[0], p.nums[1], p.nums[2]
	switch {
	case p.n == 0:
		d = date{p.cjk[0], p.cjk[1], p.cjk[2]}
		if p.month > 0 {
			return d, out, ErrNone
		}
	case p.named() > 0 && (p.month == 0 || p.n != 2):
		return d, out, ErrNone
	case p.month > 0 && (p.wide[0] == 4 || a > 31): // 2026 Mar 31
		d = date{a, p.month, b}
	case p.month > 0: // 31 Mar 2026, Mar 31 2026, 31/Mar/26
		d = date{b, p.month, a}
	case p.wide[0] == 4: // 2026/03/31
		d = date{a, b, c}
	case p.wide[1] == 4:
		return d, out, ErrNone
	default:
		return p.numbers(a, b, c)
	}
	if d.year = century(d.year); !d.valid() {
		err = ErrNone
	}
	return d, out, err
}

// century completes a year of two digits.
func century(y int) int {
	if y < 100 {
		return y + 2000
	}
	return y
}

// numbers finds out which of three numbers, the first of which is not a year of four digits,
// is the day, the month and the year.
func (p *parser) numbers(a, b, c int) (date, Time, error) {
	readings := [...]date{DayFirst: {century(c), b, a}, MonthFirst: {century(c), a, b}, YearFirst: {century(a), b, c}}
	may := [...]bool{DayFirst: readings[DayFirst].valid(), MonthFirst: readings[MonthFirst].valid(), YearFirst: false}
	if p.wide[2] < 4 && (p.order == YearFirst || p.seps[0] == '-') { // 26-03-31
		may[YearFirst] = p.wide[0] == 2 && readings[YearFirst].valid()
	}
	if p.seps[0] == '.' && may[DayFirst] && p.order == NoOrder { // points are written where the day comes first
		may[MonthFirst], may[YearFirst] = false, false
		return readings[DayFirst], Time{}, nil
	}
	if p.weekday > 0 {
		for o := range may {
			may[o] = may[o] && readings[o].weekday() == time.Weekday(p.weekday-1)
		}
	}
	count, one := 0, NoOrder
	for o, ok := range may {
		if ok {
			count, one = count+1, Order(o)
		}
	}
	switch {
	case count == 0:
		return date{}, Time{}, ErrNone
	case count == 1:
		return readings[one], Time{Shows: one}, nil
	case count == 2 && may[DayFirst] && may[MonthFirst] && a == b:
		return readings[DayFirst], Time{}, nil
	case p.order != NoOrder && may[p.order]:
		return readings[p.order], Time{}, nil
	}
	return date{}, Time{Open: true}, nil
}
