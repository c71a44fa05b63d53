package cloudtrail

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// share is a call that lets others use a resource, or no longer lets them.
type share struct {
	service, name string
	kind          string // of the resource
	called        string // parameters with its name, the first of them that has a value
	to            string // parameters that name who is let in; if empty, the policy in the parameters does
	from          string // parameters that name who is put out
	ends          bool   // the policy, or all access by the call's kind of share, is taken away
}

// shares are calls with a policy, or with a list of receivers. A policy that a call to a service
// that is not listed sets is read as well: see anyPolicy.
var shares = []share{
	{service: "s3", name: "PutAccessPointPolicy", kind: "access point", called: "name"},
	{service: "s3", name: "DeleteAccessPointPolicy", kind: "access point", called: "name", ends: true},
	{service: "s3", name: "PutAccessPointPolicyForObjectLambda", kind: "access point", called: "name"},
	{service: "s3", name: "DeleteAccessPointPolicyForObjectLambda", kind: "access point", called: "name", ends: true},
	{service: "s3", name: "PutMultiRegionAccessPointPolicy", kind: "access point", called: "name"},
	{service: "s3", name: "CreateAccessGrant", kind: "bucket prefix", called: "accessGrantsLocationId", to: "granteeIdentifier"},
	{service: "s3", name: "PutAccessGrantsInstanceResourcePolicy", kind: "access grants instance", called: "accountId"},
	{service: "s3", name: "DeleteAccessGrantsInstanceResourcePolicy", kind: "access grants instance",
		called: "accountId", ends: true},
	{service: "s3tables", name: "PutTableBucketPolicy", kind: "table bucket", called: "tableBucketARN"},
	{service: "s3tables", name: "DeleteTableBucketPolicy", kind: "table bucket", called: "tableBucketARN", ends: true},
	{service: "s3tables", name: "PutTablePolicy", kind: "table", called: "name"},
	{service: "s3tables", name: "DeleteTablePolicy", kind: "table", called: "name", ends: true},
	{service: "s3vectors", name: "PutVectorBucketPolicy", kind: "vector bucket", called: "vectorBucketName vectorBucketArn"},
	{service: "s3vectors", name: "DeleteVectorBucketPolicy", kind: "vector bucket",
		called: "vectorBucketName vectorBucketArn", ends: true},

	{service: "ec2", name: "ModifyVpcEndpointServicePermissions", kind: "endpoint service", called: "serviceId",
		to: "addAllowedPrincipals allowedPrincipal", from: "removeAllowedPrincipals"},
	{service: "ec2", name: "ResetSnapshotAttribute", kind: "snapshot", called: "snapshotId", ends: true},
	{service: "ec2", name: "ResetImageAttribute", kind: "image", called: "imageId", ends: true},
	{service: "ec2", name: "CancelImageLaunchPermission", kind: "image", called: "imageId"},
	{service: "rds", name: "ModifyDBSnapshotAttribute", kind: "snapshot", called: "dBSnapshotIdentifier",
		to: "valuesToAdd", from: "valuesToRemove"},
	{service: "rds", name: "ModifyDBClusterSnapshotAttribute", kind: "snapshot", called: "dBClusterSnapshotIdentifier",
		to: "valuesToAdd", from: "valuesToRemove"},
	{service: "redshift", name: "AuthorizeSnapshotAccess", kind: "snapshot", called: "snapshotIdentifier snapshotArn",
		to: "accountWithRestoreAccess"},
	{service: "redshift", name: "RevokeSnapshotAccess", kind: "snapshot", called: "snapshotIdentifier snapshotArn",
		from: "accountWithRestoreAccess"},
	{service: "redshift", name: "AuthorizeDataShare", kind: "data share", called: "dataShareArn", to: "consumerIdentifier"},
	{service: "redshift", name: "DeauthorizeDataShare", kind: "data share", called: "dataShareArn", from: "consumerIdentifier"},
	{service: "redshift", name: "AuthorizeEndpointAccess", kind: "database", called: "clusterIdentifier", to: "account"},
	{service: "redshift", name: "RevokeEndpointAccess", kind: "database", called: "clusterIdentifier", from: "account"},
	{service: "redshift", name: "PutResourcePolicy", kind: "data warehouse", called: "resourceArn"},
	{service: "redshift", name: "DeleteResourcePolicy", kind: "data warehouse", called: "resourceArn", ends: true},
	{service: "redshift-serverless", name: "PutResourcePolicy", kind: "snapshot", called: "resourceArn"},
	{service: "redshift-serverless", name: "DeleteResourcePolicy", kind: "snapshot", called: "resourceArn", ends: true},
	{service: "workspaces", name: "UpdateWorkspaceImagePermission", kind: "image", called: "imageId", to: "sharedAccountId"},
	{service: "appstream", name: "UpdateImagePermissions", kind: "image", called: "name", to: "sharedAccountId"},
	{service: "appstream", name: "DeleteImagePermissions", kind: "image", called: "name", from: "sharedAccountId"},
	{service: "imagebuilder", name: "PutImagePolicy", kind: "image", called: "imageArn"},

	{service: "kms", name: "PutKeyPolicy", kind: "key", called: "keyId"},
	{service: "kms", name: "CreateKey", kind: "key", called: "keyId description"},
	{service: "kms", name: "ReplicateKey", kind: "key", called: "keyId"},
	{service: "kms", name: "CreateGrant", kind: "key", called: "keyId", to: "granteePrincipal"},
	{service: "secretsmanager", name: "PutResourcePolicy", kind: "secret", called: "secretId"},
	{service: "secretsmanager", name: "DeleteResourcePolicy", kind: "secret", called: "secretId", ends: true},
	{service: "ssm", name: "PutResourcePolicy", kind: "parameter", called: "resourceArn"},
	{service: "ssm", name: "DeleteResourcePolicy", kind: "parameter", called: "resourceArn", ends: true},
	{service: "ssm", name: "ModifyDocumentPermission", kind: "document", called: "name",
		to: "accountIdsToAdd", from: "accountIdsToRemove"},
	{service: "iam", name: "UpdateAssumeRolePolicy", kind: "role", called: "roleName"},
	{service: "iam", name: "CreateRole", kind: "role", called: "roleName"},

	{service: "ecr", name: "SetRepositoryPolicy", kind: "repository", called: "repositoryName"},
	{service: "ecr", name: "DeleteRepositoryPolicy", kind: "repository", called: "repositoryName", ends: true},
	{service: "ecr", name: "PutRegistryPolicy", kind: "registry", called: "registryId"},
	{service: "ecr", name: "DeleteRegistryPolicy", kind: "registry", called: "registryId", ends: true},
	{service: "ecr", name: "PutReplicationConfiguration", kind: "registry", called: "repositoryFilter filter", to: "registryId"},
	{service: "codeartifact", name: "PutDomainPermissionsPolicy", kind: "package domain", called: "domain"},
	{service: "codeartifact", name: "DeleteDomainPermissionsPolicy", kind: "package domain", called: "domain", ends: true},
	{service: "codeartifact", name: "PutRepositoryPermissionsPolicy", kind: "package repository", called: "repository"},
	{service: "codeartifact", name: "DeleteRepositoryPermissionsPolicy", kind: "package repository",
		called: "repository", ends: true},
	{service: "codebuild", name: "PutResourcePolicy", kind: "build project", called: "resourceArn"},
	{service: "codebuild", name: "DeleteResourcePolicy", kind: "build project", called: "resourceArn", ends: true},
	{service: "serverlessrepo", name: "PutApplicationPolicy", kind: "application", called: "applicationId", to: "principals"},
	{service: "signer", name: "AddProfilePermission", kind: "signing profile", called: "profileName", to: "principal"},
	{service: "lambda", name: "PutResourcePolicy", kind: "function", called: "resourceArn"},
	{service: "lambda", name: "DeleteResourcePolicy", kind: "function", called: "resourceArn", ends: true},
	{service: "lambda", name: "DeleteFunctionUrlConfig", kind: "function", called: "functionName", ends: true},

	{service: "sqs", name: "SetQueueAttributes", kind: "queue", called: "queueUrl"},
	{service: "sqs", name: "CreateQueue", kind: "queue", called: "queueName queueUrl"},
	{service: "sqs", name: "AddPermission", kind: "queue", called: "queueUrl", to: "awsAccountIds awsAccountId"},
	{service: "sns", name: "SetTopicAttributes", kind: "topic", called: "topicArn"},
	{service: "sns", name: "CreateTopic", kind: "topic", called: "name"},
	{service: "sns", name: "AddPermission", kind: "topic", called: "topicArn", to: "awsAccountIds awsAccountId"},
	{service: "sns", name: "Subscribe", kind: "topic", called: "topicArn", to: "endpoint"},
	{service: "events", name: "PutPermission", kind: "event bus", called: "eventBusName", to: "principal"},
	{service: "events", name: "PutTargets", kind: "event rule", called: "rule", to: "arn"},
	{service: "kinesis", name: "PutResourcePolicy", kind: "stream", called: "resourceARN"},
	{service: "kinesis", name: "DeleteResourcePolicy", kind: "stream", called: "resourceARN", ends: true},
	{service: "kafka", name: "PutClusterPolicy", kind: "cluster", called: "clusterArn"},
	{service: "kafka", name: "DeleteClusterPolicy", kind: "cluster", called: "clusterArn", ends: true},
	{service: "schemas", name: "PutResourcePolicy", kind: "schema registry", called: "registryName"},
	{service: "schemas", name: "DeleteResourcePolicy", kind: "schema registry", called: "registryName", ends: true},

	{service: "dynamodb", name: "PutResourcePolicy", kind: "table", called: "resourceArn"},
	{service: "dynamodb", name: "DeleteResourcePolicy", kind: "table", called: "resourceArn", ends: true},
	{service: "dynamodb", name: "CreateTable", kind: "table", called: "tableName"},
	{service: "glue", name: "PutResourcePolicy", kind: "data catalog", called: "resourceArn"},
	{service: "glue", name: "DeleteResourcePolicy", kind: "data catalog", called: "resourceArn", ends: true},
	{service: "lakeformation", name: "GrantPermissions", kind: "data lake", called: "name databaseName catalogId",
		to: "dataLakePrincipalIdentifier"},
	{service: "lakeformation", name: "BatchGrantPermissions", kind: "data lake", called: "name databaseName catalogId",
		to: "dataLakePrincipalIdentifier"},
	{service: "lakeformation", name: "RevokePermissions", kind: "data lake", called: "name databaseName catalogId",
		from: "dataLakePrincipalIdentifier"},
	{service: "es", name: "CreateElasticsearchDomain", kind: "search domain", called: "domainName"},
	{service: "es", name: "UpdateElasticsearchDomainConfig", kind: "search domain", called: "domainName"},
	{service: "es", name: "CreateDomain", kind: "search domain", called: "domainName"},
	{service: "es", name: "UpdateDomainConfig", kind: "search domain", called: "domainName"},
	{service: "es", name: "AuthorizeVpcEndpointAccess", kind: "search domain", called: "domainName", to: "account"},
	{service: "es", name: "RevokeVpcEndpointAccess", kind: "search domain", called: "domainName", from: "account"},
	{service: "elasticfilesystem", name: "PutFileSystemPolicy", kind: "file system", called: "fileSystemId"},
	{service: "elasticfilesystem", name: "DeleteFileSystemPolicy", kind: "file system", called: "fileSystemId", ends: true},
	{service: "backup", name: "PutBackupVaultAccessPolicy", kind: "backup vault", called: "backupVaultName"},
	{service: "backup", name: "DeleteBackupVaultAccessPolicy", kind: "backup vault", called: "backupVaultName", ends: true},
	{service: "backup", name: "CreateBackupAccessPoint", kind: "backup", called: "recoveryPointArn"},
	{service: "backup", name: "StartCopyJob", kind: "backup", called: "recoveryPointArn", to: "destinationBackupVaultArn"},
	{service: "backup", name: "CreateBackupPlan", kind: "backup plan", called: "backupPlanName", to: "destinationBackupVaultArn"},
	{service: "backup", name: "UpdateBackupPlan", kind: "backup plan", called: "backupPlanName backupPlanId",
		to: "destinationBackupVaultArn"},
	{service: "glacier", name: "SetVaultAccessPolicy", kind: "vault", called: "vaultName"},
	{service: "glacier", name: "DeleteVaultAccessPolicy", kind: "vault", called: "vaultName", ends: true},
	{service: "mediastore", name: "PutContainerPolicy", kind: "container", called: "containerName"},
	{service: "mediastore", name: "DeleteContainerPolicy", kind: "container", called: "containerName", ends: true},
	{service: "dataexchange", name: "CreateDataGrant", kind: "data set", called: "sourceDataSetId name", to: "receiverPrincipal"},
	{service: "omics", name: "CreateShare", kind: "genomics store", called: "resourceArn", to: "principalSubscriber"},
	{service: "logs", name: "PutDestinationPolicy", kind: "log destination", called: "destinationName"},
	{service: "logs", name: "PutSubscriptionFilter", kind: "log group", called: "logGroupName", to: "destinationArn"},

	{service: "ram", name: "CreateResourceShare", kind: "resource", called: "resourceArns name", to: "principals"},
	{service: "ram", name: "AssociateResourceShare", kind: "resource", called: "resourceArns resourceShareArn", to: "principals"},
	{service: "ram", name: "DisassociateResourceShare", kind: "resource", called: "resourceArns resourceShareArn",
		from: "principals"},
	{service: "servicecatalog", name: "CreatePortfolioShare", kind: "portfolio", called: "portfolioId", to: "accountId value"},
	{service: "servicecatalog", name: "DeletePortfolioShare", kind: "portfolio", called: "portfolioId", from: "accountId value"},
	{service: "lightsail", name: "UpdateBucket", kind: "bucket", called: "bucketName", to: "readonlyAccessAccounts"},
}

// addShares adds the calls of shares to the table of calls.
func addShares(to map[string]map[string]call) {
	for i := range shares {
		s := &shares[i]
		class := event.CloudChange
		switch {
		case s.kind == "snapshot" || s.kind == "image":
			class = event.ShareUser
		case s.ends:
			class = event.PolicyChange
		}
		add(to, s.service, s.name, call{class: class, params: s.read})
	}
}

// read reads what is shared, and with whom.
func (s *share) read(r *record, e *event.Event, out *ingest.Sink) {
	name := strings.TrimPrefix(short(first(r.params, s.called)), s.kind+"/")
	target(e, out, s.kind, cmp.Or(name, e.Tenant))
	switch {
	case s.ends:
		if e.After = event.Private; e.Class == event.ShareUser {
			e.Class = event.Unshare
		}
	case r.name == "CancelImageLaunchPermission": // the account itself gives up an image
		e.Class = event.CloudChange
	case s.to != "":
		s.receivers(r, e, out)
	case s.from != "":
		e.Class = event.Unshare
	default:
		s.policy(r, e, out)
	}
}

// receivers reads lists of those who are let in, and of those who are put out.
func (s *share) receivers(r *record, e *event.Event, out *ingest.Sink) {
	taken := false
	only := "" // the organisation to which a condition narrows everybody
	if s.service == "events" {
		if only = param(r.params, "value"); !isOrganization(only) {
			only = ""
		}
	}
	fields(r.params, func(k, v string) {
		switch {
		case within(k, s.from):
			taken = true
		case within(k, s.to) && v == "*" && only != "":
			party(only, e, out)
		case within(k, s.to):
			lets(v, e, out)
		}
	})
	if e.Class == event.CloudChange && len(e.To) == 0 && s.service == "events" {
		s.policy(r, e, out) // an event bus may have either
	}
	if taken && len(e.To) == 0 {
		e.Class = event.Unshare
	}
}

// lets lets a receiver in: a principal, or everybody.
func lets(who string, e *event.Event, out *ingest.Sink) {
	switch who {
	case "*", "all":
		if e.Class != event.ShareUser {
			opens(e, out, "everybody may use it")
			return
		}
		e.After = event.Public
		out.To("*", event.ScopeAnyone)
	default:
		if party(who, e, out) {
			e.Class, e.After = event.ShareUser, max(e.After, event.External)
		}
	}
}

// policy evaluates the policy of a resource. A call without one changes no exposure.
func (s *share) policy(r *record, e *event.Event, out *ingest.Sink) {
	switch {
	case evaluate(r.params, e, out), emptied(r.params):
		e.Class = event.PolicyChange
		if e.After == event.NoVisibility {
			e.After = event.Private
		}
	}
}

// emptied reports whether the attributes of a queue or a search domain take its policy away: an
// empty text does.
func emptied(params []byte) bool {
	doc := document(params, "Policy")
	if doc == nil {
		doc = document(params, "accessPolicies")
	}
	return string(doc) == `""`
}

// anyPolicy evaluates the policy of a resource of a service that has no entry of its own.
func anyPolicy(r *record, e *event.Event, out *ingest.Sink) {
	list, _ := policies(r.params)
	for i := range list {
		if st := &list[i]; st.everyone || st.notListed || len(st.principals) > 0 { // the policy of a resource names principals
			service, _, _ := strings.Cut(r.source, ".")
			target(e, out, "resource of "+service, short(first(r.params, "resourceArn arn resourceIdentifier identifier name id")))
			e.Class = event.PolicyChange
			evaluate(r.params, e, out)
			return
		}
	}
}

// setsPolicy reports whether the name of a call that is not listed sounds like it sets a policy.
func setsPolicy(name string) bool {
	return (strings.Contains(name, "Policy") || strings.Contains(name, "Policies") || strings.Contains(name, "Permission")) &&
		!strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "List") && !strings.HasPrefix(name, "Describe") &&
		!strings.HasPrefix(name, "Delete")
}

// replication is the copying of what a bucket receives to other buckets. The account of a bucket
// that is copied to is stated if its objects shall belong to it.
func replication(r *record, e *event.Event, out *ingest.Sink) {
	fields(r.params, func(k, v string) {
		switch k {
		case "Account":
			party(v, e, out)
		case "Bucket":
			out.Attr(event.AttrTarget, out.Copy(short(v)))
		}
	})
	if len(e.To) > 0 || e.Attr(event.AttrTarget) != "" {
		e.Class = event.ShareUser
		out.Attr(event.AttrGrant, "replication of its objects")
	}
}

// sharedCopy is the permission to make a disk or a machine of a snapshot or an image.
func sharedCopy(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "snapshot", first(r.params, "snapshotId"))
	if id := first(r.params, "imageId fpgaImageId"); id != "" {
		target(e, out, "image", id)
	}
	e.Class = event.CloudChange
	added := func(k, v string) {
		if within(k, copiers) {
			e.Class = event.ShareUser
			lets(v, e, out)
		}
	}
	removed := func(k, _ string) {
		if within(k, copiers) && e.Class != event.ShareUser {
			e.Class = event.Unshare
		}
	}
	switch first(r.params, "operationType") {
	case "add":
		fields(r.params, added)
	case "remove":
		fields(r.params, removed)
	default:
		var s jsonscan.Scanner
		s.Reset(r.params)
		under(&s, "add", added)
		s.Reset(r.params)
		under(&s, "remove", removed)
	}
}

// copiers are the parameters that name who may use a snapshot or an image.
const copiers = "userId userIds group groupNames userGroups organizationArn organizationArns " +
	"organizationalUnitArn organizationalUnitArns"

// within reports whether a name is one of several, in any case.
func within(name, of string) bool {
	for n := range strings.FieldsSeq(of) {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// first returns the value of the first of several parameters that has one: at the top level or,
// otherwise, anywhere.
func first(params []byte, names string) string {
	for name := range strings.FieldsSeq(names) {
		if v := cmp.Or(valueOf(document(params, name)), param(params, name)); v != "" {
			return v
		}
	}
	return ""
}

// valueOf returns a value as text; "" for an object or a list.
func valueOf(raw []byte) string {
	var s jsonscan.Scanner
	if s.Reset(raw); raw == nil || s.Kind() == '{' || s.Kind() == '[' {
		return ""
	}
	return s.Text()
}

// short is the part of an ARN or a URL that people know a resource by.
func short(name string) string {
	switch {
	case strings.HasPrefix(name, "https:"):
		return name[strings.LastIndexByte(name, '/')+1:]
	case strings.HasPrefix(name, "arn:"):
		return name[strings.LastIndexByte(name, ':')+1:]
	}
	return name
}
