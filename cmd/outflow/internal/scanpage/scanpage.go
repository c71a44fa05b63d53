// Package scanpage writes the result of a scan as one page that needs nothing else: no server, no request,
// no script to be read.
package scanpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/doctor"
	"github.com/outflow/outflow/docs/detectors"
	"github.com/outflow/outflow/internal/chart"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Bounds of a page, so that a browser can open that of any scan. The page says what it leaves out.
const (
	maxAlerts   = 200  // described in full
	maxAllItems = 4000 // of all evidence; one detector has alert.MaxItems at most
	maxPeople   = 200  // listed
	maxRows     = 100  // of the other lists
	maxText     = 300  // characters of a name
	maxProse    = 3000 // characters of a sentence
)

// Input is what a page is made from.
type Input struct {
	Result  *batch.Result
	Alerts  []alert.Alert // that are shown, ranked
	Hidden  string        // says that there are others; "" if there are none
	Days    func(user string) []finding.Activity
	Mask    *alert.Mask // shows people by pseudonyms; nil for names
	Gaps    []doctor.Detector
	Made    time.Time
	Version string
}

// page is what the template shows.
type page struct {
	*Input
	Policy string
	Style  template.CSS
	Script template.JS

	Counts []severityCount
	Cases  []caseView
	Cut    []string // what is left out, a sentence each
	Open   []openView
	People []personView
	Blind  []doctor.Detector
	Partly []doctor.Detector
}

type severityCount struct {
	Severity alert.Severity
	N        int
}

// caseView is a case: its most urgent alert first.
type caseView struct {
	Person string
	Alerts []alertView
}

type alertView struct {
	*alert.Alert
	Person   string
	Chart    template.HTML // of the person's days; "" if none are known
	Alt      string        // of the chart
	Evidence []evidenceView
	Guide    guide.Guide
	Detector string // title
}

type evidenceView struct {
	*alert.Evidence
	Items   []alert.Item // that are listed
	Columns columns
	More    int // items that are not listed
}

// openView is an exposure that nobody has closed.
type openView struct {
	What, Person, ID string
	Since            time.Time
	Days             int
	Remedy           reports.Remedy
}

type personView struct {
	Name, Department string
	Alerts           int
	Worst            alert.Severity
	Score            float64
	LastDay          time.Time // of a leaver; zero if unknown
	Leaving          bool
	Risk             template.HTML
}

var (
	//go:embed page.css
	style []byte
	//go:embed page.js
	script []byte
	//go:embed page.html
	text string
)

// Write writes the page.
func Write(w io.Writer, in *Input) error {
	css := slices.Concat(feed.Stylesheet(), style)
	p := &page{
		Input:  in,
		Style:  template.CSS(css),
		Script: template.JS(script),
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(css) + "; script-src " + hash(script),
	}
	p.fill()
	var b bytes.Buffer
	if err := templates().Execute(&b, p); err != nil {
		return err
	}
	_, err := w.Write(reports.Unbroken(b.Bytes()))
	return err
}

// hash is the source of a content security policy that allows exactly one text.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// fill makes what the page shows.
func (p *page) fill() {
	for s := alert.Critical; s >= alert.Informational; s-- {
		n := 0
		for i := range p.Alerts {
			if p.Alerts[i].Severity == s {
				n++
			}
		}
		if n > 0 || s >= alert.Medium {
			p.Counts = append(p.Counts, severityCount{s, n})
		}
	}
	for _, d := range p.Gaps {
		switch d.State {
		case doctor.Blind:
			p.Blind = append(p.Blind, d)
		case doctor.Partly:
			p.Partly = append(p.Partly, d)
		}
	}
	p.fillCases()
	p.fillPeople()
}

// cut notes that a list was bounded.
func (p *page) cut(left int, one, many string) {
	if left > 0 {
		p.Cut = append(p.Cut, plain.CountOf(left, one+" is", many+" are")+" left out of this page.")
	}
}

// fillCases describes the alerts and what they leave open.
func (p *page) fillCases() {
	p.cut(len(p.Alerts)-maxAlerts, "alert", "alerts")
	listed, left := 0, 0
	for _, list := range alert.ByCase(p.Alerts[:min(len(p.Alerts), maxAlerts)]) {
		var c caseView
		for _, a := range list {
			v := p.view(a, &listed, &left)
			c.Person = v.Person
			c.Alerts = append(c.Alerts, v)
			p.addOpen(&v)
		}
		p.Cases = append(p.Cases, c)
	}
	p.cut(left, "item of evidence", "items of evidence")
	slices.SortStableFunc(p.Open, func(a, b openView) int { return a.Since.Compare(b.Since) })
	p.cut(len(p.Open)-maxRows, "exposure", "exposures")
	p.Open = p.Open[:min(len(p.Open), maxRows)]
}

// view describes an alert. Listed counts the items on the page, left those for which there was no room.
func (p *page) view(a *alert.Alert, listed, left *int) alertView {
	v := alertView{Alert: a, Person: a.User, Guide: guide.For(a.Detector)}
	if s := p.series(a); s != nil {
		v.Chart, v.Alt = template.HTML(chart.Small(s.Days, clean(s.Alt))), s.Alt
	}
	if p.Mask != nil {
		masked := p.Mask.Alert(a)
		v.Alert, v.Person = &masked, masked.User
	}
	for i := range v.Alert.Evidence {
		e := &v.Alert.Evidence[i]
		if e.Detector == a.Detector {
			v.Detector = e.Title
		}
		n := max(min(len(e.Items), maxAllItems-*listed), 0)
		*listed += n
		*left += len(e.Items) - n
		v.Evidence = append(v.Evidence, evidenceView{e, e.Items[:n], columnsOf(e.Items[:n]), e.Unlisted + len(e.Items) - n})
	}
	return v
}

// series is the days of the person of an alert; nil if none are known.
func (p *page) series(a *alert.Alert) *reports.Series {
	if a.User == "" {
		return nil
	}
	days := p.Days(a.User)
	if len(days) == 0 {
		return nil
	}
	return reports.AlertSeries(a, days)
}

// addOpen adds what an alert leaves open.
func (p *page) addOpen(v *alertView) {
	for i := range v.Alert.Exposures {
		x := &v.Alert.Exposures[i]
		known := slices.ContainsFunc(p.Open, func(o openView) bool { return o.What == x.What && o.Since.Equal(x.Opened) })
		if v.Alert.Health || x.Closed != nil || known {
			continue
		}
		p.Open = append(p.Open, openView{
			What: x.What, Person: v.Person, ID: v.Alert.ID, Since: x.Opened,
			Days:   max(int(p.Result.Latest.Sub(x.Opened)/(24*time.Hour)), 0),
			Remedy: reports.RemedyOf(v.Alert, x),
		})
	}
}

// fillPeople lists people with alerts, and those who leave, the most urgent first.
func (p *page) fillPeople() {
	at := map[string]*personView{}
	var order []string
	person := func(user string) *personView {
		if at[user] == nil {
			at[user] = &personView{Name: user, Worst: -1}
			if p.Mask != nil {
				at[user].Name = p.Mask.Name(user)
			}
			order = append(order, user)
		}
		return at[user]
	}
	for i := range p.Alerts {
		a := &p.Alerts[i]
		if a.User == "" {
			continue
		}
		v := person(a.User)
		if a.Service {
			v.Name = a.User
		}
		v.Alerts++
		v.Department, v.Worst, v.Score = a.Department, max(v.Worst, a.Severity), max(v.Score, a.Score)
	}
	for _, l := range p.Result.Leavers {
		v := person(l.User)
		if v.Leaving = true; l.LastDay > 0 {
			v.LastDay = time.UnixMilli(l.LastDay).UTC()
		}
	}
	p.cut(len(order)-maxPeople, "person", "people")
	for _, user := range order[:min(len(order), maxPeople)] {
		v := at[user]
		v.Risk = p.risk(user)
		p.People = append(p.People, *v)
	}
}

// risk draws the scores of a person's days.
func (p *page) risk(user string) template.HTML {
	list := p.Days(user)
	if len(list) == 0 {
		return ""
	}
	s := reports.RiskSeries(list, nil)
	return template.HTML(chart.Small(s.Days, clean(s.Alt)))
}

// Unmapped lists the types of events that are stored and not scored, by source.
func (p *page) Unmapped() []string { return p.Result.Coverage.UnmappedTypes() }

// Unread lists what could not be read.
func (p *page) Unread() []string {
	list := p.Result.Coverage.Unread()
	if more := len(list) - maxRows; more > 0 {
		list = append(list[:maxRows], plain.CountOf(more, "further entry", "further entries"))
	}
	return list
}
