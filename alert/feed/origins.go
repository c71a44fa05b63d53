package feed

import (
	"cmp"
	"slices"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/finding"
)

// mostOrigins is how many networks, countries, devices and clients of a person are listed.
const mostOrigins = 8

// usualOrigins are where and with what a user works.
type usualOrigins struct {
	Days      int         `json:"days"`     // whose records state any of it
	Networks  []originUse `json:"networks"` // ranges of addresses, as baselines tell them apart
	Countries []originUse `json:"countries"`
	Devices   []originUse `json:"devices"`
	Clients   []originUse `json:"clients"` // programs: browsers, as people name them
	more      [4]int      // that are not listed, in this order
}

// originUse is on how many days a user came from a network or country, or with a device or client.
type originUse struct {
	What string    `json:"what"`
	Days int       `json:"days"`
	Last time.Time `json:"last"` // of these days
}

// originsOf sums up the days of a user, the most frequent of each kind first.
func originsOf(days []finding.Activity) (out usualOrigins) {
	counts := [4]map[string]*originUse{{}, {}, {}, {}}
	for i := range days {
		o := days[i].Origins
		if o == nil {
			continue
		}
		out.Days++
		at := time.UnixMilli(days[i].End - 12*time.Hour.Milliseconds()).UTC()
		clients := make([]string, len(o.Agents))
		for k, agent := range o.Agents {
			clients[k] = alert.AgentName(agent)
		}
		slices.Sort(clients)
		countries := make([]string, len(o.Countries))
		for k, c := range o.Countries {
			countries[k] = country.Name(c)
		}
		slices.Sort(countries)
		for k, list := range [][]string{o.Networks, slices.Compact(countries), o.Devices, slices.Compact(clients)} {
			for _, what := range list {
				u := counts[k][what]
				if u == nil {
					u = &originUse{What: what}
					counts[k][what] = u
				}
				u.Days, u.Last = u.Days+1, at
			}
		}
	}
	for k, to := range []*[]originUse{&out.Networks, &out.Countries, &out.Devices, &out.Clients} {
		list := []originUse{}
		for _, u := range counts[k] {
			list = append(list, *u)
		}
		slices.SortFunc(list, func(a, b originUse) int {
			return cmp.Or(cmp.Compare(b.Days, a.Days), b.Last.Compare(a.Last), cmp.Compare(a.What, b.What))
		})
		n := min(len(list), mostOrigins)
		*to, out.more[k] = list[:n], len(list)-n
	}
	return out
}

// mask replaces names: a device may be called after its owner.
func (o *usualOrigins) mask(text func(string) string) {
	for _, list := range [][]originUse{o.Networks, o.Countries, o.Devices, o.Clients} {
		for i := range list {
			list[i].What = text(list[i].What)
		}
	}
}

// originList is one of the lists on the page.
type originList struct {
	Title string
	List  []originUse
	More  int // that are not listed
}

// Lists returns the lists that have anything.
func (o usualOrigins) Lists() []originList {
	all := []originList{
		{"Networks", o.Networks, o.more[0]}, {"Countries", o.Countries, o.more[1]}, {"Devices", o.Devices, o.more[2]},
		{"Browsers and programs", o.Clients, o.more[3]},
	}
	return slices.DeleteFunc(all, func(l originList) bool { return len(l.List) == 0 })
}
