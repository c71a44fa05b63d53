package main

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata"
)

// Place is a town a client can connect from, with address blocks of the local
// broadband, mobile and hosting providers.
type Place struct {
	City, State, Code, Country string
	Lat, Lon                   float64
	Broadband, Mobile, Hosting []string // /16 prefixes
	Zone                       *time.Location
}

func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// homes are the places where people work; the first five have an office.
var homes = []*Place{
	{"San Francisco", "California", "US", "United States", 37.77, -122.42, []string{"73.162", "98.207", "24.6"},
		[]string{"172.58", "107.77"}, []string{"104.131"}, zone("America/Los_Angeles")},
	{"New York", "New York", "US", "United States", 40.71, -74.0, []string{"74.64", "68.173", "108.30"},
		[]string{"172.56", "174.192"}, []string{"104.236", "45.55"}, zone("America/New_York")},
	{"London", "England", "GB", "United Kingdom", 51.51, -0.13, []string{"86.130", "82.35", "90.207"}, []string{"92.40", "188.28"},
		[]string{"178.62"}, zone("Europe/London")},
	{"Berlin", "Berlin", "DE", "Germany", 52.52, 13.4, []string{"87.149", "91.64", "79.192"}, []string{"109.40", "46.114"},
		[]string{"138.201"}, zone("Europe/Berlin")},
	{"Bengaluru", "Karnataka", "IN", "India", 12.97, 77.59, []string{"122.167", "106.51", "49.207"}, []string{"106.216", "157.45"},
		[]string{"139.59"}, zone("Asia/Kolkata")},
	{"Chicago", "Illinois", "US", "United States", 41.88, -87.63, []string{"73.110", "98.226"}, []string{"172.59", "174.209"},
		[]string{"208.167"}, zone("America/Chicago")},
	{"Toronto", "Ontario", "CA", "Canada", 43.65, -79.38, []string{"99.224", "174.112"}, []string{"72.136"}, []string{"159.203"},
		zone("America/Toronto")},
	{"Paris", "Ile-de-France", "FR", "France", 48.86, 2.35, []string{"90.63", "82.64"}, []string{"92.184"}, []string{"51.15"},
		zone("Europe/Paris")},
	{"Warsaw", "Mazovia", "PL", "Poland", 52.23, 21.01, []string{"83.5", "89.64"}, []string{"37.47"}, []string{"54.37"},
		zone("Europe/Warsaw")},
}

// abroad are further places. Travellers, relatives of employees, password guessers and
// intruders all connect from them, so that no country gives an incident away.
var abroad = []*Place{
	{"Sao Paulo", "Sao Paulo", "BR", "Brazil", -23.55, -46.63, []string{"177.102", "189.62"}, []string{"179.240"},
		[]string{"177.54"}, zone("America/Sao_Paulo")},
	{"Lagos", "Lagos", "NG", "Nigeria", 6.52, 3.38, []string{"105.112", "41.203"}, []string{"197.210"}, []string{"154.113"},
		zone("Africa/Lagos")},
	{"Bucharest", "Bucuresti", "RO", "Romania", 44.43, 26.1, []string{"79.112", "86.124"}, []string{"213.233"},
		[]string{"185.225", "89.33"}, zone("Europe/Bucharest")},
	{"Hanoi", "Hanoi", "VN", "Vietnam", 21.03, 105.85, []string{"14.177", "113.190"}, []string{"27.67"}, []string{"103.97"},
		zone("Asia/Ho_Chi_Minh")},
	{"Moscow", "Moscow", "RU", "Russia", 55.76, 37.62, []string{"95.24", "176.195"}, []string{"178.176"}, []string{"185.22"},
		zone("Europe/Moscow")},
	{"Amsterdam", "North Holland", "NL", "Netherlands", 52.37, 4.9, []string{"84.24", "145.53"}, []string{"188.207"},
		[]string{"185.107", "95.211"}, zone("Europe/Amsterdam")},
	{"Singapore", "Singapore", "SG", "Singapore", 1.35, 103.82, []string{"116.86", "118.189"}, []string{"111.65"},
		[]string{"128.199"}, zone("Asia/Singapore")},
	{"Tokyo", "Tokyo", "JP", "Japan", 35.68, 139.69, []string{"126.79", "153.165"}, []string{"49.98"}, []string{"45.76"},
		zone("Asia/Tokyo")},
	{"Dubai", "Dubai", "AE", "United Arab Emirates", 25.2, 55.27, []string{"94.200", "86.98"}, []string{"5.195"},
		[]string{"185.93"}, zone("Asia/Dubai")},
	{"Mexico City", "Mexico City", "MX", "Mexico", 19.43, -99.13, []string{"187.190", "189.146"}, []string{"200.68"},
		[]string{"158.97"}, zone("America/Mexico_City")},
	{"Istanbul", "Istanbul", "TR", "Turkey", 41.01, 28.98, []string{"88.230", "78.180"}, []string{"5.25"}, []string{"185.141"},
		zone("Europe/Istanbul")},
	{"Lisbon", "Lisbon", "PT", "Portugal", 38.72, -9.14, []string{"85.240", "89.153"}, []string{"87.196"}, []string{"185.90"},
		zone("Europe/Lisbon")},
}

var everywhere = append(append([]*Place{}, homes...), abroad...)

// address draws an address of a provider, often from a block that is not listed.
func address(r Rand, prefixes []string) string {
	p := pick(r, prefixes)
	if r.chance(.35) {
		p = p[:strings.IndexByte(p, '.')+1] + strconv.Itoa(r.IntN(256))
	}
	return p + "." + strconv.Itoa(r.IntN(256)) + "." + strconv.Itoa(1+r.IntN(254))
}

func nthWeekday(year int, m time.Month, wd time.Weekday, n int) time.Time {
	t := time.Date(year, m, 1, 0, 0, 0, 0, time.UTC)
	t = t.AddDate(0, 0, (int(wd)-int(t.Weekday())+7)%7)
	return t.AddDate(0, 0, 7*(n-1))
}

func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

func isHoliday(code string, t time.Time) bool {
	y, m, d := t.Date()
	on := func(month time.Month, day int) bool { return m == month && d == day }
	same := func(u time.Time) bool { return m == u.Month() && d == u.Day() }
	if on(time.January, 1) || on(time.December, 25) {
		return true
	}
	goodFriday, easterMonday := easter(y).AddDate(0, 0, -2), easter(y).AddDate(0, 0, 1)
	switch code {
	case "US":
		return same(nthWeekday(y, time.January, time.Monday, 3)) || same(nthWeekday(y, time.February, time.Monday, 3)) ||
			same(nthWeekday(y, time.June, time.Monday, 1).AddDate(0, 0, -7)) || on(time.July, 4) ||
			same(nthWeekday(y, time.September, time.Monday, 1)) || same(nthWeekday(y, time.November, time.Thursday, 4))
	case "GB":
		return same(goodFriday) || same(easterMonday) || on(time.December, 26) || same(nthWeekday(y, time.May, time.Monday, 1))
	case "DE", "FR", "PL":
		return same(goodFriday) || same(easterMonday) || on(time.May, 1) || on(time.December, 26)
	case "IN":
		return on(time.January, 26) || on(time.August, 15) || on(time.October, 2) || on(time.March, 4)
	case "CA":
		return same(nthWeekday(y, time.February, time.Monday, 3)) || same(goodFriday) || on(time.July, 1)
	}
	return false
}

// workdaysTo counts the workdays left in the month of t; zero on the last one.
func workdaysTo(t time.Time) int {
	n, month := -1, t.Month()
	for ; t.Month() == month; t = t.AddDate(0, 0, 1) {
		if wd := t.Weekday(); wd != time.Saturday && wd != time.Sunday {
			n++
		}
	}
	return n
}

// closeFactor is how much busier a department is around the end of a month or quarter.
func closeFactor(dept Dept, t time.Time) float64 {
	left := workdaysTo(t)
	quarter := t.Month()%3 == 0
	switch {
	case dept == Finance && (left <= 1 || t.Day() <= 4):
		if quarter || t.Month()%3 == 1 && t.Day() <= 8 {
			return 3
		}
		return 2
	case dept == Sales && quarter && left <= 6:
		return 1.9
	case dept == Sales && left <= 1:
		return 1.4
	case dept == Data && t.Day() <= 3:
		return 1.5
	}
	return 1
}
