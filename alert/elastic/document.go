package elastic

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/attack"
	"github.com/outflow/outflow/internal/mail"
	"github.com/outflow/outflow/internal/plain"
)

// ecsVersion is the version of ECS that documents have. Tests check every field against it (internal/standards).
const ecsVersion = "9.4.0"

// maxKeyword is the most characters of a keyword that Elasticsearch indexes with the mappings of ECS.
const maxKeyword = 1024

// keyword returns a value that is indexed.
func keyword(s string) string { return plain.Clip(s, maxKeyword) }

// Document returns a message about an alert as a document of the Elastic Common Schema. What ECS has no field for
// is below outflow: the alert as it is in every other format. Version is that of the program.
func Document(m *alert.Message, version string) map[string]any {
	a := &m.Alert
	event := map[string]any{
		"kind":       "alert",
		"id":         a.ID,
		"code":       a.Detector,
		"module":     "outflow",
		"dataset":    "outflow.alert",
		"provider":   "outflow",
		"sequence":   a.Revision,
		"severity":   int(a.Severity),
		"risk_score": a.Score,
		"start":      a.Window.Start,
		"end":        a.Window.End,
		"reason":     keyword(a.Reason),
	}
	if c := categories(a); len(c) > 0 {
		event["category"], event["type"] = c, []string{"info"}
	}
	tags := []string{"outflow"}
	if m.Test {
		event["kind"], tags = "event", append(tags, "test")
	}
	if m.Repeat {
		tags = append(tags, "possible-repeat")
	}
	if a.Withdrawn {
		tags = append(tags, "withdrawn")
	}
	if m.Decision || a.Done() { // nothing to be alerted of
		event["kind"] = "event"
	}
	if m.Link != "" {
		event["url"] = keyword(m.Link)
	}
	doc := map[string]any{
		"@timestamp": a.Time,
		"message":    a.Sentence(),
		"ecs":        map[string]string{"version": ecsVersion},
		"tags":       tags,
		"event":      event,
		"observer":   map[string]string{"vendor": "Outflow", "product": "Outflow", "version": cmp.Or(version, "dev")},
		"rule":       map[string]string{"id": a.Detector, "name": keyword(a.DetectorTitle())},
		"outflow":    a,
	}
	if t := a.Triage; t != nil {
		labels := map[string]string{"triage_status": string(t.Status)}
		if t.Verdict != "" {
			labels["triage_verdict"] = string(t.Verdict)
		}
		doc["labels"] = labels
	}
	if a.User != "" {
		user := map[string]string{"name": keyword(a.User)}
		if isAddress(a.User) {
			user["email"] = keyword(a.User)
		}
		doc["user"] = user
	}
	if r := related(a); len(r) > 0 {
		doc["related"] = r
	}
	if len(a.Techniques) > 0 {
		doc["threat"] = threat(a.Techniques)
	}
	return doc
}

// isAddress reports whether a name of an account or a recipient is an e-mail address.
func isAddress(name string) bool {
	at := strings.IndexByte(name, '@')
	return at > 0 && mail.Domain(name) != "" && !strings.ContainsAny(name, " \t\r\n<>\"")
}

// related are the values of the alert's items that Elastic searches other data for
// (www.elastic.co/docs/reference/ecs/ecs-related).
func related(a *alert.Alert) map[string][]string {
	out := map[string][]string{}
	add := func(field, value string) {
		if value = keyword(value); value != "" && !slices.Contains(out[field], value) {
			out[field] = append(out[field], value)
		}
	}
	add("user", a.User)
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items {
			x := &a.Evidence[i].Items[k]
			if _, err := netip.ParseAddr(x.Client.IP); err == nil {
				add("ip", x.Client.IP)
			}
			add("hosts", x.Client.Device)
			add("user", x.Actor)
			for _, r := range x.Recipients {
				if isAddress(r) {
					add("user", r)
				}
			}
		}
	}
	return out
}

// threat returns the techniques with the tactics that ATT&CK lists them under.
func threat(ids []string) map[string]any {
	list := map[string]map[string][]string{}
	add := func(field, id, name, url string) {
		if list[field] == nil {
			list[field] = map[string][]string{}
		}
		if f := list[field]; !slices.Contains(f["id"], id) {
			f["id"], f["name"], f["reference"] = append(f["id"], id), append(f["name"], cmp.Or(name, id)), append(f["reference"], url)
		}
	}
	for _, id := range ids {
		t, _ := attack.Lookup(id)
		if t.Parent == "" {
			add("technique", id, t.Name, attack.URL(id))
		} else {
			parent, _ := attack.Lookup(t.Parent)
			add("technique", t.Parent, parent.Name, attack.URL(t.Parent))
			add("subtechnique", id, t.Name, attack.URL(id))
		}
		for _, tactic := range t.Tactics {
			add("tactic", tactic.ID, tactic.Name, "https://attack.mitre.org/tactics/"+tactic.ID+"/")
		}
	}
	technique := map[string]any{}
	for field, values := range list["technique"] {
		technique[field] = values
	}
	if sub := list["subtechnique"]; sub != nil {
		technique["subtechnique"] = sub
	}
	out := map[string]any{"framework": "MITRE ATT&CK", "technique": technique}
	if list["tactic"] != nil {
		out["tactic"] = list["tactic"]
	}
	return out
}

// categoryOf are the categories of ECS by the activities of items that are not about files. Each may have the type
// info.
var categoryOf = func() map[string]string {
	m := map[string]string{}
	for category, activities := range map[string]string{
		"authentication": "login_success login_failure logout mfa_challenge mfa_denied account_locked app_access",
		"iam": "admin_grant admin_revoke permission_grant token_grant token_revoke mfa_disabled mfa_enabled membership_add " +
			"offboard",
		"configuration":       "config_change tamper guard_change policy_change network_open network_close cloud_change cloud_read",
		"database":            "query report_run",
		"email":               "mail_read mail_rule",
		"intrusion_detection": "vendor_alert",
		"file": "view edit download sync upload delete copy rename list share_user share_link unshare export clone fetch push " +
			"label_change device_copy assistant print inherited",
	} {
		for activity := range strings.FieldsSeq(activities) {
			m[activity] = category
		}
	}
	return m
}()

// categories returns the categories of what an alert is about: of its items, or that of a detection if it has none.
// An alert about the data has none.
func categories(a *alert.Alert) []string {
	if a.Health {
		return nil
	}
	found := map[string]bool{}
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items {
			if c := categoryOf[a.Evidence[i].Items[k].Activity]; c != "" {
				found[c] = true
			}
		}
	}
	if len(found) == 0 {
		return []string{"intrusion_detection"}
	}
	return slices.Sorted(maps.Keys(found))
}
