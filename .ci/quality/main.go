// Command quality measures detection on generated organisations and writes
// docs/quality.md. It needs ../shared/world, which makes the organisations and is
// the judge.
//
//	go run ./.ci/quality -out docs/quality.md 1 2 3 4 5 6 7 8 9 10
//	go run ./.ci/quality -users 150 -floor 0.5 7          # what CI runs
//
// With -floor it fails if recall at two false alerts per 1,000 user-days is lower.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	var q quality
	flag.IntVar(&q.users, "users", 400, "people in an organisation")
	flag.IntVar(&q.days, "days", 90, "days of logs, the first 30 without incidents")
	flag.Float64Var(&q.floor, "floor", 0, "least recall at 2 false alerts per 1,000 user-days")
	flag.BoolVar(&q.young, "young", true, "also measure by the age of the baseline")
	out := flag.String("out", "", "file to write (default: standard output)")
	flag.StringVar(&q.dir, "dir", "", "folder that keeps the organisations between runs")
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
	dir         string
}

// judged is what the judge prints.
type judged struct {
	Worlds, Incidents, UserDays   int
	Recall, RecallLow, RecallHigh map[string]float64
	RecallShared                  map[string]float64
	ByScenario, ByIntensity       map[string][]float64
	PrecisionAt20, FoundAt20      float64
	HoursMedian, HoursP90         float64
	EmittedRecall, EmittedFalse   float64
	FalseOnDecoys                 map[string]int
	FalseElsewhere                int
}

var budgets = []string{"1/1000", "2/1000", "5/1000"}

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
		q.dir = dir
	}
	var err error
	if q.dir, err = filepath.Abs(q.dir); err != nil {
		return err
	}
	for name, from := range map[string]string{"world": ".", "score": "./score"} {
		if err := command("../shared/world", "go", "build", "-o", filepath.Join(q.dir, name), from); err != nil {
			return err
		}
	}
	if err := command(".", "go", "build", "-o", filepath.Join(q.dir, "outflow"), "./cmd/outflow"); err != nil {
		return err
	}
	var worlds []*world
	for _, s := range seeds {
		x, err := q.world(s, "", "-users", strconv.Itoa(q.users), "-days", strconv.Itoa(q.days))
		if err != nil {
			return err
		}
		worlds = append(worlds, x)
	}
	res, err := q.judge(worlds)
	if err != nil {
		return err
	}
	strict, err := q.judge(worlds, "-strict")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# Detection quality\n\nWritten by one command; do not edit. Generated organisations with known incidents, judged by\n`../shared/world/score`. The truth is written elsewhere than the exports.\n\n")
	fmt.Fprintf(w, "    go run ./.ci/quality -users %d -days %d -out docs/quality.md %s\n\n", q.users, q.days, strings.Join(seeds, " "))
	fmt.Fprintf(w, "%d organisations, %d incidents, %s user-days under test.\n\n", res.Worlds, res.Incidents, thousands(res.UserDays))
	fmt.Fprintf(w, "| false alerts per 1,000 user-days | recall | 95 %% interval | `-strict` | one threshold for all | expected false alerts kept¹ |\n|---|---|---|---|---|---|\n")
	for i, b := range budgets {
		fmt.Fprintf(w, "| %s | **%.3f** | %.2f – %.2f | %.3f | %.3f | %s |\n", strings.TrimSuffix(b, "/1000"), res.Recall[b], res.RecallLow[b], res.RecallHigh[b], strict.Recall[b], res.RecallShared[b], kept(worlds, []float64{1, 2, 5}[i]))
	}
	fmt.Fprintf(w, "\n¹ False alerts per 1,000 user-days with `budget: 1`, 2 or 5: over all organisations, and the lowest and highest of one.\n\n")
	curve(w, worlds)
	fmt.Fprintf(w, "Precision among the 20 best of each week: %.2f. Incidents in a weekly top 20: %.3f. Time to detect: median %.1f hours, 90th percentile %.1f hours. Everything with `--all`: recall %.3f at %.0f false alerts.\n\n",
		res.PrecisionAt20, res.FoundAt20, res.HoursMedian, res.HoursP90, res.EmittedRecall, res.EmittedFalse)
	table := func(title string, by map[string][]float64) {
		fmt.Fprintf(w, "| %s | 1 | 2 | 5 |\n|---|---|---|---|\n", title)
		for _, name := range sortedKeys(by) {
			x := by[name]
			fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f |\n", name, x[0], x[1], x[2])
		}
		fmt.Fprintln(w)
	}
	table("intensity", res.ByIntensity)
	table("scenario", res.ByScenario)
	if q.young {
		if err := q.ages(w, seeds); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "## False alerts at 2 per 1,000 user-days\n\n%d fall on nothing in particular", res.FalseElsewhere)
	for _, name := range sortedKeys(res.FalseOnDecoys) {
		fmt.Fprintf(w, ", %d on %s", res.FalseOnDecoys[name], strings.ReplaceAll(name, "_", " "))
	}
	fmt.Fprintf(w, ".\n\n## Incidents lost at 2 per 1,000 user-days\n\nEach with its intensity (0 stealthy … 1 blatant), the best score an alert about it had, and the score\nthat was needed: an organisation has more unusual but innocent days above it than the budget allows.\n\n| organisation | scenario | intensity | score | needed | what was seen |\n|---|---|---|---|---|---|\n")
	for _, x := range worlds {
		x.lost(w)
	}
	if got := res.Recall["2/1000"]; q.floor > 0 && got < q.floor {
		return fmt.Errorf("recall at 2 false alerts per 1,000 user-days is %.3f, below %.3f", got, q.floor)
	}
	return nil
}

// world is a generated organisation and the alerts about it.
type world struct {
	seed, truth, alertsFile string
	labels                  labels
	alerts                  []alert
}

type labels struct {
	Meta struct {
		TestStart time.Time `json:"test_start"`
		End       time.Time `json:"end"`
		UserDays  int       `json:"user_days_test"`
	} `json:"meta"`
	Incidents []incident        `json:"incidents"`
	Aliases   map[string]string `json:"aliases"`
}

type incident struct {
	Scenario  string    `json:"scenario"`
	Users     []string  `json:"users"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Intensity float64   `json:"intensity"`
}

type alert struct {
	Time   time.Time `json:"time"`
	User   string    `json:"user"`
	Score  float64   `json:"score"`
	Rate   float64   `json:"rate"`
	Health bool      `json:"health"`
	Title  string    `json:"title"`
}

func (q *quality) world(seed, suffix string, flags ...string) (*world, error) {
	name := seed + suffix + "-" + strings.Trim(strings.Join(flags, ""), "-")
	x := &world{seed: seed, truth: filepath.Join(q.dir, "truth-"+name), alertsFile: filepath.Join(q.dir, "alerts-"+name+".ndjson")}
	exports := filepath.Join(q.dir, "exports-"+name)
	if _, err := os.Stat(filepath.Join(x.truth, "labels.json")); err != nil {
		args := append([]string{"-seed", seed, "-out", exports, "-truth", x.truth}, flags...)
		if err := command(".", filepath.Join(q.dir, "world"), args...); err != nil {
			return nil, err
		}
	}
	if err := command(".", filepath.Join(q.dir, "outflow"), "scan", "--all", "--format", "ndjson", "--out", x.alertsFile, exports); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(x.truth, "labels.json"))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &x.labels); err != nil {
		return nil, err
	}
	f, err := os.Open(x.alertsFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for s := json.NewDecoder(bufio.NewReader(f)); ; {
		var a alert
		if err := s.Decode(&a); err == io.EOF {
			return x, nil
		} else if err != nil {
			return nil, err
		}
		if to, known := x.labels.Aliases[a.User]; known {
			a.User = to
		}
		if !a.Health {
			x.alerts = append(x.alerts, a)
		}
	}
}

func (q *quality) judge(worlds []*world, flags ...string) (*judged, error) {
	args := append([]string{"-json"}, flags...)
	for _, x := range worlds {
		args = append(args, filepath.Join(x.truth, "labels.json"), x.alertsFile)
	}
	b, err := exec.Command(filepath.Join(q.dir, "score"), args...).Output()
	if err != nil {
		return nil, fmt.Errorf("the judge: %w", err)
	}
	res := new(judged)
	return res, json.Unmarshal(b, res)
}

// unit is a person's alerts of a day (UTC), inside or outside an incident, as the
// protocol counts them.
type unit struct {
	user string
	day  string
	hit  int // index of the incident, or -1
}

// units are the best alerts by unit, of the period under test.
func (x *world) units(from, to time.Time) map[unit]alert {
	out := map[unit]alert{}
	for _, a := range x.alerts {
		if a.Time.Before(from) || !a.Time.Before(to) {
			continue
		}
		u := unit{strings.ToLower(a.User), a.Time.Format(time.DateOnly), -1}
		for i := range x.labels.Incidents {
			in := &x.labels.Incidents[i]
			if !a.Time.Before(in.Start) && !a.Time.After(in.End.Add(24*time.Hour)) && slices.ContainsFunc(in.Users, func(s string) bool { return strings.EqualFold(s, a.User) }) {
				u.hit = i
			}
		}
		if held, known := out[u]; !known || a.Score > held.Score {
			out[u] = a
		}
	}
	return out
}

// threshold is the score above which a number of false alerts is kept.
func threshold(units map[unit]alert, budget int) float64 {
	var wrong []float64
	for u, a := range units {
		if u.hit < 0 {
			wrong = append(wrong, a.Score)
		}
	}
	slices.SortFunc(wrong, func(a, b float64) int { return -cmp.Compare(a, b) })
	if budget >= len(wrong) {
		return 0
	}
	return wrong[budget]
}

// kept says how many false alerts a budget really gives.
func kept(worlds []*world, budget float64) string {
	all, days, low, high := 0.0, 0.0, math.Inf(1), 0.0
	for _, x := range worlds {
		n := 0.0
		for u, a := range x.units(x.labels.Meta.TestStart, x.labels.Meta.End) {
			if u.hit < 0 && a.Rate <= budget {
				n++
			}
		}
		rate := n * 1000 / float64(x.labels.Meta.UserDays)
		all, days, low, high = all+n, days+float64(x.labels.Meta.UserDays), min(low, rate), max(high, rate)
	}
	return fmt.Sprintf("%.2f (%.2f – %.2f)", all*1000/days, low, high)
}

// curve says how frequent alerts are from a score on: what detect/engine/rate.go rests on.
func curve(w io.Writer, worlds []*world) {
	fmt.Fprintf(w, "| alerts per 1,000 user-days, from a score on |")
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
				days += float64(x.labels.Meta.UserDays)
				for u, a := range x.units(x.labels.Meta.TestStart, x.labels.Meta.End) {
					if a.Score >= s && (row.all || u.hit < 0) {
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

// lost lists the incidents that the budget of 2 does not reach.
func (x *world) lost(w io.Writer) {
	units := x.units(x.labels.Meta.TestStart, x.labels.Meta.End)
	need := threshold(units, 2*x.labels.Meta.UserDays/1000)
	for i := range x.labels.Incidents {
		best := alert{Title: "nothing"}
		for u, a := range units {
			if u.hit == i && a.Score > best.Score {
				best = a
			}
		}
		if in := &x.labels.Incidents[i]; best.Score <= need {
			fmt.Fprintf(w, "| %s | %s | %.2f | %.1f | %.1f | %s |\n", x.seed, in.Scenario, in.Intensity, best.Score, need, best.Title)
		}
	}
}

// ages measures organisations whose incidents begin on the second day of the logs,
// by the age of the baseline.
func (q *quality) ages(w io.Writer, seeds []string) error {
	fmt.Fprintf(w, "## By the age of the baseline\n\nOrganisations of which nothing is known before: 31 days of logs, incidents from the second day on.\n\n| days | incidents | 1 | 2 | 5 |\n|---|---|---|---|---|\n")
	var worlds []*world
	for _, s := range seeds {
		x, err := q.world(s, "-young", "-users", strconv.Itoa(q.users), "-days", "31", "-learn", "1", "-per", "4")
		if err != nil {
			return err
		}
		worlds = append(worlds, x)
	}
	for _, span := range [][2]int{{1, 7}, {8, 14}, {15, 30}} {
		n, found := 0, [3]int{}
		for _, x := range worlds {
			start := x.labels.Meta.TestStart.Add(-24 * time.Hour)
			from, to := start.AddDate(0, 0, span[0]-1), start.AddDate(0, 0, span[1])
			userDays := float64(x.labels.Meta.UserDays) * float64(span[1]-span[0]+1) / 30
			units := x.units(from, to.Add(24*time.Hour))
			for k, b := range []float64{1, 2, 5} {
				need := threshold(x.units(from, to), int(b*userDays/1000))
				for i := range x.labels.Incidents {
					in := &x.labels.Incidents[i]
					if in.Start.Before(from) || !in.Start.Before(to) {
						continue
					}
					if k == 0 {
						n++
					}
					for u, a := range units {
						if u.hit == i && a.Score > need {
							found[k]++
							break
						}
					}
				}
			}
		}
		fmt.Fprintf(w, "| %d – %d | %d | %.2f | %.2f | %.2f |\n", span[0], span[1], n, share(found[0], n), share(found[1], n), share(found[2], n))
	}
	fmt.Fprintln(w)
	return nil
}

func share(a, n int) float64 { return float64(a) / float64(max(n, 1)) }

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

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
