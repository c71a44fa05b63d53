// Command quality measures the program's detection on generated organisations (bench/world,
// bench/score; see bench/README.md) and prints the figures of docs/quality.md.
//
//	go run ./bench/quality -halves 301 302 303 304               # the headline: procedural worlds
//	go run ./bench/quality -users 400 1 2 3 4 5 6 7 8 9 10       # classic worlds, in detail
//	go run ./bench/quality -users 150 -young=false -floor 0.6 7  # what CI runs
//
// Run it in a clone of the repository. With -floor it fails if recall at two false alerts
// per 1,000 user-days is lower.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/bench/internal/score"
)

func main() {
	var q quality
	flag.IntVar(&q.users, "users", 300, "people in an organisation")
	flag.IntVar(&q.days, "days", 90, "days of logs, the first 30 without incidents")
	flag.Float64Var(&q.floor, "floor", 0, "least `recall` at 2 false alerts per 1,000 user-days")
	flag.BoolVar(&q.young, "young", true, "also measure by the age of the baseline")
	out := flag.String("out", "", "`file` to write (default: standard output)")
	flag.BoolVar(&q.halves, "halves", false, "measure procedural worlds, with either half of the benign families")
	flag.StringVar(&q.flags, "world", "", "further `flags` of bench/world, such as \"-procedural -start 2026-03-02\"")
	flag.StringVar(&q.dir, "dir", "", "`folder` that keeps the organisations between runs")
	flag.Parse()
	w := io.Writer(os.Stdout)
	var page strings.Builder
	if *out != "" {
		w = &page
	}
	err := q.run(w, flag.Args())
	if err == nil && *out != "" {
		err = os.WriteFile(*out, []byte(page.String()), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

type quality struct {
	users, days int
	floor       float64
	young       bool
	halves      bool
	flags       string
	dir         string
	temporary   bool // dir goes away, and exports as soon as they are read
}

const module = "github.com/outflow/outflow"

func (q *quality) run(w io.Writer, seeds []string) error {
	if len(seeds) == 0 {
		return errors.New("no seeds")
	}
	if q.dir == "" {
		dir, err := os.MkdirTemp("", "outflow-quality-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		q.dir, q.temporary = dir, true
	}
	var err error
	if q.dir, err = filepath.Abs(q.dir); err != nil {
		return err
	}
	if err = os.MkdirAll(q.dir, 0o755); err != nil {
		return err
	}
	for name, from := range map[string]string{"world": "/bench/world", "outflow": "/cmd/outflow"} {
		if err := command(".", "go", "build", "-o", filepath.Join(q.dir, name), module+from); err != nil {
			return err
		}
	}
	if q.halves {
		return q.bothHalves(w, seeds)
	}
	return q.detail(w, seeds)
}

// size are the generator's flags for the organisations under test.
func (q *quality) size(further ...string) []string {
	flags := []string{"-users", strconv.Itoa(q.users), "-days", strconv.Itoa(q.days)}
	return append(append(flags, strings.Fields(q.flags)...), further...)
}

// commandLine is the command that prints the same figures.
func (q *quality) commandLine(seeds []string) string {
	line := "go run ./bench/quality"
	if q.halves {
		line += " -halves"
	}
	line += fmt.Sprintf(" -users %d -days %d", q.users, q.days)
	if !q.young && !q.halves {
		line += " -young=false"
	}
	if q.flags != "" {
		line += fmt.Sprintf(" -world %q", q.flags)
	}
	return line + " " + strings.Join(seeds, " ")
}

// measure generates, scans and scores organisations; strict has the figures of -strict.
func (q *quality) measure(seeds, flags []string) (worlds []*world, res, strict *score.Report, err error) {
	for _, s := range seeds {
		x, err := q.world(s, "", flags...)
		if err != nil {
			return nil, nil, nil, err
		}
		worlds = append(worlds, x)
	}
	strict, err = evaluateStrict(worlds)
	return worlds, evaluate(worlds), strict, err
}

// bothHalves measures procedural worlds twice. The incidents of a seed are the same, the
// benign bursts are those of either half of the grammar.
func (q *quality) bothHalves(w io.Writer, seeds []string) error {
	fmt.Fprintf(w, "    %s\n\n", q.commandLine(seeds))
	fmt.Fprint(w, "| benign families | incidents | user-days | 1 | 2 | 5 | 2, 95 % interval | 2, `-strict` | 2, one threshold for all |\n"+
		"|---|---|---|---|---|---|---|---|---|\n")
	for _, half := range []string{"even", "odd"} {
		_, res, strict, err := q.measure(seeds, q.size("-procedural", "-families", half))
		if err != nil {
			return err
		}
		const two = "2/1000"
		fmt.Fprintf(w, "| %s | %d | %s | %.3f | **%.3f** | %.3f | %.2f – %.2f | %.3f | %.3f |\n", half, res.Incidents,
			thousands(res.UserDays),
			res.Recall["1/1000"], res.Recall[two], res.Recall["5/1000"], res.RecallLow[two], res.RecallHigh[two],
			strict.Recall[two], res.RecallShared[two])
		if err := q.reached(half, res); err != nil {
			return err
		}
	}
	return nil
}

// reached compares recall with the floor.
func (q *quality) reached(what string, res *score.Report) error {
	if got := res.Recall["2/1000"]; q.floor > 0 && got < q.floor {
		return fmt.Errorf("%s: recall at 2 false alerts per 1,000 user-days is %.3f, below %.3f", what, got, q.floor)
	}
	return nil
}

// detail prints everything that is known about detection on the organisations.
func (q *quality) detail(w io.Writer, seeds []string) error {
	worlds, res, strict, err := q.measure(seeds, q.size())
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "    %s\n\n", q.commandLine(seeds))
	summary(w, worlds, res, strict)
	tables(w, res)
	if q.young {
		if err := q.ages(w, seeds); err != nil {
			return err
		}
	}
	falseAlerts(w, res)
	losses(w, worlds)
	return q.reached("all", res)
}

// summary prints recall by budget, the rate of alerts by score, and time to detect.
func summary(w io.Writer, worlds []*world, res, strict *score.Report) {
	fmt.Fprintf(w, "%d organisations, %d incidents, %s user-days under test.\n\n", res.Worlds, res.Incidents, thousands(res.UserDays))
	fmt.Fprint(w, "| false alerts per 1,000 user-days | recall | 95 % interval | `-strict` | one threshold for all "+
		"| expected false alerts kept¹ |\n|---|---|---|---|---|---|\n")
	for _, budget := range score.Budgets {
		b := score.BudgetName(budget)
		fmt.Fprintf(w, "| %g | **%.3f** | %.2f – %.2f | %.3f | %.3f | %s |\n", budget, res.Recall[b],
			res.RecallLow[b], res.RecallHigh[b], strict.Recall[b], res.RecallShared[b], kept(worlds, budget))
	}
	fmt.Fprint(w, "\n¹ False alerts per 1,000 user-days with `budget: 1`, 2 or 5: over all organisations, and the lowest "+
		"and highest of one.\n\n")
	curve(w, worlds)
	fmt.Fprintf(w, "| | |\n|---|---|\n| precision among the 20 best of each week | %.2f |\n"+
		"| incidents in a weekly top 20 | %.3f |\n| time to detect | median %.1f hours, 90th percentile %.1f hours |\n"+
		"| everything, with `--all` | recall %.3f at %.0f false alerts per 1,000 user-days |\n\n",
		res.PrecisionAt20, res.FoundAt20, res.HoursMedian, res.HoursP90, res.EmittedRecall, res.EmittedFalse)
}

// tables prints recall by intensity and by scenario.
func tables(w io.Writer, res *score.Report) {
	for _, t := range []struct {
		title string
		by    map[string][3]float64
	}{{"intensity", res.ByIntensity}, {"scenario", res.ByScenario}} {
		fmt.Fprintf(w, "| %s | 1 | 2 | 5 |\n|---|---|---|---|\n", t.title)
		for _, name := range slices.Sorted(maps.Keys(t.by)) {
			x := t.by[name]
			fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f |\n", name, x[0], x[1], x[2])
		}
		fmt.Fprintln(w)
	}
}

// falseAlerts prints which decoys the false alerts at a budget of 2 fall on, the most frequent first.
func falseAlerts(w io.Writer, res *score.Report) {
	fmt.Fprintf(w, "### False alerts at 2 per 1,000 user-days\n\n| decoy | false alerts |\n|---|---|\n| none | %d |\n", res.FalseElsewhere)
	names := slices.Sorted(maps.Keys(res.FalseOnDecoys))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(res.FalseOnDecoys[b], res.FalseOnDecoys[a]) })
	for _, name := range names {
		fmt.Fprintf(w, "| %s | %d |\n", strings.ReplaceAll(name, "_", " "), res.FalseOnDecoys[name])
	}
	fmt.Fprintln(w)
}

// losses prints the incidents that a budget of 2 does not reach.
func losses(w io.Writer, worlds []*world) {
	fmt.Fprint(w, "### Incidents missed at 2 per 1,000 user-days\n\n"+
		"Each with its intensity (0 stealthy … 1 blatant), the best score an alert about it had, and the score\n"+
		"that was needed: an organisation has more unusual but innocent days above it than the budget allows.\n\n"+
		"| organisation | scenario | intensity | score | needed | alert |\n|---|---|---|---|---|---|\n")
	for _, x := range worlds {
		x.lost(w)
	}
}

// world is a generated organisation and the alerts about it.
type world struct {
	*score.World
	seed           string
	labels, alerts string // files
}

// world generates an organisation, unless the folder already holds it, and scans it.
func (q *quality) world(seed, suffix string, flags ...string) (*world, error) {
	name := seed + suffix + "-" + strings.Trim(strings.Join(flags, ""), "-")
	truth, exports := filepath.Join(q.dir, "truth-"+name), filepath.Join(q.dir, "exports-"+name)
	x := &world{
		seed:   seed,
		labels: filepath.Join(truth, "labels.json"),
		alerts: filepath.Join(q.dir, "alerts-"+name+".ndjson"),
	}
	if _, err := os.Stat(x.labels); err != nil {
		args := append([]string{"-seed", seed, "-out", exports, "-truth", truth}, flags...)
		if err := command(".", filepath.Join(q.dir, "world"), args...); err != nil {
			return nil, err
		}
	}
	scan := []string{"scan", "--all", "--format", "ndjson", "--out", x.alerts, exports}
	if err := command(".", filepath.Join(q.dir, "outflow"), scan...); err != nil {
		return nil, err
	}
	if q.temporary {
		if err := os.RemoveAll(exports); err != nil {
			return nil, err
		}
	}
	var err error
	x.World, err = score.Load(x.labels, x.alerts, score.Options{})
	return x, err
}

// evaluate computes the figures of organisations.
func evaluate(worlds []*world) *score.Report {
	var list []*score.World
	for _, x := range worlds {
		list = append(list, x.World)
	}
	return score.Evaluate(list)
}

// evaluateStrict is evaluate, where an alert counts only if it names an event of its incident.
func evaluateStrict(worlds []*world) (*score.Report, error) {
	var list []*score.World
	for _, x := range worlds {
		w, err := score.Load(x.labels, x.alerts, score.Options{Strict: true})
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return score.Evaluate(list), nil
}

// units are those of alerts about people, from a time to before another.
func (x *world) units(from, to time.Time) []*score.Unit {
	return slices.DeleteFunc(x.Between(from, to), func(u *score.Unit) bool { return u.Best.Health })
}

// tested are the units of the test period.
func (x *world) tested() []*score.Unit { return x.units(x.Meta.TestStart, x.Meta.End) }

// kept is the rate of false alerts that a configured budget results in.
func kept(worlds []*world, budget float64) string {
	all, days, low, high := 0.0, 0.0, math.Inf(1), 0.0
	for _, x := range worlds {
		n := 0.0
		for _, u := range x.tested() {
			if u.Hit < 0 && u.Best.Rate <= budget {
				n++
			}
		}
		rate := n * 1000 / float64(x.Meta.UserDays)
		all, days, low, high = all+n, days+float64(x.Meta.UserDays), min(low, rate), max(high, rate)
	}
	return fmt.Sprintf("%.2f (%.2f – %.2f)", all*1000/days, low, high)
}

// curve prints how frequent alerts are at a score or above. detect/engine/rate.go has its
// figures from here.
func curve(w io.Writer, worlds []*world) {
	fmt.Fprintf(w, "| alerts per 1,000 user-days at a score or above |")
	scores := []float64{2.4, 3.5, 5.2, 6.5, 7.6, 9.3, 12, 14.6}
	for _, s := range scores {
		fmt.Fprintf(w, " %g |", s)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(scores)))
	for _, row := range []struct {
		name string
		all  bool
	}{{"false ones", false}, {"all", true}} {
		fmt.Fprintf(w, "| %s |", row.name)
		for _, s := range scores {
			n, days := 0.0, 0.0
			for _, x := range worlds {
				days += float64(x.Meta.UserDays)
				for _, u := range x.tested() {
					if u.Best.Score >= s && (row.all || u.Hit < 0) {
						n++
					}
				}
			}
			fmt.Fprintf(w, " %.2f |", n*1000/days)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

// lost prints the incidents of an organisation that a budget of 2 does not reach.
func (x *world) lost(w io.Writer) {
	units := x.tested()
	need := max(score.Threshold(units, 2*x.Meta.UserDays/1000), math.SmallestNonzeroFloat64)
	for i := range x.Incidents {
		best := &score.Alert{Title: "nothing"}
		for _, u := range units {
			if u.Hit == i && u.Best.Score > best.Score {
				best = u.Best
			}
		}
		if in := &x.Incidents[i]; best.Score < need {
			fmt.Fprintf(w, "| %s | %s | %.2f | %.1f | %.1f | %s |\n",
				x.seed, in.Scenario, in.Intensity, best.Score, need, best.Title)
		}
	}
}

// ages measures organisations with incidents from the second day of the logs on,
// by the age of the baseline.
func (q *quality) ages(w io.Writer, seeds []string) error {
	fmt.Fprintf(w, "### By the age of the baseline\n\nOrganisations without history: 31 days of logs, incidents from the second "+
		"day on.\n\n| days | incidents | 1 | 2 | 5 |\n|---|---|---|---|---|\n")
	var worlds []*world
	for _, s := range seeds {
		x, err := q.world(s, "-young", q.size("-days", "31", "-learn", "1", "-per", "4")...)
		if err != nil {
			return err
		}
		worlds = append(worlds, x)
	}
	for _, span := range [][2]int{{1, 7}, {8, 14}, {15, 30}} {
		n, found := 0, [3]int{}
		for _, x := range worlds {
			start := x.Meta.TestStart.Add(-24 * time.Hour)
			from, to := start.AddDate(0, 0, span[0]-1), start.AddDate(0, 0, span[1])
			userDays := float64(x.Meta.UserDays) * float64(span[1]-span[0]+1) / 30
			units := x.units(from, to.Add(24*time.Hour))
			for k, b := range score.Budgets {
				need := score.Threshold(x.units(from, to), int(b*userDays/1000))
				for i := range x.Incidents {
					in := &x.Incidents[i]
					if in.Start.Before(from) || !in.Start.Before(to) {
						continue
					}
					if k == 0 {
						n++
					}
					if slices.ContainsFunc(units, func(u *score.Unit) bool { return u.Hit == i && u.Best.Score >= need }) {
						found[k]++
					}
				}
			}
		}
		fmt.Fprintf(w, "| %d – %d | %d | %.2f | %.2f | %.2f |\n", span[0], span[1], n, share(found[0], n), share(found[1], n),
			share(found[2], n))
	}
	fmt.Fprintln(w)
	return nil
}

func share(a, n int) float64 { return float64(a) / float64(max(n, 1)) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func command(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}
