package cloudtrail

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// export is a call that writes what a service holds into a bucket.
type export struct {
	service, name string
	kind, called  string // of what is exported: its type, and parameters with its name
	bucket        string // parameters that name the bucket
	owner         string // parameters that name the account of the bucket
}

var exports = []export{
	{"dynamodb", "ExportTableToPointInTime", "table", "tableArn", "s3Bucket", "s3BucketOwner"},
	{"rds", "StartExportTask", "database", "sourceArn", "s3BucketName", ""},
	{"neptune-graph", "StartExportTask", "graph", "graphIdentifier", "destination", ""},
	{"elasticache", "CopySnapshot", "snapshot", "sourceSnapshotName", "targetBucket", ""},
	{"elasticache", "ExportServerlessCacheSnapshot", "snapshot", "serverlessCacheSnapshotName", "s3BucketName", ""},
	{"memorydb", "CopySnapshot", "snapshot", "sourceSnapshotName", "targetBucket", ""},
	{"ec2", "CreateInstanceExportTask", "machine", "instanceId", "s3Bucket", ""},
	{"ec2", "ExportImage", "image", "imageId", "s3Bucket", ""},
	{"ec2", "CreateStoreImageTask", "image", "imageId", "bucket", ""},
	{"logs", "CreateExportTask", "log group", "logGroupName", "destination", ""},
	{"cloudtrail", "StartQuery", "event data store", "queryAlias", "deliveryS3Uri", ""},
	{"workmail", "StartMailboxExportJob", "mailbox", "entityId", "s3BucketName", ""},
	{"quicksight", "StartDashboardSnapshotJob", "dashboard", "dashboardId", "uri bucketName", ""},
	{"quicksight", "StartAssetBundleExportJob", "assets", "resourceArns", "", ""},
	{"dataexchange", "CreateJob", "data set", "dataSetId", "bucket", ""},
	{"mgn", "StartExport", "inventory", "", "s3Bucket", "s3BucketOwner"},
	{"acm", "ExportCertificate", "certificate", "certificateArn", "", ""},
	{"payment-cryptography", "ExportKey", "key", "exportKeyIdentifier", "", ""},
	{"healthlake", "StartFHIRExportJob", "patient records", "datastoreId", "s3Uri", ""},
	{"omics", "StartReadSetExportJob", "genomics store", "sequenceStoreId", "destination", ""},
	{"personalize", "CreateDatasetExportJob", "data set", "datasetArn", "path", ""},
	{"sesv2", "CreateExportJob", "mail data", "exportSourceType", "s3Url", ""},
	{"pinpoint", "CreateExportJob", "segment", "applicationId", "s3UrlPrefix", ""},
}

// read reads what is exported, and where to.
func (x *export) read(r *record, e *event.Event, out *ingest.Sink) {
	bucket := strings.TrimPrefix(short(first(r.params, x.bucket)), "s3://")
	if bucket, _, _ = strings.Cut(bucket, "/"); bucket == "" && e.Class == event.CloudChange {
		return // a copy within the service, or a query whose results stay where they are
	}
	e.Class = event.Export
	target(e, out, x.kind, strings.TrimPrefix(short(first(r.params, x.called)), x.kind+"/"))
	out.Attr(event.AttrTarget, out.Copy(bucket))
	if owner := first(r.params, x.owner); owner != "" {
		party(owner, e, out)
	}
}

// mayStay are exports that write into a bucket only if they name one.
var mayStay = set("elasticache/CopySnapshot memorydb/CopySnapshot cloudtrail/StartQuery dataexchange/CreateJob")

func addExports(to map[string]map[string]call) {
	for i := range exports {
		x := &exports[i]
		class := event.Export
		if mayStay[x.service+"/"+x.name] {
			class = event.CloudChange
		}
		add(to, x.service, x.name, call{class: class, params: x.read})
	}
}

// exportsSomething reports whether the name of a call that is not listed sounds like it writes data
// into a bucket.
func exportsSomething(name string) bool {
	return strings.Contains(name, "Export") && (strings.HasPrefix(name, "Export") || strings.HasPrefix(name, "Start") ||
		strings.HasPrefix(name, "Create") || strings.HasPrefix(name, "Batch"))
}

// anyExport is an export of a service that has no entry of its own. One that names no bucket answers
// with a document, such as a template.
func anyExport(r *record, e *event.Event, out *ingest.Sink) {
	bucket := ""
	fields(r.params, func(k, v string) {
		path, isURL := strings.CutPrefix(v, "s3://")
		if bucket == "" && (isURL || strings.Contains(strings.ToLower(k), "bucket") && !isAccount(v)) {
			bucket, _, _ = strings.Cut(short(path), "/")
		}
	})
	if bucket == "" {
		return
	}
	service, _, _ := strings.Cut(r.source, ".")
	e.Class = event.Export
	target(e, out, "data of "+service, short(first(r.params, "resourceArn arn identifier name id")))
	out.Attr(event.AttrTarget, out.Copy(bucket))
	if owner := first(r.params, "s3BucketOwner bucketOwner expectedBucketOwner"); owner != "" {
		party(owner, e, out)
	}
}

// secretRead is a read of the value of a secret.
func secretRead(r *record, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "secret"
	r.names("secretId secretIdList", e, out)
}

// parameterRead is a read of parameters: of secret ones if they are decrypted.
func parameterRead(r *record, e *event.Event, out *ingest.Sink) {
	e.Object.Type = "parameter"
	r.names("name names path", e, out)
	if !strings.EqualFold(first(r.params, "withDecryption"), "true") {
		e.Class = event.CloudRead
	}
}

// names names the first of the things that a call is about, and counts them.
func (r *record) names(parameters string, e *event.Event, out *ingest.Sink) {
	n := int64(0)
	fields(r.params, func(k, v string) {
		if !within(k, parameters) {
			return
		}
		if n++; n == 1 {
			e.Object.ID = out.Copy(short(v))
			e.Object.Name = e.Object.ID
		}
	})
	if n > 1 {
		e.Items = n
	}
}

// passwordRead is a read of the password of a machine, or of the keys to one.
func passwordRead(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "secret", first(r.params, "instanceId instanceName relationalDatabaseName serverId functionName id"))
}

// blockRead is a read of a part of a disk's snapshot.
func blockRead(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "snapshot", first(r.params, "snapshotId secondSnapshotId"))
}

// copyMade is a copy of a snapshot, an image or a backup within the service.
func copyMade(r *record, e *event.Event, out *ingest.Sink) {
	target(e, out, "snapshot", short(first(r.params, "sourceSnapshotId sourceImageId sourceDBSnapshotIdentifier "+
		"sourceDBClusterSnapshotIdentifier sourceSnapshotIdentifier sourceBackupId backupId backupArn sourceSnapshotName")))
}
