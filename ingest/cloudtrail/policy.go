package cloudtrail

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// statement is the part of a policy statement on which exposure depends.
type statement struct {
	allow               bool
	everyone, notListed bool     // Principal "*" in any form; NotPrincipal
	accounts            []string // other principals: account ids
	actions             []string
	notAction, limited  bool // limited: a condition narrows who may use it
	everyResource       bool
	conditions          []string
}

// statements reads a policy document: an object, or a string that holds one.
func statements(doc []byte) (list []statement) {
	var s jsonscan.Scanner
	s.Reset(doc)
	if s.Kind() == '"' {
		inner := append([]byte(nil), s.Bytes()...)
		return statements(inner)
	}
	if !s.Object() {
		return nil
	}
	for s.Next() {
		if string(s.Key) != "Statement" {
			s.Skip()
			continue
		}
		if s.Kind() == '[' {
			s.Array()
			for s.Elem() {
				list = append(list, readStatement(&s))
			}
			continue
		}
		list = append(list, readStatement(&s))
	}
	return list
}

func readStatement(s *jsonscan.Scanner) (st statement) {
	if !s.Object() {
		return st
	}
	for s.Next() {
		switch key := string(s.Key); key {
		case "Effect":
			st.allow = s.Text() == "Allow" || st.allow // twice is invalid; the wider one counts
		case "Principal":
			walk(s, "", func(k, v string) {
				if v == "*" && k != "Service" && k != "Federated" {
					st.everyone = true
				} else if k == "AWS" || k == "" {
					st.accounts = append(st.accounts, accountOf(v))
				}
			})

		case "NotPrincipal":
			st.notListed = true
			s.Skip()
		case "Action":
			walk(s, "", func(_, v string) { st.actions = append(st.actions, strings.Clone(v)) })
		case "NotAction":
			st.notAction = true
			s.Skip()
		case "Resource":
			walk(s, "", func(_, v string) { st.everyResource = st.everyResource || v == "*" })
		case "Condition":
			st.readCondition(s)
		default:
			s.Skip()
		}
	}

	return st
}

// readCondition reads {operator: {key: value or values}}. A condition limits a
// statement when a positive operator binds it to networks, accounts,
// organisations or principals with a value that is not itself everything; this
// is what AWS calls a fixed value in "The meaning of public"
// (docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html).
func (st *statement) readCondition(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		operator := strings.ToLower(string(s.Key))
		if !s.Object() {
			continue
		}
		positive := !strings.Contains(operator, "not") && !strings.HasSuffix(operator, "ifexists") && !strings.HasPrefix(operator, "null")
		for s.Next() {
			key, fixed := strings.ToLower(string(s.Key)), true
			walk(s, key, func(_, v string) {
				if v == "*" || v == "0.0.0.0/0" || v == "::/0" || strings.HasPrefix(v, "*") || strings.HasPrefix(v, "arn:aws:iam::*") {
					fixed = false
				}
			})
			st.conditions = append(st.conditions, key)
			if positive && fixed && limiting[key] {
				st.limited = true
			}
		}
	}
}

var limiting = map[string]bool{
	"aws:sourceip":              true,
	"aws:sourcevpc":             true,
	"aws:sourcevpce":            true,
	"aws:vpcsourceip":           true,
	"aws:sourcearn":             true,
	"aws:sourceaccount":         true,
	"aws:sourceowner":           true,
	"aws:sourceorgid":           true,
	"aws:sourceorgpaths":        true,
	"aws:principalorgid":        true,
	"aws:principalorgpaths":     true,
	"aws:principalaccount":      true,
	"aws:principalarn":          true,
	"aws:userid":                true,
	"aws:username":              true,
	"aws:principaltag":          true,
	"s3:dataaccesspointaccount": true,
	"s3:dataaccesspointarn":     true,
	"kms:calleraccount":         true,
	"kms:viaservice":            true,
	"aws:principalservicename":  true,
}

// accountOf returns the account of a principal: an ARN or a bare account id.
func accountOf(principal string) string {
	if p := strings.SplitN(principal, ":", 6); len(p) == 6 {
		return p[4]
	}
	return strings.Clone(principal)
}

// public reports whether a policy by itself opens a resource to everybody, and what it allows.
func public(list []statement) (open bool, grant string) {
	for i := range list {
		st := &list[i]
		if !st.allow || !st.everyone && !st.notListed || st.limited {
			continue
		}
		what := strings.Join(st.actions, ", ")
		if st.notAction || what == "" {
			what = "almost every action"
		}
		if len(what) > 120 {
			what = what[:117] + "..."
		}
		return true, "everybody may " + what
	}
	return false, ""
}

// grantsEverything reports whether an identity policy allows all actions on all
// resources.
func grantsEverything(doc []byte) bool {
	for _, st := range statements(doc) {
		if !st.allow || !st.everyResource {
			continue
		}
		for _, a := range st.actions {
			if a == "*" || a == "*:*" || a == "iam:*" {
				return true
			}
		}
	}
	return false
}

func bucketPolicy(r *record, e *event.Event, out *ingest.Sink) {
	resourcePolicy("bucketPolicy", r, e, out)
}

// repositoryPolicy evaluates who may pull from the repository of a container registry.
func repositoryPolicy(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "repository", param(r.params, "repositoryName"))
	resourcePolicy("policyText", r, e, out)
}

func repositoryPrivate(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "repository", param(r.params, "repositoryName"))
	e.After = event.Private
}

// resourcePolicy evaluates the policy document in a parameter.
func resourcePolicy(name string, r *record, e *event.Event, out *ingest.Sink) {
	e.After = event.Private
	if doc := document(r.params, name); doc != nil {
		evaluate(doc, e, out)
	}
}

// evaluate sets who, besides the account itself, has access by a policy document.
func evaluate(doc []byte, e *event.Event, out *ingest.Sink) {
	e.After = event.Private
	list := statements(doc)
	if open, grant := public(list); open {
		e.After = event.Public
		out.Attr(event.AttrGrant, out.Copy(grant))
		out.To("*", event.ScopeAnyone)
	}
	for _, st := range list {
		for _, acct := range st.accounts {
			if st.allow && acct != "" && acct != "*" && acct != e.Tenant {
				out.To(out.Join("aws:", acct), event.ScopeExternal)
				e.After = max(e.After, event.External)
			}
		}
	}
}

// documents are, by service, the parameters with the policy of a resource, and the type of the
// resource.
var documents = map[string]struct{ kind, policy, name string }{
	"sqs.":            {"queue", "Policy", "queueUrl"},
	"sns.":            {"topic", "attributeValue", "topicArn"},
	"kms.":            {"key", "policy", "keyId"},
	"secretsmanager.": {"secret", "resourcePolicy", "secretId"},
	"glacier.":        {"vault", "policy", "vaultName"},
	"es.":             {"search domain", "accessPolicies", "domainName"},
	"dynamodb.":       {"table", "policy", "resourceArn"},
	"iam.":            {"role", "", "roleName"},
}

// servicePolicy evaluates the policy of a queue, topic, key, secret, table, search domain or
// vault, and the trust policy of a role. A call without a policy changes no exposure.
func servicePolicy(r *record, e *event.Event, out *ingest.Sink) {
	service, _, _ := strings.Cut(r.source, ".")
	d, known := documents[service+"."]
	if !known {
		return
	}
	parameter := d.policy
	switch r.name {
	case "UpdateAssumeRolePolicy":
		parameter = "policyDocument"
	case "CreateRole":
		parameter = "assumeRolePolicyDocument"
	case "SetTopicAttributes":
		if param(r.params, "attributeName") != "Policy" {
			return
		}
	}

	name := param(r.params, d.name)
	switch {
	case strings.HasPrefix(name, "https:"): // the URL of a queue
		name = name[strings.LastIndexByte(name, '/')+1:]
	default:
		name = name[strings.LastIndexByte(name, ':')+1:]
	}

	target(e, out, d.kind, name)
	doc := document(r.params, parameter)
	if doc == nil {
		return
	}
	e.Class = event.PolicyChange
	evaluate(doc, e, out)
}

// document returns a parameter by name, at the top level or one below.
func document(params []byte, name string) (doc []byte) {
	var s jsonscan.Scanner
	if s.Reset(params); params == nil || !s.Object() {
		return nil
	}
	for s.Next() {
		switch key := string(s.Key); {
		case key == name:
			return s.Raw()
		case key == "attributes":
			return document(s.Raw(), name)
		default:
			s.Skip()
		}
	}
	return nil
}

// functionPermission is a permission to call a function.
func functionPermission(r *record, e *event.Event, out *ingest.Sink) {
	name := param(r.params, "functionName")
	target(e, out, "function", name[strings.LastIndexByte(name, ':')+1:])
	if param(r.params, "principal") != "*" ||
		param(r.params, "sourceArn")+param(r.params, "sourceAccount")+param(r.params, "principalOrgID") != "" ||
		param(r.params, "functionUrlAuthType") == "AWS_IAM" {
		return
	}
	opens(e, out, out.Join("everybody may ", param(r.params, "action")))
}

// functionURL is the URL of a function. Without IAM authentication, everybody may call it.
func functionURL(r *record, e *event.Event, out *ingest.Sink) {
	name := param(r.params, "functionName")
	target(e, out, "function", name[strings.LastIndexByte(name, ':')+1:])
	switch param(r.params, "authType") {
	case "NONE":
		opens(e, out, "its address asks for no authentication")
	case "AWS_IAM":
		e.Class, e.After = event.PolicyChange, event.Private
	}
}

func projectVisibility(r *record, e *event.Event, out *ingest.Sink) {
	arn := param(r.params, "projectArn")
	target(e, out, "build project", arn[strings.LastIndexByte(arn, '/')+1:])
	e.After = event.Private
	if param(r.params, "projectVisibility") == "PUBLIC_READ" {
		opens(e, out, "everybody may read its builds and logs")
	}
}

// databaseAccess sets whether a database can be reached from the internet.
func databaseAccess(r *record, e *event.Event, out *ingest.Sink) {
	name := param(r.params, "dBInstanceIdentifier")
	if name == "" {
		name = param(r.params, "dBClusterIdentifier")
	}
	target(e, out, "database", name)
	reach := param(r.params, "publiclyAccessible")
	if reach == "" { // the default of a new database
		reach = param(r.response, "publiclyAccessible")
	}
	switch {
	case strings.EqualFold(reach, "true"):
		opens(e, out, "it has an address on the internet")
	case reach != "":
		e.Class, e.After = event.PolicyChange, event.Private
	}
}

func opens(e *event.Event, out *ingest.Sink, grant string) {
	e.Class, e.After = event.PolicyChange, event.Public
	out.Attr(event.AttrGrant, grant)
	out.To("*", event.ScopeAnyone)
}

func madePrivate(_ *record, e *event.Event, _ *ingest.Sink) { e.After = event.Private }

// The groups in access control lists that stand for everybody.
const (
	allUsers           = "/groups/global/AllUsers"
	authenticatedUsers = "/groups/global/AuthenticatedUsers"
)

// bucketACL evaluates a canned ACL, grant headers and a full access control list.
func bucketACL(r *record, e *event.Event, out *ingest.Sink) {
	grant, permission := "", ""
	fields(r.params, func(k, v string) {
		switch {
		case k == "x-amz-acl" && (strings.HasPrefix(v, "public-") || v == "authenticated-read"):
			grant = "canned ACL " + v
		case k == "Permission":
			permission = v
		case strings.Contains(v, allUsers), strings.Contains(v, authenticatedUsers):
			grant = "ACL grant to " + v[strings.LastIndexByte(v, '/')+1:]
			grant = strings.TrimRight(grant, "\"'")
		}
	})
	if grant == "" {
		if r.name == "PutBucketAcl" || r.name == "PutObjectAcl" {
			e.After = event.Private
		}
		return
	}
	if permission != "" && !strings.HasPrefix(grant, "canned") {
		grant += " (" + permission + ")"
	}
	e.After = event.Public
	if r.name == "CreateBucket" {
		e.Class = event.PolicyChange
	}
	out.Attr(event.AttrGrant, out.Copy(grant))
	out.To("*", event.ScopeAnyone)
}

// objectACL recognises an upload that makes the new object public.
func objectACL(r *record, e *event.Event, out *ingest.Sink) {
	if acl := param(r.params, "x-amz-acl"); strings.HasPrefix(acl, "public-") || acl == "authenticated-read" {
		e.After = event.Public
		out.Attr(event.AttrGrant, out.Join("canned ACL ", acl))
	}
}

// accessBlock reads the four switches of a public access block.
func accessBlock(r *record, e *event.Event, out *ingest.Sink) {
	on, off := 0, 0
	fields(r.params, func(k, v string) {
		switch k {
		case "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets":
			if strings.EqualFold(v, "true") {
				on++
			} else {
				off++
			}
		}
	})
	switch {
	case on == 4:
		out.Attr(event.AttrBlock, "on")
	case on == 0 && off > 0:
		out.Attr(event.AttrBlock, "off")
	case on+off > 0:
		out.Attr(event.AttrBlock, "partial")
	default: // the record does not state the new value
	}
	accountWide(r, e)
}

func accessBlockOff(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrBlock, "off")
	accountWide(r, e)
}

// accountWide names the account as the object where no bucket is named.
func accountWide(r *record, e *event.Event) {
	if r.bucket == "" {
		e.Object.Type, e.Object.ID, e.Object.Name = "account", e.Tenant, e.Tenant
	}
}
