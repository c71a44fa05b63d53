package cloudtrail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind aws_cloudtrail. It reads CloudTrail's files in S3, found through
// notifications in a queue or by listing, the events of the LookupEvents API, the digests that
// prove the integrity of files, and S3 server access logs.
var Kind = ingest.Kind{
	Name: "aws_cloudtrail",
	New:  func() ingest.Opener { return &Config{Fetchers: 8, Visibility: 5 * time.Minute} },
}

// Config configures a source of kind aws_cloudtrail. The credentials are those of the AWS SDK:
// environment, profile, web identity or instance. One of QueueURL, Bucket, Lookup and AccessLogs
// is required.
type Config struct {
	BaseURL    string `yaml:"base_url"`    // optional; endpoint of all services
	Region     string `yaml:"region"`      // optional; replaces the SDK's default
	RoleARN    string `yaml:"role_arn"`    // optional; role to assume
	ExternalID string `yaml:"external_id"` // for the roles to assume

	QueueURL string `yaml:"queue_url"` // SQS queue of notifications about new files, or of events
	Fetchers int    `yaml:"fetchers"`  // files fetched at the same time, from 1 to 64; default 8
	// Visibility is the visibility timeout of received messages, from 1 s to 12 h; default 5 min.
	// It is extended while files are read.
	Visibility time.Duration `yaml:"visibility_timeout"`

	Bucket string `yaml:"bucket"` // bucket of the trail, for older files and those that the queue missed
	Prefix string `yaml:"prefix"` // prefix before AWSLogs/
	Verify bool   `yaml:"verify"` // check digests and the files named in them; needs Bucket

	Lookup  bool     `yaml:"lookup"`  // use LookupEvents, for accounts without a trail
	Roles   []string `yaml:"roles"`   // with Lookup: a role in each account; the credentials' account if empty
	Regions []string `yaml:"regions"` // optional; only these regions

	AccessLogs       string `yaml:"access_logs"`        // bucket of S3 server access logs
	AccessLogsPrefix string `yaml:"access_logs_prefix"` // prefix of their keys
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	switch {
	case c.Fetchers < 1 || c.Fetchers > 64:
		return fmt.Errorf("fetchers: %d: from 1 to 64", c.Fetchers)
	case c.Visibility < time.Second || c.Visibility > 12*time.Hour:
		return fmt.Errorf("visibility_timeout: %s: from 1s to 12h", c.Visibility)
	case c.QueueURL == "" && c.Bucket == "" && !c.Lookup && c.AccessLogs == "":
		return errors.New("queue_url, bucket, lookup or access_logs is required")
	case c.Verify && c.Bucket == "":
		return errors.New("verify: bucket is required")
	}
	return nil
}

const accessDay = "2006/01/02"

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	conf, err := c.aws(ctx)
	if err != nil {
		return nil, err
	}
	own := c.assume(conf, c.RoleARN)
	objects := s3.NewFromConfig(own, func(o *s3.Options) {
		o.UsePathStyle = c.BaseURL != ""
		o.DisableLogOutputChecksumValidationSkipped = true
	})

	streams := c.objectStreams(own, objects, env)
	if !c.Lookup {
		return streams, nil
	}
	lookups, err := c.lookups(ctx, conf, env)
	return append(streams, lookups...), err
}

// objectStreams returns the streams that read objects of buckets: those named by notifications in a
// queue, those that are listed, digests, and access logs.
func (c *Config) objectStreams(own aws.Config, objects *s3.Client, env ingest.Env) (streams []ingest.Stream) {
	listing := func(sweeps ingest.SweepPlan) *bucket {
		return &bucket{
			objects: objects,
			name:    c.Bucket,
			prefix:  c.Prefix,
			regions: c.Regions,
			since:   env.Since,
			now:     env.Now,
			sweeps:  sweeps,
		}
	}
	if c.QueueURL != "" {
		streams = append(streams, ingest.Stream{
			Name:     "queue",
			Every:    time.Second,
			Parallel: c.Fetchers,
			Source: &queue{
				api:     sqs.NewFromConfig(own),
				objects: objects,
				url:     c.QueueURL,
				now:     env.Now,
				visible: c.Visibility,
				log:     env.Log,
			},
		})
	}

	if c.Bucket != "" {
		sweeps, every := listed, 5*time.Minute
		if c.QueueURL != "" { // finds the files whose notifications were lost
			sweeps, every = reconciled, 6*time.Hour
		}
		streams = append(streams, ingest.Stream{Name: "bucket", Every: every, Parallel: c.Fetchers, Source: listing(sweeps)})
	}

	if c.Verify {
		keys := func(region string) keyLister {
			return trail.NewFromConfig(own, func(o *trail.Options) { o.Region = region })
		}
		streams = append(streams, ingest.Stream{
			Name:   "digests",
			Every:  30 * time.Minute,
			Source: &digests{bucket: listing(verified), keys: keys},
		})
	}

	if c.AccessLogs != "" {
		streams = append(streams, ingest.Stream{
			Name:     "access_logs",
			Every:    15 * time.Minute,
			Parallel: c.Fetchers,
			Source: &accessLogs{
				objects: objects,
				bucket:  c.AccessLogs,
				prefix:  c.AccessLogsPrefix,
				since:   env.Since,
				now:     env.Now,
			},
		})
	}
	return streams
}

// lookups returns a stream of LookupEvents for each role in each of its regions.
func (c *Config) lookups(ctx context.Context, conf aws.Config, env ingest.Env) (streams []ingest.Stream, err error) {
	roles := c.Roles
	if len(roles) == 0 {
		roles = []string{c.RoleARN}
	}
	for _, role := range roles {
		in := c.assume(conf, role)
		regions, err := c.regionsOf(ctx, in)
		if err != nil {
			return nil, err
		}
		name := "lookup"
		if parts := strings.Split(role, ":"); len(parts) > 4 {
			name += " " + parts[4]
		}

		for _, region := range regions {
			api := trail.NewFromConfig(in, func(o *trail.Options) { o.Region = region })
			streams = append(streams, ingest.Stream{
				Name:   name + " " + region,
				Every:  5 * time.Minute,
				Source: &lookup{api: api, since: env.Since, now: env.Now},
			})
		}
	}
	return streams, nil
}

// aws returns the configuration of the SDK.
func (c *Config) aws(ctx context.Context) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(
		awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout, t.MaxIdleConnsPerHost = 90*time.Second, 64
		}))}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.BaseURL != "" {
		options = append(options, config.WithBaseEndpoint(c.BaseURL))
	}
	conf, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return conf, fmt.Errorf("AWS: %w", err)
	}
	if conf.Region == "" {
		conf.Region = "us-east-1"
	}
	return conf, nil
}

// assume returns the configuration with the credentials of a role, if one is named.
func (c *Config) assume(conf aws.Config, role string) aws.Config {
	if role == "" {
		return conf
	}
	out := conf.Copy()
	out.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(conf), role,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "outflow"
			if c.ExternalID != "" {
				o.ExternalID = aws.String(c.ExternalID)
			}
		}))
	return out
}

// regionsOf returns the configured regions, or those that the account uses. Global services
// (IAM, STS) always write to us-east-1.
func (c *Config) regionsOf(ctx context.Context, conf aws.Config) ([]string, error) {
	if len(c.Regions) > 0 {
		return c.Regions, nil
	}
	var regions []string
	pages := account.NewListRegionsPaginator(account.NewFromConfig(conf),
		&account.ListRegionsInput{RegionOptStatusContains: []accounttypes.RegionOptStatus{
			accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault,
		}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the regions in use (or set regions): %w", refused(ctx, "account:ListRegions", err))
		}
		for _, r := range page.Regions {
			regions = append(regions, aws.ToString(r.RegionName))
		}
	}
	slices.Sort(regions)
	return regions, nil
}

// refused turns an error of the SDK into one of webapi.
func refused(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil {
		return cmp.Or(ctx.Err(), err)
	}
	e := &webapi.Error{Op: op, Err: err}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		e.Status = answer.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return e
	}
	e.Text = api.ErrorCode() + ": " + api.ErrorMessage()
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	switch code := api.ErrorCode(); {
	case strings.Contains(code, "Throttl"), code == "SlowDown", code == "RequestLimitExceeded", code == "TooManyRequestsException":
		e.Kind = webapi.Throttled
	case strings.Contains(code, "AccessDenied"), strings.Contains(code, "Unauthorized"), strings.HasPrefix(code, "KMS."):
		e.Kind = webapi.Denied
	case strings.Contains(code, "ExpiredToken"), strings.Contains(code, "InvalidClientTokenId"), code == "SignatureDoesNotMatch",
		code == "InvalidAccessKeyId", code == "UnrecognizedClientException":
		e.Kind = webapi.Unauthorized
	case api.ErrorFault() == smithy.FaultClient:
		e.Kind = webapi.Refused
	}
	return e
}

// object opens an object. One that no longer exists or is archived is a gap.
func object(ctx context.Context, api *s3.Client, bucket, key string) (*s3.GetObjectOutput, error) {
	out, err := api.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		return out, nil
	}
	var gone *s3types.NoSuchKey
	var archived *s3types.InvalidObjectState
	switch {
	case errors.As(err, &gone):
		return nil, &ingest.Gap{Reason: "s3://" + bucket + "/" + key + " is gone"}
	case errors.As(err, &archived):
		return nil, &ingest.Gap{Reason: "s3://" + bucket + "/" + key + " is archived: restore it and reset the state of the source"}
	}
	e := refused(ctx, "s3:GetObject "+bucket+"/"+key, err)
	if webapi.Is(e, webapi.Denied) {
		e = fmt.Errorf("%w (s3:GetObject, or kms:Decrypt where the trail has a key, may be missing)", e)
	}
	return nil, e
}

// file returns a log file as a body.
func file(api *s3.Client, bucket, key string) ingest.Body {
	name := "s3://" + bucket + "/" + key
	return ingest.Body{ID: name, Name: name, Open: func(ctx context.Context) (io.ReadCloser, error) {
		out, err := object(ctx, api, bucket, key)
		if err != nil {
			return nil, err
		}
		return out.Body, nil
	}}
}

// isLog reports whether a key is that of a log file. Digests, insights and logs of other
// services may be in the same bucket.
func isLog(key string) bool {
	return strings.Contains(key, "/CloudTrail/") && (strings.HasSuffix(key, ".json.gz") || strings.HasSuffix(key, ".json"))
}

// listing lists a page of the keys with a prefix, after a key.
func listing(ctx context.Context, api *s3.Client, bucket, prefix, after, token string) (*s3.ListObjectsV2Output, error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}
	if token != "" {
		in.ContinuationToken = &token
	} else if after != "" {
		in.StartAfter = &after
	}
	out, err := api.ListObjectsV2(ctx, in)
	return out, refused(ctx, "s3:ListBucket "+bucket+"/"+prefix, err)
}

// listPrefixes returns the folders below a prefix.
func listPrefixes(ctx context.Context, api *s3.Client, bucket, prefix string) (names []string, err error) {
	pages := s3.NewListObjectsV2Paginator(api, &s3.ListObjectsV2Input{
		Bucket:    &bucket,
		Prefix:    &prefix,
		Delimiter: aws.String("/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, refused(ctx, "s3:ListBucket "+bucket+"/"+prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), prefix), "/"))
		}
	}
	return names, nil
}

// days returns the days from one time to another, as in the keys of files.
func days(from, to int64) (list []string) {
	for at := from; ; at += 24 * time.Hour.Milliseconds() {
		at = min(at, to)
		if d := time.UnixMilli(at).UTC().Format(accessDay); len(list) == 0 || list[len(list)-1] != d {
			list = append(list, d)
		}
		if at == to {
			return list
		}
	}
}

// lines returns records as a body with one on each line.
func lines(name string, recs [][]byte) ingest.Body {
	return ingest.MemoryBody(name, append(bytes.Join(recs, []byte("\n")), '\n'))
}
