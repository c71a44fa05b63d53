package cloudtrail

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// isS3 reports whether a service stores objects in buckets.
func isS3(source string) bool {
	return source == "s3.amazonaws.com" || source == "s3express.amazonaws.com" || source == "s3-outposts.amazonaws.com"
}

// located reports whether the parameters name the bucket itself.
func (r *record) located() bool {
	return r.bucket != "" && !strings.HasPrefix(r.bucket, "arn:") && !strings.HasSuffix(r.bucket, "-s3alias") &&
		!strings.HasSuffix(r.bucket, ".mrap")
}

// needsResources reports whether the resources may say more than what was read so far.
func (r *record) needsResources() bool {
	return r.source == "" || r.name == "" || r.name == "DeleteObjects" || isS3(r.source) && !r.located()
}

// locate completes bucket and key from the resources of the record: records of network activity
// have no parameters, and an access point, by its ARN or alias, stands for the bucket behind it.
func (r *record) locate(out *ingest.Sink) {
	if r.located() {
		return
	}
	if _, name, ok := strings.Cut(r.bucket, ":s3:::"); ok { // the ARN of the bucket itself
		r.bucket = name
		return
	}
	if r.resources == nil {
		return
	}
	bucket, point, key := "", "", ""
	eachResource(r.resources, func(kind, arn string) {
		switch kind {
		case "AWS::S3::Bucket", "AWS::S3Express::Bucket", "AWS::S3Outposts::Bucket":
			bucket = bucketName(arn)
		case "AWS::S3::Object", "AWS::S3Express::Object", "AWS::S3Outposts::Object":
			_, resource := splitARN(arn)
			switch name, rest, _ := strings.Cut(resource, "/"); {
			case name == "accesspoint":
				point, key, _ = strings.Cut(rest, "/object/")
			case bucket == "":
				bucket, key = name, rest
			default:
				key = rest
			}
		}
	})
	if bucket == "" && r.bucket == "" {
		bucket = point
	}
	if bucket != "" {
		r.bucket = out.Copy(bucket)
	}
	if r.key == "" {
		r.key = out.Copy(key)
	}
}

// eachResource visits the resources of a record.
func eachResource(raw []byte, visit func(kind, arn string)) {
	var s jsonscan.Scanner
	if s.Reset(raw); !s.Array() {
		return
	}
	for s.Elem() {
		if !s.Object() {
			continue
		}
		kind, arn := "", ""
		for s.Next() {
			switch string(s.Key) {
			case "type":
				kind = s.Text()
			case "ARN", "arn":
				arn = s.Text()
			default:
				s.Skip()
			}
		}
		visit(kind, arn)
	}
}

// splitARN returns the account and the resource of an ARN; of anything else, all of it.
func splitARN(arn string) (account, resource string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return "", arn
	}
	return parts[4], parts[5]
}

// bucketName returns the name of a bucket from its ARN.
func bucketName(arn string) string {
	_, resource := splitARN(arn)
	return resource[strings.LastIndexByte(resource, '/')+1:]
}

// deletedBatch counts the objects of a batch of deletions where the record has their keys. Most
// have not: the number is unknown then.
func deletedBatch(r *record, e *event.Event, out *ingest.Sink) {
	keys, last := 0, ""
	fields(r.params, func(k, v string) {
		if k == "key" || k == "Key" {
			keys, last = keys+1, v
		}
	})
	if keys == 0 {
		eachResource(r.resources, func(kind, arn string) {
			if _, resource := splitARN(arn); kind == "AWS::S3::Object" && strings.Contains(resource, "/") {
				keys++
				_, last, _ = strings.Cut(resource, "/")
			}
		})
	}
	switch e.Object = (event.Object{Type: "bucket", Container: r.bucket, Name: r.bucket}); keys {
	case 0:
		e.Object.Type, e.Object.ID, e.Object.Folder = "batch", out.Join(r.bucket, " ", r.request, r.id), true
	case 1:
		e.Object.Type, e.Object.Name = "object", out.Copy(last)
	default:
		e.Object.Type, e.Object.ID, e.Items = "batch", out.Join(r.bucket, " ", r.request, r.id), int64(keys)
	}
}
