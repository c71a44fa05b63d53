package engine

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
)

// triaged is a history in which some people download a little of one place, and later two more do: a
// little, and all of it.
func triaged(t *testing.T) *scenario {
	s := &scenario{t: t}
	for _, l := range []string{
		"people 16 Sales", "routine 1-40",
		"29 10:00 p2 download x9 spread=4m place=Board item=b source=box", "30 10:00 p3 download x9 spread=4m place=Board item=b source=box",
		"31 10:00 p4 download x9 spread=4m place=Board item=b source=box", "32 10:00 p5 download x9 spread=4m place=Board item=b source=box",
		"37 10:00 p6 download x9 spread=4m place=Board item=c source=box", "37 10:00 p7 download x90 spread=9m place=Board item=d source=box",
		"37 10:00 p8 download x9 spread=4m place=Plans item=e source=box",
	} {
		s.line(l)
	}
	s.sort()
	return s
}

// receiptOf is the receipt of the most urgent day of a person from day 36 on, or before.
func receiptOf(o outcome, who string, late bool) (*finding.Finding, *finding.Receipt) {
	var best *finding.Finding
	var receipt *finding.Receipt
	for _, list := range o {
		for _, f := range list {
			if f.Person == address(who) && f.Receipt != nil && (f.Time >= at(36, 0)) == late && (best == nil || f.Risk > best.Risk) {
				best, receipt = f, f.Receipt
			}
		}
	}
	return best, receipt
}

// decidedAs are verdicts about the alerts of some people before day 36, made on day 34.
func decidedAs(t *testing.T, o outcome, x Outcome, who ...string) (list []Verdict) {
	t.Helper()
	for i, name := range who {
		f, r := receiptOf(o, name, false)
		if f == nil || len(r.Subjects) == 0 {
			t.Fatalf("%s has no alert, or it is about nothing: %+v", name, r)
		}
		list = append(list, Verdict{
			Alert: f.Episode, Person: f.Person, Seq: int64(i + 1), At: at(34, 9*time.Hour), Outcome: x, Subjects: r.Subjects,
		})
	}
	return list
}

func of(list ...Verdict) func() []Verdict { return func() []Verdict { return list } }

// verdictTerms are the log-odds that verdicts change a day by, with their words.
func verdictTerms(r *finding.Receipt) (sum float64, words string) {
	for _, x := range r.Terms {
		if strings.HasPrefix(x.Feature, "verdicts_") {
			sum += x.Weight * x.Value
			words += x.Words + "\n"
		}
	}
	return sum, words
}

// TestVerdicts has dismissals lower the scores of what is alike, and confirmations raise them: most in the same
// place, and nothing of before. Whatever the order, twice or about an unknown alert: the result is the same.
func TestVerdicts(t *testing.T) {
	s := triaged(t)
	before := play(t, s.config, s.events)
	with := func(list ...Verdict) outcome {
		c := s.config
		c.Verdicts = of(list...)
		return play(t, c, s.events)
	}
	no := decidedAs(t, before, Dismissed, "p2", "p3", "p4", "p5")
	dismissed := with(no...)
	confirmed := with(decidedAs(t, before, Confirmed, "p2", "p3", "p4", "p5")...)
	for _, name := range []string{"p6", "p8"} {
		old, _ := receiptOf(before, name, true)
		low, r := receiptOf(dismissed, name, true)
		high, _ := receiptOf(confirmed, name, true)
		if low.Risk >= old.Risk-.2 || high.Risk <= old.Risk+.2 {
			t.Errorf("%s: %.2f; dismissed %.2f, confirmed %.2f", name, old.Risk, low.Risk, high.Risk)
		}
		sum, words := verdictTerms(r)
		if here := strings.Contains(words, "4 verdicts about bulk_download in this place: 4 dismissed"); here != (name == "p6") || sum >= 0 || sum < -1.5 {
			t.Errorf("%s: %.2f by %q", name, sum, words)
		}
		risk, steps, err := testCatalog.Recompute(r)
		if err != nil || math.Abs(risk-low.Risk) > .001 || slices.ContainsFunc(steps, func(s Step) bool { return !s.Matches() }) {
			t.Errorf("%s: %v, computed %v, %v", name, low.Risk, risk, err)
		}
	}
	in, _ := receiptOf(dismissed, "p6", true)
	elsewhere, _ := receiptOf(dismissed, "p8", true)
	was, _ := receiptOf(before, "p6", true)
	there, _ := receiptOf(before, "p8", true)
	if was.Risk-in.Risk <= there.Risk-elsewhere.Risk {
		t.Errorf("in the place: %.2f to %.2f, elsewhere %.2f to %.2f", was.Risk, in.Risk, there.Risk, elsewhere.Risk)
	}
	for _, name := range []string{"p2", "p5"} {
		a, _ := receiptOf(before, name, false)
		if b, _ := receiptOf(dismissed, name, false); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: a day before the verdicts has changed", name)
		}
	}

	again := slices.Clone(no)
	slices.Reverse(again)
	unknown := Verdict{Alert: "ffffffffffffffff", Seq: 9, At: no[0].At, Outcome: Confirmed}
	first := no[0]
	first.Seq, first.Outcome = 0, Confirmed // changed since
	for name, list := range map[string][]Verdict{
		"in another order": again, "twice": append(again, no...), "with an unknown alert": append([]Verdict{unknown}, no...),
		"changed": append(again, first),
	} {
		if o := with(list...); !reflect.DeepEqual(o, dismissed) {
			t.Errorf("%s, the findings are others", name)
		}
	}
	for i := range no {
		back := no[i]
		back.Seq, back.Outcome = back.Seq+10, Undecided
		again = append(again, back)
	}
	if o := with(again...); !reflect.DeepEqual(o, before) {
		t.Error("taken back, verdicts still change something")
	}
	old := slices.Clone(no)
	for i := range old {
		old[i].At -= verdictLasts + 40*event.Day
	}
	if o := with(old...); !reflect.DeepEqual(o, before) {
		t.Error("verdicts of more than a year ago change something")
	}
}

// TestVerdictsSpareFloors has hundreds of dismissals not hide what has a least score: rules, grave indicators, and a
// blatant day that nothing explains.
func TestVerdictsSpareFloors(t *testing.T) {
	s := triaged(t)
	before := play(t, s.config, s.events)
	var many []Verdict
	for _, v := range decidedAs(t, before, Dismissed, "p2", "p3", "p4", "p5") {
		for range 100 {
			v.Alert, v.Seq = fmt.Sprintf("%016x", len(many)), int64(len(many))
			many = append(many, v)
		}
	}
	c := s.config
	c.Verdicts = of(many...)
	after := play(t, c, s.events)
	old, was := receiptOf(before, "p7", true)
	f, r := receiptOf(after, "p7", true)
	if sum, _ := verdictTerms(r); sum < -1.5 || sum > -.5 {
		t.Errorf("verdicts change the log-odds by %.2f", sum)
	}
	if r.Base < 6.5 || r.Floor != was.Floor || f.Risk < detect.LeastShown || f.Risk >= old.Risk {
		t.Errorf("base %.2f, floor %.2f and %.2f before, score %.2f and %.2f before", r.Base, r.Floor, was.Floor, f.Risk, old.Risk)
	}
	alone := *r
	alone.Bias -= 20
	alone.Terms = slices.DeleteFunc(slices.Clone(r.Terms), func(x finding.Term) bool {
		return x.LogOdds() < 0 && !strings.HasPrefix(x.Feature, "verdicts_")
	})
	if risk, _, err := testCatalog.Recompute(&alone); err != nil || math.Abs(risk-.6*r.Base) > .001 {
		t.Errorf("a base of %.2f that only verdicts speak against scores %.2f, %v", r.Base, risk, err)
	}
	l := testCatalog.layer
	var list []term
	for _, f := range []int{featVerdictDetector, featVerdictPlace, featVerdictApplication, featVerdictFunction} {
		list = append(list, term{feature: f, value: -.99})
	}
	if x := l.against(list); x != 0 || l.logit(list, 0)-l.always() < -1.5 {
		t.Errorf("verdicts explain a day: %g; they change its log-odds by %g", x, l.logit(list, 0)-l.always())
	}
}

// TestVerdictsStored has state keep verdicts, and forget those about a person who is erased.
func TestVerdictsStored(t *testing.T) {
	s := triaged(t)
	before := play(t, s.config, s.events)
	c := s.config
	c.Verdicts = of(decidedAs(t, before, Dismissed, "p2", "p3")...)
	var snap *Snapshot
	e := newEngine(c, func(*finding.Finding) error { return nil })
	e.Checkpoint(at(35, 0), func(s *Snapshot) error { snap = s; return nil })
	feed(t, e, s.events)
	now := newEngine(s.config, func(*finding.Finding) error { return nil })
	if err := now.Restore(snap); err != nil || len(now.Decided) != 2 || len(now.opinions) == 0 {
		t.Fatal(err, now.Decided)
	}
	c.Detectors, c.Verdicts = testCatalog, nil
	less, known, err := snap.Forget(c, address("p2"))
	if err != nil || !known {
		t.Fatal(known, err)
	}
	now = newEngine(s.config, func(*finding.Finding) error { return nil })
	if err := now.Restore(less); err != nil || len(now.Decided) != 1 || now.opinions[hash(ofVerdict, "bulk_download")].dismissed != 1 {
		t.Error(err, now.Decided)
	}
}

// TestVerdictOfItself has a verdict change nothing of the day that it is about.
func TestVerdictOfItself(t *testing.T) {
	e := newEngine(Config{}, func(*finding.Finding) error { return nil })
	p, g := e.person("a", event.Human), testCatalog.detected["bulk_download"]
	p.open(at(1, 0), at(2, 0))
	e.Decided[episodeID("a", at(2, 0))] = decided{Outcome: Confirmed, Keys: []uint64{hash(ofVerdict, "bulk_download")}}
	e.weighVerdicts()
	if o := e.opinionsOn(p, g)[subjectDetector]; o != (opinion{}) {
		t.Errorf("on the day itself: %+v", o)
	}
	p.Day.End = at(3, 0)
	if o := e.opinionsOn(p, g)[subjectDetector]; o.confirmed != 1 {
		t.Errorf("on another day: %+v", o)
	}
}

// TestOpinion weighs few verdicts little.
func TestOpinion(t *testing.T) {
	for _, c := range []struct {
		opinion
		share float64
		text  string
	}{
		{opinion{1, 0}, -.25, "1 dismissed"}, {opinion{0, 3}, .5, "3 confirmed"}, {opinion{2, 1}, -1. / 6, "2 dismissed, 1 confirmed"},
		{opinion{}, 0, "0 dismissed"},
	} {
		if x := c.share; math.Abs(c.opinion.share()-x) > 1e-9 || c.String() != c.text {
			t.Errorf("%+v: %g, %q", c.opinion, c.opinion.share(), c.String())
		}
	}
}

// TestLessons lists what verdicts change.
func TestLessons(t *testing.T) {
	s := finding.Subject{Detector: "bulk_download", Place: "00000000000000aa"}
	list := []Verdict{
		{Alert: "a", Seq: 1, At: 1, Outcome: Dismissed, Subjects: []finding.Subject{s}},
		{Alert: "b", Seq: 2, At: 1, Outcome: Dismissed, Subjects: []finding.Subject{s}},
		{Alert: "c", Seq: 3, At: 1, Outcome: Dismissed, Subjects: []finding.Subject{s}},
		{Alert: "c", Seq: 4, At: 1, Outcome: Undecided, Subjects: []finding.Subject{s}},
		{Alert: "d", Seq: 5, At: 1, Outcome: Confirmed, Subjects: []finding.Subject{{Detector: "bulk_download"}}},
	}
	scale := testCatalog.layer.scale
	want := []Lesson{
		{"place", "bulk_download", []string{"a", "b"}, 2, 0, round3(-.4 * .5 * scale)},
		{"detector", "bulk_download", []string{"a", "b", "d"}, 2, 1, round3(-1. / 6 * .3 * scale)},
	}
	if got := testCatalog.Lessons(list, 2); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := testCatalog.Lessons(list, 2+verdictLasts); got != nil {
		t.Errorf("a year later: %+v", got)
	}
}
