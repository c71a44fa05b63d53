package alert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// Stream is what a budget is set from: the alerts and the days of people of the weeks before.
type Stream struct {
	Alerts []StreamAlert
	// Days are how many people were active, by day (days since 1970) and by department, "" if it is not known.
	Days  map[int64]map[string]int
	First int64 // day of the first data; 0 for the first of Days
}

// StreamAlert is an alert about a person, as a budget counts it.
type StreamAlert struct {
	ID         string
	At         int64   // Unix milliseconds
	Rate       float64 // false alerts per 1,000 user-days to expect at its score or above
	Detector   string  // the one that contributes most
	Department string  // of the person; "" if it is not known
	Floor      bool    // a rule or an indicator gives it a least score, and it has no more
	Confirmed  bool    // somebody decided that it is true
	Dismissed  bool    // somebody decided that it is false, or legitimate
}

// Add adds an alert to the stream, unless it is about the data.
func (s *Stream) Add(d *Draft) {
	if !d.Health {
		s.Alerts = append(s.Alerts, d.streamed())
	}
}

// streamed is the alert as a budget counts it, before anything was decided about it.
func (d *Draft) streamed() StreamAlert {
	return StreamAlert{ID: d.ID, At: d.Time.UnixMilli(), Rate: d.rate, Detector: d.detector, Department: d.department, Floor: d.floor}
}

// Active adds people of a department who were active on a day (days since 1970).
func (s *Stream) Active(day int64, department string, people int) {
	if s.Days == nil {
		s.Days = map[int64]map[string]int{}
	}
	if s.Days[day] == nil {
		s.Days[day] = map[string]int{}
	}
	s.Days[day][department] += people
}

// atFloor says whether the score of an alert is the least that rules and indicators give it.
func atFloor(a *Alert) bool {
	return a.Receipt != nil && a.Receipt.Floor > 0 && a.Score <= a.Receipt.Floor+.01
}

const (
	budgetDays = 28 // days that a budget looks back
	// learningDays at the beginning of the data say little about what comes after them: baselines are young.
	learningDays = 28
	// experience is how many false alerts what is known of other organisations weighs. Fewer of one's own are
	// mostly chance.
	experience = 40
	reach      = 2.5 // by how much the stream may change the rate up to which alerts pass
	fewDecided = 5   // decisions of which one more tells much about alerts that nobody has decided about
	fewAlerts  = 10  // of one detector or department, which always have room
)

// Budget decides which alerts pass: those up to a rate of false alerts that is set, for each day, from the stream of the
// four weeks before. It is a function of the stream: the order in which alerts are asked about does not matter.
type Budget struct {
	asked  float64
	first  int64 // day of the first data
	alerts []StreamAlert
	days   map[int64]map[string]int
	levels map[int64]levels
}

// levels are the rates up to which alerts pass on a day.
type levels struct {
	all        float64 // for all alerts
	detector   group   // that would have more than half of them
	department group   // that would have more than its share of the others
}

// NewBudget returns a budget of false alerts per 1,000 user-days (> 0).
func NewBudget(asked float64, s *Stream) *Budget {
	b := &Budget{asked: asked, first: s.First, days: s.Days, levels: map[int64]levels{}}
	for _, a := range s.Alerts {
		if a.Rate <= reach*asked {
			b.alerts = append(b.alerts, a)
		}
	}
	slices.SortFunc(b.alerts, func(x, y StreamAlert) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.ID, y.ID)) })
	for day := range s.Days {
		if s.First == 0 && (b.first == 0 || day < b.first) {
			b.first = day
		}
	}
	return b
}

const dayLength = 24 * 3600 * 1000 // in milliseconds

// Passes reports whether an alert about a person passes.
func (b *Budget) Passes(a *Alert) bool {
	d := a.draft()
	x := d.streamed()
	return b.passes(&x)
}

func (b *Budget) passes(a *StreamAlert) bool {
	day := a.At / dayLength
	l, known := b.levels[day]
	if !known {
		l = b.levelsOn(day)
		b.levels[day] = l
	}
	return a.Rate <= l.all && !l.held(a)
}

// group is a detector or a department that has more than its share of the alerts.
type group struct {
	name  string  // "" if there is none
	level float64 // the rate up to which its alerts pass
}

// holds says whether an alert, which belongs to a group, is beyond the share of this one. What has a least score is not.
func (g *group) holds(of string, a *StreamAlert) bool {
	return g.name != "" && of == g.name && a.Rate > g.level && !a.Floor
}

// held says whether the shares hold an alert back.
func (l *levels) held(a *StreamAlert) bool {
	return l.detector.holds(a.Detector, a) || l.department.holds(a.Department, a)
}

// between are the alerts from a day until before another.
func (b *Budget) between(from, to int64) []StreamAlert {
	at := func(day int64) int {
		i, _ := slices.BinarySearchFunc(b.alerts, day*dayLength, func(a StreamAlert, at int64) int { return cmp.Compare(a.At, at) })
		return i
	}
	return b.alerts[at(from):at(to)]
}

// userDays are the days of people from a day until before another, by department.
func (b *Budget) userDays(from, to int64) (all float64, by map[string]float64) {
	by = map[string]float64{}
	for day := from; day < to; day++ {
		for department, n := range b.days[day] {
			all += float64(n)
			by[department] += float64(n)
		}
	}
	return all, by
}

// levelsOn sets the levels of a day.
func (b *Budget) levelsOn(day int64) levels {
	from := max(day-budgetDays, b.first+learningDays)
	if b.first == 0 || from >= day {
		return levels{all: b.asked}
	}
	list := b.between(from, day)
	past := slices.DeleteFunc(slices.Clone(list), func(a StreamAlert) bool { return a.Confirmed })
	confirmed := len(list) - len(past)
	n, by := b.userDays(from, day)
	quota := int(b.asked * n / 1000)
	var l levels
	among := slices.DeleteFunc(slices.Clone(past), func(a StreamAlert) bool { return a.Rate > b.asked || a.Floor })
	slices.SortStableFunc(among, func(x, y StreamAlert) int { return cmp.Compare(x.Rate, y.Rate) })
	l.detector = noisiest(among, func(a *StreamAlert) string { return a.Detector }, func(string) float64 { return .5 }, quota)
	among = slices.DeleteFunc(among, func(a StreamAlert) bool { return l.detector.holds(a.Detector, &a) })
	l.department = noisiest(among, func(a *StreamAlert) string { return a.Department }, func(d string) float64 {
		return max(.5, min(1.5*by[d]/max(n, 1), 1))
	}, quota)
	past = slices.DeleteFunc(past, func(a StreamAlert) bool { return l.held(&a) })
	l.all = b.level(past, n, confirmed, l.detector.name)
	return l
}

// level is the rate up to which alerts pass by what is known of those of the past n user-days. The others are taken for false
// as often as those that were decided: as far as few were, for true where there are too many, and for false where there are too
// few. Those of the noisiest detector count for half of the budget at most.
func (b *Budget) level(past []StreamAlert, n float64, confirmed int, noisiest string) float64 {
	dismissed := 0
	for i := range past {
		if past[i].Dismissed {
			dismissed++
		}
	}
	decided := float64(dismissed + confirmed + fewDecided)
	least, most := float64(dismissed)/decided, float64(dismissed+fewDecided)/decided
	level := b.asked
	rate := func(others float64) float64 {
		found, noise, expected := 0.0, 0.0, level*n/1000
		for i := range past {
			a, x := &past[i], others
			if a.Dismissed {
				x = 1
			}
			switch {
			case a.Rate > level:
			case noisiest != "" && a.Detector == noisiest:
				noise += x
			default:
				found += x
			}
		}
		return level * (found + min(noise, expected/2) + experience) / (expected + experience)
	}
	const step = 1.02
	for level > b.asked/reach && rate(least) > b.asked {
		level /= step
	}
	if level < b.asked {
		return level
	}
	for level*step <= b.asked*reach && rate(most) < b.asked {
		level *= step
	}
	return level
}

// noisiest is the group of alerts, which are sorted by rate, that has more than its share (0 to 1) of all, and of those
// that may be expected.
func noisiest(past []StreamAlert, of func(*StreamAlert) string, share func(string) float64, expected int) (g group) {
	count, total := map[string]int{}, 0
	for i := range past {
		if name := of(&past[i]); name != "" {
			count[name]++
			total++
		}
	}
	for name, n := range count {
		if n > count[g.name] || n == count[g.name] && name < g.name {
			g.name = name
		}
	}
	part := share(g.name)
	if part >= 1 {
		return group{}
	}
	room := max(int(float64(total-count[g.name])*part/(1-part)), int(part*float64(expected)), fewAlerts)
	if count[g.name] <= room {
		return group{}
	}
	for i := range past {
		if of(&past[i]) == g.name {
			if room--; room == 0 {
				g.level = past[i].Rate
			}
		}
	}
	return g
}

// Kept is how a budget was kept over four weeks.
type Kept struct {
	Asked     float64 `json:"asked"`     // false alerts per 1,000 user-days
	Least     float64 `json:"least"`     // that were: those that were dismissed
	Most      float64 `json:"most"`      // that were at most: with those that nobody has decided about
	Confirmed int     `json:"confirmed"` // alerts that passed and are true
	Dismissed int     `json:"dismissed"` // alerts that passed and are false or legitimate
	Undecided int     `json:"undecided"` // other alerts that passed
	UserDays  float64 `json:"user_days"` // of the four weeks
}

// Kept returns how the budget was kept over the four weeks before a time; nil if there is no data of them.
func (b *Budget) Kept(until time.Time) *Kept {
	to := until.UnixMilli()/dayLength + 1
	n, _ := b.userDays(to-budgetDays, to)
	if n == 0 {
		return nil
	}
	k := &Kept{Asked: b.asked, UserDays: n}
	list := b.between(to-budgetDays, to)
	for i := range list {
		switch a := &list[i]; {
		case !b.passes(a):
		case a.Confirmed:
			k.Confirmed++
		case a.Dismissed:
			k.Dismissed++
		default:
			k.Undecided++
		}
	}
	k.Least, k.Most = 1000*float64(k.Dismissed)/n, 1000*float64(k.Dismissed+k.Undecided)/n
	return k
}

// String returns the figures for people: one number if all alerts were decided, at most so many if none was.
func (k *Kept) String() string {
	kept := fmt.Sprintf("between %.1f and %.1f", k.Least, k.Most)
	switch {
	case k.Undecided == 0:
		kept = fmt.Sprintf("%.1f", k.Most)
	case k.Dismissed == 0:
		kept = fmt.Sprintf("at most %.1f", k.Most)
	}
	passed := plain.CountOf(k.Dismissed+k.Confirmed+k.Undecided, "alert", "alerts")
	return fmt.Sprintf("asked %g false alerts per 1,000 user-days, kept %s over the last 4 weeks "+
		"(%s passed: %d dismissed, %d confirmed, %d undecided)", k.Asked, kept, passed, k.Dismissed, k.Confirmed, k.Undecided)
}
