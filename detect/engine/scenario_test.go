package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/sigma"
)

// A scenario is a short history in lines:
//
//	people 14 Finance                       p1 … p14, of a department
//	routine 1-30                            usual work of everybody on the weekdays of these days
//	notice p1 25 40                         p1 gives notice on day 25, the last day is 40
//	31 14:00 p1 download x60 spread=10m source=box place=Board item=b
//	loud p1 bulk_download                   the detector speaks about p1, and the alert deserves attention
//	quiet p1                                no alert about p1 deserves attention
//	told p1 access_left_behind              the detector speaks about p1, if quietly; - stands for the data's health
//	count p1 downloads 60                   what is counted for p1 on the last day
//	silence box 38-40                       the routine of a source is missing on these days
//	rules testdata/user_rule/rules          configuration: rules; | in attr.rule_match separates fields
//	deliver box 31 new=9 late=3 lag=32h     at the end: what came of a source, and how late
//	forbid rival.example                    configuration: a forbidden domain
//	watch 3 person=p1 place=Board*          configuration: a watchlist of some points; also department=, app=, until=DAY
//	own o-abc123                            configuration: an account or organisation of one's own in AWS
//
// Day 1 is Monday, 2 March 2026. Items are numbered: x60 item=b is b1 … b60.
type scenario struct {
	t          *testing.T
	events     []keyed
	people     []string
	checks     [][]string
	first      int // day of the first act
	n          int
	config     Config
	deliveries []Delivery
}

type keyed struct {
	person string
	e      *event.Event
}

// attention is the risk from which an alert is shown by default; package alert
// calls it medium.
const attention = 6.3

var dayOne = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func address(who string) string {
	if strings.Contains(who, ":") {
		return who
	}
	return who + "@acme.example"
}

func (s *scenario) add(who string, e *event.Event) {
	s.n++
	if e.ID == "" {
		e.ID = fmt.Sprintf("e%d", s.n)
	}
	e.Key = hash(ofItem, e.ID)
	if who != "" && e.Actor.Kind == event.Unknown {
		e.Actor.Kind = event.Human
	}
	person := ""
	if who != "" {
		person = address(who)
		if strings.HasPrefix(who, "svc") {
			e.Actor.Kind = event.Service
		}
	}
	if e.Actor.Account = person; e.Actor.Kind == event.Anonymous { // the person opened it, or it is a place
		e.Actor.Account = ""
	}
	s.events = append(s.events, keyed{person, e})
}

func (s *scenario) line(text string) {
	f := strings.Fields(text)
	if len(f) == 0 || f[0][0] == '#' {
		return
	}
	switch f[0] {
	case "people":
		n, _ := strconv.Atoi(f[1])
		for range n {
			who := fmt.Sprintf("p%d", len(s.people)+1)
			s.people = append(s.people, who)
			s.add(who, &event.Event{
				Source: event.HR, Class: event.Person, Action: "person", Time: 1,
				Attrs: []event.Attr{{Name: event.AttrDepartment, Value: f[2]}},
			})
		}
	case "routine":
		from, to := span(f[1])
		for _, who := range s.people {
			for d := from; d <= to; d++ {
				s.routine(who, d)
			}
		}
	case "notice":
		from, _ := strconv.Atoi(f[2])
		last, _ := strconv.Atoi(f[3])
		s.add(f[1], &event.Event{
			Source: event.HR, Class: event.Notice, Action: "notice", Time: at(from, 9*time.Hour),
			Attrs: []event.Attr{{Name: event.AttrLastDay, Value: dayOne.AddDate(0, 0, last-1).Format(time.DateOnly)}},
		})
	case "silence":
		from, to := span(f[2])
		source := sourceNamed(s.t, f[1])
		s.events = slices.DeleteFunc(s.events, func(k keyed) bool {
			return k.e.Source == source && k.e.Time >= at(from, 0) && k.e.Time < at(to+1, 0)
		})
	case "deliver":
		day, _ := strconv.Atoi(f[2])
		d := Delivery{Source: sourceNamed(s.t, f[1]), At: at(day, 0)}
		for _, w := range f[3:] {
			key, value, _ := strings.Cut(w, "=")
			n, _ := strconv.Atoi(value)
			switch key {
			case "new":
				d.New = n
			case "late":
				d.Late = n
			case "lag":
				lag, err := time.ParseDuration(value)
				if err != nil {
					s.t.Fatal(err)
				}
				d.Lag = lag.Milliseconds()
			}
		}
		s.deliveries = append(s.deliveries, d)
	case "gap": // gap SOURCE DAY ACTION REASON…
		day, _ := strconv.Atoi(f[2])
		from := at(day-1, 0)
		s.add("", &event.Event{
			Source: sourceNamed(s.t, f[1]), Class: event.SourceGap, Action: f[3], Time: at(day, 8*time.Hour),
			Object: event.Object{Name: "stream"},
			Attrs: []event.Attr{
				{Name: event.AttrFrom, Value: time.UnixMilli(from).UTC().Format(time.RFC3339)},
				{Name: event.AttrReason, Value: strings.Join(f[4:], " ")},
			},
		})
	case "rules":
		set, bad, err := sigma.Load(f[1], nil)
		if err != nil || len(bad) > 0 {
			s.t.Fatal(err, bad)
		}
		s.config.Rules = set
	case "forbid":
		s.config.ForbiddenDomains = append(s.config.ForbiddenDomains, f[1])
	case "watch":
		s.watch(f[1:])
	case "own":
		s.config.AWSAccounts = append(s.config.AWSAccounts, f[1])
	case "loud", "quiet", "count", "told", "untold":
		s.checks = append(s.checks, f)
	default:
		from, to := span(f[0])
		if s.first == 0 || from < s.first {
			s.first = from
		}
		for d := from; d <= to; d++ {
			s.actLine(d, f[1:])
		}
	}
}

// watch configures a watchlist.
func (s *scenario) watch(f []string) {
	points, err := strconv.ParseFloat(f[0], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	w := Watchlist{Name: fmt.Sprintf("list %d", len(s.config.Watchlists)+1), Points: points, Owner: "legal@acme.example", Reason: "a merger"}
	for _, word := range f[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "person":
			w.People = append(w.People, address(value))
		case "department":
			w.Departments = append(w.Departments, value)
		case "place":
			w.Places = append(w.Places, value)
		case "app":
			w.Applications = append(w.Applications, value)
		case "until":
			day, _ := strconv.Atoi(value)
			w.Until = dayOne.AddDate(0, 0, day)
		default:
			s.t.Fatalf("unknown word %q", word)
		}
	}
	s.config.Watchlists = append(s.config.Watchlists, w)
}

func span(t string) (from, to int) {
	a, b, ok := strings.Cut(t, "-")
	from, _ = strconv.Atoi(a)
	if to = from; ok {
		to, _ = strconv.Atoi(b)
	}
	return from, to
}

func at(day int, of time.Duration) int64 { return dayOne.AddDate(0, 0, day-1).Add(of).UnixMilli() }

// routine is a day's usual work. It differs from person to person and day to day,
// always in the same way.
func (s *scenario) routine(who string, day int) {
	if wd := dayOne.AddDate(0, 0, day-1).Weekday(); wd == time.Saturday || wd == time.Sunday {
		return
	}
	h := hash(ofItem, who, strconv.Itoa(day))
	roll := func(n uint64) int { h = h*6364136223846793005 + 1442695040888963407; return int(h >> 33 % n) }
	start := 8*time.Hour + time.Duration(roll(60))*time.Minute
	ip := fmt.Sprintf("198.51.%d.7", hash(ofNetwork, who)%4)
	add := func(class event.Class, src event.Source, n int, edit func(e *event.Event)) {
		for range n {
			e := &event.Event{
				Source: src,
				Class:  class,
				Action: class.String(),
				Time:   at(day, start+time.Duration(roll(8*3600))*time.Second),
			}
			e.Client = event.Client{IP: ip, Country: "DE", Agent: "Mozilla/5.0"}
			edit(e)
			s.add(who, e)
		}
	}
	file := func(e *event.Event) {
		e.Object = event.Object{
			ID: fmt.Sprintf("r%d-%d", roll(3), roll(60)), Type: "file", Name: "plan.docx",
			Container: fmt.Sprintf("Team %d", roll(3)),
		}
	}
	add(event.LoginSuccess, event.Okta, 1, func(*event.Event) {})
	add(event.View, event.Box, 10+roll(15), file)
	add(event.Edit, event.Box, 2+roll(4), file)
	add(event.Download, event.Box, 1+roll(6), file)
	add(event.Download, event.CloudTrail, 2+roll(5), func(e *event.Event) {
		e.Object = event.Object{Type: "object", Name: fmt.Sprintf("k%d", roll(500)), Container: "logs"}
		e.Bytes = int64(1000 * roll(1000))
	})
	add(event.ReportRun, event.Salesforce, roll(3), func(e *event.Event) { e.Rows = int64(roll(200)) })
	add(event.Query, event.Salesforce, roll(4), func(e *event.Event) { e.Rows = int64(roll(100)) })
	if roll(6) == 0 {
		add(event.Export, event.Salesforce, 1, func(e *event.Event) { e.Rows = int64(roll(400)) })
		add(event.Delete, event.Box, 1+roll(3), file)
		add(event.Clone, event.GitHub, 1, func(e *event.Event) {
			e.Object = event.Object{ID: fmt.Sprintf("acme/r%d", roll(4)), Type: "repository"}
		})
		add(event.ShareUser, event.Box, 1, func(e *event.Event) {
			file(e)
			e.To = []event.Recipient{{Account: fmt.Sprintf("c%d@partner.example", roll(3)), Scope: event.ScopeExternal}}
		})
	}
}

// actLine adds the events of one line on one day.
func (s *scenario) actLine(day int, f []string) {
	clock, err := time.Parse("15:04", f[0])
	if err != nil {
		s.t.Fatalf("%q: %v", strings.Join(f, " "), err)
	}
	start := time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute
	who, class, n, spread := f[1], classNamed(s.t, f[2]), 1, time.Duration(0)
	if who == "-" {
		who = ""
	}
	var e event.Event
	e.Class, e.Action, e.Source = class, class.String(), event.Box
	e.Client = event.Client{IP: fmt.Sprintf("198.51.%d.7", hash(ofNetwork, who)%4), Country: "DE", Agent: "Mozilla/5.0"}
	item, id := "", ""
	for _, w := range f[3:] {
		key, value, _ := strings.Cut(w, "=")
		value = strings.ReplaceAll(value, "+", " ")
		number, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "spread":
			if spread, err = time.ParseDuration(value); err != nil {
				s.t.Fatal(err)
			}
		case "source":
			e.Source = sourceNamed(s.t, value)
		case "place":
			e.Object.Container = value
		case "name":
			e.Object.Name = value
		case "item":
			item = value
		case "id": // of the event
			id = value
		case "item.same": // one item for all
			e.Object.ID = value
		case "type":
			e.Object.Type = value
		case "label":
			e.Object.Label = value
		case "to":
			scope := event.ScopeExternal
			if strings.HasSuffix(value, "@acme.example") {
				scope = event.ScopeInternal
			}
			switch {
			case value == "*":
				scope = event.ScopeAnyone
			case strings.HasPrefix(value, "aws:o-"), strings.HasPrefix(value, "github:"), strings.HasPrefix(value, "m365:"):
				scope = event.ScopeUnknown
			}
			e.To = append(e.To, event.Recipient{Account: value, Scope: scope})
		case "dept":
			e.To[len(e.To)-1].Department = value
		case "after":
			e.After = map[string]event.Visibility{
				"public": event.Public, "link": event.PublicLink, "external": event.External, "private": event.Private,
			}[value]
		case "rows":
			e.Rows = number
		case "bytes":
			e.Bytes = number
		case "items":
			e.Items = number
		case "owner":
			e.Object.Owner = address(value)
		case "ip":
			e.Client.IP = value
		case "country":
			e.Client.Country = value
		case "tenant":
			e.Tenant = value
		case "device":
			e.Client.Device = value
		case "app":
			e.Client.App = value
		case "folder":
			e.Object.Folder = true
		case "kind":
			e.Actor.Kind = map[string]event.ActorKind{
				"service": event.Service, "system": event.System, "anonymous": event.Anonymous, "outsider": event.Outsider,
			}[value]
		case "outcome":
			e.Outcome = map[string]event.Outcome{"failure": event.Failure, "denied": event.Denied}[value]
		case "zone":
			e.Zoneless = value == "none"
		case "action":
			e.Action = value
		default:
			if attr, ok := strings.CutPrefix(key, "attr."); ok {
				if attr == event.AttrRuleMatch {
					value = strings.ReplaceAll(value, "|", "\x1f")
				}
				e.Attrs = append(e.Attrs, event.Attr{Name: attr, Value: value})
			} else if key[0] == 'x' {
				n, _ = strconv.Atoi(key[1:])
			} else {
				s.t.Fatalf("unknown word %q", w)
			}
		}
	}
	for i := range n {
		c := e.Clone()
		c.Time = at(day, start+spread*time.Duration(i)/time.Duration(n))
		if item != "" {
			c.Object.ID = item + strconv.Itoa(i+1)
		}
		if id != "" {
			c.ID = id + strconv.Itoa(i+1)
		}
		s.add(who, c)
	}
}

func classNamed(t *testing.T, name string) event.Class {
	for c := event.Class(0); c.String() != "unknown"; c++ {
		if c.String() == name {
			return c
		}
	}
	t.Fatalf("no class %q", name)
	return 0
}

func sourceNamed(t *testing.T, name string) event.Source {
	for _, s := range event.Sources() {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("no source %q", name)
	return 0
}

func load(t *testing.T, path string) *scenario {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &scenario{t: t}
	for sc := bufio.NewScanner(file); sc.Scan(); {
		s.line(sc.Text())
	}
	s.sort()
	return s
}

// sort puts the events into the order of their time.
func (s *scenario) sort() {
	slices.SortStableFunc(s.events, func(a, b keyed) int { return int(a.e.Time - b.e.Time) })
}

// outcome is the last word on every person's day.
type outcome map[string][]*finding.Finding // by episode: the findings of the highest risk

func (o outcome) take(f *finding.Finding) error {
	held := o[f.Episode]
	if f.Risk == 0 && len(f.Exposures) > 0 && !f.Health {
		return nil // something is over
	}
	if len(held) > 0 && (f.Risk < held[0].Risk || f.Risk == held[0].Risk && f.Time < held[0].Time) {
		return nil
	}
	if len(held) > 0 && (f.Risk > held[0].Risk || f.Time > held[0].Time) {
		held = nil
	}
	c := *f
	o[f.Episode] = append(held, &c)
	return nil
}

// play runs events through an engine, as they come out of a log, and checks that findings
// stay what they are, are the same once they have been stored, and are the same when they
// are judged on several cores and by several engines: with -short those of one detector.
func play(t *testing.T, c Config, events []keyed, deliveries ...Delivery) outcome {
	t.Helper()
	o := outcome{}
	var given []*finding.Finding
	var written []finding.Finding
	e := newEngine(c, func(f *finding.Finding) error {
		b, err := json.Marshal(f)
		if err != nil {
			return err
		}
		var stored finding.Finding
		if err := json.Unmarshal(b, &stored); err != nil {
			return err
		}
		if !reflect.DeepEqual(f, &stored) {
			t.Errorf("a finding is not what it is once it has been stored:\n%s", b)
		}
		given = append(given, f)
		written = append(written, stored)
		return o.take(f)
	})
	var dec event.Decoder
	var ev event.Event
	var rec []byte
	for i := range events {
		rec = events[i].e.Append(rec[:0]) // the memory is used again
		if err := dec.Decode(rec, &ev); err != nil {
			t.Fatal(err)
		}
		if err := e.Handle(events[i].person, &ev); err != nil {
			t.Fatal(err)
		}
	}
	end(t, e, deliveries)
	for i, f := range given {
		if !reflect.DeepEqual(*f, written[i]) {
			t.Errorf("a finding has changed since:\n%+v\n%+v", *f, written[i])
		}
	}
	if testing.Short() && !strings.Contains(t.Name(), "bulk_download") {
		return o
	}
	abreast := outcome{}
	e = newEngine(c, abreast.take)
	e.config.lanes, e.batch.least = 3, 1
	for part := range slices.Chunk(records(events), 700) {
		if err := e.HandleAll(part); err != nil {
			t.Fatal(err)
		}
	}
	end(t, e, deliveries)
	if !reflect.DeepEqual(o, abreast) {
		t.Errorf("judged on several cores, the findings are others: %d episodes, %d", len(o), len(abreast))
		for id, f := range o {
			if g := abreast[id]; !reflect.DeepEqual(f, g) {
				t.Errorf("%s\n%s", jsonOf(f), jsonOf(g))
				break
			}
		}
	}
	if apart := sharded(t, c, events, deliveries); !reflect.DeepEqual(o, apart) {
		t.Errorf("judged by several engines, the findings are others: %d episodes, %d", len(o), len(apart))
		for id, f := range o {
			if g := apart[id]; !reflect.DeepEqual(f, g) {
				t.Errorf("%s\n%s", jsonOf(f), jsonOf(g))
				break
			}
		}
	}
	return o
}

// sharded plays events to three engines, which share five shards.
func sharded(t *testing.T, c Config, events []keyed, deliveries []Delivery) outcome {
	t.Helper()
	return relayed(t, c, events, deliveries, 0)
}

// relayed is sharded. If there is a time, three others go on from it with other shards, by what the first three knew.
func relayed(t *testing.T, c Config, events []keyed, deliveries []Delivery, over int64) outcome {
	t.Helper()
	market := &market{hours: map[int64]map[int][]byte{}, shards: 5}
	market.changed = sync.NewCond(&market.mu)
	recs := records(events)
	first, all := [][]int{{0}, {1, 4}, {2, 3}}, outcome{}
	var parts []Part
	if over > 0 {
		known := make([]*Snapshot, len(first))
		i := slices.IndexFunc(recs, func(k Keyed) bool {
			return event.RecordSource(k.Record) != event.HR && event.RecordTime(k.Record) >= over
		})
		crew(t, market, c, first, func(n int, e *Engine) error {
			e.Checkpoint(over, func(s *Snapshot) error { known[n] = s; return nil })
			return e.HandleAll(recs[:i+1]) // the event after the hour has it handed over
		}, all)
		for n, mine := range first {
			if known[n] == nil {
				t.Fatal("there is nothing to go on from")
			}
			parts = append(parts, Part{known[n], mine})
		}
		recs, first = recs[i:], [][]int{{4, 2}, {3, 0}, {1}}
		market.hours = map[int64]map[int][]byte{}
	}
	crew(t, market, c, first, func(n int, e *Engine) error {
		if parts != nil {
			whole, err := Merge(market.shards, parts, t.TempDir())
			if err == nil {
				err = e.Restore(whole)
			}
			if err != nil {
				return err
			}
		}
		if err := e.HandleAll(recs); err != nil {
			return err
		}
		for _, d := range deliveries {
			if err := e.Deliver(d); err != nil {
				return err
			}
		}
		return e.Flush()
	}, all)
	return all
}

// crew has several engines run at the same time, each with its shards, and adds their findings to all.
func crew(t *testing.T, m *market, c Config, shards [][]int, run func(n int, e *Engine) error, all outcome) {
	t.Helper()
	outcomes := make([]outcome, len(shards))
	var judging sync.WaitGroup
	for n, mine := range shards {
		c := c
		c.Shards, c.Mine = m.shards, mine
		c.Exchange = func(hour int64, deltas map[int][]byte) ([][]byte, error) { return m.exchange(mine, hour, deltas) }
		outcomes[n] = outcome{}
		judging.Go(func() {
			if err := run(n, newEngine(c, outcomes[n].take)); err != nil {
				t.Error(err)
			}
		})
	}
	judging.Wait()
	for _, o := range outcomes {
		for _, list := range o {
			for _, f := range list {
				all.take(f)
			}
		}
	}
}

// market is where engines in one process exchange deltas.
type market struct {
	mu      sync.Mutex
	changed *sync.Cond
	shards  int
	hours   map[int64]map[int][]byte
}

func (m *market) exchange(mine []int, hour int64, deltas map[int][]byte) (others [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hours[hour] == nil {
		m.hours[hour] = map[int][]byte{}
	}
	for _, s := range mine {
		m.hours[hour][s] = deltas[s]
	}
	m.changed.Broadcast()
	for len(m.hours[hour]) < m.shards {
		m.changed.Wait()
	}
	for s, b := range m.hours[hour] {
		if !slices.Contains(mine, s) {
			others = append(others, b)
		}
	}
	return others, nil
}

// end tells an engine of deliveries, and has it judge the days that are open.
func end(t *testing.T, e *Engine, deliveries []Delivery) {
	t.Helper()
	for _, d := range deliveries {
		if err := e.Deliver(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
}

// records are events as stored.
func records(events []keyed) (all []Keyed) {
	for i := range events {
		all = append(all, Keyed{events[i].person, events[i].e.Append(nil)})
	}
	return all
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// TestPacked plays scenarios in which what one does concerns another with hardly anybody
// kept unpacked: the findings are the same.
func TestPacked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bucket_public", "privilege_takeout", "access_left_behind", "user_rule"} {
		s := load(t, filepath.Join("testdata", name, "loud.txt"))
		tight := s.config
		tight.Unpacked = 12
		if !reflect.DeepEqual(play(t, s.config, s.events), play(t, tight, s.events)) {
			t.Errorf("%s: the findings are others", name)
		}
	}
}

// worst is the most urgent day of a person from a day on.
func (o outcome) worst(person string, from int64) (risk float64, list []*finding.Finding) {
	for _, fs := range o {
		if fs[0].Person == person && fs[0].Time >= from && fs[0].Risk > risk {
			risk, list = fs[0].Risk, fs
		}
	}
	return risk, list
}

// TestDetectors plays the scenarios of every detector: at least one that speaks
// and one that stays quiet.
func TestDetectors(t *testing.T) {
	said := map[string]*saidBy{}
	for _, det := range testCatalog.detectors {
		said[det.Name] = &saidBy{sentences: map[string]string{}}
	}
	t.Cleanup(func() { compareWords(t, said) })
	for _, det := range testCatalog.detectors {
		t.Run(det.Name, func(t *testing.T) {
			t.Parallel()
			paths, _ := filepath.Glob(filepath.Join("testdata", det.Name, "*.txt"))
			loud, quiet := false, false
			for _, path := range paths {
				t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
					s := load(t, path)
					o := play(t, s.config, s.events, s.deliveries...)
					for _, c := range s.checks {
						loud = loud || (c[0] == "loud" || c[0] == "told") && c[2] == det.Name
						quiet = quiet || c[0] == "quiet" || c[0] == "untold"
						s.check(o, c)
					}
					said[det.Name].take(t, det.Name, o)
				})
			}
			if !loud || !quiet {
				t.Errorf("testdata/%s has no loud or no quiet scenario", det.Name)
			}
			if _, err := os.Stat(filepath.Join("..", "..", "docs", "detectors", det.Name+".md")); err != nil {
				t.Errorf("no page: %v", err)
			}
		})
	}
}

func (s *scenario) check(o outcome, c []string) {
	cat := testCatalog
	s.t.Helper()
	if c[0] == "told" || c[0] == "untold" {
		s.told(o, c)
		return
	}
	risk, list := o.worst(address(c[1]), at(s.first, 0))
	var said []string
	names := map[string]bool{}
	for _, f := range list {
		if f.Points > 0 && f.Reason == "" && len(cat.groups[cat.detected[f.Detector]]) > 0 {
			s.t.Errorf("%s contributes and says nothing", f.Detector)
		}
		names[f.Detector] = true
		said = append(said, fmt.Sprintf("%s %.1f: %s %v", f.Detector, f.Points, f.Reason, f.Context))
	}
	what := fmt.Sprintf("risk %.1f\n  %s", risk, strings.Join(said, "\n  "))
	switch {
	case c[0] == "loud" && (risk < attention || !names[c[2]]):
		s.t.Errorf("%s: %s, got %s", strings.Join(c, " "), "wanted to hear of it", what)
	case c[0] == "quiet" && risk >= attention:
		s.t.Errorf("%s: got %s", strings.Join(c, " "), what)
	default:
		s.t.Logf("%s: %s", strings.Join(c, " "), what)
	}
}

// TestMistakes plays what other tools get wrong: every row of the list in
// COUNTING.md that is about judging. The one about multi-select downloads is
// counting/dropbox_assets.
func TestMistakes(t *testing.T) {
	paths, _ := filepath.Glob("testdata/mistakes/*.txt")
	if len(paths) < 11 {
		t.Fatalf("only %d files", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s := load(t, path)
			o := outcome{}
			e := newEngine(s.config, o.take)
			feed(t, e, s.events)
			s.counts(e)
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			for _, c := range s.checks {
				if c[0] != "count" {
					s.check(o, c)
				}
			}
		})
	}
}

// told checks whether a detector speaks about somebody at all.
func (s *scenario) told(o outcome, c []string) {
	s.t.Helper()
	person, said := address(c[1]), ""
	if c[1] == "-" {
		person = ""
	}
	for _, fs := range o {
		for _, f := range fs {
			if f.Person == person && f.Detector == c[2] && f.Time >= at(s.first, 0) {
				said = f.Reason
			}
		}
	}
	if (said != "") != (c[0] == "told") {
		s.t.Errorf("%s: said %q", strings.Join(c, " "), said)
	} else {
		s.t.Logf("%s: %s", strings.Join(c, " "), said)
	}
}

// counts checks what was counted on the days that are open.
func (s *scenario) counts(e *Engine) {
	s.t.Helper()
	for _, c := range s.checks {
		if c[0] != "count" {
			continue
		}
		j, known := testCatalog.index[c[2]]
		if !known {
			s.t.Fatalf("no metric %q", c[2])
		}
		if got := e.find(address(c[1])).Day.Count[j]; fmt.Sprint(got) != c[3] {
			s.t.Errorf("%s: %v", strings.Join(c, " "), got)
		}
	}
}

// TestCounting counts as COUNTING says: every trap of every source.
func TestCounting(t *testing.T) {
	paths, _ := filepath.Glob("testdata/counting/*.txt")
	if len(paths) < 8 {
		t.Fatalf("only %d files", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			s := load(t, path)
			e := newEngine(Config{}, func(*finding.Finding) error { return nil })
			feed(t, e, s.events)
			s.counts(e)
		})
	}
}

// TestLayout checks what the lists of detectors, metrics and facts rely on.
func TestLayout(t *testing.T) {
	cat := testCatalog
	if len(cat.detectors) > 64 || len(cat.carried) > 64 {
		t.Errorf("%d detectors, %d counts that go on: sets of them are kept in 64 bits", len(cat.detectors), len(cat.carried))
	}
	of := map[detect.Mechanism]int{}
	for _, d := range cat.detectors {
		of[d.Mechanism]++
		if (d.Needs == nil) != (d.Has(finding.AboutData) && d.Mechanism != detect.HRFeed || d.Mechanism == detect.UserRules || d.Mechanism == detect.Watchlists) {
			t.Errorf("%s: what it needs of the audit logs", d.Name)
		}
		if d.Mechanism != detect.NoMechanism && len(d.Metrics)+len(d.Indicators) > 0 {
			t.Errorf("%s has a mechanism and metrics or indicators", d.Name)
		}
	}
	for m := detect.NoMechanism + 1; int(m) < detect.Mechanisms; m++ {
		if of[m] != 1 || cat.Of(m).Mechanism != m {
			t.Errorf("mechanism %d has %d detectors", m, of[m])
		}
	}
	named := map[string]bool{}
	lasts := map[string]bool{}
	for i := range cat.indicators {
		f := &cat.indicators[i]
		if named[f.Name] {
			t.Errorf("two facts are called %s", f.Name)
		}
		named[f.Name] = true
		if f.Persists == "" {
			continue
		}
		lasts[f.Persists] = true
		if f.lasting < 0 || cat.indicators[f.lasting].detector != f.detector || f.Describe == nil {
			t.Errorf("%s lasts as %s, which is no fact of its detector, or says nothing", f.Name, f.Persists)
		}
	}
	for _, f := range cat.indicators {
		if len(f.On) == 0 != lasts[f.Name] {
			t.Errorf("%s is on no event, or holds by itself as well as for another", f.Name)
		}
	}
	for _, m := range cat.metrics {
		if m.Decay >= 1 || m.Decay > 0 && m.Burst {
			t.Errorf("%s goes on for ever, or by bursts", m.Name)
		}
	}
}
