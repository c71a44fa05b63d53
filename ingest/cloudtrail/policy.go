package cloudtrail

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// statement is the part of a policy statement on which exposure depends.
type statement struct {
	allow               bool
	everyone, notListed bool     // Principal "*" in any form; NotPrincipal
	principals          []string // other principals, but for services
	federated           []string // identity providers
	actions             []string
	notAction, limited  bool // limited: a condition narrows who may use it
	everyResource       bool
	named               []string        // accounts, organisations and principals that a condition narrows it to
	conditions          map[string]bool // keys of conditions that bind it to a fixed value
}

// policies reads the policies in parameters: every object with statements, and every text that is
// one. It reports whether there is any.
func policies(params []byte) (list []statement, found bool) {
	var s jsonscan.Scanner
	if s.Reset(params); params == nil {
		return nil, false
	}
	found = findPolicies(&s, &list)
	return list, found && s.Err() == nil
}

func findPolicies(s *jsonscan.Scanner, list *[]statement) (found bool) {
	switch s.Kind() {
	case '{':
		if !s.Object() {
			return false
		}
		for s.Next() {
			if strings.EqualFold(string(s.Key), "Statement") && (s.Kind() == '[' || s.Kind() == '{') {
				found = true
				readStatements(s, list)
				continue
			}
			found = findPolicies(s, list) || found
		}
	case '[':
		for s.Array(); s.Elem(); {
			found = findPolicies(s, list) || found
		}
	case '"':
		text := strings.TrimSpace(s.Text())
		if strings.HasPrefix(text, "%7B") {
			if plain, err := url.QueryUnescape(text); err == nil {
				text = plain
			}
		}
		if strings.HasPrefix(text, "{") && strings.Contains(text, "Statement") {
			var inner jsonscan.Scanner
			inner.Reset([]byte(text))
			return findPolicies(&inner, list) && inner.Err() == nil
		}
	default:
		s.Skip()
	}
	return found
}

func readStatements(s *jsonscan.Scanner, list *[]statement) {
	if s.Kind() != '[' {
		*list = append(*list, readStatement(s))
		return
	}
	for s.Array(); s.Elem(); {
		*list = append(*list, readStatement(s))
	}
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
			walk(s, "", func(k, v string) { st.principal(k, strings.Clone(v)) })
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

// principal adds a principal of a kind: AWS, CanonicalUser, Federated or Service; "" if it is bare.
func (st *statement) principal(kind, id string) {
	switch {
	case kind == "Service":
	case kind == "Federated":
		st.federated = append(st.federated, id)
	case id == "*":
		st.everyone = true
	default:
		st.principals = append(st.principals, id)
	}
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
			var values []string
			walk(s, key, func(_, v string) {
				if v == "0.0.0.0/0" || v == "::/0" || strings.HasPrefix(v, "*") || strings.HasPrefix(v, "arn:aws:iam::*") || v == "repo:*" {
					fixed = false
				}
				values = append(values, strings.Clone(v))
			})
			if !positive || !fixed {
				continue
			}
			if st.conditions == nil {
				st.conditions = map[string]bool{}
			}
			st.conditions[key] = true
			st.limited = st.limited || limiting[key] || strings.HasPrefix(key, "aws:principaltag/")
			if naming[key] {
				st.named = append(st.named, values...)
			}
		}
	}
}

// naming are the keys of conditions whose values name accounts, organisations or principals: only
// they have what the statement allows. The others of limiting name networks, services and the like.
var naming = set(`aws:sourcearn aws:sourceaccount aws:sourceowner aws:sourceorgid aws:sourceorgpaths aws:principalorgid
	aws:principalorgpaths aws:principalaccount aws:principalarn s3:dataaccesspointaccount s3:dataaccesspointarn kms:calleraccount`)

var limiting = set(`aws:sourceip aws:sourcevpc aws:sourcevpce aws:vpcsourceip aws:sourcearn aws:sourceaccount aws:sourceowner
	aws:sourceorgid aws:sourceorgpaths aws:principalorgid aws:principalorgpaths aws:principalaccount aws:principalarn aws:userid
	aws:username aws:principaltag s3:dataaccesspointaccount s3:dataaccesspointarn kms:calleraccount kms:viaservice
	aws:principalservicename aws:vpceaccount aws:vpceorgid aws:vpceorgpaths`)

// open says to whom a statement by itself opens a resource: "everybody", any workload of an identity
// provider that many organisations share; "" if to nobody in particular.
func (st *statement) open() string {
	if !st.allow {
		return ""
	}
	if (st.everyone || st.notListed) && !st.limited {
		return "everybody"
	}
	for _, provider := range st.federated {
		if host := sharedProvider(provider); host != "" && !st.binds(host) {
			return "everybody for whom " + host + " signs tokens"
		}
	}
	return ""
}

// sharedProviders are identity providers that sign tokens for everybody, each with whether the
// audience of a token says for whose application it is. Of build services it only says AWS.
var sharedProviders = map[string]bool{
	"token.actions.githubusercontent.com": false, "gitlab.com": false, "app.terraform.io": false, "agent.buildkite.com": false,
	"accounts.google.com": true, "www.amazon.com": true, "graph.facebook.com": true, "cognito-identity.amazonaws.com": true,
}

// sharedProvider returns the host of an identity provider that signs tokens for everybody; "" for one
// of the organisation's own.
func sharedProvider(provider string) string {
	host := provider
	if i := strings.Index(provider, ":oidc-provider/"); i >= 0 {
		host = provider[i+len(":oidc-provider/"):]
	}
	if _, shared := sharedProviders[host]; shared {
		return host
	}
	return ""
}

// binds reports whether a condition on the token of a shared provider says whose it must be.
func (st *statement) binds(host string) bool {
	for key := range st.conditions {
		claim, found := strings.CutPrefix(key, host+":")
		if found && (claim != "aud" || sharedProviders[host]) {
			return true
		}
	}
	return false
}

// allows says what a statement allows.
func (st *statement) allows() string {
	what := strings.Join(st.actions, ", ")
	if st.notAction || what == "" {
		what = "almost every action"
	}
	if len(what) > 120 {
		what = what[:117] + "..."
	}
	return what
}

// grantsEverything reports whether an identity policy allows all actions on all
// resources.
func grantsEverything(doc []byte) bool {
	list, _ := policies(doc)
	for _, st := range list {
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

// evaluate sets who, besides the account itself, has access by policies in the parameters. It reports
// whether there are any that can be read: without them, who has access is unknown.
func evaluate(params []byte, e *event.Event, out *ingest.Sink) bool {
	list, found := policies(params)
	if !found {
		return false
	}
	e.After = event.Private
	for i := range list {
		st := &list[i]
		if who := st.open(); who != "" && e.After != event.Public {
			e.After = event.Public
			out.Attr(event.AttrGrant, out.Join(who, " may ", st.allows()))
			out.To("*", event.ScopeAnyone)
		}
	}
	for i := range list {
		list[i].admit(e, out)
	}
	return true
}

// admit adds the parties that a statement lets in: those that its conditions name, otherwise its
// principals.
func (st *statement) admit(e *event.Event, out *ingest.Sink) {
	who := st.principals
	if len(st.named) > 0 && (st.everyone || st.notListed || len(who) > 0) {
		who = st.named
	}
	if !st.allow || st.everyone && !st.limited {
		return
	}
	for _, principal := range who {
		if party(principal, e, out) && e.After < event.External {
			e.After = event.External
			out.Attr(event.AttrGrant, out.Copy(st.allows()))
		}
	}
}

func bucketPolicy(r *record, e *event.Event, out *ingest.Sink) { evaluate(r.params, e, out) }

// document returns a parameter by name, at the top level or one below.
func document(params []byte, name string) (doc []byte) {
	var s jsonscan.Scanner
	if s.Reset(params); params == nil || !s.Object() {
		return nil
	}
	for s.Next() {
		switch {
		case strings.EqualFold(string(s.Key), name):
			return s.Raw()
		case string(s.Key) == "attributes":
			return document(s.Raw(), name)
		default:
			s.Skip()
		}
	}
	return nil
}

// functionPermission is a permission to call a function, or to use a layer of functions.
func functionPermission(r *record, e *event.Event, out *ingest.Sink) {
	name := param(r.params, "functionName")
	target(e, out, "function", name[strings.LastIndexByte(name, ':')+1:])
	if layer := param(r.params, "layerName"); layer != "" {
		target(e, out, "layer", layer[strings.LastIndexByte(layer, ':')+1:])
	}
	principal := param(r.params, "principal")
	who := cmp.Or(param(r.params, "sourceAccount"), accountIn(param(r.params, "sourceArn")), param(r.params, "principalOrgID"),
		param(r.params, "organizationId"), principal)
	switch {
	case principal == "" || isService(principal):
	case who == "*" && param(r.params, "sourceArn") == "" && param(r.params, "functionUrlAuthType") != "AWS_IAM":
		opens(e, out, out.Join("everybody may ", cmp.Or(param(r.params, "action"), "use it")))
	case who != "*":
		admits(who, param(r.params, "action"), e, out)
	}
}

// admits lets a party in.
func admits(principal, what string, e *event.Event, out *ingest.Sink) {
	if party(principal, e, out) && e.After < event.External {
		e.Class, e.After = event.PolicyChange, event.External
		out.Attr(event.AttrGrant, out.Copy(what))
	}
}

// isService reports whether a principal is a service of AWS.
func isService(principal string) bool {
	return strings.HasSuffix(principal, ".amazonaws.com") || strings.HasSuffix(principal, ".amazonaws.com.cn")
}

// accountIn returns the account in an ARN; "" if there is none.
func accountIn(arn string) string {
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 && isAccount(p[4]) {
		return p[4]
	}
	return ""
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

// closed is the end of a policy: nobody but the account itself has access by it.
func closed(_ *record, e *event.Event, _ *ingest.Sink) { e.After = event.Private }

// The groups in access control lists that stand for everybody.
const (
	allUsers           = "/groups/global/AllUsers"
	authenticatedUsers = "/groups/global/AuthenticatedUsers"
)

// acl is what an access control list says.
type acl struct {
	stated   bool   // the record has the list, or a part of it
	everyone string // how everybody is let in; "" if not
	grantees []string
	owner    string
	grantee  string // the last one, for its permission
	granted  string // the permission of the first grantee who is not the owner
}

// readACL reads a canned list, grant headers and a full list.
func readACL(params []byte) (list acl) {
	var s jsonscan.Scanner
	s.Reset(params)
	under(&s, "Owner", func(k, v string) {
		if k == "ID" {
			list.owner = strings.Clone(v)
		}
	})
	fields(params, func(k, v string) {
		switch {
		case k == "x-amz-acl":
			list.stated = true
			if strings.HasPrefix(v, "public-") || v == "authenticated-read" {
				list.everyone = "canned ACL " + v
			}
		case strings.HasPrefix(k, "x-amz-grant-"):
			list.stated = true
			list.header(k, v)
		case k == "Permission":
			list.stated = true
			switch {
			case strings.HasPrefix(list.everyone, "ACL grant") && !strings.HasSuffix(list.everyone, ")"):
				list.everyone += " (" + v + ")"
			case list.granted == "" && list.grantee != list.owner:
				list.granted = v
			}
		case k == "URI", k == "EmailAddress", k == "ID":
			list.grant(v)
		}
	})
	return list
}

// header reads a grant header: uri="…", id="…", emailAddress="…", separated by commas.
func (list *acl) header(name, value string) {
	for grantee := range strings.SplitSeq(value, ",") {
		_, who, _ := strings.Cut(grantee, "=")
		list.grant(strings.Trim(strings.TrimSpace(who), "\"'"))
	}
	if list.granted == "" {
		list.granted = strings.ToUpper(strings.TrimPrefix(name, "x-amz-grant-"))
	}
}

// grant notes a grantee.
func (list *acl) grant(who string) {
	list.grantee = strings.Clone(who)
	switch {
	case strings.HasSuffix(who, allUsers), strings.HasSuffix(who, authenticatedUsers):
		if list.everyone == "" {
			list.everyone = "ACL grant to " + who[strings.LastIndexByte(who, '/')+1:]
		}
	default:
		list.grantees = append(list.grantees, list.grantee)
	}
}

// bucketACL evaluates an access control list. A record that does not have it says nothing about who
// has access.
func bucketACL(r *record, e *event.Event, out *ingest.Sink) {
	list := readACL(r.params)
	if !list.stated {
		return
	}
	class := e.Class
	if r.name == "PutBucketAcl" || r.name == "PutObjectAcl" {
		e.After = event.Private
	}
	if list.everyone != "" {
		opens(e, out, out.Copy(list.everyone))
	}
	for _, who := range list.grantees {
		if who != list.owner {
			admits(who, list.granted, e, out)
		}
	}
	if r.name == "PutObject" { // an upload stays one
		e.Class = class
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

// copyBlock is the block of public sharing of an account's images or snapshots.
func copyBlock(r *record, e *event.Event, out *ingest.Sink) {
	switch first(r.params, "imageBlockPublicAccessState state") {
	case "block-new-sharing", "block-all-sharing":
		out.Attr(event.AttrBlock, "on")
	case "unblocked":
		out.Attr(event.AttrBlock, "off")
	}
	copiesOf(r, e)
}

func copyBlockOff(r *record, e *event.Event, out *ingest.Sink) {
	out.Attr(event.AttrBlock, "off")
	copiesOf(r, e)
}

// copiesOf names what a block of copies is about: the account's images or its snapshots.
func copiesOf(r *record, e *event.Event) {
	e.Object.Type, e.Object.ID, e.Object.Name = "snapshots", "snapshots", e.Tenant
	if strings.Contains(r.name, "Image") {
		e.Object.Type, e.Object.ID = "images", "images"
	}
}

// accountWide names the account as the object where no bucket is named.
func accountWide(r *record, e *event.Event) {
	if r.bucket == "" {
		e.Object.Type, e.Object.ID, e.Object.Name = "account", e.Tenant, e.Tenant
	}
}
