package m365

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Effects of a change (event.AttrEffect). An empty one stands for a direction that the record does
// not state.
const (
	weaker   = "weaker"
	stronger = "stronger"
)

// scale returns how open a setting is with a value, folded: above 0 more, and below 0 less than is
// usual or safe. It returns 0 for a value that says neither.
type scale func(value string) int

// policy is what the settings of an operation govern, and in which direction each of them goes.
type policy struct {
	kind     string           // event.AttrPolicy
	settings map[string]scale // by folded name; of a JSON document also the names within
	effect   string           // if none of the settings is in the record
	partly   bool             // the operation also changes other things: without any of the settings it is not about the policy
}

// openIf is the scale of a switch that opens something when it is on.
func openIf(on string) scale {
	return func(value string) int {
		switch value {
		case "true", "on", "enabled", "1", "yes":
			value = "true"
		case "false", "off", "disabled", "0", "no":
			value = "false"
		default:
			return 0
		}
		if value == on {
			return 1
		}
		return -1
	}
}

var (
	opensOn  = openIf("true")
	opensOff = openIf("false")
)

// steps is the scale of a setting with named values, in folded form.
func steps(values map[string]int) scale { return func(value string) int { return values[value] } }

// openUnless is the scale of a setting that is safe with one value only.
func openUnless(safe string) scale {
	return func(value string) int {
		switch value {
		case "":
			return 0
		case safe:
			return -1
		}
		return 1
	}
}

// openWith is the scale of a list that opens something if it has any element.
func openWith(value string) int {
	if value == "" || value == "null" {
		return -1
	}
	return 1
}

// keptFor returns the scale of a number of days for which logs are kept.
func keptFor(days int64) scale {
	return func(value string) int {
		switch n := jsonscan.ParseInt([]byte(value)); {
		case n <= 0 && value != "0":
			return 0
		case n < days:
			return 1
		}
		return -1
	}
}

// opens returns how open a setting is with a value. Durations such as 90.00:00:00 are days.
func (p *policy) opens(name, value string) (rank int, known bool) {
	var buf [64]byte
	s, known := p.settings[string(fold(buf[:0], name))]
	if !known {
		return 0, false
	}
	value = unquote(value)
	if days, clock, ok := strings.Cut(value, "."); ok && strings.Count(clock, ":") == 2 {
		value = days
	}
	return s(string(fold(nil, value))), true
}

// judge returns the direction of a change of one setting: from its value before, or else from the
// value alone.
func (p *policy) judge(name, value, before string) (effect string, known bool) {
	now, known := p.opens(name, value)
	if !known {
		return "", false
	}
	if before == "" {
		switch {
		case now > 0:
			return weaker, true
		case now < 0:
			return stronger, true
		}
		return "", true
	}
	was, _ := p.opens(name, before)
	switch {
	case now > was && now != 0:
		return weaker, true
	case now < was && now != 0:
		return stronger, true
	}
	return "", true
}

// worse returns the effect of a change that has two effects: the weaker one counts.
func worse(a, b string) string {
	if a == weaker || b == "" {
		return a
	}
	return b
}

// changes collects what an operation changed.
type changes struct {
	policy *policy
	effect string
	known  bool     // a setting that the policy knows is in the record
	first  []string // name=value of the settings that have a direction
	rest   []string // and of the others
}

func (c *changes) add(name, value, before string) {
	if name == "" || value == before && value != "" {
		return
	}
	text := name + "=" + unquote(value)
	effect, known := c.policy.judge(name, value, before)
	c.known = c.known || known
	switch {
	case effect != "":
		c.effect = worse(c.effect, effect)
		c.first = append(c.first, text)
	case value != "":
		c.rest = append(c.rest, text)
	}
}

// change sets what was changed and in which direction.
func (p *policy) change(r *record, e *event.Event, out *ingest.Sink) {
	c := changes{policy: p}
	r.pairs(r.parameters, func(name, value, _ string) { c.add(name, value, "") })
	r.pairs(r.modified, func(name, value, before string) {
		now, was := flatten(value), flatten(before)
		if now == nil && was == nil {
			c.add(name, value, before)
			return
		}
		for _, l := range now {
			if _, known := p.opens(l.name, l.value); known {
				c.add(l.name, l.value, valueBefore(was, l))
			}
		}
		c.scope(now, was)
	})
	if c.effect == "" && !c.known {
		c.effect = p.effect
	}
	for _, t := range append(c.first, c.rest...) {
		out.Attr(event.AttrTarget, out.Copy(t))
	}
	if p.partly && !c.known {
		return
	}
	out.Policy(p.kind, c.effect)
	if p.kind == "logging" && c.effect == weaker {
		e.Class = event.Tamper
	}
}

// operation is the meaning of an operation that changes the policy.
func (p *policy) operation() operation {
	return operation{event.ConfigChange, func(r *record, e *event.Event, out *ingest.Sink) {
		entraTarget(r, e, out)
		p.change(r, e, out)
	}}
}

// leaf is a value within a JSON document: a scalar, or a list of scalars separated by ";".
type leaf struct{ path, name, value string }

// flatten returns the values of a JSON document, which may also be a string of JSON; nil if text is
// none, or a list of values. What follows an error is left out.
func flatten(text string) (list []leaf) {
	var s jsonscan.Scanner
	s.Reset([]byte(strings.TrimSpace(text)))
	if s.Kind() == '"' {
		inner := strings.TrimSpace(s.Text())
		if inner == "" || inner[0] != '{' && inner[0] != '[' {
			return nil
		}
		s.Reset([]byte(inner))
	}
	if k := s.Kind(); k != '{' && k != '[' {
		return nil
	}
	walk(&s, "", "", &list)
	if len(list) == 1 && list[0].name == "" {
		return nil // a list of values
	}
	return list
}

func walk(s *jsonscan.Scanner, path, name string, list *[]leaf) {
	switch s.Kind() {
	case '{':
		for s.Object(); s.Next(); {
			key := string(s.Key)
			walk(s, path+"."+key, key, list)
		}
	case '[':
		var scalars []string
		for s.Array(); s.Elem(); {
			if k := s.Kind(); k == '{' || k == '[' {
				walk(s, path, name, list)
				continue
			}
			scalars = append(scalars, s.Text())
		}
		*list = append(*list, leaf{path, name, strings.Join(scalars, ";")})
	case 0:
	default:
		*list = append(*list, leaf{path, name, s.Text()})
	}
}

// valueBefore returns the value that a leaf had before; "" if there was none.
func valueBefore(was []leaf, l leaf) string {
	for _, w := range was {
		if w.path == l.path {
			return w.value
		}
	}
	return ""
}

// scope judges the scope of a policy of conditional access: fewer users, applications and controls, or
// more exclusions, are weaker.
func (c *changes) scope(now, was []leaf) {
	for _, w := range was {
		name := strings.ToLower(w.name)
		excludes, controls := strings.HasPrefix(name, "exclude"), name == "builtincontrols"
		if !excludes && !controls && !strings.HasPrefix(name, "include") {
			continue
		}
		after := valueBefore(now, w)
		lost, gained := lacks(after, w.value), lacks(w.value, after)
		effect := ""
		switch {
		case excludes && gained, !excludes && lost:
			effect = weaker
		case excludes && lost, !controls && gained:
			effect = stronger
		default:
			continue
		}
		c.effect = worse(c.effect, effect)
		c.first = append(c.first, w.name+"="+after)
	}
}

// lacks reports whether a list is without an element of another.
func lacks(list, of string) bool {
	for v := range strings.SplitSeq(of, ";") {
		if v != "" && !strings.Contains(";"+list+";", ";"+v+";") {
			return true
		}
	}
	return false
}

// narrowedBy is the scale of a list of which something is taken out: @{Remove="…"}, or None.
func narrowedBy(value string) int {
	if value == "none" || strings.HasPrefix(value, "remove") {
		return 1
	}
	return 0
}

var (
	// auditing is what is logged, and for how long. Microsoft keeps the entries of a mailbox for 90
	// days, and others for 180.
	auditing = &policy{kind: "logging", partly: true, settings: map[string]scale{
		"auditdisabled":                   opensOn,
		"auditenabled":                    opensOff,
		"auditbypassenabled":              opensOn,
		"adminauditlogenabled":            opensOff,
		"unifiedauditlogingestionenabled": opensOff,
		"auditlogagelimit":                keptFor(90),
		"adminauditlogagelimit":           keptFor(90),
		"adminauditlogcmdlets":            openUnless(""),
		"adminauditlogparameters":         openUnless(""),
		"adminauditlogexcludedcmdlets":    openWith,
		"auditowner":                      narrowedBy,
		"auditadmin":                      narrowedBy,
		"auditdelegate":                   narrowedBy,
	}}

	// auditLog are the same settings, of operations that change nothing else.
	auditLog = &policy{kind: "logging", settings: auditing.settings}

	// auditRetention is how long entries of the audit log are kept.
	auditRetention = &policy{kind: "logging", settings: map[string]scale{
		"retentionduration": steps(map[string]int{
			"sevendays": 2, "onemonth": 1, "threemonths": 1, "sixmonths": -1, "ninemonths": -2, "twelvemonths": -3,
			"threeyears": -4, "fiveyears": -5, "sevenyears": -6, "tenyears": -7,
		}),
		"enabled": opensOff,
	}}

	logRemoved = &policy{kind: "logging", effect: weaker}
	logAdded   = &policy{kind: "logging", effect: stronger, settings: map[string]scale{"disabled": opensOn, "enabled": opensOff}}
	logChanged = &policy{kind: "logging", settings: logAdded.settings}

	// modernSignIn are other settings of Set-OrganizationConfig and Set-TransportConfig.
	modernSignIn = &policy{kind: "authentication", partly: true, settings: map[string]scale{
		"oauth2clientprofileenabled":       opensOff,
		"smtpclientauthenticationdisabled": opensOff,
		"customerlockboxenabled":           opensOff,
	}}

	// mailFlow is whether, and where, mail may leave by itself.
	mailFlow = &policy{kind: "mail", partly: true, settings: map[string]scale{
		"autoforwardingmode": steps(map[string]int{"on": 1, "automatic": -1, "off": -2}),
		"autoforwardenabled": opensOn,
	}}
	mailRoute = &policy{kind: "mail"}

	// federation is whom the tenant trusts to sign people in.
	federation = &policy{kind: "authentication", settings: map[string]scale{
		"livetype":    steps(map[string]int{"federated": 1}),
		"supportsmfa": opensOn,
		"federatedidpmfabehavior": steps(map[string]int{
			"acceptifmfadonebyfederatedidp": 1, "rejectmfabyfederatedidp": -1, "enforcemfabyfederatedidp": -1,
		}),
	}}
	signInChanged = &policy{kind: "authentication", settings: map[string]scale{"isenabled": opensOff, "isenabledforallusers": opensOff}}

	// namedLocation is a network or country that conditional access knows.
	namedLocation = &policy{kind: "authentication", settings: map[string]scale{
		"istrusted":                         opensOn,
		"ipranges":                          wholeInternet,
		"cidraddress":                       wholeInternet,
		"includeunknowncountriesandregions": opensOn,
	}}

	// guests is who may be let in, and what guests may see.
	guests = &policy{kind: "sharing", settings: map[string]scale{
		"allowinvitesfrom": steps(map[string]int{
			"none": -2, "adminsandguestinviters": -1, "adminsguestinvitersandallmembers": 1, "everyone": 2,
		}),
		"guestuserroleid": steps(map[string]int{
			"2af84b1e32c842b782bcdaa82404023b": -1, "10dae51fb6af40168d668c2a99b929b3": 1, "a0b1b3464d3e4e8b98f8753987be4970": 2,
		}),
		"allowedtocreateapps":                       opensOn,
		"allowedtocreatetenants":                    opensOn,
		"allowedtoreadbitlockerkeysforowneddevice":  opensOn,
		"allowedtosignupemailbasedsubscriptions":    opensOn,
		"allowemailverifieduserstojoinorganization": opensOn,
		"allowuserconsentforriskyapps":              opensOn,
		"blockmsolpowershell":                       opensOff,
	}}

	// otherTenants is what another tenant's people may do here, and ours there.
	otherTenants = &policy{kind: "sharing", settings: map[string]scale{
		"accesstype":                          steps(map[string]int{"allowed": 1, "blocked": -1}),
		"inboundallowed":                      opensOn,
		"outboundallowed":                     opensOn,
		"issyncallowed":                       opensOn,
		"ismfaaccepted":                       opensOn,
		"iscompliantdeviceaccepted":           opensOn,
		"ishybridazureadjoineddeviceaccepted": opensOn,
	}}
	doorOpened  = &policy{kind: "sharing", effect: weaker}
	doorClosed  = &policy{kind: "sharing", effect: stronger}
	doorChanged = &policy{kind: "sharing", settings: map[string]scale{
		"enabled": opensOn, "freebusyaccessenabled": opensOn, "mailboxmoveenabled": opensOn, "mailtipsaccessenabled": opensOn,
	}}

	// lossPrevention is a rule that keeps data from leaving.
	lossPrevention = &policy{kind: "sharing", settings: map[string]scale{
		"mode": steps(map[string]int{
			"disable": 2, "testwithoutnotifications": 1, "testwithnotifications": 1, "audit": 1, "auditandnotify": 1,
			"enable": -1, "enforce": -1,
		}),
		"disabled": opensOn,
		"enabled":  opensOff,
		"state":    steps(map[string]int{"disabled": 1, "enabled": -1}),
	}}
	lossPreventionRemoved = &policy{kind: "sharing", effect: weaker}
	lossPreventionAdded   = &policy{kind: "sharing", effect: stronger, settings: lossPrevention.settings}
)

// wholeInternet is the scale of addresses that are trusted.
func wholeInternet(value string) int {
	if strings.HasPrefix(value, "00000") { // 0.0.0.0/0, folded
		return 1
	}
	return 0
}

// accessState are the settings of a policy of conditional access.
var accessState = map[string]scale{
	"state": steps(map[string]int{"disabled": 2, "enabledforreportingbutnotenforced": 1, "reporting": 1, "enabled": -1}),
}

// settingOperations are changes of settings, in Exchange, Purview and Entra ID.
var settingOperations = map[string]operation{
	"Set-AdminAuditLogConfig":               auditLog.operation(),
	"Set-MailboxAuditBypassAssociation":     auditLog.operation(),
	"New-UnifiedAuditLogRetentionPolicy":    auditRetention.operation(),
	"Set-UnifiedAuditLogRetentionPolicy":    auditRetention.operation(),
	"Remove-UnifiedAuditLogRetentionPolicy": logRemoved.operation(),
	"New-ProtectionAlert":                   logAdded.operation(),
	"Set-ProtectionAlert":                   logChanged.operation(),
	"Enable-ProtectionAlert":                logAdded.operation(),
	"Disable-ProtectionAlert":               logRemoved.operation(),
	"Remove-ProtectionAlert":                logRemoved.operation(),
	"New-ActivityAlert":                     logAdded.operation(),
	"Set-ActivityAlert":                     logChanged.operation(),
	"Enable-ActivityAlert":                  logAdded.operation(),
	"Disable-ActivityAlert":                 logRemoved.operation(),
	"Remove-ActivityAlert":                  logRemoved.operation(),

	"Set-OrganizationConfig":             several(auditing, modernSignIn),
	"Set-TransportConfig":                several(modernSignIn, mailFlow),
	"New-HostedOutboundSpamFilterPolicy": mailFlow.operation(),
	"Set-HostedOutboundSpamFilterPolicy": mailFlow.operation(),
	"New-RemoteDomain":                   mailFlow.operation(),
	"Set-RemoteDomain":                   mailFlow.operation(),
	"New-OutboundConnector":              mailRoute.operation(),
	"Set-OutboundConnector":              mailRoute.operation(),
	"New-SendConnector":                  mailRoute.operation(),
	"Set-SendConnector":                  mailRoute.operation(),
	"Remove-OutboundConnector":           mailRoute.operation(),
	"New-InboundConnector":               mailRoute.operation(),
	"Set-InboundConnector":               mailRoute.operation(),
	"Remove-InboundConnector":            mailRoute.operation(),
	"New-AcceptedDomain":                 mailRoute.operation(),
	"Set-AcceptedDomain":                 mailRoute.operation(),
	"Remove-AcceptedDomain":              mailRoute.operation(),

	"New-SharingPolicy":               doorChanged.operation(),
	"Set-SharingPolicy":               doorChanged.operation(),
	"Remove-SharingPolicy":            doorClosed.operation(),
	"New-OrganizationRelationship":    doorOpened.operation(),
	"Set-OrganizationRelationship":    doorChanged.operation(),
	"Remove-OrganizationRelationship": doorClosed.operation(),
	"New-DlpPolicy":                   lossPreventionAdded.operation(),
	"Set-DlpPolicy":                   lossPrevention.operation(),
	"Remove-DlpPolicy":                lossPreventionRemoved.operation(),
	"New-DlpCompliancePolicy":         lossPreventionAdded.operation(),
	"Set-DlpCompliancePolicy":         lossPrevention.operation(),
	"Remove-DlpCompliancePolicy":      lossPreventionRemoved.operation(),
	"New-DlpComplianceRule":           lossPreventionAdded.operation(),
	"Set-DlpComplianceRule":           lossPrevention.operation(),
	"Remove-DlpComplianceRule":        lossPreventionRemoved.operation(),

	"Add conditional access policy.":                         (&policy{kind: "authentication", effect: stronger}).operation(),
	"Update conditional access policy.":                      (&policy{kind: "authentication", settings: accessState}).operation(),
	"Delete conditional access policy.":                      (&policy{kind: "authentication", effect: weaker}).operation(),
	"Add named location.":                                    namedLocation.operation(),
	"Update named location.":                                 namedLocation.operation(),
	"Delete named location.":                                 namedLocation.operation(),
	"Set domain authentication.":                             federation.operation(),
	"Set federation settings on domain.":                     federation.operation(),
	"Add unverified domain.":                                 signInChanged.operation(),
	"Remove unverified domain.":                              signInChanged.operation(),
	"Add verified domain.":                                   signInChanged.operation(),
	"Remove verified domain.":                                signInChanged.operation(),
	"Verify domain.":                                         signInChanged.operation(),
	"Verify email verified domain.":                          signInChanged.operation(),
	"Update domain.":                                         signInChanged.operation(),
	"Add domain to company.":                                 signInChanged.operation(),
	"Remove domain from company.":                            signInChanged.operation(),
	"Add policy.":                                            signInChanged.operation(),
	"Update policy.":                                         signInChanged.operation(),
	"Delete policy.":                                         signInChanged.operation(),
	"Add policy to service principal.":                       signInChanged.operation(),
	"Remove policy from service principal.":                  signInChanged.operation(),
	"Authentication Methods Policy Update":                   signInChanged.operation(),
	"Authentication Methods Policy Reset":                    signInChanged.operation(),
	"Authentication Strength Policy Create":                  signInChanged.operation(),
	"Authentication Strength Policy Update":                  signInChanged.operation(),
	"Authentication Strength Policy Delete":                  signInChanged.operation(),
	"Set password policy.":                                   signInChanged.operation(),
	"Set DirSyncEnabled flag on company.":                    signInChanged.operation(),
	"Set DirSyncEnabled flag.":                               signInChanged.operation(),
	"Update authorization policy.":                           guests.operation(),
	"Add a partner to cross-tenant access setting":           otherTenants.operation(),
	"Update a partner cross-tenant access setting":           otherTenants.operation(),
	"Delete partner specific cross-tenant access setting":    otherTenants.operation(),
	"Update the default cross-tenant access setting":         otherTenants.operation(),
	"Update the company default cross-tenant access setting": otherTenants.operation(),
	"Reset the cross-tenant access default setting":          otherTenants.operation(),
	"Create a partner cross-tenant identity sync setting":    otherTenants.operation(),
	"Update a partner cross-tenant identity sync setting":    otherTenants.operation(),
	"Delete a partner cross-tenant identity sync setting":    otherTenants.operation(),
	"Add partner to company.":                                doorOpened.operation(),
	"Remove partner from company.":                           doorClosed.operation(),
	"Set Partnership.":                                       doorOpened.operation(),
}

// several is the meaning of an operation that changes several policies: the first of which a setting
// is in the record counts.
func several(policies ...*policy) operation {
	return operation{event.ConfigChange, func(r *record, e *event.Event, out *ingest.Sink) {
		for i, p := range policies {
			if p.changes(r) || i == len(policies)-1 {
				p.change(r, e, out)
				return
			}
		}
	}}
}

// changes reports whether a setting of the policy is in the record.
func (p *policy) changes(r *record) (known bool) {
	r.pairs(r.parameters, func(name, value, _ string) {
		_, k := p.opens(name, value)
		known = known || k
	})
	return known
}
