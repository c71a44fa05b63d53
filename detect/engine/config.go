package engine

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
	"github.com/outflow/outflow/internal/sigma"
)

// Config is the configuration of an engine. All of it but Detectors may be empty.
type Config struct {
	Detectors        *Catalog // what is scored; required
	ForbiddenDomains []string // nothing may be shared with: competitors, say
	TopLabels        []string // names or ids of the sensitivity labels of the highest tier
	// AWSAccounts are the organisation's own accounts, beside those its logs come from, and its own
	// organisations (o-…) and canonical user ids.
	AWSAccounts []string
	Exceptions  []Exception // what is known and wanted
	Watchlists  []Watchlist // whose alerts gain weight, by their names
	OptOuts     []OptOut    // who must not be looked at, and for what
	Rules       *sigma.Set  // rules of the organisation's own; nil for none
	// Verdicts lists the decisions about alerts, in any order, also those that later ones have replaced. It is
	// called at the end of an hour; nil for none. What has happened before a decision is scored without it.
	Verdicts func() []Verdict
	// Shards is the number of parts that people are divided into (ShardOf); 0 stands for one.
	Shards int
	// Mine are the shards that the engine scores; nil for all of them. It must be given all
	// events all the same.
	Mine []int
	// Exchange is called at the end of an hour (hours since 1970) if there is more than one
	// shard. It is given the deltas of the engine's shards (empty ones are left out), and
	// returns those of the other shards, in any order, once it has all of them.
	Exchange func(hour int64, deltas map[int][]byte) (others [][]byte, err error)

	Unpacked int    // how many people are kept unpacked in memory; 0 for 20,000
	TempDir  string // where the others are kept, in an unnamed file; "" for the system's place
}

// Exception is something that is known and wanted: a backup application, a
// partner's domain, a window for changes. What it covers is not scored, and not
// learned from. All conditions that are stated must hold; at least one of App,
// Domain, User and Detectors must be.
type Exception struct {
	Name      string    // of the exception, for reports about it
	App       string    // id or name of the application that acts
	Domain    string    // of a recipient
	User      string    // who acts, as in the alerts
	Detectors []string  // for these only; all of them if empty
	From      time.Time // from this moment on; the zero time for always
	Until     time.Time // before this moment; the zero time for always
	Owner     string    // who answers for it
	Reason    string    // why it is wanted
}

// Label is what people call the exception: its name, or what it covers.
func (x *Exception) Label() string {
	return cmp.Or(x.Name, x.App, x.Domain, x.User, strings.Join(x.Detectors, " "))
}

// Check returns what is wrong with a configuration, or nil.
func (c *Config) Check() error {
	if c.Detectors == nil {
		return errors.New("there are no detectors")
	}
	for i := range c.OptOuts {
		if err := c.OptOuts[i].check(c.Detectors); err != nil {
			return fmt.Errorf("indicators_off %d: %w", i+1, err)
		}
	}
	named := map[string]bool{}
	for i := range c.Watchlists {
		w := &c.Watchlists[i]
		if err := w.Check(); err != nil {
			return fmt.Errorf("watchlist %d (%s): %w", i+1, w.Name, err)
		}
		if named[w.Name] {
			return fmt.Errorf("watchlist %d (%s): another one has the name", i+1, w.Name)
		}
		named[w.Name] = true
	}
	for i := range c.Exceptions {
		x := &c.Exceptions[i]
		switch {
		case x.App == "" && x.Domain == "" && x.User == "" && len(x.Detectors) == 0:
			return fmt.Errorf("exception %d (%s) covers everything: it needs an app, a domain, a user or detectors", i+1, x.Name)
		case x.Owner == "" || x.Reason == "":
			return fmt.Errorf("exception %d (%s) needs an owner and a reason", i+1, x.Name)
		case !x.Until.IsZero() && !x.Until.After(x.From):
			return fmt.Errorf("exception %d (%s) ends before it begins", i+1, x.Name)
		}
		for _, name := range x.Detectors {
			if _, known := c.Detectors.detected[name]; !known {
				return fmt.Errorf("exception %d (%s): there is no detector %q", i+1, x.Name, name)
			}
		}
	}
	return nil
}

// config is a Config that is ready to be asked.
type config struct {
	catalog   *Catalog
	forbidden map[string]bool
	topLabels map[string]bool
	accounts  map[string]bool
	// organizations says that the organisation's own are among the accounts: any other is foreign.
	organizations bool
	exceptions    []exception
	optOuts       []OptOut
	watchlists    []watchlist
	unpacked      int
	lanes         int
	shards        int
	mine          []int
	exchange      func(hour int64, deltas map[int][]byte) (others [][]byte, err error)
	verdicts      func() []Verdict

	rules        *sigma.Set
	correlations []*sigma.Rule
}

// exception is an Exception with what it has covered.
type exception struct {
	Exception
	only  uint64 // its detectors, a bit each; all bits for all
	mu    *sync.Mutex
	acts  int
	users map[string]bool
}

func (c *Config) prepare() (out config) {
	set := func(list []string, trim string) map[string]bool {
		m := map[string]bool{}
		for _, s := range list {
			m[strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), trim))] = true
		}
		return m
	}
	out.catalog, out.optOuts, out.unpacked, out.lanes = c.Detectors, c.OptOuts, cmp.Or(c.Unpacked, unpackedPeople), runtime.GOMAXPROCS(0)
	out.shards, out.mine, out.exchange, out.verdicts = max(c.Shards, 1), c.Mine, c.Exchange, c.Verdicts
	if out.mine == nil {
		for s := range out.shards {
			out.mine = append(out.mine, s)
		}
	}
	out.forbidden, out.topLabels, out.accounts = set(c.ForbiddenDomains, "@"), set(c.TopLabels, ""), set(c.AWSAccounts, "aws:")
	for id := range out.accounts {
		out.organizations = out.organizations || strings.HasPrefix(id, "o-")
	}
	if out.rules = c.Rules; out.rules != nil {
		for _, r := range out.rules.Rules {
			if r.Correlation != nil {
				out.correlations = append(out.correlations, r)
			}
		}
	}
	for i := range c.Watchlists {
		out.watchlists = append(out.watchlists, c.Watchlists[i].prepare())
	}
	for _, x := range c.Exceptions {
		p := exception{Exception: x, mu: new(sync.Mutex), users: map[string]bool{}}
		for _, name := range x.Detectors {
			p.only |= 1 << c.Detectors.detected[name]
		}
		if len(x.Detectors) == 0 {
			p.only = ^uint64(0)
		}
		p.Domain = strings.ToLower(strings.TrimPrefix(x.Domain, "@"))
		out.exceptions = append(out.exceptions, p)
	}
	return out
}

// covers says whether the exception holds for an act, whatever the detector.
func (x *exception) covers(a *detect.Enriched) bool {
	switch {
	case !x.From.IsZero() && a.Time < x.From.UnixMilli(), !x.Until.IsZero() && a.Time >= x.Until.UnixMilli():
		return false
	case x.App != "" && !strings.EqualFold(bare(a.Client.App), x.App) && !strings.EqualFold(a.AppName(), x.App):
		return false
	case x.User != "" && !strings.EqualFold(x.User, a.Person):
		return false
	case x.Domain != "" && !slices.ContainsFunc(a.To, func(r event.Recipient) bool { return within(mail.Domain(r.Account), x.Domain) }):
		return false
	}
	return true
}

// within says whether a domain is another one, or below it.
func within(domain, of string) bool {
	return domain == of || strings.HasSuffix(domain, "."+of)
}

// excepted returns the detectors, a bit each, that exceptions keep from scoring
// an act.
func (e *Engine) excepted(a *detect.Enriched) (mask uint64) {
	for i := range e.config.exceptions {
		if x := &e.config.exceptions[i]; x.covers(a) {
			mask |= x.only
		}
	}
	return mask
}

// spared notes what an act would have been scored by, but for exceptions.
func (e *Engine) spared(a *detect.Enriched, by uint64) {
	for i := range e.config.exceptions {
		if x := &e.config.exceptions[i]; x.only&by != 0 && x.covers(a) {
			x.mu.Lock()
			x.acts++
			x.users[a.Person] = true
			x.mu.Unlock()
		}
	}
}

// Covered is what an exception has kept from being scored.
type Covered struct {
	Exception
	Acts  int // events that would have been scored otherwise
	Users int // people that the events belong to
}

// Covered says what each exception has covered since the engine was made.
func (e *Engine) Covered() (list []Covered) {
	for _, x := range e.config.exceptions {
		list = append(list, Covered{x.Exception, x.acts, len(x.users)})
	}
	return list
}
