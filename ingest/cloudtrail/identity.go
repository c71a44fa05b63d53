package cloudtrail

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/names"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// uniqueID is before the ids that IAM gives to users and roles, which are unique in all of AWS.
const uniqueID = "aws_id:"

// identity is the field userIdentity.
type identity struct {
	kind, principal, arn, account, accessKey, userName, invokedBy string
	issuer, issuerKind, sourceIdentity, onBehalfOf, provider      string
	present, elsewhere                                            bool // elsewhere: the account may be another organisation's
}

// identities are some of those that were read last. A session makes many calls, and its identity is written alike in
// all of their records: it is a fifth of their text.
type identities [128]seenIdentity

// seenIdentity is an identity that was read.
type seenIdentity struct {
	text []byte // as it is written, the memory of its strings
	who  identity
}

// maxSeen is the length of the longest identity that is kept, in bytes.
const maxSeen = 2 << 10

var identitySeed = maphash.MakeSeed()

// scan reads the next value, an identity.
func (all *identities) scan(s *jsonscan.Scanner, u *identity) {
	ahead := s.Ahead()
	head := bytes.IndexByte(ahead[:min(len(ahead), maxSeen)], '}') // what differs between sessions is before it
	if head < 0 {
		u.scan(s)
		return
	}
	seen := &all[maphash.Bytes(identitySeed, ahead[:head])%uint64(len(all))]
	if s.SkipSame(seen.text) {
		*u = seen.who
		return
	}
	from := s.Place()
	u.scan(s)
	if text := s.Since(from); len(text) > 0 && len(text) <= maxSeen && text[0] == '{' && bytes.IndexByte(text, '\\') < 0 {
		seen.text, seen.who = append(seen.text[:0], text...), identity{}
		var again jsonscan.Scanner
		again.Reset(seen.text)
		seen.who.scan(&again)
	}
}

func (u *identity) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	u.present = true
	for s.Next() {
		switch string(s.Key) {
		case "type":
			u.kind = s.Text()
		case "principalId":
			u.principal = s.Text()
		case "arn":
			u.arn = s.Text()
		case "accountId":
			u.account = s.Text()
		case "accessKeyId":
			u.accessKey = s.Text()
		case "userName":
			u.userName = s.Text()
		case "invokedBy":
			u.invokedBy = s.Text()
		case "sessionContext":
			u.scanSession(s)
		case "onBehalfOf":
			u.onBehalfOf = s.Field("userId")
		case "identityProvider":
			u.provider = s.Text()
		default:
			s.Skip()
		}
	}
}

func (u *identity) scanSession(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "sourceIdentity":
			u.sourceIdentity = s.Text()
		case "sessionIssuer":
			u.scanIssuer(s)
		case "webIdFederationData":
			if p := s.Field("federatedProvider"); p != "" {
				u.provider = p
			}
		default:
			s.Skip()
		}
	}
}

func (u *identity) scanIssuer(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "userName":
			u.issuer = s.Text()
		case "type":
			u.issuerKind = s.Text()
		default:
			s.Skip()
		}
	}
}

// session returns the session name of an assumed role.
func (u *identity) session() string {
	if i := strings.IndexByte(u.principal, ':'); i >= 0 {
		return u.principal[i+1:]
	}
	if i := strings.LastIndexByte(u.arn, '/'); i >= 0 {
		return u.arn[i+1:]
	}
	return ""
}

// actor sets who acted. An assumed role is resolved to a person by source identity, or by the
// session name of Identity Center or SAML; otherwise the actor is the role, and entity
// resolution may know the access key of the session, or the user that it names.
func (u *identity) actor(r *record, a *event.Actor, out *ingest.Sink) {
	acct := cmp.Or(u.account, r.account)
	u.elsewhere = r.account != "" && acct != r.account
	a.Kind = event.Human
	switch u.kind {
	case "Root":
		a.Account = out.Join("aws:", acct, ":root")
	case "IAMUser":
		a.Account = u.user(acct, cmp.Or(u.userName, lastPart(u.arn)), out)
		if names.UniqueID(u.principal) && a.Account != "" {
			a.Alias = out.Join(uniqueID, out.Lower(u.principal))
		}
	case "AssumedRole":
		u.assumedRole(r, acct, a, out)
	case "FederatedUser":
		name := cmp.Or(lastPart(u.arn), u.session())
		if u.issuerKind == "IAMUser" && u.issuer != "" && (name == "" || names.UniqueID(name)) {
			name = u.issuer // the session is named by the id of the user who began it
		}
		a.Account = u.user(acct, name, out)
	case "SAMLUser":
		a.Account = u.user(acct, cmp.Or(u.userName, u.session(), u.principal), out)
	case "WebIdentityUser":
		u.webIdentity(acct, a, out)
	case "IdentityCenterUser":
		a.Account = out.Account("aws_identity_center", cmp.Or(u.onBehalfOf, u.principal))
		if r.userName != "" {
			a.Alias = iamUser(names.IdentityCenter, r.userName, out)
		}
		if a.Account == "" {
			a.Account, a.Alias = a.Alias, ""
		}

	case "AWSAccount":
		a.Kind = event.Unknown
		if anonymousAccount(u.account) || u.account == "" && (u.principal == "" || anonymousAccount(u.principal)) {
			a.Kind = event.Anonymous
			break
		}
		a.Account = out.Join("aws:", u.account)

	case "Role":
		a.Kind, a.Account = event.Service, out.Join("aws:", acct, ":role/", cmp.Or(u.userName, u.issuer, lastPart(u.arn)))
	case "AWSService":
		a.Kind, a.Account = event.System, out.Account("aws", u.invokedBy)
	default:
		a.Kind = event.Unknown
		switch {
		case u.invokedBy != "":
			a.Kind, a.Account = event.System, out.Account("aws", u.invokedBy)
		case u.userName != "":
			a.Account = u.user(acct, u.userName, out)
		case r.kind == "AwsServiceEvent" || !u.present:
			a.Kind, a.Account = event.System, out.Account("aws", r.source)
		case u.arn != "" || u.principal != "":
			a.Account = out.Account("aws", cmp.Or(u.arn, u.principal))
		}
	}

	if isIssuing(r.name) { // STS issues a key, which its requester will use
		if key := issuedKey(r.response); key != "" && (a.Alias == "" || strings.HasPrefix(a.Alias, uniqueID)) {
			a.Alias = out.Join("aws_key:", key)
		}
	}
}

// anonymousAccount reports whether an account or a principal stands for requests without a
// signature.
func anonymousAccount(id string) bool {
	return strings.EqualFold(id, "anonymous") || id == "ANONYMOUS_PRINCIPAL"
}

func (u *identity) assumedRole(r *record, acct string, a *event.Actor, out *ingest.Sink) {
	session := u.session()
	switch {
	case u.sourceIdentity != "":
		a.Account = u.user(acct, u.sourceIdentity, out)
	case names.WorkloadIssuer(u.provider):
		a.Kind, a.Account = event.Service, out.Join("aws:", acct, ":role/", cmp.Or(u.issuer, session))
	case ingest.IsEmail(session):
		a.Account = u.user(acct, session, out)
	case strings.HasPrefix(u.issuer, "AWSReservedSSO_"):
		if u.elsewhere {
			a.Account = out.Join("aws:", acct, ":sso/", out.Lower(session))
		} else {
			a.Account = iamUser(names.IdentityCenter, session, out)
		}
	default:
		a.Kind = event.Unknown
		a.Account = out.Join("aws:", acct, ":role/", cmp.Or(u.issuer, session))
		switch {
		case u.onBehalfOf != "":
			a.OnBehalfOf = out.Account("aws_identity_center", u.onBehalfOf)
		case strings.HasPrefix(session, "i-") || u.invokedBy != "" || strings.Contains(r.agent, "aws-sdk-nodejs/lambda") ||
			strings.Contains(r.agent, "exec-env/AWS_Lambda") || strings.Contains(r.agent, "exec-env/AWS_ECS"):
			a.Kind = event.Service
		case u.provider == "" && u.issuer != "" && names.ChosenSession(session):
			a.OnBehalfOf = out.Join("aws:", acct, ":session/", out.Lower(session))
		}
	}
}

// webIdentity sets the subject of a token with which somebody took on a role: a person, or a
// workload of a pipeline or a cluster, whose subject has several parts.
func (u *identity) webIdentity(acct string, a *event.Actor, out *ingest.Sink) {
	subject := cmp.Or(u.userName, u.session(), u.principal)
	if names.Workload(subject) || names.WorkloadIssuer(cmp.Or(u.provider, u.principal)) || strings.Count(subject, ":") > 1 {
		a.Kind, a.Account = event.Service, out.Join("aws:", acct, ":workload/", out.Lower(subject))
		return
	}
	a.Account = u.user(acct, subject, out)
}

// user returns the account of a user. An address stands for itself, unless it may be that of a
// user of another organisation, who may have any name.
func (u *identity) user(acct, name string, out *ingest.Sink) string {
	if u.elsewhere && ingest.IsEmail(name) {
		return out.Join("aws:", acct, ":user/", out.Lower(name))
	}
	return iamUser(acct, name, out)
}

// iamUser returns the account of an IAM user. A name that is an e-mail address stands for
// itself, and a workload's subject is no user.
func iamUser(acct, name string, out *ingest.Sink) string {
	if ingest.IsEmail(name) {
		return out.Lower(name)
	}
	if name == "" || name == "HIDDEN_DUE_TO_SECURITY_REASONS" {
		return ""
	}
	if names.UniqueID(name) {
		return out.Join(uniqueID, out.Lower(name))
	}
	kind := ":user/"
	if names.Workload(name) {
		kind = ":workload/"
	}
	return out.Join("aws:", acct, kind, out.Lower(name))
}

func lastPart(arn string) string {
	if i := strings.LastIndexByte(arn, '/'); i >= 0 {
		return arn[i+1:]
	}
	return ""
}

func isIssuing(name string) bool {
	switch name {
	case "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetSessionToken", "GetFederationToken":
		return true
	}
	return false
}

// issuedKey is responseElements.credentials.accessKeyId.
func issuedKey(response []byte) string {
	var s jsonscan.Scanner
	if s.Reset(response); response == nil || !s.Object() {
		return ""
	}
	for s.Next() {
		if string(s.Key) != "credentials" {
			s.Skip()
			continue
		}
		if !s.Object() {
			continue
		}
		for s.Next() {
			if string(s.Key) == "accessKeyId" {
				return s.Text()
			}
			s.Skip()
		}
	}
	return ""
}
