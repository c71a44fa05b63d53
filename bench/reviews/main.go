// Command reviews checks offboarding reviews against the labels of generated organisations
// (bench/world). The first page of a leaver with an incident must show it; most other
// reviews should read "nothing unusual". Leavers who hand over work are counted apart,
// because that looks much like exfiltration. It also measures what reviews cost.
//
//	go run ./bench/reviews -users 500 -days 120 SEED…
//
// Run it in a clone of the repository.
package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// labels are what is known of an organisation.
type labels struct {
	Incidents []incident
	Decoys    []decoy
}

type incident struct {
	Scenario   string
	Users      []string
	Start, End time.Time
}

type decoy struct {
	Type, User string
	Start      time.Time
}

type review struct {
	From, To time.Time
	Verdict  string
	Points   []struct {
		Time  time.Time
		Title string
	}
	After []struct{ Time time.Time }
	Open  []struct{ Opened time.Time }
}

// counts are how many reviews there were, and how many of them are as they should be.
type counts struct {
	incident, shown             int // of leavers with an incident; those that show it on the first page
	innocent, nothing           int // of leavers without; those that say "nothing unusual"
	handover, handoverAsNothing int // the same for leavers who hand over their work
}

func main() {
	log.SetFlags(0)
	users := flag.Int("users", 500, "people of each organisation")
	days := flag.Int("days", 120, "days of each")
	flag.Parse()
	dir, err := os.MkdirTemp("", "outflow-reviews-*")
	check(err)
	defer os.RemoveAll(dir)
	m := measurement{dir: dir, outflow: filepath.Join(dir, "outflow"), world: filepath.Join(dir, "world")}
	run("", "go", "build", "-o", m.outflow, "github.com/outflow/outflow/cmd/outflow")
	run("", "go", "build", "-o", m.world, "github.com/outflow/outflow/bench/world")
	for _, seed := range flag.Args() {
		m.seed(seed, *users, *days)
	}
	fmt.Printf("leavers with an incident: %d, on the first page %d; without: %d, nothing unusual %d; handing over: %d, nothing "+
		"unusual %d\n", m.incident, m.shown, m.innocent, m.nothing, m.handover, m.handoverAsNothing)
}

// measurement measures reviews of organisations with the programs below dir.
type measurement struct {
	dir, outflow, world string
	counts
}

// seed generates an organisation, and checks the reviews of all its leavers.
func (m *measurement) seed(seed string, users, days int) {
	exports, truth, data := filepath.Join(m.dir, "x"+seed), filepath.Join(m.dir, "t"+seed), filepath.Join(m.dir, "d"+seed)
	run("", m.world, "-seed", seed, "-users", fmt.Sprint(users), "-days", fmt.Sprint(days), "-out", exports, "-truth", truth)
	run("", m.outflow, "scan", "--data", data, "--out", os.DevNull, "--format", "ndjson", exports)
	var known labels
	b, err := os.ReadFile(filepath.Join(truth, "labels.json"))
	check(err)
	check(json.Unmarshal(b, &known))
	f, err := os.Open(filepath.Join(exports, "hr", "leavers.csv"))
	check(err)
	rows, err := csv.NewReader(f).ReadAll()
	check(err)
	f.Close()
	for _, row := range rows[1:] {
		who := strings.ToLower(row[0])
		var r review
		check(json.Unmarshal(run("", m.outflow, "report", "review", who, "--data", data, "--format", "json"), &r))
		if missed := m.count(who, &r, &known); missed != "" {
			fmt.Printf("seed %s: %s is not on the first page (%s)\n", seed, missed, r.Verdict)
		}
	}
	user := strings.ToLower(rows[1][0])
	one := cost(m.outflow, "report", "review", user, "--data", data, "--out", filepath.Join(m.dir, "one.html"))
	digest := cost(m.outflow, "report", "digest", "--data", data, "--out", filepath.Join(m.dir, "digest.html"))
	fmt.Printf("seed %s: one review %s; a digest %s\n", seed, one, digest)
	check(os.RemoveAll(exports))
}

// count adds the review of a leaver. It returns the scenario of an incident that the review does not
// show.
func (c *counts) count(who string, r *review, known *labels) (missed string) {
	guilty := slices.DeleteFunc(slices.Clone(known.Incidents), func(i incident) bool {
		return !slices.Contains(i.Users, who) || i.Start.Before(r.From) || i.Start.After(r.To)
	})
	if len(guilty) == 0 {
		all, usual := &c.innocent, &c.nothing
		if slices.ContainsFunc(known.Decoys, func(d decoy) bool { return d.Type == "leaver_handover" && d.User == who }) {
			all, usual = &c.handover, &c.handoverAsNothing
		}
		*all++
		if r.Verdict == "nothing_unusual" {
			*usual++
		}
		return ""
	}
	c.incident++
	if r.Verdict == "nothing_unusual" || !slices.ContainsFunc(guilty, r.shows) {
		return guilty[0].Scenario
	}
	c.shown++
	return ""
}

// shows says whether anything on the first page is near an incident in time.
func (r *review) shows(i incident) bool {
	near := func(at time.Time) bool {
		return !at.Before(i.Start.Add(-24*time.Hour)) && !at.After(i.End.Add(48*time.Hour))
	}
	for _, p := range r.Points {
		if near(p.Time) {
			return true
		}
	}
	for _, p := range r.After {
		if near(p.Time) {
			return true
		}
	}
	for _, o := range r.Open {
		if near(o.Opened) {
			return true
		}
	}
	return false
}

// cost is what a command took.
func cost(name string, args ...string) string {
	cmd := exec.Command(name, args...)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%v: %v\n%s", args, err, out)
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return fmt.Sprintf("%.1f s, %d MB", time.Since(began).Seconds(), u.Maxrss/1024)
}

func run(dir, name string, args ...string) []byte {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !strings.Contains(name, "outflow") || errs.Len() > 0 && cmd.ProcessState.ExitCode() > 1 {
		log.Fatalf("%s %v: %v\n%s", name, args, err, errs.String())
	}
	return out.Bytes()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
