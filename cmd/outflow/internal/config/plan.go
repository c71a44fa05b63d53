package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// Plan is what a configuration has the daemon do, in words.
type Plan struct {
	Sources   []Part   `json:"sources"`
	Channels  []Part   `json:"channels"`
	Log       string   `json:"log"`
	Feed      string   `json:"feed"`
	Roles     []string `json:"roles"` // of the process
	Budget    string   `json:"budget"`
	Detection string   `json:"detection"`
	Kept      string   `json:"kept"` // how long
}

// Part is a source or a channel.
type Part struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Does string `json:"does"`
}

// Plan returns what the daemon does in these roles.
func (c *Config) Plan(now time.Time, roles []string) *Plan {
	p := &Plan{
		Sources: []Part{}, Channels: []Part{}, Roles: roles,
		Log:       c.Log.plan(c.DataDir),
		Feed:      c.planFeed(),
		Budget:    "none: alerts from medium on are shown and sent",
		Detection: c.planDetection(),
		Kept: fmt.Sprintf("alerts %s, daily activity %s, decisions %s",
			days(c.Retention.Alerts), days(c.Retention.Days), days(c.Retention.Decisions)),
	}
	if c.Budget > 0 {
		p.Budget = fmt.Sprintf("%g false alerts per 1,000 user-days", c.Budget)
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		part := Part{s.Name, s.Kind, "reads " + strings.Join(s.Paths, ", ")}
		if s.Api != nil {
			begin, _ := s.Start(now) // it was checked
			part.Does = "at first reads what there is from " + begin.UTC().Format(time.DateOnly) + " on"
			if s.Mixed() || s.spec().Direct {
				part.Does = "takes what comes"
			}
		}
		p.Sources = append(p.Sources, part)
	}
	for i := range c.Channels {
		p.Channels = append(p.Channels, c.Channels[i].plan())
	}
	return p
}

func days(n int) string {
	if n == 0 {
		return "for ever"
	}
	return plain.CountOf(n, "day", "days")
}

func (l *Log) plan(dir string) string {
	text := fmt.Sprintf("%s in %s", l.Kind, dir)
	if l.Kind == "kafka" {
		text = fmt.Sprintf("kafka at %s, topics %s-…", strings.Join(l.Brokers, ", "), l.TopicPrefix)
	}
	text += ", " + plain.CountOf(l.Partitions, "partition", "partitions")
	if l.Tasks > 1 {
		text += fmt.Sprintf(", %d tasks", l.Tasks)
	}
	return text + ", events are kept for " + plain.CountOf(int(l.Retention/(24*time.Hour)), "day", "days")
}

func (c *Config) planFeed() string {
	f := &c.Feed
	if f.Listen == "" {
		return "none"
	}
	scheme := "http"
	if f.Cert != "" {
		scheme = "https"
	}
	text := fmt.Sprintf("%s://%s, sign-in by token", scheme, f.Listen)
	if f.OIDC.Issuer != "" {
		text += " or through " + f.OIDC.Issuer
	}
	if c.PublicURL != "" {
		text += "; messages link to " + c.PublicURL
	}
	return text
}

func (c *Config) planDetection() string {
	var said []string
	rules := 0
	if c.RuleSet.Set != nil {
		rules = len(c.RuleSet.Set.Rules)
	}
	for _, x := range []struct {
		n         int
		one, many string
	}{
		{rules, "rule", "rules"},
		{len(c.Exceptions), "exception", "exceptions"},
		{len(c.Watchlists), "watchlist", "watchlists"},
		{len(c.IndicatorsOff), "opt-out", "opt-outs"},
		{len(c.Tables), "table of your own", "tables of your own"},
		{len(c.AddressDatabases), "database of addresses", "databases of addresses"},
	} {
		if x.n > 0 {
			said = append(said, plain.CountOf(x.n, x.one, x.many))
		}
	}
	return cmp.Or(strings.Join(said, ", "), "as shipped")
}

func (c *Channel) plan() Part {
	said := []string{"alerts that need attention"}
	if c.MinSeverity != "" {
		said = append(said, "from "+c.MinSeverity+" on")
	}
	if len(c.Detectors) > 0 {
		said = append(said, "of "+strings.Join(c.Detectors, ", "))
	}
	if len(c.Departments) > 0 {
		said = append(said, "about people of "+strings.Join(c.Departments, ", "))
	}
	if c.Leavers {
		said = append(said, "about leavers")
	}
	if c.Health != nil {
		said = append(said, map[bool]string{true: "only about the data", false: "not about the data"}[*c.Health])
	}
	if c.PerDay > 0 {
		said = append(said, fmt.Sprintf("at most %d in 24 hours", c.PerDay))
	}
	said = append(said, "with "+c.People)
	if c.Kind == "file" {
		said = append(said, "into "+c.Path)
	}
	return Part{c.Name, c.Kind, strings.Join(said, ", ")}
}

// Write writes the plan as text, a line for each item.
func (p *Plan) Write(w io.Writer) error {
	line := func(title, text string) {
		fmt.Fprintf(w, "  %-10s %s\n", title, plain.Escape(text))
	}
	parts := func(title string, list []Part) {
		if len(list) == 0 {
			line(title, "none")
		}
		for i, x := range list {
			if i > 0 {
				title = ""
			}
			line(title, fmt.Sprintf("%s (%s): %s", x.Name, x.Kind, x.Does))
		}
	}
	parts("Sources", p.Sources)
	parts("Channels", p.Channels)
	line("Log", p.Log)
	line("Feed", p.Feed)
	roles := strings.Join(p.Roles, ", ")
	if slices.Equal(p.Roles, Roles) {
		roles += ", in one process"
	}
	line("Roles", roles)
	line("Budget", p.Budget)
	line("Detection", p.Detection)
	line("Kept", p.Kept)
	return nil
}
