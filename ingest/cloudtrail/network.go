package cloudtrail

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// rule is one ingress permission before it is written as an attribute: protocol,
// ports and the sources it applies to.
type rule struct {
	protocol, from, to string
	sources            []string
	twin               string // a field that occurs twice, in different cases, with different values
}

// add writes the rule as attributes "protocol/from-to source". Protocol -1, or
// ports that are missing, mean all of them.
func (p *rule) add(out *ingest.Sink) {
	protocol, from, to := p.protocol, cmp.Or(p.from, "0"), cmp.Or(p.to, p.from, "65535")
	switch protocol {
	case "", "-1", "all":
		protocol, from, to = "all", "0", "65535"
	case "6":
		protocol = "tcp"
	case "17":
		protocol = "udp"
	}
	if from == "-1" || to == "-1" {
		from, to = "0", "65535"
	}
	for _, src := range p.sources {
		out.Attr(event.AttrRule, out.Join(protocol, "/", from, "-", to, " ", src))
	}
}

// scan reads one permission, in the form of EC2's ipPermissions items, of
// security group rules, or flat in the parameters.
func (p *rule) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch key := strings.ToLower(string(s.Key)); key {
		case "ipprotocol":
			p.set(&p.protocol, key, s.Text())
		case "fromport":
			p.set(&p.from, key, s.Text())
		case "toport":
			p.set(&p.to, key, s.Text())
		case "cidrip", "cidripv4", "cidripv6", "prefixlistid":
			p.source(key, s.Text())
		case "ipranges", "ipv6ranges", "prefixlistids":
			walk(s, key, func(k, v string) { p.source(strings.ToLower(k), v) })
		default:
			s.Skip()
		}
	}
}

// set sets a field. The case of field names differs between calls.
func (p *rule) set(field *string, key, value string) {
	if *field != "" && *field != value {
		p.twin = key
	}
	*field = value
}

// addRule adds a rule, unless it is ambiguous.
func (r *record) addRule(p *rule, out *ingest.Sink) {
	if p.twin != "" {
		r.bad = fmt.Errorf("the field %q of a rule occurs twice, in different cases, with different values", p.twin)
		return
	}
	p.add(out)
}

func (p *rule) source(key, value string) {
	switch key {
	case "cidrip", "cidripv4", "cidripv6", "prefixlistid":
		if value != "" {
			p.sources = append(p.sources, value)
		}
	}
}

func ingressRules(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "security_group", cmp.Or(param(r.params, "groupId"), param(r.params, "groupName")))
	r.eachPermission("ipPermissions", out)
}

// eachPermission adds the rules found below a key, or those written flat.
func (r *record) eachPermission(key string, out *ingest.Sink) {
	var s jsonscan.Scanner
	s.Reset(r.params)
	if r.params == nil || !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) != key {
			s.Skip()
			continue
		}
		r.permissions(&s, out)
	}
	s.Reset(r.params)
	var flat rule
	flat.scan(&s)
	r.addRule(&flat, out)
}

// permissions reads {"items":[…]}, a list, or a single permission.
func (r *record) permissions(s *jsonscan.Scanner, out *ingest.Sink) {
	raw := s.Raw()
	var sub jsonscan.Scanner
	sub.Reset(raw)
	switch sub.Kind() {
	case '[':
		sub.Array()
		for sub.Elem() {
			r.permissions(&sub, out)
		}
	case '{':
		sub.Object()
		nested := false
		for sub.Next() {
			switch string(sub.Key) {
			case "items", "SecurityGroupRule", "SecurityGroupRuleUpdate":
				nested = true
				r.permissions(&sub, out)
			default:
				sub.Skip()
			}
		}
		if !nested {
			var p rule
			sub.Reset(raw)
			p.scan(&sub)
			r.addRule(&p, out)
		}
	}
}

func modifiedRules(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "security_group", cmp.Or(param(r.params, "GroupId"), param(r.params, "groupId")))
	var s jsonscan.Scanner
	s.Reset(r.params)
	if r.params == nil || !s.Object() {
		return
	}
	for s.Next() {
		r.permissions(&s, out)
	}
}

func networkACL(r *record, e *event.Event, out *ingest.Sink) {
	var p rule
	allow, egress, id := false, false, ""
	fields(r.params, func(k, v string) {
		switch k {
		case "networkAclId":
			id = v
		case "egress":
			egress = v == "true"
		case "ruleAction":
			allow = v == "allow"
		case "cidrBlock", "ipv6CidrBlock":
			p.sources = append(p.sources, v)
		case "protocol", "aclProtocol":
			p.protocol = v
		case "from":
			p.from = v
		case "to":
			p.to = v
		}
	})
	target(e, out, "network_acl", id)
	if egress || !allow && e.Class == event.NetworkOpen {
		e.Class = event.CloudChange
		return
	}
	p.add(out)
}
