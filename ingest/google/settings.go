package google

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// setting is a setting of the Admin console, or of an application, that was changed.
func setting(d *detail, e *event.Event, out *ingest.Sink) {
	name := cmp.Or(d.setting, d.name)
	e.Object = event.Object{ID: name, Type: "setting", Name: name}
	if d.newValue != "" {
		out.Attr(event.AttrTarget, out.Join(name, "=", d.newValue))
	}
	if kind, effect := governs(d.name, d.setting, d.newValue); kind != "" {
		out.Policy(kind, effect)
	}
}

// policy is a setting whose event says what it governs, and in which direction it was changed.
func policy(kind, effect string) func(*detail, *event.Event, *ingest.Sink) {
	return func(d *detail, e *event.Event, out *ingest.Sink) {
		name := cmp.Or(d.setting, d.name)
		e.Object = event.Object{ID: name, Type: "setting", Name: name}
		if d.newValue != "" {
			out.Attr(event.AttrTarget, out.Join(name, "=", d.newValue))
		} else if about := cmp.Or(d.appName, d.clientID, d.domain); about != "" {
			out.Attr(event.AttrTarget, out.Join(name, " for ", about))
		}
		out.Policy(kind, effect)
	}
}

// protects is a setting that protects what it governs while its value is true.
func protects(kind string) func(*detail, *event.Event, *ingest.Sink) { return switched(kind, true) }

// opens is a setting that opens what it governs while its value is true.
func opens(kind string) func(*detail, *event.Event, *ingest.Sink) { return switched(kind, false) }

func switched(kind string, protective bool) func(*detail, *event.Event, *ingest.Sink) {
	return func(d *detail, e *event.Event, out *ingest.Sink) {
		effect := ""
		if on, known := switchedOn(d.newValue); known {
			effect = "weaker"
			if on == protective {
				effect = "stronger"
			}
		}
		policy(kind, effect)(d, e, out)
	}
}

// switchedOn reads the value of a switch; known is false if it is neither on nor off.
func switchedOn(value string) (on, known bool) {
	switch strings.ToUpper(value) {
	case "TRUE", "ON", "ENABLED", "ENABLE", "YES", "ALLOWED", "ENFORCED", "1":
		return true, true
	case "FALSE", "OFF", "DISABLED", "DISABLE", "NO", "NOT_ALLOWED", "NOT_ENFORCED", "0":
		return false, true
	}
	return false, false
}

// governs returns what a setting of the Admin console governs, and in which direction the new
// value changes it.
// Names: https://developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-application-settings
func governs(action, name, value string) (kind, effect string) {
	name, value = strings.ToUpper(name), strings.ToUpper(value)
	if strings.HasPrefix(action, "DELETE") { // the value that held is not stated
		value = ""
	}
	switch {
	case contains(name, "SHARING", "OUTSIDE_DOMAIN", "PUBLISHING", "EXTERNAL", "LINK_VISIBILITY", "DOWNLOAD", "TAKEOUT"):
		switch {
		case contains(value, "NOT_ALLOWED", "PROHIBIT", "DISABLED", "DISALLOW", "INTERNAL_ONLY", "DOMAIN_ONLY", "WARN"),
			value == "FALSE" || value == "PRIVATE" || value == "NONE" || value == "OFF":
			return "sharing", "stronger"
		case value != "":
			return "sharing", "weaker"
		}
		return "sharing", ""
	case contains(name, "PASSWORD", "2SV", "TWO_STEP", "SSO", "LESS_SECURE", "SESSION_LENGTH", "PASSKEY", "CONTEXT-AWARE", "CONTEXT_AWARE"):
		return "authentication", ""
	}
	return "", ""
}

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// gmailSetting is a setting of Gmail for the organisation or a unit of it. Those that say where
// mail goes are kept apart: they can send everybody's mail outside.
func gmailSetting(d *detail, e *event.Event, out *ingest.Sink) {
	name := strings.ToUpper(d.setting)
	if !contains(name, "ROUT", "FORWARD", "RELAY", "GATEWAY", "DELIVER", "JOURNAL", "RECIPIENT", "SECURITY_RULE", "COMPLIANCE", "HOST",
		"CATCH_ALL", "ARCHIV") {
		setting(d, e, out)
		return
	}
	e.Object = event.Object{ID: d.setting, Type: "setting", Name: d.setting}
	out.Attr(event.AttrTarget, out.Join(d.setting, "=", cmp.Or(d.newValue, d.description)))
	to := mailDestination(d.newValue, out)
	if to == "" || strings.HasPrefix(strings.ToUpper(d.name), "DELETE") {
		out.Policy("mail", "")
		return
	}
	e.Class, e.Object.Type = event.MailRule, "mailbox"
	out.To(to, event.ScopeExternal)
}

// mailDestination returns the address, or the domain of the host, that a value names as the place
// to which mail goes.
func mailDestination(value string, out *ingest.Sink) string {
	value = strings.TrimSpace(value)
	if ingest.IsEmail(value) {
		return out.Lower(value)
	}
	host, port, hasPort := strings.Cut(value, ":")
	if hasPort && (port == "" || strings.Trim(port, "0123456789") != "") {
		return ""
	}
	if !strings.Contains(host, ".") || strings.ContainsAny(host, " /@,;=\"'()[]{}") || ingest.Address(host) != "" {
		return ""
	}
	return out.Join("@", out.Lower(host))
}

// mailCopied is a user's mail that is copied to, or delivered at, another address.
func mailCopied(d *detail, e *event.Event, out *ingest.Sink) {
	e.Object = event.Object{ID: d.userEmail, Type: "mailbox", Name: d.userEmail}
	out.To(mailDestination(cmp.Or(d.forward, d.newValue), out), event.ScopeExternal)
}
