package feed

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

// Coverage is what arrives of each audit log, what share of it was scored, and what detectors see of it.
type Coverage struct {
	Day     string          `json:"day"`     // of the counts of today, in UTC: 2006-01-02
	Days    int             `json:"days"`    // up to and with today, that SourceState.Recent counts
	Sources []SourceState   `json:"sources"` // by title
	Streams []StreamState   `json:"streams"` // of APIs
	Unwell  []string        `json:"unwell"`  // why not everything works, a sentence each
	Kinds   []DetectorState `json:"detectors"`
	// Since is from when on the kinds of events are counted that Kinds rests on; zero if none has come since.
	Since time.Time `json:"kinds_counted_since,omitzero"`
	// Undecoded is how many records could not be decoded, in all.
	Undecoded int `json:"not_decoded"`
}

// SourceState is what arrives of one audit log.
type SourceState struct {
	Source  string        `json:"source"` // short name
	Title   string        `json:"title"`
	Through []string      `json:"through"`         // sources of the configuration that deliver it
	Events  int64         `json:"events"`          // since they were first read
	Hourly  int64         `json:"events_per_hour"` // over the last hour, or since the daemon started
	Newest  time.Time     `json:"newest,omitzero"` // time of the newest event; zero for files that state none
	Lag     time.Duration `json:"usual_lag_ns"`    // how late events usually are at most; below 0 if that is not known
	Today   Counts        `json:"today"`           // what came today
	Recent  Counts        `json:"recent"`          // what came on the days that are known
	Unknown float64       `json:"unknown_people"`  // share of recent actions by users that are unknown: 0 to 1
}

// Counts are what became of records.
type Counts struct {
	Received   int64 `json:"received"`
	Scored     int64 `json:"scored"`     // new ones that were processed
	Delayed    int64 `json:"delayed"`    // of those scored: received more than a day after they happened
	Repeated   int64 `json:"repeated"`   // that had come before
	Late       int64 `json:"late"`       // left out: before the oldest baselines that are kept
	Ahead      int64 `json:"ahead"`      // left out: dated more than a day after they were received
	Erased     int64 `json:"erased"`     // left out: erased on request
	Unreadable int64 `json:"unreadable"` // left out: damaged, or of a later version
}

// Share returns what share of the new records was scored, in percent rounded down: 100 says that none was left out. It
// is NaN if there were none. What was erased had been scored before.
func (c *Counts) Share() float64 {
	all := c.Scored + c.Late + c.Ahead + c.Unreadable
	if all == 0 {
		return math.NaN()
	}
	return math.Floor(1e4*float64(c.Scored)/float64(all)) / 100
}

// Scoring says in words what share of the new records was scored.
func (c *Counts) Scoring() string {
	if x := c.Share(); !math.IsNaN(x) {
		return fmt.Sprintf("%.4g %%", x)
	}
	return "nothing new"
}

// LeftOut says in words what was not scored, and why; "" if everything was.
func (c *Counts) LeftOut() string {
	var list []string
	for _, x := range []struct {
		n   int64
		why string
	}{
		{c.Late, "too late"}, {c.Ahead, "dated ahead"}, {c.Erased, "erased"}, {c.Unreadable, "unreadable"},
	} {
		if x.n > 0 {
			list = append(list, plain.Number(x.n)+" "+x.why)
		}
	}
	return strings.Join(list, ", ")
}

// StreamState is how reading one stream of an API goes.
type StreamState struct {
	Source  string    `json:"source"` // name in the configuration
	Stream  string    `json:"stream"`
	Events  int64     `json:"events"`
	Asked   time.Time `json:"asked,omitzero"`    // when it last answered
	Failing string    `json:"failing,omitempty"` // why it does not answer; "" if it does
	Gaps    []string  `json:"gaps"`              // what cannot be read any more, a sentence each
}

// The states of a detector.
const (
	FullView    = "full"    // what it needs arrives in every source that delivers
	PartialView = "partial" // in some of them
	NoView      = "none"    // in none of them
	UnknownView = "unknown" // not known: nothing has come since kinds are counted
)

// DetectorState is what a detector sees.
type DetectorState struct {
	Detector string   `json:"detector"` // name
	Title    string   `json:"title"`
	State    string   `json:"state"`   // full, partial, none or unknown
	Sees     []string `json:"sees"`    // titles of sources in which what it needs arrives
	Missing  []string `json:"missing"` // exports, licences or switches that sources lack which deliver
	Absent   []string `json:"absent"`  // titles of sources that it could use and that do not deliver
}

// oldAfter is from what age on the newest record of a source is flagged.
const oldAfter = 48 * time.Hour

// Old reports whether the newest record is so old that the source may have stopped.
func (x *SourceState) Old(now time.Time) bool {
	return !x.Newest.IsZero() && now.Sub(x.Newest) > oldAfter
}

// Rate is how many events an hour come, in words.
func (x *SourceState) Rate() string { return plain.Number(x.Hourly) + " an hour" }

// Lateness says in words how late events usually are.
func (x *SourceState) Lateness() string {
	switch {
	case x.Lag < 0:
		return "not known yet"
	case x.Lag < time.Minute:
		return "under a minute"
	}
	return "up to " + plain.Duration(x.Lag)
}

// Headline sums up the page.
func (v *coverageView) Headline() string {
	old, today := 0, Counts{}
	for i := range v.Sources {
		x := &v.Sources[i]
		if x.Old(v.Now) {
			old++
		}
		today.Scored += x.Today.Scored
		today.Late += x.Today.Late
		today.Ahead += x.Today.Ahead
		today.Unreadable += x.Today.Unreadable
	}
	line := plain.CountOf(len(v.Sources), "source", "sources")
	if old > 0 {
		line += fmt.Sprintf(", %d without a record of the last two days", old)
	}
	if share := today.Share(); !math.IsNaN(share) {
		line += ". Scored today: " + today.Scoring() + " of new records"
	}
	return line + "."
}

// missingPart is something that sources lack, with the detectors that would see more with it.
type missingPart struct {
	What      string
	Detectors []string // titles
}

// Missing returns what sources lack that deliver, what most detectors need first.
func (c *Coverage) Missing() (list []missingPart) {
	at := map[string]int{}
	for _, d := range c.Kinds {
		for _, what := range d.Missing {
			if _, known := at[what]; !known {
				at[what] = len(list)
				list = append(list, missingPart{What: what})
			}
			list[at[what]].Detectors = append(list[at[what]].Detectors, d.Title)
		}
	}
	slices.SortStableFunc(list, func(a, b missingPart) int {
		return cmp.Or(cmp.Compare(len(b.Detectors), len(a.Detectors)), cmp.Compare(a.What, b.What))
	})
	return list
}

// viewGroup is the detectors of one state.
type viewGroup struct {
	State     string
	Title     string
	Detectors []DetectorState
}

// Groups returns the detectors by state, those that see nothing first.
func (c *Coverage) Groups() (list []viewGroup) {
	for _, g := range []viewGroup{
		{State: NoView, Title: "No visibility"},
		{State: PartialView, Title: "Partial"},
		{State: FullView, Title: "Full"},
		{State: UnknownView, Title: "Not known yet"},
	} {
		for _, d := range c.Kinds {
			if d.State == g.State {
				g.Detectors = append(g.Detectors, d)
			}
		}
		if len(g.Detectors) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// Summary counts the detectors by state.
func (c *Coverage) Summary() string {
	var parts []string
	for _, g := range c.Groups() {
		parts = append(parts, fmt.Sprintf("%s: %d", g.Title, len(g.Detectors)))
	}
	return strings.Join(parts, " · ")
}

// coverageView is the data of the page about coverage.
type coverageView struct {
	frame
	*Coverage
	Usual *report.Usual // how much is known of what is usual here
}

// coverageData returns the coverage as of now.
func (s *Server) coverageData(r *http.Request) (*Coverage, error) {
	if s.Coverage == nil {
		return nil, refuse(http.StatusNotFound, "this process does not know what arrives")
	}
	return s.Coverage(r.Context())
}

// coverageNow answers the coverage.
func (s *Server) coverageNow(w http.ResponseWriter, r *http.Request, _ *reader) error {
	c, err := s.coverageData(r)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, c)
}

// coveragePage serves the coverage. It is about the data and about no person: viewing it is not in the audit log.
func (s *Server) coveragePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, err := s.coverageData(r)
	if err != nil {
		return err
	}
	v := &coverageView{frame: frame{Title: "Coverage", Who: who.Token, At: "/coverage"}, Coverage: c}
	if _, v.Usual, err = s.coverage(r.Context(), s.Now(), queueDays, -1); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "coverage.html", v)
}
