package alert

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/finding"
)

// months is a stream of some days of 1,000 people in two departments of the same size, without alerts.
func months(days int64) *Stream {
	s := &Stream{}
	for day := int64(1); day <= days; day++ {
		s.Active(day, "Sales", 500)
		s.Active(day, "Finance", 500)
	}
	return s
}

// put adds n alerts with rising rates up to one, spread over days 40 to 59, that were decided: of a detector, or of four.
func (s *Stream) put(n int, most float64, detector, department string, confirmed, dismissed bool) {
	for i := range n {
		of := detector
		if of == "" {
			of = fmt.Sprint("d", i%4)
		}
		s.Alerts = append(s.Alerts, StreamAlert{
			ID: fmt.Sprint(len(s.Alerts)), At: (40 + int64(i)%20) * dayLength, Rate: most * float64(i+1) / float64(n),
			Detector: of, Department: department, Confirmed: confirmed, Dismissed: dismissed,
		})
	}
}

// highest is the highest rate up to which an alert of a detector and a department passes on day 60, by tenths.
func (b *Budget) highest(detector, department string) (rate float64) {
	for i := 1; i < 200; i++ {
		r := float64(i) / 10
		if !b.Passes(&Alert{Time: time.UnixMilli(60 * dayLength), Rate: r, Detector: detector, Department: department}) {
			break
		}
		rate = r
	}
	return rate
}

// TestBudgetLevels sets the rate up to which alerts pass from those of the weeks before, as far as something is known of
// them: without decisions, the rate that was asked for stays, unless there are fewer alerts than that at all.
func TestBudgetLevels(t *testing.T) {
	const asked = 2
	for _, c := range []struct {
		name        string
		first       int64
		put         func(s *Stream)
		least, most float64
	}{
		{"nothing is known", 1, func(*Stream) {}, 2.5, 5},
		{"the first weeks", 50, func(s *Stream) { s.put(400, 8, "", "", false, true) }, 2, 2},
		{"undecided, as many as asked", 1, func(s *Stream) { s.put(300, 10, "", "", false, false) }, 2, 2},
		{"undecided, many more", 1, func(s *Stream) { s.put(1600, 10, "", "", false, false) }, 2, 2},
		{"undecided, few", 1, func(s *Stream) { s.put(40, 10, "", "", false, false) }, 3, 5},
		{"dismissed, twice as many", 1, func(s *Stream) { s.put(2000, 10, "", "", false, true) }, .7, 1.2},
		{"confirmed, twice as many", 1, func(s *Stream) { s.put(2000, 10, "", "", true, false) }, 2.5, 5},
		{"half of them confirmed", 1, func(s *Stream) {
			s.put(220, 4, "", "", true, false)
			s.put(220, 4, "", "", false, true)
		}, 1, 2},
	} {
		s := months(60)
		s.First = c.first
		c.put(s)
		if x := NewBudget(asked, s).levelsOn(60).all; x < c.least || x > c.most {
			t.Errorf("%s: up to %.2f, want %g to %g", c.name, x, c.least, c.most)
		}
	}
	if b := NewBudget(2, &Stream{}); b.highest("d", "") != 2 {
		t.Errorf("without data up to %g", b.highest("d", ""))
	}
}

// TestBudgetShares keeps the noisiest detector, and a department, from more than half of the alerts, and gives what they
// leave to the others. A department with most of the people has its share of them.
func TestBudgetShares(t *testing.T) {
	s := months(60)
	s.put(90, 2, "noisy", "", false, false)
	s.put(30, 2, "calm", "", false, false)
	b := NewBudget(2, s)
	noisy, calm := b.highest("noisy", ""), b.highest("calm", "")
	if noisy > 1 || noisy < .3 || calm < 2 {
		t.Errorf("the noisy up to %g, others up to %g", noisy, calm)
	}
	if !b.Passes(&Alert{
		Time: time.UnixMilli(60 * dayLength), Rate: 1.9, Score: 6.4, Detector: "noisy", Receipt: &finding.Receipt{Floor: 6.4},
	}) {
		t.Error("an alert at its floor is held back")
	}
	s = months(60)
	s.put(600, 2, "noisy", "", false, true)
	s.put(30, 2, "", "", false, true)
	b = NewBudget(2, s)
	if noisy, calm := b.highest("noisy", ""), b.highest("d1", ""); noisy > .3 || calm < 1.5 {
		t.Errorf("where all were dismissed, the noisy up to %g, others up to %g", noisy, calm)
	}
	few := months(60)
	few.put(9, 2, "noisy", "", false, false)
	if x := NewBudget(2, few).highest("noisy", ""); x < 2 {
		t.Errorf("nine alerts of one detector are too many: %g", x)
	}

	s = months(60)
	for _, d := range []string{"a", "b", "c"} {
		s.put(40, 2, d, "Sales", false, false)
	}
	s.put(20, 2, "d", "Finance", false, false)
	b = NewBudget(2, s)
	if sales, finance := b.highest("a", "Sales"), b.highest("a", "Finance"); sales >= 2 || finance < 2 {
		t.Errorf("Sales up to %g, Finance up to %g", sales, finance)
	}
	for day := range s.Days {
		s.Days[day] = map[string]int{"Sales": 900, "Finance": 100}
	}
	if x := NewBudget(2, s).highest("a", "Sales"); x < 2 {
		t.Errorf("where nearly all people are in Sales: up to %g", x)
	}
}

// TestBudgetKept says how a budget was kept, as far as it is known.
func TestBudgetKept(t *testing.T) {
	s := months(60)
	s.put(28, 2, "a", "", false, false)
	s.put(28, 2, "b", "", false, false)
	until := time.UnixMilli(60 * dayLength)
	if k := NewBudget(2, s).Kept(until); k.String() != "asked 2 false alerts per 1,000 user-days, kept at most 2.0 over the last 4 weeks "+
		"(56 alerts passed: 0 dismissed, 0 confirmed, 56 undecided)" {
		t.Error(k)
	}
	for i := range s.Alerts {
		s.Alerts[i].Confirmed, s.Alerts[i].Dismissed = i%4 == 0, i%4 == 1
	}
	if k := NewBudget(2, s).Kept(until); !strings.Contains(k.String(), "kept between 0.5 and 1.5 over") || k.Confirmed != 14 {
		t.Error(k)
	}
	for i := range s.Alerts {
		s.Alerts[i].Dismissed = !s.Alerts[i].Confirmed
	}
	if k := NewBudget(2, s).Kept(until); !strings.Contains(k.String(), "kept 1.5 over") {
		t.Error(k)
	}
	if k := NewBudget(2, s).Kept(time.UnixMilli(100 * dayLength)); k != nil {
		t.Error("of weeks without data:", k)
	}
}

// TestStream reads from the store what a budget is set from.
func TestStream(t *testing.T) {
	ctx := t.Context()
	st, err := OpenStore(ctx, filepath.Join(t.TempDir(), "alerts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	moment := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	a := Alert{ID: "a", Time: moment, User: "p", Department: "Sales", Detector: "d", Rate: 1.5, Score: 6.4, Receipt: &finding.Receipt{Floor: 6.4}}
	b := Alert{ID: "b", Time: moment, User: "p", Detector: "e", Rate: 3, Score: 7, Receipt: &finding.Receipt{Floor: 6.4}}
	old, health, gone := b, b, b
	old.ID, old.Time = "old", moment.AddDate(0, 0, -1)
	health.ID, health.Health = "health", true
	gone.ID, gone.Withdrawn = "gone", true
	if err := st.Save(ctx, 1, 0, nil, each(a, b, old, health, gone)); err != nil {
		t.Fatal(err)
	}
	end := moment.Add(14 * time.Hour).UnixMilli()
	day := finding.Activity{User: "p", End: end, Department: "Sales", Sources: []string{"box"}}
	robot, unknown := day, day
	robot.User, robot.Service = "r", true
	unknown.User, unknown.Department = "q", ""
	if err := st.PutDays(ctx, []finding.Activity{day, robot, unknown}); err != nil {
		t.Fatal(err)
	}
	got, err := st.Stream(ctx, moment, func(id string) (bool, bool) { return id == "a", id == "b" })
	if err != nil {
		t.Fatal(err)
	}
	d := moment.UnixMilli() / dayLength
	want := &Stream{First: d, Days: map[int64]map[string]int{d: {"Sales": 1, "": 1}}}
	for _, x := range []*Alert{&a, &b, &health} {
		draft := DraftOf(x)
		want.Add(&draft)
	}
	want.Alerts[0].Confirmed, want.Alerts[1].Dismissed = true, true
	if !reflect.DeepEqual(got, want) || !want.Alerts[0].Floor || want.Alerts[1].Floor || len(want.Alerts) != 2 {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if until, err := st.DataUntil(ctx, moment.AddDate(0, 1, 0)); err != nil || until.UnixMilli() != end {
		t.Error(until, err)
	}
	if until, err := st.DataUntil(ctx, moment); err != nil || !until.Equal(moment) {
		t.Error(until, err)
	}
}
