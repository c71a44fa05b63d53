package alert

import (
	"cmp"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/mail"
	"github.com/outflow/outflow/internal/plain"
)

// TopItems returns the n most telling items of the alert's evidence, the most telling first: those that
// reached somebody outside, then those with a sensitivity label, those of the strongest evidence, the
// largest, and those that the person touched for the first time. Items about one object, act and
// recipient count once, with the largest amount.
func (a *Alert) TopItems(n int) []Item {
	list := a.ranking()
	top := make([]Item, 0, min(n, len(list)))
	for i := range list[:min(n, len(list))] {
		top = append(top, *list[i].Item)
	}
	return top
}

// MoreItems is how many events the alert's evidence rests on beside its n top items. An event that
// several detectors rest on counts once.
func (a *Alert) MoreItems(n int) int {
	more := -min(n, len(a.ranking()))
	for i, own := range a.ownItems() {
		more += len(own) + a.Evidence[i].Unlisted
	}
	return more
}

// Brief returns the alert with its n top items only. Unlisted counts the others; an event that several
// detectors rest on counts for the first of them.
func (a *Alert) Brief(n int) Alert {
	list := a.ranking()
	list = list[:min(n, len(list))]
	out := *a
	out.Evidence = slices.Clone(a.Evidence)
	for i, own := range a.ownItems() {
		e := &out.Evidence[i]
		e.Items = nil
		for _, r := range list {
			if r.home == i {
				e.Items = append(e.Items, *r.Item)
			}
		}
		e.Unlisted += len(own) - len(e.Items)
		slices.SortStableFunc(e.Items, func(x, y Item) int { return x.Time.Compare(y.Time) })
	}
	return out
}

// ownItems returns for each evidence the items that no evidence before it has.
func (a *Alert) ownItems() [][]*Item {
	seen := map[string]bool{}
	own := make([][]*Item, len(a.Evidence))
	for i := range a.Evidence {
		listed := map[string]bool{} // repeats within one evidence are events of their own
		for k := range a.Evidence[i].Items {
			item := &a.Evidence[i].Items[k]
			id := item.Identity()
			if !seen[id] {
				own[i] = append(own[i], item)
			}
			listed[id] = true
		}
		maps.Copy(seen, listed)
	}
	return own
}

// ranking returns the items, the most telling first.
func (a *Alert) ranking() (list []ranked) {
	at := map[string]int{}
	for i, own := range a.ownItems() {
		for _, item := range own {
			r := a.rank(item, i)
			j, known := at[r.key()]
			switch {
			case !known:
				at[r.key()] = len(list)
				list = append(list, r)
			case r.amount > list[j].amount:
				r.evidence = list[j].evidence
				list[j] = r
			}
		}
	}
	slices.SortStableFunc(list, func(x, y ranked) int {
		return cmp.Or(
			cmp.Compare(y.reach, x.reach),
			compareTrue(y.Object.Label != "", x.Object.Label != ""),
			cmp.Compare(x.evidence, y.evidence),
			cmp.Compare(y.amount, x.amount),
			compareTrue(y.First, x.First),
			x.Time.Compare(y.Time),
		)
	})
	return list
}

// compareTrue compares two conditions: false comes before true.
func compareTrue(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// ranked is an item with what decides how telling it is.
type ranked struct {
	*Item
	home     int   // index of its evidence
	evidence int   // index of the strongest evidence that has an item of the same key
	reach    int   // 2 for everybody, 1 for somebody outside, 0 for nobody that is known to be outside
	amount   int64 // rows, or bytes
}

// Identity is the same for an event in the evidence of several detectors: by the record, or else by what the item tells.
func (i *Item) Identity() string {
	if i.RecordID != "" {
		return i.Source + "\x00" + i.RecordID
	}
	return i.Time.String() + "\x00" + i.key()
}

// key is the same for items that tell the same.
func (i *Item) key() string {
	return strings.Join([]string{
		i.Source, i.Activity, i.Outcome, i.Actor, i.Object.ID, i.Object.Container, i.Object.Name, i.Detail, i.Client.IP,
		strings.Join(i.Recipients, " "),
	}, "\x00")
}

// rank returns an item of the alert's evidence with what decides how telling it is.
func (a *Alert) rank(i *Item, evidence int) ranked {
	r := ranked{Item: i, home: evidence, evidence: evidence, amount: max(i.Rows, i.Bytes, i.Object.Size)}
	switch i.Visibility {
	case "public", "public_link":
		r.reach = 2
	case "external":
		r.reach = 1
	}
	for _, to := range i.Recipients {
		switch {
		case to == "*":
			r.reach = 2
		case a.outside(to):
			r.reach = max(r.reach, 1)
		}
	}
	return r
}

// outside reports whether a recipient is known to be of another organisation than the alert's person.
// Of a person under a pseudonym the domain is not known: there the organisation's recipients have
// pseudonyms, too.
func (a *Alert) outside(recipient string) bool {
	domain := strings.ToLower(mail.Domain(recipient))
	own := strings.ToLower(mail.Domain(a.User))
	switch {
	case domain == "":
		return false
	case mail.Consumer(domain):
		return own != domain
	case own != "":
		return domain != own && !strings.HasSuffix(domain, "."+own)
	}
	return strings.HasPrefix(a.User, "P-")
}

// acts are the kinds of action that a list of objects does not say by itself.
var acts = map[string]string{
	"account_locked":   "account locked",
	"admin_grant":      "granted",
	"admin_revoke":     "revoked",
	"app_access":       "signed in to",
	"delete":           "deleted",
	"edit":             "edited",
	"fetch":            "fetched",
	"guard_change":     "public access block changed:",
	"label_change":     "label changed:",
	"list":             "listed",
	"login_failure":    "sign-in failed",
	"login_success":    "signed in",
	"logout":           "signed out",
	"mail_rule":        "mail rule set",
	"membership_add":   "member added to",
	"mfa_challenge":    "second factor asked for",
	"mfa_denied":       "second factor denied",
	"mfa_disabled":     "second factor removed",
	"mfa_enabled":      "second factor enrolled",
	"network_close":    "ingress closed:",
	"network_open":     "ingress opened:",
	"offboard":         "account disabled:",
	"permission_grant": "granted",
	"policy_change":    "policy set on",
	"push":             "pushed to",
	"rename":           "renamed",
	"report_run":       "report viewed:",
	"tamper":           "logging changed:",
	"token_grant":      "authorised",
	"token_revoke":     "revoked",
	"unshare":          "access removed from",
	"upload":           "uploaded",
	"view":             "viewed",
}

// Most characters of an item's parts, and most recipients in its line.
const (
	maxItemName   = 80
	maxItemPlace  = 60
	maxItemDetail = 80
	maxItemTo     = 2
)

// Text returns the item as one line in plain words, without control characters: "report.xlsx, 2.1 MB,
// /Finance, to gmail.com". It says what the log states, and nothing of what it does not.
func (i *Item) Text() string {
	act, known := acts[i.Activity]
	name, place, detail := plain.Clip(i.Object.Name, maxItemName), place(i.Object.Container), plain.Clip(i.Detail, maxItemDetail)
	switch i.Activity {
	case "other", "cloud_change", "cloud_read", "config_change", "derived", "vendor_alert":
		act = i.Action
	case "admin_grant", "admin_revoke", "permission_grant": // what is granted comes before to whom
		if role := i.Named("role"); role != "" {
			if len(i.Recipients) == 0 {
				place = name
			}
			name, detail = plain.Clip(role, maxItemName), ""
		}
	case "guard_change":
		if block := i.Named("public access block"); block != "" {
			act, detail = "public access block "+plain.Clip(block, maxItemName)+":", ""
		}
	case "network_open", "network_close":
		if rule := i.Named("rule"); rule != "" {
			name, place, detail = plain.Clip(rule, maxItemName), cmp.Or(name, place), ""
		}
	}
	if name == "" && place != "" {
		name, place = place, ""
	}
	if name == "" && !known {
		name = plain.Clip(cmp.Or(i.Object.ID, i.Object.Type, act, i.Action), maxItemName)
	}
	first := strings.TrimSpace(act + " " + name)
	if name == "" || name == act {
		first = strings.TrimSuffix(act, ":")
	}
	parts := append([]string{upperFirst(first, known)}, i.Amounts()...)
	for _, p := range []string{place, detail, i.label(), i.to(), i.by(), i.from()} {
		if p != "" && p != name && !strings.HasPrefix(name, p+"/") { // a repository's name has its owner
			parts = append(parts, p)
		}
	}
	switch i.Outcome {
	case "":
	case "failure":
		parts = append(parts, "failed")
	default:
		parts = append(parts, i.Outcome)
	}
	return printable(strings.Join(parts, ", "))
}

// Named returns the part of Detail with a name, such as role; "" if it has none.
func (i *Item) Named(name string) string {
	for part := range strings.SplitSeq(i.Detail, "; ") {
		if value, ok := strings.CutPrefix(part, name+": "); ok {
			return value
		}
	}
	return ""
}

// by says who acted, where that is nobody who signed in, or somebody with an address who is not the person.
func (i *Item) by() string {
	switch {
	case i.Actor == event.Anonymous.String():
		return "without a sign-in"
	case strings.Contains(i.Actor, "@"):
		return "by " + plain.Clip(i.Actor, maxItemPlace)
	}
	return ""
}

// opaqueLabel is a label that the log names by its id only.
var opaqueLabel = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}$`)

// upperFirst returns a text with its first letter in upper case, if it begins with words of ours.
func upperFirst(s string, ours bool) string {
	if !ours {
		return s
	}
	c, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(c)) + s[size:]
}

// Amounts says how much was taken: rows, objects, bytes, each with its unit.
func (i *Item) Amounts() (list []string) {
	switch {
	case i.Rows > 0:
		list = append(list, plain.CountOf(int(i.Rows), "row", "rows"))
	case i.Rows < 0:
		list = append(list, "row count not logged")
	}
	if i.Count > 1 {
		list = append(list, plain.CountOf(int(i.Count), "object", "objects"))
	}
	if size := cmp.Or(max(i.Bytes, 0), max(i.Object.Size, 0)); size > 0 {
		list = append(list, plain.Size(float64(size)))
	}
	return list
}

// place is the container of an object as people know it: without scheme and host.
func place(container string) string {
	if _, rest, ok := strings.Cut(container, "://"); ok {
		if _, path, ok := strings.Cut(rest, "/"); ok && path != "" {
			rest = "/" + path
		}
		container = strings.TrimSuffix(rest, "/")
	}
	return plain.Clip(container, maxItemPlace)
}

// label says which sensitivity label the object has.
func (i *Item) label() string {
	if i.Object.Label == "" {
		return ""
	}
	if opaqueLabel.MatchString(i.Object.Label) {
		return "with a sensitivity label"
	}
	return "labelled " + plain.Clip(i.Object.Label, maxItemPlace)
}

// to says who received it.
func (i *Item) to() string {
	var names []string
	for _, r := range i.Recipients {
		if r = plain.Clip(strings.TrimPrefix(r, "@"), maxItemPlace); r == "*" {
			r = "anybody"
		}
		if r != "" && !slices.Contains(names, r) {
			names = append(names, r)
		}
	}
	more := len(names) - maxItemTo
	switch {
	case len(names) == 0 && i.Visibility == "public_link":
		return "to anybody with the link"
	case len(names) == 0 && i.Visibility == "public":
		return "to anybody"
	case len(names) == 0:
		return ""
	case more > 0:
		return "to " + strings.Join(names[:maxItemTo], ", ") + " and " + plain.Count(more) + " more"
	}
	return "to " + strings.Join(names, " and ")
}

// from says where somebody signed in from.
func (i *Item) from() string {
	switch i.Activity {
	case "login_success", "login_failure", "mfa_challenge", "mfa_denied", "account_locked", "app_access":
	default:
		return ""
	}
	if _, err := netip.ParseAddr(i.Client.IP); err != nil {
		return ""
	}
	if i.Client.Country == "" {
		return "from " + i.Client.IP
	}
	return "from " + i.Client.IP + " (" + plain.Clip(country.Name(i.Client.Country), maxItemPlace) + ")"
}
