package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// Owner is the list of a user's exposures that nobody has closed. It is for the user, who knows
// whether they are intended.
type Owner struct {
	User  string      `json:"user"`  // account of the user
	Made  time.Time   `json:"made"`  // when the list was made
	Items []OwnerItem `json:"items"` // the oldest first
}

// OwnerItem is one exposure, and how to close it.
type OwnerItem struct {
	What   string    `json:"what"`           // in plain words
	Opened time.Time `json:"opened"`         // since when it is open
	Days   int       `json:"days"`           // whole days since then
	How    string    `json:"how"`            // instructions
	Link   string    `json:"link,omitempty"` // the vendor's page about it
	Alert  string    `json:"alert"`          // ID of the alert
}

// MakeOwners returns the lists of all users with open exposures that they can close themselves, without
// service accounts, by user; of one user if only is not empty. Not everybody may be given theirs: see Withhold.
func MakeOwners(in *Input, only string) []Owner {
	by := map[string]*Owner{}
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if a.Health || a.Service || a.User == "" || a.Severity < alert.Low || only != "" && !strings.EqualFold(a.User, only) {
			continue
		}
		for j := range a.Exposures {
			x := &a.Exposures[j]
			if x.Closed != nil || !ownersMayClose(a, x) {
				continue
			}
			o := by[a.User]
			if o == nil {
				o = &Owner{User: a.User, Made: in.Reported}
				by[a.User] = o
			}
			r := RemedyOf(a, x)
			o.Items = append(o.Items, OwnerItem{clean(x.What), x.Opened, int(in.Now.Sub(x.Opened).Hours() / 24), r.How, r.Link, a.ID})
		}
	}

	list := []Owner{}
	for _, o := range by {
		slices.SortFunc(o.Items, func(a, b OwnerItem) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.What, b.What)) })
		list = append(list, *o)
	}

	slices.SortFunc(list, func(a, b Owner) int { return cmp.Compare(a.User, b.User) })
	return list
}

// Headline returns what the list is about in one line.
func (o *Owner) Headline() string {
	if len(o.Items) == 1 {
		return "1 item you shared is still open"
	}
	return plain.Count(len(o.Items)) + " items you shared are still open"
}

// Decision is what was decided about an alert in the feed.
type Decision struct {
	Status string    // the feed's name of it; empty if nobody has decided
	Closed bool      // nobody works on it any more
	True   bool      // it was confirmed: the activity was what the alert reports, and not meant
	Who    string    // who decided
	At     time.Time // when
	Note   string    // the reason
	// Assignee is who works on it; empty if that is not known.
	Assignee string
}

// Withheld is a user who is not given their list, because it would tell them of an investigation.
type Withheld struct {
	User  string   // account of the user
	Items int      // how many are on the list
	Why   []string // reasons, a clause each
}

// Withhold takes the lists of those out who should not learn from one that somebody looks at them: who leaves, or
// has an alert of high severity or above in a case that is not closed, or that was confirmed.
func Withhold(in *Input, list []Owner) (give []Owner, withheld []Withheld) {
	why := in.watchedUsers()
	for _, o := range list {
		if reasons := why[strings.ToLower(o.User)]; len(reasons) > 0 {
			withheld = append(withheld, Withheld{o.User, len(o.Items), reasons})
			continue
		}
		if clause := leaverList(in.watchlists(o.User)); clause != "" {
			withheld = append(withheld, Withheld{o.User, len(o.Items), []string{clause}})
			continue
		}
		give = append(give, o)
	}
	return give, withheld
}

// watchedUsers returns, by account in lower case, why users should not learn that somebody looks at them.
func (in *Input) watchedUsers() map[string][]string {
	why := map[string][]string{}
	for _, l := range in.Leavers {
		said := "leaving"
		switch {
		case !l.LastDay.IsZero():
			said += ", last day " + l.LastDay.Format(time.DateOnly)
		case !l.Notice.IsZero():
			said += ", notice " + l.Notice.Format(time.DateOnly)
		}
		user := strings.ToLower(l.User)
		why[user] = append(why[user], said)
	}

	cases := map[string][]*alert.Alert{}
	for i := range in.Alerts {
		a := &in.Alerts[i]
		if a.User != "" && !a.Health {
			id := cmp.Or(a.Case, a.ID)
			cases[id] = append(cases[id], a)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(cases)) {
		list := cases[id]
		said := in.underWay(list)
		if said == "" {
			continue
		}
		for _, a := range list {
			if user := strings.ToLower(a.User); !slices.Contains(why[user], said) {
				why[user] = append(why[user], said)
			}
		}
	}
	return why
}

// underWay says why the people of a case should not be told of it; "" if they may be.
func (in *Input) underWay(list []*alert.Alert) string {
	var worst, open *alert.Alert
	for _, a := range list {
		if worst == nil || a.Severity > worst.Severity || a.Severity == worst.Severity && a.Time.After(worst.Time) {
			worst = a
		}
		if !in.Decisions[a.ID].Closed && (open == nil || a.Severity > open.Severity) {
			open = a
		}
	}
	d := in.Decisions[worst.ID]
	switch {
	case worst.Severity < alert.High:
		return ""
	case !d.Closed:
		return fmt.Sprintf("%s alert %s is %s", worst.Severity, short(worst.ID), cmp.Or(d.Status, "open"))
	case d.True:
		return fmt.Sprintf("%s alert %s was confirmed", worst.Severity, short(worst.ID))
	case open != nil:
		return fmt.Sprintf("alert %s of the same case as %s alert %s is %s", short(open.ID), worst.Severity, short(worst.ID),
			cmp.Or(in.Decisions[open.ID].Status, "open"))
	}
	return ""
}

// short is the beginning of an alert's ID, as lists show it.
func short(id string) string { return id[:min(len(id), 8)] }

// leaverWords are words that the name or the reason of a watchlist of leavers has.
var leaverWords = []string{"leav", "offboard", "depart", "resign", "terminat", "notice"}

// leaverList returns which of the watchlists, a clause each, is one of leavers; "" if none.
func leaverList(clauses []string) string {
	for _, c := range clauses {
		low := strings.ToLower(c)
		if slices.ContainsFunc(leaverWords, func(w string) bool { return strings.Contains(low, w) }) {
			return clean(c)
		}
	}
	return ""
}
