// Package names is the directory of the forms in which logs write who acted. It tells the address
// inside a form, the parts of an account, whether the users of a source are named by the
// organisation itself, and which names are those of workloads. It knows nothing about people:
// package identity does. The forms are listed in docs/identity.md.
package names

import (
	"net/url"
	"strings"
)

// IsEmail reports whether t has the form of an e-mail address. The sign # is not accepted: it is
// part of forms that contain an address.
func IsEmail(t string) bool {
	at := strings.IndexByte(t, '@')
	if at < 1 || at == len(t)-1 || strings.IndexByte(t[at+1:], '@') >= 0 {
		return false
	}
	for i := 0; i < len(t); i++ {
		switch c := t[i]; {
		case c <= ' ' || c == 0x7f:
			return false
		case c == '/' || c == ':' || c == '\\' || c == '|' || c == '<' || c == '>' || c == '"' || c == ',' || c == ';' || c == '#':
			return false
		}
	}
	return true
}

// prefixes are what some forms put before an address.
var prefixes = [...]string{
	"urn:spo:guest#", "live.com#", "google.com#", "facebook.com#", "mail#", // of guests of Microsoft 365, by where they sign in
	"smtp:", "sip:", "mailto:", // of mailboxes
	"user:", "deleted:user:", "serviceaccount:", // of members of Google's policies
}

// Address returns the e-mail address that a form contains, or "". The result is in the case of
// the form.
func Address(form string) string {
	for range 4 { // forms may contain others
		if IsEmail(form) {
			return form
		}
		next := inner(form)
		if next == "" {
			return ""
		}
		form = next
	}
	return ""
}

// inner removes the outermost form, or returns "".
func inner(form string) string {
	i := strings.IndexAny(form, "#|:%")
	if i < 0 {
		return ""
	}
	if form[i] == '%' || strings.Contains(form, "%3") {
		plain, err := url.PathUnescape(form)
		if err != nil || plain == form {
			return ""
		}
		return plain
	}
	for _, p := range prefixes {
		if len(form) > len(p) && strings.EqualFold(form[:len(p)], p) {
			form, _, _ = strings.Cut(form[len(p):], "?uid=")
			return form
		}
	}
	if i == 1 && len(form) > 6 && (form[0] == 'i' || form[0] == 'I') && form[2] == '0' {
		return claim(form)
	}
	return guest(form)
}

// claim returns the value of a claim of SharePoint about a user: i:0 and a letter for what the
// value is, one for its type, one for who states it, and after bars the issuer and the value.
// Only names (#), addresses (5) and user principal names (e) are addresses. Others look like
// them: 10032000c0ffee@live.com is an id.
func claim(form string) string {
	switch form[3] {
	case '#', '5', 'e':
	default:
		return ""
	}
	i := strings.LastIndexByte(form, '|')
	if i < 0 {
		return ""
	}
	return form[i+1:]
}

// guest returns the address of a guest, who is called name_domain#EXT#@tenant.
func guest(form string) string {
	i := strings.IndexByte(form, '#')
	if i <= 0 || len(form) < i+6 || !strings.EqualFold(form[i:i+5], "#EXT#") {
		return ""
	}
	local := form[:i]
	if j := strings.LastIndexByte(local, '_'); j > 0 {
		return local[:j] + "@" + local[j+1:]
	}
	return ""
}

// Tenant returns the domain of the tenant in which a guest is called name_domain#EXT#@tenant, or
// "".
func Tenant(form string) string {
	i := strings.IndexByte(form, '#')
	if i <= 0 || len(form) < i+7 || !strings.EqualFold(form[i:i+6], "#EXT#@") {
		return ""
	}
	return form[i+6:]
}

// Account is an account in parts: "source:name" or, in AWS, "aws:owner:kind/name".
type Account struct {
	Source, Owner, Kind, Name string
}

// Parse splits an account. An e-mail address is a name without a source.
func Parse(account string) Account {
	source, name, ok := strings.Cut(account, ":")
	if !ok {
		return Account{Name: account}
	}
	a := Account{Source: source, Name: name}
	if source != "aws" {
		return a
	}
	if owner, rest, ok := strings.Cut(name, ":"); ok {
		if kind, name, ok := strings.Cut(rest, "/"); ok {
			a.Owner, a.Kind, a.Name = owner, kind, name
		}
	}
	return a
}

// IdentityCenter is the owner of the accounts of IAM Identity Center, which are the same in all
// AWS accounts of an organisation.
const IdentityCenter = "identity-center"

// ByAdmins reports whether the organisation's own administrators name the users of a source, so
// that the local part of a person's address means that person. Elsewhere users name themselves:
// anybody may be called jane-doe at GitHub.
func ByAdmins(source string) bool {
	switch source {
	case "aws", "okta", "m365", "snowflake":
		return true
	}
	return false
}

// Whole reports whether a name has no parts: it is no path, subject of a token or domain\name.
func Whole(name string) bool { return name != "" && !strings.ContainsAny(name, `:/\|#`) }

// workloads are how the subjects of workloads begin: jobs of pipelines, pods and nodes of
// clusters.
var workloads = [...]string{
	"repo:", "repository:", "repository_owner:", "repository_id:", "repository_owner_id:", "job_workflow_ref:", "enterprise:", // GitHub
	"project_path:", "namespace_path:", "project_id:", // GitLab
	"organization:", "project:", "workspace:", "space:", "stack:", // Terraform Cloud, Buildkite, Spacelift, Octopus
	"system:serviceaccount:", "system:node:", "system:bootstrap:", // Kubernetes
	"pipeline:", "pipelines:", "owner:", "environment:", "pulumi:", "account:", "org:", "org/", "sc://", "p://", "spiffe://", "app:",
	"deploy_key", "deploy key", "serviceaccount:",
}

// Workload reports whether a name is that of a workload: the subject of a token which a
// pipeline or a cluster issues to its jobs, or a deploy key.
func Workload(name string) bool {
	for _, p := range workloads {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return true
		}
	}
	return false
}

// issuers are parts of the addresses of those who issue tokens to workloads.
var issuers = [...]string{
	"token.actions.githubusercontent.com", "/_services/token", "/_services/pipelines", "gitlab.", "app.terraform.io", "oidc.eks.",
	"container.googleapis.com", "oidc.circleci.com", "api.bitbucket.org", "agent.buildkite.com", "vstoken.dev.azure.com",
	"oidc.vercel.com", "oidc.fly.io", "api.pulumi.com", ".spacelift.io", "scalr.io", ".octopus.app", "oidc.codefresh.io",
	"kubernetes", "rh-oidc.", "spiffe",
}

// WorkloadIssuer reports whether an identity provider issues tokens to workloads. Providers of
// any other name may issue them to people, too.
func WorkloadIssuer(provider string) bool {
	for _, p := range issuers {
		if strings.Contains(provider, p) {
			return true
		}
	}
	return false
}

// defaults are how the session names begin that tools give themselves if nobody names them.
var defaults = [...]string{
	"i-", "botocore-session-", "aws-sdk-", "aws-go-sdk-", "aws-cli", "awscli", "session", "githubactions", "aws-", "terraform", "eks-",
	"codebuild", "aws_", "ecs-", "cdk-", "gntd-",
}

// ChosenSession reports whether somebody may have named the session of a role, so that the name
// may say who they are. Names that tools make up are not worth keeping.
func ChosenSession(name string) bool {
	if len(name) < 2 || len(name) > 64 {
		return false
	}
	for _, p := range defaults {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return false
		}
	}
	digits := 0
	for i := range len(name) {
		if c := name[i]; c >= '0' && c <= '9' {
			if digits++; digits > 6 { // a time or a random id
				return false
			}
		}
	}
	return true
}

// UniqueID reports whether a name is an id that IAM gives to users (AIDA…) and roles (AROA…).
func UniqueID(name string) bool {
	if len(name) < 16 || len(name) > 32 || !strings.HasPrefix(name, "AIDA") && !strings.HasPrefix(name, "AROA") {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// InitialDomain returns the initial domain (acme.onmicrosoft.com) of a Microsoft 365 tenant from
// the address of one of its sites (https://acme-my.sharepoint.com/…), or "". The tenant owns both
// names.
func InitialDomain(site string) string {
	host, ok := strings.CutPrefix(site, "https://")
	if !ok {
		return ""
	}
	host, _, _ = strings.Cut(host, "/")
	name, ok := strings.CutSuffix(host, ".sharepoint.com")
	if !ok || strings.IndexByte(name, '.') >= 0 {
		return ""
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, "-my"), "-admin")
	return name + OnMicrosoft
}

// OnMicrosoft is how the domains end that Microsoft gives to tenants.
const OnMicrosoft = ".onmicrosoft.com"

// Base returns the domain of which a vendor has made another one for the same organisation, or
// "": acme.onmicrosoft.com for acme.mail.onmicrosoft.com, acme.example for
// acme.example.test-google-a.com.
func Base(domain string) string {
	if name, ok := strings.CutSuffix(domain, ".mail"+OnMicrosoft); ok {
		return name + OnMicrosoft
	}
	if name, ok := strings.CutSuffix(domain, ".test-google-a.com"); ok {
		return name
	}
	return ""
}

// endings are last parts of public domains, other than those that are also usual names of test
// systems.
var endings = map[string]bool{
	"com": true, "net": true, "org": true, "edu": true, "gov": true, "mil": true, "int": true, "info": true, "biz": true,
	"name": true, "pro": true, "arpa": true, "cloud": true, "shop": true, "online": true, "site": true, "group": true, "global": true,
}

// WithoutSuffix removes the last part of a user name that looks like an address, as Salesforce
// adds one to the users of a sandbox: jane@acme.example of jane@acme.example.uat. It returns ""
// if what remains is no address, or if the part ends public domains: jane@acme.co.uk may be a
// person of another organisation than acme.co.
func WithoutSuffix(user string) string {
	i := strings.LastIndexByte(user, '.')
	if i < 0 || !IsEmail(user[:i]) || !strings.Contains(user[strings.IndexByte(user, '@'):i], ".") {
		return ""
	}
	suffix := user[i+1:]
	if endings[suffix] || len(suffix) == 2 && suffix != "qa" {
		return ""
	}
	return user[:i]
}
