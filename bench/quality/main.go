// Command quality measures the program's detection on generated organisations (bench/world,
// bench/score; see bench/README.md) and prints the figures of docs/quality.md.
//
//	go run ./bench/quality -halves 301 302 303 304               # procedural organisations: what counts
//	go run ./bench/quality -halves -against OLD 301 302          # also compared with an older program
//	go run ./bench/quality -users 400 1 2 3 4 5 6 7 8 9 10       # classic organisations
//	go run ./bench/quality -users 150 -young=false -floor 0.6 7  # what CI runs
//
// Run it in a clone of the repository. With -floor it fails if recall at two false alerts
// per 1,000 user-days is lower.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/outflow/outflow/bench/internal/score"
)

func main() {
	var q quality
	flag.IntVar(&q.users, "users", 300, "people in an organisation")
	flag.IntVar(&q.days, "days", 90, "days of logs, the first 30 without incidents")
	flag.Float64Var(&q.floor, "floor", 0, "least `recall` at 2 false alerts per 1,000 user-days")
	flag.BoolVar(&q.young, "young", true, "also measure by the age of the baseline")
	out := flag.String("out", "", "`file` to write (default: standard output)")
	flag.BoolVar(&q.halves, "halves", false, "measure procedural organisations, with either half of the benign families")
	flag.StringVar(&q.flags, "world", "", "further `flags` of bench/world, such as \"-procedural -start 2026-03-02\"")
	flag.StringVar(&q.dir, "dir", "", "`folder` that keeps the organisations between runs")
	flag.StringVar(&q.against, "against", "", "an older `program` to compare with, on the same organisations")
	flag.StringVar(&q.unseen, "unseen", "", "`files` of bench/train, separated by a comma: the weights that groups of features\n"+
		"are measured with, for either half those that the other one taught")
	flag.Parse()
	w := io.Writer(os.Stdout)
	var page strings.Builder
	if *out != "" {
		w = &page
	}
	err := q.run(w, flag.Args())
	if *out != "" && page.Len() > 0 {
		err = errors.Join(err, os.WriteFile(*out, []byte(page.String()), 0o644))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

type quality struct {
	users, days     int
	floor           float64
	young           bool
	halves          bool
	flags           string
	dir             string
	against, unseen string
	temporary       bool // dir goes away, and exports as soon as they are read
}

const (
	module = "github.com/outflow/outflow"
	two    = 2.0 // false alerts per 1,000 user-days: the budget of the headline
	scans  = 2   // organisations that are generated and scanned at a time
)

// set are organisations that have figures in common.
type set struct {
	name        string // of the half of the benign families, or all
	worlds      []*world
	res, strict *score.Report  // the latter with the figures of -strict
	weights     *score.Weights // those of -unseen; nil without
}

// world is a generated organisation and the alerts about it.
type world struct {
	*score.World
	strict         *score.World // where an alert counts only if it names an event of its incident
	seed           string
	labels, alerts string // files
	older          *world // with the alerts of the older program; nil without
}

func (q *quality) run(w io.Writer, seeds []string) error {
	if len(seeds) == 0 {
		return errors.New("no seeds")
	}
	sets, err := q.sets()
	if err != nil {
		return err
	}
	remove, err := q.build()
	if err != nil {
		return err
	}
	defer remove()
	for _, s := range sets {
		if s.worlds, err = q.generate(seeds, q.size(s.flags(q)...), ""); err != nil {
			return err
		}
		s.evaluate()
	}
	fmt.Fprintf(w, "    %s\n\n", q.commandLine(seeds))
	recall(w, sets)
	for _, f := range []func(io.Writer, []*set){budgets, curve, weekly, tables} {
		f(w, sets)
	}
	if q.young {
		if err := q.ages(w, seeds, sets); err != nil {
			return err
		}
	}
	for _, f := range []func(io.Writer, []*set){groups, paired, falseAlerts, examples} {
		f(w, sets)
	}
	return q.reached(sets)
}

// sets are those to measure, without organisations.
func (q *quality) sets() ([]*set, error) {
	sets := []*set{{name: "all"}}
	if q.halves {
		sets = []*set{{name: "even"}, {name: "odd"}}
	}
	if q.unseen == "" {
		return sets, nil
	}
	files := strings.Split(q.unseen, ",")
	if len(files) != len(sets) {
		return nil, fmt.Errorf("-unseen: %d files, want %d", len(files), len(sets))
	}
	for i, s := range sets {
		var err error
		if s.weights, err = score.ReadWeights(files[i]); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// flags are those of the generator for the set.
func (s *set) flags(q *quality) []string {
	if q.halves {
		return []string{"-procedural", "-families", s.name}
	}
	return nil
}

// evaluate computes the figures of the set.
func (s *set) evaluate() {
	var list, strict []*score.World
	for _, x := range s.worlds {
		list, strict = append(list, x.World), append(strict, x.strict)
	}
	s.res, s.strict = score.Evaluate(list), score.Evaluate(strict)
}

// build builds the generator and the program into the folder; remove removes what is temporary.
func (q *quality) build() (remove func(), err error) {
	remove = func() {}
	if q.dir == "" {
		if q.dir, err = os.MkdirTemp("", "outflow-quality-*"); err != nil {
			return remove, err
		}
		dir := q.dir
		remove, q.temporary = func() { os.RemoveAll(dir) }, true
	}
	if q.dir, err = filepath.Abs(q.dir); err != nil {
		return remove, err
	}
	if err = os.MkdirAll(q.dir, 0o755); err != nil {
		return remove, err
	}
	for name, from := range map[string]string{"world": "/bench/world", "outflow": "/cmd/outflow"} {
		if err := command("go", "build", "-o", filepath.Join(q.dir, name), module+from); err != nil {
			remove()
			return func() {}, err
		}
	}
	return remove, nil
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
	if !q.young {
		line += " -young=false"
	}
	if q.flags != "" {
		line += fmt.Sprintf(" -world %q", q.flags)
	}
	if q.against != "" {
		line += " -against OLD"
	}
	if q.unseen != "" {
		line += " -unseen " + q.unseen
	}
	return line + " " + strings.Join(seeds, " ")
}

// reached compares recall with the floor.
func (q *quality) reached(sets []*set) (err error) {
	for _, s := range sets {
		if got := s.res.Recall[score.BudgetName(two)]; q.floor > 0 && got < q.floor {
			err = errors.Join(err, fmt.Errorf("%s: recall at 2 false alerts per 1,000 user-days is %.3f, below %.3f", s.name, got, q.floor))
		}
	}
	return err
}

// generate generates and scans organisations, by the order of their seeds.
func (q *quality) generate(seeds, flags []string, suffix string) ([]*world, error) {
	worlds, errs := make([]*world, len(seeds)), make([]error, len(seeds))
	turns := make(chan bool, scans)
	var all sync.WaitGroup
	for i, seed := range seeds {
		all.Go(func() {
			turns <- true
			worlds[i], errs[i] = q.world(seed, suffix, flags)
			<-turns
		})
	}
	all.Wait()
	return worlds, errors.Join(errs...)
}

// world generates an organisation, unless the folder already holds it, and scans it.
func (q *quality) world(seed, suffix string, flags []string) (*world, error) {
	name := seed + suffix + "-" + strings.Trim(strings.Join(flags, ""), "-")
	truth, exports := filepath.Join(q.dir, "truth-"+name), filepath.Join(q.dir, "exports-"+name)
	labels := filepath.Join(truth, "labels.json")
	if _, err := os.Stat(labels); err != nil {
		args := append([]string{"-seed", seed, "-out", exports, "-truth", truth}, flags...)
		if err := command(filepath.Join(q.dir, "world"), args...); err != nil {
			return nil, err
		}
	}
	x, err := scan(filepath.Join(q.dir, "outflow"), exports, labels, filepath.Join(q.dir, "alerts-"+name+".ndjson"), true)
	if err != nil {
		return nil, err
	}
	x.seed = seed
	if q.against != "" && suffix == "" {
		if x.older, err = scan(q.against, exports, labels, filepath.Join(q.dir, "older-"+name+".ndjson"), false); err != nil {
			return nil, err
		}
	}
	if q.temporary {
		return x, os.RemoveAll(exports)
	}
	return x, nil
}

// scan has a program scan exports, and reads its alerts.
func scan(program, exports, labels, alerts string, receipts bool) (x *world, err error) {
	if err := command(program, "scan", "--all", "--format", "ndjson", "--out", alerts, exports); err != nil {
		return nil, err
	}
	x = &world{labels: labels, alerts: alerts}
	if x.World, err = score.Load(labels, alerts, score.Options{Receipts: receipts}); err != nil {
		return nil, err
	}
	x.strict, err = score.Load(labels, alerts, score.Options{Strict: true})
	return x, err
}

func share(a, n int) float64 { return float64(a) / float64(max(n, 1)) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}
