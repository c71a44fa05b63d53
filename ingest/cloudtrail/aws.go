package cloudtrail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/storage"
)

// Kind is the kind aws_cloudtrail. It reads CloudTrail's files in S3, found through
// notifications in a queue or by listing, the events of the LookupEvents API, the digests that
// prove the integrity of files, and S3 server access logs.
var Kind = ingest.Kind{
	Name:   "aws_cloudtrail",
	New:    func() ingest.Opener { return &Config{Fetchers: 8, Visibility: 5 * time.Minute} },
	Direct: true,
}

// Config configures a source of kind aws_cloudtrail. The credentials are those of the AWS SDK:
// environment, profile, web identity or instance. One of QueueURL, Bucket, Lookup and AccessLogs
// is required.
type Config struct {
	storage.Access `yaml:",inline"`

	QueueURL string `yaml:"queue_url"` // SQS queue of notifications about new files, or of events
	Fetchers int    `yaml:"fetchers"`  // files fetched at the same time, from 1 to 64; default 8
	// Visibility is the visibility timeout of received messages, from 1 s to 12 h; default 5 min.
	// It is extended while files are read.
	Visibility time.Duration `yaml:"visibility_timeout"`

	Bucket string `yaml:"bucket"` // bucket of the trail, for older files and those that the queue missed
	Prefix string `yaml:"prefix"` // prefix before AWSLogs/
	Verify bool   `yaml:"verify"` // check digests and the files named in them; needs bucket

	Lookup  bool     `yaml:"lookup"`  // use LookupEvents, for accounts without a trail
	Roles   []string `yaml:"roles"`   // with lookup: a role in each account; the credentials' account if empty
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
	conf, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own := c.Assume(conf, c.RoleARN)
	objects := c.Objects(own)

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
			Source:   newQueue(sqs.NewFromConfig(own), objects, c.QueueURL, c.Visibility, env),
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
		in := c.Assume(conf, role)
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
			return nil, fmt.Errorf("list the regions in use (or set regions): %w", storage.Refused(ctx, "account:ListRegions", err))
		}
		for _, r := range page.Regions {
			regions = append(regions, aws.ToString(r.RegionName))
		}
	}
	slices.Sort(regions)
	return regions, nil
}

// isLog reports whether a key is that of a log file. Digests, insights and logs of other
// services may be in the same bucket.
func isLog(key string) bool {
	return strings.Contains(key, "/CloudTrail/") && (strings.HasSuffix(key, ".json.gz") || strings.HasSuffix(key, ".json"))
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
