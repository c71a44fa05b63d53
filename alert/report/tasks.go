package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/plain"
)

// Task is one thing to do.
type Task struct {
	Do       string         `json:"do"`               // an imperative
	Owner    string         `json:"owner"`            // who should do it
	Person   string         `json:"person,omitempty"` // user of the alert; empty if it is about the data
	Title    string         `json:"title"`            // of the alert
	Facts    []string       `json:"facts"`            // of the alert, the most telling first
	Severity alert.Severity `json:"severity"`         // of the alert
	Since    time.Time      `json:"since"`            // when it was exposed, or when the alert was raised
	Days     int            `json:"days"`             // whole days since then, at the end of the week
	Open     bool           `json:"open"`             // something is exposed or disabled still
	Alert    string         `json:"alert"`            // ID of the alert
}

// waits is how long before the week an alert was raised at most that nobody has closed, to be a task of
// the week. What is exposed is one as long as it is.
const waits = 21 * 24 * time.Hour

// tasks returns what is to be done about an alert at the end of the week: to close what is open, or else to
// ask.
func (d *Digest) tasks(in *Input, a *alert.Alert) (list []Task) {
	if a.Severity < alert.Medium || a.Health || !a.Time.Before(d.To) {
		return nil
	}
	t := Task{
		Person:   a.User,
		Title:    clean(a.Title),
		Facts:    []string{},
		Severity: a.Severity,
		Alert:    a.ID,
	}
	for _, f := range a.Facts {
		t.Facts = append(t.Facts, clean(f.Text))
	}
	for i := range a.Exposures {
		x := &a.Exposures[i]
		if x.Closed != nil || !x.Opened.Before(d.To) {
			continue
		}
		t.Do, t.Owner, t.Since, t.Open = undo(a, x), closer(a, x), x.Opened, true
		list = append(list, t)
	}
	decided := in.Decisions[a.ID]
	if len(list) > 0 || decided.Closed || a.Time.Before(d.From.Add(-waits)) {
		return list
	}
	t.Do, t.Owner, t.Since, t.Open = ask(a), cmp.Or(clean(decided.Assignee), asker(in, a)), a.Time, false
	return append(list, t)
}

// addTasks adds the gravest tasks, the oldest of them first, one of each case. What else of the case is
// open is counted.
func (d *Digest) addTasks(all []Task, caseOf map[string]string) {
	slices.SortStableFunc(all, func(a, b Task) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Since.Compare(b.Since), cmp.Compare(a.Alert, b.Alert))
	})
	at, more := map[string]int{}, map[string]int{}
	var list []Task
	for _, t := range all {
		of := caseOf[t.Alert]
		if _, known := at[of]; known {
			if t.Open {
				more[of]++
			}
			continue
		}
		at[of] = len(list)
		list = append(list, t)
	}
	for of, n := range more {
		t := &list[at[of]]
		switch {
		case t.Open:
			t.Do += fmt.Sprintf(", and %d more of this case", n)
		default:
			t.Do += fmt.Sprintf(", and close %s of this case", plural(n, "exposure"))
		}
	}
	d.TaskCount = len(list)
	for i := range list[:min(len(list), actOn)] {
		t := list[i]
		t.Days = int(d.end().Sub(t.Since).Hours() / 24)
		d.Tasks = append(d.Tasks, t)
	}
}

// Forms of what exposures say: names of things are in quotation marks, and have none in them.
var (
	quotedName = regexp.MustCompile(`"([^"]+)"`)
	portWords  = regexp.MustCompile(`\bport (\d+(?: \([A-Za-z ]+\))?)`)
	portRule   = regexp.MustCompile(`\b(?:tcp|udp)/(\d+)-`)
)

// undo says how to close an exposure, as an imperative.
func undo(a *alert.Alert, x *alert.Exposure) string {
	detector, _ := openedIn(a, x)
	item := itemOf(a, x)
	thing := ""
	if m := quotedName.FindStringSubmatch(x.What); m != nil {
		thing = m[1]
	}
	if item != nil {
		thing = cmp.Or(item.Object.Name, item.Object.ID, item.Object.Container, thing)
	}
	named := func(before, after string) string {
		if thing == "" {
			return ""
		}
		return before + `"` + plain.Clip(thing, 60) + `"` + after
	}
	said := ""
	switch detector {
	case "public_link":
		said = named("Close the link on ", "")
	case "bucket_public":
		said = named("Make ", " private")
	case "public_access_guard":
		said = cmp.Or(named("Switch Block Public Access back on for ", ""), "Switch Block Public Access back on for the account")
	case "security_group_open":
		said = named("Close "+port(x.What, item)+"to the internet on ", "")
	case "snapshot_shared":
		said = named("Stop sharing ", "")
	case "admin_grant", "self_grant":
		said = takeAway(a, item)
	case "logging_disabled":
		said = named("Switch logging back on for ", "")
	case "mail_forwarding":
		said = "Remove the mail forwarding of " + a.User
	case "mfa_removed":
		said = "Have " + a.User + " enrol a second factor"
	case "sharing_policy", "authentication_policy":
		said = "Set the policy back, or confirm the change: " + x.What
	}
	return clean(cmp.Or(said, "Undo: "+x.What))
}

// itemOf returns the item of an alert that an exposure began with; nil if it is not known.
func itemOf(a *alert.Alert, x *alert.Exposure) *alert.Item {
	detector, _ := openedIn(a, x)
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items {
			if item := &a.Evidence[i].Items[k]; a.Evidence[i].Detector == detector && item.Time.Equal(x.Opened) {
				return item
			}
		}
	}
	return nil
}

// port names the port that a rule opens, and ends in a blank; "" if it is not known.
func port(what string, item *alert.Item) string {
	if m := portWords.FindStringSubmatch(quotedName.ReplaceAllString(what, "")); m != nil {
		return "port " + m[1] + " "
	}
	if item != nil {
		if m := portRule.FindStringSubmatch(item.Named("rule")); m != nil {
			return "port " + m[1] + " "
		}
	}
	return ""
}

// takeAway says whom to take a right from; "" if the item does not say which right, or who has it.
func takeAway(a *alert.Alert, item *alert.Item) string {
	if item == nil {
		return ""
	}
	right := item.Named("role")
	who := item.Object.Name
	if len(item.Recipients) > 0 {
		who = item.Recipients[0]
	}
	if strings.EqualFold(who, a.User) {
		who = a.User
	}
	if right == "" || who == "" {
		return ""
	}
	return "Remove " + plain.Clip(right, 60) + " from " + who
}

// closer says who can close an exposure.
func closer(a *alert.Alert, x *alert.Exposure) string {
	detector, sources := openedIn(a, x)
	admin := "Administrator"
	if len(sources) > 0 {
		var titles []string
		for _, s := range sources {
			titles = append(titles, sourceTitle(s))
		}
		admin = strings.Join(titles, " or ") + " administrator"
	}
	switch detector {
	case "public_link":
		return "Item owner or " + admin
	case "bucket_public", "public_access_guard", "security_group_open", "snapshot_shared":
		return "Resource owner or " + admin
	}
	return admin
}

// asks are what is to be done about alerts by detector. %s is the person.
var asks = map[string]string{
	"access_left_behind":       "Close what %s can still reach",
	"account_export":           "Ask %s who ordered the export of the account",
	"admin_grant":              "Find the ticket for the right that %s granted",
	"app_consent":              "Check the application that %s authorised",
	"app_download":             "Check the application that reads data for %s",
	"assistant_read":           "Check what the assistant of %s has read",
	"authentication_policy":    "Ask %s for the ticket of the sign-in change",
	"brute_force":              "Call %s to confirm the sign-in",
	"bucket_public":            "Ask %s why it was made public",
	"bulk_copy":                "Ask %s about the copied files",
	"bulk_download":            "Ask %s what the files were for",
	"chat_download":            "Ask %s about the files taken from chat",
	"compromise_takeout":       "Call %s to confirm the sign-in and what followed it",
	"credential_created":       "Ask %s whether they created the credential",
	"crm_export":               "Ask %s which reports were exported, and for whom",
	"crm_query":                "Ask %s which client queried the CRM",
	"endpoint_takeout":         "Ask %s for the medium that the files went to",
	"external_sharing":         "Check with %s what was shared outside",
	"forbidden_domain":         "Remove the forbidden domain's access, and ask %s",
	"label_downgrade":          "Ask %s why the label was lowered",
	"labelled_item":            "Ask %s whether the recipient is meant to have the item",
	"leaver_takeout":           "Go through the activity of %s with HR",
	"logging_disabled":         "Ask %s why logging was changed",
	"mail_forwarding":          "Ask %s about the mail rule",
	"mail_read":                "Check which client read the mail of %s",
	"mass_clone":               "Ask %s about the cloned repositories",
	"mass_deletion":            "Restore what %s deleted, then ask",
	"mfa_fatigue":              "Call %s to confirm the push that was accepted",
	"mfa_removed":              "Have %s enrol a second factor",
	"object_store_read":        "Ask %s about the objects that were read",
	"outsider_use":             "Ask %s whose account has access",
	"personal_mailbox":         "Ask %s about what went to a private mailbox",
	"privilege_takeout":        "Ask %s what the right was for",
	"public_access_guard":      "Ask %s why Block Public Access was changed",
	"public_link":              "Check with %s what the link was for",
	"report_export":            "Ask %s about the exported reports",
	"right_used":               "Ask %s about the data opened with the right",
	"secret_read":              "Ask %s about the secrets, and rotate them",
	"security_group_open":      "Ask %s why the network was opened",
	"self_grant":               "Ask %s what the right was used for",
	"sharing_policy":           "Ask %s for the ticket of the sharing change",
	"slow_drip":                "Look at what %s downloaded in the weeks before",
	"snapshot_shared":          "Ask %s about the shared snapshot",
	"sync_download":            "Check the device that synchronised files of %s",
	"takeout_sequence":         "Ask %s about the files that were taken and passed on",
	"terminated_user_activity": "Close the account and the keys of %s",
	"unfamiliar_sign_in":       "Call %s to confirm the sign-in",
	"unsigned_use":             "Ask %s whether it is meant for everybody",
	"user_rule":                "Read the rule that matched what %s did",
	"vendor_alert":             "Read the vendor's alert about %s",
	"warehouse_export":         "Ask %s about the data that was unloaded",
	"watchlist":                "Look at what %s did",
}

// suspect are the detectors that doubt whether it was the person.
var suspect = []string{"compromise_takeout", "mfa_fatigue", "unfamiliar_sign_in", "brute_force"}

// ask says what is to be done about an alert, as an imperative.
func ask(a *alert.Alert) string {
	detector := a.Detector
	switch {
	case slices.Contains(a.Detectors, "compromise_takeout"): // whether it was the person comes first
		detector = "compromise_takeout"
	case event.IsPlace(a.User):
		return clean(fmt.Sprintf("Check whether %s is meant for everybody", a.User))
	}
	form, known := asks[detector]
	if !known {
		form = "Look at what %s did"
	}
	return clean(fmt.Sprintf(form, a.User))
}

// asker says who should ask.
func asker(in *Input, a *alert.Alert) string {
	leaving := slices.ContainsFunc(in.Leavers, func(l Leaver) bool { return strings.EqualFold(l.User, a.User) })
	switch {
	case slices.ContainsFunc(suspect, func(s string) bool { return slices.Contains(a.Detectors, s) }):
		return "Security team"
	case event.IsPlace(a.User):
		return "Resource owner"
	case a.Service:
		return "Owner of the service account"
	case leaving, in.Detectors.Any(a.Detectors, finding.AboutLeavers):
		return "HR, with the line manager"
	}
	return "Security team, with the line manager"
}
