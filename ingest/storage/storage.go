package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/outflow/outflow/ingest"
)

// Kind is the kind s3. It reads objects of any format from any bucket.
var Kind = ingest.Kind{
	Name:   "s3",
	New:    func() ingest.Opener { return &Config{Fetchers: 8, Visibility: 5 * time.Minute} },
	Mixed:  true,
	Direct: true,
}

// Config configures a source of kind s3. QueueURL, Bucket or both are required.
type Config struct {
	Access `yaml:",inline"`

	QueueURL string `yaml:"queue_url"` // SQS queue of notifications about new objects, or of records
	Fetchers int    `yaml:"fetchers"`  // objects fetched at the same time, from 1 to 64; default 8
	// Visibility is the visibility timeout of received messages, from 1 s to 12 h; default 5 min.
	// It is extended while objects are read.
	Visibility time.Duration `yaml:"visibility_timeout"`

	Bucket string `yaml:"bucket"` // bucket to list, for older objects and those that the queue missed
	// Prefix is what keys begin with. {yyyy}, {mm} and {dd} in it stand for the parts of a day: then only
	// days are listed in which there may be something new.
	Prefix string `yaml:"prefix"`
}

// Check implements ingest.Opener.
func (c *Config) Check() error {
	switch {
	case c.Fetchers < 1 || c.Fetchers > 64:
		return fmt.Errorf("fetchers: %d: from 1 to 64", c.Fetchers)
	case c.Visibility < time.Second || c.Visibility > 12*time.Hour:
		return fmt.Errorf("visibility_timeout: %s: from 1s to 12h", c.Visibility)
	case c.QueueURL == "" && c.Bucket == "":
		return errors.New("queue_url or bucket is required")
	case strings.ContainsAny(strings.NewReplacer("{yyyy}", "", "{mm}", "", "{dd}", "").Replace(c.Prefix), "{}"):
		return fmt.Errorf("prefix: %q: of what is in braces, {yyyy}, {mm} and {dd} are known", c.Prefix)
	}
	return nil
}

// Without a queue, every sweep goes back two hours, and one a day two days: the time of an object
// that is uploaded in parts is when the upload began. With a queue, objects that it missed are found
// within the day.
var (
	listed     = ingest.SweepPlan{Overlap: 2 * time.Hour, Daily: 48 * time.Hour}
	reconciled = ingest.SweepPlan{Lag: time.Hour, Overlap: 2 * time.Hour, Daily: 48 * time.Hour}
)

// Open implements ingest.Opener.
func (c *Config) Open(ctx context.Context, env ingest.Env) (streams []ingest.Stream, err error) {
	conf, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own := c.Assume(conf, c.RoleARN)
	objects := c.Objects(own)
	if c.QueueURL != "" {
		streams = append(streams, ingest.Stream{
			Name:     "queue",
			Every:    time.Second,
			Parallel: c.Fetchers,
			Source:   c.queue(sqs.NewFromConfig(own), objects, env),
		})
	}
	if c.Bucket != "" {
		sweeps, every := listed, 5*time.Minute
		if c.QueueURL != "" {
			sweeps, every = reconciled, 6*time.Hour
		}
		streams = append(streams, ingest.Stream{
			Name:     "bucket",
			Every:    every,
			Parallel: c.Fetchers,
			Source: &listing{
				objects: objects,
				bucket:  c.Bucket,
				prefix:  c.Prefix,
				since:   env.Since,
				now:     env.Now,
				sweeps:  sweeps,
			},
		})
	}
	return streams, nil
}

// queue returns the queue of notifications. A message that is no notification is a record.
func (c *Config) queue(api *sqs.Client, objects *s3.Client, env ingest.Env) *Queue {
	fixed, _, _ := strings.Cut(c.Prefix, "{")
	return &Queue{
		API:     api,
		URL:     c.QueueURL,
		Now:     env.Now,
		Visible: c.Visibility,
		Log:     env.Log,
		File: func(o Location) *ingest.Body {
			if !strings.HasPrefix(o.Key, fixed) || strings.HasSuffix(o.Key, "/") {
				return nil
			}
			body := version(objects, o)
			return &body
		},
		Message: func(name string, text []byte, _ bool) ingest.Body {
			body := ingest.MemoryBody(name, text)
			body.Final = true
			return body
		},
	}
}

// version returns an object as a body. Another content of the same key is another piece.
func version(api *s3.Client, o Location) ingest.Body {
	body := File(api, o.Bucket, o.Key)
	if o.ETag != "" {
		body.ID += "#" + o.ETag
	}
	body.Open = func(ctx context.Context) (io.ReadCloser, error) {
		out, err := Object(ctx, api, o.Bucket, o.Key)
		if err != nil {
			return nil, err
		}
		if aws.ToString(out.ETag) == "" { // the page of a proxy, say: it must not count as the object
			out.Body.Close()
			return nil, fmt.Errorf("%s: the answer has no ETag: it is not an object", body.Name)
		}
		return out.Body, nil
	}
	return body
}

// listing lists the objects below a prefix, and returns those that were modified in the time of a
// sweep. An object that has been read is not read again.
type listing struct {
	objects *s3.Client
	bucket  string
	prefix  string // with {yyyy}, {mm} and {dd}
	since   time.Time
	now     func() time.Time
	sweeps  ingest.SweepPlan
}

type listingCursor struct {
	ingest.SweepState
	Prefixes []string `json:"prefixes,omitempty"` // still to be listed in this sweep
	Token    string   `json:"token,omitempty"`    // continuation token for the first of them
}

// Fetch implements ingest.Source.
func (l *listing) Fetch(ctx context.Context, cur ingest.Cursor) (page ingest.Page, err error) {
	c, err := ingest.ReadCursor[listingCursor](cur)
	if err != nil {
		return page, err
	}
	if c.To == 0 {
		if _, ok := l.sweeps.Begin(&c.SweepState, l.since, l.now()); !ok {
			page.Next = ingest.WriteCursor(c)
			return page, nil
		}
		c.Prefixes = l.prefixes(c.From, c.To)
	}
	if len(c.Prefixes) > 0 {
		out, err := List(ctx, l.objects, l.bucket, c.Prefixes[0], "", c.Token)
		if err != nil {
			return page, err
		}
		for _, o := range out.Contents {
			key := aws.ToString(o.Key)
			if aws.ToInt64(o.Size) == 0 || aws.ToTime(o.LastModified).UnixMilli() < c.From {
				continue
			}
			page.Bodies = append(page.Bodies, version(l.objects, Location{l.bucket, key, strings.Trim(aws.ToString(o.ETag), `"`)}))
		}
		if c.Token = aws.ToString(out.NextContinuationToken); c.Token == "" {
			c.Prefixes = c.Prefixes[1:]
		}
	}
	if page.More = len(c.Prefixes) > 0; !page.More {
		page.More = l.sweeps.Finish(&c.SweepState, l.now())
	}
	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// prefixes returns what keys begin with of objects that were modified within a time. The day in a
// key may be that of another zone, or that of the records in the object.
func (l *listing) prefixes(from, to int64) (list []string) {
	first, last := time.UnixMilli(from).UTC().AddDate(0, 0, -1), time.UnixMilli(to).UTC().AddDate(0, 0, 1)
	for day := first; ; day = day.AddDate(0, 0, 1) {
		if day.After(last) {
			day = last
		}
		p := strings.NewReplacer("{yyyy}", day.Format("2006"), "{mm}", day.Format("01"), "{dd}", day.Format("02")).Replace(l.prefix)
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
		if day.Equal(last) {
			return list
		}
	}
}
