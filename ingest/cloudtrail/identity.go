package cloudtrail

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// identity is the field userIdentity.
type identity struct {
	kind, principal, arn, account, accessKey, userName, invokedBy string
	issuer, sourceIdentity, onBehalfOf                            string
	present                                                       bool
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
			u.issuer = s.Field("userName")
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
// session name of Identity Center or SAML; otherwise the actor is the role, and a later stage
// may know the access key of the session.
func (u *identity) actor(r *record, a *event.Actor, out *ingest.Sink) {
	acct := cmp.Or(u.account, r.account)
	a.Kind = event.Human
	switch u.kind {
	case "Root":
		a.Account = out.Join("aws:", acct, ":root")
	case "IAMUser":
		a.Account = iamUser(acct, cmp.Or(u.userName, lastPart(u.arn)), out)
	case "AssumedRole":
		u.assumedRole(r, acct, a, out)
	case "FederatedUser":
		a.Account = iamUser(acct, cmp.Or(lastPart(u.arn), u.session()), out)
	case "SAMLUser", "WebIdentityUser":
		a.Account = iamUser(acct, cmp.Or(u.userName, u.session(), u.principal), out)
	case "IdentityCenterUser":
		a.Account = out.Account("aws_identity_center", cmp.Or(u.onBehalfOf, u.principal))
		if r.userName != "" {
			a.Alias = iamUser("identity-center", r.userName, out)
		}

	case "AWSAccount":
		a.Kind = event.Unknown
		if u.account == "anonymous" || u.account == "" && u.principal == "" {
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
			a.Account = iamUser(acct, u.userName, out)
		case r.kind == "AwsServiceEvent" || !u.present:
			a.Kind, a.Account = event.System, out.Account("aws", r.source)
		case u.arn != "" || u.principal != "":
			a.Account = out.Account("aws", cmp.Or(u.arn, u.principal))
		}
	}

	if isIssuing(r.name) { // STS issues a key, which its requester will use
		if key := issuedKey(r.response); key != "" && a.Alias == "" {
			a.Alias = out.Join("aws_key:", key)
		}
	}
}

func (u *identity) assumedRole(r *record, acct string, a *event.Actor, out *ingest.Sink) {
	session := u.session()
	switch {
	case u.sourceIdentity != "":
		a.Account = iamUser(acct, u.sourceIdentity, out)
	case ingest.IsEmail(session):
		a.Account = out.Lower(session)
	case strings.HasPrefix(u.issuer, "AWSReservedSSO_"):
		a.Account = iamUser("identity-center", session, out)
	default:
		a.Kind = event.Unknown
		a.Account = out.Join("aws:", acct, ":role/", cmp.Or(u.issuer, session))
		if strings.HasPrefix(session, "i-") || u.invokedBy != "" || strings.Contains(r.agent, "aws-sdk-nodejs/lambda") ||
			strings.Contains(r.agent, "exec-env/AWS_Lambda") || strings.Contains(r.agent, "exec-env/AWS_ECS") {
			a.Kind = event.Service
		}
	}
}

// iamUser returns the account of an IAM user. A name that is an e-mail address stands for
// itself.
func iamUser(acct, name string, out *ingest.Sink) string {
	if ingest.IsEmail(name) {
		return out.Lower(name)
	}
	if name == "" || name == "HIDDEN_DUE_TO_SECURITY_REASONS" {
		return ""
	}
	return out.Join("aws:", acct, ":user/", out.Lower(name))
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
