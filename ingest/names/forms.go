package names

// Form is a form in which logs write who acted.
type Form struct {
	Source  string // which logs
	Example string // of the organisation acme.example, whose people include jane.doe and no kim.lee
	Account string // what decoders make of it
	Belongs string // whose name it is
	Person  string // who acts: an address, the account itself if it is nobody known, or a service
	How     string // why
}

// service is the Person of forms that no person uses.
const service = "a service"

const (
	jane     = "jane.doe@acme.example"
	itself   = "the account itself"
	anyones  = "whoever has the address"
	ownAWS   = "an AWS account whose trail is read, or that `aws_accounts` lists"
	otherAWS = "another AWS account"
	tenant   = "the tenant"
	vendor   = "the vendor: an id of the account"
	byMail   = "the person of records that have it beside an address"
	byAdmins = "the local part of an address: administrators name the users"
)

// Forms lists the forms. docs/identity.md has them as a table, and a test resolves each.
var Forms = []Form{
	{"all", jane, jane, anyones, jane, "the people file, or an address that acts"},
	{"all", "Jane.Doe+x@acme.example", "jane.doe+x@acme.example", anyones, jane, "without what follows +, in an own domain"},
	{"all", "jane.doe@acme-labs.example", "jane.doe@acme-labs.example", "another own domain", jane,
		"the same local part means the same person in all own domains, unless two people share it"},
	{"all", "jane.doe@rival.example", "jane.doe@rival.example", "another organisation", itself,
		"names of other organisations mean nobody here"},
	{"all", "mailto:jane.doe@acme.example", jane, anyones, jane, "the address after `mailto:`, `smtp:`, `sip:` or `user:`"},

	{"Microsoft 365", "i:0#.f|membership|jane.doe@acme.example", jane, tenant, jane,
		"the value of a SharePoint claim about a name (`#`), an address (`5`) or a user principal name (`e`)"},
	{"Microsoft 365", "i:0h.f|membership|10032000c0ffee@live.com", "m365:i:0h.f|membership|10032000c0ffee@live.com", tenant, itself,
		"a claim of another type is an id that only looks like an address"},
	{"Microsoft 365", "live.com#jane.doe@acme.example", jane, "where the user signs in", jane,
		"the address after `live.com#`, `google.com#`, `facebook.com#`, `mail#` or `urn:spo:guest#`"},
	{"Microsoft 365", "kim.lee_rival.example#EXT#@acme.onmicrosoft.com", "kim.lee@rival.example", "the home of the guest", itself,
		"a guest's address before `#EXT#`; what follows is an own domain"},
	{"Microsoft 365", "jane.doe@acme.onmicrosoft.com", "jane.doe@acme.onmicrosoft.com", tenant, jane,
		"the tenant's initial domain is an own domain, known from its sites, guests, members or `OrganizationName`"},
	{"Microsoft 365", "755e500a-6c03-46b0-b53b-282f23374e3b", "m365:755e500a-6c03-46b0-b53b-282f23374e3b", tenant, itself,
		"an object id is the person's of the sign-ins that have it beside an address"},
	{"Microsoft 365", "jane.doe", "m365:jane.doe", tenant, jane, byAdmins},

	{"AWS", "arn:aws:iam::111122223333:user/jane.doe", "aws:111122223333:user/jane.doe", ownAWS, jane, "the local part of an address"},
	{"AWS", "arn:aws:iam::999988887777:user/jane.doe", "aws:999988887777:user/jane.doe", otherAWS, itself,
		"names of another account mean nobody here, nor do addresses in them"},
	{"AWS", "arn:aws:sts::111122223333:federated-user/jane.doe", "aws:111122223333:user/jane.doe", ownAWS, jane,
		"as a user; if it is an id (`AIDA…`), the user who began the session"},
	{"AWS", "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_1f2e/jane.doe", "aws:identity-center:user/jane.doe", ownAWS, jane,
		"the user name in IAM Identity Center"},
	{"AWS", "arn:aws:sts::999988887777:assumed-role/AWSReservedSSO_Dev_1f2e/jane.doe", "aws:999988887777:sso/jane.doe", otherAWS, itself,
		"the user of another organisation's Identity Center"},
	{"AWS", "onBehalfOf.userId 93a4b8c2-10f1-7003-6a8b-1f2e3d4c5b6a", "aws_identity_center:93a4b8c2-10f1-7003-6a8b-1f2e3d4c5b6a",
		"the identity store", itself, "the person of the sign-ins that have it beside a user name; also of a role's session"},
	{"AWS", "arn:aws:sts::111122223333:assumed-role/Admin/jane.doe", "aws:111122223333:session/jane.doe", ownAWS, jane,
		"its source identity or address; else who was issued its key; else the person whose local part it is named by; else the role"},
	{"AWS", "repo:acme/app:ref:refs/heads/jane.doe", "aws:111122223333:workload/repo:acme/app:ref:refs/heads/jane.doe",
		"the pipeline or cluster that issued the token", service,
		"GitHub, GitLab (`project_path:`), Kubernetes (`system:serviceaccount:`), Terraform Cloud (`organization:`) and others"},

	{"Okta", "jane.doe", "okta:jane.doe", "the organisation", jane, byAdmins},
	{"Okta", "00u4tjZ1E7T3Yy7kPzHM", "okta:00u4tjz1e7t3yy7kpzhm", vendor, itself, "the person of records that have it beside a login"},
	{"Snowflake", "JANE.DOE", "snowflake:jane.doe", "the organisation", jane, byAdmins},
	{"Snowflake", "JANE_DOE", "snowflake:jane_doe", "the organisation", itself, "the person of rows that have it beside an address"},
	{"Salesforce", "jane.doe@acme.example.uat", "jane.doe@acme.example.uat", "the organisation's Salesforce", jane,
		"a user name with a suffix is the known address before it"},
	{"Salesforce", "0055j00000gEytUAAS", "salesforce:0055j00000geytuaas", vendor, itself,
		"the person of records that have it beside a user name"},
	{"GitHub", "jane-doe", "github:jane-doe", "whoever took the name", itself, "the person of records that have it beside a SAML name id"},
	{"GitHub", "deploy_key", "github:deploy_key", "a repository", service, "so are bots and GitHub Apps that act for themselves"},
	{"Google Workspace", "102883068663900076015", "google_workspace:102883068663900076015", vendor, itself,
		byMail},
	{"Google Workspace", "jane.doe@acme.example.test-google-a.com", "jane.doe@acme.example.test-google-a.com", "the organisation", jane,
		"the test domain that Google gives to an own domain"},
	{"Slack, Box, Dropbox, Atlassian", "WNWIJIEXAD", "slack:wnwijiexad", vendor, itself, byMail},
	{"Atlassian", "557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", "atlassian:557058:f58131cb-b67d-43c7-b30d-6b58d40bd077", vendor, itself,
		"an id, never a name after the colon"},
}
