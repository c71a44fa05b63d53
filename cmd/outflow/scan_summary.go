package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/internal/plain"
)

// summary is what a scan ends with, on standard error.
type summary struct {
	*scanJob
	*batch.Result
	paths  []string
	shown  []alert.Alert
	hidden int // alerts that are not shown for lack of --all
}

// print writes what was read and what was not, what was found, what cannot be seen, and what to type next.
func (s *summary) print(w io.Writer) {
	s.Coverage.Print(w)
	if s.Coverage.Days() > 0 {
		s.Usual.Print(w)
	}
	s.printRules(w)
	if s.Kept != nil {
		fmt.Fprintf(w, "Budget: %s\n", s.Kept)
	}
	fmt.Fprintf(w, "Alerts: %s\n", s.alerts())
	if s.Coverage.Events > 0 {
		s.printGaps(w)
		s.printNext(w)
	}
}

// printRules writes what rules and exceptions of the configuration did.
func (s *summary) printRules(w io.Writer) {
	bad := s.conf.RuleSet.Bad
	for i, err := range bad {
		if i == batch.FewProblems {
			more := plain.CountOf(len(bad)-i, "more rule", "more rules")
			fmt.Fprintf(w, "… %s cannot be compiled (outflow rules check lists them)\n", more)
			break
		}
		fmt.Fprintf(w, "Rule left out: %s\n", plain.Escape(err.Error()))
	}
	for _, c := range s.Covered {
		events := plain.CountOf(c.Acts, "event", "events")
		people := plain.CountOf(c.Users, "person", "people")
		fmt.Fprintf(w, "Exception %s covered %s of %s (%s; %s)\n",
			plain.Escape(c.Label()), events, people, plain.Escape(c.Owner), plain.Escape(c.Reason))
	}
}

// alerts counts the alerts by severity, and those that are not shown.
func (s *summary) alerts() string {
	var of [alert.Critical + 1]int
	for i := range s.shown {
		of[s.shown[i].Severity]++
	}
	var parts []string
	for v := alert.Critical; v >= alert.Informational; v-- {
		if of[v] > 0 {
			parts = append(parts, plain.Count(of[v])+" "+v.String())
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" {
		text = "none"
	}
	if more := s.hiddenText(); more != "" {
		text += "; " + more
	}
	return text
}

// hiddenText counts the alerts that are not shown; "" if all are.
func (s *summary) hiddenText() string {
	switch {
	case s.hidden == 0:
		return ""
	case s.limit > 0:
		return fmt.Sprintf("%s more beyond the budget of %g false alerts per 1,000 user-days (use --all)", plain.Count(s.hidden), s.limit)
	}
	return fmt.Sprintf("%s more below %s (use --all)", plain.Count(s.hidden), s.from)
}

// fewGaps is how many detectors that cannot see all they look for are named.
const fewGaps = 3

// gaps are the detectors that see nothing of what they look for, or if there are none those that see a
// part of it, with the reason. First come those of sources that arrive without it.
func (s *summary) gaps() (list []doctor.Detector, blind, partly int) {
	var parts []doctor.Detector
	for _, d := range doctor.DiagnoseClasses(s.Coverage.Came) {
		switch d.State {
		case doctor.Blind:
			list = append(list, d)
		case doctor.Partly:
			parts = append(parts, d)
		}
	}
	blind, partly = len(list), len(parts)
	if blind == 0 {
		list = parts
	}
	slices.SortStableFunc(list, func(a, b doctor.Detector) int { return min(len(b.Missing), 1) - min(len(a.Missing), 1) })
	return list, blind, partly
}

// printGaps writes which detectors cannot see what they look for.
func (s *summary) printGaps(w io.Writer) {
	list, blind, partly := s.gaps()
	if len(list) == 0 {
		return
	}
	none := plain.CountOf(blind, "detector has", "detectors have")
	fmt.Fprintf(w, "Coverage gaps: %s no visibility, %s partial visibility\n", none, plain.CountOf(partly, "has", "have"))
	for i := range list[:min(len(list), fewGaps)] {
		fmt.Fprintf(w, "  %s: %s\n", list[i].Title, list[i].Gap())
	}
	fmt.Fprintf(w, "  outflow doctor %s lists what is missing\n", shellWords(s.paths))
}

// printNext writes the commands that show more.
func (s *summary) printNext(w io.Writer) {
	paths := shellWords(s.paths)
	fmt.Fprintln(w, "Next:")
	if s.html == "" {
		fmt.Fprintf(w, "  outflow scan --html report.html %s\n", paths)
	}
	i := slices.IndexFunc(s.shown, func(a alert.Alert) bool { return !a.Health })
	switch {
	case i < 0:
	case s.data != "":
		fmt.Fprintf(w, "  outflow explain --data %s %s\n", shellWords([]string{s.data}), s.shown[i].Short())
	default:
		fmt.Fprintf(w, "  outflow scan --data state %s && outflow explain --data state %s\n", paths, s.shown[i].Short())
	}
}

// safeWord matches what a shell takes as it is.
var safeWord = regexp.MustCompile(`^[A-Za-z0-9_./@%+=:,-]+$`)

// shellWords writes arguments as a shell takes them. Names with characters that could disturb a terminal
// are not written.
func shellWords(args []string) string {
	var words []string
	for _, a := range args {
		switch {
		case safeWord.MatchString(a):
		case strings.ContainsFunc(a, plain.Disturbs):
			a = "PATH"
		default:
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
