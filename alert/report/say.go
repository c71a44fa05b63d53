package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/plain"
)

// fields are what detectors look for in plain words, by field of activity, for readers who do not know detectors. A
// detector that is in none has its title, in "Other".
var fields = []struct {
	name string
	what map[string]string // by detector
}{
	{"Files, mail and code", map[string]string{
		"bulk_download":     "many files downloaded",
		"bulk_copy":         "many files copied or printed",
		"sync_download":     "many files fetched by a sync client",
		"slow_drip":         "downloads above baseline for several days",
		"chat_download":     "many files downloaded from chats",
		"endpoint_takeout":  "files copied to devices, websites or printers",
		"mail_read":         "much mail read",
		"mass_clone":        "much source code cloned",
		"object_store_read": "many objects of cloud storage read",
		"secret_read":       "many passwords and keys read",
		"app_download":      "much read by a connected application",
		"assistant_read":    "much read by an AI assistant",
		"account_export":    "an export of a whole account",
		"mass_deletion":     "many files deleted",
		"takeout_sequence":  "downloads that were shared or deleted afterwards",
	}},
	{"Customer data and reports", map[string]string{
		"crm_export":       "exports of customer data",
		"crm_query":        "large queries of customer data",
		"report_export":    "many reports exported",
		"warehouse_export": "exports of the data warehouse",
	}},
	{"Sharing outside", map[string]string{
		"external_sharing": "sharing with other organisations",
		"personal_mailbox": "sharing with private mailboxes",
		"public_link":      "public links",
		"forbidden_domain": "sharing with domains that are not allowed",
		"labelled_item":    "sharing of items of the highest classification",
		"label_downgrade":  "classification lowered, then shared",
		"mail_forwarding":  "mail forwarded outside",
		"snapshot_shared":  "cloud resources shared with other accounts",
		"bucket_public":    "storage made public",
		"outsider_use":     "use by people outside",
		"unsigned_use":     "use without a sign-in",
	}},
	{"Access rights and settings", map[string]string{
		"admin_grant":           "administrative rights granted",
		"self_grant":            "rights granted to oneself or for a short time",
		"right_used":            "use of somebody else's data by a new right",
		"privilege_takeout":     "a new right, then large downloads",
		"credential_created":    "new keys and passwords of services",
		"app_consent":           "applications authorised",
		"logging_disabled":      "logging switched off",
		"public_access_guard":   "protection of storage switched off",
		"security_group_open":   "networks opened to the internet",
		"sharing_policy":        "sharing settings weakened",
		"authentication_policy": "sign-in settings weakened",
		"mfa_removed":           "second factors removed",
	}},
	{"Sign-ins", map[string]string{
		"brute_force":        "many failed sign-ins",
		"mfa_fatigue":        "many requests for a second factor",
		"unfamiliar_sign_in": "sign-ins from unfamiliar places",
		"compromise_takeout": "a doubtful sign-in, then large downloads",
	}},
	{"Leaving", map[string]string{
		"leaver_takeout":           "more data than usual after notice",
		"terminated_user_activity": "activity after the last working day",
		"access_left_behind":       "access that remains after the last day",
	}},
	{"Other", map[string]string{
		"vendor_alert":    "alerts of the services themselves",
		"common_activity": "the same unusual act by several people",
	}},
}

// words says what a kind looks for.
func (k *Kind) words() string {
	for _, f := range fields {
		if w := f.what[k.Name]; w != "" {
			return w
		}
	}
	return k.Title
}

// byField groups kinds by field, in plain words. What is in no field is in the last.
func byField(list []Kind) []Checked {
	out := make([]Checked, len(fields))
	for i, f := range fields {
		out[i] = Checked{Field: f.name}
	}
	for _, k := range list {
		at := len(fields) - 1
		for i, f := range fields {
			if f.what[k.Name] != "" {
				at = i
			}
		}
		out[at].What = append(out[at].What, k.words())
	}
	return slices.DeleteFunc(out, func(c Checked) bool { return len(c.What) == 0 })
}

// plainly replaces words by which detectors name what may be behind an act: a review says what was done.
var plainly = strings.NewReplacer(
	"took data out", "moved data out",
	"a suspicious sign-in", "an unfamiliar sign-in",
	"suspicious sign-in", "unfamiliar sign-in",
	"Exfiltration before departure", "More data than usual before leaving",
	"Account compromise followed by exfiltration", "Unfamiliar sign-in, then data moved out",
	"New privilege followed by exfiltration", "New right, then data moved out",
)

// Neutral returns a detector's text in the words of a review, without what could disturb.
func Neutral(text string) string { return clean(plainly.Replace(text)) }

// date writes a day for readers: 2 March 2026.
func date(at time.Time) string { return at.UTC().Format("2 January 2006") }

// addGaps adds the stretches without data, in sentences.
func (r *Review) addGaps() {
	c := r.Coverage
	if !c.Known {
		r.Gaps = append(r.Gaps, "Which days have data was not kept.")
		return
	}
	for _, s := range c.Missing {
		switch before := day(r.Notice); {
		case s.From.Equal(c.From) && s.To.Equal(c.To):
			r.Gaps = append(r.Gaps, "No data of the whole period.")
		case s.From.Equal(c.From) && !r.Notice.IsZero() && s.To.Before(before):
			all := int(before.Sub(c.From).Hours() / 24)
			r.Gaps = append(r.Gaps, fmt.Sprintf("No data before %s: %d of the %s before notice are not covered.",
				date(s.To.AddDate(0, 0, 1)), s.Days, plural(all, "day")))
		case s.From.Equal(c.From):
			r.Gaps = append(r.Gaps, fmt.Sprintf("No data before %s: %s are not covered.",
				date(s.To.AddDate(0, 0, 1)), plural(s.Days, "day")))
		default:
			r.Gaps = append(r.Gaps, fmt.Sprintf("No data from %s to %s: %s.", date(s.From), date(s.To), plural(s.Days, "day")))
		}
	}
	if r.CompleteTo.Before(r.To) {
		s := "Data received up to " + date(r.dataUntil())
		if !r.LastDay.IsZero() && r.CompleteTo.Before(r.LastDay) {
			s += ", before the last day: make this review again after it"
		}
		r.Gaps = append(r.Gaps, s+".")
	}
}

// dataUntil is the last day with data.
func (r *Review) dataUntil() time.Time { return day(r.CompleteTo.Add(-time.Second)) }

// steps are what to do next.
func (r *Review) steps() (list []string) {
	ask := "Ask the security team whether the activity was agreed"
	if r.Case != "" {
		ask += " (case " + short(r.Case) + ")"
	}
	switch r.Verdict {
	case Act:
		list = append(list, "Today: call the security team"+inCase(r.Case)+". Have them confirm the facts and keep the logs.")
	case Look:
		list = append(list, ask+". Work before leaving, such as handing over, can look the same.")
	case Nothing:
		list = append(list, "No action is needed. Close accounts on the last day, as usual.")
	case NotEnough:
		list = append(list, "Do not read this as \"nothing unusual\". Ask who operates Outflow for the missing data, "+
			"and make the review again.")
	case NoActivity:
		list = append(list, "Check that this is the right account, and whether the person works in services that are not connected.")
	}
	if len(r.Open) > 0 {
		var who []string
		for i := range r.Open {
			if !slices.Contains(who, r.Open[i].Closer) {
				who = append(who, r.Open[i].Closer)
			}
		}
		list = append(list, "Have "+plain.CountOf(len(r.Open), "access change", "access changes")+" undone by "+strings.Join(who, "; ")+
			": see \"Still in effect\".")
	}
	if r.Verdict == Act || r.Verdict == Look {
		if !r.LastDay.IsZero() && r.CompleteTo.Before(r.LastDay) {
			list = append(list, "Agree with IT and the manager which access the person needs until "+date(r.LastDay)+".")
		}
		list = append(list, "Hear the person before a decision. There is room for their statement at the end.")
	}
	return list
}

// inCase names a case in a sentence.
func inCase(id string) string {
	if id == "" {
		return ""
	}
	return " about case " + short(id)
}
