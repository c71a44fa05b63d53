package cloudtrail

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// call is the meaning of an API call. Calls that are not listed are reads or changes of cloud
// configuration, as the record itself states. Names are without the versions that some services
// put behind them: AddPermission20150331v2.
type call struct {
	service string // prefix of eventSource; empty for any
	class   event.Class
	params  func(r *record, e *event.Event, out *ingest.Sink) // reads r.params; nil if they are not needed
}

var calls = map[string]call{
	"GetObject":           {"s3.", event.Download, nil},
	"GetObjectTorrent":    {"s3.", event.Download, nil},
	"SelectObjectContent": {"s3.", event.Download, nil},
	"CopyObject":          {"s3.", event.Copy, copyObject},
	"UploadPartCopy":      {"s3.", event.Copy, copyObject},
	"PutObject":           {"s3.", event.Upload, bucketACL},
	"UploadPart":          {"s3.", event.Upload, nil},
	"DeleteObject":        {"s3.", event.Delete, nil},
	"DeleteObjects":       {"s3.", event.Delete, deletedBatch},
	"DeleteBucket":        {"s3.", event.Delete, nil},
	"ListObjects":         {"s3.", event.List, nil},
	"ListObjectsV2":       {"s3.", event.List, nil},
	"ListObjectVersions":  {"s3.", event.List, nil},

	"PutBucketPolicy":                 {"s3.", event.PolicyChange, bucketPolicy},
	"DeleteBucketPolicy":              {"s3.", event.PolicyChange, closed},
	"AddPermission":                   {"lambda.", event.CloudChange, functionPermission},
	"AddLayerVersionPermission":       {"lambda.", event.CloudChange, functionPermission},
	"PutBucketReplication":            {"s3.", event.CloudChange, replication},
	"CreateFunctionUrlConfig":         {"lambda.", event.CloudChange, functionURL},
	"UpdateFunctionUrlConfig":         {"lambda.", event.CloudChange, functionURL},
	"UpdateProjectVisibility":         {"codebuild.", event.PolicyChange, projectVisibility},
	"CreateDBInstance":                {"rds.", event.CloudChange, databaseAccess},
	"ModifyDBInstance":                {"rds.", event.CloudChange, databaseAccess},
	"CreateDBCluster":                 {"rds.", event.CloudChange, databaseAccess},
	"ModifyDBCluster":                 {"rds.", event.CloudChange, databaseAccess},
	"RestoreDBInstanceFromDBSnapshot": {"rds.", event.CloudChange, databaseAccess},
	"PutBucketAcl":                    {"s3.", event.PolicyChange, bucketACL},
	"PutObjectAcl":                    {"s3.", event.PolicyChange, bucketACL},
	"CreateBucket":                    {"s3.", event.CloudChange, bucketACL},
	"PutBucketPublicAccessBlock":      {"s3.", event.GuardChange, accessBlock},
	"DeleteBucketPublicAccessBlock":   {"s3.", event.GuardChange, accessBlockOff},
	"PutPublicAccessBlock":            {"s3.", event.GuardChange, accessBlock},
	"DeletePublicAccessBlock":         {"s3.", event.GuardChange, accessBlockOff},
	"PutAccountPublicAccessBlock":     {"s3.", event.GuardChange, accessBlock},
	"DeleteAccountPublicAccessBlock":  {"s3.", event.GuardChange, accessBlockOff},

	"EnableImageBlockPublicAccess":     {"ec2.", event.GuardChange, copyBlock},
	"DisableImageBlockPublicAccess":    {"ec2.", event.GuardChange, copyBlockOff},
	"EnableSnapshotBlockPublicAccess":  {"ec2.", event.GuardChange, copyBlock},
	"DisableSnapshotBlockPublicAccess": {"ec2.", event.GuardChange, copyBlockOff},

	"AttachManagedPolicyToPermissionSet":   {"sso.", event.AdminGrant, iamGrant},
	"PutInlinePolicyToPermissionSet":       {"sso.", event.AdminGrant, iamGrant},
	"DetachManagedPolicyFromPermissionSet": {"sso.", event.AdminRevoke, iamGrant},

	"GetSecretValue":                          {"secretsmanager.", event.Download, secretRead},
	"BatchGetSecretValue":                     {"secretsmanager.", event.Download, secretRead},
	"GetParameter":                            {"ssm.", event.Download, parameterRead},
	"GetParameters":                           {"ssm.", event.Download, parameterRead},
	"GetParametersByPath":                     {"ssm.", event.Download, parameterRead},
	"GetParameterHistory":                     {"ssm.", event.Download, parameterRead},
	"GetPasswordData":                         {"ec2.", event.Download, passwordRead},
	"GetInstanceAccessDetails":                {"lightsail.", event.Download, passwordRead},
	"DownloadDefaultKeyPair":                  {"lightsail.", event.Download, passwordRead},
	"GetRelationalDatabaseMasterUserPassword": {"lightsail.", event.Download, passwordRead},
	"GetSnapshotBlock":                        {"ebs.", event.Download, blockRead},
	"CopySnapshot":                            {"ec2.", event.Copy, copyMade},
	"CopyImage":                               {"ec2.", event.Copy, copyMade},
	"CopyDBSnapshot":                          {"rds.", event.Copy, copyMade},
	"CopyDBClusterSnapshot":                   {"rds.", event.Copy, copyMade},
	"CopyClusterSnapshot":                     {"redshift.", event.Copy, copyMade},
	"CopyBackup":                              {"fsx.", event.Copy, copyMade},
	"CopyBackupToRegion":                      {"cloudhsm.", event.Copy, copyMade},

	"AuthorizeSecurityGroupIngress": {"ec2.", event.NetworkOpen, ingressRules},
	"ModifySecurityGroupRules":      {"ec2.", event.NetworkOpen, modifiedRules},
	"CreateNetworkAclEntry":         {"ec2.", event.NetworkOpen, networkACL},
	"ReplaceNetworkAclEntry":        {"ec2.", event.NetworkOpen, networkACL},
	"RevokeSecurityGroupIngress":    {"ec2.", event.NetworkClose, ingressRules},
	"DeleteNetworkAclEntry":         {"ec2.", event.NetworkClose, networkACL},

	"ModifySnapshotAttribute":  {"ec2.", event.ShareUser, sharedCopy},
	"ModifyFpgaImageAttribute": {"ec2.", event.ShareUser, sharedCopy},
	"ModifyImageAttribute":     {"ec2.", event.ShareUser, sharedCopy},

	"AttachUserPolicy":        {"iam.", event.AdminGrant, iamGrant},
	"AttachRolePolicy":        {"iam.", event.AdminGrant, iamGrant},
	"AttachGroupPolicy":       {"iam.", event.AdminGrant, iamGrant},
	"PutUserPolicy":           {"iam.", event.AdminGrant, iamGrant},
	"PutRolePolicy":           {"iam.", event.AdminGrant, iamGrant},
	"PutGroupPolicy":          {"iam.", event.AdminGrant, iamGrant},
	"AddUserToGroup":          {"iam.", event.AdminGrant, iamGrant},
	"CreatePolicyVersion":     {"iam.", event.AdminGrant, iamGrant},
	"SetDefaultPolicyVersion": {"iam.", event.AdminGrant, iamGrant},
	"CreateAccountAssignment": {"sso.", event.AdminGrant, iamGrant},
	"DetachUserPolicy":        {"iam.", event.AdminRevoke, iamGrant},
	"DetachRolePolicy":        {"iam.", event.AdminRevoke, iamGrant},
	"DetachGroupPolicy":       {"iam.", event.AdminRevoke, iamGrant},
	"DeleteUserPolicy":        {"iam.", event.AdminRevoke, iamGrant},
	"DeleteRolePolicy":        {"iam.", event.AdminRevoke, iamGrant},
	"RemoveUserFromGroup":     {"iam.", event.AdminRevoke, iamGrant},
	"DeleteAccountAssignment": {"sso.", event.AdminRevoke, iamGrant},

	"CreateAccessKey":             {"iam.", event.TokenGrant, iamUserTarget},
	"CreateLoginProfile":          {"iam.", event.TokenGrant, iamUserTarget},
	"UpdateLoginProfile":          {"iam.", event.TokenGrant, iamUserTarget},
	"DeleteAccessKey":             {"iam.", event.TokenRevoke, iamUserTarget},
	"DeleteLoginProfile":          {"iam.", event.TokenRevoke, iamUserTarget},
	"DeactivateMFADevice":         {"iam.", event.MFADisabled, iamUserTarget},
	"DeleteVirtualMFADevice":      {"iam.", event.MFADisabled, iamUserTarget},
	"EnableMFADevice":             {"iam.", event.MFAEnabled, iamUserTarget},
	"UpdateAccountPasswordPolicy": {"iam.", event.ConfigChange, passwordPolicy},
	"DeleteAccountPasswordPolicy": {"iam.", event.ConfigChange, passwordPolicy},

	"ConsoleLogin":                {"signin.", event.LoginSuccess, consoleLogin},
	"CheckMfa":                    {"signin.", event.MFAChallenge, nil},
	"SwitchRole":                  {"signin.", event.AppAccess, nil},
	"UserAuthentication":          {"signin.", event.AppAccess, nil},
	"CredentialChallenge":         {"signin.", event.MFAChallenge, nil},
	"CredentialVerification":      {"signin.", event.MFAChallenge, nil},
	"GetRoleCredentials":          {"sso.", event.AppAccess, nil},
	"AssumeRole":                  {"sts.", event.AppAccess, nil},
	"AssumeRoleWithSAML":          {"sts.", event.AppAccess, nil},
	"AssumeRoleWithWebIdentity":   {"sts.", event.AppAccess, nil},
	"GetSessionToken":             {"sts.", event.AppAccess, nil},
	"GetFederationToken":          {"sts.", event.AppAccess, nil},
	"StopLogging":                 {"cloudtrail.", event.Tamper, trailTarget},
	"DeleteTrail":                 {"cloudtrail.", event.Tamper, trailTarget},
	"UpdateTrail":                 {"cloudtrail.", event.ConfigChange, narrowedTrail},
	"PutEventSelectors":           {"cloudtrail.", event.ConfigChange, narrowedTrail},
	"StartLogging":                {"cloudtrail.", event.ConfigChange, loggingResumed},
	"PutBucketLogging":            {"s3.", event.ConfigChange, bucketLogging},
	"DeleteConfigRule":            {"config.", event.Tamper, nil},
	"DeleteConfigurationRecorder": {"config.", event.Tamper, nil},
	"StartConfigurationRecorder":  {"config.", event.ConfigChange, loggingResumed},
	"DisableMacie":                {"macie2.", event.Tamper, nil},
	"UpdateDetector":              {"guardduty.", event.ConfigChange, guardDuty},
	"DeleteEventDataStore":        {"cloudtrail.", event.Tamper, trailTarget},
	"StopEventDataStoreIngestion": {"cloudtrail.", event.Tamper, trailTarget},
	"DeleteFlowLogs":              {"ec2.", event.Tamper, nil},
	"StopConfigurationRecorder":   {"config.", event.Tamper, nil},
	"DeleteDetector":              {"guardduty.", event.Tamper, nil},
	"DeleteDeliveryChannel":       {"config.", event.Tamper, nil},
	"DisableSecurityHub":          {"securityhub.", event.Tamper, nil},
	"StopActivityStream":          {"rds.", event.Tamper, activityStream},
	"StartActivityStream":         {"rds.", event.ConfigChange, activityStream},

	"DeleteResolverQueryLogConfig":              {"route53resolver.", event.Tamper, nil},
	"DisassociateResolverQueryLogConfig":        {"route53resolver.", event.Tamper, nil},
	"DeleteModelInvocationLoggingConfiguration": {"bedrock.", event.Tamper, nil},
}

// fields calls visit for every string, number or boolean below the parameters,
// with the name of the innermost key.
func fields(params []byte, visit func(key, value string)) {
	var s jsonscan.Scanner
	if s.Reset(params); params != nil {
		walk(&s, "", visit)
	}
}

func walk(s *jsonscan.Scanner, key string, visit func(key, value string)) {
	switch s.Kind() {
	case '{':
		if s.Object() {
			for s.Next() {
				walk(s, ingest.View(s.Key), visit)
			}
		}
	case '[':
		if s.Array() {
			for s.Elem() {
				walk(s, key, visit)
			}
		}
	case 0:
	default:
		if v := s.Text(); v != "" {
			visit(key, v)
		}
	}
}

// param returns the first value of a parameter, wherever it is; names differ in case between services.
func param(params []byte, name string) (value string) {
	fields(params, func(k, v string) {
		if value == "" && strings.EqualFold(k, name) {
			value = v
		}
	})
	return value
}

func consoleLogin(r *record, e *event.Event, out *ingest.Sink) {
	if param(r.response, "ConsoleLogin") == "Failure" || e.Outcome != event.Success {
		e.Class, e.Outcome = event.LoginFailure, event.Failure
	}
}

// copyObject names the source, which was read, as the object. The destination is the target.
func copyObject(r *record, e *event.Event, out *ingest.Sink) {
	from := strings.TrimPrefix(param(r.params, "x-amz-copy-source"), "/")
	out.Attr(event.AttrTarget, r.bucket)
	e.Bytes = 0 // what is sent is the answer, not the object
	if i := strings.IndexByte(from, '/'); i > 0 {
		from = out.Copy(from)
		e.Object.Type, e.Object.Container, e.Object.Name = "object", from[:i], from[i+1:]
	}
}

func iamGrant(r *record, e *event.Event, out *ingest.Sink) {
	var role, document string
	fields(r.params, func(k, v string) {
		switch k {
		case "permissionSetArn":
			if role == "" {
				role = v[strings.LastIndexByte(v, '/')+1:]
			}
		case "policyArn", "managedPolicyArn":
			role = v[strings.LastIndexByte(v, '/')+1:]
		case "groupName":
			if r.name == "AddUserToGroup" || r.name == "RemoveUserFromGroup" {
				role = v
			} else {
				target(e, out, "group", v)
			}

		case "policyName":
			if role == "" {
				role = v
			}

		case "policyDocument", "inlinePolicy":
			document = v
		case "userName":
			out.To(iamUser(e.Tenant, v, out), event.ScopeInternal)
			target(e, out, "user", v)
		case "roleName":
			target(e, out, "role", v)
		case "principalId":
			target(e, out, "user", v)
		}
	})
	if document != "" {
		if grantsEverything([]byte(document)) {
			out.Attr(event.AttrGrant, "every action on every resource")
		}
	}

	if strings.HasPrefix(role, "AWSCompromisedKeyQuarantine") && e.Class == event.AdminGrant { // AWS attaches it by itself
		e.Class = event.VendorAlert
		out.Attr(event.AttrReason, out.Join("a key of ", e.Object.Name, " was found in public: ", role))
	}
	out.Attr(event.AttrRole, out.Copy(role))
	if e.Object.ID == "" {
		e.Object.Type, e.Object.ID, e.Object.Name = "policy", out.Copy(role), out.Copy(role)
	}
}

func iamUserTarget(r *record, e *event.Event, out *ingest.Sink) {
	if name := param(r.params, "userName"); name != "" {
		out.To(iamUser(e.Tenant, name, out), event.ScopeInternal)
		target(e, out, "user", name)
	}
}

func trailTarget(r *record, e *event.Event, out *ingest.Sink) {
	fields(r.params, func(k, v string) {
		if k == "name" || k == "trailName" {
			target(e, out, "trail", v[strings.LastIndexByte(v, '/')+1:])
		}
	})
}

// narrowedTrail recognises changes after which a trail records less: no management events, reads
// or writes only, one region only, or files that can no longer be validated.
func narrowedTrail(r *record, e *event.Event, out *ingest.Sink) {
	trailTarget(r, e, out)
	if bucket := first(r.params, "s3BucketName"); r.name == "UpdateTrail" {
		out.Attr(event.AttrTarget, out.Copy(bucket))
	}
	fields(r.params, func(k, v string) {
		switch {
		case (k == "includeManagementEvents" || k == "isMultiRegionTrail" || k == "enableLogFileValidation" ||
			k == "includeGlobalServiceEvents") && strings.EqualFold(v, "false"),
			k == "readWriteType" && v != "All":
			if e.Class != event.Tamper {
				out.Attr(event.AttrTarget, out.Join(k, "=", v))
			}
			e.Class = event.Tamper
		}
	})
	if e.Class != event.Tamper {
		out.Policy("logging", "")
	}
}

func loggingResumed(r *record, e *event.Event, out *ingest.Sink) {
	trailTarget(r, e, out)
	out.Policy("logging", "stronger")
}

// bucketLogging is a change to the access logging of a bucket: off if no target is named.
func bucketLogging(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "bucket", r.bucket)
	switch {
	case param(r.params, "TargetBucket") != "":
		out.Policy("logging", "stronger")
	case document(r.params, "BucketLoggingStatus") != nil:
		e.Class = event.Tamper
	default:
		out.Policy("logging", "") // the record does not state the new value
	}
}

// activityStream is a change to the audit stream of a database.
func activityStream(r *record, e *event.Event, out *ingest.Sink) {
	arn := param(r.params, "resourceArn")
	target(e, out, "database", arn[strings.LastIndexByte(arn, ':')+1:])
	if e.Class != event.Tamper {
		out.Policy("logging", "stronger")
	}
}

func guardDuty(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "detector", param(r.params, "detectorId"))
	if strings.EqualFold(param(r.params, "enable"), "false") {
		e.Class = event.Tamper
		return
	}
	out.Policy("logging", "")
}

// passwordPolicy compares an account's password policy with the default of AWS: eight
// characters of three kinds
// (docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html).
func passwordPolicy(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "account", e.Tenant)
	length, kinds := 8, 0
	fields(r.params, func(k, v string) {
		switch k {
		case "minimumPasswordLength":
			length = int(jsonscan.ParseInt([]byte(v)))
		case "requireSymbols", "requireNumbers", "requireUppercaseCharacters", "requireLowercaseCharacters":
			if strings.EqualFold(v, "true") {
				kinds++
			}
		}
	})
	switch {
	case r.name == "DeleteAccountPasswordPolicy", length < 8, kinds < 3 && length < 14:
		out.Policy("authentication", "weaker")
	default:
		out.Policy("authentication", "stronger")
	}
}

// target names the object of a change.
func target(e *event.Event, out *ingest.Sink, kind, name string) {
	e.Object.Type, e.Object.ID = kind, out.Copy(name)
	e.Object.Name = e.Object.ID
}

// under visits the values below the first key of a name.
func under(s *jsonscan.Scanner, name string, visit func(key, value string)) {
	switch s.Kind() {
	case '{':
		s.Object()
		for s.Next() {
			if strings.EqualFold(string(s.Key), name) {
				walk(s, name, visit)
			} else {
				under(s, name, visit)
			}
		}
	case '[':
		s.Array()
		for s.Elem() {
			under(s, name, visit)
		}
	default:
		s.Skip()
	}
}
